//! The request: who asks, what they own, what to look for.
//!
//! ```text
//! text --node--> located tree --parse--> Request --conditions::check--> Assessment
//!                                 ^ projects.csv, members.csv (files)
//! ```
//!
//! Every error points at the key, with line and column, and says what would be right. Nothing here
//! reads a log, decides what a record matches, or knows a clock: `now` is always an argument.
//!
//! ```
//! use std::path::Path;
//!
//! use decostop::request::{Instant, Request, conditions};
//! use decostop_profile::Profile;
//!
//! let profile = Profile::gitlab();
//! let now = Instant::parse("2026-11-08T10:00:00Z")?;
//! let text = decostop::request::template(now); // nothing filled in yet
//! let request = Request::parse_with(&text, Path::new(""), &profile)?;
//! let assessment = conditions::check(&request, &profile, now);
//! assert!(!assessment.accepted);
//! assert!(assessment.results.iter().any(|result| result.id == "scope.evidenced" && !result.holds));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod accounts;
pub mod conditions;
pub mod events;
mod fields;
mod files;
pub mod glob;
mod json;
mod near;
mod node;
mod parse;
pub mod schema;
mod scope;
mod template;
mod time;
mod values;
mod warnings;
mod when;
mod write;

use std::path::Path;

use decostop_profile::{Profile, Scope};
use ipnet::IpNet;

use crate::{Error, ErrorKind};

pub use template::template;
pub use time::{Instant, TimeError};
pub use when::{WhenError, Zone};

/// The version of the format that this code reads.
pub const VERSION: u32 = 1;

/// Largest request text that is read, in bytes.
pub const MAX_REQUEST_BYTES: u64 = 64 << 20;

/// The customer who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Customer {
    /// Name, for the report.
    pub name: String,
    /// Subscription plan, such as `ultimate`.
    pub plan: String,
    /// Billing state: `paid`, `trial`, `unpaid`, `deprecated`.
    pub billing: String,
    /// What the customer sees instead of the request's id.
    pub reference: Option<String>,
}

/// Half-open `[from, to)`; an end that is absent is open, which only an ad-hoc look may be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Window {
    /// First instant.
    pub from: Option<Instant>,
    /// First instant after it.
    pub to: Option<Instant>,
}

impl Window {
    /// Whether an instant lies in it.
    pub fn contains(&self, at: Instant) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

/// A user as a select names one.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum UserRef {
    /// Numeric id.
    Id(u64),
    /// User name, or an e-mail address; compared case-insensitively.
    Name(String),
}

/// A project as a select names one.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ProjectRef {
    /// Numeric id.
    Id(u64),
    /// Full path, compared case-insensitively.
    Path(String),
}

/// What a select leaves out again.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Exclude {
    /// Namespaces with everything below them.
    pub namespaces: Vec<String>,
    /// Projects.
    pub projects: Vec<ProjectRef>,
    /// Users.
    pub users: Vec<UserRef>,
    /// Events, with globs.
    pub events: Vec<String>,
    /// Addresses and ranges.
    pub ips: Vec<IpNet>,
}

/// What to look for: a record matches when it fits every list that is not empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Select {
    /// Namespaces with everything below them.
    pub namespaces: Vec<String>,
    /// Projects.
    pub projects: Vec<ProjectRef>,
    /// Users, as actor or target.
    pub users: Vec<UserRef>,
    /// Events, with globs; `raw:` names a source's own event.
    pub events: Vec<String>,
    /// Sources; all of the profile if empty.
    pub sources: Vec<String>,
    /// Addresses and ranges; a single address is a range of one.
    pub ips: Vec<IpNet>,
    /// Ids of credentials.
    pub token_ids: Vec<String>,
    /// Ids that join the lines of one request of the platform.
    pub correlation_ids: Vec<String>,
    /// What to leave out again.
    pub exclude: Exclude,
}

/// What may be handed out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Disclosure {
    /// Whether the user names and addresses of the scope are asked for.
    pub personal_data: bool,
}

/// A condition set aside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exception {
    /// Id of the condition.
    pub condition: String,
    /// Why.
    pub reason: String,
    /// Who approved it.
    pub approved_by: String,
}

