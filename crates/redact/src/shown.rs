//! What becomes of one value: kept as it stood, replaced, or dropped.

use std::borrow::Cow;

use decostop_profile::{Class, FieldSpec, Kind, Role};

use crate::credential::Follower;
use crate::facts::Facts;
use crate::grammar;
use crate::identity::{Ident, address_list, addresses, each_ident, is_plain_path, read_text};
use crate::key::{PseudonymKind, Pseudonyms};
use crate::memo::Subject;
use crate::plan::{Place, ProfilePlan, Typed, WrongType};
use crate::record::{Json, Record};
use crate::redactor::{Ledger, Policy};
use crate::route::{Part, Slot, query_pairs};
use crate::scope::{folded, folds_to};
use crate::standing::Standing;
use crate::template::{Fitted, Slot as TextSlot, Templates};
use crate::text::{BLANK, Built, MARK, Removed, TextContext, UNDECIDABLE};
use crate::time::Instant;

/// The disposition of one value.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    /// Dropped, by this rule.
    Drop(&'static str),
    /// As it stood in the line.
    Raw,
    /// Replaced by this text.
    Replaced(String, &'static str),
    /// Text of which parts were removed, and those parts.
    Text(String, Vec<Removed>),
}

impl Shown {
    /// Bytes that it holds, about.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Drop(_) | Self::Raw => 0,
            Self::Replaced(text, _) => text.len(),
            Self::Text(text, removed) => text.len() + size_of_val(removed.as_slice()),
        }
    }
}

/// One tuple of a record, resolved.
#[derive(Debug)]
pub(crate) struct Resolved<'v> {
    pub(crate) members: Vec<&'v Ident>,
    pub(crate) standing: Standing,
    pub(crate) role: Option<Role>,
}

/// A record with everything that its values' dispositions depend on.
pub(crate) struct View<'v> {
    pub(crate) plan: &'v ProfilePlan,
    pub(crate) policy: &'v Policy,
    pub(crate) pseudonyms: &'v Pseudonyms,
    pub(crate) templates: &'v Templates,
    pub(crate) facts: &'v Facts,
    /// The record's instant.
    pub(crate) ns: i64,
    pub(crate) tuples: Vec<Resolved<'v>>,
    /// Whether the record's actor is in scope and nobody acted in the actor's name.
    pub(crate) own_actor: bool,
}

