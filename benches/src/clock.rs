//! Time that what else the machine does is no part of.

use std::time::{Duration, Instant};

/// Time of this thread on a processor, as Linux counts it; the wall's where it does not.
#[derive(Clone, Copy, Debug)]
pub struct ThreadClock {
    began: Instant,
    spent: Option<Duration>,
}

impl ThreadClock {
    /// Begins to count.
    pub fn start() -> Self {
        Self {
            began: Instant::now(),
            spent: on_processor(),
        }
    }

    /// What this thread spent since. Not for another thread's clock.
    pub fn elapsed(&self) -> Duration {
        let spent = self.spent.zip(on_processor());
        spent.map_or_else(
            || self.began.elapsed(),
            |(before, now)| now.saturating_sub(before),
        )
    }
}

fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
