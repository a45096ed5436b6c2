//! Where in a buffer a needle may stand, or an escape that could hide one.
//!
//! A dive looks at every decoded byte exactly here, so this has to cost little beside decompression.
//! Needles are runs of [plain](is_plain) characters and stand in any ASCII case; an escape is
//! `\u00XX` or `%XX` that stands for a plain character, or for `\` or `%`, which begin escapes.
//!
//! ```
//! # use decostop_search::{Hit, Searcher};
//! let searcher = Searcher::new(&["acme", "mallory"]);
//! let mut scan = searcher.scan(br#"{"path":"Acme/x"} %61"#);
//! assert_eq!(scan.next(0, &mut |_, _| true), Some(Hit::Needle { at: 9 }));
//! assert_eq!(scan.next(13, &mut |_, _| true), Some(Hit::Escape { at: 18 }));
//! assert_eq!(scan.next(21, &mut |_, _| true), None);
//! ```
//!
//! ```text
//! few needles and the escapes   `fingerprint`: four bytes at a time against eight buckets, in vectors
//! some dozens of short ones     the same, a pass for each twenty
//! many needles                  `grams`: only every n-th position, if all are long enough
//!                               `aho_corasick`: else
//! ```
//!
//! Not for: lines, or what a hit means.

#![expect(
    unsafe_code,
    reason = "vector loads, and calls of code for the processor at hand"
)]

mod fingerprint;
mod grams;

use std::fmt;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use fingerprint::{Cursor, Fingerprints};
use grams::Grams;

/// Needles that share the pass for the escapes; with more, its buckets let too much through.
const MAX_FINGERPRINTS: usize = 24;

/// Of more needles, those that share a pass, and the most passes: beyond, a probe every few bytes is
/// quicker.
const PASS_NEEDLES: usize = 20;
const MAX_PASSES: usize = 3;

/// Bytes of needles up to which the automaton is a table: about 300 bytes of memory for each.
const MAX_DFA_BYTES: usize = 128 << 10;

/// Whether needles may hold this byte: ASCII letters, digits, `-`, `_` and `.`. No writer of JSON or of
/// URLs needs to escape any of them.
pub const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Something found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hit {
    /// An escape begins here that stands for a plain character, `\` or `%`.
    Escape {
        /// Offset of its first byte.
        at: usize,
    },
    /// A needle stands here, in some case.
    Needle {
        /// Offset of its first byte.
        at: usize,
    },
}

impl Hit {
    /// Offset of the first byte of what was found.
    pub fn at(self) -> usize {
        match self {
            Self::Escape { at } | Self::Needle { at } => at,
        }
    }
}

/// Needles, compiled.
#[derive(Debug)]
pub struct Searcher {
    /// Escapes, and needles while they are few.
    fingerprints: Vec<Fingerprints>,
    many: Option<Many>,
}

#[derive(Debug)]
enum Many {
    Automaton(Box<AhoCorasick>),
    Grams(Grams),
}

impl Searcher {
    /// Compiles needles of plain characters in lower case, none of them empty.
    pub fn new(needles: &[&str]) -> Self {
        let numbered: Vec<(usize, &str)> = needles.iter().copied().enumerate().collect();
        let at_least = |length| -> (Vec<_>, Vec<_>) {
            let all = numbered.iter().copied();
            all.partition(|(_, text): &(usize, &str)| text.len() >= length)
        };
        let (far, near) = at_least(grams::FAR_LENGTH);
        let (long, short) = at_least(grams::MIN_LENGTH);
        let (few, many) = if numbered.len() <= 2 * PASS_NEEDLES {
            (numbered, None)
        } else if near.len() <= MAX_PASSES * PASS_NEEDLES {
            (near, Some(far))
        } else if short.len() <= MAX_FINGERPRINTS {
            (short, Some(long))
        } else if let Some(automaton) = automaton(needles) {
            return Self {
                fingerprints: vec![Fingerprints::new(&[], true)],
                many: Some(Many::Automaton(Box::new(automaton))),
            };
        } else {
            (numbered, None)
        };
        let each = if few.len() <= MAX_FINGERPRINTS {
            MAX_FINGERPRINTS
        } else {
            few.len()
                .div_ceil(few.len().div_ceil(PASS_NEEDLES).min(MAX_PASSES))
        };
        let (first, others) = few.split_at_checked(each).unwrap_or((&few, &[]));
        let others = others.chunks(each).map(|few| Fingerprints::new(few, false));
        Self {
            fingerprints: std::iter::once(Fingerprints::new(first, true))
                .chain(others)
                .collect(),
            many: many
                .filter(|many| !many.is_empty())
                .map(|many| Many::Grams(Grams::new(&many))),
        }
    }

