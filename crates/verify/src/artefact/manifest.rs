//! The manifest: a closed schema, in which everything said holds and nothing foreign is said.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use decostop_profile::Class;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Report;
use super::facts::Facts;
use super::folder::{Disclosure, MANIFEST};
use super::records::Counts;
use crate::closure::{Context, Input};
use crate::error::Error;
use crate::instant::Instant;
use crate::leak::{Leak, Place};
use crate::survival::Look;
use crate::verifier::Verifier;

const MAX_MANIFEST_BYTES: u64 = 16 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    version: u32,
    tool: Tool,
    reference: String,
    ad_hoc: bool,
    window: Window,
    asked: Vec<Asked>,
    records: Records,
    #[serde(rename = "withheld_with_nexus")]
    _withheld_with_nexus: u64,
    format: String,
    files: Vec<File>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    name: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    from: Option<String>,
    to: Option<String>,
}

/// A select as the customer worded it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    namespaces: Vec<String>,
    projects: Vec<String>,
    users: Vec<String>,
    events: Vec<String>,
    sources: Vec<String>,
    ips: Vec<String>,
    token_ids: Vec<String>,
    correlation_ids: Vec<String>,
    exclude: Option<Box<Asked>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Records {
    total: u64,
    by_source: Tally,
    by_event: Tally,
    by_day: Tally,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    bytes: u64,
    sha256: String,
}

/// Counts by name, each name once.
#[derive(Default, Eq, PartialEq)]
pub(crate) struct Tally(pub(crate) BTreeMap<String, u64>);

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Tally;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("counts by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tally, A::Error> {
                let mut tally = BTreeMap::new();
                while let Some((name, count)) = map.next_entry()? {
                    if tally.insert(name, count).is_some() {
                        return Err(A::Error::custom("a name twice"));
                    }
                }
                Ok(Tally(tally))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

/// Reads the manifest and checks all that it says of the request. Nothing if it is none.
pub(crate) fn read(
    disclosure: &Disclosure,
    verifier: &Verifier,
    facts: &Facts,
    report: &mut Report,
) -> Result<Option<Manifest>, Error> {
    let path = disclosure.dir.join(MANIFEST);
    let file = format!("{}/{MANIFEST}", disclosure.name);
    let size = fs::metadata(&path)
        .map_err(|cause| Error::io(&path, cause))?
        .len();
    if size > MAX_MANIFEST_BYTES {
        report.add(Leak::new("artefact.manifest.size", Place::Whole).in_file(&file));
        return Ok(None);
    }
    let text = fs::read(&path).map_err(|cause| Error::io(&path, cause))?;
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&text) else {
        report.add(Leak::new("artefact.manifest.schema", Place::Whole).in_file(&file));
        return Ok(None);
    };
    let mut checker = Checker {
        verifier,
        ad_hoc: facts.ad_hoc,
        findings: Vec::new(),
    };
    checker.manifest(&manifest, disclosure);
    for (rule, key) in checker.findings {
        report.add(Leak::new(rule, Place::Key(key.to_owned())).in_file(&file));
    }
    Ok(Some(manifest))
}

struct Checker<'v> {
    verifier: &'v Verifier,
    ad_hoc: bool,
    findings: Vec<(String, &'static str)>,
}

