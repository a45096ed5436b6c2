//! A first draft of a profile from a sample of a log: `decostop profile new`.
//!
//! ```text
//! file ─ source, frame ─ sample: format, records ─ fields: names, types, shapes ─ guess: class ─ write: TOML
//! ```
//!
//! A draft saves typing, it decides nothing for its author. A field gets a class only where its name and
//! all its values fit one, and never the open class of events; whatever looks confidential is left inside;
//! the rest stands there as comments. No value of the sample gets into the draft: examples are made up, and
//! of closed lists only words that are everybody's. Names of fields do get in, since a profile is made of
//! them; those that look like values, or are seen once, do not.
//!
//! Not for: profiles without a person who reads them.

mod fields;
mod guess;
mod sample;
mod write;

use std::path::Path;

use crate::Error;

/// Decoded bytes of a sample that are looked at.
pub const MAX_SAMPLE_BYTES: usize = 8 << 20;

/// A drafted profile, and what was found on the way. Neither holds a value of the sample.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Draft {
    /// The profile: it loads, and passes a check.
    pub profile: String,
    /// What the sample is, in words.
    pub format: String,
    /// Records that were looked at.
    pub records: u64,
    /// Lines that fit the format in no way.
    pub unread: u64,
    /// Whether there was more than [`MAX_SAMPLE_BYTES`].
    pub cut: bool,
    /// Fields that got a class.
    pub classed: usize,
    /// Fields that are left to the author.
    pub undecided: usize,
    /// What the author has to decide, most important first.
    pub advice: Vec<String>,
}

/// Drafts a profile from the first [`MAX_SAMPLE_BYTES`] of a log, plain or compressed. `name` becomes the
/// name of the profile and of its source.
///
/// # Errors
/// The file cannot be read, or none of the known formats fits most of its lines; the error says what was
/// tried.
pub fn draft(path: &Path, name: &str) -> Result<Draft, Error> {
    of_first(path, name, MAX_SAMPLE_BYTES)
}

fn of_first(path: &Path, name: &str, bytes: usize) -> Result<Draft, Error> {
    let sample = sample::read(path, bytes)?;
    let mut fields = fields::Fields::of(&sample.records);
    if let sample::Shape::Text { patterns, .. } = &sample.shape {
        for pattern in patterns {
            pattern.fields().into_iter().for_each(|name| fields.expect(name));
        }
    }
    let file = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    Ok(write::draft(&sample, &fields, name, &file))
}

#[cfg(test)]
mod tests;
