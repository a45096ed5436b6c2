//! Real lines, where the repository stands beside them: nearly every field they hold has a class.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use decostop_profile::{Profile, Source};
use serde_json::{Map, Value};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

fn names(source: &Source, prefix: &str, object: &Map<String, Value>, out: &mut Vec<String>) {
    for (key, value) in object {
        let name = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Object(inner) if source.spec(&name).is_none() => names(source, &name, inner, out),
            _ => out.push(name),
        }
    }
}

#[test]
#[expect(
    clippy::print_stderr,
    reason = "a skipped test says so, and what has no class is worth reading"
)]
fn nearly_every_field_of_real_lines_has_a_class() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/gitlab-samples");
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    if paths.is_empty() {
        eprintln!("skipped: no sample lines beside the repository");
        return;
    }
    let profile = Profile::gitlab();
    let mut counts: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let mut unknown: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for path in &paths {
        let path_text = path.to_string_lossy();
        // The sample sets keep lines of production_json under the name of the text log.
        let source = match profile.sources.iter().find(|source| source.fits_file(&path_text)) {
            Some(source) => Some(source),
            None if path_text.ends_with("_sample_logs/production.log") => profile.source("production_json"),
            None => None,
        };
        let Some(source) = source else { continue };
        let text = std::fs::read(path).unwrap_or_default();
        for line in String::from_utf8_lossy(&text).lines() {
            let Ok(Value::Object(object)) = serde_json::from_str(line) else {
                continue;
            };
            let mut fields = Vec::new();
            names(source, "", &object, &mut fields);
            let (lines, all, known) = counts.entry(&source.name).or_default();
            *lines += 1;
            for field in fields {
                *all += 1;
                if source.spec(&field).is_some() {
                    *known += 1;
                } else {
                    *unknown.entry((&source.name, field)).or_default() += 1;
                }
            }
        }
    }
    eprintln!("source: (lines, fields, with a class) {counts:?}");
    eprintln!("without a class: {unknown:?}");
    assert!(
        counts.len() >= 9,
        "samples of the sources that write JSON: {counts:?}"
    );
    for (source, (_, all, known)) in counts {
        assert!(
            known * 100 >= all * 99,
            "{source}: {known} of {all}; without: {unknown:?}"
        );
    }
}
