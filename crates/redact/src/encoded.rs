//! Words that are text in base64 or hex: as names they look harmless, and they say what is written in them.

/// Shortest word that is taken for an encoding. A name of this length reads as base64 text once in a thousand.
const MIN_CHARS: usize = 10;

/// Whether a word decodes to printable ASCII from first to last byte.
pub(crate) fn hides_text(word: &str) -> bool {
    word.len() >= MIN_CHARS && (is_text(hex(word)) || is_text(base64(word)))
}

fn is_text(bytes: Option<Vec<u8>>) -> bool {
    bytes.is_some_and(|bytes| bytes.iter().all(|byte| matches!(byte, b' '..=b'~')))
}

fn hex(word: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = word.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
        _ => None,
    });
    pairs.collect()
}

/// Bits beyond the last whole byte are let go, as decoders do.
fn base64(word: &str) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut out) = (0u32, 0, Vec::with_capacity(word.len()));
    for byte in word.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::hides_text;

    #[test]
    fn text_in_disguise_is_told_from_names() {
        for word in [
            "YWxpY2VAYWNtZS5leGFtcGxl",
            "bWFsbG9yeQ==",
            "QHphaGF6aQ",
            "6d616c6c6f7279",
        ] {
            assert!(hides_text(word), "{word}");
        }
        for word in [
            "GroupMembersController",
            "PostReceive",
            "payments-api",
            "BlobController",
            "20261108120000",
            "UserAccessTokens",
            "short",
        ] {
            assert!(!hides_text(word), "{word}");
        }
    }
}
