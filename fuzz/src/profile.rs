//! Profiles.

use std::sync::Arc;

use decostop::Limits;
use decostop::parse::{Scratch, with_record};
use decostop_profile::Profile;
use decostop_redact::{Policy, ProfilePlan, Redactor, RequestKey};
use decostop_verify::{Ground, Verifier};

/// Reading a profile never panics; one that is read checks itself without a panic, and compiles or
/// is refused, in the redactor as in the verifier; its own examples can be read under it.
pub fn profile(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(profile) = Profile::parse(text) else { return };
    let report = profile.check();
    let profile = Arc::new(profile);
    let verifier = Verifier::new(Arc::clone(&profile), Ground::default());
    let Ok(plan) = ProfilePlan::new(Arc::clone(&profile)) else { return };
    let plan = Arc::new(plan);
    let redactor = Redactor::new(Arc::clone(&plan), Policy::default(), &RequestKey::from_bytes([7; 32]));
    if report.is_clean() {
        assert!(redactor.is_ok(), "a profile that checks clean cannot be compiled for redacting");
        assert!(verifier.is_ok(), "a profile that checks clean cannot be compiled for verifying");
    }
    let mut typed = Vec::new();
    for (index, source) in profile.sources.iter().enumerate() {
        for example in &source.examples {
            let _ = with_record(&plan, example.line.as_bytes(), Some(index), &Limits::default(), &mut Scratch::default(), |record| {
                let _ = plan.typed(record, &mut typed);
                let _ = plan.time(record);
            });
        }
    }
}
