//! Rule files of any length: what a house with many services of its own would add.

use std::fmt::Write as _;
use std::sync::Arc;

use decostop::rules;
use decostop_profile::{Profile, RuleSet};

/// `count` rules for tokens of made-up services, in the five forms in which tokens come: behind a prefix, in
/// hexadecimal digits, behind a name in a setting, in capitals, and in parts. Each has a keyword of its
/// own; the first ten of a thousand are the ten.
pub fn rule_file(count: usize) -> String {
    let mut out = "version = 1\n".to_owned();
    for number in 0..count {
        let (service, loud) = (service(number), service(number).to_uppercase());
        let [pattern, keywords, example, other] = match number % 5 {
            0 => [
                format!("(?:^|[^0-9A-Za-z])({service}_live_[0-9A-Za-z]{{32}})"),
                format!("\"{service}_live_\""),
                format!("used {service}_live_4Kq9ZtW2mXc7RbN5yVh8LpD3sFg6Jj1T"),
                format!("{service}_live_short"),
            ],
            1 => [
                format!("(?:^|[^0-9A-Za-z])({service}-pat-[0-9a-f]{{40}})"),
                format!("\"{service}-pat-\""),
                format!("{service}-pat-9c1f0e7ab35d284660f9e21c7d5ab83e41f70d92"),
                format!("{service}-pat-none"),
            ],
            2 => [
                format!(
                    "(?i){service}[_.-](?:api|access)[_.-]?key[\"']?\\s{{0,2}}[:=]\\s{{0,2}}[\"']?([0-9a-z]{{24,40}})"
                ),
                format!("\"{service}_\", \"{service}-\", \"{service}.\""),
                format!("{service}_api_key=q8w3e5r7t1y9u2i4o6p0a8s3"),
                format!("{service}_api_key is not set"),
            ],
            3 => [
                format!("(?:^|[^0-9A-Za-z])({loud}[0-9A-Z]{{16}})(?:[^0-9A-Za-z]|$)"),
                format!("\"{service}\""),
                format!("key {loud}7Q2M9XK4TB6W1ZR8 was used"),
                format!("{service} was restarted"),
            ],
            _ => [
                format!("{service}\\.[0-9A-Za-z_-]{{20,40}}\\.[0-9A-Za-z_-]{{27,43}}"),
                format!("\"{service}.\""),
                format!("{service}.Zx4Kq9ZtW2mXc7RbN5yVh8.LpD3sFg6Jj1TaB7cD2eF9gH4iK6mN8pQ"),
                format!("{service}.example.com"),
            ],
        };
        let _ = write!(
            out,
            "\n[[rule]]\nid = \"bench.token_{number}\"\nkind = \"secret\"\nabout = \"Token of {service}\"\n\
             pattern = '''{pattern}'''\nkeywords = [{keywords}]\nlongest = 128\n\
             examples = [\"{example}\"]\nnegative_examples = [\"{other}\"]\n"
        );
    }
    out
}

/// The rules of [`rule_file`], all of whose examples agree.
pub fn generated_rules(count: usize) -> Arc<RuleSet> {
    let checked = rules::check(&rule_file(count), &Profile::gitlab());
    let said: Vec<String> = (checked.faults.iter().chain(&checked.warnings))
        .map(ToString::to_string)
        .collect();
    assert!(said.is_empty(), "a generated rule: {said:?}");
    assert_eq!(checked.rules.rules.len(), count, "generated rules");
    Arc::new(checked.rules)
}

/// A name that no other number has.
fn service(number: usize) -> String {
    const FIRST: [&str; 16] = [
        "ac", "bel", "cor", "dyn", "ek", "fin", "gra", "hal", "in", "jet", "kor", "lum", "mer", "nov", "or",
        "pri",
    ];
    const SECOND: [&str; 16] = [
        "va", "zo", "tri", "que", "lux", "bra", "dex", "mo", "phi", "sky", "no", "xi", "ru", "gen", "ty",
        "wo",
    ];
    const THIRD: [&str; 16] = [
        "ble", "cast", "dock", "flux", "gate", "hub", "jig", "kit", "loop", "mint", "nest", "pad", "quill",
        "rail", "sync", "vault",
    ];
    let of = |list: [&'static str; 16], by: usize| list[number / by % 16];
    format!("{}{}{}", of(FIRST, 1), of(SECOND, 16), of(THIRD, 256))
}
