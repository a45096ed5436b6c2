//! Where the fields of a line stand, without a value of any.
//!
//! First all quotes and marks outside of strings are found, 64 bytes at a time as simdjson does it; then
//! a walk over these places checks the grammar and notes each key and value. It takes less than the
//! parser does (what is doubtful is nothing), and never more: a line that it takes is valid JSON.

use std::iter::{Copied, Peekable};
use std::slice::Iter;

use wide::u8x64;

use crate::Limits;

/// Bytes that are looked at together.
const BLOCK: usize = 64;
/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 32;
/// Longest line that is looked at: the parser does no worse on the few beyond.
const MAX_LINE: usize = 1 << 20;

/// A range of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    /// A string without escapes; its text is what stands between its quotes.
    Plain,
    /// A string with escapes.
    Escaped,
    Object,
    /// A list of objects, at least one.
    Objects,
    /// Any other list.
    List,
}

/// A member of an object. Those of its value follow it, for a list of objects those of all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) key: Span,
    /// The value as it stands in the line, with quotes.
    pub(super) value: Span,
    pub(super) kind: Kind,
    /// The first entry that is not below this one.
    pub(super) next: u32,
}

impl Entry {
    /// The text of a string without escapes.
    pub(super) fn text(self, line: &[u8]) -> &[u8] {
        let quoted = self.value.of(line);
        quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
    }
}

/// The entries of a line, in order.
#[derive(Debug, Default)]
pub(super) struct Index {
    places: Vec<u32>,
    /// Where backslashes stand that begin an escape.
    escapes: Vec<u32>,
    pub(super) entries: Vec<Entry>,
}

/// A container that is not yet closed.
#[derive(Clone, Copy)]
struct Open {
    /// Its entry; none for the line itself and within lists.
    entry: Option<u32>,
    list: bool,
    /// Whether everything in it so far is an object.
    objects: bool,
    empty: bool,
}

const CLOSED: Open = Open {
    entry: None,
    list: false,
    objects: true,
    empty: true,
};

impl Index {
    /// The entries of a line that is one object; `None` if it is none, or in doubt.
    pub(super) fn read(&mut self, line: &[u8], limits: &Limits) -> Option<&[Entry]> {
        self.entries.clear();
        if line.len() > MAX_LINE {
            return None;
        }
        self.find_places(line)?;
        // Each node has a place of its own.
        if self.places.len() + 2 > limits.max_nodes {
            return None;
        }
        let walk = Walk {
            line,
            places: self.places.iter(),
            escapes: self.escapes.iter().copied().peekable(),
        };
        walk.run(&mut self.entries, limits.max_depth.min(MAX_DEPTH))?;
        Some(&self.entries)
    }

    /// Notes quotes and escapes, and marks outside of strings.
    fn find_places(&mut self, line: &[u8]) -> Option<()> {
        self.places.clear();
        self.escapes.clear();
        let mut masks = Masks::default();
        let (blocks, rest) = line.as_chunks::<BLOCK>();
        let mut start = 0;
        for block in blocks {
            let found = masks.of(block, start, &mut self.escapes);
            push(&mut self.places, start, found);
            start += BLOCK as u32;
        }
        if !rest.is_empty() {
            let mut block = [b' '; BLOCK];
            block.get_mut(..rest.len())?.copy_from_slice(rest);
            let found = masks.of(&block, start, &mut self.escapes);
            push(&mut self.places, start, found);
        }
        let whole = masks.inside == 0 && masks.controls == 0;
        let text = masks.beyond_ascii == 0 || std::str::from_utf8(line).is_ok();
        (whole && text).then_some(())
    }
}

fn push(places: &mut Vec<u32>, start: u32, mut found: u64) {
    places.reserve(BLOCK);
    while found != 0 {
        places.push(start + found.trailing_zeros());
        found &= found - 1;
    }
}

/// What is carried from block to block.
#[derive(Default)]
struct Masks {
    /// All ones within a string.
    inside: u64,
    /// Whether the first byte is escaped.
    escaped: u64,
    /// Bytes within strings that only stand there escaped.
    controls: u64,
    beyond_ascii: u64,
}

