//! What a file is packed in.

use std::io::{self, BufRead, BufReader, Read};

/// A header of an archive is as long.
const TAR_BLOCK: usize = 512;

/// The content of a file or of a member of an archive.
pub(super) enum Content<'r> {
    Archive(tar::Archive<Box<dyn BufRead + 'r>>),
    Lines(Box<dyn BufRead + 'r>),
}

/// Takes codecs off.
pub(super) fn unpacked<'r>(packed: Box<dyn BufRead + 'r>) -> io::Result<Content<'r>> {
    let (magic, whole) = peeked(packed, 4)?;
    let plain: Box<dyn BufRead + 'r> = match *magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(whole))),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(whole)?))
        }
        [first, 0x2a, 0x4d, 0x18] if (0x50..=0x5f).contains(&first) => {
            Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(whole)?))
        }
        _ => whole,
    };
    let (head, plain) = peeked(plain, TAR_BLOCK)?;
    Ok(if is_tar(&head) {
        Content::Archive(tar::Archive::new(plain))
    } else {
        Content::Lines(plain)
    })
}

/// The first bytes, and a reader of everything. A damaged end shows when it is read.
fn peeked<'r>(
    mut input: Box<dyn BufRead + 'r>,
    wanted: usize,
) -> io::Result<(Vec<u8>, Box<dyn BufRead + 'r>)> {
    let mut head = vec![0; wanted];
    let mut filled = 0;
    let mut damage = None;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) if filled == 0 => return Err(cause),
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
