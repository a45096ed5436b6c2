//! A profile compiled for reading records: which fields mean what, and all typed values of a record.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use decostop_profile::{Class, ClassRule, FieldSpec, Profile, Role, RuleSet, Source};
use ipnet::IpNet;

use crate::Error;
use crate::event::{Events, Globs, glob_matches};
use crate::identity::{Ident, each_ident, read_text};
use crate::params::each_param;
use crate::record::{Field, Json, Record};
use crate::route::{Part, Routes, Slot, query_pairs};
use crate::rules::Detectors;
use crate::template::Templates;
use crate::time::Instant;

/// One field of a source.
#[derive(Debug)]
pub(crate) struct FieldPlan {
    pub(crate) spec: FieldSpec,
    /// Its place among the fields of its source, from 1.
    pub(crate) slot: usize,
    /// Whether it can hold parameters.
    params: bool,
    /// Its tuple for each class that it can have.
    tuples: Vec<(Class, usize)>,
}

impl FieldPlan {
    fn tuple(&self, class: Class) -> Option<usize> {
        self.tuples
            .iter()
            .find(|(of, _)| *of == class)
            .map(|(_, tuple)| *tuple)
    }
}

/// One source, compiled.
#[derive(Debug)]
pub struct SourcePlan {
    pub(crate) fields: HashMap<String, FieldPlan, foldhash::fast::RandomState>,
    /// The source's patterns of field names.
    families: Globs,
    pub(crate) roles: Vec<(decostop_profile::Kind, Role)>,
    /// Fields whose presence means that somebody acts as somebody else.
    pub(crate) impersonators: Vec<String>,
    /// Fields whose route is a part of the event: what was asked for.
    own_paths: HashSet<String>,
    /// Names as exports write them that know no dots, to names as the profile has them.
    mangled: HashMap<String, String, foldhash::fast::RandomState>,
    /// Its events.
    pub events: Events,
}

/// A profile, compiled.
#[derive(Debug)]
pub struct ProfilePlan {
    /// The profile it was made from.
    pub profile: Arc<Profile>,
    /// Each compiled at its first record: a dive meets few of a profile's sources.
    sources: Vec<OnceLock<SourcePlan>>,
    pub(crate) routes: Routes,
    pub(crate) templates: Templates,
    pub(crate) detectors: Arc<Detectors>,
    internal: Vec<IpNet>,
    /// Raw events that the profile names without a wildcard; gathered at the first event that is asked for.
    listed_events: OnceLock<HashSet<Box<str>, foldhash::fast::RandomState>>,
    /// Discriminating fields, with the source that each value stands for.
    discriminators: Vec<(String, Vec<(String, usize)>)>,
}

/// Where in a record a typed value was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Place {
    /// A field of its own.
    Field,
    /// A listed parameter.
    Params,
    /// The whole of the request's own path: a page of somebody's, or of the platform.
    Page,
    /// A slot of the request's own path.
    Route,
    /// A slot of another URL, such as the referrer.
    OtherUrl,
    /// A slot of a message that the platform writes.
    Text,
}

/// A typed value of a record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Typed {
    /// Its class in this record.
    pub class: Class,
    /// The identity it names.
    pub ident: Ident,
    /// The tuple it belongs to.
    pub tuple: Option<usize>,
    /// Its part, if a tuple states one.
    pub role: Option<Role>,
    /// Where it was found.
    pub place: Place,
    /// Index of the field in the record.
    pub field: usize,
}

/// A deciding field has a JSON type that its class does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct WrongType;

impl ProfilePlan {
    /// Compiles a profile, with the built-in rules.
    ///
    /// # Errors
    /// As [`ProfilePlan::with_rules`].
    pub fn new(profile: Arc<Profile>) -> Result<Self, Error> {
        Self::with_detectors(profile, Detectors::built_in())
    }

    /// Compiles a profile, with these rules of detectors and no others.
    ///
    /// # Errors
    /// A route or an internal range cannot be compiled, or the pattern of a rule cannot be read. Patterns
    /// are compiled when they are needed, so that one may prove too large only then: texts that it would
    /// have to look at are dropped. [`check_rules`](crate::check_rules) tells before.
    pub fn with_rules(profile: Arc<Profile>, rules: Arc<RuleSet>) -> Result<Self, Error> {
        Self::with_detectors(profile, Detectors::new(rules)?)
    }

