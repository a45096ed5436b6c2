//! The texts that a reader could make of a text: unescaped, decoded, unpacked.
//!
//! What is undone, each also within each other to depth four:
//!
//! - escapes: of JSON and of the languages that write logs (`\n`, `\u0061`, `\u{61}`, `\x61`, octal `\141`),
//!   percent (and `%u0061`, `+`), HTML entities, quoted-printable;
//! - alphabets: base64 and base64url at any alignment, with or without padding; base32; hexadecimal, also byte
//!   by byte (`6d:61`, `6d 61`, `0x6d, 0x61`);
//! - containers within those: gzip, zlib, bare deflate, zstd, bzip2, xz; UTF-16 in either order, and texts with a
//!   zero behind each character;
//! - disguises: terminal sequences, characters that take no room, full-width letters, lines that were wrapped.
//!
//! Ciphers that nobody's software writes into logs (ROT13, reversed text, look-alike letters) are not: whoever
//! wrote those could have invented any other. A text that decodes further than the depth, or to more than the
//! bounds, is undecidable, which is a finding.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::io::Read;

use foldhash::fast::FixedState;

const MAX_DEPTH: u8 = 4;
const MAX_VIEWS: usize = 4096;
/// Views may come to this much more text than they were made of.
const MAX_GROWTH: usize = 64;
const MAX_UNPACKED_BYTES: u64 = 1 << 20;
const MIN_BASE64: usize = 8;
const MIN_SHIFTED: usize = 12;
const MIN_HEX: usize = 8;
const MIN_BASE32: usize = 10;
/// Long words are written in small letters, too.
const MIN_SMALL_BASE32: usize = 16;
/// Fewest bytes that are told apart by what separates them.
const MIN_SEPARATED: usize = 5;
const MIN_DEFLATE: usize = 5;
/// Shorter readable runs in decoded bytes are chance.
const MIN_RUN: usize = 8;

struct View {
    text: String,
    depth: u8,
    decoded: bool,
}

/// Shows every view to `visit`, the text itself first, until it answers `false`. Answers whether
/// all views were seen; `false` if a limit was reached or `visit` stopped.
pub(crate) fn each(text: &str, visit: &mut dyn FnMut(&str, bool) -> bool) -> bool {
    if !visit(text, false) {
        return false;
    }
    let mut found = Found {
        views: Vec::new(),
        depth: 1,
    };
    decode(text, &mut found);
    if found.views.is_empty() {
        return true;
    }
    let mut seen = HashSet::new();
    seen.insert(FixedState::default().hash_one(text));
    let mut left = text
        .len()
        .saturating_mul(MAX_GROWTH)
        .saturating_add(MAX_UNPACKED_BYTES as usize);
    while let Some(view) = found.views.pop() {
        if view.text.is_empty() || !seen.insert(FixedState::default().hash_one(view.text.as_str())) {
            continue;
        }
        let Some(rest) = left
            .checked_sub(view.text.len())
            .filter(|_| seen.len() <= MAX_VIEWS)
        else {
            return false;
        };
        left = rest;
        if !visit(&view.text, view.decoded) {
            return false;
        }
        if view.depth < MAX_DEPTH {
            found.depth = view.depth + 1;
            decode(&view.text, &mut found);
        } else if goes_on(&view.text, &seen) {
            return false;
        }
    }
    true
}

/// Whether a text at the greatest depth can be decoded to one that was not seen.
fn goes_on(text: &str, seen: &HashSet<u64>) -> bool {
    let mut further = Found {
        views: Vec::new(),
        depth: MAX_DEPTH,
    };
    decode(text, &mut further);
    let is_new = |view: &View| {
        !view.text.is_empty() && !seen.contains(&FixedState::default().hash_one(view.text.as_str()))
    };
    further.views.iter().any(is_new)
}

struct Found {
    views: Vec<View>,
    depth: u8,
}

