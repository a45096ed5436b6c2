//! What file names tell: their order, their source, and which files of svlogd belong together.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const COMPRESSED: &[&str] = &[".gz", ".zst", ".zstd", ".bz2", ".xz", ".lz4", ".lzma"];

/// Natural order of paths: runs of digits compare by value, and what is in a directory stays together.
///
/// `x.2` comes before `x.10`, `a/b` before `a-b`. Total: only equal paths are equal.
pub fn natural_order(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (a.as_os_str().as_bytes(), b.as_os_str().as_bytes());
    let (mut rest_a, mut rest_b) = (a, b);
    while let (Some((&next_a, behind_a)), Some((&next_b, behind_b))) =
        (rest_a.split_first(), rest_b.split_first())
    {
        let by_value = if next_a.is_ascii_digit() && next_b.is_ascii_digit() {
            let (number_a, behind_a) = leading_number(rest_a);
            let (number_b, behind_b) = leading_number(rest_b);
            (rest_a, rest_b) = (behind_a, behind_b);
            number_a
                .len()
                .cmp(&number_b.len())
                .then_with(|| number_a.cmp(number_b))
        } else {
            (rest_a, rest_b) = (behind_a, behind_b);
            rank(next_a).cmp(&rank(next_b))
        };
        if by_value.is_ne() {
            return by_value;
        }
    }
    // One is the beginning of the other, or they are equal but for leading zeros.
    rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b))
}

/// The digits in front without leading zeros, and what follows them.
fn leading_number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    let zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
    (digits.get(zeros..).unwrap_or_default(), rest)
}

fn rank(byte: u8) -> u16 {
    if byte == b'/' { 0 } else { u16::from(byte) + 1 }
}

/// A name under which a file may be known to a profile.
#[derive(Debug)]
pub(super) struct Alias {
    /// `dir/name`.
    pub(super) path: PathBuf,
    /// The name alone, which a glob without `/` looks at.
    pub(super) name: PathBuf,
}

/// The names of a file, most exact first: its own, without the suffix of a codec, without what rotation
/// added.
pub(super) fn aliases(path: &Path) -> Vec<Alias> {
    let Some(name) = path.file_name() else {
        return Vec::new();
    };
    let mut bytes = name.as_bytes();
    let mut names = vec![bytes.to_vec()];
    if let Some(stem) = COMPRESSED
        .iter()
        .find_map(|suffix| bytes.strip_suffix(suffix.as_bytes()))
    {
        bytes = stem;
        names.push(bytes.to_vec());
    }
    while let Some(stem) = without_rotation(bytes) {
        bytes = stem;
        names.push(bytes.to_vec());
    }
    if svlogd(path).is_some() {
        names.push(b"current".to_vec());
    }
    let parent = path.parent().and_then(Path::file_name);
    let alias = |name: &Vec<u8>| {
        let name = PathBuf::from(OsStr::from_bytes(name));
        let path = parent.map(PathBuf::from).unwrap_or_default().join(&name);
        Alias { path, name }
    };
    names.iter().filter(|name| !name.is_empty()).map(alias).collect()
}

/// Takes one rotation suffix off: `.7`, `-20261101`, `.2026-11-01`, `-2026-11-01_03`, `-1584057562`.
fn without_rotation(name: &[u8]) -> Option<&[u8]> {
    let start = name
        .iter()
        .rposition(|byte| !byte.is_ascii_digit() && !matches!(byte, b'-' | b'_' | b'T' | b':'));
    let tail = name.get(start.map_or(0, |start| start + 1)..)?;
    let (separator, digits) = match start.and_then(|start| name.get(start)) {
        Some(b'.') => (start?, tail),
        _ => (name.len() - tail.len(), tail.strip_prefix(b"-")?),
    };
    let all = digits.iter().filter(|byte| byte.is_ascii_digit()).count();
    let plain = all == digits.len() && !digits.is_empty();
    let dated = all >= 8 && digits.first().is_some_and(u8::is_ascii_digit);
    let dash = name.get(separator) == Some(&b'-');
    let rotated = if dash { dated } else { plain || dated };
    let stem = name.get(..separator).filter(|stem| !stem.is_empty())?;
    rotated.then_some(stem)
}

/// The parts that svlogd keeps of one log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// `.s`: processed, usually gzip.
    Processed,
    /// `.t`: the processor's unfinished output.
    Temporary,
    /// `.u`: not processed yet, complete.
    Unprocessed,
}

/// For `dir/@<stamp>.s` and the like: `dir/@<stamp>` and the stage.
pub(super) fn svlogd(path: &Path) -> Option<(PathBuf, Stage)> {
    let name = path.file_name()?.as_bytes();
    let stage = match name.strip_prefix(b"@")? {
        [stamp @ .., b'.', last] if !stamp.is_empty() && stamp.iter().all(u8::is_ascii_hexdigit) => {
            match last {
                b's' => Stage::Processed,
                b't' => Stage::Temporary,
                b'u' => Stage::Unprocessed,
                _ => return None,
            }
        }
        _ => return None,
    };
    Some((path.with_extension(""), stage))
}

