//! Decoders of the self-test's own: what a reader of the artefact could make of a text.
//!
//! Shares nothing with the redactor or the verifier, is slow and generous, and looks for needles at the
//! edges of words, in any case.

use std::collections::BTreeSet;
use std::io::Read as _;

/// Views of views that are looked at.
const DEPTH: usize = 3;
/// Shortest run that is taken for an encoding.
const MIN_RUN: usize = 6;
/// Views of one token.
const MAX_VIEWS: usize = 2_000;
/// Bytes that a compressed run is unpacked to.
const MAX_UNPACKED: u64 = 1 << 20;

/// Which of the needles stand in any view of a text, by their places in the list.
pub(super) fn found<'n>(text: &str, needles: impl IntoIterator<Item = &'n str>) -> Vec<usize> {
    // Whole as well, for needles of several words: with the escapes of JSON in JSON in JSON undone.
    let mut haystack = BTreeSet::new();
    let mut whole = text.to_owned();
    for _ in 0..=DEPTH {
        haystack.insert(whole.to_lowercase());
        whole = escapes(&whole);
    }
    let ends = |c: char| c.is_whitespace() || "\"{}[]<>(),".contains(c);
    for token in text.split(ends).filter(|token| token.len() >= 4) {
        haystack.extend(views(token).iter().map(|view| view.to_lowercase()));
    }
    let haystack = haystack.into_iter().collect::<Vec<_>>().join("\n");
    let needles = needles.into_iter().enumerate();
    needles
        .filter(|(_, needle)| stands_in(&haystack, &needle.to_lowercase()))
        .map(|(at, _)| at)
        .collect()
}

fn views(token: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([token.to_owned()]);
    let mut fresh = vec![token.to_owned()];
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
    let mut found = vec![percent(text), escapes(text), references(text), bare(text)];
    for run in runs(text, |c| c.is_ascii_alphanumeric() || "+/-_=".contains(c)) {
        for skip in 0..4 {
            let bytes = run.get(skip..).and_then(base64);
            found.extend(bytes.iter().map(|bytes| printable(bytes)));
            found.extend(bytes.as_deref().and_then(unpacked));
        }
        for part in run
            .split(['/', '-', '_', '='])
            .filter(|part| part.len() >= MIN_RUN)
        {
            found.extend(base64(part).as_deref().map(printable));
        }
    }
    found.extend(
        runs(text, |c| c.is_ascii_hexdigit())
            .filter_map(hex)
            .map(|bytes| printable(&bytes)),
    );
    found.retain(|view| view != text && !view.is_empty());
    found
}

fn runs(text: &str, of: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |c| !of(c)).filter(|run| run.len() >= MIN_RUN)
}

fn digit(byte: Option<&u8>) -> Option<u8> {
    char::from(*byte?).to_digit(16).map(|digit| digit as u8)
}

fn percent(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(byte) = bytes.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            out.push(high << 4 | low);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn escapes(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let code = after
            .strip_prefix('u')
            .and_then(|after| u32::from_str_radix(after.get(..4)?, 16).ok())
            .and_then(char::from_u32);
        if let Some(c) = code {
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
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let decoded = after.split_once(';').and_then(|(name, after)| {
            let number = name.strip_prefix('#')?;
            let hex = number.strip_prefix(['x', 'X']);
            let code = hex.map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
            Some((char::from_u32(code?)?, after))
        });
        let (c, after) = decoded.unwrap_or(('&', after));
        out.push(c);
        rest = after;
    }
    out + rest
}

/// Without characters that are not seen.
fn bare(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'))
        .collect()
}

fn base64(run: &str) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut out) = (0u32, 0, Vec::with_capacity(run.len()));
    for byte in run.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

fn unpacked(bytes: &[u8]) -> Option<String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return None;
    }
    let mut out = Vec::new();
    // What comes out before an error could be read as well.
    let _ = flate2::read::GzDecoder::new(bytes)
        .take(MAX_UNPACKED)
        .read_to_end(&mut out);
    Some(printable(&out))
}

fn hex(run: &str) -> Option<Vec<u8>> {
    run.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(digit(pair.first())? << 4 | digit(pair.get(1))?))
        .collect()
}

fn printable(bytes: &[u8]) -> String {
    let visible = |byte: &u8| (b' '..=b'~').contains(byte);
    bytes
        .iter()
        .map(|byte| if visible(byte) { char::from(*byte) } else { ' ' })
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
            let is_part = joins(before) && joins(needle.chars().next())
                || joins(after) && joins(needle.chars().next_back());
            !is_part
        })
}
