//! The classes of GitLab's fields: by hand where it matters most, and against the field catalogue.

use std::path::PathBuf;

use decostop_profile::{Class, ClassRule, Kind, Profile, Role, Source};

fn source(profile: &Profile, name: &str) -> Source {
    profile
        .source(name)
        .unwrap_or_else(|| panic!("no source {name}"))
        .clone()
}

#[test]
fn spot_checks() {
    let profile = Profile::gitlab();
    for (name, field, class) in [
        ("production_json", "action", Some(Class::Event)),
        ("production_json", "controller", Some(Class::Event)),
        ("production_json", "correlation_id", Some(Class::Correlation)),
        ("production_json", "cpu_s", Some(Class::Metric)),
        (
            "production_json",
            "db_ci_replica_txn_max_duration_s",
            Some(Class::Metric),
        ),
        ("production_json", "exception.backtrace", Some(Class::System)),
        ("production_json", "exception.class", Some(Class::Event)),
        ("production_json", "exception.message", Some(Class::Text)),
        ("production_json", "exception.sql", Some(Class::System)),
        ("production_json", "fqdn", Some(Class::System)),
        ("production_json", "hostname", Some(Class::System)),
        ("production_json", "kubernetes.pod_name", Some(Class::System)),
        ("production_json", "location", Some(Class::Resource)),
        ("production_json", "meta.client_id", Some(Class::UserId)),
        ("production_json", "meta.project", Some(Class::Project)),
        ("production_json", "meta.remote_ip", Some(Class::Ip)),
        ("production_json", "meta.root_namespace", Some(Class::Namespace)),
        ("production_json", "meta.search.scope", Some(Class::System)),
        ("production_json", "meta.user", Some(Class::User)),
        ("production_json", "method", Some(Class::Method)),
        ("production_json", "params", Some(Class::Params)),
        ("production_json", "path", Some(Class::Resource)),
        ("production_json", "private_token", Some(Class::Secret)),
        ("production_json", "redis_feature_flag_calls", Some(Class::Metric)),
        ("production_json", "remote_ip", Some(Class::Ip)),
        ("production_json", "status", Some(Class::Status)),
        ("production_json", "ua", Some(Class::Agent)),
        ("production_json", "user_id", Some(Class::UserId)),
        ("production_json", "username", Some(Class::User)),
        ("production_json", "x_new", None),
        ("api_json", "host", Some(Class::System)),
        ("api_json", "route", Some(Class::Event)),
        ("api_json", "severity", Some(Class::Status)),
        ("api_json", "token_id", Some(Class::TokenId)),
        ("audit_json", "author_name", Some(Class::Name)),
        ("audit_json", "created_at", Some(Class::Time)),
        ("audit_json", "custom_message", Some(Class::Text)),
        ("audit_json", "details.author_name", Some(Class::Name)),
        ("audit_json", "event_name", Some(Class::Event)),
        ("audit_json", "from", Some(Class::Text)),
        ("audit_json", "impersonated_by", Some(Class::Name)),
        ("audit_json", "ip_address", Some(Class::Ip)),
        ("audit_json", "runner_registration_token", Some(Class::Secret)),
        ("audit_json", "target_details", None),
        ("graphql_json", "query_string", Some(Class::System)),
        ("graphql_json", "variables", Some(Class::Params)),
        ("sidekiq", "args", Some(Class::Params)),
        ("sidekiq", "class", Some(Class::Event)),
        ("sidekiq", "error_message", Some(Class::Text)),
        ("sidekiq", "jid", Some(Class::Correlation)),
        ("sidekiq", "message", Some(Class::Text)),
        ("sidekiq", "queue", Some(Class::System)),
        ("gitaly", "grpc.method", Some(Class::Event)),
        ("gitaly", "grpc.request.glProjectPath", Some(Class::Project)),
        ("gitaly", "grpc.request.glRepository", Some(Class::ProjectId)),
        ("gitaly", "grpc.request.repoPath", Some(Class::System)),
        ("gitaly", "grpc.request.repoStorage", Some(Class::System)),
        ("gitaly", "msg", Some(Class::Text)),
        ("gitaly", "peer.address", Some(Class::System)),
        ("gitaly", "user_id", Some(Class::UserId)),
        ("workhorse", "referrer", Some(Class::Resource)),
        ("workhorse", "remote_addr", Some(Class::Ip)),
        ("workhorse", "uri", Some(Class::Resource)),
        ("workhorse", "user_agent", Some(Class::Agent)),
    ] {
        assert_eq!(source(&profile, name).class_of(field), class, "{name} {field}");
    }
}