impl Found {
    fn text(&mut self, text: String) {
        self.views.push(View {
            text,
            depth: self.depth,
            decoded: false,
        });
    }

    /// Bytes that came out of base64, hex or a container.
    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(unpacked) = unpack(bytes) {
            return self.bytes(&unpacked);
        }
        if let Ok(text) = std::str::from_utf8(bytes)
            && !text
                .chars()
                .any(|c| c.is_control() && !c.is_ascii_whitespace() && c != '\u{1b}')
        {
            self.views.push(View {
                text: text.to_owned(),
                depth: self.depth,
                decoded: true,
            });
            return;
        }
        let zeros: usize = bytes.iter().map(|b| usize::from(*b == 0)).sum();
        // Every second byte of Latin letters; fewer where characters without width stand between them.
        let is_wide = (zeros + 1) * 5 > bytes.len();
        if is_wide || zeros * 20 > bytes.len() {
            for text in utf16(bytes) {
                self.views.push(View {
                    text,
                    depth: self.depth,
                    decoded: true,
                });
            }
            if is_wide {
                return;
            }
        }
        if bytes.len() < MIN_RUN {
            return;
        }
        let mut text = String::new();
        for run in bytes
            .split(|b| !(0x20..0x7f).contains(b))
            .filter(|run| run.len() >= MIN_RUN)
        {
            text.push('\u{1}');
            text.push_str(std::str::from_utf8(run).unwrap_or_default());
        }
        if !text.is_empty() {
            self.views.push(View {
                text,
                depth: self.depth,
                decoded: true,
            });
        }
    }
}

/// What a byte of a text calls for.
mod sign {
    pub(super) const BACKSLASH: u8 = 1;
    pub(super) const PERCENT: u8 = 1 << 1;
    pub(super) const PLUS: u8 = 1 << 2;
    pub(super) const AMPERSAND: u8 = 1 << 3;
    pub(super) const LINE: u8 = 1 << 4;
    pub(super) const ZERO: u8 = 1 << 5;
    pub(super) const HIDDEN: u8 = 1 << 6;
    pub(super) const EQUALS: u8 = 1 << 7;
}

/// The signs of each byte.
const SIGNS: [u8; 256] = {
    let mut signs = [0; 256];
    signs[b'\\' as usize] = sign::BACKSLASH;
    signs[b'%' as usize] = sign::PERCENT;
    signs[b'+' as usize] = sign::PLUS;
    signs[b'&' as usize] = sign::AMPERSAND;
    signs[b'=' as usize] = sign::EQUALS;
    signs[b'\n' as usize] = sign::LINE;
    signs[b'\r' as usize] = sign::LINE;
    signs[0] = sign::ZERO;
    signs[0x1b] = sign::HIDDEN;
    let mut byte = 0x80;
    while byte < 256 {
        signs[byte] = sign::HIDDEN;
        byte += 1;
    }
    signs
};

fn decode(text: &str, found: &mut Found) {
    let sign_of = |byte: u8| SIGNS.get(usize::from(byte)).copied().unwrap_or(u8::MAX);
    let signs = text.bytes().fold(0, |signs, byte| signs | sign_of(byte));
    let has = |sign: u8| signs & sign != 0;
    if has(sign::BACKSLASH) {
        found.text(unescape(text));
    }
    if has(sign::PERCENT) {
        found.text(percent(text));
    }
    if has(sign::PLUS) {
        found.text(text.replace('+', " "));
    }
    if has(sign::AMPERSAND) {
        found.text(entities(text));
    }
    if has(sign::EQUALS) {
        found.views.extend(quoted_printable(text).map(|text| View {
            text,
            depth: found.depth,
            decoded: false,
        }));
    }
    if has(sign::LINE) {
        found.text(text.replace(['\r', '\n'], ""));
        found.text(text.lines().map(str::trim).collect());
    }
    if has(sign::ZERO) {
        for text in utf16(text.as_bytes()) {
            found.text(text);
        }
        found.text(text.replace('\0', ""));
    }
    if has(sign::HIDDEN) {
        found.text(visible(text, false));
        // What is left of a sequence within a sequence is one of its own.
        if text.contains('\u{1b}') {
            found.text(visible(text, true));
        }
    }
    base64_runs(text, found);
    base32_runs(text, found);
    hex_runs(text, found);
    separated_hex(text, found);
}

