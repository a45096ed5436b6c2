//! Commands that show why a result can be trusted: `explain`, `selftest`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use decostop::request::Zone;

use super::{ProfileFile, values};

/// Why each field of a record is kept, replaced or gone, without its value
///
/// For reviewers, who see no raw log line: where the record comes from, on what ground each of its
/// fields is there, and every span that was removed with its class, rule, place, length and keyed
/// digest. Equal values of one dive have equal digests; without internal/key nobody can try guesses.
/// With --residual it tells what is left in all records together, and which stand out.
///
/// Examples:
///   decostop explain SIRT-2041 17
///   decostop explain SIRT-2041 --time 2026-11-03T09:15:02.113Z
///   decostop explain SIRT-2041 --at /var/log/gitlab/production_json.log:81920 --json
///   decostop explain SIRT-2041 --residual
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Explain {
    /// Directory that a dive wrote, with its internal/ part
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Number of the record in the result, from 1
    #[arg(
        value_name = "RECORD",
        required_unless_present_any = ["time", "at", "residual"],
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(crate) record: Option<u64>,
    /// The first record at or after this time instead, written as `--since` of scan [default: none]
    #[arg(long, value_name = "TIME", conflicts_with_all = ["record", "at", "residual"])]
    pub(crate) time: Option<String>,
    /// Zone of a time that names none: `UTC`, `+01:00`, `Europe/Berlin` [default: UTC]
    #[arg(long = "tz", value_name = "ZONE", value_parser = values::zone, allow_hyphen_values = true)]
    pub(crate) zone: Option<Zone>,
    /// The record of the line at this decoded offset of an input instead [default: none]
    #[arg(long, value_name = "INPUT:OFFSET", conflicts_with_all = ["record", "residual"])]
    pub(crate) at: Option<String>,
    /// What is left in all records, and which of them stand out
    #[arg(long, conflicts_with = "record")]
    pub(crate) residual: bool,
    #[command(flatten)]
    pub(crate) profile: ProfileFile,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Plant canaries into a copy of a sample of the real logs and demand that none survives
///
/// Takes lines of each source from the inputs, makes them concern the request's scope, and puts
/// credentials, other people's identities, personal data and internals of the platform into every
/// field, key, parameter and URL, in thirteen spellings. Runs a dive over them without and with personal
/// data, and looks for each canary with decoders of its own. Finds out whether a profile calls something
/// harmless that is not. The copy lies in a private directory and is removed at the end; nothing of a
/// log is told.
///
/// Examples:
///   decostop selftest /var/log/gitlab --request request.toml
///   decostop selftest logs/*.zst --request request.toml --profile mine.toml --sample 1000
///   decostop selftest logs --request request.toml --json | jq .survivors
///
/// Exit code 4 says that something survived, 2 that planted records were missed.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct SelfTest {
    /// Files, directories or globs that the sample is taken from
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Request whose scope the planted lines concern
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required = true)]
    pub(crate) request: PathBuf,
    #[command(flatten)]
    pub(crate) profile: ProfileFile,
    /// Files that fit GLOB are of SOURCE, whatever their name says; repeatable [default: the profile's file names]
    #[arg(long, value_name = "GLOB=SOURCE", value_parser = values::source_of)]
    pub(crate) source_of: Vec<(String, String)>,
    /// Lines that are planted of each source
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) sample: u32,
    /// Decides every canary; the result tells it [default: a fresh one]
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Threads of the dives [default: one a core]
    #[arg(long, value_name = "N", value_parser = values::threads)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}