impl<'v> View<'v> {
    pub(crate) fn resolve(&mut self, record: &Record<'_>, typed: &'v [Typed], ledger: &mut Ledger) {
        let count = typed
            .iter()
            .filter_map(|value| value.tuple)
            .max()
            .map_or(0, |last| last + 1);
        for tuple in 0..count {
            let mut members: Vec<&Ident> = typed
                .iter()
                .filter(|value| value.tuple == Some(tuple))
                .map(|value| &value.ident)
                .collect();
            members.sort_unstable();
            members.dedup();
            let role = typed
                .iter()
                .find(|value| value.tuple == Some(tuple))
                .and_then(|value| value.role);
            let standing = self.facts.standing(&members, self.ns);
            if standing == Standing::Conflict {
                ledger.note("scope.conflict");
            }
            self.tuples.push(Resolved {
                members,
                standing,
                role,
            });
        }
        let named = |tuple: &&Resolved<'_>| {
            tuple.role == Some(Role::Actor)
                && tuple.members.iter().any(|ident| !matches!(ident, Ident::Ip(_)))
        };
        let mut actors = self.tuples.iter().filter(named).peekable();
        let source = self.plan.source(record.source);
        let impersonated = source.is_some_and(|source| {
            source.impersonators.iter().any(|name| {
                record
                    .values(name)
                    .any(|field| !matches!(&field.value, Json::Null))
            })
        });
        // An address is kept beside the actor to whom it belongs: the one that the record shows.
        let shown = self.plan.spec(record.source).and_then(|spec| {
            let named = |value: &&Typed, name: &String| {
                value.place == Place::Field
                    && record
                        .fields
                        .get(value.field)
                        .is_some_and(|field| field.name == *name)
            };
            spec.columns
                .actor
                .iter()
                .find_map(|name| typed.iter().find(|value| named(value, name)))
        });
        let is_shown = shown.is_some_and(|value| {
            let tuple = value.tuple.and_then(|tuple| self.tuples.get(tuple));
            tuple.is_some_and(|tuple| tuple.role == Some(Role::Actor))
                && self.facts.is_inside(&value.ident, self.ns)
        });
        self.own_actor = !impersonated
            && is_shown
            && actors.peek().is_some()
            && actors.all(|actor| {
                actor.standing == Standing::Inside
                    && !actor
                        .members
                        .iter()
                        .any(|ident| self.facts.is_impersonated(ident, self.ns))
            });
    }

    /// The disposition of a value of `class`. `typed` is the identity that was read from it, if it is one.
    pub(crate) fn value(
        &self,
        class: Class,
        spec: Option<&FieldSpec>,
        value: &Json<'_>,
        typed: Option<&Typed>,
        ledger: &mut Ledger,
    ) -> Shown {
        let subject = Subject::of(class).filter(|_| !self.facts.is_streaming());
        let (Some(subject), Json::String(text)) = (subject, value) else {
            return self.decide(class, spec, value, typed, ledger);
        };
        if let Some(shown) = ledger.memo.recall(subject, self.own_actor, text) {
            return shown.clone();
        }
        let noted = ledger.noted;
        let shown = self.decide(class, spec, value, typed, ledger);
        // What is noted is noted each time.
        if ledger.noted == noted {
            ledger.memo.keep(subject, self.own_actor, text, &shown);
        }
        shown
    }

    fn decide(
        &self,
        class: Class,
        spec: Option<&FieldSpec>,
        value: &Json<'_>,
        typed: Option<&Typed>,
        ledger: &mut Ledger,
    ) -> Shown {
        let personal = self.policy.personal_data;
        match (class, value) {
            (Class::System | Class::Metric | Class::Secret, _) => Shown::Drop(class.as_str()),
            (_, Json::Null) => Shown::Drop("empty"),
            (Class::Status, _) => {
                let sound = spec.map_or_else(
                    || value.as_scalar().is_some_and(grammar::is_small_integer),
                    |spec| grammar::is_status(value, spec, &self.plan.profile.vocabulary),
                );
                if sound { Shown::Raw } else { Shown::Drop("grammar") }
            }
            (_, _) if class.is_identity() => self.identity(class, value, typed, ledger),
            (Class::Time, Json::String(text)) => match Instant::parse(text) {
                Some(_) if grammar::is_plain_time(text) => Shown::Raw,
                Some(at) => Shown::Replaced(at.to_rfc3339(), "time.notation"),
                None => Shown::Drop("grammar"),
            },
            (Class::Method, Json::String(text))
                if spec.is_some_and(|spec| grammar::is_method(text, spec, &self.plan.profile.vocabulary)) =>
            {
                Shown::Raw
            }
            (Class::Event, Json::String(text)) if !text.is_empty() => {
                self.event(text, spec.is_none_or(|spec| spec.closed), ledger)
            }
            (Class::Correlation | Class::TokenId, Json::String(_) | Json::Number(_)) => value
                .as_scalar()
                .filter(|text| !text.is_empty())
                .map_or(Shown::Drop("empty"), |text| self.joined(class, text, ledger)),
            (Class::Resource, Json::String(text)) => match self.resource(text, ledger) {
                Some(path) if path == **text => Shown::Raw,
                Some(path) if personal && self.context().holds_finding(&path) => {
                    Shown::Drop("resource.detector")
                }
                Some(path) => Shown::Replaced(path, "resource.route"),
                None => {
                    ledger.note("path.unrouted");
                    Shown::Drop("resource.unrouted")
                }
            },
            (Class::Text, Json::String(text)) if personal && !text.is_empty() => self.text(text, ledger),
            (Class::Agent, Json::String(text)) if personal && !text.is_empty() => self.agent(text, ledger),
            (Class::Text | Class::Agent | Class::Params, _) if !personal => Shown::Drop("personal_data"),
            _ => Shown::Drop("type"),
        }
    }

    fn event(&self, text: &str, closed: bool, ledger: &mut Ledger) -> Shown {
        if ledger.tells_event(text, closed, self) {
            return Shown::Raw;
        }
        ledger.note("event.unlisted");
        Shown::Replaced("[event]".to_owned(), "event.grammar")
    }

    fn joined(&self, class: Class, text: &str, ledger: &mut Ledger) -> Shown {
        let (kind, kept) = match class {
            Class::TokenId => (PseudonymKind::Token, &self.policy.token_ids),
            _ => (PseudonymKind::Correlation, &self.policy.correlation_ids),
        };
        if kept.contains(text) || self.pseudonyms.recognise(text).is_some() {
            return Shown::Raw;
        }
        Shown::Replaced(
            ledger.pseudonym(self.pseudonyms, kind, text, class, text),
            "identity.pseudonym",
        )
    }

    fn identity(&self, class: Class, value: &Json<'_>, typed: Option<&Typed>, ledger: &mut Ledger) -> Shown {
        if let Json::String(text) = value
            && self.pseudonyms.recognise(text).is_some()
        {
            return Shown::Raw;
        }
        let nobody = || {
            Shown::Drop(if value.as_scalar() == Some("") {
                "empty"
            } else {
                "form"
            })
        };
        if class == Class::Ip {
            let Some(text) = address_list(value) else {
                return Shown::Drop("type");
            };
            return match (self.addresses(&text, self.own_actor, ledger), value) {
                (None, _) => nobody(),
                // A list does not come out as it stood: the column of addresses is text.
                (Some(Shown::Raw), Json::Array(_)) => Shown::Replaced(text.into_owned(), "identity.address"),
                (Some(shown), _) => shown,
            };
        }
        let mut read = None;
        let ident = match typed {
            Some(typed) => &typed.ident,
            None => match each_ident(class, value, |ident| read = Some(ident)) {
                Err(WrongType) => return Shown::Drop("type"),
                Ok(()) => match &read {
                    Some(ident) => ident,
                    None => return nobody(),
                },
            },
        };
        if let Ident::Ip(address) = ident {
            // Where a user belongs an address is somebody's without an account.
            let shown = self.addresses(&address.to_string(), false, ledger);
            return shown.unwrap_or(Shown::Drop("form"));
        }
        let tuple = typed.and_then(|typed| typed.tuple);
        let (members, standing) = match tuple.and_then(|tuple| self.tuples.get(tuple)) {
            Some(tuple) => (tuple.members.as_slice(), tuple.standing),
            None => (&[ident][..], self.facts.standing(&[ident], self.ns)),
        };
        match self.name_of(class, ident, members, standing, ledger) {
            None => kept_spelling(class, ident, value),
            Some(pseudonym) => Shown::Replaced(pseudonym, "identity.pseudonym"),
        }
    }

    /// The pseudonym under which an identity is shown; `None` if it is shown as it is.
    fn name_of(
        &self,
        class: Class,
        ident: &Ident,
        members: &[&Ident],
        standing: Standing,
        ledger: &mut Ledger,
    ) -> Option<String> {
        let path = if let Ident::Path(path) = ident {
            Some(path.as_str())
        } else {
            None
        };
        let personal = path.map_or(class.kind() == Some(Kind::User), |path| {
            self.facts.is_personal(path)
        });
        let inside = standing == Standing::Inside && self.facts.is_inside(ident, self.ns)
            // The page of a user: a personal namespace is as much in scope as its owner.
            || path.is_some_and(|path| {
                personal
                    && class.kind() == Some(Kind::Namespace)
                    && !path.contains('/')
                    && members.len() == 1
                    && self.facts.is_inside(&Ident::User(path.to_owned()), self.ns)
            });
        let inside = inside && path.is_none_or(is_plain_path);
        if inside && (!personal || self.policy.personal_data) {
            return None;
        }
        let text = match ident {
            Ident::User(text) | Ident::Name(text) | Ident::Email(text) | Ident::Path(text) => text.clone(),
            Ident::UserId(id) | Ident::ProjectId(id) | Ident::NamespaceId(id) => id.to_string(),
            Ident::Ip(address) => address.to_string(),
        };
        let (kind, canonical) = match (class.kind()?, path) {
            (_, Some(path)) if personal && !path.contains('/') => {
                let owner = Ident::User(path.to_owned());
                let (canonical, _) = self.facts.canonical(Kind::User, &owner, &[&owner], self.ns);
                (PseudonymKind::User, canonical)
            }
            (Kind::User, _) => {
                let (canonical, is_account) = self.facts.canonical(Kind::User, ident, members, self.ns);
                let only = |test: fn(&Ident) -> bool| !is_account && members.iter().all(|ident| test(ident));
                let kind = if only(|ident| matches!(ident, Ident::Name(_))) {
                    PseudonymKind::Name
                } else if only(|ident| matches!(ident, Ident::Email(_))) {
                    PseudonymKind::Email
                } else {
                    PseudonymKind::User
                };
                (kind, canonical)
            }
            (Kind::Project, _) => (
                PseudonymKind::Project,
                self.facts.canonical(Kind::Project, ident, members, self.ns).0,
            ),
            (Kind::Namespace, _) => (
                PseudonymKind::Namespace,
                self.facts.canonical(Kind::Namespace, ident, members, self.ns).0,
            ),
        };
        Some(ledger.pseudonym(self.pseudonyms, kind, &canonical, class, &text))
    }

    /// `own`: whether the addresses are those of an in-scope actor. Nothing if the text holds no address.
    fn addresses(&self, text: &str, own: bool, ledger: &mut Ledger) -> Option<Shown> {
        let (mut joined, mut found) = (String::new(), false);
        for address in addresses(text).flatten() {
            found = true;
            if self.plan.is_internal(address) {
                continue;
            }
            if !joined.is_empty() {
                joined.push_str(", ");
            }
            let canonical = crate::identity::address_text(address);
            if self.policy.personal_data && own {
                joined.push_str(&canonical);
            } else {
                joined.push_str(&ledger.pseudonym(
                    self.pseudonyms,
                    PseudonymKind::Ip,
                    &canonical,
                    Class::Ip,
                    &canonical,
                ));
            }
        }
        found.then(|| {
            if joined.is_empty() {
                Shown::Drop("internal")
            } else if joined == text {
                Shown::Raw
            } else {
                Shown::Replaced(joined, "identity.address")
            }
        })
    }

    fn context(&self) -> TextContext<'_> {
        TextContext {
            plan: self.plan,
            facts: self.facts,
            pseudonyms: self.pseudonyms,
            ns: self.ns,
            personal_data: self.policy.personal_data,
        }
    }

    fn text(&self, text: &str, ledger: &mut Ledger) -> Shown {
        if !self.facts.text_allowed() {
            return Shown::Drop("text.dictionary_limit");
        }
        let built = if let Some(parts) = self.templates.fit(text) {
            let (built, open) = self.fill(&parts, ledger);
            // Each slot was examined, not what stands in them beside each other.
            if self.context().holds_finding(&open) {
                return Shown::Drop("text.detector");
            }
            built
        } else {
            self.context().build(text)
        };
        if built.removed.iter().any(|(_, _, rule)| *rule == UNDECIDABLE) {
            ledger.note(UNDECIDABLE);
        }
        if built.text == MARK || built.text.is_empty() {
            return Shown::Drop("text.nothing_left");
        }
        if built.text == text {
            Shown::Raw
        } else {
            Shown::Text(built.text, built.removed)
        }
    }

    /// Re-writes a message that fits a template. Beside it the same with [`BLANK`]s for all that the
    /// template or a class proves.
    fn fill(&self, parts: &[Fitted<'_>], ledger: &mut Ledger) -> (Built, String) {
        let mut built = Built::default();
        let mut open = String::new();
        let blank = |open: &mut String, proven: &str| open.extend(std::iter::repeat_n(BLANK, proven.len()));
        // A message that names a stranger tells the stranger's address, whoever the record's actor is.
        let mut stranger = false;
        for part in parts {
            if let Fitted::Slot(slot @ TextSlot::Typed(class), text, _) = part {
                stranger |= class.kind() == Some(Kind::User) && self.slot(*slot, text, ledger) != *text;
            }
        }
        for part in parts {
            match part {
                Fitted::Literal(text) => {
                    built.text.push_str(text);
                    blank(&mut open, text);
                }
                Fitted::Slot(TextSlot::Text, text, start) => {
                    let part = self.context().build(text);
                    let removed = part.removed.into_iter();
                    built
                        .removed
                        .extend(removed.map(|(at, length, rule)| (start + at, length, rule)));
                    built.text.push_str(&part.text);
                    open.push_str(&part.text);
                }
                Fitted::Slot(slot, text, start) => {
                    let shown = match slot {
                        TextSlot::Typed(Class::Ip) if stranger => match self.addresses(text, false, ledger) {
                            Some(Shown::Replaced(shown, _)) => shown,
                            _ => MARK.to_owned(),
                        },
                        _ => self.slot(*slot, text, ledger),
                    };
                    if shown != *text {
                        built.removed.push((*start, text.len(), "text.slot"));
                    }
                    built.text.push_str(&shown);
                    if matches!(slot, TextSlot::Typed(_)) {
                        blank(&mut open, &shown);
                    } else {
                        open.push_str(&shown);
                    }
                }
            }
        }
        (built, open)
    }

    fn slot(&self, slot: TextSlot, text: &str, ledger: &mut Ledger) -> String {
        match slot {
            TextSlot::Number if is_number(text) && !self.facts.is_foreign_token(text) => text.to_owned(),
            TextSlot::Word => self.context().build_word(text),
            TextSlot::Text => self.context().build(text).text,
            TextSlot::Typed(class) => {
                let value = Json::String(text.into());
                match self.value(class, None, &value, None, ledger) {
                    Shown::Raw => text.to_owned(),
                    Shown::Replaced(shown, _) | Shown::Text(shown, _) => shown,
                    Shown::Drop(_) if class == Class::Status || class == Class::Method => {
                        self.context().build_word(text)
                    }
                    Shown::Drop(_) => MARK.to_owned(),
                }
            }
            TextSlot::Number => MARK.to_owned(),
        }
    }

    /// A URL path by the route that it fits.
    fn resource(&self, url: &str, ledger: &mut Ledger) -> Option<String> {
        let routed = self.plan.routes.parse(url)?;
        let context = self.context();
        let mut out = String::new();
        let is_page = routed.parts.len() == 1;
        for part in &routed.parts {
            match part {
                Part::Literal(text) => push_segment(&mut out, text),
                Part::Slot(Slot::Secret, _) => push_segment(&mut out, "[secret]"),
                Part::Slot(Slot::Word, text) => push_segment(&mut out, &context.build_plain_word(text)),
                Part::Slot(Slot::Number, text) => {
                    let kept = text.len() <= 6 && !self.facts.is_foreign_token(text);
                    push_segment(&mut out, if kept { text } else { MARK });
                }
                Part::Slot(Slot::Identity(class), text) => {
                    push_segment(&mut out, &self.path_identity(*class, text, is_page, ledger)?);
                }
                Part::Tail(tail) if tail.is_empty() => {}
                Part::Tail(tail) if self.policy.personal_data => {
                    let (mut marked, mut is_prose, mut at) = (false, false, 0);
                    let whole = tail.join("/");
                    let spans = context.examine(&whole);
                    if spans.is_err() {
                        ledger.note(UNDECIDABLE);
                    }
                    let Some(spans) = spans.ok().filter(|_| !context.names_somebody(&folded(&whole))) else {
                        push_segment(&mut out, MARK);
                        continue;
                    };
                    for segment in tail {
                        let end = at + segment.len();
                        // A sentence that somebody put into a URL: what a `/` parts may belong together.
                        is_prose |= segment.contains([' ', '+', '\t', '\n']);
                        let word = if is_prose || context.found_in(segment, at, end, &spans).is_some() {
                            MARK.to_owned()
                        } else {
                            context.build_examined_word(segment)
                        };
                        at = end + 1;
                        if word != MARK || !marked {
                            push_segment(&mut out, &word);
                        }
                        marked = word == MARK;
                    }
                }
                Part::Tail(_) => push_segment(&mut out, "*"),
            }
        }
        if out.is_empty() {
            out.push('/');
        }
        if let Some(query) = routed.query.filter(|_| self.policy.personal_data) {
            self.push_query(&mut out, query, ledger);
        }
        Some(out)
    }

    /// `is_page`: whether the identity is the whole path.
    fn path_identity(&self, class: Class, text: &str, is_page: bool, ledger: &mut Ledger) -> Option<String> {
        if self.pseudonyms.recognise(text).is_some() {
            return Some(text.to_owned());
        }
        let ident = read_text(class, text)?;
        // A URL of one segment is a page of a group or a user before it is a project.
        let class = match &ident {
            Ident::Path(path) if is_page && class == Class::Project && !path.contains('/') => {
                Class::Namespace
            }
            _ => class,
        };
        let standing = self.facts.standing(&[&ident], self.ns);
        let shown = self.name_of(class, &ident, &[&ident], standing, ledger);
        let domains = &self.plan.profile.internal_domains;
        // What is escaped once more reads differently to the next reader.
        if shown.is_none()
            && matches!(ident, Ident::Path(_))
            && (text.contains('%') || !self.facts.is_plausible_path(text, domains))
        {
            return None;
        }
        Some(shown.unwrap_or_else(|| match class {
            Class::ProjectId | Class::NamespaceId => text.replace('/', "%2F"),
            _ => text.to_owned(),
        }))
    }

    fn push_query(&self, out: &mut String, query: &str, ledger: &mut Ledger) {
        let (mut separator, mut unlisted) = ('?', false);
        for (key, value) in query_pairs(query) {
            let shown = self.plan.param(&key).and_then(|class| {
                let value = Json::String(value.as_str().into());
                match self.value(class, None, &value, None, ledger) {
                    Shown::Raw => Some(value.as_str().unwrap_or_default().to_owned()),
                    Shown::Replaced(shown, _) | Shown::Text(shown, _) => Some(shown),
                    Shown::Drop(_) => None,
                }
            });
            match shown.filter(|text| !text.contains(|c: char| c.is_whitespace() || "&?#\"\\".contains(c))) {
                Some(text) => {
                    out.push(separator);
                    out.push_str(&key);
                    out.push('=');
                    out.push_str(&text);
                    separator = '&';
                }
                None => unlisted = true,
            }
        }
        if unlisted {
            out.push(separator);
            out.push_str("[key]");
        }
    }

    /// A user agent: as text for an in-scope actor, product families otherwise.
    fn agent(&self, text: &str, ledger: &mut Ledger) -> Shown {
        let families = &self.plan.profile.vocabulary.agents;
        let context = self.context();
        let Ok(spans) = context.examine(text) else {
            ledger.note(UNDECIDABLE);
            return Shown::Drop(UNDECIDABLE);
        };
        let mut shown: Vec<String> = Vec::new();
        let mut follower = Follower::default();
        let chunks: Vec<&str> = text.split_ascii_whitespace().collect();
        let named = context.foreign_names(&chunks);
        let mut end = 0;
        for (chunk, is_named) in chunks.iter().zip(named) {
            let rest = text.get(end..).unwrap_or_default();
            let start = end + rest.find(chunk).unwrap_or_default();
            end = start + chunk.len();
            let product = chunk.trim_matches(|c| "();,".contains(c));
            let (name, version) = product.split_once('/').unwrap_or((product, ""));
            let is_found = !spans.is_empty() && context.found_in(product, start, end, &spans).is_some();
            let is_taken = follower.takes(chunk) || is_named || is_found;
            let word = if is_taken && self.own_actor {
                MARK.to_owned()
            } else if is_taken {
                continue;
            } else if families.contains(name) {
                if self.own_actor && is_version(version) {
                    format!("{name}/{version}")
                } else {
                    name.to_owned()
                }
            } else if self.own_actor {
                context.build_examined_word(product)
            } else {
                continue;
            };
            if word != MARK || shown.last().is_none_or(|last| last != MARK) {
                shown.push(word);
            }
        }
        drop_neighbouring_numbers(&mut shown);
        let joined = shown.join(" ");
        if shown.is_empty() || joined == MARK {
            return Shown::Drop("agent.unknown");
        }
        if joined == text {
            Shown::Raw
        } else if context.holds_finding(&joined) {
            Shown::Drop("agent.detector")
        } else {
            Shown::Replaced(joined, "agent.built")
        }
    }
}