    /// Whether a needle stands in a text, whatever escapes it has; `confirm` as for [`Scan::next`].
    pub fn holds(&self, text: &[u8], confirm: &mut dyn FnMut(usize, usize) -> bool) -> bool {
        let mut scan = self.scan(text);
        scan.cursors = [Cursor::for_needles(); MAX_PASSES];
        scan.next(0, confirm).is_some()
    }

    /// Begins to search a buffer.
    pub fn scan<'s>(&'s self, text: &'s [u8]) -> Scan<'s> {
        Scan {
            searcher: self,
            text,
            cursors: std::array::from_fn(|pass| {
                if pass == 0 {
                    Cursor::default()
                } else {
                    Cursor::for_needles()
                }
            }),
            few: [Pending::Unknown; MAX_PASSES],
            many: Pending::Unknown,
        }
    }
}

fn automaton(needles: &[&str]) -> Option<AhoCorasick> {
    let bytes: usize = needles.iter().map(|text| text.len()).sum();
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind((bytes <= MAX_DFA_BYTES).then_some(AhoCorasickKind::DFA))
        .build(needles)
        .ok()
}

/// A search that is under way.
pub struct Scan<'s> {
    searcher: &'s Searcher,
    text: &'s [u8],
    cursors: [Cursor; MAX_PASSES],
    few: [Pending; MAX_PASSES],
    many: Pending,
}

/// What one of the two searches found last.
#[derive(Clone, Copy, Debug)]
enum Pending {
    Unknown,
    Found(Option<Hit>),
}

impl Pending {
    /// The next hit at or behind `from`, looked for only if what is known lies before it.
    fn next(&mut self, from: usize, look: impl FnOnce() -> Option<Hit>) -> Option<Hit> {
        match *self {
            Self::Found(None) => None,
            Self::Found(Some(hit)) if hit.at() >= from => Some(hit),
            _ => {
                let found = look();
                *self = Self::Found(found);
                found
            }
        }
    }
}

impl fmt::Debug for Scan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scan(<{} bytes>)", self.text.len())
    }
}

impl Scan<'_> {
    /// The first hit at or behind `from`, which may not be less than in the call before. A needle counts
    /// if `confirm` says so of its number and its offset.
    ///
    /// Needles that overlap may come as one hit, and of many needles some may come unconfirmed.
    pub fn next(&mut self, from: usize, confirm: &mut dyn FnMut(usize, usize) -> bool) -> Option<Hit> {
        let Self {
            searcher,
            text,
            cursors,
            few,
            many,
        } = self;
        let mut first: Option<Hit> = None;
        let mut sooner = |found: Option<Hit>| {
            let is_sooner = |hit: &Hit| first.is_none_or(|first| hit.at() < first.at());
            first = found.filter(is_sooner).or(first);
        };
        for ((fingerprints, cursor), few) in searcher.fingerprints.iter().zip(cursors).zip(few) {
            sooner(few.next(from, || fingerprints.find(text, from, cursor, confirm)));
        }
        match &searcher.many {
            None => {}
            Some(Many::Grams(grams)) => sooner(many.next(from, || grams.find(text, from, confirm))),
            Some(Many::Automaton(automaton)) => sooner(many.next(from, || {
                let found = automaton.find(text.get(from..)?)?;
                Some(Hit::Needle {
                    at: from + found.start(),
                })
            })),
        }
        first
    }
}

#[cfg(test)]
mod tests;
