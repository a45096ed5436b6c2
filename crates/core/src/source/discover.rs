//! Which inputs there are: files, directories, globs, standard input.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use decostop_profile::Profile;
use flate2::read::MultiGzDecoder;

use super::glob::{Matcher, expand, is_hidden, is_pattern, matcher};
use super::names::{Alias, Stage, aliases, natural_order, svlogd};
use super::{Input, InputId, InputKind, Problem, SourceProblem};
use crate::{Error, ErrorKind, Origin};

/// Deepest directory below a path that is walked: enough for any archive, and an end to loops that
/// links make.
const MAX_DEPTH: usize = 64;

/// Finds the inputs of a dive.
///
/// ```
/// # fn main() -> Result<(), decostop::Error> {
/// use decostop::source::Discover;
/// use decostop_profile::Profile;
///
/// let profile = Profile::gitlab();
/// let found = Discover::new(&profile).run(&["Cargo.toml".into()])?;
/// assert_eq!(found.inputs.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Discover<'p> {
    profile: &'p Profile,
    names: Vec<Name>,
    overrides: Vec<Name>,
    /// Names of files that the profile sets aside; the index is into its `set_aside`.
    aside: Vec<Name>,
    standard_input: Option<usize>,
}

/// What was found. Everything is in natural order of paths, whatever order they were given in.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Discovery {
    /// What is to be read; the index of an input is its [`InputId`].
    pub inputs: Vec<Input>,
    /// What cannot be read. It counts as lost.
    pub problems: Vec<Problem>,
    /// What is not read because nothing in it is missed.
    pub skipped: Vec<Skipped>,
}

/// A path that was found and is not read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Skipped {
    /// The path.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Why a path is not read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SkipReason {
    /// The same file under another name, which is read.
    Duplicate(PathBuf),
    /// svlogd keeps the same lines in another file, which is read.
    Superseded(PathBuf),
    /// Nothing in it is missed, for the reason that the profile gives.
    SetAside(String),
}

impl SkipReason {
    /// A stable word for reports, and for a file that the profile sets aside its reason.
    pub fn told(&self) -> String {
        match self {
            Self::Duplicate(_) => "duplicate".to_owned(),
            Self::Superseded(_) => "superseded".to_owned(),
            Self::SetAside(reason) => format!("set aside: {reason}"),
        }
    }

    /// What is read instead.
    pub fn instead(&self) -> Option<&Path> {
        match self {
            Self::Duplicate(path) | Self::Superseded(path) => Some(path),
            Self::SetAside(_) => None,
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.reason {
            SkipReason::Duplicate(instead) => {
                write!(
                    f,
                    "{path} is the same file as {}, which is read",
                    instead.display()
                )
            }
            SkipReason::Superseded(instead) => {
                write!(
                    f,
                    "{path} has the same lines as {}, which is read",
                    instead.display()
                )
            }
            SkipReason::SetAside(reason) => write!(f, "{path} is set aside: {reason}"),
        }
    }
}

/// A path with what the file system says about it; standard input has no metadata.
struct Candidate {
    path: PathBuf,
    metadata: Option<Metadata>,
    /// Whether a directory led to it, so that nobody asked for it by name.
    below: bool,
}

impl Candidate {
    /// What tells a file, under whatever name.
    fn identity(&self) -> Option<(u64, u64)> {
        self.metadata
            .as_ref()
            .map(|metadata| (metadata.dev(), metadata.ino()))
    }
}

impl<'p> Discover<'p> {
    /// Sources are told by the file names of `profile`. A glob of the profile that is not valid tells
    /// nothing; `profile check` reports it.
    pub fn new(profile: &'p Profile) -> Self {
        let sources = profile.sources.iter().map(|source| &source.files);
        let aside = profile.set_aside.iter().map(|aside| &aside.files);
        Self {
            profile,
            names: compiled(sources),
            aside: compiled(aside),
            overrides: Vec::new(),
            standard_input: None,
        }
    }

