//! Test corpora with ground truth.
#![forbid(unsafe_code)]

pub mod golden;
pub mod laws;
pub mod naive;
pub mod synth;