/// Backslash escapes of JSON and of the languages that write logs.
fn unescape(text: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, tail)) = rest.split_once('\\') {
        units.extend(plain.encode_utf16());
        let hex = |from: usize, count: usize| {
            let digits = tail.get(from..from + count)?;
            digits
                .bytes()
                .all(|b| b.is_ascii_hexdigit())
                .then(|| u16::from_str_radix(digits, 16).ok())
                .flatten()
        };
        let (unit, used) = match tail.as_bytes().first() {
            Some(b'u') => match hex(1, 4) {
                Some(unit) => (unit, 5),
                None => match braced(tail) {
                    Some((c, used)) => {
                        units.extend(c.encode_utf16(&mut [0; 2]).iter());
                        rest = tail.get(used..).unwrap_or_default();
                        continue;
                    }
                    None => (u16::from(b'u'), 1),
                },
            },
            Some(b'x' | b'0'..=b'7') if byte_escape(tail).is_some() => {
                let (bytes, behind) = byte_escapes(rest.get(plain.len()..).unwrap_or_default());
                match std::str::from_utf8(&bytes) {
                    Ok(text) => units.extend(text.encode_utf16()),
                    Err(_) => units.extend(bytes.into_iter().map(u16::from)),
                }
                rest = behind;
                continue;
            }
            // Lines may have been wrapped before they were escaped.
            Some(b'n' | b'r') => (u16::from(b'\n'), 1),
            Some(b't') => (u16::from(b' '), 1),
            Some(&c) if c.is_ascii() => (u16::from(c), 1),
            _ => (u16::from(b' '), 0),
        };
        units.push(unit);
        rest = tail.get(used..).unwrap_or_default();
    }
    units.extend(rest.encode_utf16());
    char::decode_utf16(units)
        .map(|unit| unit.unwrap_or('\u{fffd}'))
        .collect()
}

/// `x6d` or `155`, behind a backslash: the byte, and how long it is written.
fn byte_escape(tail: &str) -> Option<(u8, usize)> {
    let number = |from: usize, count: usize, base: u32| {
        let digits = tail.get(from..from + count)?;
        let all = digits.chars().all(|c| c.is_digit(base));
        all.then(|| u8::from_str_radix(digits, base).ok()).flatten()
    };
    match tail.as_bytes().first()? {
        b'x' => Some((number(1, 2, 16)?, 3)),
        _ => Some((number(0, 3, 8)?, 3)),
    }
}

/// The bytes of all such escapes at the start of a text, and what stands behind them.
fn byte_escapes(text: &str) -> (Vec<u8>, &str) {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((tail, (byte, used))) = rest
        .strip_prefix('\\')
        .and_then(|tail| Some((tail, byte_escape(tail)?)))
    {
        bytes.push(byte);
        rest = tail.get(used..).unwrap_or_default();
    }
    (bytes, rest)
}

/// `u{1F600}`.
fn braced(tail: &str) -> Option<(char, usize)> {
    let (digits, _) = tail.strip_prefix("u{")?.split_once('}')?;
    let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
    Some((c, digits.len() + 3))
}

