//! A ledger as plain data, so that it can go to another process. It holds the values that pseudonyms stand
//! for: whoever carries it seals it.

use std::collections::BTreeMap;

use decostop_profile::Class;
use serde::{Deserialize, Serialize};

use super::{FieldTally, Ledger};
use crate::rules::intern;

/// A [`Ledger`] as plain data, in an order that depends on nothing but what it says. `Debug` tells counts
/// only.
#[derive(Default, Deserialize, Serialize)]
pub struct Told {
    /// Source, place in it, name; kept, replaced, dropped.
    fields: Vec<(u32, u32, String, [u64; 3])>,
    unknown: BTreeMap<String, u64>,
    notes: BTreeMap<String, u64>,
    pseudonyms: Vec<(String, Class, String)>,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Told(<{} pseudonyms>)", self.pseudonyms.len())
    }
}

impl Ledger {
    /// What the ledger says, to be carried elsewhere.
    pub fn export(&self) -> Told {
        let mut fields = Vec::new();
        for (source, places) in (0..).zip(&self.fields) {
            for (slot, told) in (0..).zip(places) {
                if let Some(name) = &told.name {
                    let FieldTally {
                        kept,
                        replaced,
                        dropped,
                    } = told.tally;
                    fields.push((source, slot, name.to_string(), [kept, replaced, dropped]));
                }
            }
        }
        Told {
            fields,
            unknown: self
                .unknown
                .iter()
                .map(|(name, count)| (name.clone(), *count))
                .collect(),
            notes: self
                .notes
                .iter()
                .map(|(note, count)| ((*note).to_owned(), *count))
                .collect(),
            pseudonyms: self.values.iter().cloned().collect(),
        }
    }

    /// Adds what another process told, as [`Ledger::merge`] would. `places` bounds the places of a source:
    /// what lies beyond is no ledger of the same profile, and answered with `false`.
    pub fn import(&mut self, told: Told, sources: usize, places: usize) -> bool {
        for (source, slot, name, [kept, replaced, dropped]) in told.fields {
            let (source, slot) = (source as usize, slot as usize);
            if source >= sources || slot >= places {
                return false;
            }
            let (_, held) = self.told(source, (slot, &name));
            held.kept += kept;
            held.replaced += replaced;
            held.dropped += dropped;
        }
        for (name, count) in told.unknown {
            *self.unknown.entry(name).or_default() += count;
        }
        for (note, count) in told.notes {
            *self.notes.entry(intern(&note)).or_default() += count;
        }
        self.values.extend(told.pseudonyms);
        true
    }
}