    /// Files that fit `glob` are of `source`, whatever the profile says. The first that fits wins. A
    /// glob with a `/` is compared with the path as given, and with its last two components.
    ///
    /// # Errors
    ///
    /// The glob or the source is not known.
    pub fn source_of(mut self, glob: &str, source: &str) -> Result<Self, Error> {
        let index = self.source_index(source)?;
        let compiled = matcher(glob).map_err(|error| {
            Error::new(ErrorKind::Config, format!("cannot understand the pattern {glob}")).because(error)
        })?;
        self.overrides.push((compiled, glob.contains('/'), index));
        Ok(self)
    }

    /// Standard input is of `source`.
    ///
    /// # Errors
    ///
    /// The source is not known.
    pub fn standard_input_is(mut self, source: &str) -> Result<Self, Error> {
        self.standard_input = Some(self.source_index(source)?);
        Ok(self)
    }

    fn source_index(&self, name: &str) -> Result<usize, Error> {
        self.profile
            .sources
            .iter()
            .position(|source| source.name == name)
            .ok_or_else(|| {
                let known: Vec<&str> = self
                    .profile
                    .sources
                    .iter()
                    .map(|source| source.name.as_str())
                    .collect();
                Error::new(ErrorKind::Config, format!("no source is called {name}")).hint(format!(
                    "the profile {} has: {}",
                    self.profile.name,
                    known.join(", ")
                ))
            })
    }

    /// The source of a file, if its name tells.
    pub fn source_by_name(&self, path: &Path) -> Option<usize> {
        let aliases = aliases(path);
        let wanted = self
            .overrides
            .iter()
            .find(|rule| rule.0.is_match(path) || fits(rule, &aliases));
        wanted
            .or_else(|| self.names.iter().find(|rule| fits(rule, &aliases)))
            .map(|(_, _, index)| *index)
    }

    /// Why nothing is missed in a file of this name. A file that may be of a source is read.
    pub(crate) fn set_aside(&self, path: &Path) -> Option<&str> {
        let aliases = aliases(path);
        let (_, _, index) = self.aside.iter().find(|rule| fits(rule, &aliases))?;
        if self.source_by_name(path).is_some() {
            return None;
        }
        self.profile
            .set_aside
            .get(*index)
            .map(|aside| aside.reason.as_str())
    }

    /// Leaves out what the profile sets aside and nobody asked for by name.
    fn without_set_aside(&self, candidates: Vec<Candidate>, skipped: &mut Vec<Skipped>) -> Vec<Candidate> {
        let named: HashSet<_> = candidates
            .iter()
            .filter(|candidate| !candidate.below)
            .filter_map(Candidate::identity)
            .collect();
        let mut kept = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let is_named = !candidate.below
                || candidate
                    .identity()
                    .is_some_and(|identity| named.contains(&identity));
            match self.set_aside(&candidate.path).filter(|_| !is_named) {
                Some(reason) => skipped.push(Skipped {
                    reason: SkipReason::SetAside(reason.to_owned()),
                    path: candidate.path,
                }),
                None => kept.push(candidate),
            }
        }
        kept
    }

    /// Looks at the paths: files, directories with everything below them, globs, and `-` for standard
    /// input.
    ///
    /// Hidden files and those that the profile sets aside are left out below directories; what is named
    /// is never left out. Links to files and directories are followed.
    ///
    /// # Errors
    ///
    /// A path that does not exist or fits nothing, or a glob that cannot be understood; nothing else
    /// is worth knowing then. What exists and cannot be read is a [`Problem`] instead.
    pub fn run(&self, paths: &[PathBuf]) -> Result<Discovery, Error> {
        let mut found = Discovery::default();
        let mut candidates = Vec::new();
        for path in paths {
            add_named(path, &mut candidates, &mut found.problems)?;
        }
        candidates.sort_by(|a: &Candidate, b| natural_order(&a.path, &b.path));
        let candidates = self.without_set_aside(candidates, &mut found.skipped);
        let candidates = without_duplicates(candidates, &mut found.skipped);
        let candidates = without_superseded(candidates, &mut found.skipped);
        found.problems.sort_by(|a, b| natural_order(&a.path, &b.path));
        found.skipped.sort_by(|a, b| natural_order(&a.path, &b.path));
        for candidate in candidates {
            let number = u32::try_from(found.inputs.len())
                .map_err(|_| Error::new(ErrorKind::Limit, "more inputs than a dive can number"))?;
            found.inputs.push(self.input(InputId(number), candidate));
        }
        Ok(found)
    }

