//! Every input in `testdata/fuzz/<target>/`, through the functions that the fuzz targets call: seeds
//! of our own making, and inputs that were once crashes (their story is in `README.md` beside them).

use std::fs;
use std::path::Path;

use decostop_fuzz::TARGETS;

#[test]
fn every_kept_input_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/fuzz");
    for (name, target) in TARGETS {
        let mut paths: Vec<_> = fs::read_dir(root.join(name))
            .unwrap_or_else(|cause| panic!("{name}: {cause}"))
            .map(|entry| entry.expect("a readable directory").path())
            .collect();
        paths.sort_unstable();
        assert!(!paths.is_empty(), "{name} has no inputs");
        for path in paths {
            let data = fs::read(&path).expect("a readable input");
            let passed = std::panic::catch_unwind(|| target(&data)).is_ok();
            assert!(passed, "{}", path.display());
        }
    }
}
