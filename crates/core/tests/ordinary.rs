//! How much of what GitLab's components ordinarily say is left where text may be shown.
//!
//! `testdata/ordinary/messages.txt` holds messages in our own examples; the lines at even places tune the
//! vocabulary and the templates, those at odd places are held out. `cargo test -p decostop --test ordinary
//! -- --nocapture` prints the shares; `DECOSTOP_ORDINARY=1` prints what was lost of the tuned half.

#![expect(clippy::print_stderr, reason = "a score is there to be read")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use common::{builder, run};
use decostop_testkit::Random;
use serde_json::{Value, json};

/// A part of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    /// An ordinary word with the punctuation at it.
    Word(String),
    /// Of the customer.
    Own(String),
    /// Of somebody else.
    Foreign(String),
    /// The platform's, or a secret.
    Confidential(String),
    /// An id or an address.
    Id(String),
}

struct Message {
    source: String,
    text: String,
    parts: Vec<Part>,
}

fn messages() -> Vec<Message> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/ordinary/messages.txt");
    let text = std::fs::read_to_string(path).expect("the fixture");
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (source, marked) = line.split_once('\t').expect("source, tab, message");
            let (mut text, mut parts) = (String::new(), Vec::new());
            let words = |text: &str, parts: &mut Vec<Part>| {
                let words = text
                    .split_whitespace()
                    .filter(|word| word.contains(char::is_alphanumeric));
                parts.extend(words.map(|word| Part::Word(word.to_owned())));
            };
            let mut rest = marked;
            while let Some((before, after)) = rest.split_once('{') {
                let (mark, after) = after.split_once('}').expect("a mark ends");
                let (kind, value) = mark.split_once(':').expect("a mark has a kind");
                words(before, &mut parts);
                text = text + before + value;
                let value = value.to_owned();
                parts.push(match kind {
                    "o" => Part::Own(value),
                    "f" => Part::Foreign(value),
                    "s" | "x" => Part::Confidential(value),
                    "i" => Part::Id(value),
                    _ => panic!("an unknown mark: {line}"),
                });
                rest = after;
            }
            words(rest, &mut parts);
            Message {
                source: source.to_owned(),
                text: text + rest,
                parts,
            }
        })
        .collect()
}

fn request() -> String {
    let mut out = String::from(
        "version = 1\nid = \"ORDINARY-1\"\nrequested_at = 2026-11-08T09:00:00Z\n\
         [customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n\
         [scope]\nevidence = \"a test\"\nnamespaces = [\"acme\"]\nprojects = [{ path = \"acme/web\", id = 51191 }]\n\
         users = [{ username = \"alice\", id = 1001, emails = [\"alice@acme.example\"] }, { username = \"bea\", id = 1002 }]\n\
         [window]\nfrom = 2026-11-01T00:00:00Z\nto = 2026-11-08T00:00:00Z\n\
         [[select]]\nnamespaces = [\"acme\"]\n[disclosure]\npersonal_data = true\n",
    );
    for condition in ["events.few", "events.listed"] {
        let _ = write!(
            out,
            "[[exception]]\ncondition = \"{condition}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n"
        );
    }
    out
}

/// The message as it is disclosed, for each message.
fn shown(messages: &[Message]) -> Vec<String> {
    // Every message in the text field of a Rails record: what is shown does not depend on the source. The
    // strangers are known, as in a dive, from records around.
    let base = |at: usize| {
        json!({
            "time": format!("2026-11-02T10:{:02}:{:02}.000Z", at / 60, at % 60), "meta.project": "acme/web", "meta.user": "alice",
            "meta.user_id": 1001, "severity": "INFO",
        })
    };
    let with = |at: usize, fields: Value| {
        let mut record = base(at).as_object().cloned().unwrap_or_default();
        record.extend(fields.as_object().cloned().unwrap_or_default());
        Value::Object(record).to_string() + "\n"
    };
    let mut lines: String = messages
        .iter()
        .enumerate()
        .map(|(at, message)| with(at, json!({ "message": message.text })))
        .collect();
    let count = messages.len();
    lines += &with(
        count,
        json!({ "target_user_id": 9009, "project_path": "evil-corp/tool" }),
    );
    let audit = json!({
        "time": "2026-11-02T11:00:00.000Z", "event_name": "member_created", "author_id": 9009, "author_name": "Mallory Smith",
        "entity_type": "Project", "entity_path": "acme/web", "meta.user": "mallory",
    });
    let dir = tempfile::tempdir().expect("a temporary directory");
    let inputs = [
        ("application_json".to_owned(), lines.into_bytes()),
        ("audit_json".to_owned(), (audit.to_string() + "\n").into_bytes()),
    ];
    common::write_inputs(dir.path(), &inputs, common::Codec::Plain);
    let done = run(builder(&request(), dir.path().to_owned())).unwrap_or_else(|error| panic!("{error}"));
    let records = done.sink.records.iter().take(count).map(|record| {
        let record: Value = serde_json::from_str(record).expect("JSON");
        record["message"].as_str().unwrap_or_default().to_owned()
    });
    let shown: Vec<String> = records.collect();
    assert_eq!(shown.len(), count);
    shown
}

