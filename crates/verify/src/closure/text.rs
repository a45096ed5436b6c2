//! Text that is built up: templates, vocabulary, what is in scope, markers.

use decostop_profile::{Class, Profile};

use super::value::Input;
use super::words::short_number;
use super::{BLANK, Broken, Context, Residue, blanks};
use crate::error::Error;
use crate::verifier::Verifier;

const MARKER: &str = "[text]";
pub(super) const OUTER: &[char] = &['(', ')', '"', '\'', ',', '.', ':', ';', '!', '?'];

/// What joins the parts of a chunk.
fn joins(c: char) -> bool {
    matches!(c, '_' | '-' | '/' | '.' | ':' | '=' | '#')
}

fn is_outer(c: char) -> bool {
    OUTER.contains(&c)
}

/// More parts than any message puts into one chunk; keeps the search for identities bounded.
const MAX_PARTS: usize = 48;

/// A chunk that passed.
pub(crate) struct Chunk {
    pub(crate) residue: String,
    pub(crate) has_number: bool,
}

impl Verifier {
    pub(crate) fn text(&self, text: &str, at: Context) -> Result<Residue, Broken> {
        // What the platform itself writes is nobody's name, whatever accounts are called.
        match self.templates.check(self, text, at) {
            Some(residue) => Ok(Residue::text(residue)),
            None => self.chunks(text, at).map(Residue::text),
        }
    }

    /// Chunks between single spaces.
    fn chunks(&self, text: &str, at: Context) -> Result<String, Broken> {
        if text.is_empty() {
            return Ok(String::new());
        }
        let chunks: Vec<&str> = text.split(' ').collect();
        let mut residue = String::with_capacity(text.len());
        let mut number_before = false;
        let mut marker_before = false;
        let mut nth = 0;
        while let Some(&chunk) = chunks.get(nth) {
            if nth > 0 {
                residue.push(' ');
            }
            if let Some(words) = self.display_name(chunks.get(nth..).unwrap_or_default(), at) {
                let name = chunks.get(nth..nth + words).unwrap_or_default();
                residue.extend(blanks(&name.join(" ")));
                (number_before, marker_before) = (false, false);
                nth += words;
                continue;
            }
            let passed = self.chunk(chunk, at).ok_or("closure.text")?;
            if passed.has_number && number_before {
                return Err("closure.text.numbers");
            }
            if chunk == MARKER && marker_before {
                return Err("closure.text.markers");
            }
            number_before = passed.has_number;
            marker_before = chunk == MARKER;
            residue.push_str(&passed.residue);
            nth += 1;
        }
        Ok(residue)
    }

    /// How many chunks from here on spell a display name of the scope.
    fn display_name(&self, chunks: &[&str], at: Context) -> Option<usize> {
        let first = chunks.first()?.trim_matches(is_outer);
        if !self.personal_data || !self.owned.name_word(first, at.time) {
            return None;
        }
        let longest = self.owned.longest_name().min(chunks.len());
        (1..=longest).rev().find(|&count| {
            let name = chunks.get(..count).unwrap_or_default().join(" ");
            self.owned.name(name.trim_matches(is_outer), at.time)
        })
    }

    /// One chunk by the text rule; its proven spans blanked.
    pub(crate) fn chunk(&self, chunk: &str, at: Context) -> Option<Chunk> {
        if let Some(chunk) = self.proven_chunk(chunk, at) {
            return Some(chunk);
        }
        let head = chunk.len() - chunk.trim_start_matches(is_outer).len();
        let (before, rest) = chunk.split_at_checked(head)?;
        let core = rest.trim_end_matches(is_outer);
        let after = rest.get(core.len()..)?;
        if core.is_empty() {
            let lone = chunk.chars().count() <= 3 && !chunk.is_empty();
            return lone.then(|| Chunk {
                residue: chunk.to_owned(),
                has_number: false,
            });
        }
        if chunk.len() == 1 && core.contains(joins) {
            return Some(Chunk {
                residue: chunk.to_owned(),
                has_number: false,
            });
        }
        // The whole chunk is not proven, as was seen above.
        let proven = (core.len() < chunk.len()).then(|| self.proven_chunk(core, at));
        let mut parts = proven.flatten().or_else(|| self.parts(core, at))?;
        if core.len() < chunk.len() {
            parts.residue = [before, parts.residue.as_str(), after].concat();
        }
        Some(parts)
    }

