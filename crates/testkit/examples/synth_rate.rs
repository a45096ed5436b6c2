//! Writes corpora and prints how fast. `cargo run --release -p decostop-testkit --example synth_rate -- [MEGABYTES] [DIR]`

use std::io::Write as _;
use std::time::Instant;

use decostop_testkit::synth::{self, CodecMix, Options};

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let megabytes = args.next().and_then(|n| n.parse().ok()).unwrap_or(200);
    let dir = args
        .next()
        .map_or_else(std::env::temp_dir, Into::into)
        .join("synth_rate");
    let mut out = std::io::stdout().lock();
    for (what, codec, level, hostile) in [
        ("plain", CodecMix::Plain, None, true),
        ("zstd -1", CodecMix::Zstd, Some(1), true),
        ("zstd -3", CodecMix::Zstd, Some(3), true),
        ("zstd -3, tame", CodecMix::Zstd, Some(3), false),
        ("zstd -3, frames", CodecMix::ZstdFrames, Some(3), true),
        ("gzip -1", CodecMix::Gzip, Some(1), true),
        ("gzip -6", CodecMix::Gzip, Some(6), true),
    ] {
        for threads in [1, 2] {
            let options = Options::default()
                .megabytes(megabytes)
                .days(7)
                .codec(codec)
                .level(level)
                .hostile(hostile);
            let (began, cpu) = (Instant::now(), cpu_seconds());
            let summary = synth::write(&dir, &options.threads(threads), &mut |_| {})?;
            let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
            std::fs::remove_dir_all(&dir)?;
            writeln!(
                out,
                "{what:16} {threads} threads  {:6.0} MB/s, {:4.0} a core  {} files  {} lines of {} bytes  ratio {:.1}  {} matching",
                summary.decoded_bytes as f64 / 1e6 / seconds,
                summary.decoded_bytes as f64 / 1e6 / cpu,
                summary.files,
                summary.lines,
                summary.decoded_bytes / summary.lines.max(1),
                summary.decoded_bytes as f64 / summary.encoded_bytes as f64,
                summary.matching,
            )?;
        }
    }
    Ok(())
}

/// Processor time of this process so far, where the system tells it: a busy machine says little by the clock.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2);
    ticks.filter_map(|n| n.parse::<f64>().ok()).sum::<f64>() / 100.0
}
