//! What was learned as plain data, so that it can go to another process. It holds foreign values: whoever
//! carries it seals it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{AddressFact, Learner, Paired, Pairing, join_pairing};
use crate::identity::Ident;

/// A [`Learner`] as plain data, in an order that depends on nothing but what was learned. `Debug` tells
/// counts only.
#[derive(Default, Deserialize, Serialize)]
pub struct Learned {
    usernames: Vec<(String, u64)>,
    names: Vec<(String, u64)>,
    emails: Vec<(String, u64)>,
    contradicted: Vec<Ident>,
    /// Id, seen with names inside, seen with names outside.
    user_ids: Vec<(u64, bool, bool)>,
    paths: Vec<(String, u64, u64)>,
    project_ids: Vec<(u64, bool, bool)>,
    namespace_ids: Vec<(u64, bool, bool)>,
    addresses: Vec<(IpAddr, bool, bool)>,
    impersonation: Vec<(Ident, Vec<(i64, bool)>)>,
    overflow: bool,
}

impl std::fmt::Debug for Learned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Learned(<{} names>)", self.usernames.len() + self.names.len())
    }
}

impl Learned {
    /// Whether there was more than the limit allows: what is known then depends on the order.
    pub fn is_over(&self) -> bool {
        self.overflow
    }
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values
}

impl Learner {
    /// What was learned, to be carried elsewhere.
    pub fn export(&self) -> Learned {
        let texts = |map: &super::TextMap<u64>| sorted(map.iter().map(|(text, id)| (text.to_owned(), *id)));
        let pairs = |map: &super::Map<u64, Pairing>| {
            sorted(
                map.iter()
                    .map(|(id, pairing)| (*id, pairing.inside, pairing.outside)),
            )
        };
        let paths = self.paths.iter();
        let addresses = self.addresses.iter();
        let impersonation = self.impersonation.iter().map(|(ident, times)| {
            let mut times = sorted(times.iter().copied());
            times.dedup();
            (ident.clone(), times)
        });
        Learned {
            usernames: texts(&self.usernames),
            names: texts(&self.names),
            emails: texts(&self.emails),
            contradicted: sorted(self.contradicted.iter().cloned()),
            user_ids: pairs(&self.user_ids),
            paths: sorted(paths.map(|(path, paired)| (path.to_owned(), paired.project, paired.namespace))),
            project_ids: pairs(&self.project_ids),
            namespace_ids: pairs(&self.namespace_ids),
            addresses: sorted(addresses.map(|(address, fact)| (*address, fact.own, fact.foreign))),
            impersonation: sorted(impersonation),
            overflow: self.overflow,
        }
    }

    /// Takes up what another process learned, as [`Learner::merge`] would. `limit` as in [`Learner::new`].
    pub fn import(learned: Learned, limit: usize) -> Self {
        let mut learner = Self::new(limit);
        let mut is_full = false;
        for (map, texts) in [
            (&mut learner.usernames, learned.usernames),
            (&mut learner.names, learned.names),
            (&mut learner.emails, learned.emails),
        ] {
            for (text, id) in texts {
                is_full |= map.entry(&text).map(|held| *held = id).is_none();
            }
        }
        for (path, project, namespace) in learned.paths {
            let paired = Paired { project, namespace };
            is_full |= learner.paths.entry(&path).map(|held| *held = paired).is_none();
        }
        for (map, pairs) in [
            (&mut learner.user_ids, learned.user_ids),
            (&mut learner.project_ids, learned.project_ids),
            (&mut learner.namespace_ids, learned.namespace_ids),
        ] {
            for (id, inside, outside) in pairs {
                join_pairing(map.entry(id).or_default(), Pairing { inside, outside });
            }
        }
        learner.contradicted.extend(learned.contradicted);
        let addresses = learned.addresses.into_iter();
        learner
            .addresses
            .extend(addresses.map(|(address, own, foreign)| (address, AddressFact { own, foreign })));
        learner.impersonation.extend(learned.impersonation);
        learner.overflow = is_full || learned.overflow || learner.len() > limit;
        learner
    }
}
