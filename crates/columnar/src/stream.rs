//! A dive as a stream of record batches, for whoever takes Arrow: Python, C, Rust.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use decostop::sink::{Flow, Sink};
use decostop::stats::Report;
use decostop::{Dive, Error, ErrorKind};

use crate::records::{BatchSink, schema};

/// Verified batches of a dive that runs on a thread of its own, in the order of its output.
///
/// The dive is at most a few batches ahead of its reader: a slow one slows it down, and no memory grows.
/// Dropping the stream ends the dive.
pub struct BatchStream {
    receiver: Option<Receiver<RecordBatch>>,
    running: Option<JoinHandle<Result<(), Error>>>,
    cancel: Arc<AtomicBool>,
}

impl BatchStream {
    /// Starts a dive. `ahead` batches may wait for the reader; `cancel` is the flag that the dive was built
    /// with; `done` is given the report before the stream ends.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the system gives no thread.
    pub fn start(
        dive: Dive,
        ahead: usize,
        cancel: Arc<AtomicBool>,
        done: impl FnOnce(Report) + Send + 'static,
    ) -> Result<Self, Error> {
        Self::start_with(ahead, cancel, move |sink| dive.run(sink).map(done))
    }

    /// As [`BatchStream::start`], for anything that hands records to a sink, such as a share of a cluster's
    /// dive.
    ///
    /// # Errors
    /// As [`BatchStream::start`].
    pub fn start_with(
        ahead: usize,
        cancel: Arc<AtomicBool>,
        run: impl FnOnce(&mut dyn Sink) -> Result<(), Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let (sender, receiver) = sync_channel(ahead);
        let working = move || -> Result<(), Error> {
            // A reader that has gone away wants no more.
            let mut sink = BatchSink::new(|batch| {
                Ok(if sender.send(batch).is_ok() {
                    Flow::Continue
                } else {
                    Flow::Stop
                })
            });
            run(&mut sink)
        };
        let running = thread::Builder::new()
            .name("decostop-dive".to_owned())
            .spawn(working)
            .map_err(|cause| Error::new(ErrorKind::Internal, "no thread for the dive").because(cause))?;
        Ok(Self {
            receiver: Some(receiver),
            running: Some(running),
            cancel,
        })
    }

    /// The stream as Arrow's reader, behind a batch that was taken from it already.
    pub fn into_reader(self, first: Option<RecordBatch>) -> Box<dyn RecordBatchReader + Send> {
        Box::new(Reader { first, stream: self })
    }
}

impl Iterator for BatchStream {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(batch) = self.receiver.as_ref().and_then(|receiver| receiver.recv().ok()) {
            return Some(Ok(batch));
        }
        // Nobody sends any more: the dive is over, one way or the other.
        self.receiver = None;
        match self.running.take()?.join() {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Err(error)),
            Err(_) => {
                let error = Error::new(ErrorKind::Internal, "a panic inside decostop; please report it");
                Some(Err(error))
            }
        }
    }
}

impl Drop for BatchStream {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.cancel.store(true, Ordering::Relaxed);
            self.receiver = None;
            // Nothing of a dive outlives its stream; it looks for the flag many times a second.
            let _ = running.join();
        }
    }
}

impl std::fmt::Debug for BatchStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BatchStream(running: {})", self.running.is_some())
    }
}

struct Reader {
    first: Option<RecordBatch>,
    stream: BatchStream,
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        let next = self.stream.next()?;
        Some(next.map_err(|error| ArrowError::ExternalError(Box::new(error))))
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        schema()
    }
}
