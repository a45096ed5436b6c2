//! Redaction that is built up from what is proven allowed.
//!
//! A [`Redactor`] takes a parsed [`Record`] and gives the JSON line that may be disclosed. It never
//! cuts secrets out of a line: every value of the output is there because its class allows it and its
//! content proves harmless (a closed grammar, an identity in scope, a word of the vocabulary), or it
//! is a [pseudonym](Pseudonyms). What is not proven is dropped.
//!
//! ```text
//! Record -> typed values -> tuples -> standing -> disposition of each field -> Redacted
//!                              ^ Facts: foreign values and name-id links of the whole dive
//! ```
//!
//! Pure: no files, no threads, no clock. Not for deciding what matches a request.

#![forbid(unsafe_code)]

mod credential;
mod detect;
mod digest;
mod encoded;
mod error;
mod event;
mod examine;
mod facts;
mod grammar;
mod identity;
mod json;
mod key;
mod memo;
mod params;
mod plan;
mod record;
mod redactor;
mod route;
mod rules;
mod scope;
mod shown;
mod standing;
mod template;
mod text;
mod texts;
mod time;
mod views;

pub use digest::{DIGEST_BYTES, Digests};
pub use error::Error;
pub use event::{Events, glob_matches};
pub use facts::{Facts, Learned, Learner};
pub use identity::{Ident, Reading, read, read_text};
pub use json::string as quoted;
pub use key::{PseudonymKind, Pseudonyms, RequestKey};
pub use plan::{Place, ProfilePlan, SourcePlan, Typed, WrongType};
pub use record::{Field, Json, Record};
pub use redactor::{CarriedLedger, FieldTally, Ledger, Policy, Redacted, Redactor, Removal};
pub use rules::{RuleFault, check_rules, intern};
pub use scope::{EVER, Match, ScopeIndex, fold};
pub use time::Instant;
