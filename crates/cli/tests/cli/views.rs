//! `decostop view`: filters, columns, order, the terminal.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run::{Corpus, Ran, arg, copy, decostop, dive, names, records, run};

type Record = serde_json::Value;

fn view(extra: &[&str]) -> Vec<Record> {
    let text = run(&[&["view", arg(dive()), "--json"], extra].concat())
        .exits(0)
        .out;
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a record"))
        .collect()
}

/// Whether a filter shows the records that `fits` holds of, some but not all.
fn shows(extra: &[&str], fits: impl Fn(&Record) -> bool) {
    let all = view(&[]);
    let (want, got): (Vec<&Record>, _) = (all.iter().filter(|record| fits(record)).collect(), view(extra));
    assert!(
        !want.is_empty() && want.len() < all.len(),
        "{extra:?}: {}",
        want.len()
    );
    assert!(got.iter().eq(want), "{extra:?}");
}

fn text<'r>(record: &'r Record, field: &str) -> &'r str {
    record[field].as_str().unwrap_or_default()
}

/// The value of a field that some records have.
fn some(field: &str) -> String {
    let all = view(&[]);
    let found = all
        .iter()
        .map(|record| text(record, field))
        .find(|value| !value.is_empty() && !value.contains('\\'));
    found.expect("a value").to_owned()
}

#[test]
fn every_filter_filters() {
    let (actor, project, ip) = (some("actor"), some("project"), some("ip"));
    let namespace = project.split('/').next().expect("a path").to_owned();
    let below = |path: &str, at: &str| {
        let (path, at) = (path.to_lowercase(), at.to_lowercase());
        path == at || path.starts_with(&format!("{at}/"))
    };
    shows(&["--actor", &actor.to_uppercase()], |record| {
        text(record, "actor")
            .to_lowercase()
            .contains(&actor.to_lowercase())
    });
    shows(&["--project", &project], |record| {
        text(record, "project").eq_ignore_ascii_case(&project)
    });
    shows(&["--namespace", &namespace], |record| {
        below(text(record, "project"), &namespace) || below(text(record, "namespace"), &namespace)
    });
    shows(&["--ip", &ip], |record| text(record, "ip") == ip);
    shows(&["--status", "4xx"], |record| {
        record["status"].as_u64().is_some_and(|status| status / 100 == 4)
    });
    shows(&["--status", "404", "--status", "ok"], |record| {
        record["status"] == 404 || record["status"] == "OK"
    });
    shows(&["--event", "repository.*", "--source", "gitaly"], |record| {
        text(record, "event").starts_with("repository.") && record["source"] == "gitaly"
    });
    shows(
        &["--event", "repository.read", "--event", "membership.added"],
        |record| ["repository.read", "membership.added"].contains(&text(record, "event")),
    );
    shows(&["--grep", "REPOSITORY."], |record| {
        record.to_string().to_lowercase().contains("repository.")
    });
    let middle = text(&view(&[])[view(&[]).len() / 2], "time").to_owned();
    shows(&["--since", &middle], |record| {
        text(record, "time") >= middle.as_str()
    });
    shows(&["--until", &middle], |record| {
        text(record, "time") < middle.as_str()
    });
}

#[test]
fn order_and_number_can_be_chosen() {
    let all = view(&[]);
    let backwards: Vec<Record> = all.iter().rev().cloned().collect();
    assert_eq!(view(&["--reverse"]), backwards);
    assert_eq!(view(&["--tail", "3"]), all[all.len() - 3..]);
    assert_eq!(view(&["--tail", "3", "--reverse"]), backwards[..3]);
    assert_eq!(view(&["--limit", "3", "--reverse"]), backwards[..3]);
    assert_eq!(view(&["--limit", "3"]), all[..3]);
    assert!(view(&["--tail", "0"]).is_empty());
    let fitting = view(&["--source", "gitaly"]).len();
    run(&["view", arg(dive()), "--source", "gitaly", "--limit", "2"])
        .exits(0)
        .says(&format!(
            "the first 2 of {fitting} that fit, of {} records",
            all.len()
        ));
    run(&["view", arg(dive()), "--source", "gitaly", "--limit", "0"])
        .exits(0)
        .says(&format!("{fitting} of {} records", all.len()));
}

