//! Matched lines on their way from phase 1 to phase 2: sorted runs, in memory up to a budget, beyond
//! it in unnamed temporary files, so that nothing raw survives the process.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::limits::{MemoryBudget, Reservation};
use crate::{Error, ErrorKind};

/// A matched line. Does not print its bytes.
pub(super) struct Matched {
    pub(super) key: Key,
    pub(super) source: u32,
    /// Whether it was found by its correlation id rather than by a select.
    pub(super) followed: bool,
    pub(super) line: Vec<u8>,
}

/// The order of the output.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Key {
    pub(super) ns: i64,
    pub(super) input: u32,
    /// Of an input that was read in parts, which one.
    pub(super) part: u32,
    /// Decoded offset in the part.
    pub(super) offset: u64,
}

impl Matched {
    /// Bytes held, roughly.
    pub(super) fn weight(&self) -> usize {
        self.line.len() + size_of::<Self>()
    }
}

/// Bytes of spilled lines that are shown at a time.
const VISITED_BYTES: usize = 8 << 20;
const HEADER: usize = 8 + 4 + 4 + 8 + 4 + 1 + 4;

/// Takes matched lines from all workers.
pub(super) struct Collector {
    dir: PathBuf,
    /// Bytes that it may hold whatever else there is, so that runs are not many.
    kept: usize,
    /// Whether lines are not wanted.
    discards: bool,
    state: Mutex<State>,
}

struct State {
    held: Vec<Matched>,
    bytes: usize,
    memory: Reservation,
    spilled: Vec<File>,
}

impl Collector {
    /// Keeps lines in memory as long as the budget allows it, and `kept` bytes of it to itself; `dir`
    /// takes the temporary files.
    pub(super) fn new(dir: &Path, budget: &Arc<MemoryBudget>, kept: usize) -> Self {
        let memory = budget.reserve(kept);
        Self {
            dir: dir.to_owned(),
            kept,
            discards: false,
            state: Mutex::new(State {
                held: Vec::new(),
                bytes: 0,
                memory: memory.unwrap_or_else(|| Reservation::none(budget)),
                spilled: Vec::new(),
            }),
        }
    }

    /// Keeps no lines from now on.
    pub(super) fn discard(&mut self) {
        self.discards = true;
    }

    /// Takes a worker's lines; spills when there is no memory left for them.
    pub(super) fn add(&self, lines: &mut Vec<Matched>) -> Result<(), Error> {
        if self.discards {
            lines.clear();
            return Ok(());
        }
        let full = {
            let mut state = self.state.lock().map_err(|_| poisoned())?;
            let bytes = state.bytes + lines.iter().map(Matched::weight).sum::<usize>();
            state.held.append(lines);
            let more = bytes.saturating_sub(state.memory.bytes());
            if state.memory.grow(more) {
                state.bytes = bytes;
                return Ok(());
            }
            state.bytes = 0;
            state.memory.shrink_to(self.kept);
            std::mem::take(&mut state.held)
        };
        self.spill(full)
    }

    /// Spills what is held, and gives back its memory.
    pub(super) fn make_room(&self) -> Result<(), Error> {
        let held = {
            let mut state = self.state.lock().map_err(|_| poisoned())?;
            state.bytes = 0;
            state.memory.shrink_to(0);
            std::mem::take(&mut state.held)
        };
        if held.is_empty() { Ok(()) } else { self.spill(held) }
    }

    /// An empty one for the same place, with less of the same budget.
    pub(super) fn another(&self, budget: &Arc<MemoryBudget>) -> Self {
        Self::new(&self.dir, budget, self.kept / 8)
    }

    /// Takes all that another one has collected.
    pub(super) fn absorb(&self, other: Self) -> Result<(), Error> {
        let mut other = other.state.into_inner().map_err(|_| poisoned())?;
        other.memory.shrink_to(0);
        self.state
            .lock()
            .map_err(|_| poisoned())?
            .spilled
            .append(&mut other.spilled);
        self.add(&mut other.held)
    }

    fn spill(&self, lines: Vec<Matched>) -> Result<(), Error> {
        let file = self.run_of(lines)?;
        self.state.lock().map_err(|_| poisoned())?.spilled.push(file);
        Ok(())
    }

