//! What a corpus should be like.

use std::num::NonZero;

use super::source::Source;

/// How the files are compressed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CodecMix {
    /// Every codec and every way to name a rotated file.
    #[default]
    Mixed,
    /// Not at all.
    Plain,
    /// Gzip with several members.
    Gzip,
    /// Zstandard, one frame a file.
    Zstd,
    /// Zstandard, many frames a file.
    ZstdFrames,
    /// Bzip2 with several streams.
    Bzip2,
    /// Lz4, many frames a file.
    Lz4,
    /// Xz with several streams.
    Xz,
}

/// What a corpus should be like. Build it from the default:
///
/// ```
/// use decostop_testkit::synth::{CodecMix, Options};
/// let options = Options::default().seed(7).megabytes(20).days(3).codec(CodecMix::Zstd);
/// assert_eq!(options.days, 3);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Decides every name and number. Default 1.
    pub seed: u64,
    /// Decoded size of all files in millions of bytes; the result is within a few per cent. Default 20.
    pub megabytes: u64,
    /// How many days the logs cover. Default 5.
    pub days: u32,
    /// How many customers the platform has; at least 4. Default 40.
    pub tenants: u32,
    /// Which kinds of log there are. Default: [`Source::USUAL`]; access logs only if they are named.
    pub sources: Vec<Source>,
    /// How the files are compressed. Default: mixed.
    pub codec: CodecMix,
    /// Compression level; default 3 for zstd, 6 for gzip, 1 for bzip2 and xz. Lz4 has none.
    pub level: Option<i32>,
    /// Whether some files have prefixes or envelopes around their lines. Default: yes.
    pub wrappers: bool,
    /// Whether on some days the logs of Rails share one stream, as in containers, where only the line
    /// tells which log it belongs to. Default: no.
    pub streams: bool,
    /// Whether lines hold secrets, escapes, strange spellings, people of other accounts, unknown and
    /// doubled fields, impersonation. Default: yes.
    pub hostile: bool,
    /// Whether there are a few lines that are no records. Default: no, since a dive then says that
    /// its coverage is incomplete.
    pub damage: bool,
    /// Share of requests about the customer. Default: 0.1 % from 200 MB on, more in smaller corpora.
    pub our_share: Option<f64>,
    /// First day. Default 2026-11-01.
    pub start: jiff::civil::Date,
    /// Files larger than this many decoded millions of bytes are split over hosts. Default 256.
    pub file_megabytes: u64,
    /// Hosts over which each day of each source is split, at least. Default 1. Many make many small files.
    pub hosts: u64,
    /// Share of each day's requests that the first host alone answers; the others share the rest. By
    /// default, all have the same share.
    pub skew: Option<f64>,
    /// How often a line is long, and how long: one request in so many writes lines of so many KiB. Lines of
    /// text stay short. Default: never.
    pub long_lines: Option<(u64, usize)>,
    /// How many root namespaces the customer owns; the projects are spread over them. Default 1.
    pub namespaces: u32,
    /// Threads; the result does not depend on it. Default: one a core.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            megabytes: 20,
            days: 5,
            tenants: 40,
            sources: Source::USUAL.to_vec(),
            codec: CodecMix::Mixed,
            level: None,
            wrappers: true,
            streams: false,
            hostile: true,
            damage: false,
            our_share: None,
            start: jiff::civil::date(2026, 11, 1),
            file_megabytes: 256,
            hosts: 1,
            skew: None,
            long_lines: None,
            namespaces: 1,
            threads: std::thread::available_parallelism().map_or(1, NonZero::get),
        }
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $kind:ty;)*) => {
        $($(#[$doc])* #[must_use] pub fn $name(mut self, $name: $kind) -> Self { self.$name = $name; self })*
    };
}

impl Options {
    setters! {
        /// Sets [`Options::seed`].
        seed: u64;
        /// Sets [`Options::megabytes`].
        megabytes: u64;
        /// Sets [`Options::days`].
        days: u32;
        /// Sets [`Options::tenants`].
        tenants: u32;
        /// Sets [`Options::sources`].
        sources: Vec<Source>;
        /// Sets [`Options::codec`].
        codec: CodecMix;
        /// Sets [`Options::level`].
        level: Option<i32>;
        /// Sets [`Options::wrappers`].
        wrappers: bool;
        /// Sets [`Options::streams`].
        streams: bool;
        /// Sets [`Options::hostile`].
        hostile: bool;
        /// Sets [`Options::damage`].
        damage: bool;
        /// Sets [`Options::our_share`].
        our_share: Option<f64>;
        /// Sets [`Options::start`].
        start: jiff::civil::Date;
        /// Sets [`Options::file_megabytes`].
        file_megabytes: u64;
        /// Sets [`Options::hosts`].
        hosts: u64;
        /// Sets [`Options::skew`].
        skew: Option<f64>;
        /// Sets [`Options::long_lines`].
        long_lines: Option<(u64, usize)>;
        /// Sets [`Options::namespaces`].
        namespaces: u32;
        /// Sets [`Options::threads`].
        threads: usize;
    }

    pub(crate) fn share(&self) -> f64 {
        let small = if self.megabytes >= 200 {
            0.001
        } else {
            (1.0 / self.megabytes.max(1) as f64).clamp(0.02, 0.25)
        };
        self.our_share.unwrap_or(small).clamp(0.0, 1.0)
    }

    /// Of a thousand requests, those that the first host answers; 0 if all hosts have the same share.
    #[expect(clippy::cast_sign_loss, reason = "clamped")]
    pub(crate) fn first_host(&self) -> u64 {
        self.skew
            .map_or(0, |share| (share.clamp(0.001, 0.999) * 1000.0).round() as u64)
    }

    /// The kinds of log, each once, in the order of their files.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = Source> + '_ {
        Source::ALL
            .into_iter()
            .filter(|source| self.sources.contains(source))
    }

    /// The first instant.
    pub(crate) fn start_ms(&self) -> i64 {
        self.start
            .at(0, 0, 0, 0)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .map_or(0, |start| start.timestamp().as_millisecond())
    }
}
