//! Blocks against the streaming decoder, over windows that the ring has to go round many times.

use std::io::{Read, Write};

use decostop_zstd::{Blocks, Error};
use proptest::prelude::*;

/// Text with repetitions near and far, and some that is noise.
fn content(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    };
    let mut out: Vec<u8> = Vec::with_capacity(bytes);
    while out.len() < bytes {
        match next() % 5 {
            0 => out.extend(next().to_le_bytes()),
            1 => {
                let (id, path) = (next() % 1000, next() % 7);
                out.extend(format!("{{\"id\":{id},\"path\":\"acme/{path}\"}}\n").bytes());
            }
            2 => out.resize(out.len() + (next() % 300) as usize, b'a'),
            _ => {
                let back = (next() as usize % (1 << (next() % 18))).min(out.len());
                let start = out.len() - back;
                let length = (next() as usize % 200).min(back);
                out.extend_from_within(start..start + length);
            }
        }
    }
    out.truncate(bytes);
    out
}

fn frame(content: &[u8], level: i32, window_log: u32, checksum: bool) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), level).expect("a level that exists");
    encoder.window_log(window_log).expect("a window that exists");
    encoder.include_checksum(checksum).expect("checksums exist");
    encoder.write_all(content).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

/// Feeds a frame item by item; the window is what the header of a frame of unknown size says.
fn decode(blocks: &mut Blocks, frame: &[u8]) -> Result<Vec<u8>, Error> {
    let descriptor = u64::from(frame.get(5).copied().unwrap_or(0));
    let base = 1u64 << (10 + (descriptor >> 3));
    blocks.begin(base + base / 8 * (descriptor & 7), 1 << 27)?;
    let (mut out, mut rest) = (Vec::new(), frame);
    loop {
        let want = blocks.wants();
        if want == 0 {
            return Ok(out);
        }
        let Some((item, behind)) = rest.split_at_checked(want) else {
            return Ok(out);
        };
        out.extend_from_slice(blocks.take(item)?);
        rest = behind;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_frame_decodes_to_its_content(
        seed in any::<u64>(),
        bytes in prop_oneof![0usize..2_000, 0usize..900_000],
        level in 1i32..19,
        window_log in 10u32..21,
        checksum in any::<bool>(),
    ) {
        let content = content(seed, bytes);
        let frame = frame(&content, level, window_log, checksum);
        let mut blocks = Blocks::new();
        // Twice with one decoder: nothing of the first frame may be left.
        for _ in 0..2 {
            let decoded = decode(&mut blocks, &frame).expect("a sound frame");
            prop_assert!(decoded == content);
        }
    }

    /// Whatever the bytes, there is an error or there are bytes; and where the streaming decoder agrees
    /// that they are sound, the same bytes.
    #[test]
    fn a_damaged_frame_gives_an_error_or_what_the_streaming_decoder_gives(
        seed in any::<u64>(),
        bytes in 1usize..60_000,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..4),
    ) {
        let mut damaged = frame(&content(seed, bytes), 3, 12, seed % 2 == 0);
        for (at, bit) in flips {
            // Behind the header, which the caller reads.
            let at = 6 + at.index(damaged.len() - 6);
            damaged[at] ^= 1 << bit;
        }
        let ours = decode(&mut Blocks::new(), &damaged);
        let mut theirs = Vec::new();
        let sound = zstd::Decoder::new(damaged.as_slice()).and_then(|mut decoder| decoder.read_to_end(&mut theirs));
        match (ours, sound) {
            (Ok(ours), Ok(_)) => prop_assert!(ours == theirs),
            (Err(_), Ok(_)) => prop_assert!(false, "the streaming decoder takes it"),
            (_, Err(_)) => {}
        }
    }
}

#[test]
fn a_window_above_the_limit_is_refused() {
    let mut blocks = Blocks::new();
    assert!(blocks.begin(1 << 20, 1 << 19).is_err());
    assert!(blocks.begin(1 << 20, 1 << 20).is_ok());
}
