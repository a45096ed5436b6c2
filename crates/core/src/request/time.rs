//! Instants as requests write them: an offset is required, precision is a nanosecond.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use toml::value::{Datetime, Offset};

const SECOND: i128 = 1_000_000_000;

/// Nanoseconds since 1970-01-01T00:00:00Z.
///
/// Covers the years 1678 to 2261. What lies outside is moved to the nearest end: no log is older,
/// and a request of a later year is refused as one from the future either way.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(pub i64);

impl Instant {
    /// Reads an RFC 3339 date and time with its offset, such as `2026-11-01T00:00:00Z`.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the text; does not repeat it.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let parsed = Datetime::from_str(text).map_err(|_| TimeError::Malformed)?;
        Self::from_datetime(&parsed)
    }

    /// As [`Instant::parse`], and a plain date means its first instant in UTC.
    pub(super) fn parse_or_date(text: &str) -> Result<Self, TimeError> {
        let parsed = Datetime::from_str(text).map_err(|_| TimeError::Malformed)?;
        Self::from_datetime_or_date(&parsed)
    }

    pub(super) fn from_datetime(value: &Datetime) -> Result<Self, TimeError> {
        let Some(date) = value.date else {
            return Err(TimeError::TimeOnly);
        };
        let Some(time) = value.time else {
            return Err(TimeError::DateOnly);
        };
        let minutes = match value.offset {
            Some(Offset::Z) => 0,
            Some(Offset::Custom { minutes }) => minutes,
            None => return Err(TimeError::NoOffset),
        };
        let year = i16::try_from(date.year).map_err(|_| TimeError::Malformed)?;
        let seconds = time.second.unwrap_or(0).cast_signed();
        // A leap second is the first second of the next minute, as POSIX clocks have it.
        let (second, leap) = if seconds == 60 { (59, SECOND) } else { (seconds, 0) };
        let malformed = |_| TimeError::Malformed;
        let date = Date::new(year, date.month.cast_signed(), date.day.cast_signed()).map_err(malformed)?;
        let nanosecond = time.nanosecond.unwrap_or(0).cast_signed();
        let time = Time::new(
            time.hour.cast_signed(),
            time.minute.cast_signed(),
            second,
            nanosecond,
        )
        .map_err(malformed)?;
        let utc = date
            .to_datetime(time)
            .to_zoned(TimeZone::UTC)
            .map_err(|_| TimeError::Malformed)?
            .timestamp();
        Ok(Self::saturate(
            utc.as_nanosecond() + leap - i128::from(minutes) * 60 * SECOND,
        ))
    }

    pub(super) fn from_datetime_or_date(value: &Datetime) -> Result<Self, TimeError> {
        match (value.date, value.time) {
            (Some(date), None) => {
                let time = toml::value::Time {
                    hour: 0,
                    minute: 0,
                    second: None,
                    nanosecond: None,
                };
                Self::from_datetime(&Datetime {
                    date: Some(date),
                    time: Some(time),
                    offset: Some(Offset::Z),
                })
            }
            _ => Self::from_datetime(value),
        }
    }

    pub(super) fn saturate(nanoseconds: i128) -> Self {
        let clamped = nanoseconds.clamp(i64::MIN.into(), i64::MAX.into());
        Self(i64::try_from(clamped).unwrap_or(i64::MAX))
    }

    /// One calendar month earlier in UTC, clamped to that month's length.
    #[must_use]
    pub fn month_before(self) -> Self {
        self.timestamp()
            .to_zoned(TimeZone::UTC)
            .checked_sub(1.month())
            .map_or(Self(i64::MIN), |earlier| {
                Self::saturate(earlier.timestamp().as_nanosecond())
            })
    }

    /// So many days of 24 hours earlier.
    #[must_use]
    pub fn days_before(self, days: u32) -> Self {
        Self::saturate(i128::from(self.0) - i128::from(days) * 86_400 * SECOND)
    }

    /// So many hours earlier.
    #[must_use]
    pub fn hours_before(self, hours: u32) -> Self {
        Self::saturate(i128::from(self.0) - i128::from(hours) * 3_600 * SECOND)
    }

    pub(super) fn timestamp(self) -> Timestamp {
        // Every i64 of nanoseconds lies inside the years that jiff knows.
        Timestamp::from_nanosecond(self.0.into()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    pub(super) fn to_datetime(self) -> Option<Datetime> {
        Datetime::from_str(&self.to_string()).ok()
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 in UTC with as many fraction digits as needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

/// Why a text is no instant.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// A date without a time of day.
    #[error("a date alone is no instant: add the time and its offset, as in 2026-11-01T00:00:00Z")]
    DateOnly,
    /// Not a date and time.
    #[error("not a date and time as RFC 3339 writes them, such as 2026-11-01T00:00:00Z")]
    Malformed,
    /// A date and time that may mean several instants.
    #[error("the time has no offset: add Z for UTC or the offset, as in 2026-11-01T00:00:00+01:00")]
    NoOffset,
    /// A time of day without a date.
    #[error("a time of day alone is no instant: add the date and the offset, as in 2026-11-01T00:00:00Z")]
    TimeOnly,
}

#[cfg(test)]
mod tests {
    use super::{Instant, TimeError};

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("a valid time")
    }

    #[test]
    fn offsets_fractions_and_leap_seconds() {
        assert_eq!(at("1970-01-01T00:00:01.000000001Z"), Instant(1_000_000_001));
        assert_eq!(at("2026-11-01T01:00:00+01:00"), at("2026-11-01T00:00:00Z"));
        assert_eq!(at("2026-10-31t22:30:00-01:30"), at("2026-11-01 00:00:00z"));
        assert_eq!(at("2016-12-31T23:59:60Z"), at("2017-01-01T00:00:00Z"));
        assert_eq!(
            at("2026-11-01T00:00:00.120Z").to_string(),
            "2026-11-01T00:00:00.12Z"
        );
    }

    #[test]
    fn far_years_saturate() {
        assert_eq!(at("2999-01-01T00:00:00Z"), Instant(i64::MAX));
        assert_eq!(at("0001-01-01T00:00:00Z"), Instant(i64::MIN));
        assert_eq!(at(&Instant(i64::MAX).to_string()), Instant(i64::MAX));
        assert_eq!(at(&Instant(i64::MIN).to_string()), Instant(i64::MIN));
        assert_eq!(Instant(i64::MIN).month_before(), Instant(i64::MIN));
    }

    #[test]
    fn what_is_no_instant_is_told() {
        for (text, error) in [
            ("2026-11-01T00:00:00", TimeError::NoOffset),
            ("2026-11-01", TimeError::DateOnly),
            ("12:00:00", TimeError::TimeOnly),
            ("2026-02-30T00:00:00Z", TimeError::Malformed),
            ("2026-13-01T00:00:00Z", TimeError::Malformed),
            ("yesterday", TimeError::Malformed),
            ("", TimeError::Malformed),
            ("2026-11-01T24:00:00Z", TimeError::Malformed),
        ] {
            assert_eq!(Instant::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn months_are_clamped() {
        for (late, early) in [
            ("2026-03-31T12:00:00Z", "2026-02-28T12:00:00Z"),
            ("2024-03-31T12:00:00.000000001Z", "2024-02-29T12:00:00.000000001Z"),
            ("2024-03-29T00:00:00Z", "2024-02-29T00:00:00Z"),
            ("2026-01-31T00:00:00Z", "2025-12-31T00:00:00Z"),
            ("2026-12-31T23:59:59Z", "2026-11-30T23:59:59Z"),
            ("2000-03-30T00:00:00Z", "2000-02-29T00:00:00Z"),
            ("2100-03-30T00:00:00Z", "2100-02-28T00:00:00Z"),
        ] {
            assert_eq!(at(late).month_before(), at(early), "{late}");
        }
    }
}
