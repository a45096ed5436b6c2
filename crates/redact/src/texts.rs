//! Very many texts in little memory: a million names must fit beside a dive.
//!
//! A [`TextMap`] holds each text once, one behind the other in a single string, and a number or two for
//! each. A [`TokenSet`] holds parts of these texts by where they stand, so that a part costs eight bytes.
//! Both are exact: what they say does not depend on a hash.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// Slots for each text, in percent, below which a table grows.
const MIN_SPARE: usize = 125;

fn grows(len: usize, slots: usize) -> bool {
    slots * 100 < (len + 1) * MIN_SPARE
}

/// Texts, each once and with a number; in the order in which they came.
#[derive(Default)]
pub(crate) struct Texts {
    text: String,
    /// Where each text ends.
    ends: Vec<u32>,
    /// A byte of the hash of what is in a slot, or 0 for an empty slot; as many as `slots`, a power of 2.
    tags: Vec<u8>,
    slots: Vec<u32>,
    hasher: RandomState,
}

fn tag_of(hash: u64) -> u8 {
    ((hash >> 56) as u8).max(1)
}

impl Texts {
    /// Where the text of this number begins and ends.
    fn range(&self, at: usize) -> Option<(u32, u32)> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before));
        Some((start.copied().unwrap_or_default(), end))
    }

    /// The text of this number.
    pub(crate) fn at(&self, at: usize) -> &str {
        let (start, end) = self.range(at).unwrap_or_default();
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    fn find(&self, hash: u64, text: &str) -> Result<usize, usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        let tag = tag_of(hash);
        loop {
            match self.tags.get(slot) {
                None | Some(0) => return Err(slot),
                Some(held) if *held == tag => {
                    let at = self.slots.get(slot).map_or(0, |at| *at as usize);
                    if self.at(at) == text {
                        return Ok(at);
                    }
                }
                Some(_) => {}
            }
            slot = (slot + 1) & mask;
        }
    }

    fn number(&self, text: &str) -> Option<usize> {
        if self.ends.is_empty() {
            return None;
        }
        self.find(self.hasher.hash_one(text), text).ok()
    }

    /// The number of a text, which is added if it is not there.
    fn add(&mut self, text: &str) -> Option<usize> {
        if grows(self.ends.len(), self.slots.len()) {
            self.grow();
        }
        let hash = self.hasher.hash_one(text);
        match self.find(hash, text) {
            Ok(at) => Some(at),
            Err(slot) => {
                let end = u32::try_from(self.text.len() + text.len()).ok()?;
                let at = self.ends.len();
                self.text.push_str(text);
                self.ends.push(end);
                self.fill(slot, hash, at);
                Some(at)
            }
        }
    }

    fn slice(&self, start: u32, len: usize) -> &str {
        let start = start as usize;
        self.text.get(start..start + len).unwrap_or_default()
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(16);
        self.tags = vec![0; slots];
        self.slots = vec![0; slots];
        let mask = slots - 1;
        for at in 0..self.ends.len() {
            let hash = self.hasher.hash_one(self.at(at));
            let mut slot = hash as usize & mask;
            while self.tags.get(slot).is_some_and(|tag| *tag != 0) {
                slot = (slot + 1) & mask;
            }
            self.fill(slot, hash, at);
        }
    }

    fn fill(&mut self, slot: usize, hash: u64, at: usize) {
        if let (Some(tag), Some(number)) = (self.tags.get_mut(slot), self.slots.get_mut(slot)) {
            *tag = tag_of(hash);
            *number = at as u32;
        }
    }
}

/// A map from texts to small values; iterated in the order in which the texts came.
pub(crate) struct TextMap<V> {
    texts: Texts,
    values: Vec<V>,
}

impl<V> Default for TextMap<V> {
    fn default() -> Self {
        Self {
            texts: Texts::default(),
            values: Vec::new(),
        }
    }
}

impl<V> TextMap<V> {
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The texts alone.
    pub(crate) fn texts(&self) -> &Texts {
        &self.texts
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.texts.number(text).is_some()
    }

    pub(crate) fn get(&self, text: &str) -> Option<&V> {
        self.values.get(self.texts.number(text)?)
    }

    /// All texts with their values, in the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        let values = self.values.iter().enumerate();
        values.map(|(at, value)| (self.texts.at(at), value))
    }

    /// Gives back the room that was held for more.
    pub(crate) fn shrink(&mut self) {
        self.texts.text.shrink_to_fit();
        self.texts.ends.shrink_to_fit();
        self.values.shrink_to_fit();
    }
}

