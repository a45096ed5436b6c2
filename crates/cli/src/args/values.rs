//! Values of flags that need reading.

use std::num::NonZeroUsize;

use decostop::request::Zone;

/// A number of bytes, with an optional binary suffix: `4096`, `64K`, `16M`, `1G`.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let wrong = || "a number of bytes, such as 65536, 64K, 16M or 1G".to_owned();
    let (digits, shift) = match text
        .trim_end_matches("iB")
        .split_at_checked(text.trim_end_matches("iB").len().saturating_sub(1))
    {
        Some((digits, "K" | "k")) => (digits, 10),
        Some((digits, "M" | "m")) => (digits, 20),
        Some((digits, "G" | "g")) => (digits, 30),
        _ => (text, 0),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: usize = digits.parse().map_err(|_| wrong())?;
    number
        .checked_mul(1 << shift)
        .filter(|&bytes| bytes > 0)
        .ok_or_else(wrong)
}

/// A number of threads.
pub(crate) fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let number: NonZeroUsize = text.parse().map_err(|_| "a number from 1 to 1024".to_owned())?;
    if number.get() > 1024 {
        return Err("a number from 1 to 1024".to_owned());
    }
    Ok(number)
}

/// `GLOB=SOURCE`.
pub(crate) fn source_of(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((glob, source)) if !glob.is_empty() && !source.is_empty() => {
            Ok((glob.to_owned(), source.to_owned()))
        }
        _ => Err("write GLOB=SOURCE, such as 'rails-*.gz=production_json'".to_owned()),
    }
}

/// A time zone.
pub(crate) fn zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).map_err(|error| format!("{error}; {}", error.hint()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("1", 1),
            ("4096", 4096),
            ("64K", 65_536),
            ("16M", 16 << 20),
            ("2MiB", 2 << 20),
            ("1g", 1 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "0",
            "K",
            "1.5M",
            "-1",
            "99999999999999999999",
            "9999999999999G",
            "ä",
            "1ä",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_of_threads() {
        assert_eq!(threads("8").map(NonZeroUsize::get), Ok(8));
        for text in ["0", "-1", "1025", "many"] {
            assert!(threads(text).is_err(), "{text}");
        }
    }

    #[test]
    fn globs_with_a_source() {
        let pair = |glob: &str, source: &str| Ok((glob.to_owned(), source.to_owned()));
        assert_eq!(source_of("a*.gz=sidekiq"), pair("a*.gz", "sidekiq"));
        assert_eq!(source_of("day=1/*=gitaly"), pair("day=1/*", "gitaly"));
        for text in ["", "a", "=b", "a="] {
            assert!(source_of(text).is_err(), "{text}");
        }
    }
}
