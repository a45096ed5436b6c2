//! The public vocabulary of the built-in profile: what each source's own events stand for.

use std::collections::{BTreeMap, BTreeSet};

use decostop_profile::{Event, Profile};

fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| fits(rest, text)))
}

/// The events whose patterns of a source fit a raw event.
fn standing_for<'p>(profile: &'p Profile, source: &str, raw: &str) -> Vec<&'p str> {
    let shows = |event: &&Event| {
        let patterns = event.raw.get(source).into_iter().flatten();
        patterns.into_iter().any(|pattern| fits(pattern, raw))
    };
    profile
        .events
        .iter()
        .filter(shows)
        .map(|event| event.name.as_str())
        .collect()
}

fn audit_names() -> impl Iterator<Item = &'static str> {
    include_str!("../data/gitlab_audit_events.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[test]
fn every_audit_event_belongs_to_one_public_event() {
    let profile = Profile::gitlab();
    for name in audit_names() {
        for source in ["audit_json", "audit_stream"] {
            let events = standing_for(&profile, source, name);
            assert_eq!(events.len(), 1, "{name} in {source}: {events:?}");
        }
    }
    assert!(audit_names().count() >= 535);
    let distinct: BTreeSet<_> = audit_names().collect();
    assert_eq!(distinct.len(), audit_names().count(), "a name stands twice");
    for typo in ["q_onbarding_updated", "user_profile_visiblity_updated"] {
        assert!(distinct.contains(typo), "{typo}: upstream's spelling is kept");
    }
}

/// Failures of a sign-in by an identity provider, whose names a pattern has to leave open.
const IN_TWO: &[&str] = &["OmniauthCallbacksController#failure"];

#[test]
fn no_raw_event_belongs_to_two_public_events() {
    let profile = Profile::gitlab();
    let mut raw: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for event in &profile.events {
        for (source, patterns) in &event.raw {
            let all = raw.entry(source).or_default();
            all.extend(patterns.iter().map(|pattern| pattern.replace('*', "x")));
            all.extend(patterns.iter().filter(|pattern| !pattern.contains('*')).cloned());
        }
    }
    let access = raw.get_mut("nginx_access").expect("access logs have events");
    for method in &profile.vocabulary.methods {
        access.extend(profile.routes.iter().map(|route| format!("{method} {route}")));
    }
    for (source, events) in raw {
        for event in events.iter().filter(|event| !IN_TWO.contains(&event.as_str())) {
            let of = standing_for(&profile, source, event);
            assert!(of.len() <= 1, "{event} in {source}: {of:?}");
        }
    }
}

/// What people ask for, and where it must be found.
const ASKED: &[(&str, &[(&str, &str)])] = &[
    (
        "repository.cloned",
        &[
            (
                "production_json",
                "Repositories::GitHttpController#git_upload_pack",
            ),
            ("workhorse", "git_upload_pack"),
            ("gitaly", "PostUploadPackWithSidechannel"),
            ("gitaly", "SSHUploadPackWithSidechannel"),
            ("praefect", "SSHUploadPackWithSidechannel"),
            ("gitlab_shell", "git-upload-pack"),
            ("nginx_access", "POST /:project/git-upload-pack"),
            ("haproxy", "POST /:project/git-upload-pack"),
            ("audit_stream", "repository_git_operation"),
        ],
    ),
    (
        "repository.pushed",
        &[
            (
                "production_json",
                "Repositories::GitHttpController#git_receive_pack",
            ),
            ("gitlab_shell", "git-receive-pack"),
            ("nginx_access", "POST /:project/git-receive-pack"),
            ("sidekiq", "PostReceive"),
        ],
    ),
    (
        "repository.downloaded",
        &[
            ("production_json", "Projects::RepositoriesController#archive"),
            ("gitlab_shell", "git-upload-archive"),
            ("nginx_access", "GET /:project/-/archive/**"),
            (
                "nginx_access",
                "GET /api/v4/projects/:project_id/repository/archive.zip",
            ),
        ],
    ),
    (
        "lfs.transferred",
        &[
            (
                "production_json",
                "Repositories::LfsStorageController#upload_authorize",
            ),
            ("gitlab_shell", "git-lfs-authenticate"),
            ("nginx_access", "PUT /:project/gitlab-lfs/objects/**"),
        ],
    ),
    (
        "project.deleted",
        &[
            ("api_json", "DELETE /api/:version/projects/:id"),
            ("sidekiq", "ProjectDestroyWorker"),
            ("nginx_access", "DELETE /api/v4/projects/:project_id"),
        ],
    ),
    (
        "group.deleted",
        &[
            ("sidekiq", "GroupDestroyWorker"),
            ("nginx_access", "DELETE /groups/:namespace"),
        ],
    ),
    (
        "user.deleted",
        &[
            ("production_json", "RegistrationsController#destroy"),
            ("sidekiq", "DeleteUserWorker"),
            ("application_json", "DeleteUserWorker"),
        ],
    ),
    (
        "membership.added",
        &[
            ("audit_json", "member_created"),
            ("api_json", "POST /api/:version/projects/:id/members"),
            ("nginx_access", "POST /api/v4/projects/:project_id/members"),
        ],
    ),
    (
        "membership.removed",
        &[
            ("production_json", "Groups::GroupMembersController#destroy"),
            ("application_json", "Groups::GroupMembersController#destroy"),
            ("audit_json", "member_destroyed"),
        ],
    ),
    (
        "ci_variable.read",
        &[
            ("graphql_json", "getProjectVariables"),
            ("production_json", "Projects::VariablesController#show"),
            ("nginx_access", "GET /:project/-/variables"),
            ("audit_stream", "variable_viewed_api"),
        ],
    ),
    (
        "ci_variable.changed",
        &[
            ("production_json", "Projects::VariablesController#update"),
            ("nginx_access", "PATCH /:project/-/variables"),
        ],
    ),
    (
        "runner.token_reset",
        &[
            (
                "production_json",
                "Groups::Settings::CiCdController#reset_registration_token",
            ),
            ("audit_json", "ci_runner_token_reset"),
        ],
    ),
    (
        "mfa.disabled",
        &[
            ("production_json", "Admin::UsersController#disable_two_factor"),
            ("nginx_access", "PATCH /admin/users/:user/disable_two_factor"),
        ],
    ),
    (
        "sso.changed",
        &[("production_json", "Groups::SamlProvidersController#update")],
    ),
    ("sso.used", &[("production_json", "Groups::SsoController#saml")]),
    (
        "scim.provisioned",
        &[
            ("api_json", "PATCH /api/scim/:version/groups/:group/Users/*id"),
            ("nginx_access", "PATCH /api/scim/v2/groups/:namespace/Users/:word"),
        ],
    ),
    (
        "session.failed",
        &[
            ("audit_json", "login_failed_with_standard_authentication"),
            ("application_json", "login_failed"),
        ],
    ),
    (
        "session.created",
        &[
            ("audit_json", "authenticated_with_standard"),
            ("application_json", "login_succeeded"),
            ("nginx_access", "POST /users/sign_in"),
        ],
    ),
    (
        "session.destroyed",
        &[
            ("production_json", "SessionsController#destroy"),
            ("application_json", "logout"),
            ("nginx_access", "POST /users/sign_out"),
        ],
    ),
    (
        "impersonation.started",
        &[("production_json", "Admin::UsersController#impersonate")],
    ),
    (
        "access_restriction.hit",
        &[
            ("auth_json", "rack_attack"),
            ("auth_json", "application_rate_limited"),
        ],
    ),
    (
        "registry.authorised",
        &[
            ("production_json", "JwtController#auth"),
            ("nginx_access", "GET /jwt/auth"),
            ("auth_json", "registry_access_denied"),
        ],
    ),
    (
        "registry.pulled",
        &[("registry", "GET /v2/:project/manifests/**")],
    ),
    (
        "registry.pushed",
        &[("registry", "PUT /v2/:project/manifests/**")],
    ),
    (
        "registry.changed",
        &[
            ("graphql_json", "destroyContainerRepositoryTags"),
            ("registry", "DELETE /v2/:project/manifests/**"),
        ],
    ),
    (
        "project.exported",
        &[
            ("sidekiq", "ProjectExportWorker"),
            ("exporter", "ProjectExportWorker"),
            ("production_json", "ProjectsController#download_export"),
            ("nginx_access", "GET /:project/download_export"),
        ],
    ),
    (
        "project.created",
        &[
            ("sidekiq", "RepositoryImportWorker"),
            ("importer", "RepositoryImportWorker"),
            ("importer", "Gitlab::GithubImport::ImportIssueWorker"),
        ],
    ),
    ("webhook.sent", &[("sidekiq", "WebHookWorker")]),
    (
        "webhook.changed",
        &[
            ("web_hooks", "disable"),
            ("nginx_access", "POST /:project/-/hooks"),
        ],
    ),
];

#[test]
fn what_people_ask_for_is_found_wherever_it_is_logged() {
    let profile = Profile::gitlab();
    for (name, places) in ASKED {
        for (source, raw) in *places {
            assert_eq!(standing_for(&profile, source, raw), [*name], "{raw} in {source}");
        }
    }
}

#[test]
fn access_logs_share_their_events() {
    let profile = Profile::gitlab();
    for event in &profile.events {
        let Some(patterns) = event.raw.get("nginx_access") else {
            continue;
        };
        for pattern in patterns {
            let (method, route) = pattern.split_once(' ').expect("a method and a route");
            assert!(profile.vocabulary.methods.contains(method), "{pattern}");
            assert!(
                profile.routes.iter().any(|known| known == route),
                "{pattern}: no such route"
            );
        }
        assert_eq!(event.raw.get("haproxy"), Some(patterns), "{}", event.name);
        let of_registry = |pattern: &&String| pattern.contains(" /v2/");
        assert_eq!(
            event.raw.get("registry").into_iter().flatten().count(),
            patterns.iter().filter(of_registry).count(),
            "{}: what the registry's own logs show too",
            event.name
        );
    }
}

#[test]
fn patterns_of_another_source_come_behind_ones_own() {
    let profile = |likeness: &str, named: &str| {
        Profile::parse(&format!(
            "version = 1\nname = 'x'\n[events_like]\n{likeness}\n\
             [[source]]\nname = 'a'\nabout = 'a'\ntime = ['t']\nfields.t = 'time'\n\
             [[source]]\nname = 'b'\nabout = 'b'\ntime = ['t']\nfields.t = 'time'\n\
             [[event]]\nname = 'x.y'\nabout = 'z'\nraw.a = ['Foo#bar', 'Both']\n{named}"
        ))
    };
    let raw = |profile: Result<Profile, decostop_profile::Error>| {
        let profile = profile.unwrap_or_else(|error| panic!("{error}"));
        profile
            .events
            .first()
            .and_then(|event| event.raw.get("b").cloned())
    };
    assert_eq!(raw(profile("", "")), None);
    assert_eq!(
        raw(profile("b = ['a']", "")),
        Some(vec!["Foo#bar".into(), "Both".into()])
    );
    assert_eq!(
        raw(profile("b = ['a']", "raw.b = ['Own', 'Both']")),
        Some(vec!["Own".into(), "Both".into(), "Foo#bar".into()])
    );
    for (likeness, wrong) in [("b = ['c']", "no source `c`"), ("c = ['a']", "no source `c`")] {
        let error = profile(likeness, "").map(|_| ()).expect_err("refused");
        assert!(error.to_string().contains(wrong), "{error}");
    }
}
