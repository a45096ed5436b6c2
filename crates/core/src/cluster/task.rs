//! What a worker does with a share.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use decostop_redact::{Learned, Learner};

use super::facts::{self, Facts};
use super::part::PartSink;
use super::seal::{Head, Seal, at};
use super::{Secret, Shard};
use crate::pipeline::Progress;
use crate::sink::Sink;
use crate::source::MapPolicy;
use crate::stats::Report;
use crate::{Dive, Error, ErrorKind, Limits};

/// A share and how it is worked on.
pub struct Task {
    shard: Shard,
    secret: Secret,
    threads: usize,
    map_policy: MapPolicy,
    now: SystemTime,
    progress: Arc<Progress>,
    cancel: Arc<AtomicBool>,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Task(share {} of {})", self.shard.ordinal(), self.shard.of())
    }
}

impl Task {
    /// Work on a share, with the key that all steps of its dive take.
    pub fn new(shard: Shard, secret: Secret) -> Self {
        Self {
            shard,
            secret,
            threads: 0,
            map_policy: MapPolicy::read(),
            now: SystemTime::UNIX_EPOCH,
            progress: Arc::default(),
            cancel: Arc::default(),
        }
    }

    /// As [`DiveBuilder::threads`](crate::DiveBuilder::threads).
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// As [`DiveBuilder::map_policy`](crate::DiveBuilder::map_policy).
    #[must_use]
    pub fn map_policy(mut self, policy: MapPolicy) -> Self {
        self.map_policy = policy;
        self
    }

    /// As [`DiveBuilder::now`](crate::DiveBuilder::now).
    #[must_use]
    pub fn now(mut self, now: SystemTime) -> Self {
        self.now = now;
        self
    }

    /// As [`DiveBuilder::progress`](crate::DiveBuilder::progress).
    #[must_use]
    pub fn progress(mut self, progress: Arc<Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// As [`DiveBuilder::cancel`](crate::DiveBuilder::cancel).
    #[must_use]
    pub fn cancel(mut self, cancel: Arc<AtomicBool>) -> Self {
        self.cancel = cancel;
        self
    }

    fn dive(&self) -> Result<Dive, Error> {
        self.shard.check_inputs()?;
        let builder = self
            .shard
            .dive
            .builder()?
            .inputs(self.shard.paths().map(Path::to_path_buf))
            .threads(self.threads)
            .map_policy(self.map_policy)
            .now(self.now)
            .progress(Arc::clone(&self.progress))
            .cancel(Arc::clone(&self.cancel));
        let mut dive = self.secret.given_to(builder).build()?;
        let found = dive.discovery.inputs.iter().map(|input| input.path.as_path());
        if dive.discovery.problems.is_empty() && found.eq(self.shard.paths()) {
            let profile = Arc::clone(&dive.profile);
            self.shard.as_planned(&mut dive.discovery, &profile);
            Ok(dive)
        } else {
            Err(Error::new(
                ErrorKind::Source,
                "the files of the share are not those that were planned",
            )
            .hint("every worker needs the same files under the same paths"))
        }
    }

    fn head(&self) -> Head {
        Head {
            plan: self.shard.plan().to_owned(),
            ordinal: Some(self.shard.ordinal()),
            of: self.shard.of(),
        }
    }

    /// First phase: reads the share and leaves what it teaches in the file `out`.
    ///
    /// # Errors
    /// As [`Dive::run`](crate::Dive::run); [`ErrorKind::Source`] if an input is not what was planned.
    pub fn learn(&self, out: &Path) -> Result<Report, Error> {
        let dive = self.dive()?;
        let (learner, report) = dive.learn()?;
        self.shard.check_inputs()?;
        let facts = Facts {
            dive: self.shard.dive.clone(),
            learned: learner.export(),
        };
        facts::write(out, &self.secret.seal(), &self.head(), &facts)?;
        Ok(report)
    }

    /// Second phase: reads the share once more and leaves its records in the file `out`, redacted and
    /// verified by the facts of all shares.
    ///
    /// # Errors
    /// As [`Dive::run`](crate::Dive::run); [`ErrorKind::Source`] if an input is not what was planned,
    /// [`ErrorKind::Config`] if the facts are of another plan.
    pub fn redact(&self, facts: &Path, out: &Path) -> Result<Report, Error> {
        let seal = self.secret.seal();
        let (learned, digest) = self.facts(facts, &seal)?;
        let mut sink = PartSink::create(out, &seal, &self.head(), digest, self.shard.inputs())?;
        let dive = self.dive()?;
        let (report, ledgered) = dive.work(Some(import(learned)), &mut sink)?;
        self.shard.check_inputs()?;
        sink.close(&report, &ledgered.ledger)?;
        Ok(report)
    }

    /// As [`Task::redact`], with the records handed to `sink`, in order: for a cluster that puts them
    /// together itself. What is counted and kept as evidence covers this share.
    ///
    /// # Errors
    /// As [`Task::redact`], and what the sink said.
    pub fn redact_into(&self, facts: &Path, sink: &mut dyn Sink) -> Result<Report, Error> {
        let (learned, _) = self.facts(facts, &self.secret.seal())?;
        let dive = self.dive()?;
        let report = dive.finish(Some(import(learned)), sink)?;
        self.shard.check_inputs()?;
        Ok(report)
    }

    /// The facts of all shares, and their digest.
    fn facts(&self, path: &Path, seal: &Seal) -> Result<(Learned, [u8; 32]), Error> {
        let facts = facts::read(path, seal)?;
        if facts.head.ordinal.is_some() {
            return Err(at(path, "holds the facts of one share")
                .hint("what is foreign is known when all shares were read: `decostop merge` puts their facts together"));
        }
        if facts.head.plan != self.shard.plan() || facts.facts.dive != self.shard.dive {
            return Err(at(path, "holds the facts of another plan"));
        }
        Ok((facts.facts.learned, facts.digest))
    }
}

pub(super) fn import(learned: Learned) -> Learner {
    Learner::import(learned, Limits::default().max_dictionary)
}
