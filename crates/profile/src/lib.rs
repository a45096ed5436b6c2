//! Profiles: what a platform's logs look like and what each field means, as plain data.
//!
//! A profile is a TOML file. It says which *sources* exist and how their files are named, which
//! *class* each field has, which fields speak of one identity (*tuples*), how paths are built
//! (*routes*), which messages are known (*templates*), which words are harmless (*vocabulary*) and
//! what the public event names stand for. Nothing in this crate acts on a log line: the redactor
//! and the verifier read the same data and share no code beyond it.
//!
//! ```
//! let profile = decostop_profile::Profile::gitlab();
//! let source = profile.source("production_json").expect("a source of the built-in profile");
//! assert_eq!(source.class_of("meta.user"), Some(decostop_profile::Class::User));
//! assert_eq!(source.class_of("a_new_field"), None); // no class: dropped and counted
//! ```
//!
//! Not for: reading logs, deciding what is in scope, or changing a value.

#![forbid(unsafe_code)]

mod builtin;
mod check;
mod consistency;
mod error;
mod line;
mod load;
mod model;
mod recorded;
mod rules;
mod scope;
mod shipped;
mod syntax;
mod values;

pub use check::{CheckFinding, CheckReport};
pub use error::{Error, ErrorKind};
pub use line::{LinePattern, LinePiece, Reach, closing, read_logfmt};
pub use model::{
    Case, Class, ClassRule, Columns, Conditions, Discriminator, Event, Example, FieldSpec, Format, Kind,
    Profile, Role, SetAside, Source, Template, Tuple, Vocabulary, WordSet, Wrappers,
};
pub use rules::{Rule, RuleKind, RuleSet, Validator};
pub use scope::{NamespaceScope, ProjectScope, Scope, UserScope};
pub use values::Values;