/// For each word, whether it is in the longest sequence that both have in common.
fn kept(words: &[String], shown: &[&str]) -> Vec<bool> {
    let (rows, columns) = (words.len() + 1, shown.len() + 1);
    let mut longest = vec![vec![0_u32; columns]; rows];
    for row in (0..words.len()).rev() {
        for column in (0..shown.len()).rev() {
            longest[row][column] = if words[row] == shown[column] {
                longest[row + 1][column + 1] + 1
            } else {
                longest[row + 1][column].max(longest[row][column + 1])
            };
        }
    }
    let (mut row, mut column, mut kept) = (0, 0, vec![false; words.len()]);
    while row < words.len() && column < shown.len() {
        if words[row] == shown[column] {
            kept[row] = true;
            (row, column) = (row + 1, column + 1);
        } else if longest[row + 1][column] >= longest[row][column + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    kept
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    messages: u32,
    whole: u32,
    words: u32,
    kept: u32,
    own: u32,
    own_kept: u32,
}

impl Share {
    fn of_words(self) -> f64 {
        f64::from(self.kept) / f64::from(self.words.max(1))
    }
}

#[test]
fn most_words_of_ordinary_messages_are_kept_and_nothing_else() {
    let messages = messages();
    assert!(messages.len() >= 300, "{} messages", messages.len());
    let shown = shown(&messages);
    let mut halves = [Share::default(); 2];
    let mut sources: BTreeMap<&str, Share> = BTreeMap::new();
    let (mut lost, mut leaks) = (BTreeMap::<String, u32>::new(), Vec::new());
    for (at, (message, shown)) in messages.iter().zip(&shown).enumerate() {
        let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
        let words: Vec<String> = message
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Word(word) => Some(bare(word)),
                _ => None,
            })
            .collect();
        let there: Vec<String> = shown.split_whitespace().map(bare).collect();
        let there: Vec<&str> = there.iter().map(String::as_str).collect();
        let kept = kept(&words, &there);
        let mut share = Share {
            messages: 1,
            words: words.len() as u32,
            kept: kept.iter().filter(|kept| **kept).count() as u32,
            ..Share::default()
        };
        share.whole = u32::from(share.kept == share.words);
        for part in &message.parts {
            match part {
                Part::Own(name) => {
                    share.own += 1;
                    share.own_kept += u32::from(shown.contains(name.as_str()));
                }
                Part::Foreign(name) | Part::Confidential(name) | Part::Id(name)
                    if shown.contains(name.as_str()) && !matches!(part, Part::Id(_)) =>
                {
                    leaks.push(format!("{name:?} in {shown:?}"));
                }
                _ => {}
            }
        }
        let add = |sum: &mut Share| {
            sum.messages += share.messages;
            sum.whole += share.whole;
            sum.words += share.words;
            sum.kept += share.kept;
            sum.own += share.own;
            sum.own_kept += share.own_kept;
        };
        add(&mut halves[at % 2]);
        add(sources.entry(message.source.as_str()).or_default());
        if at % 2 == 0 {
            for (word, kept) in words.iter().zip(&kept) {
                if !kept {
                    *lost.entry(word.clone()).or_default() += 1;
                }
            }
            if std::env::var_os("DECOSTOP_ORDINARY").is_some() && share.kept < share.words {
                eprintln!("{}\n  {shown}", message.text);
            }
        }
    }
    for (name, share) in [("tuned", halves[0]), ("held out", halves[1])]
        .into_iter()
        .chain(sources.iter().map(|(name, share)| (*name, *share)))
    {
        eprintln!(
            "{name:24} {:4} messages, {:3} kept whole, {:5} words, {:5.1} % kept, {:3} of {:3} own names kept",
            share.messages,
            share.whole,
            share.words,
            share.of_words() * 100.0,
            share.own_kept,
            share.own
        );
    }
    if std::env::var_os("DECOSTOP_ORDINARY").is_some() {
        eprintln!("{lost:?}");
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
    for (name, share) in [("tuned", halves[0]), ("held out", halves[1])] {
        assert!(
            share.of_words() >= 0.9,
            "{name}: {:.1} % of the words",
            share.of_words() * 100.0
        );
        assert!(share.own_kept * 100 >= share.own * 80, "{name}: own names");
    }
}

/// Lines that are put together from what logs are made of: `pieces` of each, in every order.
fn made(random: &mut Random, pieces: &[&str], between: &str) -> String {
    let count = 2 + random.below(7);
    let pick = |random: &mut Random| pieces[random.below(pieces.len())];
    let picked: Vec<&str> = (0..count).map(|_| pick(random)).collect();
    picked.join(between)
}

#[test]
fn what_is_ordinary_stops_no_dive() {
    const WORDS: &[&str] = &[
        "Counting",
        "objects",
        "of",
        "private",
        "protein",
        "within",
        "seconds",
        "300",
        "128-bits",
        "4096",
        "is",
        "in",
        "umbrella/secretproj-backend",
        "mallory9x@umbrella.example",
        "gitaly-praefect-01.umbrella.example",
        "token",
        "password",
        "key",
        "authentication",
        "for",
        "alice",
        "acme/web",
        "user",
        "project",
        "starting",
        "import",
        "10",
        "retries",
        "certificate",
        "tax",
        "id",
        "number",
        "no",
        "serial",
        "column",
        "relation",
        "error",
        "/etc",
        "port",
        "select",
        "from",
        "update",
        "where",
        "host",
        "node",
        "PG::UniqueViolation",
        "Net::ReadTimeout",
        "1.2.3",
    ];
    const SEGMENTS: &[&str] = &[
        "docker",
        "rootfs",
        "etc",
        "nginx",
        "nginx.conf",
        "src",
        "root",
        "10",
        "index.html",
        "xyzzy9",
        "run",
        "id_rsa",
        "test",
        "var",
        "tmp",
        "usr",
        "proc",
        "main",
        "app",
        "keys",
        "secrets.yml",
        "README.md",
        "v1.2.3",
        "opt",
        "bin",
        ".env",
        "builds",
        "sys",
        "password",
        "home",
        "mallory",
        "x%2Fetc%2Fy",
        "C:",
        "spec",
    ];
    let mut random = Random::new(20);
    let mut lines = String::new();
    let base = |nth: usize| {
        json!({
            "time": format!("2026-11-02T1{}:{:02}:{:02}.000Z", nth / 3600, nth / 60 % 60, nth % 60), "severity": "INFO",
            "meta.project": "acme/web", "meta.user": "alice", "meta.user_id": 1001,
        })
    };
    let count = 4000;
    for nth in 0..count {
        let mut record = base(nth);
        record["message"] = made(&mut random, WORDS, " ").into();
        record["ua"] = made(&mut random, WORDS, " ").into();
        let tail = made(&mut random, SEGMENTS, "/");
        record["path"] = format!("/acme/web/-/{}/main/{tail}", ["blob", "raw", "tree"][nth % 3]).into();
        record["exception.class"] =
            ["PG::UniqueViolation", "PG::ConnectionBad", "GRPC::Unavailable"][nth % 3].into();
        lines += &(record.to_string() + "\n");
    }
    for (nth, message) in [
        "repeating the bitsets in the high and low 128-bits in 256-bit vectors",
        "Importing umbrella-corp/secretproj: starting repository gitlab-org/secretproj/x after 120 retries",
    ]
    .iter()
    .enumerate()
    {
        let mut record = base(count + nth);
        record["message"] = (*message).into();
        lines += &(record.to_string() + "\n");
    }
    for source in ["production_json", "exceptions_json"] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let inputs = [(source.to_owned(), lines.clone().into_bytes())];
        common::write_inputs(dir.path(), &inputs, common::Codec::Plain);
        let done = run(builder(&request(), dir.path().to_owned())).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(done.sink.records.len(), count + 2, "{source}");
    }
}
