//! Each way to search against looking at every place.

use proptest::prelude::*;

use super::{Hit, Searcher, is_plain};

/// Everything that stands in a text, place by place.
fn naive(needles: &[&str], text: &[u8]) -> Vec<Hit> {
    let code = |digits: &[u8]| {
        let digits = digits
            .get(..2)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let escape = |at: usize| {
        let ([b'%', digits @ ..] | [b'\\', b'u', b'0', b'0', digits @ ..]) = &text[at..] else {
            return false;
        };
        let behind = digits.get(2..).unwrap_or_default();
        let tail = match code(digits) {
            Some(b'%') => behind,
            Some(b'\\') => behind.strip_prefix(b"u00").unwrap_or_default(),
            byte => return byte.is_some_and(is_plain),
        };
        code(tail).is_some_and(|code| is_plain(code) || code == b'%' || code == b'\\')
    };
    let needle = |at: usize| {
        needles.iter().any(|needle| {
            text.get(at..at + needle.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(needle.as_bytes()))
        })
    };
    (0..text.len())
        .flat_map(|at| {
            [
                escape(at).then_some(Hit::Escape { at }),
                needle(at).then_some(Hit::Needle { at }),
            ]
        })
        .flatten()
        .collect()
}

/// Every hit, each searched for behind the one before.
fn found(searcher: &Searcher, text: &[u8]) -> Vec<Hit> {
    let mut scan = searcher.scan(text);
    let mut hits = Vec::new();
    let mut from = 0;
    while let Some(hit) = scan.next(from, &mut |_, _| true) {
        hits.push(hit);
        from = hit.at() + 1;
    }
    hits
}

/// Where needles stand in the text is found for all of it by the first hit in each line: between two
/// hits there is nothing.
fn agrees(needles: &[&str], text: &[u8]) {
    let expected = naive(needles, text);
    let hits = found(&Searcher::new(needles), text);
    for hit in &hits {
        assert!(expected.contains(hit), "{hit:?} is not there");
    }
    let stands = expected.iter().any(|hit| matches!(hit, Hit::Needle { .. }));
    assert_eq!(Searcher::new(needles).holds(text, &mut |_, _| true), stands);
    // A search may pass over one hit for another only where both are within a needle's length.
    let longest = needles.iter().map(|needle| needle.len()).max().unwrap_or(0);
    for wanted in &expected {
        let near = hits
            .iter()
            .any(|hit| hit == wanted || hit.at().abs_diff(wanted.at()) < longest);
        assert!(
            near,
            "{wanted:?} was missed: {hits:?} in {:?}",
            String::from_utf8_lossy(text)
        );
    }
    for escape in expected.iter().filter(|hit| matches!(hit, Hit::Escape { .. })) {
        let near = hits.contains(escape)
            || hits
                .iter()
                .any(|hit| hit.at() > escape.at() && hit.at() - escape.at() < longest);
        assert!(near, "{escape:?} was missed");
    }
}

fn needle() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z][a-z0-9_.-]{0,12}",
        1 => "[0-9]{1,9}",
        2 => "[ab]{7,9}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn finds_what_stands_there(
        needles in proptest::collection::btree_set(needle(), 1..80),
        pieces in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>(), "[ -~\n]{0,70}|[ab]{0,40}|[é木]{1,2}"), 0..12),
    ) {
        let needles: Vec<&str> = needles.iter().map(String::as_str).collect();
        let mut text = String::new();
        for (which, upper, between) in &pieces {
            let needle = *which.get(&needles);
            text.push_str(&if *upper { needle.to_ascii_uppercase() } else { needle.to_owned() });
            text.push_str(between);
        }
        agrees(&needles, text.as_bytes());
    }

    #[test]
    fn finds_one_needle_wherever_it_stands(name in needle(), before in 0usize..200, after in 0usize..200, filler in "[ -~é]") {
        let text = format!("{}{name}{}", filler.repeat(before), filler.repeat(after));
        agrees(&[&name], text.as_bytes());
    }

    #[test]
    fn finds_escapes(text in "([\\\\%u0-7a-fA-Fé]|\\\\u00[0-9a-f]|%[2-7][0-9A-F]){0,120}") {
        agrees(&["zzzzzz"], text.as_bytes());
    }
}

#[test]
fn a_needle_that_is_not_confirmed_does_not_hide_another() {
    let needles = ["100", "1001"];
    let searcher = Searcher::new(&needles);
    let mut scan = searcher.scan(b"x 1001");
    let hit = scan.next(0, &mut |number, _| needles[number] == "1001");
    assert_eq!(hit, Some(Hit::Needle { at: 2 }));
}

#[test]
fn every_set_of_needles_is_searched_for_some_way() {
    let short: Vec<String> = (0..40).map(|nth| format!("{nth:02}")).collect();
    let long: Vec<String> = (0..5000).map(|nth| format!("tenant-{nth:05}")).collect();
    for needles in [
        &short[..],
        &long[..],
        &long[..60],
        &[&short[..10], &long[..60]].concat()[..],
    ] {
        let needles: Vec<&str> = needles.iter().map(String::as_str).collect();
        let searcher = Searcher::new(&needles);
        for needle in &needles {
            for before in [0, 1, 31, 32, 33, 100] {
                let text = format!(
                    "{}{}{}",
                    "~".repeat(before),
                    needle.to_uppercase(),
                    "~".repeat(40)
                );
                let mut scan = searcher.scan(text.as_bytes());
                assert_eq!(
                    scan.next(0, &mut |_, _| true),
                    Some(Hit::Needle { at: before }),
                    "{needle}"
                );
            }
        }
    }
}
