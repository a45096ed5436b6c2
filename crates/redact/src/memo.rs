//! What a worker remembers of texts that come over and over: user agents, messages, paths, events.
//!
//! An answer is remembered only if nothing but its text, and what [`Memo::begin`] is told, decides it. Holds
//! values of the log; bounded, never printed, never merged.

use std::collections::HashMap;

use decostop_profile::Class;
use foldhash::fast::RandomState;

use crate::shown::Shown;

/// Texts that are remembered, of each kind; with more, all are forgotten.
const MAX_TEXTS: usize = 2048;
/// Longest of them, in bytes.
const MAX_TEXT_BYTES: usize = 512;

/// What an answer is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// Whether an event may be told, of a field that is not closed.
    OpenEvent,
    /// The same of one that is closed.
    ListedEvent,
    Agent,
    Resource,
    Text,
}

/// Kinds of [`Subject`].
const SUBJECTS: usize = 5;

impl Subject {
    /// Of values of this class, if they are worth it.
    pub(crate) fn of(class: Class) -> Option<Self> {
        match class {
            Class::Agent => Some(Self::Agent),
            Class::Resource => Some(Self::Resource),
            Class::Text => Some(Self::Text),
            _ => None,
        }
    }
}

/// Everything beside a text that decides what becomes of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Given {
    /// Stamps of the redactor and of the facts.
    pub(crate) stamps: (u64, u64),
    /// The stretch of time in which the same scope entries hold.
    pub(crate) era: usize,
}

/// Remembered answers.
#[derive(Default)]
pub(crate) struct Memo {
    given: Given,
    /// By subject, for actors that are not in scope and for those that are.
    told: [[HashMap<Box<str>, Shown, RandomState>; 2]; SUBJECTS],
}

impl Memo {
    /// Forgets what was decided by anything else.
    pub(crate) fn begin(&mut self, given: Given) {
        if self.given != given {
            *self = Self {
                given,
                ..Self::default()
            };
        }
    }

    fn of(&mut self, subject: Subject, own: bool) -> Option<&mut HashMap<Box<str>, Shown, RandomState>> {
        self.told.get_mut(subject as usize)?.get_mut(usize::from(own))
    }

    pub(crate) fn recall(&mut self, subject: Subject, own: bool, text: &str) -> Option<&Shown> {
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
        self.of(subject, own)?.get(text)
    }

    pub(crate) fn keep(&mut self, subject: Subject, own: bool, text: &str, shown: &Shown) {
        if text.len() > MAX_TEXT_BYTES || shown.length() > 2 * MAX_TEXT_BYTES {
            return;
        }
        let Some(told) = self.of(subject, own) else {
            return;
        };
        if told.len() >= MAX_TEXTS {
            told.clear();
        }
        told.insert(text.into(), shown.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use decostop_profile::{Profile, Scope, UserScope};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Field, Instant, Json, Learner, Ledger, Policy, ProfilePlan, Record, Redactor, RequestKey, ScopeIndex,
    };

    /// Alice is in scope for a time, Mallory is nobody's.
    fn redacted(
        records: &[(usize, usize, usize)],
        mut ledger: impl FnMut() -> Option<Ledger>,
    ) -> Vec<String> {
        let plan = Arc::new(ProfilePlan::new(Profile::gitlab()).expect("a plan"));
        let alice = UserScope {
            username: "alice".into(),
            since: Some("2026-11-01T10:00:00Z".into()),
            until: Some("2026-11-01T12:00:00Z".into()),
            ..UserScope::default()
        };
        let index = |users| {
            let scope = Scope {
                users,
                ..Scope::default()
            };
            ScopeIndex::new(&scope).expect("a sound scope")
        };
        let mut learner = Learner::default();
        learner.add_account(Class::User, "mallory", &index(vec![alice.clone()]));
        let facts = learner.freeze(index(vec![alice]), &plan.profile.vocabulary.words);
        let policy = Policy {
            personal_data: true,
            ..Policy::default()
        };
        let key = RequestKey::from_bytes([7; 32]);
        let redactor = Redactor::new(Arc::clone(&plan), policy, &key).expect("a redactor");
        let mut sources = plan.profile.sources.iter();
        let source = sources.position(|source| source.name == "production_json");
        let texts = [
            "user alice logged in",
            "user mallory logged in",
            "token glpat-aaaaaaaaaaaaaaaaaaaa",
        ];
        let agents = ["curl/8.1 alice", "Mozilla/5.0 (X11) Firefox/12.0"];
        let mut held = Ledger::default();
        let mut one = |&(hour, actor, text): &(usize, usize, usize)| {
            let time = format!("2026-11-01T{:02}:00:00Z", 9 + hour);
            let fields = [
                ("time", time.as_str()),
                ("meta.user", ["alice", "mallory"][actor]),
                ("message", texts[text]),
                ("ua", agents[text % 2]),
                (
                    "path",
                    ["/alice", "/mallory/x/-/issues?search=alice", "/nowhere/at/all"][text],
                ),
            ];
            let raws = fields.map(|(_, value)| format!("\"{value}\""));
            let record = Record {
                source: source.expect("a built-in source"),
                fields: std::iter::zip(fields, &raws)
                    .map(|((name, value), raw)| Field {
                        name: name.into(),
                        value: Json::String(value.into()),
                        raw: Cow::Borrowed(raw),
                    })
                    .collect(),
                envelope_time: None,
            };
            let mut typed = Vec::new();
            plan.typed(&record, &mut typed).expect("sound types");
            let at = Instant::parse(&time).expect("an instant");
            if let Some(fresh) = ledger() {
                held = fresh;
            }
            let shown = redactor.redact(&record, &typed, &facts, at, &mut held);
            format!(
                "{} {:?}",
                String::from_utf8_lossy(shown.as_bytes()),
                shown.removals()
            )
        };
        records.iter().map(&mut one).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_seen_before_changes_nothing(
            records in prop::collection::vec((0..4usize, 0..2usize, 0..3usize), 1..40)
        ) {
            let fresh = redacted(&records, || Some(Ledger::default()));
            prop_assert_eq!(redacted(&records, || None), fresh);
        }
    }

    #[test]
    fn an_answer_holds_for_what_it_was_given_and_no_longer() {
        let given = |era| Given { stamps: (1, 2), era };
        let mut memo = Memo::default();
        memo.begin(given(0));
        memo.keep(Subject::Agent, true, "curl/8", &Shown::Raw);
        assert!(matches!(
            memo.recall(Subject::Agent, true, "curl/8"),
            Some(Shown::Raw)
        ));
        assert!(memo.recall(Subject::Agent, false, "curl/8").is_none());
        assert!(memo.recall(Subject::Text, true, "curl/8").is_none());
        memo.begin(given(0));
        assert!(memo.recall(Subject::Agent, true, "curl/8").is_some());
        memo.begin(given(1));
        assert!(memo.recall(Subject::Agent, true, "curl/8").is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let mut memo = Memo::default();
        for nth in 0..3 * MAX_TEXTS {
            memo.keep(Subject::Text, false, &nth.to_string(), &Shown::Raw);
        }
        assert!(memo.of(Subject::Text, false).expect("a map").len() <= MAX_TEXTS);
        let long = "a".repeat(MAX_TEXT_BYTES + 1);
        memo.keep(Subject::Text, false, &long, &Shown::Raw);
        assert!(memo.recall(Subject::Text, false, &long).is_none());
    }
}
