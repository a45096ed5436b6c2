//! What is compared, how often it was run, and how it relates to something else of the same round.

use std::fs;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

/// One contestant.
pub(crate) struct Row<'a> {
    /// What verdicts find it by.
    pub(crate) key: &'static str,
    pub(crate) name: String,
    /// What its count is a count of.
    pub(crate) unit: &'static str,
    pub(crate) want: u64,
    /// Decoded bytes that it goes through.
    pub(crate) bytes: u64,
    pub(crate) run: Box<dyn Fn() -> Result<Run> + 'a>,
    pub(crate) times: Vec<Time>,
}

/// What one run came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) count: u64,
    /// Seconds by the contestant's own clock, if its start shall not count.
    pub(crate) own: Option<f64>,
    /// Seconds that all threads together verified, if it tells.
    pub(crate) verify: f64,
}

impl Run {
    /// What took so long by the contestant's own clock.
    pub(crate) fn timed(count: u64, seconds: f64) -> Self {
        Self {
            own: Some(seconds),
            ..count.into()
        }
    }
}

impl From<u64> for Run {
    fn from(count: u64) -> Self {
        Self {
            count,
            own: None,
            verify: 0.0,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    /// Seconds of threads that went into verification.
    pub(crate) verify: f64,
}

/// A median with its extremes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Spread {
    /// In another unit.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            median: self.median * factor,
            lowest: self.lowest * factor,
            highest: self.highest * factor,
        }
    }
}

impl Row<'_> {
    /// Runs it once and checks its count.
    pub(crate) fn once(&self) -> Result<Time> {
        let (began, cpu) = (Instant::now(), cpu_seconds());
        let run = (self.run)().with_context(|| self.name.clone())?;
        let time = Time {
            wall: run.own.unwrap_or_else(|| began.elapsed().as_secs_f64()),
            cpu: cpu_seconds() - cpu,
            verify: run.verify,
        };
        ensure!(
            run.count == self.want,
            "{}: {} {} instead of {}",
            self.name,
            run.count,
            self.unit,
            self.want
        );
        Ok(time)
    }

    pub(crate) fn wall(&self) -> f64 {
        median(self.times.iter().map(|time| time.wall))
    }

    pub(crate) fn cpu(&self) -> f64 {
        median(self.times.iter().map(|time| time.cpu))
    }

    /// Its time beside another row's, round by round and for equal bytes: what else the machine does
    /// changes from round to round.
    pub(crate) fn beside(&self, other: &Row<'_>) -> Spread {
        let share = other.bytes as f64 / self.bytes as f64;
        let pairs = self.times.iter().zip(&other.times);
        spread(pairs.map(|(own, other)| own.wall / other.wall * share))
    }

    /// As [`Row::beside`], for processor time.
    pub(crate) fn cpu_beside(&self, other: &Row<'_>) -> f64 {
        let share = other.bytes as f64 / self.bytes as f64;
        let pairs = self.times.iter().zip(&other.times);
        median(pairs.map(|(own, other)| own.cpu / other.cpu.max(0.01) * share))
    }
}

/// Runs all rows in turn, round after round, after one round that does not count.
pub(crate) fn sit(rows: &mut [Row<'_>], rounds: usize, say: &mut dyn FnMut(usize)) -> Result<()> {
    for round in 0..=rounds {
        say(round);
        for row in &mut *rows {
            let time = row.once()?;
            if round > 0 {
                row.times.push(time);
            }
        }
    }
    Ok(())
}

pub(crate) fn spread(values: impl Iterator<Item = f64>) -> Spread {
    let values: Vec<f64> = values.collect();
    Spread {
        median: median(values.iter().copied()),
        lowest: values.iter().copied().fold(f64::INFINITY, f64::min),
        highest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = |at: usize| values.get(at).copied().unwrap_or_default();
    let half = values.len() / 2;
    if values.len() % 2 == 1 {
        middle(half)
    } else {
        f64::midpoint(middle(half.saturating_sub(1)), middle(half))
    }
}

/// Processor time of this process and of the ones it waited for, in steps of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields
        .skip(11)
        .take(4)
        .filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
