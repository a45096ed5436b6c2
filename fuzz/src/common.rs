//! What several targets need: the built-in profile, compiled once.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use decostop::Limits;
use decostop::parse::{Scratch, with_record};
use decostop::query::QueryPlan;
use decostop::request::Request;
use decostop_profile::Profile;
use decostop_redact::{ProfilePlan, Typed};

pub(crate) fn plan() -> &'static Arc<ProfilePlan> {
    static PLAN: OnceLock<Arc<ProfilePlan>> = OnceLock::new();
    PLAN.get_or_init(|| Arc::new(ProfilePlan::new(Profile::gitlab()).expect("the built-in profile is sound")))
}

pub(crate) fn request(text: &str) -> Request {
    match Request::parse_with(text, Path::new("/nowhere"), &Profile::gitlab()) {
        Ok(request) => request,
        Err(error) => panic!("the target's own request is refused: {error}\n{text}"),
    }
}

/// Whether a line is a record that matches, whatever its time; `None` if it is no record.
pub(crate) fn matches(query: &QueryPlan, line: &[u8], source: Option<usize>) -> Option<bool> {
    let mut typed: Vec<Typed> = Vec::new();
    with_record(plan(), line, source, &Limits::default(), &mut Scratch::default(), |record| {
        let _ = plan().typed(record, &mut typed);
        query.matches(plan(), record, &typed)
    })
    .ok()
}
