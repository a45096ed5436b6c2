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
mod names;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use decostop_profile::{Class, ClassRule, Format, Source};
use decostop_redact::{Field, Json, ProfilePlan, Record, Typed};

use super::tree::{self, Value};
use super::{is_merged, json, known_name, own, wrapper};
use crate::Limits;
use crate::prefilter::Prefilter;
use crate::query::{Needs, QueryPlan};
use index::{Entry, Index, Kind};
use names::Names;

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
    /// Beside another: strings of it may hold JSON.
    pub(super) const PARAMS: u8 = 64;
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
    names: Names,
    marks: Vec<Mark>,
    /// What names of things in an envelope begin with.
    envelopes: Vec<Box<[u8]>>,
    /// What names of things in a part begin with.
    parts: Vec<Box<[u8]>>,
    /// First bytes of those.
    begins: Box<[bool; 256]>,
    /// The deciding fields of each source, and for what.
    roles: Vec<BTreeMap<Box<str>, u8>>,
    /// Compiled when the first line of the source is seen: most dives see few.
    sources: Vec<OnceLock<Projected>>,
    needs: Needs,
    bearing: Bearing,
}

/// What a field has to hold to be what a select asks for.
#[derive(Debug)]
enum Bearing {
    /// A value that any key takes holds a needle of these.
    Each(Prefilter),
    /// Of all fields one does.
    Some(Prefilter),
    Unknown,
}

/// Buffers of one worker. Grows to the longest line that was looked at.
#[derive(Default)]
pub struct Buffers {
    index: Index,
    /// A line that is a string of another.
    string: Box<(Vec<u8>, Index)>,
    rest: Rest,
}

/// Buffers that no line is held in.
#[derive(Default)]
struct Rest {
    name: Vec<u8>,
    known: Vec<Known>,
    found: Vec<Found>,
    bearing: Vec<u8>,
    typed: Vec<Typed>,
}

impl std::fmt::Debug for Buffers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffers(<{} bytes>)", self.rest.bearing.capacity())
    }
}

/// A field that decides.
#[derive(Clone, Copy)]
struct Found {
    field: u16,
    roles: u8,
    /// It may be what a select asks for.
    bears: bool,
    entry: Entry,
}

/// A member whose name is known.
#[derive(Clone, Copy)]
struct Known {
    number: u16,
    at: usize,
    entry: Entry,
}

/// The line is left to the parser.
struct Doubt;

/// Envelopes within each other that the parser opens.
const MAX_ENVELOPES: usize = 3;

/// The members of one object, or of those of a list.
#[derive(Clone, Copy)]
struct Level<'a> {
    start: usize,
    end: usize,
    /// What the names of its members begin with; others are none.
    strip: &'a [u8],
}

impl Level<'_> {
    fn below(at: usize, entry: Entry) -> Self {
        Self {
            start: at + 1,
            end: entry.next as usize,
            strip: &[],
        }
    }
}

/// What the names of a level say of it.
#[derive(Default)]
struct Sight<'a> {
    /// The first and last place of the first envelope in it.
    envelope: Option<(usize, usize)>,
    /// What names of an envelope's members begin with here.
    prefix: Option<&'a [u8]>,
    discriminates: bool,
    /// The first string of it that could be the line.
    string: Option<Entry>,
    /// Whether something is part of the record in a way that is not followed.
    strange: bool,
}

/// What a line turned out to be.
enum Ruling<'a> {
    /// Whether it is no match.
    Is(bool),
    /// Another line.
    Within(Wrapped<'a>),
}

/// A string that holds the line.
struct Wrapped<'a> {
    /// The source, as far as what is around it tells.
    source: Option<usize>,
    time: Option<&'a str>,
    entry: Entry,
}

