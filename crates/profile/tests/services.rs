//! The services beside Rails, and access logs: their file names, what is set aside, and the field catalogue.

use std::path::PathBuf;

use decostop_profile::{Class, Profile};

#[test]
fn their_files_belong_to_them_alone() {
    let profile = Profile::gitlab();
    for (source, path) in [
        ("gitlab_shell", "gitlab-shell/gitlab-shell.log"),
        ("gitlab_shell", "gitlab-shell/gitlab-shell.log.1.gz"),
        ("gitlab_shell", "/var/log/gitlab/gitlab-sshd/current"),
        ("gitlab_shell", "gitlab-sshd/@400000005f8eaf6f1a80ef5c.s"),
        ("gitlab_shell", "gitaly/gitaly_hooks.log"),
        ("gitlab_shell", "shell/test-shell.log"),
        ("pages", "gitlab-pages/current"),
        ("pages", "pages/test-pages.log"),
        ("kas", "gitlab-kas/@400000005f8eaf6f1a80ef5c.s"),
        ("kas", "_sample_logs/kas.log"),
        ("praefect", "praefect/current"),
        ("registry", "registry/current"),
        ("registry_access", "registry_access.log-20261101.zst"),
        ("gitlab_runner", "gitlab-runner.log"),
        ("mailroom", "mailroom/current"),
        ("nginx_access", "nginx/gitlab_access.log.30.gz"),
        ("nginx_access", "nginx/gitlab_registry_access.log"),
        ("nginx_access", "nginx/access.log"),
        ("nginx_error", "nginx/gitlab_error.log"),
        ("nginx_error", "nginx/current"),
        ("haproxy", "/var/log/haproxy.log-20261101"),
        ("haproxy", "haproxy/log/test-haproxy.log"),
    ] {
        let all: Vec<&str> = profile
            .sources
            .iter()
            .filter(|known| known.fits_file(path))
            .map(|known| known.name.as_str())
            .collect();
        assert_eq!(all, [source], "{path}");
        let aside = profile.set_aside.iter().find(|aside| aside.fits_file(path));
        assert_eq!(aside, None, "{path}");
    }
}

#[test]
fn files_of_other_services_are_set_aside() {
    let profile = Profile::gitlab();
    for path in [
        "postgresql/current",
        "patroni/@400000005f8eaf6f1a80ef5c.s",
        "pgbouncer/current",
        "redis-exporter/current",
        "sentinel/current",
        "puma/puma_stdout.log",
        "gitlab-rails/sidekiq_exporter.log",
        "reconfigure/1584057562.log",
        "gitlab-rails/gitlab-rails-db-migrate-2026-11-01-10-00-00.log",
        "gitlab-rails/production.log.1.gz",
        "gitlab-rails/application.log",
        "nginx/gitlab_pages_access.log",
        "gitaly/lock",
        "/var/log/gitlab/prometheus/current",
    ] {
        assert!(
            profile.set_aside.iter().any(|aside| aside.fits_file(path)),
            "{path}"
        );
        assert!(
            !profile.sources.iter().any(|source| source.fits_file(path)),
            "{path} would be read all the same"
        );
    }
    for path in [
        "gitlab-rails/production_json.log",
        "gitlab-rails/application_json.log",
        "gitlab-rails/auth.log",
        "gitlab-rails/geo.log",
        "syslog",
        "current",
    ] {
        assert!(
            !profile.set_aside.iter().any(|aside| aside.fits_file(path)),
            "{path}"
        );
    }
}

#[test]
fn access_logs_are_those_of_servers_before_the_application() {
    let profile = Profile::gitlab();
    let found: Vec<&str> = profile
        .sources
        .iter()
        .filter(|source| source.access_log)
        .map(|source| source.name.as_str())
        .collect();
    for name in [
        "haproxy",
        "nginx_access",
        "nginx_error",
        "pages",
        "registry",
        "registry_access",
    ] {
        assert!(found.contains(&name), "{name}");
    }
    assert!(!found.contains(&"workhorse"));
}

/// No class that is shown on no other ground than its own look: identities in scope and closed lists only.
#[test]
fn classes_agree_with_the_field_catalogue() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/gitlab-fields.csv");
    let Ok(text) = std::fs::read_to_string(path) else {
        skipped();
        return;
    };
    let profile = Profile::gitlab();
    let logs = [
        ("gitlab-shell.log", "gitlab_shell"),
        ("gitlab-sshd/current", "gitlab_shell"),
        ("gitlab-pages/current", "pages"),
        ("gitlab-kas/current", "kas"),
        ("praefect/current", "praefect"),
        ("registry/current", "registry"),
        ("gitlab-runner", "gitlab_runner"),
        ("mailroom/current", "mailroom"),
        ("haproxy (BigQuery)", "haproxy"),
    ];
    // `env` and `meta` are opened.
    let opened = ["env", "meta"];
    let (mut seen, mut wrong) = (0, Vec::new());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for row in reader.records().filter_map(Result::ok) {
        let (Some(log), Some(field), Some(kind)) = (row.get(0), row.get(1), row.get(3)) else {
            continue;
        };
        let known = logs.iter().find(|(file, _)| *file == log);
        let Some(source) = known.and_then(|(_, name)| profile.source(name)) else {
            continue;
        };
        if opened.contains(&field) {
            continue;
        }
        seen += 1;
        let Some(class) = source.class_of(field) else {
            wrong.push(format!("{} {field}: not catalogued ({kind})", source.name));
            continue;
        };
        let fits = match kind {
            "free-text" | "secret-risk" => {
                !class.is_identity() && !matches!(class, Class::Event | Class::Status | Class::Method)
            }
            "ip" => class == Class::Ip || class.is_always_dropped(),
            "system" => class.is_always_dropped() || class == Class::Text,
            "project" | "namespace" | "user" => {
                class.is_identity()
                    || class.is_always_dropped()
                    || matches!(class, Class::Resource | Class::Text | Class::TokenId)
            }
            _ => !class.is_identity(),
        };
        if !fits {
            wrong.push(format!("{} {field}: {kind}, has {}", source.name, class.as_str()));
        }
    }
    assert!(seen > 300, "{seen} rows");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped() {
    eprintln!("skipped: no field catalogue beside the repository");
}
