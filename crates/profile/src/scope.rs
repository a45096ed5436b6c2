//! What a customer owns: the plain data of a request's `[scope]`.

use serde::{Deserialize, Serialize};

/// A namespace of the scope, with everything below it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceScope {
    /// Full path, compared case-insensitively.
    pub path: String,
    /// Numeric id, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Owned from this instant on (RFC 3339); always if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Owned until this instant (RFC 3339, exclusive); still if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Earlier paths of the same namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formerly: Vec<String>,
}

/// A project of the scope.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectScope {
    /// Full path, compared case-insensitively; empty if only the id is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Numeric id, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Owned from this instant on (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Owned until this instant (RFC 3339, exclusive).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Earlier paths of the same project.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formerly: Vec<String>,
}

/// A user of the scope.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UserScope {
    /// User name, compared case-insensitively; empty if only the id is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// Numeric id, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Addresses of the user, compared case-insensitively.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<String>,
    /// Display names of the user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// A member from this instant on (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// A member until this instant (RFC 3339, exclusive).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Earlier user names of the same user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formerly: Vec<String>,
}

/// The accounts that belong to the customer; everything else is foreign.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Namespaces with everything below them.
    #[serde(default)]
    pub namespaces: Vec<NamespaceScope>,
    /// Single projects.
    #[serde(default)]
    pub projects: Vec<ProjectScope>,
    /// Users.
    #[serde(default)]
    pub users: Vec<UserScope>,
}
