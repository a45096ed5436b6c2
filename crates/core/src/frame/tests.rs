//! One corpus, every path to it: codecs, chunk sizes, mapped or read, split or whole, and damage.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;

use liblzma::stream::{Action, Check, Filters, LzmaOptions, Status, Stream};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use decostop_testkit::Random;

use super::*;
use crate::source::{Input, InputId, InputKind, MapPolicy, OpenOptions, open};

/// Lines of all sorts, with and without a last line feed.
fn any_content(random: &mut Random) -> Vec<u8> {
    let mut content = Vec::new();
    for _ in 0..random.below(60) {
        let length = match random.below(8) {
            0 => 0,
            1 => random.below(400),
            _ => random.below(30),
        };
        for _ in 0..length {
            content.push(match random.below(20) {
                0 => b'\r',
                1 => 0,
                2 => 0xff,
                _ => b'a' + (random.below(4) as u8),
            });
        }
        content.push(b'\n');
    }
    if random.below(3) == 0 {
        content.pop();
    }
    content
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Store {
    Plain,
    ZstdOne,
    ZstdMany,
    ZstdSkippable,
    GzipOne,
    GzipMany,
    GzipPadded,
    Bzip2One,
    Bzip2Many,
    Lz4One,
    Lz4Many,
    Lz4Linked,
    Lz4Skippable,
    Lz4Legacy,
    XzOne,
    XzMany,
    XzPadded,
    XzFiltered,
}

const STORES: [Store; 18] = [
    Store::Plain,
    Store::ZstdOne,
    Store::ZstdMany,
    Store::ZstdSkippable,
    Store::GzipOne,
    Store::GzipMany,
    Store::GzipPadded,
    Store::Bzip2One,
    Store::Bzip2Many,
    Store::Lz4One,
    Store::Lz4Many,
    Store::Lz4Linked,
    Store::Lz4Skippable,
    Store::Lz4Legacy,
    Store::XzOne,
    Store::XzMany,
    Store::XzPadded,
    Store::XzFiltered,
];

/// One way to compress a part, for each codec; each has a checksum of the content.
type Encode = fn(&[u8]) -> Vec<u8>;
const ENCODERS: [(&str, Encode); 6] = [
    ("x.zst", zstd_frame),
    ("x.gz", gzip_member),
    ("x.bz2", bzip2_stream),
    ("x.lz4", lz4_frame),
    ("linked.lz4", lz4_linked),
    ("x.xz", xz_stream),
];

fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 3).expect("level 3 exists");
    encoder.include_checksum(true).expect("checksums exist");
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

fn gzip_member(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

fn bzip2_stream(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

fn lz4_frame(bytes: &[u8]) -> Vec<u8> {
    lz4_as(FrameInfo::new().content_checksum(true), bytes)
}

fn lz4_linked(bytes: &[u8]) -> Vec<u8> {
    let info = FrameInfo::new().block_size(BlockSize::Max64KB);
    let info = info.block_mode(BlockMode::Linked).block_checksums(true);
    lz4_as(info.content_checksum(true), bytes)
}

fn lz4_as(info: FrameInfo, bytes: &[u8]) -> Vec<u8> {
    let info = info.content_size(Some(bytes.len() as u64));
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

/// What `lz4 -l` writes.
fn lz4_legacy(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x02, 0x21, 0x4c, 0x18];
    for part in bytes.chunks(8 << 20) {
        let block = lz4_flex::block::compress(part);
        frame.extend((block.len() as u32).to_le_bytes());
        frame.extend(block);
    }
    frame
}

fn xz_stream(bytes: &[u8]) -> Vec<u8> {
    let options = LzmaOptions::new_preset(0).expect("preset 0 exists");
    xz_as(Filters::new().lzma2(&options), Check::Crc64, &[bytes])
}

/// A stream of a block for each part.
fn xz_as(filters: &Filters, check: Check, parts: &[&[u8]]) -> Vec<u8> {
    let mut encoder = Stream::new_stream_encoder(filters, check).expect("valid filters");
    let mut stored = Vec::with_capacity(parts.concat().len() * 2 + 1000 * parts.len() + 1000);
    for part in parts {
        let status = encoder.process_vec(part, &mut stored, Action::FullFlush);
        assert_eq!(status, Ok(Status::StreamEnd), "there is room");
    }
    let status = encoder.process_vec(&[], &mut stored, Action::Finish);
    assert_eq!(status, Ok(Status::StreamEnd), "there is room");
    stored
}

fn skippable(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x5d, 0x2a, 0x4d, 0x18];
    frame.extend((bytes.len() as u32).to_le_bytes());
    frame.extend(bytes);
    frame
}

impl Store {
    /// A name that tells the codec where the first bytes do not.
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "x.log",
            Self::ZstdOne | Self::ZstdMany | Self::ZstdSkippable => "x.zst",
            Self::GzipOne | Self::GzipMany | Self::GzipPadded => "x.gz",
            Self::Bzip2One | Self::Bzip2Many => "x.bz2",
            Self::Lz4One | Self::Lz4Many | Self::Lz4Linked | Self::Lz4Skippable | Self::Lz4Legacy => "x.lz4",
            Self::XzOne | Self::XzMany | Self::XzPadded | Self::XzFiltered => "x.xz",
        }
    }

    fn encode(self, content: &[u8], random: &mut Random) -> Vec<u8> {
        let mut parts = Vec::new();
        let mut rest = content;
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(rest.len().min(1 + random.below(150)));
            parts.push(part);
            rest = behind;
        }
        match self {
            Self::Plain => content.to_vec(),
            Self::ZstdOne => zstd_frame(content),
            Self::ZstdMany => parts.iter().flat_map(|part| zstd_frame(part)).collect(),
            Self::ZstdSkippable => {
                let frames = parts
                    .iter()
                    .flat_map(|part| [zstd_frame(part), skippable(b"notes")].concat());
                skippable(b"dictionary").into_iter().chain(frames).collect()
            }
            Self::GzipOne => gzip_member(content),
            Self::GzipMany => parts.iter().flat_map(|part| gzip_member(part)).collect(),
            Self::GzipPadded => [gzip_member(content), vec![0; random.below(700)]].concat(),
            Self::Bzip2One => bzip2_stream(content),
            Self::Bzip2Many => parts.iter().flat_map(|part| bzip2_stream(part)).collect(),
            Self::Lz4One => lz4_frame(content),
            Self::Lz4Many => parts.iter().flat_map(|part| lz4_frame(part)).collect(),
            Self::Lz4Linked => lz4_linked(content),
            Self::Lz4Skippable => {
                let frames = parts
                    .iter()
                    .flat_map(|part| [skippable(b"notes"), lz4_frame(part), lz4_legacy(b"")].concat());
                skippable(&[0; 600]).into_iter().chain(frames).collect()
            }
            Self::Lz4Legacy => parts.iter().flat_map(|part| lz4_legacy(part)).collect(),
            Self::XzOne => xz_stream(content),
            Self::XzMany => parts.iter().flat_map(|part| xz_stream(part)).collect(),
            Self::XzPadded => {
                let padded = |part: &&[u8]| [xz_stream(part), vec![0; random.below(4) * 4]].concat();
                parts.iter().flat_map(padded).collect()
            }
            Self::XzFiltered => {
                let options = LzmaOptions::new_preset(0).expect("preset 0 exists");
                xz_as(Filters::new().x86().lzma2(&options), Check::Sha256, &parts)
            }
        }
    }
}

