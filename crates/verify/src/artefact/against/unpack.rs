//! What a file is packed in.

use std::io::{self, BufRead, BufReader, Read};

use liblzma::stream::{CONCATENATED, Stream};
use lz4_flex::frame::{Error as FrameError, FrameDecoder};

/// A header of an archive is as long.
const TAR_BLOCK: usize = 512;

/// What an xz stream may need: a window of 128 MiB and the decoder.
const XZ_MEMORY: u64 = 130 << 20;

/// The content of a file or of a member of an archive.
pub(super) enum Content<'r> {
    Archive(tar::Archive<Box<dyn BufRead + 'r>>),
    Lines(Box<dyn BufRead + 'r>),
}

/// Takes codecs off. What is damaged from its first byte on becomes lines of which none can be read.
///
/// # Errors
/// When the packed bytes themselves cannot be read.
pub(super) fn unpacked<'r>(packed: Box<dyn BufRead + 'r>) -> io::Result<Content<'r>> {
    let (head, whole) = peeked(packed, TAR_BLOCK, false)?;
    let plain: Box<dyn BufRead + 'r> = match *behind_skippable(&head) {
        [0x1f, 0x8b, ..] => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(whole))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(whole)?))
        }
        [0x04, 0x22, 0x4d, 0x18, ..] => Box::new(BufReader::new(Lz4::new(whole, false))),
        [0x02, 0x21, 0x4c, 0x18, ..] => Box::new(BufReader::new(Lz4::new(whole, true))),
        [b'B', b'Z', b'h', ..] => Box::new(BufReader::new(bzip2::bufread::MultiBzDecoder::new(whole))),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            let decoder = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
            Box::new(BufReader::new(liblzma::bufread::XzDecoder::new_stream(
                whole, decoder,
            )))
        }
        _ => whole,
    };
    let (head, plain) = peeked(plain, TAR_BLOCK, true)?;
    Ok(if is_tar(&head) {
        Content::Archive(tar::Archive::new(plain))
    } else {
        Content::Lines(plain)
    })
}

/// What follows the skippable frames that zstd and lz4 share; the first of them if it is too far away.
fn behind_skippable(head: &[u8]) -> &[u8] {
    let mut rest = head;
    while let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, content @ ..] = rest {
        let size = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        match content.get(size..) {
            Some(behind) => rest = behind,
            None => return head,
        }
    }
    rest
}

/// Frames of lz4, one after another. The decoder is made for one of them, and takes a cut for an end.
struct Lz4<R: Read> {
    /// None only while it is replaced.
    frame: Option<FrameDecoder<Watched<R>>>,
    /// Whether nothing came of this frame yet.
    fresh: bool,
    /// Frames of the first version end with the file.
    legacy: bool,
}

/// How much was read, and whether that was all.
struct Watched<R> {
    from: R,
    count: u64,
    ended: bool,
}

impl<R: Read> Lz4<R> {
    fn new(from: R, legacy: bool) -> Self {
        let watched = Watched {
            from,
            count: 0,
            ended: false,
        };
        Self {
            frame: Some(FrameDecoder::new(watched)),
            fresh: true,
            legacy,
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(to)?;
        self.count += count as u64;
        self.ended |= count == 0 && !to.is_empty();
        Ok(count)
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        while let Some(frame) = &mut self.frame {
            let before = frame.get_ref().count;
            let skipped = match frame.read(to) {
                Ok(0) => {
                    let seen = frame.get_ref();
                    if seen.ended && (self.legacy || self.fresh && seen.count == before) {
                        return Ok(0);
                    }
                    if seen.ended {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    0
                }
                Ok(count) => {
                    self.fresh = false;
                    return Ok(count);
                }
                Err(cause) => {
                    let known = cause.get_ref().and_then(|inner| inner.downcast_ref());
                    let Some(FrameError::SkippableFrame(size)) = known else {
                        return Err(cause);
                    };
                    u64::from(*size)
                }
            };
            let mut rest = self.frame.take().map(FrameDecoder::into_inner);
            if let Some(rest) = &mut rest
                && io::copy(&mut rest.take(skipped), &mut io::sink())? < skipped
            {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.frame = rest.map(FrameDecoder::new);
            self.fresh = true;
        }
        Ok(0)
    }
}

/// The first bytes, and a reader of everything. A damaged end shows when it is read; what comes out of a
/// decoder may be damaged from the start.
fn peeked<'r>(
    mut input: Box<dyn BufRead + 'r>,
    wanted: usize,
    unpacked: bool,
) -> io::Result<(Vec<u8>, Box<dyn BufRead + 'r>)> {
    let mut head = vec![0; wanted];
    let mut filled = 0;
    let mut damage = None;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) if filled == 0 && !unpacked => return Err(cause),
            Err(cause) => {
                damage = Some(cause);
                break;
            }
        }
    }
    head.truncate(filled);
    let whole = io::Cursor::new(head.clone());
    Ok((
        head,
        match damage {
            None => Box::new(whole.chain(input)),
            Some(cause) => Box::new(whole.chain(BufReader::new(Damaged(Some(cause))))),
        },
    ))
}

/// Nothing but the error that was met.
struct Damaged(Option<io::Error>);

impl Read for Damaged {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// A header whose sum is right; old archives lack the magic.
fn is_tar(head: &[u8]) -> bool {
    const SUM: std::ops::Range<usize> = 148..156;
    let Some(stated) = head.get(SUM).filter(|_| head.len() == TAR_BLOCK) else {
        return false;
    };
    let digits: String = stated
        .iter()
        .map(|byte| char::from(*byte))
        .filter(|c| !matches!(c, '\0' | ' '))
        .collect();
    let sum: u64 = head
        .iter()
        .enumerate()
        .map(|(at, byte)| u64::from(if SUM.contains(&at) { b' ' } else { *byte }))
        .sum();
    u64::from_str_radix(&digits, 8) == Ok(sum)
}
