//! Lines that are no JSON, read piece by piece.

use decostop_profile::{LinePattern, LinePiece, Reach, closing};

/// Names and values in order.
pub type Pairs = Vec<(String, String)>;

/// The fields of a text that a pattern fits.
pub fn pattern(pattern: &LinePattern, text: &str) -> Option<Pairs> {
    let chars: Vec<char> = text.chars().collect();
    fits(&pattern.pieces, &chars, false)
}

fn fits(pieces: &[LinePiece], text: &[char], quoted: bool) -> Option<Pairs> {
    let Some((piece, rest)) = pieces.split_first() else {
        return text.is_empty().then(Vec::new);
    };
    match piece {
        LinePiece::Text(literal) => fits(rest, &text[literal_at(literal, text)?..], quoted),
        LinePiece::Group { open, pieces } => {
            if text.first() != Some(open) {
                return None;
            }
            let body = &text[1..];
            let end = (0..body.len()).find(|&at| {
                // A quote behind an odd number of backslashes is part of the text.
                let escapes = body[..at].iter().rev().take_while(|c| **c == '\\').count();
                body[at] == closing(*open) && (*open != '"' || escapes % 2 == 0)
            })?;
            let (inner, quoted) = (&body[..end], *open == '"');
            let mut found = match pieces.as_slice() {
                [LinePiece::Field { name, .. }] => vec![(name.clone(), value(inner, quoted))],
                pieces => fits(pieces, inner, quoted)?,
            };
            found.extend(fits(rest, &body[end + 1..], false)?);
            Some(found)
        }
        LinePiece::Field { name, reach } => {
            let words = |text: &[char]| {
                let text: String = text.iter().collect();
                let inner = text.trim_matches(' ') == text;
                let words = text.split(' ').filter(|word| !word.is_empty());
                (
                    inner,
                    words.count(),
                    text.contains(|c: char| c.is_ascii_whitespace() && c != ' '),
                )
            };
            let may = |end: usize| match reach {
                Reach::Any => true,
                Reach::Words(count) => {
                    let ends = text.get(end).is_none_or(char::is_ascii_whitespace);
                    ends && words(&text[..end]) == (true, usize::from(*count), false)
                }
                _ => !text[..end].iter().any(char::is_ascii_whitespace),
            };
            let follows = |end: usize| match rest.first() {
                None => end == text.len(),
                Some(LinePiece::Text(literal)) => literal_at(literal, &text[end..]).is_some(),
                Some(LinePiece::Group { open, .. }) => text.get(end) == Some(open),
                Some(LinePiece::Field { .. }) => false,
            };
            let mut ends: Vec<usize> = (1..=text.len()).filter(|&end| may(end) && follows(end)).collect();
            match reach {
                Reach::Short | Reach::Words(_) => ends.truncate(1),
                _ => ends.reverse(),
            }
            ends.into_iter().find_map(|end| {
                let mut found = vec![(name.clone(), value(&text[..end], quoted))];
                found.extend(fits(rest, &text[end..], quoted)?);
                Some(found)
            })
        }
    }
}

/// Where a literal ends with which a text begins; each of its blanks stands for one or more.
fn literal_at(literal: &str, text: &[char]) -> Option<usize> {
    let mut at = 0;
    for c in literal.chars() {
        if text.get(at) != Some(&c) {
            return None;
        }
        at += 1;
        while c == ' ' && text.get(at) == Some(&' ') {
            at += 1;
        }
    }
    Some(at)
}

