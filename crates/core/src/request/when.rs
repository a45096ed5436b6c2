//! Times as people type them: `7d`, `yesterday`, `2026-11-01 09:00 Europe/Berlin`.
//!
//! A text means one instant or is an error that says what to write instead. Spans are counted in UTC,
//! as the conditions count them: a day is 24 hours, a month a calendar month. Days and times of day
//! are those of a zone, UTC unless another is given.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use jiff::{Span, ToSpan as _};

use super::Instant;
use super::near;

const SECOND: i128 = 1_000_000_000;
/// What is shown when nothing better can be said.
const FORMS: &str = "write 2026-11-01, 2026-11-01 09:00, 2026-11-01T09:00:00+01:00, today, yesterday 18:00, last monday, or a span back from now such as 90m, 36h, 7d, 2w, 1mo";

/// A text that is no time, or more than one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct WhenError {
    reason: String,
    hint: String,
}

impl WhenError {
    fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            hint: hint.into(),
        }
    }

    /// What to write instead.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

/// A time zone, from the data that is part of this library: the same on every host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Default for Zone {
    fn default() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: TimeZone::UTC,
        }
    }
}

impl Zone {
    /// Reads `UTC`, an offset such as `+01:00`, or a name of the tz database such as `Europe/Berlin`.
    ///
    /// # Errors
    /// For anything else. Abbreviations are refused, since each stands for several offsets.
    pub fn parse(text: &str) -> Result<Self, WhenError> {
        let text = text.trim();
        let folded = text.to_ascii_lowercase();
        if matches!(folded.as_str(), "z" | "utc" | "gmt") {
            return Ok(Self::default());
        }
        if text.starts_with(['+', '-']) {
            return fixed(text);
        }
        for prefix in ["utc", "gmt"] {
            if let Some(rest) = folded
                .strip_prefix(prefix)
                .filter(|rest| rest.starts_with(['+', '-']))
            {
                let hint = fixed(rest).map_or_else(
                    |_| "write an offset such as +01:00".to_owned(),
                    |zone| format!("write {}", zone.name),
                );
                return Err(WhenError::new(
                    format!("\"{}\" is no time zone", text.escape_debug()),
                    hint,
                ));
            }
        }
        if let Some((_, means)) = ABBREVIATIONS.iter().find(|(short, _)| *short == folded) {
            return Err(WhenError::new(
                format!(
                    "{} is an abbreviation, no time zone: it stands for more than one offset",
                    folded.to_ascii_uppercase()
                ),
                format!("write {means}"),
            ));
        }
        let zones = TimeZoneDatabase::bundled();
        if let Ok(rules) = zones.get(text) {
            let name = rules.iana_name().unwrap_or(text).to_owned();
            return Ok(Self { name, rules });
        }
        let names: Vec<String> = zones.available().map(|name| name.to_string()).collect();
        let names = || names.iter().map(String::as_str);
        let place = folded.replace(' ', "_");
        let city: Vec<&str> = names()
            .filter(|name| {
                name.rsplit_once('/')
                    .is_some_and(|(_, city)| city.eq_ignore_ascii_case(&place))
            })
            .collect();
        let near = if city.is_empty() {
            near::nearest(text, names())
        } else {
            city
        };
        Err(WhenError::new(
            format!("there is no time zone \"{}\"", text.escape_debug()),
            near::did_you_mean(&near).unwrap_or_else(|| {
                "write UTC, an offset such as +01:00, or a name such as Europe/Berlin".to_owned()
            }),
        ))
    }

    /// Its name, or its offset.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first instant of a day.
    fn begin_of(&self, date: Date) -> Result<Instant, WhenError> {
        // At a change of the clock, the first that is there.
        date.to_zoned(self.rules.clone())
            .map(|zoned| Instant::saturate(zoned.timestamp().as_nanosecond()))
            .map_err(|_| out_of_range())
    }

