//! `scan` and the dive that it gives.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use arrow_array::RecordBatch;
use decostop::artefact::{Options, Summary};
use decostop::pipeline::{self, Phase, Progress};
use decostop::request::{AdHoc, Zone};
use decostop::sink::CountSink;
use decostop::stats::Report;
use decostop_columnar::{BatchStream, ParquetProvenance, format_named};
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict};

use crate::batches::{self, Batch};
use crate::cluster;
use crate::detached;
use crate::errors::{ConfigError, DecostopError, raised};
use crate::settings;

/// Batches that wait for their reader: more would only take memory.
const AHEAD: usize = 2;

/// A dive that is ready to run. It runs once: when it is iterated, handed over as an Arrow stream,
/// written, or summed up.
#[pyclass(frozen, module = "decostop._decostop")]
pub(crate) struct Dive {
    state: Mutex<State>,
    report: Arc<Mutex<Option<Report>>>,
    cancel: Arc<AtomicBool>,
    progress: Arc<Progress>,
    callback: Option<Py<PyAny>>,
    reference: String,
    ad_hoc: bool,
}

enum State {
    Ready(Box<pipeline::Dive>),
    Running(BatchStream),
    Over,
}

/// Finds records in logs; see the stubs for the arguments.
#[pyfunction]
#[pyo3(signature = (
    paths, *, request = None, namespaces = None, projects = None, users = None, events = None, sources = None,
    since = None, until = None, tz = None, profile = None, threads = None, key = None, learn_all = false,
    follow_ids = false, follow_correlation = false, dedup = false, source_of = None, rules = None,
    accounts = None, progress = None
))]
#[expect(
    clippy::too_many_arguments,
    reason = "keywords, as the command line has flags"
)]
#[expect(
    clippy::fn_params_excessive_bools,
    reason = "keywords, as the command line has flags"
)]
pub(crate) fn scan(
    paths: Vec<PathBuf>,
    request: Option<&Bound<'_, PyAny>>,
    namespaces: Option<Vec<String>>,
    projects: Option<Vec<String>>,
    users: Option<Vec<String>>,
    events: Option<Vec<String>>,
    sources: Option<Vec<String>>,
    since: Option<String>,
    until: Option<String>,
    tz: Option<String>,
    profile: Option<PathBuf>,
    threads: Option<usize>,
    key: Option<&Bound<'_, PyBytes>>,
    learn_all: bool,
    follow_ids: bool,
    follow_correlation: bool,
    dedup: bool,
    source_of: Option<Vec<(String, String)>>,
    rules: Option<Vec<PathBuf>>,
    accounts: Option<PathBuf>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Dive> {
    let profile = settings::profile(profile)?;
    let zone = match tz {
        None => Zone::default(),
        Some(name) => Zone::parse(&name)
            .map_err(|_| ConfigError::new_err("tz= is no zone; write UTC, +01:00 or Europe/Berlin"))?,
    };
    let flags = AdHoc {
        namespaces: namespaces.unwrap_or_default(),
        projects: projects.unwrap_or_default(),
        users: users.unwrap_or_default(),
        events: events.unwrap_or_default(),
        sources: sources.unwrap_or_default(),
        since,
        until,
        zone,
    };
    let request = match request {
        Some(_) if flags != AdHoc::default() => {
            return Err(ConfigError::new_err(
                "request= says what to look for: namespaces=, users=, events=, since= and the like go without it",
            ));
        }
        Some(request) => settings::request(request, &profile)?,
        None if flags == AdHoc::default() => {
            return Err(ConfigError::new_err(
                "nothing says what to look for: give request=, or namespaces=, users=, events=, since=",
            ));
        }
        None => settings::ad_hoc(&flags, &profile)?,
    };
    let (cancel, watched) = (Arc::new(AtomicBool::new(false)), Arc::new(Progress::default()));
    let (reference, ad_hoc) = (request.reference().to_owned(), request.ad_hoc);
    let rules =
        decostop::rules::load(&rules.unwrap_or_default(), &profile).map_err(|error| raised(&error))?;
    let present = SystemTime::UNIX_EPOCH + Duration::from_nanos(settings::now().0.unsigned_abs());
    let mut builder = pipeline::Dive::builder(request, profile)
        .inputs(paths)
        .rules(rules)
        .threads(threads.unwrap_or(0))
        .learn_all(learn_all)
        .follow_ids(follow_ids)
        .follow_correlation(follow_correlation)
        .dedup(dedup)
        .source_of(source_of.unwrap_or_default())
        .now(present)
        .progress(Arc::clone(&watched))
        .cancel(Arc::clone(&cancel));
    if let Some(file) = accounts {
        builder = builder.accounts(decostop::request::accounts::read(&file).map_err(|error| raised(&error))?);
    }
    if let Some(key) = settings::key(key)? {
        builder = builder.key_material(key);
    }
    let dive = builder.build().map_err(|error| raised(&error))?;
    Ok(Dive {
        state: Mutex::new(State::Ready(Box::new(dive))),
        report: Arc::default(),
        cancel,
        progress: watched,
        callback: progress,
        reference,
        ad_hoc,
    })
}

impl Dive {
    fn state(&self) -> PyResult<MutexGuard<'_, State>> {
        // Held only between calls into Python, so that no thread waits for another's GIL.
        self.state
            .try_lock()
            .map_err(|_| DecostopError::new_err("another thread is using this dive"))
    }

    /// The dive itself, which can be had once.
    fn take(&self) -> PyResult<Box<pipeline::Dive>> {
        let mut state = self.state()?;
        match std::mem::replace(&mut *state, State::Over) {
            State::Ready(dive) => Ok(dive),
            other => {
                *state = other;
                Err(DecostopError::new_err(
                    "this dive has run already; call scan() once more",
                ))
            }
        }
    }

    /// Tells the caller's function how far the dive is.
    fn tell(&self, python: Python<'_>) -> PyResult<()> {
        let Some(callback) = &self.callback else {
            return Ok(());
        };
        let told = PyDict::new(python);
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let phase = match self.progress.phase() {
            Phase::Scanning => "scanning",
            Phase::Redacting => "redacting",
            _ => "verifying",
        };
        told.set_item("phase", phase)?;
        told.set_item("bytes_total", read(&self.progress.bytes_total))?;
        told.set_item("bytes_done", read(&self.progress.bytes_done))?;
        told.set_item("decoded_bytes", read(&self.progress.decoded_bytes))?;
        told.set_item("matched", read(&self.progress.matched))?;
        told.set_item("records", read(&self.progress.records))?;
        callback.call1(python, (told,)).map(drop)
    }

    /// The dive as a stream of batches that runs on a thread of its own.
    fn start(&self) -> PyResult<BatchStream> {
        let dive = self.take()?;
        let (kept, cancel) = (Arc::clone(&self.report), Arc::clone(&self.cancel));
        BatchStream::start(*dive, AHEAD, cancel, move |report| keep(&kept, report))
            .map_err(|error| raised(&error))
    }

    /// The next batch of a stream, while other Python threads run and Ctrl-C is heeded.
    fn next(&self, python: Python<'_>, stream: &mut BatchStream) -> PyResult<Option<RecordBatch>> {
        let next = detached::run(python, &self.cancel, &mut |python| self.tell(python), || {
            stream.next()
        })?;
        next.transpose().map_err(|error| raised(&error))
    }
}

