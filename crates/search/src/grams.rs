//! Many long needles: one probe every few bytes.
//!
//! If no needle is shorter than `m`, each occurrence covers one of the positions `0, s, 2s, …` with
//! `s = m - 3` by four whole bytes of its first `s + 3`. So four bytes are looked up at every `s`-th
//! position only, and whatever is not among the needles' own fours ends there.

use std::collections::HashMap;

use super::Hit;

/// Bytes looked up at once.
const GRAM: usize = 4;
/// Needles shorter than this would have to be probed for too densely.
pub(crate) const MIN_LENGTH: usize = 7;
/// From here on probes lie so far apart that they cost less than a pass in vectors.
pub(crate) const FAR_LENGTH: usize = 12;
/// Up to so many grams a small table is nearly empty.
const MAX_SMALL: usize = 2048;
const SMALL_BITS: u32 = 16;
const LARGE_BITS: u32 = 22;

#[derive(Debug)]
pub(crate) struct Grams {
    needles: Vec<(usize, Box<[u8]>)>,
    stride: usize,
    table: Table,
    /// Where a gram stands: needle and offset.
    places: HashMap<u32, Vec<(u32, u32)>, foldhash::fast::FixedState>,
}

/// A set of hashes, with false members.
#[derive(Debug)]
enum Table {
    /// A byte for each hash: the fastest look-up.
    Small(Box<[bool]>),
    /// A bit for each hash.
    Large(Box<[u64]>),
}

/// Four bytes with letters in lower case; other bytes may fall together, which the comparison settles.
fn folded(bytes: [u8; GRAM]) -> u32 {
    u32::from_le_bytes(bytes) | 0x2020_2020
}

/// Multiplicative hashing; the upper bits are the good ones.
fn hash(gram: u32, bits: u32) -> usize {
    (gram.wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize
}

fn gram_at(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..)?.first_chunk().map(|bytes| folded(*bytes))
}

impl Grams {
    /// Needles of [`MIN_LENGTH`] at least, with their numbers.
    pub(crate) fn new(needles: &[(usize, &str)]) -> Self {
        let shortest = needles
            .iter()
            .map(|(_, text)| text.len())
            .min()
            .unwrap_or(MIN_LENGTH);
        let stride = (shortest + 1).saturating_sub(GRAM).max(1);
        let mut places: HashMap<u32, Vec<(u32, u32)>, _> = HashMap::default();
        for (nth, (_, text)) in needles.iter().enumerate() {
            for offset in 0..stride {
                if let Some(gram) = gram_at(text.as_bytes(), offset) {
                    places.entry(gram).or_default().push((nth as u32, offset as u32));
                }
            }
        }
        let table = if places.len() <= MAX_SMALL {
            let mut table = vec![false; 1 << SMALL_BITS].into_boxed_slice();
            for gram in places.keys() {
                if let Some(place) = table.get_mut(hash(*gram, SMALL_BITS)) {
                    *place = true;
                }
            }
            Table::Small(table)
        } else {
            let mut table = vec![0u64; (1 << LARGE_BITS) / 64].into_boxed_slice();
            for gram in places.keys() {
                let bit = hash(*gram, LARGE_BITS);
                if let Some(word) = table.get_mut(bit / 64) {
                    *word |= 1 << (bit % 64);
                }
            }
            Table::Large(table)
        };
        let needles = needles
            .iter()
            .map(|(number, text)| (*number, text.as_bytes().into()))
            .collect();
        Self {
            needles,
            stride,
            table,
            places,
        }
    }

    /// The first needle found at a probe at or behind `from`.
    pub(crate) fn find(
        &self,
        text: &[u8],
        from: usize,
        confirm: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Option<Hit> {
        match &self.table {
            Table::Small(table) => {
                let table: Option<&[bool; 1 << SMALL_BITS]> = table.first_chunk();
                // With its length in its type, no look-up needs a check.
                let table = table?;
                self.probe(text, from, confirm, |gram| {
                    table.get(hash(gram, SMALL_BITS)).is_some_and(|found| *found)
                })
            }
            Table::Large(table) => self.probe(text, from, confirm, |gram| {
                let bit = hash(gram, LARGE_BITS);
                table
                    .get(bit / 64)
                    .is_some_and(|word| word >> (bit % 64) & 1 == 1)
            }),
        }
    }

    #[expect(clippy::inline_always, reason = "the table's look-up belongs into the loop")]
    #[inline(always)]
    fn probe(
        &self,
        text: &[u8],
        from: usize,
        confirm: &mut dyn FnMut(usize, usize) -> bool,
        known: impl Fn(u32) -> bool,
    ) -> Option<Hit> {
        let stride = self.stride;
        let mut at = from;
        loop {
            // Four probes before one decision, while there is room for them.
            while let Some(window) = text.get(at..at + 3 * stride + GRAM) {
                let is_known = |offset: usize| gram_at(window, offset).is_some_and(&known);
                if is_known(0) | is_known(stride) | is_known(2 * stride) | is_known(3 * stride) {
                    break;
                }
                at += 4 * stride;
            }
            for _ in 0..4 {
                let gram = gram_at(text, at)?;
                if known(gram)
                    && let Some(hit) = self.stands_around(text, at, gram, from, confirm)
                {
                    return Some(hit);
                }
                at += stride;
            }
        }
    }

    fn stands_around(
        &self,
        text: &[u8],
        at: usize,
        gram: u32,
        from: usize,
        confirm: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Option<Hit> {
        for (nth, offset) in self.places.get(&gram)? {
            let Some((number, needle)) = self.needles.get(*nth as usize) else {
                continue;
            };
            let Some(start) = at.checked_sub(*offset as usize).filter(|start| *start >= from) else {
                continue;
            };
            let stands = text
                .get(start..start + needle.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(needle));
            if stands && confirm(*number, start) {
                return Some(Hit::Needle { at: start });
            }
        }
        None
    }
}
