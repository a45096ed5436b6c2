//! Test corpora with ground truth.
#![forbid(unsafe_code)]

pub mod golden;
pub mod synth;
