//! A strict reader of one output record: a flat JSON object without a byte to spare.
//!
//! Whitespace, nested values, duplicate keys and trailing bytes are refused, since each of them
//! could carry something that no rule looks at. Numbers are kept as they are written.

use std::borrow::Cow;
use std::collections::HashSet;

/// A value of an output record.
#[derive(Clone, PartialEq)]
pub(crate) enum Scalar<'a> {
    Bool,
    Null,
    Number(&'a str),
    String(Cow<'a, str>),
}

/// A field of an output record.
pub(crate) struct Field<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: Scalar<'a>,
}

/// What is wrong with the form of a record: the rule, and the field's position from 1 if known.
pub(crate) struct Malformed {
    pub(crate) rule: &'static str,
    pub(crate) position: usize,
}

/// More fields than any source has; keeps the work per record bounded.
const MAX_FIELDS: usize = 4096;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// Reads the fields in order.
pub(crate) fn read(record: &[u8]) -> Result<Vec<Field<'_>>, Malformed> {
    let syntax = |position| Malformed {
        rule: "closure.syntax",
        position,
    };
    let text = std::str::from_utf8(record).map_err(|_| Malformed {
        rule: "closure.utf8",
        position: 0,
    })?;
    let mut reader = Reader { text, at: 0 };
    let mut fields: Vec<Field<'_>> = Vec::with_capacity(32);
    reader.expect(b'{').ok_or(syntax(0))?;
    if reader.expect(b'}').is_none() {
        loop {
            let position = fields.len() + 1;
            if position > MAX_FIELDS {
                return Err(Malformed {
                    rule: "closure.too_many_fields",
                    position,
                });
            }
            let key = reader.string().ok_or(syntax(position))?;
            reader.expect(b':').ok_or(syntax(position))?;
            let value = reader.scalar().map_err(|rule| Malformed { rule, position })?;
            fields.push(Field { key, value });
            if reader.expect(b',').is_none() {
                reader.expect(b'}').ok_or(syntax(position))?;
                break;
            }
        }
    }
    if reader.at != text.len() {
        return Err(Malformed {
            rule: "closure.trailing_bytes",
            position: fields.len(),
        });
    }
    match duplicate(&fields) {
        Some(position) => Err(Malformed {
            rule: "closure.duplicate_key",
            position,
        }),
        None => Ok(fields),
    }
}

/// A member of an object as it is written: its key between the quotes, and its value.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
}

/// The members of a flat object without a byte to spare, as they are written.
pub(crate) fn members(text: &str) -> Result<Vec<Member<'_>>, Malformed> {
    let malformed = |rule, position| Malformed { rule, position };
    let mut reader = Reader { text, at: 0 };
    let mut members = Vec::new();
    reader.expect(b'{').ok_or(malformed("closure.syntax", 0))?;
    if reader.expect(b'}').is_none() {
        loop {
            let position = members.len() + 1;
            let syntax = || malformed("closure.syntax", position);
            if position > MAX_FIELDS {
                return Err(malformed("closure.too_many_fields", position));
            }
            let from = reader.at;
            reader.string().ok_or_else(syntax)?;
            let key = text.get(from + 1..reader.at - 1).ok_or_else(syntax)?;
            reader.expect(b':').ok_or_else(syntax)?;
            let from = reader.at;
            reader.scalar().map_err(|rule| malformed(rule, position))?;
            let value = text.get(from..reader.at).ok_or_else(syntax)?;
            members.push(Member { key, value });
            if reader.expect(b',').is_none() {
                reader.expect(b'}').ok_or_else(syntax)?;
                break;
            }
        }
    }
    if reader.at == text.len() {
        Ok(members)
    } else {
        Err(malformed("closure.trailing_bytes", members.len()))
    }
}

/// The text of a string or number as it is written; nothing for another value.
pub(crate) fn scalar_text(value: &str) -> Option<String> {
    match (Reader { text: value, at: 0 }).scalar().ok()? {
        Scalar::String(text) => Some(text.into_owned()),
        Scalar::Number(text) => Some(text.to_owned()),
        Scalar::Bool | Scalar::Null => None,
    }
}

