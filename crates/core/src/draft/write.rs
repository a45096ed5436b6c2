//! The draft as a TOML file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use decostop_profile::{Class, ClassRule, Kind, LinePattern, LinePiece, Source, closing};
use serde_json::{Map, Value, json};

use super::Draft;
use super::fields::{Field, Fields, Look};
use super::guess::{Guess, guess};
use super::sample::{Sample, Shape, Wrapper};

/// The time of examples, in the notation of the source.
const JSON_TIME: &str = "2026-11-03T09:15:02.417Z";
const ACCESS_TIME: &str = "03/Nov/2026:09:15:02 +0000";
const EPOCH_TIME: u64 = 1_793_697_302;

/// A field with what the draft says of it.
struct Entry<'f> {
    field: &'f Field,
    guess: Guess,
}

impl Entry<'_> {
    fn class(&self) -> Option<Class> {
        match &self.guess {
            Guess::Class(class) => Some(*class),
            Guess::Words(_) => Some(Class::Status),
            Guess::ClosedEvent => Some(Class::Event),
            Guess::Undecided(_) => None,
        }
    }
}

pub(super) fn draft(sample: &Sample, fields: &Fields, name: &str, file: &str) -> Draft {
    let name = plain(name);
    let entries: Vec<Entry<'_>> = fields
        .list
        .iter()
        .map(|field| Entry {
            field,
            guess: known(sample, field).unwrap_or_else(|| guess(field)),
        })
        .collect();
    let mut advice = Vec::new();
    let mut out = String::new();
    let times = own_times(&entries);
    head(&mut out, sample, fields, &name);
    source_head(&mut out, sample, &name, file);
    let invented_time = times.is_empty();
    if invented_time {
        advice.push(
            "no field holds the record's own time: name one in `time`, or nothing can be found".to_owned(),
        );
        out.push_str("# DECIDE: no field looks like the record's own time. `time` below is a placeholder.\n");
        out.push_str("time = [\"time\"]\n");
    } else {
        let _ = writeln!(out, "time = [{}]", list(times.iter().copied()));
    }
    events(&mut out, &entries, sample, &mut advice);
    columns(&mut out, &entries);
    classes(&mut out, &entries, fields, invented_time, &mut advice);
    tuples(&mut out, &entries, &mut advice);
    examples(&mut out, sample, fields, &entries, times.first().copied());
    let undecided = entries.iter().filter(|entry| entry.class().is_none()).count();
    if undecided > 0 {
        advice.push(format!(
            "{undecided} fields have no class: they are dropped and counted until you give them one"
        ));
    }
    if let Shape::Text { profile, .. } = &sample.shape {
        advice.insert(
            0,
            format!(
                "these lines are known: `--profile {0}` reads them, and `decostop profile show {0}` has routes too",
                profile.name
            ),
        );
    }
    Draft {
        format: format_of(sample),
        records: fields.records,
        unread: sample.unread,
        cut: sample.cut,
        classed: entries.len() - undecided,
        undecided,
        profile: out,
        advice,
    }
}

/// A name as profiles have them: lower-case letters, digits and underscores.
fn plain(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    let trimmed = kept.trim_matches('_');
    if trimmed.is_empty() {
        "log".to_owned()
    } else {
        trimmed.to_owned()
    }
}

fn format_of(sample: &Sample) -> String {
    let base = match &sample.shape {
        Shape::Json => "a JSON object a line".to_owned(),
        Shape::Document(Some(key)) => format!("JSON documents with records in the list `{key}`"),
        Shape::Document(None) => "JSON objects spread over lines, or in a list".to_owned(),
        Shape::Logfmt => "logfmt".to_owned(),
        Shape::Text { profile, .. } => {
            format!("text that the built-in profile {} has patterns for", profile.name)
        }
    };
    match sample.wrapper {
        None => base,
        Some(Wrapper::Object(key)) => format!("{base}, the record in the object `{key}`"),
        Some(Wrapper::String(key)) => format!("{base}, the record in the string `{key}`"),
    }
}

