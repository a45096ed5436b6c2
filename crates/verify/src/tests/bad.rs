//! Records that may not be disclosed, each with the rule that must stop it.

use crate::leak::Place;
use crate::testing::{filled, verifier};

/// Rules with what breaks them.
type Faults = &'static [(&'static str, &'static str)];

/// Fields after `time` and `source` of a record of `production_json`, with and without leave for
/// personal data.
const ALWAYS: Faults = &[
    // Names
    ("closure.unknown_field", r#""surplus":"hello""#),
    ("closure.unknown_field", r#""surplus":1"#),
    ("closure.unknown_field", r#""":1"#),
    ("closure.unknown_field", r#""production_json.surplus":1"#),
    (
        "closure.unknown_field",
        r#""api_json.time":"2026-11-01T00:00:00Z""#,
    ),
    ("closure.unknown_field", r#""meta.user#1":"<user:x>""#),
    ("closure.unknown_field", r#""meta.user#02":"<user:x>""#),
    ("closure.unknown_field", r#""meta.user#":"<user:x>""#),
    ("closure.unknown_field", r#""meta.user#mallory":"<user:x>""#),
    ("closure.unknown_field", r#""Meta.User":"<user:x>""#),
    ("closure.unknown_field", r#""db_count":7"#),
    ("closure.dropped_class", r#""fqdn":"hello""#),
    ("closure.dropped_class", r#""hostname":"web""#),
    ("closure.dropped_class", r#""pid":1"#),
    ("closure.dropped_class", r#""duration_s":0.1"#),
    ("closure.dropped_class", r#""exception.backtrace":"x""#),
    ("closure.dropped_class", r#""exception.sql":"select""#),
    ("closure.dropped_class", r#""params":"x""#),
    ("closure.dropped_class", r#""unmatched_line":"x""#),
    // Columns
    ("closure.column_order", r#""ip":"<ip:x>","actor":"<user:x>""#),
    ("closure.column_order", r#""status":200,"ip":"<ip:x>""#),
    ("closure.column_order", r#""method":"GET","actor":"<user:x>""#),
    // Types
    ("closure.nested_value", r#""meta.user":{"a":1}"#),
    ("closure.nested_value", r#""meta.user":["<user:x>"]"#),
    ("closure.duplicate_key", r#""method":"GET","method":"PUT""#),
    ("closure.type", r#""meta.user":null"#),
    ("closure.type", r#""meta.user":true"#),
    ("closure.type", r#""path":1"#),
    ("closure.type", r#""method":1"#),
    ("closure.type", r#""controller":1"#),
    ("closure.type", r#""event":1"#),
    ("closure.type", r#""remote_ip":1"#),
    ("closure.type", r#""production_json.time":1"#),
    // Status, method, event, time
    ("closure.status", r#""status":1234567"#),
    ("closure.status", r#""status":1.5"#),
    ("closure.status", r#""status":1e3"#),
    ("closure.status", r#""status":"Info""#),
    ("closure.status", r#""severity":"mallory""#),
    ("closure.status", r#""status":"""#),
    ("closure.method", r#""method":"get""#),
    ("closure.method", r#""method":"MALLORY""#),
    ("closure.method", r#""format":"exe""#),
    ("closure.event", r#""event":"x y""#),
    ("closure.event", r#""event":"mallory@othercorp.example""#),
    ("closure.event", r#""controller":"Projects::BlobController#Show""#),
    ("closure.event", r#""controller":"GET /othercorp/secret-lab""#),
    ("closure.event", r#""controller":"/api/v4/projects/7654321""#),
    ("closure.event", r#""action":"10.1.2.3""#),
    ("closure.event", r#""action":"show ""#),
    ("closure.event", r#""action":"""#),
    ("closure.event", r#""meta.caller_id":"gid://gitlab/User/7654321""#),
    (
        "closure.event.closed",
        r#""graphql.operation_name":"stealSecrets""#,
    ),
    ("closure.time", r#""production_json.time":"yesterday""#),
    ("closure.time", r#""production_json.time":"2026-11-01""#),
    ("closure.time", r#""production_json.time":"2026-11-31T00:00:00Z""#),
    (
        "closure.time",
        r#""production_json.time":"2026-11-01T00:00:00Z mallory""#,
    ),
    // Pseudonyms
    ("closure.pseudonym", r#""actor":"user-aaaaaaaaaaaaaaaaaaaaa""#),
    (
        "closure.pseudonym",
        r#""meta.project":"project-aaaaaaaaaaaaaaaaaaaaa""#,
    ),
    ("closure.pseudonym", r#""remote_ip":"ip-aaaaaaaaaaaaaaaaaaaaa""#),
    (
        "closure.pseudonym",
        r#""correlation_id":"correlation-aaaaaaaaaaaaaaaaaaaaa""#,
    ),
    ("closure.pseudonym", r#""token_id":"token-aaaaaaaaaaaaaaaaaaaaa""#),
    ("closure.pseudonym_kind", r#""actor":"<project:x>""#),
    ("closure.pseudonym_kind", r#""meta.user":"<name:x>""#),
    ("closure.pseudonym_kind", r#""meta.user":"<ip:x>""#),
    ("closure.pseudonym_kind", r#""meta.project":"<namespace:x>""#),
    ("closure.pseudonym_kind", r#""namespace":"<project:x>""#),
    ("closure.pseudonym_kind", r#""ip":"<user:x>""#),
    ("closure.pseudonym_kind", r#""correlation_id":"<user:x>""#),
    // Foreign identities
    ("closure.foreign_user", r#""actor":"mallory.smith42""#),
    ("closure.foreign_user", r#""actor":7654321"#),
    ("closure.foreign_user", r#""meta.user":"unknown7""#),
    ("closure.foreign_user", r#""meta.user":"alice2""#),
    ("closure.foreign_user", r#""meta.user":"alice ""#),
    ("closure.foreign_user", r#""meta.user_id":77"#),
    ("closure.foreign_user", r#""meta.user_id":"user-7654321""#),
    ("closure.foreign_user", r#""meta.user_id":"gid://gitlab/User/1""#),
    ("closure.foreign_user", r#""meta.client_id":"ip/81.2.69.160""#),
    ("closure.foreign_user", r#""meta.user_id":1001001.0"#),
    ("closure.foreign_user", r#""meta.user":"<user:x> mallory""#),
    ("closure.foreign_resource", r#""namespace":"othercorp""#),
    ("closure.foreign_resource", r#""namespace":"acmecorp""#),
    ("closure.foreign_resource", r#""namespace":"acme-labs/x""#),
    ("closure.foreign_resource", r#""namespace":"acme/../othercorp""#),
    ("closure.foreign_resource", r#""namespace":"acme//othercorp""#),
    ("closure.foreign_resource", r#""namespace":"acme/ othercorp""#),
    (
        "closure.foreign_resource",
        r#""project":"othercorp/secret-lab/zeta9""#,
    ),
    ("closure.foreign_resource", r#""project":"partner/shared/more""#),
    ("closure.foreign_resource", r#""project":"partner""#),
    ("closure.foreign_resource", r#""project":"acme2""#),
    ("closure.foreign_resource", r#""meta.search.project_id":8877665"#),
    ("closure.foreign_resource", r#""meta.search.group_id":6655443"#),
    ("closure.correlation", r#""correlation_id":"01KOTHER""#),
    ("closure.token_id", r#""token_id":"4456""#),
    // Addresses
    ("closure.ip", r#""remote_ip":"""#),
    ("closure.ip", r#""remote_ip":"81.2.69.160:443""#),
    ("closure.ip", r#""remote_ip":"<ip:x>,<ip:y>""#),
    ("closure.ip", r#""remote_ip":"web-01""#),
    ("closure.ip.internal", r#""remote_ip":"10.1.2.3""#),
    ("closure.ip.internal", r#""remote_ip":"<ip:x>, 127.0.0.1""#),
    ("closure.ip.internal", r#""remote_ip":"::ffff:10.1.2.3""#),
    ("closure.ip.internal", r#""remote_ip":"fd00::7""#),
    // Resources
    ("closure.resource", r#""path":"acme/payments""#),
    ("closure.resource", r#""path":"https://gitlab.com/acme/payments""#),
    (
        "closure.resource",
        r#""path":"/othercorp/secret-lab/zeta9/-/issues/1""#,
    ),
    ("closure.resource", r#""path":"/users/mallory.smith42/[text]""#),
    ("closure.resource", r#""path":"/-/invites/AbCdEf123""#),
    ("closure.resource", r#""path":"/acme/payments/-/issues/1234567""#),
    ("closure.resource", r#""path":"/api/v4/projects/8877665/members""#),
    (
        "closure.resource",
        r#""path":"/api/v4/projects/othercorp%2Fzeta9/members""#,
    ),
    (
        "closure.resource",
        r#""path":"/<project:x>/<project:y>/-/blob/*""#,
    ),
    ("closure.resource", r#""path":"/project-aaaaaaaaaaaaaaaaaaaaa""#),
    ("closure.resource", r#""path":"/acme/payments/-/blob/*/*""#),
    (
        "closure.resource",
        r#""path":"/acme/payments/-/blob/main#mallory""#,
    ),
];

/// The same, where no personal data was asked for.
const SUPPORT: Faults = &[
    ("closure.personal_data", r#""actor":"alice""#),
    ("closure.personal_data", r#""meta.user_id":1001001"#),
    ("closure.personal_data", r#""meta.client_id":"user/1001001""#),
    (
        "closure.personal_data",
        r#""actor":"<user:alice>","ip":"203.0.113.9""#,
    ),
    ("closure.personal_data", r#""ua":"git/2.47.1""#),
    ("closure.personal_data", r#""message":"user added""#),
    ("closure.personal_data", r#""message":"""#),
    ("closure.personal_data", r#""params.page":"2""#),
    ("closure.personal_data", r#""params.[key]":null"#),
    ("closure.personal_data", r#""path":"/acme/payments?page=2""#),
    ("closure.foreign_resource", r#""namespace":"alice""#),
    ("closure.foreign_resource", r#""project":"alice/dotfiles""#),
    ("closure.resource", r#""path":"/alice/dotfiles/-/issues/1""#),
    (
        "closure.resource",
        r#""path":"/api/v4/projects/alice%2Fdotfiles""#,
    ),
    ("closure.resource", r#""path":"/users/alice/[text]""#),
    (
        "closure.resource",
        r#""path":"/acme/payments/-/blob/main/README.md""#,
    ),
    (
        "closure.resource",
        r#""path":"/acme/payments/blob/main/README.md""#,
    ),
];

/// The same, where it was.
const PERSONAL: Faults = &[
    ("closure.ip.foreign", r#""ip":"203.0.113.9""#),
    ("closure.ip.foreign", r#""actor":"<user:m>","ip":"203.0.113.9""#),
    (
        "closure.ip.foreign",
        r#""actor":"alice","ip":"203.0.113.9","meta.scoped_user":"<user:m>""#,
    ),
    ("closure.foreign_user", r#""actor":"bob""#),
    ("closure.foreign_user", r#""meta.user":"Alice Abbott""#),
    (
        "closure.tuple",
        r#""meta.user":"alice","meta.user_id":"<user:m>""#,
    ),
    ("closure.agent.foreign", r#""ua":"git/2.47.1""#),
    (
        "closure.agent.foreign",
        r#""actor":"<user:m>","ua":"Mozilla/5.0 (X11)""#,
    ),
    (
        "closure.agent.foreign",
        r#""actor":"alice","ua":"git/2.47.1","meta.scoped_user":"alice""#,
    ),
    ("closure.agent", r#""actor":"alice","ua":"MalloryBot/1.0""#),
    ("closure.agent", r#""actor":"alice","ua":"git/2.47.1.9""#),
    ("closure.agent", r#""actor":"alice","ua":"git/2.47-mallory""#),
    ("closure.agent", r#""actor":"alice","ua":"git/2.47.1 ""#),
    ("closure.unlisted_param", r#""params.[key]":"x""#),
    ("closure.unlisted_param", r#""params.[key]":1"#),
    ("closure.unknown_field", r#""params.mallory":null"#),
    ("closure.unknown_field", r#""params.private_token":"[secret]""#),
    ("closure.foreign_user", r#""params.username":"mallory.smith42""#),
    (
        "closure.foreign_user",
        r#""params.email":"mallory@othercorp.example""#,
    ),
    ("closure.foreign_resource", r#""params.namespace_id":"othercorp""#),
    ("closure.status", r#""params.page":"mallory""#),
    (
        "closure.resource.query",
        r#""path":"/acme/payments?private_token=x""#,
    ),
    (
        "closure.resource.query",
        r#""path":"/acme/payments?page=2&[key]&[key]""#,
    ),
    ("closure.resource.query", r#""path":"/acme/payments?page""#),
    ("closure.resource.query", r#""path":"/acme/payments?state=x y""#),
    (
        "closure.foreign_user",
        r#""path":"/acme/payments?username=mallory.smith42""#,
    ),
    ("closure.text", r#""message":"mallory.smith42 was added""#),
    ("closure.text", r#""message":"was added by xqzzyv""#),
    ("closure.text", r#""message":"user  added""#),
    ("closure.text", "\"message\":\"user\\tadded\""),
    ("closure.text", r#""message":"code 12345""#),
    ("closure.text", r#""message":"code 1.2""#),
    ("closure.text.numbers", r#""message":"code 1234 5678""#),
    ("closure.text.markers", r#""message":"[text] [text] added""#),
    ("closure.text", r#""message":"user--added""#),
    ("closure.text", r#""message":"added <user>""#),
    ("closure.text", r#""message":"added user-aaaaaaaaaaaaaaaaaaaaa""#),
    ("closure.text", r#""message":"added \u202euser""#),
    (
        "closure.text",
        r#""message":"Failed Login: username=mallory.smith42 ip=<ip:x>""#,
    ),
    (
        "closure.text",
        r#""message":"Failed Login: username=alice ip=81.2.69.160""#,
    ),
    (
        "closure.text",
        r#""message":"Failed Login: username=alice ip=10.0.0.1""#,
    ),
    (
        "closure.text",
        r#""message":"PostReceive JID-4e89fc5791b74e05ffb45854: start""#,
    ),
    (
        "survival.foreign.name",
        r#""message":"added test user to the group""#,
    ),
    ("survival.foreign.user", r#""message":"failed for username=root""#),
    ("survival.foreign.user_id", r#""message":"removed user-321""#),
    (
        "survival.foreign.user_id",
        r#""message":"removed user_321 from group""#,
    ),
    (
        "survival.foreign.project_id",
        r#""message":"removed project/421""#,
    ),
    (
        "survival.foreign.project",
        r#""message":"added group/test/app to group""#,
    ),
    (
        "survival.secret.setting",
        r#""message":"failed with password=correct""#,
    ),
];

fn record(fields: &str) -> String {
    let time = r#""time":"2026-11-01T00:00:00Z","source":"production_json""#;
    filled(&format!("{{{time},{fields}}}"))
}

#[test]
fn every_fault_meets_its_rule() {
    let mut wrong = Vec::new();
    let modes: [(bool, &[Faults]); 2] = [(false, &[ALWAYS, SUPPORT]), (true, &[ALWAYS, PERSONAL])];
    for (personal_data, tables) in modes {
        let verifier = verifier(personal_data);
        for &(rule, fields) in tables.iter().copied().flatten() {
            let record = record(fields);
            match verifier.check(record.as_bytes()) {
                Ok(_) => wrong.push(format!("passes: {fields} ({personal_data})")),
                Err(leak) if leak.rule() != rule => {
                    wrong.push(format!("{} not {rule}: {fields}", leak.rule()));
                }
                Err(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(ALWAYS.len() + SUPPORT.len() + PERSONAL.len() >= 150);
}

#[test]
fn other_sources_have_other_faults() {
    const FAULTS: &[(&str, &str)] = &[
        ("closure.source", r"{}"),
        ("closure.source", r#"{"source":"mallory"}"#),
        ("closure.source", r#"{"source":1}"#),
        ("closure.source", r#"{"time":"2026-11-01T00:00:00Z"}"#),
        (
            "closure.time",
            r#"{"time":"2026-11-01T00:00:00+00:00","source":"audit_json"}"#,
        ),
        ("closure.time", r#"{"time":1,"source":"audit_json"}"#),
        (
            "closure.column_order",
            r#"{"source":"audit_json","time":"2026-11-01T00:00:00Z"}"#,
        ),
        (
            "closure.foreign_user",
            r#"{"source":"audit_json","target_id":1001003,"target_type":"User"}"#,
        ),
        (
            "closure.foreign_resource",
            r#"{"source":"audit_json","entity_id":1001001,"entity_type":"Project"}"#,
        ),
        (
            "closure.no_class",
            r#"{"source":"audit_json","entity_id":77,"entity_type":"Runner"}"#,
        ),
        ("closure.dropped_class", r#"{"source":"audit_json","id":7}"#),
        (
            "closure.dropped_class",
            r#"{"source":"audit_json","runner_registration_token":"x"}"#,
        ),
        (
            "closure.dropped_class",
            r#"{"source":"sidekiq","args":"7654321"}"#,
        ),
        (
            "closure.dropped_class",
            r#"{"source":"sidekiq","queue":"default"}"#,
        ),
        (
            "closure.dropped_class",
            r#"{"source":"gitaly","grpc.request.repoStorage":"nfs-file07"}"#,
        ),
        (
            "closure.dropped_class",
            r#"{"source":"gitaly","peer.address":"10.9.8.7:5512"}"#,
        ),
        ("closure.status", r#"{"source":"gitaly","grpc.code":"Ok"}"#),
        (
            "closure.unknown_field",
            r#"{"source":"gitaly","controller":"Foo"}"#,
        ),
        (
            "closure.unknown_field",
            r#"{"source":"gitaly","surplus":"hello"}"#,
        ),
        (
            "closure.tuple",
            r#"{"source":"audit_json","author_id":"<user:m>","author_name":"Alice Abbott"}"#,
        ),
        (
            "closure.tuple",
            r#"{"source":"audit_json","target_id":"<user:m>","target_type":"User","target_details":"Alice Abbott"}"#,
        ),
    ];
    let verifier = verifier(true);
    for (rule, template) in FAULTS {
        let record = filled(template);
        let leak = verifier.check(record.as_bytes()).err();
        assert_eq!(leak.as_ref().map(crate::Leak::rule), Some(*rule), "{template}");
    }
}

/// Whatever is planted, in a field or as a key: a finding, and the value is not told.
#[test]
fn plants_are_found_and_not_told() {
    const PLANTS: &[&str] = &[
        "glpat-AbCdEfGhIjKlMnOpQrSt",
        "Z2xwYXQtQWJDZEVmR2hJaktsTW5PcFFyU3Q=",
        "%67%6c%70%61%74%2d%41%62%43%64%45%66%47%68%49%6a%4b%6c%4d%6e%4f%70%51%72%53%74",
        "676c7061742d416243644566476849",
        "mallory%40othercorp.example",
        "mallory.smith42",
        "\\\\u006d\\\\u0061\\\\u006c\\\\u006c\\\\u006f\\\\u0072\\\\u0079\\\\u002e\\\\u0073\\\\u006d\\\\u0069\\\\u0074\\\\u0068\\\\u0034\\\\u0032",
        "gid://gitlab/User/7654321",
        "web-01-sv-gprd.c.example-production.internal",
        "10.12.2.34",
        "othercorp%2Fsecret-lab",
        "Mallory Smithers",
        "4111111111111111",
        "AKIAABCDEFGHIJKLMNOP",
        "never.learned77",
    ];
    for personal_data in [false, true] {
        let verifier = verifier(personal_data);
        for plant in PLANTS {
            let mut records = vec![
                record(&format!(r#""{plant}":1"#)),
                record(&format!(r#""{plant}":null"#)),
            ];
            let fields = [
                "event",
                "controller",
                "meta.user",
                "meta.project",
                "remote_ip",
                "path",
                "ua",
                "message",
                "method",
            ];
            for field in fields {
                records.push(record(&format!(r#""{field}":"x {plant} y""#)));
                records.push(record(&format!(r#""{field}":"{plant}""#)));
            }
            for record in records {
                let leak = verifier.check(record.as_bytes()).err();
                let told = leak.map(|leak| format!("{leak} {leak:?}"));
                assert!(told.is_some_and(|told| !told.contains(plant)), "{record}");
            }
        }
    }
}

#[test]
fn places_tell_only_what_may_be_told() {
    let verifier = verifier(true);
    let place = |fields: &str| {
        verifier
            .check(record(fields).as_bytes())
            .err()
            .map(|leak| leak.place().clone())
    };
    assert_eq!(place(r#""fqdn":"x""#), Some(Place::Field("fqdn".into())));
    assert_eq!(
        place(r#""access_token":"x""#),
        Some(Place::Field("access_token".into()))
    );
    assert_eq!(place(r#""mallory_smith":"x""#), Some(Place::Position(3)));
    assert_eq!(
        place(r#""test_user":"x""#),
        Some(Place::Field("test_user".into()))
    );
    assert_eq!(place(r#""xqzzyv":"x""#), Some(Place::Position(3)));
}

proptest::proptest! {
    #[test]
    fn forged_pseudonyms_are_refused(body in "[a-z2-7]{21}", kind in "user|name|email|namespace|project|ip|correlation|token") {
        let verifier = verifier(false);
        let forged = format!("{kind}-{body}");
        for field in ["actor", "namespace", "project", "ip", "correlation_id", "token_id", "meta.user"] {
            let record = record(&format!(r#""{field}":"{forged}""#));
            proptest::prop_assert!(verifier.check(record.as_bytes()).is_err(), "{}", record);
        }
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), text in ".{0,80}") {
        let verifier = verifier(true);
        let _ = verifier.check(&bytes);
        let text = serde_json::Value::from(text);
        for field in ["event", "message", "path", "ua", "remote_ip", "meta.user", "meta.project", "status"] {
            let _ = verifier.check(record(&format!(r#""{field}":{text}"#)).as_bytes());
            let _ = verifier.check(record(&format!("{text}:{text}")).as_bytes());
        }
    }
}