/// `%40`, and `%u0040` of old scripts.
fn percent(text: &str) -> String {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = |from: usize, count: usize| {
            let digits = std::str::from_utf8(tail.get(from..from + count)?).ok()?;
            digits
                .bytes()
                .all(|b| b.is_ascii_hexdigit())
                .then(|| u32::from_str_radix(digits, 16).ok())
                .flatten()
        };
        rest = tail;
        if first != b'%' {
            out.push(first);
        } else if let Some(byte) = hex(0, 2) {
            out.push(byte as u8);
            rest = tail.get(2..).unwrap_or_default();
        } else if let Some(c) = tail
            .first()
            .filter(|b| **b == b'u')
            .and_then(|_| char::from_u32(hex(1, 4)?))
        {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            rest = tail.get(5..).unwrap_or_default();
        } else {
            out.push(first);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `=3D`, and lines that end in `=` (RFC 2045, 6.7); nothing if there is neither.
fn quoted_printable(text: &str) -> Option<String> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let mut is_encoded = false;
    while let Some((&first, tail)) = rest.split_first() {
        let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
        rest = match (first, tail) {
            (b'=', [b'\r', b'\n', behind @ ..] | [b'\n', behind @ ..]) => behind,
            (b'=', [_, _, behind @ ..]) if digit(0).is_some() && digit(1).is_some() => {
                let (high, low) = digit(0).zip(digit(1))?;
                out.push((high << 4 | low) as u8);
                behind
            }
            _ => {
                out.push(first);
                rest = tail;
                continue;
            }
        };
        is_encoded = true;
    }
    is_encoded.then(|| String::from_utf8_lossy(&out).into_owned())
}

/// HTML entities: numbers, and the names that stand for punctuation.
fn entities(text: &str) -> String {
    const NAMES: &[(&str, char)] = &[
        ("amp", '&'),
        ("apos", '\''),
        ("bsol", '\\'),
        ("colon", ':'),
        ("comma", ','),
        ("commat", '@'),
        ("dash", '-'),
        ("equals", '='),
        ("gt", '>'),
        ("hyphen", '-'),
        ("lowbar", '_'),
        ("lt", '<'),
        ("nbsp", ' '),
        ("num", '#'),
        ("percnt", '%'),
        ("period", '.'),
        ("plus", '+'),
        ("quot", '"'),
        ("semi", ';'),
        ("sol", '/'),
        ("Tab", ' '),
        ("NewLine", ' '),
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, tail)) = rest.split_once('&') {
        out.push_str(plain);
        let end = tail
            .bytes()
            .take(12)
            .position(|b| !(b.is_ascii_alphanumeric() || b == b'#'))
            .unwrap_or(tail.len().min(12));
        let name = tail.get(..end).unwrap_or_default();
        let number = name
            .strip_prefix('#')
            .and_then(|digits| match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => digits.parse().ok(),
            });
        let c = number
            .and_then(char::from_u32)
            .or_else(|| NAMES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c));
        if let Some(c) = c {
            out.push(c);
            let tail = tail.get(end..).unwrap_or_default();
            rest = tail.strip_prefix(';').unwrap_or(tail);
        } else {
            out.push('&');
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}

/// Without terminal sequences and characters that take no room.
fn visible(text: &str, keeps_lone_escapes: bool) -> String {
    let hidden = |c: &char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    let mut out = String::with_capacity(text.len());
    // First what has no width: it may stand within a terminal's sequence.
    let mut chars = text.chars().filter(|c| !hidden(c)).peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                if chars.next_if_eq(&'[').is_some() {
                    for c in chars.by_ref() {
                        if ('@'..='~').contains(&c) {
                            break;
                        }
                    }
                } else if keeps_lone_escapes {
                    out.push(c);
                }
            }
            // Full-width forms read as their ASCII twins.
            '\u{ff01}'..='\u{ff5e}' => out.extend(char::from_u32(u32::from(c) - 0xfee0)),
            _ => out.push(c),
        }
    }
    out
}

fn utf16(bytes: &[u8]) -> Vec<String> {
    let units = |order: fn([u8; 2]) -> u16, from: usize| {
        let pairs = bytes.get(from..).unwrap_or_default().chunks_exact(2);
        let units = pairs.filter_map(move |pair| Some(order(*pair.first_chunk()?)));
        char::decode_utf16(units)
            .map(|unit| unit.unwrap_or('\u{fffd}'))
            .collect::<String>()
    };
    vec![units(u16::from_le_bytes, 0), units(u16::from_be_bytes, 0)]
}

