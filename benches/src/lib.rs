//! What the benchmarks share: corpora that know their answers, the floor that dives are measured
//! against, and dives that check what they found.
//!
//! ```text
//! benches/stages.rs      each stage alone, bytes a second
//! benches/end_to_end.rs  whole dives over generated corpora
//! src/bin/compare.rs     decode-only and other tools beside a dive, in one sitting
//! ```
//!
//! A fast wrong run is worth nothing: everything here panics, with the numbers, when an answer is not
//! the one that the corpus' ground truth gives. Not for: anything that is shipped.

#![forbid(unsafe_code)]

mod corpus;
mod decode;
mod dive;

pub use corpus::{Corpus, Truth};
pub use decode::{Inputs, Segment};
pub use dive::{Answer, Fingerprint, answer, dive, now};

/// Whether this run is for its answers only, so that small corpora do: everything but `cargo bench`.
pub fn is_smoke() -> bool {
    let is_given = |flag: &str| std::env::args().any(|arg| arg == flag);
    !is_given("--bench") || is_given("--test")
}
