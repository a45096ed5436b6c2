//! What the benchmarks share: corpora that know their answers, the floor that dives are measured
//! against, and dives that check what they found.
//!
//! ```text
//! benches/stages.rs      each stage alone, bytes a second
//! benches/end_to_end.rs  whole dives over generated corpora
//! src/bin/dictionary.rs  what a million foreign accounts cost (P7); `compare` runs it
//! src/bin/tenants.rs     many records of two tenants, held against the ground truth
//! src/bin/compare/       decode-only and other tools beside a dive, and the targets, in one sitting
//! peers/                 other engines that are libraries, driven from Python
//! ```
//!
//! A fast wrong run is worth nothing: everything here panics, with the numbers, when an answer is not
//! the one that the corpus' ground truth gives. Not for: anything that is shipped.

#![forbid(unsafe_code)]

mod clock;
mod codecs;
mod corpus;
mod decode;
mod dive;
mod matched;
mod records;
pub mod requests;
mod rules;

pub use clock::ThreadClock;
pub use codecs::{CODECS, Codec};
pub use corpus::{Corpus, Truth};
pub use decode::{Inputs, Segment};
pub use dive::{
    Answer, Fingerprint, KEY, answer, answer_every_way, answer_to, dive, dive_for, dive_into_paths, now,
    records_of,
};
pub use matched::{Item, Matched, Stages, is_match};
pub use records::keep;
pub use rules::{generated_rules, rule_file};

/// Whether this run is for its answers only, so that small corpora do: everything but `cargo bench`.
pub fn is_smoke() -> bool {
    let is_given = |flag: &str| std::env::args().any(|arg| arg == flag);
    !is_given("--bench") || is_given("--test")
}