    fn proven_chunk(&self, chunk: &str, at: Context) -> Option<Chunk> {
        self.proven_span(chunk, at).then(|| Chunk {
            residue: blanks(chunk).collect(),
            has_number: false,
        })
    }

    /// A marker, a genuine pseudonym, or an identity of the scope.
    fn proven_span(&self, span: &str, at: Context) -> bool {
        span == MARKER
            || self.pseudonyms.kind_of(span).is_some()
            || (self.owned.may_hold(span) && self.owned_span(span, at))
    }

    fn owned_span(&self, span: &str, at: Context) -> bool {
        (self.personal_data && self.own_user(Class::User, span, at))
            || self.own_namespace(span, at)
            || self.own_project(span, at)
    }

    /// Words, numbers and proven spans joined by single characters; all of it together is not proven.
    fn parts(&self, core: &str, at: Context) -> Option<Chunk> {
        let ends: Vec<usize> = core
            .match_indices(joins)
            .map(|(end, _)| end)
            .chain(std::iter::once(core.len()))
            .collect();
        if ends.len() > MAX_PARTS {
            return None;
        }
        let mut residue = String::with_capacity(core.len());
        let mut numbers = 0;
        let mut start = 0;
        loop {
            let reach = ends.iter().rev().copied().filter(|&end| end > start);
            let proven = reach.clone().find(|&end| {
                let is_whole = start == 0 && end == core.len();
                !is_whole
                    && core
                        .get(start..end)
                        .is_some_and(|span| self.proven_span(span, at))
            });
            let end = if let Some(end) = proven {
                residue.extend(blanks(core.get(start..end)?));
                end
            } else {
                let end = reach.min()?;
                let part = core.get(start..end)?;
                if short_number(part, 4) {
                    numbers += 1;
                } else if !(self.words.part(part)
                    || (self.personal_data && self.owned.name_word(part, at.time)))
                {
                    return None;
                }
                residue.push_str(part);
                end
            };
            match core.get(end..)?.chars().next() {
                None => break,
                Some(joiner) => {
                    residue.push(joiner);
                    start = end + joiner.len_utf8();
                }
            }
        }
        (numbers <= 1).then_some(Chunk {
            residue,
            has_number: numbers > 0,
        })
    }
}

/// The profile's message templates.
pub(crate) struct Templates(Vec<Template>);

/// Literals with a slot between each two.
struct Template {
    literals: Vec<Box<str>>,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Class(Class),
    Number,
    Text,
    Word,
}

impl Slot {
    fn parse(name: &str) -> Option<Self> {
        let name = name.split('.').next().unwrap_or(name);
        Some(match name {
            "number" => Self::Number,
            "text" => Self::Text,
            "word" => Self::Word,
            _ => Self::Class(class_by_name(name)?),
        })
    }
}

/// A class by the name that profiles use.
pub(crate) fn class_by_name(name: &str) -> Option<Class> {
    Class::ALL.into_iter().find(|class| class.as_str() == name)
}

impl Templates {
    pub(crate) fn new(profile: &Profile) -> Result<Self, Error> {
        let templates = profile
            .templates
            .iter()
            .map(|template| Template::new(&template.text));
        templates
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| Error::config("profile", "a template has an unknown slot"))
    }

    fn check(&self, verifier: &Verifier, text: &str, at: Context) -> Option<String> {
        self.0
            .iter()
            .filter(|template| template.may_begin(text))
            .find_map(|template| template.check(verifier, text, at))
    }
}