/// What came out: lines with offsets, losses, and the digest.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Seen {
    lines: Vec<(u64, Vec<u8>)>,
    overlong: Vec<(u64, Vec<u8>)>,
    lost: Vec<LostRange>,
    digest: Option<[u8; 32]>,
}

impl Seen {
    fn take(&mut self, piece: &Piece<'_>, limits: &Limits) {
        match *piece {
            Piece::Lines { offset, bytes } => {
                assert!(!bytes.is_empty());
                for line in Lines::new(offset, bytes) {
                    assert!(line.bytes.len() <= limits.max_line_bytes);
                    self.lines.push((line.offset, line.bytes.to_vec()));
                }
            }
            Piece::Overlong {
                offset,
                bytes,
                first,
                last,
            } => {
                if first {
                    self.overlong.push((offset, Vec::new()));
                }
                let line = self.overlong.last_mut().expect("a first part comes first");
                assert_eq!(line.0 + line.1.len() as u64, offset, "parts follow each other");
                assert!(!last || !bytes[..bytes.len().saturating_sub(1)].contains(&b'\n'));
                line.1.extend(bytes);
            }
            Piece::Lost(range) => self.lost.push(range),
            Piece::Record { .. } | Piece::Member { .. } => panic!("lines only"),
        }
    }
}

/// The obvious way.
fn naive(content: &[u8], max: usize) -> Seen {
    let mut seen = Seen::default();
    let mut offset = 0;
    for line in content.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if text.len() > max {
            seen.overlong.push((offset, line.to_vec()));
        } else {
            seen.lines.push((offset, text.to_vec()));
        }
        offset += line.len() as u64;
    }
    seen
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("the temporary directory is writable"))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> Input {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("the temporary directory is writable");
        input(path, bytes.len() as u64, InputKind::File)
    }
}

fn input(path: PathBuf, bytes: u64, kind: InputKind) -> Input {
    Input {
        id: InputId(0),
        path,
        bytes,
        mtime: None,
        identity: None,
        kind,
        source: None,
    }
}

fn limits(max_line_bytes: usize, segment_bytes: usize) -> Limits {
    Limits {
        max_line_bytes,
        segment_bytes,
        ..Limits::default()
    }
}

fn options() -> OpenOptions {
    OpenOptions::new(MapPolicy::read(), SystemTime::now())
}

fn read(opened: &Opened, limits: &Limits) -> Seen {
    read_with(&mut Scratch::default(), opened, limits)
}

fn read_with(scratch: &mut Scratch, opened: &Opened, limits: &Limits) -> Seen {
    let mut seen = Seen::default();
    for unit in opened.units() {
        let summary = for_each_segment(opened, &unit, limits, scratch, &mut |piece| {
            seen.take(&piece, limits);
            ControlFlow::Continue(())
        });
        assert!(!summary.stopped);
        seen.digest = summary.digest;
    }
    seen
}

fn read_bytes(bytes: &[u8], name: &str, limits: &Limits) -> Seen {
    let folder = Folder::new();
    let opened = open(&folder.file(name, bytes), &options()).expect("a supported codec");
    let seen = read(&opened, limits);
    assert!(opened.close().is_none());
    seen
}

/// A reader that gives few bytes at a time.
struct Slow(io::Cursor<Vec<u8>>, usize);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = buffer.len().min(self.1);
        self.0.read(&mut buffer[..end])
    }
}

/// Core holds no unsafe code, and its tests cannot vouch for a mapping either. A plain slice goes
/// through the same code: see `Supply::Slice` and `Framer::slices`.
fn mapped_like(input: &Input, stored: &[u8], options: &OpenOptions) -> Opened {
    let mut opened = open(input, options).expect("a supported codec");
    let Backing::File { file, .. } = opened.backing else {
        panic!("files are not mapped by this policy")
    };
    opened.backing = Backing::Mapped {
        file,
        bytes: stored.to_vec().into(),
    };
    opened
}

#[test]
fn every_path_gives_the_same_lines() {
    let folder = Folder::new();
    let mut scratch = Scratch::default();
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let content = any_content(&mut random);
        for store in STORES {
            let stored = store.encode(&content, &mut random);
            let file = folder.file(store.name(), &stored);
            for chunk in [1, 7, 4096] {
                let limits = limits([0, 20, 1 << 20][random.below(3)], [1, 16, 4096][random.below(3)]);
                let expected = naive(&content, limits.max_line_bytes);
                let units: &[u64] = if store == Store::Plain {
                    &[1, 10, 100, 1 << 20]
                } else {
                    &[1]
                };
                for unit in units {
                    let options = options().read_bytes(chunk).unit_bytes(*unit);
                    let read_opened = open(&file, &options).expect("a supported codec");
                    for opened in [read_opened, mapped_like(&file, &stored, &options)] {
                        let mut seen = read_with(&mut scratch, &opened, &limits);
                        let name =
                            format!("seed {seed} {store:?} chunk {chunk} unit {unit} {limits:?} {opened:?}");
                        if opened.codec() != Codec::Plain {
                            let digest = seen.digest.take().expect("it was read to its end");
                            assert_eq!(digest, *blake3::hash(&stored).as_bytes(), "{name}");
                        }
                        assert_eq!(seen, expected, "{name}");
                    }
                }
                let stream = input(PathBuf::from(store.name()), 0, InputKind::Stream);
                let reader = Box::new(Slow(io::Cursor::new(stored.clone()), chunk));
                let options = options().read_bytes(chunk);
                let opened = Opened::from_reader(&stream, reader, &options).expect("a supported codec");
                let mut seen = read_with(&mut scratch, &opened, &limits);
                seen.digest = None;
                assert_eq!(seen, expected, "seed {seed} {store:?} stream {chunk}");
            }
        }
    }
}