/// What the built-in profile of these lines says of a field.
fn known(sample: &Sample, field: &Field) -> Option<Guess> {
    let Shape::Text { profile, .. } = &sample.shape else {
        return None;
    };
    let spec = profile
        .sources
        .iter()
        .find_map(|source: &Source| source.fields.get(&field.name))?;
    match &spec.rule {
        ClassRule::Fixed(Class::Status) if !spec.values.is_empty() => Some(Guess::Words(spec.values.clone())),
        ClassRule::Fixed(class) => Some(Guess::Class(*class)),
        _ => None,
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list<'t>(items: impl IntoIterator<Item = &'t str>) -> String {
    items.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// Fields that say when the record was written, best first: never a time of creation or expiry.
fn own_times<'f>(entries: &[Entry<'f>]) -> Vec<&'f str> {
    const NAMES: [&str; 14] = [
        "time",
        "timestamp",
        "@timestamp",
        "ts",
        "eventtime",
        "event_time",
        "requestreceivedtimestamp",
        "datetime",
        "date",
        "time_local",
        "accept_date",
        "time_iso8601",
        "asctime",
        "t",
    ];
    let rank = |name: &str| NAMES.iter().position(|known| name.eq_ignore_ascii_case(known));
    let mut found: Vec<(usize, &str)> = entries
        .iter()
        .filter(|entry| entry.class() == Some(Class::Time))
        .filter_map(|entry| Some((rank(&entry.field.name)?, entry.field.name.as_str())))
        .collect();
    if found.is_empty() {
        let often = entries.iter().max_by_key(|entry| {
            (
                entry.class() == Some(Class::Time),
                entry.field.records,
                std::cmp::Reverse(&entry.field.name),
            )
        });
        found.extend(
            often
                .filter(|entry| entry.class() == Some(Class::Time))
                .map(|entry| (0, entry.field.name.as_str())),
        );
    }
    found.sort_unstable();
    found.into_iter().map(|(_, name)| name).collect()
}

fn head(out: &mut String, sample: &Sample, fields: &Fields, name: &str) {
    let _ = writeln!(
        out,
        "# A draft of a profile, made from {} records: {}.\n\
         # It shows nothing that it does not understand. Read docs/PROFILES.md, decide what is marked DECIDE, go through\n\
         # the fields that are commented out, replace the examples by lines of your own making, then run\n\
         #   decostop profile check FILE\n\
         # No value of the sample is in this file; names of fields are.\n\
         version = 1\n\
         name = {}\n",
        fields.records,
        format_of(sample),
        quoted(name)
    );
    out.push_str(
        "# DECIDE: which plans may ask, in the words of your requests.\n\
         [conditions]\n\
         plans = [\"business\", \"enterprise\"]\n\
         billing = [\"paid\"]\n\n\
         # Endings of host names and address ranges that are yours. Private addresses are always left out.\n\
         [internal]\n\
         domains = [\".internal\", \".local\", \".svc\"]\n\
         ranges = []\n\n\
         # DECIDE: what paths look like, the specific ones first; a path that fits none is dropped.\n\
         #   routes = [\"/users/:user\", \"/:namespace_id/projects/:project_id/**\", \"/static/**\"]\n\
         [paths]\n\
         routes = [\"/\", \"/**\"]\n\n\
         [vocabulary]\n\
         builtin = [\"english\", \"technical\"]\n\
         methods = [\"CONNECT\", \"DELETE\", \"GET\", \"HEAD\", \"OPTIONS\", \"PATCH\", \"POST\", \"PUT\", \"TRACE\"]\n\
         agents = [\"Chrome\", \"Firefox\", \"Mozilla\", \"Safari\", \"curl\", \"git\"]\n\
         # Raw events that may be told; see `event` below.\n\
         events = []\n\n",
    );
    match sample.wrapper {
        None => {}
        Some(Wrapper::Object(key)) => {
            let _ = writeln!(
                out,
                "[wrappers]\nobjects = [{}]\ntime = [\"timestamp\", \"@timestamp\"]\n",
                quoted(key)
            );
        }
        Some(Wrapper::String(key)) => {
            let _ = writeln!(
                out,
                "[wrappers]\nstrings = [{}]\ntime = [\"timestamp\", \"@timestamp\"]\n",
                quoted(key)
            );
        }
    }
}

