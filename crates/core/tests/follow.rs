//! The passes before and behind: ids that records pair with names, and the other lines of a request.

mod common;

use common::{Done, builder, run};
use decostop::DiveBuilder;

const HEAD: &str = r#"
version = 1
id = "FOLLOW-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
namespaces = ["acme"]
users = [{ username = "alice", id = 1001 }]
evidence = "a test"
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-08T00:00:00Z
[disclosure]
personal_data = false
"#;
const ACME: &str =
    "[[select]]\nnamespaces = [\"acme\"]\nevents = [\"raw:*\"]\nsources = [\"production_json\"]\n";
const EXCEPTED: &str =
    "[[exception]]\ncondition = \"events.few\"\nreason = \"a test\"\napproved_by = \"the tests\"\n";

fn rails(second: u32, correlation: &str, rest: &str) -> String {
    format!(
        r#"{{"controller":"ProjectsController","action":"show","time":"2026-11-02T10:00:{second:02}.000Z","correlation_id":"{correlation}"{rest}}}"#
    )
}

fn gitaly(second: u32, correlation: &str, rest: &str) -> String {
    format!(
        r#"{{"grpc.method":"FindCommit","time":"2026-11-02T10:00:{second:02}.000Z","correlation_id":"{correlation}","level":"info","msg":"finished unary call"{rest}}}"#
    )
}

fn dive(select: &str, files: &[(&str, Vec<String>)], set: impl Fn(DiveBuilder) -> DiveBuilder) -> Done {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (source, lines) in files {
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        std::fs::write(dir.path().join(format!("{source}.log")), text).expect("room");
    }
    let request = format!("{HEAD}{select}{EXCEPTED}");
    run(set(builder(&request, dir.path().to_owned()))).unwrap_or_else(|error| panic!("{error}"))
}

/// The seconds of the records that came out.
fn seconds(done: &Done) -> Vec<u32> {
    let second = |record: &String| record.split_once("T10:00:")?.1.get(..2)?.parse().ok();
    done.sink
        .records
        .iter()
        .map(|record| second(record).expect("a time"))
        .collect()
}

const C: &str = "01KFOLLOW0000000000000001";
const D: &str = "01KFOLLOW0000000000000002";

