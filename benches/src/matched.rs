//! Records that a request matches, in memory, and what redacts and verifies them: the two stages that a
//! broad dive is bound by, to be run again and again with this or that set of rules.

use std::sync::{Arc, Mutex, PoisonError};

use decostop::Limits;
use decostop::frame::Lines;
use decostop::parse::{self, with_record};
use decostop::query::{QueryPlan, scope_index};
use decostop::request::Request;
use decostop_profile::{Profile, RuleSet};
use decostop_redact::{
    Facts, Instant, Learner, Ledger, Policy, ProfilePlan, Record, Redactor, RequestKey, Typed,
};
use decostop_verify::{CompiledProfile, Ground, Memory, Verifier};

use crate::{Corpus, Inputs, KEY, keep};

/// A record that is to be redacted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Item {
    /// As parsed.
    pub record: Record<'static>,
    /// Its typed values.
    pub typed: Vec<Typed>,
    /// Its time.
    pub at: Instant,
    /// Bytes of its line.
    pub line_bytes: u64,
}

/// The records of a corpus that its request matches and that have nexus, with what a dive learns of them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Matched {
    /// In the order in which they were found.
    pub items: Vec<Item>,
    /// Bytes of their lines.
    pub line_bytes: u64,
    request: Request,
    profile: Arc<Profile>,
    facts: Facts,
}

/// Whether a request selects a record.
pub fn is_match(plan: &ProfilePlan, query: &QueryPlan, record: &Record<'_>, typed: &mut Vec<Typed>) -> bool {
    plan.typed(record, typed).is_ok()
        && matches!(plan.time(record), Ok(Some(at)) if query.in_window(at.ns))
        && query.matches(plan, record, typed)
}

impl Matched {
    /// Reads a corpus and keeps what its own request matches.
    pub fn of(corpus: &Corpus) -> Self {
        let plan = ProfilePlan::new(Profile::gitlab()).expect("the built-in profile compiles");
        let request = corpus.request();
        let query = QueryPlan::new(&request, &plan);
        let records = Mutex::new(Vec::new());
        Inputs::of(corpus).decode(1, &|segment| {
            let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut scratch, mut typed) = (parse::Scratch::default(), Vec::new());
            for line in Lines::new(0, segment.bytes) {
                let limits = Limits::default();
                let take =
                    |record: &Record<'_>| is_match(&plan, &query, record, &mut typed).then(|| keep(record));
                let kept = with_record(&plan, line.bytes, segment.source, &limits, &mut scratch, take);
                let kept = kept.expect("every line of the corpus is a record");
                records.extend(kept.map(|record| (record, line.bytes.len() as u64)));
            }
            0
        });
        let records = records.into_inner().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(
            records.len() as u64,
            corpus.truth().matching_in_window,
            "records that match"
        );
        let matched = Self::new(request, &plan, records);
        assert_eq!(
            matched.items.len() as u64,
            corpus.truth().disclosable,
            "records with nexus"
        );
        matched
    }

    /// Of records that a request matches, each with the bytes of its line, those with nexus.
    pub fn new(request: Request, plan: &ProfilePlan, records: Vec<(Record<'static>, u64)>) -> Self {
        let scope = || scope_index(&request).unwrap_or_else(|error| panic!("{error}"));
        let compiled = scope();
        let mut learner = Learner::new(Limits::default().max_dictionary);
        let mut items = Vec::new();
        for (record, line_bytes) in records {
            let mut typed = Vec::new();
            plan.typed(&record, &mut typed)
                .expect("it matched, so its fields have their types");
            let at = plan.time(&record).ok().flatten();
            let at = at.expect("it matched, so it has a time");
            learner.observe(&typed, &compiled, at.ns, impersonation(plan, &record));
            items.push(Item {
                record,
                typed,
                at,
                line_bytes,
            });
        }
        let profile = Arc::clone(&plan.profile);
        let facts = learner.freeze(scope(), &profile.vocabulary.words);
        let mut matched = Self {
            items: Vec::new(),
            line_bytes: 0,
            request,
            profile,
            facts,
        };
        let stages = matched.stages(&RuleSet::builtin());
        items.retain(|item| stages.redactor.has_nexus(&item.typed, &matched.facts, item.at.ns));
        matched.line_bytes = items.iter().map(|item| item.line_bytes).sum();
        matched.items = items;
        matched
    }

    /// What redacts and verifies these records, with these rules and no others (but for those that the
    /// verifier has of its own).
    pub fn stages(&self, rules: &Arc<RuleSet>) -> Stages {
        let Self { request, profile, .. } = self;
        let plan = ProfilePlan::with_rules(Arc::clone(profile), Arc::clone(rules));
        let compiled = CompiledProfile::with_rules(Arc::clone(profile), Arc::clone(rules));
        let personal_data = request.disclosure.personal_data;
        let policy = Policy {
            personal_data,
            ..Policy::default()
        };
        let key = RequestKey::derive(&KEY, &request.id);
        let plan = Arc::new(plan.expect("the profile and the rules compile"));
        let ground = Ground {
            scope: request.scope.clone(),
            personal_data,
            foreign: self.facts.foreign(),
            linked: self.facts.linked_ids(),
            request_key: *key.as_bytes(),
            ..Ground::default()
        };
        let verifier = compiled.and_then(|compiled| Verifier::of(&compiled, ground));
        Stages {
            redactor: Redactor::new(plan, policy, &key).expect("the templates compile"),
            verifier: verifier.expect("the profile and the rules compile"),
        }
    }

    /// Redacts each record, as one worker of a dive does.
    pub fn redact(&self, stages: &Stages, mut each: impl FnMut(Vec<u8>)) {
        let mut ledger = Ledger::default();
        for Item {
            record, typed, at, ..
        } in &self.items
        {
            let redacted = stages
                .redactor
                .redact(record, typed, &self.facts, *at, &mut ledger);
            each(redacted.into_bytes());
        }
    }

    /// All of them, redacted.
    pub fn redacted(&self, stages: &Stages) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        self.redact(stages, |record| all.push(record));
        all
    }
}

/// The second half of a dive.
#[derive(Debug)]
#[non_exhaustive]
pub struct Stages {
    /// Makes records.
    pub redactor: Redactor,
    /// Holds them against the facts.
    pub verifier: Verifier,
}

impl Stages {
    /// How many records pass, as one worker of a dive verifies them.
    pub fn verify<'r>(&self, records: impl IntoIterator<Item = &'r Vec<u8>>) -> u64 {
        let mut memory = Memory::default();
        let passes = |record: &&Vec<u8>| {
            let verified = self.verifier.check_with_memory((*record).clone(), &mut memory);
            verified.is_ok()
        };
        records.into_iter().filter(passes).count() as u64
    }
}

/// As a dive tells: whether a record says that somebody began, or ended, to act as somebody else.
fn impersonation(plan: &ProfilePlan, record: &Record<'_>) -> Option<bool> {
    let events = &plan.source(record.source)?.events;
    let raw = plan.raw_event(record)?;
    let mut names = events
        .public(&raw)
        .into_iter()
        .filter_map(|index| events.name(index));
    names.find_map(|name| match name {
        "impersonation.started" => Some(true),
        "impersonation.stopped" => Some(false),
        _ => None,
    })
}
