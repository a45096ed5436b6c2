//! What the integration tests share: running a dive over bytes, and keeping what it gives.

#![expect(dead_code, reason = "each test binary uses a part")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use decostop::request::Request;
use decostop::sink::{Flow, Provenance, Sink, Verified, Withheld};
use decostop::stats::{Evidence, Report};
use decostop::{Dive, DiveBuilder, Error, Limits};
use decostop_profile::Profile;

/// Keeps everything.
#[derive(Default)]
pub(crate) struct Collect {
    pub(crate) records: Vec<String>,
    pub(crate) provenance: Vec<Provenance>,
    pub(crate) withheld: Vec<Withheld>,
    pub(crate) evidence: Evidence,
}

impl Sink for Collect {
    fn record(&mut self, record: Verified<'_>, provenance: &Provenance) -> Result<Flow, Error> {
        self.records
            .push(String::from_utf8_lossy(record.as_bytes()).into_owned());
        self.provenance.push(provenance.clone());
        Ok(Flow::Continue)
    }

    fn withheld(&mut self, item: &Withheld) -> Result<Flow, Error> {
        self.withheld.push(item.clone());
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _report: &Report, evidence: &Evidence) -> Result<(), Error> {
        self.evidence = evidence.clone();
        Ok(())
    }
}

/// The result of a dive.
pub(crate) struct Done {
    pub(crate) sink: Collect,
    pub(crate) report: Report,
}

/// How a dive finds its lines; none of it may change the result.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Path_ {
    pub(crate) codec: Codec,
    pub(crate) segment_bytes: Option<usize>,
    pub(crate) threads: usize,
    pub(crate) prefilter: bool,
}

impl Default for Path_ {
    fn default() -> Self {
        Self {
            codec: Codec::Plain,
            segment_bytes: None,
            threads: 1,
            prefilter: true,
        }
    }
}

/// How an input is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Codec {
    Plain,
    Zstd,
    ZstdFrames,
    Gzip,
    GzipMembers,
    Bzip2,
    Bzip2Streams,
    Lz4,
    Lz4Frames,
    Xz,
    XzStreams,
}

impl Codec {
    pub(crate) const ALL: [Self; 11] = [
        Self::Plain,
        Self::Zstd,
        Self::ZstdFrames,
        Self::Gzip,
        Self::GzipMembers,
        Self::Bzip2,
        Self::Bzip2Streams,
        Self::Lz4,
        Self::Lz4Frames,
        Self::Xz,
        Self::XzStreams,
    ];

    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Zstd | Self::ZstdFrames => ".zst",
            Self::Gzip | Self::GzipMembers => ".gz",
            Self::Bzip2 | Self::Bzip2Streams => ".bz2",
            Self::Lz4 | Self::Lz4Frames => ".lz4",
            Self::Xz | Self::XzStreams => ".xz",
        }
    }

    /// Encodes; several frames or members are cut in the middle of lines.
    pub(crate) fn encode(self, bytes: &[u8]) -> Vec<u8> {
        let zstd = |part: &[u8]| zstd::encode_all(part, 1).expect("a Vec takes everything");
        let gzip = |part: &[u8]| {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(part).expect("a Vec takes everything");
            writer.finish().expect("a Vec takes everything")
        };
        let bzip2 = |part: &[u8]| {
            let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            writer.write_all(part).expect("a Vec takes everything");
            writer.finish().expect("a Vec takes everything")
        };
        let lz4 = |part: &[u8]| {
            let info = lz4_flex::frame::FrameInfo::new().content_checksum(true);
            let mut writer = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            writer.write_all(part).expect("a Vec takes everything");
            writer.finish().expect("a Vec takes everything")
        };
        let xz = |part: &[u8]| {
            let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 0);
            writer.write_all(part).expect("a Vec takes everything");
            writer.finish().expect("a Vec takes everything")
        };
        let part = (bytes.len() / 3 + 1).max(7);
        match self {
            Self::Plain => bytes.to_vec(),
            Self::Zstd => zstd(bytes),
            Self::ZstdFrames => bytes.chunks(part).flat_map(zstd).collect(),
            Self::Gzip => gzip(bytes),
            Self::GzipMembers => bytes.chunks(part).flat_map(gzip).collect(),
            Self::Bzip2 => bzip2(bytes),
            Self::Bzip2Streams => bytes.chunks(part).flat_map(bzip2).collect(),
            Self::Lz4 => lz4(bytes),
            Self::Lz4Frames => bytes.chunks(part).flat_map(lz4).collect(),
            Self::Xz => xz(bytes),
            Self::XzStreams => bytes.chunks(part).flat_map(xz).collect(),
        }
    }
}

/// The bytes of a stored input, decoded.
pub(crate) fn decode(bytes: &[u8]) -> Vec<u8> {
    decostop_testkit::synth::decoded(bytes).expect("the tests' own files decode")
}

/// Every combination, the simplest first.
pub(crate) fn all_paths() -> Vec<Path_> {
    let mut all = Vec::new();
    for codec in Codec::ALL {
        for segment_bytes in [None, Some(4096), Some(1)] {
            for threads in [1, 2, 7] {
                for prefilter in [true, false] {
                    all.push(Path_ {
                        codec,
                        segment_bytes,
                        threads,
                        prefilter,
                    });
                }
            }
        }
    }
    all
}

/// Writes inputs, named `SOURCE.log` and more.
pub(crate) fn write_inputs(dir: &Path, inputs: &[(String, Vec<u8>)], codec: Codec) {
    for (source, bytes) in inputs {
        let path = dir.join(format!("{source}.log{}", codec.suffix()));
        std::fs::write(path, codec.encode(bytes)).expect("a temporary directory takes files");
    }
}

pub(crate) const KEY: [u8; 32] = [7; 32];

/// The present, for tests: the day on which all their requests were made.
pub(crate) fn now() -> SystemTime {
    // 2026-11-08T10:00:00Z
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_794_132_000)
}

pub(crate) fn request(text: &str) -> Request {
    Request::parse_with(text, Path::new(""), &Profile::gitlab())
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(crate) fn builder(request: &str, dir: PathBuf) -> DiveBuilder {
    Dive::builder(self::request(request), Profile::gitlab())
        .inputs([dir])
        .now(now())
        .key_material(KEY)
}

/// The builder for one way to find the lines.
pub(crate) fn along(builder: DiveBuilder, path: Path_, mut limits: Limits) -> DiveBuilder {
    if let Some(bytes) = path.segment_bytes {
        limits.segment_bytes = bytes;
        // As many parts as an input has frames or members.
        limits.part_bytes = 1;
    }
    builder
        .threads(path.threads)
        .prefilter(path.prefilter)
        .limits(limits)
}

pub(crate) fn run(builder: DiveBuilder) -> Result<Done, Error> {
    let dive = builder.build()?;
    let mut sink = Collect::default();
    match dive.run(&mut sink) {
        Ok(report) => Ok(Done { sink, report }),
        Err(error) => {
            let found: Vec<_> = dive.leaks().iter().map(|leak| format!("{leak:?}")).collect();
            Err(if found.is_empty() {
                error
            } else {
                error.because(found.join("; "))
            })
        }
    }
}

/// The embedded profile.
pub(crate) fn profile() -> Arc<Profile> {
    Profile::gitlab()
}
