//! What a reader could make of a record: its strings and keys, decoded in every way, again and again.

use std::collections::HashSet;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::DecodePaddingMode;

/// Every text that was found, in lower case.
pub(crate) struct Views(HashSet<String>);

const DEPTH: usize = 3;

const OWN_ROOTS: [&str; 2] = ["acmecorp/", "acmelabs/"];

impl Views {
    pub(crate) fn of(value: &serde_json::Value) -> Self {
        let mut views = Self(HashSet::new());
        views.walk(value);
        views
    }

    /// Whether a text in lower case stands in any view.
    pub(crate) fn hold(&self, text: &str) -> bool {
        self.0.iter().any(|view| view.contains(text))
    }

    /// Whether an identity in lower case stands in any view, with nothing before or behind it that would
    /// make it another. Tolerated: a part of a path in the customer's own namespace, whatever they call it.
    pub(crate) fn name(&self, text: &str) -> bool {
        let inner = |c: char| c.is_alphanumeric();
        self.0.iter().any(|view| {
            view.match_indices(text).any(|(at, _)| {
                let (before, rest) = view.split_at(at);
                let behind = rest.get(text.len()..).unwrap_or_default();
                let path = before.rsplit(|c: char| !inner(c) && !matches!(c, '/' | '-' | '_' | '.')).next().unwrap_or_default();
                let own = OWN_ROOTS.iter().any(|root| path.trim_start_matches('/').starts_with(root)) && !path.contains("/-/");
                !before.ends_with(inner) && !behind.starts_with(inner) && !own
            })
        })
    }

    fn walk(&mut self, value: &serde_json::Value) {
        match value {
            serde_json::Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            serde_json::Value::Object(entries) => {
                for (key, value) in entries {
                    self.add(key, DEPTH);
                    self.walk(value);
                }
            }
            serde_json::Value::String(text) => self.add(text, DEPTH),
            other => self.add(&other.to_string(), 0),
        }
    }

    fn add(&mut self, text: &str, depth: usize) {
        if !self.0.insert(text.to_lowercase()) || depth == 0 {
            return;
        }
        let mut decoded = vec![percent(text), entities(text), escapes(text), visible(text)];
        for run in text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '-' | '_' | '=')) {
            if run.len() >= 8 {
                decoded.extend(base64(run));
                decoded.extend(hex(run));
            }
        }
        for view in decoded {
            if view != text {
                self.add(&view, depth - 1);
            }
        }
    }
}

/// A run at each alignment, in both alphabets, with and without its path-like parts.
fn base64(run: &str) -> Vec<String> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true);
    let mut out = Vec::new();
    for alphabet in [&STANDARD, &URL_SAFE] {
        let engine = GeneralPurpose::new(alphabet, config);
        for start in 0..4 {
            let part = run.get(start..).unwrap_or_default().trim_end_matches('=');
            let part = part.get(..part.len() - usize::from(part.len() % 4 == 1)).unwrap_or_default();
            if let Ok(bytes) = engine.decode(part) {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if text.chars().filter(|c| c.is_ascii_graphic()).count() >= 6 {
                    out.push(text);
                }
            }
        }
    }
    out
}

fn hex(run: &str) -> Option<String> {
    let digits: Vec<u8> = run.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn percent(text: &str) -> String {
    undo(text, |rest| {
        let digits = rest.strip_prefix('%')?.get(..2)?;
        Some((3, u32::from(u8::from_str_radix(digits, 16).ok()?)))
    })
}

fn escapes(text: &str) -> String {
    undo(text, |rest| {
        let digits = rest.strip_prefix("\\u")?.get(..4)?;
        Some((6, u32::from_str_radix(digits, 16).ok()?))
    })
}

fn entities(text: &str) -> String {
    undo(text, |rest| {
        let (digits, _) = rest.strip_prefix("&#")?.split_once(';')?;
        let code = match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => digits.parse().ok()?,
        };
        Some((digits.len() + 3, code))
    })
}

fn undo(text: &str, decode: impl Fn(&str) -> Option<(usize, u32)>) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (used, code) = decode(rest).unwrap_or((c.len_utf8(), u32::from(c)));
        match u8::try_from(code) {
            Ok(byte) if used > 1 && byte >= 0x80 => bytes.push(byte),
            _ => bytes.extend(char::from_u32(code).unwrap_or('?').to_string().into_bytes()),
        }
        rest = rest.get(used..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Without characters that do not show.
fn visible(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')).collect()
}
