//! A dive: settings, a run into a directory or into an Arrow C stream.

use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use decostop_columnar::{BatchStream, ParquetProvenance, format_named};
use decostop_core::artefact::Options;
use decostop_core::pipeline::{Dive, Phase, Progress, dive_into};
use decostop_core::request::{Instant, Request};
use decostop_core::stats::Report;
use decostop_profile::Profile;

use crate::boundary::boundary;
use crate::error::{Failure, dcs_error};
use crate::pointer::{self, Slot, handle};
use crate::profile::dcs_profile;
use crate::redactor::busy;
use crate::report::dcs_report;
use crate::request::dcs_request;
use crate::status::dcs_status;
use crate::text::dcs_str;

/// The present, in nanoseconds since 1970: the library has no clock of its own.
pub(crate) fn now() -> Instant {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Instant(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// What a callback answers to go on.
pub const DCS_CONTINUE: u32 = 0;
/// What a callback answers to end the dive, which then fails with `DCS_INTERRUPTED`; any other number
/// but `DCS_CONTINUE` does the same.
pub const DCS_STOP: u32 = 1;

/// The stage of a dive.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum dcs_phase {
    /// Inputs are read.
    DCS_SCANNING = 0,
    /// Matched lines are redacted and verified.
    DCS_REDACTING = 1,
    /// The finished result is verified once more.
    DCS_VERIFYING = 2,
}

/// How far a dive is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dcs_progress {
    /// The stage.
    pub phase: dcs_phase,
    /// Bytes of all inputs as stored.
    pub bytes_total: u64,
    /// Bytes of inputs that are done.
    pub bytes_done: u64,
    /// Bytes decoded.
    pub decoded_bytes: u64,
    /// Lines matched.
    pub matched: u64,
    /// Records disclosed.
    pub records: u64,
}

impl From<&Progress> for dcs_progress {
    fn from(progress: &Progress) -> Self {
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            phase: match progress.phase() {
                Phase::Scanning => dcs_phase::DCS_SCANNING,
                Phase::Redacting => dcs_phase::DCS_REDACTING,
                _ => dcs_phase::DCS_VERIFYING,
            },
            bytes_total: read(&progress.bytes_total),
            bytes_done: read(&progress.bytes_done),
            decoded_bytes: read(&progress.decoded_bytes),
            matched: read(&progress.matched),
            records: read(&progress.records),
        }
    }
}

/// Called about ten times a second while a dive runs, by the thread that runs it. It must not unwind
/// (no exception, no `longjmp`) and not free the dive; it may call `dcs_dive_cancel`.
pub type dcs_progress_fn =
    Option<unsafe extern "C" fn(userdata: *mut c_void, progress: *const dcs_progress) -> u32>;

/// Batches that wait for the reader of a stream.
const AHEAD: usize = 2;

/// How often a callback is called.
const TELLING: Duration = Duration::from_millis(100);

/// A dive: its settings, and runs of it. `dcs_dive_cancel` and `dcs_dive_progress` may be called from
/// any thread at any time; everything else by one thread at a time (`DCS_BUSY` otherwise).
pub struct dcs_dive {
    settings: Mutex<Settings>,
    cancel: Arc<AtomicBool>,
    progress: Arc<Progress>,
    /// Of the last run that came to its end.
    report: Arc<Mutex<Option<Report>>>,
}

struct Settings {
    request: Request,
    profile: Arc<Profile>,
    inputs: Vec<PathBuf>,
    threads: usize,
    learn_all: bool,
    follow_ids: bool,
    follow_correlation: bool,
    dedup: bool,
    key: Option<[u8; 32]>,
    callback: Callback,
}

#[derive(Clone, Copy)]
struct Callback {
    call: dcs_progress_fn,
    userdata: *mut c_void,
}

// SAFETY: the pointer is only handed back to the caller's own function, by the thread that runs the dive;
// the header says so.
unsafe impl Send for Callback {}

