//! What a verification rests on: the request's scope and key, and what the dive learned.

use std::fmt;

use decostop_profile::{Class, Scope, Values};

/// The facts of one request. `Debug` tells counts only.
#[derive(Clone, Default)]
pub struct Ground {
    /// The accounts that belong to the customer.
    pub scope: Scope,
    /// Whether the request asks for the personal data of its own accounts.
    pub personal_data: bool,
    /// Correlation ids that a select names; only these appear as they are.
    pub correlation_ids: Vec<String>,
    /// Credential ids that a select names; only these appear as they are.
    pub token_ids: Vec<String>,
    /// Identities the dive met that are not in scope.
    pub foreign: Values,
    /// Ids and paths that are in scope though the request does not list them.
    pub linked: Vec<(Class, String)>,
    /// The key of the request's pseudonyms.
    pub request_key: [u8; 32],
}

impl fmt::Debug for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scope {
            namespaces,
            projects,
            users,
        } = &self.scope;
        f.debug_struct("Ground")
            .field("namespaces", &namespaces.len())
            .field("projects", &projects.len())
            .field("users", &users.len())
            .field("personal_data", &self.personal_data)
            .field("foreign", &self.foreign.len())
            .field("linked", &self.linked.len())
            .finish_non_exhaustive()
    }
}
