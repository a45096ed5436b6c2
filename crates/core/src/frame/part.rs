//! A run of whole frames or members out of a compressed input.
//!
//! As with parts of plain files, a part has the lines that begin behind its first line feed, and reads on
//! into the next one for the end of its last. Anything that would take more than that to be told as it
//! is told of a whole input, damage above all, makes the part broken, and the whole is read instead.

use std::ops::ControlFlow;

use memchr::memchr;

use super::Summary;
use super::segment::Framer;
use crate::Limits;
use crate::source::{Coders, Drain, Feed, LossReason, Opened, Unit, decode};

/// Where in its part a drain is.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Stage {
    /// Before the first line feed: the line belongs to the part before.
    Head,
    /// Its own lines.
    Body,
    /// Behind its end, for the rest of its last line.
    Tail,
    /// That rest was found.
    Done,
}

/// Lets the lines of one part through to the framer.
struct Part<'p, 'f> {
    framer: &'p mut Framer<'f>,
    stage: Stage,
    /// Where the part begins in the input.
    start: u64,
    /// Bytes decoded in the part itself.
    own: u64,
    broken: bool,
}

/// Reads one part. Offsets count from the part's own beginning.
pub(super) fn read(
    opened: &Opened,
    unit: &Unit,
    mut feed: Feed<'_>,
    mut framer: Framer<'_>,
    coders: &mut Coders,
    limits: &Limits,
) -> Summary {
    feed.start_at(unit.range.start);
    let mut part = Part {
        framer: &mut framer,
        stage: if unit.range.start == 0 {
            Stage::Body
        } else {
            Stage::Head
        },
        start: unit.range.start,
        own: 0,
        broken: false,
    };
    let codec = opened.codec();
    let mut flow = decode(codec, &mut feed, &mut part, coders, limits, unit.range.end);
    if flow.is_continue() {
        part.broken |= feed.position() != unit.range.end;
        if part.stage == Stage::Body && !part.broken && unit.range.end < opened.bytes() {
            part.stage = Stage::Tail;
            flow = decode(codec, &mut feed, &mut part, coders, limits, u64::MAX);
            if part.stage == Stage::Done {
                flow = ControlFlow::Continue(());
            }
        }
    }
    let Part { own, broken, .. } = part;
    if broken {
        flow = ControlFlow::Break(());
    }
    let mut summary = framer.finish(flow, unit.bytes());
    summary.decoded_bytes = own;
    summary.broken = broken;
    summary
}

impl Part<'_, '_> {
    fn damaged(&mut self) -> ControlFlow<()> {
        self.broken = true;
        ControlFlow::Break(())
    }
}

impl Drain for Part<'_, '_> {
    fn room(&mut self) -> &mut [u8] {
        self.framer.room()
    }

    fn filled(&mut self, count: usize, at: u64) -> ControlFlow<()> {
        let stored = at.saturating_sub(self.start);
        match self.stage {
            Stage::Head => {
                self.own += count as u64;
                let fresh = self.framer.fresh(count);
                let Some(feed) = memchr(b'\n', fresh) else {
                    self.framer.pass(count);
                    return ControlFlow::Continue(());
                };
                let behind = feed + 1;
                fresh.copy_within(behind..count, 0);
                self.framer.pass(behind);
                self.stage = Stage::Body;
                self.framer.filled(count - behind, stored)
            }
            Stage::Body => {
                self.own += count as u64;
                self.framer.filled(count, stored)
            }
            Stage::Tail => match memchr(b'\n', self.framer.fresh(count)) {
                None => self.framer.filled(count, stored),
                Some(feed) => {
                    self.framer.filled(feed + 1, stored)?;
                    self.stage = Stage::Done;
                    ControlFlow::Break(())
                }
            },
            Stage::Done => ControlFlow::Break(()),
        }
    }

    fn slice(&mut self, bytes: &[u8], at: u64) -> ControlFlow<()> {
        let stored = at.saturating_sub(self.start);
        match self.stage {
            Stage::Head => {
                self.own += bytes.len() as u64;
                let feed = memchr(b'\n', bytes);
                let passed = feed.map_or(bytes.len(), |feed| feed + 1);
                self.framer.pass(passed);
                if feed.is_none() {
                    return ControlFlow::Continue(());
                }
                self.stage = Stage::Body;
                self.framer.slice(bytes.get(passed..).unwrap_or_default(), stored)
            }
            Stage::Body => {
                self.own += bytes.len() as u64;
                self.framer.slice(bytes, stored)
            }
            Stage::Tail => match memchr(b'\n', bytes) {
                None => self.framer.slice(bytes, stored),
                Some(feed) => {
                    self.framer
                        .slice(bytes.get(..=feed).unwrap_or_default(), stored)?;
                    self.stage = Stage::Done;
                    ControlFlow::Break(())
                }
            },
            Stage::Done => ControlFlow::Break(()),
        }
    }

    fn pause(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn decoded(&self) -> u64 {
        self.framer.decoded()
    }

    fn lost(&mut self, _at: u64, _reason: LossReason) -> ControlFlow<()> {
        self.damaged()
    }

    fn doubt(&mut self, _since: u64, _at: u64, _reason: LossReason) -> ControlFlow<()> {
        self.damaged()
    }
}
