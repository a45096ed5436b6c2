//! The ground truth against a second reading of the corpus that shares nothing with the generator.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;

/// A file as its lines, each with its offset in the decoded file.
fn lines(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let text = decoded(bytes).expect("the generator's own files decode");
    let mut at = 0;
    let mut all = Vec::new();
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        all.push((at, line.strip_suffix(b"\n").unwrap_or(line).to_vec()));
        at += line.len() as u64;
    }
    all
}

/// Members in order, doubled keys included: `serde_json` alone keeps the last of them.
#[derive(Default)]
struct Members(Vec<(String, Value)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;
            fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                to.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut all = Members::default();
                while let Some(member) = map.next_entry()? {
                    all.0.push(member);
                }
                Ok(all)
            }
        }
        from.deserialize_map(Visitor)
    }
}

/// The record of a line under its dotted names, out of its wrapper.
fn record(line: &[u8]) -> Option<Vec<(String, Value)>> {
    let start = line.iter().position(|&byte| byte == b'{')?;
    let text = line.get(start..)?;
    let members = serde_json::from_slice::<Members>(text).ok()?.0;
    if members.iter().any(|(key, _)| key == "jsonPayload") {
        #[derive(serde::Deserialize)]
        struct Envelope {
            #[serde(rename = "jsonPayload")]
            payload: Members,
        }
        return Some(flat(serde_json::from_slice::<Envelope>(text).ok()?.payload.0));
    }
    if let Some((_, Value::String(inner))) = members.iter().find(|(key, _)| key == "log") {
        return record(inner.as_bytes());
    }
    Some(flat(members))
}

fn flat(members: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (key, value) in members {
        let key = key.strip_prefix("json.").unwrap_or(&key).to_owned();
        match value {
            Value::Object(inner) if key == "meta" => {
                all.extend(
                    inner
                        .into_iter()
                        .map(|(short, value)| (format!("meta.{short}"), value)),
                );
            }
            value => all.push((key, value)),
        }
    }
    all
}

fn below(path: &str, root: &str) -> bool {
    let (path, root) = (path.to_lowercase(), root.to_lowercase());
    path == root || path.strip_prefix(&root).is_some_and(|rest| rest.starts_with('/'))
}

/// What the request says of the customer.
struct Scope {
    /// Root namespaces, as they are called now and were before.
    roots: Vec<String>,
    group: u64,
    projects: BTreeSet<u64>,
    from: String,
    to: String,
}

impl Scope {
    fn new(request: &str) -> Self {
        let table: toml::Table = request.parse().expect("the request is TOML");
        let text = |value: &toml::Value| value.as_str().expect("a string").to_owned();
        let time = |key: &str| table["window"][key].to_string();
        let namespace = &table["scope"]["namespaces"][0];
        let number = |value: &toml::Value| value["id"].as_integer().expect("an id").unsigned_abs();
        let more = table["scope"]["namespaces"].as_array().expect("a list");
        Self {
            roots: [&namespace["path"], &namespace["formerly"][0]]
                .into_iter()
                .chain(more.iter().skip(1))
                .map(text)
                .collect(),
            group: number(namespace),
            projects: table["scope"]["projects"]
                .as_array()
                .expect("a list")
                .iter()
                .map(number)
                .collect(),
            from: time("from"),
            to: time("to"),
        }
    }

    fn path(&self, path: &str) -> bool {
        self.roots.iter().any(|root| below(path, root))
    }

    fn url(&self, url: &str) -> bool {
        let path = url.strip_prefix("https://gitlab.com").unwrap_or(url);
        let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
        let segments: Vec<_> = path.split('/').collect();
        match segments.as_slice() {
            ["api", "v4", "projects", project, ..] => {
                self.path(&project.replace("%2F", "/"))
                    || project.parse().is_ok_and(|id| self.projects.contains(&id))
            }
            ["api", "v4", "groups", group, ..] => group.parse() == Ok(self.group),
            ["groups", ..] => self.path(path.trim_start_matches("groups/")),
            [first, ..] => self.path(path) || self.path(first.trim_end_matches(".git")),
            [] => false,
        }
    }

