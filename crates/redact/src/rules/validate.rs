//! What a found part must be beyond its pattern.

use std::net::IpAddr;

use decostop_profile::Validator;

/// What is inside the platform.
pub(crate) trait Ground {
    /// Whether an address is the platform's own.
    fn is_internal(&self, address: IpAddr) -> bool;
    /// Whether a text names a host of an internal domain.
    fn names_host(&self, text: &[u8]) -> bool;
}

/// Whether a part is what a validator asks for.
pub(super) fn holds(validator: Validator, part: &[u8], ground: &dyn Ground) -> bool {
    match validator {
        Validator::Aba => is_routing_number(part),
        Validator::HasDigit => part.iter().any(u8::is_ascii_digit),
        Validator::HasLetter => part.iter().any(u8::is_ascii_alphabetic),
        Validator::Random => changes_often(part),
        Validator::Iban => is_iban(part),
        Validator::InternalAddress => address(part).is_some_and(|address| ground.is_internal(address)),
        Validator::InternalHost => ground.names_host(part),
        Validator::Address => address(part).is_some(),
        Validator::Jwt => is_web_token(part),
        Validator::Luhn => is_card(part),
        Validator::SetValue => is_set(part),
        Validator::GithubChecksum => is_github_sound(part),
        Validator::Varied => is_varied(part),
        // A validator that this build does not know takes nothing away from what is found.
        _ => true,
    }
}

/// Different bytes that a credential's end has at least, of so many.
const MIN_VARIETY: usize = 5;
const VARIED_END: usize = 16;

/// Whether a part's end is no placeholder: `XXXXXXXX`, `--------`, `12121212`. ASCII case makes no difference.
fn is_varied(part: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in part.iter().rev().take(VARIED_END) {
        if let Some(slot) = seen.get_mut(usize::from(byte.to_ascii_lowercase())) {
            *slot = true;
        }
    }
    seen.iter().filter(|seen| **seen).count() >= MIN_VARIETY
}

fn digits(part: &[u8]) -> impl DoubleEndedIterator<Item = u32> {
    part.iter()
        .filter(|byte| byte.is_ascii_digit())
        .map(|byte| u32::from(byte - b'0'))
}

/// Nine digits with the weights 3, 7, 1; the first two name a Federal Reserve district.
fn is_routing_number(part: &[u8]) -> bool {
    const WEIGHTS: [u32; 3] = [3, 7, 1];
    let district = digits(part).take(2).fold(0, |number, digit| number * 10 + digit);
    let sum: u32 = digits(part)
        .zip(WEIGHTS.iter().cycle())
        .map(|(digit, weight)| digit * weight)
        .sum();
    digits(part).count() == 9
        && sum.is_multiple_of(10)
        && sum > 0
        && matches!(district, 0..=12 | 21..=32 | 61..=72 | 80)
}

/// Luhn's sum over twelve digits or more that are not all the same.
fn is_card(part: &[u8]) -> bool {
    let sum: u32 = digits(part)
        .rev()
        .enumerate()
        .map(|(nth, digit)| match (nth % 2, digit) {
            (0, digit) => digit,
            (_, 9) => 9,
            (_, digit) => digit * 2 % 9,
        })
        .sum();
    let first = digits(part).next();
    digits(part).count() >= 12 && digits(part).any(|digit| Some(digit) != first) && sum.is_multiple_of(10)
}

/// Lengths of account numbers by country (ISO 13616, SWIFT's registry).
const IBAN_LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 \
    DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 \
    IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 \
    MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 \
    ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

