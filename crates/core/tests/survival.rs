//! The survival score: every secret of the public test suites, and thousands that are generated, in every
//! place of a record where somebody may have written it. None may be left.
//!
//! `cargo test -p decostop --test survival -- --nocapture` prints the tables. The suites lie beside the
//! repository; without them that part is skipped, and says so. `DECOSTOP_SURVIVAL=1` takes every case of
//! them rather than each fourth, and `DECOSTOP_SURVIVORS=1` lists what is left by text and place.

#![expect(clippy::print_stderr, reason = "a score is there to be read")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use common::{builder, profile, run};
use decostop_testkit::Random;
use decostop_testkit::secrets::{Level, contexts, encodings, gitlab_tokens, notations, pem, word_password};
use decostop_testkit::survival::{Judge, Left, Planted, Table, join, plant, plant_names, strings};
use serde_json::Value;

/// A text with a secret in it.
#[derive(Clone, Debug)]
struct Case {
    set: String,
    group: String,
    text: String,
    secret: String,
    /// The secret as it stands in the text, if it is encoded.
    encoded: Option<String>,
}

fn request(personal_data: bool) -> String {
    let mut out = format!(
        "version = 1\nid = \"SURVIVAL-1\"\nrequested_at = 2026-11-08T09:00:00Z\n\
         [customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n\
         [scope]\nevidence = \"a test\"\nnamespaces = [\"acme\"]\nusers = [{{ username = \"alice\", id = 1001 }}]\n\
         [window]\nfrom = 2026-11-01T00:00:00Z\nto = 2026-11-08T00:00:00Z\n\
         [[select]]\nnamespaces = [\"acme\"]\n[disclosure]\npersonal_data = {personal_data}\n"
    );
    for condition in ["events.few", "events.listed"] {
        let _ = write!(
            out,
            "[[exception]]\ncondition = \"{condition}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n"
        );
    }
    out
}

/// What became of each record: its line, or nothing where it was kept back or the verifier objected.
struct Outcome {
    lines: Vec<Option<String>>,
    /// Records that the verifier stopped the dive for, and its reasons.
    stopped: Vec<(usize, String)>,
}

/// Dives over planted records. Where the verifier objects, the rest goes without the record.
fn dive(planted: &[Planted], personal_data: bool) -> Outcome {
    let mut outcome = Outcome {
        lines: vec![None; planted.len()],
        stopped: Vec::new(),
    };
    let all: Vec<usize> = (0..planted.len()).collect();
    dive_part(planted, &all, personal_data, &mut outcome);
    outcome
}

fn dive_part(planted: &[Planted], part: &[usize], personal_data: bool, outcome: &mut Outcome) {
    let mut files: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    let mut index: BTreeMap<(String, u64), usize> = BTreeMap::new();
    for at in part {
        let Some(item) = planted.get(*at) else { continue };
        let file = files.entry(item.source).or_default();
        index.insert((format!("{}.log", item.source), file.len() as u64), *at);
        file.extend(item.record.to_string().bytes());
        file.push(b'\n');
    }
    let inputs: Vec<(String, Vec<u8>)> = files
        .into_iter()
        .map(|(name, bytes)| (name.to_owned(), bytes))
        .collect();
    let dir = tempfile::tempdir().expect("a temporary directory");
    common::write_inputs(dir.path(), &inputs, common::Codec::Plain);
    match run(builder(&request(personal_data), dir.path().to_owned()).threads(2)) {
        Ok(done) => {
            for (line, provenance) in done.sink.records.into_iter().zip(&done.sink.provenance) {
                let name = provenance.origin.path.file_name().unwrap_or_default();
                let key = (
                    name.to_string_lossy().into_owned(),
                    provenance.origin.offset.unwrap_or_default(),
                );
                let at = index.get(&key).copied().expect("a record comes from a line");
                if let Some(slot) = outcome.lines.get_mut(at) {
                    *slot = Some(line);
                }
            }
        }
        Err(error) if part.len() == 1 => {
            outcome
                .stopped
                .push((part.first().copied().unwrap_or_default(), error.to_string()));
        }
        Err(_) => {
            let (left, right) = part.split_at(part.len() / 2);
            dive_part(planted, left, personal_data, outcome);
            dive_part(planted, right, personal_data, outcome);
        }
    }
}

