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
        // Its body has a fixed length and no dash: the first dash is the one before it.
        let dash = text.len().checked_sub(VALUE_CHARS + TAG_CHARS + 1)?;
        let (word, body) = text.split_at_checked(dash)?;
        let body = body.strip_prefix('-')?;
        if !body.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')) {
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
    let mut input = Vec::with_capacity(64);
    input.extend_from_slice(kind.as_bytes());
    input.push(0);
    input.extend_from_slice(text.as_bytes());
    blake3::keyed_hash(key, &input)
}

/// The first `5 * out.len()` bits, most significant first.
fn base32(bytes: &[u8], out: &mut [u8]) {
    let mut bytes = bytes.iter();
    let (mut bits, mut held) = (0usize, 0);
    for slot in out {
        if held < 5 {
            bits = bits << 8 | usize::from(bytes.next().copied().unwrap_or_default());
            held += 8;
        }
        held -= 5;
        *slot = ALPHABET.get(bits >> held & 31).copied().unwrap_or(b'a');
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Vectors {
        vector: Vec<Vector>,
    }

    #[derive(serde::Deserialize)]
    struct Vector {
        request_key: String,
        kind: String,
        canonical: String,
        pseudonym: String,
    }

    fn key(digits: &str) -> [u8; 32] {
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal");
        }
        key
    }

    #[test]
    fn vectors_agree() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../testdata/pseudonym-vectors.toml"
        );
        let text = std::fs::read_to_string(path).expect("the vectors are there");
        let vectors: Vectors = toml::from_str(&text).expect("valid TOML");
        assert!(vectors.vector.len() >= 20);
        for vector in vectors.vector {
            let pseudonyms = Pseudonyms::new(&key(&vector.request_key));
            assert_eq!(pseudonyms.mint(&vector.kind, &vector.canonical), vector.pseudonym);
            assert_eq!(pseudonyms.kind_of(&vector.pseudonym), Kind::parse(&vector.kind));
        }
    }

    #[test]
    #[ignore = "writes the vectors; for a change of the scheme only"]
    fn write_vectors() {
        const CASES: &[(&str, &str)] = &[
            ("user", "id:1"),
            ("user", "id:1001"),
            ("user", "id:18446744073709551615"),
            ("user", "name:mallory"),
            ("user", "name:zoë"),
            ("user", ""),
            ("name", "name:mallory smith"),
            ("email", "name:mallory@evil.example"),
            ("namespace", "name:othercorp"),
            ("namespace", "id:77"),
            ("project", "name:othercorp/secret"),
            ("project", "id:51191"),
            ("ip", "203.0.113.9"),
            ("ip", "2001:db8::1"),
            ("correlation", "01KEXAMPLE0000000000000001"),
            ("token", "4455"),
        ];
        let mut text = String::from(
            "# Fixed keys and values to fixed pseudonyms. Two implementations are held against this file.\n",
        );
        let keys = [[0u8; 32], std::array::from_fn(|n| n as u8), [0xff; 32]];
        for (nth, key) in keys.iter().enumerate() {
            let hex = crate::testing::hex(key);
            let pseudonyms = Pseudonyms::new(key);
            for (kind, canonical) in CASES.iter().skip(nth).step_by(if nth == 1 { 1 } else { 3 }) {
                let pseudonym = pseudonyms.mint(kind, canonical);
                let _ = write!(
                    text,
                    "\n[[vector]]\nrequest_key = \"{hex}\"\nkind = \"{kind}\"\ncanonical = \"{canonical}\"\npseudonym = \"{pseudonym}\"\n"
                );
            }
        }
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../testdata/pseudonym-vectors.toml"
        );
        std::fs::write(path, text).expect("writable");
    }

    #[test]
    fn nothing_else_is_a_pseudonym() {
        let pseudonyms = Pseudonyms::new(&[1; 32]);
        let genuine = pseudonyms.mint("user", "id:1");
        assert_eq!(pseudonyms.kind_of(&genuine), Some(Kind::User));
        let body = genuine.strip_prefix("user-").unwrap_or_default();
        for forged in [
            format!("name-{body}"),
            format!("User-{body}"),
            format!("user_{body}"),
            format!("user-{}", body.to_uppercase()),
            format!("user-{body}a"),
            format!("user-{}", &body[1..]),
            format!("admin-{body}"),
            format!("-{body}"),
            Pseudonyms::new(&[2; 32]).mint("user", "id:1"),
        ] {
            assert_eq!(pseudonyms.kind_of(&forged), None, "{forged}");
        }
    }

    proptest::proptest! {
        #[test]
        fn forged_tags_are_refused(body in "[a-z2-7]{21}") {
            let pseudonyms = Pseudonyms::new(&[1; 32]);
            let (value, tag) = body.split_at(16);
            let genuine = pseudonyms.tag("user", value).as_slice() == tag.as_bytes();
            proptest::prop_assert_eq!(pseudonyms.kind_of(&format!("user-{body}")).is_some(), genuine);
        }

        #[test]
        fn one_changed_character_is_enough(nth in 0usize..21, canonical in ".{0,20}") {
            let pseudonyms = Pseudonyms::new(&[1; 32]);
            let mut forged = pseudonyms.mint("ip", &canonical).into_bytes();
            let at = 3 + nth;
            forged[at] = if forged[at] == b'a' { b'b' } else { b'a' };
            let forged = String::from_utf8(forged).expect("ASCII");
            proptest::prop_assert_eq!(pseudonyms.kind_of(&forged), None);
        }
    }
}
