//! Records from parts of lines and from documents, however the bytes are cut.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::{Assembler, Layout, Piece};
use crate::Limits;

/// What comes out of an input whose bytes arrive in runs of whole lines (or, for documents, in any
/// runs): offset and text of each record, lines one by one.
fn assemble(keys: &[&str], runs: &[&str], max: usize) -> Vec<(u64, String)> {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let limits = Limits {
        max_line_bytes: max,
        ..Limits::default()
    };
    let mut assembler = Assembler::new(&keys, true, &limits);
    let mut found = Vec::new();
    let mut take = |piece: Piece<'_>| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match piece {
            Piece::Lines { offset, bytes } => {
                let lines = crate::frame::Lines::new(offset, bytes);
                found.extend(lines.map(|line| (line.offset, text(line.bytes))));
            }
            Piece::Record { offset, bytes } => found.push((offset, text(bytes))),
            Piece::Overlong {
                offset,
                bytes,
                first,
                last,
            } => {
                found.push((offset, format!("overlong {first} {last} {}", bytes.len())));
            }
            Piece::Lost(range) => {
                found.push((
                    0,
                    format!("lost {} at {}", range.reason.as_str(), range.decoded_offset),
                ));
            }
            Piece::Member { .. } => {}
        }
        ControlFlow::Continue(())
    };
    let mut offset = 0;
    for run in runs {
        let piece = Piece::Lines {
            offset,
            bytes: run.as_bytes(),
        };
        assert!(assembler.take(piece, &mut take).is_continue());
        offset += run.len() as u64;
    }
    assert!(assembler.finish(&mut take).is_continue());
    found
}

fn texts(keys: &[&str], runs: &[&str]) -> Vec<String> {
    assemble(keys, runs, 1 << 20)
        .into_iter()
        .map(|(_, text)| text)
        .collect()
}

#[test]
fn layouts_are_told_by_the_first_line() {
    for (head, layout) in [
        ("2026-11-01T09:00:00.123456789Z stdout F {}\n", Layout::Cri),
        ("2026-11-01T09:00:00.1+01:00 stderr P x", Layout::Cri),
        ("2026-11-01T09:00:00.1Z stdout {}\n", Layout::Lines),
        ("2026-11-01_09:00:00.12345 {}\n", Layout::Lines),
        ("{\"log\":\"x\\n\",\"stream\":\"stdout\"}\n", Layout::Docker),
        ("{\"time\":\"x\"}\n", Layout::Lines),
        ("", Layout::Lines),
    ] {
        assert_eq!(Layout::detect(head.as_bytes()), layout, "{head}");
    }
}

#[test]
fn parts_of_a_container_line_are_joined() {
    let t = "2026-11-01T09:00:00.1Z";
    let lines = format!(
        "{t} stdout F a\n{t} stdout P b1\n{t} stderr P e1\n{t} stdout F b2\n{t} stderr F e2\n{t} stdout F c\n"
    );
    let at = |text: &str| lines.find(text).map_or(0, |at| at as u64 - 32);
    let wanted = vec![
        (0, format!("{t} stdout F a")),
        (at("b1"), format!("{t} stdout F b1b2")),
        (at("e1"), format!("{t} stderr F e1e2")),
        (at(" c\n") + 1, format!("{t} stdout F c")),
    ];
    assert_eq!(assemble(&[], &[&lines], 1 << 20), wanted);
}