/// What envelopes hold.
enum Unwrapped<'a> {
    Record {
        source: usize,
        /// The wrapper's time.
        time: Option<&'a str>,
    },
    String(Wrapped<'a>),
}

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
        let discriminating: BTreeSet<&str> = discriminators.flat_map(|of| asked(&of.field)).collect();
        let mut texts: BTreeSet<Cow<'_, str>> = BTreeSet::new();
        for name in roles.iter().flat_map(BTreeMap::keys) {
            texts.extend(with_outer(name).map(Cow::Borrowed));
            texts.insert(Cow::Owned(flat(name)));
        }
        let known = [&wrappers.objects, &wrappers.strings, &wrappers.merged];
        texts.extend(
            known
                .into_iter()
                .flatten()
                .map(|name| Cow::Borrowed(name.as_str())),
        );
        texts.extend(discriminating.iter().copied().map(Cow::Borrowed));
        texts.extend(
            wrappers
                .time
                .iter()
                .flat_map(|name| asked(name))
                .map(Cow::Borrowed),
        );
        let texts: Vec<Box<str>> = texts.into_iter().map(|text| text.into_owned().into()).collect();
        let names = Names::new(texts);
        let texts = names.texts();
        let dotted = |names: &[String]| -> Vec<Box<[u8]>> {
            let dotted = names.iter().map(|name| format!("{name}.").into_bytes().into());
            dotted.collect()
        };
        let (envelopes, parts) = (dotted(&wrappers.objects), dotted(&wrappers.merged));
        let mut begins = Box::new([false; 256]);
        let prefixes = || envelopes.iter().chain(&parts);
        for first in prefixes().filter_map(|prefix| prefix.first()) {
            if let Some(begins) = begins.get_mut(usize::from(*first)) {
                *begins = true;
            }
        }
        let marks = texts.iter().map(|text| Mark {
            envelope: wrappers.objects.iter().any(|name| **name == **text),
            string: wrappers.strings.iter().any(|name| **name == **text),
            merged: wrappers.merged.iter().any(|name| **name == **text),
            discriminates: discriminating.contains(&**text),
            prefixed: prefixes().any(|prefix| text.as_bytes().starts_with(prefix)),
        });
        let roles = roles
            .into_iter()
            .map(|of| of.into_iter().map(|(name, roles)| (name.into(), roles)).collect());
        Self {
            sources: profile.sources.iter().map(|_| OnceLock::new()).collect(),
            roles: roles.collect(),
            marks: marks.collect(),
            names,
            envelopes,
            parts,
            begins,
            needs,
            bearing: match query.needles.of_values().map(Prefilter::of) {
                Some(prefilter) => Bearing::Each(prefilter),
                None => Prefilter::new(&query.needles).map_or(Bearing::Unknown, Bearing::Some),
            },
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
        let Buffers { index, string, rest } = buffers;
        let (body, prefix_time) = wrapper::strip_prefix(line);
        let Some(entries) = index.read(body, limits) else {
            return false;
        };
        let judge = Judge {
            projection: self,
            plan,
            query,
            line: body,
            entries,
            limits,
        };
        let Wrapped { source, time, entry } = match judge.line(source, prefix_time, rest) {
            Ok(Ruling::Is(out)) => return out,
            Ok(Ruling::Within(wrapped)) => wrapped,
            Err(Doubt) => return false,
        };
        // The line is a string of another, which the parser opens as well.
        let (inner, index) = string.as_mut();
        unescape(entry.text(body), inner);
        let (body, _) = wrapper::strip_prefix(inner);
        let Some(entries) = index.read(body, limits) else {
            return false;
        };
        let judge = Judge {
            line: body,
            entries,
            ..judge
        };
        matches!(judge.line(source, time, rest), Ok(Ruling::Is(true)))
    }

    fn source(&self, plan: &ProfilePlan, query: &QueryPlan, source: usize) -> Option<&Projected> {
        let (roles, projected) = self.roles.get(source).zip(self.sources.get(source))?;
        Some(projected.get_or_init(|| self.projected(plan, query, source, roles)))
    }

    fn projected(
        &self,
        plan: &ProfilePlan,
        query: &QueryPlan,
        source: usize,
        roles: &BTreeMap<Box<str>, u8>,
    ) -> Projected {
        let spec = plan.spec(source);
        // Other names stand for nothing that decides, and nothing that does is below them.
        let mut meanings = vec![Meaning::default(); self.marks.len()];
        for name in roles.keys() {
            let spellings = with_outer(name).map(Cow::Borrowed);
            for text in spellings.chain([Cow::Owned(flat(name))]) {
                let number = self.number(text.as_bytes());
                let meaning = number.and_then(|at| meanings.get_mut(usize::from(at)));
                let Some(meaning) = meaning else { continue };
                let field = known_name(plan, source, text.clone());
                let below = format!("{text}.");
                *meaning = Meaning {
                    leaf: plan.is_leaf(source, &text),
                    below: plan.has_fields_below(source, &text),
                    descend: roles.keys().any(|name| name.starts_with(&below)),
                    field: self.number(field.as_bytes()).unwrap_or(u16::MAX),
                    roles: roles.get(field.as_ref()).map_or(0, |roles| {
                        let params = plan.holds_params(source, &field).unwrap_or(false);
                        roles | if params { role::PARAMS } else { 0 }
                    }),
                };
            }
        }
        Projected {
            meanings,
            text: spec.is_none_or(|spec| spec.format != Format::Json),
            wanted: query.wants_source(source),
            // Families of fields are always dropped and cannot decide; if they could, any name might.
            sound: self.marks.len() < usize::from(u16::MAX)
                && spec.is_some_and(|spec| {
                    let families = spec.patterns.iter().flat_map(|(_, family)| family.classes());
                    families.into_iter().all(Class::is_always_dropped)
                }),
        }
    }

    fn number(&self, name: &[u8]) -> Option<u16> {
        self.names.number(name)
    }

    /// Whether the name begins as that of something in an envelope, or in a part of the record.
    fn may_be_prefixed(&self, name: &[u8]) -> bool {
        let begins = name
            .first()
            .and_then(|first| self.begins.get(usize::from(*first)));
        begins == Some(&true)
    }
}