/// A value, without its escapes if it stood in quotes.
fn value(text: &[char], quoted: bool) -> String {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let hex: String = text.iter().skip(at + 2).take(2).collect();
        let number = u8::from_str_radix(&hex, 16)
            .ok()
            .filter(|_| hex.len() == 2 && !hex.starts_with('+') && text.get(at + 1) == Some(&'x'));
        let hidden = number.filter(|byte| !(b' '..=b'~').contains(byte) || b"\"\\".contains(byte));
        let (bytes, taken) = match (text[at], text.get(at + 1)) {
            ('\\', _) if quoted && hidden.is_some() => (hidden.into_iter().collect(), 4),
            ('\\', Some('n')) if quoted => (vec![b'\n'], 2),
            ('\\', Some('r')) if quoted => (vec![b'\r'], 2),
            ('\\', Some('t')) if quoted => (vec![b'\t'], 2),
            ('\\', Some(mark @ ('"' | '\\'))) if quoted => (mark.to_string().into_bytes(), 2),
            (c, _) => (c.to_string().into_bytes(), 1),
        };
        out.extend(bytes);
        at += taken;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The pairs of a logfmt line; keys alone are `true`. `None` if it does not begin with a pair, or if a
/// quote has no end.
pub fn logfmt(text: &str) -> Option<Pairs> {
    let chars: Vec<char> = text.chars().collect();
    let blank = |at: usize| chars.get(at).is_none_or(char::is_ascii_whitespace);
    let mut pairs = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if blank(at) {
            at += 1;
            continue;
        }
        let start = at;
        while !blank(at) && chars[at] != '=' {
            at += 1;
        }
        let key: String = chars[start..at].iter().collect();
        let is_pair = chars.get(at) == Some(&'=');
        if key.is_empty() || key.contains(['"', '{', '}']) || (!is_pair && pairs.is_empty()) {
            return None;
        }
        if !is_pair {
            pairs.push((key, "true".to_owned()));
            continue;
        }
        at += 1;
        let quoted = chars.get(at) == Some(&'"');
        let start = at + usize::from(quoted);
        at = start;
        while if quoted {
            chars.get(at)? != &'"'
        } else {
            !blank(at)
        } {
            at += if quoted && chars[at] == '\\' { 2 } else { 1 };
        }
        pairs.push((key, value(&chars[start..at], quoted)));
        at += usize::from(quoted);
        if !blank(at) {
            return None;
        }
    }
    (!pairs.is_empty()).then_some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_lines() {
        let profile = decostop_profile::Profile::gitlab();
        let nginx = profile.source("nginx_access").expect("a source");
        let read = |line: &str| nginx.lines.iter().find_map(|of| pattern(of, line));
        let line = r#"2001:db8::7 - a b [x y] "GET /a b\x22\x61 HTTP/1.1" 200 1 "" "u\\\"" -"#;
        let value = |field: &str| {
            let pairs = read(line).expect("it fits");
            pairs
                .into_iter()
                .find(|(name, _)| name == field)
                .map(|(_, value)| value)
        };
        assert_eq!(value("remote_user").as_deref(), Some("a b"));
        assert_eq!(value("uri").as_deref(), Some("/a b\"\\x61"));
        assert_eq!(value("referrer").as_deref(), Some(""));
        assert_eq!(value("user_agent").as_deref(), Some("u\\\""));
        assert!(read("text").is_none() && read(&format!("{line} -")).is_none());
        let error = profile.source("nginx_error").expect("a source");
        let line = r#"2026/11/03 15:00:00 [error] 5#0: *1 x, client: 192.0.2.7, server: s, request: "GET / HTTP/1.1""#;
        let found = error
            .lines
            .iter()
            .find_map(|of| pattern(of, line))
            .expect("it fits");
        assert_eq!(found[0], ("time".to_owned(), "2026/11/03 15:00:00".to_owned()));
    }

    #[test]
    fn logfmt_lines() {
        let read = |line: &str| {
            let pairs: Option<Vec<String>> =
                logfmt(line).map(|pairs| pairs.iter().map(|(k, v)| format!("{k}={v}")).collect());
            pairs.map(|pairs| pairs.join("|"))
        };
        assert_eq!(
            read(r#"a=1 b="x \"y\"" c d= e=f=g"#).as_deref(),
            Some(r#"a=1|b=x "y"|c=true|d=|e=f=g"#)
        );
        for none in ["", "a b=c", "=x", r#"a="b"#, r#"a="b"c"#, r#"a="b\"#] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