#[test]
fn parts_of_a_docker_line_are_joined() {
    let part = "x".repeat(16 << 10);
    let whole = format!(
        "{{\"log\":\"{{\\\"a\\\":1}}\\n\",\"stream\":\"stdout\",\"time\":\"t1\"}}\n{{\"log\":\"{{\\\"b\\\":\\\"{part}\",\"stream\":\"stdout\",\"time\":\"t2\"}}\n"
    );
    let rest = "{\"log\":\"y\\\"}\\n\",\"stream\":\"stdout\",\"time\":\"t3\"}\n";
    assert_eq!(
        texts(&[], &[&whole, rest]),
        [
            "{\"log\":\"{\\\"a\\\":1}\\n\",\"stream\":\"stdout\",\"time\":\"t1\"}".to_owned(),
            format!("{{\"log\":\"{{\\\"b\\\":\\\"{part}y\\\"}}\\n\",\"stream\":\"stdout\",\"time\":\"t3\"}}"),
        ]
    );
    // Collectors strip line feeds: a text without one is whole unless it is as long as a part.
    let long = format!("{{\"log\":\"{}\",\"stream\":\"stdout\"}}\n", "z".repeat(20_000));
    assert_eq!(texts(&[], &[&long.repeat(2)]).len(), 2);
    assert_eq!(
        super::undone_len(br#"a\"\\\u0041\u00e9\u20ac\ud83d\ude00b"#),
        1 + 1 + 1 + 1 + 2 + 3 + 4 + 1
    );
    let stripped = "{\"log\":\"a\",\"stream\":\"stdout\"}\n{\"log\":\"b\",\"stream\":\"stdout\"}\n";
    assert_eq!(texts(&[], &[stripped]).len(), 2);
    // A backslash before the n is no line feed.
    assert!(!super::ends_with_line_feed(br"a\\n") && super::ends_with_line_feed(br"a\\\n"));
}

#[test]
fn a_part_that_nothing_follows_is_handed_on() {
    let t = "2026-11-01T09:00:00.1Z";
    assert_eq!(
        texts(&[], &[&format!("{t} stdout P half\n")]),
        [format!("{t} stdout F half")]
    );
}

#[test]
fn a_joined_line_beyond_the_limit_is_overlong() {
    let t = "2026-11-01T09:00:00.1Z";
    let line = format!("{t} stdout P {}\n", "x".repeat(40));
    let last = format!("{t} stdout F y\n");
    let found = assemble(&[], &[&line, &line, &last], 90);
    assert_eq!(
        found.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
        ["overlong true false 112", "overlong false true 1"]
    );
}

#[test]
fn documents_fall_into_records() {
    let record = r#"{"a":{"b":[1,{"c":"}]"}]},"Records":[{"x":1}]}"#;
    for (document, wanted) in [
        (
            format!("{{\"Records\":[{record},\n {record}]}}"),
            vec![record.to_owned(); 2],
        ),
        (
            format!("{{ \"kind\" : \"List\", \"Records\" : [ {record} ] , \"next\": {{\"k\":[{{}}]}} }}\n"),
            vec![record.to_owned()],
        ),
        (
            "{\"a\":1}\n{\"b\":\n 2}\n".to_owned(),
            vec!["{\"a\":1}".to_owned(), "{\"b\":\n 2}".to_owned()],
        ),
        (
            "[{\"a\":1},{\"b\":2}]".to_owned(),
            vec!["{\"a\":1}".to_owned(), "{\"b\":2}".to_owned()],
        ),
        (
            "{\"Records\":[]}{\"a\":1}".to_owned(),
            vec!["{\"a\":1}".to_owned()],
        ),
        ("\u{feff}{\"a\":1}".to_owned(), vec!["{\"a\":1}".to_owned()]),
        (
            "{\"x\":\"Records\",\"y\":[{\"z\":1}]}".to_owned(),
            vec!["{\"x\":\"Records\",\"y\":[{\"z\":1}]}".to_owned()],
        ),
    ] {
        assert_eq!(texts(&["Records"], &[&document]), wanted, "{document}");
    }
}

#[test]
fn damage_costs_the_record_it_hits_and_is_handed_on() {
    for (document, wanted) in [
        ("{\"a\":1\n{\"b\":2}\n", vec!["{\"a\":1\n", "{\"b\":2}"]),
        ("{\"a\":1,\n{\"b\":2}\n", vec!["{\"a\":1,\n", "{\"b\":2}"]),
        ("{\"a\":\"cut\n{\"b\":2}\n", vec!["{\"a\":\"cut", "{\"b\":2}"]),
        ("some text\n{\"b\":2}\n", vec!["some text", "{\"b\":2}"]),
        ("}{\"b\":2}\n{\"c\":3}", vec!["}{\"b\":2}", "{\"c\":3}"]),
        ("\"text\" {\n{\"b\":2}", vec!["\"text\" {", "{\"b\":2}"]),
        (
            "{\"Records\":[{\"a\":1},{\"b\":",
            vec!["{\"a\":1}", "{\"b\":", "lost truncated at 25"],
        ),
        (
            "{\"Records\":[{\"a\":1},",
            vec!["{\"a\":1}", "lost truncated at 20"],
        ),
        ("{\"Records\":[{\"a\":1}]", vec!["{\"a\":1}"]),
    ] {
        assert_eq!(texts(&["Records"], &[document]), wanted, "{document}");
    }
}

#[test]
fn a_record_beyond_the_limit_is_overlong() {
    let document = format!("{{\"Records\":[{{\"a\":\"{}\"}},{{\"b\":2}}]}}", "x".repeat(100));
    let found = assemble(&["Records"], &[&document], 64);
    let shown: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        shown,
        ["overlong true false 106", "overlong false true 2", "{\"b\":2}"]
    );
}

proptest! {
    #[test]
    fn cuts_leave_no_trace(
        records in prop::collection::vec("[a-z\\\\\"\\[\\]{}, :é]{0,12}", 0..6),
        wrapped in any::<bool>(),
        cuts in prop::collection::vec(0usize..400, 0..12),
    ) {
        let records: Vec<String> = records
            .iter()
            .map(|text| serde_json::json!({"k": text, "n": [1, {"m": text}], text.as_str(): {}}).to_string())
            .collect();
        let document = if wrapped {
            format!("{{\"v\":1,\"Records\":[{}],\"w\":{{}}}}", records.join(",\n"))
        } else {
            records.join("\n")
        };
        let mut edges: Vec<usize> = cuts.into_iter().filter(|cut| document.is_char_boundary(*cut)).collect();
        edges.extend([0, document.len()]);
        edges.sort_unstable();
        let runs: Vec<&str> = edges.windows(2).filter_map(|edge| document.get(edge[0]..edge[1])).collect();
        let found = assemble(&["Records"], &runs, 1 << 20);
        for (offset, text) in &found {
            prop_assert!(document.get(*offset as usize..).is_some_and(|rest| rest.starts_with(text)));
        }
        prop_assert_eq!(found.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), records);
    }

    #[test]
    fn container_parts_join_to_what_was_cut(
        lines in prop::collection::vec("[a-z {}\":]{0,30}", 1..8),
        size in 1usize..12,
    ) {
        let time = "2026-11-01T09:00:00.1Z";
        let mut file = format!("{time} stdout F first\n");
        for line in &lines {
            let mut rest = line.as_str();
            while rest.len() > size {
                let (part, after) = rest.split_at(size);
                let _ = writeln!(file, "{time} stdout P {part}");
                rest = after;
            }
            let _ = writeln!(file, "{time} stdout F {rest}");
        }
        let found = texts(&[], &[&file]);
        let joined: Vec<&str> = found.iter().filter_map(|text| text.strip_prefix("2026-11-01T09:00:00.1Z stdout F ")).skip(1).collect();
        prop_assert_eq!(joined, lines.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_makes_it_panic(text in "[\\PC\"\\\\{}\\[\\],:\n]{0,80}") {
        let _ = texts(&["Records"], &[&text]);
        let _ = texts(&[], &[&text]);
    }
}
