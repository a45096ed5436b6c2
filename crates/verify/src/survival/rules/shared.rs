//! The rules that redactor and verifier share, by an engine of this crate's own.
//!
//! A view is passed over once: three bytes at a time in a bitmap, then in a table, tell where a literal stands
//! that some pattern needs. What it costs does not depend on the number of rules. A pattern whose literal
//! is there runs over the whole view; it is compiled then, and never if it is never needed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use decostop_profile::{Rule, RuleSet, Validator};
use foldhash::fast::RandomState;
use regex::bytes::{Regex, RegexBuilder};

use super::check::Match;
use super::needs::{Bytes, Needs};
use crate::closure::BLANK;
use crate::error::Error;
use crate::internal::Internal;

/// What is known of a built-in rule since this crate was built.
struct Known {
    pattern: &'static str,
    literals: &'static [&'static [u8]],
    bytes: &'static [Bytes],
}

/// Of each built-in rule, in their order.
#[expect(clippy::unreadable_literal, reason = "bits that `build.rs` wrote")]
static KNOWN: &[Known] = include!(concat!(env!("OUT_DIR"), "/needs.rs"));

/// What a view may cost one rule beyond its length, in bytes looked at again behind matches that were none.
const MAX_AGAIN_BYTES: usize = 1 << 20;

/// The finding when a rule could not be run, or not to its end.
const UNDECIDABLE: &str = "undecidable";

/// Shared rules, made ready when a first view is held against them: a dive without any pays nothing.
pub(super) struct Shared {
    given: Option<Arc<RuleSet>>,
    index: OnceLock<Index>,
}

impl Shared {
    pub(super) fn built_in() -> Self {
        Self {
            given: None,
            index: OnceLock::new(),
        }
    }

    pub(super) fn new(rules: Arc<RuleSet>) -> Result<Self, Error> {
        let index = Index::new(&rules);
        if let Some(rule) = index.rules.iter().find(|rule| !rule.is_sound) {
            return Err(Error::rule(&rule.id));
        }
        Ok(Self {
            given: Some(rules),
            index: OnceLock::from(index),
        })
    }

    pub(super) fn index(&self) -> &Index {
        let load = || self.given.clone().unwrap_or_else(RuleSet::builtin);
        self.index.get_or_init(|| Index::new(&load()))
    }

    pub(super) fn find(&self, view: &str, internal: &Internal) -> Option<&str> {
        self.index().find(view, internal)
    }
}

pub(super) struct Index {
    rules: Vec<Compiled>,
    grams: Grams,
    /// Rules without a literal.
    bare: Vec<usize>,
}

struct Compiled {
    id: Box<str>,
    pattern: Box<str>,
    validators: Box<[Validator]>,
    needs: Cow<'static, [Bytes]>,
    is_sound: bool,
    regex: OnceLock<Option<Regex>>,
}

impl Index {
    pub(super) fn new(set: &RuleSet) -> Self {
        let mut index = Self {
            rules: Vec::with_capacity(set.rules.len()),
            grams: Grams::default(),
            bare: Vec::new(),
        };
        let mut literals = Vec::new();
        for (nth, rule) in set.rules.iter().enumerate() {
            let known = KNOWN.get(nth).filter(|known| known.pattern == rule.pattern);
            let (compiled, needs) = Compiled::new(rule, known);
            index.rules.push(compiled);
            if needs.is_empty() {
                index.bare.push(nth);
            } else {
                literals.extend(needs.into_iter().map(|literal| (literal, nth)));
            }
        }
        index.grams = Grams::new(literals);
        index
    }

    fn find(&self, view: &str, internal: &Internal) -> Option<&str> {
        let bytes = view.as_bytes();
        let mut called = Vec::new();
        self.grams.each(bytes, &mut |rules| {
            for rule in rules {
                if !called.contains(rule) {
                    called.push(*rule);
                }
            }
        });
        called.extend_from_slice(&self.bare);
        if called.is_empty() {
            return None;
        }
        let held = Bytes::of(bytes);
        let may_match = |rule: &Compiled| rule.needs.iter().all(|set| set.meets(&held));
        called.retain(|&nth| self.rules.get(nth).is_some_and(may_match));
        called.sort_unstable();
        let mut called = called.into_iter().filter_map(|nth| self.rules.get(nth));
        called.find_map(|rule| rule.find(bytes, internal))
    }