impl Masks {
    /// The places in one block.
    #[inline]
    fn of(&mut self, block: &[u8; BLOCK], start: u32, escapes: &mut Vec<u32>) -> u64 {
        let bytes = u8x64::new(*block);
        let is = |byte: u8| bytes.simd_eq(u8x64::splat(byte));
        let quotes = is(b'"').to_bitmask();
        let backslashes = is(b'\\').to_bitmask();
        let control = bytes.min(u8x64::splat(0x1f)).simd_eq(bytes).to_bitmask();
        self.beyond_ascii |= bytes.to_bitmask();
        // `[` and `{`, `]` and `}` differ in one bit alone.
        let folded = bytes | u8x64::splat(0x20);
        let marks =
            is(b',') | is(b':') | folded.simd_eq(u8x64::splat(b'{')) | folded.simd_eq(u8x64::splat(b'}'));
        let escaped = if backslashes == 0 && self.escaped == 0 {
            0
        } else {
            self.escaped(backslashes, start, escapes)
        };
        let quotes = quotes & !escaped;
        let inside = prefix_xor(quotes) ^ self.inside;
        self.inside = if inside >> 63 == 0 { 0 } else { u64::MAX };
        self.controls |= control & inside;
        quotes | marks.to_bitmask() & !inside
    }

    /// Bytes that a backslash stands before, unless that is escaped itself.
    #[cold]
    fn escaped(&mut self, mut backslashes: u64, start: u32, escapes: &mut Vec<u32>) -> u64 {
        let mut escaped = self.escaped;
        backslashes &= !escaped;
        self.escaped = 0;
        while backslashes != 0 {
            let at = backslashes & backslashes.wrapping_neg();
            escapes.push(start + at.trailing_zeros());
            if at == 1 << 63 {
                self.escaped = 1;
            }
            escaped |= at << 1;
            backslashes &= !(at | at << 1);
        }
        escaped
    }
}

/// Each bit, and those before it, added without carry: ones from each quote to the next.
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

struct Walk<'l> {
    line: &'l [u8],
    places: Iter<'l, u32>,
    escapes: Peekable<Copied<Iter<'l, u32>>>,
}