impl Checker<'_> {
    fn hold(&mut self, yes: bool, rule: &str, key: &'static str) {
        if !yes {
            self.findings.push((rule.to_owned(), key));
        }
    }

    /// Nothing may live on in a text of the house's or the customer's own. Numbers in it are theirs:
    /// a ticket's number says nothing of an account that happens to bear the same one.
    fn survives(&mut self, text: &str, key: &'static str) {
        if let Some(rule) = self.verifier.survives(
            text,
            Look {
                numbers: false,
                code: false,
            },
        ) {
            self.findings.push((rule, key));
        }
    }

    fn manifest(&mut self, manifest: &Manifest, disclosure: &Disclosure) {
        self.hold(manifest.version == 1, "artefact.manifest.version", "version");
        self.hold(
            manifest.tool.name == "decostop",
            "artefact.manifest.tool",
            "tool.name",
        );
        let version = &manifest.tool.version;
        let plain = (1..=32).contains(&version.len())
            && version
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".+-".contains(&b));
        self.hold(plain, "artefact.manifest.tool", "tool.version");
        self.survives(version, "tool.version");
        self.survives(&manifest.reference, "reference");
        let stands = manifest.ad_hoc == (disclosure.name == "look") && manifest.ad_hoc == self.ad_hoc;
        self.hold(stands, "artefact.manifest.ad_hoc", "ad_hoc");
        for (edge, key) in [
            (&manifest.window.from, "window.from"),
            (&manifest.window.to, "window.to"),
        ] {
            let instant = edge.as_deref().is_none_or(|text| Instant::field(text).is_some());
            self.hold(instant, "artefact.manifest.window", key);
        }
        for asked in &manifest.asked {
            self.asked(asked);
            if let Some(exclude) = &asked.exclude {
                self.hold(
                    exclude.exclude.is_none(),
                    "artefact.manifest.asked",
                    "asked.exclude",
                );
                self.asked(exclude);
            }
        }
        let format = manifest.format == disclosure.format;
        self.hold(format, "artefact.manifest.format", "format");
        let one = matches!(manifest.files.as_slice(), [file] if file.name == disclosure.records);
        self.hold(one, "artefact.manifest.files", "files");
        for tally in [
            &manifest.records.by_source,
            &manifest.records.by_event,
            &manifest.records.by_day,
        ] {
            for name in tally.0.keys() {
                let code = Look {
                    numbers: true,
                    code: true,
                };
                let known = self.verifier.is_listed_event(name);
                if let Some(rule) = (!known).then(|| self.verifier.survives(name, code)).flatten() {
                    self.findings.push((rule, "records"));
                }
            }
        }
    }

    fn asked(&mut self, asked: &Asked) {
        let identities: [(&[String], Class, &'static str); 6] = [
            (&asked.namespaces, Class::Namespace, "asked.namespaces"),
            (&asked.projects, Class::Project, "asked.projects"),
            (&asked.users, Class::Name, "asked.users"),
            (&asked.ips, Class::Ip, "asked.ips"),
            (&asked.token_ids, Class::TokenId, "asked.token_ids"),
            (
                &asked.correlation_ids,
                Class::Correlation,
                "asked.correlation_ids",
            ),
        ];
        for (values, class, key) in identities {
            for value in values {
                let allowed = self
                    .verifier
                    .value(class, None, Input::Text(value), Context::always())
                    .is_ok();
                self.hold(allowed, "artefact.manifest.asked", key);
            }
        }
        for source in &asked.sources {
            let known = self.verifier.sources.has(source);
            self.hold(known, "artefact.manifest.asked", "asked.sources");
        }
        for event in &asked.events {
            // The customer may name any event of a source; what it names may still be nobody.
            if !self
                .verifier
                .is_listed_event(event.strip_prefix("raw:").unwrap_or(event))
            {
                self.survives(event, "asked.events");
            }
        }
    }
}

/// What the manifest says of the records against the records.
pub(crate) fn compare(disclosure: &Disclosure, manifest: &Manifest, counts: &Counts, report: &mut Report) {
    let file = format!("{}/{MANIFEST}", disclosure.name);
    let mut hold = |yes: bool, rule: &str, key: &str| {
        if !yes {
            report.add(Leak::new(rule, Place::Key(key.to_owned())).in_file(&file));
        }
    };
    for stated in &manifest.files {
        hold(stated.bytes == counts.bytes, "artefact.size", "files.bytes");
        hold(stated.sha256 == counts.sha256, "artefact.digest", "files.sha256");
    }
    let records = &manifest.records;
    hold(records.total == counts.total, "artefact.counts", "records.total");
    hold(
        records.by_source == counts.by_source,
        "artefact.counts",
        "records.by_source",
    );
    hold(
        records.by_event == counts.by_event,
        "artefact.counts",
        "records.by_event",
    );
    hold(
        records.by_day == counts.by_day,
        "artefact.counts",
        "records.by_day",
    );
}
