//! Few needles, and the escapes: four bytes at a time against eight buckets.
//!
//! For each of four neighbouring bytes two tables of sixteen entries, one for each half of the byte, say
//! which buckets it may belong to; only where all eight agree on a bucket is anything compared. One
//! vector instruction looks up 32 bytes in a table: the method is known as Teddy, from Hyperscan. Both
//! cases of a letter are in the tables, so text needs no folding.
//!
//! Two buckets are the escapes'; the needles share the other six, each with its rarest four bytes.

use super::{Hit, is_plain};

/// Bytes that are looked at together, at most.
const WIDTH: usize = 4;
/// Of needles with a bucket each three bytes tell enough, and cost a quarter less.
const NARROW: usize = 3;
/// Of eight buckets the last two.
const PERCENT: usize = 6;
const JSON: usize = 7;

#[derive(Debug)]
pub(crate) struct Fingerprints {
    tables: Tables,
    needles: [Vec<Needle>; PERCENT],
    vectors: bool,
    /// Bytes that are looked at together.
    width: usize,
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

    /// Buckets to which the bytes at `at` may belong; behind the end stand zeros.
    fn buckets(&self, text: &[u8], at: usize) -> u8 {
        let mut bits = 0xff;
        for (position, (low, high)) in self.low.iter().zip(&self.high).enumerate() {
            let byte = text.get(at + position).copied().unwrap_or(0);
            bits &= low[usize::from(byte & 15)] & high[usize::from(byte >> 4)];
        }
        bits
    }
}

impl Fingerprints {
    /// Needles with their numbers.
    pub(crate) fn new(needles: &[(usize, &str)]) -> Self {
        let mut tables = Tables::default();
        let width = if needles.len() <= PERCENT { NARROW } else { WIDTH };
        for position in 0..WIDTH {
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
            .map(|(number, text)| Needle::new(*number, text, width))
            .collect();
        // Alike fingerprints share a bucket: their tables then let less through that is neither.
        all.sort_by(|a, b| a.fingerprint().cmp(b.fingerprint()));
        let mut shares: [Vec<Needle>; PERCENT] = Default::default();
        let count = all.len();
        for (nth, needle) in all.into_iter().enumerate() {
            let bucket = nth * PERCENT / count;
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
            needles: shares,
            vectors: has_vectors(),
            width,
        }
    }

    /// The first needle whose fingerprint, or escape that, begins at or behind `from`.
    pub(crate) fn find(
        &self,
        text: &[u8],
        from: usize,
        confirm: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Option<Hit> {
        let mut at = from;
        while at < text.len() {
            let (block, mut likely) = self.block(text, at)?;
            while likely != 0 {
                let place = block + likely.trailing_zeros() as usize;
                likely &= likely - 1;
                if let Some(hit) = self.check(text, place, from, confirm) {
                    return Some(hit);
                }
            }
            at = block + BLOCK;
        }
        None
    }

    /// What stands at `at`, if anything does.
    fn check(
        &self,
        text: &[u8],
        at: usize,
        from: usize,
        confirm: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Option<Hit> {
        let buckets = self.tables.buckets(text, at);
        if buckets == 0 {
            return None;
        }
        let escape = match text.get(at..)? {
            [b'%', high, low, ..] | [b'\\', b'u', b'0', b'0', high, low, ..] => hides_plain(*high, *low),
            _ => false,
        };
        if escape {
            return Some(Hit::Escape { at });
        }
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
    fn block(&self, text: &[u8], mut at: usize) -> Option<(usize, u32)> {
        #[cfg(target_arch = "x86_64")]
        if self.vectors {
            let (reached, likely) = if self.width == NARROW {
                // SAFETY: `vectors` says that this processor has AVX2.
                unsafe { avx2::block::<NARROW>(&self.tables, text, at) }
            } else {
                // SAFETY: the same.
                unsafe { avx2::block::<WIDTH>(&self.tables, text, at) }
            };
            if likely != 0 {
                return Some((reached, likely));
            }
            at = reached;
        }
        while at < text.len() {
            let mut likely = 0;
            for offset in 0..BLOCK.min(text.len() - at) {
                likely |= u32::from(self.tables.buckets(text, at + offset) != 0) << offset;
            }
            if likely != 0 {
                return Some((at, likely));
            }
            at += BLOCK;
        }
        None
    }
}

/// Bytes of a block.
const BLOCK: usize = 32;

fn has_vectors() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Whether two hex digits stand for a plain character, or for one that begins an escape.
fn hides_plain(high: u8, low: u8) -> bool {
    let (Some(high), Some(low)) = (char::from(high).to_digit(16), char::from(low).to_digit(16)) else {
        return false;
    };
    let byte = (high << 4 | low) as u8;
    is_plain(byte) || matches!(byte, b'%' | b'\\')
}

impl Needle {
    fn new(number: usize, text: &str, width: usize) -> Self {
        let bytes = text.as_bytes();
        let width = bytes.len().min(width);
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

    #[target_feature(enable = "avx2")]
    fn vector(bytes: &[u8; BLOCK]) -> __m256i {
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

    /// Goes on to the first block in which something may stand, or to where less than two blocks are
    /// left; says where it stopped, and which bytes may begin something.
    #[target_feature(enable = "avx2")]
    pub(super) fn block<const N: usize>(tables: &Tables, text: &[u8], mut at: usize) -> (usize, u32) {
        const WINDOW: usize = 2 * BLOCK + WIDTH - 1;
        let low = tables.low.each_ref().map(|bytes| table(bytes));
        let high = tables.high.each_ref().map(|bytes| table(bytes));
        let halves = _mm256_set1_epi8(15);
        let zero = _mm256_setzero_si256();
        while let Some(window) = text.get(at..).and_then(<[u8]>::first_chunk::<WINDOW>) {
            let buckets = |offset: usize| {
                let mut bits = _mm256_set1_epi8(-1);
                for position in 0..N {
                    let Some(bytes) = window.get(offset + position..).and_then(<[u8]>::first_chunk) else {
                        return zero;
                    };
                    let bytes = vector(bytes);
                    let below = _mm256_shuffle_epi8(low[position], _mm256_and_si256(bytes, halves));
                    let shifted = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), halves);
                    let above = _mm256_shuffle_epi8(high[position], shifted);
                    bits = _mm256_and_si256(bits, _mm256_and_si256(below, above));
                }
                bits
            };
            let (first, second) = (buckets(0), buckets(BLOCK));
            let either = _mm256_or_si256(first, second);
            if _mm256_testz_si256(either, either) == 0 {
                let likely = |bits| !_mm256_movemask_epi8(_mm256_cmpeq_epi8(bits, zero)).cast_unsigned();
                return match likely(first) {
                    0 => (at + BLOCK, likely(second)),
                    found => (at, found),
                };
            }
            at += 2 * BLOCK;
        }
        (at, 0)
    }
}
