//! Why each field of a record is kept, replaced or gone, for a reviewer who may not see the raw line.
//!
//! The ground is what the dive left: the record itself, its row of provenance, and in `internal/` the
//! request as run, the key and the dictionary. Nothing is read from the logs, and no value is told that is
//! not in the artefact.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use decostop_profile::{Class, Profile, Scope, Source};
use decostop_redact::{Ident, ProfilePlan, PseudonymKind, Pseudonyms, RequestKey, fold, read_text};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::internal::{KEY, REQUEST, RESIDUAL, RUN};
use super::{Artefact, Record, dictionary, is_column};
use crate::request::Request;
use crate::residual::{Residual, base_name, why_left};
use crate::stats::Standing;
use crate::{Error, ErrorKind, Origin};

/// Largest file of `internal/` that is read here, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// What explains the records of one artefact.
pub struct Explainer {
    profile: Arc<Profile>,
    plan: ProfilePlan,
    request: Request,
    pseudonyms: Pseudonyms,
    linked: HashSet<(Class, String)>,
}

/// Why one record looks as it does.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Its 1-based number in the artefact.
    pub record: u64,
    /// The input that its line comes from.
    pub input: String,
    /// Decoded offset of the line there, if known.
    pub offset: Option<u64>,
    /// What is in the record, in its order.
    pub fields: Vec<Kept>,
    /// What is not, in the order of the line.
    pub removed: Vec<Removed>,
}

/// One field of the record.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Kept {
    /// Its name in the record.
    pub name: String,
    /// Its value in the record.
    pub value: Value,
    /// The fields of the line that supply it: the first of them that is there.
    pub from: Vec<String>,
    /// Its class, or classes if that depends on a field that is gone.
    pub class: String,
    /// On what ground it is there: `profile`, `grammar`, `event`, `scope`, `linked`, `actor`, `request`,
    /// `pseudonym`, `route`, `agent`, `template`, `vocabulary` or `parameter`.
    pub ground: &'static str,
    /// The same in words.
    pub why: String,
}

/// One span that was removed; what stood there is known by its digest alone.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Removed {
    /// Dotted path of the field or parameter; `[other]` if its name may not be told.
    #[serde(alias = "path")]
    pub field: String,
    /// Its class; `none` if it has none.
    pub class: String,
    /// The rule that removed it.
    pub rule: String,
    /// First byte of the span in the decoded value.
    pub start: u64,
    /// Length of the span in bytes.
    pub length: u64,
    /// Keyed digest of what stood there: equal values of one dive have equal digests.
    #[serde(default)]
    pub digest: Option<String>,
    /// The rule in words.
    #[serde(default)]
    pub why: String,
}

/// The account of what is left in an artefact.
///
/// # Errors
/// [`ErrorKind::Config`] if `internal` has none, or none of this version.
pub fn residual(internal: &Path) -> Result<Residual, Error> {
    let path = internal.join(RESIDUAL);
    serde_json::from_str(&text(&path)?).map_err(|_| not_of_this_version(&path))
}

fn text(path: &Path) -> Result<String, Error> {
    let unread = |cause| {
        Error::io(ErrorKind::Config, path, "read it", cause)
            .hint("only an artefact with its internal/ directory can be explained")
    };
    if fs::metadata(path).map_err(unread)?.len() > MAX_BYTES {
        return Err(not_of_this_version(path));
    }
    fs::read_to_string(path).map_err(unread)
}

fn not_of_this_version(path: &Path) -> Error {
    Error::new(ErrorKind::Config, "is not what this version writes").at(Origin {
        path: path.to_owned(),
        offset: None,
    })
}

impl Explainer {
    /// Reads what explains the records of an artefact. `profile` is the one that the dive used.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the artefact has no evidence, was made with another profile, or its evidence
    /// is damaged.
    pub fn new(artefact: &Artefact, profile: Arc<Profile>) -> Result<Self, Error> {
        let Some(internal) = artefact.internal() else {
            return Err(Error::new(ErrorKind::Config, "has no evidence to explain it by")
                .at(Origin {
                    path: artefact.shown().to_owned(),
                    offset: None,
                })
                .hint("name the directory that a dive wrote with --out, with its internal/ part"));
        };
        let run = internal.join(RUN);
        let told: Value = serde_json::from_str(&text(&run)?).map_err(|_| not_of_this_version(&run))?;
        let digest = told.pointer("/profile/digest").and_then(Value::as_str);
        if digest != Some(profile.digest.as_str()) {
            let name = told.pointer("/profile/name").and_then(Value::as_str);
            let name = name
                .map(|name| format!(", {}", name.escape_debug()))
                .unwrap_or_default();
            return Err(
                Error::new(ErrorKind::Config, format!("was made with another profile{name}"))
                    .at(Origin {
                        path: artefact.shown().to_owned(),
                        offset: None,
                    })
                    .hint("name it with --profile"),
            );
        }
        let key = internal.join(KEY);
        let key = super::request_key(&text(&key)?)
            .map(RequestKey::from_bytes)
            .ok_or_else(|| not_of_this_version(&key))?;
        let request = Request::parse(&text(&internal.join(REQUEST))?, internal)?;
        let linked = dictionary(internal)?
            .into_iter()
            .filter(|(_, _, standing)| *standing == Standing::Linked)
            .map(|(class, value, _)| (class, value))
            .collect();
        let plan = ProfilePlan::new(Arc::clone(&profile))
            .map_err(|cause| Error::new(ErrorKind::Config, cause.to_string()))?;
        Ok(Self {
            profile,
            plan,
            request,
            pseudonyms: Pseudonyms::new(&key),
            linked,
        })
    }

