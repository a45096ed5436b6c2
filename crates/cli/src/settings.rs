//! From typed text to what the library takes: files are read, times and keys understood.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Result;
use decostop::cluster::Secret;
use decostop::request::{AdHoc, Instant, Request, Zone};
use decostop::{Error, ErrorKind, Origin};
use decostop_profile::{Profile, RuleSet, Values};

use crate::args::{Asked, KEY_FILE, Keys, ProfileFile, Reading, RuleFiles};
use crate::exit::usage;
use crate::terminal::{self, WARN};

/// Largest profile that is read, in bytes.
const MAX_PROFILE: u64 = 64 << 20;

/// The time of this run.
pub(crate) fn now() -> Instant {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Instant(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// The profile named, or the built-in one.
pub(crate) fn profile(file: &ProfileFile) -> Result<Arc<Profile>> {
    match &file.path {
        None => Ok(Profile::gitlab()),
        Some(path) => profile_named(path),
    }
}

/// A built-in profile by its name, or the profile in a file.
pub(crate) fn profile_named(name: &Path) -> Result<Arc<Profile>> {
    match name.to_str().and_then(Profile::builtin) {
        Some(profile) => Ok(profile),
        None => profile_from(name).map(Arc::new),
    }
}

/// The profile in a file.
fn profile_from(path: &Path) -> Result<Profile> {
    let mut text = String::new();
    let mut read = || -> std::io::Result<()> {
        File::open(path)?.take(MAX_PROFILE).read_to_string(&mut text)?;
        Ok(())
    };
    read().map_err(|cause| Error::io(ErrorKind::Config, path, "read the profile", cause))?;
    let parsed = Profile::parse(&text).map_err(|cause| {
        Error::new(ErrorKind::Config, "cannot be used")
            .at(Origin {
                path: path.to_owned(),
                offset: None,
            })
            .because(cause)
            .hint("`decostop profile show` prints a built-in one")
    })?;
    Ok(parsed)
}

/// The built-in rules and those of the files named.
pub(crate) fn rules(files: &RuleFiles, profile: &Profile) -> Result<Arc<RuleSet>> {
    Ok(decostop::rules::load(&files.rule_files, profile)?)
}

/// What is asked: the request of a file, or an ad-hoc look by flags.
pub(crate) fn request(asked: &Asked, profile: &Profile, now: Instant) -> Result<Request> {
    if let Some(path) = &asked.request {
        return load(path, profile);
    }
    let named = [
        &asked.namespaces,
        &asked.projects,
        &asked.users,
        &asked.events,
        &asked.sources,
    ];
    if named.iter().all(|values| values.is_empty()) && asked.since.is_none() && asked.until.is_none() {
        return Err(usage(
            "nothing says what to look for",
            "give --request FILE, or for a look round --namespace, --project, --user, --event, --source, --since, --until",
        ));
    }
    let flags = AdHoc {
        namespaces: asked.namespaces.clone(),
        projects: asked.projects.clone(),
        users: asked.users.clone(),
        events: asked.events.clone(),
        sources: asked.sources.clone(),
        since: asked.since.clone(),
        until: asked.until.clone(),
        zone: asked.zone.clone().unwrap_or_default(),
    };
    // To the second: what a span leads to is shown, and is to be read.
    let now = Instant(now.0 - now.0.rem_euclid(1_000_000_000));
    Ok(Request::ad_hoc(&flags, profile, now)?)
}

/// The request of a file.
pub(crate) fn load(path: &Path, profile: &Profile) -> Result<Request> {
    Request::load(path, profile).map_err(|error| {
        if path.exists() || error.advice().is_some() {
            error.into()
        } else {
            error
                .hint("`decostop request new FILE` writes one to fill in")
                .into()
        }
    })
}

/// The source of the lines of standard input, if it is among the paths.
pub(crate) fn stdin_source(asked: &Asked, reading: &Reading) -> Result<Option<String>> {
    let from_stdin = reading.paths.iter().any(|path| path.as_os_str() == "-");
    match (from_stdin, asked.sources.as_slice()) {
        (true, [one]) => Ok(Some(one.clone())),
        (true, _) => Err(usage(
            "the lines of standard input need a source",
            "give one --source NAME; `decostop profile show` and `decostop events` name them",
        )),
        (false, [_, ..]) if asked.request.is_some() => Err(usage(
            "--source says what standard input is, and `-` is not among the paths",
            "which sources are looked into stands in the request; --source-of GLOB=SOURCE names that of files",
        )),
        (false, _) => Ok(None),
    }
}

/// A pseudonym key.
pub(crate) enum Key {
    /// A fresh one for this run.
    Fresh,
    /// What the request's key is derived from.
    Material([u8; 32]),
    /// The request's key itself, from an earlier dive.
    Request([u8; 32]),
}

/// Reads `--key-file`.
pub(crate) fn key(keys: &Keys) -> Result<Key> {
    let Some(path) = &keys.key_file else {
        return Ok(Key::Fresh);
    };
    Ok(match secret(path)? {
        Secret::Material(material) => Key::Material(material),
        Secret::Request(key) => Key::Request(key),
    })
}

/// Reads a key file, and warns if others can read it too.
pub(crate) fn secret(path: &Path) -> Result<Secret> {
    if let Ok(file) = File::open(path) {
        warn_if_shared(path, &file);
    }
    Ok(Secret::read(path)?)
}

/// Reads the key that all steps of a dive in shares take: of the file named, else of the one that the
/// environment names. `flag` needs it.
pub(crate) fn shared_key(flag: &str, file: Option<&PathBuf>) -> Result<Secret> {
    let named = file
        .cloned()
        .or_else(|| std::env::var_os(KEY_FILE).map(Into::into));
    let named = named.ok_or_else(|| {
        usage(
            format!("{flag} needs the key of the dive"),
            format!("give --key-file FILE, or name the file in {KEY_FILE}"),
        )
    })?;
    secret(&named)
}

/// Random bytes of the system, for a fresh key.
pub(crate) fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|cause| {
        Error::new(
            ErrorKind::Internal,
            format!("the system gives no random bytes: {cause}"),
        )
    })?;
    Ok(bytes)
}

