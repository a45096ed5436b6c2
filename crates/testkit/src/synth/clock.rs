//! Instants as milliseconds since the epoch, written without a formatter.

use super::pen::padded;

pub(crate) const DAY: i64 = 86_400_000;

/// `YYYY-MM-DD`, by Hinnant's civil-from-days.
pub(crate) fn date(days: i64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year.unsigned_abs(), month.unsigned_abs(), day.unsigned_abs())
}

/// Writes `YYYY-MM-DDTHH:MM:SS` with another character between date and time if asked.
pub(crate) fn seconds(to: &mut Vec<u8>, ms: i64, between: u8) {
    let (year, month, day) = date(ms.div_euclid(DAY));
    let second = ms.rem_euclid(DAY).unsigned_abs() / 1000;
    padded(to, year, 4);
    to.push(b'-');
    padded(to, month, 2);
    to.push(b'-');
    padded(to, day, 2);
    to.push(between);
    padded(to, second / 3600, 2);
    to.push(b':');
    padded(to, second / 60 % 60, 2);
    to.push(b':');
    padded(to, second % 60, 2);
}

/// Writes an instant with milliseconds and no zone.
pub(crate) fn millis(to: &mut Vec<u8>, ms: i64) {
    seconds(to, ms, b'T');
    to.push(b'.');
    padded(to, ms.rem_euclid(1000).unsigned_abs(), 3);
}

/// An instant as text, in seconds.
pub(crate) fn text(ms: i64) -> String {
    let mut out = Vec::new();
    seconds(&mut out, ms, b'T');
    out.push(b'Z');
    String::from_utf8_lossy(&out).into_owned()
}

/// `YYYYMMDD`.
pub(crate) fn compact(days: i64) -> String {
    let (year, month, day) = date(days);
    format!("{year:04}{month:02}{day:02}")
}

/// A TAI64N stamp, as svlogd puts into file names.
pub(crate) fn tai64n(ms: i64) -> String {
    let second = (1_i64 << 62) + 10 + ms.div_euclid(1000);
    format!("@{second:016x}{:08x}", ms.rem_euclid(1000) * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_agree_with_jiff() {
        for days in (0..40_000).step_by(17) {
            let (year, month, day) = date(days);
            let known = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(days);
            assert_eq!(format!("{year:04}-{month:02}-{day:02}"), known.to_string());
        }
    }

    #[test]
    fn stamps_are_those_of_svlogd() {
        assert!(
            tai64n(1_603_186_533_000).starts_with("@400000005f8eaf6f"),
            "2020-10-20T09:35:33Z"
        );
    }
}
