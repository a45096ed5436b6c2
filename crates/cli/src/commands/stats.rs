//! `--stats`: where the time of a dive went.

use std::io::{self, Write};
use std::time::Duration;

use decostop::stats::Report;

use crate::terminal::{HEAD, bar, bytes, count, seconds};

const WIDTH: usize = 24;

/// Tells it, in seconds of threads: two threads that are busy for a second make two.
pub(super) fn write(to: &mut impl Write, report: &Report) -> io::Result<()> {
    let work = &report.work;
    let all = work.busy() + work.wait;
    let most = work
        .parts()
        .iter()
        .map(|(_, spent)| *spent)
        .max()
        .unwrap_or_default();
    let threads = count(report.threads as u64, "thread");
    writeln!(
        to,
        "\n{HEAD}time{HEAD:#} of {threads}, {} in all",
        seconds(all.as_secs_f64())
    )?;
    for (name, spent) in work.parts() {
        let share = 100.0 * spent.as_secs_f64() / all.as_secs_f64().max(f64::MIN_POSITIVE);
        let length = bar(micros(spent), micros(most), WIDTH);
        let line = format!(
            "  {name:<8} {:>8.2} s  {share:>3.0} %  {length}",
            spent.as_secs_f64()
        );
        writeln!(to, "{}", line.trim_end())?;
    }
    let read = report
        .inputs
        .iter()
        .filter(|input| input.decoded_bytes > 0 || input.complete);
    let (mut stored, mut decoded) = (0, 0);
    for input in read {
        if input.duplicate_of.is_none() && input.set_aside.is_none() {
            stored += input.bytes;
            decoded += input.decoded_bytes;
        }
    }
    let aside = report
        .inputs
        .iter()
        .filter(|input| input.duplicate_of.is_some() || input.set_aside.is_some());
    let (skipped, inputs) = aside.fold((0, 0), |(sum, inputs), input| (sum + input.bytes, inputs + 1));
    let scan = report.timings.get("scan").copied().unwrap_or_default();
    let cores = scan * u32::try_from(report.threads).unwrap_or(u32::MAX);
    let rate = |decoded: u64, spent: Duration| match micros(spent) {
        0 => "-".to_owned(),
        spent => format!("{}/s", bytes(decoded.saturating_mul(1_000_000) / spent)),
    };
    writeln!(to, "{HEAD}bytes{HEAD:#}")?;
    writeln!(
        to,
        "  read     {} as stored, {} decoded",
        bytes(stored),
        bytes(decoded)
    )?;
    writeln!(
        to,
        "  skipped  {} decoded, in lines that cannot match",
        bytes(decoded.saturating_sub(work.line_bytes))
    )?;
    if inputs > 0 {
        let files = count(inputs, "input");
        writeln!(
            to,
            "           {} in {files} that need not be read",
            bytes(skipped)
        )?;
    }
    writeln!(
        to,
        "  rate     {} decoded on each core while scanning; decoding alone {}",
        rate(decoded, cores),
        rate(decoded, work.decode)
    )
}

fn micros(spent: Duration) -> u64 {
    u64::try_from(spent.as_micros()).unwrap_or(u64::MAX)
}