/// The length that its country prescribes, and the remainder 1 modulo 97. In print a number is
/// followed by other words: what is longer than its country's numbers is judged by its beginning.
fn is_iban(part: &[u8]) -> bool {
    let compact: Vec<u8> = part
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(u8::to_ascii_uppercase)
        .collect();
    let Some((country, _)) = compact.split_at_checked(2) else {
        return false;
    };
    let stated = IBAN_LENGTHS
        .split_ascii_whitespace()
        .find(|entry| entry.as_bytes().starts_with(country))
        .and_then(|entry| entry.get(2..)?.parse::<usize>().ok());
    let Some(number) = stated.and_then(|length| compact.get(..length)) else {
        return false;
    };
    let (head, body) = number.split_at_checked(4).unwrap_or_default();
    let rest = body.iter().chain(head).try_fold(0u32, |rest, byte| {
        let value = char::from(*byte).to_digit(36)?;
        let shift = if value < 10 { 10 } else { 100 };
        Some((rest * shift + value) % 97)
    });
    rest == Some(1)
}

fn address(part: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(part).ok()?;
    text.trim_end_matches('.').parse().ok()
}

/// The first part of a JSON web token is an object that names an algorithm.
fn is_web_token(part: &[u8]) -> bool {
    let head = part.split(|byte| *byte == b'.').next().unwrap_or_default();
    let mut bytes = Vec::with_capacity(head.len());
    let (mut bits, mut count) = (0u32, 0);
    for byte in head {
        let Some(sextet) = crate::views::sextet(*byte) else {
            return false;
        };
        bits = bits << 6 | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    let object = bytes.trim_ascii();
    object.starts_with(b"{") && object.ends_with(b"}") && object.windows(5).any(|window| window == b"\"alg\"")
}

/// Kinds of characters that change at least at every third place: no words.
fn changes_often(part: &[u8]) -> bool {
    let kind = |byte: &u8| match byte {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        _ => 0,
    };
    let (mut before, mut count, mut changes) = (0, 0, 0);
    for kind in part.iter().map(kind).filter(|kind| *kind != 0) {
        changes += usize::from(before != 0 && before != kind);
        before = kind;
        count += 1;
    }
    changes > 0 && changes * 3 >= count
}

/// Values that stand where nothing was set, or nothing is told.
const UNSET: &[&str] = &[
    "true",
    "false",
    "null",
    "nil",
    "none",
    "undefined",
    "yes",
    "no",
    "invalid",
    "missing",
    "expired",
    "required",
    "filtered",
    "redacted",
    "masked",
    "hidden",
    "empty",
    "unset",
];

/// A value that somebody set: no placeholder (`[secret]`, `null`, `****`, `${VAR}`, `<token>`).
fn is_set(part: &[u8]) -> bool {
    let edge = |byte: &u8| b"\"'`,.;:!?)".contains(byte);
    let start = part.iter().take_while(|byte| edge(byte)).count();
    let part = part.get(start..).unwrap_or_default();
    let end = part.len() - part.iter().rev().take_while(|byte| edge(byte)).count();
    let part = part.get(..end).unwrap_or_default();
    let enclosed = |open: &[u8], close: &[u8]| {
        let inner = part.strip_prefix(open).and_then(|part| part.strip_suffix(close));
        inner.is_some_and(|inner| {
            inner
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_. -".contains(byte))
        })
    };
    let same = part
        .iter()
        .all(|byte| b"*x-.#".contains(&byte.to_ascii_lowercase()));
    let word = std::str::from_utf8(part).unwrap_or_default();
    !same
        && !UNSET.iter().any(|unset| word.eq_ignore_ascii_case(unset))
        && !enclosed(b"[", b"]")
        && !enclosed(b"<", b">")
        && !enclosed(b"${", b"}")
        && !enclosed(b"${{", b"}}")
        && !enclosed(b"{{", b"}}")
        && !enclosed(b"#{", b"}")
        && !enclosed(b"%{", b"}")
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters behind the prefix of a GitHub token: thirty of entropy, six of checksum.
const GITHUB_BODY: usize = 36;

/// CRC-32 of the characters before it, in base 62, as the last six. Forms without a published checksum
/// (`github_pat_…`, longer ones) pass.
fn is_github_sound(part: &[u8]) -> bool {
    let mark = part.iter().rposition(|byte| *byte == b'_').map_or(0, |at| at + 1);
    let body = part.get(mark..).unwrap_or_default();
    if body.len() != GITHUB_BODY || part.starts_with(b"github_pat_") {
        return true;
    }
    let Some((entropy, stated)) = body.split_at_checked(GITHUB_BODY - 6) else {
        return true;
    };
    let mut sum = crc32(entropy);
    let mut computed = [b'0'; 6];
    for slot in computed.iter_mut().rev() {
        *slot = BASE62.get((sum % 62) as usize).copied().unwrap_or_default();
        sum /= 62;
    }
    computed == stated
}

/// CRC-32 of ISO 3309, as in zip files.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(sum & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        for (test, sound, unsound) in [
            (
                is_card as fn(&[u8]) -> bool,
                "4111 1111 1111 1111",
                "4111111111111112",
            ),
            (is_card, "5500-0000-0000-0004", "0000000000000000"),
            (is_card, "378282246310005", "42"),
            (is_card, "4242424242424242", "4242424242424241"),
            (is_routing_number, "021000021", "021000022"),
            (is_routing_number, "111000025", "990000008"),
            (is_routing_number, "011401533", "000000000"),
            (is_iban, "DE89370400440532013000", "DE89370400440532013001"),
            (
                is_iban,
                "GB82 WEST 1234 5698 7654 32",
                "GB82 WEST 1234 5698 7654 3",
            ),
            (is_iban, "NO9386011117947 WORD", "XX9386011117947"),
            (
                is_web_token,
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln",
                "eyJzdWIiOiIxMjM0In0.eyJhbGciOiJIUzI1NiJ9",
            ),
            (is_web_token, "eyAiYWxnIjogIm5vbmUiIH0", "eyJhbGci.x"),
        ] {
            assert!(test(sound.as_bytes()), "{sound}");
            assert!(!test(unsound.as_bytes()), "{unsound}");
        }
    }

    #[test]
    fn the_checksum_of_github() {
        let token = |entropy: &str| {
            let mut sum = crc32(entropy.as_bytes());
            let mut tail = Vec::new();
            while sum > 0 {
                tail.insert(0, BASE62[(sum % 62) as usize]);
                sum /= 62;
            }
            let tail = String::from_utf8(tail).expect("ASCII");
            format!("ghp_{entropy}{tail:0>6}")
        };
        for entropy in ["AbCdEfGhIjKlMnOpQrStUvWxYz0123", "000000000000000000000000000000"] {
            let sound = token(entropy);
            assert!(is_github_sound(sound.as_bytes()));
            let unsound = sound.replace(&entropy[..1], "9");
            assert!(!is_github_sound(unsound.as_bytes()));
        }
        assert!(is_github_sound(b"github_pat_11AAAAAAA0abcdefghijkl_0123456789"));
    }

    #[test]
    fn placeholders_are_not_set() {
        for unset in [
            "[secret]",
            "[FILTERED]",
            "\"null\"",
            "False",
            "****",
            "xxxxxxxx",
            "${TOKEN}",
            "<your-token>",
            "{{ token }}",
            "#{token}",
            "%{token}",
            "none,",
            "",
        ] {
            assert!(!is_set(unset.as_bytes()), "{unset}");
        }
        for set in [
            "hunter2",
            "[a]b",
            "nullable",
            "*a*",
            "${TOKEN}x",
            "correct-horse",
            "no-way",
        ] {
            assert!(is_set(set.as_bytes()), "{set}");
        }
    }

    #[test]
    fn words_do_not_change_often() {
        assert!(changes_often(b"xYz12AbQ9kLm3NpR7tUv"));
        assert!(changes_often(b"9f86d081884c7d65"));
        for words in ["payments-api", "GroupMembersController", "aaaaaaaa", ""] {
            assert!(!changes_often(words.as_bytes()), "{words}");
        }
    }
}
