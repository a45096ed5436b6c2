//! Closure: is every field, and every value, among what is allowed?
//!
//! A value that passes is either *proven* (an identity of the scope, a genuine pseudonym, a member
//! of a closed list) or leaves a *residue*: the same text with its proven spans blanked, for the
//! survival half to look through.

mod agent;
mod event;
mod record;
mod resource;
mod text;
mod value;
mod words;

pub(crate) use event::EventGrammar;
pub(crate) use record::{Closed, SourcePlan};
pub(crate) use resource::Routes;
pub(crate) use text::{Templates, class_by_name};
pub(crate) use value::Input;
pub(crate) use words::Words;

use crate::owned::When;

/// Stands for each character of a proven span in a residue: no letter, no space, in no encoding's alphabet.
pub(crate) const BLANK: char = '\u{1}';

/// What stands for a proven span. As long as it, so that nothing comes nearer to anything.
pub(crate) fn blanks(span: &str) -> impl Iterator<Item = char> {
    std::iter::repeat_n(BLANK, span.chars().count())
}

/// What of a record bears on its values.
#[derive(Clone, Copy, Default)]
pub(crate) struct Context {
    pub(crate) time: When,
    /// The record's actor is in scope and nobody acts in their place: address and agent are theirs.
    pub(crate) own_actor: bool,
}

impl Context {
    /// Outside any record.
    pub(crate) fn always() -> Self {
        Self {
            time: When::Ever,
            own_actor: false,
        }
    }
}

/// What is left to look through, and how.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Residue {
    /// Nothing: the value is proven.
    None,
    /// Names of code, in which `_` and `-` do not end a word.
    Code(String),
    /// Anything else.
    Text(String),
}

impl Residue {
    pub(crate) fn text(text: String) -> Self {
        if text.chars().any(char::is_alphanumeric) {
            Self::Text(text)
        } else {
            Self::None
        }
    }
}

/// The rule that a value breaks.
pub(crate) type Broken = &'static str;
