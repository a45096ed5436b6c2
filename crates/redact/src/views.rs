//! The texts that a reader could make of a text, each byte with the place that it was made of.
//!
//! A text is decoded in five ways, and what comes out again, to [`MAX_DEPTH`]:
//!
//! - *unescaped*: backslash escapes, percent, HTML entities;
//! - *visible*: terminal sequences and characters without width left out, full-width forms as their
//!   ASCII twins;
//! - *joined*: lines written together, without their indentation;
//! - *spaced*: `+` for a blank, as in queries;
//! - *unpacked*: what runs of base64 (either alphabet, at every alignment) and of hex hold, where that
//!   is readable.
//!
//! Only what looks encoded is decoded, and all of it is bounded: above a bound nobody knows what the
//! text holds.

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::rules::Work;

/// Decodings one after the other that are followed: four encodings within each other, and two steps that
/// undid only a part (an escape that a line end cuts in two). Ways that cannot be repeated do not count.
const MAX_DEPTH: u8 = 6;
/// All views together are at most so many times as long as the text, and [`SPARE`] more.
const MAX_GROWTH: usize = 24;
const SPARE: usize = 4 << 10;
/// Shortest run of base64 and of hex that is unpacked, in characters.
const MIN_BASE64: usize = 12;
const MIN_HEX: usize = 16;
/// Shorter readable runs in unpacked bytes are chance.
const MIN_READABLE: usize = 8;
/// Between two unpacked runs: no word and no line goes over it.
const BETWEEN: &[u8] = b"\n\x01\n";

/// A text, or what it was decoded to.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) text: Vec<u8>,
    /// Of each byte, the first byte of the original text that it was made of, and the end of these.
    from: Vec<u32>,
    to: Vec<u32>,
    depth: u8,
}

impl View {
    fn original(text: &[u8]) -> Self {
        let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            text: text.to_vec(),
            from: (0..text.len()).map(place).collect(),
            to: (1..=text.len()).map(place).collect(),
            depth: 0,
        }
    }

    /// The part of the original text that a part of this view was made of.
    pub(crate) fn source(&self, start: usize, end: usize) -> (usize, usize) {
        let from = self.from.get(start..end).unwrap_or_default();
        let to = self.to.get(start..end).unwrap_or_default();
        let first = from.iter().min().copied().unwrap_or_default();
        (first as usize, to.iter().max().copied().unwrap_or(first) as usize)
    }

    fn push(&mut self, byte: u8, of: &Self, start: usize, end: usize) {
        let from = of.from.get(start).copied().unwrap_or_default();
        let to = of.to.get(end.saturating_sub(1).max(start)).copied();
        self.text.push(byte);
        self.from.push(from);
        self.to.push(to.unwrap_or(from));
    }

    fn push_char(&mut self, c: char, of: &Self, start: usize, end: usize) {
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            self.push(byte, of, start, end);
        }
    }
}

/// What a byte of a text calls for.
mod sign {
    pub(super) const OTHER: u8 = 1;
    pub(super) const PLUS: u8 = 1 << 1;
    pub(super) const LINE: u8 = 1 << 2;
    pub(super) const BASE64: u8 = 1 << 3;
    pub(super) const HEX: u8 = 1 << 4;
}

const SIGNS: [u8; 256] = {
    let mut signs = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if matches!(b, b'\\' | b'%' | b'&' | 0x1b | 0x80..) {
            signs[byte] |= sign::OTHER;
        }
        if matches!(b, b'\n' | b'\r') {
            signs[byte] |= sign::LINE;
        }
        if b == b'+' {
            signs[byte] |= sign::PLUS;
        }
        if sextet(b).is_some() {
            signs[byte] |= sign::BASE64;
        }
        if b.is_ascii_hexdigit() {
            signs[byte] |= sign::HEX;
        }
        byte += 1;
    }
    signs
};

