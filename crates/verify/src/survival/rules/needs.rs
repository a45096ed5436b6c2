//! What a text must hold for a pattern to match: read off the pattern itself.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Most strings that stand for one part of a pattern.
const MAX_STRINGS: usize = 64;
/// Longer strings tell no more.
const MAX_STRING_BYTES: usize = 24;
/// Sets of more bytes than this occur in any text.
const MAX_SET_BYTES: u32 = 100;

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Bytes(pub(super) [u64; 4]);

impl Bytes {
    pub(super) fn add(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    /// Those of a text.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut all = Self::default();
        for byte in text {
            all.add(*byte);
        }
        all
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).any(|(a, b)| a & b != 0)
    }

    fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
    }

    /// From the least on.
    fn iter(&self) -> impl Iterator<Item = u8> {
        let bits = |mut word: u64| {
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                word &= word.wrapping_sub(1);
                u8::try_from(bit).ok().filter(|bit| *bit < 64)
            })
        };
        let words = self.0.into_iter().zip((0..4u8).map(|nth| nth << 6));
        words.flat_map(move |(word, first)| bits(word).map(move |bit| first | bit))
    }

    fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

/// What every match holds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Needs {
    /// One of these, in lower case and compared without regard to ASCII case; nothing is known if there is
    /// none.
    pub(super) literals: Vec<Vec<u8>>,
    /// A byte of each of these.
    pub(super) bytes: Vec<Bytes>,
}

impl Needs {
    /// Of a pattern, read as `RegexBuilder` with `unicode(false)` does over bytes; nothing if it is none.
    pub(super) fn of_pattern(pattern: &str) -> Option<Self> {
        let mut parser = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .build();
        parser.parse(pattern).ok().map(|hir| Self::of(&hir))
    }

    fn of(hir: &Hir) -> Self {
        let part = Part::of(hir);
        let mut needs = part.needs;
        if let Some(exact) = part.exact {
            needs.offer(exact);
        }
        needs
    }

    /// Takes literals that tell more than those known.
    fn offer(&mut self, literals: Vec<Vec<u8>>) {
        let worth = |literals: &[Vec<u8>]| {
            let shortest = literals.iter().map(Vec::len).min().unwrap_or_default();
            (shortest, std::cmp::Reverse(literals.len()))
        };
        if literals.iter().all(|literal| literal.len() >= 2)
            && (self.literals.is_empty() || worth(&literals) > worth(&self.literals))
        {
            self.literals = literals;
        }
    }

    /// As well as these.
    fn and(&mut self, other: Self) {
        if !other.literals.is_empty() {
            self.offer(other.literals);
        }
        self.bytes.extend(other.bytes);
    }
}

/// A part of a pattern: all that it may match, where that is little, and what its matches hold.
#[derive(Clone)]
struct Part {
    exact: Option<Vec<Vec<u8>>>,
    needs: Needs,
}

impl Part {
    fn empty() -> Self {
        Self {
            exact: Some(vec![Vec::new()]),
            needs: Needs::default(),
        }
    }

    fn unknown() -> Self {
        Self {
            exact: None,
            needs: Needs::default(),
        }
    }

    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self::empty(),
            HirKind::Literal(literal) => Self {
                exact: Some(vec![literal.0.to_ascii_lowercase()]),
                needs: Needs {
                    literals: Vec::new(),
                    bytes: literal.0.iter().map(|byte| Bytes::of(&[*byte])).collect(),
                },
            },
            HirKind::Class(class) => Self::class(class),
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => {
                let inner = Self::of(&repetition.sub);
                match (repetition.min, repetition.max) {
                    (0, Some(1)) => Self {
                        exact: inner.exact.map(|mut exact| {
                            exact.push(Vec::new());
                            exact
                        }),
                        needs: Needs::default(),
                    },
                    (0, _) => Self::unknown(),
                    (1, Some(1)) => inner,
                    (least, most) => {
                        let copies = std::iter::repeat_n(inner, least.min(8) as usize);
                        let mut all = Self::sequence(copies);
                        if least > 8 || most != Some(least) {
                            all.settle();
                        }
                        all
                    }
                }
            }
            HirKind::Concat(parts) => Self::sequence(parts.iter().map(Self::of)),
            HirKind::Alternation(parts) => Self::either(parts.iter().map(Self::of).collect()),
        }
    }

    fn class(class: &Class) -> Self {
        let (mut set, mut folded) = (Bytes::default(), Bytes::default());
        let mut add = |byte: u8| {
            set.add(byte);
            folded.add(byte.to_ascii_lowercase());
        };
        let mut is_ascii = true;
        match class {
            Class::Bytes(class) => class
                .iter()
                .for_each(|range| (range.start()..=range.end()).for_each(&mut add)),
            Class::Unicode(class) => {
                for range in class.iter() {
                    is_ascii &= range.end().is_ascii();
                    (0..128u8)
                        .filter(|byte| (range.start()..=range.end()).contains(&char::from(*byte)))
                        .for_each(&mut add);
                }
            }
        }
        if !is_ascii {
            (128..=255).for_each(&mut add);
        }
        let few = is_ascii && folded.len() <= 12;
        Self {
            exact: few.then(|| folded.iter().map(|byte| vec![byte]).collect()),
            needs: Needs {
                literals: Vec::new(),
                bytes: (set.len() <= MAX_SET_BYTES).then_some(set).into_iter().collect(),
            },
        }
    }

    fn sequence(parts: impl Iterator<Item = Self>) -> Self {
        let mut whole = Self::empty();
        // What the parts since the last one of which little is known may match, together.
        let mut run: Option<Vec<Vec<u8>>> = Some(vec![Vec::new()]);
        let mut is_exact = true;
        for part in parts {
            let longer = match (&run, &part.exact) {
                (Some(run), Some(exact)) => product(run, exact),
                _ => None,
            };
            whole.needs.and(part.needs);
            if longer.is_none() {
                is_exact = false;
                run.take().into_iter().for_each(|run| whole.needs.offer(run));
                run = Some(part.exact.unwrap_or_else(|| vec![Vec::new()]));
            } else {
                run = longer;
            }
        }
        whole.exact = run;
        if !is_exact {
            whole.settle();
        }
        whole
    }

    /// No longer all that the part may match.
    fn settle(&mut self) {
        if let Some(exact) = self.exact.take() {
            self.needs.offer(exact);
        }
    }

    fn either(parts: Vec<Self>) -> Self {
        let mut exact: Option<Vec<Vec<u8>>> = Some(Vec::new());
        let mut literals: Option<Vec<Vec<u8>>> = Some(Vec::new());
        let mut bytes = Some(Bytes::default());
        for part in parts {
            exact = exact.zip(part.exact.clone()).map(|(mut all, more)| {
                all.extend(more);
                all
            });
            let mut needs = part.needs;
            part.exact.into_iter().for_each(|exact| needs.offer(exact));
            literals = literals
                .filter(|_| !needs.literals.is_empty())
                .map(|all| [all, needs.literals].concat());
            let rarest = needs.bytes.iter().min_by_key(|set| set.len());
            bytes = bytes.zip(rarest).map(|(mut all, set)| {
                all.join(set);
                all
            });
        }
        Self {
            exact: exact.filter(|all| all.len() <= MAX_STRINGS),
            needs: Needs {
                literals: literals.unwrap_or_default(),
                bytes: bytes
                    .filter(|set| set.len() <= MAX_SET_BYTES)
                    .into_iter()
                    .collect(),
            },
        }
    }
}

