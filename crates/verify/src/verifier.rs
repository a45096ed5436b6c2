//! The verifier of single records.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use decostop_profile::{Class, Profile};
use foldhash::fast::RandomState;

use crate::closure::{EventGrammar, Routes, Templates, Words};
use crate::compiled::{CompiledProfile, Sources};
use crate::error::Error;
use crate::fold::fold;
use crate::ground::Ground;
use crate::internal::Internal;
use crate::leak::{Leak, Place};
use crate::owned::Owned;
use crate::pseudonym::Pseudonyms;
use crate::reader::{self, Scalar};
use crate::survival::{Foreign, Memory, Rules};

/// Values that a select names.
pub(crate) type Named = HashSet<Box<str>, RandomState>;

/// Checks records, one at a time, from any number of threads.
pub struct Verifier {
    pub(crate) profile: Arc<Profile>,
    pub(crate) personal_data: bool,
    pub(crate) sources: Arc<Sources>,
    pub(crate) events: Arc<EventGrammar>,
    pub(crate) words: Words,
    pub(crate) routes: Arc<Routes>,
    pub(crate) templates: Arc<Templates>,
    pub(crate) internal: Arc<Internal>,
    pub(crate) pseudonyms: Pseudonyms,
    pub(crate) owned: Owned,
    pub(crate) foreign: Foreign,
    pub(crate) correlation_ids: Named,
    pub(crate) token_ids: Named,
    /// Domains of the scope's e-mail addresses.
    own_domains: Named,
    pub(crate) rules: Rules,
}

/// Where the common columns `time`, `source` and `event` lie in a record.
#[derive(Clone, Copy)]
struct Columns {
    places: [Option<(u32, u32)>; 3],
    /// The event is written with escapes: it has no place and is read once more when it is asked for.
    is_event_escaped: bool,
}

/// A record that may be disclosed. Only [`Verifier::check`] makes one.
#[derive(Clone, Copy)]
pub struct Verified<'a> {
    bytes: &'a [u8],
    columns: Columns,
}

/// A record that may be disclosed, with its bytes. Only [`Verifier::check_owned`] makes one.
#[derive(Clone)]
pub struct VerifiedBuf {
    bytes: Vec<u8>,
    columns: Columns,
}

impl VerifiedBuf {
    /// The record.
    pub fn as_verified(&self) -> Verified<'_> {
        Verified {
            bytes: &self.bytes,
            columns: self.columns,
        }
    }
}

impl fmt::Debug for VerifiedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_verified().fmt(f)
    }
}

impl Verifier {
    /// Compiles a profile and the facts of one request.
    ///
    /// # Errors
    /// As [`CompiledProfile::new`] and [`Self::of`].
    pub fn new(profile: Arc<Profile>, ground: Ground) -> Result<Self, Error> {
        Self::of(&CompiledProfile::new(profile)?, ground)
    }

