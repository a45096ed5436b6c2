//! A deterministic generator of GitLab-shaped logs with ground truth.
//!
//! [`write()`] makes a corpus of any size in constant memory; [`tiny`] makes a small one in memory.
//! Every byte is a function of the [`Options`]: each file is generated on its own from the seed and
//! its place, and the lines about one request agree across files because they derive from the same
//! number.
//!
//! ```text
//! DIR/logs/…                 seven sources, and access logs if asked for; a file a day and host
//! DIR/request.toml           everything about the customer's namespace, with personal data
//! DIR/request-support.toml   a few events of the last days, without
//! DIR/truth/records.csv      the lines that a select of the namespace must match
//! DIR/truth/foreign.csv      identities of others that occur; `near`: in a line about the customer
//! DIR/truth/own.csv          identities of the customer that occur
//! DIR/truth/secrets.txt      credentials in lines about the customer
//! DIR/truth/unknown.txt      values of fields that no profile knows, in such lines
//! DIR/truth/system.txt       what is confidential about the platform
//! DIR/truth/damaged.csv      lines that are no records
//! DIR/truth/summary.json     counts
//! ```

mod clock;
mod codec;
mod dress;
mod file;
mod lines;
mod metrics;
mod options;
mod pen;
mod plan;
mod plant;
mod request;
mod rng;
mod source;
mod tiny;
mod truth;
mod visit;
mod world;
mod write;

#[cfg(test)]
mod tests;

pub use codec::decoded;
pub use options::{CodecMix, Options};
pub use request::strangers;
pub use source::Source;
pub use tiny::{Corpus, tiny, tiny_with};
pub use truth::{Damage, Row, Side, Why};
pub use write::{Summary, write};
