//! Commands about a finished artefact: `verify`, `view`, `lookup`.

use std::path::PathBuf;

use clap::Args;

use super::ProfileFile;

/// Read a finished result again by an independent path and fail on any leak
///
/// Checks each record against what is allowed, searches it in every encoding for foreign
/// identities, secrets and internals, and checks the files: digests, names, nothing else in the
/// folder. Says which rule and where, never the value.
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
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Also derive the foreign identities again from the raw lines in these files, found by provenance; repeatable [default: none]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) against: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) profile: ProfileFile,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing but findings and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Show the records of a result as a table
///
/// Columns are fitted to the terminal; what does not fit ends in an ellipsis. Only records that
/// fit all filters are shown.
///
/// Examples:
///   decostop view SIRT-2041
///   decostop view SIRT-2041 --event 'membership.*' --since 2026-11-03
///   decostop view SIRT-2041 --actor alice --json | jq .status
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct View {
    /// Directory that a dive wrote, or the disclosure/ part of one
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Only this source, `*` allowed; repeatable [default: all]
    #[arg(long = "source", value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,
    /// Only this event, `*` allowed; repeatable [default: all]
    #[arg(long = "event", value_name = "EVENT")]
    pub(crate) events: Vec<String>,
    /// Only actors that hold this text, in any case [default: all]
    #[arg(long, value_name = "TEXT")]
    pub(crate) actor: Option<String>,
    /// Only from this time on: `2026-11-01`, `2026-11-01T09:00:00Z`, or a span back from now such as `7d` [default: the first]
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only before this time, written as `--since` [default: the last]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Most records to show; 0 is all [default: 100, with --json all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// The records as JSON lines, with every field
    #[arg(long)]
    pub(crate) json: bool,
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
    #[arg(value_name = "DIR")]
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
