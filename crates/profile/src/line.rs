//! Lines that are no JSON: patterns of access logs, and logfmt.
//!
//! A pattern is the text of a line with its fields in braces:
//!
//! ```text
//! {remote_addr} - {remote_user} [{time}] "{method} {uri*} {protocol}" {status} {bytes}
//! ```
//!
//! `{field}` is a run without blanks, as short as what follows allows; `{field+}` as long as it
//! allows; `{field*}` may hold blanks too; `{field/2}` is two words and what is between. A pair of quotes or brackets holds everything up to its
//! end, which for quotes is the first one without a backslash, and is matched by itself; a lone field
//! in it takes all of it. A blank stands for one or more. `{{` and `}}` are braces of the line's own.
//! A pattern fits a whole line or not at all, and in one way: nobody who chooses a user name or a URL
//! can shift the fields behind it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The pattern of a line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LinePattern {
    /// As written in the profile.
    pub text: String,
    /// Its parts in order.
    pub pieces: Vec<LinePiece>,
}

/// A part of a [`LinePattern`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::exhaustive_enums, reason = "readers of patterns must know every part")]
pub enum LinePiece {
    /// Text that stands for itself; each blank for one or more.
    Text(String),
    /// A field.
    Field {
        /// Its name.
        name: String,
        /// What it may take.
        reach: Reach,
    },
    /// Everything between two marks, matched by itself.
    Group {
        /// The opening mark: `"`, `[` or `{`.
        open: char,
        /// What is between the marks.
        pieces: Vec<LinePiece>,
    },
}

/// How much a field takes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(
    clippy::exhaustive_enums,
    reason = "readers of patterns must know every reach"
)]
pub enum Reach {
    /// No blanks, up to the first place from which the rest can follow.
    Short,
    /// No blanks, up to the last such place.
    Long,
    /// Blanks too, up to the last such place.
    Any,
    /// So many words with blanks between them, such as a date and a time of day.
    Words(u8),
}

/// The mark that ends a group.
pub fn closing(open: char) -> char {
    match open {
        '[' => ']',
        '{' => '}',
        other => other,
    }
}

impl LinePattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut rest = text;
        let pieces = sequence(&mut rest, None)?;
        if pieces.iter().all(|piece| matches!(piece, LinePiece::Text(_))) {
            return Err("names no field");
        }
        let pattern = Self {
            text: text.to_owned(),
            pieces,
        };
        pattern.is_sound().map(|()| pattern)
    }

    /// The names of its fields.
    pub fn fields(&self) -> Vec<&str> {
        fn walk<'p>(pieces: &'p [LinePiece], names: &mut Vec<&'p str>) {
            for piece in pieces {
                match piece {
                    LinePiece::Field { name, .. } => names.push(name),
                    LinePiece::Group { pieces, .. } => walk(pieces, names),
                    LinePiece::Text(_) => {}
                }
            }
        }
        let mut names = Vec::new();
        walk(&self.pieces, &mut names);
        names
    }

    fn is_sound(&self) -> Result<(), &'static str> {
        fn walk(pieces: &[LinePiece]) -> Result<(), &'static str> {
            let mut after_field = false;
            let mut free = 0;
            for piece in pieces {
                let is_field = matches!(piece, LinePiece::Field { .. });
                if after_field && is_field {
                    return Err("two fields without text between them");
                }
                after_field = is_field;
                match piece {
                    LinePiece::Field {
                        reach: Reach::Any, ..
                    } => free += 1,
                    LinePiece::Group { pieces, .. } => walk(pieces)?,
                    _ => {}
                }
            }
            if free > 1 {
                return Err("two fields that may hold blanks side by side: where one ends cannot be told");
            }
            Ok(())
        }
        walk(&self.pieces)?;
        let mut names = self.fields();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err("a field twice");
        }
        Ok(())
    }

    /// The fields of a line that fits, in order; the text of quoted ones is unescaped.
    pub fn read<'p, 't>(&'p self, line: &'t str) -> Option<Vec<(&'p str, Cow<'t, str>)>> {
        let mut found = Vec::new();
        fits(&self.pieces, line, false, &mut found).then_some(found)
    }
}