fn two_requests() -> Vec<(&'static str, Vec<String>)> {
    vec![
        (
            "production_json",
            vec![
                rails(1, C, r#","meta.project":"acme/a","username":"alice""#),
                rails(2, D, r#","meta.project":"acme/a""#),
            ],
        ),
        (
            "gitaly",
            vec![
                gitaly(3, C, ""),
                gitaly(4, D, ""),
                gitaly(5, "01KFOLLOW0000000000000003", ""),
                gitaly(6, D, r#","grpc.request.glProjectPath":"other/b""#),
                gitaly(7, C, r#","grpc.request.glProjectPath":"acme/a.wiki""#),
                gitaly(8, C, r#","remote_ip":"192.0.2.9""#),
            ],
        ),
        (
            "workhorse",
            vec![format!(
                r#"{{"time":"2026-11-02T10:00:09Z","correlation_id":"{C}","method":"GET","uri":"/assets/a.css","referrer":"https://gitlab.example/other/b","level":"info","msg":"access","status":200}}"#
            )],
        ),
    ]
}

#[test]
fn without_following_only_what_the_selects_take_comes_out() {
    assert_eq!(seconds(&dive(ACME, &two_requests(), |builder| builder)), [1, 2]);
}

#[test]
fn lines_that_name_nobody_come_out_if_all_the_others_of_their_request_concern_the_scope() {
    for threads in [1, 3] {
        for memory_bytes in [1, 1 << 20] {
            let done = dive(ACME, &two_requests(), |builder| {
                let mut limits = decostop::Limits::default();
                limits.memory_bytes = memory_bytes;
                builder.follow_correlation(true).threads(threads).limits(limits)
            });
            // D belongs in part to somebody else: its own lines stay, its silent one does not come.
            assert_eq!(seconds(&done), [1, 2, 3, 7, 8, 9]);
            assert_eq!(done.report.counts.outside_scope, 2);
            assert_eq!(done.report.counts.notes.get("follow.correlation_ids"), Some(&2));
            assert_eq!(done.report.counts.notes.get("follow.lines"), Some(&6));
            assert!(
                !done.sink.records.iter().any(|record| record.contains("other")),
                "nobody else is named"
            );
        }
    }
}

#[test]
fn a_group_in_a_longer_url_and_a_stranger_in_a_message_are_somebody() {
    let workhorse = |uri: &str| {
        format!(
            r#"{{"time":"2026-11-02T10:00:20Z","correlation_id":"{C}","method":"GET","uri":"{uri}","level":"info","msg":"access","status":200}}"#
        )
    };
    let message = |user: &str| {
        format!(
            r#"{{"severity":"INFO","time":"2026-11-02T10:00:21.000Z","correlation_id":"{C}","message":"Successful Login: username={user} ip=192.0.2.9 method=standard admin=false"}}"#
        )
    };
    for (source, line, clear) in [
        ("workhorse", workhorse("/help"), true),
        ("workhorse", workhorse("/api/v4/groups/othercorp/members"), false),
        ("workhorse", workhorse("/other/b"), false),
        ("application_json", message("alice"), true),
        ("application_json", message("mallory"), false),
    ] {
        let files = [
            (
                "production_json",
                vec![rails(1, C, r#","meta.project":"acme/a""#)],
            ),
            ("gitaly", vec![gitaly(3, C, "")]),
            (source, vec![line.clone()]),
        ];
        let done = dive(ACME, &files, |builder| builder.follow_correlation(true));
        assert_eq!(done.sink.records.len(), if clear { 3 } else { 1 }, "{line}");
    }
}

#[test]
fn following_does_not_depend_on_the_prefilter_and_leaves_the_window_alone() {
    let mut files = two_requests();
    files[1]
        .1
        .push(gitaly(9, C, "").replace("2026-11-02", "2026-11-08"));
    files[1]
        .1
        .push(gitaly(10, "\\u0030\\u0031KFOLLOW0000000000000001", ""));
    for prefilter in [true, false] {
        let done = dive(ACME, &files, |builder| {
            builder.follow_correlation(true).prefilter(prefilter)
        });
        assert_eq!(seconds(&done), [1, 2, 3, 7, 8, 9, 10]);
    }
}

#[test]
fn a_line_that_cannot_be_read_is_withheld_if_it_holds_a_followed_id() {
    let mut files = two_requests();
    files[1].1.push(format!("{{\"correlation_id\":\"{C}\",\"cut"));
    files[1]
        .1
        .push("{\"correlation_id\":\"01KFOLLOW0000000000000003\",\"cut".to_owned());
    let done = dive(ACME, &files, |builder| builder.follow_correlation(true));
    assert_eq!(done.report.counts.withheld, 1);
}

#[test]
fn an_excluded_user_stays_excluded() {
    let mut files = two_requests();
    files[0]
        .1
        .push(rails(11, C, r#","meta.project":"acme/a","username":"bot7""#));
    let select = format!("{ACME}exclude = {{ users = [\"bot7\"] }}\n");
    let done = dive(&select, &files, |builder| builder.follow_correlation(true));
    assert!(!seconds(&done).contains(&11));
}

#[test]
fn ids_are_learned_from_pairs_and_found_where_they_stand_alone() {
    let sidekiq = |second: u32, rest: &str| {
        format!(
            r#"{{"class":"PostReceive","time":"2026-11-02T10:00:{second:02}.000Z","jid":"4e89fc5791b74e05ffb45854","job_status":"done"{rest}}}"#
        )
    };
    let files = [
        (
            "sidekiq",
            vec![
                sidekiq(1, r#","project_id":51191,"project_path":"acme/a""#),
                sidekiq(2, r#","project_id":51191"#),
                sidekiq(3, r#","project_id":51192"#),
                sidekiq(4, r#","project_id":7,"project_path":"acmeville/b""#),
                sidekiq(5, r#","project_id":7"#),
            ],
        ),
        (
            "production_json",
            vec![
                rails(6, C, r#","username":"mallory","user_id":666"#),
                rails(7, C, r#","meta.project":"acme/a","user_id":666"#),
            ],
        ),
    ];
    let select = "[[select]]\nnamespaces = [\"acme\"]\nevents = [\"raw:*\"]\nsources = [\"sidekiq\"]\n[[select]]\nusers = [\"mallory\"]\nevents = [\"raw:*\"]\n";
    assert_eq!(seconds(&dive(select, &files, |builder| builder)), [1]);
    let done = dive(select, &files, |builder| builder.follow_ids(true));
    assert_eq!(
        seconds(&done),
        [1, 2, 7],
        "the id alone is found, and it is in scope by its pairing"
    );
    assert_eq!(done.report.counts.notes.get("follow.ids"), Some(&2));
}

#[test]
fn what_can_be_read_only_once_is_not_followed() {
    let request = format!("{HEAD}{ACME}{EXCEPTED}");
    let dive = builder(&request, "-".into()).follow_correlation(true).build();
    assert!(dive.is_err_and(|error| error.to_string().contains("only once")));
}