impl dcs_dive {
    fn settings(&self) -> Result<MutexGuard<'_, Settings>, Failure> {
        self.settings.try_lock().map_err(|fault| busy(&fault))
    }

    fn build(&self, settings: &Settings) -> Result<Dive, Failure> {
        let present = SystemTime::UNIX_EPOCH + Duration::from_nanos(now().0.unsigned_abs());
        self.cancel.store(false, Ordering::Relaxed);
        let mut builder = Dive::builder(settings.request.clone(), Arc::clone(&settings.profile))
            .inputs(settings.inputs.iter().cloned())
            .threads(settings.threads)
            .learn_all(settings.learn_all)
            .follow_ids(settings.follow_ids)
            .follow_correlation(settings.follow_correlation)
            .dedup(settings.dedup)
            .now(present)
            .progress(Arc::clone(&self.progress))
            .cancel(Arc::clone(&self.cancel));
        if let Some(key) = settings.key {
            builder = builder.key_material(key);
        }
        Ok(builder.build()?)
    }

    /// Does `work` on a thread of its own while the caller's callback is called on this one.
    fn told<T: Send>(&self, callback: Callback, work: impl FnOnce() -> T + Send) -> Result<T, Failure> {
        let Some(call) = callback.call else {
            return Ok(work());
        };
        thread::scope(|scope| {
            let here = thread::current();
            let working = scope.spawn(move || {
                let done = work();
                here.unpark();
                done
            });
            while !working.is_finished() {
                let progress = dcs_progress::from(&*self.progress);
                // SAFETY: the caller's own function with the caller's own pointer; it may not unwind.
                if unsafe { call(callback.userdata, &raw const progress) } != DCS_CONTINUE {
                    self.cancel.store(true, Ordering::Relaxed);
                    break;
                }
                thread::park_timeout(TELLING);
            }
            working.join().map_err(|_| {
                Failure::new(
                    dcs_status::DCS_INTERNAL,
                    "a panic inside decostop; please report it",
                )
            })
        })
    }
}

/// A dive for a request. The request and the profile are copied: they may be freed afterwards.
///
/// # Safety
/// `request` and `profile` were not freed; `dive` may be written; `error` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_new(
    request: *const dcs_request,
    profile: *const dcs_profile,
    dive: *mut *mut dcs_dive,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (request, profile) = (handle(request, "request")?, handle(profile, "profile")?);
            let slot = Slot::new(dive, "dive")?;
            slot.give(dcs_dive {
                settings: Mutex::new(Settings {
                    request: request.0.clone(),
                    profile: Arc::clone(&profile.0),
                    inputs: Vec::new(),
                    threads: 0,
                    learn_all: false,
                    follow_ids: false,
                    follow_correlation: false,
                    dedup: false,
                    key: None,
                    callback: Callback {
                        call: None,
                        userdata: std::ptr::null_mut(),
                    },
                }),
                cancel: Arc::default(),
                progress: Arc::default(),
                report: Arc::default(),
            });
            Ok(())
        })
    }
}

/// Adds something to read: a file, a directory, or a glob.
///
/// # Safety
/// `dive` was not freed, `path` is readable; `error` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_add_input(
    dive: *mut dcs_dive,
    path: dcs_str,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (dive, path) = (handle(dive, "dive")?, path.path("path")?);
            dive.settings()?.inputs.push(path);
            Ok(())
        })
    }
}

/// Threads that read and redact; 0, as by default, is one for each core. The result does not depend on
/// it.
///
/// # Safety
/// `dive` was not freed; `error` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_set_threads(
    dive: *mut dcs_dive,
    threads: u32,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            handle(dive, "dive")?.settings()?.threads = threads as usize;
            Ok(())
        })
    }
}

/// Option: learn foreign names from every line, not only from matched ones. Slower.
pub const DCS_LEARN_ALL: u32 = 1;
/// Option: look for ids that records pair with selected names, too. Reads the inputs once more.
pub const DCS_FOLLOW_IDS: u32 = 2;
/// Option: look for lines that share a correlation id with a match, too. Reads the inputs once more.
pub const DCS_FOLLOW_CORRELATION: u32 = 3;
/// Option: disclose equal lines of one source and time once.
pub const DCS_DEDUP: u32 = 4;

/// Switches an option on or off; all are off by default. An unknown one is `DCS_CONFIG`.
///
/// # Safety
/// As `dcs_dive_set_threads`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_set_option(
    dive: *mut dcs_dive,
    option: u32,
    on: bool,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let mut settings = handle(dive, "dive")?.settings()?;
            let setting = match option {
                DCS_LEARN_ALL => &mut settings.learn_all,
                DCS_FOLLOW_IDS => &mut settings.follow_ids,
                DCS_FOLLOW_CORRELATION => &mut settings.follow_correlation,
                DCS_DEDUP => &mut settings.dedup,
                _ => return Err(Failure::new(dcs_status::DCS_CONFIG, "there is no such option")),
            };
            *setting = on;
            Ok(())
        })
    }
}

/// The pseudonym key, 32 bytes: the same key gives the same pseudonyms for the same request. By default
/// each run has a fresh one.
///
/// # Safety
/// `dive` was not freed, `key` is readable; `error` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_set_key(
    dive: *mut dcs_dive,
    key: dcs_str,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let key = <[u8; 32]>::try_from(key.bytes("key")?)
                .map_err(|_| Failure::new(dcs_status::DCS_CONFIG, "`key` is not 32 bytes long"))?;
            handle(dive, "dive")?.settings()?.key = Some(key);
            Ok(())
        })
    }
}