    /// The one instant at which clocks show this.
    fn instant(&self, at: DateTime) -> Result<Instant, WhenError> {
        let ambiguous = self.rules.to_ambiguous_zoned(at);
        let shown = at.strftime("%F %T%.f");
        let with = |offset: Offset| format!("{}{}", at.strftime("%FT%T%.f"), offset_text(offset));
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => ambiguous
                .unambiguous()
                .map(|zoned| Instant::saturate(zoned.timestamp().as_nanosecond()))
                .map_err(|_| out_of_range()),
            AmbiguousOffset::Gap { before, after } => Err(WhenError::new(
                format!(
                    "{shown} does not exist in {}: clocks are put forward then, from {} to {}",
                    self.name,
                    offset_text(before),
                    offset_text(after)
                ),
                format!(
                    "write a time before or after the change, or add the offset: {}",
                    with(before)
                ),
            )),
            AmbiguousOffset::Fold { before, after } => Err(WhenError::new(
                format!("{shown} comes twice in {}: clocks are put back then", self.name),
                format!(
                    "write {} for the first or {} for the second",
                    with(before),
                    with(after)
                ),
            )),
        }
    }
}

/// Abbreviations that people write, with what they may mean.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("cet", "+01:00, or Europe/Berlin for its summer time too"),
    ("cest", "+02:00, or Europe/Berlin"),
    ("met", "+01:00, or Europe/Berlin for its summer time too"),
    ("mest", "+02:00, or Europe/Berlin"),
    ("wet", "+00:00, or Europe/Lisbon for its summer time too"),
    ("west", "+01:00, or Europe/Lisbon"),
    ("eet", "+02:00, or Europe/Helsinki for its summer time too"),
    ("eest", "+03:00, or Europe/Helsinki"),
    (
        "bst",
        "+01:00 or Europe/London for Britain, +06:00 for Bangladesh",
    ),
    ("msk", "+03:00, or Europe/Moscow"),
    ("ist", "+05:30 for India, +01:00 for Ireland, +02:00 for Israel"),
    ("cst", "-06:00 or America/Chicago, +08:00 or Asia/Shanghai"),
    ("cdt", "-05:00, or America/Chicago"),
    ("est", "-05:00, or America/New_York for its summer time too"),
    ("edt", "-04:00, or America/New_York"),
    ("mst", "-07:00, or America/Denver for its summer time too"),
    ("mdt", "-06:00, or America/Denver"),
    ("pst", "-08:00, or America/Los_Angeles for its summer time too"),
    ("pdt", "-07:00, or America/Los_Angeles"),
    ("hst", "-10:00, or Pacific/Honolulu"),
    ("jst", "+09:00, or Asia/Tokyo"),
    ("kst", "+09:00, or Asia/Seoul"),
    ("sgt", "+08:00, or Asia/Singapore"),
    ("aest", "+10:00, or Australia/Sydney for its summer time too"),
    ("aedt", "+11:00, or Australia/Sydney"),
    ("nzst", "+12:00, or Pacific/Auckland for its summer time too"),
    ("nzdt", "+13:00, or Pacific/Auckland"),
    (
        "local",
        "the zone's name, such as Europe/Berlin: that of this host is not asked",
    ),
];

/// `+01:00`, `+0100`, `+01`.
fn fixed(text: &str) -> Result<Zone, WhenError> {
    let wrong = || {
        WhenError::new(
            format!("\"{}\" is no offset from UTC", text.escape_debug()),
            "write hours and minutes, from -12:00 to +14:00, such as +01:00",
        )
    };
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ => return Err(wrong()),
    };
    let (hours, minutes) = match (digits.len(), digits.split_once(':')) {
        (5, Some(both)) => both,
        (4, None) => digits.split_at_checked(2).ok_or_else(wrong)?,
        (2, None) => (digits, "00"),
        _ => return Err(wrong()),
    };
    let number = |text: &str| number::<i32>(text).filter(|_| text.len() == 2).ok_or_else(wrong);
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let seconds = sign * (hours * 3_600 + minutes * 60);
    if minutes > 59 || !(-12 * 3_600..=14 * 3_600).contains(&seconds) {
        return Err(wrong());
    }
    let offset = Offset::from_seconds(seconds).map_err(|_| wrong())?;
    Ok(Zone {
        name: offset_text(offset),
        rules: offset.to_time_zone(),
    })
}