    #[cfg(test)]
    pub(super) fn bare(&self) -> Vec<&str> {
        let rules = self.bare.iter().filter_map(|&nth| self.rules.get(nth));
        rules.map(|rule| &*rule.id).collect()
    }

    /// How many patterns were compiled.
    #[cfg(test)]
    pub(super) fn compiled(&self) -> usize {
        self.rules
            .iter()
            .filter(|rule| rule.regex.get().is_some())
            .count()
    }
}

impl Compiled {
    fn new(rule: &Rule, known: Option<&'static Known>) -> (Self, Vec<Cow<'static, [u8]>>) {
        let (needs, literals) = if let Some(known) = known {
            let literals = known.literals.iter().copied().map(Cow::Borrowed);
            (Some(Cow::Borrowed(known.bytes)), literals.collect())
        } else {
            let needs = Needs::of_pattern(&rule.pattern);
            let (bytes, literals) = needs.map(|needs| (needs.bytes, needs.literals)).unzip();
            let literals = literals.into_iter().flatten().map(Cow::Owned);
            (bytes.map(Cow::Owned), literals.collect())
        };
        let compiled = Self {
            id: rule.id.as_str().into(),
            pattern: rule.pattern.as_str().into(),
            validators: rule.validators.as_slice().into(),
            is_sound: needs.is_some(),
            needs: needs.unwrap_or_default(),
            regex: OnceLock::new(),
        };
        (compiled, literals)
    }

    fn regex(&self) -> Option<&Regex> {
        let build = || RegexBuilder::new(&self.pattern).unicode(false).build().ok();
        self.regex.get_or_init(build).as_ref()
    }

    fn find(&self, view: &[u8], internal: &Internal) -> Option<&str> {
        let Some(regex) = self.regex() else {
            return Some(UNDECIDABLE);
        };
        if self.validators.is_empty() && !view.contains(&(BLANK as u8)) {
            return regex.is_match(view).then_some(&*self.id);
        }
        let mut from = 0;
        let mut again = 0;
        while let Some(found) = (from <= view.len())
            .then(|| regex.captures_at(view, from))
            .flatten()
        {
            let whole = found.get(0)?;
            let group = found.get(1);
            let part = group.unwrap_or(whole);
            let part = Match {
                text: view,
                start: part.start(),
                end: part.end(),
            };
            let holds = |validator: &Validator| part.is(*validator, internal);
            if self.validators.iter().all(holds) && !is_proven(regex, part, group.is_some()) {
                return Some(&self.id);
            }
            // A match may swallow the start of the next one.
            from = whole.start() + 1;
            again += whole.len();
            if again > MAX_AGAIN_BYTES {
                return Some(UNDECIDABLE);
            }
        }
        None
    }
}

/// Whether what was found is a blank, where a value stood that was proven, and nothing besides.
fn is_proven(regex: &Regex, part: Match<'_>, is_group: bool) -> bool {
    let found = part.text.get(part.start..part.end).unwrap_or_default();
    let is_edge =
        |byte: &u8| *byte == BLANK as u8 || byte.is_ascii_whitespace() || b"\"'`,.;:)]}".contains(byte);
    let rest = found.len() - found.iter().rev().take_while(|byte| is_edge(byte)).count();
    let blanked = found.get(rest..).unwrap_or_default().contains(&(BLANK as u8));
    if !blanked {
        return false;
    }
    if is_group {
        return rest == 0;
    }
    // What stands before the blank is found for its own sake, or it is not.
    let before = part.text.get(..part.start + rest).unwrap_or_default();
    regex
        .find_at(before, part.start)
        .is_none_or(|found| found.start() != part.start)
}

/// Literals by three bytes of them.
#[derive(Default)]
struct Grams {
    /// Bit `hash(gram)`: whether there may be an entry.
    bits: Vec<u64>,
    shift: u32,
    entries: HashMap<u32, Vec<Entry>, RandomState>,
    /// Whether there are literals of two bytes.
    has_pairs: bool,
}

