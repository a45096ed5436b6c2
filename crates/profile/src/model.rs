//! The parts of a profile. Every item here is data; see [`crate::Profile::parse`] for the file format.
//!
//! Serialised as a whole, a profile is what `build.rs` leaves of a built-in one, and nothing checks it
//! again: no file of a user's is read so.

use std::borrow::Cow;
use std::collections::hash_set::{self, HashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Map;

use foldhash::fast::RandomState;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::line::LinePattern;
use crate::syntax;

/// What kind of information a field holds. Each class has one disposition, documented per variant
/// for `personal_data = false` / `true`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Class {
    /// A client's product string: dropped / kept for an in-scope actor, product family otherwise.
    Agent,
    /// A key that joins lines of one request: always a pseudonym.
    Correlation,
    /// An e-mail address: pseudonym / kept when in scope.
    Email,
    /// What happened: kept by a closed grammar.
    Event,
    /// An address, a list of addresses, or `address:port`: pseudonym / kept for an in-scope actor.
    Ip,
    /// One word of a closed list (HTTP methods unless the field lists its own `values`): kept.
    Method,
    /// A measurement of the platform: dropped.
    Metric,
    /// A display name: pseudonym / kept when in scope.
    Name,
    /// A namespace path: kept when in scope, pseudonym otherwise.
    Namespace,
    /// A numeric namespace id: kept when in scope, pseudonym otherwise.
    NamespaceId,
    /// Parameters: dropped / only the keys that the profile lists, each with its own class.
    Params,
    /// A full project path: kept when in scope, pseudonym otherwise.
    Project,
    /// A numeric project id (also `project-51191`, `gid://…/Project/51191`): as [`Class::Project`].
    ProjectId,
    /// A URL or URL path: rebuilt from route patterns.
    Resource,
    /// A credential: dropped, and never told.
    Secret,
    /// An integer or a severity or result word: kept.
    Status,
    /// Confidential about the platform: dropped.
    System,
    /// Free text: dropped / built up from templates, vocabulary and in-scope identities.
    Text,
    /// An instant: kept.
    Time,
    /// The id of a credential (not the credential): always a pseudonym.
    TokenId,
    /// A user name: pseudonym / kept when in scope.
    User,
    /// A user id (also `user-1001`, `user/1001`, `gid://…/User/1001`, `ip/…`): as [`Class::User`].
    UserId,
}

impl Class {
    /// Whether values of this class name somebody or something that can be foreign.
    pub fn is_identity(self) -> bool {
        matches!(
            self,
            Self::User
                | Self::UserId
                | Self::Name
                | Self::Email
                | Self::Namespace
                | Self::NamespaceId
                | Self::Project
                | Self::ProjectId
                | Self::Ip
        )
    }

    /// Whether no value of this class ever leaves: [`Class::Metric`], [`Class::Secret`], [`Class::System`].
    pub fn is_always_dropped(self) -> bool {
        matches!(self, Self::Metric | Self::Secret | Self::System)
    }

    /// What an identity of this class is; none for addresses and for classes that name nobody.
    pub fn kind(self) -> Option<Kind> {
        match self {
            Self::Email | Self::Name | Self::User | Self::UserId => Some(Kind::User),
            Self::Namespace | Self::NamespaceId => Some(Kind::Namespace),
            Self::Project | Self::ProjectId => Some(Kind::Project),
            _ => None,
        }
    }

    /// The class of a name used in profiles.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// Every class, in alphabetical order.
    pub const ALL: [Self; 22] = [
        Self::Agent,
        Self::Correlation,
        Self::Email,
        Self::Event,
        Self::Ip,
        Self::Method,
        Self::Metric,
        Self::Name,
        Self::Namespace,
        Self::NamespaceId,
        Self::Params,
        Self::Project,
        Self::ProjectId,
        Self::Resource,
        Self::Secret,
        Self::Status,
        Self::System,
        Self::Text,
        Self::Time,
        Self::TokenId,
        Self::User,
        Self::UserId,
    ];

    /// The name used in profiles and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Correlation => "correlation",
            Self::Email => "email",
            Self::Event => "event",
            Self::Ip => "ip",
            Self::Method => "method",
            Self::Metric => "metric",
            Self::Name => "name",
            Self::Namespace => "namespace",
            Self::NamespaceId => "namespace_id",
            Self::Params => "params",
            Self::Project => "project",
            Self::ProjectId => "project_id",
            Self::Resource => "resource",
            Self::Secret => "secret",
            Self::Status => "status",
            Self::System => "system",
            Self::Text => "text",
            Self::Time => "time",
            Self::TokenId => "token_id",
            Self::User => "user",
            Self::UserId => "user_id",
        }
    }
}

