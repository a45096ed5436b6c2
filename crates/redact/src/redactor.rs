//! The redactor: a record in, the JSON line that may be disclosed out.

mod carried;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use decostop_profile::{Class, Role};
use foldhash::fast::RandomState;

use crate::Error;
use crate::digest::{DIGEST_BYTES, Digests};
use crate::facts::{Facts, next_stamp};
use crate::grammar::is_event;
use crate::identity::Ident;
use crate::json::push_string;
use crate::key::{PseudonymKind, Pseudonyms, RequestKey};
use crate::memo::{Given, Memo, Subject};
use crate::params::each_param;
use crate::plan::{Place, ProfilePlan, Typed};
use crate::record::{Field, Json, Record};
use crate::shown::{Shown, View};
use crate::standing::Standing;
use crate::time::Instant;

pub use carried::Told as CarriedLedger;

/// The common columns, in order.
const COLUMNS: [&str; 9] = [
    "time",
    "source",
    "event",
    "actor",
    "namespace",
    "project",
    "ip",
    "status",
    "correlation_id",
];

/// Fields that one record shows; more than any source writes.
const MAX_FIELDS: usize = 4000;

/// What the request allows.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a policy states every one of these")]
pub struct Policy {
    /// Whether personal data of the scope may be shown.
    pub personal_data: bool,
    /// Correlation ids that the request itself names.
    pub correlation_ids: HashSet<String>,
    /// Token ids that the request itself names.
    pub token_ids: HashSet<String>,
    /// Whether an exception lets records of in-scope users on foreign resources out.
    pub nexus_excepted: bool,
}

/// One value that is not in the output as it stood in the line.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Removal {
    /// The dotted path: of the field, or of a parameter in it (`params.user_id`, `params.[key]` for one that
    /// is not listed); `[other]` if the field has no class.
    pub field: Arc<str>,
    /// Its class; `none` if it has none.
    pub class: &'static str,
    /// The rule that removed it.
    pub rule: &'static str,
    /// First byte of the removed span in the decoded value.
    pub start: u32,
    /// Length of the span in bytes.
    pub length: u32,
    /// Keyed digest of what stood there, as [`Digests`] makes it.
    pub digest: [u8; DIGEST_BYTES],
}

/// What became of the values of one field.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct FieldTally {
    /// Kept as they stood.
    pub kept: u64,
    /// Replaced or re-written.
    pub replaced: u64,
    /// Dropped.
    pub dropped: u64,
}

/// Everything that redacting leaves behind beside the records: counts, and which pseudonym stands for
/// what. One for each worker, united at the end. Does not print values.
#[derive(Default)]
pub struct Ledger {
    /// By source, and the field's place in it; first what has no name of its own.
    fields: Vec<Vec<Told>>,
    /// Records in which an unclassed field occurred, by name.
    pub unknown: HashMap<String, u64>,
    /// Noteworthy things.
    pub notes: BTreeMap<&'static str, u64>,
    made: HashMap<PseudonymKind, HashMap<Box<str>, Made, RandomState>, RandomState>,
    values: BTreeSet<(String, Class, String)>,
    pub(crate) memo: Memo,
    /// How often something was noted.
    pub(crate) noted: u64,
}

/// A field as it is told, and what became of its values.
#[derive(Clone, Default)]
struct Told {
    /// A worker's own copy, so that threads do not count the uses of one.
    name: Option<Arc<str>>,
    tally: FieldTally,
}

/// The pseudonym of one canonical value.
struct Made {
    pseudonym: Box<str>,
    /// Some of the values that it is known to stand for.
    known: Vec<(Class, Box<str>)>,
}

/// Values that are compared before the set of all is asked.
const MAX_KNOWN: usize = 8;

/// Names of unclassed fields that one ledger holds; more are counted as one.
const MAX_UNKNOWN_NAMES: usize = 50_000;