    /// Whether the record matches, and whether it has nexus.
    fn matches(&self, record: &[(String, Value)]) -> (bool, bool) {
        let kind = |key: &str| {
            record
                .iter()
                .find(|(name, _)| name == key)
                .and_then(|(_, value)| value.as_str())
                .unwrap_or_default()
        };
        let (entity, target) = (kind("entity_type"), kind("target_type"));
        let (mut any, mut nexus) = (false, false);
        for (key, value) in record {
            let text = value.as_str().unwrap_or_default();
            let project = |value: &Value| value.as_u64().is_some_and(|id| self.projects.contains(&id));
            let strong = match key.as_str() {
                "meta.project"
                | "meta.root_namespace"
                | "grpc.request.glProjectPath"
                | "grpc.request.pool.sourceProjectPath" => self.path(text.trim_end_matches(".wiki")),
                "entity_path" => entity != "User" && self.path(text),
                "target_details" => target == "Project" && self.path(text),
                "entity_id" => {
                    entity == "Project" && project(value)
                        || entity == "Group" && value.as_u64() == Some(self.group)
                }
                "target_id" => target == "Project" && project(value),
                "grpc.request.glRepository" => text
                    .rsplit('-')
                    .next()
                    .and_then(|id| id.parse().ok())
                    .is_some_and(|id| self.projects.contains(&id)),
                "path" | "uri" => self.url(text),
                _ => false,
            };
            nexus |= strong;
            any |= strong || key == "referrer" && self.url(text);
        }
        let doubled = record
            .iter()
            .filter(|(key, _)| key == "grpc.request.glProjectPath")
            .count()
            > 1;
        let own_id = record.iter().any(|(key, value)| {
            let id = value
                .as_str()
                .and_then(|text| text.rsplit('-').next()?.parse().ok());
            key == "grpc.request.glRepository" && id.is_some_and(|id| self.projects.contains(&id))
        });
        (any, nexus && (!doubled || own_id))
    }

    fn side(&self, time: &str) -> Side {
        // Compared without the zone, so that `…00Z` comes before `…00.001Z`.
        let bare = |text: &str| text.trim_end_matches('Z').to_owned();
        if bare(time) < bare(&self.from) {
            Side::Before
        } else if bare(time) < bare(&self.to) {
            Side::Inside
        } else {
            Side::After
        }
    }
}

#[test]
fn a_second_reading_finds_the_same_records() {
    for seed in 0..24 {
        let options = Options::default()
            .seed(seed)
            .days(4)
            .tenants(8)
            .our_share(Some(0.25))
            .damage(true)
            .namespaces(1 + (seed / 3 % 3) as u32 * 5)
            .long_lines((seed % 2 == 0).then_some((40, 20)))
            .streams(true);
        let corpus = if seed % 3 == 0 {
            tiny_with(&options, 70 + seed)
        } else {
            tiny(seed)
        };
        let scope = Scope::new(&corpus.request);
        let damaged: BTreeSet<_> = corpus
            .damaged
            .iter()
            .map(|d| (d.input.as_str(), d.offset))
            .collect();
        let known: BTreeMap<_, _> = corpus
            .records
            .iter()
            .map(|row| ((row.input.as_str(), row.offset), row))
            .collect();
        assert_eq!(known.len(), corpus.records.len());
        let mut found = 0;
        for ((name, bytes), only) in corpus.files.iter().zip(&corpus.sources) {
            for (offset, line) in lines(bytes) {
                if damaged.contains(&(name.as_str(), offset)) {
                    continue;
                }
                let record = record(&line).expect("every other line is a record");
                let (any, nexus) = scope.matches(&record);
                let row = known.get(&(name.as_str(), offset));
                assert_eq!(
                    row.is_some(),
                    any,
                    "seed {seed}, {name} at {offset}: {}",
                    String::from_utf8_lossy(&line)
                );
                let Some(row) = row else { continue };
                found += 1;
                let named = record
                    .iter()
                    .find(|(key, _)| key == "subcomponent")
                    .and_then(|(_, value)| value.as_str());
                let time = record
                    .iter()
                    .find(|(key, _)| key == "time")
                    .and_then(|(_, v)| v.as_str())
                    .expect("a time");
                assert_eq!(
                    (row.time.as_str(), row.source.name(), row.why.has_nexus()),
                    (time, named.unwrap_or(only.name()), nexus),
                    "{}",
                    String::from_utf8_lossy(&line)
                );
                assert_eq!(row.side, scope.side(time), "seed {seed}: {time}");
            }
        }
        assert_eq!(found, corpus.records.len());
        assert!(found > 50, "seed {seed}: {found} records");
    }
}

