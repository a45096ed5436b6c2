//! What people see: colours, numbers, tables, bars. Standard output is data, standard error is talk.

#![expect(
    clippy::cast_sign_loss,
    reason = "sizes, times and shares of them are not negative"
)]

use std::io::{self, Write};

use anstyle::{AnsiColor, Color, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Something went wrong.
pub(crate) const BAD: Style = Style::new().bold().fg_color(Some(Color::Ansi(AnsiColor::Red)));
/// Something to look at.
pub(crate) const WARN: Style = Style::new().bold().fg_color(Some(Color::Ansi(AnsiColor::Yellow)));
/// All is well, or advice.
pub(crate) const GOOD: Style = Style::new().bold().fg_color(Some(Color::Ansi(AnsiColor::Green)));
/// A heading.
pub(crate) const HEAD: Style = Style::new().bold();

/// Standard error, without colours where nobody sees them or `NO_COLOR` is set.
pub(crate) fn talk() -> impl Write {
    anstream::stderr().lock()
}

/// Standard output, without colours where nobody sees them or `NO_COLOR` is set.
pub(crate) fn data() -> impl Write {
    anstream::stdout().lock()
}

/// Columns of the terminal that standard output is, if it is one.
pub(crate) fn width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(usize::from(width.0).max(40))
}

/// A number with its thousands set apart: `1,234,567`.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun: `1 record`, `2 records`.
pub(crate) fn count(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(value), if value == 1 { "" } else { "s" })
}

/// A size in bytes: `999 B`, `1.5 MB`, `20 GB`.
pub(crate) fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if value < 1_000 {
        return format!("{value} B");
    }
    let mut scaled = value as f64 / 1e3;
    let mut units = UNITS.iter().peekable();
    loop {
        let unit = units.next().copied().unwrap_or_default();
        if scaled < 999.5 || units.peek().is_none() {
            return if scaled < 9.95 {
                format!("{scaled:.1} {unit}")
            } else {
                format!("{scaled:.0} {unit}")
            };
        }
        scaled /= 1e3;
    }
}

/// A length of time: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `31 days 0 h`.
pub(crate) fn seconds(value: f64) -> String {
    let whole = value.max(0.0).round() as u64;
    match whole {
        _ if value < 9.95 => format!("{:.1} s", value.max(0.0)),
        0..=119 => format!("{whole} s"),
        120..=7_199 => format!("{} min {} s", whole / 60, whole % 60),
        7_200..=172_799 => format!("{} h {} min", whole / 3_600, whole / 60 % 60),
        _ => format!("{} days {} h", whole / 86_400, whole / 3_600 % 24),
    }
}

/// A bar of block characters, `width` columns long at `most`.
pub(crate) fn bar(value: u64, most: u64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if value == 0 || most == 0 {
        return String::new();
    }
    let eighths = (value as f64 / most as f64 * width as f64 * 8.0).round() as usize;
    // Something is never shown as nothing.
    let eighths = eighths.clamp(1, width * 8);
    let part = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{part}", "█".repeat(eighths / 8))
}

/// A small bar chart, one row a name. With more than `rows` names the rest is one row.
pub(crate) fn chart<'a>(
    to: &mut impl Write,
    title: &str,
    counts: impl IntoIterator<Item = (&'a String, &'a u64)>,
    rows: usize,
) -> io::Result<()> {
    let counts: Vec<(&str, u64)> = counts
        .into_iter()
        .map(|(name, count)| (name.as_str(), *count))
        .collect();
    if counts.is_empty() {
        return Ok(());
    }
    let shown = counts
        .get(..rows)
        .filter(|_| counts.len() > rows + 1)
        .unwrap_or(&counts);
    let rest = counts.get(shown.len()..).unwrap_or_default();
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let names = shown
        .iter()
        .map(|(name, _)| columns(name))
        .max()
        .unwrap_or(0)
        .clamp(10, 48);
    let numbers = number(most).len().max(6);
    writeln!(to, "{HEAD}{title}{HEAD:#}")?;
    for (name, count) in shown {
        let name = padded(&cut(name, names), names);
        writeln!(
            to,
            "  {name}  {:>numbers$}  {}",
            number(*count),
            bar(*count, most, 30)
        )?;
    }
    if !rest.is_empty() {
        let sum = rest.iter().map(|(_, count)| count).sum();
        let name = format!("{} more", rest.len());
        writeln!(to, "  {name:names$}  {:>numbers$}", number(sum))?;
    }
    Ok(())
}