    fn with_detectors(profile: Arc<Profile>, detectors: Arc<Detectors>) -> Result<Self, Error> {
        let internal = profile
            .internal_ranges
            .iter()
            .map(|text| text.parse::<IpNet>().map_err(|_| Error::range(text)))
            .collect::<Result<_, _>>()?;
        let routes = Routes::new(profile.routes.iter().map(String::as_str))?;
        let templates = Templates::new(&profile)?;
        let mut discriminators: Vec<(String, Vec<(String, usize)>)> = Vec::new();
        for (index, source) in profile.sources.iter().enumerate() {
            for discriminator in &source.discriminators {
                let values = discriminator.values.iter().map(|value| (value.clone(), index));
                match discriminators
                    .iter_mut()
                    .find(|(field, _)| *field == discriminator.field)
                {
                    Some((_, known)) => known.extend(values),
                    None => discriminators.push((discriminator.field.clone(), values.collect())),
                }
            }
        }
        Ok(Self {
            sources: profile.sources.iter().map(|_| OnceLock::new()).collect(),
            profile,
            routes,
            templates,
            detectors,
            internal,
            listed_events: OnceLock::new(),
            discriminators,
        })
    }

    /// A source by its index in the profile.
    pub fn source(&self, index: usize) -> Option<&SourcePlan> {
        let (plan, source) = self.sources.get(index).zip(self.spec(index))?;
        Some(plan.get_or_init(|| SourcePlan::new(&self.profile, index, source)))
    }

    /// The specification of a source by index.
    pub fn spec(&self, index: usize) -> Option<&Source> {
        self.profile.sources.get(index)
    }

    /// Whether the source's field keeps a whole JSON value (so that the parser does not flatten it).
    pub fn is_leaf(&self, source: usize, field: &str) -> bool {
        self.field_spec(source, field).is_some()
    }

    /// What the profile says about a field: by its name, else by the first pattern that fits.
    pub(crate) fn field_spec(&self, source: usize, field: &str) -> Option<&FieldSpec> {
        self.field(source, field).map(|(spec, _)| spec)
    }

    /// The same, and the field's plan if it is named.
    pub(crate) fn field(&self, source: usize, field: &str) -> Option<(&FieldSpec, Option<&FieldPlan>)> {
        let plan = self.source(source)?;
        if let Some(named) = plan.fields.get(field) {
            return Some((&named.spec, Some(named)));
        }
        let family = plan.families.fitting(field).next()?;
        let (_, spec) = self.spec(source)?.patterns.get(family)?;
        Some((spec, None))
    }

    /// Whether the profile knows fields inside an object of this name, though the name itself has a class
    /// (a value that is text in some versions and an object in others).
    pub fn has_fields_below(&self, source: usize, field: &str) -> bool {
        self.spec(source).is_some_and(|spec| {
            let below = format!("{field}.");
            spec.fields
                .range(below.clone()..)
                .next()
                .is_some_and(|(name, _)| name.starts_with(&below))
        })
    }

    /// Whether a field that the profile names holds parameters: the parser opens JSON inside its strings.
    /// Nothing if it does not name it.
    pub fn holds_params(&self, source: usize, field: &str) -> Option<bool> {
        let plan = self.source(source)?.fields.get(field)?;
        Some(plan.params)
    }

    /// Whether an address is the platform's own: in a range of the profile, or one that no network
    /// outside knows, whatever the profile says.
    pub fn is_internal(&self, address: IpAddr) -> bool {
        let is_local = match address {
            IpAddr::V4(v4) => {
                v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified()
            }
            IpAddr::V6(v6) => {
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local()
                    || v6
                        .to_ipv4_mapped()
                        .is_some_and(|v4| self.is_internal(IpAddr::V4(v4)))
            }
        };
        is_local || self.internal.iter().any(|range| range.contains(&address))
    }

    /// Whether a raw event is an entry of the profile's vocabulary, or a method and one of its routes.
    pub(crate) fn is_listed_event(&self, raw: &str) -> bool {
        let vocabulary = &self.profile.vocabulary;
        vocabulary.events.contains(raw)
            || self.listed_events().contains(raw)
            || vocabulary.methods.contains(raw)
            || raw.split_once(' ').is_some_and(|(method, route)| {
                vocabulary.methods.contains(method) && self.routes.is_pattern(route)
            })
    }

