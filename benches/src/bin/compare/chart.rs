//! The times beside decoding alone, as a picture.

use std::fmt::Write as _;

use crate::report::{Line, Report};

/// The sections that are drawn, and what they are called.
const GROUPS: &[(&str, &str)] = &[
    ("zstd", "zstd"),
    ("gzip", "gzip"),
    ("plain", "plain files"),
    ("one", "one corpus"),
];
/// Rows that say something about a machine, not about a tool.
const HIDDEN: &[&str] = &["floor", "floor-library", "floor-program", "search", "dive-1"];

const WIDTH: f64 = 880.0;
const LEFT: f64 = 300.0;
const RIGHT: f64 = 70.0;
const TOP: f64 = 84.0;
const BAR: f64 = 18.0;
const STEP: f64 = 26.0;
const HEAD: f64 = 34.0;

/// A scale from ratios to places. Logarithmic, so that a tool that takes forty times as long does not
/// flatten the rest.
struct Scale {
    lowest: f64,
    highest: f64,
}

impl Scale {
    fn of(rows: &[&Line]) -> Self {
        let ratios = || rows.iter().map(|row| row.ratio);
        let below = |ratio: f64| TICKS.iter().rev().find(|&&tick| tick * 1.2 < ratio).copied();
        let above = |ratio: f64| TICKS.iter().find(|&&tick| tick >= ratio).copied();
        let lowest = ratios().fold(1.0, f64::min);
        let highest = ratios().fold(2.0, f64::max);
        Self {
            lowest: below(lowest).unwrap_or(lowest / 2.0),
            highest: above(highest).unwrap_or(highest),
        }
    }

    fn x(&self, ratio: f64) -> f64 {
        let share = (ratio / self.lowest).ln() / (self.highest / self.lowest).ln();
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

const TICKS: &[f64] = &[
    0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0,
];

const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:14px;fill:#1f2328}\
.page{fill:#ffffff}.title{font-size:18px;font-weight:600}.group{font-weight:600}.note{font-size:12px;fill:#59636e}\
.peer{fill:#8c959f}.own{fill:#d9622b}.strong{font-weight:600}\
.grid{stroke:#d1d9e0;stroke-width:1}.one{stroke:#1f2328;stroke-width:1.5;stroke-dasharray:4 3}\
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.note{fill:#9198a1}.peer{fill:#6e7681}\
.own{fill:#f0883e}.grid{stroke:#30363d}.one{stroke:#e6edf3}}";

/// The picture.
pub(crate) fn svg(report: &Report) -> String {
    let groups: Vec<(&str, Vec<&Line>)> = GROUPS
        .iter()
        .filter_map(|(id, name)| {
            let section = report.sections.iter().find(|section| section.id == *id)?;
            let rows = section.rows.iter().filter(|row| !HIDDEN.contains(&row.key));
            let mut rows: Vec<&Line> = rows.collect();
            rows.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
            Some((*name, rows))
        })
        .collect();
    let all: Vec<&Line> = groups.iter().flat_map(|(_, rows)| rows).copied().collect();
    let scale = Scale::of(&all);
    let body = groups.len() as f64 * HEAD + all.len() as f64 * STEP;
    let (bottom, height) = (TOP + body + 6.0, TOP + body + 72.0);

    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" width=\"{WIDTH:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"Time beside decoding alone, by tool\">\n\
         <style>{STYLE}</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>"
    );
    text(
        &mut out,
        "title",
        20.0,
        32.0,
        "start",
        "Time ÷ decoding alone: shorter is better",
    );
    text(
        &mut out,
        "note",
        20.0,
        52.0,
        "start",
        "decostop matches typed values, redacts, verifies and writes its evidence; the others only count. Log scale.",
    );
    for &tick in TICKS
        .iter()
        .filter(|&&tick| tick >= scale.lowest && tick <= scale.highest)
    {
        let x = scale.x(tick);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP:.0}\" y2=\"{bottom:.0}\"/>"
        );
        text(&mut out, "note", x, bottom + 16.0, "middle", &format!("{tick}×"));
    }
    let mut y = TOP;
    for (name, rows) in &groups {
        y += HEAD;
        text(&mut out, "group", 20.0, y - 10.0, "start", name);
        for row in rows {
            bar(&mut out, &scale, row, y);
            y += STEP;
        }
    }
    let one = scale.x(1.0);
    let _ = writeln!(
        out,
        "<line class=\"one\" x1=\"{one:.1}\" x2=\"{one:.1}\" y1=\"{TOP:.0}\" y2=\"{bottom:.0}\"/>"
    );
    text(&mut out, "note", one, TOP - 6.0, "middle", "decoding alone");
    let caption = format!(
        "{}, {} threads, {}; medians of {} rounds in turn",
        report.machine, report.threads, report.date, report.rounds
    );
    text(&mut out, "note", 20.0, bottom + 42.0, "start", &caption);
    text(&mut out, "note", 20.0, bottom + 58.0, "start", &versions(report));
    out.push_str("</svg>\n");
    out
}

fn bar(out: &mut String, scale: &Scale, row: &Line, y: f64) {
    let own = row.name.starts_with("decostop");
    let (class, weight) = if own { ("own", "strong") } else { ("peer", "") };
    let (end, middle) = (scale.x(row.ratio), y + BAR - 4.5);
    text(out, weight, LEFT - 10.0, middle, "end", &short(&row.name));
    let width = (end - LEFT).max(1.0);
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{LEFT:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR:.0}\" rx=\"2\"/>"
    );
    let ratio = if row.ratio < 10.0 {
        format!("{:.2}×", row.ratio)
    } else {
        format!("{:.0}×", row.ratio)
    };
    text(out, weight, end + 6.0, middle, "start", &ratio);
}

/// A name without how many run at a time and how users are named, to fit beside its bar.
fn short(name: &str) -> String {
    let name = name.trim_end_matches(" by name and id");
    match name.strip_suffix(" at a time") {
        Some(name) => name.trim_end_matches(|c: char| c.is_ascii_digit() || ", ".contains(c)),
        None => name,
    }
    .to_owned()
}

/// The contestants' versions, as far as they are drawn.
fn versions(report: &Report) -> String {
    let drawn = ["decostop", "ripgrep", "DuckDB", "chDB", "jq", "grep"];
    let versions = report.versions.iter().filter(|version| {
        drawn
            .iter()
            .any(|name| version.starts_with(name) || version.contains(name))
    });
    versions.cloned().collect::<Vec<_>>().join(", ")
}

fn text(out: &mut String, class: &str, x: f64, y: f64, anchor: &str, what: &str) {
    let what = what
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let class = if class.is_empty() {
        String::new()
    } else {
        format!(" class=\"{class}\"")
    };
    let _ = writeln!(
        out,
        "<text{class} x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{what}</text>"
    );
}