    /// Explains the record of this 1-based `number`. `input`, `offset` and `removals` (JSON text) are those
    /// of its row of provenance.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the removals are not of their form.
    pub fn explain(
        &self,
        number: u64,
        record: &Record,
        input: &str,
        offset: Option<u64>,
        removals: &str,
    ) -> Result<Explanation, Error> {
        let removed: Vec<Removed> = serde_json::from_str(removals).map_err(|_| {
            Error::new(
                ErrorKind::Config,
                format!("the provenance of record {number} is not what this version writes"),
            )
        })?;
        let removed: Vec<Removed> = removed
            .into_iter()
            .map(|span| Removed {
                why: why_removed(&span.rule),
                ..span
            })
            .collect();
        let source = record.text("source").and_then(|name| self.profile.source(name));
        let fields = record.fields().iter();
        Ok(Explanation {
            record: number,
            input: input.to_owned(),
            offset,
            fields: fields
                .map(|(name, value)| self.field(source, record, name, value, &removed))
                .collect(),
            removed,
        })
    }

    fn field(
        &self,
        source: Option<&Source>,
        record: &Record,
        name: &str,
        value: &Value,
        removed: &[Removed],
    ) -> Kept {
        let kept = |from: Vec<String>, class: String, (ground, why): (&'static str, String)| Kept {
            name: name.to_owned(),
            value: value.clone(),
            from,
            class,
            ground,
            why,
        };
        let base = base_name(source.map_or("", |source| &source.name), name);
        let own_name = base != name || !is_column(name);
        let Some(source) = source else {
            let why = "the profile has no such source".to_owned();
            return kept(Vec::new(), "none".to_owned(), ("profile", why));
        };
        let columns = &source.columns;
        let from: &[String] = match name {
            _ if own_name => &[],
            "source" => {
                let why = "the profile's name of the log".to_owned();
                return kept(Vec::new(), "source".to_owned(), ("profile", why));
            }
            "event" => return kept(source.event.clone(), "event".to_owned(), self.event(value)),
            "time" => &source.time,
            "actor" => &columns.actor,
            "namespace" => &columns.namespace,
            "project" => &columns.project,
            "ip" => &columns.ip,
            "status" => &columns.status,
            "correlation_id" => &columns.correlation_id,
            _ => &[],
        };
        if !own_name {
            // A pseudonym has a removal of the field that it stands for.
            let replaced = from.iter().find(|field| {
                removed
                    .iter()
                    .any(|span| span.field == **field && is_replacing(&span.rule))
            });
            let from = match replaced {
                Some(field) if self.is_pseudonym(value) => vec![field.clone()],
                _ => from.to_vec(),
            };
            let class = from.iter().find_map(|field| self.class(source, record, field));
            let told = class.map_or_else(|| "none".to_owned(), |class| class.as_str().to_owned());
            return kept(from, told, self.ground(class, value));
        }
        if let Some((class, key)) = self.param(source, base) {
            let (ground, why) = match class {
                Some(class) => {
                    let (ground, why) = self.ground(Some(class), value);
                    (ground, format!("the profile lists the parameter {key}: {why}"))
                }
                None => (
                    "parameter",
                    "there were parameters that the profile does not list, or whose values may not be told"
                        .to_owned(),
                ),
            };
            let class = class.map_or("params", Class::as_str).to_owned();
            return kept(vec![base.to_owned()], class, (ground, why));
        }
        let class = self.class(source, record, base);
        let told = class.map_or_else(
            || {
                let spec = source
                    .spec(base)
                    .map(|spec| spec.classes().map(Class::as_str).collect());
                let classes: Vec<&str> = spec.unwrap_or_default();
                classes.join(" or ")
            },
            |class| class.as_str().to_owned(),
        );
        kept(vec![base.to_owned()], told, self.ground(class, value))
    }

