//! Choices that the input makes: it decides everything, there is no other randomness.

use arbitrary::Unstructured;

/// The input as a series of choices. When it is used up, every choice is the first one.
pub(crate) struct Draw<'a>(Unstructured<'a>);

impl<'a> Draw<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(Unstructured::new(data))
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.int_in_range(0..=end.saturating_sub(1)).unwrap_or(0)
    }

    /// True once in `times`.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) + 1 == times
    }

    /// One of the items.
    pub(crate) fn of<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        &items[self.below(items.len())]
    }

    /// One of the texts.
    pub(crate) fn text_of(&mut self, items: &[&'static str]) -> &'static str {
        items[self.below(items.len())]
    }

    /// Up to `most` bytes as they are.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let count = self.below(most + 1).min(self.0.len());
        self.0.bytes(count).unwrap_or_default()
    }

    /// Up to `most` bytes of any text.
    pub(crate) fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(self.bytes(most)).into_owned()
    }

    /// Letters and digits, `length` of them.
    pub(crate) fn word(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        (0..length).map(|_| char::from(*self.of(LETTERS))).collect()
    }

    /// What is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0.take_rest()
    }
}

/// A JSON string, quotes included, in which some characters hide behind escapes.
pub(crate) fn json_string(draw: &mut Draw<'_>, text: &str) -> String {
    let style = draw.below(6);
    let mut out = String::from("\"");
    for c in text.chars() {
        let hide = match style {
            0 | 1 => false,
            2 => true,
            _ => draw.one_in(4),
        };
        match c {
            '/' if style == 3 => out.push_str("\\/"),
            _ if hide && draw.one_in(2) => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04X}"))),
            _ if hide => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\u{0}'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Percent-encoding of some characters; `layers` times, so that `a` may become `%2561`.
pub(crate) fn percent(draw: &mut Draw<'_>, text: &str, always: &str) -> String {
    let style = draw.below(3);
    let mut out = String::new();
    for byte in text.bytes() {
        let hide = !byte.is_ascii() || always.as_bytes().contains(&byte) || style == 2 && draw.one_in(3);
        match hide {
            true if style == 1 => out.push_str(&format!("%{byte:02x}")),
            true => out.push_str(&format!("%{byte:02X}")),
            false => out.push(char::from(byte)),
        }
    }
    out
}

/// Some letters in the other case.
pub(crate) fn recase(draw: &mut Draw<'_>, text: &str) -> String {
    match draw.below(4) {
        0 | 1 => text.to_owned(),
        2 => text.to_ascii_uppercase(),
        _ => text.chars().map(|c| if draw.one_in(2) { c.to_ascii_uppercase() } else { c }).collect(),
    }
}
