//! Records as a dive writes them. A false alarm destroys a dive, so these are as many as they can be.

use decostop_profile::Profile;

use crate::testing::{filled, verifier};

/// Records that pass whether or not personal data was asked for.
const BOTH: &[&str] = &[
    r#"{"source":"production_json"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","event":"SessionsController#create"}"#,
    r#"{"time":"2026-11-01T00:00:00.123Z","source":"production_json","event":"repository.read","actor":"<user:name:mallory>","namespace":"acme","project":"acme/payments/api","ip":"<ip:81.2.69.160>","status":200,"correlation_id":"<correlation:01K>","method":"GET","path":"/acme/payments/api/-/blob/*","format":"html","controller":"Projects::BlobController","action":"show","meta.caller_id":"Projects::BlobController#show","meta.user":"<user:name:alice>","meta.user_id":"<user:id:5>","meta.client_id":"<ip:x>","meta.project":"ACME/Payments/Api"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"api_json","event":"POST /api/:version/projects/:id/members","status":"404","severity":"INFO","path":"/api/v4/projects/51191/members","route":"/api/:version/projects/:id/members"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"api_json","path":"/api/v4/projects/acme%2Fpayments/members/<user:id:1>"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"api_json","path":"/api/v4/projects/<project:id:9>/repository/files/*"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","path":"/acme/payments.git/info/refs"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","path":"/<project:name:o>/-/issues/123456"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","path":"/-/invites/[secret]"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","path":"/"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","path":"/acme"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","path":"/users/<user:id:1>/[text]"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","namespace":"<namespace:name:o>","project":"partner/shared","production_json.time":"2026-11-01 00:00:00 UTC"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","namespace":"acme-corp/sub"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","namespace":"partner/shared"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","namespace":"<user:name:alice>","project":"<user:name:alice>"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","correlation_id":"01KNAMED"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","token_id":"4455"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","token_id":4455}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","token_id":"<token:1>","token_type":"PersonalAccessToken"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","ip":"<ip:1>, <ip:2>"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","event":"[event]","controller":"[event]"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","meta.user":"<user:1>","meta.user#2":"<user:2>","meta.user#13":"<user:3>"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"audit_json","event":"user_add_to_group","actor":"<user:id:5>","namespace":"acme","author_id":"<user:id:5>","entity_id":77,"entity_type":"Group","event_name":"user_add_to_group","target_id":"<user:id:6>","target_type":"User","target_details":"<user:id:6>","created_at":"2026-11-03T11:00:00.058+00:00"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"audit_json","project":"acme/payments","entity_id":51191,"entity_type":"Project","target_id":61616,"target_type":"Project"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"audit_json","project":"acme/payments","target_id":"<project:id:3>","target_details":"<project:id:3>"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"audit_json","target_id":"<token:9>","target_type":"PersonalAccessToken"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"audit_json","event":"authenticated_with_standard","with":"standard"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"sidekiq","event":"PostReceive","status":"done","class":"PostReceive","jid":"<correlation:jid>","severity":"INFO","enqueued_at":"2026-11-01T00:00:00.576Z"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"gitaly","event":"repository.read","actor":"<user:id:5>","project":"acme/payments","status":"OK","grpc.method":"SSHUploadPack","grpc.service":"gitaly.SSHService","grpc.request.fullMethod":"/gitaly.SSHService/SSHUploadPack","grpc.request.glRepository":"project-51191"}"#,
];

/// Records that pass only when personal data was asked for.
const PERSONAL: &[&str] = &[
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","actor":"alice","ip":"203.0.113.9","user_id":1001001,"meta.user":"Alice","meta.client_id":"user/1001001","remote_ip":"2001:db8::9, <ip:x>"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","actor":"alice-old"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","meta.user":"alice","meta.client_id":"<ip:x>"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","actor":1001001,"ip":"203.0.113.9"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","meta.user_id":90909,"meta.client_id":"user-90909"}"#,
    r#"{"time":"2026-11-03T00:00:00Z","source":"production_json","actor":"bob"}"#,
    r#"{"time":"2026-11-02T00:00:00Z","source":"production_json","actor":"bob"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","namespace":"alice","project":"alice/dotfiles"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"audit_json","actor":"Alice Abbott","author_id":1001001,"author_name":"alice abbott","author_email":"Alice@ACME.example"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"audit_json","author_id":1001001,"author_name":"<name:x>"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","path":"/acme/payments/-/blob/main/code.txt?page=2&per_page=20&username=alice&[key]"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","path":"/acme/payments/-/blob/[text]/[text]?state=[text]"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","path":"/users/alice/[text]"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","actor":"alice","ua":"Mozilla/5.0 ([text]; Linux [text]) AppleWebKit/537.36 (KHTML, [text] Gecko) Chrome/120.0.6099 Safari/537.36"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","actor":"<user:1>","ua":"Mozilla AppleWebKit Chrome Safari"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","ua":"git"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","params.namespace_id":"acme","params.username":"alice","params.page":"2","params.[key]":null}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","params.user.username":"<user:2>","params.user_id":"1001001","params.state":"opened"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","message":"user was added to the group by alice"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","message":"timeout for [text] (<user:x>) at [text]: [text]"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","message":"Failed Login: username=alice ip=<ip:2>"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","actor":"alice","message":"Failed Login: username=alice ip=203.0.113.9"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","message":"User \"alice\" (alice@acme.example)  was removed"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","message":"added Alice Abbott, @alice and acme/payments to project 4"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","message":"[text], see <project:x>/[text] (user=<user:y>)."}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","message":""}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"sidekiq","message":"PostReceive JID-<correlation:a>: done: 0.139 sec"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"sidekiq","message":"ProjectExportWorker JID-[text]: done: 12.5 sec"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"audit_json","message":"Project was renamed: acme/a -> acme/b"}"#,
    r#"{"time":"2026-11-01T00:00:00Z","source":"gitaly","msg":"finished streaming call with code OK"}"#,
];

