//! Reading a profile from TOML: first the file's shape, then what its parts say of each other.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use crate::line::LinePattern;
use crate::model::{
    Case, Class, ClassRule, Columns, Conditions, Discriminator, Event, Example, FieldSpec, Format, Kind,
    Profile, Role, SetAside, Source, Template, Tuple, Vocabulary, WordSet, Wrappers,
};
use crate::{Error, builtin, consistency};

/// The only version of the file format.
const VERSION: u32 = 1;

/// Stands between a profile's text and each built-in list that it draws on, in [`Profile::text`].
const LIST: &str = "\n# built-in list ";

impl Profile {
    /// Reads a profile. Keys that the format does not know are refused.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Syntax`] when the text is not TOML of this shape, and
    /// [`crate::ErrorKind::Inconsistent`] when its parts contradict each other; both name the key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let file: ProfileFile = read(text)?;
        if file.version != VERSION {
            return Err(Error::inconsistent(
                "version",
                format!("is {}, this build reads {VERSION}", file.version),
            ));
        }
        let vocabulary = file.vocabulary.build()?;
        let digested = file.vocabulary.digested(text);
        let mut events: Vec<Event> = file.event.into_iter().map(Event::from).collect();
        add_likenesses(&file.events_like, &file.source, &mut events)?;
        let mut sources = Vec::with_capacity(file.source.len());
        for (i, source) in file.source.into_iter().enumerate() {
            sources.push(source.build(i, &file.fieldset)?);
        }
        let profile = Self {
            name: file.name,
            digest: blake3::hash(digested.as_bytes()).to_hex().to_string(),
            text: digested.into(),
            conditions: file.conditions.into(),
            wrappers: file.wrappers.into(),
            sources,
            set_aside: file.set_aside.into_iter().map(SetAside::from).collect(),
            events,
            routes: file.paths.routes,
            templates: file.template.into_iter().map(Template::from).collect(),
            params: file.params,
            internal_domains: file.internal.domains,
            internal_ranges: file.internal.ranges,
            vocabulary,
        };
        consistency::check(&profile)?;
        Ok(profile)
    }

    /// The text as [`Profile::parse`] was given it: [`Profile::text`] without the built-in lists behind it.
    /// Nothing if this build has other lists. Reads the text again.
    pub fn original(&self) -> Option<&str> {
        let ends = self.text.match_indices(LIST).map(|(end, _)| end);
        ends.chain([self.text.len()])
            .filter_map(|end| self.text.get(..end))
            .find(|text| Self::parse(text).is_ok_and(|again| again.digest == self.digest))
    }
}

/// Gives a source that writes the raw events of others the patterns that those have, behind its own.
fn add_likenesses(
    likenesses: &BTreeMap<String, Vec<String>>,
    sources: &[SourceFile],
    events: &mut [Event],
) -> Result<(), Error> {
    for (source, others) in likenesses {
        for name in [source].into_iter().chain(others) {
            if !sources.iter().any(|known| known.name == *name) {
                let place = format!("events_like.{source}");
                return Err(Error::inconsistent(place, format!("no source `{name}`")));
            }
        }
    }
    for event in events {
        let stated = event.raw.clone();
        for (source, others) in likenesses {
            let patterns = others.iter().filter_map(|other| stated.get(other)).flatten();
            for pattern in patterns {
                let all = event.raw.entry(source.clone()).or_default();
                if !all.contains(pattern) {
                    all.push(pattern.clone());
                }
            }
        }
    }
    Ok(())
}