fn offset_text(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Digits alone, without a sign.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse()
        .ok()
        .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn out_of_range() -> WhenError {
    WhenError::new("the time is out of range", "years go from 1678 to 2261")
}

impl Instant {
    /// What a person means by a time, as `--since` and `--until` take it.
    ///
    /// `now`, `today`, `yesterday`, `last monday`, a date, or a time of day alone or after one of
    /// them, each with a zone behind it or else in `zone`; a span back from `now`, such as `90m`,
    /// `2 hours ago`, `1w 3d`, `1mo`; seconds since 1970, such as `@1793523600`. A day stands for its
    /// first instant.
    ///
    /// ```
    /// use decostop::request::{Instant, Zone};
    ///
    /// let now = Instant::parse("2026-11-08T10:00:00Z")?;
    /// let at = |text| Instant::parse_when(text, now, &Zone::default()).map(|at| at.to_string());
    /// assert_eq!(at("7d")?, "2026-11-01T10:00:00Z");
    /// assert_eq!(at("yesterday 09:00 Europe/Berlin")?, "2026-11-07T08:00:00Z");
    /// assert!(at("2026-10-25 02:30 Europe/Berlin").is_err()); // comes twice
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the text means no instant or more than one, with what to write instead.
    pub fn parse_when(text: &str, now: Self, zone: &Zone) -> Result<Self, WhenError> {
        let text = text.trim();
        let folded = text.to_ascii_lowercase();
        if folded == "now" {
            return Ok(now);
        }
        if let Some(digits) = folded.strip_prefix('@') {
            return number::<i64>(digits)
                .map(|seconds| Self::saturate(i128::from(seconds) * SECOND))
                .ok_or_else(|| {
                    WhenError::new("`@` is followed by seconds since 1970", "such as @1793523600")
                });
        }
        vague(&folded)?;
        if let Some((day, rest)) = day(&folded, text)? {
            return at(day, rest, now, zone);
        }
        if time_of_day(&folded).is_some() {
            return at(Day::Back(0), text, now, zone);
        }
        span(text, now)
    }
}

#[derive(Clone, Copy)]
enum Day {
    /// So many days before today; tomorrow is -1.
    Back(i32),
    Last(Weekday),
    Given(Date),
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

fn weekday(word: &str) -> Option<(&'static str, Weekday)> {
    WEEKDAYS
        .iter()
        .find(|(name, _)| *name == word || (word.len() == 3 && name.starts_with(word)))
        .copied()
}

/// Refuses what people say and what may be meant in more than one way.
fn vague(text: &str) -> Result<(), WhenError> {
    let mut words = text.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let told = |hint: String| {
        Err(WhenError::new(
            format!("\"{}\" may mean more than one time", text.escape_debug()),
            hint,
        ))
    };
    if let Some((name, _)) = weekday(first) {
        return told(format!("write `last {name}`, or a date"));
    }
    match (first, second) {
        ("last" | "past" | "this", "week") => told("write 7d, `last monday`, or a date".to_owned()),
        ("last" | "past" | "this", "month") => told("write 1mo, or the date of its first day".to_owned()),
        ("last" | "past" | "this", "year") => told("write 1y, or the date of its first day".to_owned()),
        ("last" | "past" | "this", "day" | "hour" | "minute") => {
            told("write 1d, 1h, today or yesterday".to_owned())
        }
        ("last", "night") | ("tonight", _) => {
            told("write yesterday with a time, such as `yesterday 20:00`".to_owned())
        }
        _ => Ok(()),
    }
}

/// The day that a text begins with, and the rest of the text.
fn day<'t>(folded: &str, text: &'t str) -> Result<Option<(Day, &'t str)>, WhenError> {
    let rest = |len: usize| text.get(len..).unwrap_or_default();
    let mut words = folded.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    let back = match first {
        "today" => Some(0),
        "yesterday" => Some(1),
        "tomorrow" => Some(-1),
        _ => None,
    };
    if let Some(back) = back {
        return Ok(Some((Day::Back(back), rest(first.len()))));
    }
    if let ("last", Some(word)) = (first, second)
        && let Some((_, weekday)) = weekday(word)
    {
        let len = folded.find(word).unwrap_or_default() + word.len();
        return Ok(Some((Day::Last(weekday), rest(len))));
    }
    let (head, tail) = match first.find('t') {
        Some(mark)
            if first.starts_with(|first: char| first.is_ascii_digit()) && first.contains(['-', '/']) =>
        {
            (first.get(..mark).unwrap_or(first), rest(mark + 1))
        }
        _ => (first, rest(first.len())),
    };
    Ok(date(head)?.map(|date| (Day::Given(date), tail)))
}

/// A date, if the text looks like one.
fn date(text: &str) -> Result<Option<Date>, WhenError> {
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() < 2 || !parts.iter().all(digits) {
        return Ok(None);
    }
    let shown = text.escape_debug();
    let value = |at: usize| parts.get(at).and_then(|part| number::<i16>(part)).unwrap_or(-1);
    let lens: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let civil = |year: i16, month: i16, day: i16| {
        let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        Date::new(year, month, day).ok()
    };
    let iso = "dates are written year-month-day, such as 2026-11-01";
    match lens.as_slice() {
        [4, 2, 2] if text.matches('-').count() == 2 => {
            civil(value(0), value(1), value(2)).map(Some).ok_or_else(|| {
                let month = civil(value(0), value(1), 1);
                let reason = month.map_or_else(
                    || format!("there is no month {}", parts.get(1).copied().unwrap_or_default()),
                    |month| format!("{} has {} days", month.strftime("%B %Y"), month.days_in_month()),
                );
                WhenError::new(format!("{shown} does not exist: {reason}"), iso)
            })
        }
        [4, 1 | 2, 1 | 2] => {
            let hint = civil(value(0), value(1), value(2))
                .map_or_else(|| iso.to_owned(), |date| format!("write {date}"));
            Err(WhenError::new(
                format!("{shown} is not written as dates are"),
                hint,
            ))
        }
        [1 | 2, 1 | 2, 4] => {
            let (us, other) = (
                civil(value(2), value(0), value(1)),
                civil(value(2), value(1), value(0)),
            );
            Err(match (us, other) {
                (Some(us), Some(other)) if us != other => WhenError::new(
                    format!(
                        "{shown} may be a day of {} or of {}",
                        other.strftime("%B"),
                        us.strftime("%B")
                    ),
                    format!("write {other} or {us}"),
                ),
                (Some(date), _) | (None, Some(date)) => WhenError::new(
                    format!("{shown} is not written as dates are"),
                    format!("write {date}"),
                ),
                (None, None) => WhenError::new(format!("{shown} is no date"), iso),
            })
        }
        [4, 1 | 2] if text.contains('-') => Err(WhenError::new(
            format!("{shown} is a month, not a day"),
            format!("write its first day, {:04}-{:02}-01", value(0), value(1)),
        )),
        _ => Ok(None),
    }
}

/// `09:00`, `9:00:30.5` at the begin of a text, and what comes after it.
fn time_of_day(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && !":.,".contains(letter))
        .unwrap_or(text.len());
    let (time, rest) = text.split_at_checked(end)?;
    (time.contains(':') && time.starts_with(|first: char| first.is_ascii_digit())).then_some((time, rest))
}

