//! A profile's own examples.

/// What a check found.
#[derive(Clone, Debug)]
pub struct CheckFinding;
/// All findings.
#[derive(Clone, Debug)]
pub struct CheckReport;