fn duplicate(fields: &[Field<'_>]) -> Option<usize> {
    if fields.len() <= 16 {
        return (1..fields.len())
            .find(|&n| {
                let (before, from) = fields.split_at(n);
                from.first()
                    .is_some_and(|field| before.iter().any(|other| other.key == field.key))
            })
            .map(|n| n + 1);
    }
    let mut seen = HashSet::with_capacity_and_hasher(fields.len(), foldhash::fast::RandomState::default());
    fields
        .iter()
        .position(|field| !seen.insert(field.key.as_ref()))
        .map(|n| n + 1)
}

fn ends_plain(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// Where the first byte stands that a string does not hold as it is, eight bytes at a time.
///
/// Each term has the high bit of the bytes that it looks for, and perhaps of some behind the first of them, to
/// which the subtraction borrows: the lowest bit is always right.
fn plain_end(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word & (ONES << 7);
    let is = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..)?.first_chunk() {
        let word = u64::from_le_bytes(*chunk);
        let found = is(word, b'"') | is(word, b'\\') | below(word, 0x20);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    Some(at + rest.iter().position(|byte| ends_plain(*byte))?)
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn scalar(&mut self) -> Result<Scalar<'a>, &'static str> {
        const SYNTAX: &str = "closure.syntax";
        match self.peek().ok_or(SYNTAX)? {
            b'"' => self.string().map(Scalar::String).ok_or(SYNTAX),
            b'{' | b'[' => Err("closure.nested_value"),
            b'n' => self.word("null").map(|()| Scalar::Null).ok_or(SYNTAX),
            b't' => self.word("true").map(|()| Scalar::Bool).ok_or(SYNTAX),
            b'f' => self.word("false").map(|()| Scalar::Bool).ok_or(SYNTAX),
            _ => self.number().map(Scalar::Number).ok_or(SYNTAX),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.rest().starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
        let mut end = usize::from(bytes.first() == Some(&b'-'));
        let whole = digits(end);
        if whole == 0 || (whole > 1 && bytes.get(end) == Some(&b'0')) {
            return None;
        }
        end += whole;
        if bytes.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            if fraction == 0 {
                return None;
            }
            end += 1 + fraction;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let signed = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + signed);
            if exponent == 0 {
                return None;
            }
            end += 1 + signed + exponent;
        }
        self.at += end;
        rest.get(..end)
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.expect(b'"')?;
        let rest = self.rest();
        let plain = plain_end(rest.as_bytes())?;
        match rest.as_bytes().get(plain)? {
            b'"' => {
                self.at += plain + 1;
                rest.get(..plain).map(Cow::Borrowed)
            }
            b'\\' => self.escaped().map(Cow::Owned),
            _ => None,
        }
    }

    fn escaped(&mut self) -> Option<String> {
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let plain = plain_end(rest.as_bytes())?;
            out.push_str(rest.get(..plain)?);
            self.at += plain + 1;
            match rest.as_bytes().get(plain)? {
                b'"' => return Some(out),
                b'\\' => {}
                _ => return None,
            }
            let escape = self.peek()?;
            self.at += 1;
            out.push(match escape {
                b'"' | b'\\' | b'/' => escape.into(),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => self.unicode()?,
                _ => return None,
            });
        }
    }

    fn unicode(&mut self) -> Option<char> {
        let high = self.hex4()?;
        if !(0xd800..0xe000).contains(&high) {
            return char::from_u32(high);
        }
        self.word("\\u")?;
        let low = self.hex4()?;
        char::decode_utf16([u16::try_from(high).ok()?, u16::try_from(low).ok()?])
            .next()?
            .ok()
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> &'static str {
        read(text.as_bytes()).err().map_or("", |malformed| malformed.rule)
    }

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#"{"a":"x\u0041\ud83d\ude00\/\n","b":-1.5e3,"c":null,"d":true,"e":false,"f":"","é":"ü"}"#;
        let fields = read(text.as_bytes()).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_str(text).expect("valid JSON");
        assert_eq!(fields.len(), json.as_object().map_or(0, serde_json::Map::len));
        for field in &fields {
            if let Scalar::String(text) = &field.value {
                assert_eq!(
                    json.get(field.key.as_ref()).and_then(|v| v.as_str()),
                    Some(text.as_ref())
                );
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn strings_end_where_the_first_special_byte_is(
            bytes in proptest::collection::vec(proptest::prelude::prop_oneof![
                proptest::prelude::any::<u8>(),
                proptest::sample::select(vec![b'"', b'\\', 0, 0x1f, 0x20, 0x21, 0x7f, 0x80, 0xa0, 0xff]),
                0x20u8..0x22,
                proptest::prelude::Just(b'a'),
            ], 0..40),
        ) {
            proptest::prop_assert_eq!(plain_end(&bytes), bytes.iter().position(|byte| ends_plain(*byte)));
        }
    }

    #[test]
    fn refuses_every_spare_byte() {
        for (text, want) in [
            ("", "closure.syntax"),
            ("{", "closure.syntax"),
            ("[]", "closure.syntax"),
            (r#"{"a":1} "#, "closure.trailing_bytes"),
            (r#"{"a":1}{"b":2}"#, "closure.trailing_bytes"),
            (r#" {"a":1}"#, "closure.syntax"),
            (r#"{"a": 1}"#, "closure.syntax"),
            (r#"{"a":1,}"#, "closure.syntax"),
            (r#"{"a":1 ,"b":2}"#, "closure.syntax"),
            (r#"{"a":{}}"#, "closure.nested_value"),
            (r#"{"a":["b"]}"#, "closure.nested_value"),
            (r#"{"a":1,"a":1}"#, "closure.duplicate_key"),
            (r#"{"a":1,"\u0061":1}"#, "closure.duplicate_key"),
            (r#"{"a":"\ud800"}"#, "closure.syntax"),
            (r#"{"a":"\x41"}"#, "closure.syntax"),
            (r#"{"a":"\u+041"}"#, "closure.syntax"),
            (r#"{"a":01}"#, "closure.syntax"),
            (r#"{"a":1.}"#, "closure.syntax"),
            (r#"{"a":NaN}"#, "closure.syntax"),
            (r#"{"a":nul}"#, "closure.syntax"),
            ("{\"a\":\"\n\"}", "closure.syntax"),
            (r#"{"a":"b"#, "closure.syntax"),
            (r"{a:1}", "closure.syntax"),
        ] {
            assert_eq!(rule(text), want, "{text}");
        }
        assert!(matches!(
            read(b"{\"a\":\"\xff\"}"),
            Err(Malformed {
                rule: "closure.utf8",
                ..
            })
        ));
    }
}
