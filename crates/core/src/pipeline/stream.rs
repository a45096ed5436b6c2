//! The redaction pipeline alone: lines of one source in, redacted and verified lines out, as they come.
//!
//! One phase: the dictionary is what the caller gives and what was seen so far, and no id is taken to
//! be in scope because of its pairings. No selection and no nexus.

use std::io::{BufRead, Write};
use std::sync::Arc;

use decostop_profile::{Class, Profile, Scope};
use decostop_redact::{Facts, Ledger, Learner, Policy, ProfilePlan, Redactor, RequestKey, ScopeIndex};
use decostop_verify::{Ground, Verifier};

use crate::request::Request;
use crate::sink::Reason;
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

/// Redacts lines of `source`. Without a request nothing is in scope.
///
/// # Errors
/// [`ErrorKind::Config`] for an unknown source, [`ErrorKind::Source`] or [`ErrorKind::Sink`] when a line
/// cannot be read or written, [`ErrorKind::Leak`] when the verifier objects: what was written before is
/// verified, the line at fault was not written.
pub fn redact_stream(
    request: Option<&Request>,
    profile: &Arc<Profile>,
    source: &str,
    key: [u8; 32],
    accounts: &[(Class, String)],
    limits: &Limits,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<StreamStats, Error> {
    let index = profile.sources.iter().position(|spec| spec.name == source).ok_or_else(|| {
        let known: Vec<&str> = profile.sources.iter().map(|spec| spec.name.as_str()).collect();
        Error::new(ErrorKind::Config, format!("unknown source `{source}`")).hint(format!("sources of this profile: {}", known.join(", ")))
    })?;
    let config = |cause: &dyn std::fmt::Display| Error::new(ErrorKind::Config, cause.to_string());
    let plan = Arc::new(ProfilePlan::new(Arc::clone(profile)).map_err(|cause| config(&cause))?);
    let scope = request.map(|request| request.scope.clone()).unwrap_or_default();
    let policy = Policy { personal_data: request.is_some_and(|request| request.disclosure.personal_data), ..Policy::default() };
    let words = &profile.vocabulary.words;
    let mut learner = Learner::new(limits.max_dictionary);
    let index_of = |scope: &Scope| ScopeIndex::new(scope).map_err(|cause| config(&cause));
    let compiled = index_of(&scope)?;
    for (class, text) in accounts {
        learner.add_account(*class, text, &compiled);
    }
    let mut facts = Facts::streaming(learner, compiled, words);
    let ground = Ground {
        scope,
        personal_data: policy.personal_data,
        foreign: facts.foreign(),
        request_key: key,
        ..Ground::default()
    };
    let verifier = Verifier::new(Arc::clone(profile), ground).map_err(|cause| config(&cause))?;
    let redactor = Redactor::new(Arc::clone(&plan), policy, &RequestKey::from_bytes(key)).map_err(|cause| config(&cause))?;
    let mut stats = StreamStats::default();
    let (mut line, mut scratch, mut typed, mut ledger) = (Vec::new(), parse::Scratch::default(), Vec::new(), Ledger::default());
    while let Some(whole) = next_line(input, &mut line, limits.max_line_bytes)? {
        if line.trim_ascii().is_empty() && whole {
            continue;
        }
        stats.lines += 1;
        if !whole {
            stats.withheld += 1;
            continue;
        }
        let redacted = parse::with_record(&plan, &line, Some(index), limits, &mut scratch, |record| {
            plan.typed(record, &mut typed).map_err(|_| Reason::DecidingType)?;
            let at = plan.time(record).ok().flatten().ok_or(Reason::Time)?;
            facts.learn(&typed, at.ns, words);
            Ok(redactor.redact(record, &typed, &facts, at, &mut ledger))
        });
        match redacted.and_then(|outcome| outcome) {
            Err(_) => stats.withheld += 1,
            Ok(redacted) => {
                let record = verifier.check_owned(redacted.into_bytes()).map_err(|leak| {
                    Error::new(ErrorKind::Leak, format!("line {}: the verifier objects: {} at {}", stats.lines, leak.rule(), leak.place()))
                })?;
                let written = output.write_all(record.as_verified().as_bytes()).and_then(|()| output.write_all(b"\n"));
                written.map_err(|cause| Error::new(ErrorKind::Sink, "cannot write the output").because(cause))?;
                stats.written += 1;
            }
        }
    }
    output.flush().map_err(|cause| Error::new(ErrorKind::Sink, "cannot write the output").because(cause))?;
    Ok(stats)
}

/// Reads a line without its end into `line`; `Some(false)` if it is longer than `max` (it is skipped).
fn next_line(input: &mut dyn BufRead, line: &mut Vec<u8>, max: usize) -> Result<Option<bool>, Error> {
    line.clear();
    let (mut whole, mut any) = (true, false);
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(Error::new(ErrorKind::Source, "cannot read the input").because(cause)),
        };
        if chunk.is_empty() {
            return Ok(any.then_some(whole));
        }
        any = true;
        let end = memchr::memchr(b'\n', chunk);
        let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        if line.len() + part.len() > max {
            whole = false;
        } else if whole {
            line.extend_from_slice(part);
        }
        let used = end.map_or(chunk.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}
