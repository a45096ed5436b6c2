//! Few needles, and the escapes: four bytes at a time against eight buckets.
//!
//! For each of four neighbouring bytes two tables of sixteen entries, one for each half of the byte, say
//! which buckets it may belong to; only where all eight agree on a bucket is anything compared. One
//! vector instruction looks up 32 bytes in a table: the method is known as Teddy, from Hyperscan. The
//! vectors leave out the upper halves of all but the first byte: nearly all text has few of them, so
//! they tell little for what they cost. Both cases of a letter are in the tables, so text needs no folding.
//!
//! Two buckets are the escapes'; the needles share the other six, each with its rarest four bytes. Of more
//! needles than that suits, others have a pass of their own, without escapes and with all eight buckets.

use super::{Hit, is_plain};

/// Bytes that are looked at together, at most.
const WIDTH: usize = 4;
/// Bytes that an escape is told by at least, and a needle that is not [short](Fingerprints::short).
const SURE: usize = 3;
const BUCKETS: usize = 8;
/// Of the buckets the last two.
const PERCENT: usize = 6;
const JSON: usize = 7;

#[derive(Debug)]
pub(crate) struct Fingerprints {
    tables: Tables,
    needles: [Vec<Needle>; BUCKETS],
    vectors: bool,
    /// Whether some needle has fewer than [`SURE`] bytes.
    short: bool,
}

#[derive(Debug)]
struct Needle {
    number: usize,
    text: Box<[u8]>,
    /// Where its fingerprint begins in it.
    window: usize,
}

/// For each position, and each value of a half byte, the buckets it may belong to.
#[derive(Clone, Debug, Default)]
struct Tables {
    low: [[u8; 16]; WIDTH],
    high: [[u8; 16]; WIDTH],
}

impl Tables {
    fn allow(&mut self, bucket: usize, position: usize, byte: u8) {
        let bit = 1 << bucket;
        if let (Some(low), Some(high)) = (self.low.get_mut(position), self.high.get_mut(position)) {
            low[usize::from(byte & 15)] |= bit;
            high[usize::from(byte >> 4)] |= bit;
        }
    }

    /// Buckets to which the first bytes may belong; behind the end stand zeros.
    fn buckets(&self, text: &[u8]) -> u8 {
        let mut bits = 0xff;
        for (position, (low, high)) in self.low.iter().zip(&self.high).enumerate() {
            let byte = text.get(position).copied().unwrap_or(0);
            bits &= low[usize::from(byte & 15)] & high[usize::from(byte >> 4)];
        }
        bits
    }
}

impl Fingerprints {
    /// Needles with their numbers, and `escapes` if they are to be found as well.
    pub(crate) fn new(needles: &[(usize, &str)], escapes: bool) -> Self {
        let mut tables = Tables::default();
        for position in (0..WIDTH).filter(|_| escapes) {
            let (percent, json): (&dyn Fn(u8) -> bool, u8) = match position {
                0 => (&|byte| byte == b'%', b'\\'),
                1 => (&|byte| (b'2'..=b'7').contains(&byte), b'u'),
                2 => (&|byte: u8| byte.is_ascii_hexdigit(), b'0'),
                _ => (&|_| true, b'0'),
            };
            tables.allow(JSON, position, json);
            (0..=255)
                .filter(|byte| percent(*byte))
                .for_each(|byte| tables.allow(PERCENT, position, byte));
        }
        let mut all: Vec<Needle> = needles
            .iter()
            .map(|(number, text)| Needle::new(*number, text))
            .collect();
        // Alike fingerprints share a bucket: their tables then let less through that is neither.
        all.sort_by(|a, b| a.fingerprint().cmp(b.fingerprint()));
        let mut shares: [Vec<Needle>; BUCKETS] = Default::default();
        let (count, buckets) = (all.len(), if escapes { PERCENT } else { BUCKETS });
        for (nth, needle) in all.into_iter().enumerate() {
            let bucket = nth * buckets / count;
            for position in 0..WIDTH {
                match needle.fingerprint().get(position) {
                    Some(byte) => {
                        tables.allow(bucket, position, *byte);
                        tables.allow(bucket, position, byte.to_ascii_uppercase());
                    }
                    None => (0..=255).for_each(|byte| tables.allow(bucket, position, byte)),
                }
            }
            if let Some(share) = shares.get_mut(bucket) {
                share.push(needle);
            }
        }
        Self {
            tables,
            short: needles.iter().any(|(_, text)| text.len() < SURE),
            needles: shares,
            vectors: has_vectors(),
        }
    }

