//! Which crate may depend on which.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    /// Each crate of the workspace with the crates of the workspace that it may use, beside
    /// dev-dependencies. `docs/ARCHITECTURE.md` says why.
    const ALLOWED: [(&str, &[&str]); 13] = [
        (
            "capi",
            &[
                "decostop-columnar",
                "decostop-profile",
                "decostop-verify",
                "decostop_core",
            ],
        ),
        (
            "cli",
            &[
                "decostop",
                "decostop-columnar",
                "decostop-mmap",
                "decostop-profile",
                "decostop-redact",
                "decostop-testkit",
                "decostop-verify",
            ],
        ),
        ("columnar", &["decostop"]),
        (
            "core",
            &[
                "decostop-mmap",
                "decostop-profile",
                "decostop-redact",
                "decostop-search",
                "decostop-verify",
                "decostop-zstd",
            ],
        ),
        ("mmap", &[]),
        ("profile", &[]),
        (
            "python",
            &[
                "decostop",
                "decostop-columnar",
                "decostop-profile",
                "decostop-testkit",
                "decostop-verify",
            ],
        ),
        ("redact", &["decostop-profile"]),
        ("search", &[]),
        ("testkit", &["decostop-profile"]),
        ("verify", &["decostop-profile"]),
        ("xtask", &[]),
        ("zstd", &[]),
    ];
    /// What the verifier must not share with what it verifies.
    const NOT_IN_VERIFY: [&str; 2] = ["simd-json", "regex-automata"];

    fn dependencies(name: &str) -> BTreeSet<String> {
        let manifest = crate::root().join("crates").join(name).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).expect("a crate has a manifest");
        let mut inside = false;
        let mut found = BTreeSet::new();
        for line in text.lines() {
            if line.starts_with('[') {
                inside = line == "[dependencies]";
            } else if inside
                && let Some(name) = line.split(['.', ' ', '=']).next().filter(|name| !name.is_empty())
            {
                found.insert(name.to_owned());
            }
        }
        found
    }

    #[test]
    fn dependencies_point_down() {
        let mut crates: Vec<String> = fs::read_dir(crate::root().join("crates"))
            .expect("the crates")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        crates.sort();
        assert_eq!(
            crates,
            ALLOWED.map(|(name, _)| name),
            "a new crate needs a line here"
        );
        for (name, allowed) in ALLOWED {
            let found = dependencies(name);
            let wrong: Vec<_> = found
                .iter()
                .filter(|name| name.starts_with("decostop") && !allowed.contains(&name.as_str()))
                .collect();
            assert!(wrong.is_empty(), "{name} may not depend on {wrong:?}");
        }
    }

    #[test]
    fn the_verifier_reads_with_other_eyes() {
        let found = dependencies("verify");
        assert!(
            NOT_IN_VERIFY.iter().all(|name| !found.contains(*name)),
            "verify shares a reader with the redactor"
        );
    }
}