    fn listed_events(&self) -> &HashSet<Box<str>, foldhash::fast::RandomState> {
        self.listed_events.get_or_init(|| {
            let profile = &self.profile;
            let events = profile.events.iter().flat_map(|event| event.raw.values());
            // What classes depend on is the platform's own word, whatever accounts are called.
            let fields = profile.sources.iter().flat_map(|source| source.fields.values());
            let deciding = fields
                .filter_map(|spec| match &spec.rule {
                    ClassRule::On { cases, .. } => Some(cases),
                    _ => None,
                })
                .flatten();
            let templates = profile.templates.iter();
            events
                .flatten()
                .filter(|pattern| !pattern.contains('*'))
                .chain(deciding.map(|case| &case.value))
                .chain(templates.filter_map(|template| template.event.as_ref()))
                .map(|raw| raw.as_str().into())
                .collect()
        })
    }

    /// The source's own event string of a record.
    pub fn raw_event(&self, record: &Record<'_>) -> Option<String> {
        let found = self.source(record.source)?.events.raw(record, self);
        found.map(|(raw, _)| raw)
    }

    /// The source that a field names in a mixed stream. `text_of` looks a field up; the profile's
    /// discriminating fields are asked in the order in which they are first mentioned.
    pub fn discriminate<'v>(&self, text_of: impl Fn(&str) -> Option<&'v str>) -> Option<usize> {
        self.discriminators.iter().find_map(|(field, values)| {
            let text = text_of(field)?;
            let named = values.iter().find(|(value, _)| glob_matches(value, text));
            named.map(|(_, source)| *source)
        })
    }

    /// The field that an export means which allows only letters, digits and underscores in names:
    /// `meta_user` is `meta.user`.
    pub fn unmangled(&self, source: usize, name: &str) -> Option<&str> {
        let mangled = &self.source(source)?.mangled;
        mangled.get(name).map(String::as_str)
    }

    /// The class of a field in a record.
    pub fn class(&self, record: &Record<'_>, field: &Field<'_>) -> Option<Class> {
        let spec = self.field_spec(record.source, &field.name)?;
        spec.class(|sibling| record.first(sibling))
    }

    /// The record's own instant: the source's time fields in order, then the wrapper's time.
    pub fn time(&self, record: &Record<'_>) -> Result<Option<Instant>, WrongType> {
        let names = self
            .spec(record.source)
            .map(|spec| spec.time.as_slice())
            .unwrap_or_default();
        for name in names {
            for field in record.values(name) {
                match &field.value {
                    Json::String(text) if text.is_empty() => {}
                    Json::String(text) => return Ok(Instant::parse(text)),
                    Json::Number(text) => return Ok(Instant::parse_epoch(text)),
                    Json::Null => {}
                    _ => return Err(WrongType),
                }
            }
        }
        Ok(record.envelope_time.as_deref().and_then(Instant::parse))
    }

    /// Every typed identity of a record: fields, listed parameters, slots of routes and of messages that
    /// the platform writes.
    ///
    /// # Errors
    /// A field of an identity class has a wrong JSON type; the good values are in `found` all the same.
    pub fn typed(&self, record: &Record<'_>, found: &mut Vec<Typed>) -> Result<(), WrongType> {
        found.clear();
        let Some(source) = self.source(record.source) else {
            return Ok(());
        };
        let mut sound = Ok(());
        for (at, field) in record.fields.iter().enumerate() {
            let Some(plan) = source.fields.get(field.name.as_ref()) else {
                continue;
            };
            let Some(class) = plan.spec.class(|sibling| record.first(sibling)) else {
                continue;
            };
            if class.is_identity() {
                let tuple = plan.tuple(class);
                let role = tuple
                    .and_then(|tuple| source.roles.get(tuple))
                    .map(|(_, role)| *role);
                let read = each_ident(class, &field.value, |ident| {
                    found.push(Typed {
                        class,
                        ident,
                        tuple,
                        role,
                        place: Place::Field,
                        field: at,
                    });
                });
                sound = sound.and(read);
            } else if class == Class::Params {
                each_param(&field.value, &mut |key, value| {
                    if let Some(class) = self.param(key).filter(|class| class.is_identity()) {
                        // What a client sends has any type; a wrong one names nobody.
                        let _ = each_ident(class, value, |ident| {
                            found.push(loose(class, ident, Place::Params, at));
                        });
                    }
                });
            } else if class == Class::Resource
                && let Some(text) = field.value.as_str()
            {
                let place = if source.own_paths.contains(field.name.as_ref()) || is_own_path(&field.name) {
                    Place::Route
                } else {
                    Place::OtherUrl
                };
                self.route_idents(text, place, at, found);
            } else if class == Class::Text
                && let Some(text) = field.value.as_str()
            {
                for (class, text) in self.templates.identities(text) {
                    let _ = each_ident(class, &Json::String(text.into()), |ident| {
                        found.push(loose(class, ident, Place::Text, at));
                    });
                }
            }
        }
        sound
    }

    /// Whether a text fits one of the profile's message templates.
    pub fn fits_template(&self, text: &str) -> bool {
        self.templates.fit(text).is_some()
    }

    /// The class of a listed parameter.
    pub(crate) fn param(&self, key: &str) -> Option<Class> {
        self.profile.params.get(key).copied()
    }

    fn route_idents(&self, url: &str, place: Place, at: usize, found: &mut Vec<Typed>) {
        let Some(routed) = self.routes.parse(url) else {
            return;
        };
        let place = match (place, routed.parts.as_slice()) {
            (Place::Route, [_]) => Place::Page,
            (place, _) => place,
        };
        for part in &routed.parts {
            if let Part::Slot(Slot::Identity(class), text) = part
                && let Some(ident) = read_text(*class, text)
            {
                found.push(loose(*class, ident, place, at));
            }
        }
        for (key, value) in routed.query.into_iter().flat_map(query_pairs) {
            if let Some(class) = self.param(&key).filter(|class| class.is_identity()) {
                let _ = each_ident(class, &Json::String(value.into()), |ident| {
                    found.push(loose(class, ident, Place::Params, at));
                });
            }
        }
    }
}

