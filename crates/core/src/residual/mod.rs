//! What is left in an artefact, and how much of it stands out: `internal/residual.json`.
//!
//! Redaction takes identities out; it does not make events frequent. This counts, over the disclosed
//! records alone, how many share their remaining quasi-identifiers (the source, the event, the day or hour,
//! the status, the shape of the route, …), and which words of kept text look like names. Reviewers decide by
//! it; nothing is withheld because of it.
//!
//! Pseudonyms of actors and addresses are left out of the classes: they say who, consistently, and every
//! record of a quiet account would be alone by them.
//!
//! Features are taken from each record by the thread that redacts it, and counted in the order of the
//! output, so that the result does not depend on threads. Memory is bounded ([`MAX_CLASSES`],
//! [`MAX_VALUES`], [`MAX_TOKENS`]); where a bound is met, `capped` says so and counts are of what was held.

mod features;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use decostop_profile::{Class, Profile};
use decostop_redact::Ledger;
use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

pub(crate) use features::{Features, Lens, base_name};

/// Records that share all quasi-identifiers with fewer than so many records count as rare.
pub const K: u32 = 5;
/// What records are compared by, in this order. `day` and `hour` take turns.
pub const QUASI_IDENTIFIERS: [&str; 10] = [
    "source",
    "event",
    "day",
    "hour",
    "status",
    "method",
    "route",
    "agent",
    "namespace",
    "project",
];
const SOURCE: usize = 0;
const EVENT: usize = 1;
const DAY: usize = 2;
const HOUR: usize = 3;
const STATUS: usize = 4;
const METHOD: usize = 5;
const ROUTE: usize = 6;
const AGENT: usize = 7;
const NAMESPACE: usize = 8;
const PROJECT: usize = 9;

/// Classes that are told apart; records of further ones are counted as uncounted.
pub const MAX_CLASSES: usize = 1 << 16;
/// Values of one quasi-identifier that are told apart.
pub const MAX_VALUES: usize = 1 << 16;
/// Words that look like names which are told apart.
pub const MAX_TOKENS: usize = 4096;
/// Records and words that are listed.
const MAX_LISTED: usize = 100;

/// A hash of one value or of a class.
type Mark = u64;

/// What is left in an artefact: the closed shape of `internal/residual.json`. Holds no value that is not in
/// the artefact, and of those only words that look like names.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Residual {
    /// Version of this shape: 1.
    pub version: u32,
    /// Disclosed records.
    pub records: u64,
    /// The bound below which a class is rare.
    pub k: u32,
    /// What records were compared by.
    pub quasi_identifiers: Vec<String>,
    /// Classes of records with the UTC day among the quasi-identifiers.
    pub by_day: Classes,
    /// Classes of records with the UTC hour among them.
    pub by_hour: Classes,
    /// The rarest records by day, at most 100, smallest classes first.
    pub rarest: Vec<RareRecord>,
    /// Quasi-identifiers with rare values.
    pub rare_values: Vec<RareValues>,
    /// Words of text that are left (`personal_data = true` only).
    pub text: Text,
    /// What became of the values of each field that is left.
    pub left: Vec<Left>,
}

/// Sizes of the classes of records that share all quasi-identifiers.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Classes {
    /// Classes.
    pub classes: u64,
    /// Records that are alone in their class.
    pub alone: u64,
    /// Records in classes of fewer than `k`.
    pub records_below_k: u64,
    /// Classes of 1, 2, … `k` - 1 records.
    pub sizes: BTreeMap<u32, u64>,
    /// Whether there were more classes than could be held.
    pub capped: bool,
    /// Records of classes that were not held.
    pub uncounted_records: u64,
}

/// A record of a rare class.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RareRecord {
    /// Its 1-based number in the artefact; of a class of several, the first one's.
    pub record: u64,
    /// Records in its class.
    pub class_size: u32,
    /// Quasi-identifiers whose own value is rare; if there is none, their combination is.
    pub rare_values: Vec<String>,
}