/// The tables of a set of cases.
#[derive(Default)]
struct Score {
    /// Cases by set.
    sets: Table,
    /// Cases by group: rule, encoding or notation.
    groups: Table,
    /// Cases and places.
    places: Table,
    /// Cases by set: the encoded span.
    spans: Table,
    records: usize,
    disclosed: usize,
    stopped: usize,
    survivors: Vec<String>,
}

fn is_listed() -> bool {
    std::env::var_os("DECOSTOP_SURVIVORS").is_some()
}

/// Dives over the cases, in both ways of planting.
fn score(cases: &[Case], personal_data: bool) -> Score {
    let profile = profile();
    let mut judge = Judge::new(&profile);
    let mut score = Score::default();
    let mut lefts: Vec<Vec<(String, Left, Left)>> = vec![Vec::new(); cases.len()];
    for (way, plant) in [plant as fn(&str) -> Vec<Planted>, plant_names]
        .into_iter()
        .enumerate()
    {
        let constant: Vec<Vec<(String, String)>> = {
            let planted = plant("qqxzzq");
            let lines = dive(&planted, personal_data).lines;
            lines
                .iter()
                .map(|line| strings(line.as_deref().unwrap_or("{}")))
                .collect()
        };
        // Parts of a size that bounds what one objection of the verifier costs.
        for (at, part) in cases.chunks(500).enumerate() {
            let planted: Vec<Planted> = part.iter().flat_map(|case| plant(&case.text)).collect();
            let each = planted.len() / part.len().max(1);
            let outcome = dive(&planted, personal_data);
            score.records += planted.len();
            score.stopped += outcome.stopped.len();
            for (which, why) in &outcome.stopped {
                if let (Some(case), Some(item)) = (part.get(which / each), planted.get(*which)) {
                    score.survivors.push(format!(
                        "STOPPED {} {} {why}: {:?}",
                        case.group, item.source, case.text
                    ));
                }
            }
            for (line_at, line) in outcome.lines.iter().enumerate() {
                let (Some(line), Some(case)) = (line, part.get(line_at / each)) else {
                    continue;
                };
                score.disclosed += 1;
                let same = constant
                    .get(line_at % each)
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                for (name, text) in strings(line) {
                    let is_name = name.starts_with('(');
                    if same
                        .iter()
                        .any(|(other, constant)| *constant == text && (is_name || *other == name))
                    {
                        continue;
                    }
                    let left = judge.left(&text, &case.secret);
                    let span = case.encoded.as_ref().map_or(left, |span| judge.left(&text, span));
                    let source = planted.get(line_at).map_or("", |item| item.source);
                    let place = format!("{}{source} {name}", if way == 0 { "" } else { "names: " });
                    if left.part || left.whole || span.part {
                        score.survivors.push(format!(
                            "{} | {} | {place} | {:?} of {:?} in {:?}",
                            case.set, case.group, text, case.secret, case.text
                        ));
                    }
                    if let Some(list) = lefts.get_mut(at * 500 + line_at / each) {
                        list.push((place, left, span));
                    }
                }
            }
        }
    }
    for (case, lefts) in cases.iter().zip(&lefts) {
        let all = join(lefts.iter().map(|(_, left, _)| *left));
        score.sets.add(&case.set, all);
        score.groups.add(&format!("{}: {}", case.set, case.group), all);
        score
            .spans
            .add(&case.set, join(lefts.iter().map(|(_, _, span)| *span)));
        for (place, left, _) in lefts {
            score.places.add(place, *left);
        }
    }
    score
}

impl Score {
    fn print(&self, what: &str, personal_data: bool) {
        eprintln!(
            "{what}, personal_data = {personal_data}: {} records, {} disclosed, {} stopped\n{}",
            self.records, self.disclosed, self.stopped, self.sets
        );
        let bad = Table(
            self.groups
                .0
                .iter()
                .filter(|(_, row)| row.left > 0)
                .map(|(name, row)| (name.clone(), *row))
                .collect(),
        );
        if !bad.0.is_empty() {
            eprintln!("by rule, encoding or notation (those with anything left)\n{bad}");
        }
        let bad = Table(
            self.places
                .0
                .iter()
                .filter(|(_, row)| row.left > 0)
                .map(|(name, row)| (name.clone(), *row))
                .collect(),
        );
        if !bad.0.is_empty() {
            eprintln!("by place (those with anything left)\n{bad}");
        }
        if is_listed() {
            for survivor in &self.survivors {
                eprintln!("{survivor}");
            }
        }
    }

