//! The framer under any chunking and codec.

use std::fs;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use decostop::Limits;
use decostop::frame::{Lines, Piece, Scratch, for_each_segment};
use decostop::source::{Input, InputId, InputKind, MapPolicy, OpenOptions, Opened, open};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use crate::draw::Draw;

/// A line by offset and bytes; without bytes it is over-long.
type Found = Vec<(u64, Option<Vec<u8>>)>;

/// What reading came to: the lines, and where something was lost and why.
#[derive(Debug, Default, Eq, PartialEq)]
struct Outcome {
    lines: Found,
    lost: Vec<(u64, &'static str)>,
}

/// How an input is cut up on the way.
#[derive(Clone, Copy, Debug)]
struct Cuts {
    read: usize,
    unit: u64,
    segment: usize,
    pipe: Option<usize>,
}

/// Bytes of any kind: sound ones give the same lines through every codec, chunking and path; damaged
/// ones give the same lines and losses under every chunking; nothing panics.
pub fn frame(data: &[u8]) {
    let mut draw = Draw::new(data);
    let codec = draw.below(11);
    let max_line = *draw.of(&[16 << 20, 1, 7, 40]);
    let cuts = |draw: &mut Draw<'_>| Cuts {
        read: *draw.of(&[1, 2, 7, 64, 4096, 256 << 10]),
        unit: *draw.of(&[64 << 20, 1, 5, 64]),
        segment: *draw.of(&[1 << 20, 1, 3, 64]),
        pipe: (!draw.one_in(2)).then(|| draw.below(32) + 1),
    };
    let (first, second) = (cuts(&mut draw), cuts(&mut draw));
    let parts = draw.below(4) + 1;
    let damage = draw.one_in(3).then(|| (draw.below(4096), draw.below(256) as u8, draw.one_in(2)));
    let plain = draw.rest();
    if codec == 0 {
        let one = read(plain, max_line, first);
        assert!(one == read(plain, max_line, second), "the lines of an input as it is depend on how it is cut up");
        return;
    }
    let mut stored = encode(codec, plain, parts);
    if let Some((at, byte, cut)) = damage.filter(|_| !stored.is_empty()) {
        let at = at % stored.len();
        if cut {
            stored.truncate(at);
        } else {
            stored[at] = byte;
        }
        let as_file = |cuts: Cuts| read(&stored, max_line, Cuts { pipe: None, ..cuts });
        let one = as_file(first);
        let other = as_file(second);
        // How much of the last block of a damaged zstd frame comes out depends on how it is fed to the
        // decoder; nothing before it does, nor whether the damage is told.
        let first_loss = |outcome: &Outcome| outcome.lost.first().map_or(u64::MAX, |(at, _)| *at);
        let until = first_loss(&one).min(first_loss(&other));
        let before = |outcome: &Outcome, until: u64| outcome.lines.iter().filter(|(at, _)| *at < until).cloned().collect::<Vec<_>>();
        assert!(
            before(&one, until) == before(&other, until) && one.lost.is_empty() == other.lost.is_empty(),
            "the lines of a damaged file depend on how it is cut up: {first:?} {second:?}\n{one:?}\n{other:?}"
        );
        // A stream cannot go back to where the next frame begins: after a loss less may be found.
        let stream = read(&stored, max_line, Cuts { pipe: first.pipe.or(Some(1)), ..first });
        let until = first_loss(&one).min(first_loss(&stream));
        assert!(
            before(&one, until) == before(&stream, until) && one.lost.is_empty() == stream.lost.is_empty(),
            "the lines of a damaged stream before the loss are not those of the file: {first:?}\n{one:?}\n{stream:?}"
        );
        return;
    }
    let expected = split(plain, max_line);
    for cuts in [first, second] {
        let got = read(&stored, max_line, cuts);
        assert!(got.lost.is_empty(), "a sound input has losses");
        assert!(got.lines == expected, "other lines through codec {codec}");
    }
}

fn split(plain: &[u8], max_line: usize) -> Found {
    let mut offset = 0;
    let mut found = Found::new();
    for line in plain.split_inclusive(|byte| *byte == b'\n') {
        let bytes = line.strip_suffix(b"\n").unwrap_or(line);
        found.push((offset, (bytes.len() <= max_line).then(|| bytes.to_vec())));
        offset += line.len() as u64;
    }
    found
}