/// What there may be to decode in a text: the signs in it, `BASE64` and `HEX` where a run is long enough.
fn signs(text: &[u8]) -> u8 {
    let (mut signs, mut base64, mut hex) = (0, 0usize, 0usize);
    for byte in text {
        let sign = SIGNS.get(usize::from(*byte)).copied().unwrap_or(u8::MAX);
        base64 = if sign & sign::BASE64 == 0 { 0 } else { base64 + 1 };
        hex = if sign & sign::HEX == 0 { 0 } else { hex + 1 };
        signs |= sign & !(sign::BASE64 | sign::HEX);
        signs |= if base64 >= MIN_BASE64 { sign::BASE64 } else { 0 };
        signs |= if hex >= MIN_HEX { sign::HEX } else { 0 };
    }
    signs
}

/// Shows every view but the text itself to `visit`, until it answers nothing. Nothing as well if a bound
/// was reached: then there may be more.
pub(crate) fn each(
    text: &[u8],
    work: &mut Work,
    visit: &mut dyn FnMut(&View, &mut Work) -> Option<()>,
) -> Option<()> {
    // Words and figures, as most texts.
    let signs = signs(text);
    if signs == 0 || signs & !(sign::BASE64 | sign::HEX) == 0 && !is_packed(text, signs) {
        return Some(());
    }
    let mut room = text.len().saturating_mul(MAX_GROWTH).saturating_add(SPARE);
    let mut seen = HashSet::new();
    let mut open = vec![View::original(text)];
    while let Some(view) = open.pop() {
        let ways: [(Way, u8); 5] = [
            (unescaped, 1),
            (unpacked, 1),
            (visible, 0),
            (joined, 0),
            (spaced, 0),
        ];
        for (way, counts) in ways {
            let Some(mut next) = way(&view) else { continue };
            work.spend(view.text.len())?;
            next.depth = view.depth + counts;
            let first = next.source(0, 1);
            let last = next.source(next.text.len().saturating_sub(1), next.text.len());
            if next.text.is_empty() || !seen.insert(FixedState::default().hash_one((&next.text, first, last)))
            {
                continue;
            }
            if next.depth > MAX_DEPTH {
                return None;
            }
            room = room.checked_sub(next.text.len())?;
            visit(&next, work)?;
            open.push(next);
        }
    }
    Some(())
}

/// Escapes undone. Nothing if there is none.
fn unescaped(of: &View) -> Option<View> {
    rewritten(of, &|text, at| match text.get(at) {
        Some(b'\\' | b'%' | b'&') => escape(text, at),
        _ => None,
    })
}

/// Nothing that a reader does not see. Nothing if all is seen.
fn visible(of: &View) -> Option<View> {
    rewritten(of, &|text, at| match text.get(at) {
        Some(0x1b) => Some(terminal(text.get(at + 1..)?)),
        Some(0x80..) => {
            let (c, length) = char_at(text, at)?;
            let piece = seen_as(c).map_or(Piece::Nothing, Piece::Char);
            (seen_as(c) != Some(c)).then_some((piece, length))
        }
        _ => None,
    })
}

/// Makes another view of a view, if there is one.
type Way = fn(&View) -> Option<View>;
/// What stands for the bytes from a place on, and how many they are.
type Pieces<'p> = dyn Fn(&[u8], usize) -> Option<(Piece, usize)> + 'p;
/// Bytes of an unpacking, each with the place of its run that it was made of.
type Unpacking<'u> = dyn Iterator<Item = (u8, usize, usize)> + 'u;

/// A view with pieces instead of what `piece` finds; nothing if it finds none.
fn rewritten(of: &View, piece: &Pieces<'_>) -> Option<View> {
    let text = of.text.as_slice();
    let first = (0..text.len()).find(|at| piece(text, *at).is_some())?;
    let mut view = View::default();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let found = if at < first { None } else { piece(text, at) };
        let length = found.as_ref().map_or(1, |(_, length)| *length);
        match found {
            None => view.push(*byte, of, at, at + 1),
            Some((Piece::Byte(byte), _)) => view.push(byte, of, at, at + length),
            Some((Piece::Char(c), _)) => view.push_char(c, of, at, at + length),
            Some((Piece::Nothing, _)) => {}
        }
        at += length;
    }
    Some(view)
}

