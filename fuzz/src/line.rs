//! Readers of lines that are no JSON.

use std::fmt::Write as _;

use decostop::Limits;
use decostop::parse::{Scratch, with_record};
use decostop_profile::{Format, LinePattern, Profile, read_logfmt};
use decostop_testkit::naive::line;

use crate::common::plan;
use crate::draw::Draw;

/// Longer lines say nothing new, and the obvious reader is slow.
const MAX_CHARS: usize = 300;

/// Patterns of the built-in profile and drawn ones, and logfmt: any line gives the same fields as the
/// obvious reader, and no panic.
pub fn line(data: &[u8]) {
    let mut draw = Draw::new(data);
    match draw.below(3) {
        0 => logfmt(&drawn(&mut draw)),
        1 => built_in(&mut draw),
        _ => {
            let pattern = pattern(&mut draw);
            let mut text = format!("version = 1\nname = \"x\"\n[[source]]\nname = \"s\"\nabout = \"x\"\nformat = \"text\"\nfiles = [\"x\"]\ntime = [\"t\"]\n");
            let _ = write!(text, "lines = [{pattern:?}]\n[source.fields]\nt = \"time\"\n\"*\" = \"system\"\n");
            // Most drawn patterns are refused: two fields side by side, a field twice.
            let Ok(profile) = Profile::parse(&text) else { return };
            for of in profile.sources.iter().flat_map(|source| &source.lines) {
                let line = if draw.one_in(2) { drawn(&mut draw) } else { filled(&mut draw, &of.text) };
                same(of, &line);
            }
        }
    }
}

fn built_in(draw: &mut Draw<'_>) {
    let sources: Vec<_> = plan().profile.sources.iter().enumerate().filter(|(_, source)| source.format != Format::Json).collect();
    let (index, source) = *draw.of(&sources);
    let line = match source.lines.as_slice() {
        [] => drawn(draw),
        lines => {
            let of = draw.of(lines);
            let line = if draw.one_in(4) { drawn(draw) } else { filled(draw, &of.text) };
            lines.iter().for_each(|of| same(of, &line));
            line
        }
    };
    logfmt(&line);
    let read = with_record(plan(), line.as_bytes(), Some(index), &Limits::default(), &mut Scratch::default(), |record| record.fields.len());
    if !line.contains(['{', '[']) && line.trim_ascii() == line && !has_prefix(&line) {
        let expected = line_fields(source, &line);
        assert_eq!(read.ok(), expected, "a record of {}", source.name);
    }
}

/// Whether a line may begin with what a pipeline adds.
fn has_prefix(line: &str) -> bool {
    line.split(' ').next().is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.len() > 18)
}

fn line_fields(source: &decostop_profile::Source, line: &str) -> Option<usize> {
    decostop_testkit::naive::fields(source, line.as_bytes()).map(|fields| fields.len())
}

fn same(of: &LinePattern, text: &str) {
    let got: Option<Vec<(String, String)>> = of.read(text).map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect());
    assert!(got == line::pattern(of, text), "{}\n{text}\n{got:?}\n{:?}", of.text, line::pattern(of, text));
}

fn logfmt(text: &str) {
    let got: Option<Vec<(String, String)>> = read_logfmt(text).map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect());
    assert!(got == line::logfmt(text), "{text}\n{got:?}\n{:?}", line::logfmt(text));
}

/// A line of what gives readers trouble.
fn drawn(draw: &mut Draw<'_>) -> String {
    const PARTS: &[&str] = &[
        " ", "  ", "\"", "\\", "\\\"", "\\x22", "\\x5", "\\xC3\\xA9", "\\n", "[", "]", "{", "}", "-", "=", "a", "key=", "key=\"", ":", "/", "\t", "é", "1", "GET ", " HTTP/1.1", "2026/11/03 15:00:00",
    ];
    let mut line = String::new();
    for _ in 0..draw.below(24) {
        if draw.one_in(8) {
            line.push_str(&draw.text(6));
        } else {
            line.push_str(draw.text_of(PARTS));
        }
    }
    line.chars().filter(|c| *c != '\n').take(MAX_CHARS).collect()
}

/// The text of a pattern, its fields filled with anything.
fn filled(draw: &mut Draw<'_>, pattern: &str) -> String {
    let mut line = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('{') {
        let (before, field) = rest.split_at(at);
        line.push_str(before);
        if field.starts_with("{{{") || field.starts_with("{{") {
            line.push('{');
            rest = &field[2..];
            continue;
        }
        let end = field.find('}').map_or(field.len(), |end| end + 1);
        match draw.below(4) {
            0 => line.push('-'),
            1 => line.push_str(&draw.word(3)),
            2 => line.push_str(draw.text_of(&["a b", "x] [y", "a\\\"b", "\\\\", "", "1:2", "/a/b?c=d e", "\" 200 1 \"-\"", "a  b", "é"])),
            _ => line.push_str(&drawn(draw)),
        }
        rest = &field[end..];
    }
    line.push_str(rest);
    let line = line.replace("}}", "}");
    line.chars().filter(|c| *c != '\n').take(MAX_CHARS).collect()
}

/// A pattern, sound or not.
fn pattern(draw: &mut Draw<'_>) -> String {
    const PARTS: &[&str] = &[" ", "  ", "\"", "[", "]", "{{", "}}", ":", "/", "-", "x", "é"];
    let mut pattern = String::new();
    for nth in 0..draw.below(9) + 1 {
        if draw.one_in(3) {
            pattern.push_str(draw.text_of(PARTS));
            continue;
        }
        let reach = draw.text_of(&["", "+", "*", "/2", "/3"]);
        let field = format!("{{f{nth}{reach}}}");
        pattern.push_str(&match draw.below(5) {
            0 => format!("\"{field}\""),
            1 => format!("[{field}]"),
            2 => format!("{{{{{field}}}}}"),
            _ => field,
        });
        pattern.push_str(draw.text_of(PARTS));
    }
    pattern
}
