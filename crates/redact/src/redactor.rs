//! The redactor: a record in, the JSON line that may be disclosed out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use decostop_profile::{Class, Role};

use crate::Error;
use crate::facts::Facts;
use crate::identity::Ident;
use crate::json::push_string;
use crate::key::{PseudonymKind, Pseudonyms, RequestKey};
use crate::plan::{Place, ProfilePlan, Typed};
use crate::record::{Json, Record};
use crate::shown::{Shown, View};
use crate::standing::Standing;
use crate::time::Instant;

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
    /// The field, or `[other]` if it has no class.
    pub field: String,
    /// Its class; `none` if it has none.
    pub class: &'static str,
    /// The rule that removed it.
    pub rule: &'static str,
    /// First byte of the removed span in the decoded value.
    pub start: u32,
    /// Length of the span in bytes.
    pub length: u32,
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
    /// Values by source index and field.
    pub fields: BTreeMap<usize, HashMap<String, FieldTally>>,
    /// Records in which an unclassed field occurred, by name.
    pub unknown: HashMap<String, u64>,
    /// Noteworthy things.
    pub notes: BTreeMap<&'static str, u64>,
    cache: HashMap<(PseudonymKind, String), String>,
    values: BTreeSet<(String, Class, String)>,
}

/// Names of unclassed fields that one ledger holds; more are counted as one.
const MAX_UNKNOWN_NAMES: usize = 50_000;

impl Ledger {
    pub(crate) fn note(&mut self, what: &'static str) {
        *self.notes.entry(what).or_default() += 1;
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
        let made = self
            .cache
            .entry((kind, canonical.to_owned()))
            .or_insert_with(|| pseudonyms.make(kind, canonical))
            .clone();
        self.values.insert((made.clone(), class, text.to_owned()));
        made
    }

