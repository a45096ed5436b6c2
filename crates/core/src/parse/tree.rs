//! A validated line as a tree whose values know their text.

use simd_json::{Buffers, Node as TapeNode};

use crate::Limits;
use crate::sink::Reason;

/// A value and its text in the line.
pub(super) struct Node<'a> {
    pub(super) raw: &'a str,
    pub(super) value: Value<'a>,
}

/// A JSON value; strings are unescaped, numbers as written.
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(&'a str),
    Array(Vec<Node<'a>>),
    Object(Vec<(&'a str, Node<'a>)>),
}

/// As [`parse_any`], for a line: only an object is a record.
pub(super) fn parse<'a>(
    text: &'a str,
    copy: &'a mut Vec<u8>,
    buffers: &mut Buffers,
    limits: &Limits,
) -> Result<Node<'a>, Reason> {
    let node = parse_any(text, copy, buffers, limits)?;
    if matches!(node.value, Value::Object(_)) {
        Ok(node)
    } else {
        Err(Reason::Unparsable)
    }
}

/// Validates `text` and builds its tree. `copy` is overwritten: the parser unescapes in place.
pub(super) fn parse_any<'a>(
    text: &'a str,
    copy: &'a mut Vec<u8>,
    buffers: &mut Buffers,
    limits: &Limits,
) -> Result<Node<'a>, Reason> {
    copy.clear();
    copy.extend_from_slice(text.as_bytes());
    let tape = simd_json::to_tape_with_buffers(copy, buffers).map_err(|error| match error.error() {
        simd_json::ErrorType::DepthLimitExceeded => Reason::Depth,
        _ => Reason::Unparsable,
    })?;
    if tape.0.len() > limits.max_nodes {
        return Err(Reason::Nodes);
    }
    let mut walk = Walk {
        text,
        at: 0,
        nodes: tape.0.as_slice().iter(),
        max_depth: limits.max_depth,
    };
    walk.node(0)
}

/// Walks the tape and the text side by side. The text is known to be valid JSON, so finding where a
/// value ends needs no grammar; a disagreement of the two makes the line unparsable.
struct Walk<'a, 't> {
    text: &'a str,
    at: usize,
    nodes: std::slice::Iter<'t, TapeNode<'a>>,
    max_depth: usize,
}

impl<'a> Walk<'a, '_> {
    fn node(&mut self, depth: usize) -> Result<Node<'a>, Reason> {
        if depth > self.max_depth {
            return Err(Reason::Depth);
        }
        self.skip_blanks();
        let start = self.at;
        let value = match self.nodes.next().ok_or(Reason::Unparsable)? {
            TapeNode::String(text) => {
                self.skip_string()?;
                Value::String(text)
            }
            TapeNode::Static(value) => {
                let raw = self.skip_scalar();
                match value {
                    simd_json::StaticNode::Null => Value::Null,
                    simd_json::StaticNode::Bool(yes) => Value::Bool(*yes),
                    _ => Value::Number(raw),
                }
            }
            TapeNode::Array { len, .. } => {
                self.expect(b'[')?;
                let mut items = Vec::with_capacity((*len).min(1024));
                for index in 0..*len {
                    if index > 0 {
                        self.expect(b',')?;
                    }
                    items.push(self.node(depth + 1)?);
                }
                self.expect(b']')?;
                Value::Array(items)
            }
            TapeNode::Object { len, .. } => {
                self.expect(b'{')?;
                let mut entries = Vec::with_capacity((*len).min(1024));
                for index in 0..*len {
                    if index > 0 {
                        self.expect(b',')?;
                    }
                    self.skip_blanks();
                    let Some(TapeNode::String(key)) = self.nodes.next() else {
                        return Err(Reason::Unparsable);
                    };
                    self.skip_string()?;
                    self.expect(b':')?;
                    entries.push((*key, self.node(depth + 1)?));
                }
                self.expect(b'}')?;
                Value::Object(entries)
            }
        };
        let raw = self.text.get(start..self.at).ok_or(Reason::Unparsable)?;
        Ok(Node { raw, value })
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Reason> {
        self.skip_blanks();
        if self.byte() != Some(byte) {
            return Err(Reason::Unparsable);
        }
        self.at += 1;
        Ok(())
    }

    fn skip_string(&mut self) -> Result<(), Reason> {
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let found = memchr::memchr2(b'"', b'\\', rest).ok_or(Reason::Unparsable)?;
            if rest.get(found) == Some(&b'"') {
                self.at += found + 1;
                return Ok(());
            }
            self.at += found + 2;
        }
    }

    fn skip_scalar(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest
            .bytes()
            .take_while(|byte| !matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }
}
