//! The second pair of eyes: nothing is handed out that this crate has not read and understood.
//!
//! It shares no code with the redactor or the engine, only the plain data of a profile. Its JSON
//! reader, its decoders, its idea of a scope and of a pseudonym are its own, so that one mistake is
//! not made twice. What it cannot place is a finding: there is no "probably fine".
//!
//! ```text
//! record --reader--> fields --closure--> residues --survival--> Verified
//!                      |                    |                     (or a Leak: rule and place,
//!                 strict JSON,         what no rule could          never the value)
//!                 no key twice         prove, blanked elsewhere
//! ```
//!
//! *Closure* asks of every field whether it is among what is allowed: the names that a source may
//! have, each value by the grammar of its class, each identity in the request's scope or a
//! pseudonym whose tag only the request's key could make, each word of a text in the vocabulary.
//! *Survival* looks through the rest in every way that a reader could decode it (percent, base64 at
//! any alignment, hexadecimal, entities, escapes, UTF-16, gzip, terminal sequences, nested to depth
//! four) for identities that the dive learned, and for the shapes of secrets and of the platform's
//! own data: by the rules that the dive was given, in an engine of this crate's own, and by rules
//! of its own in `data/rules.toml`.
//!
//! [`Verifier`] serves a dive, record by record, before any sink sees one. [`verify_dir`] serves
//! the reviewer: it reads a finished artefact from its files alone.
//!
//! ```
//! use decostop_profile::Profile;
//! use decostop_verify::{Ground, Verifier};
//!
//! let verifier = Verifier::new(Profile::gitlab(), Ground::default())?;
//! let fine = br#"{"time":"2026-11-01T00:00:00Z","source":"production_json","method":"GET"}"#;
//! assert!(verifier.check(fine).is_ok());
//! let leak = verifier.check(br#"{"source":"production_json","fqdn":"web-01"}"#).unwrap_err();
//! assert_eq!(leak.to_string(), "field fqdn: closure.dropped_class");
//! # Ok::<(), decostop_verify::Error>(())
//! ```
//!
//! Not for: changing a record, deciding what should have been selected, or judging a raw log line,
//! which fails by design.

#![forbid(unsafe_code)]

mod artefact;
mod closure;
mod compiled;
mod error;
mod fold;
mod ground;
mod instant;
mod internal;
mod leak;
mod owned;
mod pseudonym;
mod reader;
mod survival;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verifier;

pub use artefact::{Report, recorded_rules, verify_dir, verify_dir_with};
pub use compiled::CompiledProfile;
pub use error::{Error, ErrorKind};
pub use ground::Ground;
pub use leak::{Leak, Place};
pub use survival::Memory;
pub use verifier::{Verified, VerifiedBuf, Verifier};
