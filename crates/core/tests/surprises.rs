//! What in GitLab's logs breaks naive tools, one test each. `docs/PROFILES.md` lists them.

mod common;

use common::{Done, builder, run};

const HEAD: &str = r#"
version = 1
id = "SURPRISES-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
namespaces = [{ path = "acme", id = 77, formerly = ["acme-old"] }]
projects = [{ path = "acme/a", id = 51191 }]
users = [{ username = "alice", id = 1001, emails = ["alice@acme.example"], names = ["Alice Abbott"] }]
evidence = "a test"
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-08T00:00:00Z
[[select]]
namespaces = ["acme"]
events = ["raw:*"]
[[select]]
users = ["alice"]
events = ["raw:*"]
[[exception]]
condition = "events.few"
reason = "a test"
approved_by = "the tests"
"#;

/// A dive over files; `personal` shows what is the customer's.
fn dive_with(
    personal: bool,
    files: &[(&str, String)],
    set: impl Fn(decostop::DiveBuilder) -> decostop::DiveBuilder,
) -> Done {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("below the directory")).expect("room");
        std::fs::write(path, text).expect("room");
    }
    let request = format!("{HEAD}[disclosure]\npersonal_data = {personal}\n");
    run(set(builder(&request, dir.path().to_owned()))).unwrap_or_else(|error| panic!("{error}"))
}

fn dive(files: &[(&str, String)]) -> Done {
    dive_with(true, files, |builder| builder)
}

/// One file of a source.
fn lines(source: &str, lines: &[String]) -> Done {
    dive(&[(&format!("{source}.log"), lines.join("\n") + "\n")])
}

/// The only record.
fn one(done: &Done) -> &str {
    assert_eq!(
        done.sink.records.len(),
        1,
        "{:?} {:?}",
        done.sink.records,
        done.sink.withheld
    );
    &done.sink.records[0]
}

/// `true` if the record has this member.
fn has(record: &str, member: &str) -> bool {
    record.contains(member)
}

const T: &str = r#""time":"2026-11-02T10:00:00.000Z""#;

