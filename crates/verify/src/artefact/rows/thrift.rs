//! Thrift's compact protocol, as far as Parquet's metadata needs it.
//!
//! What a file says is read, what it must say is computed, and both are compared as bytes: so there is
//! no field that is skipped, and no second way to write one.

#![expect(
    clippy::cast_sign_loss,
    reason = "numbers of a file are compared as its encoding has them"
)]

/// A value. Integers keep their width.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    I16(i64),
    I32(i64),
    I64(i64),
    Binary(Vec<u8>),
    /// With the type of its elements.
    List(u8, Vec<Value>),
    Struct(Vec<(i16, Value)>),
}

pub(super) const BOOL: u8 = 1;
pub(super) const I32: u8 = 5;
pub(super) const I64: u8 = 6;
pub(super) const BINARY: u8 = 8;
const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;
/// Deeper than Parquet's metadata goes.
const MAX_DEPTH: usize = 12;

pub(super) fn text(text: &str) -> Value {
    Value::Binary(text.as_bytes().to_vec())
}

impl Value {
    /// A field of a struct.
    pub(super) fn field(&self, id: i16) -> Option<&Self> {
        let Self::Struct(fields) = self else {
            return None;
        };
        fields.iter().find(|(at, _)| *at == id).map(|(_, value)| value)
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        if let Self::List(_, values) = self {
            Some(values)
        } else {
            None
        }
    }

    /// An integer that is not negative.
    pub(super) fn unsigned(&self) -> Option<u64> {
        match self {
            Self::I16(n) | Self::I32(n) | Self::I64(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    pub(super) fn binary(&self) -> Option<&[u8]> {
        if let Self::Binary(bytes) = self {
            Some(bytes)
        } else {
            None
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Bool(true) => 1,
            Self::Bool(false) => 2,
            Self::I16(_) => 4,
            Self::I32(_) => I32,
            Self::I64(_) => I64,
            Self::Binary(_) => BINARY,
            Self::List(..) => LIST,
            Self::Struct(_) => STRUCT,
        }
    }

    /// The bytes of a value.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bool(yes) => out.push(if *yes { 1 } else { 2 }),
            Self::I16(n) | Self::I32(n) | Self::I64(n) => varint(out, ((n << 1) ^ (n >> 63)) as u64),
            Self::Binary(bytes) => {
                varint(out, bytes.len() as u64);
                out.extend_from_slice(bytes);
            }
            Self::List(of, values) => {
                if values.len() < 15 {
                    out.push((values.len() as u8) << 4 | of);
                } else {
                    out.push(0xf0 | of);
                    varint(out, values.len() as u64);
                }
                for value in values {
                    value.encode(out);
                }
            }
            Self::Struct(fields) => {
                let mut last = 0;
                for (id, value) in fields {
                    if let Ok(step @ 1..=15) = u8::try_from(id - last) {
                        out.push(step << 4 | value.kind());
                    } else {
                        out.push(value.kind());
                        Self::I16(i64::from(*id)).encode(out);
                    }
                    last = *id;
                    if !matches!(value, Self::Bool(_)) {
                        value.encode(out);
                    }
                }
                out.push(0);
            }
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    /// Reads a struct from the beginning of `bytes`, and how long it is.
    pub(super) fn read_struct(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut reader = Reader { rest: bytes };
        let value = reader.value(STRUCT, 0)?;
        Some((value, bytes.len() - reader.rest.len()))
    }
}

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(n);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let n = self.varint()?;
        Some((n >> 1).cast_signed() ^ -(n & 1).cast_signed())
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(head)
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        Some(match kind {
            4 => Value::I16(self.zigzag()?),
            I32 => Value::I32(self.zigzag()?),
            I64 => Value::I64(self.zigzag()?),
            BINARY => {
                let length = self.varint()?;
                Value::Binary(self.take(length)?.to_vec())
            }
            LIST => {
                let head = self.byte()?;
                let of = head & 0xf;
                let count = match head >> 4 {
                    15 => self.varint()?,
                    few => u64::from(few),
                };
                // Each element takes a byte at least.
                if count > self.rest.len() as u64 {
                    return None;
                }
                let element = |reader: &mut Self| match of {
                    1 | 2 => reader.byte().map(|byte| Value::Bool(byte == 1)),
                    _ => reader.value(of, depth + 1),
                };
                let values = (0..count).map(|_| element(self)).collect::<Option<_>>()?;
                Value::List(of, values)
            }
            STRUCT => {
                let mut fields = Vec::new();
                let mut last = 0i16;
                loop {
                    let head = self.byte()?;
                    if head == 0 {
                        break Value::Struct(fields);
                    }
                    let id = match head >> 4 {
                        0 => i16::try_from(self.zigzag()?).ok()?,
                        step => last.checked_add(i16::from(step))?,
                    };
                    let value = match head & 0xf {
                        1 => Value::Bool(true),
                        2 => Value::Bool(false),
                        kind => self.value(kind, depth + 1)?,
                    };
                    fields.push((id, value));
                    last = id;
                }
            }
            _ => return None,
        })
    }
}
