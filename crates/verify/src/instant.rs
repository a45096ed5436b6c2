//! Instants, as far as a verifier needs them: is it one, and which comes first.

/// A point in time, in UTC.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Instant {
    seconds: i64,
    nanos: u32,
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (head, rest) = self.0.split_at_checked(count)?;
        let number = head.iter().try_fold(0u32, |n, b| {
            b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0'))
        })?;
        self.0 = rest;
        Some(number)
    }

    fn one_of(&mut self, allowed: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        allowed.contains(&first).then(|| {
            self.0 = rest;
            first
        })
    }

    fn fraction(&mut self) -> Option<u32> {
        let count = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        Some(self.digits(count)? * 10u32.pow(9 - count as u32))
    }
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
fn days(year: u32, month: u32, day: u32) -> i64 {
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date(cursor: &mut Cursor<'_>) -> Option<i64> {
    let year = cursor.digits(4)?;
    cursor.one_of(b"-")?;
    let month = cursor.digits(2)?;
    cursor.one_of(b"-")?;
    let day = cursor.digits(2)?;
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    Some(days(year, month, day))
}

fn clock(cursor: &mut Cursor<'_>) -> Option<i64> {
    let hour = cursor.digits(2)?;
    cursor.one_of(b":")?;
    let minute = cursor.digits(2)?;
    cursor.one_of(b":")?;
    let second = cursor.digits(2)?;
    (hour < 24 && minute < 60 && second <= 60).then(|| i64::from(hour * 3600 + minute * 60 + second))
}

/// Seconds east of UTC, or nothing if there is no valid zone here.
fn zone(cursor: &mut Cursor<'_>) -> Option<i64> {
    if let Some(rest) = cursor.0.strip_prefix(b"UTC") {
        cursor.0 = rest;
        return Some(0);
    }
    let sign = match cursor.one_of(b"Z+-")? {
        b'Z' => return Some(0),
        b'+' => 1,
        _ => -1,
    };
    let hours = cursor.digits(2)?;
    let _ = cursor.one_of(b":");
    let minutes = cursor.digits(2)?;
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60))
}

impl Instant {
    /// Microseconds since 1970, rounded down.
    pub(crate) fn micros(self) -> Option<i64> {
        let whole = self.seconds.checked_mul(1_000_000)?;
        whole.checked_add(i64::from(self.nanos / 1000))
    }

    /// Year, month and day of a number of days since 1970, within the years that are written with
    /// four digits.
    pub(crate) fn date_of(day: i64) -> Option<(i64, i64, i64)> {
        let shifted = day.checked_add(719_468)?;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let of_era_year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let date = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = of_era_year + era * 400 + i64::from(month <= 2);
        (0..10_000).contains(&year).then_some((year, month, date))
    }

    /// The common column `time`: `YYYY-MM-DDTHH:MM:SS[.1-9 digits]Z`.
    pub(crate) fn column(text: &str) -> Option<Self> {
        let mut cursor = Cursor(text.as_bytes());
        let day = date(&mut cursor)?;
        cursor.one_of(b"T")?;
        let clock = clock(&mut cursor)?;
        let nanos = if cursor.one_of(b".").is_some() {
            cursor.fraction()?
        } else {
            0
        };
        (cursor.0 == b"Z").then_some(Self {
            seconds: day * 86_400 + clock,
            nanos,
        })
    }

    /// A field of class `time`: any of the notations that logs use, with or without a zone.
    pub(crate) fn field(text: &str) -> Option<Self> {
        let mut cursor = Cursor(text.as_bytes());
        let day = date(&mut cursor)?;
        cursor.one_of(b"T ")?;
        let clock = clock(&mut cursor)?;
        let nanos = if cursor.one_of(b".,").is_some() {
            cursor.fraction()?
        } else {
            0
        };
        let mut east = 0;
        if !cursor.0.is_empty() {
            let _ = cursor.one_of(b" ");
            east = zone(&mut cursor)?;
        }
        cursor.0.is_empty().then_some(Self {
            seconds: day * 86_400 + clock - east,
            nanos,
        })
    }

    /// An edge of a scope entry or window: an instant, or a date that stands for its midnight.
    pub(crate) fn edge(text: &str) -> Option<Self> {
        let mut cursor = Cursor(text.as_bytes());
        match date(&mut cursor) {
            Some(day) if cursor.0.is_empty() => Some(Self {
                seconds: day * 86_400,
                nanos: 0,
            }),
            _ => Self::field(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_utc_to_the_letter() {
        for good in [
            "2026-11-01T00:00:00Z",
            "2024-02-29T23:59:60Z",
            "2026-11-01T00:00:00.123456789Z",
        ] {
            assert!(Instant::column(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "2026-11-01",
            "2026-11-01 00:00:00Z",
            "2026-11-01T00:00:00",
            "2026-11-01T00:00:00z",
            "2026-11-01T00:00:00+00:00",
            "2026-11-01T00:00:00.Z",
            "2026-11-01T00:00:00.1234567890Z",
            "2026-11-01T24:00:00Z",
            "2026-13-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-11-01T00:00:00Zx",
        ] {
            assert!(Instant::column(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_day_and_its_date_are_the_same() {
        for day in -719_528..=2_932_896 {
            let (year, month, date) = Instant::date_of(day).expect("a year of four digits");
            let part = |n: i64| u32::try_from(n).expect("a part of a date");
            assert_eq!(days(part(year), part(month), part(date)), day);
        }
        assert_eq!(Instant::date_of(-719_529), None);
        assert_eq!(Instant::date_of(2_932_897), None);
    }

    #[test]
    fn notations_of_one_instant_are_equal() {
        let noon = Instant::field("2026-11-01T12:00:00Z");
        for same in [
            "2026-11-01 12:00:00 UTC",
            "2026-11-01T13:00:00+01:00",
            "2026-11-01 07:00:00 -0500",
            "2026-11-01T12:00:00,000",
            "2026-11-01T12:00:00",
        ] {
            assert_eq!(Instant::field(same), noon, "{same}");
        }
        assert!(Instant::edge("2026-11-01") < noon);
        assert_eq!(
            Instant::field("1970-01-01T00:00:01Z"),
            Some(Instant { seconds: 1, nanos: 0 })
        );
        assert_eq!(
            Instant::field("2000-03-01T00:00:00Z"),
            Some(Instant {
                seconds: 951_868_800,
                nanos: 0
            })
        );
    }
}
