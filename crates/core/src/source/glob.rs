//! File name patterns that no shell has expanded.

use std::fs;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::Problem;

/// Whether a path that does not exist may be a pattern.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'{'))
}

/// Files and directories that fit `pattern`, in no particular order.
///
/// Works like a shell: `*` stays within a path component, `**` spans any number of directories, and
/// names that begin with a dot fit only where the pattern says so.
pub(super) fn expand(pattern: &Path, problems: &mut Vec<Problem>) -> Result<Vec<PathBuf>, globset::Error> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let Component::Normal(name) = component else {
            for path in &mut found {
                path.push(component);
            }
            continue;
        };
        if name == "**" {
            found = found
                .iter()
                .flat_map(|path| directories(path, problems))
                .collect();
        } else if is_pattern(Path::new(name)) {
            let matcher = matcher(&name.to_string_lossy())?;
            let hidden = name.as_encoded_bytes().starts_with(b".");
            found = found
                .iter()
                .flat_map(|path| entries(path, hidden, problems))
                .collect();
            found.retain(|path| path.file_name().is_some_and(|name| matcher.is_match(name)));
        } else {
            for path in &mut found {
                path.push(name);
            }
            found.retain(|path| path.symlink_metadata().is_ok());
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// A compiled glob.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    /// Literal text and `*` within one path component: what nearly every profile writes, and compiled in
    /// no time.
    Stars(Stars),
    /// Anything else.
    Glob(GlobMatcher),
}

/// A glob whose only wildcards are stars within its last component.
#[derive(Clone, Debug)]
pub(super) struct Stars {
    glob: String,
    /// Bytes before the first star.
    first: usize,
    /// Bytes behind the last one.
    last: usize,
}

impl Stars {
    fn new(glob: &str) -> Self {
        let last = glob.rsplit_once('*').map_or(0, |(_, last)| last.len());
        Self {
            glob: glob.to_owned(),
            first: glob.find('*').unwrap_or(glob.len()),
            last,
        }
    }

    fn is_match(&self, path: &[u8]) -> bool {
        // Most globs fall at what stands behind their star, or before it.
        let glob = self.glob.as_bytes();
        let last = glob.get(glob.len() - self.last..).unwrap_or_default();
        let first = glob.get(..self.first).unwrap_or_default();
        if !path.ends_with(last) || !path.starts_with(first) {
            return false;
        }
        let slashes = |text| memchr::memchr_iter(b'/', text).count();
        slashes(path) == slashes(glob)
            && decostop_redact::glob_matches(&self.glob, &String::from_utf8_lossy(path))
    }
}

impl Matcher {
    /// Whether it fits the whole of a path.
    pub(super) fn is_match(&self, path: impl AsRef<Path>) -> bool {
        match self {
            Self::Glob(matcher) => matcher.is_match(path),
            Self::Stars(stars) => stars.is_match(path.as_ref().as_os_str().as_encoded_bytes()),
        }
    }
}

/// Compiles one glob; `*` does not cross `/`.
pub(super) fn matcher(glob: &str) -> Result<Matcher, globset::Error> {
    // A star only behind the last slash: with as many slashes as the glob, it can cross none.
    let plain = !glob.contains(['?', '[', ']', '{', '}', '\\']);
    let behind = glob
        .rfind('/')
        .is_none_or(|slash| !glob.get(..slash).is_some_and(|before| before.contains('*')));
    if plain && behind && !glob.contains("**") {
        return Ok(Matcher::Stars(Stars::new(glob)));
    }
    let compiled = GlobBuilder::new(glob)
        .literal_separator(true)
        .backslash_escape(true)
        .build()?
        .compile_matcher();
    Ok(Matcher::Glob(compiled))
}

fn entries(path: &Path, hidden: bool, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let here = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    let listing = match fs::read_dir(here) {
        Ok(listing) => listing,
        Err(error) => {
            if here.is_dir() {
                problems.push(Problem::unreadable(here, error));
            }
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for entry in listing {
        match entry {
            Ok(entry) if hidden || !is_hidden(&entry.path()) => found.push(path.join(entry.file_name())),
            Ok(_) => {}
            Err(error) => problems.push(Problem::unreadable(here, error)),
        }
    }
    found
}

/// `path` and all directories below it; links to directories are not followed.
fn directories(path: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut found = vec![path.to_owned()];
    let mut next = 0;
    while let Some(directory) = found.get(next).cloned() {
        let below = entries(&directory, false, problems);
        found.extend(
            below
                .into_iter()
                .filter(|path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())),
        );
        next += 1;
    }
    found
}

pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn stars_mean_what_they_mean_in_globs(glob in "([ab.]{0,3}/)?[ab.*]{1,6}", path in "[ab./]{1,10}") {
            let compiled = GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build();
            let expected = compiled.expect("a sound glob").compile_matcher().is_match(&path);
            let matcher = matcher(&glob).expect("a sound glob");
            prop_assert_eq!(matcher.is_match(&path), expected, "{} on {}", glob, path);
        }
    }
}
