//! Work without the GIL that Ctrl-C ends.

use std::io::Write as _;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use crate::errors::InternalError;

/// How often Ctrl-C is looked for.
const LOOKING: Duration = Duration::from_millis(50);

/// Does `work` on a thread of its own, without the GIL; `meanwhile` is called with it, now and then.
/// What Ctrl-C or `meanwhile` raises sets `cancel`, and is raised when the work has come to its end.
pub(crate) fn run<T: Send>(
    python: Python<'_>,
    cancel: &AtomicBool,
    meanwhile: &mut dyn FnMut(Python<'_>) -> PyResult<()>,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    thread::scope(|scope| {
        let here = thread::current();
        let working = scope.spawn(move || {
            let done = work();
            here.unpark();
            done
        });
        let mut raised = None;
        while !working.is_finished() {
            python.detach(|| thread::park_timeout(LOOKING));
            if raised.is_none() {
                let looked = python.check_signals().and_then(|()| meanwhile(python));
                if let Err(fault) = looked {
                    cancel.store(true, Ordering::Relaxed);
                    raised = Some(fault);
                }
            }
        }
        let done = python.detach(|| working.join());
        match (raised, done) {
            (Some(fault), _) => Err(fault),
            (None, Ok(done)) => Ok(done),
            (None, Err(_)) => Err(InternalError::new_err(
                "a panic inside decostop; please report it",
            )),
        }
    })
}

/// A panic's message could hold what a log says: only its place is told.
pub(crate) fn quiet_panics() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(std::io::stderr(), "decostop: panic at {place}");
        }));
    });
}