/// All parts of a compressed input, one after another; none if one of them is broken.
fn read_in_parts(opened: &Opened, limits: &Limits, part_bytes: u64) -> Option<(usize, Seen)> {
    let mut scratch = Scratch::default();
    let parts = opened.parts(scratch.coders(), part_bytes);
    let mut seen = Seen::default();
    let mut begin = 0;
    for part in &parts {
        let mut broken = false;
        let summary = for_each_segment(opened, part, limits, &mut scratch, &mut |piece| {
            match piece {
                Piece::Lines { offset, bytes } => seen.take(
                    &Piece::Lines {
                        offset: begin + offset,
                        bytes,
                    },
                    limits,
                ),
                Piece::Overlong {
                    offset,
                    bytes,
                    first,
                    last,
                } => {
                    seen.take(
                        &Piece::Overlong {
                            offset: begin + offset,
                            bytes,
                            first,
                            last,
                        },
                        limits,
                    );
                }
                Piece::Lost(_) => broken = true,
                other => panic!("{other:?}"),
            }
            ControlFlow::Continue(())
        });
        if broken || summary.broken {
            return None;
        }
        begin += summary.decoded_bytes;
    }
    Some((parts.len(), seen))
}

#[test]
fn parts_give_what_the_whole_gives() {
    let folder = Folder::new();
    let mut most = 0;
    for seed in 0..60 {
        let mut random = Random::new(500 + seed);
        let content = any_content(&mut random);
        let in_parts = [
            Store::ZstdOne,
            Store::ZstdMany,
            Store::ZstdSkippable,
            Store::GzipOne,
            Store::GzipMany,
            Store::GzipPadded,
        ];
        for store in in_parts {
            let stored = store.encode(&content, &mut random);
            let file = folder.file("input", &stored);
            for part_bytes in [1, 40, 300] {
                let limits = limits([0, 20, 1 << 20][random.below(3)], [1, 16, 4096][random.below(3)]);
                let expected = naive(&content, limits.max_line_bytes);
                let options = options().read_bytes([1, 7, 4096][random.below(3)]);
                let read_opened = open(&file, &options).expect("a supported codec");
                for opened in [read_opened, mapped_like(&file, &stored, &options)] {
                    let name = format!("seed {seed} {store:?} parts of {part_bytes} {limits:?} {opened:?}");
                    let (parts, mut seen) = read_in_parts(&opened, &limits, part_bytes).expect(&name);
                    seen.digest = None;
                    assert_eq!(seen, expected, "{name}");
                    most = most.max(parts);
                }
            }
        }
    }
    assert!(most > 20, "at most {most} parts");
}

/// Takes segments when it likes to, as idle threads come and go.
struct Moody {
    random: std::cell::RefCell<Random>,
    taken: std::cell::RefCell<Vec<(u64, Vec<u8>)>>,
}

impl Exchange for Moody {
    fn is_open(&self) -> bool {
        self.random.borrow_mut().below(2) == 0
    }

    fn spare(&self) -> Option<Vec<u8>> {
        self.is_open()
            .then(|| vec![b'?'; self.random.borrow_mut().below(50)])
    }

    fn take(&self, offset: u64, buffer: Vec<u8>, count: usize) {
        let lines = Lines::new(offset, &buffer[..count]);
        let lines = lines.map(|line| (line.offset, line.bytes.to_vec()));
        self.taken.borrow_mut().extend(lines);
    }
}

#[test]
fn who_takes_segments_and_when_makes_no_difference() {
    let folder = Folder::new();
    for seed in 0..300 {
        let mut random = Random::new(9000 + seed);
        let content = any_content(&mut random);
        let store = [Store::ZstdOne, Store::ZstdMany, Store::GzipOne, Store::GzipMany][random.below(4)];
        let stored = store.encode(&content, &mut random);
        let file = folder.file("input", &stored);
        let limits = limits(
            [20, 1 << 20][random.below(2)],
            [1, 16, 100, 4096][random.below(4)],
        );
        let opened = open(&file, &options()).expect("a supported codec");
        let mut scratch = Scratch::default();
        let parts = opened.parts(scratch.coders(), [40, 1 << 20][random.below(2)]);
        let moody = Moody {
            random: std::cell::RefCell::new(Random::new(seed)),
            taken: std::cell::RefCell::default(),
        };
        let (mut seen, mut begin) = (Seen::default(), 0);
        for part in &parts {
            let mut own = Seen::default();
            let mut each = |piece: Piece<'_>| {
                own.take(&piece, &limits);
                ControlFlow::Continue(())
            };
            let summary = super::read(&opened, part, &limits, &mut scratch, &mut each, Some(&moody));
            assert!(!summary.broken);
            own.lines.extend(moody.taken.take());
            own.lines.sort_unstable();
            let moved = |(offset, line): (u64, Vec<u8>)| (begin + offset, line);
            seen.lines.extend(own.lines.into_iter().map(moved));
            seen.overlong.extend(own.overlong.into_iter().map(moved));
            begin += summary.decoded_bytes;
        }
        let expected = naive(&content, limits.max_line_bytes);
        let name = format!("seed {seed} {store:?} {limits:?}");
        assert_eq!(
            (seen.lines, seen.overlong),
            (expected.lines, expected.overlong),
            "{name}"
        );
    }
}