/// Has `callback` called while the dive runs; NULL takes it away.
///
/// # Safety
/// `dive` was not freed; `userdata` is whatever `callback` takes for it as long as the dive exists;
/// `error` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_set_progress(
    dive: *mut dcs_dive,
    callback: dcs_progress_fn,
    userdata: *mut c_void,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            handle(dive, "dive")?.settings()?.callback = Callback {
                call: callback,
                userdata,
            };
            Ok(())
        })
    }
}

/// Ends a run that goes on, soon; from any thread, also from a signal's handler. A run that begins
/// later is not concerned.
///
/// # Safety
/// `dive` is NULL or was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_cancel(dive: *const dcs_dive) {
    // SAFETY: promised by the caller.
    if let Some(dive) = unsafe { dive.as_ref() } {
        dive.cancel.store(true, Ordering::Relaxed);
    }
}

/// How far a dive is; from any thread.
///
/// # Safety
/// `dive` was not freed; `progress` may be written; `error` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_progress(
    dive: *const dcs_dive,
    progress: *mut dcs_progress,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (dive, slot) = (handle(dive, "dive")?, Slot::new(progress, "progress")?);
            slot.store(dcs_progress::from(&*dive.progress));
            Ok(())
        })
    }
}

/// Runs the dive and leaves its artefact in the directory `out`, which must not exist. It appears only
/// when it is complete and verified. `format` is that of the records: `ndjson` (also if it is empty),
/// `parquet`, `csv` or `arrow`. `report` says what was done; see `dcs_report_missing`.
///
/// # Safety
/// `dive` was not freed, `out` and `format` are readable; `report` may be written; `error` is NULL or
/// may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_run_into(
    dive: *mut dcs_dive,
    out: dcs_str,
    format: dcs_str,
    report: *mut *mut dcs_report,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (dive, out) = (handle(dive, "dive")?, out.path("out")?);
            let format = format.text("format")?;
            let slot = Slot::new(report, "report")?;
            let known = format_named(format);
            if known.is_none() && !matches!(format, "" | "ndjson") {
                let message = "`format` is none of ndjson, parquet, csv, arrow";
                return Err(Failure::new(dcs_status::DCS_CONFIG, message));
            }
            let settings = dive.settings()?;
            let built = dive.build(&settings)?;
            let options = Options::default().format(known).started(now().to_string());
            let finished = dive.told(settings.callback, || {
                dive_into(&built, &out, options, ParquetProvenance::create_in)
            })??;
            slot.give(dcs_report::new(finished.report));
            Ok(())
        })
    }
}

/// Starts the dive and gives its verified records as an Arrow C stream, in order and in batches of bounded
/// size. The dive runs on a thread of its own, a few batches ahead of the reader; it ends when the stream is
/// released, whether or not it was read to its end. A failure is an error of the stream's `get_next`. The
/// stream does not depend on the dive, which may be freed. No callback is called.
///
/// # Safety
/// `dive` was not freed; `stream` may be written, what it holds is not released; `error` is NULL or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_stream(
    dive: *mut dcs_dive,
    stream: *mut FFI_ArrowArrayStream,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (dive, slot) = (handle(dive, "dive")?, Slot::new(stream, "stream")?);
            let settings = dive.settings()?;
            let built = dive.build(&settings)?;
            let kept = Arc::clone(&dive.report);
            if let Ok(mut kept) = kept.lock() {
                *kept = None;
            }
            let keep = move |report| {
                if let Ok(mut kept) = kept.lock() {
                    *kept = Some(report);
                }
            };
            let batches = BatchStream::start(built, AHEAD, Arc::clone(&dive.cancel), keep)?;
            slot.store(FFI_ArrowArrayStream::new(batches.into_reader(None)));
            Ok(())
        })
    }
}

/// What the dive of a stream did, once the stream was read to its end; `DCS_CONFIG` before.
///
/// # Safety
/// `dive` was not freed; `report` may be written; `error` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_report(
    dive: *const dcs_dive,
    report: *mut *mut dcs_report,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (dive, slot) = (handle(dive, "dive")?, Slot::new(report, "report")?);
            let kept = dive.report.lock().ok().and_then(|kept| kept.clone());
            let kept = kept.ok_or_else(|| {
                Failure::new(
                    dcs_status::DCS_CONFIG,
                    "no stream of this dive was read to its end",
                )
            })?;
            slot.give(dcs_report::new(kept));
            Ok(())
        })
    }
}

/// Frees a dive; NULL is allowed. No thread may be using it.
///
/// # Safety
/// `dive` is NULL or a dive of this library that was not freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_dive_free(dive: *mut dcs_dive) {
    // SAFETY: promised by the caller.
    unsafe { pointer::free(dive) }
}
