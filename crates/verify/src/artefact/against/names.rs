//! What the names of files tell, looked up in the profile's globs.

use std::path::Path;

use decostop_profile::Profile;

const CODECS: &[&str] = &[".gz", ".zst", ".zstd", ".bz2", ".xz", ".lz4", ".lzma"];

/// The names of a file, each with that of its directory: its own, without the ending of a codec, without
/// what rotation added.
fn names(path: &Path) -> Vec<(String, String)> {
    let lossy = |part: Option<&std::ffi::OsStr>| {
        part.map(|part| part.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let parent = lossy(path.parent().and_then(Path::file_name));
    let mut name = lossy(path.file_name());
    let mut found = vec![name.clone()];
    if is_svlogd(path) {
        found.push("current".to_owned());
    }
    if let Some(stem) = CODECS.iter().find_map(|codec| name.strip_suffix(codec)) {
        name = stem.to_owned();
        found.push(name.clone());
    }
    while let Some(stem) = unrotated(&name) {
        name = stem.to_owned();
        found.push(name.clone());
    }
    found
        .into_iter()
        .map(|name| (format!("{parent}/{name}"), name))
        .collect()
}

/// Without `.7`, `-20261101`, `.2026-11-01`, `-2026-11-01_03`.
fn unrotated(name: &str) -> Option<&str> {
    let is_inner = |c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | 'T' | ':');
    let stem = name.trim_end_matches(is_inner);
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    if let Some(stem) = stem.strip_suffix('.').filter(|stem| !stem.is_empty()) {
        let tail = name.get(stem.len() + 1..)?;
        let plain = !tail.is_empty() && digits(tail) == tail.len();
        let dated = digits(tail) >= 8 && tail.starts_with(|c: char| c.is_ascii_digit());
        return (plain || dated).then_some(stem);
    }
    let tail = name.get(stem.len()..)?.strip_prefix('-')?;
    let dated = digits(tail) >= 8 && tail.starts_with(|c: char| c.is_ascii_digit());
    (dated && !stem.is_empty()).then_some(stem)
}

/// Whether svlogd keeps the file: `current`, or `@` and a stamp.
pub(super) fn is_svlogd(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        let stamp = name
            .strip_prefix('@')
            .and_then(|name| name.rsplit_once('.'))
            .map(|(stamp, _)| stamp);
        name == "current"
            || stamp.is_some_and(|stamp| !stamp.is_empty() && stamp.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

fn fits_any(globs: &[String], names: &[(String, String)]) -> bool {
    globs.iter().any(|glob| {
        names
            .iter()
            .any(|(longer, name)| fits(glob, if glob.contains('/') { longer } else { name }))
    })
}

/// The source that a file's name tells.
pub(super) fn source(profile: &Profile, path: &Path) -> Option<usize> {
    let names = names(path);
    profile
        .sources
        .iter()
        .position(|source| fits_any(&source.files, &names))
}

/// Whether a file is hidden.
pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Whether the profile says that nothing in a file is missed, and no source claims it.
pub(super) fn is_set_aside(profile: &Profile, path: &Path) -> bool {
    let names = names(path);
    let mut aside = profile.set_aside.iter();
    aside.any(|aside| fits_any(&aside.files, &names)) && source(profile, path).is_none()
}

/// `*` stands for any run of characters.
pub(super) fn fits(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = glob.rsplit_once('*').map(|(_, last)| last) else {
        return rest.is_empty();
    };
    let middle: Vec<&str> = parts.collect();
    for part in middle.iter().take(middle.len().saturating_sub(1)) {
        let Some(at) = rest.find(*part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_fit_whole_names() {
        for (glob, text, yes) in [
            ("a.log", "a.log", true),
            ("a.log", "a.log.1", false),
            ("*a*", "xax", true),
            ("a*", "ba", false),
            ("*a*b", "a-b-c", false),
            ("*a*b", "a-c-b", true),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(glob, text), yes, "{glob} {text}");
        }
    }

    #[test]
    fn names_lose_codec_and_rotation() {
        for (path, last) in [
            ("d/a.log", "a.log"),
            ("d/a.log.1.gz", "a.log"),
            ("d/a.log-2026-11-01_03.zst", "a.log"),
            ("d/a.log-20261101.3.gz", "a.log"),
            ("d/@400000005f8eaf6f1a80ef5c.s", "current"),
            ("d/web-01.log", "web-01.log"),
            ("d/node-7", "node-7"),
            ("d/20261101", "20261101"),
        ] {
            let found = names(Path::new(path)).pop();
            assert_eq!(found, Some((format!("d/{last}"), last.to_owned())), "{path}");
        }
    }
}
