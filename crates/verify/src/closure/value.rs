//! Values by class.

use std::net::IpAddr;

use decostop_profile::{Class, FieldSpec};

use super::words::short_number;
use super::{Broken, Context, Residue};
use crate::instant::Instant;
use crate::pseudonym::Kind;
use crate::reader::Scalar;
use crate::verifier::Verifier;

type Checked = Result<Residue, Broken>;

/// A value with its JSON type.
#[derive(Clone, Copy)]
pub(crate) enum Input<'v> {
    Number(&'v str),
    Text(&'v str),
}

impl<'v> Input<'v> {
    pub(crate) fn of(value: &'v Scalar<'_>) -> Option<Self> {
        match value {
            Scalar::Number(digits) => Some(Self::Number(digits)),
            Scalar::String(text) => Some(Self::Text(text)),
            Scalar::Bool | Scalar::Null => None,
        }
    }

    fn as_str(self) -> &'v str {
        let (Self::Number(text) | Self::Text(text)) = self;
        text
    }
}

impl Verifier {
    /// Whether a value is what its class allows in this record.
    pub(crate) fn value(
        &self,
        class: Class,
        spec: Option<&FieldSpec>,
        input: Input<'_>,
        at: Context,
    ) -> Checked {
        let personal_only = |checked: fn(&Self, &str, Context) -> Checked| match input {
            _ if !self.personal_data => Err("closure.personal_data"),
            Input::Text(text) => checked(self, text, at),
            Input::Number(_) => Err("closure.type"),
        };
        match class {
            Class::Time => match input {
                Input::Text(text) => proven(Instant::field(text).is_some(), "closure.time"),
                Input::Number(_) => Err("closure.type"),
            },
            Class::Status => self.status(spec, input),
            Class::Method => match input {
                Input::Text(text) => {
                    let listed = spec
                        .map(|spec| spec.values.as_slice())
                        .filter(|values| !values.is_empty());
                    let known = listed.map_or_else(
                        || self.profile.vocabulary.methods.contains(text),
                        |values| values.iter().any(|value| value == text),
                    );
                    proven(known, "closure.method")
                }
                Input::Number(_) => Err("closure.type"),
            },
            Class::Event => match input {
                Input::Text(text) => {
                    self.events
                        .check(&self.profile, text, spec.is_some_and(|spec| spec.closed))
                }
                Input::Number(_) => Err("closure.type"),
            },
            Class::User | Class::UserId | Class::Name | Class::Email => self.user(class, input, at),
            Class::Namespace | Class::NamespaceId => {
                self.resource_identity(input, &[Kind::Namespace, Kind::User], Self::own_namespace, at)
            }
            Class::Project | Class::ProjectId => {
                self.resource_identity(input, &[Kind::Project, Kind::User], Self::own_project, at)
            }
            Class::Ip => match input {
                Input::Text(text) => self.addresses(text, at),
                Input::Number(_) => Err("closure.type"),
            },
            Class::Correlation => self.key(
                input,
                Kind::Correlation,
                &self.correlation_ids,
                "closure.correlation",
            ),
            Class::TokenId => self.key(input, Kind::Token, &self.token_ids, "closure.token_id"),
            Class::Resource => match input {
                Input::Text(text) => self.resource(text, at),
                Input::Number(_) => Err("closure.type"),
            },
            Class::Agent => personal_only(Self::agent),
            Class::Text => personal_only(Self::text),
            Class::Params | Class::Metric | Class::Secret | Class::System => Err("closure.dropped_class"),
            _ => Err("closure.unknown_class"),
        }
    }

    fn status(&self, spec: Option<&FieldSpec>, input: Input<'_>) -> Checked {
        let text = input.as_str();
        if short_number(text.strip_prefix('-').unwrap_or(text), 6) {
            return Ok(Residue::text(text.to_owned()));
        }
        let Input::Text(word) = input else {
            return Err("closure.status");
        };
        let listed = spec
            .map(|spec| spec.values.as_slice())
            .filter(|values| !values.is_empty());
        let known = listed.map_or_else(
            || self.profile.vocabulary.statuses.contains(word),
            |values| values.iter().any(|value| value == word),
        );
        proven(known, "closure.status")
    }

    /// A user of the scope by any of the names that the class can hold.
    pub(crate) fn own_user(&self, class: Class, text: &str, at: Context) -> bool {
        self.owned.user_id(text, at.time)
            || self.owned.user(text, at.time)
            || self.owned.email(text, at.time)
            || (class == Class::Name && self.owned.name(text, at.time))
    }