/// What a look-up of a dotted name asks for, level by level: `a.b.c`, `a`, `b.c`, `b`, `c`.
fn asked(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(name);
    let levels = std::iter::from_fn(move || {
        let name = rest?;
        let split = name.split_once('.');
        rest = split.map(|(_, rest)| rest);
        Some([Some(name), split.map(|(outer, _)| outer)])
    });
    levels.flatten().flatten()
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
            add(name.split_once('|').map_or(name, |(name, _)| name), role::EVENT);
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
    /// Whether the line is no match, unless a string in it is the line. `outer` is the time of what is
    /// around this line.
    fn line(
        &self,
        hint: Option<usize>,
        outer: Option<&'a str>,
        buffers: &mut Rest,
    ) -> Result<Ruling<'a>, Doubt> {
        let Rest {
            name,
            known,
            found,
            bearing,
            typed,
        } = buffers;
        let (source, time) = match self.unwrap(hint, known)? {
            Unwrapped::Record { source, time } => (source, time.or(outer)),
            Unwrapped::String(wrapped) => {
                let time = wrapped.time.or(outer);
                return Ok(Ruling::Within(Wrapped { time, ..wrapped }));
            }
        };
        let projected = self
            .projection
            .source(self.plan, self.query, source)
            .ok_or(Doubt)?;
        if !projected.sound {
            return Err(Doubt);
        }
        found.clear();
        self.fields(source, projected, known, found, name)?;
        if found.is_empty() {
            // An envelope that nobody knows, perhaps.
            return Err(Doubt);
        }
        self.rules_out(source, projected.wanted, time, found, bearing, typed)
            .map(Ruling::Is)
    }

    /// The record's own judgement, by those of its fields that decide.
    fn rules_out(
        &self,
        source: usize,
        wanted: bool,
        time: Option<&'a str>,
        found: &mut [Found],
        bearing: &mut Vec<u8>,
        typed: &mut Vec<Typed>,
    ) -> Result<bool, Doubt> {
        let mut record = Record {
            source,
            fields: Vec::new(),
            envelope_time: time.map(Cow::Borrowed),
        };
        self.fill(&mut record, found.iter().filter(|field| field.is_for(role::TIME)))?;
        let time = self.plan.time(&record);
        if matches!(time, Ok(Some(at)) if !self.query.in_window(at.ns)) {
            return Ok(true);
        }
        // The record's own judgement tells what a value of a strange type is.
        let strange = found.iter().any(Found::is_strange);
        if !strange && (!wanted || !self.names_any(found, bearing)) {
            return Ok(true);
        }
        let identities = self.projection.needs.identities || strange;
        record.fields.clear();
        // Without a field that bears nothing no select takes less, unless it is of a strange type.
        let counts = |field: &&Found| {
            let of_type = strange && field.is_for(role::IDENTITY | role::BEARS);
            field.bears || of_type || field.is_for(role::EVENT | role::SIBLING)
        };
        self.fill(&mut record, found.iter().filter(counts))?;
        typed.clear();
        if identities {
            self.plan.typed(&record, typed).map_err(|_| Doubt)?;
        }
        Ok(!self.query.matches(self.plan, &record, typed))
    }

    /// Finds the record in its envelopes as the parser does, its source, and the wrapper's time; doubt if a
    /// string may hold it. Leaves its known members.
    fn unwrap(&self, hint: Option<usize>, known: &mut Vec<Known>) -> Result<Unwrapped<'a>, Doubt> {
        let mut level = Level {
            start: 0,
            end: self.entries.len(),
            strip: &[],
        };
        let mut sight = self.look(level, known)?;
        let mut source = self.discriminated(known, &sight)?;
        let mut time = None;
        for _ in 0..MAX_ENVELOPES {
            let Some((at, end)) = sight.envelope else { break };
            time = self.wrapper_time(known)?.or(time);
            (level.start, level.end) = (at + 1, end);
            sight = self.look(level, known)?;
            source = self.discriminated(known, &sight)?.or(source);
        }
        if let Some(prefix) = sight.prefix.filter(|_| sight.envelope.is_none()) {
            time = self.wrapper_time(known)?.or(time);
            level.strip = prefix;
            sight = self.look(level, known)?;
            source = self.discriminated(known, &sight)?.or(source);
        }
        let source = source.or(hint);
        let spec = source.and_then(|source| self.projection.source(self.plan, self.query, source));
        let deeper = sight.envelope.is_some() || sight.prefix.is_some();
        if deeper || sight.strange || sight.string.is_some() && spec.is_some_and(|of| of.text) {
            return Err(Doubt);
        }
        let string = sight.string.filter(|string| self.may_be_line(*string));
        if let Some(entry) = string.filter(|_| !self.is_record(level, source)) {
            return Ok(Unwrapped::String(Wrapped {
                source,
                time: self.wrapper_time(known)?.or(time),
                entry,
            }));
        }
        let source = source.ok_or(Doubt)?;
        Ok(Unwrapped::Record { source, time })
    }

    /// Whether the members of a level are a record of their own, as the parser tells.
    fn is_record(&self, level: Level<'_>, source: Option<usize>) -> bool {
        let own = |spec: &Source| {
            let known = self.members(level).filter(|(_, key, _)| {
                let key = std::str::from_utf8(key).ok();
                let field = key.and_then(|key| spec.fields.get(key));
                field.is_some_and(|field| !wrapper::is_of_pipeline(field))
            });
            known.count() >= wrapper::OWN_FIELDS
        };
        match source {
            Some(source) => self.plan.spec(source).is_some_and(own),
            None => self.plan.profile.sources.iter().any(own),
        }
    }

    /// What the names of one level say of it, and its known members.
    fn look(&self, level: Level<'_>, known: &mut Vec<Known>) -> Result<Sight<'a>, Doubt> {
        let mut sight = Sight::default();
        known.clear();
        for (at, key, entry) in self.members(level) {
            let number = self.projection.number(key);
            let mark = match number {
                Some(number) => {
                    known.push(Known { number, at, entry });
                    *self.projection.marks.get(usize::from(number)).ok_or(Doubt)?
                }
                None if self.projection.may_be_prefixed(key) => Mark {
                    prefixed: true,
                    ..Mark::default()
                },
                None => continue,
            };
            if mark.prefixed {
                let mut prefixes = self.projection.envelopes.iter();
                match prefixes.find(|prefix| key.starts_with(prefix)) {
                    Some(prefix) if sight.prefix.is_none_or(|known| *known == **prefix) => {
                        sight.prefix = Some(prefix);
                    }
                    Some(_) => return Err(Doubt),
                    None => {
                        let mut parts = self.projection.parts.iter();
                        sight.strange |= parts.any(|prefix| key.starts_with(prefix));
                    }
                }
            }
            if mark.envelope && entry.kind == Kind::Object && sight.envelope.is_none() {
                sight.envelope = Some((at, entry.next as usize));
            }
            let is_string = matches!(entry.kind, Kind::Plain | Kind::Escaped);
            sight.strange |= mark.merged && entry.kind == Kind::Objects;
            if mark.string && is_string && sight.string.is_none() {
                sight.string = Some(entry);
            }
            sight.discriminates |= mark.discriminates;
        }
        Ok(sight)
    }

    fn discriminated(&self, known: &[Known], sight: &Sight<'_>) -> Result<Option<usize>, Doubt> {
        if !sight.discriminates {
            return Ok(None);
        }
        let doubt = Cell::new(false);
        let source = self.plan.discriminate(|field| self.text_of(known, field, &doubt));
        if doubt.get() { Err(Doubt) } else { Ok(source) }
    }

    /// The time of an envelope.
    fn wrapper_time(&self, known: &[Known]) -> Result<Option<&'a str>, Doubt> {
        let doubt = Cell::new(false);
        let mut names = self.plan.profile.wrappers.time.iter();
        let time = names.find_map(|name| self.text_of(known, name, &doubt));
        if doubt.get() { Err(Doubt) } else { Ok(time) }
    }

    /// The members of one level, each with its place.
    fn members<'l>(
        &'l self,
        level: Level<'l>,
    ) -> impl Iterator<Item = (usize, &'a [u8], Entry)> + use<'l, 'a> {
        let mut at = level.start;
        std::iter::from_fn(move || {
            loop {
                let entry = *self.entries.get(at).filter(|_| at < level.end)?;
                let this = at;
                at = entry.next as usize;
                if let Some(key) = entry.key.of(self.line).strip_prefix(level.strip) {
                    return Some((this, key, entry));
                }
            }
        })
    }

    /// As the parser looks up a field of an envelope, or one that may tell the source. Every name that is
    /// asked for is known.
    fn text_of(&self, known: &[Known], dotted: &str, doubt: &Cell<bool>) -> Option<&'a str> {
        let find = |name: &str| {
            let number = self.projection.number(name.as_bytes())?;
            known.iter().find(|member| member.number == number)
        };
        match find(dotted).map(|member| member.entry) {
            Some(entry) if entry.kind == Kind::Plain => {
                return std::str::from_utf8(entry.text(self.line)).ok();
            }
            Some(entry) if entry.kind == Kind::Escaped => {
                doubt.set(true);
                return None;
            }
            _ => {}
        }
        let (outer, rest) = dotted.split_once('.')?;
        let outer = find(outer).filter(|member| member.entry.kind == Kind::Object)?;
        let mut inner = Vec::new();
        if self
            .look(Level::below(outer.at, outer.entry), &mut inner)
            .is_err()
        {
            doubt.set(true);
            return None;
        }
        self.text_of(&inner, rest, doubt)
    }

    /// Whether a string may be a line of its own: it ends as an object does, perhaps behind blanks.
    fn may_be_line(&self, entry: Entry) -> bool {
        let text = entry.text(self.line);
        if entry.kind == Kind::Plain {
            let (body, _) = wrapper::strip_prefix(text);
            return body.starts_with(b"{") && body.ends_with(b"}");
        }
        let mut rest = text.trim_ascii_end();
        while let [before @ .., b'\\', b'n' | b'r' | b't' | b'f'] = rest {
            rest = before.trim_ascii_end();
        }
        let tail = rest.get(rest.len().saturating_sub(6)..).unwrap_or_default();
        rest.ends_with(b"}") || tail.windows(2).any(|pair| pair == b"\\u")
    }

    /// Finds the deciding fields of the record.
    fn fields(
        &self,
        source: usize,
        projected: &Projected,
        known: &[Known],
        found: &mut Vec<Found>,
        name: &mut Vec<u8>,
    ) -> Result<(), Doubt> {
        for &member in known {
            if !self.is_part(member)? {
                self.flatten(projected, member, found, name)?;
                continue;
            }
            let text = self.projection.names.text(member.number);
            let mut inner = Vec::new();
            let sight = self.look(Level::below(member.at, member.entry), &mut inner)?;
            let merged = text.is_some_and(|text| is_merged(self.plan, source, text));
            if !merged || sight.strange {
                return Err(Doubt);
            }
            for member in inner {
                // A part of a part is named after both.
                if self.is_part(member)? {
                    return Err(Doubt);
                }
                self.flatten(projected, member, found, name)?;
            }
        }
        Ok(())
    }

    /// Whether a member is an object that is part of the record around it.
    fn is_part(&self, member: Known) -> Result<bool, Doubt> {
        let mark = self.projection.marks.get(usize::from(member.number));
        Ok(mark.ok_or(Doubt)?.merged && member.entry.kind == Kind::Object)
    }

    /// A member as the parser names it: itself, or what it is made of.
    fn flatten(
        &self,
        projected: &Projected,
        member: Known,
        found: &mut Vec<Found>,
        name: &mut Vec<u8>,
    ) -> Result<(), Doubt> {
        let Known { number, at, entry } = member;
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
                    bears: false,
                    entry,
                });
            }
            return Ok(());
        }
        if !meaning.descend {
            return Ok(());
        }
        let outer = self.projection.names.text(number).ok_or(Doubt)?;
        for (at, key, entry) in self.members(Level::below(at, entry)) {
            name.clear();
            name.extend_from_slice(outer.as_bytes());
            name.push(b'.');
            name.extend_from_slice(key);
            if let Some(number) = self.projection.number(name) {
                self.flatten(projected, Known { number, at, entry }, found, name)?;
            }
        }
        Ok(())
    }

    /// Whether any needle stands in a field in which one could, and in which; if there are none, it does
    /// in each.
    fn names_any(&self, found: &mut [Found], bearing: &mut Vec<u8>) -> bool {
        let (prefilter, each) = match &self.projection.bearing {
            Bearing::Each(prefilter) => (Some(prefilter), true),
            Bearing::Some(prefilter) => (Some(prefilter), false),
            Bearing::Unknown => (None, false),
        };
        bearing.clear();
        let bearers = found.iter_mut().filter(|field| field.is_for(role::BEARS));
        let Some(prefilter) = prefilter else {
            bearers.for_each(|field| field.bears = true);
            return true;
        };
        for field in bearers {
            bearing.extend_from_slice(field.entry.value.of(self.line));
            bearing.push(b'\n');
        }
        let mut bearers = found.iter_mut().filter(|field| field.is_for(role::BEARS));
        let (mut end, mut any) = (0, false);
        prefilter.candidates(bearing, &mut |start, _| {
            any = true;
            while each && end <= start {
                let Some(field) = bearers.next() else { break };
                end += field.entry.value.of(self.line).len() + 1;
                field.bears = end > start;
            }
            each
        });
        if any && !each {
            bearers.for_each(|field| field.bears = true);
        }
        any
    }

    /// Adds fields to a record.
    fn fill<'f>(
        &self,
        record: &mut Record<'a>,
        fields: impl Iterator<Item = &'f Found>,
    ) -> Result<(), Doubt> {
        for field in fields {
            let name = self.projection.names.text(field.field).ok_or(Doubt)?;
            record.fields.push(Field {
                name: Cow::Borrowed(name),
                value: self.value(field)?,
                // Nothing that decides reads the text.
                raw: Cow::Borrowed(""),
            });
        }
        Ok(())
    }

    /// A value as the parser reads it.
    fn value(&self, field: &Found) -> Result<Json<'a>, Doubt> {
        let entry = field.entry;
        let raw = std::str::from_utf8(entry.value.of(self.line)).map_err(|_| Doubt)?;
        let open = field.roles & role::PARAMS != 0;
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

/// The text of a string whose escapes are sound, none of them half a character.
fn unescape(mut text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    while let Some(at) = memchr::memchr(b'\\', text) {
        let (before, escape) = text.split_at_checked(at).unwrap_or((text, &[]));
        out.extend_from_slice(before);
        let code = |text: &[u8]| {
            let digits = std::str::from_utf8(text.get(2..6)?).ok()?;
            u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
        };
        let (c, used) = match escape.get(1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => (code(escape).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            Some(other) => (char::from(*other), 2),
            None => return,
        };
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        text = escape.get(used..).unwrap_or_default();
    }
    out.extend_from_slice(text);
}

impl Found {
    fn is_for(&self, roles: u8) -> bool {
        self.roles & roles != 0
    }

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