impl<V: Default> TextMap<V> {
    /// The value of a text, which is added if it is not there; nothing if there is no room for more: four
    /// gigabytes of text.
    pub(crate) fn entry(&mut self, text: &str) -> Option<&mut V> {
        let at = self.texts.add(text)?;
        if at == self.values.len() {
            self.values.push(V::default());
        }
        self.values.get_mut(at)
    }
}

/// In which of the maps of a [`TokenSet`] a part stands: fewer than 8.
pub(crate) type Map = usize;

/// Longest part that is held by its place.
const MAX_LEN: usize = (1 << LEN_BITS) - 1;
const LEN_BITS: u32 = 12;
const MAP_BITS: u32 = 3;
const MARK_BITS: u32 = 3;
const TAG_BITS: u32 = 64 - 32 - LEN_BITS - MAP_BITS - MARK_BITS;

/// Parts of the texts of a few maps, each with marks.
#[derive(Default)]
pub(crate) struct TokenSet {
    /// Start (32 bits), length, map, marks and a part of the hash; a slot without marks is empty.
    slots: Vec<u64>,
    len: usize,
    /// Longer ones.
    long: std::collections::HashMap<Box<str>, u8, RandomState>,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Slot(u64);

impl Slot {
    fn new(start: u32, len: usize, map: Map, marks: u8, hash: u64) -> Self {
        let high = (len as u64) << MAP_BITS | map as u64;
        let high = high << MARK_BITS | u64::from(marks);
        let high = high << TAG_BITS | hash >> (64 - TAG_BITS);
        Self(high << 32 | u64::from(start))
    }

    fn start(self) -> u32 {
        self.0 as u32
    }

    fn marks(self) -> u8 {
        (self.0 >> (32 + TAG_BITS)) as u8 & ((1 << MARK_BITS) - 1)
    }

    fn map(self) -> Map {
        (self.0 >> (32 + TAG_BITS + MARK_BITS)) as usize & ((1 << MAP_BITS) - 1)
    }

    fn len(self) -> usize {
        (self.0 >> (64 - LEN_BITS)) as usize
    }

    fn has_tag(self, hash: u64) -> bool {
        self.0 >> 32 & ((1 << TAG_BITS) - 1) == hash >> (64 - TAG_BITS)
    }

