//! The redaction pipeline alone: lines of one source in, redacted and verified lines out, as they come.
//!
//! One phase: the dictionary is what the caller gives and what was seen so far, and no id is taken to
//! be in scope because of its pairings. No selection and no nexus.

use std::io::{BufRead, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use decostop_profile::{Class, Profile, RuleSet};
use decostop_redact::{Facts, Learner, Ledger, ProfilePlan, Redactor, RequestKey, ScopeIndex, Typed};
use decostop_verify::{CompiledProfile, Ground, Memory, VerifiedBuf, Verifier};

use super::policy_of;
use crate::frame::{Assembler, Lines, Piece};
use crate::request::Request;
use crate::sink::Reason;
use crate::stats::Standing;
use crate::{Error, ErrorKind, Limits, parse};

/// What became of the lines of a stream.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamStats {
    /// Lines read, blank ones left out.
    pub lines: u64,
    /// Lines written.
    pub written: u64,
    /// Lines withheld.
    pub withheld: u64,
}

impl StreamStats {
    /// Writes a record, or counts that it is withheld.
    fn take(&mut self, outcome: Result<VerifiedBuf, Reason>, output: &mut dyn Write) -> Result<(), Error> {
        let Ok(record) = outcome else {
            self.withheld += 1;
            return Ok(());
        };
        output
            .write_all(record.as_verified().as_bytes())
            .and_then(|()| output.write_all(b"\n"))
            .map_err(unwritten)?;
        self.written += 1;
        Ok(())
    }
}

/// The source whose lines are records of an artefact. What verifies under the same request and key is
/// already what redaction would make of it.
pub const ARTEFACT_SOURCE: &str = "decostop";

/// Lines after which the record of pseudonyms given, which a stream does not hand out, is let go.
const LEDGER_LINES: u64 = 10_000;

/// Redacts lines of one source, one at a time.
pub struct LineRedactor {
    plan: Arc<ProfilePlan>,
    /// `None` for records of an artefact.
    source: Option<usize>,
    redactor: Redactor,
    verifier: Verifier,
    facts: Facts,
    limits: Limits,
    scratch: parse::Scratch,
    typed: Vec<Typed>,
    ledger: Ledger,
    memory: Memory,
    lines: u64,
}

impl std::fmt::Debug for LineRedactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LineRedactor({} lines)", self.lines)
    }
}

impl LineRedactor {
    /// A redactor for lines of `source`, or of [`ARTEFACT_SOURCE`]. Without a request nothing is in
    /// scope. `known` is what is known beforehand: foreign accounts; and, for records of an artefact,
    /// the dictionary of its dive.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an unknown source, or a scope or profile that cannot be compiled.
    pub fn new(
        request: Option<&Request>,
        profile: &Arc<Profile>,
        source: &str,
        key: [u8; 32],
        known: &[(Class, String, Standing)],
        limits: &Limits,
    ) -> Result<Self, Error> {
        Self::with_rules(request, profile, RuleSet::builtin(), source, key, known, limits)
    }

    /// As [`Self::new`], with other rules of detectors than the built-in ones.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_rules(
        request: Option<&Request>,
        profile: &Arc<Profile>,
        rules: Arc<RuleSet>,
        source: &str,
        key: [u8; 32],
        known: &[(Class, String, Standing)],
        limits: &Limits,
    ) -> Result<Self, Error> {
        let index = profile.sources.iter().position(|spec| spec.name == source);
        if index.is_none() && source != ARTEFACT_SOURCE {
            let mut known: Vec<&str> = profile.sources.iter().map(|spec| spec.name.as_str()).collect();
            known.push(ARTEFACT_SOURCE);
            let hint = crate::request::near(source, known.iter().copied())
                .unwrap_or_else(|| format!("sources of this profile: {}", known.join(", ")));
            return Err(Error::new(ErrorKind::Config, format!("unknown source `{source}`")).hint(hint));
        }
        let config = |cause: &dyn std::fmt::Display| Error::new(ErrorKind::Config, cause.to_string());
        let plan = Arc::new(
            ProfilePlan::with_rules(Arc::clone(profile), Arc::clone(&rules))
                .map_err(|cause| config(&cause))?,
        );
        let checked =
            CompiledProfile::with_rules(Arc::clone(profile), rules).map_err(|cause| config(&cause))?;
        let scope = request.map(|request| request.scope.clone()).unwrap_or_default();
        let policy = request.map(policy_of).unwrap_or_default();
        let mut learner = Learner::new(limits.max_dictionary);
        let compiled = ScopeIndex::new(&scope).map_err(|cause| config(&cause))?;
        let of = |standing| {
            known
                .iter()
                .filter(move |(_, _, has)| *has == standing)
                .map(|(class, text, _)| (*class, text))
        };
        for (class, text) in of(Standing::Foreign) {
            learner.add_account(class, text, &compiled);
        }
        let facts = Facts::streaming(learner, compiled, &profile.vocabulary.words);
        let ground = Ground {
            scope,
            personal_data: policy.personal_data,
            correlation_ids: policy.correlation_ids.iter().cloned().collect(),
            token_ids: policy.token_ids.iter().cloned().collect(),
            foreign: facts.foreign(),
            linked: of(Standing::Linked)
                .map(|(class, text)| (class, text.clone()))
                .collect(),
            request_key: key,
        };
        let verifier = Verifier::of(&checked, ground).map_err(|cause| config(&cause))?;
        let redactor = Redactor::new(Arc::clone(&plan), policy, &RequestKey::from_bytes(key))
            .map_err(|cause| config(&cause))?;
        Ok(Self {
            plan,
            source: index,
            redactor,
            verifier,
            facts,
            limits: limits.clone(),
            scratch: parse::Scratch::default(),
            typed: Vec::new(),
            ledger: Ledger::default(),
            memory: Memory::default(),
            lines: 0,
        })
    }

    /// Keys of documents whose list holds the records.
    fn record_keys(&self) -> Vec<String> {
        let spec = self.source.and_then(|source| self.plan.spec(source));
        spec.map(|spec| spec.records.clone()).unwrap_or_default()
    }

    /// Redacts and verifies one line, given without its end; `Ok(Err(_))` if it is withheld.
    ///
    /// # Errors
    /// [`ErrorKind::Leak`] when the verifier objects to what the redactor made.
    pub fn line(&mut self, line: &[u8]) -> Result<Result<VerifiedBuf, Reason>, Error> {
        self.lines += 1;
        if self.lines.is_multiple_of(LEDGER_LINES) {
            self.ledger = Ledger::default();
        }
        let Some(source) = self.source else {
            return Ok(self
                .verifier
                .check_with_memory(line.to_vec(), &mut self.memory)
                .map_err(|_| Reason::Undecided));
        };
        let Self {
            plan,
            redactor,
            facts,
            typed,
            ledger,
            ..
        } = self;
        let redacted = parse::with_record(
            plan,
            line,
            Some(source),
            &self.limits,
            &mut self.scratch,
            |record| {
                plan.typed(record, typed).map_err(|_| Reason::DecidingType)?;
                let at = plan.time(record).ok().flatten().ok_or(Reason::Time)?;
                facts.learn(typed, at.ns, &plan.profile.vocabulary.words);
                Ok(redactor.redact(record, typed, facts, at, ledger))
            },
        );
        match redacted.and_then(|outcome| outcome) {
            Err(reason) => Ok(Err(reason)),
            Ok(redacted) => self
                .verifier
                .check_with_memory(redacted.into_bytes(), &mut self.memory)
                .map(Ok)
                .map_err(|leak| {
                    let (rule, place) = (leak.rule(), leak.place());
                    Error::new(
                        ErrorKind::Leak,
                        format!("line {}: the verifier objects: {rule} at {place}", self.lines),
                    )
                }),
        }
    }
}

