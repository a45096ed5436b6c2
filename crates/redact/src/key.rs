//! The request's key and the pseudonyms made under it.
//!
//! A pseudonym is `kind-` and 21 base32 characters: 80 bits of a keyed PRF over the kind and the
//! canonical value, and a 25-bit tag under a second key. The tag tells a pseudonym of this request
//! from a foreign account that chose such a name.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

const KEY_CONTEXT: &str = "decostop 2026 request key v1";
const VALUE_CONTEXT: &str = "decostop 2026 pseudonym value v1";
const TAG_CONTEXT: &str = "decostop 2026 pseudonym tag v1";
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const VALUE_CHARS: usize = 16;
const TAG_CHARS: usize = 5;

/// What a pseudonym stands for; the word before its dash.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum PseudonymKind {
    /// A correlation id.
    Correlation,
    /// An e-mail address that belongs to no known user.
    Email,
    /// A network address.
    Ip,
    /// A display name that belongs to no known user.
    Name,
    /// A namespace.
    Namespace,
    /// A project.
    Project,
    /// The id of a credential.
    Token,
    /// A user, by whichever of its names.
    User,
}

impl PseudonymKind {
    const ALL: [Self; 8] = [
        Self::Correlation,
        Self::Email,
        Self::Ip,
        Self::Name,
        Self::Namespace,
        Self::Project,
        Self::Token,
        Self::User,
    ];

    /// The word before the dash.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Correlation => "correlation",
            Self::Email => "email",
            Self::Ip => "ip",
            Self::Name => "name",
            Self::Namespace => "namespace",
            Self::Project => "project",
            Self::Token => "token",
            Self::User => "user",
        }
    }
}

/// The key of one request. Does not print, is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RequestKey([u8; 32]);

impl RequestKey {
    /// Derives the key of request `id` from 32 bytes of key material: the same material gives
    /// unrelated keys to different requests.
    pub fn derive(material: &[u8; 32], id: &str) -> Self {
        let mut input = Vec::with_capacity(32 + id.len());
        input.extend_from_slice(material);
        input.extend_from_slice(id.as_bytes());
        let key = blake3::derive_key(KEY_CONTEXT, &input);
        input.zeroize();
        Self(key)
    }

    /// A key as kept in `internal/key`.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key's bytes, for `internal/key`.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestKey(<32 bytes>)")
    }
}

/// Makes and recognises the pseudonyms of one request.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Pseudonyms {
    value: [u8; 32],
    tag: [u8; 32],
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms(<key>)")
    }
}

impl Pseudonyms {
    /// Pseudonyms under `key`.
    pub fn new(key: &RequestKey) -> Self {
        Self {
            value: blake3::derive_key(VALUE_CONTEXT, &key.0),
            tag: blake3::derive_key(TAG_CONTEXT, &key.0),
        }
    }

    /// The pseudonym of a canonical value.
    pub fn make(&self, kind: PseudonymKind, canonical: &str) -> String {
        let digest = keyed(&self.value, kind, canonical.as_bytes());
        let mut out = String::with_capacity(kind.as_str().len() + 1 + VALUE_CHARS + TAG_CHARS);
        out.push_str(kind.as_str());
        out.push('-');
        let start = out.len();
        push_base32(&mut out, &digest, VALUE_CHARS);
        let tag = keyed(&self.tag, kind, out.get(start..).unwrap_or_default().as_bytes());
        push_base32(&mut out, &tag, TAG_CHARS);
        out
    }

    /// The kind of `text` if it is a pseudonym whose tag verifies.
    pub fn recognise(&self, text: &str) -> Option<PseudonymKind> {
        // The code has no dash: of a pseudonym this is the first one.
        let dash = text.len().checked_sub(VALUE_CHARS + TAG_CHARS + 1)?;
        let (word, code) = text.split_at_checked(dash)?;
        let code = code.strip_prefix('-')?;
        if !code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')) {
            return None;
        }
        let kind = PseudonymKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)?;
        let (value, tag) = code.split_at_checked(VALUE_CHARS)?;
        let mut expected = String::with_capacity(TAG_CHARS);
        push_base32(
            &mut expected,
            &keyed(&self.tag, kind, value.as_bytes()),
            TAG_CHARS,
        );
        (expected == tag).then_some(kind)
    }
}

fn keyed(key: &[u8; 32], kind: PseudonymKind, text: &[u8]) -> [u8; 32] {
    let mut input = Vec::with_capacity(64);
    input.extend_from_slice(kind.as_str().as_bytes());
    input.push(0);
    input.extend_from_slice(text);
    *blake3::keyed_hash(key, &input).as_bytes()
}

/// The first `chars` five-bit groups of `bytes`, most significant bit first.
fn push_base32(out: &mut String, bytes: &[u8; 32], chars: usize) {
    let (mut bits, mut held) = (0u32, 0u32);
    let mut bytes = bytes.iter();
    for _ in 0..chars {
        if held < 5 {
            bits = bits << 8 | u32::from(*bytes.next().unwrap_or(&0));
            held += 8;
        }
        held -= 5;
        let index = (bits >> held & 31) as usize;
        out.push(char::from(*ALPHABET.get(index).unwrap_or(&b'a')));
        bits &= (1 << held) - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms(byte: u8) -> Pseudonyms {
        Pseudonyms::new(&RequestKey::derive(&[byte; 32], "R-1"))
    }

    #[test]
    fn a_pseudonym_is_recognised_under_its_key_only() {
        let made = pseudonyms(1).make(PseudonymKind::User, "id:7");
        assert_eq!(made.len(), "user-".len() + 21);
        assert_eq!(pseudonyms(1).recognise(&made), Some(PseudonymKind::User));
        assert_eq!(pseudonyms(2).recognise(&made), None);
        assert_eq!(pseudonyms(1).recognise(&made.replace("user-", "name-")), None);
        assert_eq!(pseudonyms(1).recognise(&made.to_uppercase()), None);
    }

    #[test]
    fn kinds_and_requests_are_separate_domains() {
        let one = pseudonyms(1);
        assert_ne!(
            one.make(PseudonymKind::User, "x")[5..],
            one.make(PseudonymKind::Name, "x")[5..]
        );
        let other = Pseudonyms::new(&RequestKey::derive(&[1; 32], "R-2"));
        assert_ne!(
            one.make(PseudonymKind::User, "x"),
            other.make(PseudonymKind::User, "x")
        );
    }

    #[test]
    fn keys_do_not_print() {
        let text = format!("{:?} {:?}", RequestKey::from_bytes([7; 32]), pseudonyms(7));
        assert_eq!(text, "RequestKey(<32 bytes>) Pseudonyms(<key>)");
    }
}