/// Removed parameters that are told one by one, of one field.
const MAX_PARAM_REMOVALS: usize = 1000;

/// Stands for the name of a field that may not be told.
const OTHER: (usize, &str) = (0, "[other]");

impl Ledger {
    pub(crate) fn note(&mut self, what: &'static str) {
        *self.notes.entry(what).or_default() += 1;
        self.noted += 1;
    }

    /// The pseudonym of a canonical value, remembered together with the value that it replaces.
    pub(crate) fn pseudonym(
        &mut self,
        pseudonyms: &Pseudonyms,
        kind: PseudonymKind,
        canonical: &str,
        class: Class,
        text: &str,
    ) -> String {
        let made = self.made.entry(kind).or_default();
        if let Some(made) = made.get(canonical)
            && made
                .known
                .iter()
                .any(|(of, value)| *of == class && **value == *text)
        {
            return made.pseudonym.to_string();
        }
        let made = made.entry(canonical.into()).or_insert_with(|| Made {
            pseudonym: pseudonyms.make(kind, canonical).into(),
            known: Vec::new(),
        });
        if made.known.len() < MAX_KNOWN {
            made.known.push((class, text.into()));
        }
        let pseudonym = made.pseudonym.to_string();
        self.values.insert((pseudonym.clone(), class, text.to_owned()));
        pseudonym
    }

    /// As [`is_event`].
    pub(crate) fn tells_event(&mut self, text: &str, closed: bool, view: &View<'_>) -> bool {
        let subject = if closed {
            Subject::ListedEvent
        } else {
            Subject::OpenEvent
        };
        if let Some(shown) = self.memo.recall(subject, false, text) {
            return matches!(shown, Shown::Raw);
        }
        let told = is_event(text, closed, view.plan, view.facts);
        let shown = if told {
            Shown::Raw
        } else {
            Shown::Drop("event.grammar")
        };
        self.memo.keep(subject, false, text, &shown);
        told
    }

    /// What is known of the field at this place of a source.
    fn told(&mut self, source: usize, (slot, name): (usize, &str)) -> (&Arc<str>, &mut FieldTally) {
        if self.fields.len() <= source {
            self.fields.resize_with(source + 1, Vec::new);
        }
        let fields = self.fields.get_mut(source);
        let fields = fields.expect("the list was made long enough above");
        if fields.len() <= slot {
            fields.resize_with(slot + 1, Told::default);
        }
        let told = fields.get_mut(slot).expect("the list was made long enough above");
        (told.name.get_or_insert_with(|| name.into()), &mut told.tally)
    }

    /// What became of the values of each field, by the source's index.
    pub fn fields(&self) -> impl Iterator<Item = (usize, &str, &FieldTally)> {
        let sources = self.fields.iter().enumerate();
        let fields = sources.flat_map(|(source, fields)| fields.iter().map(move |told| (source, told)));
        fields.filter_map(|(source, told)| Some((source, told.name.as_deref()?, &told.tally)))
    }

    fn unknown(&mut self, name: &str) {
        if let Some(count) = self.unknown.get_mut(name) {
            *count += 1;
        } else if self.unknown.len() < MAX_UNKNOWN_NAMES && name.len() <= 64 {
            self.unknown.insert(name.to_owned(), 1);
        } else {
            *self.unknown.entry("[other]".to_owned()).or_default() += 1;
        }
    }

    /// Unites the ledgers of two workers.
    pub fn merge(&mut self, other: Self) {
        for (source, fields) in other.fields.into_iter().enumerate() {
            for (slot, told) in fields.into_iter().enumerate() {
                let Some(name) = told.name else { continue };
                let (_, held) = self.told(source, (slot, &name));
                held.kept += told.tally.kept;
                held.replaced += told.tally.replaced;
                held.dropped += told.tally.dropped;
            }
        }
        for (name, count) in other.unknown {
            *self.unknown.entry(name).or_default() += count;
        }
        for (note, count) in other.notes {
            *self.notes.entry(note).or_default() += count;
        }
        self.values.extend(other.values);
    }

