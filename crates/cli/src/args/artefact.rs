//! Commands about a finished artefact: `verify`, `view`, `lookup`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use decostop::request::Zone;

use super::{ProfileFile, RuleFiles, values};

/// Read a finished result again by an independent path and fail on any leak
///
/// Checks each record against what is allowed, searches it in every encoding for foreign
/// identities, secrets and internals, and checks the files: digests, names, nothing else in the
/// folder. Says which rule and where, never the value. The detectors are those that the dive recorded.
///
/// Examples:
///   decostop verify SIRT-2041
///   decostop verify SIRT-2041 --against /var/log/gitlab
///   decostop verify SIRT-2041 --json
///
/// Exit code 4 says that there is a leak, 1 that DIR is no result of a dive.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Verify {
    /// Directory that a dive wrote
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Also derive the foreign identities again from the raw lines in these files, found by provenance; repeatable [default: none]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, num_args = 1..)]
    pub(crate) against: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) profile: ProfileFile,
    #[command(flatten)]
    pub(crate) rules: RuleFiles,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing but findings and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Show the records of a result as a table
///
/// On a terminal the table is coloured, fitted to the screen and shown in $PAGER (`less -FRX` by
/// default); elsewhere it is plain and nothing is cut. Only records that fit all filters are shown;
/// of a filter given several times, one must fit. Characters that a terminal would
/// obey are shown escaped.
///
/// Examples:
///   decostop view SIRT-2041
///   decostop view SIRT-2041 --event 'membership.*' --since 2026-11-03
///   decostop view SIRT-2041 --namespace acme --status 4xx --status 5xx --tail 20
///   decostop view SIRT-2041 --grep /-/raw/ --columns time,event,actor,method,path
///   decostop view SIRT-2041 --actor alice --json | jq .status
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct View {
    /// Directory that a dive wrote, or the disclosure/ part of one
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Only this source, `*` allowed; repeatable [default: all]
    #[arg(long = "source", value_name = "SOURCE", help_heading = "Filters")]
    pub(crate) sources: Vec<String>,
    /// Only this event, `*` allowed; repeatable [default: all]
    #[arg(long = "event", value_name = "EVENT", help_heading = "Filters")]
    pub(crate) events: Vec<String>,
    /// Only actors that hold this text, in any case; repeatable [default: all]
    #[arg(long = "actor", value_name = "TEXT", help_heading = "Filters")]
    pub(crate) actors: Vec<String>,
    /// Only this namespace with everything below it, projects too; repeatable [default: all]
    #[arg(long = "namespace", value_name = "PATH", help_heading = "Filters")]
    pub(crate) namespaces: Vec<String>,
    /// Only this project; repeatable [default: all]
    #[arg(long = "project", value_name = "PATH", help_heading = "Filters")]
    pub(crate) projects: Vec<String>,
    /// Only this address or range (`192.0.2.0/24`), or pseudonym of one; repeatable [default: all]
    #[arg(long = "ip", value_name = "ADDRESS", help_heading = "Filters")]
    pub(crate) ips: Vec<String>,
    /// Only this status, `x` for any digit as in `4xx`; repeatable [default: all]
    #[arg(long = "status", value_name = "STATUS", help_heading = "Filters")]
    pub(crate) statuses: Vec<String>,
    /// Only records that hold this text somewhere, in any case; repeatable [default: all]
    #[arg(
        long = "grep",
        value_name = "TEXT",
        allow_hyphen_values = true,
        help_heading = "Filters"
    )]
    pub(crate) texts: Vec<String>,
    /// Only from this time on: a span back from now (`7d`), `yesterday`, `2026-11-01`, `2026-11-01 09:00 Europe/Berlin` [default: the first]
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        help_heading = "Filters"
    )]
    pub(crate) since: Option<String>,
    /// Only before this time, written as `--since` [default: the last]
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        help_heading = "Filters"
    )]
    pub(crate) until: Option<String>,
    /// Zone of days and times that name none: `UTC`, `+01:00`, `Europe/Berlin` [default: UTC]
    #[arg(long = "tz", value_name = "ZONE", value_parser = values::zone, allow_hyphen_values = true, help_heading = "Filters")]
    pub(crate) zone: Option<Zone>,
    /// Fields to show, in this order [default: time,source,event,actor,project,ip,status]
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// Most records to show, the first ones; 0 is all [default: 100; all in a pager and with --json]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Show the last N records instead [default: the first]
    #[arg(long, value_name = "N", conflicts_with = "limit")]
    pub(crate) tail: Option<u64>,
    /// The latest record first
    #[arg(long)]
    pub(crate) reverse: bool,
    /// The records as JSON lines, with every field
    #[arg(long, conflicts_with = "columns")]
    pub(crate) json: bool,
    /// Write to the terminal directly
    #[arg(long)]
    pub(crate) no_pager: bool,
}

/// The value behind a pseudonym, for a customer's follow-up question
///
/// Only a result with its internal/ directory can answer. Each question is written to
/// internal/lookups.ndjson, with who asked, before it is answered.
///
/// Examples:
///   decostop lookup SIRT-2041 user-mzxw6ytboi2tsnjrgqzda
///   decostop lookup SIRT-2041 ip-nbswy3dpfqqho33snrscc --as 'J. Doe, ticket 5512'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Lookup {
    /// Directory that a dive wrote
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Pseudonym as it stands in the records
    #[arg(value_name = "PSEUDONYM")]
    pub(crate) pseudonym: String,
    /// Who asks, for the log [default: the environment's USER]
    #[arg(long = "as", value_name = "WHO")]
    pub(crate) who: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}