/// Keeps the report of a dive that came to its end.
fn keep(held: &Mutex<Option<Report>>, report: Report) {
    if let Ok(mut held) = held.lock() {
        *held = Some(report);
    }
}

/// Text within HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[pymethods]
impl Dive {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    /// The next batch of verified records.
    fn __next__(&self, python: Python<'_>) -> PyResult<Batch> {
        let mut stream = {
            let mut state = self.state()?;
            match std::mem::replace(&mut *state, State::Over) {
                State::Running(stream) => Some(stream),
                ready @ State::Ready(_) => {
                    *state = ready;
                    None
                }
                State::Over => return Err(PyStopIteration::new_err(())),
            }
        };
        let mut stream = match stream.take() {
            Some(stream) => stream,
            None => self.start()?,
        };
        match self.next(python, &mut stream)? {
            Some(batch) => {
                *self.state()? = State::Running(stream);
                Ok(Batch::new(batch))
            }
            None => Err(PyStopIteration::new_err(())),
        }
    }

    /// The dive as an Arrow stream. Returns when the first batch is there, so that Ctrl-C is heeded while
    /// the logs are read.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        python: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The protocol allows a producer to hand over what it has.
        drop(requested_schema);
        let mut stream = self.start()?;
        let first = self.next(python, &mut stream)?;
        batches::stream(python, stream.into_reader(first))
    }

    fn __arrow_c_schema__<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        batches::schema(python, &decostop_columnar::schema())
    }

    /// Runs the dive and leaves its artefact in the directory `out`; gives the statistics.
    #[pyo3(signature = (out, *, format = "ndjson", force = false))]
    fn write<'py>(
        &self,
        python: Python<'py>,
        out: PathBuf,
        format: &str,
        force: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = format_named(format);
        if known.is_none() && format != "ndjson" {
            return Err(ConfigError::new_err(
                "format= is one of ndjson, parquet, csv, arrow",
            ));
        }
        let dive = self.take()?;
        let options = Options::default()
            .force(force)
            .format(known)
            .started(settings::now().to_string());
        let finished = detached::run(python, &self.cancel, &mut |python| self.tell(python), || {
            pipeline::dive_into(&dive, &out, options, ParquetProvenance::create_in)
        })?
        .map_err(|error| raised(&error))?;
        let json = finished.report.to_json();
        keep(&self.report, finished.report);
        settings::loaded(python, &json)
    }

    /// Runs the dive for its aggregates alone.
    fn summary<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let dive = self.take()?;
        let report = detached::run(python, &self.cancel, &mut |python| self.tell(python), || {
            dive.run(&mut CountSink::default())
        })?
        .map_err(|error| raised(&error))?;
        let json = Summary::new(&report).to_json();
        keep(&self.report, report);
        settings::loaded(python, &json)
    }

    /// What the dive would read, without reading it.
    fn plan<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let state = self.state()?;
        let State::Ready(dive) = &*state else {
            return Err(DecostopError::new_err(
                "this dive has run already; call scan() once more",
            ));
        };
        let json = dive.plan().to_json();
        drop(state);
        settings::loaded(python, &json)
    }

    /// The dive in at most `count` shares for a cluster, each as JSON. Accounts take the key of the dive.
    #[pyo3(signature = (count, key_file = None))]
    fn shards(&self, count: usize, key_file: Option<PathBuf>) -> PyResult<Vec<String>> {
        let state = self.state()?;
        let State::Ready(dive) = &*state else {
            return Err(DecostopError::new_err(
                "this dive has run already; call scan() once more",
            ));
        };
        let shards = match key_file {
            Some(file) => dive.shards_with(count, &cluster::secret(&file)?),
            None => dive.shards(count),
        };
        let shards = shards.map_err(|error| raised(&error))?;
        let texts = shards
            .iter()
            .map(|shard| shard.to_json().map_err(|error| raised(&error)));
        texts.collect()
    }

    /// Ends the dive, soon.
    fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// What the dive counted, once it came to its end.
    #[getter]
    fn stats<'py>(&self, python: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let json = self
            .report
            .lock()
            .ok()
            .and_then(|held| held.as_ref().map(Report::to_json));
        json.map(|json| settings::loaded(python, &json)).transpose()
    }

    /// What the customer knows the request by.
    #[getter]
    fn reference(&self) -> &str {
        &self.reference
    }

    /// Whether it is a look round, not for handing out.
    #[getter]
    fn ad_hoc(&self) -> bool {
        self.ad_hoc
    }

    fn __repr__(&self) -> String {
        let what = if self.ad_hoc { "ad-hoc look" } else { "dive" };
        let state = match self.state.try_lock().as_deref() {
            Ok(State::Ready(_)) => "ready",
            Ok(State::Over) if self.report.lock().is_ok_and(|held| held.is_some()) => "done",
            Ok(State::Over) => "over",
            _ => "running",
        };
        format!("<decostop.Dive: {what}, {state}>")
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    /// Ends the dive if it still runs.
    #[pyo3(signature = (_kind, _value, _traceback))]
    fn __exit__(&self, _kind: &Bound<'_, PyAny>, _value: &Bound<'_, PyAny>, _traceback: &Bound<'_, PyAny>) {
        self.cancel();
    }

    /// Counts of a dive that came to its end, for a notebook.
    fn _repr_html_(&self) -> String {
        let mut html = format!("<p>{}</p>", escaped(&self.__repr__()));
        let held = self.report.lock();
        let Ok(Some(report)) = held.as_deref() else {
            return html;
        };
        let counts = &report.counts;
        let lines = [
            ("matched", counts.matched),
            ("disclosed", counts.disclosed),
            ("outside scope", counts.outside_scope),
            ("withheld", counts.withheld),
        ];
        let mut table = |title: &str, rows: &mut dyn Iterator<Item = (&str, u64)>| {
            html.push_str("<table><tr><th>");
            html.push_str(title);
            html.push_str("</th><th></th></tr>");
            for (name, count) in rows {
                let name = escaped(name);
                // Writing to a string cannot fail.
                let _ = write!(html, "<tr><td>{name}</td><td>{count}</td></tr>");
            }
            html.push_str("</table>");
        };
        table("lines", &mut lines.into_iter());
        for (title, counts) in [("event", &report.by_event), ("day", &report.by_day)] {
            if !counts.is_empty() {
                table(
                    title,
                    &mut counts.iter().map(|(name, count)| (name.as_str(), *count)),
                );
            }
        }
        html
    }
}
