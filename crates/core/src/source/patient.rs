//! Reading a stream that may never go on, without becoming deaf to an interrupt.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Bytes of one read.
const CHUNK: usize = 64 << 10;
/// Chunks read ahead.
const AHEAD: usize = 4;
/// How long an interrupt may go unnoticed.
const PATIENCE: Duration = Duration::from_millis(50);

/// A reader whose stream is opened and read by a thread of its own. When `cancel` becomes true a
/// read fails at once; the thread is left to wait for a stream that nobody reads any more.
pub(super) struct Patient {
    chunks: Receiver<io::Result<Vec<u8>>>,
    cancel: Arc<AtomicBool>,
    chunk: io::Cursor<Vec<u8>>,
    ended: bool,
}

impl Patient {
    /// Starts to read what `open` opens.
    pub(super) fn new<R: Read>(
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
        cancel: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let (send, chunks) = sync_channel(AHEAD);
        thread::Builder::new()
            .name("stream".to_owned())
            .spawn(move || match open() {
                Ok(reader) => pump(reader, &send),
                Err(cause) => drop(send.send(Err(cause))),
            })?;
        Ok(Self {
            chunks,
            cancel,
            chunk: io::Cursor::default(),
            ended: false,
        })
    }

    fn next(&mut self) -> io::Result<()> {
        while !self.ended {
            if self.cancel.load(Ordering::Relaxed) {
                self.ended = true;
                return Err(io::Error::other("interrupted"));
            }
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => {
                    self.chunk = io::Cursor::new(chunk.inspect_err(|_| self.ended = true)?);
                    return Ok(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.ended = true,
            }
        }
        self.chunk = io::Cursor::default();
        Ok(())
    }
}

impl Read for Patient {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.chunk.position() >= self.chunk.get_ref().len() as u64 {
            self.next()?;
        }
        self.chunk.read(to)
    }
}

/// Reads to the end, or until nobody takes what was read.
fn pump(mut reader: impl Read, send: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let done = match reader.read(&mut chunk) {
            Ok(0) => return,
            Ok(count) => {
                chunk.truncate(count);
                send.send(Ok(chunk))
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(cause) => return drop(send.send(Err(cause))),
        };
        if done.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Gives its parts one by one, then waits for ever.
    struct Endless(Vec<&'static [u8]>);

    impl Read for Endless {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let Some(part) = self.0.pop() else {
                thread::sleep(Duration::from_secs(3_600));
                return Ok(0);
            };
            to.get_mut(..part.len())
                .expect("the parts are small")
                .copy_from_slice(part);
            Ok(part.len())
        }
    }

    #[test]
    fn everything_arrives_in_order() {
        let want: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
        let from = io::Cursor::new(want.clone());
        let mut got = Vec::new();
        let mut reader = Patient::new(|| Ok(from), Arc::default()).expect("a thread");
        reader.read_to_end(&mut got).expect("memory can be read");
        assert!(got == want);
        assert_eq!(reader.read(&mut [0; 8]).ok(), Some(0), "the end stays the end");
    }

    #[test]
    fn a_stream_that_does_not_go_on_can_be_cancelled() {
        let cancel = Arc::new(AtomicBool::new(false));
        let mut reader =
            Patient::new(|| Ok(Endless(vec![b"two", b"one"])), Arc::clone(&cancel)).expect("a thread");
        let mut six = [0; 6];
        reader.read_exact(&mut six).expect("what is there is given");
        assert_eq!(&six, b"onetwo");
        let began = Instant::now();
        cancel.store(true, Ordering::Relaxed);
        assert!(reader.read(&mut six).is_err());
        assert!(began.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn errors_are_passed_on() {
        let refused = || Err::<io::Empty, _>(io::Error::from(io::ErrorKind::PermissionDenied));
        let mut reader = Patient::new(refused, Arc::default()).expect("a thread");
        let cause = reader.read(&mut [0; 8]).expect_err("it cannot be opened");
        assert_eq!(cause.kind(), io::ErrorKind::PermissionDenied);
    }
}
