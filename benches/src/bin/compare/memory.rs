//! The memory of a child process while it runs.

use std::fs;
use std::process::{Child, ChildStdout, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

/// How often the child is looked at.
const EVERY: Duration = Duration::from_millis(2);

/// The most that was seen, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peak {
    /// `RssAnon`: memory of the process' own, sampled. This is what a target means.
    pub(crate) private: u64,
    /// `VmHWM`: with the pages of mapped files, which belong to the cache; kept by the kernel.
    pub(crate) resident: u64,
}

/// Runs a command to its end and watches its memory; `read` takes its standard output meanwhile.
pub(crate) fn watched(
    command: &mut Command,
    read: impl FnOnce(Option<ChildStdout>) -> Result<u64>,
) -> Result<(Peak, u64, ExitStatus)> {
    let mut child = command.spawn().context("it did not start")?;
    let stdout = child.stdout.take();
    let (id, done) = (child.id(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let sampler = scope.spawn(|| sample(id, &done));
        let ended = finish(&mut child, stdout, read);
        done.store(true, Ordering::Relaxed);
        let peak = sampler.join().map_err(|_| anyhow!("the sampler panicked"))?;
        let (count, status) = ended?;
        Ok((peak, count, status))
    })
}

fn finish(
    child: &mut Child,
    stdout: Option<ChildStdout>,
    read: impl FnOnce(Option<ChildStdout>) -> Result<u64>,
) -> Result<(u64, ExitStatus)> {
    let count = read(stdout);
    let status = child.wait()?;
    Ok((count?, status))
}

fn sample(id: u32, done: &AtomicBool) -> Peak {
    let mut peak = Peak::default();
    while !done.load(Ordering::Relaxed) {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let kib = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
            number.unwrap_or(0) << 10
        };
        peak.private = peak.private.max(kib("RssAnon:"));
        peak.resident = peak.resident.max(kib("VmHWM:"));
        std::thread::sleep(EVERY);
    }
    peak
}
