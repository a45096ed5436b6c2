use std::net::IpAddr;

use decostop_profile::Profile;
use proptest::prelude::*;

use super::*;

/// A platform with the domain `.internal` and the addresses 10.0.0.0/8.
struct Platform;

impl Ground for Platform {
    fn is_internal(&self, address: IpAddr) -> bool {
        matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10)
    }

    fn names_host(&self, text: &[u8]) -> bool {
        crate::detect::names_host(text, &[".internal".to_owned()])
    }
}

fn rule_text(id: &str, rest: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\nexamples = [\"x\"]\nnegative_examples = [\"y\"]\n{rest}\n")
}

fn detectors(rules: &[(&str, &str)]) -> Arc<Detectors> {
    let rules: String = rules.iter().map(|(id, rest)| rule_text(id, rest)).collect();
    let set = RuleSet::parse(&format!("version = 1\n{rules}")).expect("sound rules");
    Detectors::new(Arc::new(set)).expect("sound patterns")
}

fn find(detectors: &Detectors, text: &str) -> Option<Vec<Found>> {
    let mut found = Vec::new();
    detectors.find(text.as_bytes(), &Platform, &mut Work::of(text.len()), &mut found)?;
    found.sort_unstable();
    Some(found)
}

fn spans(detectors: &Detectors, text: &str) -> Vec<(usize, usize, &'static str)> {
    let found = find(detectors, text).expect("within the bounds");
    found.iter().map(|f| (f.start, f.end, f.rule)).collect()
}

/// Each rule's pattern from every place of the whole text.
fn obvious(rules: &RuleSet, text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for rule in &rules.rules {
        let regex = compile(&rule.pattern).expect("a pattern");
        let mut captures = regex.create_captures();
        for start in 0..=text.len() {
            let input = Input::new(text).range(start..).anchored(Anchored::Yes);
            regex.search_captures(&input, &mut captures);
            let Some(part) = captures.get_group(1).or_else(|| captures.get_group(0)) else {
                continue;
            };
            let bytes = &text.as_bytes()[part.range()];
            if !part.is_empty()
                && rule
                    .validators
                    .iter()
                    .all(|v| validate::holds(*v, bytes, &Platform))
            {
                found.push(Found {
                    start: part.start,
                    end: part.end,
                    kind: rule.kind,
                    rule: intern(&rule.id),
                });
            }
        }
    }
    found.sort_unstable();
    found
}

const RULES: &[(&str, &str)] = &[
    (
        "plain",
        "kind = 'secret'\npattern = 'ab[ab]{3}'\nkeywords = ['ab']\nlongest = 5",
    ),
    (
        "group",
        "kind = 'secret'\npattern = '(?:^|[^b])(b{2,3})(?:[^b]|$)'\nkeywords = ['bb']\nlongest = 5",
    ),
    (
        "key",
        "kind = 'personal'\npattern = 'c=([^ ]{2,9})'\nkeywords = ['C=', 'cc']\nvalidators = ['has_digit']\nlongest = 11",
    ),
    ("loose", "kind = 'system'\npattern = '[0-9]{3}'"),
    (
        "loose.group",
        "kind = 'system'\npattern = '(?i)(?:^|[^a-z])(a[0-9]+)'\nvalidators = ['has_letter']",
    ),
    (
        "many",
        "kind = 'secret'\npattern = '(?:a|bc) ?[0-9]'\nkeywords = ['bc', 'a1', 'a 1', 'a0', 'a 0']\nlongest = 4",
    ),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn all_is_found_as_in_the_obvious_way(text in "[abBcC=10 é]{0,24}") {
        let detectors = detectors(RULES);
        let expected = obvious(detectors.rules(), &text);
        // A rule finds nothing where none of its keywords stands.
        let folded = text.to_ascii_lowercase();
        let near = |found: &Found| {
            let rule = detectors.rules().rules.iter().find(|rule| rule.id == found.rule).expect("a rule");
            let first = found.start.saturating_sub(2);
            let last = (found.end + 2).min(text.len());
            rule.keywords.is_empty() || rule.keywords.iter().any(|keyword| {
                folded.as_bytes()[first..last].windows(keyword.len()).any(|w| w == keyword.as_bytes())
            })
        };
        let expected: Vec<Found> = expected.into_iter().filter(near).collect();
        let found = find(&detectors, &text).expect("short");
        for missed in expected.iter().filter(|found_so| !found.contains(found_so)) {
            prop_assert!(false, "{missed:?} of {text:?}");
        }
        let all = obvious(detectors.rules(), &text);
        for invented in found.iter().filter(|found| !all.contains(found)) {
            prop_assert!(false, "{invented:?} in {text:?}");
        }
    }
}

