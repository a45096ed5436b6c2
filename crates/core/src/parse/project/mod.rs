//! Tells of most lines that do not match that they do not, by the fields that decide.
//!
//! ```text
//! line -> index (where keys and values stand) -> source -> deciding fields -> time -> needles -> a
//!         record of these fields alone -> the same judgement as of the whole record
//! ```
//!
//! One-sided: a line is ruled out only if the whole record would be no match and nothing of it would be
//! learned or withheld. What is wrapped, malformed, or strange in any way goes to the parser. Fields are
//! told apart as the parser tells them apart ([`super::flatten`]), so that the reduced record has every
//! value that time, events, identities and joins of the whole one come from.

mod index;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use decostop_profile::{Class, ClassRule, Format, Source};
use decostop_redact::{Field, Json, ProfilePlan, Record, Typed};

use super::tree::{self, Value};
use super::{is_merged, json, known_name, own, wrapper};
use crate::Limits;
use crate::prefilter::Prefilter;
use crate::query::{Needs, QueryPlan};
use index::{Entry, Index, Kind};

/// What a field is for; a field may be for several things.
mod role {
    /// Tells the record's time.
    pub(super) const TIME: u8 = 1;
    /// Part of an event.
    pub(super) const EVENT: u8 = 2;
    /// Names somebody, so that its JSON type matters.
    pub(super) const IDENTITY: u8 = 4;
    /// Its identities are ids, which may be numbers.
    pub(super) const ID: u8 = 8;
    /// Identities or join keys may stand in it.
    pub(super) const BEARS: u8 = 16;
    /// Classes of others depend on it.
    pub(super) const SIBLING: u8 = 32;
}

/// What a key means before the source is known.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// An envelope, if its value is an object.
    envelope: bool,
    /// The line itself, if its value is a string that looks like one.
    string: bool,
    /// Part of the record around it, if its value is an object.
    merged: bool,
    /// A discriminating field, or what one is within.
    discriminates: bool,
    /// The name of something in an envelope, or in a part.
    prefixed: bool,
}

/// What a name means in one source.
#[derive(Clone, Copy, Debug, Default)]
struct Meaning {
    /// Whether the name itself has a class.
    leaf: bool,
    /// Whether the profile knows fields below.
    below: bool,
    /// Whether any of those decides.
    descend: bool,
    /// The field that it stands for.
    field: u16,
    /// What that is for.
    roles: u8,
}

/// One source, compiled.
#[derive(Debug)]
struct Projected {
    /// By the number of a name.
    meanings: Vec<Meaning>,
    /// Whether lines may be text, so that a string may be one.
    text: bool,
    /// Whether any select takes it.
    wanted: bool,
    /// Whether each of the fields that decide can be told.
    sound: bool,
}

/// The deciding fields of a query, compiled for one profile.
#[derive(Debug)]
pub struct Projection {
    names: HashMap<Box<[u8]>, u16, foldhash::fast::FixedState>,
    texts: Vec<Box<str>>,
    marks: Vec<Mark>,
    /// What names of things in an envelope, or in a part, begin with.
    prefixes: Vec<Box<[u8]>>,
    /// First bytes of those.
    begins: Box<[bool; 256]>,
    sources: Vec<Projected>,
    needs: Needs,
    prefilter: Option<Prefilter>,
}

/// Buffers of one worker. Grows to the longest line that was looked at.
#[derive(Default)]
pub struct Buffers {
    index: Index,
    name: Vec<u8>,
    found: Vec<Found>,
    bearing: Vec<u8>,
    typed: Vec<Typed>,
}

impl std::fmt::Debug for Buffers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffers(<{} bytes>)", self.bearing.capacity())
    }
}

/// A field that decides.
#[derive(Clone, Copy)]
struct Found {
    field: u16,
    roles: u8,
    entry: Entry,
}

/// The line is left to the parser.
struct Doubt;

