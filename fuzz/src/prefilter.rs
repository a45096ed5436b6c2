//! The prefilter never holds back a line that matches.

use std::collections::HashSet;

use decostop::prefilter::Prefilter;
use decostop::query::QueryPlan;

use crate::common::{matches, plan, request};
use crate::draw::{Draw, json_string};
use crate::world::{ADDRESSES, KEYS, PEOPLE, PLACES, SCOPE, record};

/// Records in every dress under any selects: whatever matches is a candidate, and its text mentions a
/// needle, so that it would be kept back if it could not be read.
pub fn prefilter(data: &[u8]) {
    let mut draw = Draw::new(data);
    let request = request(&wanted(&mut draw));
    let query = QueryPlan::new(&request, plan());
    let sources = &plan().profile.sources;
    let mut segment = Vec::new();
    let mut lines = Vec::new();
    for _ in 0..=draw.below(4) {
        let at = draw.below(sources.len());
        let line = record(&mut draw, &sources[at]);
        let line = dressed(&mut draw, line);
        let start = segment.len();
        segment.extend_from_slice(line.as_bytes());
        lines.push((start, segment.len(), at));
        segment.push(b'\n');
    }
    if draw.one_in(2) {
        segment.pop();
    }
    let prefilter = Prefilter::new(&query.needles);
    let mut candidates = HashSet::new();
    let mut last = 0;
    if let Some(prefilter) = &prefilter {
        prefilter.candidates(&segment, &mut |start, end| {
            assert!(start >= last && end >= start, "candidates come in order");
            last = end;
            candidates.insert((start, end))
        });
        assert!(candidates.iter().all(|found| lines.iter().any(|(start, end, _)| (start, end) == (&found.0, &found.1))), "a candidate is no line");
    }
    for (start, end, source) in lines {
        let line = &segment[start..end];
        if matches(&query, line, Some(source)) == Some(true) {
            let text = || String::from_utf8_lossy(line);
            assert!(prefilter.is_none() || candidates.contains(&(start, end)), "held back: {}\n{}", text(), request.to_toml().unwrap_or_default());
            assert!(query.needles.mentioned_in(line) != Some(false), "not mentioned: {}\n{}", text(), request.to_toml().unwrap_or_default());
        }
    }
}

/// A request for some of the world.
pub(crate) fn wanted(draw: &mut Draw<'_>) -> String {
    let mut out = format!(
        "version = 1\nid = \"FUZZ-1\"\nrequested_at = 2026-11-08T09:00:00Z\n\
         [customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n[scope]\nevidence = \"a test\"\n{SCOPE}\n\
         [window]\nfrom = 2026-11-01T00:00:00Z\nto = 2026-11-08T00:00:00Z\n"
    );
    for _ in 0..=draw.below(2) {
        out.push_str("[[select]]\n");
        for _ in 0..=draw.below(2) {
            let (key, value) = match draw.below(8) {
                0 | 1 => ("namespaces", quoted(draw.of(PLACES).path)),
                2 => ("projects", draw.of(PLACES).id.to_string()),
                3 => ("projects", quoted(PLACES[1 + draw.below(2)].path)),
                4 => ("users", quoted(draw.of(PEOPLE).user)),
                5 => ("users", draw.of(PEOPLE).id.to_string()),
                6 => ("ips", quoted(draw.text_of(ADDRESSES))),
                _ if draw.one_in(2) => ("token_ids", quoted(draw.text_of(KEYS))),
                _ => ("correlation_ids", quoted(draw.text_of(KEYS))),
            };
            if !out.rsplit("[[select]]").next().unwrap_or_default().contains(key) {
                out.push_str(&format!("{key} = [{value}]\n"));
            }
        }
    }
    out
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// A line as a shipper would have wrapped it; without line feeds.
pub(crate) fn dressed(draw: &mut Draw<'_>, line: String) -> String {
    match draw.below(8) {
        0 => format!("{{\"timestamp\":\"2026-11-02T10:00:00Z\",\"jsonPayload\":{line}}}"),
        1 => format!("{{\"@timestamp\":\"2026-11-02T10:00:00Z\",\"message\":{}}}", json_string(draw, &line)),
        2 => {
            let inner = format!("{{\"log\":{}}}", json_string(draw, &line));
            format!("{{\"message\":{}}}", json_string(draw, &inner))
        }
        3 => format!("2026-11-02_10:00:00.12345 {line}"),
        4 => line.replace("\":", "\" : ").replace(",\"", " ,\t\""),
        _ => line,
    }
}