/// A TOML file of some shape; errors name the key and the line.
pub(crate) fn read<T: de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    let place = |error: &toml::de::Error| match error.span() {
        Some(span) => format!(
            "line {}",
            text.get(..span.start)
                .map_or(0, |head| head.matches('\n').count())
                + 1
        ),
        None => "file".to_owned(),
    };
    let tokens = toml::Deserializer::parse(text).map_err(|e| Error::syntax(place(&e), e.message()))?;
    serde_path_to_error::deserialize(tokens).map_err(|e| {
        let (path, inner) = (e.path().to_string(), e.inner());
        let at = if path == "." {
            place(inner)
        } else {
            format!("{path} ({})", place(inner))
        };
        Error::syntax(at, inner.message())
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    version: u32,
    name: String,
    #[serde(default)]
    conditions: ConditionsFile,
    #[serde(default)]
    wrappers: WrappersFile,
    #[serde(default)]
    internal: InternalFile,
    #[serde(default)]
    paths: PathsFile,
    #[serde(default)]
    params: BTreeMap<String, Class>,
    #[serde(default)]
    vocabulary: VocabularyFile,
    #[serde(default)]
    fieldset: BTreeMap<String, FieldSetFile>,
    #[serde(default)]
    source: Vec<SourceFile>,
    #[serde(default)]
    set_aside: Vec<SetAsideFile>,
    #[serde(default)]
    event: Vec<EventFile>,
    #[serde(default)]
    events_like: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    template: Vec<TemplateFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConditionsFile {
    plans: Vec<String>,
    billing: Vec<String>,
    max_resources: usize,
    max_events: usize,
    support_days: u32,
}

impl Default for ConditionsFile {
    fn default() -> Self {
        Self {
            plans: vec!["premium".to_owned(), "ultimate".to_owned()],
            billing: vec!["paid".to_owned()],
            max_resources: 50,
            max_events: 25,
            support_days: 7,
        }
    }
}

impl From<ConditionsFile> for Conditions {
    fn from(file: ConditionsFile) -> Self {
        let ConditionsFile {
            plans,
            billing,
            max_resources,
            max_events,
            support_days,
        } = file;
        Self {
            plans,
            billing,
            max_resources,
            max_events,
            support_days,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrappersFile {
    objects: Vec<String>,
    strings: Vec<String>,
    merged: Vec<String>,
    time: Vec<String>,
}

impl From<WrappersFile> for Wrappers {
    fn from(file: WrappersFile) -> Self {
        let WrappersFile {
            objects,
            strings,
            merged,
            time,
        } = file;
        Self {
            objects,
            strings,
            merged,
            time,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct InternalFile {
    domains: Vec<String>,
    ranges: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PathsFile {
    routes: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VocabularyFile {
    builtin: Vec<String>,
    words: Vec<String>,
    events: Vec<String>,
    agents: Vec<String>,
    methods: Vec<String>,
    statuses: Vec<String>,
}

impl VocabularyFile {
    fn build(&self) -> Result<Vocabulary, Error> {
        let mut words = WordSet::from_iter(self.words.clone());
        let mut events = WordSet::from_iter(self.events.clone());
        for (i, name) in self.builtin.iter().enumerate() {
            let list = builtin::list(name).ok_or_else(|| {
                let known = builtin::names().collect::<Vec<_>>().join(", ");
                Error::inconsistent(
                    format!("vocabulary.builtin[{i}]"),
                    format!("unknown list; there are {known}"),
                )
            })?;
            match list.target {
                builtin::Target::Words => words.extend(list.words()),
                builtin::Target::Events => events.extend(list.lines()),
            }
        }
        let set =
            |list: &[String]| -> BTreeSet<Box<str>> { list.iter().map(|w| w.as_str().into()).collect() };
        Ok(Vocabulary {
            words,
            events,
            agents: set(&self.agents),
            methods: set(&self.methods),
            statuses: set(&self.statuses),
        })
    }

    /// The profile's text with every built-in list it draws on, so that a digest covers both.
    fn digested(&self, text: &str) -> String {
        let mut all = text.to_owned();
        for list in self.builtin.iter().filter_map(|name| builtin::list(name)) {
            all.push_str(LIST);
            all.push_str(list.name);
            all.push('\n');
            all.push_str(list.text);
        }
        all
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FieldSetFile {
    fields: BTreeMap<String, FieldFile>,
    tuple: Vec<TupleFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceFile {
    name: String,
    about: String,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    access_log: bool,
    #[serde(default)]
    format: Format,
    #[serde(default)]
    lines: Vec<String>,
    #[serde(default)]
    records: Vec<String>,
    #[serde(default)]
    discriminators: Vec<DiscriminatorFile>,
    #[serde(default, rename = "use")]
    uses: Vec<String>,
    time: Vec<String>,
    #[serde(default)]
    event: Vec<String>,
    #[serde(default)]
    columns: ColumnsFile,
    #[serde(default)]
    fields: BTreeMap<String, FieldFile>,
    #[serde(default)]
    tuple: Vec<TupleFile>,
    #[serde(default)]
    example: Vec<ExampleFile>,
}

impl SourceFile {
    fn build(self, index: usize, sets: &BTreeMap<String, FieldSetFile>) -> Result<Source, Error> {
        let mut merged: BTreeMap<String, FieldSpec> = BTreeMap::new();
        let mut tuples = Vec::new();
        for (i, name) in self.uses.iter().enumerate() {
            let set = sets.get(name).ok_or_else(|| {
                Error::inconsistent(
                    format!("source[{index}].use[{i}]"),
                    format!("no fieldset `{name}`"),
                )
            })?;
            for (field, spec) in &set.fields {
                let spec = spec.0.clone();
                if merged.get(field).is_some_and(|other| *other != spec) && !self.fields.contains_key(field) {
                    let reason =
                        format!("fieldset `{name}` gives `{field}` another class than one used before");
                    return Err(Error::inconsistent(format!("source[{index}].use[{i}]"), reason));
                }
                merged.insert(field.clone(), spec);
            }
            tuples.extend(set.tuple.iter().map(Tuple::from));
        }
        merged.extend(self.fields.into_iter().map(|(field, spec)| (field, spec.0)));
        tuples.extend(self.tuple.iter().map(Tuple::from));
        let starred: Vec<String> = merged
            .keys()
            .filter(|field| field.contains('*'))
            .cloned()
            .collect();
        let starred = starred.into_iter();
        let mut patterns: Vec<_> = starred.filter_map(|field| merged.remove_entry(&field)).collect();
        patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.len()));
        let mut lines = Vec::with_capacity(self.lines.len());
        for (i, text) in self.lines.iter().enumerate() {
            let place = || format!("source `{}`.lines[{i}] `{text}`", self.name);
            lines.push(LinePattern::parse(text).map_err(|reason| Error::inconsistent(place(), reason))?);
        }
        Ok(Source {
            name: self.name,
            about: self.about,
            files: self.files,
            format: self.format,
            lines,
            records: self.records,
            discriminators: self.discriminators.into_iter().map(Discriminator::from).collect(),
            access_log: self.access_log,
            time: self.time,
            event: self.event,
            columns: self.columns.into(),
            tuples,
            fields: merged,
            patterns,
            examples: self.example.into_iter().map(Example::from).collect(),
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetAsideFile {
    files: Vec<String>,
    reason: String,
}

impl From<SetAsideFile> for SetAside {
    fn from(file: SetAsideFile) -> Self {
        Self {
            files: file.files,
            reason: file.reason,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscriminatorFile {
    field: String,
    values: Vec<String>,
}

impl From<DiscriminatorFile> for Discriminator {
    fn from(file: DiscriminatorFile) -> Self {
        Self {
            field: file.field,
            values: file.values,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ColumnsFile {
    actor: Vec<String>,
    namespace: Vec<String>,
    project: Vec<String>,
    ip: Vec<String>,
    status: Vec<String>,
    correlation_id: Vec<String>,
}

impl From<ColumnsFile> for Columns {
    fn from(file: ColumnsFile) -> Self {
        let ColumnsFile {
            actor,
            namespace,
            project,
            ip,
            status,
            correlation_id,
        } = file;
        Self {
            actor,
            namespace,
            project,
            ip,
            status,
            correlation_id,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TupleFile {
    kind: Kind,
    role: Role,
    fields: Vec<String>,
}

impl From<&TupleFile> for Tuple {
    fn from(file: &TupleFile) -> Self {
        Self {
            kind: file.kind,
            role: file.role,
            fields: file.fields.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExampleFile {
    line: String,
    event: Option<String>,
    time: Option<String>,
    #[serde(default)]
    unknown: Vec<String>,
}

impl From<ExampleFile> for Example {
    fn from(file: ExampleFile) -> Self {
        Self {
            line: file.line,
            event: file.event,
            time: file.time,
            unknown: file.unknown,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventFile {
    name: String,
    about: String,
    #[serde(default)]
    raw: BTreeMap<String, Vec<String>>,
}

impl From<EventFile> for Event {
    fn from(file: EventFile) -> Self {
        Self {
            name: file.name,
            about: file.about,
            raw: file.raw,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateFile {
    text: String,
    example: String,
    event: Option<String>,
}

impl From<TemplateFile> for Template {
    fn from(file: TemplateFile) -> Self {
        Self {
            text: file.text,
            example: file.example,
            event: file.event,
        }
    }
}

/// `"user"`, `{ class = "method", values = [..] }` or `{ on = "target_type", cases = { .. } }`.
struct FieldFile(FieldSpec);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldTable {
    class: Option<Class>,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    closed: bool,
    on: Option<String>,
    #[serde(default)]
    cases: BTreeMap<String, Class>,
}

impl<'de> Deserialize<'de> for FieldFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = FieldFile;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a class, or a table with `class` or with `on` and `cases`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<FieldFile, E> {
        let class = Class::deserialize(de::value::StrDeserializer::new(text))?;
        Ok(FieldFile(FieldSpec {
            rule: ClassRule::Fixed(class),
            values: Vec::new(),
            closed: false,
        }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FieldFile, A::Error> {
        let FieldTable {
            class,
            values,
            closed,
            on,
            cases,
        } = FieldTable::deserialize(MapAccessDeserializer::new(map))?;
        let rule = match (class, on) {
            (Some(class), None) if cases.is_empty() => ClassRule::Fixed(class),
            (None, Some(field)) if !cases.is_empty() => {
                let cases = cases
                    .into_iter()
                    .map(|(value, class)| Case { value, class })
                    .collect();
                ClassRule::On { field, cases }
            }
            _ => return Err(de::Error::custom("needs either `class`, or `on` with `cases`")),
        };
        Ok(FieldFile(FieldSpec { rule, values, closed }))
    }
}
