//! Lines that svlogd cut in two.
//!
//! svlogd rotates when a file is full, also in the middle of a long line: its beginning is then the end
//! of one file and its rest the start of the next. The first line of a file that follows another, and a
//! last line without a line feed, wait here until every input was read; where the two make a record they
//! are one, and otherwise each is taken as it stands.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use crate::source::{Input, follows_in_svlogd};

/// A line that waits, with its decoded offset.
pub(super) type Held = (u64, Vec<u8>);

#[derive(Debug, Default)]
pub(super) struct Seams {
    /// Input to the one that goes on with it.
    next: HashMap<u32, u32>,
    /// Inputs that go on with another.
    later: HashMap<u32, u32>,
    heads: Mutex<HashMap<u32, Held>>,
    tails: Mutex<HashMap<u32, Held>>,
}

/// What waits at the border of two inputs.
pub(super) struct Seam {
    pub(super) before: u32,
    pub(super) tail: Option<Held>,
    pub(super) after: u32,
    pub(super) head: Option<Held>,
}

impl Seams {
    pub(super) fn new(inputs: &[Input]) -> Self {
        let paths: Vec<(&Path, u32)> = inputs
            .iter()
            .map(|input| (input.path.as_path(), input.id.0))
            .collect();
        let mut seams = Self::default();
        for (before, after) in follows_in_svlogd(&paths) {
            seams.next.insert(before, after);
            seams.later.insert(after, before);
        }
        seams
    }

    /// Whether lines at the edges of this input may wait.
    pub(super) fn joins(&self, input: u32) -> bool {
        self.next.contains_key(&input) || self.later.contains_key(&input)
    }

    /// Sets a first or last line of a run of lines aside; gives what is left, and its offset.
    pub(super) fn take<'b>(&self, input: u32, mut offset: u64, mut bytes: &'b [u8]) -> (u64, &'b [u8]) {
        if offset == 0 && self.later.contains_key(&input) {
            let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
            let (head, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            let head = head.strip_suffix(b"\n").unwrap_or(head);
            hold(&self.heads, input, (offset, head.to_vec()));
            offset += end as u64;
            bytes = rest;
        }
        if !bytes.is_empty() && !bytes.ends_with(b"\n") && self.next.contains_key(&input) {
            let start = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
            let (rest, tail) = bytes.split_at_checked(start).unwrap_or((bytes, &[]));
            hold(&self.tails, input, (offset + start as u64, tail.to_vec()));
            bytes = rest;
        }
        (offset, bytes)
    }

    /// Everything that waits, in order of inputs. Empty afterwards.
    pub(super) fn drain(&self) -> Vec<Seam> {
        let taken = |held: &Mutex<HashMap<u32, Held>>| {
            held.lock()
                .map(|mut held| std::mem::take(&mut *held))
                .unwrap_or_default()
        };
        let (mut heads, mut tails) = (taken(&self.heads), taken(&self.tails));
        let mut pairs: Vec<(u32, u32)> = self
            .next
            .iter()
            .map(|(before, after)| (*before, *after))
            .collect();
        pairs.sort_unstable();
        pairs
            .into_iter()
            .map(|(before, after)| Seam {
                before,
                tail: tails.remove(&before),
                after,
                head: heads.remove(&after),
            })
            .collect()
    }
}

fn hold(held: &Mutex<HashMap<u32, Held>>, input: u32, line: Held) {
    if let Ok(mut held) = held.lock() {
        held.insert(input, line);
    }
}
