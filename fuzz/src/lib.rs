//! What the fuzz targets check, one function for each, so that an input that was once a crash is
//! replayed by `tests/replay.rs` without a fuzzer. How to run them: `README.md`.

mod common;
mod draw;
mod frame;
mod line;
mod parse;
mod prefilter;
mod profile;
mod project;
mod redact;
mod request;
mod selection;
mod views;
mod world;

pub use frame::frame;
pub use line::line;
pub use parse::parse_vs_serde_json;
pub use prefilter::prefilter;
pub use profile::profile;
pub use project::project;
pub use redact::{redact, redact_line};
pub use request::request;
pub use selection::selection;

/// A target: its name and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, as `fuzz_targets/` has them.
pub const TARGETS: &[Target] = &[
    ("frame", frame),
    ("line", line),
    ("parse_vs_serde_json", parse_vs_serde_json),
    ("prefilter", prefilter),
    ("profile", profile),
    ("project", project),
    ("redact", redact),
    ("redact_line", redact_line),
    ("request", request),
    ("selection", selection),
];