    /// The share of cases of the sets that `of` takes that have all of the secret left, be it an ordinary
    /// word, or more of it than ordinary words.
    #[expect(clippy::unused_self, reason = "beside what tells the tables")]
    fn share(&self, table: &Table, of: impl Fn(&str) -> bool) -> f64 {
        let rows = || table.0.iter().filter(|(name, _)| of(name)).map(|(_, row)| row);
        let looked: u64 = rows().map(|row| row.looked).sum();
        let left: u64 = rows().map(|row| row.left).sum();
        left as f64 / looked.max(1) as f64
    }
}

const SETS: [&str; 5] = ["gitleaks", "kingfisher", "noseyparker", "presidio", "encodings"];

fn suites_folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/redaction-cases");
    if !folder.exists() {
        eprintln!("SKIP: no redaction-cases beside the repository");
        return None;
    }
    Some(folder)
}

/// The cases of the public suites, if they are there.
fn suites() -> Option<Vec<Case>> {
    let folder = suites_folder()?;
    let mut cases = Vec::new();
    for set in SETS {
        let bytes = std::fs::read(folder.join(set).join("cases.jsonl.zst")).expect("a set of cases");
        let text = String::from_utf8(common::decode(&bytes)).expect("text");
        for case in text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        {
            let (Some(text), Some(secret)) = (case["text"].as_str(), case["secret"].as_str()) else {
                continue;
            };
            if case["expect"] != "match" || secret.trim().is_empty() {
                continue;
            }
            let rule = case["rule"].as_str().unwrap_or_default();
            let origin = case["origin"].as_str().unwrap_or_default();
            let set = match (set, case["level"].as_str()) {
                ("presidio", _) => "presidio",
                ("encodings", Some("core")) => "encodings, core",
                ("encodings", _) => "encodings, stretch",
                _ if format!("{rule}{origin}").contains("gitlab") => "GitLab",
                (set, _) => set,
            };
            cases.push(Case {
                set: set.to_owned(),
                group: rule.to_owned(),
                text: text.to_owned(),
                secret: secret.to_owned(),
                encoded: case["encoded"].as_str().map(str::to_owned),
            });
        }
    }
    Some(cases)
}

#[test]
fn secrets_of_the_public_suites_do_not_survive() {
    let Some(mut cases) = suites() else { return };
    assert!(cases.len() > 9_000, "{} cases", cases.len());
    if std::env::var_os("DECOSTOP_SURVIVAL").is_none() {
        cases = cases.into_iter().step_by(4).collect();
    }
    for personal_data in [true, false] {
        let score = score(&cases, personal_data);
        score.print("public suites", personal_data);
        assert!(
            score.disclosed * 100 >= score.records * 97,
            "hardly anything is kept back"
        );
        assert_eq!(score.stopped, 0, "the redactor leaves nothing to the verifier");
        let sets = |bar: f64, of: &[&str]| {
            let share = score.share(&score.sets, |name| of.contains(&name));
            let told: Vec<_> = score.survivors.iter().take(40).collect();
            assert!(
                share <= bar,
                "{of:?}: {:.2} % left, at most {:.2} %: {told:#?}",
                share * 100.0,
                bar * 100.0
            );
        };
        sets(0.0, &["GitLab"]);
        let third = if personal_data { 0.005 } else { 0.0 };
        sets(third, &["gitleaks", "kingfisher", "noseyparker"]);
        // People called May, cars called `06 A 123`: words and numbers that are none where nothing says so.
        sets(if personal_data { 0.04 } else { 0.01 }, &["presidio"]);
        sets(if personal_data { 0.01 } else { 0.0 }, &["encodings, core"]);
        sets(if personal_data { 0.1 } else { 0.0 }, &["encodings, stretch"]);
        let spans = score.share(&score.spans, |name| name == "encodings, core");
        assert!(
            spans <= if personal_data { 0.01 } else { 0.0 },
            "{spans} of the encoded spans are left"
        );
    }
}

