//! File names as rotation, archives and sample sets write them, and the source each belongs to.

use decostop_profile::Profile;

fn source_of(path: &str) -> Option<String> {
    let profile = Profile::gitlab();
    profile
        .sources
        .iter()
        .find(|source| source.fits_file(path))
        .map(|source| source.name.clone())
}

#[test]
fn rotated_names_belong_to_one_source() {
    let live = [
        ("production_json", "production_json.log"),
        ("api_json", "api_json.log"),
        ("audit_json", "audit_json.log"),
        ("graphql_json", "graphql_json.log"),
        ("sidekiq", "sidekiq.log"),
        ("gitaly", "gitaly.log"),
        ("workhorse", "workhorse.log"),
        ("workhorse", "gitlab-workhorse.log"),
        ("application_json", "application_json.log"),
        ("auth_json", "auth_json.log"),
        ("auth_json", "auth.log"),
        ("exceptions_json", "exceptions_json.log"),
        ("integrations_json", "integrations_json.log"),
        ("features_json", "features_json.log"),
        ("importer", "importer.log"),
        ("exporter", "exporter.log"),
        ("web_hooks", "web_hooks.log"),
        ("update_mirror", "update_mirror_service_json.log"),
        ("service_measurement", "service_measurement.log"),
        ("elasticsearch", "elasticsearch.log"),
        ("zoekt", "zoekt.log"),
        ("geo", "geo.log"),
        ("git_json", "git_json.log"),
        ("ci_resource_groups", "ci_resource_groups_json.log"),
        ("performance_bar", "performance_bar_json.log"),
        ("database_load_balancing", "database_load_balancing.log"),
        ("clickhouse", "clickhouse.log"),
        ("rails_kubernetes", "kubernetes.log"),
        ("migrations", "migrations.log"),
        ("secret_push_protection", "secret_push_protection.log"),
        ("work_item_sync", "epic_work_item_sync.log"),
        ("active_context", "active_context.log"),
        ("llm", "llm.log"),
        ("backup_json", "backup_json.log"),
        ("rails_grpc", "grpc.log"),
        ("repocheck", "repocheck.log"),
        ("product_usage_data", "product_usage_data.log"),
        ("mail_room_json", "mail_room_json.log"),
        ("audit_stream", "audit_stream.log"),
        ("audit_stream", "acme-audit-events.ndjson"),
    ];
    let endings = [
        "",
        ".1",
        ".1.gz",
        ".30.gz",
        ".gz",
        ".zst",
        "-20261101",
        "-20261101.zst",
        ".2026-11-01.zst",
        "-2026-11-01.gz",
    ];
    let profile = Profile::gitlab();
    for (source, name) in live {
        for ending in endings {
            for folder in ["", "/var/log/gitlab/gitlab-rails/", "archive/2026-11-01/"] {
                let path = format!("{folder}{name}{ending}");
                let all: Vec<_> = profile
                    .sources
                    .iter()
                    .filter(|s| s.fits_file(&path))
                    .map(|s| &s.name)
                    .collect();
                assert_eq!(all, [source], "{path}");
            }
        }
    }
}

#[test]
fn service_folders_belong_to_their_service() {
    for (source, path) in [
        ("sidekiq", "/var/log/gitlab/sidekiq/current"),
        ("sidekiq", "sidekiq/@400000005f8eaf6f1a80ef5c.s"),
        ("sidekiq", "sidekiq/@400000005f8eaf6f1a80ef5c.u"),
        ("gitaly", "/var/log/gitlab/gitaly/current"),
        ("gitaly", "gitaly/@400000005f8eaf6f1a80ef5c.s"),
        ("workhorse", "gitlab-workhorse/current"),
        ("workhorse", "/x/gitlab-workhorse/@40000000624492fa18da6f34.s"),
    ] {
        assert_eq!(source_of(path).as_deref(), Some(source), "{path}");
    }
}

#[test]
fn sample_sets_are_recognised() {
    for (source, path) in [
        ("api_json", "api/test-gitlab-api.log"),
        ("api_json", "_sample_logs/api.log"),
        ("audit_json", "audit/test-audit.log"),
        ("audit_json", "_sample_logs/audit.log"),
        ("audit_json", "_sample_logs/test-gitlab-audit.log"),
        ("gitaly", "gitaly/test-gitaly.log"),
        ("graphql_json", "_sample_logs/graphql.log"),
        ("production_json", "production/test-gitlab-production.log"),
        ("production_json", "_sample_logs/production.log"),
        ("sidekiq", "sidekiq/test-gitlab-sidekiq.log"),
        ("workhorse", "_sample_logs/workhorse.log"),
        ("workhorse", "workhorse/test-workhorse.log"),
        ("application_json", "application/test-application.log"),
        ("application_json", "_sample_logs/test-gitlab-application.log"),
        ("auth_json", "auth/test-auth.log"),
        ("auth_json", "_sample_logs/auth.log"),
        ("ci_resource_groups", "ci_resource_groups/test-default.log"),
        ("database_load_balancing", "_sample_logs/db_loadbalancing.log"),
        ("elasticsearch", "elasticsearch/test-elasticsearch.log"),
        ("exceptions_json", "_sample_logs/exceptions.log"),
        ("features_json", "_sample_logs/features.log"),
        ("geo", "_sample_logs/geo.log"),
        ("git_json", "git/test-git.log"),
        ("importer", "_sample_logs/importer.log"),
        ("integrations_json", "integrations/test-integrations.log"),
        ("performance_bar", "performance_bar/test-default.log"),
        (
            "service_measurement",
            "service_measurement/test-service_measurement.log",
        ),
        ("update_mirror", "update_mirror_service/test-default.log"),
        ("web_hooks", "_sample_logs/web_hooks.log"),
        ("zoekt", "zoekt/test-zoekt.log"),
    ] {
        assert_eq!(source_of(path).as_deref(), Some(source), "{path}");
    }
}

#[test]
fn other_logs_belong_to_no_source() {
    for path in [
        "current",
        "production.log",
        "application.log",
        "githost.log",
        "integrations.txt",
        "test-default.log",
        "puma_stdout.log",
        "postgresql/current",
        "members.csv",
    ] {
        assert_eq!(source_of(path), None, "{path}");
    }
}
