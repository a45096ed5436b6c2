//! A whole dive against what its records were made from.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use decostop::pipeline::Dive;
use decostop::request::Request;
use decostop::sink::{Flow, Provenance, Sink, Verified};
use decostop::{Error, Limits};
use decostop_profile::{Class, ClassRule, Profile, Source};

use crate::common::{plan, request};
use crate::draw::{Draw, json_string, percent, recase};
use crate::world::{ADDRESSES, KEYS, PEOPLE, PLACES, SCOPE};

/// What a field says, whatever its spelling.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Fact {
    User(String),
    UserId(u64),
    Email(String),
    Name(String),
    Path(String),
    ProjectId(u64),
    NamespaceId(u64),
    Ip(&'static str),
    Key(Class, &'static str),
}

/// A line and what it says.
struct Known {
    source: usize,
    line: String,
    facts: Vec<Fact>,
    event: Option<String>,
    /// Seconds since the beginning of 2026-11-01.
    at: u64,
}

/// A source whose records the target can write, and its file.
struct Writer {
    source: usize,
    file: String,
    time: String,
    /// Fields that say who, where, or which request.
    named: Vec<(String, Class)>,
}

/// The sources that can be written: a JSON object a line, in a file that is this source's by its name
/// alone, with a time and at least one field whose meaning is known.
fn writers() -> &'static [Writer] {
    static WRITERS: OnceLock<Vec<Writer>> = OnceLock::new();
    WRITERS.get_or_init(|| {
        let profile = &plan().profile;
        let writer = |(at, source): (usize, &Source)| {
            let names = source.files.iter().map(|glob| glob.replace('*', ""));
            let file = names.into_iter().find(|name| {
                let known = profile.sources.iter().position(|source| source.fits_file(name)) == Some(at);
                known && !name.contains('/') && !profile.set_aside.iter().any(|aside| aside.fits_file(name))
            })?;
            let named = source.fields.iter().filter_map(|(name, spec)| match spec.rule {
                ClassRule::Fixed(class) if class.is_identity() || matches!(class, Class::Correlation | Class::TokenId) => Some((name.clone(), class)),
                _ => None,
            });
            let writer = Writer { source: at, file, time: source.time.first()?.clone(), named: named.collect() };
            (source.records.is_empty() && !writer.named.is_empty()).then_some(writer)
        };
        let mut found: Vec<Writer> = profile.sources.iter().enumerate().filter_map(writer).collect();
        let mut taken = std::collections::HashSet::new();
        found.retain(|writer| taken.insert(writer.file.clone()));
        found
    })
}

/// A select and what it stands for: of every list one fact must be there.
#[derive(Default)]
struct Wanted {
    text: String,
    lists: Vec<Vec<Fact>>,
    below: Vec<Vec<String>>,
    event: Option<Vec<(usize, String)>>,
    source: Option<usize>,
    not: Vec<Fact>,
}

/// A dive matches exactly the records that its selects stand for, with the prefilter and without it,
/// however many threads, files and codecs there are; and what it hands out is the same each time.
pub fn selection(data: &[u8]) {
    let mut draw = Draw::new(data);
    let (from, to) = *draw.of(&[(0, 7), (1, 5), (2, 3)]);
    let wanted: Vec<Wanted> = (0..=draw.below(2)).map(|_| wanted(&mut draw)).collect();
    let request = request(&format!(
        "version = 1\nid = \"FUZZ-1\"\nrequested_at = 2026-11-08T09:00:00Z\n\
         [customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n[scope]\nevidence = \"a test\"\n{SCOPE}\n\
         [window]\nfrom = 2026-11-0{}T00:00:00Z\nto = 2026-11-0{}T00:00:00Z\n{}\n{}[disclosure]\npersonal_data = {}\n",
        from + 1,
        to + 1,
        wanted.iter().map(|select| select.text.as_str()).collect::<String>(),
        ["events.few", "events.listed", "resources.listed", "scope.owned"]
            .map(|id| format!("[[exception]]\ncondition = \"{id}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n"))
            .concat(),
        draw.one_in(2),
    ));
    let lines: Vec<Known> = (0..=draw.below(40)).map(|_| known(&mut draw)).collect();
    let expected = lines.iter().filter(|line| (from * DAY..to * DAY).contains(&line.at) && wanted.iter().any(|select| select.takes(line))).count() as u64;
    let corpus = Corpus::write(&mut draw, &lines);
    let first = corpus.dive(&request, true, 1);
    let shown = || {
        let lines: Vec<&str> = lines.iter().map(|line| line.line.as_str()).collect();
        format!("{}\n{}", lines.join("\n"), request.to_toml().unwrap_or_default())
    };
    assert!(first.withheld == 0, "sound lines are withheld: {}", shown());
    assert!(first.matched == expected, "{} matched, {expected} should: {}", first.matched, shown());
    let second = corpus.dive(&request, false, 2);
    assert!(first == second, "another result without the prefilter and with two threads: {}", shown());
}

