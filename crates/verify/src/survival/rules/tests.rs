//! Both opinions together, and what neither may take for a finding.

use std::sync::Arc;

use decostop_profile::RuleSet;

use super::Rules;
use super::own::Own;
use super::shared::Index;
use crate::closure::BLANK;
use crate::testing::internal;

fn rule(id: &str, more: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nkind = \"secret\"\n{more}\nexamples = [\"x\"]\nnegative_examples = [\"y\"]\n"
    )
}

fn set(rules: &[String]) -> Arc<RuleSet> {
    let text = format!("version = 1\n{}", rules.concat());
    Arc::new(RuleSet::parse(&text).expect("a rule file"))
}

fn with(more: &str) -> Rules {
    Rules::with(set(&[rule("r", more)])).expect("a sound pattern")
}

#[test]
fn examples_of_the_shared_rules_agree() {
    let internal = internal();
    let mut faults = Vec::new();
    for rule in &RuleSet::builtin().rules {
        let mut alone = RuleSet::default();
        alone.rules.push(rule.clone());
        let alone = super::Shared::new(Arc::new(alone)).expect("a sound pattern");
        let fires = |text: &str| alone.find(text, &internal).is_some();
        let (good, bad) = (rule.examples.iter(), rule.negative_examples.iter());
        faults.extend(
            good.filter(|text| !fires(text))
                .map(|text| format!("{}: {text}", rule.id)),
        );
        faults.extend(
            bad.filter(|text| fires(text))
                .map(|text| format!("not {}: {text}", rule.id)),
        );
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn few_shared_rules_are_without_a_literal() {
    let index = Index::new(&RuleSet::builtin());
    let bare = index.bare();
    assert!(
        bare.len() <= 24,
        "each of these runs over every view that has the bytes: {bare:?}"
    );
}

#[test]
fn no_rule_file_weakens_the_own_rules() {
    let internal = internal();
    let silent = set(&[rule("secret.gitlab", "pattern = \"never-there\"")]);
    for rules in [Arc::default(), silent] {
        let rules = Rules::with(rules).expect("a sound pattern");
        for (id, example) in Own::examples() {
            assert!(rules.find(&example, &internal).is_some(), "{id}: {example}");
        }
    }
}

#[test]
fn wrong_keywords_and_lengths_hide_nothing() {
    let internal = internal();
    let long = format!("zebra-{}", "a".repeat(4000));
    let rules = with("pattern = \"zebra-[a-z]{16,}\"\nkeywords = [\"giraffe\"]\nlongest = 8");
    assert_eq!(rules.find(&long, &internal), Some("r"));
    assert_eq!(rules.find("zebra-crossing", &internal), None);
}

#[test]
fn literals_are_found_in_any_case_and_at_any_place() {
    let internal = internal();
    for literal in ["ab", "abc", "Zebra", "x-y_z/0.1", "aaaa"] {
        let rules = with(&format!("pattern = '(?i){}'", regex::escape(literal)));
        for text in [
            literal.to_owned(),
            format!("{literal} behind"),
            format!("in front {literal}"),
            format!("é{}é", literal.to_uppercase()),
            format!("a{literal}"),
        ] {
            assert_eq!(rules.find(&text, &internal), Some("r"), "{text}");
        }
        let cut = literal.get(1..).unwrap_or_default();
        assert_eq!(rules.find(cut, &internal), None, "{cut}");
    }
}

#[test]
fn what_was_proven_is_no_finding() {
    let internal = internal();
    let setting = with("pattern = '(?i)password[=:]\\s*(\\S+)'\nvalidators = [\"set_value\"]");
    let bare = with("pattern = 'secret=\\S+'");
    for value in [
        "\u{1}",
        "\u{1},",
        "\"\u{1}\"",
        "[text]",
        "[secret]",
        "[key]",
        "[event]",
    ] {
        assert_eq!(
            setting.find(&format!("password={value} next"), &internal),
            None,
            "{value}"
        );
    }
    assert_eq!(bare.find("secret=\u{1} next", &internal), None);
    // A blank excuses itself alone.
    assert!(setting.find("password=hunter2\u{1}", &internal).is_some());
    assert!(
        setting
            .find("password=\u{1} password=hunter2", &internal)
            .is_some()
    );
    assert!(bare.find("secret=hunter2\u{1}", &internal).is_some());
    assert!(
        with("pattern = 'zebra\\S*'")
            .find("zebra\u{1}", &internal)
            .is_some()
    );
    assert!(
        with("pattern = 'u:\\S+:pw'")
            .find("u:\u{1}:pw", &internal)
            .is_some()
    );
}

#[test]
fn ordinary_output_is_no_finding() {
    let internal = internal();
    let rules = Rules::built_in();
    for text in [
        "password: [text] done",
        "token [text] expired",
        "could not open the file, 404 (not found)",
        "select a branch from the list",
        "basic authentication failed",
        "internal server error",
        "POST /api/:version/projects/:id/access_tokens",
        "Projects::Settings::AccessTokensController#create",
        "PersonalAccessTokens::ExpiringWorker",
        "secret_detection_scan_finished",
        "access_token_created",
        "JID-[text]: done: 0.557226 sec",
        "Failed Login: username=\u{1} ip=\u{1}",
        "user \u{1} added \u{1} to \u{1}/\u{1} as developer",
        "token=\u{1}&private_token=\u{1}&[key]",
        "/\u{1}/\u{1}/-/merge_requests/12/diffs",
    ] {
        assert_eq!(rules.find(text, &internal), None, "{}", text.replace(BLANK, "_"));
    }
}

#[test]
fn a_pattern_that_cannot_be_run_is_refused_by_name() {
    let broken = set(&[
        rule("sound", "pattern = \"abc\""),
        rule("broken", "pattern = \"a(b\""),
    ]);
    let refused = Rules::with(broken).err().expect("an unclosed group");
    assert_eq!(
        refused.to_string(),
        "rule \"broken\": its pattern is no regular expression over bytes"
    );
    // Too large to compile: whatever needs it cannot be decided.
    let large = with("pattern = 'zebra[a-z]{1000}{1000}'");
    assert_eq!(large.find("zebra", &internal()), Some("undecidable"));
    assert_eq!(large.find("horse", &internal()), None);
}

#[test]
fn hostile_views_take_bounded_work() {
    let internal = internal();
    let random = with("pattern = '[a-z]{16,}'\nvalidators = [\"random\"]");
    assert_eq!(random.find(&"a".repeat(1 << 20), &internal), Some("undecidable"));
    let rules = Rules::built_in();
    for text in ["gl", "token=", "-----BEGIN ", "1.", "::", "@a.", "4111 "] {
        let began = std::time::Instant::now();
        let _ = rules.find(&text.repeat((1 << 14) / text.len()), &internal);
        assert!(began.elapsed().as_secs() < 20, "{text}");
    }
}

#[test]
fn a_thousand_rules_compile_no_more_than_is_called_for() {
    let many: Vec<String> = (0..1000)
        .map(|n| {
            rule(
                &format!("r{n}"),
                &format!("pattern = 'vendor{n}x_[0-9a-f]{{32}}'"),
            )
        })
        .collect();
    let shared = super::Shared::new(set(&many)).expect("sound patterns");
    let internal = internal();
    assert_eq!(shared.find("an ordinary message of 40 words", &internal), None);
    assert_eq!(shared.index().compiled(), 0);
    let token = format!("vendor777x_{}", "0123456789abcdef".repeat(2));
    assert_eq!(shared.find(&token, &internal), Some("r777"));
    assert_eq!(shared.index().compiled(), 1);
}

#[test]
fn what_a_manifest_calls_was_compiled_before() {
    let internal = internal();
    let rules = Rules::with(Arc::new((*RuleSet::builtin()).clone())).expect("sound patterns");
    rules.warm(&internal);
    let warm = rules.shared.index().compiled();
    for text in ["0.1.0", "ticket 5001", "raw:*"] {
        assert_eq!(rules.find(text, &internal), None, "{text}");
    }
    let more = rules.shared.index().compiled() - warm;
    assert!(more * 4 <= warm, "{warm}, and {more} more for a manifest");
}

/// Rules of the usual shape: a prefix of their own and a run of characters.
fn vendors(count: usize) -> Rules {
    let vendor = |n: usize| {
        let name: String = [n / 676 % 26, n / 26 % 26, n % 26]
            .iter()
            .map(|letter| char::from(b'a' + *letter as u8))
            .collect();
        rule(&format!("r{n}"), &format!("pattern = '{name}key_[0-9a-f]{{32}}'"))
    };
    Rules::with(set(&(0..count).map(vendor).collect::<Vec<_>>())).expect("sound patterns")
}

#[test]
#[ignore = "a measurement; run it alone and in release"]
fn a_thousand_rules_cost_hardly_more_than_ten() {
    let internal = internal();
    let texts = [
        "Projects::MergeRequests::DiffsController#show",
        "could not open the file, 404 (not found), retry in 5 seconds",
        "/\u{1}/-/merge_requests/12/diffs_batch.json",
        "Failed Login: username=\u{1} ip=\u{1}",
        "GET /api/:version/projects/:id/repository/files/:file_path/raw",
    ];
    let (few, many) = (vendors(10), vendors(1000));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..401 {
        for (rules, times) in [&few, &many].into_iter().zip(&mut times) {
            let began = std::time::Instant::now();
            for _ in 0..10 {
                for text in texts {
                    assert_eq!(rules.shared.find(text, &internal), None);
                }
            }
            times.push(began.elapsed());
        }
    }
    for times in &mut times {
        times.sort();
    }
    let [few, many] = times.map(|times| times[200]);
    assert!(
        many.as_secs_f64() <= 1.5 * few.as_secs_f64(),
        "{few:?} for 10 rules, {many:?} for 1,000"
    );
}
