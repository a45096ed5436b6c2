//! Finds the lines of a segment that could match, without splitting it.
//!
//! A record that matches a select holds one of its needles, in one of these spellings: as it is, in
//! any ASCII case; or with some characters hidden behind JSON (`\u0061`) or percent (`%61`) escapes.
//! So a line is a candidate if it holds a needle in any case; or an escape that stands for a character
//! that needles are made of (or for `%` or `\` that begins another escape) and, once the escapes around
//! it are undone, a needle. Everything else cannot match; escapes of other characters, such as
//! the `\u003c` that Rails writes in every tenth line, cost nothing.
//!
//! ```text
//! segment -> Searcher (one pass) -> needle: the line around it is a candidate
//!                                └> escape: the run around it -> its readings -> needle? -> candidate
//! ```
//!
//! Needles are made of plain characters and an escape of `\`, `%` and such characters, so whatever hides
//! a needle is one run of these, and it reads the same alone as within its line: `\"` and `\/` end a run.
//!
//! It may let lines through that do not match; it may never hold one back. Without any needle there
//! is no prefilter and every line is a candidate.

use decostop_search::{Hit, Searcher, is_plain};

use crate::query::{Needle, Needles, hidden_in};

/// A compiled prefilter.
#[derive(Debug)]
pub struct Prefilter {
    needles: Vec<Needle>,
    searcher: Searcher,
}

impl Prefilter {
    /// The prefilter for a query; `None` if some select has nothing to look for.
    pub fn new(needles: &Needles) -> Option<Self> {
        needles.search().map(Self::of)
    }

    /// A prefilter for these needles.
    pub(crate) fn of(needles: &[Needle]) -> Self {
        let needles = needles.to_vec();
        let texts: Vec<&str> = needles.iter().map(Needle::as_str).collect();
        let searcher = Searcher::new(&texts);
        Self { needles, searcher }
    }

    /// Calls `each` with the start and end of every candidate line (without its line feed) in order;
    /// stops early if `each` says no.
    pub fn candidates(&self, segment: &[u8], each: &mut dyn FnMut(usize, usize) -> bool) {
        let mut scan = self.searcher.scan(segment);
        let mut confirm = |number: usize, at: usize| {
            self.needles
                .get(number)
                .is_none_or(|needle| needle.may_stand_at(segment, at))
        };
        let (mut from, mut text) = (0, Vec::new());
        while let Some(hit) = scan.next(from, &mut confirm) {
            if let Hit::Escape { at } = hit {
                let (start, end) = run_around(segment, at);
                if !self.stands_behind(segment, start, end, &mut text) {
                    // A mapped file may change meanwhile: whatever stands there now, the search goes on.
                    from = end.max(at + 1);
                    continue;
                }
            }
            let (before, behind) = segment.split_at_checked(hit.at()).unwrap_or((segment, &[]));
            let start = memchr::memrchr(b'\n', before).map_or(0, |feed| feed + 1);
            let end = memchr::memchr(b'\n', behind).map_or(segment.len(), |feed| hit.at() + feed);
            if !each(start, end) {
                return;
            }
            from = end + 1;
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

    /// Whether some needle stands in a run of a segment, as it is or behind escapes. `text` is a buffer.
    fn stands_behind(&self, segment: &[u8], start: usize, end: usize, text: &mut Vec<u8>) -> bool {
        text.clear();
        text.extend(
            segment
                .get(start..end)
                .unwrap_or_default()
                .iter()
                .map(u8::to_ascii_lowercase),
        );
        let as_is = self.finds(text, |needle, at| needle.may_stand_at(segment, start + at));
        as_is
            || hidden_in(text, |text| {
                self.finds(text, |needle, at| needle.stands_at(text, at))
            })
    }

    /// Whether some needle is found in a text, and found to stand there.
    fn finds(&self, text: &[u8], stands: impl Fn(&Needle, usize) -> bool) -> bool {
        self.searcher.holds(text, &mut |number, at| {
            self.needles.get(number).is_none_or(|needle| stands(needle, at))
        })
    }
}

/// The run of characters around `at` that escapes and needles are made of.
fn run_around(segment: &[u8], at: usize) -> (usize, usize) {
    let belongs = |byte: &u8| is_plain(*byte) || matches!(byte, b'\\' | b'%');
    let (before, behind) = segment.split_at_checked(at).unwrap_or((segment, &[]));
    let start = before
        .iter()
        .rposition(|byte| !belongs(byte))
        .map_or(0, |end| end + 1);
    let end = behind
        .iter()
        .position(|byte| !belongs(byte))
        .unwrap_or(behind.len());
    (start, at + end)
}

#[cfg(test)]
mod tests;