    /// As [`Self::new`], for a profile that is compiled already.
    ///
    /// # Errors
    /// When the scope has an edge that is no instant.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a caller has no further use for the ground"
    )]
    pub fn of(compiled: &CompiledProfile, ground: Ground) -> Result<Self, Error> {
        let CompiledProfile {
            profile,
            sources,
            events,
            routes,
            templates,
            internal,
            rules,
        } = compiled.clone();
        let words = Words::new(&profile);
        let named = |values: &[String]| values.iter().map(|value| value.as_str().into()).collect();
        let emails = ground.scope.users.iter().flat_map(|user| &user.emails);
        let own_domains: Named = emails
            .filter_map(|email| Some(fold(email.split_once('@')?.1).into()))
            .collect();
        Ok(Self {
            personal_data: ground.personal_data,
            sources,
            events,
            routes,
            templates,
            internal,
            pseudonyms: Pseudonyms::new(&ground.request_key),
            owned: Owned::new(&ground)?,
            foreign: Foreign::new(ground.foreign.iter(), &own_domains, &words, false),
            own_domains,
            correlation_ids: named(&ground.correlation_ids),
            token_ids: named(&ground.token_ids),
            rules,
            words,
            profile,
        })
    }

    /// Checks one record, given without its newline.
    ///
    /// # Errors
    /// The first rule that the record breaks, and where.
    pub fn check<'a>(&self, record: &'a [u8]) -> Result<Verified<'a>, Leak> {
        self.check_with(record, None, &mut Memory::default())
    }

    /// As [`Self::check`], for a record that travels on: to another thread, or in a batch.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_owned(&self, record: Vec<u8>) -> Result<VerifiedBuf, Leak> {
        self.check_with_memory(record, &mut Memory::default())
    }

    /// As [`Self::check_owned`], for a worker that checks many.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_with_memory(&self, record: Vec<u8>, memory: &mut Memory) -> Result<VerifiedBuf, Leak> {
        let columns = self.check_with(&record, None, memory)?.columns;
        Ok(VerifiedBuf {
            bytes: record,
            columns,
        })
    }

    /// As [`Self::check`], with a second foreign set.
    pub(crate) fn check_with<'a>(
        &self,
        record: &'a [u8],
        derived: Option<&Foreign>,
        memory: &mut Memory,
    ) -> Result<Verified<'a>, Leak> {
        let fields = reader::read(record).map_err(|malformed| {
            let place = if malformed.position == 0 {
                Place::Whole
            } else {
                Place::Position(malformed.position)
            };
            Leak::new(malformed.rule, place)
        })?;
        let closed = self.closure(&fields)?;
        self.survival(&closed, derived, memory)?;
        let places = [closed.time, Some(closed.source), closed.event].map(|text| place_in(record, text?));
        let columns = Columns {
            places,
            is_event_escaped: closed.event.is_some() && places.last().is_some_and(Option::is_none),
        };
        Ok(Verified {
            bytes: record,
            columns,
        })
    }

    /// A set of further foreign values, from lines that the dive may not have matched.
    pub(crate) fn foreign_of<'v>(&self, values: impl IntoIterator<Item = (Class, &'v str)>) -> Foreign {
        Foreign::new(values, &self.own_domains, &self.words, true)
    }

    /// An event that the profile itself names.
    pub(crate) fn is_listed_event(&self, name: &str) -> bool {
        self.events.is_public(name) || self.events.is_listed(&self.profile, name)
    }
}

/// Where a borrowed string lies in a record; nothing if it was written with escapes.
fn place_in(record: &[u8], text: &str) -> Option<(u32, u32)> {
    let start = text.as_ptr().addr().checked_sub(record.as_ptr().addr())?;
    let end = start.checked_add(text.len())?;
    (end <= record.len())
        .then(|| Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?)))
        .flatten()
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("personal_data", &self.personal_data)
            .finish_non_exhaustive()
    }
}

impl<'a> Verified<'a> {
    /// The record, without a newline.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn column(&self, nth: usize) -> Option<&'a str> {
        let (start, end) = self.columns.places.get(nth).copied().flatten()?;
        std::str::from_utf8(self.bytes.get(start as usize..end as usize)?).ok()
    }

    /// The common column `time`.
    pub fn time(&self) -> Option<&'a str> {
        self.column(0)
    }

    /// The common column `source`.
    pub fn source(&self) -> Option<&'a str> {
        self.column(1)
    }

    /// The common column `event`.
    pub fn event(&self) -> Option<Cow<'a, str>> {
        if !self.columns.is_event_escaped {
            return self.column(2).map(Cow::Borrowed);
        }
        let fields = reader::read(self.bytes).ok()?;
        let event = fields.into_iter().find(|field| field.key == "event")?;
        match event.value {
            Scalar::String(event) => Some(event),
            _ => None,
        }
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified(<{} bytes>)", self.bytes.len())
    }
}
