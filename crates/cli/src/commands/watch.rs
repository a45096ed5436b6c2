//! Telling how far a dive is: bars on a terminal, or JSON lines.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use decostop::pipeline::{Phase, Progress};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::args::ProgressMode;
use crate::terminal;

const FRAME: Duration = Duration::from_millis(100);
const LINE: Duration = Duration::from_secs(1);

/// Looks at the counters from a thread of its own until it is told to end.
pub(super) struct Watch {
    thread: Option<JoinHandle<()>>,
    done: Arc<Done>,
}

#[derive(Default)]
struct Done {
    ended: AtomicBool,
    well: AtomicBool,
}

impl Watch {
    /// Begins to tell.
    pub(super) fn start(progress: &Arc<Progress>, mode: ProgressMode, quiet: bool) -> Self {
        let done = Arc::new(Done::default());
        let json = match mode {
            ProgressMode::Json => true,
            ProgressMode::Auto if !quiet && std::io::stderr().is_terminal() => false,
            _ => return Self { thread: None, done },
        };
        let (progress, told) = (Arc::clone(progress), Arc::clone(&done));
        let tell = move || {
            if json {
                tell_lines(&progress, &told);
            } else {
                tell_bar(&progress, &told);
            }
        };
        // Without a thread nothing is told; the dive does not need it.
        let thread = thread::Builder::new()
            .name("progress".to_owned())
            .spawn(tell)
            .ok();
        Self { thread, done }
    }

    /// Ends telling, and waits until the last word is out.
    pub(super) fn end(mut self, well: bool) {
        self.done.well.store(well, Ordering::SeqCst);
        self.stop();
    }

    fn stop(&mut self) {
        self.done.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Done {
    fn is_near(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        while !self.ended.load(Ordering::SeqCst) {
            let now = Instant::now();
            if now >= until {
                return false;
            }
            thread::park_timeout(until - now);
        }
        true
    }
}

#[derive(Serialize)]
struct Line {
    phase: &'static str,
    bytes: u64,
    total: u64,
    decoded: u64,
    matched: u64,
    records: u64,
    elapsed_s: f64,
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Scanning => "scan",
        Phase::Redacting => "redact",
        _ => "verify",
    }
}

fn tell_lines(progress: &Progress, done: &Done) {
    let began = Instant::now();
    loop {
        let ended = done.is_near(LINE);
        let finished = ended && done.well.load(Ordering::SeqCst);
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let line = Line {
            phase: if finished { "done" } else { word(progress.phase()) },
            bytes: get(&progress.bytes_done),
            total: get(&progress.bytes_total),
            decoded: get(&progress.decoded_bytes),
            matched: get(&progress.matched),
            records: get(&progress.records),
            elapsed_s: (began.elapsed().as_secs_f64() * 1e3).round() / 1e3,
        };
        if let Ok(text) = serde_json::to_string(&line) {
            let _ = writeln!(terminal::talk(), "{text}");
        }
        if ended {
            return;
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn tell_bar(progress: &Progress, done: &Done) {
    let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let bar = ProgressBar::new(get(&progress.bytes_total));
    let mut shown = None;
    while !done.is_near(FRAME) {
        let phase = progress.phase();
        if shown != Some(phase) {
            shown = Some(phase);
            bar.reset();
            bar.set_style(match phase {
                Phase::Scanning => style("{prefix:8} {bar:28} {decimal_bytes:>9} of {decimal_total_bytes}  {decimal_bytes_per_sec}  {eta}  {msg}"),
                Phase::Redacting => style("{prefix:8} {bar:28} {human_pos:>9} of {human_len} {msg}  {per_sec}"),
                _ => style("{prefix:8} {spinner} {msg}"),
            });
            bar.set_prefix(word(phase));
        }
        match phase {
            Phase::Scanning => {
                bar.set_length(get(&progress.bytes_total));
                bar.set_position(get(&progress.bytes_done));
                let decoded = HumanBytes(get(&progress.decoded_bytes));
                bar.set_message(format!(
                    "{decoded} decoded, {} matched",
                    terminal::number(get(&progress.matched))
                ));
            }
            Phase::Redacting => {
                bar.set_length(get(&progress.matched));
                bar.set_position(get(&progress.records));
                bar.set_message("matches");
            }
            _ => bar.set_message(format!(
                "{} records read again",
                terminal::number(get(&progress.records))
            )),
        }
        bar.tick();
    }
    bar.finish_and_clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ending_does_not_wait_for_the_next_second() {
        let done = Arc::new(Done::default());
        done.ended.store(true, Ordering::SeqCst);
        let began = Instant::now();
        assert!(done.is_near(LINE));
        assert!(began.elapsed() < LINE);
        assert!(!Done::default().is_near(Duration::from_millis(1)));
    }
}
