//! JSON with positions, for requests only: small texts, clear errors, duplicate keys refused.

use super::node::{Entry, Node, Value};

/// Deepest nesting; a request needs five levels.
const MAX_DEPTH: usize = 32;

/// Why and where the text is no JSON object.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) reason: &'static str,
}

/// Reads one JSON object.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    if reader.peek() != Some('{') {
        return Err(reader.fault("a request in JSON is an object"));
    }
    let node = reader.value(0)?;
    reader.space();
    if reader.peek().is_some() {
        return Err(reader.fault("text after the end of the object"));
    }
    Ok(node)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn fault(&self, reason: &'static str) -> Fault {
        Fault { at: self.at, reason }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node, Fault> {
        if depth > MAX_DEPTH {
            return Err(self.fault("nested too deeply"));
        }
        let at = self.at;
        let value = match self.peek() {
            Some('{') => Value::Table(self.table(depth)?),
            Some('[') => Value::List(self.list(depth)?),
            Some('"') => Value::Text(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            _ if self.word("true") => Value::Bool(true),
            _ if self.word("false") => Value::Bool(false),
            _ if self.word("null") => Value::Null,
            None => return Err(self.fault("the text ends too early")),
            Some(_) => return Err(self.fault("expected a JSON value")),
        };
        Ok(Node { at, value })
    }

    fn table(&mut self, depth: usize) -> Result<Vec<Entry>, Fault> {
        let mut entries: Vec<Entry> = Vec::new();
        self.take();
        self.space();
        if self.word("}") {
            return Ok(entries);
        }
        loop {
            self.space();
            let at = self.at;
            if self.peek() != Some('"') {
                return Err(self.fault("expected a key in double quotes"));
            }
            let key = self.string()?;
            if entries.iter().any(|entry| entry.key == key) {
                return Err(Fault {
                    at,
                    reason: "duplicate key",
                });
            }
            self.space();
            if !self.word(":") {
                return Err(self.fault("expected `:` after the key"));
            }
            self.space();
            entries.push(Entry {
                at,
                key,
                node: self.value(depth + 1)?,
            });
            self.space();
            if self.word("}") {
                return Ok(entries);
            }
            if !self.word(",") {
                return Err(self.fault("expected `,` or `}`"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        self.take();
        self.space();
        if self.word("]") {
            return Ok(items);
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            if self.word("]") {
                return Ok(items);
            }
            if !self.word(",") {
                return Err(self.fault("expected `,` or `]`"));
            }
        }
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let rest = self.rest();
        let end = rest
            .find(|letter: char| !matches!(letter, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .unwrap_or(rest.len());
        let number = rest.get(..end).unwrap_or_default().to_owned();
        let digits = number.strip_prefix('-').unwrap_or(&number);
        let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
        let leading_zero = whole > 1 && digits.starts_with('0');
        if whole == 0 || leading_zero || number.parse::<f64>().is_err() || digits.ends_with('.') {
            return Err(self.fault("not a number as JSON writes it"));
        }
        self.at += end;
        Ok(if whole == digits.len() {
            Value::Integer(number.parse().ok())
        } else {
            Value::Float
        })
    }

    fn string(&mut self) -> Result<String, Fault> {
        let mut out = String::new();
        self.take();
        loop {
            let at = self.at;
            match self.take() {
                None => return Err(self.fault("a string without its end")),
                Some('"') => return Ok(out),
                Some('\\') => out.push(self.escape().ok_or(Fault {
                    at,
                    reason: "not an escape that JSON knows",
                })?),
                Some(control) if control < ' ' => {
                    return Err(Fault {
                        at,
                        reason: "a control character in a string",
                    });
                }
                Some(letter) => out.push(letter),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.take()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            same @ ('"' | '\\' | '/') => same,
            'u' => {
                let first = self.hex()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                if !self.word("\\u") {
                    return None;
                }
                let second = self.hex()?.checked_sub(0xdc00).filter(|&low| low < 0x400)?;
                return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second);
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        self.at += 4;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Node, Value, parse};

    fn plain(node: &Node) -> serde_json::Value {
        match &node.value {
            Value::Bool(yes) => (*yes).into(),
            Value::Float => 0.5.into(),
            Value::Integer(number) => (*number).into(),
            Value::List(items) => items.iter().map(plain).collect(),
            Value::Null | Value::Time(_) => serde_json::Value::Null,
            Value::Table(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), plain(&entry.node)))
                .collect(),
            Value::Text(text) => text.as_str().into(),
        }
    }

    #[test]
    fn broken_texts_point_at_the_fault() {
        for (text, at) in [
            ("[]", 0),
            ("{\"a\":1}x", 7),
            ("{\"a\" 1}", 5),
            ("{\"a\":01}", 5),
            ("{\"a\":1.}", 5),
            ("{\"a\":1,}", 7),
            ("{\"a\":\"\\q\"}", 6),
            ("{\"a\":\"\\ud800\"}", 6),
            ("{\"a\":\"\u{1}\"}", 6),
            ("{\"a\":1,\"a\":2}", 7),
            ("{\"a\":", 5),
            ("{\"a\":\"b", 7),
            ("{\"a\":[1 2]}", 8),
        ] {
            assert_eq!(parse(text).err().map(|fault| fault.at), Some(at), "{text}");
        }
        assert!(parse(&("{\"a\":".repeat(40) + "1" + &"}".repeat(40))).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in prop_oneof![
            "\\{\"[a-b\\\\nu0-9]{0,6}\":[\\[\\]{}\":,0-9a-e.\\-]{0,12}\\}",
            "\\{\"a\":\\PC{0,10}\\}",
        ]) {
            match (parse(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                (Ok(node), Ok(value)) => {
                    let floats = value.to_string().contains(['.', 'e']);
                    prop_assert!(floats || plain(&node) == value, "{text}");
                }
                (Err(_), Err(_)) => {}
                // serde_json keeps the last of two equal keys.
                (Err(fault), Ok(_)) => prop_assert_eq!(fault.reason, "duplicate key"),
                (Ok(_), Err(_)) => {
                    // serde_json has no place for a number beyond f64.
                    prop_assert!(text.contains(['e', 'E']), "{text}");
                }
            }
        }
    }
}
