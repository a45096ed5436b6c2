//! Commands that read logs: `plan`, `scan`, `summary`, `redact`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use decostop::request::Zone;

use super::{ProfileFile, RuleFiles, values};

/// What to look for: a request, or flags for the diver's own look round.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Request that says who asks, what they own and what to look for [default: none, an ad-hoc look by the flags below]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["namespaces", "projects", "users", "events", "since", "until", "zone"])]
    pub(crate) request: Option<PathBuf>,
    /// Ad hoc: namespace with everything below it; repeatable [default: any]
    #[arg(long = "namespace", value_name = "PATH", help_heading = "Ad-hoc look")]
    pub(crate) namespaces: Vec<String>,
    /// Ad hoc: project, by path or id; repeatable [default: any]
    #[arg(long = "project", value_name = "PATH|ID", help_heading = "Ad-hoc look")]
    pub(crate) projects: Vec<String>,
    /// Ad hoc: user as actor or target, by name or id; repeatable [default: any]
    #[arg(long = "user", value_name = "NAME|ID", help_heading = "Ad-hoc look")]
    pub(crate) users: Vec<String>,
    /// Ad hoc: event, globs allowed, `raw:` for a source's own name; repeatable [default: any]
    #[arg(long = "event", value_name = "EVENT", help_heading = "Ad-hoc look")]
    pub(crate) events: Vec<String>,
    /// Source to look into; for standard input (`-`), the source of its lines; repeatable [default: all]
    #[arg(long = "source", value_name = "SOURCE", help_heading = "Ad-hoc look")]
    pub(crate) sources: Vec<String>,
    /// Ad hoc: from this time on: a span back from now (`90m`, `36h`, `7d`, `2w`, `1mo`), `yesterday`, `last monday`, `2026-11-01`, `2026-11-01 09:00 Europe/Berlin` [default: open]
    #[arg(
        long,
        value_name = "TIME",
        help_heading = "Ad-hoc look",
        allow_hyphen_values = true
    )]
    pub(crate) since: Option<String>,
    /// Ad hoc: before this time, written as `--since` [default: open]
    #[arg(
        long,
        value_name = "TIME",
        help_heading = "Ad-hoc look",
        allow_hyphen_values = true
    )]
    pub(crate) until: Option<String>,
    /// Zone of days and times that name none: `UTC`, `+01:00`, `Europe/Berlin` [default: UTC]
    #[arg(long = "tz", value_name = "ZONE", value_parser = values::zone, help_heading = "Ad-hoc look", allow_hyphen_values = true)]
    pub(crate) zone: Option<Zone>,
}

/// How inputs are read.
#[derive(Args, Clone, Debug)]
pub(crate) struct Reading {
    /// Files, directories, globs, or `-` for standard input; plain, gzip, zstd, lz4, bzip2 or xz, told by
    /// their bytes
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) profile: ProfileFile,
    /// Files that fit GLOB are of SOURCE, whatever their name says; repeatable [default: the profile's file names]
    #[arg(long, value_name = "GLOB=SOURCE", value_parser = values::source_of, help_heading = "Reading")]
    pub(crate) source_of: Vec<(String, String)>,
    /// Threads; the result does not depend on it [default: one a core]
    #[arg(long, value_name = "N", value_parser = values::threads, help_heading = "Reading")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Read files instead of mapping them into memory
    #[arg(long, help_heading = "Reading")]
    pub(crate) no_mmap: bool,
    /// Parse every line instead of searching for needles first (slow; the answer is the same)
    #[arg(long, hide = true, help_heading = "Reading")]
    pub(crate) no_prefilter: bool,
    /// Disclose equal lines of one source and time once, and count the others: for archives that overlap
    #[arg(long, help_heading = "Reading")]
    pub(crate) dedup: bool,
    /// Longest line that is parsed; a longer one that names something selected is withheld [default: 16M]
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = "Reading")]
    pub(crate) max_line_bytes: Option<usize>,
}

/// Keys and knowledge beside the logs.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Keys {
    /// Pseudonym key: 32 bytes, or the `internal/key` of an earlier dive [default: a fresh one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Redaction")]
    pub(crate) key_file: Option<PathBuf>,
    /// CSV of accounts that are known to be foreign, beside those that the dive meets [default: none]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Redaction")]
    pub(crate) accounts: Option<PathBuf>,
}

/// More lines than the selects take by themselves.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Following {
    /// Look for lines of any source that share a correlation id with a match, too; reads the inputs once
    /// more. Lines that name nobody come out only if every other line of their request concerns the scope
    #[arg(long, help_heading = "Following")]
    pub(crate) follow_correlation: bool,
    /// Look for ids that records pair with selected names and paths, too, and the other way round; reads
    /// the inputs once more
    #[arg(long, help_heading = "Following")]
    pub(crate) follow_ids: bool,
}

