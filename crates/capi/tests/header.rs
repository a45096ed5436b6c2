//! The header is what cbindgen makes of the code. `DECOSTOP_WRITE_HEADER=1` writes it anew.

use std::path::Path;

#[test]
fn header_is_made_from_the_code() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).expect("the settings can be read");
    let made = cbindgen::Builder::new()
        .with_src(here.join("src/lib.rs"))
        .with_config(config)
        .generate()
        .expect("the code can be read");
    let mut text = Vec::new();
    made.write(&mut text);
    let made = String::from_utf8(text).expect("the header is text");
    let path = here.join("include/decostop.h");
    if std::env::var_os("DECOSTOP_WRITE_HEADER").is_some() {
        std::fs::write(&path, &made).expect("the header can be written");
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        held == made,
        "{} is not what the code says: run this test with DECOSTOP_WRITE_HEADER=1 and read what changed",
        path.display()
    );
}