    /// Pseudonym, class and value, ordered by pseudonym.
    pub fn pseudonyms(&self) -> impl Iterator<Item = &(String, Class, String)> {
        self.values.iter()
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Ledger(<{} sources, {} pseudonyms>)",
            self.fields.len(),
            self.values.len()
        )
    }
}

/// A record as it may be disclosed, once the verifier agrees. Only the redactor makes one.
pub struct Redacted {
    bytes: Vec<u8>,
    event: String,
    columns: Vec<(&'static str, String)>,
    removals: Vec<Removal>,
}

impl Redacted {
    /// The JSON object, without a line end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The record's event column.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The text of the column `actor`, `namespace`, `project`, `ip`, `status` or `correlation_id`.
    pub fn column(&self, name: &str) -> Option<String> {
        self.columns
            .iter()
            .find(|(column, _)| *column == name)
            .map(|(_, text)| text.clone())
    }

    /// The JSON object, without a line end.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The JSON object, without a line end; its event column; and what is not in it.
    pub fn into_parts(self) -> (Vec<u8>, String, Vec<Removal>) {
        (self.bytes, self.event, self.removals)
    }

    /// What is not in it.
    pub fn removals(&self) -> &[Removal] {
        &self.removals
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Redacted(<{} bytes, {} removals>)",
            self.bytes.len(),
            self.removals.len()
        )
    }
}

/// Redacts records of one request.
#[derive(Debug)]
pub struct Redactor {
    plan: Arc<ProfilePlan>,
    policy: Policy,
    pseudonyms: Pseudonyms,
    digests: Digests,
    stamp: u64,
}

/// A field of the output.
struct Entry<'r> {
    /// Its name, were there no other of that name.
    base: Cow<'r, str>,
    /// Where its JSON text stands.
    value: Range<usize>,
}

/// Output fields in order.
#[derive(Default)]
struct Entries<'r> {
    entries: Vec<Entry<'r>>,
    /// The JSON texts of all of them.
    text: Vec<u8>,
}

impl<'r> Entries<'r> {
    fn push(&mut self, base: Cow<'r, str>, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        write(&mut self.text);
        let value = start..self.text.len();
        self.entries.push(Entry { base, value });
    }

    fn value(&self, entry: &Entry<'_>) -> &[u8] {
        self.text.get(entry.value.clone()).unwrap_or_default()
    }

    /// The first entry of one of these names: of the first name that there is one of.
    fn first_of(&self, names: &[String], taken: &[usize]) -> Option<usize> {
        let at = |name: &String| {
            let mut entries = self.entries.iter().enumerate();
            entries
                .find(|(at, entry)| entry.base == *name && !taken.contains(at))
                .map(|(at, _)| at)
        };
        names.iter().find_map(at)
    }
}

impl Redactor {
    /// A redactor under a policy and key.
    ///
    /// # Errors
    /// A message template cannot be compiled.
    pub fn new(plan: Arc<ProfilePlan>, policy: Policy, key: &RequestKey) -> Result<Self, Error> {
        Ok(Self {
            plan,
            policy,
            pseudonyms: Pseudonyms::new(key),
            digests: Digests::new(key),
            stamp: next_stamp(),
        })
    }

