//! Messages that the platform is known to write, with typed slots.

use std::sync::OnceLock;

use decostop_profile::{Class, Profile, Template};
use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;

use crate::Error;

/// Longest typed value in a message, in bytes.
const MAX_TYPED: usize = 512;

/// What a slot holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Slot {
    Typed(Class),
    Number,
    Word,
    Text,
}

#[derive(Debug)]
enum Piece {
    Literal(String),
    Slot(Slot),
}

#[derive(Debug)]
struct Compiled {
    pieces: Vec<Piece>,
    event: Option<String>,
    /// Whether a slot holds an identity.
    names_somebody: bool,
    /// The byte that a fitting text begins with, unless a slot comes first.
    first: Option<u8>,
    /// The longest of its literals: a text without it cannot fit.
    needle: String,
    pattern: String,
    /// Compiled for the first text that begins as the template does: all of them at once would take
    /// longer than a small dive.
    regex: OnceLock<Option<Regex>>,
}

/// A part of a message that fits a template.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Fitted<'t> {
    Literal(&'t str),
    Slot(Slot, &'t str, usize),
}

/// All templates of a profile, in order of preference.
#[derive(Debug)]
pub(crate) struct Templates(Vec<Compiled>);

/// Longest message that is compared with templates where many are.
const MAX_MESSAGE: usize = 4096;

impl Templates {
    pub(crate) fn new(profile: &Profile) -> Result<Self, Error> {
        let compile = |template: &Template| {
            let mut compiled = compile(&template.text).ok_or_else(|| Error::template(&template.text))?;
            compiled.event.clone_from(&template.event);
            Ok(compiled)
        };
        Ok(Self(
            profile.templates.iter().map(compile).collect::<Result<_, _>>()?,
        ))
    }

    /// The templates that begin like a text, in order.
    fn likely<'t>(&'t self, text: &str) -> impl Iterator<Item = &'t Compiled> + use<'t> {
        let first = text.bytes().next();
        let begins = move |template: &&Compiled| template.first.is_none() || template.first == first;
        self.0.iter().filter(begins)
    }

    /// The parts of a message by the first template that it fits.
    pub(crate) fn fit<'t>(&'t self, text: &'t str) -> Option<Vec<Fitted<'t>>> {
        self.likely(text).find_map(|template| template.fit(text))
    }

    /// What a message says: the event of the first template that it fits.
    pub(crate) fn event(&self, text: &str) -> Option<&str> {
        if text.len() > MAX_MESSAGE {
            return None;
        }
        let fitting = self.likely(text).find(|template| template.fit(text).is_some())?;
        fitting.event.as_deref()
    }

    /// The identities that a message names: those of the first template that has slots for any and that
    /// it fits. Most messages begin like none of them, which is all that is looked at.
    pub(crate) fn identities<'t>(&'t self, text: &'t str) -> impl Iterator<Item = (Class, &'t str)> {
        let mut naming = self.likely(text).filter(|template| template.names_somebody);
        let parts = (text.len() <= MAX_MESSAGE)
            .then(|| naming.find_map(|template| template.fit(text)))
            .flatten();
        parts.into_iter().flatten().filter_map(|part| match part {
            Fitted::Slot(Slot::Typed(class), text, _) if class.is_identity() => Some((class, text)),
            _ => None,
        })
    }
}

impl Compiled {
    fn fit<'t>(&'t self, text: &'t str) -> Option<Vec<Fitted<'t>>> {
        if let Some(Piece::Literal(first)) = self.pieces.first()
            && !text.starts_with(first.as_str())
        {
            return None;
        }
        if !text.contains(self.needle.as_str()) {
            return None;
        }
        let regex = self
            .regex
            .get_or_init(|| Regex::new(&self.pattern).ok())
            .as_ref()?;
        let mut captures: Captures = regex.create_captures();
        regex.captures(text, &mut captures);
        let mut group = 0;
        captures.get_match()?;
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(literal) => Some(Fitted::Literal(literal)),
                Piece::Slot(slot) => {
                    group += 1;
                    let span = captures.get_group(group)?;
                    // Not a bound of the pattern: that would make it five hundred times as large.
                    let sound = !matches!(slot, Slot::Typed(_)) || span.len() <= MAX_TYPED;
                    sound.then_some(Fitted::Slot(*slot, text.get(span.range())?, span.start))
                }
            })
            .collect()
    }
}