    fn marked(self, marks: u8) -> Self {
        Self(self.0 | u64::from(marks) << (32 + TAG_BITS))
    }
}

impl TokenSet {
    fn find(&self, hash: u64, text: &str, maps: &[&Texts]) -> Result<usize, usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            let Some(slot) = self.slots.get(at).map(|slot| Slot(*slot)) else {
                return Err(at);
            };
            if slot.marks() == 0 {
                return Err(at);
            }
            if slot.len() == text.len()
                && slot.has_tag(hash)
                && maps
                    .get(slot.map())
                    .is_some_and(|map| map.slice(slot.start(), slot.len()) == text)
            {
                return Ok(at);
            }
            at = (at + 1) & mask;
        }
    }

    /// The marks of a text, none if it is not there. `maps` are those of the parts, always the same.
    pub(crate) fn marks(&self, text: &str, maps: &[&Texts]) -> u8 {
        if text.len() > MAX_LEN {
            return self.long.get(text).copied().unwrap_or_default();
        }
        if self.len == 0 {
            return 0;
        }
        let found = self.find(self.hasher.hash_one(text), text, maps);
        let slot = found.ok().and_then(|at| self.slots.get(at));
        slot.map_or(0, |slot| Slot(*slot).marks())
    }

    /// Adds a part of the texts of `maps[map]`: so many bytes from `start`.
    fn add(&mut self, map: Map, start: u32, len: usize, marks: u8, maps: &[&Texts]) {
        let Some(text) = maps.get(map).map(|map| map.slice(start, len)) else {
            return;
        };
        if len > MAX_LEN {
            *self.long.entry(text.into()).or_default() |= marks;
            return;
        }
        if grows(self.len, self.slots.len()) {
            self.grow(maps);
        }
        let hash = self.hasher.hash_one(text);
        match self.find(hash, text, maps) {
            Ok(at) => {
                if let Some(slot) = self.slots.get_mut(at) {
                    *slot = Slot(*slot).marked(marks).0;
                }
            }
            Err(at) => {
                if let Some(slot) = self.slots.get_mut(at) {
                    *slot = Slot::new(start, len, map, marks, hash).0;
                    self.len += 1;
                }
            }
        }
    }

    fn grow(&mut self, maps: &[&Texts]) {
        let slots = (self.slots.len() * 2).max(16);
        let held = std::mem::replace(&mut self.slots, vec![0; slots]);
        let mask = slots - 1;
        for slot in held.into_iter().map(Slot).filter(|slot| slot.marks() != 0) {
            let map = maps.get(slot.map());
            let text = map.map_or("", |map| map.slice(slot.start(), slot.len()));
            let mut at = self.hasher.hash_one(text) as usize & mask;
            while self.slots.get(at).is_some_and(|held| Slot(*held).marks() != 0) {
                at = (at + 1) & mask;
            }
            if let Some(free) = self.slots.get_mut(at) {
                *free = slot.0;
            }
        }
    }

    /// Adds parts of the `nth` text of `maps[map]`, given as slices of it.
    pub(crate) fn add_parts<'p>(
        &mut self,
        map: Map,
        nth: usize,
        parts: impl IntoIterator<Item = (&'p str, u8)>,
        maps: &[&Texts],
    ) {
        let texts = maps.get(map);
        let Some((held, (start, _))) = texts.and_then(|texts| Some((texts.at(nth), texts.range(nth)?)))
        else {
            return;
        };
        for (part, marks) in parts {
            let offset = part.as_ptr().addr().checked_sub(held.as_ptr().addr());
            let inside = offset.filter(|offset| offset + part.len() <= held.len());
            debug_assert!(inside.is_some(), "a part of the text itself");
            let Some(offset) = inside.and_then(|offset| u32::try_from(offset).ok()) else {
                continue;
            };
            self.add(map, start + offset, part.len(), marks, maps);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_map_is_as_one_of_the_standard_library(
            texts in proptest::collection::vec("[ab]{0,4}|é[ab]{0,2}", 0..200),
            asked in proptest::collection::vec("[abc]{0,4}", 0..20),
        ) {
            let (mut map, mut plain) = (TextMap::<u64>::default(), HashMap::<String, u64>::new());
            for text in &texts {
                *map.entry(text).expect("room") += 1;
                *plain.entry(text.clone()).or_default() += 1;
            }
            prop_assert_eq!(map.len(), plain.len());
            for text in texts.iter().chain(&asked) {
                prop_assert_eq!(map.get(text), plain.get(text));
            }
            let held: HashMap<String, u64> = map.iter().map(|(text, count)| (text.to_owned(), *count)).collect();
            prop_assert_eq!(held, plain);
        }

        #[test]
        fn tokens_are_found_by_their_text(
            texts in proptest::collection::vec("[ab]{1,3}(/[abé]{1,3}){0,3}", 1..100),
            asked in proptest::collection::vec("[ab]{0,4}", 0..20),
        ) {
            let mut maps = [TextMap::<u64>::default(), TextMap::default()];
            for (nth, text) in texts.iter().enumerate() {
                maps[nth % 2].entry(text).expect("room");
            }
            let maps = [maps[0].texts(), maps[1].texts()];
            let (mut tokens, mut plain) = (TokenSet::default(), HashMap::<String, u8>::new());
            for (which, map) in maps.iter().enumerate() {
                for nth in 0..map.ends.len() {
                    let text = map.at(nth);
                    let mark = 1 << (nth % 3);
                    tokens.add_parts(which, nth, text.split('/').map(|part| (part, mark)), &maps);
                    for part in text.split('/') {
                        *plain.entry(part.to_owned()).or_default() |= mark;
                    }
                }
            }
            for text in plain.keys().chain(&asked) {
                prop_assert_eq!(tokens.marks(text, &maps), plain.get(text).copied().unwrap_or_default());
            }
        }
    }

    #[test]
    fn long_texts_are_held_too() {
        let mut map = TextMap::<u64>::default();
        let long = "a".repeat(MAX_LEN + 1);
        map.entry(&long).expect("room");
        map.entry(&long[1..]).expect("room");
        let mut tokens = TokenSet::default();
        for nth in 0..2 {
            let text = map.texts().at(nth);
            tokens.add_parts(0, nth, [(text, 1)], &[map.texts()]);
        }
        assert_eq!(tokens.marks(&long, &[map.texts()]), 1);
        assert_eq!(tokens.marks(&long[1..], &[map.texts()]), 1);
        assert_eq!(tokens.marks(&long[2..], &[map.texts()]), 0);
    }
}