#[test]
fn the_class_of_a_target_depends_on_its_type() {
    let audit = source(&Profile::gitlab(), "audit_json");
    for (field, kind, class) in [
        ("target_id", "User", Some(Class::UserId)),
        ("target_id", "Project", Some(Class::ProjectId)),
        ("target_id", "Group", Some(Class::NamespaceId)),
        ("target_id", "Ci::Variable", None),
        ("target_details", "User", Some(Class::Name)),
        ("target_details", "Project", Some(Class::Project)),
        ("target_details", "Group", Some(Class::Namespace)),
        ("entity_path", "Project", Some(Class::Project)),
        ("entity_path", "Group", Some(Class::Namespace)),
        ("entity_path", "User", Some(Class::User)),
        ("entity_id", "Gitlab::Audit::InstanceScope", None),
        ("details.target_details", "User", Some(Class::Name)),
    ] {
        assert_eq!(audit.class_in(field, |_| Some(kind)), class, "{field} of {kind}");
        assert_eq!(audit.class_in(field, |_| None), None, "{field} alone");
    }
    let tuple = |field, class| audit.tuple_of(field, class).and_then(|i| audit.tuples.get(i));
    let shape = |field, class| tuple(field, class).map(|tuple| (tuple.kind, tuple.role));
    assert_eq!(
        shape("target_id", Class::UserId),
        Some((Kind::User, Role::Target))
    );
    assert_eq!(
        shape("entity_id", Class::ProjectId),
        Some((Kind::Project, Role::Resource))
    );
    assert_eq!(
        shape("entity_id", Class::NamespaceId),
        Some((Kind::Namespace, Role::Resource))
    );
    assert_eq!(
        shape("entity_id", Class::UserId),
        Some((Kind::User, Role::Target))
    );
    assert_eq!(shape("author_name", Class::Name), Some((Kind::User, Role::Actor)));
    assert_eq!(
        shape("impersonated_by", Class::Name),
        Some((Kind::User, Role::Impersonator))
    );
    assert_eq!(
        shape("meta.scoped_user", Class::User),
        Some((Kind::User, Role::Impersonator))
    );
}

#[test]
fn every_field_that_names_somebody_is_in_a_tuple() {
    for source in &Profile::gitlab().sources {
        for (field, spec) in &source.fields {
            for class in spec.classes().filter(|class| class.kind().is_some()) {
                let alone = field.starts_with("meta.search.") || field == "by" || field == "details.by";
                assert!(
                    alone || source.tuple_of(field, class).is_some(),
                    "{} {field} {class:?}",
                    source.name
                );
            }
        }
    }
}

#[test]
fn what_clients_choose_is_closed() {
    let profile = Profile::gitlab();
    for (name, field) in [
        ("graphql_json", "operation_name"),
        ("production_json", "graphql.operation_name"),
    ] {
        assert!(
            source(&profile, name).spec(field).is_some_and(|spec| spec.closed),
            "{name} {field}"
        );
    }
}

