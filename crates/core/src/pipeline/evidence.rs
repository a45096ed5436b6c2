//! What a dive leaves for the house: counts by field, the pseudonyms given, the values learned, and
//! the customer's own wording of what was asked.

use decostop_profile::Class;
use decostop_redact::{Facts, Ledger, Redactor};
use serde_json::{Map, Value, json};

use super::Dive;
use super::emit::Ledgered;
use crate::Error;
use crate::request::{Exclude, ProjectRef, UserRef};
use crate::stats::{Dictionary, Evidence, Report};

/// Fewer records than this, and the name of an unknown field could itself be data.
const MIN_RECORDS_OF_A_NAME: u64 = 3;
/// Names of unknown fields that are told.
const MAX_TOLD_NAMES: usize = 1_000;

pub(super) fn complete(dive: &Dive, ledgered: Ledgered, report: &mut Report) -> Result<Evidence, Error> {
    let Ledgered {
        facts,
        mut ledger,
        residual,
    } = ledgered;
    let asked = asked(dive, &facts, &mut ledger);
    count_fields(dive, &ledger, report);
    tell_unknown_fields(&facts, &ledger, report);
    for (note, count) in &ledger.notes {
        *report.counts.notes.entry(note).or_default() += count;
    }
    let residual = residual.finish(&dive.profile, &ledger);
    report.alone = residual.by_day.alone;
    let request_toml = dive.request.to_toml()?;
    report.profile = (dive.profile.name.clone(), dive.profile.digest.clone());
    let rules = dive.rules.record();
    report.rules = (
        dive.rules.rules.len(),
        blake3::hash(rules.as_bytes()).to_hex().to_string(),
    );
    report.policy_digest = policy_digest(&[&request_toml, &dive.profile.text, &rules]);
    report.peak_memory_bytes = peak_memory();
    let mut foreign = facts.foreign();
    foreign.sort();
    let dictionary = Dictionary {
        foreign,
        linked: facts.linked_ids().into(),
    };
    let window = &dive.request.window;
    Ok(Evidence {
        request_key: *dive.key.as_bytes(),
        pseudonyms: ledger.pseudonyms().cloned().collect(),
        dictionary,
        asked,
        reference: dive.request.reference().to_owned(),
        window: (
            window.from.map(|at| at.to_string()),
            window.to.map(|at| at.to_string()),
        ),
        request_toml,
        rules,
        residual,
    })
}

fn policy_digest(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [env!("CARGO_PKG_VERSION")].iter().chain(parts) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

fn count_fields(dive: &Dive, ledger: &Ledger, report: &mut Report) {
    for (source, field, tally) in ledger.fields() {
        let source = dive
            .profile
            .sources
            .get(source)
            .map(|source| source.name.as_str())
            .unwrap_or_default();
        for (what, count) in [
            ("kept", tally.kept),
            ("replaced", tally.replaced),
            ("dropped", tally.dropped),
        ] {
            if count > 0 {
                report
                    .counts
                    .fields
                    .insert(format!("{source}/{field}/{what}"), count);
            }
        }
    }
}

fn tell_unknown_fields(facts: &Facts, ledger: &Ledger, report: &mut Report) {
    let mut names: Vec<(&String, u64)> = ledger
        .unknown
        .iter()
        .map(|(name, count)| (name, *count))
        .collect();
    names.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    for (name, count) in names {
        let told = count >= MIN_RECORDS_OF_A_NAME
            && report.counts.unknown_fields.len() < MAX_TOLD_NAMES
            && Redactor::may_tell_name(name, facts);
        let key = if told { name.as_str() } else { "[other]" };
        *report.counts.unknown_fields.entry(key.to_owned()).or_default() += count;
    }
}

/// The selects as the manifest tells them: what is foreign, or personal and not to be shown, under its
/// pseudonym.
fn asked(dive: &Dive, facts: &Facts, ledger: &mut Ledger) -> Vec<Value> {
    let mut present =
        |class: Class, text: &str| Value::from(dive.redactor.present(class, text, facts, ledger));
    let selects = dive.request.selects.iter();
    selects
        .map(|select| {
            let mut told = Map::new();
            identities(
                &mut told,
                &select.namespaces,
                &select.projects,
                &select.users,
                &select.ips,
                &mut present,
            );
            let plain = [
                ("events", &select.events),
                ("sources", &select.sources),
                ("token_ids", &select.token_ids),
                ("correlation_ids", &select.correlation_ids),
            ];
            for (key, values) in plain {
                if !values.is_empty() {
                    told.insert(key.to_owned(), json!(values));
                }
            }
            let Exclude {
                namespaces,
                projects,
                users,
                events,
                ips,
            } = &select.exclude;
            let mut exclude = Map::new();
            identities(&mut exclude, namespaces, projects, users, ips, &mut present);
            if !events.is_empty() {
                exclude.insert("events".to_owned(), json!(events));
            }
            if !exclude.is_empty() {
                told.insert("exclude".to_owned(), Value::Object(exclude));
            }
            Value::Object(told)
        })
        .collect()
}

fn identities(
    told: &mut Map<String, Value>,
    namespaces: &[String],
    projects: &[ProjectRef],
    users: &[UserRef],
    ips: &[ipnet::IpNet],
    present: &mut dyn FnMut(Class, &str) -> Value,
) {
    let mut add = |key: &str, values: Vec<Value>| {
        if !values.is_empty() {
            told.insert(key.to_owned(), Value::Array(values));
        }
    };
    add(
        "namespaces",
        namespaces
            .iter()
            .map(|path| present(Class::Namespace, path))
            .collect(),
    );
    let projects = projects.iter().map(|project| match project {
        ProjectRef::Id(id) => present(Class::ProjectId, &id.to_string()),
        ProjectRef::Path(path) => present(Class::Project, path),
    });
    add("projects", projects.collect());
    let users = users.iter().map(|user| match user {
        UserRef::Id(id) => present(Class::UserId, &id.to_string()),
        UserRef::Name(name) => present(Class::User, name),
    });
    add("users", users.collect());
    add(
        "ips",
        ips.iter()
            .map(|net| present(Class::Ip, &net.to_string()))
            .collect(),
    );
}

/// The largest resident set of this process, in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim()
        .strip_suffix(" kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}