    fn input(&self, id: InputId, candidate: Candidate) -> Input {
        let Candidate { path, metadata, .. } = candidate;
        match metadata {
            Some(metadata) if metadata.is_file() => Input {
                id,
                source: self.source_by_name(&path),
                bytes: metadata.len(),
                mtime: metadata.modified().ok(),
                identity: Some((metadata.dev(), metadata.ino())),
                kind: InputKind::File,
                path,
            },
            Some(_) => {
                let source = self.source_by_name(&path);
                Input {
                    id,
                    path,
                    bytes: 0,
                    mtime: None,
                    identity: None,
                    kind: InputKind::Stream,
                    source,
                }
            }
            None => {
                let source = self.standard_input;
                Input {
                    id,
                    path,
                    bytes: 0,
                    mtime: None,
                    identity: None,
                    kind: InputKind::Stream,
                    source,
                }
            }
        }
    }
}

/// A file name pattern, whether it holds a directory as well, and what it stands for.
type Name = (Matcher, bool, usize);

/// Compiles lists of globs; the index is that of the list.
fn compiled<'g>(lists: impl Iterator<Item = &'g Vec<String>>) -> Vec<Name> {
    lists
        .enumerate()
        .flat_map(|(index, globs)| globs.iter().map(move |glob| (glob, index)))
        .filter_map(|(glob, index)| Some((matcher(glob).ok()?, glob.contains('/'), index)))
        .collect()
}

/// Whether a pattern fits one of a file's names.
fn fits((glob, with_directory, _): &Name, aliases: &[Alias]) -> bool {
    aliases.iter().any(|alias| {
        if *with_directory {
            glob.is_match(&alias.path)
        } else {
            glob.is_match(&alias.name)
        }
    })
}

fn add_named(path: &Path, candidates: &mut Vec<Candidate>, problems: &mut Vec<Problem>) -> Result<(), Error> {
    if path.as_os_str() == "-" {
        candidates.push(Candidate {
            path: path.to_owned(),
            metadata: None,
            below: false,
        });
        return Ok(());
    }
    match fs::metadata(path) {
        Ok(metadata) => {
            add(
                path.to_owned(),
                metadata,
                true,
                &mut Vec::new(),
                candidates,
                problems,
            );
            Ok(())
        }
        Err(error) if is_missing(&error) && is_pattern(path) => {
            let expanded = expand(path, problems).map_err(|cause| {
                Error::new(ErrorKind::Config, "cannot understand the pattern")
                    .at(place(path))
                    .because(cause)
            })?;
            if expanded.is_empty() {
                return Err(Error::new(ErrorKind::Config, "no file fits the pattern").at(place(path)));
            }
            for path in expanded {
                match fs::metadata(&path) {
                    Ok(metadata) => add(path, metadata, false, &mut Vec::new(), candidates, problems),
                    Err(error) => problems.push(Problem::unreadable(&path, error)),
                }
            }
            Ok(())
        }
        Err(error) if is_missing(&error) => {
            Err(Error::io(ErrorKind::Config, path, "find it", error).hint("nothing was read or written"))
        }
        Err(error) => {
            problems.push(Problem::unreadable(path, error));
            Ok(())
        }
    }
}