/// Reads pieces up to the end of the text or the mark that closes the group.
fn sequence(rest: &mut &str, until: Option<char>) -> Result<Vec<LinePiece>, &'static str> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let flush = |literal: &mut String, pieces: &mut Vec<LinePiece>| {
        if !literal.is_empty() {
            pieces.push(LinePiece::Text(std::mem::take(literal)));
        }
    };
    loop {
        let Some(c) = rest.chars().next() else {
            return if until.is_some() {
                Err("a quote or bracket without its end")
            } else {
                flush(&mut literal, &mut pieces);
                Ok(pieces)
            };
        };
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        // A doubled closing brace ends a group of braces; a single one belongs to a field.
        if until == Some('}') && rest.starts_with("}}") || until == Some(c) && c != '}' {
            *rest = rest.get(if c == '}' { 2 } else { 1 }..).unwrap_or_default();
            flush(&mut literal, &mut pieces);
            return Ok(pieces);
        }
        match c {
            '{' if after.starts_with('{') => {
                flush(&mut literal, &mut pieces);
                *rest = after.get(1..).unwrap_or_default();
                let inner = sequence(rest, Some('}'))?;
                pieces.push(LinePiece::Group {
                    open: '{',
                    pieces: inner,
                });
            }
            '"' | '[' => {
                flush(&mut literal, &mut pieces);
                *rest = after;
                let inner = sequence(rest, Some(closing(c)))?;
                pieces.push(LinePiece::Group {
                    open: c,
                    pieces: inner,
                });
            }
            '{' => {
                flush(&mut literal, &mut pieces);
                let (name, after) = after.split_once('}').ok_or("a `{` without its `}`")?;
                let (name, reach) = if let Some(name) = name.strip_suffix('*') {
                    (name, Reach::Any)
                } else if let Some(name) = name.strip_suffix('+') {
                    (name, Reach::Long)
                } else if let Some((name, words)) = name.split_once('/') {
                    let words = words.parse().ok().filter(|words| (2..=9).contains(words));
                    (
                        name,
                        Reach::Words(words.ok_or("a field takes two to nine words")?),
                    )
                } else {
                    (name, Reach::Short)
                };
                if name.is_empty()
                    || !name
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"._-@".contains(&b))
                {
                    return Err("a field needs a name of letters, digits, dots and underscores");
                }
                *rest = after;
                pieces.push(LinePiece::Field {
                    name: name.to_owned(),
                    reach,
                });
            }
            '}' | ']' => return Err("a closing mark without its opening one"),
            other => {
                *rest = after;
                if !(other == ' ' && literal.ends_with(' ')) {
                    literal.push(other);
                }
            }
        }
    }
}

/// Matches pieces against the whole of a text.
fn fits<'p, 't>(
    pieces: &'p [LinePiece],
    text: &'t str,
    quoted: bool,
    found: &mut Vec<(&'p str, Cow<'t, str>)>,
) -> bool {
    let value = |text: &'t str| {
        if quoted {
            unescape(text)
        } else {
            Cow::Borrowed(text)
        }
    };
    match pieces {
        [] => text.is_empty(),
        [LinePiece::Text(literal), rest @ ..] => {
            after_literal(text, literal).is_some_and(|after| fits(rest, after, quoted, found))
        }
        [LinePiece::Group { open, pieces }, rest @ ..] => {
            let Some((inner, after)) = text
                .strip_prefix(*open)
                .and_then(|body| Some((body, end_of_group(body, *open)?)))
                .and_then(|(body, end)| Some((body.get(..end)?, body.get(end + 1..)?)))
            else {
                return false;
            };
            let before = found.len();
            let quoted = *open == '"';
            let whole = match pieces.as_slice() {
                [LinePiece::Field { name, .. }] => {
                    let text = if quoted {
                        unescape(inner)
                    } else {
                        Cow::Borrowed(inner)
                    };
                    found.push((name, text));
                    true
                }
                pieces => fits(pieces, inner, quoted, found),
            };
            if whole && fits(rest, after, false, found) {
                return true;
            }
            found.truncate(before);
            false
        }
        [LinePiece::Field { name, reach }, rest @ ..] => {
            let longest = match reach {
                Reach::Any => text.len(),
                Reach::Short | Reach::Long => {
                    text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len())
                }
                Reach::Words(count) => end_of_words(text, *count),
            };
            let before = found.len();
            let mut attempt = |end: usize| {
                let Some((taken, after)) = text.split_at_checked(end) else {
                    return false;
                };
                found.push((name, value(taken)));
                if fits(rest, after, quoted, found) {
                    return true;
                }
                found.truncate(before);
                false
            };
            let Some(next) = rest.first() else {
                return longest == text.len() && longest > 0 && attempt(longest);
            };
            let starts: Box<dyn Fn(usize) -> bool + '_> = match next {
                LinePiece::Text(literal) => Box::new(move |at| {
                    text.get(at..)
                        .is_some_and(|rest| after_literal(rest, literal).is_some())
                }),
                LinePiece::Group { open, .. } => {
                    Box::new(move |at| text.get(at..).is_some_and(|rest| rest.starts_with(*open)))
                }
                LinePiece::Field { .. } => return false,
            };
            let mut ends = (1..=longest).filter(|&at| starts(at));
            match reach {
                Reach::Short => ends.next().is_some_and(attempt),
                Reach::Words(_) => ends.any(|end| end == longest) && attempt(longest),
                Reach::Long | Reach::Any => ends.collect::<Vec<_>>().into_iter().rev().any(attempt),
            }
        }
    }
}