    /// The profile.
    pub fn plan(&self) -> &Arc<ProfilePlan> {
        &self.plan
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Pseudonyms of this request.
    pub fn pseudonyms(&self) -> &Pseudonyms {
        &self.pseudonyms
    }

    /// Whether a matched record may be disclosed at all: one of its resources is in scope, or it names
    /// none and its actor or target is an in-scope user. Referrers, parameters and text never count, nor
    /// does the namespace of an actor.
    pub fn has_nexus(&self, typed: &[Typed], facts: &Facts, ns: i64) -> bool {
        let counts = |value: &&Typed| matches!(value.place, Place::Field | Place::Page | Place::Route);
        // The account that an actor comes from is no resource: what was done lies elsewhere.
        let resource = |value: &Typed| {
            matches!(
                value.ident,
                Ident::Path(_) | Ident::ProjectId(_) | Ident::NamespaceId(_)
            ) && !matches!(value.role, Some(Role::Actor | Role::Impersonator))
        };
        let mut resources = typed
            .iter()
            .filter(counts)
            .filter(|value| resource(value))
            .peekable();
        let personal = |value: &Typed| matches!(&value.ident, Ident::Path(path) if value.place == Place::Page && !path.contains('/'));
        if resources
            .clone()
            .any(|value| Self::is_resource_inside(value, typed, facts, ns))
        {
            return true;
        }
        // A URL of one segment that names nothing known is a page, not a resource.
        let names_none = resources.all(personal);
        (names_none || self.policy.nexus_excepted)
            && typed
                .iter()
                .filter(|value| {
                    value.place == Place::Field && matches!(value.role, Some(Role::Actor | Role::Target))
                })
                .any(|value| {
                    value.tuple.is_some_and(|tuple| {
                        let members: Vec<&Ident> = typed
                            .iter()
                            .filter(|other| other.tuple == Some(tuple))
                            .map(|other| &other.ident)
                            .collect();
                        members
                            .iter()
                            .any(|ident| matches!(ident, Ident::User(_) | Ident::UserId(_) | Ident::Email(_)))
                            && facts.standing(&members, ns) == Standing::Inside
                    })
                })
    }

    fn is_resource_inside(value: &Typed, typed: &[Typed], facts: &Facts, ns: i64) -> bool {
        if !facts.is_inside(&value.ident, ns) {
            return false;
        }
        // An id beats a path; of a key that is written twice every path counts by itself.
        let Some(tuple) = value.tuple else { return true };
        let other_path = |other: &Typed| matches!(other.ident, Ident::Path(_)) && other.ident != value.ident;
        let members: Vec<&Ident> = typed
            .iter()
            .filter(|other| other.tuple == Some(tuple) && !other_path(other))
            .map(|other| &other.ident)
            .collect();
        facts.standing(&members, ns) == Standing::Inside
    }

    fn view<'v>(&'v self, facts: &'v Facts, ns: i64, ledger: &mut Ledger) -> View<'v> {
        ledger.memo.begin(Given {
            stamps: (self.stamp, facts.stamp()),
            era: facts.scope().era(ns),
        });
        View {
            plan: &self.plan,
            policy: &self.policy,
            pseudonyms: &self.pseudonyms,
            templates: &self.plan.templates,
            facts,
            ns,
            tuples: Vec::new(),
            own_actor: false,
        }
    }

    /// An identity of the request as the manifest may tell it: as it is if it is in scope and may be
    /// shown, as its pseudonym otherwise.
    pub fn present(&self, class: Class, text: &str, facts: &Facts, ledger: &mut Ledger) -> String {
        let view = self.view(facts, crate::scope::EVER, ledger);
        match view.value(class, None, &Json::String(text.into()), None, ledger) {
            Shown::Raw => text.to_owned(),
            Shown::Replaced(shown, _) | Shown::Text(shown, _) => shown,
            Shown::Drop(_) => ledger.pseudonym(&self.pseudonyms, PseudonymKind::Ip, text, class, text),
        }
    }

    /// Redacts one record. `at` is its instant, `typed` its typed values.
    pub fn redact(
        &self,
        record: &Record<'_>,
        typed: &[Typed],
        facts: &Facts,
        at: Instant,
        ledger: &mut Ledger,
    ) -> Redacted {
        let mut view = self.view(facts, at.ns, ledger);
        view.resolve(record, typed, ledger);
        // What was read from each field, the first of it.
        let mut read: Vec<Option<&Typed>> = vec![None; record.fields.len()];
        for value in typed.iter().rev().filter(|value| value.place == Place::Field) {
            if let Some(slot) = read.get_mut(value.field) {
                *slot = Some(value);
            }
        }
        let mut removals = Vec::with_capacity(record.fields.len());
        let mut entries = Entries {
            entries: Vec::with_capacity(record.fields.len().min(64)),
            text: Vec::with_capacity(512),
        };
        for (field, typed) in record.fields.iter().zip(read) {
            if entries.entries.len() >= MAX_FIELDS {
                ledger.note("record.fields");
                let (name, _) = ledger.told(record.source, OTHER);
                removals.push(self.removed(name, "none", "record.fields", 0, ""));
                break;
            }
            self.field(&view, record, field, typed, &mut entries, &mut removals, ledger);
        }
        entries.entries.truncate(MAX_FIELDS);
        self.assemble(record, at, &entries, removals, &view, ledger)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step of `redact`, split for reading"
    )]
    fn field<'r>(
        &self,
        view: &View<'_>,
        record: &Record<'_>,
        field: &'r Field<'_>,
        typed: Option<&Typed>,
        entries: &mut Entries<'r>,
        removals: &mut Vec<Removal>,
        ledger: &mut Ledger,
    ) {
        let name = field.name.as_ref();
        let known = self.plan.field(record.source, name);
        let class = known.and_then(|(spec, _)| spec.class(|sibling| record.first(sibling)));
        let (Some((spec, plan)), Some(class)) = (known, class) else {
            if known.is_none() {
                ledger.unknown(name);
            }
            let (name, _) = ledger.told(record.source, OTHER);
            removals.push(self.removed(
                name,
                "none",
                "field.unknown",
                0,
                decoded(&field.value, &field.raw),
            ));
            return;
        };
        // A name that only fits a pattern was chosen by who wrote the line: it is not told.
        let label = plan.map_or(OTHER, |plan| (plan.slot, name));
        if class == Class::Params && self.policy.personal_data {
            let (label, tally) = ledger.told(record.source, label);
            tally.replaced += 1;
            let label = Arc::clone(label);
            self.params(view, &label, field, entries, removals, ledger);
            return;
        }
        let shown = view.value(class, Some(spec), &field.value, typed, ledger);
        let (label, tally) = ledger.told(record.source, label);
        match shown {
            Shown::Drop(rule) => {
                tally.dropped += 1;
                let value = decoded(&field.value, &field.raw);
                removals.push(self.removed(label, class.as_str(), rule, 0, value));
            }
            Shown::Raw => {
                tally.kept += 1;
                entries.push(Cow::Borrowed(name), |out| {
                    out.extend_from_slice(field.raw.as_bytes());
                });
            }
            Shown::Replaced(text, rule) => {
                tally.replaced += 1;
                let value = decoded(&field.value, &field.raw);
                if class == Class::Resource {
                    removals.extend(
                        lost_of_url(value, &text, rule)
                            .into_iter()
                            .map(|(start, lost, rule)| {
                                self.removed(label, class.as_str(), rule, start, lost)
                            }),
                    );
                } else {
                    removals.push(self.removed(label, class.as_str(), rule, 0, value));
                }
                entries.push(Cow::Borrowed(name), |out| push_string(out, &text));
            }
            Shown::Text(text, spans) => {
                tally.replaced += 1;
                let value = decoded(&field.value, &field.raw);
                removals.extend(spans.into_iter().map(|(start, length, rule)| {
                    let lost = value.get(start..start + length).unwrap_or_default();
                    Removal {
                        length: u32::try_from(length).unwrap_or(u32::MAX),
                        ..self.removed(label, class.as_str(), rule, start, lost)
                    }
                }));
                entries.push(Cow::Borrowed(name), |out| push_string(out, &text));
            }
        }
    }

    /// Parameters: those that are listed by their class, of all others that there were some.
    fn params<'r>(
        &self,
        view: &View<'_>,
        label: &Arc<str>,
        field: &'r Field<'_>,
        entries: &mut Entries<'r>,
        removals: &mut Vec<Removal>,
        ledger: &mut Ledger,
    ) {
        let name = field.name.as_ref();
        let unlisted: Arc<str> = format!("{label}.[key]").into();
        let (mut any_unlisted, mut told) = (false, 0);
        each_param(&field.value, &mut |key, value| {
            let class = self.plan.param(key);
            let text = match value {
                Json::Bool(true) => "true",
                Json::Bool(false) => "false",
                other => decoded(other, "null"),
            };
            let mut remove = |path: &Arc<str>, class: &'static str, rule| {
                told += 1;
                if told <= MAX_PARAM_REMOVALS {
                    removals.push(self.removed(path, class, rule, 0, text));
                }
            };
            let Some(class) = class else {
                any_unlisted = true;
                return remove(&unlisted, Class::Params.as_str(), "params.unlisted");
            };
            let path = || Arc::from(format!("{label}.{key}"));
            let mut show = |write: &dyn Fn(&mut Vec<u8>)| {
                entries.push(Cow::Owned(format!("{name}.{key}")), |out| write(out));
            };
            match (view.value(class, None, value, None, ledger), value) {
                (Shown::Raw, Json::Number(text)) => show(&|out| out.extend_from_slice(text.as_bytes())),
                (Shown::Raw, Json::String(text)) => show(&|out| push_string(out, text)),
                (Shown::Raw, _) => {
                    any_unlisted = true;
                    remove(&path(), class.as_str(), "type");
                }
                (Shown::Replaced(shown, rule), _) => {
                    show(&|out| push_string(out, &shown));
                    remove(&path(), class.as_str(), rule);
                }
                (Shown::Text(shown, _), _) => {
                    show(&|out| push_string(out, &shown));
                    remove(&path(), class.as_str(), "text.built");
                }
                (Shown::Drop(rule), _) => {
                    any_unlisted = true;
                    remove(&path(), class.as_str(), rule);
                }
            }
        });
        if any_unlisted {
            entries.push(Cow::Owned(format!("{name}.[key]")), |out| {
                out.extend_from_slice(b"null");
            });
        }
        if told > MAX_PARAM_REMOVALS {
            let value = decoded(&field.value, &field.raw);
            removals.push(self.removed(label, Class::Params.as_str(), "params.more", 0, value));
        }
    }

    /// The removal of `lost`, which stood at `start` of the decoded value.
    fn removed(
        &self,
        field: &Arc<str>,
        class: &'static str,
        rule: &'static str,
        start: usize,
        lost: &str,
    ) -> Removal {
        Removal {
            field: Arc::clone(field),
            class,
            rule,
            start: u32::try_from(start).unwrap_or(u32::MAX),
            length: u32::try_from(lost.len()).unwrap_or(u32::MAX),
            digest: self.digests.of(lost.as_bytes()),
        }
    }

    /// Puts the common columns first and gives the other fields their names.
    fn assemble(
        &self,
        record: &Record<'_>,
        at: Instant,
        entries: &Entries<'_>,
        removals: Vec<Removal>,
        view: &View<'_>,
        ledger: &mut Ledger,
    ) -> Redacted {
        let mut out = Vec::with_capacity(256 + entries.text.len() + 32 * entries.entries.len());
        // The entries that are columns.
        let mut taken: Vec<usize> = Vec::with_capacity(COLUMNS.len());
        let mut columns_shown = Vec::with_capacity(COLUMNS.len());
        let spec = self.plan.spec(record.source);
        let source_name = spec.map(|spec| spec.name.as_str()).unwrap_or_default();
        out.extend_from_slice(b"{\"time\":");
        push_string(&mut out, &at.to_rfc3339());
        out.extend_from_slice(b",\"source\":");
        push_string(&mut out, source_name);
        let event = self.event(record, view, ledger);
        out.extend_from_slice(b",\"event\":");
        push_string(&mut out, &event);
        if let Some(spec) = spec {
            // The field that gave the record its time is the column, whatever its spelling.
            taken.extend(entries.first_of(&spec.time, &taken));
            let columns = [
                ("actor", &spec.columns.actor),
                ("namespace", &spec.columns.namespace),
                ("project", &spec.columns.project),
                ("ip", &spec.columns.ip),
                ("status", &spec.columns.status),
                ("correlation_id", &spec.columns.correlation_id),
            ];
            for (column, names) in columns {
                let found = entries.first_of(names, &taken);
                let Some((found, entry)) = found.and_then(|at| Some((at, entries.entries.get(at)?))) else {
                    continue;
                };
                let value = entries.value(entry);
                let text = String::from_utf8_lossy(value);
                columns_shown.push((column, text.trim_matches('"').to_owned()));
                out.extend_from_slice(b",\"");
                out.extend_from_slice(column.as_bytes());
                out.extend_from_slice(b"\":");
                if column == "status" || value.first() == Some(&b'"') {
                    out.extend_from_slice(value);
                } else {
                    push_string(&mut out, &text);
                }
                taken.push(found);
            }
        }
        let fields = (0..entries.entries.len()).filter(|at| !taken.contains(at));
        let order = taken.iter().copied().chain(fields);
        // The last entry of each name so far, and of each entry the one before it that has its name.
        let mut last: HashMap<&str, usize, RandomState> =
            HashMap::with_capacity_and_hasher(entries.entries.len(), RandomState::default());
        let mut before: Vec<Option<usize>> = vec![None; entries.entries.len()];
        for (nth, at) in order.enumerate() {
            let Some(entry) = entries.entries.get(at) else {
                continue;
            };
            let value = entries.value(entry);
            let same =
                std::iter::successors(last.get(&*entry.base).copied(), |at| before.get(*at).copied()?);
            let is_column = nth < taken.len();
            let mut occurrence = 0;
            let mut is_new = true;
            for other in same.filter_map(|at| entries.entries.get(at)) {
                occurrence += 1;
                is_new &= entries.value(other) != value;
            }
            if !is_column && !is_new {
                continue;
            }
            if let Some(slot) = before.get_mut(at) {
                *slot = last.insert(&entry.base, at);
            }
            if is_column {
                continue;
            }
            out.push(b',');
            if COLUMNS.contains(&&*entry.base) || occurrence > 0 {
                push_string(&mut out, &name_of(source_name, &entry.base, occurrence));
            } else {
                push_string(&mut out, &entry.base);
            }
            out.push(b':');
            out.extend_from_slice(value);
        }
        out.push(b'}');
        Redacted {
            bytes: out,
            event,
            columns: columns_shown,
            removals,
        }
    }

    /// The event column: the public name, else the raw event if its grammar allows.
    fn event(&self, record: &Record<'_>, view: &View<'_>, ledger: &mut Ledger) -> String {
        let Some(source) = self.plan.source(record.source) else {
            return "[event]".to_owned();
        };
        let Some((raw, closed)) = source.events.raw(record, &self.plan) else {
            return "[event]".to_owned();
        };
        if let Some(name) = source
            .events
            .first_public(&raw)
            .and_then(|index| source.events.name(index))
        {
            return name.to_owned();
        }
        if ledger.tells_event(&raw, closed, view) {
            return raw;
        }
        ledger.note("event.unlisted");
        "[event]".to_owned()
    }

    /// Whether the name of an unclassed field may be told in reports.
    pub fn may_tell_name(name: &str, facts: &Facts) -> bool {
        let shaped = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        let folded = name.to_ascii_lowercase();
        let parts = || folded.split(['.', '_', '-']).filter(|part| !part.is_empty());
        shaped
            && !facts.is_foreign_token(&folded)
            && parts().all(|part| {
                !facts.is_foreign_token(part)
                    && part.bytes().filter(u8::is_ascii_digit).count() <= 3
                    && part.len() <= 24
            })
    }
}

