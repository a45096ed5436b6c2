//! Writes a corpus to disk, several files at a time, with the same result for any number of threads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, PoisonError};

use serde::Serialize;

use super::file::{self, Corpus, FilePlan, Report};
use super::options::Options;
use super::request;
use super::source::Source;
use super::truth::{DAMAGE_HEAD, ROWS_HEAD, Seen, Side};
use super::world::{Mark, World};

/// What a corpus turned out to be.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The seed.
    pub seed: u64,
    /// Files below `logs`.
    pub files: u64,
    /// Lines in all files.
    pub lines: u64,
    /// Decoded bytes.
    pub decoded_bytes: u64,
    /// Bytes on disk.
    pub encoded_bytes: u64,
    /// Those inside the window of `request.toml`, without lines that are no records.
    pub lines_in_window: u64,
    /// Lines by source.
    pub lines_by_source: BTreeMap<&'static str, u64>,
    /// Lines that a select of the customer's root namespace matches, whatever the window.
    pub matching: u64,
    /// Those inside the window of `request.toml`.
    pub matching_in_window: u64,
    /// Those inside the window that have nexus to the scope, so that they may be disclosed.
    pub disclosable: u64,
    /// Lines that are no records.
    pub damaged: u64,
    /// The customer's root namespace.
    pub namespace: String,
}

impl Summary {
    pub(crate) fn add(&mut self, report: &Report) {
        self.files += 1;
        self.lines += report.lines;
        self.lines_in_window += report.in_window;
        self.decoded_bytes += report.bytes;
        for (source, lines) in Source::ALL.into_iter().zip(report.by_source) {
            if lines > 0 || Source::USUAL.contains(&source) {
                *self.lines_by_source.entry(source.name()).or_default() += lines;
            }
        }
        self.matching += report.rows.len() as u64;
        for row in report.rows.iter().filter(|row| row.side == Side::Inside) {
            self.matching_in_window += 1;
            self.disclosable += u64::from(row.why.has_nexus());
        }
        self.damaged += report.damages.len() as u64;
    }
}

enum Message {
    Bytes(u64),
    Done(usize, io::Result<Box<Report>>),
}

/// How far the files have been taken into the account, so that workers do not run ahead of it.
#[derive(Default)]
struct Gate {
    taken: Mutex<usize>,
    moved: Condvar,
}

impl Gate {
    fn wait(&self, index: usize, ahead: usize, stop: &AtomicBool) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = |taken: &mut usize| index > *taken + ahead && !stop.load(Ordering::Relaxed);
        drop(self.moved.wait_while(taken, wait));
    }

    fn set(&self, taken: usize) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = taken;
        self.moved.notify_all();
    }
}

/// Writes a corpus below `dir`, which may exist but not hold a corpus. `progress` is told of decoded
/// bytes as they are written.
pub fn write(dir: &Path, options: &Options, progress: &mut dyn FnMut(u64)) -> io::Result<Summary> {
    let (corpus, plans) = super::plan::plan(options);
    let logs = dir.join("logs");
    if logs.exists() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the directory holds a corpus",
        ));
    }
    for plan in &plans {
        let parent = Path::new(&plan.name).parent().unwrap_or(Path::new(""));
        fs::create_dir_all(logs.join(parent))?;
    }
    fs::write(dir.join("request.toml"), request::sirt(&corpus, options.seed))?;
    fs::write(
        dir.join("request-support.toml"),
        request::support(&corpus, options.seed),
    )?;
    let truth = dir.join("truth");
    fs::create_dir_all(&truth)?;

    let threads = options.threads.clamp(1, plans.len().max(1));
    let (send, receive) = sync_channel(threads * 4);
    let (next, stop, gate) = (AtomicUsize::new(0), AtomicBool::new(false), Gate::default());
    let mut account = Account::new(&truth, &corpus, options)?;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let send = send.clone();
            let (corpus, plans, logs, next, stop, gate) = (&corpus, &plans, &logs, &next, &stop, &gate);
            scope.spawn(move || {
                while let Some((index, plan)) = claim(plans, next) {
                    gate.wait(index, threads * 4, stop);
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let report = one(corpus, plan, logs, &send, stop);
                    if send.send(Message::Done(index, report)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut waiting = BTreeMap::new();
        let mut taken = 0;
        let mut failure = None;
        for message in receive {
            match message {
                Message::Bytes(bytes) => progress(bytes),
                Message::Done(index, report) => {
                    waiting.insert(index, report);
                    while let Some(report) = waiting.remove(&taken) {
                        let entered = report.and_then(|report| account.enter(&report));
                        if let Err(error) = entered {
                            stop.store(true, Ordering::Relaxed);
                            failure.get_or_insert(error);
                        }
                        taken += 1;
                        gate.set(taken);
                    }
                }
            }
        }
        failure.map_or(Ok(()), Err)
    })?;
    let mut summary = account.close(&truth)?;
    for plan in &plans {
        summary.encoded_bytes += fs::metadata(logs.join(&plan.name))?.len();
    }
    let json = serde_json::to_vec_pretty(&summary).map_err(io::Error::other)?;
    fs::write(truth.join("summary.json"), json)?;
    Ok(summary)
}

fn claim<'p>(plans: &'p [FilePlan], next: &AtomicUsize) -> Option<(usize, &'p FilePlan)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    plans.get(index).map(|plan| (index, plan))
}