/// Where the last of so many words ends; nowhere if there are fewer.
fn end_of_words(text: &str, count: u8) -> usize {
    let mut end = 0;
    for _ in 0..count {
        let rest = text.get(end..).unwrap_or_default();
        let word = rest.trim_start_matches(' ');
        let begin = end + rest.len() - word.len();
        if word.is_empty() || (begin == end) != (end == 0) {
            return 0;
        }
        end = begin + word.find(|c: char| c.is_ascii_whitespace()).unwrap_or(word.len());
    }
    end
}

/// What follows a literal in which each blank stands for one or more.
fn after_literal<'t>(text: &'t str, literal: &str) -> Option<&'t str> {
    let mut rest = text;
    for c in literal.chars() {
        rest = rest.strip_prefix(c)?;
        if c == ' ' {
            rest = rest.trim_start_matches(' ');
        }
    }
    Some(rest)
}

/// Where a group that has just been opened ends.
fn end_of_group(body: &str, open: char) -> Option<usize> {
    if open != '"' {
        return body.find(closing(open));
    }
    let mut escaped = false;
    body.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// Undoes `\"`, `\\`, `\n`, `\r`, `\t`, and `\xHH` of what writers escape: control characters and bytes
/// above ASCII. Anything else stays as it is, so that no escape hides a letter from a search of the
/// line. Bytes that are no UTF-8 once undone become U+FFFD.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = |index: usize| bytes.get(index).and_then(|digit| char::from(*digit).to_digit(16));
        let undone = (byte == b'\\')
            .then(|| match bytes.get(at + 1) {
                Some(b'n') => Some((b'\n', 2)),
                Some(b'r') => Some((b'\r', 2)),
                Some(b't') => Some((b'\t', 2)),
                Some(mark @ (b'"' | b'\\')) => Some((*mark, 2)),
                Some(b'x') => {
                    let value = hex(at + 2)? * 16 + hex(at + 3)?;
                    let byte = u8::try_from(value).ok()?;
                    (!(0x20..0x7f).contains(&byte) || matches!(byte, b'"' | b'\\')).then_some((byte, 4))
                }
                _ => None,
            })
            .flatten();
        let (value, used) = undone.unwrap_or((byte, 1));
        out.push(value);
        at += used;
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// The fields of a logfmt line, in order: `key=value`, `key="quoted value"`, and keys alone, which are
/// `true`. `None` if it is no such line: its first word is not `key=…`, or a quote has no end.
pub fn read_logfmt(line: &str) -> Option<Vec<(&str, Cow<'_, str>)>> {
    let mut found = Vec::new();
    let mut rest = line.trim_ascii();
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| c == '=' || c.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let (key, after) = rest.split_at_checked(end)?;
        if key.is_empty() || key.contains(['"', '{', '}']) {
            return None;
        }
        let Some(after) = after.strip_prefix('=') else {
            if found.is_empty() {
                return None;
            }
            found.push((key, Cow::Borrowed("true")));
            rest = after.trim_ascii_start();
            continue;
        };
        let (value, after) = if let Some(body) = after.strip_prefix('"') {
            let end = end_of_group(body, '"')?;
            (unescape(body.get(..end)?), body.get(end + 1..)?)
        } else {
            let end = after
                .find(|c: char| c.is_ascii_whitespace())
                .unwrap_or(after.len());
            let (value, after) = after.split_at_checked(end)?;
            (Cow::Borrowed(value), after)
        };
        if !after.is_empty() && !after.starts_with(|c: char| c.is_ascii_whitespace()) {
            return None;
        }
        found.push((key, value));
        rest = after.trim_ascii_start();
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LinePattern, read_logfmt};

    const ACCESS: &str = r#"{addr} - {user} [{time}] "{method} {uri*} {protocol}" {status} {bytes} "{referrer}" "{agent}" {ratio}"#;

    fn read(pattern: &str, line: &str) -> Option<Vec<(String, String)>> {
        let pattern = LinePattern::parse(pattern).unwrap_or_else(|reason| panic!("{pattern}: {reason}"));
        let found = pattern.read(line)?;
        Some(
            found
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into_owned()))
                .collect(),
        )
    }

    fn value(pattern: &str, line: &str, field: &str) -> Option<String> {
        read(pattern, line)?
            .into_iter()
            .find(|(name, _)| name == field)
            .map(|(_, value)| value)
    }

    #[test]
    fn an_access_line_falls_into_its_fields() {
        let line = r#"192.0.2.7 - - [25/Oct/2024:14:48:00 +0000] "GET /acme/a b?q=1 HTTP/1.1" 200 12 "-" "x \"y\" \x22z\x61" -"#;
        for (field, wanted) in [
            ("addr", "192.0.2.7"),
            ("user", "-"),
            ("time", "25/Oct/2024:14:48:00 +0000"),
            ("method", "GET"),
            ("uri", "/acme/a b?q=1"),
            ("protocol", "HTTP/1.1"),
            ("agent", "x \"y\" \"z\\x61"),
            ("ratio", "-"),
        ] {
            assert_eq!(value(ACCESS, line, field).as_deref(), Some(wanted), "{field}");
        }
    }

    #[test]
    fn a_forged_user_name_shifts_nothing() {
        let forged = r#"192.0.2.7 - x [01/Jan/2024:00:00:00 +0000] "GET /theirs HTTP/1.1" 200 1 "-" "-" - [25/Oct/2024:14:48:00 +0000] "GET /ours HTTP/1.1" 200 12 "-" "a" -"#;
        assert_eq!(
            read(ACCESS, forged),
            None,
            "it fits in no way rather than in a wrong one"
        );
    }

    #[test]
    fn reaches() {
        assert_eq!(
            value("{ip+}:{port} [{t}]", "2001:db8::1:443 [x y]", "ip").as_deref(),
            Some("2001:db8::1")
        );
        assert_eq!(
            value("{ip}:{port+} [{t}]", "a:b:c [x]", "port").as_deref(),
            Some("b:c")
        );
        assert_eq!(
            value("{a} {{{b}}} {c}", "x {p q|r} z", "b").as_deref(),
            Some("p q|r")
        );
        assert_eq!(value("{a}  {b}", "Jan     1", "b").as_deref(), Some("1"));
        assert_eq!(
            value("{t/3} {host} {rest*}", "Jan  1 02:08:04 a b [c] d", "t").as_deref(),
            Some("Jan  1 02:08:04")
        );
        assert_eq!(
            value("{t/2} [{l}] {m*}", "a b [c] d [e] f", "l").as_deref(),
            Some("c")
        );
        assert_eq!(read("{t/2} [{l}] {m*}", "a b x [c] d"), None);
        assert_eq!(read("{t/2} [{l}]", "a [c]"), None);
        assert_eq!(read("{t/2}", "a"), None);
        assert_eq!(value("{t/2}", "a b", "t").as_deref(), Some("a b"));
        assert_eq!(
            value("{a} {rest*}", "one two  three", "rest").as_deref(),
            Some("two  three")
        );
        assert_eq!(read("{a} {b}", "one two three"), None);
        assert_eq!(read(r#""{a}""#, r#""open"#), None);
    }

    #[test]
    fn patterns_are_told_from_mistakes() {
        for bad in [
            "",
            "text",
            "{a}{b}",
            "{a*} {b*}",
            "{a} {a}",
            "{}",
            "{a b}",
            "\"{a}",
            "[{a}",
            "{a",
            "a} {b}",
            "{a/1}",
            "{a/x}",
            "{a/}",
        ] {
            assert!(LinePattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn logfmt_lines() {
        let read = |line| {
            read_logfmt(line).map(|found| {
                found
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect::<Vec<_>>()
                    .join("|")
            })
        };
        assert_eq!(
            read(r#"time="2026-11-01T00:00:00Z" level=info msg="a \"b\"" flag http.status=200"#).as_deref(),
            Some(r#"time=2026-11-01T00:00:00Z|level=info|msg=a "b"|flag=true|http.status=200"#)
        );
        for bad in ["", "text among lines", "a=\"open", "=x", "a=\"b\"c", "word a=b"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(pattern in "[{}\\[\\]\"a-c*+/2 ]{0,24}", line in "\\PC{0,40}|[\"\\\\xa-f0-9 =\\[\\]]{0,40}") {
            if let Ok(pattern) = LinePattern::parse(&pattern) {
                let _ = pattern.read(&line);
            }
            let _ = read_logfmt(&line);
        }

        #[test]
        fn what_is_put_in_comes_out(
            addr in "[0-9.:a-f]{1,12}", user in "[a-z0-9_]{1,8}", uri in "/[a-zA-Z0-9/%?&= \\[\\]]{0,20}", agent in "[ -!#-\\[\\]-~]{0,20}",
        ) {
            let line = format!("{addr} - {user} [01/Jan/2024:00:00:00 +0000] \"GET {uri} HTTP/1.1\" 200 1 \"-\" \"{agent}\" 1.5");
            prop_assert_eq!(value(ACCESS, &line, "uri"), Some(uri));
            prop_assert_eq!(value(ACCESS, &line, "agent"), Some(agent));
            prop_assert_eq!(value(ACCESS, &line, "user"), Some(user));
        }
    }
}