/// The name of the sample as a glob: what differs from day to day, and from customer to customer, is open.
fn file_glob(file: &str) -> String {
    let bare = [".gz", ".zst", ".zstd", ".bz2", ".xz", ".lz4"]
        .iter()
        .fold(file, |name, ending| name.strip_suffix(ending).unwrap_or(name));
    let mut out = String::new();
    for c in bare.chars() {
        let open = !(c.is_ascii_alphabetic() || matches!(c, '.' | '_' | '-'));
        match (open, out.ends_with('*')) {
            (true, false) => out.push('*'),
            (true, true) => {}
            (false, _) => out.push(c),
        }
    }
    let mut short = String::new();
    for part in out.split_inclusive(['*']) {
        // What stands between two open places says little, and may be a name.
        let letters = part.bytes().filter(u8::is_ascii_alphabetic).count();
        if short.is_empty() || letters > 4 {
            short.push_str(part);
        } else if !short.ends_with('*') {
            short.push('*');
        }
    }
    if !short.ends_with('*') {
        short.push('*');
    }
    if short.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        short
    } else {
        "*.log*".to_owned()
    }
}

fn source_head(out: &mut String, sample: &Sample, name: &str, file: &str) {
    let _ = writeln!(
        out,
        "[[source]]\nname = {}\n# DECIDE: what the log is, in one line.\nabout = \"Drafted from a sample\"\n\
         # DECIDE: which files are of this kind.\nfiles = [{}]",
        quoted(name),
        quoted(&file_glob(file))
    );
    match &sample.shape {
        Shape::Json => {}
        Shape::Document(key) => {
            if key.is_none() {
                out.push_str(
                    "# Objects spread over lines, or in a list: any key says that the input is no lines.\n",
                );
            }
            let _ = writeln!(out, "records = [{}]", quoted(key.as_deref().unwrap_or("records")));
        }
        Shape::Logfmt => out.push_str("format = \"logfmt\"\n"),
        Shape::Text { patterns, .. } => {
            out.push_str("format = \"text\"\naccess_log = true\nlines = [\n");
            for pattern in patterns {
                let _ = writeln!(out, "  '{}',", pattern.text);
            }
            out.push_str("]\n");
        }
    }
}