/// An access line, taken apart at its quotes and blanks: time as a dive gives it, address, method, URL,
/// status, referrer.
fn access_line(line: &str) -> Option<[String; 6]> {
    let line = match line.strip_prefix("{\"log\":") {
        Some(_) => serde_json::from_str::<Value>(line).ok()?["log"]
            .as_str()?
            .trim_end()
            .to_owned(),
        None => line.to_owned(),
    };
    let line = match line.split_once(" stdout F ") {
        Some((_, rest)) => rest,
        None => line.as_str(),
    };
    let line = match line.split_once(' ') {
        Some((stamp, rest)) if stamp.contains('_') => rest,
        _ => line,
    };
    let quoted: Vec<&str> = line.split('"').collect();
    let (head, request) = (quoted.first()?, quoted.get(1)?);
    let mut request = request.split(' ');
    let (method, url) = (request.next()?, request.next()?);
    let haproxy = head.contains(" haproxy[");
    let address = if haproxy {
        head.split_once("]: ")?.1.split(' ').next()?.rsplit_once(':')?.0
    } else {
        head.split(' ').next()?
    };
    let status = if haproxy {
        head.split(' ').rev().nth(7)?
    } else {
        quoted.get(2)?.split(' ').nth(1)?
    };
    let at = head.find("/2026:")?;
    let month = match head.get(at - 3..at)? {
        "Oct" => 10,
        "Nov" => 11,
        _ => 12,
    };
    let clock = head.get(at + 6..)?.split([']', ' ']).next()?;
    let time = format!("2026-{month}-{}T{clock}Z", head.get(at - 6..at - 4)?);
    let referrer = quoted.get(3).filter(|text| **text != "-").unwrap_or(&"");
    Some([
        time,
        address.to_owned(),
        method.to_owned(),
        url.to_owned(),
        status.to_owned(),
        (*referrer).to_owned(),
    ])
}

#[test]
fn access_lines_are_about_the_same_requests() {
    for seed in 0..12 {
        let options = Options::default()
            .seed(seed)
            .days(4)
            .tenants(8)
            .our_share(Some(0.25))
            .damage(seed % 2 == 1)
            .sources(vec![Source::Haproxy, Source::NginxAccess, Source::Workhorse]);
        let corpus = tiny_with(&options, 90 + seed);
        let scope = Scope::new(&corpus.request);
        let damaged: BTreeSet<_> = corpus
            .damaged
            .iter()
            .map(|d| (d.input.as_str(), d.offset))
            .collect();
        let known: BTreeMap<_, _> = corpus
            .records
            .iter()
            .map(|row| ((row.input.as_str(), row.offset), row))
            .collect();
        let mut requests = BTreeMap::<_, Vec<_>>::new();
        let mut found = 0;
        for ((name, bytes), source) in corpus.files.iter().zip(&corpus.sources) {
            for (offset, line) in lines(bytes) {
                if damaged.contains(&(name.as_str(), offset)) {
                    continue;
                }
                let shown = String::from_utf8_lossy(&line).into_owned();
                let parts = if *source == Source::Workhorse {
                    let record = record(&line).expect("a record");
                    let get = |key: &str| {
                        let value = record
                            .iter()
                            .find(|(name, _)| name == key)
                            .map(|(_, value)| value);
                        match value {
                            Some(Value::String(text)) => text.clone(),
                            Some(other) => other.to_string(),
                            None => String::new(),
                        }
                    };
                    ["time", "remote_ip", "method", "uri", "status", "referrer"].map(get)
                } else {
                    access_line(&shown).expect("an access line")
                };
                let row = known.get(&(name.as_str(), offset));
                let [time, address, method, url, status, referrer] = parts;
                let (strong, weak) = (scope.url(&url), scope.url(&referrer));
                assert_eq!(row.is_some(), strong || weak, "seed {seed}, {name}: {shown}");
                if let Some(row) = row {
                    found += 1;
                    assert_eq!((&row.time, row.source), (&time, *source), "{shown}");
                    assert_eq!(row.why.has_nexus(), strong, "{shown}");
                    assert_eq!(row.side, scope.side(&time), "{shown}");
                }
                let referrer = if *source == Source::Haproxy {
                    None
                } else {
                    Some((time, referrer))
                };
                requests
                    .entry(*source)
                    .or_default()
                    .push(((address, method, url, status), referrer));
            }
        }
        assert_eq!(found, corpus.records.len());
        assert!(found > 50, "seed {seed}: {found} records");
        for all in requests.values_mut() {
            all.sort();
        }
        assert_eq!(
            requests.get(&Source::NginxAccess),
            requests.get(&Source::Workhorse),
            "seed {seed}"
        );
        let bare = |source| -> Vec<_> {
            let mut all: Vec<_> = requests
                .get(&source)
                .into_iter()
                .flatten()
                .map(|(request, _)| request.clone())
                .collect();
            all.sort();
            all
        };
        assert_eq!(bare(Source::Haproxy), bare(Source::Workhorse), "seed {seed}");
    }
}