impl Template {
    fn new(text: &str) -> Option<Self> {
        let (mut literals, mut slots): (Vec<Box<str>>, Vec<Slot>) = (Vec::new(), Vec::new());
        let mut rest = text;
        while let Some((literal, tail)) = rest.split_once('{') {
            let (name, tail) = tail.split_once('}')?;
            literals.push(literal.into());
            slots.push(Slot::parse(name)?);
            rest = tail;
        }
        literals.push(rest.into());
        Some(Self { literals, slots })
    }

    /// Whether a text begins with the byte that a fitting one begins with.
    fn may_begin(&self, text: &str) -> bool {
        let first = self.literals.first().and_then(|literal| literal.bytes().next());
        first.is_none() || first == text.bytes().next()
    }

    /// What stands in the slots of a text that fits: each as short as can be, on one line.
    ///
    /// The first place of each literal is the right one: whatever follows fits behind a later place only
    /// if it fits behind an earlier one.
    fn fit<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let [first, between @ .., last] = self.literals.as_slice() else {
            return self.literals.iter().any(|only| **only == *text).then(Vec::new);
        };
        let mut rest = text.strip_prefix(&**first)?.strip_suffix(&**last)?;
        let mut slots = Vec::with_capacity(self.slots.len());
        for literal in between {
            let (slot, behind) = rest.split_once(&**literal)?;
            slots.push(slot);
            rest = behind;
        }
        slots.push(rest);
        (!slots.iter().any(|slot| slot.contains('\n'))).then_some(slots)
    }

    fn check(&self, verifier: &Verifier, text: &str, at: Context) -> Option<String> {
        let values = self.fit(text)?;
        let mut residue = String::with_capacity(text.len());
        for (nth, literal) in self.literals.iter().enumerate() {
            residue.extend(blanks(literal));
            if let Some((slot, value)) = self.slots.get(nth).zip(values.get(nth)) {
                residue.push_str(&slot.check(verifier, value, at)?);
            }
        }
        Some(residue)
    }
}

impl Slot {
    fn check(self, verifier: &Verifier, value: &str, at: Context) -> Option<String> {
        const MARKERS: &[&str] = &["", "[text]", "[secret]", "[event]"];
        if MARKERS.contains(&value) {
            return Some(blanks(value).collect());
        }
        match self {
            Self::Number => {
                let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
                let whole = whole.strip_prefix('-').unwrap_or(whole);
                (short_number(whole, 6) && short_number(fraction, 9))
                    .then(|| format!("{BLANK}{whole}{BLANK}"))
            }
            Self::Word => verifier.words.part(value).then(|| value.to_owned()),
            Self::Text => verifier.chunks(value, at).ok(),
            Self::Class(class) => match verifier.value(class, None, Input::Text(value), at).ok()? {
                Residue::None => Some(blanks(value).collect()),
                Residue::Code(text) | Residue::Text(text) => Some(text),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Template;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        /// The same as a regular expression with the shortest slots.
        #[test]
        fn slots_are_those_of_a_regular_expression(
            literals in proptest::collection::vec("[ab. ]{0,3}", 1..5),
            text in "[ab. \n]{0,16}",
        ) {
            let template = Template::new(&literals.join("{word}")).expect("a known slot");
            let escaped: Vec<String> = literals.iter().map(|literal| regex::escape(literal)).collect();
            let pattern = format!(r"\A{}\z", escaped.join("(.*?)"));
            let pattern = regex::Regex::new(&pattern).expect("a sound expression");
            let expected = pattern
                .captures(&text)
                .map(|found| found.iter().skip(1).map(|slot| slot.map_or("", |slot| slot.as_str())).collect::<Vec<_>>());
            prop_assert!(template.may_begin(&text) || expected.is_none());
            prop_assert_eq!(template.fit(&text), expected);
        }
    }
}