impl Projection {
    /// Compiles what a query looks at.
    pub fn new(plan: &ProfilePlan, query: &QueryPlan) -> Self {
        let profile = &plan.profile;
        let needs = query.needs();
        let roles: Vec<BTreeMap<&str, u8>> = profile
            .sources
            .iter()
            .map(|source| roles(source, needs))
            .collect();
        let wrappers = &profile.wrappers;
        let discriminators = profile.sources.iter().flat_map(|source| &source.discriminators);
        let discriminating: BTreeSet<&str> = discriminators
            .flat_map(|of| with_outer(&of.field))
            .collect();
        let mut texts: BTreeSet<Cow<'_, str>> = BTreeSet::new();
        for name in roles.iter().flat_map(BTreeMap::keys) {
            texts.extend(with_outer(name).map(Cow::Borrowed));
            texts.insert(Cow::Owned(flat(name)));
        }
        let known = [&wrappers.objects, &wrappers.strings, &wrappers.merged];
        texts.extend(known.into_iter().flatten().map(|name| Cow::Borrowed(name.as_str())));
        texts.extend(discriminating.iter().copied().map(Cow::Borrowed));
        let texts: Vec<Box<str>> = texts.into_iter().map(|text| text.into_owned().into()).collect();
        let names: HashMap<Box<[u8]>, u16, _> = (0..)
            .zip(&texts)
            .map(|(number, text)| (Box::from(text.as_bytes()), number))
            .collect();
        let prefixes: Vec<Box<[u8]>> = wrappers
            .objects
            .iter()
            .chain(&wrappers.merged)
            .map(|name| format!("{name}.").into_bytes().into())
            .collect();
        let mut begins = Box::new([false; 256]);
        for first in prefixes.iter().filter_map(|prefix| prefix.first()) {
            if let Some(begins) = begins.get_mut(usize::from(*first)) {
                *begins = true;
            }
        }
        let marks = texts.iter().map(|text| Mark {
            envelope: wrappers.objects.iter().any(|name| **name == **text),
            string: wrappers.strings.iter().any(|name| **name == **text),
            merged: wrappers.merged.iter().any(|name| **name == **text),
            discriminates: discriminating.contains(&**text),
            prefixed: prefixes.iter().any(|prefix| text.as_bytes().starts_with(prefix)),
        });
        let sources = roles.iter().enumerate().map(|(source, roles)| {
            let spec = plan.spec(source);
            let number = |text: &str| names.get(text.as_bytes()).copied();
            let meanings = texts.iter().map(|text| {
                let field = known_name(plan, source, Cow::Borrowed(text));
                let below = format!("{text}.");
                Meaning {
                    leaf: plan.is_leaf(source, text),
                    below: plan.has_fields_below(source, text),
                    descend: roles.keys().any(|name| name.starts_with(&below)),
                    field: number(&field).unwrap_or(u16::MAX),
                    roles: roles.get(field.as_ref()).copied().unwrap_or(0),
                }
            });
            Projected {
                meanings: meanings.collect(),
                text: spec.is_none_or(|spec| spec.format != Format::Json),
                wanted: query.wants_source(source),
                // Families of fields are always dropped and cannot decide; if they could, any name might.
                sound: texts.len() < usize::from(u16::MAX)
                    && spec.is_some_and(|spec| {
                        let families = spec.patterns.iter().flat_map(|(_, family)| family.classes());
                        families.into_iter().all(Class::is_always_dropped)
                    }),
            }
        });
        Self {
            sources: sources.collect(),
            marks: marks.collect(),
            names,
            prefixes,
            begins,
            needs,
            prefilter: Prefilter::new(&query.needles),
            texts,
        }
    }

    /// Whether a line is certainly no match: its record lies outside of the window, or no select takes it
    /// and each of its deciding fields is of a type that its class has. `plan` and `query` are those that
    /// this was made for, `source` is what the input's name says.
    pub fn rules_out(
        &self,
        plan: &ProfilePlan,
        query: &QueryPlan,
        line: &[u8],
        source: Option<usize>,
        limits: &Limits,
        buffers: &mut Buffers,
    ) -> bool {
        let (body, prefix_time) = wrapper::strip_prefix(line);
        if buffers
            .index
            .read(body, limits.max_depth, limits.max_nodes)
            .is_none()
        {
            return false;
        }
        let judged = Judge {
            projection: self,
            plan,
            query,
            line: body,
            entries: &buffers.index.entries,
            limits,
        }
        .rules_out(
            source,
            prefix_time,
            &mut buffers.name,
            &mut buffers.found,
            &mut buffers.bearing,
            &mut buffers.typed,
        );
        judged.unwrap_or(false)
    }