/// An instant of a day: its first, or that of the time behind it; in the zone behind that.
fn at(day: Day, rest: &str, now: Instant, zone: &Zone) -> Result<Instant, WhenError> {
    let rest = rest.trim();
    let (time, behind) = match time_of_day(rest) {
        Some((time, behind)) => (Some(time), behind.trim()),
        None => (None, rest),
    };
    for suffix in ["am", "pm", "a.m.", "p.m.", "h", "uhr"] {
        if behind.eq_ignore_ascii_case(suffix) {
            return Err(WhenError::new(
                "times of day are written with 24 hours",
                "such as 09:00 or 21:00",
            ));
        }
    }
    if time.is_none() && behind.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(WhenError::new(
            format!("\"{}\" is no time of day", behind.escape_debug()),
            "write hours and minutes, such as 09:00",
        ));
    }
    let own;
    let zone = if behind.is_empty() {
        zone
    } else {
        let name = behind
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(behind);
        if name.contains('[') {
            return Err(WhenError::new(
                "an offset and a zone at once",
                "write one of them",
            ));
        }
        own = Zone::parse(name)?;
        &own
    };
    let today = now.timestamp().to_zoned(zone.rules.clone()).date();
    let date = match day {
        Day::Given(date) => Ok(date),
        Day::Back(days) => today.checked_sub(days.days()),
        Day::Last(weekday) => today.nth_weekday(-1, weekday),
    }
    .map_err(|_| out_of_range())?;
    let Some(time) = time else {
        return zone.begin_of(date);
    };
    let (time, leap) = clock(time)?;
    let instant = zone.instant(date.to_datetime(time))?;
    Ok(Instant::saturate(i128::from(instant.0) + leap))
}

