//! Survival: does anything foreign, secret or internal live on in what is left?
//!
//! Everything that closure could not prove is decoded in every way that a reader could decode it
//! (`views`), cut into words and probed against the foreign set (`foreign`), and held against the
//! detectors (`rules`): those that the dive was given, and this crate's own.

mod foreign;
mod memory;
mod rules;
mod views;

pub(crate) use foreign::{Foreign, Probe};
pub use memory::Memory;
pub(crate) use rules::Rules;

use crate::closure::{Closed, Residue};
use crate::leak::Leak;
use crate::verifier::Verifier;

/// Longest text that is looked through; more than any message.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// What to look for in a text.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// Foreign identities that are plain numbers count.
    pub(crate) numbers: bool,
    /// `_` and `-` are part of a word.
    pub(crate) code: bool,
}

impl Verifier {
    /// The residues of a record, in order.
    pub(crate) fn survival(
        &self,
        closed: &Closed<'_, '_>,
        derived: Option<&Foreign>,
        memory: &mut Memory,
    ) -> Result<(), Leak> {
        let clean = memory.of(&self.foreign, derived);
        for (position, residue) in &closed.residues {
            let (text, code) = match residue {
                Residue::None => continue,
                Residue::Code(text) => (text, true),
                Residue::Text(text) => (text, false),
            };
            if clean.has(text, code) {
                continue;
            }
            if let Some(rule) = self.survives_in(text, Look { numbers: true, code }, derived) {
                return Err(Leak::new(rule, self.place_of(closed, *position)));
            }
            clean.add(text, code);
        }
        Ok(())
    }

    /// The rule of the first thing that lives on in a name.
    pub(crate) fn survives_key(&self, name: &str) -> Option<String> {
        self.survives(
            name,
            Look {
                numbers: true,
                code: false,
            },
        )
    }

    /// The rule of the first thing that lives on in a text, in any view.
    pub(crate) fn survives(&self, text: &str, look: Look) -> Option<String> {
        self.survives_in(text, look, None)
    }

    fn survives_in(&self, text: &str, look: Look, derived: Option<&Foreign>) -> Option<String> {
        if text.len() > MAX_TEXT_BYTES {
            return Some("survival.undecidable".to_owned());
        }
        let mut found = None;
        let complete = views::each(text, &mut |view, decoded| {
            found = self.in_view(view, decoded, look, derived);
            found.is_none()
        });
        found.or_else(|| (!complete).then(|| "survival.undecidable".to_owned()))
    }

    fn in_view(&self, view: &str, decoded: bool, look: Look, derived: Option<&Foreign>) -> Option<String> {
        let probe = Probe {
            numbers: look.numbers,
            code: look.code && !decoded,
            decoded,
        };
        if let Some(class) = self.foreign.find(view, probe) {
            return Some(format!("survival.foreign.{}", class.as_str()));
        }
        if let Some(class) = derived.and_then(|derived| derived.find(view, probe)) {
            return Some(format!("survival.derived.{}", class.as_str()));
        }
        self.rules
            .find(view, &self.internal)
            .map(|rule| format!("survival.{rule}"))
    }
}