#[test]
fn what_may_be_disclosed_passes() {
    let mut alarms = Vec::new();
    for (personal_data, records) in [(false, BOTH), (true, BOTH), (true, PERSONAL)] {
        let verifier = verifier(personal_data);
        for template in records {
            let record = filled(template);
            if let Err(leak) = verifier.check(record.as_bytes()) {
                alarms.push(format!("{leak}: {template}"));
            }
        }
    }
    assert!(alarms.is_empty(), "{alarms:#?}");
}

#[test]
fn personal_data_needs_the_requests_leave() {
    let verifier = verifier(false);
    for template in PERSONAL {
        assert!(verifier.check(filled(template).as_bytes()).is_err(), "{template}");
    }
}

#[test]
fn every_listed_event_passes() {
    let verifier = verifier(false);
    let profile = Profile::gitlab();
    let raw = profile
        .events
        .iter()
        .flat_map(|event| event.raw.values().flatten())
        .filter(|raw| !raw.contains('*'));
    let public = profile.events.iter().map(|event| event.name.as_str());
    let words = profile.vocabulary.events.iter().map(AsRef::as_ref);
    let mut alarms = Vec::new();
    for event in raw.map(String::as_str).chain(public).chain(words) {
        let event = serde_json::Value::from(event);
        let record =
            format!(r#"{{"time":"2026-11-01T00:00:00Z","source":"production_json","event":{event}}}"#);
        if let Err(leak) = verifier.check(record.as_bytes()) {
            alarms.push(format!("{leak}: {event}"));
        }
    }
    assert!(alarms.is_empty(), "{alarms:#?}");
}

#[test]
fn every_listed_event_survives_as_an_unlisted_one() {
    // As residue, as when another platform's caller has the same shape: no detector fires by chance.
    let verifier = verifier(false);
    let profile = Profile::gitlab();
    let look = crate::survival::Look {
        numbers: true,
        code: true,
    };
    let alarms: Vec<_> = profile
        .vocabulary
        .events
        .iter()
        .filter_map(|event| Some((verifier.survives(event, look)?, event)))
        .collect();
    assert!(alarms.is_empty(), "{alarms:#?}");
}

#[test]
fn every_word_agent_status_and_method_passes() {
    let verifier = verifier(true);
    let profile = Profile::gitlab();
    let mut alarms = Vec::new();
    let mut check = |record: String| {
        if let Err(leak) = verifier.check(record.as_bytes()) {
            alarms.push(format!("{leak}: {record}"));
        }
    };
    for word in &profile.vocabulary.words {
        check(format!(
            r#"{{"source":"production_json","message":"{word} ({word}): {word}, {word}/{word}_{word}."}}"#
        ));
    }
    for agent in &profile.vocabulary.agents {
        check(format!(
            r#"{{"source":"production_json","actor":"alice","ua":"{agent}/1.22.333 {agent} ({agent})"}}"#
        ));
        check(format!(
            r#"{{"source":"production_json","ua":"{agent} {agent}"}}"#
        ));
    }
    for status in &profile.vocabulary.statuses {
        check(format!(r#"{{"source":"production_json","status":"{status}"}}"#));
    }
    for method in &profile.vocabulary.methods {
        check(format!(r#"{{"source":"production_json","method":"{method}"}}"#));
    }
    assert!(
        alarms.is_empty(),
        "{} {:#?}",
        alarms.len(),
        alarms.get(..20.min(alarms.len()))
    );
}

#[test]
fn verified_tells_its_columns() {
    let verifier = verifier(false);
    let record =
        r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","event":"SessionsController#create"}"#;
    let verified = verifier.check(record.as_bytes()).expect("it passes");
    assert_eq!(verified.time(), Some("2026-11-01T00:00:00Z"));
    assert_eq!(verified.source(), Some("production_json"));
    assert_eq!(verified.event().as_deref(), Some("SessionsController#create"));
    assert_eq!(verified.as_bytes(), record.as_bytes());
    assert!(!format!("{verified:?}{verifier:?}").contains("Sessions"));
    let record = r#"{"time":"2026-11-01T00:00:00Z","source":"workhorse","event":"^/-/cable\\z"}"#;
    let verified = verifier.check(record.as_bytes()).expect("it passes");
    assert_eq!(verified.event().as_deref(), Some(r"^/-/cable\z"));
    let verified = verifier.check_owned(record.into()).expect("it passes");
    assert_eq!(verified.as_verified().event().as_deref(), Some(r"^/-/cable\z"));
}

proptest::proptest! {
    #[test]
    fn genuine_pseudonyms_never_alarm(canonical in ".{1,24}") {
        let verifier = verifier_once();
        let record = filled_all(&canonical);
        proptest::prop_assert!(verifier.check(record.as_bytes()).is_ok(), "{}", record);
    }
}

fn verifier_once() -> &'static crate::verifier::Verifier {
    static ONCE: std::sync::OnceLock<crate::verifier::Verifier> = std::sync::OnceLock::new();
    ONCE.get_or_init(|| verifier(true))
}

fn filled_all(canonical: &str) -> String {
    let p = |kind| crate::testing::pseudonym(kind, canonical);
    format!(
        r#"{{"source":"production_json","actor":"{}","namespace":"{}","project":"{}","ip":"{}","correlation_id":"{}","token_id":"{}","path":"/{}/-/issues/1","message":"added {}, {} ({})"}}"#,
        p("user"),
        p("namespace"),
        p("project"),
        p("ip"),
        p("correlation"),
        p("token"),
        p("project"),
        p("user"),
        p("email"),
        p("name"),
    )
}
