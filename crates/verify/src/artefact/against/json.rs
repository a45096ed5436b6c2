//! JSON with nothing lost, and documents that hold records.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// JSON with every member of every object, duplicate keys too, and numbers as text.
pub(super) enum Every {
    List(Vec<Every>),
    Number(String),
    Object(Members),
    Other,
    Text(String),
}

pub(super) type Members = Vec<(String, Every)>;

impl<'de> serde::Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EveryVisitor)
    }
}

struct EveryVisitor;

impl<'de> Visitor<'de> for EveryVisitor {
    type Value = Every;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Every, E> {
        Ok(Every::Other)
    }

    fn visit_unit<E>(self) -> Result<Every, E> {
        Ok(Every::Other)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Every, E> {
        Ok(Every::Number(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Every, E> {
        Ok(Every::Number(number.to_string()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Every, E> {
        Ok(Every::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Every, E> {
        Ok(Every::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Every, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Every::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Every, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Every::Object(members))
    }
}

/// A document whose records are in a list under one of `keys`, or which is such a list, or is itself a
/// record. Records are handed on one by one, so that only one is in memory.
pub(super) struct Document<'d> {
    pub(super) keys: &'d [&'d str],
    /// Bytes that the next value may take.
    pub(super) budget: &'d Cell<u64>,
    /// Takes an object's members; whether to go on.
    pub(super) then: &'d mut dyn FnMut(&Members) -> bool,
    pub(super) limit: u64,
}

impl Document<'_> {
    fn hand_on(&mut self, value: Every) -> Result<(), &'static str> {
        self.budget.set(self.limit);
        match value {
            Every::Object(members) if !(self.then)(&members) => Err("stopped"),
            _ => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            self.hand_on(item).map_err(A::Error::custom)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut others = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if self.keys.contains(&key.as_str()) {
                map.next_value_seed(Records(&mut *self))?;
            } else {
                others.push((key, map.next_value()?));
            }
        }
        // What stands around the records is learned from as well: that can only add.
        self.hand_on(Every::Object(others)).map_err(A::Error::custom)
    }
}

/// The value under a key of records: usually the list.
struct Records<'a, 'd>(&'a mut Document<'d>);

impl<'de> DeserializeSeed<'de> for Records<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            self.0.hand_on(item).map_err(A::Error::custom)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let value = EveryVisitor.visit_map(map)?;
        self.0.hand_on(value).map_err(A::Error::custom)
    }
}

/// A reader that ends with an error once a value has taken more than its budget.
pub(super) struct Budgeted<'b, R> {
    pub(super) inner: R,
    pub(super) budget: &'b Cell<u64>,
}

impl<R: Read> Read for Budgeted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let left = self
            .budget
            .get()
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other("a value is too long"))?;
        self.budget.set(left);
        Ok(count)
    }
}
