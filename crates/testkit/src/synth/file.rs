//! One log file: which lines, in which order, at what time. Depends on the seed and the file's place
//! alone, so that files can be written side by side.

use std::io::{self, Write};
use std::ops::Range;

use super::clock::{self, DAY};
use super::codec::{Codec, Encoder};
use super::dress::{self, Wrapper};
use super::lines::{Desk, count, lines_of};
use super::pen::Pen;
use super::rng::{Rng, mix};
use super::source::Source;
use super::truth::{Damage, Row, Seen, Side, stamp};
use super::visit::{Part, Rules, Visit, action, action_of};
use super::world::{Mark, OURS, TWIN, World};

/// Where a file stands in the corpus, and how it is written.
#[derive(Clone, Debug)]
pub(crate) struct FilePlan {
    /// What the file holds; several if it is the stream of a container.
    pub(crate) sources: &'static [Source],
    pub(crate) day: u32,
    /// This host's share of the day: visits with this remainder, unless the first host has more.
    pub(crate) part: u64,
    pub(crate) parts: u64,
    /// Of a thousand visits, those of the first host; 0 if each host has the same share.
    pub(crate) first_host: u64,
    pub(crate) name: String,
    pub(crate) codec: Codec,
    pub(crate) level: i32,
    pub(crate) wrapper: Wrapper,
    pub(crate) seed: u64,
}

impl FilePlan {
    /// The visits of this file, out of those of its day.
    fn visits(&self, all: u64) -> Box<dyn Iterator<Item = u64>> {
        if self.first_host == 0 {
            return Box::new((self.part..all).step_by(self.parts as usize));
        }
        let (part, first, others) = (self.part, self.first_host, self.parts - 1);
        Box::new((0..all).filter(move |q| {
            let (thousand, within) = (q / 1000, q % 1000);
            match within.checked_sub(first) {
                None => part == 0,
                Some(behind) => part == 1 + (thousand * (1000 - first) + behind) % others,
            }
        }))
    }

    /// Between how many visits of the day one is of this file, at most.
    fn stride(&self) -> u64 {
        if self.first_host == 0 { self.parts } else { 1 }
    }
}

/// What all files share.
#[derive(Debug)]
pub(crate) struct Corpus {
    pub(crate) world: World,
    pub(crate) rules: Rules,
    /// The request's window.
    pub(crate) window: (i64, i64),
    pub(crate) damage: bool,
    /// One request in so many writes lines of so many KiB.
    pub(crate) long_lines: Option<(u64, usize)>,
}

/// What a file turned out to hold.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) lines: u64,
    /// Records inside the request's window.
    pub(crate) in_window: u64,
    /// In the order of [`Source::ALL`]; without what is no record.
    pub(crate) by_source: [u64; Source::ALL.len()],
    pub(crate) bytes: u64,
    pub(crate) rows: Vec<Row>,
    pub(crate) damages: Vec<Damage>,
    pub(crate) secrets: Vec<String>,
    pub(crate) unknown: Vec<String>,
    /// Values in any line, and in lines about the customer.
    pub(crate) seen: Seen,
    pub(crate) near: Seen,
}

/// A finished line that waits to be written out of order.
struct Held {
    line: Vec<u8>,
    row: Option<Row>,
    left: u64,
}

struct Writer<'a, W: Write> {
    corpus: &'a Corpus,
    plan: &'a FilePlan,
    encoder: Encoder<W>,
    report: Report,
    pen: Pen,
    spare: Vec<u8>,
    rng: Rng,
    last: i64,
    held: Option<Held>,
    edges: Vec<i64>,
    /// A newline is written before the next line, so that the last one may lack it.
    pending_newline: bool,
}