#[test]
fn access_logs_are_there_only_if_named() {
    let usual = tiny(3);
    assert!(usual.sources.iter().all(|source| !source.is_text()));
    assert!(!usual.summary.lines_by_source.contains_key("nginx_access"));
    let options = Options::default().seed(3).days(3).tenants(8);
    let only = tiny_with(&options.clone().sources(vec![Source::NginxAccess]), 60);
    assert!(only.sources.iter().all(|source| *source == Source::NginxAccess));
    assert!(
        only.summary
            .lines_by_source
            .get("nginx_access")
            .is_some_and(|lines| *lines > 50)
    );
    let all = tiny_with(&options.clone().sources(Source::ALL.to_vec()), 60);
    let some = tiny_with(&options, 60);
    let lines = |corpus: &Corpus, source: &str| corpus.summary.lines_by_source.get(source).copied();
    for source in Source::USUAL {
        assert_eq!(
            lines(&all, source.name()),
            lines(&some, source.name()),
            "more sources change nothing in the others"
        );
    }
}

#[test]
fn every_case_occurs() {
    let mut whys = BTreeMap::<_, u32>::new();
    let (mut sources, mut all) = (BTreeSet::new(), Vec::new());
    for seed in 0..12 {
        let corpus = tiny(seed);
        for row in &corpus.records {
            *whys.entry(row.why).or_default() += 1;
            sources.insert(row.source);
        }
        let scope = Scope::new(&corpus.request);
        let at = |time: &str| {
            corpus
                .records
                .iter()
                .any(|row| row.time.trim_end_matches(".000Z") == time.trim_end_matches('Z'))
        };
        assert!(
            at(&scope.from) && at(&scope.to),
            "records at both edges of the window"
        );
        for (_, bytes) in &corpus.files {
            all.extend(lines(bytes).into_iter().map(|(_, line)| line));
        }
        let kinds: BTreeSet<_> = corpus.damaged.iter().map(|d| d.kind).collect();
        assert_eq!(seed % 2 == 1, !kinds.is_empty());
        assert!(!corpus.secrets.is_empty() && !corpus.unknown.is_empty() && !corpus.system.is_empty());
    }
    assert_eq!((whys.len(), sources.len()), (6, 7), "{whys:?}");
    let holds = |what: &str| {
        all.iter()
            .any(|line| memchr::memmem::find(line, what.as_bytes()).is_some())
    };
    for what in [
        "\\u003c",
        "\\/",
        "\": \"",
        "\"meta\":{",
        "jsonPayload",
        "json.meta.user",
        " stdout F {",
        "impersonated_by",
        "user_impersonation",
        "Started Impersonation",
        "private_token",
        "\"referrer\":\"https",
        "@hashed/",
        "\\u006",
        "\\u006A",
        "4111111111111111",
        "exception.sql",
        "pool.sourceProjectPath",
        "\"x_",
        "%2F",
        "glpat-",
        "AKIA",
        "\"custom_message\":{",
        ".wiki\"",
        "project-",
        "{\"log\":\"{\\\"",
    ] {
        assert!(holds(what), "no line holds {what}");
    }
    let doubled = all
        .iter()
        .filter(|line| memchr::memmem::find_iter(line, b"\"meta.project\":").count() > 1)
        .count();
    assert!(doubled > 3, "{doubled} lines with a key twice");
}

