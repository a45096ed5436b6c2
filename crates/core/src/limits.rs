//! Every buffer has a limit; every limit is here.

/// Bounds of a dive. Each has a safe default; tests set them to one byte.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest line that is parsed, in bytes. A longer one is withheld when it names a needle. By
    /// default, 16 MiB.
    pub max_line_bytes: usize,
    /// Decoded bytes taken from one input. By default, 64 TiB.
    pub max_decoded_bytes: u64,
    /// Decoded bytes for each compressed byte of one input, once 64 MiB were decoded; above it the
    /// input counts as a bomb. By default, 10,000.
    pub max_ratio: u64,
    /// Largest window of zstd and xz that is accepted, as a power of two. By default, 27 (128 MiB).
    pub max_zstd_window_log: u32,
    /// Deepest JSON nesting. By default, 128.
    pub max_depth: usize,
    /// JSON nodes of one record. By default, 1,000,000.
    pub max_nodes: usize,
    /// Bytes of one decoded segment of whole lines. By default, 256 KiB: it stays in the cache of the core
    /// that decoded it.
    pub segment_bytes: usize,
    /// Bytes as stored of whole frames or members that make one unit of work. By default, 2 MiB.
    pub part_bytes: u64,
    /// Decoded bytes that wait for another thread than the one that decoded them. By default, 64 MiB.
    pub in_flight_bytes: usize,
    /// Matched lines kept in memory before a sorted run goes to a temporary file, in bytes. By
    /// default, 64 MiB.
    pub run_bytes: usize,
    /// Foreign values the dictionary holds; above it all text of the dive is dropped. By default,
    /// 2,000,000.
    pub max_dictionary: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_line_bytes: 16 << 20,
            max_decoded_bytes: 64 << 40,
            max_ratio: 10_000,
            max_zstd_window_log: 27,
            max_depth: 128,
            max_nodes: 1_000_000,
            segment_bytes: 256 << 10,
            part_bytes: 2 << 20,
            in_flight_bytes: 64 << 20,
            run_bytes: 64 << 20,
            max_dictionary: 2_000_000,
        }
    }
}