/// A request, complete: files read, paths checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Version of the format.
    pub version: u32,
    /// Its id, part of the pseudonym key.
    pub id: String,
    /// When the customer asked.
    pub requested_at: Instant,
    /// Who asks; nobody for an ad-hoc look.
    pub customer: Option<Customer>,
    /// What the customer owns.
    pub scope: Scope,
    /// Where the ownership is known from; may be empty.
    pub evidence: String,
    /// When it happened.
    pub window: Window,
    /// What to look for; a record matches if any of them does.
    pub selects: Vec<Select>,
    /// What may be handed out.
    pub disclosure: Disclosure,
    /// Conditions set aside.
    pub exceptions: Vec<Exception>,
    /// The diver's own look round: nothing is in scope, no condition applies, and the result is not
    /// for handing out.
    pub ad_hoc: bool,
}

/// Flags of an ad-hoc look.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AdHoc {
    /// `--namespace`
    pub namespaces: Vec<String>,
    /// `--project`: paths or ids.
    pub projects: Vec<String>,
    /// `--user`: names or ids.
    pub users: Vec<String>,
    /// `--event`
    pub events: Vec<String>,
    /// `--source`
    pub sources: Vec<String>,
    /// `--since`: a time as [`Instant::parse_when`] reads it; not in the future.
    pub since: Option<String>,
    /// `--until`: as `since`.
    pub until: Option<String>,
    /// `--tz`: the zone of times that have none.
    pub zone: Zone,
}

/// `did you mean "a" or "b"?` with the known names that a mistyped one is near to, if there are any.
pub fn near<'n>(word: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    near::did_you_mean(&near::nearest(word, known))
}

impl Request {
    /// Reads a request file, TOML or JSON, and the files that it names, and compares its events and
    /// sources with the profile.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] with file, line, column and key.
    pub fn load(path: &Path, profile: &Profile) -> Result<Self, Error> {
        let bytes = files::read(path, MAX_REQUEST_BYTES)?;
        let text = files::utf8(path, &bytes)?;
        let base = path.parent().unwrap_or(Path::new(""));
        parse::request(&node::Document::new(text, Some(path)), base, Some(profile))
    }

    /// Reads a request from text. Files that it names are relative to `base_dir`. Events and
    /// sources are not compared with a profile: see [`Request::validate`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] with line, column and key.
    pub fn parse(text: &str, base_dir: &Path) -> Result<Self, Error> {
        parse::request(&node::Document::new(text, None), base_dir, None)
    }

    /// As [`Request::parse`], and compares events and sources with the profile.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] with line, column and key.
    pub fn parse_with(text: &str, base_dir: &Path, profile: &Profile) -> Result<Self, Error> {
        parse::request(&node::Document::new(text, None), base_dir, Some(profile))
    }

    /// Checks that every event pattern and source exists in the profile.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] that names the first one that does not.
    pub fn validate(&self, profile: &Profile) -> Result<(), Error> {
        for select in &self.selects {
            for pattern in select.events.iter().chain(&select.exclude.events) {
                events::known(pattern, profile).map_err(|fault| fault.into_error("event"))?;
            }
            for source in &select.sources {
                events::known_source(source, profile).map_err(|fault| fault.into_error("source"))?;
            }
        }
        Ok(())
    }

    /// The request of an ad-hoc look: no customer, nothing in scope, no personal data.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] that names the flag.
    pub fn ad_hoc(flags: &AdHoc, profile: &Profile, now: Instant) -> Result<Self, Error> {
        parse::ad_hoc(flags, profile, now)
    }

    /// The request as run: files inlined, everything spelled out; reading it again gives an equal
    /// request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`] if a hand-made request holds what TOML cannot write.
    pub fn to_toml(&self) -> Result<String, Error> {
        write::toml(self)
    }

    /// The exception for a condition, if one was approved.
    pub fn exception(&self, condition: &str) -> Option<&Exception> {
        self.exceptions
            .iter()
            .find(|exception| exception.condition == condition)
    }

    /// What the customer knows the request by.
    pub fn reference(&self) -> &str {
        self.customer
            .as_ref()
            .and_then(|customer| customer.reference.as_deref())
            .unwrap_or(&self.id)
    }
}

/// A value that is not what it should be: the reason, and what may have been meant.
#[derive(Debug)]
pub(crate) struct Fault {
    reason: String,
    hint: Option<String>,
}

impl Fault {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn into_error(self, key: &str) -> Error {
        let error = Error::new(ErrorKind::Config, format!("{key}: {}", self.reason));
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests;
