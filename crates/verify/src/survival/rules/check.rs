//! What a match must be beyond its pattern, by this crate's own reckoning.

use std::net::IpAddr;

use decostop_profile::Validator;

use crate::closure::BLANK;
use crate::fold::fold;
use crate::internal::Internal;

/// Longest host name (RFC 1035), with room.
const MAX_HOST_BYTES: usize = 256;

/// A match: the text it was found in, and the part that counts.
#[derive(Clone, Copy)]
pub(super) struct Match<'t> {
    pub(super) text: &'t [u8],
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Match<'_> {
    fn part(&self) -> &[u8] {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// The part as text; bytes that are none make it empty, which no validator takes for anything.
    fn str(&self) -> &str {
        std::str::from_utf8(self.part()).unwrap_or_default()
    }

    /// The host name or address that the part lies in.
    fn around(&self) -> &str {
        let name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        let before = self.text.get(..self.start).unwrap_or_default();
        let after = self.text.get(self.end..).unwrap_or_default();
        let start = self.start
            - before
                .iter()
                .rev()
                .take(MAX_HOST_BYTES)
                .take_while(|byte| name(byte))
                .count();
        let end = self.end
            + after
                .iter()
                .take(MAX_HOST_BYTES)
                .take_while(|byte| name(byte))
                .count();
        let around = self.text.get(start..end).unwrap_or_default();
        std::str::from_utf8(around).unwrap_or_default()
    }

    /// Whether the validator holds for the part. One that this crate does not know holds: what cannot be
    /// judged is no excuse.
    pub(super) fn is(&self, validator: Validator, internal: &Internal) -> bool {
        match validator {
            Validator::Aba => aba(self.part()),
            Validator::HasDigit => self.part().iter().any(u8::is_ascii_digit),
            Validator::HasLetter => self.part().iter().any(u8::is_ascii_alphabetic),
            Validator::Random => random(self.part()),
            Validator::Iban => iban(self.str()),
            Validator::InternalAddress => address(self.str()).is_some_and(|found| internal.address(found)),
            Validator::InternalHost => internal.host(&fold(self.around())),
            Validator::Address => address(self.str()).is_some(),
            Validator::Jwt => jwt(self.str()),
            Validator::Luhn => luhn(self.part()),
            Validator::SetValue => set_value(self.str()),
            Validator::GithubChecksum => github(self.part()),
            Validator::Varied => varied(self.part()),
            _ => true,
        }
    }
}

/// Of the last sixteen bytes, in lower case, at least five differ from each other.
fn varied(part: &[u8]) -> bool {
    let tail = part.get(part.len().saturating_sub(16)..).unwrap_or_default();
    let mut tail = tail.to_ascii_lowercase();
    tail.sort_unstable();
    tail.dedup();
    tail.len() >= 5
}

/// An address, perhaps at the end of a sentence, in brackets, or with a zone.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches(['[', ']', '(', ')', ',', '.', ' ']);
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    text.parse().ok()
}

fn digits(part: &[u8]) -> Vec<u32> {
    let found = part.iter().filter(|byte| byte.is_ascii_digit());
    found.map(|byte| u32::from(byte - b'0')).collect()
}

/// Nine digits whose sum, weighted 3, 7, 1, is a multiple of ten.
fn aba(part: &[u8]) -> bool {
    let digits = digits(part);
    let sum: u32 = digits
        .iter()
        .zip([3, 7, 1].iter().cycle())
        .map(|(a, b)| a * b)
        .sum();
    digits.len() == 9 && sum > 0 && sum.is_multiple_of(10)
}

/// ISO/IEC 7812: at least twelve digits, not all the same.
pub(super) fn luhn(part: &[u8]) -> bool {
    let digits = digits(part);
    let doubled = |(nth, &digit): (usize, &u32)| match digit * 2 {
        _ if nth % 2 == 0 => digit,
        double if double > 9 => double - 9,
        double => double,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(doubled).sum();
    let first = digits.first();
    digits.len() >= 12 && digits.iter().any(|digit| Some(digit) != first) && sum.is_multiple_of(10)
}

/// ISO 13616: remainder 1 modulo 97 when the first four characters stand behind the others.
pub(super) fn iban(text: &str) -> bool {
    let compact: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let Some((head, body)) = compact.split_at_checked(4) else {
        return false;
    };
    (15..=34).contains(&compact.len())
        && body.chars().chain(head.chars()).try_fold(0u32, |rest, c| {
            let value = c.to_digit(36)?;
            let shift = if value < 10 { 10 } else { 100 };
            Some((rest * shift + value) % 97)
        }) == Some(1)
}

/// Changes between lower case, upper case and digits at least at every third character of sixteen or more.
fn random(part: &[u8]) -> bool {
    let kinds: Vec<u8> = part
        .iter()
        .filter_map(|byte| match byte {
            b'a'..=b'z' => Some(0),
            b'A'..=b'Z' => Some(1),
            b'0'..=b'9' => Some(2),
            _ => None,
        })
        .collect();
    let changes = kinds
        .windows(2)
        .filter(|pair| pair.first() != pair.last())
        .count();
    kinds.len() >= 16 && changes * 3 >= kinds.len()
}

/// RFC 7515: the first part is the base64url form of a JSON object with `alg`.
fn jwt(text: &str) -> bool {
    let head = text.split('.').next().unwrap_or_default();
    let sextets: Option<Vec<u8>> = head
        .bytes()
        .filter(|byte| *byte != b'=')
        .map(crate::survival::views::sextet)
        .collect();
    let mut bytes = Vec::new();
    crate::survival::views::unbase64(&sextets.unwrap_or_default(), &mut bytes);
    let object: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(&bytes).ok();
    object.is_some_and(|object| object.contains_key("alg"))
}

/// Values that say that there is none.
const UNSET: &[&str] = &[
    "***",
    "empty",
    "expired",
    "false",
    "filtered",
    "hidden",
    "invalid",
    "masked",
    "missing",
    "nil",
    "no",
    "none",
    "null",
    "omitted",
    "redacted",
    "required",
    "removed",
    "true",
    "undefined",
    "unset",
    "yes",
];

/// No placeholder: not a word that says that nothing is there, a marker, a variable, or one sign over and
/// over.
fn set_value(text: &str) -> bool {
    let is_edge = |c: char| c == BLANK || c.is_whitespace() || "\"'`,.;:!?".contains(c);
    let text = text.trim_matches(is_edge);
    let bare = text.trim_matches(['[', ']', '(', ')', '<', '>', '{', '}', '%', '$', '*', '_', '-']);
    let first = bare.chars().next();
    let is_marker = text.starts_with('[') && ["text", "secret", "key", "event"].contains(&bare);
    let is_variable = ["${", "$(", "{{", "<%", "%{", "#{"]
        .iter()
        .any(|open| text.starts_with(open))
        || (text.starts_with('<') && text.ends_with('>') && !text.bytes().any(|byte| byte.is_ascii_digit()))
        || text.strip_prefix('$').is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        });
    let is_one_sign = bare.chars().all(|c| Some(c) == first && "*.xX#•".contains(c));
    !(is_marker || is_variable || is_one_sign || UNSET.contains(&fold(bare).as_ref()))
}