/// Pairs of files of which the second goes on where svlogd ended the first: the stamps of one directory
/// in order, then `current`.
pub(crate) fn follows_in_svlogd(paths: &[(&Path, u32)]) -> Vec<(u32, u32)> {
    let mut logs: std::collections::BTreeMap<&Path, Vec<(&[u8], u32)>> = std::collections::BTreeMap::new();
    for (path, id) in paths {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            continue;
        };
        // Stamps are of one length and in hexadecimal, so their bytes sort as they do; letters come last.
        if svlogd(path).is_some() || name == "current" {
            logs.entry(directory).or_default().push((name.as_bytes(), *id));
        }
    }
    let mut pairs = Vec::new();
    for files in logs.values_mut() {
        files.sort_unstable();
        let ids = files.iter().map(|(_, id)| *id);
        pairs.extend(ids.clone().zip(ids.skip(1)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_svlogd_follow_each_other() {
        let names = [
            "a/@4b.s",
            "a/@4a.s",
            "a/current",
            "b/current",
            "a/x.log",
            "a/@5.u",
        ];
        let paths: Vec<(&Path, u32)> = names.iter().map(Path::new).zip(0..).collect();
        assert_eq!(follows_in_svlogd(&paths), [(1, 0), (0, 5), (5, 2)]);
    }

    #[test]
    fn natural_order_is_by_value() {
        let ordered = [
            "-",
            "a",
            "a/b",
            "a/b.1",
            "a-b",
            "a1",
            "a01",
            "a2",
            "a10",
            "a10.1",
            "a10.2",
            "a10.10",
            "b",
            "x.log",
            "x.log.1.gz",
            "x.log.2.gz",
            "x.log.10.gz",
            "x.log.30.gz",
        ];
        for (i, a) in ordered.iter().enumerate() {
            for (j, b) in ordered.iter().enumerate() {
                assert_eq!(
                    natural_order(Path::new(a), Path::new(b)),
                    natural_rank(a, b, i, j),
                    "{a} {b}"
                );
            }
        }
    }

    /// `a1` and `a01` are equal by value; the bytes decide, zeros first.
    fn natural_rank(a: &str, b: &str, i: usize, j: usize) -> Ordering {
        match (a, b) {
            ("a1", "a01") => Ordering::Greater,
            ("a01", "a1") => Ordering::Less,
            _ => i.cmp(&j),
        }
    }

    #[test]
    fn numbers_longer_than_any_integer_compare() {
        let long = "9".repeat(60);
        assert_eq!(
            natural_order(Path::new(&long), Path::new(&format!("1{long}"))),
            Ordering::Less
        );
    }

    #[test]
    fn aliases_lose_codec_and_rotation() {
        let last = |path: &str| {
            aliases(Path::new(path))
                .last()
                .map(|alias| alias.path.display().to_string())
        };
        for (path, expected) in [
            ("log/production_json.log", "log/production_json.log"),
            ("log/production_json.log.1.gz", "log/production_json.log"),
            ("log/production_json.log-20261101.gz", "log/production_json.log"),
            (
                "log/production_json.log-2026-11-01.zst",
                "log/production_json.log",
            ),
            (
                "log/production_json.log.2026-11-01.zst",
                "log/production_json.log",
            ),
            (
                "log/production_json.log-2026-11-01_03.zst",
                "log/production_json.log",
            ),
            ("log/production_json.log-1584057562", "log/production_json.log"),
            ("log/api_json.log-20261101.3.gz", "log/api_json.log"),
            ("gitaly/@400000005f8eaf6f1a80ef5c.s", "gitaly/current"),
            ("gitaly/@1584057562.u", "gitaly/current"),
            ("gitaly/current", "gitaly/current"),
            ("production_json.log", "production_json.log"),
            ("web-01.log", "web-01.log"),
            ("node-7", "node-7"),
            ("v2", "v2"),
            ("20261101", "20261101"),
        ] {
            assert_eq!(last(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn svlogd_names_are_told_from_others() {
        assert_eq!(
            svlogd(Path::new("d/@4000.s")),
            Some((PathBuf::from("d/@4000"), Stage::Processed))
        );
        assert_eq!(
            svlogd(Path::new("d/@4000.u")),
            Some((PathBuf::from("d/@4000"), Stage::Unprocessed))
        );
        assert_eq!(
            svlogd(Path::new("d/@4000.t")),
            Some((PathBuf::from("d/@4000"), Stage::Temporary))
        );
        for other in ["d/@.s", "d/@xyz.s", "d/4000.s", "d/@4000.v", "d/@4000"] {
            assert_eq!(svlogd(Path::new(other)), None, "{other}");
        }
    }
}
