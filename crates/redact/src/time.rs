//! Instants as logs write them.
//!
//! Formats: RFC 3339 with `T` or a space, with `Z`, `UTC`, an offset with or without a colon, or no
//! zone (taken as UTC, as Gitaly writes it), also with `/` between the parts of the date, as nginx writes
//! its errors; `svlogd -tt`'s `2024-05-16_14:53:09.98174`; `25/Oct/2024:14:48:00 +0000` of access logs,
//! with HAProxy's fraction or without; seconds or milliseconds since 1970 as a number.

/// An instant with the precision it was written in.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Instant {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub ns: i64,
    /// Fractional digits, 0 to 9.
    pub digits: u8,
}

const NS: i64 = 1_000_000_000;

impl Instant {
    /// Reads an instant; `None` for anything that is not exactly one, or is out of range.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let marks = [bytes.get(2)?, bytes.get(6)?, bytes.get(11)?];
        if let [b'/', b'/', b':'] = marks {
            return Self::parse_access(bytes);
        }
        let year = number(bytes, 0, 4)?;
        let month = number(bytes, 5, 2)?;
        let day = number(bytes, 8, 2)?;
        let hour = number(bytes, 11, 2)?;
        let minute = number(bytes, 14, 2)?;
        let second = number(bytes, 17, 2)?;
        let marks = [
            bytes.get(4)?,
            bytes.get(7)?,
            bytes.get(10)?,
            bytes.get(13)?,
            bytes.get(16)?,
        ];
        let ([b'-', b'-', b'T' | b't' | b' ' | b'_', b':', b':'] | [b'/', b'/', b' ', b':', b':']) = marks
        else {
            return None;
        };
        Self::of([year, month, day, hour, minute, second], bytes.get(19..)?)
    }

    /// `25/Oct/2024:14:48:00 +0000`, `21/Jan/2021:02:08:02.812`.
    fn parse_access(bytes: &[u8]) -> Option<Self> {
        const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
        let name = bytes.get(3..6)?;
        let month = (1..).zip(MONTHS.chunks(3)).find(|(_, month)| *month == name)?.0;
        let [b':', b':'] = [bytes.get(14)?, bytes.get(17)?] else {
            return None;
        };
        let (day, year) = (number(bytes, 0, 2)?, number(bytes, 7, 4)?);
        let (hour, minute, second) = (
            number(bytes, 12, 2)?,
            number(bytes, 15, 2)?,
            number(bytes, 18, 2)?,
        );
        Self::of([year, month, day, hour, minute, second], bytes.get(20..)?)
    }

    /// An instant from its parts, and what follows the seconds.
    fn of([year, month, day, hour, minute, second]: [i64; 6], rest: &[u8]) -> Option<Self> {
        let (fraction, digits, rest) = fraction(rest)?;
        let offset = offset_seconds(rest)?;
        if !(1970..=2261).contains(&year)
            || !(1..=12).contains(&month)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        if day < 1 || day > days_in_month(year, month) {
            return None;
        }
        let seconds =
            days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
        Some(Self {
            ns: seconds.checked_mul(NS)?.checked_add(fraction)?,
            digits,
        })
    }

    /// Reads seconds since 1970 with an optional fraction, or whole milliseconds, as written in a
    /// JSON number.
    pub fn parse_epoch(text: &str) -> Option<Self> {
        let (whole, fraction_text) = text.split_once('.').unwrap_or((text, ""));
        if !whole.bytes().all(|byte| byte.is_ascii_digit()) || !(9..=13).contains(&whole.len()) {
            return None;
        }
        let whole: i64 = whole.parse().ok()?;
        if whole >= 100_000_000_000 {
            return fraction_text.is_empty().then_some(Self {
                ns: whole.checked_mul(1_000_000)?,
                digits: 3,
            });
        }
        let used = fraction_text.get(..fraction_text.len().min(9))?;
        if !fraction_text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut fraction: i64 = if used.is_empty() { 0 } else { used.parse().ok()? };
        for _ in used.len()..9 {
            fraction *= 10;
        }
        Some(Self {
            ns: whole.checked_mul(NS)?.checked_add(fraction)?,
            digits: used.len() as u8,
        })
    }

    /// RFC 3339 in UTC, as precise as the input.
    pub fn to_rfc3339(self) -> String {
        let (days, rest) = (self.ns.div_euclid(86_400 * NS), self.ns.rem_euclid(86_400 * NS));
        let (year, month, day) = civil_from_days(days);
        let seconds = rest / NS;
        let mut out = String::with_capacity(30);
        for (mark, value, digits) in [
            ("", year, 4),
            ("-", month, 2),
            ("-", day, 2),
            ("T", seconds / 3600, 2),
            (":", seconds / 60 % 60, 2),
            (":", seconds % 60, 2),
        ] {
            out.push_str(mark);
            push_number(&mut out, value, digits);
        }
        if self.digits > 0 {
            out.push('.');
            push_number(&mut out, rest % NS, 9);
            out.truncate(20 + usize::from(self.digits));
        }
        out.push('Z');
        out
    }
}

