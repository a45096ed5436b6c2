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
    padded(to, year, 4);
    to.push(b'-');
    padded(to, month, 2);
    to.push(b'-');
    padded(to, day, 2);
    to.push(between);
    of_day(to, ms);
}

/// Writes an instant with milliseconds and no zone.
pub(crate) fn millis(to: &mut Vec<u8>, ms: i64) {
    seconds(to, ms, b'T');
    to.push(b'.');
    padded(to, ms.rem_euclid(1000).unsigned_abs(), 3);
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

fn month(of: u64) -> &'static str {
    MONTHS[(of as usize + 11) % 12]
}

/// Writes `03/Nov/2026:15:00:00`, as access logs do.
pub(crate) fn access(to: &mut Vec<u8>, ms: i64) {
    let (year, number, day) = date(ms.div_euclid(DAY));
    padded(to, day, 2);
    to.push(b'/');
    to.extend_from_slice(month(number).as_bytes());
    to.push(b'/');
    padded(to, year, 4);
    to.push(b':');
    of_day(to, ms);
}

/// Writes `Nov  3 15:00:00`.
pub(crate) fn syslog(to: &mut Vec<u8>, ms: i64) {
    let (_, number, day) = date(ms.div_euclid(DAY));
    to.extend_from_slice(month(number).as_bytes());
    to.extend_from_slice(if day < 10 { b"  " } else { b" " });
    padded(to, day, if day < 10 { 1 } else { 2 });
    to.push(b' ');
    of_day(to, ms);
}

/// Writes `HH:MM:SS`.
fn of_day(to: &mut Vec<u8>, ms: i64) {
    let second = ms.rem_euclid(DAY).unsigned_abs() / 1000;
    padded(to, second / 3600, 2);
    to.push(b':');
    padded(to, second / 60 % 60, 2);
    to.push(b':');
    padded(to, second % 60, 2);
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
    fn access_logs_have_their_own_notation() {
        let ms = 1_793_631_600_812; // 2026-11-02T17:00:00.812Z
        let mut out = Vec::new();
        access(&mut out, ms);
        out.push(b' ');
        syslog(&mut out, ms + 10 * DAY);
        out.push(b' ');
        syslog(&mut out, ms);
        let text = String::from_utf8_lossy(&out);
        let known = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
        assert_eq!(
            text,
            format!(
                "{} {} {}",
                known.strftime("%d/%b/%Y:%H:%M:%S"),
                (known + jiff::SignedDuration::from_hours(240)).strftime("%b %e %H:%M:%S"),
                known.strftime("%b %e %H:%M:%S")
            )
        );
    }

    #[test]
    fn stamps_are_those_of_svlogd() {
        assert!(
            tai64n(1_603_186_533_000).starts_with("@400000005f8eaf6f"),
            "2020-10-20T09:35:33Z"
        );
    }
}