/// What an escape stands for.
enum Piece {
    Byte(u8),
    Char(char),
    Nothing,
}

/// The escape at a place, and its length.
fn escape(text: &[u8], at: usize) -> Option<(Piece, usize)> {
    let rest = text.get(at + 1..)?;
    match text.get(at)? {
        b'\\' => backslash(rest),
        b'%' => match (number(rest, 0, 2, 16), rest.first()) {
            (Some(byte), _) => Some((Piece::Byte(byte as u8), 3)),
            (None, Some(b'u')) => {
                let c = char::from_u32(number(rest, 1, 4, 16)?)?;
                Some((Piece::Char(c), 6))
            }
            _ => None,
        },
        _ => entity(rest),
    }
}

/// The number that so many digits make.
fn number(rest: &[u8], from: usize, count: usize, radix: u32) -> Option<u32> {
    let digits = rest.get(from..from + count)?;
    digits.iter().try_fold(0u32, |number, byte| {
        Some(number * radix + char::from(*byte).to_digit(radix)?)
    })
}

fn backslash(rest: &[u8]) -> Option<(Piece, usize)> {
    let plain = |c: u8| Some((Piece::Byte(c), 2));
    match rest.first()? {
        b'u' => {
            if let Some(unit) = number(rest, 1, 4, 16) {
                if let Some(c) = char::from_u32(unit) {
                    return Some((Piece::Char(c), 6));
                }
                let low = rest.get(5..).filter(|low| low.starts_with(b"\\u"));
                let low = low.and_then(|low| number(low, 2, 4, 16));
                let pair = low.map(|low| char::decode_utf16([unit as u16, low as u16]).next());
                return Some(match pair {
                    Some(Some(Ok(c))) => (Piece::Char(c), 12),
                    _ => (Piece::Char('\u{fffd}'), 6),
                });
            }
            let digits = rest.strip_prefix(b"u{")?;
            let length = digits.iter().take(7).position(|byte| *byte == b'}')?;
            let c = char::from_u32(number(digits, 0, length, 16)?)?;
            Some((Piece::Char(c), length + 4))
        }
        b'U' => Some((Piece::Char(char::from_u32(number(rest, 1, 8, 16)?)?), 10)),
        b'x' => Some((Piece::Byte(number(rest, 1, 2, 16)? as u8), 4)),
        b'0'..=b'3' => Some((Piece::Byte(number(rest, 0, 3, 8)? as u8), 4)),
        b'n' => plain(b'\n'),
        b'r' => plain(b'\r'),
        b't' => plain(b'\t'),
        b'e' => plain(0x1b),
        // A line that goes on.
        b'\n' => Some((Piece::Nothing, 2)),
        c if c.is_ascii_punctuation() => plain(*c),
        _ => None,
    }
}

/// Names of entities that stand for ASCII, with what they stand for.
const ENTITIES: &[(&[u8], u8)] = &[
    (b"amp", b'&'),
    (b"apos", b'\''),
    (b"ast", b'*'),
    (b"bsol", b'\\'),
    (b"colon", b':'),
    (b"comma", b','),
    (b"commat", b'@'),
    (b"dash", b'-'),
    (b"dollar", b'$'),
    (b"equals", b'='),
    (b"excl", b'!'),
    (b"gt", b'>'),
    (b"hyphen", b'-'),
    (b"lbrack", b'['),
    (b"lcub", b'{'),
    (b"lowbar", b'_'),
    (b"lpar", b'('),
    (b"lsqb", b'['),
    (b"lt", b'<'),
    (b"nbsp", b' '),
    (b"NewLine", b'\n'),
    (b"num", b'#'),
    (b"percnt", b'%'),
    (b"period", b'.'),
    (b"plus", b'+'),
    (b"quest", b'?'),
    (b"quot", b'"'),
    (b"rbrack", b']'),
    (b"rcub", b'}'),
    (b"rpar", b')'),
    (b"rsqb", b']'),
    (b"semi", b';'),
    (b"sol", b'/'),
    (b"Tab", b'\t'),
    (b"verbar", b'|'),
];
/// Longest entity without its marks.
const MAX_ENTITY: usize = 10;

