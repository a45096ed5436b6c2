//! Files that a request names.

use std::path::Path;

use decostop_profile::Class;

use super::{GOOD, profile};
use crate::Error;
use crate::request::{Request, accounts};

/// Loads a request beside one file.
fn load(key: &str, name: &str, bytes: &[u8]) -> Result<Request, Error> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(dir.path().join(name), bytes).expect("a writable directory");
    let text = GOOD.replace("[scope]\n", &format!("[scope]\n{key} = \"{name}\"\n"));
    let path = dir.path().join("request.toml");
    std::fs::write(&path, text).expect("a writable directory");
    Request::load(&path, &profile())
}

fn fault(key: &str, bytes: &[u8]) -> String {
    let error = load(key, "f.csv", bytes).expect_err("a bad file").to_string();
    error
        .split_once("f.csv: ")
        .map(|(_, rest)| rest.to_owned())
        .unwrap_or(error)
}

#[test]
fn users_come_with_everything() {
    let csv = "\u{feff}Username, id ,emails,names\r\n\r\nbob,1002,bob@acme.example; b@acme.example ,\"Abbott, Bob;Bob\"\r\n@carol,,,\r\n,1003,,\r\n,,,\r\n";
    let request = load("users_file", "members.csv", csv.as_bytes()).expect("a sound file");
    let users = &request.scope.users;
    assert_eq!(users.len(), 4);
    assert_eq!((users[1].username.as_str(), users[1].id), ("bob", Some(1002)));
    assert_eq!(users[1].emails, ["bob@acme.example", "b@acme.example"]);
    assert_eq!(users[1].names, ["Abbott, Bob", "Bob"]);
    assert_eq!((users[2].username.as_str(), users[2].id), ("carol", None));
    assert_eq!((users[3].username.as_str(), users[3].id), ("", Some(1003)));
}

#[test]
fn thousands_of_rows() {
    let row = |row: u32| format!("{row},acme/p{row},2025-01-01,old/p{row};older/p{row}\n");
    let csv: String = std::iter::once("id,path,since,formerly\n".to_owned())
        .chain((1..=20_000).map(row))
        .collect();
    let request = load("projects_file", "p.csv", csv.as_bytes());
    let request = request.expect("a sound file");
    assert_eq!(request.scope.projects.len(), 20_001);
    let last = &request.scope.projects[20_000];
    assert_eq!((last.path.as_str(), last.id), ("acme/p20000", Some(20_000)));
    assert_eq!(last.formerly, ["old/p20000", "older/p20000"]);
    assert_eq!(last.since.as_deref(), Some("2025-01-01T00:00:00Z"));
}

#[test]
fn mistakes_are_told_with_file_and_line() {
    for (key, csv, want) in [
        (
            "projects_file",
            "",
            "empty; the first line names the columns (path,id,since,until,formerly)",
        ),
        (
            "projects_file",
            "\r\n\r\n",
            "empty; the first line names the columns (path,id,since,until,formerly)",
        ),
        (
            "projects_file",
            "acme/a,7\n",
            "line 1: column 1: unknown column; the first line names the columns",
        ),
        (
            "projects_file",
            "path,path\n",
            "line 1: path: this column is there twice",
        ),
        ("projects_file", "since\n", "line 1: no column path or id"),
        (
            "projects_file",
            "path,id\nacme/a\n",
            "line 2: 1 columns, the header has 2",
        ),
        (
            "projects_file",
            "path,id\nacme/a,7,8\n",
            "line 2: 3 columns, the header has 2",
        ),
        (
            "projects_file",
            "path,id\r\nacme/a,7\r\n/acme/b,8\r\n",
            "line 3: path: a path neither begins nor ends with `/`",
        ),
        (
            "projects_file",
            "path,id\n\n\nacme/a,x\n",
            "line 4: id: an id is a positive integer",
        ),
        (
            "projects_file",
            "path,id\nacme/a,0\n",
            "line 2: id: an id is a positive integer",
        ),
        (
            "projects_file",
            "path,id\nacme/a,+7\n",
            "line 2: id: an id is a positive integer",
        ),
        (
            "projects_file",
            "path,id\nacme/a,9223372036854775808\n",
            "line 2: id: an id is a positive integer",
        ),
        (
            "projects_file",
            "path,id\nacme/a,7\nACME/A,8\n",
            "line 3: path: this entry is listed twice",
        ),
        (
            "projects_file",
            "path,id\nacme/payments/api,\n",
            "line 2: path: this entry is listed twice",
        ),
        (
            "projects_file",
            "path,id\nacme/a,51191\n",
            "line 2: path: this id is listed twice; earlier names of one account belong under `formerly`",
        ),
        (
            "projects_file",
            "path,id\n\"acme/a,7\nacme/b,8\n",
            "line 2: 1 columns, the header has 2",
        ),
        (
            "projects_file",
            "path,until\nacme/a,2026-11-01T00:00:00\n",
            "line 2: until: the time has no offset: add Z for UTC or the offset, as in 2026-11-01T00:00:00+01:00",
        ),
        (
            "projects_file",
            "path,since,until\nacme/a,2026-11-01,2026-10-01\n",
            "line 2: until: must lie after `since`",
        ),
        (
            "projects_file",
            "path,since\n,2026-11-01\n",
            "line 2: path: neither a path nor an id",
        ),
        (
            "users_file",
            "username,emails\nbob,bob\n",
            "line 2: emails: not an e-mail address",
        ),
        (
            "users_file",
            "username,email\n",
            "line 1: email: unknown column; the first line names the columns",
        ),
        (
            "users_file",
            "username\n\"bo\nb\"\n",
            "line 2: username: holds a control character",
        ),
        (
            "users_file",
            "username\nbob\n\"a\"\nAlice\n",
            "line 4: username: this entry is listed twice",
        ),
    ] {
        assert_eq!(fault(key, csv.as_bytes()), want, "{csv:?}");
    }
    assert_eq!(
        fault("users_file", b"username\nbob\nb\xfcb\n"),
        "line 3: not UTF-8"
    );
    let error = load("users_file", "a.csv", b"username,email\n").expect_err("a bad column");
    assert_eq!(error.advice(), Some("did you mean \"emails\"?"));
}