/// The name of an output field that is called like a column, or of which there were some already.
fn name_of(source: &str, base: &str, occurrence: usize) -> String {
    let mut name = base.to_owned();
    if COLUMNS.contains(&base) {
        name = format!("{source}.{base}");
    }
    if occurrence > 0 {
        name = format!("{name}#{}", occurrence + 1);
    }
    name
}

/// What of a URL is not in what is shown of it: where it began, what it was, and the rule.
fn lost_of_url<'u>(url: &'u str, shown: &str, rule: &'static str) -> Vec<(usize, &'u str, &'static str)> {
    let cut = |text: &str| text.find(['?', '#']).unwrap_or(text.len());
    let (path, query) = url.split_at(cut(url));
    let (shown_path, shown_query) = shown.split_at(cut(shown));
    let mut lost = Vec::with_capacity(2);
    // Whole segments that both begin and end with stayed.
    let same = |(a, b): &(&str, &str)| a == b;
    let after = |mut both: std::iter::Zip<std::str::Split<'_, char>, std::str::Split<'_, char>>| {
        let kept = both
            .by_ref()
            .take_while(same)
            .map(|(segment, _)| segment.len() + 1);
        kept.sum::<usize>()
    };
    let begin = after(path.split('/').zip(shown_path.split('/'))).min(path.len());
    let (rest, shown_rest) = (
        path.get(begin..).unwrap_or_default(),
        shown_path.get(begin..).unwrap_or_default(),
    );
    let kept_end: usize = rest
        .rsplit('/')
        .zip(shown_rest.rsplit('/'))
        .take_while(same)
        .map(|(segment, _)| segment.len() + 1)
        .sum();
    let gone = rest
        .get(..rest.len().saturating_sub(kept_end))
        .unwrap_or_default();
    if path != shown_path && !gone.is_empty() {
        let rule = if matches!(shown_rest, "*" | "") {
            "resource.tail"
        } else {
            rule
        };
        lost.push((begin, gone, rule));
    }
    if query != shown_query {
        lost.push((path.len(), query, "resource.query"));
    }
    if lost.is_empty() {
        // Another spelling of the same.
        lost.push((0, url, rule));
    }
    lost
}