/// How many values of a quasi-identifier are rare.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RareValues {
    /// The quasi-identifier.
    pub field: String,
    /// Its values.
    pub distinct: u64,
    /// Those in fewer than `k` records.
    pub rare: u64,
    /// Whether there were more than could be held.
    pub capped: bool,
}

/// What is left of free text.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Text {
    /// Texts with at least one word.
    pub texts: u64,
    /// Words that are left in them.
    pub kept_words: u64,
    /// Marks that stand for what was removed.
    pub marks: u64,
    /// Words among those left that look like names: a capital letter within a sentence.
    pub name_like: u64,
    /// The most frequent of them, at most 100.
    pub tokens: Vec<NameLike>,
    /// Whether there were more of them than could be held.
    pub capped: bool,
}

/// A kept word that looks like a name.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NameLike {
    /// The word, as it stands in the artefact.
    pub token: String,
    /// How often.
    pub count: u64,
    /// 1-based number of the first record that has it.
    pub record: u64,
    /// The field there.
    pub field: String,
}

/// Values of one field that are left.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Left {
    /// The source.
    pub source: String,
    /// The field.
    pub field: String,
    /// Its class, or classes.
    pub class: String,
    /// Values kept as they stood.
    pub kept: u64,
    /// Values replaced or re-written.
    pub replaced: u64,
    /// Why a value of this class may be left.
    pub why: String,
}

/// One class while records are counted.
struct Group {
    count: u32,
    first: u64,
    values: [Mark; QUASI_IDENTIFIERS.len()],
}

#[derive(Default)]
struct Held {
    classes: HashMap<Mark, Group, RandomState>,
    uncounted: u64,
}

impl Held {
    fn add(&mut self, class: Mark, record: u64, features: &Features) {
        if let Some(held) = self.classes.get_mut(&class) {
            held.count = held.count.saturating_add(1);
        } else if self.classes.len() < MAX_CLASSES {
            let values = features.values;
            self.classes.insert(
                class,
                Group {
                    count: 1,
                    first: record,
                    values,
                },
            );
        } else {
            self.uncounted += 1;
        }
    }

    fn told(&self) -> Classes {
        let mut told = Classes {
            classes: self.classes.len() as u64,
            capped: self.uncounted > 0,
            uncounted_records: self.uncounted,
            ..Classes::default()
        };
        for class in self.classes.values().filter(|class| class.count < K) {
            *told.sizes.entry(class.count).or_default() += 1;
            told.records_below_k += u64::from(class.count);
            told.alone += u64::from(class.count == 1);
        }
        told
    }
}

#[derive(Default)]
struct Values {
    counts: HashMap<Mark, u32, RandomState>,
    capped: bool,
}

/// Counts the records of a dive, one at a time, in their order.
#[derive(Default)]
pub(crate) struct Counter {
    records: u64,
    by_day: Held,
    by_hour: Held,
    values: [Values; QUASI_IDENTIFIERS.len()],
    text: Text,
    tokens: BTreeMap<Box<str>, NameLike>,
}

impl Counter {
    pub(crate) fn add(&mut self, features: Features) {
        self.records += 1;
        let record = self.records;
        self.by_day.add(features.class_without(HOUR), record, &features);
        self.by_hour.add(features.class_without(DAY), record, &features);
        for (values, mark) in self.values.iter_mut().zip(features.values) {
            if let Some(count) = values.counts.get_mut(&mark) {
                *count = count.saturating_add(1);
            } else if values.counts.len() < MAX_VALUES {
                values.counts.insert(mark, 1);
            } else {
                values.capped = true;
            }
        }
        self.text.texts += features.texts;
        self.text.kept_words += features.kept_words;
        self.text.marks += features.marks;
        self.text.name_like += features.name_like;
        for (field, token) in features.tokens {
            if let Some(known) = self.tokens.get_mut(&token) {
                known.count += 1;
            } else if self.tokens.len() < MAX_TOKENS {
                let known = NameLike {
                    token: token.to_string(),
                    count: 1,
                    record,
                    field: field.into(),
                };
                self.tokens.insert(token, known);
            } else {
                self.text.capped = true;
            }
        }
    }