    /// A file of lines in order.
    fn run_of(&self, mut lines: Vec<Matched>) -> Result<File, Error> {
        lines.sort_unstable_by_key(|line| line.key);
        let failed = |cause| {
            Error::io(ErrorKind::Sink, &self.dir, "write a temporary file", cause)
                .hint("matched lines are kept there until they are redacted; make room or choose another output place")
        };
        let file = tempfile::tempfile_in(&self.dir).map_err(failed)?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        for line in &lines {
            let len = u32::try_from(line.line.len())
                .map_err(|_| Error::new(ErrorKind::Limit, "a line above 4 GiB"))?;
            let mut header = [0u8; HEADER];
            let parts: [&[u8]; 7] = [
                &line.key.ns.to_le_bytes(),
                &line.key.input.to_le_bytes(),
                &line.key.part.to_le_bytes(),
                &line.key.offset.to_le_bytes(),
                &line.source.to_le_bytes(),
                &[u8::from(line.followed)],
                &len.to_le_bytes(),
            ];
            let mut at = 0;
            for part in parts {
                if let Some(slot) = header.get_mut(at..at + part.len()) {
                    slot.copy_from_slice(part);
                }
                at += part.len();
            }
            out.write_all(&header)
                .and_then(|()| out.write_all(&line.line))
                .map_err(failed)?;
        }
        let mut file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(file)
    }

    /// Shows all lines in batches, in no order. They stay where they are.
    pub(super) fn visit(&mut self, each: &mut dyn FnMut(&[Matched])) -> Result<(), Error> {
        let state = self.state.get_mut().map_err(|_| poisoned())?;
        each(&state.held);
        let failed = |cause| Error::new(ErrorKind::Sink, "cannot read back a temporary file").because(cause);
        for file in &mut state.spilled {
            let mut reader = BufReader::with_capacity(256 << 10, &*file);
            loop {
                let (mut batch, mut bytes) = (Vec::new(), 0);
                while bytes < VISITED_BYTES {
                    let Some(line) = read_one(&mut reader).map_err(failed)? else {
                        break;
                    };
                    bytes += line.weight();
                    batch.push(line);
                }
                if batch.is_empty() {
                    break;
                }
                each(&batch);
            }
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
        }
        Ok(())
    }

    /// All lines in order. The collector is empty afterwards.
    pub(super) fn into_sorted(self) -> Result<Sorted, Error> {
        let mut state = self.state.into_inner().map_err(|_| poisoned())?;
        state.held.sort_unstable_by_key(|line| Reverse(line.key));
        let mut runs: Vec<Run> = vec![Run::Memory(state.held)];
        runs.extend(
            state
                .spilled
                .into_iter()
                .map(|file| Run::File(Box::new(BufReader::with_capacity(256 << 10, file)))),
        );
        let mut sorted = Sorted {
            heads: BinaryHeap::new(),
            runs,
        };
        for run in 0..sorted.runs.len() {
            sorted.pull(run)?;
        }
        Ok(sorted)
    }
}

fn poisoned() -> Error {
    Error::new(
        ErrorKind::Internal,
        "a worker panicked while it held matched lines",
    )
}

enum Run {
    /// In descending order: the next line is the last.
    Memory(Vec<Matched>),
    File(Box<BufReader<File>>),
}

impl Run {
    fn next(&mut self) -> Result<Option<Matched>, Error> {
        match self {
            Self::Memory(lines) => Ok(lines.pop()),
            Self::File(reader) => read_one(reader).map_err(|cause| {
                Error::new(ErrorKind::Sink, "cannot read back a temporary file").because(cause)
            }),
        }
    }
}

