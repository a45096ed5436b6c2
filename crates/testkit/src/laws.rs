//! Looking for what must not have survived: every view of a text in which something could hide.
//!
//! Shares nothing with the redactor or the verifier. Slow and generous: it decodes whatever looks as
//! if it could be decoded and finds needles at the edges of words, in any case.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Views of views that are looked at.
const DEPTH: usize = 3;
/// Shortest run that is taken for an encoding.
const MIN_RUN: usize = 12;
/// Views of one token; more than any real text has.
const MAX_VIEWS: usize = 2_000;

/// Every view of a text: as it is, and with percent escapes, JSON escapes, character references,
/// base64 and hex undone, also within each other.
pub fn views(text: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([text.to_owned()]);
    let mut fresh = vec![text.to_owned()];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for view in &fresh {
            for found in once(view) {
                if all.len() < MAX_VIEWS && all.insert(found.clone()) {
                    next.push(found);
                }
            }
        }
        fresh = next;
    }
    all
}

fn once(text: &str) -> Vec<String> {
    let mut found = vec![
        percent(text),
        escapes(text),
        references(text),
        without_noise(text),
    ];
    for run in runs(text, |c| c.is_ascii_alphanumeric() || "+/-_=".contains(c)) {
        found.extend((0..4).filter_map(|skip| base64(run.get(skip..)?)));
        // A path or a dash may glue an encoding to its neighbours.
        for part in run
            .split(['/', '-', '_', '='])
            .filter(|part| part.len() >= MIN_RUN && part.len() < run.len())
        {
            found.extend(base64(part));
        }
    }
    found.extend(runs(text, |c| c.is_ascii_hexdigit()).filter_map(hex));
    found.retain(|view| view != text && !view.is_empty());
    found
}

fn runs(text: &str, of: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |c| !of(c)).filter(|run| run.len() >= MIN_RUN)
}

fn digit(byte: Option<&u8>) -> Option<u32> {
    char::from(*byte?).to_digit(16)
}

fn percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            out.push((high << 4 | low) as u8);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let code = after
            .strip_prefix(['u', 'U'])
            .and_then(|after| after.get(..4))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok());
        if let Some(c) = code.and_then(char::from_u32) {
            out.push(c);
            rest = after.get(5..).unwrap_or_default();
        } else {
            let mut chars = after.chars();
            out.extend(chars.next().map(|c| if "nrt".contains(c) { ' ' } else { c }));
            rest = chars.as_str();
        }
    }
    out + rest
}

fn references(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let decoded = after.split_once(';').and_then(|(name, after)| {
            let c = match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => {
                    let number = name.strip_prefix('#')?;
                    let hex = number.strip_prefix(['x', 'X']);
                    let code =
                        hex.map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
                    char::from_u32(code?)?
                }
            };
            Some((c, after))
        });
        let (c, after) = decoded.unwrap_or(('&', after));
        out.push(c);
        rest = after;
    }
    out + rest
}

/// Without zero-width characters, soft hyphens and terminal colours.
fn without_noise(text: &str) -> String {
    let bare: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'))
        .collect();
    let mut parts = bare.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        out + part
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == ';')
            .get(1..)
            .unwrap_or_default()
    })
}

fn base64(run: &str) -> Option<String> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = if run.contains(['-', '_']) {
        &alphabet::URL_SAFE
    } else {
        &alphabet::STANDARD
    };
    let bare = run.trim_end_matches('=');
    let bare = if bare.len() % 4 == 1 {
        bare.get(..bare.len() - 1)?
    } else {
        bare
    };
    let bytes = GeneralPurpose::new(alphabet, config).decode(bare).ok()?;
    Some(printable(&bytes))
}

fn hex(run: &str) -> Option<String> {
    let bytes: Vec<u8> = run
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| Some((digit(pair.first())? << 4 | digit(pair.get(1))?) as u8))
        .collect::<Option<_>>()?;
    Some(printable(&bytes))
}

fn printable(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| {
            if (b' '..=b'~').contains(byte) {
                char::from(*byte)
            } else {
                ' '
            }
        })
        .collect()
}

/// Which of the needles occur in any view of a text, at the edges of words, in any case.
pub fn survivors<'n>(text: &str, needles: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    // Token by token, since one long text has more views than can be looked at; whole as well, for
    // names of several words.
    let mut haystack = BTreeSet::from([text.to_lowercase(), escapes(text).to_lowercase()]);
    for token in text
        .split(|c: char| c.is_whitespace() || "\"{}[]<>(),".contains(c))
        .filter(|token| token.len() >= 4)
    {
        haystack.extend(views(token).into_iter().map(|view| view.to_lowercase()));
    }
    let haystack: String = haystack.into_iter().collect::<Vec<_>>().join("\n");
    needles
        .into_iter()
        .filter(|needle| stands_in(&haystack, &needle.to_lowercase()))
        .collect()
}

/// Whether a needle stands in a text without a letter or digit beside it.
fn stands_in(text: &str, needle: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !needle.is_empty()
        && text.match_indices(needle).any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text
                .get(at + needle.len()..)
                .and_then(|after| after.chars().next());
            let glued_before = joins(before) && joins(needle.chars().next());
            let glued_after = joins(after) && joins(needle.chars().next_back());
            !glued_before && !glued_after
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disguise_is_seen_through() {
        for text in [
            r#"{"a":"mallory.k@evil.example"}"#,
            r#"{"a":"MALLORY.K@evil.example"}"#,
            r#"{"a":"mallory%2Ek%40evil.example"}"#,
            r#"{"a":"%6d%61%6c%6c%6f%72%79%2e%6b%40%65%76%69%6c%2e%65%78%61%6d%70%6c%65"}"#,
            r#"{"a":"%256dallory.k@evil.example"}"#,
            r#"{"a":"\\u006dallory.k@evil.example"}"#,
            r#"{"a":"\u006dallory.k@evil.example"}"#,
            r#"{"a":"bWFsbG9yeS5rQGV2aWwuZXhhbXBsZQ=="}"#,
            r#"{"a":"x:bWFsbG9yeS5rQGV2aWwuZXhhbXBsZQ"}"#,
            r#"{"a":"YzptYWxsb3J5LmtAZXZpbC5leGFtcGxl"}"#,
            r#"{"a":"6d616c6c6f72792e6b406576696c2e6578616d706c65"}"#,
            r#"{"a":"&#109;allory.k&#x40;evil.example"}"#,
            r#"{"mallory.k@evil.example":1}"#,
            "{\"a\":\"mal\u{200b}lory.k@evil.example\"}",
        ] {
            assert_eq!(
                survivors(text, ["mallory.k@evil.example"]),
                ["mallory.k@evil.example"],
                "{text}"
            );
        }
    }

    #[test]
    fn look_alikes_are_others() {
        assert!(
            survivors(
                r#"{"a":"acme-labs12 10010 xacme"}"#,
                ["acme-labs", "1001", "acme"]
            )
            .contains(&"acme"),
            "acme stands before a dash"
        );
        assert!(survivors(r#"{"a":"acmelabs 10010 xacme"}"#, ["acme", "1001", "lab"]).is_empty());
        assert_eq!(
            survivors(r#"{"a":"by Mallory Smith."}"#, ["mallory smith"]),
            ["mallory smith"]
        );
    }
}