/// How progress is told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum ProgressMode {
    /// Bars if standard error is a terminal, nothing otherwise
    #[default]
    Auto,
    /// A JSON line on standard error each second and at the end
    Json,
    /// Nothing
    None,
}

/// Formats of the records.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// JSON lines, zstd-compressed in a directory
    #[default]
    Ndjson,
    /// Apache Parquet: typed columns, zstd
    Parquet,
    /// Comma-separated values, safe to open in a spreadsheet
    Csv,
    /// Arrow IPC file (Feather)
    Arrow,
}

impl Format {
    /// The name as typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
        }
    }
}

/// Search logs and write what may be disclosed to a directory
///
/// Checks the request's conditions, finds the records it selects, discloses those that concern its
/// scope, redacted and verified, and leaves a directory that holds them and the evidence of how
/// they came to be. OUT appears only when it is complete and verified.
///
/// Without --request it is an ad-hoc look: nothing is in scope, every identity is a pseudonym, and
/// the result (in OUT/look) is not for handing out.
///
/// Examples:
///   decostop scan --request request.toml /var/log/gitlab --out SIRT-2041
///   decostop scan --request request.toml 'logs/*/production_json*' --out - --internal SIRT-2041-internal
///   decostop scan --namespace acme --event 'membership.*' --since 7d /var/log/gitlab --out look
///   decostop scan --user alice --since 'yesterday 18:00' --tz Europe/Berlin /var/log/gitlab --dry-run
///
/// Exit code 2 says that lines were withheld or inputs unreadable; internal/withheld.ndjson says
/// where.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Scan {
    #[command(flatten)]
    pub(crate) asked: Asked,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) following: Following,
    #[command(flatten)]
    pub(crate) keys: Keys,
    #[command(flatten)]
    pub(crate) rules: RuleFiles,
    /// Directory to make, or `-` for JSON lines on standard output [default: none; required unless --dry-run or --summary-only]
    #[arg(long, value_name = "OUT", value_hint = ValueHint::DirPath, required_unless_present_any = ["dry_run", "summary_only"], conflicts_with_all = ["dry_run", "summary_only"])]
    pub(crate) out: Option<PathBuf>,
    /// With `--out -`: directory for the evidence [default: none is kept]
    #[arg(long, value_name = "DIR", requires = "out", value_hint = ValueHint::DirPath)]
    pub(crate) internal: Option<PathBuf>,
    /// Format of the records; others than ndjson go to a directory
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Replace an earlier result of this name, once the new one is complete and verified
    #[arg(long)]
    pub(crate) force: bool,
    /// Learn foreign identities from every line, not only from matched ones (slower)
    #[arg(long, help_heading = "Redaction")]
    pub(crate) learn_all: bool,
    /// Withheld lines and ranges that do not make the exit code 2
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) allow_withheld: u64,
    /// Record the BLAKE3 digest of plain inputs too (those of compressed ones are always recorded)
    #[arg(long)]
    pub(crate) digest: bool,
    /// Only say what would be read and searched for
    #[arg(long, conflicts_with = "summary_only")]
    pub(crate) dry_run: bool,
    /// Only aggregates, as `decostop summary`
    #[arg(long)]
    pub(crate) summary_only: bool,
    /// With --dry-run or --summary-only: as JSON
    #[arg(long, conflicts_with = "out")]
    pub(crate) json: bool,
    /// Say where the time went and how much was read, on standard error
    #[arg(long)]
    pub(crate) stats: bool,
    /// How progress is told, on standard error
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) progress: ProgressMode,
    /// Say nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Only aggregates: counts by event, day and namespace
///
/// Runs the same dive as scan and gives its numbers only: records by source, event, day and
/// namespace of the scope, the number of users and addresses, first and last time. No record is
/// written anywhere.
///
/// Examples:
///   decostop summary --request request.toml /var/log/gitlab
///   decostop summary --request request.toml /var/log/gitlab --json | jq .by_event
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Summary {
    #[command(flatten)]
    pub(crate) asked: Asked,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) following: Following,
    #[command(flatten)]
    pub(crate) keys: Keys,
    #[command(flatten)]
    pub(crate) rules: RuleFiles,
    /// Learn foreign identities from every line, not only from matched ones (slower)
    #[arg(long, help_heading = "Redaction")]
    pub(crate) learn_all: bool,
    /// Withheld lines and ranges that do not make the exit code 2
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) allow_withheld: u64,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Say where the time went and how much was read, on standard error
    #[arg(long)]
    pub(crate) stats: bool,
    /// How progress is told, on standard error
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) progress: ProgressMode,
    /// Say nothing but the numbers and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// What a dive would read, without reading it