/// A GitHub token's last six characters: the CRC-32 of those between its prefix and them, in base 62.
fn github(part: &[u8]) -> bool {
    const BASE: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let body = part
        .iter()
        .rposition(|byte| *byte == b'_')
        .map_or(part, |at| part.get(at + 1..).unwrap_or_default());
    let Some((random, sum)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at)) else {
        return false;
    };
    let mut crc = u32::MAX;
    for byte in random {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ ((crc & 1) * 0xedb8_8320);
        }
    }
    let stated = sum.iter().try_fold(0u64, |value, byte| {
        let digit = BASE.iter().position(|known| known == byte)?;
        Some(value * 62 + digit as u64)
    });
    !random.is_empty() && stated == Some(u64::from(!crc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::internal;

    fn holds(validator: Validator, text: &str) -> bool {
        let whole = Match {
            text: text.as_bytes(),
            start: 0,
            end: text.len(),
        };
        whole.is(validator, &internal())
    }

    #[test]
    fn each_validator_tells_its_own_from_others() {
        use Validator::{
            Aba, Address, GithubChecksum, HasDigit, HasLetter, Iban, InternalAddress, InternalHost, Jwt,
            Luhn, Random, SetValue,
        };
        let table: &[(Validator, &[&str], &[&str])] = &[
            (
                Aba,
                &["011000015", "121-000-358"],
                &["011000016", "000000000", "12100035"],
            ),
            (HasDigit, &["a1"], &["ab", ""]),
            (HasLetter, &["1a"], &["12", ""]),
            (
                Random,
                &["xYz12AbQ9kLm3NpR7tUv"],
                &["GroupMembersController", "aB1", "release-2026-11-08"],
            ),
            (
                Iban,
                &["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"],
                &["DE89370400440532013001", "DE8"],
            ),
            (
                InternalAddress,
                &["10.1.2.3", "fd00::1", "127.0.0.1."],
                &["203.0.113.9", "10.1.2", ""],
            ),
            (
                InternalHost,
                &["web-01.c.x.internal"],
                &["gitlab.com", "internal"],
            ),
            (
                Address,
                &["203.0.113.9", "2001:db8::1", "[fe80::1%eth0]"],
                &["1.2.3", "12:00:00", "300.1.1.1"],
            ),
            (
                Jwt,
                &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"],
                &["eyJmb28iOjF9.x.y", "abc", ""],
            ),
            (
                Luhn,
                &["4111 1111 1111 1111", "5500000000000004"],
                &["4111111111111112", "000000000000", "18"],
            ),
            (
                SetValue,
                &["hunter2", "correct-horse", "nobody", "x1", "texts"],
                &[
                    "[secret]",
                    "[text]",
                    "true",
                    "NULL",
                    "****",
                    "${VAR}",
                    "<password>",
                    "$TOKEN",
                    "\u{1}",
                    "invalid.",
                    "xxxxx",
                    "",
                ],
            ),
            // Made by the published rule.
            (
                GithubChecksum,
                &["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"],
                &["ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18", "ghp_", "0mLq17"],
            ),
        ];
        for (validator, good, bad) in table {
            for text in *good {
                assert!(holds(*validator, text), "{validator:?}: {text}");
            }
            for text in *bad {
                assert!(!holds(*validator, text), "not {validator:?}: {text}");
            }
        }
    }

    #[test]
    fn a_host_is_looked_at_whole() {
        let text = b"at web-01.c.x.internal:80";
        let dot = Match {
            text,
            start: 9,
            end: 11,
        };
        assert!(dot.is(Validator::InternalHost, &internal()));
        let elsewhere = Match {
            text: b"web.c x.internal",
            start: 3,
            end: 5,
        };
        assert!(!elsewhere.is(Validator::InternalHost, &internal()));
    }
}