    /// The class of a field, if it does not depend on one that is gone.
    #[expect(clippy::unused_self, reason = "asked like what stands beside it")]
    fn class(&self, source: &Source, record: &Record, field: &str) -> Option<Class> {
        let known = source.class_in(field, |sibling| record.text(sibling));
        let mut all = source.spec(field)?.classes();
        known.or_else(|| Some(all.next()?).filter(|_| all.next().is_none()))
    }

    /// The class and key of a parameter by the field's name in the record; `None` as its class for what
    /// stands for unlisted ones.
    fn param(&self, source: &Source, name: &str) -> Option<(Option<Class>, String)> {
        let holds_params = |field: &str| {
            let spec = source.spec(field);
            spec.is_some_and(|spec| spec.classes().any(|class| class == Class::Params))
        };
        let dots = name.match_indices('.').map(|(at, _)| at);
        dots.filter_map(|at| Some((name.get(..at)?, name.get(at + 1..)?)))
            .find(|(field, _)| holds_params(field))
            .map(|(_, key)| (self.profile.params.get(key).copied(), key.to_owned()))
    }

    fn is_pseudonym(&self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| self.kind(text).is_some())
    }

    /// What a value stands for, if all of it is pseudonyms of this dive.
    fn kind(&self, text: &str) -> Option<PseudonymKind> {
        let mut kinds = text.split(", ").map(|part| self.pseudonyms.recognise(part));
        let first = kinds.next()??;
        kinds.all(|kind| kind.is_some()).then_some(first)
    }

    fn event(&self, value: &Value) -> (&'static str, String) {
        let text = value.as_str().unwrap_or_default();
        if text == "[event]" {
            let why = "what happened is not in the profile's vocabulary and has no form that may be told";
            return ("event", why.to_owned());
        }
        match self.profile.event(text) {
            Some(event) => ("event", format!("the public vocabulary: {}", event.about)),
            None => (
                "event",
                "the source's own event: known to the profile, or of the form of an entry point".to_owned(),
            ),
        }
    }

    /// Why a value of a class may be there.
    fn ground(&self, class: Option<Class>, value: &Value) -> (&'static str, String) {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if let Some(kind) = self.kind(&text) {
            let kind = kind.as_str();
            return (
                "pseudonym",
                format!("a pseudonym of this request ({kind}); `decostop lookup` answers and logs"),
            );
        }
        let Some(class) = class else {
            return ("grammar", "its class depends on a field that is gone".to_owned());
        };
        match class {
            Class::Text => self.text(&text),
            Class::Resource => {
                let why =
                    "rebuilt from a route of the profile; what the route leaves open is gone".to_owned();
                ("route", why)
            }
            Class::Agent => ("agent", why_left(class).to_owned()),
            Class::Ip => {
                let why = "the address of an in-scope actor, and personal data was asked for".to_owned();
                ("actor", why)
            }
            Class::Correlation | Class::TokenId => ("request", "a select of the request names it".to_owned()),
            _ if class.is_identity() => self.identity(class, &text),
            _ => (
                "grammar",
                format!("class {}: {}", class.as_str(), why_left(class)),
            ),
        }
    }

    fn text(&self, text: &str) -> (&'static str, String) {
        let fits = self.plan.fits_template(text);
        if fits {
            return (
                "template",
                "fits a message that the platform writes; its slots are shown by their classes".to_owned(),
            );
        }
        let marks = text.matches("[text]").count();
        let rest = match marks {
            0 => String::new(),
            1 => "; [text] stands for what is gone".to_owned(),
            _ => format!("; {marks} times [text] stands for what is gone"),
        };
        (
            "vocabulary",
            format!("words of the vocabulary, short numbers and identities in scope{rest}"),
        )
    }

    /// By which entry of the scope an identity is shown.
    fn identity(&self, class: Class, text: &str) -> (&'static str, String) {
        let Some(ident) = read_text(class, text) else {
            return ("scope", "in scope".to_owned());
        };
        if let Some(entry) = entry_of(&self.request.scope, &ident) {
            return ("scope", format!("in scope by {entry}"));
        }
        if self
            .linked
            .iter()
            .any(|(of, value)| *of == class && value == text)
        {
            let why = "in scope by its pairing: every record of the dive that names it names one that the scope lists";
            return ("linked", why.to_owned());
        }
        ("scope", "in scope in a derived form".to_owned())
    }
}

