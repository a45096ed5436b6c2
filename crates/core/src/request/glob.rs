//! The one wildcard of requests and profiles: `*` stands for any run of characters, also none.

use memchr::memmem::Finder;

/// A compiled pattern. Compares case-sensitively and in time linear in pattern and text: the text
/// between two stars is taken at its first place, since a later one could only leave less room.
#[derive(Clone, Debug)]
pub struct Glob {
    head: Box<str>,
    middle: Box<[Finder<'static>]>,
    /// What must end the text; `None` if the pattern has no star.
    tail: Option<Box<str>>,
}

impl Glob {
    /// Compiles `pattern`; every text is a pattern.
    pub fn new(pattern: &str) -> Self {
        let Some((head, rest)) = pattern.split_once('*') else {
            return Self {
                head: pattern.into(),
                middle: Box::default(),
                tail: None,
            };
        };
        let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
        let middle = middle.split('*').filter(|part| !part.is_empty());
        Self {
            head: head.into(),
            middle: middle.map(|part| Finder::new(part).into_owned()).collect(),
            tail: Some(tail.into()),
        }
    }

    /// Whether the whole `text` fits.
    pub fn matches(&self, text: &str) -> bool {
        self.matches_bytes(text.as_bytes())
    }

    /// Whether the whole `text` fits, for text that may not be UTF-8.
    pub fn matches_bytes(&self, text: &[u8]) -> bool {
        let Some(tail) = &self.tail else {
            return text == self.head.as_bytes();
        };
        let Some(mut text) = text.strip_prefix(self.head.as_bytes()) else {
            return false;
        };
        for part in &self.middle {
            let Some(rest) = part
                .find(text)
                .and_then(|found| text.get(found + part.needle().len()..))
            else {
                return false;
            };
            text = rest;
        }
        text.ends_with(tail.as_bytes())
    }

    /// The pattern's text if it has no star, so that a caller can use a table instead.
    pub fn literal(&self) -> Option<&str> {
        self.tail.is_none().then_some(&*self.head)
    }
}

/// Whether the whole of `text` fits `pattern`. See [`Glob`] for many texts.
pub fn matches(pattern: &str, text: &str) -> bool {
    Glob::new(pattern).matches(text)
}

/// Whether `pattern` fits every text.
pub fn is_everything(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{is_everything, matches};

    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                naive(rest, text) || text.split_first().is_some_and(|(_, less)| naive(pattern, less))
            }
            (Some((want, pattern)), Some((got, text))) => want == got && naive(pattern, text),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, text, want) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "anything", true),
            ("membership.*", "membership.added", true),
            ("membership.*", "membership.", true),
            ("membership.*", "memberships.added", false),
            ("*#show", "Projects::BlobController#show", true),
            ("*#show", "Projects::BlobController#shown", false),
            ("Projects::*#show", "Projects::BlobController#show", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "axcbxc", true),
            ("a*bc*c", "abc", false),
            ("A*", "abc", false),
            ("*é*", "café au lait", true),
        ] {
            assert_eq!(matches(pattern, text), want, "{pattern:?} {text:?}");
        }
        assert!(is_everything("*") && is_everything("***"));
        assert!(!is_everything("") && !is_everything("*a"));
    }

    #[test]
    fn hostile_patterns_stay_cheap() {
        let pattern = "*a".repeat(20_000) + "b";
        let text = "a".repeat(200_000);
        assert!(!matches(&pattern, &text));
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_matcher(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(matches(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn a_text_with_parts_starred_out_fits(text in "[a-c.#]{0,20}", from in 0usize..20, to in 0usize..20) {
            let (from, to) = (from.min(text.len()), to.min(text.len()));
            let (from, to) = (from.min(to), from.max(to));
            let pattern = format!("{}*{}", &text[..from], &text[to..]);
            prop_assert!(matches(&pattern, &text));
        }
    }
}
