//! Real lines of the services beside Rails and of access logs: each is understood, or known to be no
//! record. And files that the profile sets aside, told by a dive.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use std::path::Path;

use common::{Codec, Done, builder, run, write_inputs};

fn everything() -> String {
    let mut request = "version = 1\nid = \"SAMPLES-2\"\nrequested_at = 2026-11-08T09:00:00Z\n\
        [customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n\
        [scope]\nevidence = \"a test\"\nnamespaces = [\"root\"]\n\
        [window]\nfrom = 2000-01-01T00:00:00Z\nto = 2026-11-08T00:00:00Z\n\
        [[select]]\nevents = [\"raw:*\"]\n"
        .to_owned();
    for condition in [
        "events.few",
        "events.listed",
        "resources.listed",
        "scope.owned",
        "window.longest",
    ] {
        request.push_str("[[exception]]\ncondition = \"");
        request.push_str(condition);
        request.push_str("\"\nreason = \"a test\"\napproved_by = \"the tests\"\n");
    }
    request
}

fn dive(dir: &Path) -> Done {
    run(builder(&everything(), dir.to_owned())).unwrap_or_else(|error| panic!("{error}"))
}

/// Further lines of a message, what a library writes in between, and connections without a request.
fn is_no_record(line: &str) -> bool {
    line.starts_with("PHP message:")
        || line.contains(" FastCGI sent in stderr: ") && !line.contains(", client: ")
        || line.starts_with("redis: ")
        || line.contains("]: Connect from ")
}

#[test]
fn every_sample_line_is_understood_or_no_record() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/gitlab-samples");
    if !folder.exists() {
        eprintln!("SKIP: no gitlab-samples beside the repository");
        return;
    }
    // Of the mixed files, the lines that are of the source.
    let samples: &[(&str, &str, &[usize])] = &[
        ("gitaly", "gitaly/test-gitaly.log", &[]),
        (
            "gitaly",
            "_docs_and_mrs/tracing_correlation_id.md.mixed.log",
            &[1],
        ),
        ("gitlab_shell", "shell/test-shell.log", &[]),
        ("gitlab_shell", "_docs_and_mrs/logs_index.md.json.log", &[4]),
        ("gitlab_shell", "_docs_and_mrs/merge_requests.json.log", &[1, 2]),
        ("haproxy", "_haproxy/log/test-haproxy.log", &[]),
        ("haproxy", "_haproxy/log/test-haproxy-bad-req.log", &[]),
        ("haproxy", "_docs_and_mrs/gitlabcom_haproxy.log", &[]),
        ("kas", "_sample_logs/kas.log", &[]),
        ("nginx_access", "_nginx/access/test-access.log", &[]),
        ("nginx_error", "_nginx/error/test-error-raw.log", &[]),
        ("pages", "pages/test-pages.log", &[]),
        ("pages", "_sample_logs/test-gitlab-pages.log", &[]),
        ("workhorse", "workhorse/test-workhorse.log", &[]),
        ("workhorse", "_sample_logs/workhorse.log", &[]),
        ("workhorse", "_docs_and_mrs/handbook_lab.json.log", &[0]),
        (
            "workhorse",
            "_docs_and_mrs/tracing_correlation_id.md.mixed.log",
            &[0],
        ),
    ];
    let mut all = 0;
    for (source, name, only) in samples {
        let text = std::fs::read_to_string(folder.join(name)).expect("a sample");
        let lines: Vec<&str> = text
            .lines()
            .enumerate()
            .filter(|(at, line)| !line.trim().is_empty() && (only.is_empty() || only.contains(at)))
            .map(|(_, line)| line)
            .collect();
        assert!(!lines.is_empty(), "{name}");
        let records = lines.iter().filter(|line| !is_no_record(line)).count() as u64;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let bytes = lines.join("\n").into_bytes();
        write_inputs(dir.path(), &[((*source).to_owned(), bytes)], Codec::Plain);
        let done = dive(dir.path());
        let counts = &done.report.counts;
        assert_eq!(
            (counts.matched, counts.withheld),
            (records, lines.len() as u64 - records),
            "{name} as {source}: {:?}",
            counts.withheld_by_reason
        );
        let by_source: Vec<&str> = counts
            .fields
            .keys()
            .filter_map(|key| key.split('/').next())
            .collect();
        assert!(
            by_source.iter().all(|named| named == source),
            "{name}: {by_source:?}"
        );
        all += lines.len();
    }
    assert!(all > 60, "{all} lines");
}

#[test]
fn a_dive_tells_what_the_profile_sets_aside() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for name in [
        "postgresql/current",
        "gitlab-rails/production.log",
        "gitaly/current",
    ] {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, "text that fits no source\n").expect("a file");
    }
    let dive = builder(&everything(), dir.path().to_owned())
        .build()
        .expect("a dive");
    let plan = dive.plan();
    assert_eq!(plan.inputs.len(), 1);
    let told: Vec<&str> = plan.skipped.iter().map(|(_, reason)| reason.as_str()).collect();
    assert_eq!(
        told,
        [
            "set aside: the same requests as in production_json and api_json, spread over lines of text",
            "set aside: the database's own log, all of it the platform's own",
        ]
    );
    let done = self::dive(dir.path());
    let aside: Vec<_> = done
        .report
        .inputs
        .iter()
        .filter_map(|input| input.set_aside.as_deref())
        .collect();
    assert_eq!(aside.len(), 2);
    assert!(aside.iter().all(|reason| !reason.is_empty()));
    assert_eq!(done.report.counts.withheld, 1, "only what was read");
}