#[test]
fn built_in_rules_do_what_their_examples_say() {
    let faults = check_rules(&RuleSet::builtin(), &Profile::gitlab());
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn faults_are_told_by_rule() {
    let text = [
        ("a.syntax", "kind = 'secret'\npattern = '(a'"),
        (
            "b.size",
            r"kind = 'secret'
pattern = '(?:[a-z]{1,500}x){1,500}'",
        ),
        ("c.silent", "kind = 'secret'\npattern = 'z'"),
        ("d.loud", "kind = 'secret'\npattern = '[xy]'"),
        ("e.keyword", "kind = 'secret'\npattern = 'x'\nkeywords = ['abc']"),
        (
            "f.validator",
            "kind = 'secret'\npattern = 'x'\nvalidators = ['has_digit']",
        ),
        ("g.empty", "kind = 'secret'\npattern = 'x*'"),
        ("h.sound", "kind = 'secret'\npattern = 'x'"),
        (
            "i.unicode",
            r"kind = 'secret'
pattern = '\p{Greek}'",
        ),
    ]
    .map(|(id, rest)| rule_text(id, rest))
    .concat();
    let rules = RuleSet::parse(&format!("version = 1\n{text}")).expect("rules");
    let faults = check_rules(&rules, &Profile::gitlab());
    let told: Vec<(&str, bool)> = faults
        .iter()
        .map(|fault| {
            let words = [
                ("a.syntax", "no regular expression"),
                ("b.size", "too large"),
                ("c.silent", "does not find its example 1"),
                ("d.loud", "its negative example 1"),
                ("e.keyword", "none of its keywords"),
                ("f.validator", "a validator refuses"),
                ("g.empty", "matches the empty text"),
                ("i.unicode", "no regular expression"),
            ];
            let expected = words.iter().find(|(id, _)| *id == fault.rule);
            (
                fault.rule.as_str(),
                expected.is_some_and(|(_, words)| fault.reason.contains(words)),
            )
        })
        .collect();
    let ids = [
        "a.syntax",
        "b.size",
        "c.silent",
        "d.loud",
        "e.keyword",
        "f.validator",
        "g.empty",
        "i.unicode",
    ];
    assert_eq!(told, ids.map(|id| (id, true)), "{faults:#?}");
    assert!(Detectors::new(Arc::new(rules)).is_err());
}

#[test]
fn neighbours_are_each_found() {
    let rule = "kind = 'secret'\npattern = '(?:^|[^0-9A-F])([0-9A-F]{8})(?:[^0-9A-F]|$)'\nkeywords = ['00']";
    let hex = detectors(&[("hex", rule)]);
    // Two that share the byte between them, and one that begins inside another that is none.
    assert_eq!(spans(&hex, "00000001,00000002"), [(0, 8, "hex"), (9, 17, "hex")]);
    let rule = "kind = 'secret'\npattern = 'AKIA[A-Z0-9]{16}'\nkeywords = ['akia']";
    let aws = detectors(&[("aws", rule)]);
    let text = "xAKIAAKIAABCDEFGHIJKLMNOP";
    assert_eq!(spans(&aws, text), [(1, 21, "aws"), (5, 25, "aws")]);
    let rule = "kind = 'secret'\npattern = 'a[a-z0-9]{4}'\nvalidators = ['has_digit']\nkeywords = ['a']";
    let resumed = detectors(&[("inside", &rule.replace("['a']", "['ab']"))]);
    assert_eq!(spans(&resumed, "abcdeabcd1"), [(5, 10, "inside")]);
}

#[test]
fn a_match_longer_than_its_window_goes_to_the_end_of_its_token() {
    let rule = "kind = 'secret'\npattern = 'glx-[0-9a-z]+'\nkeywords = ['glx-']\nlongest = 12";
    let long = detectors(&[("long", rule)]);
    let text = format!("see glx-{} and more", "a1".repeat(300));
    assert_eq!(spans(&long, &text), [(4, 608, "long")]);
    let text = format!("see glx-{}.tail-x and more", "a1".repeat(300));
    assert_eq!(spans(&long, &text), [(4, 615, "long")]);
    let rule = "kind = 'secret'\npattern = '[a-z]+@mail'\nkeywords = ['@mail']\nlongest = 12";
    let before = detectors(&[("before", rule)]);
    let text = format!("see {}@mail", "ab".repeat(40));
    assert_eq!(spans(&before, &text).first(), Some(&(4, 89, "before")));
}

#[test]
fn keywords_have_no_case_and_no_edges() {
    let rule = "kind = 'secret'\npattern = '(?i)token=([^ ]{4,})'\nkeywords = ['Token=']";
    let glued = detectors(&[("glued", rule)]);
    for text in [
        "access_token=hunter2",
        "\u{1b}[1mTOKEN=hunter2",
        "e\u{301}ToKeN=hunter2",
    ] {
        let found = spans(&glued, text);
        assert_eq!(found, [(text.len() - 7, text.len(), "glued")], "{text}");
    }
}

#[test]
fn hosts_are_found_as_a_whole() {
    let rule = "kind = 'system'\npattern = '\\.[0-9A-Za-z]'\nvalidators = ['internal_host']";
    let hosts = detectors(&[("host", rule)]);
    let text = "from web-01.c.example.INTERNAL:80 to example.com and a.internals";
    assert_eq!(spans(&hosts, text), [(5, 30, "host")]);
}

/// Values that somebody wrote to make the search long: it ends, with an answer or without one.
#[test]
fn hostile_values_are_bounded() {
    let secret = |pattern: &str, keyword: &str| {
        format!("kind = 'secret'\npattern = '{pattern}'\nkeywords = [{keyword}]\nlongest = 65536")
    };
    let many: Vec<(String, String)> = (0..300)
        .map(|n| (format!("r{n}"), secret(&format!("key[a-z]+{n}"), "'key'")))
        .collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let anchors = "key".repeat(20_000);
    // Three hundred patterns over sixty thousand bytes.
    let started = Work::of(anchors.len()).left();
    let searched = find(&detectors(&many), &anchors);
    assert!(searched.is_none(), "{started} steps were enough");
    // Windows of one rule that overlap are searched once.
    let one = detectors(&[("one", &secret("key[0-9]", "'key'"))]);
    let mut work = Work::of(anchors.len());
    let before = work.left();
    one.find(anchors.as_bytes(), &Platform, &mut work, &mut Vec::new())
        .expect("within the bounds");
    let spent = before - work.left();
    assert!(spent < 4 * anchors.len(), "{spent} steps");
    // Matches that all end at the same place, and fail there: nothing but the bound ends it.
    let quadratic = "kind = 'secret'\npattern = 'a[a-z]{3,}'\nvalidators = ['has_digit']";
    assert!(find(&detectors(&[("q", quadratic)]), &"a".repeat(60_000)).is_none());
    // The same that hold: they are one span soon.
    let found = "kind = 'secret'\npattern = 'a[a-z]{3,}'";
    let found = find(&detectors(&[("q", found)]), &"a".repeat(60_000)).expect("within the bounds");
    assert!(found.len() < 100 && found.iter().any(|f| (f.start, f.end) == (0, 60_000)));
    // A name of a host is looked at once, not at each of its dots.
    let rule = "kind = 'system'\npattern = '\\.[0-9A-Za-z]'\nvalidators = ['internal_host']";
    let hosts = detectors(&[("host", rule)]);
    let dots = format!("{}internal", "a.".repeat(30_000));
    assert_eq!(spans(&hosts, &dots), [(0, dots.len(), "host")]);
}

/// Rules whose keywords do not occur cost nothing beside the automaton.
#[test]
fn a_thousand_rules_take_as_many_steps_as_ten() {
    let rules = |count: usize| {
        let rules: Vec<(String, String)> = (0..count)
            .map(|n| {
                let rest =
                    format!("kind = 'secret'\npattern = 'vendor{n}_[a-z]+'\nkeywords = ['vendor{n}_']");
                (format!("v{n}"), rest)
            })
            .collect();
        let rules: Vec<(&str, &str)> = rules.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        detectors(&rules)
    };
    let text = "could not push to the protected branch after 3 attempts: vendor is unknown";
    let steps = |detectors: &Detectors| {
        let mut work = Work::of(text.len());
        let before = work.left();
        detectors
            .find(text.as_bytes(), &Platform, &mut work, &mut Vec::new())
            .expect("short");
        before - work.left()
    };
    assert_eq!(steps(&rules(10)), steps(&rules(1000)));
}