fn entity(rest: &[u8]) -> Option<(Piece, usize)> {
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'#';
    let length = rest.iter().take(MAX_ENTITY).take_while(in_name).count();
    let name = rest.get(..length)?;
    let whole = length + 1 + usize::from(rest.get(length) == Some(&b';'));
    if let Some(digits) = name.strip_prefix(b"#") {
        let code = match digits.strip_prefix(b"x").or_else(|| digits.strip_prefix(b"X")) {
            Some(hex) if !hex.is_empty() => number(hex, 0, hex.len(), 16)?,
            None if !digits.is_empty() => number(digits, 0, digits.len(), 10)?,
            _ => return None,
        };
        return Some((Piece::Char(char::from_u32(code)?), whole));
    }
    let (_, byte) = ENTITIES.iter().find(|(known, _)| *known == name)?;
    Some((Piece::Byte(*byte), whole))
}

/// Longest command to a terminal that is left out as a whole.
const MAX_COMMAND: usize = 256;

/// A terminal sequence behind its escape character.
fn terminal(rest: &[u8]) -> (Piece, usize) {
    let length = match rest.first() {
        Some(b'[') => {
            let parameters = rest.iter().skip(1).take(MAX_COMMAND);
            let count = parameters.take_while(|byte| (0x20..0x40).contains(*byte)).count();
            Some(count + 2).filter(|_| {
                rest.get(count + 1)
                    .is_some_and(|byte| (0x40..0x7f).contains(byte))
            })
        }
        Some(b']') => {
            let end = rest
                .iter()
                .take(MAX_COMMAND)
                .position(|byte| matches!(byte, 7 | 0x1b));
            end.map(|at| at + 1 + usize::from(rest.get(at) == Some(&0x1b)))
        }
        Some(b'(' | b')') => Some(2),
        _ => None,
    };
    (Piece::Nothing, 1 + length.unwrap_or_default().min(rest.len()))
}

fn char_at(text: &[u8], at: usize) -> Option<(char, usize)> {
    let bytes = text.get(at..text.len().min(at + 4))?;
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?,
    };
    let c = valid.chars().next()?;
    Some((c, c.len_utf8()))
}

/// The character that a reader sees; nothing for those without width.
fn seen_as(c: char) -> Option<char> {
    match c {
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}' => None,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(' '),
        '\u{2010}'..='\u{2012}' => Some('-'),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        _ => Some(c),
    }
}

/// Lines written together.
fn joined(of: &View) -> Option<View> {
    let text = of.text.as_slice();
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    text.iter().position(ends)?;
    let mut view = View::default();
    let mut begins = false;
    for (at, byte) in text.iter().enumerate() {
        if ends(byte) {
            begins = true;
            while matches!(view.text.last(), Some(b' ' | b'\t')) {
                view.text.pop();
                view.from.pop();
                view.to.pop();
            }
        } else if !begins || !matches!(byte, b' ' | b'\t') {
            begins = false;
            view.push(*byte, of, at, at + 1);
        }
    }
    Some(view)
}

/// `+` as a blank.
fn spaced(of: &View) -> Option<View> {
    let text = of.text.as_slice();
    let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
    let stands = |at: usize| {
        text.get(at) == Some(&b'+')
            && word(at.checked_sub(1).and_then(|before| text.get(before)))
            && word(text.get(at + 1))
    };
    (0..text.len()).find(|at| stands(*at))?;
    let mut view = View::default();
    for (at, byte) in text.iter().enumerate() {
        view.push(if stands(at) { b' ' } else { *byte }, of, at, at + 1);
    }
    Some(view)
}

/// The six bits that a character of base64 stands for, in either alphabet.
pub(crate) const fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// The maximal runs of a kind of bytes that are long enough: first byte and the run.
fn runs(text: &[u8], shortest: usize, of: impl Fn(u8) -> bool) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let start = at + rest.iter().position(|byte| of(*byte))?;
            let rest = text.get(start..)?;
            let length = rest.iter().position(|byte| !of(*byte)).unwrap_or(rest.len());
            at = start + length;
            if length >= shortest {
                return Some((start, rest.get(..length)?));
            }
        }
    })
}

