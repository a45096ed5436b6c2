//! Requests.

use std::path::Path;

use decostop::prefilter::Prefilter;
use decostop::query::{QueryPlan, scope_index};
use decostop::request::{Instant, Request, conditions};
use decostop_profile::Profile;

use crate::common::plan;

/// Reading a request never panics, and one that is read is written such that reading it again gives
/// an equal one, which the conditions and the query take without a panic.
pub fn request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Files that a request names are another matter: the target must not read the machine.
    if text.contains("_file") {
        return;
    }
    let Ok(request) = Request::parse(text, Path::new("/nowhere")) else { return };
    let written = request.to_toml().unwrap_or_else(|error| panic!("what was read cannot be written: {error}"));
    match Request::parse(&written, Path::new("/nowhere")) {
        Ok(again) => assert!(again == request, "reading what was written gives another request:\n{written}"),
        Err(error) => panic!("what was written cannot be read: {error}\n{written}"),
    }
    let profile = Profile::gitlab();
    let now = Instant(request.requested_at.0.saturating_add(1));
    let assessment = conditions::check(&request, &profile, now);
    assert_eq!(assessment.accepted, assessment.refusal().is_none());
    let _ = scope_index(&request);
    if request.validate(&profile).is_ok() {
        let query = QueryPlan::new(&request, plan());
        if let Some(prefilter) = Prefilter::new(&query.needles) {
            prefilter.candidates(data, &mut |start, end| start <= end && end <= data.len());
        }
        let _ = query.needles.mentioned_in(data);
    }
}