fn rails(rest: &str) -> String {
    format!(r#"{{{T},"controller":"ProjectsController","action":"show",{rest}}}"#)
}

fn audit(rest: &str) -> String {
    format!(
        r#"{{{T},"event_name":"project_archived","entity_type":"Project","entity_path":"acme/a",{rest}}}"#
    )
}

fn sidekiq(rest: &str) -> String {
    format!(r#"{{{T},"class":"PostReceive","jid":"4e89fc5791b74e05ffb45854","job_status":"done",{rest}}}"#)
}

#[test]
fn s01_a_path_is_a_dotted_key_or_nested_objects() {
    for form in [
        r#""meta.project":"acme/a","meta.user":"alice""#,
        r#""meta":{"project":"acme/a","user":"alice"}"#,
        r#""meta":{"project":"acme/a"},"meta.user":"alice""#,
    ] {
        let done = lines("production_json", &[rails(form)]);
        assert!(
            has(one(&done), r#""actor":"alice""#) && has(one(&done), r#""project":"acme/a""#),
            "{form}"
        );
    }
}

#[test]
fn s02_a_key_stands_twice_in_one_object() {
    let done = lines(
        "production_json",
        &[rails(r#""meta.project":"other/b","meta.project":"acme/a""#)],
    );
    let record = one(&done);
    assert!(
        !has(record, "other/b"),
        "either occurrence matches, and the contradiction is nobody's: {record}"
    );
    let twice = lines(
        "production_json",
        &[rails(
            r#""meta.project":"acme/a","correlation_id":"01KS","correlation_id":"01KS""#,
        )],
    );
    assert_eq!(
        one(&twice).matches("corr").count(),
        one(&twice).matches("\"correlation_id\"").count() * 2,
        "{}",
        one(&twice)
    );
}

#[test]
fn s03_audit_entries_say_everything_twice() {
    let done = lines(
        "audit_json",
        &[audit(
            r#""author_name":"Mallory M","details":{"author_name":"Mallory M","from":"x"}"#,
        )],
    );
    assert!(!has(one(&done), "Mallory"));
}

#[test]
fn s04_a_message_is_text_or_an_object() {
    let text = lines("audit_json", &[audit(r#""custom_message":"Project archived""#)]);
    assert!(one(&text).contains("archived"));
    let object = lines(
        "audit_json",
        &[audit(
            r#""custom_message":{"protocol":"ssh","action":"git-upload-pack"}"#,
        )],
    );
    assert!(
        has(one(&object), r#""custom_message.protocol":"ssh""#),
        "{}",
        one(&object)
    );
}

#[test]
fn s05_parameters_are_lists_of_pairs_with_values_of_any_type() {
    let done = lines(
        "production_json",
        &[rails(
            r#""meta.project":"acme/a","params":[{"key":"page","value":2},{"key":"user","value":{"username":"mallory","page":7}},{"key":"ids","value":[1,null,"x"]},{"key":"none","value":null}]"#,
        )],
    );
    let record = one(&done);
    assert!(
        has(record, r#""params.page":2"#) && !has(record, "mallory"),
        "{record}"
    );
}

#[test]
fn s06_parameters_end_with_a_mark_where_they_were_cut() {
    let done = lines(
        "production_json",
        &[rails(
            r#""meta.project":"acme/a","params":[{"key":"page","value":"2"},{"key":"truncated","value":"..."}]"#,
        )],
    );
    assert!(has(one(&done), r#""params.page":"2""#) && has(one(&done), r#""params.[key]":null"#));
    let cut = lines(
        "sidekiq",
        &[sidekiq(r#""meta.project":"acme/a","args":["1","..."]"#)],
    );
    assert!(!has(one(&cut), "..."));
}

#[test]
fn s07_strings_hold_json_hashes_and_xml() {
    let done = lines(
        "graphql_json",
        &[format!(
            r#"{{{T},"operation_name":"getProjectVariables","meta.project":"acme/a","variables":"{{\"fullPath\":\"other/b\",\"token\":\"glpat-abcdefghij0123456789\"}}"}}"#
        )],
    );
    let record = one(&done);
    assert!(
        !has(record, "other") && !has(record, "glpat") && has(record, r#""variables.fullPath":"project-"#),
        "{record}"
    );
    let ruby = lines(
        "production_json",
        &[rails(
            r#""meta.project":"acme/a","exception.message":"Parameters: {\"login\"=>\"mallory\", \"password\"=>\"hunter2x\"} <user>mallory</user>""#,
        )],
    );
    assert!(
        !has(one(&ruby), "mallory") && !has(one(&ruby), "hunter2x"),
        "{}",
        one(&ruby)
    );
}

#[test]
fn s08_writers_escape_differently() {
    for spelling in [r"acme/a", r"acme\/a", r"\u0061cme/a", r"\u0061\u0063me\u002fa"] {
        let done = lines(
            "production_json",
            &[rails(&format!(
                r#""meta.project":"{spelling}","extra":"\u003cb\u003e #<X>""#
            ))],
        );
        assert_eq!(done.sink.records.len(), 1, "{spelling}");
    }
}

#[test]
fn s09_a_time_stands_before_the_json() {
    for prefix in [
        "2026-11-02_10:00:00.12345 ",
        "2026-11-02_10:00:00.12345 web-01 rails: ",
        "2026-11-02T10:00:00.5Z stdout F ",
    ] {
        let done = lines(
            "production_json",
            &[format!("{prefix}{}", rails(r#""meta.project":"acme/a""#))],
        );
        assert_eq!(done.sink.records.len(), 1, "{prefix}");
    }
}

#[test]
fn s10_plain_text_stands_among_json() {
    let text = |text: &str| lines("workhorse", &[text.to_owned()]).sink.withheld.len();
    assert_eq!(
        text("redis: 2026/11/02 15:21:18 pubsub.go:168: redis: discarding bad PubSub connection: EOF"),
        0
    );
    assert_eq!(
        text("2026/11/02 15:21:18 serving acme/a"),
        1,
        "what names something selected is kept back and counted"
    );
}

#[test]
fn s11_lines_are_empty_and_the_last_has_no_line_feed() {
    let line = rails(r#""meta.project":"acme/a""#);
    let done = dive(&[("production_json.log", format!("\n\r\n{line}\r\n   \n{line}"))]);
    assert_eq!((done.sink.records.len(), done.sink.withheld.len()), (2, 0));
}

#[test]
fn s12_text_logs_have_records_of_many_lines() {
    let text = "Started GET \"/acme/a\" for 192.0.2.1 at 2026-11-02 10:00:00 +0000\nProcessing by ProjectsController#show as HTML\n  Parameters: {\"id\"=>\"acme/a\"}\n";
    let done = dive(&[("production_json.log", text.to_owned())]);
    assert_eq!(
        (done.sink.records.len(), done.sink.withheld.len()),
        (0, 2),
        "none is guessed at, each that names acme is counted"
    );
}

#[test]
fn s13_lines_are_very_long() {
    let long = |bytes: usize| {
        rails(&format!(
            r#""meta.project":"acme/a","params":[{{"key":"x","value":"{}"}}]"#,
            "y".repeat(bytes)
        ))
    };
    let limited = |bytes: usize| {
        let text = format!("{}\n", long(bytes));
        dive_with(true, &[("production_json.log", text)], |builder| {
            let mut limits = decostop::Limits::default();
            limits.max_line_bytes = 100_000;
            builder.limits(limits)
        })
    };
    assert_eq!(limited(90_000).sink.records.len(), 1);
    assert_eq!(
        limited(110_000)
            .sink
            .withheld
            .first()
            .map(|item| item.reason.as_str()),
        Some("length")
    );
}

#[test]
fn s14_lines_are_cut_at_rotation() {
    let line = rails(r#""meta.project":"acme/a""#);
    let (head, tail) = line.split_at(70);
    let cut = dive(&[
        ("production_json.log", format!("{tail}\n{line}\n")),
        ("production_json.log.1", format!("{line}\n{head}")),
    ]);
    assert_eq!(
        cut.sink.records.len(),
        2,
        "logrotate lost what is missing between copy and truncation"
    );
    assert_eq!(cut.sink.withheld.len(), 1, "the piece that names acme is counted");
}

#[test]
fn s15_bytes_are_no_utf_8() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut bytes = rails(r#""meta.project":"acme/a","username":"x"#).into_bytes();
    bytes.truncate(bytes.len() - 1);
    bytes.extend_from_slice(b"\xff\"}\n");
    std::fs::write(dir.path().join("production_json.log"), bytes).expect("room");
    let done = run(builder(
        &format!("{HEAD}[disclosure]\npersonal_data = true\n"),
        dir.path().to_owned(),
    ))
    .expect("a dive");
    assert_eq!((done.sink.records.len(), done.sink.withheld.len()), (0, 1));
}

#[test]
fn s16_an_address_field_holds_a_list() {
    let done = lines(
        "production_json",
        &[rails(
            r#""meta.project":"acme/a","username":"alice","user_id":1001,"remote_ip":"192.0.2.7, 127.0.0.1""#,
        )],
    );
    assert!(
        has(one(&done), r#""ip":"192.0.2.7""#),
        "the platform's own address goes: {}",
        one(&done)
    );
}

#[test]
fn s17_an_address_has_a_port_or_not() {
    for written in ["192.0.2.7:0", "192.0.2.7:50352", "192.0.2.7"] {
        let done = lines(
            "production_json",
            &[rails(&format!(
                r#""meta.project":"acme/a","username":"alice","user_id":1001,"remote_ip":"{written}""#
            ))],
        );
        assert!(has(one(&done), r#""ip":"192.0.2.7""#), "{}", one(&done));
    }
    let nobody = lines(
        "production_json",
        &[rails(r#""meta.project":"acme/a","remote_ip":"@""#)],
    );
    assert!(!has(one(&nobody), "\"ip\""));
}

#[test]
fn s18_an_id_is_a_number_a_string_or_behind_a_word() {
    for id in [
        "1001",
        r#""1001""#,
        r#""user-1001""#,
        r#""user/1001""#,
        r#""gid://gitlab/User/1001""#,
    ] {
        let done = lines(
            "gitaly",
            &[format!(r#"{{{T},"grpc.method":"FindCommit","user_id":{id}}}"#)],
        );
        assert_eq!(done.sink.records.len(), 1, "{id}");
    }
    for repository in ["project-51191", "wiki-51191", "design-51191"] {
        let done = lines(
            "gitaly",
            &[format!(
                r#"{{{T},"grpc.method":"FindCommit","grpc.request.glRepository":"{repository}"}}"#
            )],
        );
        assert_eq!(done.sink.records.len(), 1, "{repository}");
    }
}

#[test]
fn s19_null_missing_and_empty_differ_and_harm_nothing() {
    let done = lines(
        "production_json",
        &[rails(
            r#""meta.project":"acme/a","correlation_id":null,"meta.search.project_id":null,"username":"","meta.client_id":"ip/","meta.remote_ip":"""#,
        )],
    );
    assert!(
        !has(one(&done), "null") && !has(one(&done), "actor"),
        "{}",
        one(&done)
    );
}

#[test]
fn s20_a_request_of_the_user_names_nobody() {
    let named = rails(r#""meta.project":"acme/a","correlation_id":"01KSURPRISE000000000000001""#);
    let silent = format!(
        r#"{{{T},"class":"MailWorker","correlation_id":"01KSURPRISE000000000000001","job_status":"done"}}"#
    );
    let files = [
        ("production_json.log", format!("{named}\n")),
        ("sidekiq.log", format!("{silent}\n")),
    ];
    assert_eq!(dive(&files).sink.records.len(), 1);
    let followed = dive_with(true, &files, |builder| builder.follow_correlation(true));
    assert_eq!(followed.sink.records.len(), 2);
}

#[test]
fn s21_lines_are_not_in_order() {
    let at =
        |second: u32| rails(r#""meta.project":"acme/a""#).replace("10:00:00", &format!("10:00:{second:02}"));
    let done = lines("production_json", &[at(9), at(3), at(7), at(1)]);
    let times: Vec<&str> = done
        .sink
        .records
        .iter()
        .filter_map(|record| record.get(9..33))
        .collect();
    assert!(times.is_sorted() && times.len() == 4, "{times:?}");
}

#[test]
fn s22_a_line_has_several_times() {
    let inside = sidekiq(
        r#""meta.project":"acme/a","created_at":"2026-10-01T00:00:00Z","enqueued_at":"2026-12-01T00:00:00Z""#,
    );
    let outside = inside
        .replacen("2026-11-02", "2026-11-09", 1)
        .replace("2026-10-01", "2026-11-02");
    let deadline = format!(
        r#"{{{T},"grpc.method":"X","grpc.request.deadline":"2026-12-02T00:00:00.000","grpc.request.glProjectPath":"acme/a"}}"#
    );
    assert_eq!(lines("sidekiq", &[inside, outside]).sink.records.len(), 1);
    assert_eq!(lines("gitaly", &[deadline]).sink.records.len(), 1);
}

#[test]
fn s23_numbers_keep_their_digits() {
    let done = lines(
        "audit_json",
        &[audit(
            r#""details":{"expiry_from":"2026-11-02"},"id":9.616500028641894e-05"#,
        )],
    );
    assert!(!has(one(&done), "9.6165"));
    let status = lines(
        "production_json",
        &[rails(
            r#""meta.project":"acme/a","status":200,"params":[{"key":"page","value":0}]"#,
        )],
    );
    assert!(has(one(&status), r#""status":200"#) && has(one(&status), r#""params.page":0"#));
}

#[test]
fn s24_one_thing_has_many_keys() {
    for key in ["remote_ip", "remoteIp"] {
        let line = format!(
            r#"{{"time":"2026-11-02T10:00:00Z","method":"GET","uri":"/acme/a","{key}":"192.0.2.7","level":"info","msg":"access"}}"#
        );
        assert!(has(one(&lines("workhorse", &[line])), "\"ip\":\"ip-"), "{key}");
    }
    let both = lines(
        "sidekiq",
        &[sidekiq(
            r#""meta.project":"acme/a","severity":"INFO","level":"info""#,
        )],
    );
    assert!(has(one(&both), r#""severity":"INFO""#) && has(one(&both), r#""level":"info""#));
}

#[test]
fn s25_keys_hold_blanks_and_signs() {
    let done = lines(
        "production_json",
        &[rails(
            r#""meta.project":"acme/a","Rollout %":50,"count(domains)":3,"in-place":"mallory""#,
        )],
    );
    assert!(!has(one(&done), "mallory") && !has(one(&done), "Rollout"));
}

#[test]
fn s26_json_is_written_with_blanks() {
    let done = lines(
        "production_json",
        &[r#"  { "time" : "2026-11-02T10:00:00Z" , "meta.project" : "acme/a" }  "#.to_owned()],
    );
    assert!(has(one(&done), r#""project":"acme/a""#));
}

#[test]
fn s27_the_order_of_keys_is_not_stable() {
    let first = lines(
        "production_json",
        &[format!(r#"{{"meta.project":"acme/a",{T},"status":200}}"#)],
    );
    let last = lines(
        "production_json",
        &[format!(r#"{{"status":200,"meta.project":"acme/a",{T}}}"#)],
    );
    assert_eq!(one(&first), one(&last));
}

#[test]
fn s28_a_line_has_hundreds_of_keys_and_lists_of_numbers() {
    let many = (0..400).fold(String::new(), |many, n| {
        many + &format!(r#","db_{n}_count":{n},"mergeability.check_{n}.values":[1,2,{n}]"#)
    });
    let done = lines(
        "production_json",
        &[rails(&format!(r#""meta.project":"acme/a"{many}"#))],
    );
    assert!(one(&done).len() < 400, "measurements go: {}", one(&done));
}

#[test]
fn s29_paths_are_renamed() {
    let done = lines(
        "production_json",
        &[
            rails(r#""meta.project":"acme-old/a""#),
            rails(r#""path":"/acme-old/a/-/issues/1""#),
        ],
    );
    assert_eq!(done.sink.records.len(), 2);
    assert!(
        done.sink.records.iter().all(|record| has(record, "acme-old/a")),
        "{:?}",
        done.sink.records
    );
}

#[test]
fn s30_paths_compare_without_case() {
    let done = lines(
        "production_json",
        &[rails(r#""meta.project":"ACME/A","username":"Alice""#)],
    );
    assert!(
        has(one(&done), "\"project\":\"ACME/A\"") && has(one(&done), r#""actor":"Alice""#),
        "{}",
        one(&done)
    );
}

#[test]
fn s31_paths_look_alike() {
    let matches = |path: &str| {
        lines("production_json", &[rails(&format!(r#""path":"{path}""#))])
            .report
            .counts
            .matched
    };
    for own in [
        "/acme/a",
        "/acme/a.git/info/refs",
        "/acme/a.wiki.git/info/refs",
        "/acme/a/-/blob/main/x",
        "/api/v4/projects/acme%2Fa/issues",
        "/api/v4/projects/acme%2fa%2fb",
        "/api/v4/projects/51191/members",
        "//acme/a",
        "/./acme//a/-/issues/1",
        "/other/../acme/a.git/info/refs",
    ] {
        assert_eq!(matches(own), 1, "{own}");
    }
    for other in [
        "/acme2/a",
        "/acme_1/a",
        "/xacme/a",
        "/acme-corp/a.git/info/refs",
        "/api/v4/projects/5119/members",
        "/other/acme",
        "/acme/../other/b",
        "/acme/%2e%2E/other/b",
        "/api/v4/projects/acme%2F..%2Fother",
    ] {
        assert_eq!(matches(other), 0, "{other}");
    }
}

#[test]
fn s32_staff_act_as_somebody() {
    let done = lines(
        "audit_json",
        &[audit(
            r#""author_id":1001,"author_name":"Alice Abbott","impersonated_by":"Root Staff","ip_address":"192.0.2.99""#,
        )],
    );
    let record = one(&done);
    assert!(
        !has(record, "Root Staff") && !has(record, "192.0.2.99"),
        "whoever sat there is not the customer: {record}"
    );
}

#[test]
fn s33_bots_carry_project_ids_in_their_names() {
    for bot in [
        "project_9944_bot",
        "project_9944_bot1",
        "project_9944_bot_5f3a9c",
        "group_88_bot_5f3a9c",
    ] {
        let done = lines(
            "production_json",
            &[rails(&format!(r#""meta.project":"acme/a","username":"{bot}""#))],
        );
        assert!(
            !has(one(&done), "9944") && !has(one(&done), "88_"),
            "{}",
            one(&done)
        );
    }
}

#[test]
fn s34_authors_are_no_users() {
    for author in ["-3", "-1", "0"] {
        let done = lines(
            "audit_json",
            &[audit(&format!(
                r#""author_id":{author},"author_class":"DeployKey""#
            ))],
        );
        assert!(!has(one(&done), "\"actor\""), "{}", one(&done));
    }
}

#[test]
fn s35_a_service_works_for_a_user() {
    let done = lines(
        "production_json",
        &[rails(
            r#""meta.project":"acme/a","meta.user":"alice","meta.user_id":1001,"meta.scoped_user":"duo-service","remote_ip":"192.0.2.99""#,
        )],
    );
    let record = one(&done);
    assert!(
        has(record, r#""actor":"alice""#) && !has(record, "duo-service") && !has(record, "192.0.2.99"),
        "{record}"
    );
}

#[test]
fn s36_tokens_act_without_a_user() {
    let done = lines(
        "production_json",
        &[rails(
            r#""meta.project":"acme/a","params":[{"key":"account","value":"gitlab+deploy-token-4711"},{"key":"service","value":"container_registry"}]"#,
        )],
    );
    assert!(!has(one(&done), "4711"), "{}", one(&done));
}

#[test]
fn s37_one_action_is_many_lines() {
    let id = "01KSURPRISE000000000000002";
    let files = [
        (
            "production_json.log",
            rails(&format!(r#""meta.project":"acme/a","correlation_id":"{id}""#)) + "\n",
        ),
        (
            "sidekiq.log",
            format!(
                "{}\n",
                sidekiq(&format!(r#""correlation_id":"{id}""#)).replace("10:00", "12:33")
            ),
        ),
        (
            "gitaly.log",
            format!("{{{T},\"grpc.method\":\"X\",\"correlation_id\":\"{id}\"}}\n"),
        ),
        (
            "workhorse.log",
            format!(
                "{{\"time\":\"2026-11-02T10:00:00Z\",\"method\":\"GET\",\"uri\":\"/\",\"correlation_id\":\"{id}\"}}\n"
            ),
        ),
    ];
    let done = dive_with(false, &files, |builder| builder.follow_correlation(true));
    assert_eq!(done.sink.records.len(), 4);
    let ids: std::collections::BTreeSet<&str> = done
        .sink
        .records
        .iter()
        .filter_map(|record| record.split_once("\"correlation_id\":\"")?.1.split('"').next())
        .collect();
    assert_eq!(ids.len(), 1, "one pseudonym joins them: {ids:?}");
}

#[test]
fn s38_correlation_ids_have_many_alphabets() {
    for id in [
        "LOt9hgi1TV4",
        "01HWABCDEFGHJKMNPQRSTVWXYZ",
        "7ff5f562-f16f-4a93-b2ac-f771c81b0495",
        "4e89fc5791b74e05ffb4585401234567",
        "chosen by a client é",
    ] {
        let done = dive_with(
            false,
            &[(
                "production_json.log",
                rails(&format!(r#""meta.project":"acme/a","correlation_id":"{id}""#)) + "\n",
            )],
            |builder| builder,
        );
        assert!(
            !has(one(&done), id) && has(one(&done), "\"correlation_id\":\"correlation-"),
            "{}",
            one(&done)
        );
    }
}

#[test]
fn s39_versions_differ_in_their_keys() {
    let new = audit(r#""author_id":1001,"author_name":"Alice Abbott""#);
    let old = format!(
        r#"{{"severity":"INFO",{T},"author_id":1001,"entity_id":1001,"entity_type":"User","with":"standard","target_id":1001,"target_type":"User","target_details":"Alice Abbott"}}"#
    );
    let done = lines("audit_json", &[new, old]);
    assert_eq!(done.sink.records.len(), 2);
    assert!(
        done.sink.records.iter().all(|record| has(record, r#""actor":"#)),
        "{:?}",
        done.sink.records
    );
}

#[test]
fn s40_logs_name_nobody() {
    let done = lines("graphql_json", &[r#"{"query_string":"query IntrospectionQuery{__schema{queryType{name}}}","variables":{"a":1},"complexity":181}"#.to_owned()]);
    assert_eq!(
        (done.sink.records.len(), done.sink.withheld.len()),
        (0, 0),
        "without time and name it belongs to nobody's request"
    );
}

#[test]
fn s41_one_archive_has_every_envelope() {
    let line = rails(r#""meta.project":"acme/a""#);
    let quoted = serde_json::Value::String(line.clone()).to_string();
    let done = lines(
        "production_json",
        &[
            format!(
                r#"{{"insertId":"1","logName":"x","timestamp":"2026-11-02T10:00:01Z","labels":{{"tag":"rails.production"}},"jsonPayload":{line}}}"#
            ),
            format!(r#"{{"@timestamp":"2026-11-02T10:00:01Z","json":{line}}}"#),
            r#"{"@timestamp":"2026-11-02T10:00:01Z","json.meta.project":"acme/a","json.time":"2026-11-02T10:00:00Z"}"#
                .to_owned(),
            format!(r#"{{"log":{quoted},"stream":"stdout"}}"#),
            format!(r#"{{"message":{quoted},"kubernetes":{{"container_name":"webservice"}}}}"#),
            format!(
                r#"{{"kubernetes.pod_name":"web-1","environment":"gprd",{}"#,
                line.trim_start_matches('{')
            ),
            line.replace("meta.project", "meta_project"),
            line,
        ],
    );
    assert_eq!(done.sink.records.len(), 8, "{:?}", done.sink.withheld);
    assert!(
        done.sink
            .records
            .iter()
            .all(|record| has(record, r#""project":"acme/a""#)),
        "{:?}",
        done.sink.records
    );
}

#[test]
fn s42_users_choose_text() {
    let fake = r#"{\"time\":\"2026-11-02T10:00:00Z\",\"meta.project\":\"other/b\"}"#;
    let done = lines(
        "production_json",
        &[rails(&format!(
            r#""meta.project":"acme/a","ua":"\u001b[31m{fake}\r\nmallory@evil.example","ref":"\u0000x""#
        ))],
    );
    let record = one(&done);
    assert!(
        !has(record, "mallory")
            && !has(record, "other/b")
            && !record.contains('\u{1b}')
            && !has(record, "u001b"),
        "{record}"
    );
}