const DAY: u64 = 86_400;

impl Wanted {
    fn takes(&self, line: &Known) -> bool {
        let below = |path: &str, root: &String| path == root || path.starts_with(&format!("{root}/"));
        let event = |list: &Vec<(usize, String)>| {
            list.iter().any(|(source, name)| *source == line.source && (name == "*" || line.event.as_ref() == Some(name)))
        };
        self.lists.iter().zip(&self.below).all(|(list, roots)| {
            line.facts.iter().any(|fact| list.contains(fact) || matches!(fact, Fact::Path(path) if roots.iter().any(|root| below(path, root))))
        }) && self.event.as_ref().is_none_or(event)
            && self.source.is_none_or(|source| source == line.source)
            && !line.facts.iter().any(|fact| self.not.contains(fact))
    }

    fn add(&mut self, key: &str, value: &str, list: Vec<Fact>, below: &[&str]) {
        if !self.text.contains(&format!("\n{key} =")) {
            self.text.push_str(&format!("{key} = [{value}]\n"));
            self.lists.push(list);
            self.below.push(below.iter().map(|root| (*root).to_owned()).collect());
        }
    }
}

fn wanted(draw: &mut Draw<'_>) -> Wanted {
    let mut select = Wanted { text: "[[select]]\n".to_owned(), ..Wanted::default() };
    let person = draw.below(PEOPLE.len());
    for _ in 0..=draw.below(2) {
        match draw.below(6) {
            0 => select.add("namespaces", "\"acmecorp\"", vec![Fact::NamespaceId(770_077), Fact::ProjectId(5_119_100)], &["acmecorp", "acmelabs"]),
            1 => select.add("namespaces", "\"Othervik\"", vec![], &["othervik"]),
            2 => {
                let path = |text: &str| Fact::Path(text.to_owned());
                let list = vec![path("acmecorp/payments/api"), path("acmelabs/payments/api"), Fact::ProjectId(5_119_100), Fact::ProjectId(9_900_001)];
                select.add("projects", "\"acmecorp/payments/api\", 9900001", list, &[]);
            }
            3 => {
                let by_id = draw.one_in(2);
                let value = if by_id { PEOPLE[person].id.to_string() } else { format!("\"{}\"", PEOPLE[person].user) };
                select.add("users", &value, of_person(person, by_id), &[]);
            }
            4 => {
                let address = *draw.of(ADDRESSES);
                select.add("ips", &format!("\"{address}\""), vec![Fact::Ip(address)], &[]);
            }
            _ => {
                let (key, class) = *draw.of(&[("correlation_ids", Class::Correlation), ("token_ids", Class::TokenId)]);
                let value = *draw.of(KEYS);
                select.add(key, &format!("\"{value}\""), vec![Fact::Key(class, value)], &[]);
            }
        }
    }
    let sources = &plan().profile.sources;
    if draw.one_in(3) {
        let at = draw.below(sources.len());
        select.source = Some(at);
        select.text.push_str(&format!("sources = [\"{}\"]\n", sources[at].name));
    }
    match draw.below(4) {
        0 => {
            let event = draw.of(&plan().profile.events);
            select.text.push_str(&format!("events = [\"{}\"]\n", event.name));
            let place = |name: &String| sources.iter().position(|source| source.name == *name);
            let raw = event.raw.iter().filter_map(|(name, patterns)| Some((place(name)?, patterns)));
            select.event = Some(raw.flat_map(|(at, patterns)| patterns.iter().map(move |pattern| (at, pattern.clone()))).collect());
        }
        1 => select.text.push_str("events = [\"raw:*\"]\n"),
        _ => {}
    }
    if draw.one_in(4) {
        let other = draw.below(PEOPLE.len());
        select.not = of_person(other, false);
        select.text.push_str(&format!("exclude = {{ users = [\"{}\"] }}\n", PEOPLE[other].user));
    }
    select
}