fn encode(codec: usize, plain: &[u8], parts: usize) -> Vec<u8> {
    let mut stored = Vec::new();
    let size = plain.len().div_ceil(parts).max(1);
    let chunks = plain.chunks(size).chain(plain.is_empty().then_some(plain));
    for chunk in chunks {
        match codec {
            1 | 2 => stored.extend(zstd::bulk::compress(chunk, if codec == 1 { 1 } else { 9 }).expect("memory is enough")),
            3 => {
                let mut encoder = zstd::stream::Encoder::new(&mut stored, 1).expect("memory is enough");
                encoder.include_checksum(true).expect("a known parameter");
                encoder.write_all(chunk).and_then(|()| encoder.finish().map(drop)).expect("memory is enough");
            }
            4 => {
                let mut encoder = flate2::write::GzEncoder::new(&mut stored, flate2::Compression::fast());
                encoder.write_all(chunk).and_then(|()| encoder.finish().map(drop)).expect("memory is enough");
            }
            5 => {
                let mut encoder = bzip2::write::BzEncoder::new(&mut stored, bzip2::Compression::fast());
                encoder.write_all(chunk).and_then(|()| encoder.finish().map(drop)).expect("memory is enough");
            }
            6 | 7 => {
                let info = FrameInfo::new().block_size(BlockSize::Max64KB).content_checksum(true);
                let linked = info.clone().block_mode(BlockMode::Linked).block_checksums(true);
                let mut encoder = FrameEncoder::with_frame_info(if codec == 6 { info } else { linked }, &mut stored);
                encoder.write_all(chunk).expect("memory is enough");
                encoder.finish().expect("memory is enough");
            }
            8 => {
                // The first version of lz4.
                let block = lz4_flex::block::compress(chunk);
                stored.extend([0x02, 0x21, 0x4c, 0x18]);
                stored.extend((block.len() as u32).to_le_bytes());
                stored.extend(block);
            }
            9 => {
                let mut encoder = liblzma::write::XzEncoder::new(&mut stored, 0);
                encoder.write_all(chunk).and_then(|()| encoder.finish().map(drop)).expect("memory is enough");
            }
            _ => {
                // What pigz and bgzip write: a name, a comment and extra bytes in the header.
                let builder = flate2::GzBuilder::new().filename("a.log").comment("b").extra(vec![1, 2, 3, 4]);
                let mut encoder = builder.write(&mut stored, flate2::Compression::none());
                encoder.write_all(chunk).and_then(|()| encoder.finish().map(drop)).expect("memory is enough");
            }
        }
    }
    stored
}

/// Gives its bytes in small pieces.
struct Drip(io::Cursor<Vec<u8>>, usize);

impl Read for Drip {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = to.len().min(self.1);
        self.0.read(&mut to[..most])
    }
}

fn read(stored: &[u8], max_line: usize, cuts: Cuts) -> Outcome {
    let mut limits = Limits::default();
    limits.max_line_bytes = max_line;
    limits.segment_bytes = cuts.segment;
    // A window that a header asks for is memory; the target's limit is lower than a machine's.
    limits.max_zstd_window_log = 23;
    let options = OpenOptions::new(MapPolicy::read(), SystemTime::UNIX_EPOCH).read_bytes(cuts.read).unit_bytes(cuts.unit);
    let mut input = Input {
        id: InputId(0),
        path: PathBuf::from("x.log"),
        bytes: stored.len() as u64,
        mtime: None,
        identity: None,
        kind: InputKind::File,
        source: None,
    };
    let opened = match cuts.pipe {
        Some(most) => {
            input.kind = InputKind::Stream;
            Opened::from_reader(&input, Box::new(Drip(io::Cursor::new(stored.to_vec()), most)), &options)
        }
        None => {
            input.path = scratch_file();
            fs::write(&input.path, stored).expect("a place for temporary files");
            open(&input, &options)
        }
    };
    let mut outcome = Outcome::default();
    let Ok(opened) = opened else { return outcome };
    let mut scratch = Scratch::default();
    let mut long: Option<u64> = None;
    for unit in opened.units() {
        for_each_segment(&opened, &unit, &limits, &mut scratch, &mut |piece| {
            match piece {
                Piece::Lines { offset, bytes } => {
                    assert!(!bytes.is_empty());
                    outcome.lines.extend(Lines::new(offset, bytes).map(|line| (line.offset, Some(line.bytes.to_vec()))));
                }
                Piece::Overlong { offset, first, last, .. } => {
                    if first {
                        assert!(long.is_none(), "an over-long line begins within another");
                        long = Some(offset);
                    }
                    if last {
                        outcome.lines.push((long.take().expect("an over-long line that began"), None));
                    }
                }
                Piece::Lost(range) => {
                    long = None;
                    outcome.lost.push((range.decoded_offset, range.reason.as_str()));
                }
                _ => {}
            }
            ControlFlow::Continue(())
        });
    }
    outcome
}

/// One file for each process, in memory where there is such a place.
fn scratch_file() -> PathBuf {
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
    dir.join(format!("decostop-fuzz-{}-{:?}.log", std::process::id(), std::thread::current().id()))
}
