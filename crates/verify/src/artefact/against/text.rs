//! Lines that are no JSON, read in another way than the dive reads them: patterns as regular
//! expressions, logfmt character by character.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use decostop_profile::{Format, LinePiece, Profile, Reach, Source, closing};
use regex::Regex;

use crate::error::Error;
use crate::instant::Instant;

/// Names and values of a line.
pub(super) type Pairs = Vec<(String, String)>;

/// What reads the text lines of one source.
pub(super) enum TextReader {
    /// Its lines are JSON alone.
    None,
    /// Pairs, among which other lines may stand.
    Logfmt(Vec<Sequence>),
    Patterns(Vec<Sequence>),
}

impl TextReader {
    /// A reader for each source of a profile.
    pub(super) fn all(profile: &Profile) -> Result<Vec<Self>, Error> {
        profile.sources.iter().map(Self::new).collect()
    }

    fn new(source: &Source) -> Result<Self, Error> {
        let patterns = || {
            let lines = source.lines.iter();
            lines
                .map(|line| Sequence::new(&line.pieces, None))
                .collect::<Result<_, _>>()
        };
        Ok(match source.format {
            Format::Logfmt => Self::Logfmt(patterns()?),
            Format::Text => Self::Patterns(patterns()?),
            _ => Self::None,
        })
    }

    pub(super) fn reads_text(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// The fields of a line; nothing if it is not of this source.
    pub(super) fn read(&self, line: &str) -> Option<Pairs> {
        let by = |patterns: &[Sequence]| {
            patterns.iter().find_map(|pattern| {
                let mut pairs = Vec::new();
                pattern.read(line, false, &mut pairs).then_some(pairs)
            })
        };
        match self {
            Self::None => None,
            Self::Logfmt(patterns) => logfmt(line).or_else(|| by(patterns)),
            Self::Patterns(patterns) => by(patterns),
        }
    }
}

/// Pieces of a pattern as one anchored expression; what is in marks is read by an expression of its own.
pub(super) struct Sequence {
    whole: Regex,
    /// One for each capture.
    slots: Vec<Slot>,
}

enum Slot {
    Field(String),
    /// A field that is alone in its marks, and whether these are quotes.
    Alone(String, bool),
    Inner(Sequence, bool),
}

const BLANK: &str = r"\t\n\x0C\r ";

impl Sequence {
    fn new(pieces: &[LinePiece], inside: Option<char>) -> Result<Self, Error> {
        let mut slots = Vec::new();
        let mut text = String::from(r"(?s)\A");
        for piece in pieces {
            match piece {
                LinePiece::Text(literal) => {
                    for c in literal.chars() {
                        text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
                        if c == ' ' {
                            text.push('+');
                        }
                    }
                }
                LinePiece::Field { name, reach } => {
                    slots.push(Slot::Field(name.clone()));
                    let _ = match reach {
                        Reach::Short => write!(text, "([^{BLANK}]+?)"),
                        Reach::Long => write!(text, "([^{BLANK}]+)"),
                        Reach::Any => write!(text, "(.+)"),
                        Reach::Words(count) => {
                            let more = count.saturating_sub(1);
                            write!(text, "([^{BLANK}]+(?: +[^{BLANK}]+){{{more}}})")
                        }
                    };
                }
                LinePiece::Group { open, pieces } => {
                    let quoted = *open == '"';
                    let close = regex::escape(closing(*open).encode_utf8(&mut [0; 4]));
                    let body = if quoted {
                        r#"(?:[^"\\]|\\.)*"#.to_owned()
                    } else {
                        format!("[^{close}]*")
                    };
                    let open_mark = regex::escape(open.encode_utf8(&mut [0; 4]));
                    let _ = write!(text, "{open_mark}({body}){close}");
                    slots.push(match pieces.as_slice() {
                        [LinePiece::Field { name, .. }] => Slot::Alone(name.clone(), quoted),
                        pieces => Slot::Inner(Self::new(pieces, Some(*open))?, quoted),
                    });
                }
            }
        }
        text.push_str(r"\z");
        let whole = regex::RegexBuilder::new(&text)
            .size_limit(16 << 20)
            .build()
            .map_err(|_| {
                Error::config(
                    "profile",
                    if inside.is_some() {
                        "a pattern of lines has marks whose content cannot be compiled"
                    } else {
                        "a pattern of lines cannot be compiled"
                    },
                )
            })?;
        Ok(Self { whole, slots })
    }