/// Each of the ones with each of the others behind it, if that is not too much.
fn product(left: &[Vec<u8>], right: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let longest = |all: &[Vec<u8>]| all.iter().map(Vec::len).max().unwrap_or_default();
    let is_small = left.len() * right.len() <= MAX_STRINGS
        && (longest(left) + longest(right) <= MAX_STRING_BYTES || left.iter().all(Vec::is_empty));
    is_small.then(|| {
        let pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
        let mut all: Vec<Vec<u8>> = pairs.map(|(a, b)| [a.as_slice(), b].concat()).collect();
        all.sort();
        all.dedup();
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn needs(pattern: &str) -> Needs {
        Needs::of_pattern(pattern).expect("a sound pattern")
    }

    fn literals(pattern: &str) -> Vec<String> {
        let found = needs(pattern).literals.into_iter();
        found
            .map(|literal| String::from_utf8_lossy(&literal).into_owned())
            .collect()
    }

    #[test]
    fn the_longest_certain_strings_are_chosen() {
        assert_eq!(literals("gl(?:pat|oas)-[0-9A-Za-z_-]{16,}"), ["gloas-", "glpat-"]);
        assert_eq!(literals("(?i)(?:^|[^a-z])bearer[ =]+[a-z]+"), ["bearer"]);
        assert_eq!(
            literals("private[_-]?token"),
            ["private-token", "private_token", "privatetoken"]
        );
        assert_eq!(literals("a(?:xox[ab]-|yyy)"), ["axoxa-", "axoxb-", "ayyy"]);
        assert_eq!(literals("[0-9]{4}:x{2,}"), ["xx"]);
        assert!(literals("(?:abc)*[0-9]").is_empty());
        assert!(literals("abc|[0-9]+").is_empty());
        assert!(literals("a.c").is_empty());
    }

    #[test]
    fn every_match_holds_a_byte_of_each_set() {
        let mail = needs("[0-9a-z]+@[a-z]+\\.[a-z]+");
        assert!(mail.bytes.contains(&Bytes::of(b"@")) && mail.bytes.contains(&Bytes::of(b".")));
        assert!(needs("(?:a|.)").bytes.is_empty());
    }

    /// Patterns of every construct over a small alphabet.
    fn pattern() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[abAB]{1,4}",
            Just("[ab]".to_owned()),
            Just("[^a]".to_owned()),
            Just(".".to_owned()),
            Just("^".to_owned()),
            Just("(?i:aB)".to_owned()),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join("|"))),
                (
                    inner,
                    prop_oneof!["\\?", "\\*", "\\+", "\\{2\\}", "\\{1,3\\}", "\\{9,\\}"]
                )
                    .prop_map(|(part, times)| format!("(?:{part}){times}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn no_match_is_without_what_it_needs(pattern in pattern(), texts in prop::collection::vec("[abAB]{0,24}", 12)) {
            let regex = regex::bytes::RegexBuilder::new(&pattern).unicode(false).build().expect("a sound pattern");
            let needs = needs(&pattern);
            for text in texts {
                let folded = text.to_ascii_lowercase();
                let Some(found) = regex.find(text.as_bytes()) else { continue };
                let part = folded.get(found.range()).unwrap_or_default().as_bytes();
                let holds = |literal: &Vec<u8>| part.windows(literal.len().max(1)).any(|window| window == literal);
                prop_assert!(needs.literals.is_empty() || needs.literals.iter().any(holds), "{} in {}", pattern, text);
                prop_assert!(needs.bytes.iter().all(|set| set.meets(&Bytes::of(found.as_bytes()))), "{} in {}", pattern, text);
            }
        }
    }
}
