//! What was found, as text, Markdown and JSON.

use std::fmt::Write as _;
use std::fs;

use decostop_bench::Corpus;
use serde::Serialize;

use crate::row::{Row, Spread};
use crate::tools::Skipped;

/// A whole sitting.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) date: String,
    pub(crate) load: String,
    pub(crate) threads: usize,
    pub(crate) rounds: usize,
    pub(crate) versions: Vec<String>,
    pub(crate) sections: Vec<Section>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) skipped: Vec<Skipped>,
}

/// The rows over one corpus.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) corpus: String,
    pub(crate) rows: Vec<Line>,
}

/// One contestant's figures: medians of the rounds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) key: &'static str,
    pub(crate) name: String,
    pub(crate) wall_seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) megabytes_per_second: f64,
    /// Time beside the section's first row.
    pub(crate) ratio: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
    pub(crate) cpu_ratio: f64,
    pub(crate) found: u64,
    pub(crate) unit: &'static str,
}

/// A figure beside its target.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) target: &'static str,
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
    pub(crate) bound: f64,
    /// Whether the bound is the least, not the most.
    pub(crate) at_least: bool,
    pub(crate) unit: &'static str,
    pub(crate) holds: bool,
}

impl Verdict {
    pub(crate) fn at_most(
        target: &'static str,
        what: impl Into<String>,
        value: Spread,
        bound: f64,
        unit: &'static str,
    ) -> Self {
        Self {
            target,
            what: what.into(),
            value: value.median,
            lowest: value.lowest,
            highest: value.highest,
            bound,
            at_least: false,
            unit,
            holds: value.median <= bound,
        }
    }

    pub(crate) fn at_least(
        target: &'static str,
        what: impl Into<String>,
        value: Spread,
        bound: f64,
        unit: &'static str,
    ) -> Self {
        Self {
            at_least: true,
            holds: value.median >= bound,
            ..Self::at_most(target, what, value, bound, unit)
        }
    }
}

impl Section {
    pub(crate) fn new(id: &'static str, title: &str, corpus: &Corpus, rows: &[Row<'_>]) -> Self {
        let truth = corpus.truth();
        let line = |row: &Row<'_>| {
            let floor = rows.first().unwrap_or(row);
            let spread = row.beside(floor);
            Line {
                key: row.key,
                name: row.name.clone(),
                wall_seconds: row.wall(),
                cpu_seconds: row.cpu(),
                megabytes_per_second: row.bytes as f64 / 1e6 / row.wall(),
                ratio: spread.median,
                lowest: spread.lowest,
                highest: spread.highest,
                cpu_ratio: row.cpu_beside(floor),
                found: row.want,
                unit: row.unit,
            }
        };
        Self {
            id,
            title: title.to_owned(),
            corpus: format!(
                "{:.0} MB decoded, {:.0} MB stored, {} files, {} lines; {} match, {} of them may be disclosed",
                truth.decoded_bytes as f64 / 1e6,
                truth.encoded_bytes as f64 / 1e6,
                truth.files,
                truth.lines,
                truth.matching_in_window,
                truth.disclosable,
            ),
            rows: rows.iter().map(line).collect(),
        }
    }

    fn grid(&self) -> Grid {
        let first = self.rows.first().map_or("the first row", |row| row.name.as_str());
        let mut grid = Grid::new(
            &[
                "what",
                "wall s",
                "cpu s",
                "MB/s",
                "ratio",
                "lowest–highest",
                "cpu ratio",
                "found",
            ],
            1,
        );
        for row in &self.rows {
            grid.rows.push(vec![
                row.name.clone(),
                format!("{:.3}", row.wall_seconds),
                format!("{:.2}", row.cpu_seconds),
                format!("{:.0}", row.megabytes_per_second),
                format!("{:.2}", row.ratio),
                format!("{:.2}–{:.2}", row.lowest, row.highest),
                format!("{:.2}", row.cpu_ratio),
                format!("{} {}", row.found, row.unit),
            ]);
        }
        grid.note = format!("ratio: to “{first}”, median of the ratios within each round");
        grid
    }
}

