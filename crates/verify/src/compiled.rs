//! What verifiers of one profile have in common, whatever they know of a request.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use decostop_profile::{Profile, RuleSet};
use foldhash::fast::RandomState;

use crate::closure::{EventGrammar, Routes, SourcePlan, Templates};
use crate::error::Error;
use crate::internal::Internal;
use crate::survival::Rules;

/// A profile as this crate reads it, for any number of [`crate::Verifier`]s. It holds nothing that a dive
/// learned.
#[derive(Clone)]
pub struct CompiledProfile {
    pub(crate) profile: Arc<Profile>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) events: Arc<EventGrammar>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) templates: Arc<Templates>,
    pub(crate) internal: Arc<Internal>,
    pub(crate) rules: Rules,
}

impl CompiledProfile {
    /// Compiles a profile, with the built-in detector rules.
    ///
    /// # Errors
    /// When it has a route, template or address range that this crate cannot read.
    pub fn new(profile: Arc<Profile>) -> Result<Self, Error> {
        Self::of(profile, Rules::built_in())
    }

    /// As [`Self::new`], with these detector rules, those that the redactor has. The rules of this crate's
    /// own are held against everything besides, so that no rule file can weaken them.
    ///
    /// # Errors
    /// As [`Self::new`], and when the pattern of a rule is no regular expression.
    pub fn with_rules(profile: Arc<Profile>, rules: Arc<RuleSet>) -> Result<Self, Error> {
        Self::of(profile, Rules::with(rules)?)
    }

    fn of(profile: Arc<Profile>, rules: Rules) -> Result<Self, Error> {
        Ok(Self {
            rules,
            sources: Arc::new(Sources::new(Arc::clone(&profile))),
            events: Arc::new(EventGrammar::new(&profile)),
            routes: Arc::new(Routes::new(&profile)?),
            templates: Arc::new(Templates::new(&profile)?),
            internal: Arc::new(Internal::new(&profile)?),
            profile,
        })
    }

    /// Compiles ahead of the first text what every text is held against, for a caller with a thread to spare.
    pub fn warm(&self) {
        self.rules.warm(&self.internal);
    }

    /// The profile.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }
}

impl std::fmt::Debug for CompiledProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CompiledProfile({})", self.profile.name)
    }
}

/// The sources of a profile, each compiled at its first record: a dive meets few of them.
pub(crate) struct Sources {
    profile: Arc<Profile>,
    plans: HashMap<Box<str>, (usize, OnceLock<SourcePlan>), RandomState>,
}

impl Sources {
    fn new(profile: Arc<Profile>) -> Self {
        let names = profile.sources.iter().map(|source| source.name.as_str().into());
        let plans = names.zip((0..).map(|at| (at, OnceLock::new()))).collect();
        Self { profile, plans }
    }

    /// Whether there is a source of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.plans.contains_key(name)
    }

    /// A source by name.
    pub(crate) fn get(&self, name: &str) -> Option<&SourcePlan> {
        let (at, plan) = self.plans.get(name)?;
        let source = self.profile.sources.get(*at)?;
        Some(plan.get_or_init(|| SourcePlan::new(source)))
    }

    /// Every source.
    pub(crate) fn values(&self) -> impl Iterator<Item = &SourcePlan> {
        self.plans.keys().filter_map(|name| self.get(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{filled, ground};
    use crate::{Ground, Verifier};

    #[test]
    fn verifiers_of_one_compiled_profile_know_their_own_ground_alone() {
        let compiled = CompiledProfile::new(Profile::gitlab()).expect("the built-in profile compiles");
        let ours = Verifier::of(&compiled, ground(true)).expect("a sound ground");
        let stranger = Verifier::of(&compiled, Ground::default()).expect("a sound ground");
        let record = |value: &str| {
            let value = filled(value);
            format!(r#"{{"time":"2026-11-01T00:00:00Z","source":"production_json","meta.user":"{value}"}}"#)
        };
        for value in ["alice", "<user:mallory>"] {
            let record = record(value);
            assert!(ours.check(record.as_bytes()).is_ok(), "{value}");
            assert!(stranger.check(record.as_bytes()).is_err(), "{value}");
            assert!(ours.check(record.as_bytes()).is_ok(), "{value}, once more");
        }
        assert!(compiled.sources.has("sidekiq") && !compiled.sources.has("surplus"));
        assert_eq!(compiled.sources.values().count(), compiled.profile.sources.len());
    }
}
