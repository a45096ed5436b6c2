use std::fs::OpenOptions as FileOptions;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, SystemTime};

use decostop_mmap::MapPolicy;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::source::{OpenOptions, Opened, open};

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[&str]) -> Self {
        let folder = Self(tempfile::tempdir().expect("the temporary directory is writable"));
        for file in files {
            folder.write(file, b"line\n");
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file has a parent")).expect("writable");
        fs::write(path, bytes).expect("writable");
    }

    fn fifo(&self, name: &str) {
        let made = Command::new("mkfifo").arg(self.path(name)).status();
        assert!(made.is_ok_and(|status| status.success()));
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(self.0.path())
            .unwrap_or(path)
            .display()
            .to_string()
    }

    fn names(&self, found: &Discovery) -> Vec<String> {
        found
            .inputs
            .iter()
            .map(|input| self.relative(&input.path))
            .collect()
    }
}

fn profile(files: &[(&str, &[&str])]) -> Profile {
    let mut profile = Profile::clone(&Profile::gitlab());
    let sample = profile.sources.first().cloned().expect("the profile has sources");
    profile.sources = files
        .iter()
        .map(|(name, globs)| {
            let mut source = sample.clone();
            source.name = (*name).to_owned();
            source.files = globs.iter().map(|&glob| glob.to_owned()).collect();
            source
        })
        .collect();
    profile
}

fn discover(paths: &[PathBuf]) -> Result<Discovery, Error> {
    Discover::new(&profile(&[])).run(paths)
}