/// The bytes of a run of base64, each with its first character and the end of its last one.
fn base64_bytes(run: &[u8]) -> impl Iterator<Item = (u8, usize, usize)> {
    let sextet = |byte: Option<&u8>| byte.and_then(|byte| sextet(*byte)).unwrap_or_default();
    (0..run.len() * 3 / 4).map(move |nth| {
        let at = nth / 3 * 4 + nth % 3;
        let (high, low) = (sextet(run.get(at)), sextet(run.get(at + 1)));
        let byte = match nth % 3 {
            0 => high << 2 | low >> 4,
            1 => high << 4 | low >> 2,
            _ => high << 6 | low,
        };
        (byte, at, at + 2)
    })
}

/// The same of a run of hex.
fn hex_bytes(run: &[u8]) -> impl Iterator<Item = (u8, usize, usize)> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    let (pairs, _) = run.as_chunks();
    pairs
        .iter()
        .enumerate()
        .map(move |(nth, [high, low])| (digit(*high) << 4 | digit(*low), nth * 2, nth * 2 + 2))
}

/// Whether unpacked bytes hold something that can be read: some ASCII, or nothing but UTF-8. What is
/// taken for readable by chance costs time and, at the last depth, the value.
fn is_readable(bytes: impl Iterator<Item = (u8, usize, usize)>) -> bool {
    let (mut readable, mut expected, mut is_utf8) = (0, 0, true);
    for (byte, ..) in bytes {
        let reads = matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0x1b);
        readable = if reads { readable + 1 } else { 0 };
        if readable >= MIN_READABLE {
            return true;
        }
        (is_utf8, expected) = match (byte, expected) {
            (0x80..=0xbf, 1..) => (is_utf8, expected - 1),
            (0xc2..=0xdf, 0) => (is_utf8, 1),
            (0xe0..=0xef, 0) => (is_utf8, 2),
            (0xf0..=0xf4, 0) => (is_utf8, 3),
            _ => (is_utf8 && reads && expected == 0, 0),
        };
    }
    is_utf8 && expected == 0
}

/// Shows each readable unpacking of a text: the place of its run and alignment, and its bytes.
fn each_packed(text: &[u8], signs: u8, each: &mut dyn FnMut(usize, &mut Unpacking<'_>)) {
    if signs & sign::BASE64 != 0 {
        for (start, run) in runs(text, MIN_BASE64, |byte| sextet(byte).is_some()) {
            for shift in 0..4 {
                let run = run.get(shift..).unwrap_or_default();
                if is_readable(base64_bytes(run)) {
                    each(start + shift, &mut base64_bytes(run));
                }
            }
        }
    }
    if signs & sign::HEX != 0 {
        for (start, run) in runs(text, MIN_HEX, |byte| byte.is_ascii_hexdigit()) {
            for shift in 0..2 {
                let run = run.get(shift..).unwrap_or_default();
                if is_readable(hex_bytes(run)) {
                    each(start + shift, &mut hex_bytes(run));
                }
            }
        }
    }
}

fn is_packed(text: &[u8], signs: u8) -> bool {
    let mut packed = false;
    each_packed(text, signs, &mut |_, _| packed = true);
    packed
}

/// What runs of base64 and hex hold.
fn unpacked(of: &View) -> Option<View> {
    let mut view = View::default();
    each_packed(&of.text, signs(&of.text), &mut |start, bytes| {
        for (byte, first, end) in bytes {
            let reads = byte >= b' ' && byte != 0x7f || matches!(byte, b'\n' | b'\r' | b'\t' | 0x1b);
            view.push(if reads { byte } else { 1 }, of, start + first, start + end);
        }
        let last = view.from.last().copied().unwrap_or_default();
        let end = view.to.last().copied().unwrap_or_default();
        for byte in BETWEEN {
            view.text.push(*byte);
            view.from.push(last);
            view.to.push(end);
        }
    });
    (!view.text.is_empty()).then_some(view)
}

#[cfg(test)]
mod tests;
