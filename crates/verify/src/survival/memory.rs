//! Texts that were looked through before.
//!
//! What lives on in a text depends on nothing but the text, the verifier and the way to look, and the
//! residues of a log are the same few over and over: statuses, events, paths whose names are blanked.

use std::collections::HashSet;
use std::fmt;

use foldhash::fast::RandomState;

use super::Foreign;

/// Bytes of texts that are held; with more of them it begins anew.
const MAX_BYTES: usize = 1 << 20;
/// Longer texts do not come twice.
const MAX_TEXT_BYTES: usize = 1 << 10;

/// What one worker remembers from record to record: texts in which one verifier found nothing. Makes
/// [`check_with_memory`](crate::Verifier::check_with_memory) faster and changes no answer. Another
/// verifier does not see what the first one left.
#[derive(Default)]
pub struct Memory {
    /// The sets of foreign values that the texts were held against.
    of: Option<(u64, Option<u64>)>,
    clean: Clean,
}

/// Texts without a finding, as a whole and with their way to look.
#[derive(Default)]
pub(crate) struct Clean {
    text: HashSet<Box<str>, RandomState>,
    code: HashSet<Box<str>, RandomState>,
    bytes: usize,
}

impl Memory {
    /// What is known under these sets of foreign values.
    pub(crate) fn of(&mut self, foreign: &Foreign, derived: Option<&Foreign>) -> &mut Clean {
        let of = Some((foreign.stamp(), derived.map(Foreign::stamp)));
        if self.of != of {
            *self = Self {
                of,
                clean: Clean::default(),
            };
        }
        &mut self.clean
    }
}

impl Clean {
    pub(crate) fn has(&self, text: &str, code: bool) -> bool {
        let held = if code { &self.code } else { &self.text };
        held.contains(text)
    }

    pub(crate) fn add(&mut self, text: &str, code: bool) {
        if text.len() > MAX_TEXT_BYTES {
            return;
        }
        if self.bytes > MAX_BYTES {
            *self = Self::default();
        }
        // With what a text costs in the table.
        self.bytes += text.len() + 48;
        let held = if code { &mut self.code } else { &mut self.text };
        held.insert(text.into());
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory(<{} bytes>)", self.clean.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn another_set_of_foreign_values_knows_nothing() {
        let (verifier, other) = (testing::verifier(true), testing::verifier(true));
        let mut memory = Memory::default();
        memory.of(&verifier.foreign, None).add("a text", false);
        assert!(memory.of(&verifier.foreign, None).has("a text", false));
        assert!(!memory.of(&verifier.foreign, None).has("a text", true));
        assert!(
            !memory
                .of(&verifier.foreign, Some(&other.foreign))
                .has("a text", false)
        );
        assert!(!memory.of(&verifier.foreign, None).has("a text", false));
        memory.of(&verifier.foreign, None).add("a text", false);
        assert!(!memory.of(&other.foreign, None).has("a text", false));
    }

    #[test]
    fn it_is_bounded() {
        let verifier = testing::verifier(true);
        let mut memory = Memory::default();
        for n in 0..40_000 {
            memory
                .of(&verifier.foreign, None)
                .add(&format!("text no. {n}"), n % 2 == 0);
            assert!(memory.clean.bytes <= MAX_BYTES + MAX_TEXT_BYTES + 48);
        }
        let long = "a".repeat(MAX_TEXT_BYTES + 1);
        memory.of(&verifier.foreign, None).add(&long, false);
        assert!(!memory.of(&verifier.foreign, None).has(&long, false));
    }
}