fn read_one(reader: &mut impl Read) -> std::io::Result<Option<Matched>> {
    let mut header = [0u8; HEADER];
    let mut filled = 0;
    while filled < HEADER {
        match reader.read(header.get_mut(filled..).unwrap_or_default())? {
            0 if filled == 0 => return Ok(None),
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    let (ns, rest) = take::<8>(&header);
    let (input, rest) = take::<4>(rest);
    let (part, rest) = take::<4>(rest);
    let (offset, rest) = take::<8>(rest);
    let (source, rest) = take::<4>(rest);
    let (followed, rest) = take::<1>(rest);
    let (len, _) = take::<4>(rest);
    let mut line = vec![0; u32::from_le_bytes(len) as usize];
    reader.read_exact(&mut line)?;
    let key = Key {
        ns: i64::from_le_bytes(ns),
        input: u32::from_le_bytes(input),
        part: u32::from_le_bytes(part),
        offset: u64::from_le_bytes(offset),
    };
    Ok(Some(Matched {
        key,
        source: u32::from_le_bytes(source),
        followed: followed != [0],
        line,
    }))
}

fn take<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    bytes
        .split_first_chunk()
        .map_or(([0; N], bytes), |(head, rest)| (*head, rest))
}

/// Matched lines in order of time, input and offset.
pub(super) struct Sorted {
    heads: BinaryHeap<Reverse<Head>>,
    runs: Vec<Run>,
}

struct Head {
    line: Matched,
    run: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.line.key.cmp(&other.line.key)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.line.key == other.line.key
    }
}

impl Eq for Head {}

impl Sorted {
    fn pull(&mut self, run: usize) -> Result<(), Error> {
        if let Some(line) = self.runs.get_mut(run).map(Run::next).transpose()?.flatten() {
            self.heads.push(Reverse(Head { line, run }));
        }
        Ok(())
    }

    /// The next line.
    pub(super) fn next(&mut self) -> Result<Option<Matched>, Error> {
        let Some(Reverse(head)) = self.heads.pop() else {
            return Ok(None);
        };
        self.pull(head.run)?;
        Ok(Some(head.line))
    }
}

/// Tells the first of equal lines from the others. Equal lines have equal times, so in the sorted
/// stream only one instant is remembered, and of its lines only digests: many lines of one instant
/// cost little.
#[derive(Default)]
pub(super) struct Unique {
    ns: i64,
    seen: HashSet<(u32, [u8; 32])>,
}

impl Unique {
    /// Whether no line before it has the same source, time and bytes. Lines must come in order of time.
    pub(super) fn is_first(&mut self, line: &Matched) -> bool {
        if line.key.ns != self.ns {
            self.ns = line.key.ns;
            self.seen.clear();
        }
        self.seen
            .insert((line.source, *blake3::hash(&line.line).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(ns: i64, source: u32, text: &str) -> Matched {
        let key = Key {
            ns,
            input: 0,
            part: 0,
            offset: 0,
        };
        Matched {
            key,
            source,
            followed: false,
            line: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn lines_are_equal_in_source_time_and_bytes() {
        let mut unique = Unique::default();
        for (ns, source, text, first) in [
            (0, 1, "a", true),
            (0, 1, "a", false),
            (0, 2, "a", true),
            (0, 1, "b", true),
            (0, 1, "a", false),
            (5, 1, "a", true),
            (5, 1, "a", false),
        ] {
            assert_eq!(
                unique.is_first(&line(ns, source, text)),
                first,
                "{ns} {source} {text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_budget_gives_the_same_order(
            lines in proptest::collection::vec((-5i64..5, 0u32..3, 0u64..1000, proptest::collection::vec(any::<u8>(), 0..40)), 0..200),
            kept in 0usize..4000,
            beside in 0usize..4000,
            batch in 1usize..50,
            moved in 0usize..8,
        ) {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let collector = Collector::new(dir.path(), &MemoryBudget::new(kept + beside), kept);
            let mut expected: Vec<_> = lines.iter().map(|(ns, input, offset, line)| (Key { ns: *ns, input: *input, part: *input % 2, offset: *offset }, line.clone())).collect();
            for (nth, batch) in lines.chunks(batch).enumerate() {
                let mut batch: Vec<Matched> = batch.iter()
                    .map(|(ns, input, offset, line)| Matched { key: Key { ns: *ns, input: *input, part: *input % 2, offset: *offset }, source: 7, followed: *offset % 2 == 0, line: line.clone() })
                    .collect();
                collector.add(&mut batch).expect("room for it");
                if nth == moved {
                    collector.make_room().expect("a place for it");
                }
            }
            let mut sorted = collector.into_sorted().expect("sorted");
            let mut found = Vec::new();
            while let Some(line) = sorted.next().expect("readable") {
                prop_assert_eq!(line.source, 7);
                found.push((line.key, line.line));
            }
            prop_assert!(found.is_sorted_by_key(|(key, _)| *key));
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 0, "nothing has a name");
        }
    }
}
