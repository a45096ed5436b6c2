//! decostop: find the evidence in compressed logs, fast, and hand it out without disclosing
//! anything else.
//!
//! The modules follow one log line through a dive:
//!
//! ```text
//! phase 1  source::discover -> source::open -> source::codec -> frame -> prefilter -> parse -> query -> pipeline::runs
//! phase 2  pipeline::merge -> redact (crate) -> verify (crate) -> sink -> artefact
//! ```
//!
//! Not for: shipping logs, watching them live, or searching without a request.

#![forbid(unsafe_code)]
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests have a clock"))]

pub mod artefact;
pub mod cluster;
pub mod draft;
mod error;
pub mod frame;
mod limits;
pub mod parse;
pub mod pipeline;
pub mod prefilter;
pub mod query;
pub mod request;
pub mod residual;
pub mod rules;
pub mod selftest;
pub mod sink;
pub mod source;
pub mod stats;

pub use error::{Error, ErrorKind, Origin};
pub use limits::Limits;
pub use pipeline::{Dive, DiveBuilder, dive_into};

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