/// Writes one file and says what it holds. `tick` is told of decoded bytes now and then and may
/// stop the work.
pub(crate) fn write<W: Write>(
    corpus: &Corpus,
    plan: &FilePlan,
    to: W,
    tick: &mut dyn FnMut(u64) -> io::Result<()>,
) -> io::Result<(Report, W)> {
    let rules = &corpus.rules;
    let start = rules.start + i64::from(plan.day) * DAY;
    let today = |edge: &i64| (start..start + DAY).contains(edge);
    let edges = if plan.sources.contains(&Source::Production) && plan.part == 0 {
        [corpus.window.0, corpus.window.1]
            .into_iter()
            .filter(today)
            .collect()
    } else {
        Vec::new()
    };
    let mut writer = Writer {
        corpus,
        plan,
        encoder: Encoder::new(to, plan.codec, plan.level)?,
        report: Report {
            lines: 0,
            in_window: 0,
            by_source: [0; Source::ALL.len()],
            bytes: 0,
            rows: Vec::new(),
            damages: Vec::new(),
            secrets: Vec::new(),
            unknown: Vec::new(),
            seen: Seen::new(&corpus.world),
            near: Seen::new(&corpus.world),
        },
        pen: Pen::default(),
        spare: Vec::new(),
        rng: Rng::new(plan.seed),
        last: i64::MIN,
        held: None,
        edges,
        pending_newline: false,
    };
    let episode = rules.episode(&corpus.world, plan.day);
    let guests = parade(corpus, plan.day);
    let mut told = 0;
    for q in plan.visits(rules.visits) {
        let seed = rules.seed_of(plan.day, q);
        let action = action_of(seed);
        if plan
            .sources
            .iter()
            .any(|&source| lines_of(action, seed, source) > 0)
        {
            let visit = rules.visit(&corpus.world, plan.day, q);
            for &source in plan.sources {
                for nth in 0..count(&visit, source) {
                    writer.line(&visit, source, nth)?;
                }
            }
        }
        if plan.sources.contains(&Source::Audit) {
            if let Some((span, victim, staff)) = &episode
                && (q == span.start || q + 1 == span.end)
            {
                writer.special(q, Part::Impersonation(q == span.start), *staff, *victim)?;
            }
            for guest in guests.iter().flat_map(|range| guests_at(corpus, range, q)) {
                writer.special(q, Part::Guest, guest, guest)?;
            }
        }
        if writer.report.bytes - told >= 8 << 20 {
            tick(writer.report.bytes - told)?;
            told = writer.report.bytes;
        }
    }
    let (report, to) = writer.finish(start + DAY - 1)?;
    tick(report.bytes - told)?;
    Ok((report, to))
}

/// The visits after which the guests come, in the audit log of one day: all inside the window.
fn parade(corpus: &Corpus, day: u32) -> Option<Range<u64>> {
    let (rules, window) = (&corpus.rules, corpus.window);
    let first = (window.0 - rules.start).div_euclid(DAY).unsigned_abs() as u32;
    let visits = rules.visits;
    // A window begins after a quarter of its first day and ends before the last quarter of a day.
    let (host, range) = match rules.days {
        0..3 => (0, visits * 3 / 8..visits * 5 / 8),
        _ => (first + 1, 0..visits * 5 / 8),
    };
    (rules.hostile && day == host).then_some(range)
}

/// The guests who come after a visit.
fn guests_at(corpus: &Corpus, range: &Range<u64>, q: u64) -> impl Iterator<Item = u32> {
    let guests = &corpus.world.guests;
    let (count, length) = (guests.len() as u64, (range.end - range.start).max(1));
    let before = |q: u64| ((q - range.start) * count).div_ceil(length).min(count) as usize;
    let come = if q >= range.start && q < range.end.max(range.start + 1) {
        before(q)..before(q + 1)
    } else {
        0..0
    };
    guests.get(come).unwrap_or_default().iter().copied()
}

