//! Real lines, where the repository stands beside them: nearly every field they hold has a class.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use decostop_profile::{Profile, Source};
use serde_json::{Map, Value};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

fn names(source: &Source, prefix: &str, object: &Map<String, Value>, out: &mut Vec<String>) {
    for (key, value) in object {
        let name = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Object(inner) if source.spec(&name).is_none() => names(source, &name, inner, out),
            _ => out.push(name),
        }
    }
}

/// Sources of which there are samples.
const SAMPLED: &[&str] = &[
    "api_json",
    "application_json",
    "audit_json",
    "auth_json",
    "ci_resource_groups",
    "database_load_balancing",
    "elasticsearch",
    "exceptions_json",
    "features_json",
    "geo",
    "git_json",
    "gitaly",
    "graphql_json",
    "importer",
    "integrations_json",
    "performance_bar",
    "production_json",
    "service_measurement",
    "sidekiq",
    "update_mirror",
    "web_hooks",
    "workhorse",
    "zoekt",
];

/// Lines that say when and about whom, and not what: cost of a query, a mirror's error.
const WITHOUT_EVENT: &[&str] = &["performance_bar", "update_mirror"];

/// What the profile's own check says of lines: what it finds in each, and the event of each that has one.
fn told(profile: &Profile, source: &str, lines: &[&str]) -> Vec<(Vec<String>, Option<String>)> {
    let mut profile = profile.clone();
    profile.sources.retain(|kept| kept.name == source);
    profile.events.clear();
    profile.routes.clear();
    for source in &mut profile.sources {
        let Some(example) = source.examples.first().cloned() else {
            continue;
        };
        source.examples = lines
            .iter()
            .map(|line| {
                let mut example = example.clone();
                (*line).clone_into(&mut example.line);
                example.event = Some(String::new());
                example.time = None;
                example.unknown.clear();
                example
            })
            .collect();
    }
    let mut told = vec![(Vec::new(), None); lines.len()];
    for finding in profile.check().findings {
        let at = finding
            .place
            .rsplit_once('[')
            .and_then(|(_, at)| at.strip_suffix(']'));
        let at = at.and_then(|at| at.parse::<usize>().ok());
        let Some((findings, event)) = at.and_then(|at| told.get_mut(at)) else {
            continue;
        };
        let found = finding.reason.strip_prefix("its event is `");
        match found.and_then(|rest| rest.split_once("`, not ")) {
            Some((name, _)) => *event = Some(name.to_owned()),
            None if finding.reason.contains("has no class")
                || finding.reason.starts_with("its event is none") => {}
            None => findings.push(finding.reason),
        }
    }
    told
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn every_line_of_the_logs_of_rails_is_understood() {
    // The one documented line of graphql_json has neither time nor event.
    const OTHERS: &[&str] = &["gitaly", "graphql_json", "sidekiq", "workhorse"];
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/gitlab-samples");
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    if paths.is_empty() {
        eprintln!("skipped: no sample lines beside the repository");
        return;
    }
    let profile = Profile::gitlab();
    let (mut lines, mut wrong) = (0, Vec::new());
    for path in &paths {
        let path_text = path.to_string_lossy();
        let named = profile.sources.iter().find(|source| source.fits_file(&path_text));
        let Some(name) = named.map(|source| source.name.as_str()) else {
            continue;
        };
        if OTHERS.contains(&name) || !SAMPLED.contains(&name) {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let all: Vec<&str> = text
            .lines()
            .filter(|line| line.trim_start().starts_with('{'))
            .collect();
        lines += all.len();
        for ((findings, event), line) in told(&profile, name, &all).into_iter().zip(&all) {
            wrong.extend(findings.into_iter().map(|finding| format!("{name}: {finding}")));
            // Lines of Rails' own housekeeping have no context and only a message.
            let housekeeping = name == "application_json" && !line.contains("\"meta.");
            if event.is_none() && !housekeeping && !WITHOUT_EVENT.contains(&name) {
                wrong.push(format!("{name}: no event"));
            }
        }
    }
    assert!(lines > 100, "{lines} lines");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[expect(
    clippy::print_stderr,
    reason = "a skipped test says so, and what has no class is worth reading"
)]
fn nearly_every_field_of_real_lines_has_a_class() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/gitlab-samples");
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    if paths.is_empty() {
        eprintln!("skipped: no sample lines beside the repository");
        return;
    }
    let profile = Profile::gitlab();
    let mut counts: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let mut unknown: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for path in &paths {
        let path_text = path.to_string_lossy();
        let source = profile.sources.iter().find(|source| source.fits_file(&path_text));
        let Some(source) = source else { continue };
        let text = std::fs::read(path).unwrap_or_default();
        for line in String::from_utf8_lossy(&text).lines() {
            let Ok(Value::Object(object)) = serde_json::from_str(line) else {
                continue;
            };
            let mut fields = Vec::new();
            names(source, "", &object, &mut fields);
            let (lines, all, known) = counts.entry(&source.name).or_default();
            *lines += 1;
            for field in fields {
                *all += 1;
                if source.spec(&field).is_some() {
                    *known += 1;
                } else {
                    *unknown.entry((&source.name, field)).or_default() += 1;
                }
            }
        }
    }
    eprintln!("source: (lines, fields, with a class) {counts:?}");
    eprintln!("without a class: {unknown:?}");
    for source in SAMPLED {
        assert!(counts.contains_key(source), "no sample of {source}");
    }
    for (source, (_, all, known)) in counts {
        assert!(
            known * 100 >= all * 99,
            "{source}: {known} of {all}; without: {unknown:?}"
        );
    }
}
