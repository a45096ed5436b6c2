//! What of one record counts: its quasi-identifiers, and the words of its texts.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hasher as _};

use decostop_profile::{Class, Profile};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    AGENT, DAY, EVENT, HOUR, METHOD, Mark, NAMESPACE, PROJECT, QUASI_IDENTIFIERS, ROUTE, SOURCE, STATUS,
};

/// Words of one record that are told as looking like names.
const MAX_NAMES: usize = 16;
/// Mark of removed text.
const MARK: &str = "[text]";

type Kinds = HashMap<Box<str>, Kind, foldhash::fast::RandomState>;

/// What a field's value is looked at for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Agent,
    Method,
    Route,
    Status,
    Text,
}

/// Which fields of each source are looked at, from the profile.
#[derive(Debug)]
pub(crate) struct Lens {
    sources: BTreeMap<String, Kinds>,
    params: BTreeMap<String, Class>,
}

/// Of one record. Holds words of the artefact only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Features {
    /// In the order of [`QUASI_IDENTIFIERS`].
    pub(super) values: [Mark; QUASI_IDENTIFIERS.len()],
    pub(super) texts: u64,
    pub(super) kept_words: u64,
    pub(super) marks: u64,
    pub(super) name_like: u64,
    /// Field and word.
    pub(super) tokens: Vec<(Box<str>, Box<str>)>,
}

impl Lens {
    pub(crate) fn new(profile: &Profile) -> Self {
        let kinds = |source: &decostop_profile::Source| {
            let fields = source.fields.iter();
            fields
                .filter_map(|(name, spec)| {
                    let kind = spec.classes().find_map(|class| match class {
                        Class::Agent => Some(Kind::Agent),
                        Class::Method => Some(Kind::Method),
                        Class::Resource => Some(Kind::Route),
                        Class::Status => Some(Kind::Status),
                        Class::Text => Some(Kind::Text),
                        _ => None,
                    });
                    Some((name.as_str().into(), kind?))
                })
                .collect()
        };
        let sources = profile.sources.iter();
        Self {
            sources: sources
                .map(|source| (source.name.clone(), kinds(source)))
                .collect(),
            params: profile.params.clone(),
        }
    }

    /// The features of a record, given as its JSON text.
    pub(crate) fn features(&self, record: &[u8]) -> Features {
        let mut features = Features::default();
        let Ok(Pairs(fields)) = serde_json::from_slice::<Pairs<'_>>(record) else {
            return features;
        };
        let column = |name: &str| {
            let found = fields.iter().find(|(field, _)| field == name);
            found.map(|(_, value)| &**value).unwrap_or_default()
        };
        let source = column("source");
        let kinds = self.sources.get(source);
        let time = column("time");
        let mut marks = Marks::default();
        marks.add(SOURCE, [source]);
        marks.add(EVENT, [column("event")]);
        marks.add(DAY, [time.get(..10).unwrap_or_default()]);
        marks.add(HOUR, [time.get(..13).unwrap_or_default()]);
        marks.add(STATUS, [column("status")]);
        marks.add(NAMESPACE, [column("namespace")]);
        marks.add(PROJECT, [column("project")]);
        for (name, value) in &fields {
            let base = base_name(source, name);
            match kinds.and_then(|kinds| kinds.get(base)) {
                Some(Kind::Status) => marks.add(STATUS, [&**value]),
                Some(Kind::Method) => marks.add(METHOD, [&**value]),
                Some(Kind::Route) => marks.add(ROUTE, shape(value)),
                Some(Kind::Agent) => marks.add(AGENT, family(value)),
                Some(Kind::Text) => features.text(name, value),
                None if self.is_text_param(base) => features.text(name, value),
                None => {}
            }
        }
        features.values = marks.0.map(|mark| mark.finish());
        features
    }

    /// `params.message`, where the profile lists a parameter `message` that holds text.
    fn is_text_param(&self, name: &str) -> bool {
        fn rest(name: &str) -> Option<&str> {
            name.split_once('.').map(|(_, rest)| rest)
        }
        std::iter::successors(rest(name), |name| rest(name))
            .any(|key| self.params.get(key) == Some(&Class::Text))
    }
}

impl Features {
    /// The class of the record by all quasi-identifiers but one.
    pub(super) fn class_without(&self, left_out: usize) -> Mark {
        let mut class = DefaultHasher::new();
        let values = self.values.iter().enumerate();
        for (_, mark) in values.filter(|(at, _)| *at != left_out) {
            class.write_u64(*mark);
        }
        class.finish()
    }

    fn text(&mut self, field: &str, text: &str) {
        let mut begins = true;
        let mut any = false;
        for chunk in text.split_whitespace() {
            let word = chunk.trim_matches(|c: char| !c.is_alphanumeric() && !"[]".contains(c));
            if word.contains(MARK) {
                self.marks += 1;
            } else if word.contains(char::is_alphabetic) {
                any = true;
                self.kept_words += 1;
                if !begins && looks_like_a_name(word) {
                    self.name_like += 1;
                    if self.tokens.len() < MAX_NAMES {
                        self.tokens.push((field.into(), word.into()));
                    }
                }
            }
            begins = chunk.ends_with(['.', '!', '?', ':', ';']);
        }
        self.texts += u64::from(any);
    }
}

/// One capital, then small letters.
fn looks_like_a_name(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase)
        && word.chars().count() >= 3
        && letters.all(|c| c.is_lowercase() || c == '\'' || c == '-')
}

/// The name of a field without what makes it unique: `gitaly.status` is `status`, `path#2` is `path`.
pub(crate) fn base_name<'n>(source: &str, name: &'n str) -> &'n str {
    let name = match name.rsplit_once('#') {
        Some((base, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => name,
    };
    let bare = name.strip_prefix(source).and_then(|rest| rest.strip_prefix('.'));
    bare.filter(|bare| crate::artefact::is_column(bare))
        .unwrap_or(name)
}

/// The segments of a path without what stands for somebody or is a number.
fn shape(path: &str) -> impl Iterator<Item = &str> {
    let path = path.split('?').next().unwrap_or_default();
    path.split('/').map(|segment| {
        if crate::artefact::looks_like_pseudonym(segment) {
            ":pseudonym"
        } else if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            ":number"
        } else {
            segment
        }
    })
}

/// The products of an agent without their versions.
fn family(agent: &str) -> impl Iterator<Item = &str> {
    agent
        .split_whitespace()
        .map(|word| word.split('/').next().unwrap_or_default())
}

/// What becomes the marks of a record. Equal values have equal marks, which compare values within one
/// dive and leave it in no form.
#[derive(Default)]
struct Marks([DefaultHasher; QUASI_IDENTIFIERS.len()]);

impl Marks {
    /// Adds a value, given in parts: neither these nor values run into each other.
    fn add<'v>(&mut self, to: usize, parts: impl IntoIterator<Item = &'v str>) {
        let Some(mark) = self.0.get_mut(to) else { return };
        for part in parts {
            mark.write(part.as_bytes());
            mark.write_u8(1);
        }
        mark.write_u8(0);
    }
}

/// The fields of a flat object; values that are no text or number are empty.
struct Pairs<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs<'de>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::with_capacity(32);
                while let Some((Text(name), Text(value))) = map.next_entry()? {
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(Reader)
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed("")))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed("")))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text(Cow::Borrowed("")))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text(Cow::Borrowed("")))
            }
        }
        from.deserialize_any(Reader)
    }
}
