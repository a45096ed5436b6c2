//! Compressing writers that can begin a new frame or member anywhere.

use std::io::{self, Read as _, Write};

use bzip2::write::BzEncoder;
use flate2::Compression;
use flate2::write::GzEncoder;
use liblzma::write::XzEncoder;
use lz4_flex::frame::{FrameDecoder, FrameEncoder, FrameInfo};

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
    /// Streams, cut in the middle of lines.
    Bzip2,
    /// Frames, cut in the middle of lines.
    Lz4,
    /// Streams, cut in the middle of lines.
    Xz,
}

impl Codec {
    /// Whether files are cut.
    fn cuts(self) -> bool {
        !matches!(self, Self::Plain | Self::Zstd)
    }

    /// The compression level if none is asked for.
    pub(crate) fn usual_level(self) -> i32 {
        match self {
            Self::Gzip => 6,
            // As fast as they can: corpora are made often.
            Self::Bzip2 | Self::Xz => 1,
            _ => 3,
        }
    }
}

/// Decoded bytes between two cuts.
const CUT: u64 = 4 << 20;
const BLOCK: usize = 256 << 10;

enum State<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
    Bzip2(BzEncoder<W>),
    Lz4(FrameEncoder<W>),
    Xz(XzEncoder<W>),
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
        // A file of one block is cut as well, so that small corpora hold the case.
        let due = self.codec.cuts() && block.len() > 1 && (self.since_cut >= CUT || last && self.cuts == 0);
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
            State::Bzip2(to) => to.write_all(bytes),
            State::Lz4(to) => to.write_all(bytes),
            State::Xz(to) => to.write_all(bytes),
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
        Codec::Bzip2 => State::Bzip2(BzEncoder::new(
            to,
            bzip2::Compression::new(level.clamp(1, 9).unsigned_abs()),
        )),
        Codec::Lz4 => State::Lz4(FrameEncoder::with_frame_info(
            FrameInfo::new().content_checksum(true),
            to,
        )),
        Codec::Xz => State::Xz(XzEncoder::new(to, level.clamp(0, 9).unsigned_abs())),
    })
}

fn end<W: Write>(state: State<W>) -> io::Result<W> {
    match state {
        State::Plain(to) => Ok(to),
        State::Gzip(to) => to.finish(),
        State::Zstd(to) => to.finish(),
        State::Bzip2(to) => to.finish(),
        State::Lz4(to) => to.finish().map_err(io::Error::other),
        State::Xz(to) => to.finish(),
        State::Gone => Err(gone()),
    }
}

/// The content of a file, whatever codec its first bytes tell.
///
/// # Errors
///
/// The file is damaged.
pub fn decoded(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    match bytes {
        [0x1f, 0x8b, ..] => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out)?,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::stream::read::Decoder::new(bytes)?.read_to_end(&mut out)?,
        [b'B', b'Z', b'h', ..] => bzip2::read::MultiBzDecoder::new(bytes).read_to_end(&mut out)?,
        [0xfd, b'7', b'z', b'X', b'Z', ..] => {
            liblzma::read::XzDecoder::new_multi_decoder(bytes).read_to_end(&mut out)?
        }
        [0x04, 0x22, 0x4d, 0x18, ..] => {
            let mut rest = bytes;
            while !rest.is_empty() {
                // It ends with each frame, and is made for one.
                let mut frame = FrameDecoder::new(rest);
                frame.read_to_end(&mut out)?;
                rest = frame.into_inner();
            }
            out.len()
        }
        mut plain => plain.read_to_end(&mut out)?,
    };
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let line: Vec<u8> = (0..997_u32).flat_map(u32::to_le_bytes).collect();
        for (codec, magic) in [
            (Codec::Plain, &[][..]),
            (Codec::Gzip, &[0x1f, 0x8b, 8]),
            (Codec::Zstd, &[0x28, 0xb5, 0x2f, 0xfd]),
            (Codec::ZstdFrames, &[0x28, 0xb5, 0x2f, 0xfd]),
            (Codec::Bzip2, b"BZh11AY&SY"),
            (Codec::Lz4, &[0x04, 0x22, 0x4d, 0x18]),
            (Codec::Xz, b"\xfd7zXZ"),
        ] {
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
                let content = decoded(&bytes).expect("it was just encoded");
                assert!(content == line.repeat(lines), "{codec:?} {lines}");
                if !codec.cuts() {
                    continue;
                }
                let starts = bytes.windows(magic.len()).filter(|w| *w == magic).count();
                if lines > 3 {
                    assert!(starts >= 4, "{codec:?}: {starts} members");
                }
            }
        }
    }
}