/// The field catalogue, where the repository stands beside the material it was drawn from.
fn catalogue() -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/gitlab-fields.csv");
    std::fs::read_to_string(path).ok()
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn classes_agree_with_the_field_catalogue() {
    let Some(text) = catalogue() else {
        eprintln!("skipped: no field catalogue beside the repository");
        return;
    };
    let profile = Profile::gitlab();
    let logs = [
        ("production_json.log", "production_json"),
        ("api_json.log", "api_json"),
        ("audit_json.log", "audit_json"),
        ("graphql_json.log", "graphql_json"),
        ("sidekiq/current", "sidekiq"),
        ("gitaly/current", "gitaly"),
        ("gitlab-workhorse/current", "workhorse"),
        ("active_context.log", "active_context"),
        ("application_json.log", "application_json"),
        (
            "application_json.log (and every JsonLogger log)",
            "application_json",
        ),
        ("application_json.log (and every JsonLogger log)", "importer"),
        ("audit-event stream", "audit_stream"),
        ("auth_json.log", "auth_json"),
        ("ci_resource_groups_json.log", "ci_resource_groups"),
        ("database_load_balancing.log", "database_load_balancing"),
        ("elasticsearch.log", "elasticsearch"),
        ("exceptions_json.log", "exceptions_json"),
        ("exporter.log", "exporter"),
        ("features_json.log", "features_json"),
        ("geo.log", "geo"),
        ("git_json.log", "git_json"),
        ("importer.log", "importer"),
        ("integrations_json.log", "integrations_json"),
        ("performance_bar_json.log", "performance_bar"),
        ("product_usage_data.log", "product_usage_data"),
        ("service_measurement.log", "service_measurement"),
        ("update_mirror_service_json.log", "update_mirror"),
        ("web_hooks.log", "web_hooks"),
        ("zoekt.log", "zoekt"),
        ("labkit ADR-001 target schema", "application_json"),
        ("labkit ADR-001 target schema", "production_json"),
    ];
    let (mut seen, mut wrong) = (0, Vec::new());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for row in reader.records().filter_map(Result::ok) {
        let (Some(log), Some(field), Some(kind)) = (row.get(0), row.get(1), row.get(3)) else {
            continue;
        };
        // Objects that are part of the record around them.
        let field = field.strip_prefix("attributes.").unwrap_or(field);
        for (_, name) in logs.iter().filter(|(file, _)| *file == log) {
            // Documented as the contents of `params` and `variables`, as a family, or as a container that is opened.
            let inner =
                field.starts_with("params.") || field.starts_with("variables.") || field.contains('<');
            if inner || matches!(field, "attributes" | "details" | "graphql" | "meta") {
                continue;
            }
            seen += 1;
            let source = source(&profile, name);
            let Some(spec) = source.spec(field) else {
                wrong.push(format!("{name} {field}: not catalogued ({kind})"));
                continue;
            };
            let agrees = |class: Class| match kind {
                "ip" => class == Class::Ip,
                "project" if field == "merge_request_info" => class == Class::Text,
                "project" | "namespace" => {
                    matches!(class.kind(), Some(Kind::Project | Kind::Namespace))
                        || class.is_always_dropped()
                        || matches!(spec.rule, ClassRule::On { .. })
                }
                "secret-risk" | "free-text" => {
                    !class.is_identity() && !matches!(class, Class::Event | Class::Status | Class::Method)
                        || matches!(spec.rule, ClassRule::On { .. })
                }
                "system" => {
                    class.is_always_dropped() || field.trim_end_matches("class").ends_with(['_', '.'])
                }
                "user" => {
                    class.kind() == Some(Kind::User)
                        || class == Class::TokenId
                        || field.ends_with("_class")
                        || field == "token_type"
                        || matches!(spec.rule, ClassRule::On { .. })
                }
                _ => true,
            };
            if !spec.classes().all(agrees) {
                wrong.push(format!("{name} {field}: {kind}, has {:?}", spec.rule));
            }
        }
    }
    assert!(seen > 700, "{seen} rows");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
