//! Keyed digests of removed values, so that evidence can be joined without holding a value.
//!
//! The first 128 bits of BLAKE3, keyed with a key of its own that is derived from the request's. The same
//! bytes have the same digest wherever they were removed, whatever the field; without the request's key
//! nobody can tell whether a guess is right, however few values there are to guess.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::key::RequestKey;

const CONTEXT: &str = "decostop 2026 removed value digest v1";

/// Bytes of a digest.
pub const DIGEST_BYTES: usize = 16;

/// Makes the digests of one request. Does not print, is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Digests([u8; 32]);

impl Digests {
    /// Digests under the key of a request.
    pub fn new(key: &RequestKey) -> Self {
        Self(blake3::derive_key(CONTEXT, key.as_bytes()))
    }

    /// The digest of a removed value: the decoded text of a string, a number as written, the JSON text of
    /// anything else.
    pub fn of(&self, value: &[u8]) -> [u8; DIGEST_BYTES] {
        let digest = blake3::keyed_hash(&self.0, value);
        let mut short = [0; DIGEST_BYTES];
        short
            .iter_mut()
            .zip(digest.as_bytes())
            .for_each(|(to, from)| *to = *from);
        short
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digests(<key>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_the_request_and_is_no_plain_hash() {
        let digests = |material, id| Digests::new(&RequestKey::derive(&[material; 32], id));
        let one = digests(1, "R-1");
        assert_eq!(one.of(b"1001"), digests(1, "R-1").of(b"1001"));
        assert_ne!(one.of(b"1001"), one.of(b"1002"));
        assert_ne!(one.of(b"1001"), digests(2, "R-1").of(b"1001"));
        assert_ne!(one.of(b"1001"), digests(1, "R-2").of(b"1001"));
        // Neither guessing without a key nor the pseudonyms' keys lead there.
        let key = RequestKey::derive(&[1; 32], "R-1");
        for other in [
            blake3::hash(b"1001"),
            blake3::keyed_hash(key.as_bytes(), b"1001"),
            blake3::keyed_hash(
                &blake3::derive_key("decostop 2026 pseudonym value v1", key.as_bytes()),
                b"1001",
            ),
        ] {
            assert_ne!(&one.of(b"1001")[..], &other.as_bytes()[..DIGEST_BYTES]);
        }
        assert_eq!(format!("{one:?}"), "Digests(<key>)");
    }
}