    fn number(&self, name: &[u8]) -> Option<u16> {
        self.names.get(name).copied()
    }

    /// Whether the name is of something in an envelope, or in a part of the record.
    fn is_prefixed(&self, name: &[u8]) -> bool {
        let begins = name
            .first()
            .and_then(|first| self.begins.get(usize::from(*first)));
        begins == Some(&true) && self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }
}

/// A dotted name and what it is within: `a.b.c`, `a.b`, `a`.
fn with_outer(name: &str) -> impl Iterator<Item = &str> {
    let dots = name.match_indices('.');
    dots.filter_map(|(at, _)| name.get(..at)).chain([name])
}

/// A name as exports write it that know no dots.
fn flat(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

/// The fields of a source that decide, and for what.
fn roles(source: &Source, needs: Needs) -> BTreeMap<&str, u8> {
    let mut roles: BTreeMap<&str, u8> = BTreeMap::new();
    let mut add = |name, role| *roles.entry(name).or_default() |= role;
    for name in &source.time {
        add(name.as_str(), role::TIME);
    }
    for expression in source.event.iter().filter(|_| needs.events) {
        for part in expression.split('{').skip(1) {
            let name = part.split_once('}').map_or(part, |(name, _)| name);
            add(
                name.split_once('|').map_or(name, |(name, _)| name),
                role::EVENT,
            );
        }
    }
    for (name, spec) in &source.fields {
        let identities = || spec.classes().filter(|class| class.is_identity());
        let bears = |class| match class {
            Class::Correlation | Class::TokenId => needs.joins,
            Class::Params | Class::Resource | Class::Text => needs.identities,
            class => needs.identities && class.is_identity(),
        };
        let mut of = 0;
        if identities().next().is_some() {
            let is_id = |class| matches!(class, Class::UserId | Class::ProjectId | Class::NamespaceId);
            of |= role::IDENTITY;
            of |= if identities().all(is_id) { role::ID } else { 0 };
        }
        if spec.classes().any(bears) {
            of |= role::BEARS;
        }
        if of == 0 {
            continue;
        }
        add(name.as_str(), of);
        if let ClassRule::On { field, .. } = &spec.rule {
            add(field.as_str(), role::SIBLING);
        }
    }
    roles
}

/// One line and what it is held against.
struct Judge<'a> {
    projection: &'a Projection,
    plan: &'a ProfilePlan,
    query: &'a QueryPlan,
    line: &'a [u8],
    entries: &'a [Entry],
    limits: &'a Limits,
}

impl<'a> Judge<'a> {
    fn rules_out(
        &self,
        hint: Option<usize>,
        prefix_time: Option<&str>,
        name: &mut Vec<u8>,
        found: &mut Vec<Found>,
        bearing: &mut Vec<u8>,
        typed: &mut Vec<Typed>,
    ) -> Result<bool, Doubt> {
        let source = self.source(hint)?;
        let projected = self.projection.sources.get(source).ok_or(Doubt)?;
        if !projected.sound {
            return Err(Doubt);
        }
        found.clear();
        self.members(source, projected, found, name)?;

        let mut record = Record {
            source,
            fields: Vec::new(),
            envelope_time: prefix_time.map(Cow::Borrowed),
        };
        self.fill(&mut record, found, role::TIME)?;
        let time = self.plan.time(&record);
        if matches!(time, Ok(Some(at)) if !self.query.in_window(at.ns)) {
            return Ok(true);
        }
        // The record's own judgement tells what a value of a strange type is.
        let strange = found.iter().any(Found::is_strange);
        if !strange && (!projected.wanted || !self.names_any(found, bearing)) {
            return Ok(true);
        }
        let identities = self.projection.needs.identities || strange;
        record.fields.clear();
        let roles = if identities {
            !role::TIME
        } else {
            role::EVENT | role::BEARS | role::SIBLING
        };
        self.fill(&mut record, found, roles)?;
        typed.clear();
        if identities {
            self.plan.typed(&record, typed).map_err(|_| Doubt)?;
        }
        Ok(!self.query.matches(self.plan, &record, typed))
    }