#[test]
fn columns_can_be_chosen() {
    let table = run(&[
        "view",
        arg(dive()),
        "--columns",
        "event,time,nowhere",
        "--limit",
        "3",
    ])
    .exits(0)
    .says("no record shown has a field nowhere");
    let mut lines = table.out.lines();
    let head: Vec<&str> = lines.next().expect("a head").split_whitespace().collect();
    assert_eq!(head, ["event", "time", "nowhere"]);
    let first: Vec<&str> = lines.next().expect("a record").split_whitespace().collect();
    let record = &view(&["--limit", "1"])[0];
    assert_eq!(first, [text(record, "event"), text(record, "time")]);
    run(&["view", arg(dive()), "--columns", "time,,event"])
        .exits(1)
        .says("--columns");
}

#[test]
fn mistakes_are_told() {
    let view = |extra: &[&str]| run(&[&["view", arg(dive())], extra].concat());
    view(&["--source", "gital"])
        .exits(0)
        .says("did you mean \"gitaly\"?");
    view(&["--event", "zebra"]).exits(0).says("here are");
    view(&["--ip", "alex9"]).exits(1).says("no address");
    view(&["--since", "2026-11-03", "--until", "2026-11-02"])
        .exits(1)
        .says("must lie after");
    let above = dive().parent().expect("a directory");
    run(&["view", arg(above)]).exits(1).says("did you mean");
    run(&["view", arg(&above.join("none"))])
        .exits(1)
        .says("no such directory");
}

/// A result whose records hold what a terminal would obey; only `view` reads it.
fn hostile(dir: &Path) -> std::path::PathBuf {
    let bad = dir.join("bad");
    copy(dive(), &bad);
    let line = records(dive()).lines().next().expect("a record").to_owned();
    let line = line.replacen(
        "{\"time\"",
        "{\"agent\":\"\\u001b]0;owned\\u0007\\u001b[31m\u{9b}31m\u{202e}gnp\u{7f}\",\"time\"",
        1,
    );
    let packed = zstd::encode_all(format!("{line}\n").as_bytes(), 1).expect("memory takes everything");
    fs::write(bad.join("disclosure/records.ndjson.zst"), packed).expect("the records");
    bad
}

/// Runs a command on a terminal of its own; nothing if the system has no `script`.
fn on_a_terminal(command: &str, env: &[(&str, &str)]) -> Option<Ran> {
    let mut script = Command::new("script");
    script.args(["-qec", command, "/dev/null"]);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "PAGER", "LESS"] {
        script.env_remove(name);
    }
    script.env("TERM", "xterm").envs(env.iter().copied());
    script.stdin(std::process::Stdio::null());
    match script.output() {
        Ok(output) => Some(Ran::new(output)),
        Err(cause) => {
            eprintln!("skipped: no terminal can be had ({cause})");
            None
        }
    }
}

#[test]
fn no_value_is_obeyed_by_a_terminal() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let bad = hostile(dir.path());
    let obeyed = |text: &str| {
        text.chars()
            .any(|c| (c.is_control() && !"\n\r".contains(c)) || ('\u{202a}'..='\u{202e}').contains(&c))
    };
    let table = run(&["view", arg(&bad), "--columns", "time,agent"]).exits(0).out;
    assert!(
        table.contains("\\u{1b}") && table.contains("gnp") && !obeyed(&table),
        "{table:?}"
    );
    let raw = run(&["view", arg(&bad), "--json"]).exits(0).out;
    assert!(raw.contains('\u{202e}'), "a pipe gets the bytes as they are");
    let binary = env!("CARGO_BIN_EXE_decostop");
    for args in ["--json", "--columns agent"] {
        let command = format!("{binary} view {} {args} --no-pager", arg(&bad));
        let Some(shown) = on_a_terminal(&command, &[("NO_COLOR", "1")]) else {
            return;
        };
        assert!(
            shown.out.contains("gnp") && !obeyed(&shown.out),
            "{args}: {:?}",
            shown.out
        );
    }
}