    /// The first needle whose fingerprint, or escape that, begins at or behind `from`, and behind what
    /// `cursor` has passed.
    pub(crate) fn find(
        &self,
        text: &[u8],
        from: usize,
        cursor: &mut Cursor,
        confirm: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Option<Hit> {
        let passed = from.saturating_sub(cursor.block);
        cursor.next = cursor.next.max(from);
        cursor.likely &= u64::MAX.checked_shl(passed as u32).unwrap_or(0);
        loop {
            while cursor.likely != 0 {
                let place = cursor.block + cursor.likely.trailing_zeros() as usize;
                cursor.likely &= cursor.likely - 1;
                if let Some(hit) = self.check(text, place, from, cursor.needles_only, confirm) {
                    return Some(hit);
                }
            }
            (cursor.block, cursor.likely) = self.block(text, cursor.next)?;
            cursor.next = cursor.block + BLOCK;
        }
    }

    /// What stands at `at`, if anything does.
    fn check(
        &self,
        text: &[u8],
        at: usize,
        from: usize,
        needles_only: bool,
        confirm: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Option<Hit> {
        let here = text.get(at..)?;
        if here.first().copied().is_some_and(is_lead) {
            // No needle has one.
            return (!needles_only && may_hide(here)).then_some(Hit::Escape { at });
        }
        let buckets = self.tables.buckets(here);
        for (bucket, needles) in self.needles.iter().enumerate() {
            if buckets >> bucket & 1 == 0 {
                continue;
            }
            for needle in needles {
                let Some(start) = at.checked_sub(needle.window).filter(|start| *start >= from) else {
                    continue;
                };
                let stands = text
                    .get(start..start + needle.text.len())
                    .is_some_and(|found| found.eq_ignore_ascii_case(&needle.text));
                if stands && confirm(needle.number, start) {
                    return Some(Hit::Needle { at: start });
                }
            }
        }
        None
    }

    /// The first block at or behind `at` in which something may stand: where it begins, and a bit for
    /// each of its bytes.
    fn block(&self, text: &[u8], mut at: usize) -> Option<(usize, u64)> {
        #[cfg(target_arch = "x86_64")]
        if let Some((reached, likely)) = self.vector_block(text, at) {
            if likely != 0 {
                return Some((reached, likely));
            }
            // The end, with as much behind it as is looked at together.
            let rest = text.get(reached..).filter(|rest| !rest.is_empty())?;
            let mut padded = [0; avx2::WINDOW];
            padded.get_mut(..rest.len())?.copy_from_slice(rest);
            let (_, likely) = self.vector_block(&padded, 0)?;
            let likely = likely & u64::MAX >> BLOCK.saturating_sub(rest.len());
            if likely != 0 {
                return Some((reached, likely));
            }
            at = reached + BLOCK;
        }
        while at < text.len() {
            let mut likely = 0;
            for (offset, start) in (at..text.len().min(at + BLOCK)).enumerate() {
                let buckets = text.get(start..).map_or(0, |text| self.tables.buckets(text));
                likely |= u64::from(buckets != 0) << offset;
            }
            if likely != 0 {
                return Some((at, likely));
            }
            at += BLOCK;
        }
        None
    }

    /// The same in vectors, up to where less than a window is left; `None` on a processor without them.
    #[cfg(target_arch = "x86_64")]
    fn vector_block(&self, text: &[u8], at: usize) -> Option<(usize, u64)> {
        self.vectors.then(|| {
            if self.short {
                // SAFETY: `vectors` says that this processor has AVX2.
                unsafe { avx2::block::<1>(&self.tables, text, at) }
            } else {
                // SAFETY: the same.
                unsafe { avx2::block::<SURE>(&self.tables, text, at) }
            }
        })
    }
}

/// Bytes of a block.
const BLOCK: usize = 64;

/// How far a search has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    /// Where the last block begins.
    block: usize,
    /// The bytes of it that may begin something and were not yet looked at.
    likely: u64,
    /// Where the next block begins.
    next: usize,
    /// Whether escapes do not count.
    needles_only: bool,
}

impl Cursor {
    pub(crate) fn for_needles() -> Self {
        Self {
            needles_only: true,
            ..Self::default()
        }
    }
}

fn has_vectors() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Whether an escape begins here that could hide a needle: it stands for a plain character, or for one
/// that begins an escape of such a one together with what follows. (If what follows is hidden as well,
/// an escape behind this one tells.)
fn may_hide(text: &[u8]) -> bool {
    let Some((byte, rest)) = escaped(text) else {
        return false;
    };
    let stands_for = |byte| is_plain(byte) || is_lead(byte);
    match (byte, rest) {
        (b'%', [high, low, ..]) | (b'\\', [b'u', b'0', b'0', high, low, ..]) => {
            hex(*high, *low).is_some_and(stands_for)
        }
        _ => is_plain(byte),
    }
}

/// The byte that an escape stands for, and what follows it.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'%', high, low, rest @ ..] | [b'\\', b'u', b'0', b'0', high, low, rest @ ..] => {
            Some((hex(*high, *low)?, rest))
        }
        _ => None,
    }
}