#[test]
fn the_same_options_give_the_same_bytes() {
    let (one, two) = (tiny(11), tiny(11));
    assert!(one.files == two.files && one.records == two.records && one.foreign == two.foreign);
    assert!(one.files != tiny(12).files);
}

#[test]
fn planted_values_stand_in_the_corpus() {
    for seed in 0..6 {
        let corpus = tiny(seed);
        let mut text = String::new();
        for (_, bytes) in &corpus.files {
            for (_, line) in lines(bytes) {
                // Names may be spelt with escapes; a reader sees them without.
                match record(&line) {
                    Some(record) => record
                        .iter()
                        .for_each(|(key, value)| words(&mut text, key, value)),
                    None => text.push_str(&String::from_utf8_lossy(&line)),
                }
                text.push_str(&String::from_utf8_lossy(&line));
                text.push('\n');
            }
        }
        for (class, value, _) in &corpus.foreign {
            assert!(
                text.contains(value.as_str()),
                "seed {seed}: {class} {value} does not occur"
            );
        }
        for value in corpus.unknown.iter().chain(&corpus.system) {
            assert!(
                text.contains(value.as_str()),
                "seed {seed}: {value} does not occur"
            );
        }
        let plain = corpus
            .secrets
            .iter()
            .filter(|secret| text.contains(secret.as_str()))
            .count();
        assert!(
            plain * 4 > corpus.secrets.len(),
            "{plain} of {} secrets in plain",
            corpus.secrets.len()
        );
        let near = corpus.foreign.iter().filter(|(_, _, near)| *near).count();
        assert!(near > 30, "{near} foreign values in lines about the customer");
        let own: BTreeSet<_> = corpus.own.iter().map(|(_, value)| value).collect();
        assert!(corpus.foreign.iter().all(|(_, value, _)| !own.contains(value)));
    }
}

/// Every text of a value, unescaped, a line each.
fn words(out: &mut String, key: &str, value: &Value) {
    out.push_str(key);
    out.push('\n');
    match value {
        Value::String(text) => out.push_str(text),
        Value::Array(list) => list.iter().for_each(|value| words(out, "", value)),
        Value::Object(map) => map.iter().for_each(|(key, value)| words(out, key, value)),
        other => out.push_str(&other.to_string()),
    }
    out.push('\n');
}

#[test]
fn a_time_names_a_line_of_a_small_corpus() {
    for seed in 0..8 {
        let corpus = tiny(seed);
        let damaged: BTreeSet<_> = corpus
            .damaged
            .iter()
            .map(|d| (d.input.as_str(), d.offset))
            .collect();
        let mut seen = BTreeSet::new();
        for (name, bytes) in &corpus.files {
            let (mut last, mut late) = (String::new(), 0);
            for (offset, line) in lines(bytes) {
                let Some(record) = record(&line).filter(|_| !damaged.contains(&(name.as_str(), offset)))
                else {
                    continue;
                };
                let time = record
                    .iter()
                    .find(|(key, _)| key == "time")
                    .and_then(|(_, v)| v.as_str())
                    .expect("a time")
                    .to_owned();
                late += u32::from(time <= last);
                last = time.clone();
                assert!(seen.insert(time.clone()), "seed {seed}, {name}: {time} twice");
            }
            assert!(late < 8, "{name}: {late} lines out of order");
        }
    }
}