/// A value in scope as it stood in the line, unless it is written in a way that hides what it says.
fn kept_spelling(class: Class, ident: &Ident, value: &Json<'_>) -> Shown {
    let Json::String(text) = value else {
        return Shown::Raw;
    };
    let Ident::Path(path) = ident else {
        let bare = text.trim();
        return if bare == text {
            Shown::Raw
        } else {
            Shown::Replaced(bare.to_owned(), "identity.spelling")
        };
    };
    let decoded = if text.as_bytes().contains(&b'%') {
        Cow::Owned(text.replace("%2F", "/").replace("%2f", "/"))
    } else {
        Cow::Borrowed(text.as_ref())
    };
    let bare = if class.kind() == Some(Kind::Project) {
        [".git", ".wiki", ".design"]
            .iter()
            .fold(decoded.as_ref(), |rest, suffix| {
                rest.strip_suffix(suffix).unwrap_or(rest)
            })
    } else {
        text
    };
    if folds_to(bare, path) {
        Shown::Raw
    } else {
        Shown::Replaced(path.clone(), "identity.spelling")
    }
}

/// A plain number, neither an id nor a card's.
fn is_number(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    whole.trim_start_matches('-').len() <= 6 && fraction.len() <= 9
}

fn push_segment(out: &mut String, segment: &str) {
    out.push('/');
    out.push_str(segment);
}

/// At most three numeric parts: four would be an address.
fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    (1..=3).contains(&parts.len())
        && parts
            .iter()
            .all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
}

/// Bare numbers of comments (`NT 10 0`) beside each other could spell a longer one.
fn drop_neighbouring_numbers(words: &mut Vec<String>) {
    let holds_number = |word: &str| !word.contains('/') && word.bytes().any(|byte| byte.is_ascii_digit());
    let flags: Vec<bool> = words.iter().map(|word| holds_number(word)).collect();
    let mut at = 0;
    words.retain(|_| {
        let neighbour =
            |other: Option<usize>| other.and_then(|other| flags.get(other)).copied().unwrap_or(false);
        let keep = !(flags.get(at).copied().unwrap_or(false)
            && (neighbour(at.checked_sub(1)) || neighbour(Some(at + 1))));
        at += 1;
        keep
    });
}