#[test]
fn a_file_that_is_not_there() {
    let text = GOOD.replace("[scope]\n", "[scope]\nusers_file = \"gone.csv\"\n");
    let error = Request::parse(&text, Path::new("/nowhere")).expect_err("no such file");
    assert!(
        error.to_string().starts_with("/nowhere/gone.csv: cannot read: "),
        "{error}"
    );
}

#[test]
fn files_are_inlined_when_written() {
    let request = load("users_file", "m.csv", b"username,id\nbob,1002\n").expect("a sound file");
    let text = request.to_toml().expect("writable");
    assert!(!text.contains("m.csv"));
    assert_eq!(Request::parse(&text, Path::new("")).expect("readable"), request);
}

fn accounts(csv: &str) -> Result<Vec<(Class, String)>, String> {
    let read = accounts::parse(Path::new("accounts.csv"), csv.as_bytes());
    let read = read.map_err(|error| error.to_string())?;
    Ok(read
        .iter()
        .map(|(class, text)| (class, text.to_owned()))
        .collect())
}

#[test]
fn accounts_in_both_shapes() {
    let pairs = accounts("class,value\nuser,mallory\nuser_id,7\nip,::ffff:203.0.113.7\nproject,evil/corp\n");
    assert_eq!(
        pairs.expect("sound"),
        [
            (Class::User, "mallory".into()),
            (Class::UserId, "7".into()),
            (Class::Ip, "203.0.113.7".into()),
            (Class::Project, "evil/corp".into())
        ]
    );
    let export = accounts(
        "username,id,email,name,path\nmallory,7,m@evil.example;x@evil.example,Mallory M,evil\n,8,,,evil/corp\n,9,,,\n",
    );
    assert_eq!(
        export.expect("sound"),
        [
            (Class::User, "mallory".into()),
            (Class::Email, "m@evil.example".into()),
            (Class::Email, "x@evil.example".into()),
            (Class::Name, "Mallory M".into()),
            (Class::Namespace, "evil".into()),
            (Class::UserId, "7".into()),
            (Class::Namespace, "evil/corp".into()),
            (Class::NamespaceId, "8".into()),
            (Class::ProjectId, "8".into()),
            (Class::UserId, "9".into())
        ]
    );
}

#[test]
fn mistakes_in_accounts() {
    for (csv, want) in [
        (
            "who\n",
            "accounts.csv: line 1: column 1: unknown column; the first line names the columns",
        ),
        (
            "class\n",
            "accounts.csv: line 1: no column value or username or id or email or emails or name or names or path",
        ),
        (
            "class,value\nusr,mallory\n",
            "accounts.csv: line 2: class: not a class of identities",
        ),
        (
            "class,value\nsecret,x\n",
            "accounts.csv: line 2: class: not a class of identities",
        ),
        (
            "class,value\n,mallory\n",
            "accounts.csv: line 2: class: a value without a class",
        ),
        (
            "class,value\nuser,\n",
            "accounts.csv: line 2: value: a class without a value",
        ),
        (
            "class,value\nuser_id,x\n",
            "accounts.csv: line 2: value: an id is a positive integer",
        ),
        (
            "class,value\r\nuser,a\r\nip,mallory\r\n",
            "accounts.csv: line 3: value: not an IP address",
        ),
        (
            "path\n/evil\n",
            "accounts.csv: line 2: path: a path neither begins nor ends with `/`",
        ),
        ("id\nx\n", "accounts.csv: line 2: id: an id is a positive integer"),
    ] {
        assert_eq!(accounts(csv), Err(want.to_owned()), "{csv:?}");
    }
}
