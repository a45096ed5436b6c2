//! What corpora draw: every value of a corpus is a function of the seed and of a position.

use crate::random::{Random, scramble};

#[derive(Clone, Debug)]
pub(crate) struct Rng(Random);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// A number in `0..bound`; 0 if `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// True in `per_mille` of a thousand draws.
    pub(crate) fn often(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// True with this probability.
    pub(crate) fn share(&mut self, probability: f64) -> bool {
        ((self.next() >> 11) as f64) < probability * (1_u64 << 53) as f64
    }

    /// One element; the slice must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    /// Appends `count` characters of an alphabet.
    pub(crate) fn chars(&mut self, alphabet: &[u8], count: usize, to: &mut Vec<u8>) {
        for _ in 0..count {
            to.push(*self.pick(alphabet));
        }
    }

    /// `count` characters of an ASCII alphabet.
    pub(crate) fn string(&mut self, alphabet: &[u8], count: usize) -> String {
        (0..count).map(|_| char::from(*self.pick(alphabet))).collect()
    }
}

/// A seed of its own for a position.
pub(crate) fn mix(seed: u64, position: u64) -> u64 {
    scramble(seed ^ scramble(position.wrapping_add(0x632B_E59B_D9B4_E019)))
}

/// Base 62 without the characters that are easily confused.
pub(crate) const TOKEN: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789";
/// Crockford's base 32, as in ULIDs.
pub(crate) const ULID: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
pub(crate) const HEX: &[u8] = b"0123456789abcdef";
pub(crate) const BASE36: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