/// Whatever was done to the bytes, parts that are not broken give what the whole gives.
#[test]
fn parts_of_a_damaged_input_are_broken_or_right() {
    let folder = Folder::new();
    let (mut right, mut broken) = (0, 0);
    for seed in 0..400 {
        let mut random = Random::new(7000 + seed);
        let content = any_content(&mut random);
        let store = [Store::ZstdMany, Store::GzipMany, Store::ZstdSkippable][random.below(3)];
        let mut stored = store.encode(&content, &mut random);
        if stored.is_empty() {
            continue;
        }
        match random.below(4) {
            0 => stored.truncate(random.below(stored.len())),
            1 => stored.insert(random.below(stored.len()), 0),
            _ => {
                let at = random.below(stored.len());
                stored[at] ^= 1 << random.below(8);
            }
        }
        let name = if store == Store::GzipMany { "x.gz" } else { "x.zst" };
        let file = folder.file(name, &stored);
        let limits = limits(1 << 20, 4096);
        let opened = open(&file, &options()).expect("a supported codec");
        let mut whole = read(&opened, &limits);
        whole.digest = None;
        match read_in_parts(&opened, &limits, 1) {
            Some((_, seen)) if whole.lost.is_empty() => {
                assert_eq!(seen, whole, "seed {seed} {store:?}");
                right += 1;
            }
            Some((parts, _)) => assert_eq!(parts, 1, "seed {seed} {store:?}: damage went unseen"),
            None => broken += 1,
        }
    }
    assert!(right > 10 && broken > 100, "{right} right, {broken} broken");
}

/// A member that was stored as it is inside another one is no member of the input.
#[test]
fn what_only_looks_like_a_member_breaks_the_parts() {
    let inner = gzip_member(b"inner\n".repeat(20_000).as_slice());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder
        .write_all(&[b"x".repeat(300).as_slice(), &inner, b"\n"].concat())
        .expect("memory does not fail");
    let stored = [
        encoder.finish().expect("memory does not fail"),
        gzip_member(b"behind\n"),
    ]
    .concat();
    let folder = Folder::new();
    let opened = open(&folder.file("x.gz", &stored), &options()).expect("a supported codec");
    let parts = opened.parts(Scratch::default().coders(), 100);
    assert!(parts.len() > 1, "the trap does not work");
    assert!(read_in_parts(&opened, &limits(1 << 20, 4096), 100).is_none());
}

#[test]
fn a_cut_delivers_every_whole_line_before_it() {
    for seed in 0..40 {
        let mut random = Random::new(1000 + seed);
        let content = any_content(&mut random);
        for store in STORES.into_iter().filter(|store| *store != Store::Plain) {
            let stored = store.encode(&content, &mut random);
            let cut = random.below(stored.len());
            let limits = limits(1 << 20, 4096);
            let seen = read_bytes(&stored[..cut], store.name(), &limits);
            let all = naive(&content, limits.max_line_bytes);
            let case = format!("seed {seed} {store:?} cut {cut} of {}", stored.len());
            if let Some((last, before)) = seen.lines.split_last() {
                assert!(all.lines.starts_with(before), "{case}");
                // A cut between two frames cannot be seen; one inside of a frame leaves whole lines.
                let expected = &all.lines[before.len()].1;
                let between = seen.lost.is_empty() && expected.starts_with(&last.1);
                assert!(last.1 == *expected || between, "{case}");
            }
            for loss in &seen.lost {
                let last = seen.lines.last().map_or(0, |line| line.0 + line.1.len() as u64);
                let honest = loss.reason == LossReason::Checksum || loss.decoded_offset >= last;
                assert!(honest, "{case}");
            }
        }
    }
}

#[test]
fn a_flip_costs_its_own_frame_only() {
    for seed in 0..150 {
        let mut random = Random::new(2000 + seed);
        for (name, encode) in ENCODERS {
            // Frames of whole lines, so that the damage of one is no business of the others.
            let frames: Vec<Vec<u8>> = (0..6)
                .map(|frame| {
                    (0..=random.below(40))
                        .flat_map(|line| format!("{frame} {line} {}\n", random.next()).into_bytes())
                        .collect()
                })
                .collect();
            let mut stored: Vec<Vec<u8>> = frames.iter().map(|frame| encode(frame)).collect();
            let victim = random.below(frames.len());
            let at = random.below(stored[victim].len());
            stored[victim][at] ^= 1 << random.below(8);
            let seen = read_bytes(&stored.concat(), name, &limits(1 << 20, 4096));
            let case = format!("seed {seed} {name} frame {victim} byte {at}");
            for (number, frame) in frames.iter().enumerate().filter(|(number, _)| *number != victim) {
                for (_, line) in naive(frame, 1 << 20).lines {
                    let there = seen.lines.iter().filter(|(_, seen)| *seen == line).count();
                    // A size that is wrong may have swallowed the frame, which is then told to be in doubt.
                    let swallowed = there == 2 && name == "x.lz4" && !seen.lost.is_empty();
                    assert!(
                        there == 1 || swallowed,
                        "{case}: line of frame {number}, {:?}",
                        seen.lost
                    );
                }
            }
            let intact = naive(&frames.concat(), 1 << 20).lines.len() == seen.lines.len();
            // A flip in a gzip header's time or name harms nothing.
            assert!(intact || !seen.lost.is_empty(), "{case}");
        }
    }
}

#[test]
fn whole_blocks_before_a_damaged_one_are_delivered() {
    let mut random = Random::new(7);
    let content: Vec<u8> = (0..40_000)
        .flat_map(|line| format!("{line} {}\n", random.next()).into_bytes())
        .collect();
    let mut stored = zstd_frame(&content);
    let at = stored.len() * 3 / 4;
    for byte in &mut stored[at..at + 64] {
        *byte ^= 0x5a;
    }
    let seen = read_bytes(&stored, "x.zst", &Limits::default());
    let expected = naive(&content, 1 << 20).lines;
    let same = seen
        .lines
        .iter()
        .zip(&expected)
        .take_while(|(a, b)| a == b)
        .count();
    let block = 128 << 10;
    assert!(
        expected[same].0 + block >= content.len() as u64 * 3 / 4 - block,
        "{same} lines"
    );
    assert!(!seen.lost.is_empty());
}

#[test]
fn a_damaged_block_header_does_not_hide_the_frames_behind() {
    let frames: [&[u8]; 3] = [b"one\n", b"two\n", b"three\n"];
    let stored: Vec<Vec<u8>> = frames.iter().map(|frame| zstd_frame(frame)).collect();
    for at in 0..stored[1].len() {
        for value in [0, 0x7f, 0xff] {
            let mut damaged = stored.clone();
            damaged[1][at] = value;
            let seen = read_bytes(&damaged.concat(), "x.zst", &limits(100, 100));
            let lines: Vec<&[u8]> = seen.lines.iter().map(|(_, line)| &line[..]).collect();
            assert_eq!(lines.first(), Some(&&b"one"[..]));
            assert_eq!(lines.last(), Some(&&b"three"[..]), "byte {at} is {value}");
        }
    }
}

