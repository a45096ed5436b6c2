//! One corpus, every path to it: codecs, chunk sizes, mapped or read, split or whole, and damage.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

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
                let frames = parts.iter().flat_map(|part| [zstd_frame(part), skippable(b"notes")].concat());
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
            Piece::Overlong { offset, bytes, first, last } => {
                if first {
                    self.overlong.push((offset, Vec::new()));
                }
                let line = self.overlong.last_mut().expect("a first part comes first");
                assert_eq!(line.0 + line.1.len() as u64, offset, "parts follow each other");
                assert!(!last || !bytes[..bytes.len().saturating_sub(1)].contains(&b'\n'));
                line.1.extend(bytes);
            }
            Piece::Lost(range) => self.lost.push(range),
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
    Input { id: InputId(0), path, bytes, mtime: None, kind, source: None }
}

fn limits(max_line_bytes: usize, segment_bytes: usize) -> Limits {
    Limits { max_line_bytes, segment_bytes, ..Limits::default() }
}

fn options() -> OpenOptions {
    OpenOptions::new(MapPolicy::read(), SystemTime::now())
}

fn read(opened: &Opened, limits: &Limits) -> Seen {
    let mut seen = Seen::default();
    let mut scratch = Scratch::default();
    for unit in opened.units() {
        let summary = for_each_segment(opened, &unit, limits, &mut scratch, &mut |piece| {
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

#[test]
fn every_path_gives_the_same_lines() {
    let folder = Folder::new();
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let content = random.content();
        for store in STORES {
            let stored = store.encode(&content, &mut random);
            let file = folder.file("input", &stored);
            for chunk in [1, 7, 4096, usize::MAX >> 8] {
                let limits = limits([0, 20, 1 << 20][random.below(3)], [1, 16, 1 << 20][random.below(3)]);
                let expected = naive(&content, limits.max_line_bytes);
                let chunk = chunk.min(stored.len().max(1));
                for unit in [1, 10, 100, 1 << 20] {
                    let options = options().read_bytes(chunk).unit_bytes(unit);
                    let later = OpenOptions::new(mapping(), SystemTime::now() + Duration::from_secs(120));
                    let later = later.read_bytes(chunk).unit_bytes(unit);
                    for options in [options, later] {
                        let opened = open(&file, &options).expect("a supported codec");
                        let mut seen = read(&opened, &limits);
                        let name = format!("seed {seed} {store:?} chunk {chunk} unit {unit} {limits:?} {opened:?}");
                        if opened.codec() != Codec::Plain {
                            let digest = seen.digest.take().expect("it was read to its end");
                            assert_eq!(digest, *blake3::hash(&stored).as_bytes(), "{name}");
                        }
                        assert_eq!(seen, expected, "{name}");
                    }
                }
                let stream = input(PathBuf::from("-"), 0, InputKind::Stream);
                let reader = Box::new(Slow(io::Cursor::new(stored.clone()), chunk));
                let opened = Opened::from_reader(&stream, reader, &options()).expect("a supported codec");
                let mut seen = read(&opened, &limits);
                seen.digest = None;
                assert_eq!(seen, expected, "seed {seed} {store:?} stream {chunk}");
            }
        }
    }
}

/// Core holds no unsafe code, so its tests cannot vouch for a mapping either; a slice stands in for
/// it below, and the end-to-end tests of the binary run mapped.
fn mapping() -> MapPolicy {
    MapPolicy::read()
}
