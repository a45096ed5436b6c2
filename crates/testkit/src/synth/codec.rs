//! Compressing writers that can begin a new frame or member anywhere.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// How one file is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Codec {
    Plain,
    /// Members, cut in the middle of lines.
    Gzip,
    /// One frame.
    Zstd,
    /// Frames, cut in the middle of lines.
    ZstdFrames,
}

/// Decoded bytes between two cuts.
const CUT: u64 = 4 << 20;
const BLOCK: usize = 256 << 10;

enum State<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
    /// Between two frames, or after an error.
    Gone,
}

/// Takes lines, writes compressed bytes.
pub(crate) struct Encoder<W: Write> {
    state: State<W>,
    codec: Codec,
    level: i32,
    block: Vec<u8>,
    since_cut: u64,
    cuts: u32,
}

impl<W: Write> Encoder<W> {
    pub(crate) fn new(to: W, codec: Codec, level: i32) -> io::Result<Self> {
        let state = begin(to, codec, level)?;
        Ok(Self {
            state,
            codec,
            level,
            block: Vec::with_capacity(BLOCK + (64 << 10)),
            since_cut: 0,
            cuts: 0,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.block.extend_from_slice(bytes);
        if self.block.len() >= BLOCK {
            self.flush(false)
        } else {
            Ok(())
        }
    }

    fn flush(&mut self, last: bool) -> io::Result<()> {
        let mut block = std::mem::take(&mut self.block);
        self.since_cut += block.len() as u64;
        let many = matches!(self.codec, Codec::Gzip | Codec::ZstdFrames);
        // A file of one block is cut as well, so that small corpora hold the case.
        let due = many && block.len() > 1 && (self.since_cut >= CUT || last && self.cuts == 0);
        if due {
            let (head, tail) = block.split_at(block.len() / 2);
            self.put(head)?;
            self.cut()?;
            self.put(tail)?;
            self.since_cut = tail.len() as u64;
        } else {
            self.put(&block)?;
        }
        block.clear();
        self.block = block;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.state {
            State::Plain(to) => to.write_all(bytes),
            State::Gzip(to) => to.write_all(bytes),
            State::Zstd(to) => to.write_all(bytes),
            State::Gone => Err(gone()),
        }
    }

    fn cut(&mut self) -> io::Result<()> {
        self.cuts += 1;
        let to = end(std::mem::replace(&mut self.state, State::Gone))?;
        self.state = begin(to, self.codec, self.level)?;
        Ok(())
    }

    /// Writes what is left and gives the writer back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.flush(true)?;
        end(self.state)
    }
}

fn gone() -> io::Error {
    io::Error::other("the encoder has failed before")
}

fn begin<W: Write>(to: W, codec: Codec, level: i32) -> io::Result<State<W>> {
    Ok(match codec {
        Codec::Plain => State::Plain(to),
        Codec::Gzip => State::Gzip(GzEncoder::new(
            to,
            Compression::new(level.clamp(1, 9).unsigned_abs()),
        )),
        Codec::Zstd | Codec::ZstdFrames => State::Zstd(zstd::stream::write::Encoder::new(to, level)?),
    })
}

fn end<W: Write>(state: State<W>) -> io::Result<W> {
    match state {
        State::Plain(to) => Ok(to),
        State::Gzip(to) => to.finish(),
        State::Zstd(to) => to.finish(),
        State::Gone => Err(gone()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn decode(codec: Codec, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let done = match codec {
            Codec::Plain => (&mut &*bytes).read_to_end(&mut out),
            Codec::Gzip => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out),
            Codec::Zstd | Codec::ZstdFrames => {
                zstd::stream::read::Decoder::new(bytes).and_then(|mut decoder| decoder.read_to_end(&mut out))
            }
        };
        assert!(done.is_ok());
        out
    }

    #[test]
    fn what_goes_in_comes_out() {
        let line: Vec<u8> = (0..997_u32).flat_map(u32::to_le_bytes).collect();
        for codec in [Codec::Plain, Codec::Gzip, Codec::Zstd, Codec::ZstdFrames] {
            for lines in [0, 1, 3, 5000] {
                let mut encoder = Encoder::new(Vec::new(), codec, 1).expect("a Vec takes everything");
                for _ in 0..lines {
                    encoder.write(&line).expect("a Vec takes everything");
                    assert!(
                        encoder.block.capacity() <= BLOCK + (64 << 10),
                        "the buffer does not grow"
                    );
                }
                let bytes = encoder.finish().expect("a Vec takes everything");
                assert!(decode(codec, &bytes) == line.repeat(lines), "{codec:?} {lines}");
                let magic: &[u8] = if codec == Codec::Gzip {
                    &[0x1f, 0x8b, 8]
                } else {
                    &[0x28, 0xb5, 0x2f, 0xfd]
                };
                let starts = bytes.windows(magic.len()).filter(|w| *w == magic).count();
                if lines > 3 && matches!(codec, Codec::Gzip | Codec::ZstdFrames) {
                    assert!(starts >= 4, "{codec:?}: {starts} members");
                }
            }
        }
    }
}