    /// The line's source; doubt if the line is wrapped.
    fn source(&self, hint: Option<usize>) -> Result<usize, Doubt> {
        let mut discriminated = false;
        let mut string = false;
        for entry in self.top() {
            let key = entry.key.of(self.line);
            let Some(number) = self.projection.number(key) else {
                if self.projection.is_prefixed(key) {
                    return Err(Doubt);
                }
                continue;
            };
            let mark = self.projection.marks.get(usize::from(number)).ok_or(Doubt)?;
            let is_string = matches!(entry.kind, Kind::Plain | Kind::Escaped);
            if mark.prefixed
                || mark.envelope && entry.kind == Kind::Object
                || mark.merged && entry.kind == Kind::Objects
                || mark.string && is_string && self.may_be_line(entry)
            {
                return Err(Doubt);
            }
            string |= mark.string && is_string;
            discriminated |= mark.discriminates;
        }
        let mut source = None;
        if discriminated {
            let doubt = Cell::new(false);
            source = self.plan.discriminate(|field| self.text_of(0, self.entries.len(), field, &doubt));
            if doubt.get() {
                return Err(Doubt);
            }
        }
        let source = source.or(hint).ok_or(Doubt)?;
        let text = self.projection.sources.get(source).is_none_or(|of| of.text);
        if string && text { Err(Doubt) } else { Ok(source) }
    }

    fn top(&self) -> impl Iterator<Item = Entry> {
        self.children(0, self.entries.len()).map(|(_, entry)| entry)
    }

    /// Entries of one level from `start` on, each with its place.
    fn children(&self, start: usize, end: usize) -> impl Iterator<Item = (usize, Entry)> {
        let mut at = start;
        std::iter::from_fn(move || {
            let entry = *self.entries.get(at).filter(|_| at < end)?;
            let this = at;
            at = entry.next as usize;
            Some((this, entry))
        })
    }

    /// As the parser looks a field up that may tell the source.
    fn text_of(&self, start: usize, end: usize, dotted: &str, doubt: &Cell<bool>) -> Option<&str> {
        let find = |name: &str| {
            self.children(start, end)
                .find(|(_, entry)| entry.key.of(self.line) == name.as_bytes())
        };
        match find(dotted) {
            Some((_, entry)) if entry.kind == Kind::Plain => {
                return std::str::from_utf8(entry.text(self.line)).ok();
            }
            Some((_, entry)) if entry.kind == Kind::Escaped => {
                doubt.set(true);
                return None;
            }
            _ => {}
        }
        let (outer, rest) = dotted.split_once('.')?;
        let (at, entry) = find(outer)?;
        (entry.kind == Kind::Object)
            .then(|| self.text_of(at + 1, entry.next as usize, rest, doubt))
            .flatten()
    }

    /// Whether a string may be a line of its own: it ends as an object does, perhaps behind blanks.
    fn may_be_line(&self, entry: Entry) -> bool {
        let text = entry.text(self.line);
        let mut rest = text.trim_ascii_end();
        while let [before @ .., b'\\', b'n' | b'r' | b't' | b'f'] = rest {
            rest = before.trim_ascii_end();
        }
        let tail = rest.get(rest.len().saturating_sub(6)..).unwrap_or_default();
        rest.ends_with(b"}") || tail.windows(2).any(|pair| pair == b"\\u")
    }

    /// Finds the deciding fields of the record.
    fn members(
        &self,
        source: usize,
        projected: &Projected,
        found: &mut Vec<Found>,
        name: &mut Vec<u8>,
    ) -> Result<(), Doubt> {
        for (at, entry) in self.children(0, self.entries.len()) {
            let Some(number) = self.projection.number(entry.key.of(self.line)) else {
                continue;
            };
            let mark = self.projection.marks.get(usize::from(number)).copied();
            let merged = mark.is_some_and(|mark| mark.merged) && entry.kind == Kind::Object;
            if !merged {
                name.clear();
                self.flatten(projected, number, at, entry, found, name)?;
                continue;
            }
            let text = self.projection.texts.get(usize::from(number));
            if !text.is_some_and(|text| is_merged(self.plan, source, text)) {
                return Err(Doubt);
            }
            for (at, entry) in self.children(at + 1, entry.next as usize) {
                let key = entry.key.of(self.line);
                let Some(number) = self.projection.number(key) else {
                    if self.projection.is_prefixed(key) {
                        return Err(Doubt);
                    }
                    continue;
                };
                let mark = self.projection.marks.get(usize::from(number)).ok_or(Doubt)?;
                let container = matches!(entry.kind, Kind::Object | Kind::Objects);
                if mark.prefixed || mark.merged && container {
                    return Err(Doubt);
                }
                name.clear();
                self.flatten(projected, number, at, entry, found, name)?;
            }
        }
        Ok(())
    }