/// How a field gets its class.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ClassRule {
    /// Always the same class.
    Fixed(Class),
    /// The class depends on the value of a sibling field; any other value of the sibling (or none)
    /// leaves the field without a class.
    On {
        /// Name of the sibling field.
        field: String,
        /// Sibling value to class.
        cases: Vec<Case>,
    },
}

/// One alternative of a class that depends on a sibling field.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Case {
    /// The sibling's value, compared exactly.
    pub value: String,
    /// The class the field has then.
    pub class: Class,
}

/// What a profile says about one field of a source.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FieldSpec {
    /// How the class is found.
    pub rule: ClassRule,
    /// For [`Class::Method`] and [`Class::Status`]: the closed list of words. Empty means the
    /// profile's default list for that class.
    pub values: Vec<String>,
    /// For [`Class::Event`]: only entries of the event vocabulary are kept (the value is chosen by
    /// a client, as GraphQL operation names are).
    pub closed: bool,
}

/// What a tuple, or a column, speaks of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A namespace: path and id.
    Namespace,
    /// A project: path and id.
    Project,
    /// A user: name, id, display name, e-mail.
    User,
}

/// The part an identity plays in a record.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Who did it. An in-scope actor gives nexus when the record names no resource.
    Actor,
    /// A member of staff acting as somebody else, or a service user: its presence means that the
    /// record's address and agent are not the actor's.
    Impersonator,
    /// What it was done in.
    Resource,
    /// To whom it was done. An in-scope target gives nexus when the record names no resource.
    Target,
}

/// Fields that speak of one identity. In a record only those fields count whose class there is of the
/// tuple's kind, so that a field whose class depends on a sibling can be in one tuple per kind.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Tuple {
    /// What the identity is.
    pub kind: Kind,
    /// Its part in the record.
    pub role: Role,
    /// Field names. A field belongs to at most one tuple of a kind.
    pub fields: Vec<String>,
}

/// Which fields supply the common columns: for each the first field, in this order, that is present
/// and not dropped.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Columns {
    /// Who did it.
    pub actor: Vec<String>,
    /// The namespace.
    pub namespace: Vec<String>,
    /// The project.
    pub project: Vec<String>,
    /// The client's address.
    pub ip: Vec<String>,
    /// The result.
    pub status: Vec<String>,
    /// The correlation id.
    pub correlation_id: Vec<String>,
}

/// A field whose value says which source a line of a mixed stream belongs to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Discriminator {
    /// Field name, in the record or in its envelope.
    pub field: String,
    /// Values that mean this source; `*` stands for any run of characters.
    pub values: Vec<String>,
}

/// A sample line with what the profile must make of it; run by `decostop profile check`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Example {
    /// The raw line.
    pub line: String,
    /// The raw event it must yield, if any is stated.
    pub event: Option<String>,
    /// The record's own time as written, if stated.
    pub time: Option<String>,
    /// Fields that must have no class.
    pub unknown: Vec<String>,
}

/// How the lines of a source are written. A line that is a JSON object is read as such whatever its
/// source, since containers and pipelines wrap lines of every kind in JSON.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// A JSON object a line.
    #[default]
    Json,
    /// `key=value` pairs; lines that are none may fit one of the source's [`LinePattern`]s.
    Logfmt,
    /// Text that fits one of the source's [`LinePattern`]s.
    Text,
}

/// Files that are found below a directory and are not read, with the reason that reports give.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SetAside {
    /// Globs over file names, as [`Source::files`].
    pub files: Vec<String>,
    /// Why nothing in them is missed.
    pub reason: String,
}

impl SetAside {
    /// Whether a file of this name is one of them.
    pub fn fits_file(&self, path: &str) -> bool {
        fits_file(&self.files, path)
    }
}

/// Whether globs fit a path: those with a `/` its last two components, others its last.
fn fits_file(globs: &[String], path: &str) -> bool {
    let mut slashes = path
        .rmatch_indices('/')
        .map(|(at, _)| path.get(at + 1..).unwrap_or_default());
    let name = slashes.next().unwrap_or(path);
    let tail = slashes.next().unwrap_or(path);
    globs
        .iter()
        .any(|glob| syntax::glob(glob, if glob.contains('/') { tail } else { name }))
}

