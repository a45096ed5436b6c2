//! From a pseudonym back to the value, for a customer's follow-up question.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use decostop_profile::Class;
use serde::Serialize;

use super::internal::{DICTIONARY, LOOKUPS, PSEUDONYMS};
use super::private::append_file;
use super::provenance::write_json_line;
use super::summary::looks_like_pseudonym;
use super::{INTERNAL, failed};
use crate::stats::Standing;
use crate::{Error, ErrorKind, Origin};

/// Who asks, and when: both are logged. The library has no clock and does not know its user.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a log entry without one of the two is not one"
)]
pub struct Asker<'a> {
    /// When, RFC 3339.
    pub time: &'a str,
    /// Who.
    pub user: &'a str,
}

#[derive(Serialize)]
struct Entry<'a> {
    time: &'a str,
    user: &'a str,
    pseudonym: &'a str,
    values: usize,
}

/// The classes and values behind `pseudonym` in the artefact at `dir`, or in the evidence of a stream
/// that was kept there. The question is written to
/// `internal/lookups.ndjson` before it is answered, whether or not there is an answer.
///
/// # Errors
/// [`ErrorKind::Config`] if `dir` has no evidence, the text is no pseudonym (nothing is logged
/// then), or this dive did not give it. [`ErrorKind::Sink`] if it cannot be logged: there is no
/// answer.
pub fn lookup(dir: &Path, pseudonym: &str, asker: Asker<'_>) -> Result<Vec<(String, String)>, Error> {
    let internal = Some(dir.join(INTERNAL))
        .filter(|inner| inner.is_dir())
        .unwrap_or_else(|| dir.to_owned());
    let path = internal.join(PSEUDONYMS);
    let file = File::open(&path).map_err(|cause| {
        Error::io(ErrorKind::Config, &path, "read the pseudonyms", cause)
            .hint("only an artefact with its internal/ directory can answer this")
    })?;
    if !looks_like_pseudonym(pseudonym) {
        return Err(Error::new(ErrorKind::Config, "this is not a pseudonym")
            .hint("a pseudonym is a kind, a dash and 21 characters, as in user-…"));
    }
    let values = search(file, pseudonym).map_err(|cause| {
        Error::new(ErrorKind::Config, "the table of pseudonyms is damaged")
            .at(Origin {
                path: path.clone(),
                offset: None,
            })
            .because(cause)
    })?;
    let log = internal.join(LOOKUPS);
    let entry = Entry {
        time: asker.time,
        user: asker.user,
        pseudonym,
        values: values.len(),
    };
    let mut line = Vec::new();
    write_json_line(&mut line, &entry)
        .and_then(|()| append_file(&log))
        .and_then(|mut file| file.write_all(&line).and_then(|()| file.sync_all()))
        .map_err(|cause| failed(&log, "log the question", cause).hint("it is answered only when logged"))?;
    if values.is_empty() {
        return Err(
            Error::new(ErrorKind::Config, "this dive did not give that pseudonym")
                .at(Origin {
                    path: dir.to_owned(),
                    offset: None,
                })
                .hint("pseudonyms differ from request to request"),
        );
    }
    Ok(values)
}

/// The values that a dive learned, as its `internal` directory keeps them.
///
/// # Errors
/// [`ErrorKind::Config`] if the table is not there or is damaged.
pub fn dictionary(internal: &Path) -> Result<Vec<(Class, String, Standing)>, Error> {
    let path = internal.join(DICTIONARY);
    let file = File::open(&path)
        .map_err(|cause| Error::io(ErrorKind::Config, &path, "read the dictionary", cause))?;
    let damaged = |row| {
        Error::new(ErrorKind::Config, "the table of learned values is damaged")
            .at(Origin {
                path: path.clone(),
                offset: None,
            })
            .because(Damaged { row })
    };
    let mut table = csv::Reader::from_reader(BufReader::new(file));
    (2u64..)
        .zip(table.records())
        .map(|(number, row)| {
            let row = row.map_err(|_| damaged(number))?;
            let class = row.get(0).and_then(Class::from_name);
            let standing = [Standing::Foreign, Standing::Linked]
                .into_iter()
                .find(|standing| row.get(2) == Some(standing.as_str()));
            match (class, row.get(1), standing) {
                (Some(class), Some(value), Some(standing)) => Ok((class, value.to_owned(), standing)),
                _ => Err(damaged(number)),
            }
        })
        .collect()
}

/// A damaged row could be the one asked for, so it is an error. The cause is told without the
/// table's text, which `csv` would quote.
fn search(file: File, pseudonym: &str) -> Result<Vec<(String, String)>, Damaged> {
    let mut table = csv::Reader::from_reader(BufReader::new(file));
    let mut values = Vec::new();
    for (number, row) in (2u64..).zip(table.records()) {
        let row = row.map_err(|_| Damaged { row: number })?;
        let (Some(key), Some(class), Some(value)) = (row.get(0), row.get(1), row.get(2)) else {
            return Err(Damaged { row: number });
        };
        if key == pseudonym {
            values.push((class.to_owned(), value.to_owned()));
        }
    }
    Ok(values)
}

#[derive(Debug, thiserror::Error)]
#[error("row {row} cannot be read")]
struct Damaged {
    row: u64,
}
