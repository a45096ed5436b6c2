//! The steps of a dive in shares; `python/decostop/cluster.py` is what users import.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use decostop::artefact::Options;
use decostop::cluster::{self, Gather, Secret, Shard, Task};
use decostop::request::accounts;
use decostop::stats::Report;
use decostop_columnar::{BatchStream, ParquetProvenance, format_named};
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;

use crate::batches::Batch;
use crate::detached;
use crate::errors::{ConfigError, DecostopError, raised};
use crate::settings;

/// Batches that wait for their reader.
const AHEAD: usize = 2;

pub(crate) fn secret(key_file: &Path) -> PyResult<Secret> {
    Secret::read(key_file).map_err(|error| raised(&error))
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(settings::now().0.unsigned_abs())
}

fn task(shard: &str, key_file: &Path, threads: Option<usize>, cancel: &Arc<AtomicBool>) -> PyResult<Task> {
    let shard = Shard::from_json(shard).map_err(|error| raised(&error))?;
    Ok(Task::new(shard, secret(key_file)?)
        .threads(threads.unwrap_or(0))
        .now(now())
        .cancel(Arc::clone(cancel)))
}

/// A report of the library as Python objects, when the work has come to its end.
fn worked<'py>(
    python: Python<'py>,
    cancel: &AtomicBool,
    work: impl FnOnce() -> Result<Report, decostop::Error> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let report = detached::run(python, cancel, &mut |_| Ok(()), work)?.map_err(|error| raised(&error))?;
    settings::loaded(python, &report.to_json())
}

#[pyfunction]
pub(crate) fn cluster_learn<'py>(
    python: Python<'py>,
    shard: &str,
    out: PathBuf,
    key_file: PathBuf,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let cancel = Arc::default();
    let task = task(shard, &key_file, threads, &cancel)?;
    worked(python, &cancel, || task.learn(&out))
}

#[pyfunction]
pub(crate) fn cluster_merge(
    python: Python<'_>,
    facts: Vec<PathBuf>,
    out: PathBuf,
    key_file: PathBuf,
    accounts: Option<PathBuf>,
) -> PyResult<()> {
    let secret = secret(&key_file)?;
    python
        .detach(|| {
            let accounts = accounts.as_deref().map(accounts::read).transpose()?;
            cluster::merge(&facts, &accounts.unwrap_or_default(), &secret, &out)
        })
        .map_err(|error| raised(&error))
}

#[pyfunction]
pub(crate) fn cluster_redact<'py>(
    python: Python<'py>,
    shard: &str,
    facts: PathBuf,
    out: PathBuf,
    key_file: PathBuf,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let cancel = Arc::default();
    let task = task(shard, &key_file, threads, &cancel)?;
    worked(python, &cancel, || task.redact(&facts, &out))
}

#[pyfunction]
pub(crate) fn cluster_gather<'py>(
    python: Python<'py>,
    parts: Vec<PathBuf>,
    facts: PathBuf,
    out: PathBuf,
    key_file: PathBuf,
    format: &str,
    force: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let known = format_named(format);
    if known.is_none() && format != "ndjson" {
        return Err(ConfigError::new_err(
            "format= is one of ndjson, parquet, csv, arrow",
        ));
    }
    let cancel = Arc::default();
    let gather = Gather::new(parts, &facts, secret(&key_file)?)
        .now(now())
        .cancel(Arc::clone(&cancel));
    let options = Options::default()
        .force(force)
        .format(known)
        .started(settings::now().to_string());
    worked(python, &cancel, || {
        let done = gather.into_directory(&out, options, ParquetProvenance::create_in)?;
        Ok(done.report)
    })
}

/// The verified records of one share, batch by batch.
#[pyclass(frozen, module = "decostop._decostop")]
pub(crate) struct ShardBatches {
    stream: Mutex<Option<BatchStream>>,
    cancel: Arc<AtomicBool>,
}

#[pyfunction]
pub(crate) fn cluster_batches(
    shard: &str,
    facts: PathBuf,
    key_file: PathBuf,
    threads: Option<usize>,
) -> PyResult<ShardBatches> {
    let cancel = Arc::default();
    let task = task(shard, &key_file, threads, &cancel)?;
    let stream = BatchStream::start_with(AHEAD, Arc::clone(&cancel), move |sink| {
        task.redact_into(&facts, sink).map(drop)
    });
    Ok(ShardBatches {
        stream: Mutex::new(Some(stream.map_err(|error| raised(&error))?)),
        cancel,
    })
}

#[pymethods]
impl ShardBatches {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__(&self, python: Python<'_>) -> PyResult<Batch> {
        let busy = || DecostopError::new_err("another thread is using this share");
        let taken = self.stream.try_lock().map_err(|_| busy())?.take();
        let Some(mut stream) = taken else {
            return Err(PyStopIteration::new_err(()));
        };
        let next = detached::run(python, &self.cancel, &mut |_| Ok(()), || stream.next())?;
        match next.transpose().map_err(|error| raised(&error))? {
            Some(batch) => {
                *self.stream.try_lock().map_err(|_| busy())? = Some(stream);
                Ok(Batch::new(batch))
            }
            None => Err(PyStopIteration::new_err(())),
        }
    }

    fn __repr__(&self) -> &'static str {
        "<decostop.ShardBatches>"
    }
}