/// A time of day, and what a leap second adds to it: it is the first second of the next minute, as
/// POSIX clocks have it.
fn clock(text: &str) -> Result<(Time, i128), WhenError> {
    let wrong = || {
        WhenError::new(
            format!("\"{}\" is no time of day", text.escape_debug()),
            "write hours and minutes, such as 09:00, or 09:00:30.5",
        )
    };
    let (whole, fraction) = match text.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, fraction),
        None => (text, "0"),
    };
    let parts: Vec<i8> = whole
        .split(':')
        .map(|part| number(part).filter(|_| part.len() <= 2).ok_or_else(wrong))
        .collect::<Result<_, _>>()?;
    let (hour, minute, second) = match *parts.as_slice() {
        [hour, minute] if fraction == "0" => (hour, minute, 0),
        [hour, minute, second] => (hour, minute, second),
        _ => return Err(wrong()),
    };
    if hour == 24 {
        return Err(WhenError::new(
            "a day has no 24:00",
            "write 00:00 of the next day",
        ));
    }
    if fraction.is_empty() || fraction.len() > 9 {
        return Err(wrong());
    }
    let nanosecond = number::<i32>(&format!("{fraction:0<9}")).ok_or_else(wrong)?;
    let (second, leap) = if second == 60 { (59, SECOND) } else { (second, 0) };
    let time = Time::new(hour, minute, second, nanosecond).map_err(|_| wrong())?;
    Ok((time, leap))
}

/// A span back from now.
fn span(text: &str, now: Instant) -> Result<Instant, WhenError> {
    let unclear = || WhenError::new(format!("\"{}\" is no time", text.escape_debug()), FORMS);
    if let Some(forward) = text.strip_prefix('-') {
        return span(forward, now).and_then(|_| {
            Err(WhenError::new(
                "spans have no sign",
                format!("write {forward}, which is counted back from now"),
            ))
        });
    }
    let mut rest = text;
    for word in ["last ", "past "] {
        let behind = rest.get(word.len()..).unwrap_or_default().trim_start();
        if rest
            .get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
            && behind.starts_with(|first: char| first.is_ascii_digit())
        {
            rest = behind;
        }
    }
    if let Some((head, word)) = rest.rsplit_once(|letter: char| letter.is_whitespace())
        && word.eq_ignore_ascii_case("ago")
    {
        rest = head.trim_end();
    }
    let (mut months, mut seconds, mut seen) = (0_i64, 0_i128, Vec::new());
    while !rest.is_empty() {
        let digits = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(rest.len());
        let (count, behind) = rest.split_at_checked(digits).ok_or_else(unclear)?;
        let behind = behind.trim_start();
        let letters = behind
            .find(|letter: char| !letter.is_ascii_alphabetic())
            .unwrap_or(behind.len());
        let (word, behind) = behind.split_at_checked(letters).ok_or_else(unclear)?;
        if count.is_empty() {
            return Err(unclear());
        }
        if word.is_empty() {
            return Err(if behind.starts_with(['.', ',']) {
                WhenError::new("spans are counted in whole numbers", "write 90m instead of 1.5h")
            } else {
                WhenError::new(
                    format!("\"{}\" has no unit", text.escape_debug()),
                    format!("write {count}m, {count}h or {count}d; seconds since 1970 are written @{count}"),
                )
            });
        }
        if word == "M" {
            return Err(WhenError::new(
                "`M` may be minutes or months",
                format!("write {count}m or {count}mo"),
            ));
        }
        let unit = unit(&word.to_ascii_lowercase()).ok_or_else(unclear)?;
        let count: u32 = number(count).ok_or_else(out_of_range)?;
        if seen.contains(&unit) {
            return Err(unclear());
        }
        seen.push(unit);
        match unit {
            Unit::Months(each) => months += i64::from(count) * each,
            Unit::Seconds(each) => seconds += i128::from(count) * each,
        }
        rest = behind.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ',');
    }
    if seen.is_empty() {
        return Err(unclear());
    }
    let begin = Span::new()
        .try_months(months)
        .and_then(|months| now.timestamp().to_zoned(TimeZone::UTC).checked_sub(months))
        .map_err(|_| out_of_range())?;
    Ok(Instant::saturate(
        begin.timestamp().as_nanosecond() - seconds * SECOND,
    ))
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Unit {
    Seconds(i128),
    Months(i64),
}

fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Seconds(1),
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Seconds(60),
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Seconds(3_600),
        "d" | "day" | "days" => Unit::Seconds(86_400),
        "w" | "wk" | "wks" | "week" | "weeks" => Unit::Seconds(7 * 86_400),
        "mo" | "mos" | "month" | "months" => Unit::Months(1),
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Months(12),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Sunday.
    const NOW: &str = "2026-11-08T09:30:00Z";

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("a valid time")
    }

    fn when(text: &str, now: &str, zone: &str) -> Result<Instant, WhenError> {
        Instant::parse_when(text, at(now), &Zone::parse(zone)?)
    }

    #[test]
    fn what_people_type() {
        for (text, want) in [
            ("now", "2026-11-08T09:30:00Z"),
            ("today", "2026-11-08T00:00:00Z"),
            ("Yesterday", "2026-11-07T00:00:00Z"),
            ("tomorrow", "2026-11-09T00:00:00Z"),
            ("yesterday 18:00", "2026-11-07T18:00:00Z"),
            ("today 9:05", "2026-11-08T09:05:00Z"),
            ("09:00", "2026-11-08T09:00:00Z"),
            ("09:00+01:00", "2026-11-08T08:00:00Z"),
            ("last monday", "2026-11-02T00:00:00Z"),
            ("last sunday", "2026-11-01T00:00:00Z"),
            ("last sat", "2026-11-07T00:00:00Z"),
            ("last  friday 17:00 Europe/Berlin", "2026-11-06T16:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01 09:00", "2026-11-01T09:00:00Z"),
            ("2026-11-01T09:00", "2026-11-01T09:00:00Z"),
            ("2026-11-01T09:00:00.25Z", "2026-11-01T09:00:00.25Z"),
            ("2026-11-01t09:00:00z", "2026-11-01T09:00:00Z"),
            ("2026-11-01T09:00:00+01:00", "2026-11-01T08:00:00Z"),
            ("2026-11-01 09:00 +0100", "2026-11-01T08:00:00Z"),
            ("2026-11-01 09:00 -03", "2026-11-01T12:00:00Z"),
            ("2026-11-01 09:00 Europe/Berlin", "2026-11-01T08:00:00Z"),
            ("2026-11-01 09:00 europe/berlin", "2026-11-01T08:00:00Z"),
            ("2026-07-01 09:00[Europe/Berlin]", "2026-07-01T07:00:00Z"),
            ("2026-11-01 Europe/Berlin", "2026-10-31T23:00:00Z"),
            ("2026-11-01 09:00 UTC", "2026-11-01T09:00:00Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("@1793523600", "2026-11-01T09:00:00Z"),
            ("@0", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(when(text, NOW, "UTC"), Ok(at(want)), "{text}");
        }
    }

    #[test]
    fn spans_are_counted_back_in_utc() {
        for (text, now, want) in [
            ("7d", NOW, "2026-11-01T09:30:00Z"),
            ("7 d", NOW, "2026-11-01T09:30:00Z"),
            ("90m", NOW, "2026-11-08T08:00:00Z"),
            ("36h", NOW, "2026-11-06T21:30:00Z"),
            ("2w", NOW, "2026-10-25T09:30:00Z"),
            (" 30s ", NOW, "2026-11-08T09:29:30Z"),
            ("0d", NOW, NOW),
            ("2 hours ago", NOW, "2026-11-08T07:30:00Z"),
            ("3 days", NOW, "2026-11-05T09:30:00Z"),
            ("last 3 days", NOW, "2026-11-05T09:30:00Z"),
            ("1w 3d", NOW, "2026-10-29T09:30:00Z"),
            ("1h30m ago", NOW, "2026-11-08T08:00:00Z"),
            ("1 day, 2 hours AGO", NOW, "2026-11-07T07:30:00Z"),
            ("1mo", NOW, "2026-10-08T09:30:00Z"),
            ("1mo", "2026-03-31T12:00:00Z", "2026-02-28T12:00:00Z"),
            ("1 month", "2024-03-31T12:00:00Z", "2024-02-29T12:00:00Z"),
            ("1y", "2024-02-29T00:00:00Z", "2023-02-28T00:00:00Z"),
            ("1mo 1d", "2026-03-31T12:00:00Z", "2026-02-27T12:00:00Z"),
            ("24h", "2024-03-01T06:00:00Z", "2024-02-29T06:00:00Z"),
        ] {
            assert_eq!(when(text, now, "UTC"), Ok(at(want)), "{text}");
            // A zone changes what a day is, never how long a span is.
            assert_eq!(when(text, now, "America/New_York"), Ok(at(want)), "{text}");
        }
    }

    #[test]
    fn days_and_times_are_those_of_the_zone() {
        for (text, now, zone, want) in [
            (
                "today",
                "2026-11-08T23:30:00Z",
                "Europe/Berlin",
                "2026-11-08T23:00:00Z",
            ),
            (
                "yesterday",
                "2026-11-08T23:30:00Z",
                "Europe/Berlin",
                "2026-11-07T23:00:00Z",
            ),
            ("today", NOW, "Pacific/Kiritimati", "2026-11-07T10:00:00Z"),
            ("2026-07-01 09:00", NOW, "Europe/Berlin", "2026-07-01T07:00:00Z"),
            ("2026-11-01 09:00Z", NOW, "Europe/Berlin", "2026-11-01T09:00:00Z"),
            ("2026-11-01", NOW, "-02:30", "2026-11-01T02:30:00Z"),
            (
                "last monday",
                "2026-11-08T23:30:00Z",
                "Europe/Berlin",
                "2026-11-01T23:00:00Z",
            ),
            // Yesterday had 25 hours.
            (
                "yesterday",
                "2026-10-26T12:00:00Z",
                "Europe/Berlin",
                "2026-10-24T22:00:00Z",
            ),
            // Midnight does not exist, and comes twice: the day begins with its first instant.
            ("2026-04-24", NOW, "Africa/Cairo", "2026-04-23T22:00:00Z"),
            ("2026-11-01", NOW, "America/Havana", "2026-11-01T04:00:00Z"),
        ] {
            assert_eq!(when(text, now, zone), Ok(at(want)), "{text} {zone}");
        }
    }

    #[test]
    fn what_means_no_time_or_several_is_told() {
        for (text, zone, reason, hint) in [
            (
                "2026-10-25 02:30",
                "Europe/Berlin",
                "2026-10-25 02:30:00 comes twice in Europe/Berlin: clocks are put back then",
                "write 2026-10-25T02:30:00+02:00 for the first or 2026-10-25T02:30:00+01:00 for the second",
            ),
            (
                "2026-03-29 02:30 Europe/Berlin",
                "UTC",
                "2026-03-29 02:30:00 does not exist in Europe/Berlin: clocks are put forward then, from +01:00 to +02:00",
                "2026-03-29T02:30:00+01:00",
            ),
            ("2026-04-24 00:30", "Africa/Cairo", "does not exist", "offset"),
            (
                "09:00 CET",
                "UTC",
                "CET is an abbreviation",
                "+01:00, or Europe/Berlin",
            ),
            ("today IST", "UTC", "IST is an abbreviation", "+05:30"),
            ("09:00 UTC+2", "UTC", "no time zone", "an offset such as +01:00"),
            ("09:00 UTC+02:00", "UTC", "no time zone", "write +02:00"),
            ("09:00 Berlin", "UTC", "no time zone \"Berlin\"", "Europe/Berlin"),
            ("09:00 Europe/Berlim", "UTC", "no time zone", "Europe/Berlin"),
            ("09:00 +15:00", "UTC", "no offset", "+01:00"),
            ("09:00 +1", "UTC", "no offset", "+01:00"),
            ("2026-11-01T09:00+01:00[Europe/Berlin]", "UTC", "at once", ""),
            ("monday", "UTC", "more than one", "last monday"),
            ("fri 12:00", "UTC", "more than one", "last friday"),
            ("last week", "UTC", "more than one", "7d"),
            ("last month", "UTC", "more than one", "1mo"),
            ("last night", "UTC", "more than one", "yesterday 20:00"),
            (
                "11/01/2026",
                "UTC",
                "January or of November",
                "write 2026-01-11 or 2026-11-01",
            ),
            ("13.11.2026", "UTC", "not written as", "write 2026-11-13"),
            ("11.11.2026", "UTC", "not written as", "write 2026-11-11"),
            ("2026/11/01", "UTC", "not written as", "write 2026-11-01"),
            ("2026-11-1", "UTC", "not written as", "write 2026-11-01"),
            ("2026-11", "UTC", "a month", "2026-11-01"),
            ("2026-02-29", "UTC", "February 2026 has 28 days", "year-month-day"),
            ("2026-13-01", "UTC", "no month 13", "year-month-day"),
            ("2026-11-01 24:00", "UTC", "no 24:00", "next day"),
            ("2026-11-01 9", "UTC", "no time of day", "09:00"),
            ("2026-11-01 25:00", "UTC", "no time of day", "09:00"),
            ("9:00 pm", "UTC", "24 hours", "21:00"),
            ("7", "UTC", "no unit", "7d"),
            ("1793523600", "UTC", "no unit", "@1793523600"),
            ("1.5h", "UTC", "whole numbers", "90m"),
            ("3M", "UTC", "minutes or months", "3mo"),
            ("-7d", "UTC", "no sign", "write 7d"),
            ("7d 7d", "UTC", "is no time", "7d"),
            ("7x", "UTC", "is no time", "7d"),
            ("", "UTC", "is no time", "7d"),
            ("soon", "UTC", "is no time", "7d"),
            ("ago", "UTC", "is no time", "7d"),
            ("@now", "UTC", "seconds since 1970", "@"),
            ("99999999999d", "UTC", "out of range", ""),
            ("4000000000y", "UTC", "out of range", ""),
            ("\u{1b}[31m", "UTC", "\\u{1b}", ""),
        ] {
            let error = when(text, NOW, zone).expect_err(text);
            assert!(error.to_string().contains(reason), "{text}: {error}");
            assert!(error.hint().contains(hint), "{text}: {}", error.hint());
        }
    }

    #[test]
    fn what_a_hint_says_to_write_is_understood() {
        for text in [
            "2026-10-25T02:30:00+02:00",
            "2026-03-29T02:30:00+01:00",
            "yesterday 20:00",
            "last monday",
            "@1793523600",
        ] {
            assert!(when(text, NOW, "Europe/Berlin").is_ok(), "{text}");
        }
        assert!(ABBREVIATIONS.iter().all(|(short, _)| Zone::parse(short).is_err()));
    }

    #[test]
    fn zones_have_names() {
        for (text, name) in [
            ("utc", "UTC"),
            ("Z", "UTC"),
            ("+0530", "+05:30"),
            ("-03", "-03:00"),
            ("asia/tokyo", "Asia/Tokyo"),
        ] {
            assert_eq!(
                Zone::parse(text).map(|zone| zone.name().to_owned()),
                Ok(name.to_owned())
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,24}|[0-9a-zA-Z:+/ .,@-]{0,24}") {
            let _ = when(&text, NOW, "Europe/Berlin");
        }
    }
}