/// A table that can be shown in several ways.
struct Grid {
    head: Vec<&'static str>,
    /// Columns at the left whose text stands at the left.
    left: usize,
    rows: Vec<Vec<String>>,
    note: String,
}

impl Grid {
    fn new(head: &[&'static str], left: usize) -> Self {
        Self {
            head: head.to_vec(),
            left,
            rows: Vec::new(),
            note: String::new(),
        }
    }

    fn text(&self) -> String {
        let cells = |row: &[String]| row.iter().map(|cell| cell.chars().count()).collect::<Vec<_>>();
        let mut widths: Vec<usize> = self.head.iter().map(|cell| cell.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(cells(row)) {
                *width = cell.max(*width);
            }
        }
        let mut out = String::new();
        let head: Vec<String> = self.head.iter().map(|&cell| cell.to_owned()).collect();
        for row in std::iter::once(&head).chain(&self.rows) {
            let mut line = String::new();
            for (at, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                let _ = if at < self.left {
                    write!(line, "{cell:<width$}  ")
                } else {
                    write!(line, "{cell:>width$}  ")
                };
            }
            let _ = writeln!(out, "  {}", line.trim_end());
        }
        if !self.note.is_empty() {
            let _ = writeln!(out, "  {}", self.note);
        }
        out
    }

    fn markdown(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "| {} |", self.head.join(" | "));
        let rule = |at: usize| if at < self.left { "---" } else { "---:" };
        let rules: Vec<_> = (0..self.head.len()).map(rule).collect();
        let _ = writeln!(out, "|{}|", rules.join("|"));
        for row in &self.rows {
            let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        if !self.note.is_empty() {
            let _ = writeln!(out, "\n{}", self.note);
        }
        out
    }
}

impl Report {
    fn head(&self) -> String {
        format!(
            "{}; {} threads; {}; load before the end {}; medians of {} rounds",
            self.machine, self.threads, self.date, self.load, self.rounds
        )
    }

    fn targets(&self) -> Grid {
        let mut grid = Grid::new(
            &["target", "what", "measured", "lowest–highest", "asked", "verdict"],
            2,
        );
        for verdict in &self.verdicts {
            let Verdict { unit, .. } = verdict;
            let sign = if verdict.at_least { "≥" } else { "≤" };
            grid.rows.push(vec![
                verdict.target.to_owned(),
                verdict.what.clone(),
                format!("{:.2} {unit}", verdict.value),
                format!("{:.2}–{:.2}", verdict.lowest, verdict.highest),
                format!("{sign} {} {unit}", verdict.bound),
                if verdict.holds { "ok" } else { "short" }.to_owned(),
            ]);
        }
        grid
    }

    fn skipped(&self) -> Vec<String> {
        let lines = self.skipped.iter();
        lines
            .map(|skipped| {
                format!(
                    "skipped, since it is not installed: {} ({})",
                    skipped.what, skipped.install
                )
            })
            .collect()
    }

    /// For a terminal.
    pub(crate) fn text(&self) -> String {
        let mut out = format!("{}\n{}\n", self.head(), self.versions.join("; "));
        for section in &self.sections {
            let grid = section.grid().text();
            let _ = write!(out, "\n{}\n  {}\n\n{grid}", section.title, section.corpus);
        }
        if !self.verdicts.is_empty() {
            let _ = write!(out, "\nTargets\n\n{}", self.targets().text());
        }
        for line in self.skipped() {
            let _ = writeln!(out, "\n{line}");
        }
        out
    }

    /// For `docs/BENCHMARKING.md`.
    pub(crate) fn markdown(&self) -> String {
        let mut out = format!("{}.\n\n{}.\n", self.head(), self.versions.join("; "));
        if !self.verdicts.is_empty() {
            let _ = write!(out, "\n### Targets\n\n{}", self.targets().markdown());
        }
        for section in &self.sections {
            let grid = section.grid().markdown();
            let _ = write!(out, "\n### {}\n\n{}.\n\n{grid}", section.title, section.corpus);
        }
        for line in self.skipped() {
            let _ = writeln!(out, "\n{line}");
        }
        out
    }
}

pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores")
}

pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}

pub(crate) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}
