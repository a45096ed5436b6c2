//! One corpus, every path to it: codecs, chunk sizes, mapped or read, split or whole, and damage.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::source::{Input, InputId, InputKind, MapPolicy, OpenOptions, open};

/// A small deterministic generator: a failing case is named by its seed.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Lines of all sorts, with and without a last line feed.
    fn content(&mut self) -> Vec<u8> {
        let mut content = Vec::new();
        for _ in 0..self.below(60) {
            let length = match self.below(8) {
                0 => 0,
                1 => self.below(400),
                _ => self.below(30),
            };
            for _ in 0..length {
                content.push(match self.below(20) {
                    0 => b'\r',
                    1 => 0,
                    2 => 0xff,
                    _ => b'a' + (self.below(4) as u8),
                });
            }
            content.push(b'\n');
        }
        if self.below(3) == 0 {
            content.pop();
        }
        content
    }
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
}

const STORES: [Store; 7] = [
    Store::Plain,
    Store::ZstdOne,
    Store::ZstdMany,
    Store::ZstdSkippable,
    Store::GzipOne,
    Store::GzipMany,
    Store::GzipPadded,
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

fn skippable(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x5d, 0x2a, 0x4d, 0x18];
    frame.extend((bytes.len() as u32).to_le_bytes());
    frame.extend(bytes);
    frame
}

impl Store {
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
        let content = random.content();
        for store in STORES {
            let stored = store.encode(&content, &mut random);
            let file = folder.file("input", &stored);
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
                let stream = input(PathBuf::from("-"), 0, InputKind::Stream);
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

#[test]
fn a_cut_delivers_every_whole_line_before_it() {
    for seed in 0..40 {
        let mut random = Random::new(1000 + seed);
        let content = random.content();
        for store in [Store::ZstdOne, Store::ZstdMany, Store::GzipOne, Store::GzipMany] {
            let stored = store.encode(&content, &mut random);
            let cut = random.below(stored.len());
            let limits = limits(1 << 20, 4096);
            let name = if matches!(store, Store::ZstdOne | Store::ZstdMany) {
                "x.zst"
            } else {
                "x.gz"
            };
            let seen = read_bytes(&stored[..cut], name, &limits);
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
        for gzip in [false, true] {
            // Frames of whole lines, so that the damage of one is no business of the others.
            let frames: Vec<Vec<u8>> = (0..6)
                .map(|frame| {
                    (0..=random.below(40))
                        .flat_map(|line| format!("{frame} {line} {}\n", random.next()).into_bytes())
                        .collect()
                })
                .collect();
            let encode = if gzip { gzip_member } else { zstd_frame };
            let mut stored: Vec<Vec<u8>> = frames.iter().map(|frame| encode(frame)).collect();
            let victim = random.below(frames.len());
            let at = random.below(stored[victim].len());
            stored[victim][at] ^= 1 << random.below(8);
            let name = if gzip { "x.gz" } else { "x.zst" };
            let seen = read_bytes(&stored.concat(), name, &limits(1 << 20, 4096));
            let case = format!("seed {seed} gzip {gzip} frame {victim} byte {at}");
            for (number, frame) in frames.iter().enumerate().filter(|(number, _)| *number != victim) {
                for (_, line) in naive(frame, 1 << 20).lines {
                    let there = seen.lines.iter().filter(|(_, seen)| *seen == line).count();
                    assert_eq!(there, 1, "{case}: line of frame {number}, {:?}", seen.lost);
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
                    for store in [Store::Plain, Store::ZstdOne, Store::GzipOne] {
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
            let seen = read_bytes(&stored, "x", &limits);
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
    for stored in [zstd_frame(&zeros), gzip_member(&zeros)] {
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
    for name in ["x", "x.gz", "x.zst", "x.bz2"] {
        let mut seen = read_bytes(b"", name, &Limits::default());
        seen.digest = None;
        assert_eq!(seen, Seen::default(), "{name}");
    }
    let seen = read_bytes(&zstd_frame(b""), "x", &Limits::default());
    assert!(seen.lines.is_empty() && seen.lost.is_empty());
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
    let limits = limits(50, 64);
    for seed in 0..300 {
        let mut random = Random::new(3000 + seed);
        let content = random.content();
        let store = STORES[random.below(STORES.len())];
        let mut stored = store.encode(&content, &mut random);
        for _ in 0..random.below(6) {
            let at = random.below(stored.len());
            if let Some(byte) = stored.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        stored.truncate(1 + random.below(stored.len() * 2));
        let name = ["x.log", "x.gz", "x.zst"][random.below(3)];
        let file = folder.file(name, &stored);
        let mut all = Vec::new();
        for chunk in [1, 7, 4096] {
            let options = options().read_bytes(chunk);
            let Ok(opened) = open(&file, &options) else {
                continue;
            };
            for opened in [opened, mapped_like(&file, &stored, &options)] {
                all.push(read(&opened, &limits));
            }
            let stream = input(PathBuf::from(name), 0, InputKind::Stream);
            let reader = Box::new(Slow(io::Cursor::new(stored.clone()), chunk));
            if let Ok(opened) = Opened::from_reader(&stream, reader, &options) {
                read(&opened, &limits);
            }
        }
        for pair in all.windows(2) {
            assert_eq!(pair[0].lost, pair[1].lost, "seed {seed} {store:?} {name}");
            assert!(pair[0] == pair[1], "seed {seed} {store:?} {name}");
        }
    }
}
