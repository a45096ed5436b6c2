//! Pseudonyms: a kind, 16 characters of value, 5 characters of tag.
//!
//! The verifier never needs to know what a pseudonym stands for. It checks the tag, which only the
//! holder of the request's key can make, so that no account can call itself by a pseudonym.

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const VALUE_CHARS: usize = 16;
const TAG_CHARS: usize = 5;

/// What a pseudonym stands for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Correlation,
    Email,
    Ip,
    Name,
    Namespace,
    Project,
    Token,
    User,
}

impl Kind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "correlation" => Self::Correlation,
            "email" => Self::Email,
            "ip" => Self::Ip,
            "name" => Self::Name,
            "namespace" => Self::Namespace,
            "project" => Self::Project,
            "token" => Self::Token,
            "user" => Self::User,
            _ => return None,
        })
    }
}

/// Checks the tags of one request's pseudonyms.
pub(crate) struct Pseudonyms {
    tag_key: [u8; 32],
    #[cfg(test)]
    value_key: [u8; 32],
}

impl Pseudonyms {
    pub(crate) fn new(request_key: &[u8; 32]) -> Self {
        Self {
            tag_key: blake3::derive_key("decostop 2026 pseudonym tag v1", request_key),
            #[cfg(test)]
            value_key: blake3::derive_key("decostop 2026 pseudonym value v1", request_key),
        }
    }

    /// The kind of a genuine pseudonym; nothing for anything else.
    pub(crate) fn kind_of(&self, text: &str) -> Option<Kind> {
        let (word, body) = text.split_once('-')?;
        if body.len() != VALUE_CHARS + TAG_CHARS
            || !body.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
        {
            return None;
        }
        let kind = Kind::parse(word)?;
        let (value, tag) = body.split_at_checked(VALUE_CHARS)?;
        (self.tag(word, value).as_slice() == tag.as_bytes()).then_some(kind)
    }

    fn tag(&self, kind: &str, value: &str) -> [u8; TAG_CHARS] {
        let digest = keyed(&self.tag_key, kind, value);
        let mut tag = [0; TAG_CHARS];
        base32(digest.as_bytes(), &mut tag);
        tag
    }

    #[cfg(test)]
    pub(crate) fn mint(&self, kind: &str, canonical: &str) -> String {
        let mut value = [0; VALUE_CHARS];
        base32(keyed(&self.value_key, kind, canonical).as_bytes(), &mut value);
        let value = String::from_utf8(value.to_vec()).expect("base32 is ASCII");
        let tag = String::from_utf8(self.tag(kind, &value).to_vec()).expect("base32 is ASCII");
        format!("{kind}-{value}{tag}")
    }
}

fn keyed(key: &[u8; 32], kind: &str, text: &str) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(kind.as_bytes());
    hasher.update(&[0]);
    hasher.update(text.as_bytes());
    hasher.finalize()
}

/// The first `5 * out.len()` bits, most significant first.
fn base32(bytes: &[u8], out: &mut [u8]) {
    let mut bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |n| usize::from(byte >> n & 1)));
    for slot in out {
        let index = bits.by_ref().take(5).fold(0, |index, bit| index << 1 | bit);
        *slot = ALPHABET.get(index).copied().unwrap_or(b'a');
    }
}
