//! Ruling lines out without parsing them never loses one.

use decostop::Limits;
use decostop::parse::{Buffers, Projection, Scratch, with_record};
use decostop::query::QueryPlan;

use crate::common::{plan, request};
use crate::draw::Draw;
use crate::prefilter::{dressed, wanted};
use crate::world::record;

/// What a select may look at but for whom a record names.
const MORE: &[&str] = &[
    "",
    "",
    "events = [\"raw:*\"]\n",
    "events = [\"raw:Projects::*\", \"session.*\"]\n",
    "sources = [\"production_json\", \"gitaly\"]\n",
    "ips = [\"81.2.0.0/16\"]\n",
    "exclude = { users = [\"mallory\"], events = [\"raw:*#show\"] }\n",
];

/// Records in every dress and with bytes changed, or a line as the input has it, under any selects:
/// whatever is ruled out is no match once it is parsed in full, and nothing of it would be withheld.
pub fn project(data: &[u8]) {
    let mut draw = Draw::new(data);
    let mut text = wanted(&mut draw);
    let more = draw.text_of(MORE);
    let key = more.split(' ').next().unwrap_or_default();
    if !text.rsplit("[[select]]").next().unwrap_or_default().contains(key) || more.is_empty() {
        text.push_str(more);
    }
    if draw.one_in(3) {
        text = text.replace("to = 2026-11-08", "to = 2026-11-03");
    }
    for id in ["events.few", "events.listed", "resources.listed", "scope.owned"] {
        text.push_str(&format!("[[exception]]\ncondition = \"{id}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n"));
    }
    let query = QueryPlan::new(&request(&text), plan());
    let projection = Projection::new(plan(), &query);
    let mut limits = Limits::default();
    if draw.one_in(8) {
        (limits.max_depth, limits.max_nodes) = (draw.below(4), draw.below(40));
    }
    let sources = &plan().profile.sources;
    let mut buffers = Buffers::default();
    for _ in 0..=draw.below(3) {
        let at = draw.below(sources.len());
        let line = record(&mut draw, &sources[at]);
        let mut line = dressed(&mut draw, line).into_bytes();
        for _ in 0..draw.below(3) {
            let place = draw.below(line.len().max(1));
            let bytes = draw.bytes(4);
            let end = (place + draw.below(3)).min(line.len());
            line.splice(place.min(end)..end, bytes.iter().copied());
        }
        let source = (!draw.one_in(6)).then_some(at);
        check(&query, &projection, &line, source, &limits, &mut buffers);
    }
    let at = draw.below(sources.len());
    check(&query, &projection, draw.rest(), Some(at), &limits, &mut buffers);
}

fn check(query: &QueryPlan, projection: &Projection, line: &[u8], source: Option<usize>, limits: &Limits, buffers: &mut Buffers) {
    if !projection.rules_out(plan(), query, line, source, limits, buffers) {
        return;
    }
    let mut typed = Vec::new();
    let judged = with_record(plan(), line, source, limits, &mut Scratch::default(), |record| {
        let sound = plan().typed(record, &mut typed).is_ok();
        let outside = matches!(plan().time(record), Ok(Some(at)) if !query.in_window(at.ns));
        outside || sound && !query.matches(plan(), record, &typed)
    });
    assert!(judged == Ok(true), "ruled out, though it is {judged:?}: {}", String::from_utf8_lossy(line));
}
