//! The built-in rules hold what they say, as far as patterns alone can tell: the engines, which know validators,
//! run the same examples.

use std::collections::{BTreeMap, HashSet};

use decostop_profile::{Rule, RuleKind, RuleSet, Validator};
use regex::bytes::{Regex, RegexBuilder};

/// Bound of a compiled pattern, in bytes; engines have one as well.
const MAX_COMPILED: usize = 4 << 20;

fn compiled(rule: &Rule) -> Regex {
    let built = RegexBuilder::new(&rule.pattern)
        .unicode(false)
        .size_limit(MAX_COMPILED)
        .build();
    built.unwrap_or_else(|error| panic!("{}: {error}", rule.id))
}

/// The parts found, one byte after each start so that no neighbour is swallowed.
fn found<'t>(regex: &Regex, text: &'t str) -> Vec<(&'t [u8], &'t [u8])> {
    let bytes = text.as_bytes();
    let (mut all, mut from) = (Vec::new(), 0);
    while let Some(hit) = bytes.get(from..).and_then(|_| regex.captures_at(bytes, from)) {
        let whole = hit.get(0).expect("the whole match");
        let part = hit.get(1).unwrap_or(whole);
        all.push((whole.as_bytes(), part.as_bytes()));
        from = part.start().max(from) + 1;
    }
    all
}

fn is_fulfilled(validator: Validator, part: &[u8]) -> bool {
    match validator {
        Validator::HasDigit => part.iter().any(u8::is_ascii_digit),
        Validator::HasLetter => part.iter().any(u8::is_ascii_alphabetic),
        Validator::Varied => {
            let tail = &part[part.len().saturating_sub(16)..];
            tail.to_ascii_lowercase().iter().collect::<HashSet<_>>().len() >= 5
        }
        // The others are the engines' own.
        _ => true,
    }
}

fn fires(rule: &Rule, regex: &Regex, text: &str) -> bool {
    found(regex, text)
        .iter()
        .any(|(_, part)| rule.validators.iter().all(|one| is_fulfilled(*one, part)))
}