impl Walk<'_> {
    fn run(mut self, entries: &mut Vec<Entry>, max_depth: usize) -> Option<()> {
        let mut stack = [CLOSED; MAX_DEPTH + 1];
        let mut depth = 0;
        let first = self.place()?;
        if first != 0 || self.byte(first)? != b'{' || max_depth == 0 {
            return None;
        }
        let mut open = CLOSED;
        // The end of what was read last, and the entry that waits for its value.
        let mut end = 1;
        loop {
            let mut place = self.place()?;
            let mut byte = self.byte(place)?;
            let mut entry = None;
            let closes =
                open.empty && self.is_blank(end, place) && byte == if open.list { b']' } else { b'}' };
            if !closes {
                if !open.list {
                    if byte != b'"' || !self.is_blank(end, place) {
                        return None;
                    }
                    let quote = self.place()?;
                    let key = Span {
                        start: place + 1,
                        end: quote,
                    };
                    // The few keys with escapes are left to the parser.
                    if self.next_escape(key).is_some() {
                        return None;
                    }
                    let colon = self.place()?;
                    if self.byte(colon)? != b':' || !self.is_blank(quote + 1, colon) {
                        return None;
                    }
                    end = colon + 1;
                    place = self.place()?;
                    byte = self.byte(place)?;
                    entry = u32::try_from(entries.len()).ok();
                    entries.push(Entry {
                        key,
                        value: Span { start: end, end },
                        kind: Kind::Null,
                        next: entries.len() as u32 + 1,
                    });
                }
                open.empty = false;
                open.objects &= byte == b'{';
                match byte {
                    b'"' => {
                        let quote = self.place()?;
                        let value = Span {
                            start: place,
                            end: quote + 1,
                        };
                        if !self.is_blank(end, place) {
                            return None;
                        }
                        let kind = self.string(value)?;
                        set(entries, entry, value, kind);
                        end = quote + 1;
                        place = self.place()?;
                    }
                    b'{' | b'[' => {
                        if depth + 1 >= max_depth || !self.is_blank(end, place) {
                            return None;
                        }
                        *stack.get_mut(depth)? = open;
                        depth += 1;
                        open = Open {
                            entry,
                            list: byte == b'[',
                            ..CLOSED
                        };
                        if let Some(entry) = entry.and_then(|entry| entries.get_mut(entry as usize)) {
                            entry.value.start = place;
                        }
                        end = place + 1;
                        continue;
                    }
                    _ => {
                        let (value, kind) = self.scalar(end, place)?;
                        set(entries, entry, value, kind);
                        end = place;
                    }
                }
            }
            // What follows a value: more, or the ends of containers.
            loop {
                let byte = self.byte(place)?;
                if !self.is_blank(end, place) {
                    return None;
                }
                end = place + 1;
                if byte == b',' {
                    break;
                }
                if byte != if open.list { b']' } else { b'}' } {
                    return None;
                }
                let Some(outer) = depth.checked_sub(1) else {
                    let whole = end as usize == self.line.len() && self.places.next().is_none();
                    return whole.then_some(());
                };
                let next = entries.len() as u32;
                if let Some(entry) = open.entry.and_then(|entry| entries.get_mut(entry as usize)) {
                    entry.value.end = end;
                    entry.next = next;
                    entry.kind = match (open.list, open.objects && !open.empty) {
                        (false, _) => Kind::Object,
                        (true, true) => Kind::Objects,
                        (true, false) => Kind::List,
                    };
                }
                depth = outer;
                open = *stack.get(depth)?;
                place = self.place()?;
            }
        }
    }

    fn place(&mut self) -> Option<u32> {
        self.places.next().copied()
    }

    fn byte(&self, place: u32) -> Option<u8> {
        self.line.get(place as usize).copied()
    }

    fn is_blank(&self, start: u32, end: u32) -> bool {
        start == end || Span { start, end }.of(self.line).iter().all(|byte| blank(*byte))
    }

    /// The first escape within a string. Strings are asked about in order.
    fn next_escape(&mut self, string: Span) -> Option<u32> {
        while self.escapes.next_if(|at| *at < string.start).is_some() {}
        self.escapes.peek().copied().filter(|at| *at < string.end)
    }

    fn string(&mut self, value: Span) -> Option<Kind> {
        let Some(start) = self.next_escape(value) else {
            return Some(Kind::Plain);
        };
        let text = Span { start, ..value }.of(self.line);
        are_escapes(text).then_some(Kind::Escaped)
    }

    /// The number or word before a mark.
    fn scalar(&self, start: u32, end: u32) -> Option<(Span, Kind)> {
        let around = Span { start, end }.of(self.line);
        let before = around.iter().take_while(|byte| blank(**byte)).count();
        let after = around.iter().rev().take_while(|byte| blank(**byte)).count();
        let text = around.get(before..around.len().checked_sub(after)?)?;
        let kind = match text {
            b"null" => Kind::Null,
            b"true" | b"false" => Kind::Bool,
            number => is_number(number).then_some(Kind::Number)?,
        };
        let value = Span {
            start: start + before as u32,
            end: end - after as u32,
        };
        Some((value, kind))
    }
}

fn set(entries: &mut [Entry], at: Option<u32>, value: Span, kind: Kind) {
    if let Some(entry) = at.and_then(|at| entries.get_mut(at as usize)) {
        entry.value = value;
        entry.kind = kind;
    }
}

fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Whether every escape of a text is one. Halves of characters beyond 16 bits are left to the parser.
fn are_escapes(mut text: &[u8]) -> bool {
    while let Some(at) = memchr::memchr(b'\\', text) {
        let used = match text.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = text.get(at + 2..at + 6).unwrap_or_default();
                let is_half = matches!(digits, [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
                if digits.len() != 4 || is_half || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return false;
                }
                6
            }
            _ => return false,
        };
        text = text.get(at + used..).unwrap_or_default();
    }
    true
}

/// Whether a text is a number of a size about which nobody could be of two minds.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || whole > 18 || whole > 1 && text.first() == Some(&b'0') {
        return false;
    }
    let mut rest = text.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let len = digits(fraction);
        if len == 0 || len > 32 {
            return false;
        }
        rest = fraction.get(len..).unwrap_or_default();
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', exponent @ ..] | exponent => exponent,
        };
        let len = digits(exponent);
        if len == 0 || len > 2 {
            return false;
        }
        rest = exponent.get(len..).unwrap_or_default();
    }
    rest.is_empty()
}
