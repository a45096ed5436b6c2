//! Finds the lines of a segment that could match, without splitting it.
//!
//! A record that matches a select holds one of its needles, in one of these spellings: as it is, in
//! any ASCII case; or with some characters hidden behind JSON (`\u0061`) or percent (`%61`) escapes.
//! So a line is a candidate if it holds a needle in any case; or an escape that stands for a character
//! that needles are made of (or for `%` or `\`, which could begin another escape) and, once its escapes
//! are undone, a needle. Everything else cannot match; escapes of other characters, such as the
//! `\u003c` that Rails writes in every tenth line, cost nothing.
//!
//! It may let lines through that do not match; it may never hold one back. Without any needle there
//! is no prefilter and every line is a candidate.

use aho_corasick::{AhoCorasick, AhoCorasickKind, packed};
use memchr::memmem;

use crate::query::{Needle, Needles, hidden_in};

/// Longest piece of a needle that is searched for. All its case variants are searched for at once, so
/// it is kept short; the whole needle is compared at each hit.
const WINDOW: usize = 4;
/// Patterns that the vectorised searcher takes.
const MAX_PACKED: usize = 64;

/// Bytes of needles up to which the automaton is a table: about 300 bytes of memory for each, and on 4,021
/// correlation ids over 5.9 GB of access logs (2 cores, 2026-11-27) 1.7 times as fast.
const MAX_DFA_BYTES: usize = 128 << 10;

/// A compiled prefilter.
#[derive(Debug)]
pub struct Prefilter {
    searched: Vec<Needle>,
    needles: Vec<Piece>,
    searcher: Searcher,
    escape: memmem::Finder<'static>,
}

#[derive(Debug)]
enum Searcher {
    /// Case variants of a rare window of each needle.
    Packed(packed::Searcher),
    /// All needles in any case: slower, for any number of them.
    Automaton(AhoCorasick),
}

#[derive(Debug)]
struct Piece {
    text: String,
    /// Where the window begins in the needle.
    window: usize,
}

impl Prefilter {
    /// The prefilter for a query; `None` if some select has nothing to look for.
    pub fn new(needles: &Needles) -> Option<Self> {
        let searched = needles.search()?.to_vec();
        let needles: Vec<Piece> = searched.iter().map(Piece::new).collect();
        let searcher = packed(&needles).or_else(|| automaton(&needles))?;
        Some(Self {
            searched,
            needles,
            searcher,
            escape: memmem::Finder::new(b"\\u00"),
        })
    }

    /// Calls `each` with the start and end of every candidate line (without its line feed) in order;
    /// stops early if `each` says so. A line with an escape is a candidate only if undoing its escapes
    /// brings out a needle.
    pub fn candidates(&self, segment: &[u8], each: &mut dyn FnMut(usize, usize) -> bool) {
        let mut next_needle = self.next_needle(segment, 0);
        let mut next_escape = self.next_escape(segment, 0);
        let mut next_percent = next_percent(segment, 0);
        loop {
            let first = [next_needle, next_escape, next_percent]
                .into_iter()
                .flatten()
                .min();
            let Some(hit) = first else { return };
            let start = memchr::memrchr(b'\n', segment.get(..hit).unwrap_or_default()).map_or(0, |at| at + 1);
            let end = memchr::memchr(b'\n', segment.get(hit..).unwrap_or_default())
                .map_or(segment.len(), |at| hit + at);
            let after = end + 1;
            let passed = |found: Option<usize>| found.is_some_and(|at| at < after);
            let plain = passed(next_needle);
            let line = segment.get(start..end).unwrap_or_default();
            let wanted = plain || hidden_in(line, |text| self.stands_in(text));
            if wanted && !each(start, end) || end >= segment.len() {
                return;
            }
            if passed(next_needle) {
                next_needle = self.next_needle(segment, after);
            }
            if passed(next_escape) {
                next_escape = self.next_escape(segment, after);
            }
            if passed(next_percent) {
                next_percent = self::next_percent(segment, after);
            }
        }
    }

    /// Whether a record that may span lines could match: whether any line of it is a candidate.
    pub fn holds(&self, record: &[u8]) -> bool {
        let mut found = false;
        self.candidates(record, &mut |_, _| {
            found = true;
            false
        });
        found
    }

    /// Whether some needle stands in a line that is unescaped and in lower case.
    fn stands_in(&self, text: &[u8]) -> bool {
        match &self.searcher {
            // Of many needles each would have to be searched for; the automaton finds them all at once,
            // and numbers inside longer ones with them.
            Searcher::Automaton(automaton) => automaton.is_match(text),
            Searcher::Packed(_) => self.searched.iter().any(|needle| needle.occurs_in(text)),
        }
    }