/// Found by fuzzing: a frame that ends with an empty block may state any size, unless it is decoded at
/// once.
#[test]
fn a_frame_that_holds_less_than_it_states_is_damaged_for_all_chunk_sizes() {
    let empty = ::zstd::bulk::compress(b"", 1).expect("memory is enough");
    let states_three = [&empty[..5], &[3], &empty[6..]].concat();
    for chunk in [1, 100] {
        let seen = read_bytes(
            &[&states_three[..], &zstd_frame(b"a\n")].concat(),
            "x.zst",
            &limits(100, chunk),
        );
        assert_eq!(seen.lines, naive(b"a\n", 100).lines);
        assert_eq!(seen.lost, [LostRange::new(0, 0, LossReason::Corrupt)], "{chunk}");
    }
    let mut states_more = ::zstd::bulk::compress(b"one\ntwo\n", 1).expect("memory is enough");
    states_more[5] += 1;
    let read = |chunk| read_bytes(&states_more, "x.zst", &limits(100, chunk));
    assert_eq!(read(1), read(100));
}

#[test]
fn a_checksum_that_does_not_fit_puts_its_lines_in_doubt() {
    let first = zstd_frame(b"a\n");
    let mut second = zstd_frame(b"b\n");
    *second.last_mut().expect("a frame has a checksum") ^= 1;
    let seen = read_bytes(
        &[first.clone(), second, first.clone()].concat(),
        "x",
        &limits(100, 100),
    );
    assert_eq!(seen.lines, naive(b"a\nb\na\n", 100).lines);
    assert_eq!(
        seen.lost,
        [LostRange::new(2, first.len() as u64, LossReason::Checksum)]
    );

    let first = gzip_member(b"a\n");
    let mut second = gzip_member(b"b\n");
    let crc = second.len() - 8;
    second[crc] ^= 1;
    let seen = read_bytes(
        &[first.clone(), second, first.clone()].concat(),
        "x",
        &limits(100, 100),
    );
    assert_eq!(seen.lines, naive(b"a\nb\na\n", 100).lines);
    assert_eq!(
        seen.lost,
        [LostRange::new(2, first.len() as u64, LossReason::Checksum)]
    );
}

#[test]
fn an_unfinished_line_before_damage_is_lost_with_it() {
    let stored = [zstd_frame(b"whole\nhalf"), b"junk".to_vec()].concat();
    let seen = read_bytes(&stored, "x", &limits(100, 100));
    assert_eq!(seen.lines, [(0, b"whole".to_vec())]);
    let at = stored.len() as u64 - 4;
    assert_eq!(seen.lost, [LostRange::new(6, at, LossReason::Garbage)]);
}

