//! What a corpus holds: the records that a dive must find, and the values that must not survive it.

use super::clock;
use super::source::Source;
use super::world::{Mark, World};

/// Why a line matches a select of the customer's root namespace. Ordered: the first that applies.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Why {
    /// A namespace or project field names it.
    Typed,
    /// Only the path of a URL names it.
    Url,
    /// Only a project or namespace id that the scope lists names it.
    Id,
    /// It is named as it was called before.
    Former,
    /// Only the referrer names it: the line matches, but has no nexus to the scope.
    Referrer,
    /// Somebody else's line that names one of our projects as well, which its own id contradicts: it
    /// matches, but has no nexus.
    Conflict,
}

impl Why {
    /// The word in `records.csv`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Typed => "typed",
            Self::Url => "url",
            Self::Id => "id",
            Self::Former => "former",
            Self::Referrer => "referrer",
            Self::Conflict => "conflict",
        }
    }

    /// Whether the line may be disclosed at all.
    pub fn has_nexus(self) -> bool {
        !matches!(self, Self::Referrer | Self::Conflict)
    }
}

/// Where a record lies in respect of the request's window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// Before its start.
    Before,
    /// Inside it.
    Inside,
    /// At its end or after it.
    After,
}

impl Side {
    /// The word in `records.csv`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Inside => "in",
            Self::After => "after",
        }
    }
}

/// A line that a select of the customer's root namespace must match, whatever the window.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// Before, in or after the window of the request.
    pub side: Side,
    /// The kind of log.
    pub source: Source,
    /// The record's own time: as written, and in RFC 3339 for access logs.
    pub time: String,
    /// The file, relative to the corpus's logs.
    pub input: String,
    /// Where the line begins in the decoded file.
    pub offset: u64,
    /// What names the namespace.
    pub why: Why,
}

impl Row {
    pub(crate) fn csv(&self) -> String {
        let Self {
            side,
            source,
            time,
            input,
            offset,
            why,
        } = self;
        let nexus = if why.has_nexus() { "yes" } else { "no" };
        format!(
            "{},{},{time},{input},{offset},{},{nexus}\n",
            side.as_str(),
            source.name(),
            why.as_str()
        )
    }
}

pub(crate) const ROWS_HEAD: &str = "window,source,time,input,offset,why,nexus\n";

/// A line that is no record.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Damage {
    /// The file, relative to the corpus's logs.
    pub input: String,
    /// Where the line begins in the decoded file.
    pub offset: u64,
    /// What is wrong with it.
    pub kind: &'static str,
    /// Whether its text names the customer's root namespace, so that it must be withheld.
    pub named: bool,
}

impl Damage {
    pub(crate) fn csv(&self) -> String {
        let named = if self.named { "yes" } else { "no" };
        format!("{},{},{},{named}\n", self.input, self.offset, self.kind)
    }
}

pub(crate) const DAMAGE_HEAD: &str = "input,offset,kind,named\n";

/// Which values of the world occur.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Vec<Vec<u64>>);

impl Seen {
    pub(crate) fn new(world: &World) -> Self {
        Self(
            Mark::ALL
                .iter()
                .map(|&mark| vec![0; world.count(mark).div_ceil(64)])
                .collect(),
        )
    }

    pub(crate) fn add(&mut self, mark: Mark, index: u32) {
        if let Some(word) = self
            .0
            .get_mut(mark as usize)
            .and_then(|bits| bits.get_mut(index as usize / 64))
        {
            *word |= 1 << (index % 64);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            for (word, more) in mine.iter_mut().zip(theirs) {
                *word |= more;
            }
        }
    }

    pub(crate) fn has(&self, mark: Mark, index: u32) -> bool {
        self.0
            .get(mark as usize)
            .and_then(|bits| bits.get(index as usize / 64))
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// The values that occur, by class.
    pub(crate) fn values<'w>(&'w self, world: &'w World) -> impl Iterator<Item = (Mark, u32, String)> + 'w {
        Mark::ALL.into_iter().flat_map(move |mark| {
            (0..world.count(mark) as u32)
                .filter(move |&index| self.has(mark, index))
                .map(move |index| (mark, index, world.value(mark, index)))
        })
    }
}

/// An instant as a log writes it; for access logs, whose notation has no order, as a dive gives it.
pub(crate) fn stamp(source: Source, ms: i64) -> String {
    let mut out = Vec::new();
    if source.has_seconds() {
        clock::seconds(&mut out, ms, b'T');
    } else {
        clock::millis(&mut out, ms);
    }
    out.push(b'Z');
    String::from_utf8_lossy(&out).into_owned()
}