/// One kind of log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Source {
    /// Its name in requests and records.
    pub name: String,
    /// What the log is, in one line.
    pub about: String,
    /// Globs over file names (the last path component, and `dir/name` where a glob holds a `/`).
    pub files: Vec<String>,
    /// How its lines are written.
    pub format: Format,
    /// Patterns of its lines, tried in order, for [`Format::Text`] and [`Format::Logfmt`].
    pub lines: Vec<LinePattern>,
    /// Keys whose list holds the records, for inputs that are JSON documents rather than lines. Such a
    /// document may be spread over any number of lines.
    pub records: Vec<String>,
    /// Fields that tell the source in a mixed stream.
    pub discriminators: Vec<Discriminator>,
    /// Whether selecting this source makes the route `sirt` (proxy and access logs).
    pub access_log: bool,
    /// Fields of the record's time, in order of preference.
    pub time: Vec<String>,
    /// Event expressions: `{field}` placeholders with literal text between, tried in order; the
    /// first whose fields are all numbers or non-empty strings gives the raw event. `{field|route}` stands
    /// for the route of [`Profile::routes`] that the field's path fits, `{field|template}` for the event of
    /// the template that the field's text fits.
    pub event: Vec<String>,
    /// Common columns.
    pub columns: Columns,
    /// Identities.
    pub tuples: Vec<Tuple>,
    /// Fields by their dotted name.
    pub fields: BTreeMap<String, FieldSpec>,
    /// Families of fields (`db_*`), longest first, for names that `fields` lacks; always dropped.
    pub patterns: Vec<(String, FieldSpec)>,
    /// Sample lines.
    pub examples: Vec<Example>,
}

impl Source {
    /// What the profile says about a field: by its name, else by the first pattern that fits.
    pub fn spec(&self, field: &str) -> Option<&FieldSpec> {
        self.fields.get(field).or_else(|| self.family(field))
    }

    /// What the profile says about a field that it does not name: by the first pattern that fits.
    pub fn family(&self, field: &str) -> Option<&FieldSpec> {
        let mut patterns = self.patterns.iter();
        patterns
            .find(|(pattern, _)| syntax::glob(pattern, field))
            .map(|(_, spec)| spec)
    }

    /// Whether a file of this name is of this source: globs with a `/` are compared with the last two
    /// components of the path, others with the last.
    pub fn fits_file(&self, path: &str) -> bool {
        fits_file(&self.files, path)
    }

    /// The class of a field whose class does not depend on another field.
    pub fn class_of(&self, field: &str) -> Option<Class> {
        match &self.spec(field)?.rule {
            ClassRule::Fixed(class) => Some(*class),
            ClassRule::On { .. } => None,
        }
    }

    /// The tuple of a field that has this class in a record, as an index into [`Self::tuples`].
    pub fn tuple_of(&self, field: &str, class: Class) -> Option<usize> {
        let kind = class.kind()?;
        self.tuples
            .iter()
            .position(|tuple| tuple.kind == kind && tuple.fields.iter().any(|name| name == field))
    }

    /// The class of a field in a record, given a look-up of sibling values.
    pub fn class_in<'v>(&self, field: &str, sibling: impl FnOnce(&str) -> Option<&'v str>) -> Option<Class> {
        self.spec(field)?.class(sibling)
    }
}

impl FieldSpec {
    /// Every class the field can have.
    pub fn classes(&self) -> impl Iterator<Item = Class> + '_ {
        let (fixed, cases) = match &self.rule {
            ClassRule::Fixed(class) => (Some(*class), [].as_slice()),
            ClassRule::On { cases, .. } => (None, cases.as_slice()),
        };
        fixed.into_iter().chain(cases.iter().map(|case| case.class))
    }

    /// The class, given a look-up of sibling values.
    pub fn class<'v>(&self, sibling: impl FnOnce(&str) -> Option<&'v str>) -> Option<Class> {
        match &self.rule {
            ClassRule::Fixed(class) => Some(*class),
            ClassRule::On { field, cases } => {
                let value = sibling(field)?;
                cases
                    .iter()
                    .find(|case| case.value == value)
                    .map(|case| case.class)
            }
        }
    }
}

/// A public event name and what it stands for in each source.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The public name, such as `membership.added`.
    pub name: String,
    /// What it means, in one line.
    pub about: String,
    /// Source name to raw event patterns; `*` stands for any run of characters.
    pub raw: BTreeMap<String, Vec<String>>,
}

/// A message that the platform writes, with typed slots in braces, such as
/// `Failed Login: username={user} ip={ip}`. Slots: any class name, `number`, `word`, `text`.
/// A slot may be numbered (`{user.2}`) to tell two of one class apart.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Template {
    /// The text with its slots.
    pub text: String,
    /// A message it must fit.
    pub example: String,
    /// What a message that fits it says: the raw event that `{field|template}` stands for.
    pub event: Option<String>,
}