#[cfg(unix)]
fn warn_if_shared(path: &Path, file: &File) {
    use std::os::unix::fs::MetadataExt as _;

    if file
        .metadata()
        .is_ok_and(|meta| meta.is_file() && meta.mode() & 0o077 != 0)
    {
        let path = path.display();
        let _ = writeln!(
            terminal::talk(),
            "{WARN}warning:{WARN:#} others can read the key {path}; chmod 600 keeps it private"
        );
    }
}

#[cfg(not(unix))]
fn warn_if_shared(_path: &Path, _file: &File) {}

/// Reads `--accounts`.
pub(crate) fn accounts(file: Option<&Path>) -> Result<Values> {
    match file {
        None => Ok(Values::new()),
        Some(path) => Ok(decostop::request::accounts::read(path)?),
    }
}

/// A time as `--since` writes it, in nanoseconds.
pub(crate) fn time(flag: &str, text: Option<&String>, now: Instant, zone: &Zone) -> Result<Option<i64>> {
    let Some(text) = text else { return Ok(None) };
    match Instant::parse_when(text, now, zone) {
        Ok(instant) => Ok(Some(instant.0)),
        Err(error) => Err(usage(format!("{flag}: {error}"), error.hint())),
    }
}

/// Sees to it that a window does not end before it begins.
pub(crate) fn in_order(from: Option<i64>, to: Option<i64>) -> Result<()> {
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        let (from, to) = (Instant(from), Instant(to));
        return Err(usage(
            format!("--until: must lie after --since: {to} is not after {from}"),
            "the window goes from --since up to, but not including, --until",
        ));
    }
    Ok(())
}