/// What a user of the scope goes by; of a foreign one only what was given is known.
fn of_person(nth: usize, by_id: bool) -> Vec<Fact> {
    let person = &PEOPLE[nth];
    let (user, id, name) = (Fact::User(person.user.to_owned()), Fact::UserId(person.id), Fact::Name(person.name.to_lowercase()));
    match nth {
        0 => vec![user, id, Fact::Email(person.email.to_owned()), name],
        1 => vec![user, id, name],
        _ if by_id => vec![id],
        _ => vec![user],
    }
}

fn known(draw: &mut Draw<'_>) -> Known {
    let Writer { source, time, named, .. } = draw.of(writers());
    let source = *source;
    let at = draw.below(8 * DAY as usize) as u64 / if draw.one_in(3) { 1 } else { DAY } * if draw.one_in(2) { 1 } else { DAY };
    let at = at % (8 * DAY);
    let (day, rest) = (at / DAY + 1, at % DAY);
    let mut fields = vec![format!("\"{time}\":\"2026-11-0{day}T{:02}:{:02}:{:02}Z\"", rest / 3600, rest / 60 % 60, rest % 60)];
    let event = event(draw, &plan().profile.sources[source], source, &mut fields);
    let mut facts = Vec::new();
    for _ in 0..=draw.below(4) {
        let (name, class) = draw.of(named);
        if fields.iter().any(|field| field.starts_with(&format!("\"{name}\""))) {
            continue;
        }
        let (fact, text) = fact(draw, *class);
        let number = matches!(fact, Fact::UserId(_) | Fact::ProjectId(_) | Fact::NamespaceId(_)) && text.bytes().all(|byte| byte.is_ascii_digit()) && draw.one_in(2);
        facts.push(fact);
        let value = if number { text } else { json_string(draw, &text) };
        fields.push(format!("\"{name}\":{value}"));
    }
    let line = format!("{{{}}}", fields.join(","));
    Known { source, line, facts, event, at }
}

/// Writes the fields that the source's event is made of.
fn event(draw: &mut Draw<'_>, source: &Source, at: usize, fields: &mut Vec<String>) -> Option<String> {
    let profile = &plan().profile;
    let exact: Vec<&String> = profile.events.iter().filter_map(|event| event.raw.get(&source.name)).flatten().filter(|raw| !raw.contains('*')).collect();
    if exact.is_empty() || draw.one_in(4) || profile.sources[at].name != source.name {
        return None;
    }
    let raw = *draw.of(&exact);
    let split = match source.name.as_str() {
        "production_json" => raw.split_once('#').map(|(a, b)| vec![("controller", a), ("action", b)]),
        "api_json" => raw.split_once(' ').map(|(a, b)| vec![("method", a), ("route", b)]),
        "audit_json" => Some(vec![("event_name", raw.as_str())]),
        "graphql_json" => Some(vec![("operation_name", raw.as_str())]),
        "sidekiq" => Some(vec![("class", raw.as_str())]),
        "gitaly" => Some(vec![("grpc.method", raw.as_str())]),
        _ => None,
    }?;
    fields.extend(split.iter().map(|(name, text)| format!("\"{name}\":{}", serde_json::Value::from(*text))));
    Some(raw.clone())
}

