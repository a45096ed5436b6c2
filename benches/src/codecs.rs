//! Every codec that a corpus can have, once for all benchmarks.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use decostop_testkit::synth::CodecMix;

/// A codec of a whole corpus.
#[derive(Clone, Copy)]
pub struct Codec {
    /// What it is called in arguments and figures.
    pub name: &'static str,
    /// How the generator makes it.
    pub mix: CodecMix,
    /// The program that writes a file's decoded bytes to standard output, and its flags.
    pub cat: [&'static str; 2],
    /// A well-known library that decodes the same, for a floor that owes nothing to our own reader.
    library: fn(File, &mut dyn Write) -> io::Result<u64>,
}

/// All of them. One more is one line more.
pub const CODECS: &[Codec] = &[
    codec("zstd", CodecMix::Zstd, ["zstd", "-dcq"], zstd),
    codec("zstd-frames", CodecMix::ZstdFrames, ["zstd", "-dcq"], zstd),
    codec("gzip", CodecMix::Gzip, ["gzip", "-dc"], gzip),
    codec("plain", CodecMix::Plain, ["cat", "--"], plain),
];

const fn codec(
    name: &'static str,
    mix: CodecMix,
    cat: [&'static str; 2],
    library: fn(File, &mut dyn Write) -> io::Result<u64>,
) -> Codec {
    Codec {
        name,
        mix,
        cat,
        library,
    }
}

fn zstd(from: File, mut to: &mut dyn Write) -> io::Result<u64> {
    let mut decoder = zstd::stream::read::Decoder::new(from)?;
    io::copy(&mut Wide(&mut decoder), &mut to)
}

fn gzip(from: File, mut to: &mut dyn Write) -> io::Result<u64> {
    let from = BufReader::with_capacity(1 << 17, from);
    io::copy(&mut Wide(flate2::bufread::MultiGzDecoder::new(from)), &mut to)
}

fn plain(from: File, mut to: &mut dyn Write) -> io::Result<u64> {
    io::copy(&mut Wide(from), &mut to)
}

/// Keeps `io::copy` from short cuts of the kernel, which would leave the bytes where they are.
struct Wide<R>(R);

impl<R: Read> Read for Wide<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// Where decoded bytes end.
struct Sink(u64);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += std::hint::black_box(bytes).len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Codec {
    /// The codec of a name.
    ///
    /// # Errors
    /// There is none; the names that there are.
    pub fn by_name(name: &str) -> Result<Self, String> {
        let found = CODECS.iter().find(|codec| codec.name == name).copied();
        found.ok_or_else(|| {
            let names: Vec<_> = CODECS.iter().map(|codec| codec.name).collect();
            format!("there are {}", names.join(", "))
        })
    }

    /// Decodes a file with the library alone and throws the bytes away; how many there were.
    ///
    /// # Errors
    /// The file cannot be read or decoded.
    pub fn decode_with_library(&self, path: &Path) -> io::Result<u64> {
        let mut sink = Sink(0);
        (self.library)(File::open(path)?, &mut sink)?;
        Ok(sink.0)
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Codec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
