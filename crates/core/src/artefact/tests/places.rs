//! Where an artefact goes, and what may lie there already.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::*;
use crate::artefact::StagedFile;

fn host() -> String {
    crate::artefact::place::host().expect("this system tells its name")
}

#[test]
fn what_exists_is_not_touched() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default(), 2).expect("a dive");
    fs::write(dir.path().join("file"), "mine").expect("a file");
    fs::create_dir(dir.path().join("empty")).expect("a directory");
    symlink(&out, dir.path().join("link")).expect("a link");
    symlink("nowhere", dir.path().join("dangling")).expect("a link");
    let before = tree(dir.path());
    let manifest = fs::read(out.join("disclosure/manifest.json")).expect("a manifest");
    for name in ["out", "out/", "file", "empty", "link", "link/", "dangling"] {
        assert_eq!(
            kind(writer(&dir.path().join(name), Options::default())),
            ErrorKind::Config,
            "{name}"
        );
    }
    assert_eq!(tree(dir.path()), before);
    assert_eq!(
        fs::read(out.join("disclosure/manifest.json")).ok(),
        Some(manifest)
    );
    assert_eq!(
        fs::read(dir.path().join("file")).ok().as_deref(),
        Some(&b"mine"[..])
    );
}

#[test]
fn force_replaces_an_artefact_when_the_new_one_is_complete() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default(), 2).expect("a dive");
    let force = || Options::default().force(true);
    let mut writer = writer(&out, force()).expect("a writer");
    fill(&mut writer, 5).expect("records");
    assert_eq!(
        super::super::open(&out)
            .expect("the old one")
            .manifest()
            .records
            .total,
        2
    );
    drop(writer);
    assert_eq!(
        super::super::open(&out)
            .expect("the old one")
            .manifest()
            .records
            .total,
        2
    );
    let committed = dive(&out, force(), 5).expect("a dive");
    assert_eq!(committed.leftover, None);
    assert_eq!(
        super::super::open(&out)
            .expect("the new one")
            .manifest()
            .records
            .total,
        5
    );
    assert_eq!(
        tree(dir.path())
            .iter()
            .filter(|name| !name.starts_with("out"))
            .count(),
        0
    );
}

#[test]
fn force_replaces_nothing_that_is_not_an_artefact() {
    let dir = scratch();
    let home = dir.path().join("home");
    fs::create_dir_all(home.join("internal")).expect("a directory");
    fs::write(home.join("thesis.tex"), "years of work").expect("a file");
    fs::write(home.join("internal/run.json"), "{}").expect("a file");
    fs::write(dir.path().join("file"), "mine").expect("a file");
    symlink(&home, dir.path().join("link")).expect("a link");
    fs::create_dir(dir.path().join("empty")).expect("a directory");
    let force = || Options::default().force(true);
    for name in ["home", "file", "link"] {
        assert_eq!(
            kind(writer(&dir.path().join(name), force())),
            ErrorKind::Config,
            "{name}"
        );
    }
    assert!(home.join("thesis.tex").is_file());
    dive(&dir.path().join("empty"), force(), 1).expect("an empty directory is nobody's loss");
}

#[test]
fn a_result_that_appears_meanwhile_is_kept() {
    let dir = scratch();
    let out = dir.path().join("out");
    let (mut one, mut two) = (
        writer(&out, Options::default()).expect("one"),
        writer(&out, Options::default()).expect("two"),
    );
    fill(&mut one, 1).expect("records");
    fill(&mut two, 2).expect("records");
    one.commit(clean).expect("the first is there");
    assert_eq!(kind(two.commit(clean)), ErrorKind::Config);
    assert_eq!(
        super::super::open(&out)
            .expect("an artefact")
            .manifest()
            .records
            .total,
        1
    );
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
}

#[test]
fn a_missing_parent_is_not_made() {
    let dir = scratch();
    fs::write(dir.path().join("file"), "").expect("a file");
    for name in ["missing/out", "file/out"] {
        assert_eq!(
            kind(writer(&dir.path().join(name), Options::default())),
            ErrorKind::Config
        );
    }
    assert_eq!(tree(dir.path()), ["file"]);
}

#[test]
fn names_may_be_unusual() {
    let dir = scratch();
    let long = "x".repeat(240);
    let names: [&[u8]; 8] = [
        b"with space",
        "ünïcødé 名".as_bytes(),
        b"trailing/",
        b"./dot/.",
        b"not\xfftext",
        b"-dash",
        b".hidden",
        long.as_bytes(),
    ];
    for name in names {
        let out = dir.path().join(OsStr::from_bytes(name));
        let committed = dive(&out, Options::default(), 1).expect("a dive");
        assert!(committed.path.join("internal/run.json").is_file());
        dive(&out, Options::default().force(true), 2).expect("a dive again");
        assert_eq!(kind(writer(&out, Options::default())), ErrorKind::Config);
    }
    assert_eq!(
        fs::read_dir(dir.path()).expect("a directory").count(),
        names.len()
    );
}

#[test]
fn what_is_no_name_is_refused() {
    let too_long = "x".repeat(250);
    for name in ["", "/", "..", "a/..", ".", &too_long] {
        assert_eq!(
            kind(writer(Path::new(name), Options::default())),
            ErrorKind::Config,
            "{name:?}"
        );
    }
}

