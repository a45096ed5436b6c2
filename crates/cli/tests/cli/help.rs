//! Help, versions, completions, bad usage, colours.

use crate::run::{Corpus, arg, decostop, names, run};

/// Every command with flags that its help must name.
const COMMANDS: [(&[&str], &[&str]); 25] = [
    (&["demo"], &["--force", "--megabytes", "--seed", "decostop-demo"]),
    (&["check"], &["--json", "--profile"]),
    (&["plan"], &["--json", "--threads", "--source-of"]),
    (
        &["scan"],
        &[
            "--request",
            "--namespace",
            "--project",
            "--user",
            "--event",
            "--source",
            "--since",
            "--until",
            "--tz",
            "--dedup",
            "--out",
            "--internal",
            "--format",
            "--threads",
            "--no-mmap",
            "--dry-run",
            "--progress",
            "--key-file",
            "--accounts",
            "--rules",
            "--learn-all",
            "--allow-withheld",
            "--force",
            "--digest",
            "--source-of",
            "--max-line-bytes",
            "--profile",
            "--summary-only",
            "--quiet",
            "16M",
            "one a core",
        ],
    ),
    (
        &["summary"],
        &["--request", "--json", "--allow-withheld", "--rules"],
    ),
    (
        &["redact"],
        &["--source", "--request", "--key-file", "--accounts", "--rules"],
    ),
    (&["verify"], &["--against", "--json", "--rules"]),
    (
        &["view"],
        &[
            "--source",
            "--event",
            "--actor",
            "--namespace",
            "--project",
            "--ip",
            "--status",
            "--grep",
            "--since",
            "--until",
            "--tz",
            "--columns",
            "--limit",
            "--tail",
            "--reverse",
            "--json",
            "--no-pager",
        ],
    ),
    (
        &["explain"],
        &["--time", "--at", "--residual", "--profile", "--json"],
    ),
    (
        &["selftest"],
        &["--request", "--sample", "--seed", "--source-of", "--json"],
    ),
    (&["lookup"], &["--as", "--json"]),
    (&["request"], &["new"]),
    (&["request", "new"], &["FILE"]),
    (&["events"], &["--raw", "--json", "--source"]),
    (&["profile"], &["check", "new", "show"]),
    (&["profile", "check"], &["FILE"]),
    (&["profile", "new"], &["FILE", "--name"]),
    (&["profile", "show"], &[]),
    (&["rules"], &["list", "check"]),
    (&["rules", "list"], &["PATTERN", "--rules", "--json"]),
    (&["rules", "check"], &["FILE", "--profile"]),
    (&["schema"], &["request", "manifest", "summary"]),
    (
        &["synth"],
        &[
            "--megabytes",
            "--seed",
            "--days",
            "--codec",
            "--damage",
            "zstd-frames",
            "bzip2",
            "lz4",
            "xz",
        ],
    ),
    (&["completions"], &["bash", "zsh", "fish"]),
    (&["man"], &["DIR"]),
];

#[test]
fn every_command_has_help_with_its_flags_and_examples() {
    for (command, flags) in COMMANDS {
        let help = run(&[command, &["--help"]].concat()).exits(0);
        assert_eq!(help.err, "", "{command:?}");
        for flag in flags {
            assert!(help.out.contains(flag), "{command:?}: no {flag}");
        }
        assert!(help.out.contains("Example"), "{command:?}");
        let short = run(&[command, &["-h"]].concat()).exits(0);
        assert!(short.out.len() <= help.out.len(), "{command:?}");
    }
}

#[test]
fn the_main_help_names_every_command_and_the_exit_codes() {
    let help = run(&["--help"]).exits(0);
    for (command, _) in COMMANDS {
        assert!(help.out.contains(command[0]), "{command:?}");
    }
    for code in ["  0  ", "  1  ", "  2  ", "  3  ", "  4  ", "130  "] {
        assert!(help.out.contains(code), "{code}");
    }
    assert!(run(&["--version"]).exits(0).out.starts_with("decostop "));
}

#[test]
fn bad_usage_exits_with_1() {
    for args in [
        &[][..],
        &["dive"],
        &["scan"],
        &["scan", "--out"],
        &["scan", "logs"],
        &["scan", "logs", "--out", "x", "--threads", "0"],
        &["scan", "logs", "--out", "x", "--max-line-bytes", "lots"],
        &["scan", "logs", "--out", "x", "--source-of", "nonsense"],
        &["scan", "logs", "--out", "x", "--request", "r", "--namespace", "n"],
        &["scan", "logs", "--out", "x", "--dry-run"],
        &["check"],
        &["redact"],
        &["synth", "x", "--days", "0"],
        &["completions", "tcl"],
    ] {
        let ran = run(args);
        assert_eq!(ran.code, Some(1), "{args:?}: {}", ran.err);
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{args:?}");
    }
}

#[test]
fn completions_and_man_pages_follow_the_flags() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).exits(0).out;
        assert!(script.contains("allow-withheld"), "{shell}");
    }
    let page = run(&["man"]).exits(0).out;
    assert!(
        page.contains(".TH decostop") && page.contains("Exit codes"),
        "{page}"
    );
    let dir = tempfile::tempdir().expect("a temporary directory");
    run(&["man", arg(&dir.path().join("man1"))]).exits(0);
    let pages = names(&dir.path().join("man1"));
    for page in [
        "decostop.1",
        "decostop-scan.1",
        "decostop-verify.1",
        "decostop-request-new.1",
    ] {
        assert!(pages.iter().any(|name| name == page), "{pages:?}");
    }
}

#[test]
fn colours_only_where_they_are_wanted() {
    let request = Corpus::sound().path("request.toml");
    let coloured = |name: &str| {
        let output = decostop()
            .args(["check", arg(&request)])
            .env(name, "1")
            .output()
            .expect("the binary runs");
        output.stdout.contains(&0x1b)
    };
    assert!(!coloured("NOTHING"), "a pipe gets no colours");
    assert!(coloured("CLICOLOR_FORCE"));
    let both = decostop()
        .args(["check", arg(&request)])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .output();
    assert!(
        !both.expect("the binary runs").stdout.contains(&0x1b),
        "NO_COLOR wins"
    );
}