#[test]
fn colours_and_a_pager_on_a_terminal_alone() {
    let plain = decostop()
        .args(["view", arg(dive())])
        .env("PAGER", "sed s/^/PAGED:/")
        .output()
        .expect("the binary runs");
    assert!(!plain.stdout.contains(&0x1b) && !String::from_utf8_lossy(&plain.stdout).contains("PAGED"));
    let command = format!("{} view {}", env!("CARGO_BIN_EXE_decostop"), arg(dive()));
    let pager = [("PAGER", "sed s/^/PAGED:/")];
    let Some(paged) = on_a_terminal(&command, &pager) else {
        return;
    };
    let all = records(dive()).lines().count();
    assert_eq!(
        paged.out.matches("PAGED:").count(),
        all + 1,
        "all records, through the pager"
    );
    assert!(paged.out.contains("\u{1b}[36m"), "in colours");
    let alone = on_a_terminal(&format!("{command} --no-pager"), &pager).expect("as before");
    assert!(!alone.out.contains("PAGED") && alone.out.contains("\u{1b}[36m"));
    assert!(alone.out.contains("the first 100 of"), "{}", alone.out);
    let grey = on_a_terminal(&command, &[pager[0], ("NO_COLOR", "1")]).expect("as before");
    assert!(grey.out.contains("PAGED:") && !grey.out.contains('\u{1b}'));
    let left = on_a_terminal(&command, &[("PAGER", "head -2")]).expect("as before");
    assert_eq!(
        left.code,
        Some(0),
        "a reader who leaves is no failure: {}",
        left.out
    );
}

#[test]
fn a_shell_completes_sources_and_events() {
    let script = run(&["completions", "bash"]).exits(0).out;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("completion");
    fs::write(&file, script).expect("a script");
    let complete = |words: &str, at: usize| {
        let last = words.split(' ').next_back().unwrap_or_default();
        let before = words.split(' ').rev().nth(1).unwrap_or_default();
        let asked = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD={at}; _decostop decostop '{last}' '{before}'; echo ${{COMPREPLY[@]}}",
            arg(&file)
        );
        let output = Command::new("bash").args(["--norc", "-c", &asked]).output();
        output
            .ok()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Some(sources) = complete("decostop scan --source production", 3) else {
        eprintln!("skipped: there is no bash");
        return;
    };
    assert_eq!(sources.trim(), "production_json");
    let events = complete("decostop view --event membership.", 3).expect("as before");
    assert!(events.contains("membership.added"), "{events}");
    assert!(!events.contains("repository"), "{events}");
}

#[test]
fn every_format_is_viewed_and_verified_as_the_first() {
    let corpus = Corpus::sound();
    let (request, logs) = (corpus.path("request.toml"), corpus.path("logs"));
    let dir = tempfile::tempdir().expect("a directory");
    let key = dive().join("internal/key");
    let shown = run(&["view", arg(dive()), "--json"]).exits(0).out;
    for (format, threads) in [("parquet", "1"), ("arrow", "2"), ("csv", "7")] {
        let out = dir.path().join(format);
        let args = [
            "scan",
            "--request",
            arg(&request),
            arg(&logs),
            "--out",
            arg(&out),
            "--quiet",
        ];
        let more = ["--format", format, "--threads", threads, "--key-file", arg(&key)];
        run(&[&args[..], &more].concat()).exits(0);
        let file = format!("records.{format}");
        assert_eq!(names(&out.join("disclosure")), ["manifest.json", &file]);
        assert_eq!(
            run(&["view", arg(&out), "--json"]).exits(0).out,
            shown,
            "{format}"
        );
        run(&["verify", arg(&out), "--against", arg(&logs)]).exits(0);
        let path = out.join("disclosure").join(&file);
        let mut bytes = fs::read(&path).expect("the records");
        *bytes.last_mut().expect("a byte") ^= 1;
        fs::write(&path, bytes).expect("the records");
        run(&["verify", arg(&out)]).exits(4);
    }
}