    /// Changes what became of a field's values.
    fn count(&mut self, source: usize, field: &str, change: impl FnOnce(&mut FieldTally)) {
        let fields = self.fields.entry(source).or_default();
        if let Some(tally) = fields.get_mut(field) {
            change(tally);
        } else {
            change(fields.entry(field.to_owned()).or_default());
        }
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
        for (source, fields) in other.fields {
            for (field, tally) in fields {
                self.count(source, &field, |held| {
                    held.kept += tally.kept;
                    held.replaced += tally.replaced;
                    held.dropped += tally.dropped;
                });
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
            "Ledger(<{} fields, {} pseudonyms>)",
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
}

struct Entry {
    base: String,
    name: String,
    value: Vec<u8>,
    field: usize,
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

    fn view<'v>(&'v self, facts: &'v Facts, ns: i64) -> View<'v> {
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
        match self.view(facts, crate::scope::EVER).value(
            class,
            None,
            &Json::String(text.into()),
            None,
            ledger,
        ) {
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
        let mut view = self.view(facts, at.ns);
        view.resolve(record, typed, ledger);
        let mut removals = Vec::new();
        let mut entries: Vec<Entry> = Vec::with_capacity(record.fields.len());
        for index in 0..record.fields.len() {
            if entries.len() >= MAX_FIELDS {
                ledger.note("record.fields");
                removals.push(whole("[other]".to_owned(), "none", "record.fields", 0));
                break;
            }
            self.field(&view, record, index, typed, &mut entries, &mut removals, ledger);
        }
        entries.truncate(MAX_FIELDS);
        self.assemble(record, at, entries, removals, facts, ledger)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step of `redact`, split for reading"
    )]
    fn field(
        &self,
        view: &View<'_>,
        record: &Record<'_>,
        index: usize,
        typed: &[Typed],
        entries: &mut Vec<Entry>,
        removals: &mut Vec<Removal>,
        ledger: &mut Ledger,
    ) {
        let (Some(field), Some(source)) = (record.fields.get(index), self.plan.spec(record.source)) else {
            return;
        };
        let name = field.name.as_ref();
        let spec = self.plan.field_spec(record.source, name);
        let Some(class) = spec.and_then(|spec| spec.class(|sibling| record.first(sibling))) else {
            if spec.is_none() {
                ledger.unknown(name);
            }
            removals.push(whole(
                "[other]".to_owned(),
                "none",
                "field.unknown",
                field.raw.len(),
            ));
            return;
        };
        // A name that only fits a pattern was chosen by who wrote the line: it is not told.
        let label = if source.fields.contains_key(name) {
            name
        } else {
            "[other]"
        };
        let tuple = typed
            .iter()
            .find(|value| value.field == index && value.place == Place::Field)
            .and_then(|value| value.tuple);
        if class == Class::Params && self.policy.personal_data {
            ledger.count(record.source, label, |tally| tally.replaced += 1);
            let (listed, unlisted) = view.params(&field.value, ledger);
            for (key, value) in listed {
                let base = format!("{name}.{key}");
                entries.push(Entry {
                    name: base.clone(),
                    base,
                    value: value.into_bytes(),
                    field: index,
                });
            }
            if unlisted {
                let base = format!("{name}.[key]");
                entries.push(Entry {
                    name: base.clone(),
                    base,
                    value: b"null".to_vec(),
                    field: index,
                });
                removals.push(whole(
                    label.to_owned(),
                    class.as_str(),
                    "params.unlisted",
                    field.raw.len(),
                ));
            }
            return;
        }
        let shown = view.value(class, spec, &field.value, tuple, ledger);
        ledger.count(record.source, label, |tally| match &shown {
            Shown::Drop(_) => tally.dropped += 1,
            Shown::Raw => tally.kept += 1,
            Shown::Replaced(..) | Shown::Text(..) => tally.replaced += 1,
        });
        let mut value = Vec::new();
        match shown {
            Shown::Drop(rule) => {
                removals.push(whole(label.to_owned(), class.as_str(), rule, field.raw.len()));
                return;
            }
            Shown::Raw => {
                value.extend_from_slice(field.raw.as_bytes());
            }
            Shown::Replaced(text, rule) => {
                removals.push(whole(label.to_owned(), class.as_str(), rule, field.raw.len()));
                push_string(&mut value, &text);
            }
            Shown::Text(text, spans) => {
                removals.extend(spans.into_iter().map(|(start, length, rule)| Removal {
                    field: label.to_owned(),
                    class: class.as_str(),
                    rule,
                    start: u32::try_from(start).unwrap_or(u32::MAX),
                    length: u32::try_from(length).unwrap_or(u32::MAX),
                }));
                push_string(&mut value, &text);
            }
        }
        entries.push(Entry {
            base: name.to_owned(),
            name: name.to_owned(),
            value,
            field: index,
        });
    }

    /// Puts the common columns first and gives the other fields their names.
    fn assemble(
        &self,
        record: &Record<'_>,
        at: Instant,
        mut entries: Vec<Entry>,
        removals: Vec<Removal>,
        facts: &Facts,
        ledger: &mut Ledger,
    ) -> Redacted {
        let mut out = Vec::with_capacity(512);
        let mut taken: Vec<(String, Vec<u8>)> = Vec::new();
        let mut columns_shown = Vec::new();
        let spec = self.plan.spec(record.source);
        let source_name = spec.map(|spec| spec.name.as_str()).unwrap_or_default();
        out.extend_from_slice(b"{\"time\":");
        push_string(&mut out, &at.to_rfc3339());
        out.extend_from_slice(b",\"source\":");
        push_string(&mut out, source_name);
        let event = self.event(record, facts, ledger);
        out.extend_from_slice(b",\"event\":");
        push_string(&mut out, &event);
        if let Some(spec) = spec {
            // The field that gave the record its time is the column, whatever its spelling.
            let supplier = spec
                .time
                .iter()
                .find_map(|name| entries.iter().position(|entry| &entry.base == name));
            if let Some(at) = supplier {
                let entry = entries.remove(at);
                taken.push((entry.base, entry.value));
            }
            let columns = [
                ("actor", &spec.columns.actor),
                ("namespace", &spec.columns.namespace),
                ("project", &spec.columns.project),
                ("ip", &spec.columns.ip),
                ("status", &spec.columns.status),
                ("correlation_id", &spec.columns.correlation_id),
            ];
            for (column, names) in columns {
                let Some(found) = names
                    .iter()
                    .find_map(|name| entries.iter().position(|entry| &entry.base == name))
                else {
                    continue;
                };
                let entry = entries.remove(found);
                columns_shown.push((
                    column,
                    String::from_utf8_lossy(&entry.value).trim_matches('"').to_owned(),
                ));
                out.extend_from_slice(b",\"");
                out.extend_from_slice(column.as_bytes());
                out.extend_from_slice(b"\":");
                if column == "status" || entry.value.first() == Some(&b'"') {
                    out.extend_from_slice(&entry.value);
                } else {
                    push_string(&mut out, &String::from_utf8_lossy(&entry.value));
                }
                taken.push((entry.base, entry.value));
            }
        }
        entries.sort_by_key(|entry| entry.field);
        for entry in &mut entries {
            let same: Vec<&(String, Vec<u8>)> =
                taken.iter().filter(|(base, _)| *base == entry.base).collect();
            if same.iter().any(|(_, value)| *value == entry.value) {
                continue;
            }
            let occurrence = same.len();
            if COLUMNS.contains(&entry.base.as_str()) {
                entry.name = format!("{source_name}.{}", entry.base);
            }
            if occurrence > 0 {
                entry.name = format!("{}#{}", entry.name, occurrence + 1);
            }
            out.push(b',');
            push_string(&mut out, &entry.name);
            out.push(b':');
            out.extend_from_slice(&entry.value);
            taken.push((entry.base.clone(), entry.value.clone()));
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
    fn event(&self, record: &Record<'_>, facts: &Facts, ledger: &mut Ledger) -> String {
        let Some(source) = self.plan.source(record.source) else {
            return "[event]".to_owned();
        };
        let Some((raw, closed)) = source.events.raw(record, &self.plan) else {
            return "[event]".to_owned();
        };
        if let Some(name) = source
            .events
            .public(&raw)
            .first()
            .and_then(|index| source.events.name(*index))
        {
            return name.to_owned();
        }
        if crate::grammar::is_event(&raw, closed, &self.plan, facts) {
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

fn whole(field: String, class: &'static str, rule: &'static str, length: usize) -> Removal {
    Removal {
        field,
        class,
        rule,
        start: 0,
        length: u32::try_from(length).unwrap_or(u32::MAX),
    }
}
