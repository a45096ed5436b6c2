//! A sampled line becomes one that concerns the scope and holds canaries wherever it has room.

use std::collections::{BTreeMap, BTreeSet};

use decostop_profile::{Class, ClassRule, Profile, Scope, Source};

use super::canary::{Canary, Encoding, Mint, Person, address, quoted};
use super::random::Random;
use super::sample::{Sampled, Samples};
use crate::request::Instant;

/// Fields of the profile that a sampled line lacks and a planted one gets.
const MORE_FIELDS: usize = 10;

/// One canary in one place.
#[derive(Clone)]
pub(super) struct Plant {
    pub(super) kind: String,
    /// `typed` for an identity in a field of its class.
    pub(super) encoding: &'static str,
    /// The field; never a name that only the line knows.
    pub(super) place: String,
    pub(super) needles: Vec<String>,
    pub(super) support_only: bool,
}

/// A line with canaries.
pub(super) struct Planted {
    pub(super) line: String,
    pub(super) plants: Vec<Plant>,
}

/// Makes lines of one source.
pub(super) struct Planter<'p> {
    pub(super) profile: &'p Profile,
    pub(super) source: &'p Source,
    pub(super) index: usize,
    pub(super) samples: &'p Samples,
    pub(super) scope: &'p Scope,
    pub(super) mint: &'p Mint<'p>,
    /// The first instant of the request's window.
    pub(super) from: Instant,
}

/// A line under construction.
struct Draft<'d> {
    planter: &'d Planter<'d>,
    random: &'d mut Random,
    canaries: Vec<Canary>,
    fields: Vec<(String, String)>,
    plants: Vec<Plant>,
}

/// What of the scope a line concerns.
struct Anchor {
    project: Option<(String, Option<u64>)>,
    namespace: Option<(String, Option<u64>)>,
}