/// The counts of a map, largest first; equal ones by name.
pub(crate) fn largest_first(counts: &std::collections::BTreeMap<String, u64>) -> Vec<(&String, &u64)> {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    sorted
}

/// Columns that a text takes on a screen.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// The text, or as much of it as fits with an ellipsis.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let (mut short, mut taken) = (String::new(), 0);
    for letter in text.chars() {
        taken += letter.width().unwrap_or(0);
        if taken >= width {
            break;
        }
        short.push(letter);
    }
    short.push('…');
    short
}

/// The text, or as much of its end as fits with an ellipsis: of a path, the end says most.
pub(crate) fn cut_front(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let (mut from, mut taken) = (text.len(), 0);
    for (at, letter) in text.char_indices().rev() {
        taken += letter.width().unwrap_or(0);
        if taken >= width {
            break;
        }
        from = at;
    }
    format!("…{}", text.get(from..).unwrap_or_default())
}

/// The text, followed by blanks up to a width.
pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text}{:1$}", "", width.saturating_sub(columns(text)))
}

/// A path as a shell takes it.
pub(crate) fn shell(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// This program as the user called it, for commands that can be pasted.
pub(crate) fn me() -> String {
    let called = std::env::args_os()
        .next()
        .map(std::path::PathBuf::from)
        .unwrap_or_default();
    if called.components().count() < 2 {
        return "decostop".to_owned();
    }
    let here = std::env::current_dir().unwrap_or_default();
    shell(called.strip_prefix(here).unwrap_or(&called))
}

/// A text in lines of at most `width` characters, as far as its words allow.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn numbers() {
        for (value, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), text);
        }
        assert_eq!(count(1, "record"), "1 record");
        assert_eq!(count(0, "record"), "0 records");
    }

    #[test]
    fn sizes() {
        for (value, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_960, "10 kB"),
            (999_600, "1.0 MB"),
            (20_000_000, "20 MB"),
            (1_500_000_000, "1.5 GB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(bytes(value), text, "{value}");
        }
    }

    #[test]
    fn lengths_of_time() {
        for (value, text) in [
            (0.04, "0.0 s"),
            (9.96, "10 s"),
            (119.0, "119 s"),
            (200.0, "3 min 20 s"),
            (7_500.0, "2 h 5 min"),
            (172_799.0, "47 h 59 min"),
            (2_678_400.0, "31 days 0 h"),
        ] {
            assert_eq!(seconds(value), text, "{value}");
        }
    }

    #[test]
    fn bars() {
        assert_eq!(bar(0, 10, 4), "");
        assert_eq!(bar(10, 10, 4), "████");
        assert_eq!(bar(5, 10, 4), "██");
        assert_eq!(bar(1, 1_000_000, 4), "▏", "something is never shown as nothing");
        assert_eq!(bar(20, 10, 4), "████");
    }

    #[test]
    fn charts_sum_up_what_they_leave_out() {
        let counts = [
            ("a".to_owned(), 4),
            ("b".to_owned(), 3),
            ("c".to_owned(), 2),
            ("d".to_owned(), 1),
        ]
        .into();
        let mut text = Vec::new();
        chart(&mut text, "by letter", largest_first(&counts), 2).expect("a Vec takes everything");
        let text = String::from_utf8(text).expect("text");
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[2].contains("2 more") && lines[2].contains('3'), "{text}");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("äöüß", 2), "ä…");
        assert_eq!(cut("abc", 0), "…");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(padded("日本", 6), "日本  ");
        assert_eq!(cut_front("acme/api", 8), "acme/api");
        assert_eq!(cut_front("acme/api", 5), "…/api");
        assert_eq!(cut_front("日本語", 5), "…本語");
        assert_eq!(cut_front("日本語", 4), "…語");
        assert_eq!(padded("abc", 2), "abc");
    }

    #[test]
    fn paths_can_be_pasted() {
        assert_eq!(shell(Path::new("out/a-1")), "out/a-1");
        assert_eq!(shell(Path::new("my logs")), "'my logs'");
        assert_eq!(shell(Path::new("it's")), r"'it'\''s'");
        assert_eq!(shell(Path::new("")), "''");
    }

    #[test]
    fn long_words_stand_alone() {
        assert_eq!(wrapped("a bc d", 4), ["a bc", "d"]);
        assert_eq!(wrapped("abcdef g", 3), ["abcdef", "g"]);
        assert_eq!(wrapped("", 3), [""]);
    }
}
