//! Writes one corpus. `cargo run -p decostop-testkit --example synth_write -- DIR [MEGABYTES] [SEED]`

use decostop_testkit::synth::{self, Options};

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let Some(dir) = args.next() else {
        return Err(std::io::Error::other("which directory?"));
    };
    let mut number = |default| args.next().and_then(|n| n.parse().ok()).unwrap_or(default);
    let options = Options::default().megabytes(number(20)).seed(number(1));
    synth::write(dir.as_ref(), &options, &mut |_| {})?;
    Ok(())
}