/// Redacts all lines of `input` to `output`.
///
/// # Errors
/// [`ErrorKind::Source`] or [`ErrorKind::Sink`] when a line cannot be read or written, or as
/// [`LineRedactor::line`]: what was written before is verified, the line at fault was not written.
pub fn redact_stream(
    redactor: &mut LineRedactor,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<StreamStats, Error> {
    let keys = redactor.record_keys();
    let limits = redactor.limits.clone();
    let mut assembler = Assembler::new(&keys, true, &limits);
    let mut stats = StreamStats::default();
    let mut failed = None;
    let mut take = |piece: Piece<'_>| {
        let mut one = |line: Option<&[u8]>| {
            let line = line.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
            if line.is_some_and(|line| line.trim_ascii().is_empty()) {
                return Ok(());
            }
            stats.lines += 1;
            let outcome = line.map_or(Ok(Err(Reason::Length)), |line| redactor.line(line));
            outcome.and_then(|outcome| stats.take(outcome, output))
        };
        let done = match piece {
            Piece::Lines { offset, bytes } => {
                Lines::new(offset, bytes).try_for_each(|line| one(Some(line.bytes)))
            }
            Piece::Record { bytes, .. } => one(Some(bytes)),
            Piece::Overlong { last: true, .. } | Piece::Lost(_) => one(None),
            _ => Ok(()),
        };
        match done {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let mut offset = 0;
    let mut line = Vec::new();
    loop {
        // Lines come out as they come in; a document may be one line of any length.
        let (bytes, whole, used) = if keys.is_empty() {
            match next_line(input, &mut line, limits.max_line_bytes)? {
                Some(whole) => (line.as_slice(), whole, 0),
                None => break,
            }
        } else {
            match input.fill_buf() {
                Ok([]) => break,
                Ok(chunk) => (chunk, true, chunk.len()),
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(unread(cause)),
            }
        };
        let flow = if whole {
            assembler.take(Piece::Lines { offset, bytes }, &mut take)
        } else {
            take(Piece::Overlong {
                offset,
                bytes: &[],
                first: true,
                last: true,
            })
        };
        offset += bytes.len() as u64;
        input.consume(used);
        if flow.is_break() {
            break;
        }
    }
    // Whether it breaks makes no difference any more: why is known.
    let _ = assembler.finish(&mut take);
    if let Some(error) = failed {
        return Err(error);
    }
    output.flush().map_err(unwritten)?;
    Ok(stats)
}

fn unwritten(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Sink, "cannot write the output").because(cause)
}

fn unread(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Source, "cannot read the input").because(cause)
}

/// Reads a line with its end into `line`; `Some(false)` if it is longer than `max` (it is skipped).
fn next_line(input: &mut dyn BufRead, line: &mut Vec<u8>, max: usize) -> Result<Option<bool>, Error> {
    line.clear();
    let (mut whole, mut any) = (true, false);
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(unread(cause)),
        };
        if chunk.is_empty() {
            return Ok(any.then_some(whole));
        }
        any = true;
        let end = memchr::memchr(b'\n', chunk);
        let used = end.map_or(chunk.len(), |end| end + 1);
        let part = chunk.get(..used).unwrap_or_default();
        if line.len() + part.len() > max + usize::from(end.is_some()) {
            whole = false;
        } else if whole {
            line.extend_from_slice(part);
        }
        input.consume(used);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}
