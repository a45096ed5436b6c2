//! Test corpora with ground truth.
#![forbid(unsafe_code)]

pub mod golden;
pub mod laws;
pub mod naive;
mod random;
pub mod secrets;
pub mod survival;
pub mod synth;

pub use random::Random;