fn fact(draw: &mut Draw<'_>, class: Class) -> (Fact, String) {
    let (person, place) = (draw.of(PEOPLE), draw.of(PLACES));
    match class {
        Class::User => (Fact::User(person.user.to_owned()), recase(draw, person.user)),
        Class::UserId => (Fact::UserId(person.id), format!("{}{}", draw.of(&["", "user-", "user/", "gid://gitlab/User/"]), person.id)),
        Class::Email => (Fact::Email(person.email.to_owned()), recase(draw, person.email)),
        Class::Name => (Fact::Name(person.name.to_lowercase()), recase(draw, person.name)),
        Class::ProjectId => (Fact::ProjectId(place.id), format!("{}{}", draw.of(&["", "project-", "gid://gitlab/Project/"]), place.id)),
        Class::NamespaceId => (Fact::NamespaceId(place.id), format!("{}{}", draw.of(&["", "gid://gitlab/Group/"]), place.id)),
        Class::Project | Class::Namespace => {
            let path = format!("{}{}", place.path, draw.of(&["", "", "/deeper"]));
            let text = format!("{}{}", recase(draw, &path), draw.of(&["", "", ".git"]));
            (Fact::Path(path), if draw.one_in(3) { percent(draw, &text, "/") } else { text })
        }
        Class::Ip => {
            let address = *draw.of(ADDRESSES);
            (Fact::Ip(address), address.to_owned())
        }
        class => {
            let key = *draw.of(KEYS);
            (Fact::Key(class, key), key.to_owned())
        }
    }
}

/// Files in a directory of their own, removed at the end.
struct Corpus(PathBuf);

impl Corpus {
    fn write(draw: &mut Draw<'_>, lines: &[Known]) -> Self {
        let shm = Path::new("/dev/shm");
        let base = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let dir = base.join(format!("decostop-fuzz-{}-{:?}", std::process::id(), std::thread::current().id()));
        let corpus = Self(dir);
        let _ = fs::remove_dir_all(&corpus.0);
        fs::create_dir_all(&corpus.0).expect("a place for temporary files");
        for Writer { source, file, .. } in writers() {
            let own: Vec<&str> = lines.iter().filter(|line| line.source == *source).map(|line| line.line.as_str()).collect();
            if own.is_empty() {
                continue;
            }
            let mut text = own.join(draw.text_of(&["\n", "\r\n", "\n\n"]));
            if draw.one_in(2) {
                text.push('\n');
            }
            let zstd = draw.one_in(2);
            let path = corpus.0.join(format!("{file}{}", if zstd { ".zst" } else { "" }));
            let bytes = if zstd { zstd::bulk::compress(text.as_bytes(), 1).expect("memory is enough") } else { text.into_bytes() };
            fs::write(path, bytes).expect("a place for temporary files");
        }
        corpus
    }

    fn dive(&self, request: &Request, prefilter: bool, threads: usize) -> Outcome {
        let mut limits = Limits::default();
        limits.memory_bytes = if threads == 1 { 64 << 20 } else { 2048 };
        let dive = Dive::builder(request.clone(), Profile::gitlab())
            .inputs([self.0.clone()])
            .threads(threads)
            .limits(limits)
            .prefilter(prefilter)
            .spill_dir(self.0.parent().map(Path::to_owned).unwrap_or_default())
            .request_key([7; 32])
            .now(SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000))
            .build()
            .unwrap_or_else(|error| panic!("a sound request is refused: {error}"));
        let mut sink = Kept::default();
        let report = match dive.run(&mut sink) {
            Ok(report) => report,
            Err(error) => panic!("the dive fails: {error}; {:?}", dive.leaks()),
        };
        assert_eq!(report.counts.disclosed + report.counts.outside_scope, report.counts.matched - report.counts.withheld);
        Outcome { matched: report.counts.matched, withheld: report.counts.withheld, outside: report.counts.outside_scope, records: sink.0 }
    }
}

impl Drop for Corpus {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[derive(PartialEq)]
struct Outcome {
    matched: u64,
    withheld: u64,
    outside: u64,
    records: Vec<(u64, Vec<u8>)>,
}

/// Keeps the records.
#[derive(Default)]
struct Kept(Vec<(u64, Vec<u8>)>);

impl Sink for Kept {
    fn record(&mut self, record: Verified<'_>, provenance: &Provenance) -> Result<Flow, Error> {
        self.0.push((provenance.origin.offset.unwrap_or_default(), record.as_bytes().to_vec()));
        Ok(Flow::Continue)
    }
}
