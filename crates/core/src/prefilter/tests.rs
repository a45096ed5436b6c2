//! Soundness: whatever hides a needle, its line is a candidate.

use decostop_profile::Profile;
use decostop_redact::ProfilePlan;
use proptest::prelude::*;

use super::Prefilter;
use crate::query::QueryPlan;
use crate::request::{AdHoc, Instant, Request};

fn prefilter(namespaces: &[&str], users: &[&str]) -> Prefilter {
    let profile = Profile::gitlab();
    let flags = AdHoc {
        namespaces: namespaces.iter().map(|text| (*text).to_owned()).collect(),
        users: users.iter().map(|text| (*text).to_owned()).collect(),
        ..AdHoc::default()
    };
    let request = Request::ad_hoc(&flags, &profile, Instant(1_800_000_000_000_000_000)).expect("sound flags");
    let plan = ProfilePlan::new(profile).expect("a sound profile");
    Prefilter::new(&QueryPlan::new(&request, &plan).needles).expect("needles")
}

fn lines(filter: &Prefilter, segment: &str) -> Vec<String> {
    let mut found = Vec::new();
    filter.candidates(segment.as_bytes(), &mut |start, end| {
        found.push(segment[start..end].to_owned());
        true
    });
    found
}

#[test]
fn spellings_of_a_needle_are_candidates() {
    let filter = prefilter(&["acme/payments"], &[]);
    for line in [
        "x acme/payments",
        "ACME\\/PayMents",
        "acme%2Fpayments",
        r"acme/p\u0061yments",
        r"acme/P\u0041YMENTS",
        "acme/%70ayments",
        r"\\u0070ayments",
        r"\u002570ayments",
    ] {
        assert_eq!(lines(&filter, line), [line], "{line}");
    }
    for line in ["acme", r"pay \u003cments\u003e", "pay%20ments", "pay ments", ""] {
        assert!(lines(&filter, line).is_empty(), "{line}");
    }
}

#[test]
fn each_candidate_line_comes_once_and_in_order() {
    let filter = prefilter(&["acme"], &["mallory"]);
    let text = "acme mallory acme\nnothing\n\n%61 mall\\u006fry\n%61 \\u0061\nMALLORY";
    assert_eq!(
        lines(&filter, text),
        ["acme mallory acme", "%61 mall\\u006fry", "MALLORY"]
    );
}

fn disguise(text: &str, choices: &[u8]) -> String {
    let spell = |(at, c): (usize, char)| {
        let code = c as u32;
        match choices.get(at).copied().unwrap_or(0) % 12 {
            1 => format!("\\u{code:04x}"),
            2 => format!("\\u{code:04X}"),
            3 => format!("%{code:02x}"),
            4 => format!("%{code:02X}"),
            5 => c.to_ascii_uppercase().to_string(),
            6 => format!("\\u0025{code:02x}"),
            7 => format!("%5Cu{code:04x}"),
            8 => format!("\\u005cu{code:04X}"),
            9 => format!("%2525{code:02X}"),
            _ => c.to_string(),
        }
    };
    text.chars().enumerate().map(spell).collect()
}

proptest! {
    #[test]
    fn no_disguise_hides_a_needle(
        name in "[a-z][a-z0-9_.-]{0,20}[a-z0-9]",
        others in proptest::collection::vec("[a-z]{3,12}", 0..12),
        choices in proptest::collection::vec(any::<u8>(), 0..22),
        before in "[ -$&-\\[\\]-~]{0,40}", after in "[ -~]{0,40}",
    ) {
        let mut users: Vec<&str> = others.iter().map(String::as_str).collect();
        users.push(&name);
        users.sort_unstable();
        users.dedup();
        let filter = prefilter(&[], &users);
        let line = format!("{before}{}{after}", disguise(&name, &choices));
        let found = lines(&filter, &format!("\n{line}\nx"));
        prop_assert!(found.contains(&line));
    }
}

#[test]
fn an_ipv4_address_may_be_written_as_ipv6() {
    let text = "version = 1\nid = \"x\"\nrequested_at = 2026-11-08T09:00:00Z\nad_hoc = true\n[[select]]\nips = [\"81.2.69.144\"]\n";
    let request = Request::parse(text, std::path::Path::new("")).expect("a sound request");
    let plan = ProfilePlan::new(Profile::gitlab()).expect("a sound profile");
    let filter = Prefilter::new(&QueryPlan::new(&request, &plan).needles).expect("needles");
    for line in [
        "81.2.69.144",
        "::ffff:81.2.69.144",
        "::ffff:5102:4590",
        "0:0:0:0:0:FFFF:5102:4590",
    ] {
        assert_eq!(lines(&filter, line), [line]);
    }
    assert!(lines(&filter, "81.2.69.145").is_empty());
}