fn one(
    corpus: &Corpus,
    plan: &FilePlan,
    logs: &Path,
    send: &SyncSender<Message>,
    stop: &AtomicBool,
) -> io::Result<Box<Report>> {
    let to = BufWriter::with_capacity(256 << 10, File::create(logs.join(&plan.name))?);
    let mut tick = |bytes| {
        if stop.load(Ordering::Relaxed) || send.send(Message::Bytes(bytes)).is_err() {
            return Err(io::Error::other("another file could not be written"));
        }
        Ok(())
    };
    let (report, mut to) = file::write(corpus, plan, to, &mut tick)?;
    to.flush()?;
    Ok(Box::new(report))
}

/// The ground truth as it grows.
struct Account<'a> {
    world: &'a World,
    records: BufWriter<File>,
    damages: BufWriter<File>,
    secrets: BufWriter<File>,
    unknown: BufWriter<File>,
    seen: Seen,
    near: Seen,
    summary: Summary,
}

impl<'a> Account<'a> {
    fn new(truth: &Path, corpus: &'a Corpus, options: &Options) -> io::Result<Self> {
        let open = |name: &str| File::create(truth.join(name)).map(BufWriter::new);
        let (mut records, mut damages) = (open("records.csv")?, open("damaged.csv")?);
        records.write_all(ROWS_HEAD.as_bytes())?;
        damages.write_all(DAMAGE_HEAD.as_bytes())?;
        Ok(Self {
            world: &corpus.world,
            records,
            damages,
            secrets: open("secrets.txt")?,
            unknown: open("unknown.txt")?,
            seen: Seen::new(&corpus.world),
            near: Seen::new(&corpus.world),
            summary: Summary {
                seed: options.seed,
                namespace: corpus.world.value(Mark::Root, super::world::OURS),
                ..Summary::default()
            },
        })
    }

    fn enter(&mut self, report: &Report) -> io::Result<()> {
        self.summary.add(report);
        self.seen.merge(&report.seen);
        self.near.merge(&report.near);
        for row in &report.rows {
            self.records.write_all(row.csv().as_bytes())?;
        }
        for damage in &report.damages {
            self.damages.write_all(damage.csv().as_bytes())?;
        }
        for secret in &report.secrets {
            writeln!(self.secrets, "{secret}")?;
        }
        for word in &report.unknown {
            writeln!(self.unknown, "{word}")?;
        }
        Ok(())
    }

    fn close(mut self, truth: &Path) -> io::Result<Summary> {
        for file in [
            &mut self.records,
            &mut self.damages,
            &mut self.secrets,
            &mut self.unknown,
        ] {
            file.flush()?;
        }
        let values = Values::new(self.world, &self.seen, &self.near);
        let mut foreign = String::from("class,value,near\n");
        for (class, value, near) in &values.foreign {
            let near = if *near { "yes" } else { "no" };
            let _ = writeln!(foreign, "{class},{value},{near}");
        }
        let mut own = String::from("class,value\n");
        for (class, value) in &values.own {
            let _ = writeln!(own, "{class},{value}");
        }
        fs::write(truth.join("foreign.csv"), foreign)?;
        fs::write(truth.join("own.csv"), own)?;
        fs::write(truth.join("system.txt"), values.system.join("\n") + "\n")?;
        Ok(self.summary)
    }
}

/// The values that occur, sorted out by whose they are.
pub(crate) struct Values {
    pub(crate) foreign: Vec<(&'static str, String, bool)>,
    pub(crate) own: Vec<(&'static str, String)>,
    pub(crate) system: Vec<String>,
}

impl Values {
    pub(crate) fn new(world: &World, seen: &Seen, near: &Seen) -> Self {
        let mut values = Self {
            foreign: Vec::new(),
            own: Vec::new(),
            system: Vec::new(),
        };
        let mut mine = BTreeSet::new();
        for mark in Mark::ALL {
            for index in (0..world.count(mark) as u32).filter(|&index| world.own(mark, index)) {
                mine.insert((mark.class(), world.value(mark, index)));
            }
        }
        let mut known = BTreeSet::new();
        for (mark, index, value) in seen.values(world) {
            let key = (mark.class(), value.clone());
            if mark.class() == "system" {
                values.system.push(value);
            } else if world.own(mark, index) {
                values.own.push((mark.class(), value));
            } else if !mine.contains(&key) && known.insert(key) {
                // What a namesake of the customer's people is called is no secret.
                values.foreign.push((mark.class(), value, near.has(mark, index)));
            }
        }
        values
    }
}