    /// A member as the parser names it: itself, or what it is made of. `name` holds its name, if that is
    /// not its key.
    fn flatten(
        &self,
        projected: &Projected,
        number: u16,
        at: usize,
        entry: Entry,
        found: &mut Vec<Found>,
        name: &mut Vec<u8>,
    ) -> Result<(), Doubt> {
        let meaning = projected.meanings.get(usize::from(number)).ok_or(Doubt)?;
        let is_empty = entry.next as usize == at + 1;
        let nested = match entry.kind {
            Kind::Object => !is_empty && (!meaning.leaf || meaning.below),
            Kind::Objects => !meaning.leaf,
            _ => false,
        };
        if !nested {
            if meaning.roles != 0 {
                found.push(Found {
                    field: meaning.field,
                    roles: meaning.roles,
                    entry,
                });
            }
            return Ok(());
        }
        if !meaning.descend {
            return Ok(());
        }
        if name.is_empty() {
            name.extend_from_slice(entry.key.of(self.line));
        }
        name.push(b'.');
        let len = name.len();
        for (at, entry) in self.children(at + 1, entry.next as usize) {
            name.truncate(len);
            name.extend_from_slice(entry.key.of(self.line));
            if let Some(number) = self.projection.number(name) {
                self.flatten(projected, number, at, entry, found, name)?;
            }
        }
        Ok(())
    }

    /// Whether any needle stands in a field in which one could; so it is if there are none.
    fn names_any(&self, found: &[Found], bearing: &mut Vec<u8>) -> bool {
        let Some(prefilter) = &self.projection.prefilter else {
            return true;
        };
        bearing.clear();
        for field in found.iter().filter(|field| field.roles & role::BEARS != 0) {
            bearing.extend_from_slice(field.entry.value.of(self.line));
            bearing.push(b'\n');
        }
        prefilter.holds(bearing)
    }

    /// Adds the fields of any of these roles to a record.
    fn fill(&self, record: &mut Record<'a>, found: &[Found], roles: u8) -> Result<(), Doubt> {
        for field in found.iter().filter(|field| field.roles & roles != 0) {
            let name = self
                .projection
                .texts
                .get(usize::from(field.field))
                .ok_or(Doubt)?;
            record.fields.push(Field {
                name: Cow::Borrowed(name),
                value: self.value(record.source, name, field.entry)?,
                // Nothing that decides reads the text.
                raw: Cow::Borrowed(""),
            });
        }
        Ok(())
    }

    /// A value as the parser reads it.
    fn value(&self, source: usize, name: &str, entry: Entry) -> Result<Json<'a>, Doubt> {
        let raw = std::str::from_utf8(entry.value.of(self.line)).map_err(|_| Doubt)?;
        let open = self.plan.is_params(source, name);
        Ok(match entry.kind {
            Kind::Null => Json::Null,
            Kind::Bool => Json::Bool(raw == "true"),
            Kind::Number => Json::Number(Cow::Borrowed(raw)),
            Kind::Plain => {
                let text = std::str::from_utf8(entry.text(self.line)).map_err(|_| Doubt)?;
                json(Value::String(text), open, 0)
            }
            Kind::Escaped | Kind::Object | Kind::Objects | Kind::List => {
                let (mut copy, mut buffers) = (Vec::new(), simd_json::Buffers::default());
                let node = tree::parse_any(raw, &mut copy, &mut buffers, self.limits).map_err(|_| Doubt)?;
                own(json(node.value, open, 0))
            }
        })
    }
}

impl Found {
    /// Whether it may have a type that its class does not have.
    fn is_strange(&self) -> bool {
        let fits = match self.entry.kind {
            Kind::Null | Kind::Plain | Kind::Escaped => true,
            Kind::Number => self.roles & role::ID != 0,
            _ => false,
        };
        self.roles & role::IDENTITY != 0 && !fits
    }
}

#[cfg(test)]
mod tests;
