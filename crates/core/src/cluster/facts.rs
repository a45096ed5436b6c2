//! What shares learned, and all of it together.

use std::path::{Path, PathBuf};

use decostop_profile::Values;
use decostop_redact::{Learned, Learner};
use serde::{Deserialize, Serialize};

use super::Secret;
use super::seal::{FRAME_BYTES, Head, Kind, Seal, SealedReader, SealedWriter, at};
use super::shard::Common;
use crate::{Error, ErrorKind};

/// Facts of one share or of all.
#[derive(Deserialize, Serialize)]
pub(super) struct Facts {
    pub(super) dive: Common,
    pub(super) learned: Learned,
    /// What each share taught, by ordinal; of one share, only what that one did.
    pub(super) taught: Vec<Option<Taught>>,
}

/// A digest of what a share taught; none if it was more than the limit, since then the order decides.
pub(super) type Taught = [u8; 32];

/// The digest of what was learned.
pub(super) fn taught(learned: &Learned) -> Result<Option<Taught>, Error> {
    let bytes = postcard::to_allocvec(learned).map_err(|_| bug())?;
    Ok((!learned.is_over()).then(|| *blake3::hash(&bytes).as_bytes()))
}

/// Facts with what tells them from others.
pub(super) struct Read {
    pub(super) head: Head,
    pub(super) facts: Facts,
    pub(super) digest: [u8; 32],
}

pub(super) fn write(path: &Path, seal: &Seal, head: &Head, facts: &Facts) -> Result<(), Error> {
    let bytes = postcard::to_allocvec(facts).map_err(|_| bug())?;
    let mut writer = SealedWriter::create(path, seal, Kind::Facts, head)?;
    for piece in bytes.chunks(FRAME_BYTES) {
        writer.frame(piece)?;
    }
    writer.finish(&[])
}

pub(super) fn read(path: &Path, seal: &Seal) -> Result<Read, Error> {
    let mut reader = SealedReader::open(path, seal, Kind::Facts)?;
    let mut bytes = Vec::new();
    while let Some((piece, _)) = reader.next()? {
        bytes.extend_from_slice(&piece);
    }
    let facts = postcard::from_bytes(&bytes).map_err(|_| reader.damaged())?;
    Ok(Read {
        head: reader.head,
        facts,
        digest: *blake3::hash(&bytes).as_bytes(),
    })
}

/// The facts of all shares of a plan, for [`Task::redact`](super::Task::redact), from those of each share and
/// the accounts that are known to be foreign, as the plan was made with them ([`Dive::shards_with`]).
///
/// # Errors
/// [`ErrorKind::Config`] if a file is none of facts, was sealed with another key, belongs to another plan, if a
/// share is missing, if two files of one share differ, or if the accounts are not those of the plan. A share
/// that was learned twice alike is fine.
///
/// [`Dive::shards_with`]: crate::Dive::shards_with
pub fn merge(facts: &[PathBuf], accounts: &Values, secret: &Secret, out: &Path) -> Result<(), Error> {
    let seal = secret.seal();
    let mut all: Option<(Head, Common)> = None;
    let mut seen: Vec<Option<[u8; 32]>> = Vec::new();
    let mut taught: Vec<Option<Taught>> = Vec::new();
    let mut learner: Option<Learner> = None;
    for path in facts {
        let Read { head, facts, digest } = read(path, &seal)?;
        let Some(ordinal) = head.ordinal else {
            return Err(at(path, "holds the facts of all shares already"));
        };
        let limit = facts.dive.max_dictionary();
        let (known, _) = all.get_or_insert_with(|| {
            let whole = Head {
                ordinal: None,
                ..head.clone()
            };
            (whole, facts.dive)
        });
        if known.plan != head.plan || known.of != head.of {
            return Err(at(path, "belongs to another plan than the files before it"));
        }
        seen.resize(known.of as usize, None);
        taught.resize(known.of as usize, None);
        let slot = seen.get_mut(ordinal as usize).ok_or_else(bug)?;
        match slot {
            Some(before) if *before == digest => continue,
            Some(_) => {
                return Err(at(path, format!("differs from another file of share {ordinal}"))
                    .hint("its inputs changed between the two; plan once more"));
            }
            None => *slot = Some(digest),
        }
        if let Some(slot) = taught.get_mut(ordinal as usize) {
            *slot = facts.taught.first().copied().flatten();
        }
        let learned = Learner::import(facts.learned, limit);
        learner.get_or_insert_with(|| Learner::new(limit)).merge(learned);
    }
    let (Some((head, dive)), Some(mut learner)) = (all, learner) else {
        return Err(Error::new(ErrorKind::Config, "there are no facts to merge"));
    };
    complete("facts", seen.iter().map(Option::is_some))?;
    dive.teach(&mut learner, accounts, secret)?;
    let learned = learner.export();
    let facts = Facts {
        dive,
        learned,
        taught,
    };
    write(out, &seal, &head, &facts)
}

/// That every share is there.
pub(super) fn complete(what: &str, shares: impl Iterator<Item = bool>) -> Result<(), Error> {
    const NAMED: usize = 10;
    let missing: Vec<String> = (0u32..)
        .zip(shares)
        .filter(|(_, there)| !there)
        .map(|(ordinal, _)| ordinal.to_string())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut named: Vec<String> = missing.iter().take(NAMED).cloned().collect();
    if missing.len() > NAMED {
        named.push(format!("and {} more", missing.len() - NAMED));
    }
    let named = named.join(", ");
    Err(Error::new(
        ErrorKind::Config,
        format!("the {what} of these shares are missing: {named}"),
    )
    .hint("the result would be incomplete; run those shares, then once more"))
}

fn bug() -> Error {
    Error::new(ErrorKind::Internal, "facts cannot be written or read")
}