fn compile(text: &str) -> Option<Compiled> {
    let mut pieces = Vec::new();
    let mut pattern = String::from(r"\A");
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        literal(before, &mut pieces, &mut pattern);
        let (name, after) = after.split_once('}')?;
        let slot = slot(name.split('.').next()?)?;
        pattern.push_str(match slot {
            Slot::Number => r"(-?[0-9]+(?:\.[0-9]+)?)",
            Slot::Word => "([A-Za-z_]+)",
            Slot::Text => r"([\s\S]*?)",
            Slot::Typed(Class::Name) => r"([^\r\n]+?)",
            Slot::Typed(Class::Email) => r"([^\s\x00-\x1f@]+@[^\s\x00-\x1f]+?)",
            Slot::Typed(_) => r"([^\s\x00-\x1f]+?)",
        });
        pieces.push(Piece::Slot(slot));
        rest = after;
    }
    literal(rest, &mut pieces, &mut pattern);
    pattern.push_str(r"\z");
    let literals = pieces.iter().filter_map(|piece| match piece {
        Piece::Literal(text) => Some(text.as_str()),
        Piece::Slot(_) => None,
    });
    let needle = literals
        .max_by_key(|text| text.len())
        .unwrap_or_default()
        .to_owned();
    let names = |piece: &Piece| matches!(piece, Piece::Slot(Slot::Typed(class)) if class.is_identity());
    Some(Compiled {
        names_somebody: pieces.iter().any(names),
        first: match pieces.first() {
            Some(Piece::Literal(text)) => text.bytes().next(),
            _ => None,
        },
        pieces,
        event: None,
        needle,
        pattern,
        regex: OnceLock::new(),
    })
}

fn literal(text: &str, pieces: &mut Vec<Piece>, pattern: &mut String) {
    if !text.is_empty() {
        for c in text.chars() {
            // `\<` and `\>` would stand for the edges of a word.
            if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        pieces.push(Piece::Literal(text.to_owned()));
    }
}

fn slot(name: &str) -> Option<Slot> {
    Some(match name {
        "number" => Slot::Number,
        "word" => Slot::Word,
        "text" => Slot::Text,
        "user" => Slot::Typed(Class::User),
        "user_id" => Slot::Typed(Class::UserId),
        "name" => Slot::Typed(Class::Name),
        "email" => Slot::Typed(Class::Email),
        "namespace" => Slot::Typed(Class::Namespace),
        "namespace_id" => Slot::Typed(Class::NamespaceId),
        "project" => Slot::Typed(Class::Project),
        "project_id" => Slot::Typed(Class::ProjectId),
        "ip" => Slot::Typed(Class::Ip),
        "correlation" => Slot::Typed(Class::Correlation),
        "event" => Slot::Typed(Class::Event),
        "status" => Slot::Typed(Class::Status),
        "method" => Slot::Typed(Class::Method),
        "token_id" => Slot::Typed(Class::TokenId),
        "time" => Slot::Typed(Class::Time),
        "secret" => Slot::Typed(Class::Secret),
        "system" => Slot::Typed(Class::System),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_take_their_text() {
        let template = compile("Failed Login: username={user} ip={ip}").expect("sound");
        let fitted = template
            .fit("Failed Login: username=test ip=192.0.2.1")
            .expect("fits");
        assert_eq!(fitted[1], Fitted::Slot(Slot::Typed(Class::User), "test", 23));
        assert_eq!(fitted[3], Fitted::Slot(Slot::Typed(Class::Ip), "192.0.2.1", 31));
        assert_eq!(template.fit("Failed Login: username=a b ip=192.0.2.1"), None);
        assert_eq!(
            template.fit("Failed Login: username=test ip=192.0.2.1 and more"),
            None
        );
        assert!(compile("{nonsense}").is_none());
    }

    #[test]
    fn a_message_says_what_happened_and_whom_it_names() {
        let templates = Templates::new(&decostop_profile::Profile::gitlab()).expect("sound");
        let named = |text| templates.identities(text).collect::<Vec<_>>();
        let message = "Failed Login: username=alice ip=192.0.2.1";
        assert_eq!(templates.event(message), Some("login_failed"));
        assert_eq!(named(message), [(Class::User, "alice"), (Class::Ip, "192.0.2.1")]);
        let message = "Failed Login: username=alice@acme.example ip=192.0.2.1";
        assert_eq!(
            named(message).first(),
            Some(&(Class::Email, "alice@acme.example"))
        );
        assert_eq!(
            templates.event("execution expired"),
            None,
            "a template without an event"
        );
        let other = "He said: Failed Login: username=alice ip=192.0.2.1";
        assert_eq!((templates.event(other), named(other).len()), (None, 0));
        let long = format!("Failed Login: username={} ip=192.0.2.1", "a b ".repeat(2000));
        assert_eq!((templates.event(&long), named(&long).len()), (None, 0));
    }

    #[test]
    fn every_template_of_the_profile_compiles_and_fits_its_example() {
        for template in &decostop_profile::Profile::gitlab().templates {
            let compiled = compile(&template.text).expect("sound");
            assert!(compiled.fit(&template.example).is_some(), "{}", template.text);
        }
    }
}