impl<W: Write> Writer<'_, W> {
    /// The instant of a line: each source has its own share of a visit's time.
    fn instant(&self, visit: &Visit, source: Source, nth: u32) -> i64 {
        let rules = &self.corpus.rules;
        let lane = match source {
            Source::Gitaly => i64::from(nth),
            Source::Graphql => 2,
            Source::Production | Source::Api => 3,
            Source::Audit => 4,
            Source::Sidekiq => 5 + i64::from(nth),
            Source::Workhorse | Source::NginxAccess | Source::Haproxy => 7,
        };
        let jitter = (mix(visit.seed, 0x7143 + lane.unsigned_abs()) % 110).cast_signed();
        let own = lane * 120 + 1 + jitter;
        // What lies between two visits of this file.
        let room = DAY * self.plan.stride().cast_signed() / rules.visits.cast_signed();
        let second = if source.has_seconds() { 1000 } else { own };
        let offset = match visit.part {
            Part::Ordinary if rules.is_sparse() => second,
            Part::Ordinary => own * room / 1000,
            Part::Impersonation(_) => 965,
            Part::Guest => 970,
        };
        visit.ms
            + if rules.is_sparse() {
                offset
            } else {
                offset.min(room)
            }
    }

    fn special(&mut self, q: u64, part: Part, who: u32, victim: u32) -> io::Result<()> {
        let corpus = self.corpus;
        let mut visit = corpus.rules.special(&corpus.world, self.plan.day, q, part, who);
        if matches!(part, Part::Impersonation(_)) {
            visit.number = u64::from(victim - corpus.world.tenant(OURS).users.start);
        }
        let wanted = self.instant(&visit, Source::Audit, 0);
        self.emit(&visit, Source::Audit, 0, wanted)
    }

    fn line(&mut self, visit: &Visit, source: Source, nth: u32) -> io::Result<()> {
        let wanted = self.instant(visit, source, nth);
        while let Some(&edge) = self.edges.first().filter(|&&edge| edge <= wanted + 1) {
            self.edges.remove(0);
            self.edge(edge)?;
        }
        self.emit(visit, source, nth, wanted)
    }

    /// Lines of the customer at the last instant before an edge of the window and at the edge.
    fn edge(&mut self, edge: i64) -> io::Result<()> {
        let corpus = self.corpus;
        let owner = corpus.world.tenant(OURS).users.start;
        let mut visit = corpus.rules.special(
            &corpus.world,
            self.plan.day,
            edge.unsigned_abs(),
            Part::Ordinary,
            owner,
        );
        visit.action = action("project_visibility_level_updated");
        visit.status = 200;
        for ms in [edge - 1, edge] {
            visit.seed = mix(visit.seed, ms.unsigned_abs());
            self.emit(&visit, Source::Production, 0, ms)?;
        }
        Ok(())
    }

    fn emit(&mut self, visit: &Visit, source: Source, nth: u32, wanted: i64) -> io::Result<()> {
        let (corpus, plan) = (self.corpus, self.plan);
        let ms = if source.has_seconds() {
            wanted.max(self.last)
        } else {
            wanted.max(self.last + 1)
        };
        self.last = ms;
        self.pen.clear();
        let hostile = corpus.rules.hostile;
        let desk = Desk {
            world: &corpus.world,
            rules: &corpus.rules,
            visit,
            hostile,
            source,
            ms,
        };
        desk.write(&mut self.pen, nth);
        if hostile && visit.part == Part::Ordinary && !source.is_text() {
            dress::spell(
                &mut self.pen,
                corpus,
                visit,
                source,
                &mut self.rng,
                &mut self.spare,
            );
        }
        dress::lengthen(&mut self.pen.line, corpus, visit, source);
        if plan.sources.len() > 1 {
            dress::label(&mut self.pen.line, source);
        }
        dress::wrap(
            plan.wrapper,
            &mut self.pen,
            ms,
            &corpus.world,
            &mut self.rng,
            &mut self.spare,
        );
        let row = self.account(source, ms);
        self.report.by_source[source as usize] += 1;
        let late = if corpus.rules.visits < 2000 { 12 } else { 2 };
        if self.held.is_none() && self.report.lines > 2 && self.rng.often(late) {
            let line = self.pen.line.clone();
            self.held = Some(Held {
                line,
                row,
                left: 2 + self.rng.below(30),
            });
            return Ok(());
        }
        let line = std::mem::take(&mut self.pen.line);
        self.put(&line, row)?;
        self.pen.line = line;
        self.release(false)?;
        if corpus.damage && self.report.damages.len() < 4 && self.report.lines > 3 && self.rng.often(40) {
            self.damage()?;
        }
        Ok(())
    }

    /// Enters the line in the pen into the account; its row if it must be found.
    fn account(&mut self, source: Source, ms: i64) -> Option<Row> {
        let near = self.pen.why.is_some() || self.pen.own_user;
        for &(mark, index) in &self.pen.marks {
            self.report.seen.add(mark, index);
            if near {
                self.report.near.add(mark, index);
            }
        }
        if near {
            self.report.secrets.append(&mut self.pen.secrets);
            self.report.unknown.append(&mut self.pen.unknown);
        }
        let (from, to) = self.corpus.window;
        let ms = if source.has_seconds() {
            ms - ms.rem_euclid(1000)
        } else {
            ms
        };
        let side = if ms < from {
            Side::Before
        } else if ms < to {
            Side::Inside
        } else {
            Side::After
        };
        self.report.in_window += u64::from(side == Side::Inside);
        self.pen.why.map(|why| Row {
            side,
            source,
            time: stamp(source, ms),
            input: self.plan.name.clone(),
            offset: 0,
            why,
        })
    }

    /// Writes a line, and notes where it begins.
    fn put(&mut self, line: &[u8], row: Option<Row>) -> io::Result<()> {
        if self.pending_newline {
            self.encoder.write(b"\n")?;
            self.report.bytes += 1;
        }
        if let Some(mut row) = row {
            row.offset = self.report.bytes;
            self.report.rows.push(row);
        }
        self.encoder.write(line)?;
        self.report.bytes += line.len() as u64;
        self.report.lines += 1;
        self.pending_newline = true;
        Ok(())
    }

    fn release(&mut self, now: bool) -> io::Result<()> {
        let due = self.held.as_mut().is_some_and(|held| {
            held.left = held.left.saturating_sub(1);
            now || held.left == 0
        });
        match self.held.take_if(|_| due) {
            Some(held) => self.put(&held.line, held.row),
            None => Ok(()),
        }
    }

    /// A line that is no record.
    fn damage(&mut self) -> io::Result<()> {
        let corpus = self.corpus;
        let named = self.rng.often(500);
        let tenant = if named {
            OURS
        } else {
            TWIN + 1 + self.rng.below(2) as u32
        };
        let root = corpus.world.tenant(tenant).root.clone();
        let time = stamp(Source::Production, self.last);
        let word = self.pen_word();
        let mut line = Vec::new();
        // An object names the customer only in fields that text logs do not have.
        let kinds = if self.plan.sources.iter().any(|source| source.is_text()) {
            3
        } else {
            4
        };
        let kind = match self.rng.below(kinds) {
            0 => {
                line.extend_from_slice(
                    format!(r#"{{"time":"{time}","meta.root_namespace":"{root}","oops":"{word}"#).as_bytes(),
                );
                "truncated"
            }
            1 => {
                line.extend_from_slice(
                    format!("redis: {time} pubsub.go:168: discarding {root} password={word}").as_bytes(),
                );
                "text"
            }
            2 => {
                line.extend_from_slice(
                    format!(r#"{{"time":"{time}","meta.root_namespace":"{root}","u":"{word}"#).as_bytes(),
                );
                line.extend_from_slice(b"\xff\xfe\"}");
                "utf8"
            }
            _ => {
                line.extend_from_slice(
                    format!(r#"{{"meta.root_namespace":"{root}","path":"/{root}","u":"{word}"}}"#).as_bytes(),
                );
                "no_time"
            }
        };
        self.report.seen.add(Mark::Root, tenant);
        let pending = u64::from(self.pending_newline);
        let at = Damage {
            input: self.plan.name.clone(),
            offset: self.report.bytes + pending,
            kind,
            named,
        };
        self.report.damages.push(at);
        self.put(&line, None)
    }

    fn pen_word(&mut self) -> String {
        let word = self.rng.string(b"abcdefghijkmnpqrstuvwxyz", 14);
        self.report.unknown.push(word.clone());
        word
    }

    fn finish(mut self, end: i64) -> io::Result<(Report, W)> {
        for edge in std::mem::take(&mut self.edges) {
            if edge <= end {
                self.edge(edge)?;
            }
        }
        self.release(true)?;
        let bare = self.corpus.rules.hostile && self.rng.often(300);
        if self.pending_newline && !bare {
            self.encoder.write(b"\n")?;
            self.report.bytes += 1;
        }
        Ok((self.report, self.encoder.finish()?))
    }
}

/// Where a file lies and what it is called.
pub(crate) fn name(plan: &FilePlan, rules: &Rules, mixed: bool) -> String {
    let days = rules.start.div_euclid(DAY) + i64::from(plan.day);
    let host = if plan.parts > 1 {
        format!("host-{:02}/", plan.part)
    } else {
        String::new()
    };
    let newest = plan.day + 1 == rules.days;
    let (source, service) = match plan.sources {
        [source] => (source.name(), source.is_service().then(|| source.directory())),
        _ => ("webservice", None),
    };
    let dated = format!("{host}{source}.log-{}", clock::compact(days));
    match (plan.codec, service) {
        (Codec::Zstd | Codec::ZstdFrames, _) => format!("{dated}.zst"),
        (Codec::Bzip2, _) => format!("{dated}.bz2"),
        (Codec::Lz4, _) => format!("{dated}.lz4"),
        (Codec::Xz, _) => format!("{dated}.xz"),
        (Codec::Gzip, Some(directory)) if mixed => {
            let rotated = rules.start + i64::from(plan.day + 1) * DAY;
            format!("{host}{directory}/{}.s", clock::tai64n(rotated))
        }
        (Codec::Gzip, None) if mixed => format!("{host}{source}.log.{}.gz", rules.days - plan.day),
        (Codec::Gzip, _) => format!("{dated}.gz"),
        (Codec::Plain, Some(directory)) if mixed && newest => format!("{host}{directory}/current"),
        (Codec::Plain, None) if mixed && newest => format!("{host}{source}.log"),
        (Codec::Plain, _) => dated,
    }
}