#[test]
fn examples_fire_and_each_match_holds_a_keyword() {
    let mut faults = Vec::new();
    for rule in &RuleSet::builtin().rules {
        let regex = compiled(rule);
        for text in &rule.examples {
            if !fires(rule, &regex, text) {
                faults.push(format!("{} misses {text}", rule.id));
            }
            for (whole, _) in found(&regex, text) {
                let whole = String::from_utf8_lossy(whole).to_ascii_lowercase();
                let has_keyword = rule.keywords.iter().any(|keyword| whole.contains(keyword));
                if !rule.keywords.is_empty() && !has_keyword {
                    faults.push(format!("{}: no keyword in {whole}", rule.id));
                }
                if whole.len() > rule.longest {
                    faults.push(format!("{}: {} bytes in {text}", rule.id, whole.len()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn counter_examples_are_silent_unless_a_validator_decides() {
    let mut faults = Vec::new();
    for rule in &RuleSet::builtin().rules {
        let plain = [Validator::HasDigit, Validator::HasLetter, Validator::Varied];
        let regex = compiled(rule);
        let decided = rule.validators.iter().any(|one| !plain.contains(one));
        for text in &rule.negative_examples {
            if !decided && fires(rule, &regex, text) {
                faults.push(format!("{} fires on {text}", rule.id));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn rules_are_described_and_have_keywords() {
    // Numbers whose shape holds no literal.
    const WITHOUT: [&str; 8] = [
        "personal.card",
        "personal.es.nif",
        "personal.iban",
        "personal.in.pan",
        "personal.it.fiscal_code",
        "personal.sg.nric",
        "personal.uk.nino",
        "personal.us.mbi",
    ];
    let rules = RuleSet::builtin();
    let mut kinds = BTreeMap::new();
    for rule in &rules.rules {
        assert!(rule.about.len() > 10, "{}", rule.id);
        assert_eq!(
            rule.keywords.is_empty(),
            WITHOUT.contains(&rule.id.as_str()),
            "{}",
            rule.id
        );
        let named = match rule.kind {
            RuleKind::Secret => "secret.",
            RuleKind::Personal => "personal.",
            RuleKind::System => "system.",
            _ => "",
        };
        assert!(!named.is_empty() && rule.id.starts_with(named), "{}", rule.id);
        *kinds.entry(rule.kind.as_str()).or_insert(0) += 1;
    }
    assert!(
        kinds["secret"] >= 120 && kinds["personal"] >= 30 && kinds["system"] >= 30,
        "{kinds:?}"
    );
}

/// Sentences that GitLab writes, and what built-up text looks like.
#[test]
fn ordinary_messages_are_silent() {
    let plain = [
        "Project export started",
        "Member was added to the group as Maintainer",
        "User [text] was removed from project acme/payments/api",
        "Failed to authenticate: token: invalid",
        "password=[secret], token: [text] and secret: [text]",
        "Authorization: [secret]",
        "reset password for user-mzxw6ytboi2tsnjrgqzda",
        "Changed visibility from private to internal",
        "GET /api/v4/projects/:project_id/access_tokens",
        "Projects::BlobController#show",
        "key [key] is not set, 12 of 4,096 tokens left",
        "Cannot push to a protected branch at 12:00:00 on 2026-11-01",
        "merge request !7 of acme-payments-api-and-more was closed",
        "Gitlab::Access::AccessDeniedError",
        "basic authentication is required for the session",
        "select a user from the list and update the settings",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
        "git/2.43.0",
        "gitlab-runner 17.5.0 (c51bdbaf; go1.22.7; linux/amd64)",
        "1,234,567 records in 3.25 s",
    ];
    let mut faults = Vec::new();
    for rule in &RuleSet::builtin().rules {
        let regex = compiled(rule);
        for text in plain {
            let keyword_hit = rule.keywords.is_empty()
                || rule
                    .keywords
                    .iter()
                    .any(|keyword| text.to_ascii_lowercase().contains(keyword));
            let decided = rule.validators.iter().any(|one| {
                matches!(
                    one,
                    Validator::SetValue
                        | Validator::InternalHost
                        | Validator::Random
                        | Validator::Address
                        | Validator::InternalAddress
                )
            });
            if keyword_hit && !decided && fires(rule, &regex, text) {
                faults.push(format!("{} fires on {text}", rule.id));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Every form of GitLab's own tokens goes by its whole span, whatever stands around it.
#[test]
fn gitlab_tokens_go_as_a_whole() {
    let body = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKlMnOpQrStUvWxYz01";
    let hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let take = |count: usize| &body[..count];
    let mut tokens: Vec<String> = [
        ("glpat", 20),
        ("gldt", 20),
        ("glrt", 20),
        ("glrtr", 20),
        ("glft", 20),
        ("glimt", 25),
        ("glagent", 50),
        ("gloas", 64),
        ("glsoat", 20),
        ("glffct", 20),
        ("glwt", 20),
        ("glptt", 40),
        ("glnew", 30),
    ]
    .into_iter()
    .map(|(prefix, length)| format!("{prefix}-{}", take(length)))
    .collect();
    tokens.extend([
        format!("glpat-{}.0w1abcdef", take(27)),
        format!("glpat-{}.01.0w1abcdef", take(51)),
        format!("acme_inc-glpat-{}.01.0w1abcdef", take(51)),
        format!("glrt-t1_{}", take(20)),
        format!("glrt-t3_{}.01.1a2bcdefg", take(40)),
        format!("glrtr-t2_{}", take(20)),
        format!("glcbt-64_{}", take(20)),
        "glcbt-eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJnaXRsYWIifQ.c2lnbmF0dXJl-_0".to_owned(),
        format!("glft-{hex}-1001"),
        format!("GR1348941{}", take(20)),
        format!("_gitlab_session={}", &hex[..32]),
    ]);
    let rules: Vec<(Rule, Regex)> = RuleSet::builtin()
        .rules
        .iter()
        .map(|rule| (rule.clone(), compiled(rule)))
        .collect();
    let mut left = Vec::new();
    for token in &tokens {
        for around in [
            "{}",
            "token={}&a=b",
            "\"{}\"",
            "x_{}",
            "see {}.",
            "/{}/",
            "u%3D{}%26",
        ] {
            let text = around.replace("{}", token);
            let start = text.find(token.as_str()).expect("it stands there");
            let mut gone = vec![false; text.len()];
            for (rule, regex) in &rules {
                if !rule.id.starts_with("secret.") {
                    continue;
                }
                for (_, part) in found(regex, &text) {
                    if rule.validators.iter().all(|one| is_fulfilled(*one, part)) {
                        let at = part.as_ptr() as usize - text.as_ptr() as usize;
                        gone[at..at + part.len()].fill(true);
                    }
                }
            }
            // A cookie's name says nothing.
            let from = start + token.find("_session=").map_or(0, |at| at + "_session=".len());
            if !gone[from..start + token.len()].iter().all(|gone| *gone) {
                left.push(text);
            }
        }
    }
    assert!(left.is_empty(), "{left:#?}");
}
