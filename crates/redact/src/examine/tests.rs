use std::sync::{Arc, LazyLock};

use decostop_profile::{Class, Profile, RuleSet, Scope, UserScope};
use proptest::prelude::*;

use super::*;
use crate::facts::{Facts, Learner};
use crate::key::{Pseudonyms, RequestKey};
use crate::plan::ProfilePlan;
use crate::scope::{EVER, ScopeIndex};
use crate::text::{Built, MARK};

/// Rules whose secrets are ordinary words.
const RULES: &str = r#"
version = 1
[[rule]]
id = "t.setting"
kind = "secret"
pattern = '''(?i)pass(?:word|phrase)["']? ?(?:=|:|=>|is) ?["']?([a-z]+(?: [a-z]+){0,3})'''
keywords = ["password", "passphrase"]
examples = ["password is correct horse"]
negative_examples = ["reset the password"]
[[rule]]
id = "t.codename"
kind = "secret"
pattern = '''blue[ _-]river'''
keywords = ["blue"]
examples = ["blue river"]
negative_examples = ["blue"]
[[rule]]
id = "t.email"
kind = "personal"
pattern = '''[a-z.]+@[a-z.]+'''
keywords = []
examples = ["a@b"]
negative_examples = ["a"]
[[rule]]
id = "t.sql"
kind = "system"
pattern = '''(?i)select [a-z]+ from'''
keywords = ["select"]
examples = ["select a from"]
negative_examples = ["select"]
[[rule]]
id = "t.river"
kind = "system"
pattern = '''river[a-z]*'''
keywords = ["river"]
examples = ["river"]
negative_examples = ["a"]
"#;

static WORLD: LazyLock<World> = LazyLock::new(World::new);

struct World {
    plan: ProfilePlan,
    facts: Facts,
    pseudonyms: Pseudonyms,
}

impl World {
    fn new() -> Self {
        let rules = RuleSet::parse(RULES).expect("sound rules");
        let plan = ProfilePlan::with_rules(Profile::gitlab(), Arc::new(rules)).expect("a plan");
        let words = &plan.profile.vocabulary.words;
        let alice = UserScope {
            username: "alice".to_owned(),
            emails: vec!["alice@acme.example".to_owned()],
            ..UserScope::default()
        };
        let scope = Scope {
            users: vec![alice],
            ..Scope::default()
        };
        let scope = ScopeIndex::new(&scope).expect("a sound scope");
        let mut learner = Learner::default();
        learner.add_account(Class::User, "mallory", &scope);
        learner.add_account(Class::Name, "May Hill", &scope);
        learner.add_account(Class::Project, "other/secret-plan", &scope);
        let facts = learner.freeze(scope, words);
        Self {
            facts,
            pseudonyms: Pseudonyms::new(&RequestKey::from_bytes([7; 32])),
            plan,
        }
    }

    fn context(&self) -> TextContext<'_> {
        TextContext {
            plan: &self.plan,
            facts: &self.facts,
            pseudonyms: &self.pseudonyms,
            ns: EVER,
            personal_data: true,
        }
    }

    fn build(&self, text: &str) -> Built {
        self.context().build(text)
    }
}

#[test]
fn a_secret_of_ordinary_words_goes_and_nothing_else() {
    let world = &*WORLD;
    for (text, shown, rule) in [
        (
            "the password is correct horse for this project",
            "the password is [text] project",
            "t.setting",
        ),
        ("open blue_river now", "open [text] now", "t.codename"),
        ("open blue river now", "open [text] now", "t.codename"),
        ("mail alice@acme.example now", "mail alice@acme.example now", ""),
        // Something else is encoded.
        (
            "mail alice@acme.example\nnow &amp; then",
            "mail alice@acme.example now [text] then",
            "text.word",
        ),
        ("mail bob@other.example now", "mail [text] now", "t.email"),
        // A statement goes to the end of its line, a name in it does not.
        (
            "failed: select name from users where open\nread on",
            "failed: [text] read on",
            "t.sql",
        ),
        ("the river is open", "the [text] is open", "t.river"),
    ] {
        let built = world.build(text);
        assert_eq!(built.text, shown, "{text}");
        let rules: Vec<&str> = built.removed.iter().map(|(.., rule)| *rule).collect();
        assert_eq!(rules.first().copied().unwrap_or_default(), rule, "{text}");
    }
}