fn events(out: &mut String, entries: &[Entry<'_>], sample: &Sample, advice: &mut Vec<String>) {
    if let Shape::Text { profile, .. } = &sample.shape {
        // Expressions of the built-in profile whose fields all occur.
        let occurs = |field: &str| entries.iter().any(|entry| entry.field.name == field);
        let known: Vec<&str> = profile
            .sources
            .iter()
            .flat_map(|source| &source.event)
            .filter(|expression| {
                expression
                    .split('{')
                    .skip(1)
                    .all(|part| part.split(['}', '|']).next().is_some_and(occurs))
            })
            .map(String::as_str)
            .collect();
        let _ = writeln!(out, "event = [{}]", list(known));
        return;
    }
    let of = |wanted: Class| entries.iter().find(move |entry| entry.class() == Some(wanted));
    let event = of(Class::Event);
    let method = of(Class::Method);
    let path = of(Class::Resource);
    out.push_str(
        "# DECIDE: what happened. A name that the platform coins may be shown: list it in `vocabulary.events`, or drop\n\
         # `closed`. What a client chooses stays closed; anything else appears as `[event]`.\n",
    );
    let mut expressions = Vec::new();
    if let Some(event) = event {
        expressions.push(format!("{{{}}}", event.field.name));
        advice.push(
            "list the events that may be told in `vocabulary.events`: until then they appear as [event]"
                .to_owned(),
        );
    }
    if let Some(method) = method {
        if let Some(path) = path {
            expressions.push(format!("{{{}}} {{{}|route}}", method.field.name, path.field.name));
        }
        expressions.push(format!("{{{}}}", method.field.name));
    }
    if expressions.is_empty() {
        advice.push(
            "no field says what happened: give `event` an expression, or no event can be asked for"
                .to_owned(),
        );
        out.push_str("# event = [\"{action}\"]\n");
    } else {
        let _ = writeln!(out, "event = [{}]", list(expressions.iter().map(String::as_str)));
    }
}

fn columns(out: &mut String, entries: &[Entry<'_>]) {
    out.push_str("\n[source.columns]\n");
    let of = |classes: &[Class]| -> Vec<&str> {
        classes
            .iter()
            .flat_map(|class| entries.iter().filter(move |entry| entry.class() == Some(*class)))
            .map(|entry| entry.field.name.as_str())
            .collect()
    };
    for (column, classes) in [
        (
            "actor",
            [Class::User, Class::UserId, Class::Email, Class::Name].as_slice(),
        ),
        ("namespace", &[Class::Namespace, Class::NamespaceId]),
        ("project", &[Class::Project, Class::ProjectId]),
        ("ip", &[Class::Ip]),
        ("correlation_id", &[Class::Correlation]),
    ] {
        let fields = of(classes);
        if !fields.is_empty() {
            let _ = writeln!(out, "{column} = [{}]", list(fields));
        }
    }
    // A number before a word: the result of a request before the severity of its line.
    let numbers = entries
        .iter()
        .filter(|entry| entry.guess == Guess::Class(Class::Status));
    let words = entries
        .iter()
        .filter(|entry| matches!(entry.guess, Guess::Words(_)));
    if let Some(entry) = numbers.chain(words).next() {
        let _ = writeln!(out, "status = [{}]", quoted(&entry.field.name));
    }
}

fn classes(
    out: &mut String,
    entries: &[Entry<'_>],
    fields: &Fields,
    invented_time: bool,
    advice: &mut Vec<String>,
) {
    out.push_str("\n[source.fields]\n");
    if invented_time && !entries.iter().any(|entry| entry.field.name == "time") {
        out.push_str("\"time\" = \"time\"\n");
    }
    let share = |field: &Field| field.records * 100 / fields.records.max(1);
    for entry in entries.iter().filter(|entry| entry.class().is_some()) {
        let (field, name) = (entry.field, quoted(&entry.field.name));
        let value = match &entry.guess {
            _ if invented_time && field.name == "time" => "\"time\"".to_owned(),
            Guess::Words(words) => format!(
                "{{ class = \"status\", values = [{}] }}",
                list(words.iter().map(String::as_str))
            ),
            Guess::ClosedEvent => "{ class = \"event\", closed = true }".to_owned(),
            _ => quoted(entry.class().map_or("system", Class::as_str)),
        };
        let _ = writeln!(out, "{name} = {value} # in {} %", share(field));
    }
    for map in &fields.maps {
        let _ = writeln!(
            out,
            "# Keys that are values rather than names.\n{} = \"system\"",
            quoted(&format!("{map}.*"))
        );
    }
    let undecided: Vec<&Entry<'_>> = entries.iter().filter(|entry| entry.class().is_none()).collect();
    if !undecided.is_empty() {
        out.push_str("# DECIDE: these are dropped and counted until they have a class.\n");
    }
    for entry in undecided {
        let Guess::Undecided(question) = &entry.guess else {
            continue;
        };
        let field = entry.field;
        let kinds: Vec<&str> = field.types.iter().copied().collect();
        let different = match field.distinct() {
            Some(distinct) => format!("{distinct} different"),
            None => "many different".to_owned(),
        };
        let _ = writeln!(
            out,
            "# {} = \"\" # in {} %, {}, {different}; {question}",
            quoted(&field.name),
            share(field),
            kinds.join(" or ")
        );
    }
    if fields.unlisted > 0 {
        advice.push(format!(
            "{} names are left out of the draft: they occur once or look like values",
            fields.unlisted
        ));
    }
}

/// What a field's name is without the part that says which of somebody's names it is.
fn stem(name: &str) -> String {
    let folded = name.to_ascii_lowercase();
    let endings = [
        "_username",
        "_user_name",
        "username",
        "user_name",
        "_fullname",
        "_full_name",
        "_name",
        "name",
        "_email",
        "email",
        "_id",
        ".id",
        "id",
        "_login",
        "login",
    ];
    let cut = endings
        .iter()
        .find_map(|ending| folded.strip_suffix(ending))
        .unwrap_or(&folded);
    let cut = cut.trim_end_matches(['.', '_', '-']);
    if cut.is_empty() {
        "user".to_owned()
    } else {
        cut.to_owned()
    }
}

fn tuples(out: &mut String, entries: &[Entry<'_>], advice: &mut Vec<String>) {
    const ACTORS: [&str; 10] = [
        "user",
        "actor",
        "author",
        "principal",
        "remote_user",
        "account",
        "login",
        "useridentity",
        "caller",
        "member",
    ];
    let mut people: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut places: Vec<(Kind, &str)> = Vec::new();
    for entry in entries {
        match entry.class().and_then(Class::kind) {
            Some(Kind::User) => people
                .entry(stem(&entry.field.name))
                .or_default()
                .push(&entry.field.name),
            Some(kind) => places.push((kind, &entry.field.name)),
            None => {}
        }
    }
    if !people.is_empty() || !places.is_empty() {
        out.push_str(
            "\n# DECIDE: fields that speak of one and the same account, and its part in the record.\n",
        );
    }
    if people.is_empty() && places.is_empty() {
        advice.push(
            "no field names a user, a namespace or a project: nothing can be the customer's".to_owned(),
        );
    }
    let is_actor =
        |stem: &str| ACTORS.contains(&stem) || ACTORS.contains(&stem.rsplit('.').next().unwrap_or(stem));
    for (stem, fields) in &people {
        let role = if is_actor(stem) { "actor" } else { "target" };
        let _ = writeln!(
            out,
            "[[source.tuple]]\nkind = \"user\"\nrole = \"{role}\"\nfields = [{}]\n",
            list(fields.iter().copied())
        );
    }
    for (kind, field) in places {
        let kind = if kind == Kind::Project {
            "project"
        } else {
            "namespace"
        };
        let _ = writeln!(
            out,
            "[[source.tuple]]\nkind = \"{kind}\"\nrole = \"resource\"\nfields = [{}]\n",
            quoted(field)
        );
    }
}

/// A made-up value.
fn placeholder(entry: &Entry<'_>, is_text: bool) -> Value {
    let field = entry.field;
    let number = field.only("number");
    match (&entry.guess, entry.class()) {
        (Guess::Words(words), _) => json!(words.first().map_or("info", String::as_str)),
        (_, Some(Class::Time)) if number => json!(EPOCH_TIME),
        (_, Some(Class::Time)) => json!(if is_text { ACCESS_TIME } else { JSON_TIME }),
        (_, Some(Class::Ip)) if field.types.contains("list") => json!(["192.0.2.17"]),
        (_, Some(Class::Ip)) => json!("192.0.2.17"),
        (_, Some(Class::User)) => json!("alex9"),
        (_, Some(Class::Name)) => json!("Alex Example"),
        (_, Some(Class::Email)) => json!("alex9@example.com"),
        (_, Some(Class::UserId)) => scalar(number, 4711),
        (_, Some(Class::NamespaceId)) => scalar(number, 47),
        (_, Some(Class::ProjectId)) => scalar(number, 51191),
        (_, Some(Class::TokenId)) => scalar(number, 900),
        (_, Some(Class::Namespace | Class::Event)) => json!("example"),
        (_, Some(Class::Project)) => json!("example/site"),
        (_, Some(Class::Status)) => scalar(number, 200),
        (_, Some(Class::Method)) => json!("GET"),
        (_, Some(Class::Resource)) => json!("/example/site"),
        (_, Some(Class::Agent)) => json!("curl/8.9"),
        (_, Some(Class::Correlation)) => json!("01KEXAMPLE0000000000000001"),
        _ if number => json!(1),
        _ if field.only("boolean") => json!(true),
        _ if field.types.contains("list") => json!([]),
        _ if field.is(Look::Json) => json!("{}"),
        _ => json!("example"),
    }
}

fn scalar(number: bool, value: u64) -> Value {
    if number {
        json!(value)
    } else {
        json!(value.to_string())
    }
}

fn examples(out: &mut String, sample: &Sample, fields: &Fields, entries: &[Entry<'_>], time: Option<&str>) {
    out.push_str("# DECIDE: lines of your own making, with made-up names.\n");
    if let Shape::Text { patterns, .. } = &sample.shape {
        for pattern in patterns {
            let line = text_line(pattern, entries);
            let _ = writeln!(out, "[[source.example]]\nline = {}", literal(&line));
        }
        return;
    }
    let usual = |entry: &&Entry<'_>| entry.field.records * 10 >= fields.records * 9;
    let all: Vec<&Entry<'_>> = entries.iter().collect();
    let common: Vec<&Entry<'_>> = entries
        .iter()
        .filter(|entry| usual(entry) || time == Some(&entry.field.name))
        .collect();
    for chosen in [all, common] {
        let mut record = Map::new();
        if time.is_none() {
            record.insert("time".to_owned(), json!(JSON_TIME));
        }
        let mut unknown = Vec::new();
        for entry in chosen {
            let is_invented = time.is_none() && entry.field.name == "time";
            // An empty object holds no field that an example could show.
            if is_invented || entry.field.only("object") {
                continue;
            }
            let name = &entry.field.name;
            if entry.class().is_none() {
                unknown.push(name.as_str());
            }
            record.insert(name.clone(), placeholder(entry, false));
        }
        let line = if matches!(sample.shape, Shape::Logfmt) {
            logfmt_line(&record)
        } else {
            Value::Object(record).to_string()
        };
        let _ = writeln!(out, "[[source.example]]\nline = {}", literal(&line));
        if !unknown.is_empty() {
            let _ = writeln!(out, "unknown = [{}]", list(unknown));
        }
        out.push('\n');
    }
}

/// A TOML string that needs no escapes if it can do without.
fn literal(line: &str) -> String {
    if line.contains('\'') {
        quoted(line)
    } else {
        format!("'{line}'")
    }
}

fn logfmt_line(record: &Map<String, Value>) -> String {
    record
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) if text.contains([' ', '=', '"']) || text.is_empty() => {
                format!("{name}={}", Value::String(text.clone()))
            }
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn text_line(pattern: &LinePattern, entries: &[Entry<'_>]) -> String {
    fn fill(pieces: &[LinePiece], entries: &[Entry<'_>], out: &mut String) {
        for piece in pieces {
            match piece {
                LinePiece::Text(text) => out.push_str(text),
                LinePiece::Group { open, pieces } => {
                    out.push(*open);
                    fill(pieces, entries, out);
                    out.push(closing(*open));
                }
                LinePiece::Field { name, .. } => {
                    let entry = entries.iter().find(|entry| entry.field.name == *name);
                    match entry.map(|entry| placeholder(entry, true)) {
                        Some(Value::String(text)) => out.push_str(&text),
                        Some(other) => out.push_str(&other.to_string()),
                        None => out.push('-'),
                    }
                }
            }
        }
    }
    let mut out = String::new();
    fill(&pattern.pieces, entries, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::{file_glob, plain, stem};

    #[test]
    fn names_and_globs_hold_nothing_of_a_day_or_a_customer() {
        for (file, wanted) in [
            ("access.log", "access.log*"),
            ("access.log-20261103.gz", "access.log-*"),
            ("app.json.zst", "app.json*"),
            (
                "111122223333_CloudTrail_eu-west-1_20261103T0915Z_Ab1.json.gz",
                "*_CloudTrail_eu-west-*",
            ),
            ("2026-11-03.log", "*.log*"),
            ("日誌", "*.log*"),
        ] {
            assert_eq!(file_glob(file), wanted, "{file}");
        }
        assert_eq!(plain("My-App.2"), "my_app_2");
        assert_eq!(plain("日誌"), "log");
    }

    #[test]
    fn stems_join_the_names_of_one_account() {
        for (name, wanted) in [
            ("user_id", "user"),
            ("username", "user"),
            ("user.name", "user"),
            ("author_email", "author"),
            ("actor.id", "actor"),
            ("login", "user"),
        ] {
            assert_eq!(stem(name), wanted, "{name}");
        }
    }
}