fn found(paths: &[PathBuf]) -> Discovery {
    discover(paths).expect("the paths exist")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

#[test]
fn a_directory_is_walked_in_natural_order_without_hidden_files() {
    let folder = Folder::with(&["x.10", "x.2", "x.1", "sub/y", ".hidden", ".git/z", "a"]);
    let found = found(&[folder.path("")]);
    assert_eq!(folder.names(&found), ["a", "sub/y", "x.1", "x.2", "x.10"]);
    assert!(found.problems.is_empty() && found.skipped.is_empty());
    for (number, input) in found.inputs.iter().enumerate() {
        assert_eq!(input.id, InputId(u32::try_from(number).expect("few inputs")));
        assert_eq!((input.bytes, input.kind), (5, InputKind::File));
    }
}

#[test]
fn the_order_of_arguments_makes_no_difference() {
    let folder = Folder::with(&["x.10", "x.2"]);
    let one = found(&[folder.path("x.10"), folder.path("x.2")]);
    let other = found(&[folder.path("x.2"), folder.path("x.10")]);
    assert_eq!(one.inputs, other.inputs);
}

#[test]
fn what_is_named_is_never_left_out() {
    let folder = Folder::with(&[".hidden", ".dir/file"]);
    let found = found(&[folder.path(".hidden"), folder.path(".dir")]);
    assert_eq!(folder.names(&found), [".dir/file", ".hidden"]);
}

#[test]
fn a_missing_path_ends_it() {
    let folder = Folder::with(&["x"]);
    for name in ["gone", "x/below", "gone*", "x/*.log"] {
        let error = discover(&[folder.path("x"), folder.path(name)]).expect_err("nothing is there");
        assert_eq!(error.kind(), ErrorKind::Config, "{name}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn globs_work_as_in_a_shell() {
    let folder = Folder::with(&[
        "a.log",
        "b.log.1",
        "sub/c.log",
        "sub/deep/d.log",
        ".e.log",
        "sub/.f.log",
    ]);
    for (pattern, expected) in [
        ("*.log", &["a.log"][..]),
        ("*.log*", &["a.log", "b.log.1"]),
        ("**/*.log", &["a.log", "sub/c.log", "sub/deep/d.log"]),
        ("*/c.log", &["sub/c.log"]),
        ("{a,sub/c}.log", &[]),
        ("[ab].log*", &["a.log", "b.log.1"]),
        ("?.log", &["a.log"]),
        (".*.log", &[".e.log"]),
        ("s*", &["sub/c.log", "sub/deep/d.log"]),
    ] {
        let names = discover(&[folder.path(pattern)])
            .map(|found| folder.names(&found))
            .unwrap_or_default();
        assert_eq!(names, expected, "{pattern}");
    }
    let odd = Folder::with(&["a[1].log"]);
    assert_eq!(odd.names(&found(&[odd.path("a[1].log")])), ["a[1].log"]);
}

#[test]
fn one_file_is_read_once_under_its_first_name() {
    let folder = Folder::with(&["a", "dir/c"]);
    fs::hard_link(folder.path("a"), folder.path("b")).expect("links exist");
    symlink(folder.path("dir"), folder.path("z")).expect("links exist");
    let found = found(&[folder.path(""), folder.path("a"), "-".into(), "-".into()]);
    assert_eq!(folder.names(&found), ["a", "dir/c", "-"]);
    let skipped: Vec<_> = found
        .skipped
        .iter()
        .map(|skipped| folder.relative(&skipped.path))
        .collect();
    assert_eq!(skipped, ["a", "b", "z/c", "-"]);
    assert!(
        found
            .skipped
            .iter()
            .all(|skipped| matches!(skipped.reason, SkipReason::Duplicate(_)))
    );
}

#[test]
fn links_are_followed_and_loops_end() {
    let folder = Folder::with(&["pods/x.log"]);
    fs::create_dir(folder.path("containers")).expect("writable");
    symlink("../pods/x.log", folder.path("containers/x.log")).expect("links exist");
    symlink("..", folder.path("containers/up")).expect("links exist");
    symlink("nowhere", folder.path("containers/broken")).expect("links exist");
    let found = found(&[folder.path("containers")]);
    assert_eq!(folder.names(&found), ["containers/up/pods/x.log"]);
    let problems: Vec<_> = found
        .problems
        .iter()
        .map(|problem| folder.relative(&problem.path))
        .collect();
    assert_eq!(problems, ["containers/broken"]);
}

#[test]
fn a_fifo_is_read_when_named_and_reported_when_found() {
    let folder = Folder::with(&["x"]);
    folder.fifo("pipe");
    let below = found(&[folder.path("")]);
    assert_eq!(folder.names(&below), ["x"]);
    assert_eq!(below.problems.len(), 1);
    assert_eq!(below.problems[0].kind, SourceProblem::NotAFile);
    let named = found(&[folder.path("pipe")]);
    assert_eq!(named.inputs[0].kind, InputKind::Stream);
    let path = folder.path("pipe");
    let writer = std::thread::spawn(move || fs::write(path, b"through the pipe\n"));
    let opened = open_input(&named.inputs[0]);
    writer.join().expect("no panic").expect("the pipe is read");
    assert_eq!(lines(&opened), ["through the pipe"]);
}

#[test]
fn svlogd_pairs_are_read_once() {
    let whole = b"one\ntwo\n";
    let folder = Folder::with(&[
        "d/@4000b.s",
        "d/@4000b.t",
        "d/@4000b.u",
        "d/@4000c.t",
        "d/current",
    ]);
    folder.write("d/@4000a.s", &gzip(whole));
    folder.write("d/@4000a.u", whole);
    folder.write("d/@4000d.s", gzip(whole).get(..15).expect("longer"));
    folder.write("d/@4000d.u", whole);
    folder.write("d/@4000e.t", b"");
    folder.write("d/@4000e.u", whole);
    let found = found(&[folder.path("d")]);
    assert_eq!(
        folder.names(&found),
        [
            "d/@4000a.s",
            "d/@4000b.s",
            "d/@4000c.t",
            "d/@4000d.u",
            "d/@4000e.u",
            "d/current"
        ]
    );
    let skipped: Vec<_> = found
        .skipped
        .iter()
        .map(|skipped| folder.relative(&skipped.path))
        .collect();
    assert_eq!(
        skipped,
        [
            "d/@4000a.u",
            "d/@4000b.t",
            "d/@4000b.u",
            "d/@4000d.s",
            "d/@4000e.t"
        ]
    );
}

#[test]
fn what_the_profile_sets_aside_is_not_read_unless_it_is_named() {
    let folder = Folder::with(&[
        "gitaly/current",
        "gitaly/lock",
        "postgresql/@400000005f8eaf6f1a80ef5c.s",
        "postgresql/current",
        "rails/production.log",
        "rails/production.log.1.gz",
        "rails/production_json.log",
        "rails/unknown.log",
    ]);
    let profile = Profile::gitlab();
    let discover = |paths: &[&str]| {
        let paths: Vec<_> = paths.iter().map(|path| folder.path(path)).collect();
        Discover::new(&profile).run(&paths).expect("the paths exist")
    };
    let read = ["gitaly/current", "rails/production_json.log", "rails/unknown.log"];
    let found = discover(&[""]);
    assert_eq!(folder.names(&found), read);
    let skipped: Vec<_> = found
        .skipped
        .iter()
        .map(|skipped| {
            assert_eq!(skipped.reason.instead(), None);
            assert!(skipped.reason.told().starts_with("set aside: "));
            folder.relative(&skipped.path)
        })
        .collect();
    let aside = [
        "gitaly/lock",
        "postgresql/@400000005f8eaf6f1a80ef5c.s",
        "postgresql/current",
        "rails/production.log",
        "rails/production.log.1.gz",
    ];
    assert_eq!(skipped, aside);
    let why = found.skipped.get(3).map(ToString::to_string).unwrap_or_default();
    assert!(why.ends_with("spread over lines of text"), "{why}");

    assert_eq!(
        folder.names(&discover(&["rails/production.log"])),
        ["rails/production.log"]
    );
    assert_eq!(
        folder.names(&discover(&["postgresql/*"])).len(),
        2,
        "a pattern names"
    );
    let both = discover(&["rails", "rails/production.log"]);
    assert_eq!(
        folder.names(&both),
        [
            "rails/production.log",
            "rails/production_json.log",
            "rails/unknown.log"
        ]
    );
    let aside = |skipped: &&Skipped| matches!(skipped.reason, SkipReason::SetAside(_));
    assert_eq!(
        both.skipped.iter().filter(aside).count(),
        1,
        "only the rotated one"
    );
}

#[test]
fn a_file_that_may_be_of_a_source_is_not_set_aside() {
    let folder = Folder::with(&["rails/production.log"]);
    let profile = Profile::gitlab();
    let found = Discover::new(&profile)
        .source_of("production.log", "production_json")
        .and_then(|discover| discover.run(&[folder.path("")]))
        .expect("the source is known");
    assert_eq!(folder.names(&found), ["rails/production.log"]);
}

#[test]
fn names_tell_sources() {
    let profile = profile(&[
        ("rails", &["production_json.log*"]),
        ("gitaly", &["gitaly/current", "gitaly/@*"]),
        ("other", &["*.special"]),
    ]);
    let discover = Discover::new(&profile)
        .source_of("*.custom", "rails")
        .expect("known");
    let discover = discover.source_of("/logs/x/**", "gitaly").expect("known");
    for (path, expected) in [
        ("production_json.log", Some("rails")),
        ("/var/log/production_json.log.12.gz", Some("rails")),
        ("production_json.log-20261101.zst", Some("rails")),
        ("gitaly/current", Some("gitaly")),
        (
            "/var/log/gitlab/gitaly/@400000005f8eaf6f1a80ef5c.s",
            Some("gitaly"),
        ),
        ("current", None),
        ("a.special.3.gz", Some("other")),
        ("b.custom.gz", Some("rails")),
        ("/logs/x/y/z.special", Some("gitaly")),
        ("mixed.json", None),
    ] {
        let source = discover.source_by_name(Path::new(path));
        let name = source
            .and_then(|index| profile.sources.get(index))
            .map(|source| source.name.as_str());
        assert_eq!(name, expected, "{path}");
    }
    let found = discover
        .standard_input_is("other")
        .and_then(|discover| discover.run(&["-".into()]));
    assert_eq!(
        found.expect("standard input is always there").inputs[0].source,
        Some(2)
    );
}

#[test]
fn unknown_sources_and_globs_are_refused() {
    let profile = profile(&[("rails", &[])]);
    let discover = Discover::new(&profile);
    let error = discover
        .clone()
        .source_of("*", "nosuch")
        .expect_err("no such source");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.advice().is_some_and(|advice| advice.contains("rails")));
    assert!(discover.clone().source_of("[", "rails").is_err());
    assert!(discover.standard_input_is("nosuch").is_err());
}

#[test]
fn the_embedded_profile_knows_its_names() {
    let profile = Profile::gitlab();
    let discover = Discover::new(&profile);
    for source in &profile.sources {
        assert!(!source.files.is_empty(), "{}", source.name);
    }
    let rails = discover.source_by_name(Path::new("gitlab-rails/production_json.log.3.gz"));
    assert_eq!(
        rails
            .and_then(|index| profile.sources.get(index))
            .map(|s| s.name.as_str()),
        Some("production_json")
    );
}

fn open_input(input: &Input) -> Opened {
    open(input, &OpenOptions::new(MapPolicy::read(), SystemTime::now())).expect("it can be opened")
}

fn lines(opened: &Opened) -> Vec<String> {
    use crate::frame::{Lines, Piece, Scratch, for_each_segment};
    let mut lines = Vec::new();
    for unit in opened.units() {
        let limits = crate::Limits::default();
        for_each_segment(opened, &unit, &limits, &mut Scratch::default(), &mut |piece| {
            if let Piece::Lines { offset, bytes } = piece {
                lines.extend(
                    Lines::new(offset, bytes).map(|line| String::from_utf8_lossy(line.bytes).into_owned()),
                );
            }
            std::ops::ControlFlow::Continue(())
        });
    }
    lines
}

#[test]
fn a_change_is_told_when_the_input_is_closed() {
    let folder = Folder::with(&["same", "grown", "cut"]);
    let found = found(&[folder.path("")]);
    let opened: Vec<Opened> = found.inputs.iter().map(open_input).collect();
    let mut grown = FileOptions::new()
        .append(true)
        .open(folder.path("grown"))
        .expect("writable");
    grown.write_all(b"more\n").expect("writable");
    FileOptions::new()
        .write(true)
        .open(folder.path("cut"))
        .and_then(|file| file.set_len(2))
        .expect("writable");
    let read: Vec<Vec<String>> = opened.iter().map(lines).collect();
    // In natural order: cut, grown, same.
    assert_eq!(read, [vec!["li"], vec!["line"], vec!["line"]]);
    let problems: Vec<Option<SourceProblem>> = opened
        .into_iter()
        .map(|opened| opened.close().map(|problem| problem.kind))
        .collect();
    let changed = |after| Some(SourceProblem::Changed { before: 5, after });
    assert_eq!(problems, [changed(2), changed(10), None]);
}

#[test]
fn what_cannot_be_opened_is_a_problem_with_its_path() {
    let folder = Folder::with(&["x", "y.zip"]);
    folder.write("y.zip", b"PK\x03\x04");
    let found = found(&[folder.path("")]);
    fs::remove_file(folder.path("x")).expect("it was there");
    let options = OpenOptions::new(MapPolicy::read(), SystemTime::now());
    let gone = open(&found.inputs[0], &options).expect_err("it was removed");
    assert_eq!(
        (gone.kind, gone.input),
        (SourceProblem::Unreadable, Some(InputId(0)))
    );
    assert!(gone.to_string().contains("x: cannot be read: "), "{gone}");
    let unsupported = open(&found.inputs[1], &options).expect_err("no zip");
    assert!(
        unsupported
            .to_string()
            .ends_with("y.zip: codec not supported yet: zip"),
        "{unsupported}"
    );
}

#[test]
fn recent_files_are_not_split_differently() {
    let folder = Folder::with(&[]);
    folder.write("x", "0123456\n".repeat(100).as_bytes());
    let found = found(&[folder.path("x")]);
    let options = OpenOptions::new(MapPolicy::read(), SystemTime::now() + Duration::from_secs(600));
    let opened = open(&found.inputs[0], &options.unit_bytes(300)).expect("it can be opened");
    let units = opened.units();
    assert_eq!(units.len(), 2);
    assert_eq!(
        (units[0].range.clone(), units[1].range.clone()),
        (0..400, 400..800)
    );
    assert_eq!(lines(&opened).len(), 100);
    let digest = opened.digest().expect("readable");
    assert_eq!(
        digest,
        Some(*blake3::hash("0123456\n".repeat(100).as_bytes()).as_bytes())
    );
}