#[test]
fn overlong_begins_one_byte_above_the_limit() {
    for max in [1, 5, 100] {
        for segment in [1, 3, 4096] {
            for last in ["", "\n", "\nnext\n"] {
                let limits = limits(max, segment);
                for length in [max - 1, max, max + 1, max + 5000] {
                    let content = ["x".repeat(length).as_str(), last].concat();
                    for store in [
                        Store::Plain,
                        Store::ZstdOne,
                        Store::GzipOne,
                        Store::Bzip2One,
                        Store::Lz4Linked,
                        Store::XzOne,
                    ] {
                        let stored = store.encode(content.as_bytes(), &mut Random::new(1));
                        let mut seen = read_bytes(&stored, "x", &limits);
                        seen.digest = None;
                        assert_eq!(
                            seen,
                            naive(content.as_bytes(), max),
                            "{max} {segment} {length} {store:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn decoded_bytes_are_limited_exactly() {
    let content = b"one\ntwo\nthree\n";
    for store in STORES {
        let stored = store.encode(content, &mut Random::new(3));
        for max in 0..=content.len() as u64 {
            let limits = Limits {
                max_decoded_bytes: max,
                ..limits(100, 4)
            };
            let seen = read_bytes(&stored, store.name(), &limits);
            let fits = |line: &&(u64, Vec<u8>)| line.0 + (line.1.len() as u64) < max;
            let expected: Vec<_> = naive(content, 100).lines.iter().filter(fits).cloned().collect();
            assert_eq!(seen.lines, expected, "{store:?} {max}");
            let within = max == content.len() as u64;
            let reasons: Vec<_> = seen.lost.iter().map(|lost| lost.reason).collect();
            assert_eq!(
                reasons,
                if within {
                    vec![]
                } else {
                    vec![LossReason::DecodedLimit]
                },
                "{store:?} {max}"
            );
        }
    }
}

#[test]
fn a_bomb_is_stopped_by_its_ratio() {
    let zeros = vec![0; 70 << 20];
    let limits = Limits {
        max_ratio: 100,
        ..Limits::default()
    };
    for (_, encode) in ENCODERS.iter().filter(|(name, _)| !name.ends_with("lz4")) {
        let stored = encode(&zeros);
        let folder = Folder::new();
        let opened = open(&folder.file("x", &stored), &options()).expect("a supported codec");
        let mut decoded = 0;
        let mut lost = Vec::new();
        let unit = &opened.units()[0];
        for_each_segment(&opened, unit, &limits, &mut Scratch::default(), &mut |piece| {
            match piece {
                Piece::Lines { bytes, .. } | Piece::Overlong { bytes, .. } => decoded += bytes.len(),
                Piece::Lost(range) => lost.push(range.reason),
                Piece::Record { .. } | Piece::Member { .. } => panic!("lines only"),
            }
            ControlFlow::Continue(())
        });
        assert_eq!(lost, [LossReason::Ratio]);
        assert!(decoded <= (64 << 20) + (1 << 20), "{decoded}");
    }
}

#[test]
fn a_window_above_the_limit_is_lost_and_the_next_frame_is_not() {
    let mut random = Random::new(9);
    let content: Vec<u8> = (0..400_000).map(|_| b'a' + random.below(26) as u8).collect();
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 3).expect("level 3 exists");
    encoder.window_log(24).expect("a valid window");
    encoder.write_all(&content).expect("memory does not fail");
    let wide = encoder.finish().expect("memory does not fail");
    let stored = [wide, zstd_frame(b"line\n")].concat();
    let limits = Limits {
        max_zstd_window_log: 22,
        ..Limits::default()
    };
    let seen = read_bytes(&stored, "x", &limits);
    assert_eq!(seen.lines, [(0, b"line".to_vec())]);
    assert_eq!(seen.lost, [LostRange::new(0, 0, LossReason::Window)]);
}

#[test]
fn garbage_behind_gzip_is_reported_and_padding_is_not() {
    let member = gzip_member(b"line\n");
    for (tail, lost) in [
        (&b"\0\0\0"[..], 0),
        (b"", 0),
        (b"\0\0x", 1),
        (b"junk", 1),
        (b"\x1f", 1),
    ] {
        let seen = read_bytes(&[&member, tail].concat(), "x", &limits(100, 100));
        assert_eq!(seen.lines, [(0, b"line".to_vec())]);
        assert_eq!(seen.lost.len(), lost, "{tail:?}");
    }
}

#[test]
fn an_empty_input_has_no_lines_and_no_problem() {
    for name in ["x", "x.gz", "x.zst", "x.bz2", "x.lz4", "x.xz", "x.zip"] {
        let mut seen = read_bytes(b"", name, &Limits::default());
        seen.digest = None;
        assert_eq!(seen, Seen::default(), "{name}");
    }
    for (name, encode) in ENCODERS {
        let seen = read_bytes(&encode(b""), "x", &Limits::default());
        assert!(seen.lines.is_empty() && seen.lost.is_empty(), "{name}");
    }
}

#[test]
fn stopping_stops_at_once() {
    let content = "line\n".repeat(1000);
    for store in STORES {
        let folder = Folder::new();
        let stored = store.encode(content.as_bytes(), &mut Random::new(5));
        let opened = open(&folder.file("x", &stored), &options()).expect("a supported codec");
        let mut pieces = 0;
        let limits = limits(100, 100);
        let unit = &opened.units()[0];
        let summary = for_each_segment(&opened, unit, &limits, &mut Scratch::default(), &mut |_| {
            pieces += 1;
            ControlFlow::Break(())
        });
        assert!(summary.stopped, "{store:?}");
        assert_eq!((pieces, summary.digest), (1, None), "{store:?}");
    }
}

#[test]
fn pieces_show_no_content() {
    let piece = Piece::Lines {
        offset: 7,
        bytes: b"secret",
    };
    assert_eq!(format!("{piece:?}"), "Lines(<6 bytes> at 7)");
    let piece = Piece::Overlong {
        offset: 7,
        bytes: b"secret",
        first: true,
        last: false,
    };
    assert!(!format!("{piece:?}").contains("secret"));
}

#[test]
fn workers_can_share_an_input_and_own_their_scratch() {
    fn shared<T: Send + Sync>() {}
    fn owned<T: Send>() {}
    shared::<Opened>();
    shared::<Unit>();
    owned::<Scratch>();
}

#[test]
fn a_line_over_many_parts_belongs_to_the_first() {
    let content = ["first\n", &"x".repeat(5000), "\nlast"].concat().into_bytes();
    let folder = Folder::new();
    let file = folder.file("x", &content);
    for unit in [1, 7, 1000] {
        let options = options().unit_bytes(unit).read_bytes(64);
        let opened = open(&file, &options).expect("plain");
        for opened in [opened, mapped_like(&file, &content, &options)] {
            assert_eq!(read(&opened, &limits(1 << 20, 16)), naive(&content, 1 << 20));
            assert_eq!(read(&opened, &limits(100, 16)), naive(&content, 100));
        }
    }
}

#[test]
fn junk_and_many_flips_never_panic_and_read_the_same_mapped_or_not() {
    let folder = Folder::new();
    let mut scratch = Scratch::default();
    let limits = limits(50, 64);
    for seed in 0..600 {
        let mut random = Random::new(3000 + seed);
        let content = any_content(&mut random);
        let store = STORES[random.below(STORES.len())];
        let mut stored = store.encode(&content, &mut random);
        for _ in 0..random.below(6) {
            let at = random.below(stored.len());
            if let Some(byte) = stored.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        stored.truncate(1 + random.below(stored.len() * 2));
        let name = ["x.log", "x.gz", "x.zst", "x.bz2", "x.lz4", "x.xz"][random.below(6)];
        let file = folder.file(name, &stored);
        let mut all = Vec::new();
        for chunk in [1, 7, 4096] {
            let options = options().read_bytes(chunk);
            let Ok(opened) = open(&file, &options) else {
                continue;
            };
            for opened in [opened, mapped_like(&file, &stored, &options)] {
                all.push(read_with(&mut scratch, &opened, &limits));
            }
            let stream = input(PathBuf::from(name), 0, InputKind::Stream);
            let reader = Box::new(Slow(io::Cursor::new(stored.clone()), chunk));
            if let Ok(opened) = Opened::from_reader(&stream, reader, &options) {
                read_with(&mut scratch, &opened, &limits);
            }
        }
        for pair in all.windows(2) {
            assert_eq!(pair[0].lost, pair[1].lost, "seed {seed} {store:?} {name}");
            assert!(pair[0] == pair[1], "seed {seed} {store:?} {name}");
        }
    }
}

/// Reads a file along several chunk sizes, which must agree, and as a stream, which must agree up to
/// the first loss.
fn read_all_ways(scratch: &mut Scratch, folder: &Folder, stored: &[u8], name: &str, case: &str) -> Seen {
    let limits = limits(1 << 20, 4096);
    let file = folder.file(name, stored);
    let mut all: Option<Seen> = None;
    for chunk in [1, 7, 4096, 256 << 10] {
        let opened = open(&file, &options().read_bytes(chunk)).expect("a supported codec");
        let seen = read_with(scratch, &opened, &limits);
        assert_eq!(
            *all.get_or_insert_with(|| seen.clone()),
            seen,
            "{case}, chunk {chunk}"
        );
    }
    let all = all.expect("there are chunk sizes");
    let stream = input(PathBuf::from(name), 0, InputKind::Stream);
    let reader = Box::new(Slow(io::Cursor::new(stored.to_vec()), 40));
    let opened = Opened::from_reader(&stream, reader, &options()).expect("a supported codec");
    let seen = read_with(scratch, &opened, &limits);
    let until = |seen: &Seen| seen.lost.first().map_or(u64::MAX, |loss| loss.decoded_offset);
    let before = |seen: &Seen, end: u64| -> Vec<_> {
        let lines = seen.lines.iter().filter(|line| line.0 < end);
        lines.cloned().collect()
    };
    let end = until(&all);
    assert_eq!(end, until(&seen), "{case}, stream");
    assert_eq!(before(&all, end), before(&seen, end), "{case}, stream");
    all
}

/// Inputs of a few hundred bytes, of whole lines in each of their frames.
fn small_inputs(content: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let middle = 1 + content.len() / 2 + memchr(b'\n', &content[content.len() / 2..]).expect("lines");
    let (a, b) = content.split_at(middle);
    let options = LzmaOptions::new_preset(0).expect("preset 0 exists");
    let filters = |check| xz_as(Filters::new().lzma2(&options), check, &[a, b]);
    let mut x86 = Filters::new();
    vec![
        ("one.gz", gzip_member(content)),
        ("one.bz2", bzip2_stream(content)),
        ("two.bz2", [bzip2_stream(a), bzip2_stream(b)].concat()),
        ("one.lz4", lz4_frame(content)),
        (
            // Notes that a flip cannot lengthen by exactly the frame behind them, which nothing would tell.
            "two.lz4",
            [lz4_frame(a), skippable(&[b'n'; 100]), lz4_frame(b)].concat(),
        ),
        ("linked.lz4", [lz4_linked(a), lz4_linked(b)].concat()),
        ("first.lz4", [lz4_legacy(a), lz4_legacy(b)].concat()),
        ("one.xz", xz_stream(content)),
        ("two.xz", [xz_stream(a), vec![0; 8], xz_stream(b)].concat()),
        ("blocks.xz", filters(Check::Sha256)),
        ("unchecked.xz", filters(Check::None)),
        (
            "filtered.xz",
            xz_as(x86.x86().lzma2(&options), Check::Crc32, &[content]),
        ),
    ]
}

fn small_content() -> Vec<u8> {
    let mut random = Random::new(11);
    (0..8)
        .flat_map(|line| format!("{line} line line {}\n", random.below(9999)).into_bytes())
        .collect()
}

#[test]
fn every_cut_of_a_small_input_is_told_and_what_is_before_it_is_right() {
    let (folder, mut scratch) = (Folder::new(), Scratch::default());
    let content = small_content();
    let expected = naive(&content, 1 << 20).lines;
    for (name, stored) in small_inputs(&content) {
        for cut in 0..=stored.len() {
            let case = format!("{name} cut {cut} of {}", stored.len());
            let seen = read_all_ways(&mut scratch, &folder, &stored[..cut], name, &case);
            assert!(expected.starts_with(&seen.lines), "{case}: {:?}", seen.lost);
            // Between two frames nothing tells the cut.
            let between = naive(&content, 1 << 20)
                .lines
                .get(seen.lines.len())
                .is_none_or(|line| {
                    line.0 > 0
                        && ["two.", "linked", "first"]
                            .iter()
                            .any(|many| name.starts_with(many))
                });
            let silent = seen.lost.is_empty();
            // Of the first version, a frame without a block is one.
            let empty = cut == 0 || name == "first.lz4" && cut == 4;
            assert!(!silent || between || empty, "{case}: nothing tells it");
            assert!(silent || cut < stored.len(), "{case}: {:?}", seen.lost);
            let whole = seen.lines.len() == expected.len();
            assert!(whole || cut < stored.len(), "{case}");
        }
    }
}

#[test]
fn every_flip_in_a_small_input_is_harmless_or_told() {
    let (folder, mut scratch) = (Folder::new(), Scratch::default());
    let content = small_content();
    let expected = naive(&content, 1 << 20).lines;
    for (name, stored) in small_inputs(&content) {
        for at in 0..stored.len() {
            for flip in [1 << (at % 8), 0xff] {
                let mut damaged = stored.clone();
                damaged[at] ^= flip;
                let case = format!("{name} byte {at} of {} ^ {flip:#x}", stored.len());
                let seen = read_all_ways(&mut scratch, &folder, &damaged, name, &case);
                // Nothing else than a block's own structure guards these.
                let unguarded = name == "first.lz4" || name == "unchecked.xz";
                assert!(
                    seen.lines == expected || !seen.lost.is_empty() || unguarded,
                    "{case}"
                );
                if seen.lost.is_empty() {
                    continue;
                }
                let first = seen.lost.iter().map(|loss| loss.decoded_offset).min();
                let before = |line: &&(u64, Vec<u8>)| line.0 + (line.1.len() as u64) < first.unwrap_or(0);
                let right = seen
                    .lines
                    .iter()
                    .filter(before)
                    .all(|line| expected.contains(line));
                // Deflate data that runs on to the end of the input looks cut, and was right so far.
                let looks_cut =
                    name == "one.gz" && seen.lost.iter().any(|loss| loss.reason == LossReason::Truncated);
                assert!(right || unguarded || looks_cut, "{case}: {:?}", seen.lost);
            }
        }
    }
}

/// Many blocks, of which some do not compress and are stored as they are.
fn large_content() -> Vec<u8> {
    let mut random = Random::new(12);
    let tail: Vec<u8> = (0..90_000).map(|_| 0x80 | random.next() as u8).collect();
    (0..6_000)
        .flat_map(|line| {
            let noise = if line / 1000 % 2 == 0 { random.next() } else { 0 };
            format!("{line} {noise:x}{:x} line of some length\n", noise.rotate_left(9)).into_bytes()
        })
        .chain(tail)
        .collect()
}

#[test]
fn inputs_of_many_blocks_are_read_with_any_chunks() {
    let (folder, mut scratch) = (Folder::new(), Scratch::default());
    let content = large_content();
    let expected = naive(&content, 1 << 20).lines;
    let small_blocks = |bytes: &[u8]| lz4_as(FrameInfo::new().block_size(BlockSize::Max64KB), bytes);
    let more: [(&str, Encode); 2] = [("first.lz4", lz4_legacy), ("small.lz4", small_blocks)];
    for (name, encode) in ENCODERS.into_iter().chain(more) {
        let seen = read_all_ways(&mut scratch, &folder, &encode(&content), name, name);
        assert!(
            seen.lines == expected && seen.lost.is_empty(),
            "{name}: {:?}",
            seen.lost
        );
    }
}

#[test]
fn damage_in_the_middle_costs_nothing_of_what_is_before_it() {
    let (folder, mut scratch) = (Folder::new(), Scratch::default());
    let content = large_content();
    let expected = naive(&content, 1 << 20).lines;
    for (name, encode) in ENCODERS
        .into_iter()
        .filter(|(name, _)| *name != "x.zst" && *name != "x.gz")
    {
        let mut stored = encode(&content);
        let at = stored.len() * 3 / 4;
        stored[at] ^= 0x55;
        stored.extend(encode(b"behind\n"));
        let seen = read_all_ways(&mut scratch, &folder, &stored, name, name);
        let (behind, lines) = seen.lines.split_last().expect("lines");
        assert_eq!(behind.1, b"behind", "{name}: {:?}", seen.lost);
        let doubt = seen.lost[0].decoded_offset;
        let sure = expected
            .iter()
            .take_while(|line| line.0 + (line.1.len() as u64) < doubt);
        let sure = sure.count();
        assert!(lines.starts_with(&expected[..sure]), "{name}: {:?}", seen.lost);
        // Blocks of 64 KiB, 100 kB, 2 MiB and 4 MiB.
        let least = if name == "x.lz4" || name == "x.xz" {
            0
        } else {
            content.len() as u64 / 3
        };
        assert!(doubt >= least, "{name}: {:?}", seen.lost);
    }
}

#[test]
fn a_damaged_lz4_block_that_stands_alone_costs_itself_only() {
    let content = large_content();
    let info = FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_checksums(true);
    let mut stored = lz4_as(info.content_checksum(true), &content);
    let second = 15 + 8 + u32::from_le_bytes(stored[15..19].try_into().expect("four bytes")) as usize;
    stored[second + 100] ^= 1;
    let seen = read_bytes(&stored, "x", &Limits::default());
    assert_eq!(
        seen.lost,
        [LostRange::new(
            seen.lost[0].decoded_offset,
            0,
            LossReason::Corrupt
        )]
    );
    let missing = naive(&content, 1 << 20).lines.len() - seen.lines.len();
    let block = 64 << 10;
    assert!(
        (block / 60..block / 30).contains(&missing),
        "{missing} lines are missing"
    );
}

#[test]
fn a_checksum_behind_the_content_puts_it_in_doubt() {
    let first = b"a\n";
    let xz = |parts: &[&[u8]]| {
        let options = LzmaOptions::new_preset(0).expect("preset 0 exists");
        xz_as(Filters::new().lzma2(&options), Check::Crc32, parts)
    };
    // Behind the checks are an index of 8 bytes for one block, 12 for two, and a footer of 12.
    let (one, two) = (xz(&[b"b\n"]), xz(&[b"b\n", b"c\n"]));
    let second_check = two.len() - 12 - 12 - 1;
    for (name, unit, after, at, lost) in [
        (
            "x.lz4",
            lz4_frame(b"b\n"),
            lz4_frame(first),
            None,
            vec![(2, LossReason::Checksum)],
        ),
        (
            "x.xz",
            one.clone(),
            xz(&[first]),
            Some(one.len() - 21),
            vec![(2, LossReason::Checksum)],
        ),
        (
            "x.xz",
            two.clone(),
            xz(&[first]),
            Some(second_check),
            vec![(4, LossReason::Checksum)],
        ),
        (
            "x.bz2",
            bzip2_stream(b"b\n"),
            bzip2_stream(first),
            Some(10),
            vec![(2, LossReason::Checksum), (4, LossReason::Corrupt)],
        ),
    ] {
        let mut unit = unit;
        let at = at.unwrap_or(unit.len() - 1);
        unit[at] ^= 1;
        let stored = [&after[..], &unit, &after].concat();
        let seen = read_bytes(&stored, "x", &limits(100, 100));
        assert_eq!(seen.lines.last().expect("lines").1, b"a", "{name}");
        let place = after.len() as u64;
        let lost: Vec<_> = lost
            .into_iter()
            .map(|(from, why)| LostRange::new(from, place, why))
            .collect();
        assert_eq!(seen.lost, lost, "{name}");
    }
}

#[test]
fn an_xz_window_above_the_limit_is_lost_and_the_next_stream_is_not() {
    let wide = |log: u32| {
        let mut options = LzmaOptions::new_preset(0).expect("preset 0 exists");
        options.dict_size(1 << log);
        xz_as(Filters::new().lzma2(&options), Check::Crc32, &[b"wide\n"])
    };
    let stored = [wide(22), wide(23), xz_stream(b"line\n")].concat();
    let limits = Limits {
        max_zstd_window_log: 22,
        ..Limits::default()
    };
    let seen = read_bytes(&stored, "x", &limits);
    assert_eq!(seen.lines, [(0, b"wide".to_vec()), (5, b"line".to_vec())]);
    let at = wide(22).len() as u64;
    assert_eq!(seen.lost, [LostRange::new(5, at, LossReason::Window)]);
}

#[test]
fn an_lz4_frame_with_a_dictionary_is_lost_and_the_next_is_not() {
    // Version 1, independent, with a dictionary; blocks of 64 KiB; its number; the header's checksum.
    let covered = [0x61, 0x40, 1, 0, 0, 0];
    let sum = (twox_hash::XxHash32::oneshot(0, &covered) >> 8) as u8;
    let mut frame = [&[0x04, 0x22, 0x4d, 0x18][..], &covered, &[sum]].concat();
    frame.extend([3, 0, 0, 0x80, b'a', b'b', b'\n', 0, 0, 0, 0]);
    let seen = read_bytes(&[frame, lz4_frame(b"line\n")].concat(), "x", &limits(100, 100));
    assert_eq!(seen.lines, [(0, b"line".to_vec())]);
    assert_eq!(seen.lost, [LostRange::new(0, 0, LossReason::Dictionary)]);
}

#[test]
fn what_only_looks_like_a_frame_is_not_believed() {
    for (name, encode, bait) in [
        (
            "x.bz2",
            bzip2_stream as Encode,
            &b"BZh91AY&SYjunk that is no block"[..],
        ),
        (
            "x.lz4",
            lz4_frame,
            &[0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7, 0xff, 0xff, 0, 0, 1],
        ),
        ("x.xz", xz_stream, b"\xfd7zXZ\0\0\x01\x02\x03\x04\x05junk"),
    ] {
        let stored = [&encode(b"one\n"), bait, &encode(b"two\n")].concat();
        let seen = read_bytes(&stored, name, &limits(100, 100));
        assert_eq!(seen.lines, naive(b"one\ntwo\n", 100).lines, "{name}");
        assert_eq!(seen.lost.len(), 1, "{name}: {:?}", seen.lost);
    }
}