/// The entry of the scope that an identity is in by.
fn entry_of(scope: &Scope, ident: &Ident) -> Option<String> {
    let same = |known: &String, text: &str| !known.is_empty() && fold(known) == text;
    let holds = |known: &String, path: &str| {
        let known = fold(known);
        !known.is_empty()
            && path
                .strip_prefix(known.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let told = |kind: &str, at: usize, how: &str| format!("scope.{kind}[{at}]{how}");
    let users = scope.users.iter().enumerate();
    match ident {
        Ident::Path(path) => {
            let mut projects = scope.projects.iter().enumerate();
            let project = projects.find_map(|(at, project)| {
                let former = project.formerly.iter().any(|known| same(known, path));
                (same(&project.path, path) || former)
                    .then(|| told("projects", at, if former { ", an earlier path" } else { "" }))
            });
            let mut namespaces = scope.namespaces.iter().enumerate();
            project.or_else(|| {
                namespaces.find_map(|(at, namespace)| {
                    let former = namespace.formerly.iter().any(|known| holds(known, path));
                    let below = if fold(&namespace.path) == *path {
                        ""
                    } else {
                        ", which holds it"
                    };
                    (holds(&namespace.path, path) || former)
                        .then(|| told("namespaces", at, if former { ", an earlier path" } else { below }))
                })
            })
        }
        Ident::ProjectId(id) => {
            let at = scope
                .projects
                .iter()
                .position(|project| project.id == Some(*id))?;
            Some(told("projects", at, ", its id"))
        }
        Ident::NamespaceId(id) => {
            let mut namespaces = scope.namespaces.iter();
            let at = namespaces.position(|namespace| namespace.id == Some(*id))?;
            Some(told("namespaces", at, ", its id"))
        }
        Ident::User(name) => users.into_iter().find_map(|(at, user)| {
            let former = user.formerly.iter().any(|known| same(known, name));
            (same(&user.username, name) || former).then(|| {
                told(
                    "users",
                    at,
                    if former { ", an earlier name" } else { ", its name" },
                )
            })
        }),
        Ident::UserId(id) => {
            let at = scope.users.iter().position(|user| user.id == Some(*id))?;
            Some(told("users", at, ", its id"))
        }
        Ident::Email(email) => users.into_iter().find_map(|(at, user)| {
            let listed = user.emails.iter().any(|known| same(known, email));
            listed.then(|| told("users", at, ", an address of it"))
        }),
        Ident::Name(name) => users.into_iter().find_map(|(at, user)| {
            let listed = user.names.iter().any(|known| same(known, name));
            listed.then(|| told("users", at, ", a display name of it"))
        }),
        _ => None,
    }
}

/// Whether something stands where the rule removed a value.
fn is_replacing(rule: &str) -> bool {
    matches!(
        rule,
        "identity.pseudonym" | "identity.address" | "identity.spelling"
    )
}

/// A rule of redaction in words. Rules that are not listed here are those of detectors.
fn why_removed(rule: &str) -> String {
    let known = match rule {
        "agent.built" => "of an agent only families of clients are told",
        "agent.unknown" => "the agent names no client that the profile knows",
        "empty" => "there was nothing in it",
        "event.grammar" => {
            "no event that the profile knows, nor of the form of an entry point; [event] stands for it"
        }
        "field.unknown" => "the profile gives the field no class",
        "form" => "it has no form of its class",
        "grammar" => "it does not fit the closed grammar of its class",
        "identity.address" => {
            "an address that is not an in-scope actor's, or not asked for; a pseudonym stands for it"
        }
        "identity.foreign" => "an identity that is not in scope",
        "identity.mention" => "the form of an identity that is not in scope",
        "identity.pseudonym" => {
            "an identity that is not in scope, or personal data that was not asked for; a pseudonym stands for it"
        }
        "identity.spelling" => "another spelling of an identity in scope; the usual one is shown",
        "internal" => "an address inside the platform",
        "metric" => "what the platform measures",
        "params.more" => "more parameters than are told one by one",
        "params.unlisted" => "the profile does not list the parameter; [key] stands for it",
        "personal_data" => "the request does not ask for personal data",
        "record.fields" => "more fields than a record may show",
        "resource.query" => "parameters of the URL that the profile does not list",
        "resource.route" => "parts of the path that are not in scope, or that the route hides",
        "resource.tail" => "what the route leaves open",
        "resource.unrouted" => "the path fits no route of the profile",
        "secret" => "a credential, by its field",
        "secret.key_value" => "what stands behind the name of a credential",
        "system" => "what is confidential about the platform",
        "text.built" => "text that is built up again from what is allowed",
        "agent.detector" | "resource.detector" | "text.detector" => {
            "a shape of credentials, statements, traces or hosts"
        }
        "text.dictionary_limit" => "more foreign identities than can be held: no text comes out",
        "text.length" => "longer than text may be",
        "text.nothing_left" => "no word of it may be told",
        "text.number" => "a number that could be an id",
        "text.punctuation" => "characters that text may not hold",
        "text.slot" => "a value in a message that the platform writes, shown by its class",
        "text.word" => "no word of the vocabulary",
        "time.notation" => "an instant in another notation",
        "type" => "its JSON type is not that of its class",
        _ => return "a detector's rule found it".to_owned(),
    };
    known.to_owned()
}