#[test]
fn a_killed_replacement_is_undone() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default(), 2).expect("a dive");
    let aside = dir.path().join(format!(".out.replaced-7-{}01234567", host()));
    fs::rename(&out, &aside).expect("as a killed process would leave it");
    assert_eq!(
        kind(writer(&out, Options::default())),
        ErrorKind::Config,
        "the old result is back"
    );
    assert!(out.join("internal/run.json").is_file() && !aside.exists());

    dive(&dir.path().join("spare"), Options::default(), 1).expect("a dive");
    fs::rename(dir.path().join("spare"), &aside).expect("killed before the old one was removed");
    assert_eq!(kind(writer(&out, Options::default())), ErrorKind::Config);
    assert!(!aside.exists() && out.join("internal/run.json").is_file());
}

#[test]
fn only_what_a_dead_process_left_here_for_this_result_is_removed() {
    let dir = scratch();
    let host = host();
    let keep = [
        format!(".out.partial-7-{host}0123456g"),
        format!(".out.partial-7-{host}01234567.partial-7-{host}01234567"),
        format!(".other.partial-7-{host}01234567"),
        format!(".out.partial--{host}01234567"),
        format!("out.partial-7-{host}01234567"),
        format!(".out.partial-7-{}01234567", host.replace(|_| true, "g")),
    ];
    let locked = dir.path().join(format!(".out.partial-7-{host}000000aa"));
    let orphan = dir.path().join(format!(".out.partial-1-{host}01234567"));
    for name in &keep {
        fs::create_dir(dir.path().join(name)).expect("a directory");
    }
    fs::create_dir(&locked).expect("a directory");
    fs::create_dir_all(orphan.join("disclosure")).expect("a directory");
    let held = fs::File::open(&locked).expect("a directory can be opened");
    held.try_lock().expect("nobody holds it");
    dive(&dir.path().join("out"), Options::default(), 1).expect("a dive");
    assert!(keep.iter().all(|name| dir.path().join(name).is_dir()));
    assert!(locked.is_dir(), "its lock says that somebody works on it");
    assert!(!orphan.exists(), "whatever process has that id now");
}

#[test]
fn a_file_appears_whole_and_takes_nothing_with_it_but_what_a_dead_process_left() {
    use std::io::Write as _;

    let dir = scratch();
    let host = host();
    let list = || {
        let entries = fs::read_dir(dir.path()).expect("a directory");
        let mut names: Vec<_> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    };
    let out = dir.path().join("part");
    let mut dropped = StagedFile::create(&out).expect("a file");
    dropped.write_all(b"half").expect("room");
    assert!(list()[0].starts_with(&format!(".part.partial-{}-{host}", std::process::id())));
    drop(dropped);
    assert!(list().is_empty(), "what failed leaves nothing");

    let locked = dir.path().join(format!(".part.partial-1-{host}000000aa"));
    let keep = [
        format!(".other.partial-1-{host}01234567"),
        format!(".part.partial-1-{}01234567", host.replace(|_| true, "g")),
        format!(".part.partial-1-{host}0123456"),
        "part.partial".to_owned(),
    ];
    for name in &keep {
        fs::write(dir.path().join(name), "").expect("a file");
    }
    fs::write(&locked, "").expect("a file");
    fs::create_dir(dir.path().join(format!(".part.partial-1-{host}76543210"))).expect("a directory");
    let held = fs::File::open(&locked).expect("a file");
    held.try_lock().expect("nobody holds it");
    let before = list();
    let orphan = dir
        .path()
        .join(format!(".part.partial-{}-{host}01234567", std::process::id()));
    fs::write(&orphan, "what a killed process left").expect("a file");
    let one = StagedFile::create(&out).expect("a file");
    assert!(!orphan.exists(), "whatever process has that id now");
    // Another run of the same step, at the same time.
    let mut other = StagedFile::create(&out).expect("a file");
    other.write_all(b"whole").expect("room");
    one.publish().expect("the first is still there");
    other.publish().expect("so is the second");
    assert_eq!(fs::read(&out).expect("a file"), b"whole");
    let mut after = before;
    after.push("part".to_owned());
    after.sort();
    assert_eq!(list(), after);
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(&out).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn files_of_runs_at_the_same_time_are_not_taken_for_orphans() {
    use std::io::Write as _;

    let dir = scratch();
    let out = dir.path().join("part");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let mut file = StagedFile::create(&out).expect("a file");
                    file.write_all(b"whole").expect("room");
                    file.publish().expect("nobody removed it");
                }
            });
        }
    });
    assert_eq!(fs::read(&out).expect("a file"), b"whole");
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
}

#[test]
fn two_that_replace_one_result_do_not_mix() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default(), 1).expect("a dive");
    let mut writer = writer(&out, Options::default().force(true)).expect("a writer");
    fill(&mut writer, 2).expect("records");
    let held = fs::File::open(&out).expect("a directory can be opened");
    held.try_lock().expect("as another run does while it replaces it");
    assert_eq!(kind(writer.commit(clean)), ErrorKind::Sink);
    assert_eq!(
        super::super::open(&out)
            .expect("untouched")
            .manifest()
            .records
            .total,
        1
    );
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
}