///
/// Lists the inputs by source and codec, their size, what is searched for in them, and how long it
/// may take; says where the request could be narrowed.
///
/// Examples:
///   decostop plan request.toml /var/log/gitlab
///   decostop plan request.toml 'logs/*.zst' --json | jq .bytes
///   decostop plan request.toml /var/log/gitlab --shards 8 --out shards
///
/// With --shards, the work of a dive is shared out, for a cluster that runs `learn`, `merge`,
/// `redact --shard` and `gather`: whole files, about the same number of stored bytes each.
///
/// For an ad-hoc look, `decostop scan --dry-run` with its flags says the same.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Plan {
    /// Request, TOML or JSON
    #[arg(value_name = "REQUEST", value_hint = ValueHint::FilePath)]
    pub(crate) request: PathBuf,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Share the work out to N workers at most: a JSON list of shards [default: one process does it all]
    #[arg(long, value_name = "N", help_heading = "Cluster")]
    pub(crate) shards: Option<NonZeroUsize>,
    /// With --shards: a new directory for one file each [default: standard output]
    #[arg(long, value_name = "DIR", requires = "shards", value_hint = ValueHint::DirPath, help_heading = "Cluster")]
    pub(crate) out: Option<PathBuf>,
    /// With --shards: CSV of accounts that are known to be foreign. The shares hold a keyed digest of it;
    /// `merge` takes the same file [default: none]
    #[arg(long, value_name = "FILE", requires = "shards", value_hint = ValueHint::FilePath, help_heading = "Cluster")]
    pub(crate) accounts: Option<PathBuf>,
    /// With --accounts: pseudonym key of the dive [default: the file that DECOSTOP_KEY_FILE names]
    #[arg(long, value_name = "FILE", requires = "accounts", value_hint = ValueHint::FilePath, help_heading = "Cluster")]
    pub(crate) key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rules: RuleFiles,
    /// Learn foreign identities from every line, not only from matched ones (slower)
    #[arg(long, help_heading = "Redaction")]
    pub(crate) learn_all: bool,
}

/// Redact lines of one source from standard input to standard output
///
/// The redaction pipeline alone: no selection, no window, no nexus. Without a request nothing is
/// in scope, so that every identity becomes a pseudonym. Lines come out as they come in: foreign
/// names in free text are known from the lines so far and from --accounts. A line that is no
/// record of the source is withheld.
///
/// Examples:
///   zstd -dc production_json.log.zst | decostop redact --source production_json --request request.toml
///   decostop redact --source sidekiq < current > redacted.ndjson
///   zstd -dc OUT/disclosure/records.ndjson.zst | decostop redact --source decostop \
///       --request request.toml --key-file OUT/internal/key
///
/// The source `decostop` takes records of an artefact: with the same request and key they come out
/// as they are, and anything that is not such a record is withheld.
///
/// Exit code 2 says that lines were withheld.
///
/// With --shard, the second phase of a dive over a cluster: the share of one worker, redacted by the
/// facts of all shares and verified, goes to a sealed file for `gather`. Exit code 2 says that lines of
/// the share were withheld, or ranges lost; the file is there, and `gather` says where.
///
///   decostop redact --shard shards/shard-0000.json --facts facts --key-file key --out part-0000
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Redact {
    /// Source of the lines [default: none, it must be named]
    #[arg(long, value_name = "SOURCE", required_unless_present = "shard")]
    pub(crate) source: Option<String>,
    /// Share of a dive instead of standard input, as `plan --shards` wrote it [default: standard input]
    #[arg(long, value_name = "SHARD", value_hint = ValueHint::FilePath, help_heading = "Cluster",
        requires_all = ["facts", "out"], conflicts_with_all = ["source", "request", "path", "rule_files", "accounts"])]
    pub(crate) shard: Option<PathBuf>,
    /// With --shard: facts of all shares, as `merge` wrote them [default: none, they must be named]
    #[arg(long, value_name = "FACTS", requires = "shard", value_hint = ValueHint::FilePath, help_heading = "Cluster")]
    pub(crate) facts: Option<PathBuf>,
    /// With --shard: file to write [default: none, it must be named]
    #[arg(long, value_name = "PART", requires = "shard", value_hint = ValueHint::FilePath, help_heading = "Cluster")]
    pub(crate) out: Option<PathBuf>,
    /// With --shard: threads [default: one per core]
    #[arg(long, value_name = "N", requires = "shard", help_heading = "Cluster")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// With --shard: read files instead of mapping them into memory
    #[arg(long, requires = "shard", help_heading = "Cluster")]
    pub(crate) no_mmap: bool,
    /// With --shard: withheld lines and ranges of the share that do not make the exit code 2
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        requires = "shard",
        help_heading = "Cluster"
    )]
    pub(crate) allow_withheld: u64,
    /// Request whose scope applies [default: none, nothing is in scope]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) request: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: Keys,
    #[command(flatten)]
    pub(crate) rules: RuleFiles,
    #[command(flatten)]
    pub(crate) profile: ProfileFile,
    /// Say nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