/// The text of a value as digests take it: what a string says, a number as written, else its JSON text.
fn decoded<'f>(value: &'f Json<'_>, raw: &'f str) -> &'f str {
    value.as_scalar().unwrap_or(raw)
}

#[cfg(test)]
mod tests {
    use super::lost_of_url;

    #[test]
    fn what_a_url_lost_is_told_by_its_parts() {
        for (url, shown, lost) in [
            (
                "/acme/api/-/blob/main/x.rb",
                "/acme/api/-/blob/*",
                vec![(17, "main/x.rb", "resource.tail")],
            ),
            (
                "/evil/web/-/blob/main?token=1",
                "/project-a/-/blob/*",
                vec![
                    (1, "evil/web/-/blob/main", "r"),
                    (21, "?token=1", "resource.query"),
                ],
            ),
            (
                "/evil/web/-/issues",
                "/project-a/-/issues",
                vec![(1, "evil/web", "r")],
            ),
            (
                "https://h.example/acme",
                "/acme",
                vec![(0, "https://h.example", "r")],
            ),
            (
                "/acme?a=1&b=2",
                "/acme?a=1&[key]",
                vec![(5, "?a=1&b=2", "resource.query")],
            ),
            ("/acme%2Fapi", "/acme/api", vec![(1, "acme%2Fapi", "r")]),
            ("/acme/", "/acme", vec![(0, "/acme/", "r")]),
        ] {
            assert_eq!(lost_of_url(url, shown, "r"), lost, "{url}");
        }
    }
}
