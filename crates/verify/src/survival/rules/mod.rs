//! The detectors: what a secret, a personal datum or a system value looks like.
//!
//! Two opinions on every view. The *shared* rules (`shared`) are the data that the redactor works by, run by
//! another engine: no automaton over their keywords and no window around an anchor, but literals that this
//! crate reads off each pattern (`needs`), so that a rule whose keywords or whose longest match are wrong
//! is found all the same. The *own* rules (`own`, in `data/rules.toml`) are this crate's, whatever rules a
//! dive was given: a hole in the shared files is no hole here.

mod check;
mod needs;
mod own;
mod shared;

use std::sync::{Arc, OnceLock};

use decostop_profile::RuleSet;

use self::own::Own;
use self::shared::Shared;
use crate::error::Error;
use crate::internal::Internal;

/// Of the kinds that a manifest holds: a version, a reference, an event.
const TYPICAL: [&str; 3] = ["0.2.3", "ticket 456789", "raw:*"];

/// Both opinions; compiled when the first view is held against them.
#[derive(Clone)]
pub(crate) struct Rules {
    shared: Arc<Shared>,
}

impl Rules {
    /// With the built-in shared rules.
    pub(crate) fn built_in() -> Self {
        static BUILT_IN: OnceLock<Arc<Shared>> = OnceLock::new();
        let shared = BUILT_IN.get_or_init(|| Arc::new(Shared::built_in()));
        Self {
            shared: Arc::clone(shared),
        }
    }

    /// With these shared rules.
    ///
    /// # Errors
    /// When a pattern is no regular expression.
    pub(crate) fn with(rules: Arc<RuleSet>) -> Result<Self, Error> {
        // Compiled once for all verifiers of a process.
        if Arc::ptr_eq(&rules, &RuleSet::builtin()) {
            return Ok(Self::built_in());
        }
        Ok(Self {
            shared: Arc::new(Shared::new(rules)?),
        })
    }

    /// Compiles what every view needs, and the rules that a manifest calls.
    pub(crate) fn warm(&self, internal: &Internal) {
        Own::built_in();
        for text in TYPICAL {
            self.shared.find(text, internal);
        }
    }

    /// The id of a rule that a view breaks, behind `survival.`.
    pub(crate) fn find<'r>(&'r self, view: &str, internal: &Internal) -> Option<&'r str> {
        Own::built_in()
            .find(view, internal)
            .or_else(|| self.shared.find(view, internal))
    }
}

#[cfg(test)]
mod tests;