/// Whether a field's name says that it holds the path that the request itself was for, rather than a
/// referrer or redirect.
fn is_own_path(name: &str) -> bool {
    matches!(name.rsplit('.').next(), Some("path" | "uri" | "fullpath"))
}

fn loose(class: Class, ident: Ident, place: Place, field: usize) -> Typed {
    Typed {
        class,
        ident,
        tuple: None,
        role: None,
        place,
        field,
    }
}

impl SourcePlan {
    fn new(profile: &Profile, index: usize, source: &Source) -> Self {
        let tuples = |name: &str, spec: &FieldSpec| {
            spec.classes()
                .filter_map(|class| source.tuple_of(name, class).map(|tuple| (class, tuple)))
                .collect()
        };
        let fields = (1..)
            .zip(&source.fields)
            .map(|(slot, (name, spec))| {
                (
                    name.clone(),
                    FieldPlan {
                        spec: spec.clone(),
                        slot,
                        params: spec.classes().any(|class| class == Class::Params),
                        tuples: tuples(name, spec),
                    },
                )
            })
            .collect();
        let mut families = Globs::default();
        for (pattern, _) in &source.patterns {
            families.push(pattern);
        }
        let mut mangled: HashMap<String, String, foldhash::fast::RandomState> = HashMap::default();
        for name in source.fields.keys() {
            let flat: String = name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .collect();
            if flat != *name && !source.fields.contains_key(&flat) {
                mangled.entry(flat).or_insert_with(|| name.clone());
            }
        }
        let routed = source.event.iter().flat_map(|expression| {
            expression
                .split('{')
                .filter_map(|part| part.split_once('}')?.0.strip_suffix("|route"))
        });
        Self {
            own_paths: routed.map(str::to_owned).collect(),
            mangled,
            fields,
            families,
            roles: source
                .tuples
                .iter()
                .map(|tuple| (tuple.kind, tuple.role))
                .collect(),
            impersonators: source
                .tuples
                .iter()
                .filter(|tuple| tuple.role == Role::Impersonator)
                .flat_map(|tuple| tuple.fields.clone())
                .collect(),
            events: Events::new(profile, index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_internal_whatever_the_profile_says() {
        let text = "version = 1\nname = 'x'\n[internal]\nranges = ['198.51.100.0/24']\n[[source]]\nname = 's'\n\
                    about = 'a'\ntime = ['t']\n[source.fields]\nt = 'time'\n";
        let profile = Profile::parse(text).expect("a profile");
        let plan = ProfilePlan::new(Arc::new(profile)).expect("a plan");
        for (address, internal) in [
            ("10.1.2.3", true),
            ("192.168.0.1", true),
            ("127.0.0.1", true),
            ("169.254.1.1", true),
            ("::1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("::ffff:10.1.2.3", true),
            ("198.51.100.9", true),
            ("192.0.2.17", false),
            ("2001:db8::1", false),
        ] {
            let parsed = address.parse().expect("an address");
            assert_eq!(plan.is_internal(parsed), internal, "{address}");
        }
    }
}