/// Ways in which a line may be wrapped before it reaches an archive.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Wrappers {
    /// Keys whose object value (or whose dotted prefix) is the record: `jsonPayload`, `json`.
    pub objects: Vec<String>,
    /// Keys whose string value is the line: `message`, `log`, `textPayload`.
    pub strings: Vec<String>,
    /// Keys whose object value is part of the record around it, as newer services write them:
    /// `attributes.method` is then the field `method`.
    pub merged: Vec<String>,
    /// Fields of the envelope that hold a time, used when the record has none.
    pub time: Vec<String>,
}

/// The conditions' lists and limits.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Conditions {
    /// Eligible plans, lower case.
    pub plans: Vec<String>,
    /// Eligible billing states, lower case.
    pub billing: Vec<String>,
    /// Most namespaces, projects and users a request may name.
    pub max_resources: usize,
    /// Most events a request may name.
    pub max_events: usize,
    /// A window that reaches further back than this many days is for the `sirt` route.
    pub support_days: u32,
}

/// A set of words or of raw events.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WordSet(HashSet<Cow<'static, str>, RandomState>);

impl WordSet {
    /// Whether it has this word, as written.
    pub fn contains(&self, word: &str) -> bool {
        self.0.contains(word)
    }

    /// Its words, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.into_iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<W: Into<Cow<'static, str>>> Extend<W> for WordSet {
    fn extend<I: IntoIterator<Item = W>>(&mut self, words: I) {
        self.0.extend(words.into_iter().map(Into::into));
    }
}

impl<W: Into<Cow<'static, str>>> FromIterator<W> for WordSet {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        Self(words.into_iter().map(Into::into).collect())
    }
}

impl<'w> IntoIterator for &'w WordSet {
    type Item = &'w str;
    type IntoIter = Map<hash_set::Iter<'w, Cow<'static, str>>, fn(&'w Cow<'static, str>) -> &'w str>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(Cow::as_ref)
    }
}

impl Serialize for WordSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // In order, so that one profile is written in one way.
        serializer.collect_seq(self.iter().collect::<BTreeSet<_>>())
    }
}

/// Borrows its words: the built-in profiles are part of the binary.
impl<'de: 'static> Deserialize<'de> for WordSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<&'static str>::deserialize(deserializer).map(Self::from_iter)
    }
}

/// Words and phrases that may appear in an artefact whoever wrote them.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(bound(deserialize = "'de: 'static"))]
#[non_exhaustive]
pub struct Vocabulary {
    /// Harmless words, lower case.
    pub words: WordSet,
    /// Raw event strings (controllers' actions, worker classes, methods, routes, audit names).
    pub events: WordSet,
    /// Product families of user agents, as written, such as `git`, `Mozilla`, `Chrome`.
    pub agents: BTreeSet<Box<str>>,
    /// HTTP methods and the like: the default list of [`Class::Method`].
    pub methods: BTreeSet<Box<str>>,
    /// Severities and results: the default list of [`Class::Status`].
    pub statuses: BTreeSet<Box<str>>,
}

/// A platform's logs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Profile {
    /// The profile's name, such as `gitlab`.
    pub name: String,
    /// Everything that was loaded.
    #[serde(borrow)]
    pub text: Cow<'static, str>,
    /// The BLAKE3 digest of the text, in hexadecimal.
    pub digest: String,
    /// Lists and limits of the conditions.
    pub conditions: Conditions,
    /// How lines may be wrapped.
    pub wrappers: Wrappers,
    /// Sources in file order; the first whose file glob fits wins.
    pub sources: Vec<Source>,
    /// Files that are no log of any source.
    pub set_aside: Vec<SetAside>,
    /// Public events in file order.
    pub events: Vec<Event>,
    /// Path patterns in order of preference, see `docs/POLICY.md`.
    pub routes: Vec<String>,
    /// Message templates.
    pub templates: Vec<Template>,
    /// Listed parameter keys and their classes; a key may be dotted (`user.username`).
    pub params: BTreeMap<String, Class>,
    /// Suffixes of host names that are internal, lower case, such as `.internal`.
    pub internal_domains: Vec<String>,
    /// Address ranges that are internal, in CIDR notation.
    pub internal_ranges: Vec<String>,
    /// Harmless words and closed lists.
    pub vocabulary: Vocabulary,
}

impl Profile {
    /// A source by name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// A public event by name.
    pub fn event(&self, name: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.name == name)
    }
}