#[test]
fn guests_stand_in_typed_fields_of_the_window() {
    for seed in 0..8 {
        for days in [1, 2, 3, 5] {
            let options = Options::default()
                .seed(seed)
                .days(days)
                .tenants(8)
                .our_share(Some(0.2));
            let corpus = tiny_with(&options, 90);
            let inside: BTreeSet<_> = corpus
                .records
                .iter()
                .filter(|r| r.side == Side::Inside && r.source == Source::Audit)
                .map(|r| (r.input.as_str(), r.offset))
                .collect();
            let mut authors = BTreeSet::new();
            for (name, bytes) in &corpus.files {
                for (offset, line) in lines(bytes) {
                    if inside.contains(&(name.as_str(), offset)) {
                        let record = record(&line).expect("a record");
                        authors.extend(
                            record
                                .into_iter()
                                .filter(|(key, _)| key == "meta.user")
                                .map(|(_, user)| user.to_string()),
                        );
                    }
                }
            }
            let world = super::world::World::new(seed, 8, 1);
            for &guest in &world.guests {
                let name = Value::from(world.user(guest).username.as_str()).to_string();
                assert!(authors.contains(&name), "seed {seed}, {days} days: {name}");
            }
        }
    }
}

#[test]
fn threads_do_not_matter_and_the_size_is_as_asked() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut trees = Vec::new();
    for threads in [1, 3] {
        let to = dir.path().join(threads.to_string());
        let options = Options::default()
            .seed(9)
            .megabytes(6)
            .days(2)
            .threads(threads)
            .file_megabytes(1)
            .damage(true);
        let mut told = 0;
        let summary = write(&to, &options, &mut |bytes| told += bytes).expect("room on the disk");
        assert_eq!(told, summary.decoded_bytes);
        assert!(
            (5_400_000..6_600_000).contains(&summary.decoded_bytes),
            "{}",
            summary.decoded_bytes
        );
        assert!(
            write(&to, &options, &mut |_| {}).is_err(),
            "an existing corpus stays"
        );
        let mut tree = BTreeMap::new();
        let mut open = vec![to.clone()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("a directory").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let name = path.strip_prefix(&to).expect("below").to_owned();
                    tree.insert(name, std::fs::read(path).expect("a file"));
                }
            }
        }
        assert!(tree.len() > 20);
        trees.push(tree);
    }
    assert!(trees[0] == trees[1]);
}

/// Sizes of a source's files, the largest first.
fn sizes(options: &Options) -> (Summary, Vec<u64>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let summary = write(dir.path(), options, &mut |_| {}).expect("room on the disk");
    let mut sizes = Vec::new();
    for host in std::fs::read_dir(dir.path().join("logs"))
        .expect("a directory")
        .flatten()
    {
        for file in std::fs::read_dir(host.path()).expect("a host").flatten() {
            sizes.push(file.metadata().expect("a file").len());
        }
    }
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    (summary, sizes)
}

#[test]
fn sizes_are_even_or_skewed_as_asked() {
    let options = Options::default()
        .seed(2)
        .megabytes(4)
        .days(1)
        .sources(vec![Source::Production])
        .codec(CodecMix::Plain)
        .hosts(21);
    let (even, sizes_even) = sizes(&options);
    let (skewed, sizes_skewed) = sizes(&options.clone().skew(Some(0.8)));
    assert_eq!((sizes_even.len(), sizes_skewed.len()), (21, 21));
    assert!(sizes_even[0] < 2 * sizes_even[20], "{sizes_even:?}");
    let total: u64 = sizes_skewed.iter().sum();
    assert!(
        (total * 77 / 100..total * 85 / 100).contains(&sizes_skewed[0]),
        "{sizes_skewed:?}"
    );
    assert_eq!(
        even.lines, skewed.lines,
        "each visit is in one file, whatever its size"
    );
}

#[test]
fn lines_are_long_if_asked() {
    let options = Options::default().seed(5).days(2).long_lines(Some((50, 256)));
    let corpus = tiny_with(&options, 200);
    let lengths = corpus.files.iter().flat_map(|(_, bytes)| lines(bytes));
    let long = lengths.filter(|(_, line)| line.len() > 256 << 10).count();
    assert!((5..60).contains(&long), "{long} long lines");
}