/// The content of a compressed stream, as far as it goes.
fn unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let outcome = match bytes {
        [0x1f, 0x8b, ..] => content(flate2::read::MultiGzDecoder::new(bytes)),
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => content(flate2::read::ZlibDecoder::new(bytes)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::Decoder::new(bytes).map(content).unwrap_or_default(),
        [b'B', b'Z', b'h', ..] => content(bzip2::read::MultiBzDecoder::new(bytes)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => content(liblzma::read::XzDecoder::new(bytes)),
        _ => return inflate(bytes),
    };
    (!outcome.is_empty()).then_some(outcome)
}

/// What came before an error counts all the same.
fn content(reader: impl Read) -> Vec<u8> {
    let mut out = Vec::new();
    drop(reader.take(MAX_UNPACKED_BYTES).read_to_end(&mut out));
    out
}

/// The content of bare deflate data, which nothing marks: they are taken for such if they end where the stream
/// does, give or take the end of their encoding, and hold a text.
fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < MIN_DEFLATE {
        return None;
    }
    // The first block: one that is stored states its length twice, and no other kind has number three.
    let stored = |first: u8, rest: &[u8]| match rest {
        [a, b, c, d, ..] => first >> 3 == 0 && *a == !*c && *b == !*d,
        _ => false,
    };
    let (&first, rest) = bytes.split_first()?;
    match first >> 1 & 3 {
        3 => return None,
        0 if !stored(first, rest) => return None,
        _ => {}
    }
    let mut decoder = flate2::read::DeflateDecoder::new(bytes);
    let mut out = Vec::new();
    let is_whole = (&mut decoder)
        .take(MAX_UNPACKED_BYTES)
        .read_to_end(&mut out)
        .is_ok();
    let left = (bytes.len() as u64).saturating_sub(decoder.total_in());
    (is_whole && left <= 2 && out.len() > MIN_DEFLATE && std::str::from_utf8(&out).is_ok()).then_some(out)
}

fn runs(text: &str, least: usize, within: fn(u8) -> bool) -> impl Iterator<Item = &[u8]> {
    text.as_bytes()
        .split(move |&b| !within(b))
        .filter(move |run| run.len() >= least)
}

/// The value of a character in either base64 alphabet.
pub(super) fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// The bytes of a run of base64 without padding; a last character that makes no byte is left out.
pub(super) fn unbase64(sextets: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let (quads, rest) = sextets.as_chunks();
    for [a, b, c, d] in quads {
        out.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
    }
    match rest {
        [a, b] => out.push(a << 2 | b >> 4),
        [a, b, c] => out.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2]),
        _ => {}
    }
}

fn base64_runs(text: &str, found: &mut Found) {
    let (mut sextets, mut bytes) = (Vec::new(), Vec::new());
    for run in runs(text, MIN_BASE64, |b| sextet(b).is_some()) {
        sextets.clear();
        sextets.extend(run.iter().copied().filter_map(sextet));
        let shifts = if run.len() >= MIN_SHIFTED { 4 } else { 1 };
        for shift in 0..shifts {
            unbase64(sextets.get(shift..).unwrap_or_default(), &mut bytes);
            found.bytes(&bytes);
        }
    }
}