    fn next_needle(&self, segment: &[u8], from: usize) -> Option<usize> {
        match &self.searcher {
            Searcher::Automaton(automaton) => {
                let found = automaton.find(segment.get(from..)?)?;
                Some(from + found.start())
            }
            Searcher::Packed(searcher) => {
                let mut at = from;
                loop {
                    let found = searcher.find_in(
                        segment,
                        aho_corasick::Span {
                            start: at,
                            end: segment.len(),
                        },
                    )?;
                    if self.stands_around(segment, found.start()) {
                        return Some(found.start());
                    }
                    at = found.start() + 1;
                }
            }
        }
    }

    /// Whether any needle stands around a window found at `at`.
    fn stands_around(&self, segment: &[u8], at: usize) -> bool {
        self.needles.iter().any(|piece| {
            at.checked_sub(piece.window)
                .and_then(|start| segment.get(start..start + piece.text.len()))
                .is_some_and(|text| text.eq_ignore_ascii_case(piece.text.as_bytes()))
        })
    }

    /// The next `\u00XX` that hides a character of a needle.
    fn next_escape(&self, segment: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let found = at + self.escape.find(segment.get(at..)?)?;
            if hides_needle(segment.get(found + 4..found + 6)) {
                return Some(found);
            }
            at = found + 4;
        }
    }
}

impl Piece {
    fn new(needle: &Needle) -> Self {
        let text = needle.as_str().to_owned();
        let width = text.len().min(WINDOW);
        let rarest = |start: &usize| -> u32 {
            text.as_bytes()
                .get(*start..*start + width)
                .unwrap_or_default()
                .iter()
                .map(|byte| u32::from(commonness(*byte)))
                .sum()
        };
        let window = (0..=text.len() - width).min_by_key(rarest).unwrap_or(0);
        Self { text, window }
    }

    fn window(&self) -> &[u8] {
        let end = (self.window + WINDOW).min(self.text.len());
        self.text.as_bytes().get(self.window..end).unwrap_or_default()
    }
}

/// How often a byte occurs in logs, roughly: digits are everywhere, then the common letters.
fn commonness(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => 9,
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b'd' | b'_' | b'.' => 6,
        b'c' | b'l' | b'u' | b'm' | b'p' | b'-' => 4,
        b'j' | b'q' | b'x' | b'z' | b'k' | b'w' | b'v' | b'y' => 1,
        _ => 3,
    }
}

fn packed(needles: &[Piece]) -> Option<Searcher> {
    if needles.iter().any(|piece| piece.text.len() < WINDOW) {
        return None;
    }
    let mut patterns: Vec<Vec<u8>> = needles
        .iter()
        .flat_map(|piece| case_variants(piece.window()))
        .collect();
    patterns.sort_unstable();
    patterns.dedup();
    if patterns.len() > MAX_PACKED {
        return None;
    }
    packed::Config::new()
        .builder()
        .extend(patterns)
        .build()
        .map(Searcher::Packed)
}

fn case_variants(window: &[u8]) -> Vec<Vec<u8>> {
    window.iter().fold(vec![Vec::new()], |variants, byte| {
        let mut next = Vec::with_capacity(variants.len() * 2);
        for variant in variants {
            let with = |byte: u8| [variant.as_slice(), &[byte]].concat();
            next.push(with(*byte));
            if byte.is_ascii_alphabetic() {
                next.push(with(byte.to_ascii_uppercase()));
            }
        }
        next
    })
}

fn automaton(needles: &[Piece]) -> Option<Searcher> {
    let texts = needles.iter().map(|piece| piece.text.as_bytes());
    let bytes: usize = needles.iter().map(|piece| piece.text.len()).sum();
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind((bytes <= MAX_DFA_BYTES).then_some(AhoCorasickKind::DFA))
        .build(texts)
        .ok()
        .map(Searcher::Automaton)
}

/// The next `%XX` that hides a character of a needle.
fn next_percent(segment: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + memchr::memchr(b'%', segment.get(at..)?)?;
        if hides_needle(segment.get(found + 1..found + 3)) {
            return Some(found);
        }
        at = found + 1;
    }
}

/// Whether two hex digits stand for a character of needles, or for one that begins an escape.
fn hides_needle(digits: Option<&[u8]>) -> bool {
    let [high, low] = digits.unwrap_or_default() else {
        return false;
    };
    let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16)) else {
        return false;
    };
    let c = char::from((high << 4 | low) as u8);
    crate::query::is_plain(c) || c == '%' || c == '\\'
}

#[cfg(test)]
mod tests;
