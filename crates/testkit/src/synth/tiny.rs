//! A small corpus in memory, for property tests.

use super::file;
use super::options::Options;
use super::plan::plan_visits;
use super::request;
use super::source::Source;
use super::truth::{Damage, Row, Seen};
use super::write::{Summary, Values};

/// A corpus in memory with its ground truth; see the module's documentation for the parts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Corpus {
    /// Names relative to the logs, and bytes as they would lie on disk.
    pub files: Vec<(String, Vec<u8>)>,
    /// The source of each file, in the same order; the first one of a container's stream.
    pub sources: Vec<Source>,
    /// Lines that a select of [`Corpus::namespace`] must match, file by file, whatever the window.
    pub records: Vec<Row>,
    /// Class, value and whether it stands in a line about the customer.
    pub foreign: Vec<(&'static str, String, bool)>,
    /// Class and value.
    pub own: Vec<(&'static str, String)>,
    /// Credentials in lines about the customer.
    pub secrets: Vec<String>,
    /// What is confidential about the platform.
    pub system: Vec<String>,
    /// Values of fields that no profile knows.
    pub unknown: Vec<String>,
    /// Lines that are no records.
    pub damaged: Vec<Damage>,
    /// The request for everything about the customer.
    pub request: String,
    /// The request without personal data.
    pub request_support: String,
    /// The customer's root namespace.
    pub namespace: String,
    /// Counts.
    pub summary: Summary,
}

/// A hostile corpus of three days, some 500 to 1,500 lines in 21 files; with damaged lines if the seed is odd.
pub fn tiny(seed: u64) -> Corpus {
    let options = Options::default()
        .seed(seed)
        .days(3)
        .tenants(8)
        .our_share(Some(0.25))
        .damage(seed % 2 == 1);
    tiny_with(
        &options,
        60 + (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32 & 127),
    )
}

/// A corpus of this many requests a day (of some 2.5 lines each); sizes in the options do not matter.
pub fn tiny_with(options: &Options, visits: u64) -> Corpus {
    let (corpus, plans) = plan_visits(options, visits);
    let world = &corpus.world;
    let (mut seen, mut near) = (Seen::new(world), Seen::new(world));
    let mut out = Corpus {
        files: Vec::new(),
        sources: Vec::new(),
        records: Vec::new(),
        foreign: Vec::new(),
        own: Vec::new(),
        secrets: Vec::new(),
        system: Vec::new(),
        unknown: Vec::new(),
        damaged: Vec::new(),
        request: request::sirt(&corpus, options.seed),
        request_support: request::support(&corpus, options.seed),
        namespace: world.tenant(super::world::OURS).root.clone(),
        summary: Summary::default(),
    };
    for plan in &plans {
        let Ok((mut report, bytes)) = file::write(&corpus, plan, Vec::new(), &mut |_| Ok(())) else {
            continue; // a Vec takes everything
        };
        out.summary.add(&report);
        out.summary.encoded_bytes += bytes.len() as u64;
        seen.merge(&report.seen);
        near.merge(&report.near);
        out.files.push((plan.name.clone(), bytes));
        out.sources.extend(plan.sources.first());
        out.records.append(&mut report.rows);
        out.damaged.append(&mut report.damages);
        out.secrets.append(&mut report.secrets);
        out.unknown.append(&mut report.unknown);
    }
    let values = Values::new(world, &seen, &near);
    out.foreign = values.foreign;
    out.own = values.own;
    out.system = values.system;
    out.summary.seed = options.seed;
    out.summary.namespace.clone_from(&out.namespace);
    out
}