impl Planter<'_> {
    /// The `nth` line. `own` says whether somebody of the scope acts in it.
    pub(super) fn line(&self, nth: usize, own: bool, random: &mut Random) -> Option<Planted> {
        let lines = self.samples.lines.get(&self.index)?;
        let sampled = lines.get(nth % lines.len().max(1))?;
        let person = self.mint.person(random);
        let own = own && !self.scope.users.is_empty();
        let known_id = !own
            && sampled
                .fields
                .iter()
                .any(|field| field.class == Some(Class::UserId));
        let canaries = self.mint.canaries(random, &person, known_id);
        let mut draft = Draft {
            planter: self,
            random,
            canaries,
            fields: Vec::new(),
            plants: Vec::new(),
        };
        let anchor = self.anchor(nth);
        draft.time(sampled, nth);
        for field in &sampled.fields {
            draft.field(
                nth,
                sampled,
                &field.name,
                &field.raw,
                field.class,
                &anchor,
                &person,
                own,
            );
        }
        draft.nexus(sampled, &anchor);
        draft.more(nth, sampled, &anchor, &person, own);
        draft.strangers(&person);
        let fields = draft.fields.iter();
        let fields: Vec<String> = fields.map(|(name, raw)| format!("{name}:{raw}")).collect();
        Some(Planted {
            line: format!("{{{}}}", fields.join(",")),
            plants: draft.plants,
        })
    }

    fn anchor(&self, nth: usize) -> Anchor {
        let namespaces: Vec<_> = self
            .scope
            .namespaces
            .iter()
            .filter(|ns| !ns.path.is_empty())
            .collect();
        let projects: Vec<_> = self
            .scope
            .projects
            .iter()
            .filter(|project| !project.path.is_empty())
            .collect();
        let namespace = namespaces.get(nth % namespaces.len().max(1));
        let project = projects.get(nth % projects.len().max(1));
        let inside = |path: &str| {
            let folded = path.to_lowercase();
            self.scope.namespaces.iter().any(|ns| {
                folded
                    .strip_prefix(&ns.path.to_lowercase())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        match (project, namespace) {
            (Some(project), _) => {
                let parent = project.path.rsplit_once('/').map(|(parent, _)| parent);
                let id = |path: &str| namespaces.iter().find(|ns| ns.path == path).and_then(|ns| ns.id);
                Anchor {
                    project: Some((project.path.clone(), project.id)),
                    namespace: parent
                        .filter(|parent| inside(parent))
                        .map(|parent| (parent.to_owned(), id(parent))),
                }
            }
            (None, Some(namespace)) => Anchor {
                project: Some((format!("{}/selftest", namespace.path), None)),
                namespace: Some((namespace.path.clone(), namespace.id)),
            },
            (None, None) => Anchor {
                project: None,
                namespace: None,
            },
        }
    }

    /// Fields that say what others are: they stay as they were.
    fn decides(&self, name: &str) -> bool {
        let on = self.source.fields.values().any(|spec| match &spec.rule {
            ClassRule::On { field, .. } => field == name,
            _ => false,
        });
        let sources = self.profile.sources.iter();
        let wrappers = &self.profile.wrappers;
        on || sources
            .flat_map(|source| &source.discriminators)
            .any(|told| told.field == name)
            || wrappers
                .objects
                .iter()
                .chain(&wrappers.merged)
                .any(|key| key == name)
    }

    /// A path of the profile's routes with an open end, for a project.
    fn url(&self, anchor: &Anchor, nth: usize) -> Option<String> {
        let (path, _) = anchor.project.as_ref()?;
        let open = |route: &&String| route.contains(":project/") && route.ends_with("/**");
        let routes: Vec<&String> = self.profile.routes.iter().filter(open).collect();
        let Some(route) = routes.get(nth % routes.len().max(1)) else {
            return Some(format!("/{path}/"));
        };
        let segments = route
            .trim_end_matches("**")
            .split('/')
            .map(|segment| match segment {
                ":project" => path.as_str(),
                slot if slot.starts_with(':') => "1",
                literal => literal,
            });
        Some(segments.collect::<Vec<_>>().join("/"))
    }
}

impl Draft<'_> {
    /// The name of a field as the report may tell it.
    fn told(&self, name: &str, class: Option<Class>) -> String {
        let known = class.is_some() && self.planter.source.fields.contains_key(name);
        if known { name } else { "[other]" }.to_owned()
    }

    fn push(&mut self, name: &str, raw: String) {
        self.fields.push((quoted(name), raw));
    }

    /// Notes a canary; `place` is what the report may tell.
    fn note(&mut self, canary: &Canary, encoding: &'static str, place: &str) {
        self.plants.push(Plant {
            kind: canary.kind.clone(),
            encoding,
            place: place.to_owned(),
            needles: canary.needles.clone(),
            support_only: canary.support_only,
        });
    }

    /// The next canary that fits, as the inside of a JSON string; nothing once all are planted.
    fn take(
        &mut self,
        place: &str,
        fits: impl Fn(&Canary) -> bool,
        plain: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let at = self.canaries.iter().position(fits)?;
        let canary = self.canaries.swap_remove(at);
        let all = Encoding::ALL;
        // A third is plain: there the shape of the value itself is at work.
        let encoding = if self.random.below(3) == 0 {
            Encoding::Plain
        } else {
            all.get(self.random.below(all.len()))
                .copied()
                .unwrap_or(Encoding::Plain)
        };
        let mut body = encoding.body(&canary.text);
        let mut written = encoding;
        if !plain(&body) {
            written = Encoding::Percent;
            body = written.body(&canary.text);
        }
        self.note(&canary, written.as_str(), place);
        Some(body)
    }

    /// As [`Draft::take`], as it is.
    fn plain(&mut self, place: &str, fits: impl Fn(&Canary) -> bool) -> Option<String> {
        let at = self.canaries.iter().position(fits)?;
        let canary = self.canaries.swap_remove(at);
        self.note(&canary, Encoding::Plain.as_str(), place);
        Some(Encoding::Plain.body(&canary.text))
    }

    fn any(&mut self, place: &str) -> String {
        self.take(place, |_| true, |_| true).unwrap_or_default()
    }

    fn time(&mut self, sampled: &Sampled, nth: usize) {
        let at = Instant(self.planter.from.0 + 1_000_000 * i64::try_from(nth).unwrap_or_default());
        let time = quoted(&at.to_string());
        let source = self.planter.source;
        let mut names: Vec<&str> = sampled
            .fields
            .iter()
            .filter(|field| field.class == Some(Class::Time))
            .map(|field| field.name.as_str())
            .collect();
        if let Some(first) = source
            .time
            .first()
            .filter(|first| !names.contains(&first.as_str()))
        {
            names.push(first);
        }
        names.dedup();
        for name in names {
            self.push(name, time.clone());
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one step of `line`, split for reading")]
    fn field(
        &mut self,
        nth: usize,
        sampled: &Sampled,
        name: &str,
        raw: &str,
        class: Option<Class>,
        anchor: &Anchor,
        person: &Person,
        own: bool,
    ) {
        if self.planter.decides(name) {
            return self.push(name, raw.to_owned());
        }
        let place = self.told(name, class);
        let id = (self.planter.index, name.to_owned());
        let sentence = self.planter.samples.sentences.contains(&id);
        let Some(class) = class else {
            let body = self.any(&place);
            return self.push(name, format!("\"{body}\""));
        };
        let of_scope = |known: &Option<(String, Option<u64>)>| known.as_ref().map(|(path, _)| quoted(path));
        let id_of_scope = |known: &Option<(String, Option<u64>)>| {
            known.as_ref().and_then(|(_, id)| *id).map(|id| id.to_string())
        };
        let whole = match class {
            Class::Time => return,
            Class::Project => of_scope(&anchor.project),
            Class::Namespace => of_scope(&anchor.namespace),
            Class::ProjectId => id_of_scope(&anchor.project),
            Class::NamespaceId => id_of_scope(&anchor.namespace),
            Class::User | Class::UserId | Class::Name | Class::Email if !sentence => {
                self.user(&place, class, raw, person, own)
            }
            Class::Ip if !sentence => self.address(&place, nth, person, own),
            Class::Correlation | Class::TokenId if !sentence => {
                let token = self.planter.mint.word(self.random) + &self.random.below(1 << 30).to_string();
                self.note(&Canary::new("correlation", token.as_str(), &[]), "typed", &place);
                Some(quoted(&token))
            }
            Class::Resource if !sentence => self.resource(&place, anchor, nth),
            Class::Params => Some(self.params(&place, nth)),
            Class::Agent => {
                let body = self.any(&place);
                Some(format!("\"Mozilla/5.0 ({body}) git/2.40\""))
            }
            // What the platform itself calls an entry point may be any word; half stays as it was.
            Class::Event if !sentence => {
                if nth.is_multiple_of(2) {
                    Some(raw.to_owned())
                } else {
                    let fits =
                        |canary: &Canary| !(canary.kind.starts_with("foreign.") && canary.is_one_word());
                    let body = self.take(&place, fits, |_| true).unwrap_or_default();
                    Some(format!("\"{body}\""))
                }
            }
            Class::Status if !sentence => {
                let fits = |canary: &Canary| !canary.is_small_number();
                let body = self.take(&place, fits, |_| true).unwrap_or_default();
                Some(format!("\"{body}\""))
            }
            // The profile takes sentences for something closed: what that would let through comes first.
            _ if sentence
                && !matches!(class, Class::Text | Class::System | Class::Metric | Class::Secret) =>
            {
                let (place, turn) = (place.as_str(), nth % 4);
                let body = match turn {
                    0 => self.plain(place, |canary| canary.kind == "foreign.user_id"),
                    1 => self.plain(place, |canary| canary.kind == "foreign.unknown_name"),
                    2 => self.plain(place, Canary::is_one_word),
                    _ => None,
                };
                let body = body.unwrap_or_else(|| self.any(place));
                Some(format!("\"{body}\""))
            }
            _ => {
                // Alone, so that a value that is kept whole shows; or within words that are harmless.
                let fits = |canary: &Canary| !sentence || !nth.is_multiple_of(3) || canary.is_one_word();
                let body = match self.take(&place, fits, |_| true) {
                    Some(body) => body,
                    None => self.any(&place),
                };
                Some(if nth % 3 == 1 {
                    format!("\"could not open {body} for the project\"")
                } else {
                    format!("\"{body}\"")
                })
            }
        };
        if let Some(raw) = whole {
            if class == Class::Text && nth.is_multiple_of(5) && sampled.fields.len() < 100 {
                // A key that is written twice.
                let again = self.any(&place);
                self.push(name, format!("\"{again}\""));
            }
            self.push(name, raw);
        }
    }

    fn user(&mut self, place: &str, class: Class, raw: &str, person: &Person, own: bool) -> Option<String> {
        if own {
            let user = self.planter.scope.users.first()?;
            let name = match class {
                Class::UserId => return user.id.map(|id| id.to_string()),
                Class::User => Some(&user.username).filter(|name| !name.is_empty()),
                Class::Name => user.names.first(),
                _ => user.emails.first(),
            }?;
            if let Some(canary) = self.planter.mint.scope_user(name) {
                self.note(&canary, "typed", place);
            }
            return Some(quoted(name));
        }
        let (kind, text) = match class {
            Class::User => ("foreign.user", person.username.clone()),
            Class::UserId => ("foreign.user_id", person.id.to_string()),
            Class::Name => ("foreign.name", person.name.clone()),
            _ => ("foreign.email", person.email.clone()),
        };
        self.note(&Canary::new(kind, text.as_str(), &[]), "typed", place);
        let is_number = raw.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
        Some(if class == Class::UserId && is_number {
            text
        } else {
            quoted(&text)
        })
    }

    #[expect(clippy::unnecessary_wraps, reason = "one of several that may have nothing")]
    fn address(&mut self, place: &str, nth: usize, person: &Person, own: bool) -> Option<String> {
        let known = person.address.clone();
        let canary = Canary {
            support_only: own,
            ..Canary::new("foreign.address", known.as_str(), &[])
        };
        self.note(&canary, "typed", place);
        if !nth.is_multiple_of(4) {
            return Some(quoted(&known));
        }
        let octet = 1 + self.random.below(254);
        let inside = format!("10.{octet}.77.{}", 1 + self.random.below(254));
        self.note(
            &Canary::new("system.address", inside.as_str(), &[]),
            "typed",
            place,
        );
        Some(quoted(&format!("{known}, {inside}")))
    }

    fn resource(&mut self, place: &str, anchor: &Anchor, nth: usize) -> Option<String> {
        let url = self.planter.url(anchor, nth)?;
        let is_plain = |body: &str| {
            let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"._-%=".contains(&byte);
            !body.is_empty() && body.bytes().all(sound)
        };
        let tail = self.take(place, |_| true, is_plain).unwrap_or_default();
        let query = self.take(place, |_| true, is_plain).unwrap_or_default();
        let mut keys = self.planter.profile.params.keys();
        let listed = keys.nth(nth % self.planter.profile.params.len().max(1));
        let key = listed
            .filter(|_| nth.is_multiple_of(2))
            .map_or("note", String::as_str);
        let url = quoted(&url);
        let url = url.get(1..url.len() - 1).unwrap_or_default();
        Some(format!("\"{url}{tail}?{key}={query}\""))
    }

    /// Parameters in the shapes in which logs write them; with keys that the profile lists, and others.
    fn params(&mut self, place: &str, nth: usize) -> String {
        let params = &self.planter.profile.params;
        let listed = (0..2).filter_map(|more| params.iter().nth((2 * nth + more) % params.len().max(1)));
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (key, class) in listed {
            let fits = |canary: &Canary| *class != Class::Status || !canary.is_small_number();
            let body = self.take(place, fits, |_| true).unwrap_or_default();
            pairs.push((quoted(key), format!("\"{body}\"")));
        }
        let (free, name, deep) = (self.any(place), self.any(place), self.any(place));
        pairs.push(("\"note\"".to_owned(), format!("\"{free}\"")));
        pairs.push((format!("\"{name}\""), "1".to_owned()));
        pairs.push(("\"outer\"".to_owned(), format!("{{\"inner\":[\"{deep}\"]}}")));
        let object = |pairs: &[(String, String)]| {
            let pairs = pairs.iter().map(|(key, value)| format!("{key}:{value}"));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        };
        match nth % 3 {
            0 => object(&pairs),
            1 => {
                let items = pairs
                    .iter()
                    .map(|(key, value)| format!("{{\"key\":{key},\"value\":{value}}}"));
                format!("[{}]", items.collect::<Vec<_>>().join(","))
            }
            _ => quoted(&object(&pairs)),
        }
    }

    /// A resource of the scope, if the line has none.
    fn nexus(&mut self, sampled: &Sampled, anchor: &Anchor) {
        let names_one = |field: &super::sample::SampledField| {
            matches!(field.class, Some(Class::Project | Class::Namespace))
        };
        if sampled.fields.iter().any(names_one) {
            return;
        }
        let source = self.planter.source;
        let columns = [
            (&source.columns.project, Class::Project, &anchor.project),
            (&source.columns.namespace, Class::Namespace, &anchor.namespace),
        ];
        for (names, class, known) in columns {
            let name = names.iter().find(|name| source.class_of(name) == Some(class));
            if let (Some(name), Some((path, _))) = (name, known) {
                return self.push(name, quoted(path));
            }
        }
    }

    /// Fields of the profile that the sampled line does not have.
    fn more(&mut self, nth: usize, sampled: &Sampled, anchor: &Anchor, person: &Person, own: bool) {
        let present: BTreeSet<&str> = sampled.fields.iter().map(|field| field.name.as_str()).collect();
        let source = self.planter.source;
        let missing: BTreeMap<&String, Class> = source
            .fields
            .keys()
            .filter(|name| !present.contains(name.as_str()))
            .filter_map(|name| Some((name, source.class_of(name)?)))
            .filter(|(_, class)| {
                matches!(
                    class,
                    Class::Agent
                        | Class::Metric
                        | Class::Params
                        | Class::Secret
                        | Class::System
                        | Class::Text
                )
            })
            .collect();
        let chosen = missing
            .iter()
            .cycle()
            .skip(if missing.is_empty() {
                0
            } else {
                nth * MORE_FIELDS % missing.len()
            })
            .take(MORE_FIELDS.min(missing.len()));
        let chosen: Vec<(String, Class)> = chosen.map(|(name, class)| ((*name).clone(), *class)).collect();
        for (name, class) in chosen {
            self.field(nth, sampled, &name, "\"\"", Some(class), anchor, person, own);
        }
    }

    /// Where no profile expects anything: fields, keys, numbers and lists that nobody knows.
    fn strangers(&mut self, person: &Person) {
        let note = self.any("[other]");
        self.push("zz_note", format!("\"{note}\""));
        let name = self.any("[other]");
        self.fields.push((format!("\"{name}\""), "1".to_owned()));
        let (deep, item) = (self.any("[other]"), self.any("[other]"));
        self.push("zz_nested", format!("{{\"inner\":{{\"deep\":\"{deep}\"}}}}"));
        self.push("zz_list", format!("[\"{item}\",[true]]"));
        let id = Canary::new("foreign.user_id", person.id.to_string(), &[]);
        self.note(&id, "plain", "[other]");
        self.push("zz_number", person.id.to_string());
        let other = address(self.random);
        self.note(
            &Canary::new("foreign.address", other.as_str(), &[]),
            "plain",
            "[other]",
        );
        self.push("zz_address", quoted(&other));
    }
}