/// A number of at least this many digits. No part of an instant is negative: the years are 1677 to 2262.
fn push_number(out: &mut String, value: i64, digits: u32) {
    if digits > 1 || value > 9 {
        push_number(out, value / 10, digits.saturating_sub(1));
    }
    out.extend(u8::try_from(value % 10).map(|digit| char::from(b'0' + digit)));
}

fn number(bytes: &[u8], start: usize, len: usize) -> Option<i64> {
    bytes
        .get(start..start + len)?
        .iter()
        .try_fold(0i64, |value, byte| {
            byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
        })
}

/// The fraction in nanoseconds, its digits (at most nine are kept), and what follows it.
fn fraction(bytes: &[u8]) -> Option<(i64, u8, &[u8])> {
    let [b'.' | b',', rest @ ..] = bytes else {
        return Some((0, 0, bytes));
    };
    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if len == 0 || len > 18 {
        return None;
    }
    let used = len.min(9);
    let mut value = number(rest, 0, used)?;
    for _ in used..9 {
        value *= 10;
    }
    Some((value, used as u8, rest.get(len..)?))
}

fn offset_seconds(bytes: &[u8]) -> Option<i64> {
    let bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
    match bytes {
        b"" | b"Z" | b"z" | b"UTC" | b"GMT" => Some(0),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let hours = number(rest, 0, 2)?;
            let minutes = match rest.get(2..)? {
                [] => 0,
                [b':', _, _] => number(rest, 3, 2)?,
                [_, _] => number(rest, 2, 2)?,
                _ => return None,
            };
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a Gregorian date (the usual era arithmetic, years from March).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days - era * 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (
        year + era * 400 + i64::from(month <= 2),
        month,
        of_year - (153 * shifted + 2) / 5 + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_the_field() {
        for (text, want) in [
            ("2024-04-29T17:06:12.231Z", "2024-04-29T17:06:12.231Z"),
            ("2024-05-16T13:59:43Z", "2024-05-16T13:59:43Z"),
            ("2024-05-10T17:46:49.058+00:00", "2024-05-10T17:46:49.058Z"),
            ("2020-07-24T03:04:22-05:00", "2020-07-24T08:04:22Z"),
            ("2021-01-11T19:05:01.123+0100", "2021-01-11T18:05:01.123Z"),
            ("2024-05-10T17:50:02.066", "2024-05-10T17:50:02.066Z"),
            ("2024-05-16_14:53:09.98174", "2024-05-16T14:53:09.98174Z"),
            ("2015-02-12 19:34:53 +0200", "2015-02-12T17:34:53Z"),
            ("2020-07-14 06:29:40.960 GMT", "2020-07-14T06:29:40.960Z"),
            (
                "2024-02-29T00:00:00.123456789123Z",
                "2024-02-29T00:00:00.123456789Z",
            ),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(
                Instant::parse(text).map(Instant::to_rfc3339).as_deref(),
                Some(want),
                "{text}"
            );
        }
    }

    #[test]
    fn numbers_since_1970() {
        assert_eq!(
            Instant::parse_epoch("1712177946.730")
                .map(Instant::to_rfc3339)
                .as_deref(),
            Some("2024-04-03T20:59:06.730Z")
        );
        assert_eq!(
            Instant::parse_epoch("1712177946730")
                .map(Instant::to_rfc3339)
                .as_deref(),
            Some("2024-04-03T20:59:06.730Z")
        );
        for bad in [
            "",
            "12",
            "1.5e9",
            "-1712177946",
            "1712177946.x",
            "99999999999999999",
        ] {
            assert_eq!(Instant::parse_epoch(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_instant() {
        for text in [
            "",
            "2024-05-16",
            "2024-13-01T00:00:00Z",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00Zx",
            "2024-01-01T00:00:00+25:00",
            "2024-01-01T00:00:00 alice",
            "9999-01-01T00:00:00Z",
            "２024-01-01T00:00:00Z",
        ] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        let mut day = days_from_civil(1970, 1, 1);
        assert_eq!(day, 0);
        while day < 106_000 {
            let (year, month, dom) = civil_from_days(day);
            assert_eq!(days_from_civil(year, month, dom), day);
            day += 1;
        }
    }
}