fn is_lead(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\')
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| char::from(byte).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}

impl Needle {
    fn new(number: usize, text: &str) -> Self {
        let bytes = text.as_bytes();
        let width = bytes.len().min(WIDTH);
        let weight = |start: usize| -> u32 {
            bytes
                .iter()
                .skip(start)
                .take(width)
                .map(|byte| u32::from(commonness(*byte)))
                .sum()
        };
        let window = (0..=bytes.len() - width)
            .min_by_key(|start| weight(*start))
            .unwrap_or(0);
        Self {
            number,
            text: bytes.into(),
            window,
        }
    }

    fn fingerprint(&self) -> &[u8] {
        let end = (self.window + WIDTH).min(self.text.len());
        self.text.get(self.window..end).unwrap_or_default()
    }
}

/// How often a byte occurs in logs, roughly: digits are everywhere, then the common letters.
fn commonness(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => 9,
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b'd' | b'_' | b'.' => 6,
        b'c' | b'l' | b'u' | b'm' | b'p' | b'-' => 4,
        b'j' | b'q' | b'x' | b'z' | b'k' | b'w' | b'v' | b'y' => 1,
        _ => 3,
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! The same look-up for 32 bytes at once.

    use std::arch::x86_64::{
        __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8,
        _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256,
        _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_testz_si256,
    };

    use super::{BLOCK, Tables, WIDTH};

    /// Bytes that tell of each byte of a block what it may begin.
    pub(super) const WINDOW: usize = BLOCK + WIDTH - 1;
    /// Bytes looked up at once.
    const VECTOR: usize = 32;

    #[target_feature(enable = "avx2")]
    fn vector(bytes: &[u8; VECTOR]) -> __m256i {
        // SAFETY: the reference is to 32 readable bytes; the load asks for no alignment.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    /// Sixteen bytes, twice.
    #[target_feature(enable = "avx2")]
    fn table(bytes: &[u8; 16]) -> __m256i {
        // SAFETY: the reference is to 16 readable bytes; the load asks for no alignment.
        let half = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
        _mm256_broadcastsi128_si256(half)
    }

    /// Goes on to the first block in which something may stand, or to where less than a window
    /// is left; says where it stopped, and which bytes may begin something.
    ///
    /// The first `S` bytes of everything that is looked for are ASCII. A look-up takes a byte's lower half
    /// and finds nothing for one that is not ASCII, so only those behind, which may be any, need a mask.
    #[target_feature(enable = "avx2")]
    pub(super) fn block<const S: usize>(tables: &Tables, text: &[u8], mut at: usize) -> (usize, u64) {
        let low = tables.low.each_ref().map(|bytes| table(bytes));
        let high = table(&tables.high[0]);
        let halves = _mm256_set1_epi8(15);
        let zero = _mm256_setzero_si256();
        while let Some(window) = text.get(at..).and_then(<[u8]>::first_chunk::<WINDOW>) {
            let buckets = |offset: usize| {
                let mut bits = _mm256_set1_epi8(-1);
                for (position, low) in low.iter().enumerate() {
                    let Some(bytes) = window.get(offset + position..).and_then(<[u8]>::first_chunk) else {
                        return zero;
                    };
                    let mut bytes = vector(bytes);
                    if position == 0 {
                        let shifted = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), halves);
                        bits = _mm256_shuffle_epi8(high, shifted);
                    }
                    if position >= S {
                        bytes = _mm256_and_si256(bytes, halves);
                    }
                    bits = _mm256_and_si256(bits, _mm256_shuffle_epi8(*low, bytes));
                }
                bits
            };
            let (first, second) = (buckets(0), buckets(VECTOR));
            let either = _mm256_or_si256(first, second);
            if _mm256_testz_si256(either, either) == 0 {
                let likely =
                    |bits| u64::from(!_mm256_movemask_epi8(_mm256_cmpeq_epi8(bits, zero)).cast_unsigned());
                return (at, likely(first) | likely(second) << VECTOR);
            }
            at += BLOCK;
        }
        (at, 0)
    }
}