    fn read(&self, text: &str, quoted: bool, pairs: &mut Pairs) -> bool {
        let value = |text: &str, quoted| if quoted { unescaped(text) } else { text.to_owned() };
        let Some(found) = self.whole.captures(text) else {
            return false;
        };
        self.slots.iter().enumerate().all(|(nth, slot)| {
            let Some(part) = found.get(nth + 1).map(|part| part.as_str()) else {
                return false;
            };
            match slot {
                Slot::Field(name) => pairs.push((name.clone(), value(part, quoted))),
                Slot::Alone(name, quoted) => pairs.push((name.clone(), value(part, *quoted))),
                Slot::Inner(inner, quoted) => return inner.read(part, *quoted, pairs),
            }
            true
        })
    }
}

/// What a writer put behind a backslash. Escapes of printable characters stay as they are.
fn unescaped(text: &str) -> String {
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let hex = after
            .strip_prefix('x')
            .and_then(|digits| digits.get(..2))
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .filter(|byte| byte.is_ascii_control() || !byte.is_ascii() || matches!(byte, b'"' | b'\\'));
        let (byte, taken) = match (after.as_bytes().first(), hex) {
            (_, Some(byte)) => (byte, 3),
            (Some(b'n'), _) => (b'\n', 1),
            (Some(b'r'), _) => (b'\r', 1),
            (Some(b't'), _) => (b'\t', 1),
            (Some(mark @ (b'"' | b'\\')), _) => (*mark, 1),
            _ => (b'\\', 0),
        };
        bytes.push(byte);
        rest = after.get(taken..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `key=value key="value" key`: nothing if the line does not begin with a pair.
fn logfmt(line: &str) -> Option<Pairs> {
    let mut pairs = Vec::new();
    let mut rest = line.trim_ascii().chars().peekable();
    loop {
        while rest.next_if(char::is_ascii_whitespace).is_some() {}
        if rest.peek().is_none() {
            break;
        }
        let key = word(&mut rest, |c| c == '=');
        if key.is_empty() || key.contains(['"', '{', '}']) {
            return None;
        }
        let value = if rest.next_if_eq(&'=').is_none() {
            if pairs.is_empty() {
                return None;
            }
            "true".to_owned()
        } else if rest.next_if_eq(&'"').is_some() {
            let mut raw = String::new();
            loop {
                match rest.next()? {
                    '"' => break,
                    '\\' => {
                        raw.push('\\');
                        raw.push(rest.next()?);
                    }
                    c => raw.push(c),
                }
            }
            if rest.peek().is_some_and(|c| !c.is_ascii_whitespace()) {
                return None;
            }
            unescaped(&raw)
        } else {
            word(&mut rest, |_| false)
        };
        pairs.push((key, value));
    }
    (!pairs.is_empty()).then_some(pairs)
}

/// Up to a blank or an end of its own.
fn word(rest: &mut Peekable<Chars<'_>>, ends: impl Fn(char) -> bool) -> String {
    let mut word = String::new();
    while let Some(c) = rest.next_if(|c| !c.is_ascii_whitespace() && !ends(*c)) {
        word.push(c);
    }
    word
}

/// A line that a container runtime wrote: its stream, whether it is only a part, and its text.
pub(super) struct Runtime<'l> {
    pub(super) stream: &'l str,
    pub(super) partial: bool,
    pub(super) body: &'l [u8],
}

/// `2026-11-01T00:00:00.1Z stdout F text`.
pub(super) fn runtime(line: &[u8]) -> Option<Runtime<'_>> {
    let mut words = line.splitn(4, |b| *b == b' ');
    let mut text = || std::str::from_utf8(words.next()?).ok();
    let (time, stream, tags) = (text()?, text()?, text()?);
    if !matches!(stream, "stdout" | "stderr") || Instant::field(time).is_none() {
        return None;
    }
    let partial = match tags.split(':').next() {
        Some("P") => true,
        Some("F") => false,
        _ => return None,
    };
    Some(Runtime {
        stream,
        partial,
        body: words.next().unwrap_or_default(),
    })
}

/// A line without what svlogd or syslog put before it: each reading that is possible.
pub(super) fn without_prefix(line: &str) -> Vec<&str> {
    let mut bodies = Vec::new();
    if let Some((_, body)) = line.split_once(' ').filter(|(time, _)| is_svlogd_time(time)) {
        bodies.push(body.trim_ascii_start());
    }
    bodies.push(line);
    bodies.extend(syslog(line));
    bodies
}

/// Whether a word is a time, as those that stand before lines are.
pub(super) fn is_time(word: &str) -> bool {
    is_svlogd_time(word) || Instant::field(word).is_some()
}

/// `2026-11-01_00:00:00.12345`.
fn is_svlogd_time(text: &str) -> bool {
    text.split_once('_').is_some_and(|(day, clock)| {
        clock.len() >= 8 && Instant::field(&format!("{day}T{}", clock.get(..8).unwrap_or_default())).is_some()
    })
}

/// `<13>Nov  3 09:15:02 host tag[1]: text` or `<13>1 2026-11-03T09:15:02Z host tag 1 id - text`, each
/// also without what is in angles.
fn syslog(line: &str) -> Option<&str> {
    let (rest, priority) = match line.strip_prefix('<') {
        Some(rest) => {
            let (digits, rest) = rest.split_once('>')?;
            let sound = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            (sound.then_some(rest)?, true)
        }
        None => (line, false),
    };
    let mut words = rest;
    let mut next = || -> Option<&str> {
        let (word, after) = words.split_once(' ')?;
        words = after.trim_start_matches(' ');
        Some(word)
    };
    let first = next()?;
    if priority && first == "1" {
        // Time, host, tag, process, id, and data that is absent or in brackets.
        for _ in 0..5 {
            next()?;
        }
        return match words.strip_prefix("- ") {
            Some(body) => Some(body),
            None => words.strip_prefix('[')?.split_once("] ").map(|(_, body)| body),
        };
    }
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    if MONTHS.contains(&first) {
        let day = next()?;
        let clock = next()?;
        let digits =
            |text: &str, marks: &[u8]| text.bytes().all(|b| b.is_ascii_digit() || marks.contains(&b));
        if day.len() > 2 || !digits(day, b"") || clock.len() != 8 || !digits(clock, b":") {
            return None;
        }
    } else {
        Instant::field(first)?;
    }
    // The host, then the tag, which ends with a colon.
    next()?;
    next()?.ends_with(':').then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(lines: &[&str]) -> TextReader {
        let lines: Vec<String> = lines.iter().map(|line| format!("{line:?}")).collect();
        let profile = format!(
            "version = 1\nname = \"x\"\n[[source]]\nname = \"s\"\nabout = \"x\"\nformat = \"text\"\n\
             files = [\"x\"]\ntime = [\"t\"]\nlines = [{}]\n[source.fields]\nt = \"time\"\n\"*\" = \"system\"\n",
            lines.join(", ")
        );
        let profile = Profile::parse(&profile).expect("a sound profile");
        TextReader::new(profile.sources.first().expect("one")).expect("it compiles")
    }

    fn read(reader: &TextReader, line: &str) -> Option<String> {
        let pairs = reader.read(line)?;
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Some(pairs.join("|"))
    }

    #[test]
    fn patterns_read_lines() {
        let reader = patterns(&[
            r#"{ip+}:{port} [{t}] {{{seen}}} "{method} {uri*} {proto}" "{agent}" x"#,
            "{t} {rest*}",
        ]);
        assert_eq!(
            read(
                &reader,
                r#"2001:db8::1:443 [01/Nov/2026:00:00:00 +0000]   {a b|c} "GET /a b?q=\x22\"\x61 HTTP/1.1" "" x"#
            )
            .as_deref(),
            Some(
                "ip=2001:db8::1|port=443|t=01/Nov/2026:00:00:00 +0000|seen=a b|c|method=GET|uri=/a b?q=\"\"\\x61|proto=HTTP/1.1|agent="
            )
        );
        assert_eq!(
            read(&reader, "now  two words").as_deref(),
            Some("t=now|rest=two words")
        );
        let words = patterns(&["{t/3} {host} {rest*}"]);
        assert_eq!(
            read(&words, "Jan  1 02:08:04 a b c").as_deref(),
            Some("t=Jan  1 02:08:04|host=a|rest=b c")
        );
        for none in ["", "one"] {
            assert_eq!(read(&reader, none), None, "{none}");
        }
        assert_eq!(
            read(&patterns(&[r#"{t} "{a} {b}""#]), r#"now "one""#),
            None,
            "what is in the marks has to fit"
        );
    }

    #[test]
    fn logfmt_reads_lines() {
        assert_eq!(
            read(
                &TextReader::Logfmt(Vec::new()),
                r#" a=1 b="x \"y\" \n" flag c.d= e=f=g "#
            )
            .as_deref(),
            Some("a=1|b=x \"y\" \n|flag=true|c.d=|e=f=g")
        );
        for none in ["", "text a=b", r#"a="open"#, r#"a="b"c"#, "=x", r#"a=1 {"b":2}"#] {
            assert_eq!(read(&TextReader::Logfmt(Vec::new()), none), None, "{none}");
        }
    }

    #[test]
    fn prefixes_come_off() {
        for line in [
            "2026-11-01_00:00:00.12345 body of it",
            "<134>Nov  3 09:15:02 lb-1 haproxy[14]: body of it",
            "Nov 13 09:15:02 lb-1 haproxy: body of it",
            "2026-11-03T09:15:02+00:00 lb-1 haproxy[14]: body of it",
            "<134>1 2026-11-03T09:15:02Z lb-1 haproxy 14 - - body of it",
            r#"<134>1 2026-11-03T09:15:02Z lb-1 haproxy 14 id [x@1 a="b"] body of it"#,
        ] {
            assert!(without_prefix(line).contains(&"body of it"), "{line}");
        }
        assert_eq!(
            without_prefix("Nov words: that are none"),
            ["Nov words: that are none"]
        );
        let runtime = runtime(b"2026-11-01T00:00:00.1Z stderr P:x a  b").expect("of a runtime");
        assert!(runtime.partial && runtime.stream == "stderr" && runtime.body == b"a  b");
        assert!(super::runtime(b"2026-11-01T00:00:00.1Z stdin F a").is_none());
    }
}