    fn user(&self, class: Class, input: Input<'_>, at: Context) -> Checked {
        let text = input.as_str();
        if let (Input::Text(_), Some(kind)) = (input, self.pseudonyms.kind_of(text)) {
            let fits = match class {
                Class::UserId => matches!(kind, Kind::User | Kind::Ip),
                Class::Name => matches!(kind, Kind::User | Kind::Name),
                Class::Email => matches!(kind, Kind::User | Kind::Email),
                _ => kind == Kind::User,
            };
            return proven(fits, "closure.pseudonym_kind");
        }
        if !self.own_user(class, text, at) {
            return Err(if looks_like_pseudonym(text) {
                "closure.pseudonym"
            } else {
                "closure.foreign_user"
            });
        }
        proven(self.personal_data, "closure.personal_data")
    }

    fn resource_identity(
        &self,
        input: Input<'_>,
        kinds: &[Kind],
        own: fn(&Self, &str, Context) -> bool,
        at: Context,
    ) -> Checked {
        let text = input.as_str();
        if let (Input::Text(_), Some(kind)) = (input, self.pseudonyms.kind_of(text)) {
            return proven(kinds.contains(&kind), "closure.pseudonym_kind");
        }
        if own(self, text, at) {
            return Ok(Residue::None);
        }
        Err(if looks_like_pseudonym(text) {
            "closure.pseudonym"
        } else {
            "closure.foreign_resource"
        })
    }

    /// A namespace of the scope that may be shown.
    pub(crate) fn own_namespace(&self, text: &str, at: Context) -> bool {
        self.owned.namespace_id(text, at.time)
            // A URL may call a project a group: the path is the scope's all the same.
            || (self.owned.project(text, at.time) && self.shows_namespace(text))
            || (self.personal_data && !text.contains('@') && self.owned.user(text, at.time))
    }

    /// A project of the scope that may be shown.
    pub(crate) fn own_project(&self, text: &str, at: Context) -> bool {
        self.owned.project_id(text, at.time)
            || (self.owned.project(text, at.time) && self.shows_namespace(text))
    }

    /// A personal namespace is a user's name, so it needs the request's leave.
    fn shows_namespace(&self, path: &str) -> bool {
        if self.personal_data {
            return true;
        }
        let first = path.split('/').next().unwrap_or(path);
        let first = first.split_once("%2").map_or(first, |(first, _)| first);
        let first = crate::fold::fold(first);
        !self.owned.is_user_name(&first) && !self.foreign.is_user_name(&first)
    }

    fn addresses(&self, text: &str, at: Context) -> Checked {
        for element in text.split(", ") {
            match self.pseudonyms.kind_of(element) {
                Some(Kind::Ip) => continue,
                Some(_) => return Err("closure.pseudonym_kind"),
                None => {}
            }
            let Ok(address) = element.parse::<IpAddr>() else {
                return Err(if looks_like_pseudonym(element) {
                    "closure.pseudonym"
                } else {
                    "closure.ip"
                });
            };
            if self.internal.address(address) {
                return Err("closure.ip.internal");
            }
            if !self.personal_data {
                return Err("closure.personal_data");
            }
            if !at.own_actor {
                return Err("closure.ip.foreign");
            }
        }
        Ok(Residue::None)
    }

    fn key(&self, input: Input<'_>, kind: Kind, named: &crate::verifier::Named, rule: Broken) -> Checked {
        let text = input.as_str();
        if let (Input::Text(_), Some(genuine)) = (input, self.pseudonyms.kind_of(text)) {
            return proven(genuine == kind, "closure.pseudonym_kind");
        }
        if named.contains(text) {
            return Ok(Residue::None);
        }
        Err(if looks_like_pseudonym(text) {
            "closure.pseudonym"
        } else {
            rule
        })
    }
}

fn proven(yes: bool, rule: Broken) -> Checked {
    if yes { Ok(Residue::None) } else { Err(rule) }
}

/// The shape of a pseudonym, whoever made it.
pub(crate) fn looks_like_pseudonym(text: &str) -> bool {
    text.split_once('-').is_some_and(|(kind, body)| {
        !kind.is_empty()
            && kind.bytes().all(|b| b.is_ascii_lowercase())
            && body.len() == 21
            && body.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
    })
}
