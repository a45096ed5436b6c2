//! Aggregates alone: what may always be given.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::stats::Report;

/// Counts over the records that a dive may disclose. Holds no identity but namespaces in scope.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Records.
    pub records: u64,
    /// Records by source.
    pub by_source: BTreeMap<String, u64>,
    /// Records by event.
    pub by_event: BTreeMap<String, u64>,
    /// Records by UTC day.
    pub by_day: BTreeMap<String, u64>,
    /// Records by namespace in scope. Namespaces that are pseudonyms, personal ones of users among
    /// them, are left out.
    pub by_namespace: BTreeMap<String, u64>,
    /// Distinct actors.
    pub users: u64,
    /// Distinct client addresses.
    pub addresses: u64,
    /// First instant, RFC 3339.
    pub first_time: Option<String>,
    /// Last instant, RFC 3339.
    pub last_time: Option<String>,
    /// Lines that concern the scope and were kept back because they could not be decided.
    pub withheld_with_nexus: u64,
}

impl Summary {
    /// The summary of a dive.
    pub fn new(report: &Report) -> Self {
        let shown = |name: &str| !looks_like_pseudonym(name);
        Self {
            records: report.counts.disclosed,
            by_source: report.by_source.clone(),
            by_event: report.by_event.clone(),
            by_day: report.by_day.clone(),
            by_namespace: report
                .by_namespace
                .iter()
                .filter(|(name, _)| shown(name))
                .map(|(name, count)| (name.clone(), *count))
                .collect(),
            users: report.actors,
            addresses: report.addresses,
            first_time: report.first_time.clone(),
            last_time: report.last_time.clone(),
            withheld_with_nexus: report.counts.withheld_with_nexus,
        }
    }

    /// As indented JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("counts and strings always have a JSON form")
    }
}

/// Whether a text has the shape of a pseudonym; that its tag verifies is not looked at.
pub(crate) fn looks_like_pseudonym(text: &str) -> bool {
    const KINDS: [&str; 8] = [
        "user",
        "name",
        "email",
        "namespace",
        "project",
        "ip",
        "correlation",
        "token",
    ];
    text.split_once('-').is_some_and(|(kind, rest)| {
        KINDS.contains(&kind)
            && rest.len() == 21
            && rest.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
    })
}
