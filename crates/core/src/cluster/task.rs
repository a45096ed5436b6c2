//! What a worker does with a share.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use decostop_redact::{Learned, Learner};

use super::facts::{self, Facts, Taught};
use super::part::PartSink;
use super::seal::{Head, Seal, at};
use super::shard::Common;
use super::{Secret, Shard};
use crate::pipeline::Progress;
use crate::sink::Sink;
use crate::source::MapPolicy;
use crate::stats::Report;
use crate::{Dive, Error, ErrorKind};

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
        let profile = Arc::clone(&dive.profile);
        if self.shard.as_planned(&mut dive.discovery, &profile) {
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

    /// First phase: reads the share and leaves what it teaches in the file `out`. What it could not read as
    /// records is counted as withheld.
    ///
    /// # Errors
    /// As [`Dive::run`](crate::Dive::run); [`ErrorKind::Source`] if an input is not what was planned,
    /// [`ErrorKind::Config`] if `out` is a file that no such step wrote.
    pub fn learn(&self, out: &Path) -> Result<Report, Error> {
        let dive = self.dive()?;
        let (learner, report) = dive.learn()?;
        self.shard.check_inputs()?;
        let learned = learner.export();
        let facts = Facts {
            dive: self.shard.dive.clone(),
            taught: vec![facts::taught(&learned)?],
            learned,
        };
        facts::write(out, &self.secret.seal(), &self.head(), &facts)?;
        Ok(report)
    }

    /// Second phase: reads the share once more and leaves its records in the file `out`, redacted and
    /// verified by the facts of all shares.
    ///
    /// # Errors
    /// As [`Dive::run`](crate::Dive::run); [`ErrorKind::Source`] if an input is not what was planned,
    /// [`ErrorKind::Config`] if the facts are of another plan, or `out` is a file that no such step wrote.
    pub fn redact(&self, facts: &Path, out: &Path) -> Result<Report, Error> {
        let seal = self.secret.seal();
        let (facts, digest) = self.facts(facts, &seal)?;
        let then = self.taught(&facts);
        let mut sink = PartSink::create(out, &seal, &self.head(), digest, self.shard.inputs())?;
        let dive = self.dive()?;
        let check = |learner: &Learner| self.check_taught(then, learner);
        let learner = import(&self.shard.dive, facts.learned);
        let (report, ledgered) = dive.work(Some((learner, &check)), &mut sink)?;
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
        let (facts, _) = self.facts(facts, &self.secret.seal())?;
        let then = self.taught(&facts);
        let dive = self.dive()?;
        let check = |learner: &Learner| self.check_taught(then, learner);
        let learner = import(&self.shard.dive, facts.learned);
        let report = dive.finish(Some((learner, &check)), sink)?;
        self.shard.check_inputs()?;
        Ok(report)
    }

    /// The facts of all shares, and their digest.
    fn facts(&self, path: &Path, seal: &Seal) -> Result<(Facts, [u8; 32]), Error> {
        let facts = facts::read(path, seal)?;
        if facts.head.ordinal.is_some() {
            return Err(at(path, "holds the facts of one share")
                .hint("what is foreign is known when all shares were read: `decostop merge` puts their facts together"));
        }
        if facts.head.plan != self.shard.plan() || facts.facts.dive != self.shard.dive {
            return Err(at(path, "holds the facts of another plan"));
        }
        Ok((facts.facts, facts.digest))
    }

    /// What this share taught when it was learned from.
    fn taught(&self, facts: &Facts) -> Option<Taught> {
        let taught = facts.taught.get(self.shard.ordinal() as usize);
        taught.copied().flatten()
    }

    /// Checks that the inputs teach what they taught. Where a worker read less of them, or something else,
    /// names that are in them now are missing from the facts, and would stay in the texts of all shares.
    /// And that the inputs are still what was planned, before anything of them goes anywhere.
    fn check_taught(&self, then: Option<Taught>, learner: &Learner) -> Result<(), Error> {
        self.shard.check_inputs()?;
        let now = facts::taught(&learner.export())?;
        if then.is_none() || now.is_none() || then == now {
            return Ok(());
        }
        let message = format!(
            "the files of share {} do not teach what was learned from them",
            self.shard.ordinal()
        );
        Err(Error::new(ErrorKind::Source, message).hint(
            "a worker could not read all of them, or they were changed: learn from this share again, and merge",
        ))
    }
}

pub(super) fn import(dive: &Common, learned: Learned) -> Learner {
    Learner::import(learned, dive.max_dictionary())
}