fn place(path: &Path) -> Origin {
    Origin {
        path: path.to_owned(),
        offset: None,
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Adds a file, or what is below a directory. `above` are the directories that led here.
fn add(
    path: PathBuf,
    metadata: Metadata,
    named: bool,
    above: &mut Vec<(u64, u64)>,
    candidates: &mut Vec<Candidate>,
    problems: &mut Vec<Problem>,
) {
    let kind = metadata.file_type();
    if kind.is_dir() {
        let identity = (metadata.dev(), metadata.ino());
        // A link to a directory that led here would never end; its files are found anyway.
        if above.contains(&identity) || above.len() >= MAX_DEPTH {
            return;
        }
        above.push(identity);
        walk(&path, above, candidates, problems);
        above.pop();
    } else if kind.is_file() || (named && (kind.is_fifo() || kind.is_char_device())) {
        candidates.push(Candidate {
            path,
            metadata: Some(metadata),
            below: !above.is_empty(),
        });
    } else {
        problems.push(Problem::new(&path, SourceProblem::NotAFile));
    }
}

fn walk(
    directory: &Path,
    above: &mut Vec<(u64, u64)>,
    candidates: &mut Vec<Candidate>,
    problems: &mut Vec<Problem>,
) {
    let listing = match fs::read_dir(directory) {
        Ok(listing) => listing,
        Err(error) => {
            problems.push(Problem::unreadable(directory, error));
            return;
        }
    };
    for entry in listing {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                problems.push(Problem::unreadable(directory, error));
                continue;
            }
        };
        if is_hidden(&path) {
            continue;
        }
        match fs::metadata(&path) {
            Ok(metadata) => add(path, metadata, false, above, candidates, problems),
            Err(error) => problems.push(Problem::unreadable(&path, error)),
        }
    }
}

/// Keeps the first, in natural order, of the names that one file has.
fn without_duplicates(candidates: Vec<Candidate>, skipped: &mut Vec<Skipped>) -> Vec<Candidate> {
    let mut seen: HashMap<Option<(u64, u64)>, PathBuf> = HashMap::new();
    let mut kept = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        match seen.entry(candidate.identity()) {
            Entry::Vacant(entry) => {
                entry.insert(candidate.path.clone());
                kept.push(candidate);
            }
            Entry::Occupied(entry) => skipped.push(Skipped {
                path: candidate.path,
                reason: SkipReason::Duplicate(entry.get().clone()),
            }),
        }
    }
    kept
}

/// Of the files that svlogd keeps of one log, leaves those that hold its lines once.
fn without_superseded(candidates: Vec<Candidate>, skipped: &mut Vec<Skipped>) -> Vec<Candidate> {
    let mut stamps: HashMap<PathBuf, Vec<(Stage, PathBuf)>> = HashMap::new();
    for candidate in &candidates {
        if let Some((stamp, stage)) = svlogd(&candidate.path) {
            stamps
                .entry(stamp)
                .or_default()
                .push((stage, candidate.path.clone()));
        }
    }
    let mut instead: HashMap<PathBuf, PathBuf> = HashMap::new();
    for files in stamps.values().filter(|files| files.len() > 1) {
        let path_of = |wanted| {
            files
                .iter()
                .find(|(stage, _)| *stage == wanted)
                .map(|(_, path)| path)
        };
        let best = match (path_of(Stage::Processed), path_of(Stage::Unprocessed)) {
            (Some(processed), Some(unprocessed)) if !is_complete(processed, unprocessed) => unprocessed,
            (Some(processed), _) => processed,
            (None, Some(unprocessed)) => unprocessed,
            (None, None) => continue,
        };
        for (_, path) in files.iter().filter(|(_, path)| path != best) {
            instead.insert(path.clone(), best.clone());
        }
    }
    let mut kept = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        match instead.remove(&candidate.path) {
            Some(instead) => {
                skipped.push(Skipped {
                    path: candidate.path,
                    reason: SkipReason::Superseded(instead),
                });
            }
            None => kept.push(candidate),
        }
    }
    kept
}

/// Whether `processed` holds all of `unprocessed`. The two exist side by side only if svlogd was
/// stopped in between, or the directory was copied then, so a full look is affordable.
fn is_complete(processed: &Path, unprocessed: &Path) -> bool {
    let look = || -> io::Result<bool> {
        let (file, whole) = (File::open(processed)?, fs::metadata(unprocessed)?.len());
        let stored = file.metadata()?.len();
        let decoded = io::copy(
            &mut MultiGzDecoder::new(io::BufReader::new(file)),
            &mut io::sink(),
        );
        // Without a processor the log is kept as it is.
        Ok(decoded.map_or(stored == whole, |decoded| decoded == whole))
    };
    look().unwrap_or(false)
}

#[cfg(test)]
#[path = "discover_tests.rs"]
mod tests;