/// RFC 4648, 6, in capital letters or in small ones, at any alignment.
fn base32_runs(text: &str, found: &mut Found) {
    let value = |byte: u8| match byte.to_ascii_uppercase() {
        letter @ b'A'..=b'Z' => letter - b'A',
        digit => digit.wrapping_sub(b'2') + 26,
    };
    let mut bytes = Vec::new();
    let mut decode = |run: &[u8], least: usize| {
        let shifts = if run.len() >= MIN_SHIFTED { 8 } else { 1 };
        for shift in 0..shifts {
            let rest = run.get(shift..).unwrap_or_default();
            if rest.len() < least.min(MIN_BASE32) {
                break;
            }
            bytes.clear();
            let (mut bits, mut count) = (0u32, 0);
            for byte in rest {
                bits = bits << 5 | u32::from(value(*byte));
                count += 5;
                if count >= 8 {
                    count -= 8;
                    bytes.push((bits >> count) as u8);
                }
            }
            found.bytes(&bytes);
        }
    };
    for run in runs(text, MIN_BASE32, |b| matches!(b, b'A'..=b'Z' | b'2'..=b'7')) {
        decode(run, MIN_BASE32);
    }
    for run in runs(text, MIN_SMALL_BASE32, |b| matches!(b, b'a'..=b'z' | b'2'..=b'7')) {
        decode(run, MIN_SMALL_BASE32);
    }
}

/// `6d:61:6c`, `6d 61 6c`, `0x6d, 0x61, 0x6c`.
fn separated_hex(text: &str, found: &mut Found) {
    let bytes = text.as_bytes();
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    let is_word = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let mut pairs: Vec<u8> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = if bytes.get(at..at + 2) == Some(b"0x".as_slice()) {
            at + 2
        } else {
            at
        };
        let pair = digit(start).zip(digit(start + 1)).filter(|_| !is_word(start + 2));
        let begins = at == 0 || !is_word(at - 1);
        if let (Some((high, low)), true) = (pair, begins) {
            pairs.push((high << 4 | low) as u8);
            at = start + 2;
            let separators = bytes.get(at..).unwrap_or_default().iter();
            let gap = separators
                .take(2)
                .take_while(|byte| b" :,-".contains(byte))
                .count();
            at += gap;
            if gap > 0 && at < bytes.len() {
                continue;
            }
        }
        if pairs.len() >= MIN_SEPARATED {
            found.bytes(&pairs);
        }
        pairs.clear();
        at += 1;
    }
    if pairs.len() >= MIN_SEPARATED {
        found.bytes(&pairs);
    }
}

fn hex_runs(text: &str, found: &mut Found) {
    let digit = |b: u8| char::from(b).to_digit(16).unwrap_or_default() as u8;
    let mut bytes = Vec::new();
    for run in runs(text, MIN_HEX, |b| b.is_ascii_hexdigit()) {
        for shift in 0..2 {
            let (pairs, _) = run.get(shift..).unwrap_or_default().as_chunks();
            bytes.clear();
            bytes.extend(pairs.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)));
            found.bytes(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::DecodePaddingMode;
    use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
    use proptest::prelude::*;

    use super::*;

    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );

    proptest! {
        #[test]
        fn base64_decodes_as_elsewhere(run in "[A-Za-z0-9+/_-]{0,40}") {
            let standard = run.replace('-', "+").replace('_', "/");
            let whole = if standard.len() % 4 == 1 { &standard[..standard.len() - 1] } else { &standard };
            let expected = BASE64.decode(whole).expect("nothing but the alphabet");
            let (mut sextets, mut bytes) = (Vec::new(), Vec::new());
            sextets.extend(run.bytes().filter_map(sextet));
            unbase64(&sextets, &mut bytes);
            prop_assert_eq!(bytes, expected);
        }

        #[test]
        fn signs_are_the_bytes_that_call_for_a_view(byte: u8) {
            let expected = [
                (sign::BACKSLASH, byte == b'\\'),
                (sign::PERCENT, byte == b'%'),
                (sign::PLUS, byte == b'+'),
                (sign::AMPERSAND, byte == b'&'),
                (sign::EQUALS, byte == b'='),
                (sign::LINE, byte == b'\n' || byte == b'\r'),
                (sign::ZERO, byte == 0),
                (sign::HIDDEN, byte == 0x1b || !byte.is_ascii()),
            ];
            for (sign, is_there) in expected {
                prop_assert_eq!(SIGNS[usize::from(byte)] & sign != 0, is_there);
            }
        }
    }
}