    fn rarest(&self) -> Vec<RareRecord> {
        let rare = self.by_day.classes.values().filter(|class| class.count < K);
        let mut rare: Vec<&Group> = rare.collect();
        rare.sort_unstable_by_key(|class| (class.count, class.first));
        let is_rare = |at: usize, mark: &Mark| {
            let values = self.values.get(at);
            values.is_some_and(|values| values.counts.get(mark).is_none_or(|count| *count < K))
        };
        rare.into_iter()
            .take(MAX_LISTED)
            .map(|class| RareRecord {
                record: class.first,
                class_size: class.count,
                rare_values: QUASI_IDENTIFIERS
                    .iter()
                    .zip(&class.values)
                    .enumerate()
                    .filter(|(at, (_, mark))| *at != HOUR && is_rare(*at, mark))
                    .map(|(_, (name, _))| (*name).to_owned())
                    .collect(),
            })
            .collect()
    }

    /// What was counted, with what became of the fields.
    pub(crate) fn finish(mut self, profile: &Profile, ledger: &Ledger) -> Residual {
        let mut tokens: Vec<NameLike> = std::mem::take(&mut self.tokens).into_values().collect();
        tokens.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.token.cmp(&b.token)));
        tokens.truncate(MAX_LISTED);
        let rare_values = QUASI_IDENTIFIERS.iter().zip(&self.values);
        let rare_values = rare_values.map(|(field, values)| RareValues {
            field: (*field).to_owned(),
            distinct: values.counts.len() as u64,
            rare: values.counts.values().filter(|count| **count < K).count() as u64,
            capped: values.capped,
        });
        Residual {
            version: 1,
            records: self.records,
            k: K,
            quasi_identifiers: QUASI_IDENTIFIERS.map(str::to_owned).to_vec(),
            by_day: self.by_day.told(),
            by_hour: self.by_hour.told(),
            rarest: self.rarest(),
            rare_values: rare_values.filter(|values| values.rare > 0).collect(),
            text: Text { tokens, ..self.text },
            left: left(profile, ledger),
        }
    }
}

fn left(profile: &Profile, ledger: &Ledger) -> Vec<Left> {
    let mut left: Vec<Left> = ledger
        .fields()
        .filter(|(_, _, tally)| tally.kept + tally.replaced > 0)
        .filter_map(|(source, field, tally)| {
            let source = profile.sources.get(source)?;
            let mut classes: Vec<Class> = source
                .spec(field)
                .map(|spec| spec.classes().collect())
                .unwrap_or_default();
            classes.sort_unstable();
            classes.dedup();
            let each = |told: fn(Class) -> &'static str, between: &str| {
                let mut told: Vec<&str> = classes.iter().map(|class| told(*class)).collect();
                told.dedup();
                told.join(between)
            };
            Some(Left {
                source: source.name.clone(),
                field: field.to_owned(),
                class: each(Class::as_str, " or "),
                kept: tally.kept,
                replaced: tally.replaced,
                why: each(why_left, "; or "),
            })
        })
        .collect();
    left.sort_by(|a, b| (&a.source, &a.field).cmp(&(&b.source, &b.field)));
    left
}

/// Why a value of a class may be in an artefact at all.
pub(crate) fn why_left(class: Class) -> &'static str {
    match class {
        Class::Time => "an instant",
        Class::Status => "an integer or a listed word",
        Class::Method => "a listed word",
        Class::Event => "an event that the profile knows, or the name of an entry point",
        Class::User | Class::UserId | Class::Name | Class::Email => {
            "in scope and asked for with personal_data, else a pseudonym"
        }
        Class::Namespace | Class::NamespaceId | Class::Project | Class::ProjectId => {
            "in scope, else a pseudonym"
        }
        Class::Ip => "an in-scope actor's and asked for with personal_data, else a pseudonym",
        Class::Correlation | Class::TokenId => "named by the request, else a pseudonym",
        Class::Resource => "rebuilt from a route of the profile",
        Class::Agent => "built up from families of clients",
        Class::Params => "parameters that the profile lists, each by its own class",
        Class::Text => "built up from templates, words of the vocabulary and identities in scope",
        _ => "nothing of this class may be left",
    }
}
