//! The vocabulary as the text rule uses it.

use std::sync::Arc;

use decostop_profile::Profile;

use crate::fold::fold;

/// Harmless words.
pub(crate) struct Words(Arc<Profile>);

impl Words {
    pub(crate) fn new(profile: &Arc<Profile>) -> Self {
        Self(Arc::clone(profile))
    }

    /// A vocabulary word, whatever its case.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.0.vocabulary.words.contains(fold(word).as_ref())
    }

    /// A vocabulary word, or several written together in camel case.
    pub(crate) fn part(&self, part: &str) -> bool {
        !part.is_empty() && (self.has(part) || (is_camel(part) && camel(part).all(|word| self.has(word))))
    }
}

fn is_camel(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_alphabetic()) && part.bytes().skip(1).any(|b| b.is_ascii_uppercase())
}

/// `PostReceive` is `Post`, `Receive`; `HTTPServer` is `HTTP`, `Server`.
fn camel(part: &str) -> impl Iterator<Item = &str> {
    let bytes = part.as_bytes();
    let upper = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
    let lower = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_lowercase);
    let mut start = 0;
    let mut cuts: Vec<&str> = Vec::new();
    for at in 1..=bytes.len() {
        let cut = at == bytes.len() || (upper(at) && (lower(at - 1) || lower(at + 1)));
        if cut {
            cuts.extend(part.get(start..at));
            start = at;
        }
    }
    cuts.into_iter()
}

/// A number of at most `most` digits.
pub(crate) fn short_number(text: &str, most: usize) -> bool {
    !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn camel_case_is_cut_between_words() {
        let cut = |part| camel(part).collect::<Vec<_>>();
        assert_eq!(cut("PostReceive"), ["Post", "Receive"]);
        assert_eq!(cut("HTTPServer"), ["HTTP", "Server"]);
        assert_eq!(cut("getURL"), ["get", "URL"]);
        assert_eq!(cut("plain"), ["plain"]);
    }
}
