//! What the tests of this crate share: a request, its ground, and records that pass.

use std::fmt::Write;
use std::sync::Arc;

use decostop_profile::{Class, NamespaceScope, Profile, ProjectScope, Scope, UserScope};

use crate::ground::Ground;
use crate::internal::Internal;
use crate::pseudonym::Pseudonyms;
use crate::verifier::Verifier;

pub(crate) const KEY: [u8; 32] = [7; 32];

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn internal() -> Internal {
    Internal::new(&Profile::gitlab()).expect("the built-in ranges are in CIDR notation")
}

pub(crate) fn pseudonym(kind: &str, canonical: &str) -> String {
    Pseudonyms::new(&KEY).mint(kind, canonical)
}

/// Alice, Bob and the namespace `acme` ask; Mallory and `othercorp` are foreign.
pub(crate) fn ground(personal_data: bool) -> Ground {
    let foreign = [
        (Class::User, "mallory.smith42"),
        (Class::User, "root"),
        (Class::User, "zoë"),
        (Class::User, "eve"),
        (Class::UserId, "7654321"),
        (Class::UserId, "user-321"),
        (Class::Name, "Mallory Smithers"),
        (Class::Name, "Test User"),
        (Class::Email, "mallory@othercorp.example"),
        (Class::Namespace, "othercorp/secret-lab"),
        (Class::Project, "othercorp/secret-lab/zeta9"),
        (Class::Project, "group/test/app"),
        (Class::ProjectId, "8877665"),
        (Class::ProjectId, "421"),
        (Class::NamespaceId, "6655443"),
        (Class::Ip, "81.2.69.160"),
        (Class::Ip, "2001:db8:1::77"),
    ];
    let users = vec![
        UserScope {
            username: "alice".into(),
            id: Some(1_001_001),
            emails: vec!["alice@acme.example".into()],
            names: vec!["Alice Abbott".into()],
            formerly: vec!["alice-old".into()],
            ..UserScope::default()
        },
        UserScope {
            username: "bob".into(),
            id: Some(1_001_002),
            names: vec!["Bob B. Burns".into()],
            since: Some("2026-11-02T00:00:00Z".into()),
            until: Some("2026-11-04".into()),
            ..UserScope::default()
        },
    ];
    Ground {
        scope: Scope {
            namespaces: vec![
                NamespaceScope {
                    path: "acme".into(),
                    id: Some(77),
                    formerly: vec!["acme-corp".into()],
                    ..NamespaceScope::default()
                },
                NamespaceScope {
                    path: "alice".into(),
                    ..NamespaceScope::default()
                },
            ],
            projects: vec![ProjectScope {
                path: "partner/shared".into(),
                id: Some(51191),
                ..ProjectScope::default()
            }],
            users,
        },
        personal_data,
        correlation_ids: vec!["01KNAMED".into()],
        token_ids: vec!["4455".into()],
        foreign: foreign.into_iter().collect(),
        linked: vec![
            (Class::ProjectId, "61616".into()),
            (Class::UserId, "90909".into()),
        ],
        request_key: KEY,
    }
}

pub(crate) fn verifier(personal_data: bool) -> Verifier {
    Verifier::new(Arc::clone(&Profile::gitlab()), ground(personal_data)).expect("the ground is sound")
}

/// Replaces `<kind:canonical>` by a genuine pseudonym.
pub(crate) fn filled(template: &str) -> String {
    const KINDS: [&str; 8] = [
        "user",
        "name",
        "email",
        "namespace",
        "project",
        "ip",
        "correlation",
        "token",
    ];
    let mut out = template.to_owned();
    for kind in KINDS {
        while let Some((before, rest)) = out.split_once(&format!("<{kind}:")) {
            let (canonical, after) = rest.split_once('>').expect("a closed placeholder");
            out = format!("{before}{}{after}", pseudonym(kind, canonical));
        }
    }
    out
}