#[test]
fn what_stands_in_a_view_goes_with_what_it_was_written_as() {
    let world = &*WORLD;
    for (text, shown) in [
        // "blue river" across chunks, in each way of writing.
        ("open blue\\u0020river now", "open [text] now"),
        ("open bl&#117;e river now", "open [text] now"),
        ("open blue\n  _river now", "open [text] now"),
        ("open b\u{200b}lue river now", "open [text] now"),
        ("open b\u{1b}[0mlue river now", "open [text] now"),
        ("open Ymx1ZSByaXZlciBub3cgYW5k now", "open [text] now"),
        // A foreign display name of ordinary words.
        ("ask may+hill for access", "ask [text] for access"),
        ("ask may_hill for access", "ask [text] for access"),
        ("ask may\\thill for access", "ask [text] for access"),
        ("ask may hill for access", "ask [text] for access"),
        ("see may\nhill for access", "see [text] for access"),
    ] {
        assert_eq!(world.build(text).text, shown, "{text}");
    }
}

#[test]
fn foreign_names_in_views_are_spans() {
    let world = &*WORLD;
    let spans = |text: &str| {
        let spans = world.context().examine(text).expect("decidable");
        spans
            .over(0, text.len())
            .map(|span| (span.start, span.end, span.rule))
            .collect::<Vec<_>>()
    };
    assert_eq!(spans("see %6dallory now"), [(4, 13, FOREIGN)]);
    assert_eq!(spans("see other%2Fsecret-plan now"), [(4, 23, FOREIGN)]);
    assert_eq!(spans("see %61lice now"), []);
    assert_eq!(spans("see %74he now"), []);
}

#[test]
fn what_nobody_can_decode_goes_whole() {
    let world = &*WORLD;
    let text = format!("open the project {}", "\\".repeat(200));
    let built = world.build(&text);
    assert_eq!(
        (built.text.as_str(), built.removed[0].2),
        (MARK, crate::text::UNDECIDABLE)
    );
}

#[test]
fn spans_unite_under_the_strongest_kind() {
    let span = |start, end, kind, rule| Span {
        start,
        end,
        kind,
        rule,
        plain: true,
    };
    let spans = Spans::union(vec![
        span(8, 12, RuleKind::System, "c"),
        span(0, 5, RuleKind::Personal, "a"),
        span(4, 9, RuleKind::Secret, "b"),
        span(12, 14, RuleKind::Personal, "d"),
    ]);
    let united: Vec<_> = spans
        .over(0, 20)
        .map(|span| (span.start, span.end, span.rule))
        .collect();
    assert_eq!(united, [(0, 12, "b"), (12, 14, "d")]);
    assert_eq!(spans.over(11, 13).count(), 2);
    assert_eq!(spans.over(14, 20).count(), 0);
    // The rule of a smaller span within a larger one is not lost to it.
    let world = &*WORLD;
    let built = world.build("see blue river then");
    assert_eq!(built.removed, [(4, 10, "t.codename")]);
}

#[test]
fn words_of_paths_and_agents_are_examined() {
    let world = &*WORLD;
    let context = world.context();
    assert_eq!(context.build_word("open-project"), "open-project");
    assert_eq!(context.build_word("blue-river"), MARK);
    assert_eq!(context.build_word("river"), MARK);
    assert_eq!(context.build_word("may_hill"), MARK);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever stands around it and however it is written: no word of a secret is in what is left.
    #[test]
    fn no_secret_of_words_survives(
        words in proptest::collection::vec("(open|the|project|group|45|\\(now\\)|a\\+b|50%)", 0..5),
        at in 0usize..6,
        form in 0usize..8,
    ) {
        let world = &*WORLD;
        let secret = match form {
            0 => "password: correct horse".to_owned(),
            1 => "password%3D%22correct horse\"".to_owned(),
            2 => "{\"password\": \"correct horse\"}".to_owned(),
            3 => "{\\\"password\\\":\\\"correct horse\\\"}".to_owned(),
            4 => "{\\\\\\\"password\\\\\\\":\\\\\\\"correct horse\\\\\\\"}".to_owned(),
            5 => "&quot;password&quot; =&gt; &quot;correct horse&quot;".to_owned(),
            6 => "pass\nword=correct\n horse".to_owned(),
            _ => "pa\u{200b}ssword is correct horse".to_owned(),
        };
        let mut words = words;
        words.insert(at.min(words.len()), secret);
        let built = world.build(&words.join(" "));
        prop_assert!(!built.text.contains("correct") && !built.text.contains("horse"), "{}", built.text);
    }
}