/// How many counter-examples of the suites that are nothing but ordinary words are kept as they stand.
#[test]
fn ordinary_counter_examples_are_told_of() {
    let Some(folder) = suites_folder() else { return };
    let profile = profile();
    let judge = Judge::new(&profile);
    let (mut texts, mut all) = (Vec::new(), 0);
    for set in SETS {
        let bytes = std::fs::read(folder.join(set).join("cases.jsonl.zst")).expect("a set of cases");
        let text = String::from_utf8(common::decode(&bytes)).expect("text");
        for case in text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        {
            if case["expect"] == "nomatch" {
                all += 1;
                let text = case["text"].as_str().unwrap_or_default();
                if judge.is_ordinary(text) && text.contains(char::is_alphabetic) {
                    texts.push(text.to_owned());
                }
            }
        }
    }
    let planted: Vec<Planted> = texts
        .iter()
        .flat_map(|text| {
            plant(text)
                .into_iter()
                .filter(|item| item.source == "application_json")
        })
        .collect();
    let outcome = dive(&planted, true);
    for (at, why) in &outcome.stopped {
        eprintln!("the verifier objects to {:?}: {why}", texts.get(*at));
    }
    let lines = outcome.lines;
    let kept_back: Vec<_> = lines
        .iter()
        .zip(&texts)
        .filter(|(line, _)| line.is_none())
        .map(|(_, text)| text)
        .collect();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = lines.iter().zip(&texts).filter(|(line, text)| {
        let record = line
            .as_deref()
            .and_then(|line| serde_json::from_str::<Value>(line).ok());
        record.is_some_and(|record| record["message"].as_str().unwrap_or_default() == words(text))
    });
    let whole = whole.count();
    eprintln!(
        "{all} counter-examples, {} of ordinary words alone, {whole} of these kept whole",
        texts.len()
    );
    // Many of them are made-up passwords, which go for the key before them: no aim, only told.
    assert!(
        whole >= 1 && kept_back.len() == outcome.stopped.len(),
        "{kept_back:?}"
    );
}

#[test]
fn generated_tokens_do_not_survive() {
    let mut cases = Vec::new();
    let mut random = Random::new(20_261_101);
    for round in 0..2 {
        for (form, token) in gitlab_tokens(&mut random) {
            for (encoding, level, encoded) in encodings(&token) {
                let all = contexts(&encoded);
                // Every surrounding over the rounds and forms, two of them for each encoding.
                for step in 0..2 {
                    let at = (cases.len() + step * 4 + round) % all.len();
                    let Some((_, text)) = all.get(at) else { continue };
                    let set = if level == Level::Core {
                        "tokens, core"
                    } else {
                        "tokens, stretch"
                    };
                    cases.push(Case {
                        set: set.to_owned(),
                        group: format!("{encoding} ({form})"),
                        text: text.clone(),
                        secret: token.clone(),
                        encoded: Some(encoded.clone()),
                    });
                }
            }
        }
        for (_, text) in contexts(&pem(&mut random)) {
            let secret = text.lines().nth(2).unwrap_or_default().to_owned();
            cases.push(Case {
                set: "keys in PEM".to_owned(),
                group: "PEM".to_owned(),
                text,
                secret,
                encoded: None,
            });
        }
    }
    for personal_data in [true, false] {
        let score = score(&cases, personal_data);
        score.print("generated tokens", personal_data);
        let told: Vec<_> = score.survivors.iter().take(40).collect();
        assert!(
            score.survivors.is_empty(),
            "{} survive: {told:#?}",
            score.survivors.len()
        );
        assert_eq!(score.stopped, 0);
    }
}

#[test]
fn passwords_of_ordinary_words_do_not_survive() {
    let mut random = Random::new(20_261_102);
    let mut cases = Vec::new();
    for (count, joint) in [(1, ""), (2, " "), (2, "-"), (3, "_"), (4, " "), (2, ".")] {
        for _ in 0..2 {
            let password = word_password(&mut random, count, joint);
            for (notation, text) in notations(&password) {
                cases.push(Case {
                    set: format!("{count} words, `{joint}`"),
                    group: notation.to_owned(),
                    text,
                    secret: password.clone(),
                    encoded: None,
                });
            }
        }
    }
    let judge_profile = profile();
    let judge = Judge::new(&judge_profile);
    assert!(
        cases.iter().all(|case| judge.is_ordinary(&case.secret)),
        "the vocabulary has them all"
    );
    for personal_data in [true, false] {
        let score = score(&cases, personal_data);
        score.print("passwords of words", personal_data);
        assert_eq!(score.stopped, 0);
        let whole: u64 = score.sets.0.values().map(|row| row.whole).sum();
        let told: Vec<_> = score.survivors.iter().take(60).collect();
        assert_eq!(whole, 0, "{told:#?}");
    }
}