struct Entry {
    literal: Cow<'static, [u8]>,
    /// Where the gram begins in the literal.
    at: usize,
    rules: Vec<usize>,
}

/// Marks two bytes.
const PAIR: u32 = 1 << 24;

impl Grams {
    fn new(literals: Vec<(Cow<'static, [u8]>, usize)>) -> Self {
        let mut rules_of: HashMap<Cow<'static, [u8]>, Vec<usize>, RandomState> = HashMap::default();
        for (literal, rule) in literals {
            rules_of.entry(literal).or_default().push(rule);
        }
        // Some thirty times as many bits as entries, so that few grams of a text are looked up.
        let size = (rules_of.len() * 32).next_power_of_two().clamp(1 << 12, 1 << 20);
        let mut grams = Self {
            bits: vec![0; size / 64],
            shift: u32::BITS - size.trailing_zeros(),
            ..Self::default()
        };
        for (literal, rules) in rules_of {
            let (gram, at) = rarest(&literal);
            grams.has_pairs |= gram & PAIR != 0;
            let bit = grams.bit(gram);
            if let Some(word) = grams.bits.get_mut(bit >> 6) {
                *word |= 1 << (bit & 63);
            }
            grams
                .entries
                .entry(gram)
                .or_default()
                .push(Entry { literal, at, rules });
        }
        grams
    }

    fn bit(&self, gram: u32) -> usize {
        (gram.wrapping_mul(0x9E37_79B1) >> self.shift) as usize
    }

    fn may_have(&self, gram: u32) -> bool {
        let bit = self.bit(gram);
        self.bits
            .get(bit >> 6)
            .is_some_and(|word| word >> (bit & 63) & 1 == 1)
    }

    /// The rules of each literal in a text, perhaps more than once.
    fn each(&self, text: &[u8], call: &mut dyn FnMut(&[usize])) {
        if self.entries.is_empty() {
            return;
        }
        let mut gram = 0;
        for (nth, byte) in text.iter().enumerate() {
            gram = (gram << 8 | u32::from(byte.to_ascii_lowercase())) & 0x00ff_ffff;
            if self.may_have(gram) && nth >= 2 {
                self.at(text, gram, nth - 2, call);
            }
            let pair = gram & 0xffff | PAIR;
            if self.has_pairs && nth >= 1 && self.may_have(pair) {
                self.at(text, pair, nth - 1, call);
            }
        }
    }

    fn at(&self, text: &[u8], gram: u32, place: usize, call: &mut dyn FnMut(&[usize])) {
        for entry in self.entries.get(&gram).into_iter().flatten() {
            let stands = place.checked_sub(entry.at).is_some_and(|start| {
                text.get(start..start + entry.literal.len())
                    .is_some_and(|found| found.eq_ignore_ascii_case(&entry.literal))
            });
            if stands {
                call(&entry.rules);
            }
        }
    }
}

/// Three bytes of a literal that few texts hold, or its only two, and where they begin.
fn rarest(literal: &[u8]) -> (u32, usize) {
    let common = |byte: &u8| match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 4,
        b'l' | b'c' | b'd' | b'u' | b'p' | b'm' | b'/' | b'.' | b'_' | b'-' | b' ' => 3,
        b'a'..=b'z' | b'0'..=b'9' => 2,
        _ => 1,
    };
    let code = |bytes: &[u8]| bytes.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
    let triples = literal.windows(3).zip(0..);
    let best = triples.min_by_key(|(bytes, _)| bytes.iter().map(common).product::<u32>());
    best.map_or((code(literal) | PAIR, 0), |(bytes, at)| (code(bytes), at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_when_this_crate_was_built_is_what_is_read_now() {
        let rules = &RuleSet::builtin().rules;
        assert_eq!(rules.len(), KNOWN.len());
        for (rule, known) in rules.iter().zip(KNOWN) {
            assert_eq!(rule.pattern, known.pattern);
            let needs = Needs::of_pattern(&rule.pattern).expect("a sound pattern");
            assert_eq!(needs.literals, known.literals, "{}", rule.id);
            assert_eq!(needs.bytes, known.bytes, "{}", rule.id);
        }
    }
}
