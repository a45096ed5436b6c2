//! Commands around a dive: `demo`, `check`, `request`, `events`, `profile`, `rules`, `schema`,
//! `synth`, `completions`, `man`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use decostop_testkit::synth::Source as LogKind;

use super::{ProfileFile, RuleFiles, values};

/// Make a small corpus, run a dive on it, say what to open
///
/// Needs nothing else and takes a few seconds. The corpus holds several customers' logs of all
/// sources and days, compressed in several ways, with secrets and other people's names planted in
/// them; DIR/truth says what.
///
/// Examples:
///   decostop demo
///   decostop demo /tmp/look --seed 7
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Demo {
    /// Directory to make
    #[arg(value_name = "DIR", default_value = "decostop-demo", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Replace an earlier demo in DIR
    #[arg(long)]
    pub(crate) force: bool,
    /// Size of the decoded logs in millions of bytes
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) megabytes: u64,
    /// Decides every name and number
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Check a request's conditions and tell its route
///
/// Prints every condition, whether it holds and how to make it hold, the route that follows
/// (support or sirt) and why, and what may go wrong although nothing forbids it.
///
/// Examples:
///   decostop check request.toml
///   decostop check request.toml --json | jq '.conditions[] | select(.holds | not)'
///
/// Exit code 3 says that the request is refused, 1 that it cannot be read.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Check {
    /// Request, TOML or JSON
    #[arg(value_name = "REQUEST", value_hint = ValueHint::FilePath)]
    pub(crate) request: PathBuf,
    #[command(flatten)]
    pub(crate) profile: ProfileFile,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Requests
///
/// Example:
///   decostop request new request.toml
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Request {
    #[command(subcommand)]
    pub(crate) action: RequestAction,
}

/// What to do with requests.
#[derive(Debug, Subcommand)]
pub(crate) enum RequestAction {
    /// Write an annotated request to fill in
    ///
    /// Examples:
    ///   decostop request new
    ///   decostop request new request.toml
    #[command(verbatim_doc_comment)]
    New {
        /// File to make; an existing one is left alone [default: standard output]
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
}

/// List or search the events that a request can name
///
/// Each public event stands for what the sources log in their own words; --raw shows these. A
/// pattern with a dot or a star is a name or a glob over names. One that begins with raw: asks the
/// other way round: which public event is it? Anything else is words to search for, in names,
/// descriptions and what the sources log. A pipe gets one line an event, with tabs between name,
/// description and sources.
///
/// Examples:
///   decostop events
///   decostop events clone
///   decostop events 'membership.*' --raw
///   decostop events --source nginx_access
///   decostop events 'raw:Projects::BlobController#*'
///   decostop events 'two factor' --json | jq -r '.[].request'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Events {
    /// Name, glob over names, or words [default: all]
    #[arg(value_name = "PATTERN")]
    pub(crate) pattern: Option<String>,
    /// Only events that this source shows [default: of all]
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Option<String>,
    /// What each source really logs, too
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) profile: ProfileFile,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Profiles: what the logs look like and what each field means
///
/// Examples:
///   decostop profile new app.log.zst > my-profile.toml
///   decostop profile check my-profile.toml
///   decostop profile show > my-profile.toml
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Profile {
    #[command(subcommand)]
    pub(crate) action: ProfileAction,
}

/// What to do with profiles.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileAction {
    /// Run a profile's own examples
    ///
    /// Examples:
    ///   decostop profile check
    ///   decostop profile check my-profile.toml
    ///
    /// Exit code 1 says that the profile does not do what it says.
    #[command(verbatim_doc_comment)]
    Check {
        /// Profile: the name of a built-in one, or a file [default: gitlab]
        #[arg(value_name = "NAME|FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Draft a profile from a sample of a log
    ///
    /// Looks at the first 8 MiB, plain or compressed, tells the format (JSON lines, a document with a
    /// list of records, logfmt, lines of nginx, Apache or HAProxy) and gives a class to the fields
    /// whose name and values both fit one. What looks confidential stays inside, the rest is left to
    /// you as comments. No value of the sample is in the draft; names of fields are.
    ///
    /// Examples:
    ///   decostop profile new app.log.zst > my-profile.toml
    ///   decostop profile new trail.json.gz --name trail > trail.toml
    #[command(verbatim_doc_comment)]
    New {
        /// Sample: one file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Name of the profile and of its source [default: from the file's name]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Print a built-in profile, to start one's own from
    ///
    /// Examples:
    ///   decostop profile show > my-profile.toml
    ///   decostop profile show nginx
    #[command(verbatim_doc_comment)]
    Show {
        /// Name of a built-in profile
        #[arg(value_name = "NAME", default_value = "gitlab")]
        name: String,
    },
}

/// Detector rules: what secrets, personal data and internals look like
///
/// Built in are rules for the credentials of GitLab and of many providers, for personal data and for
/// what is confidential about a platform. A rule file adds to them: --rules FILE of `scan`, `summary`,
/// `redact` and `verify`. docs/RULES.md is the reference.
///
/// Examples:
///   decostop rules list gitlab
///   decostop rules check my-rules.toml
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Rules {
    #[command(subcommand)]
    pub(crate) action: RulesAction,
}

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum RulesAction {
    /// List rules: the built-in ones and those of files
    ///
    /// A pattern with a star is a glob over ids; anything else is words to search for in ids, kinds,
    /// descriptions and keywords. A pipe gets one line a rule, with tabs between id, kind,
    /// description and keywords.
    ///
    /// Examples:
    ///   decostop rules list
    ///   decostop rules list 'secret.gitlab*'
    ///   decostop rules list 'connection string' --json | jq -r '.[].pattern'
    ///   decostop rules list --rules my-rules.toml
    #[command(verbatim_doc_comment)]
    List {
        /// Glob over ids, or words [default: all]
        #[arg(value_name = "PATTERN")]
        pattern: Option<String>,
        #[command(flatten)]
        rules: RuleFiles,
        /// As JSON, with patterns and examples
        #[arg(long)]
        json: bool,
    },
    /// Check rule files: shape, ids, patterns, examples
    ///
    /// Runs every example and counter-example, and warns of rules that are slow.
    ///
    /// Examples:
    ///   decostop rules check my-rules.toml
    ///   decostop rules check team/*.toml --profile my-profile.toml
    ///
    /// Exit code 1 says that a file would be refused.
    #[command(verbatim_doc_comment)]
    Check {
        /// Rule files
        #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        profile: ProfileFile,
    },
}

/// Print a JSON Schema
///
/// Examples:
///   decostop schema request > request.schema.json
///   decostop schema manifest
///   decostop schema summary
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Schema {
    /// Of what
    #[arg(value_enum, value_name = "WHAT")]
    pub(crate) of: SchemaOf,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The request
    Request,
    /// The manifest of a result
    Manifest,
    /// The aggregates of `summary --json`
    Summary,
}

/// Make a corpus of logs with ground truth
///
/// Deterministic: the same options give the same bytes. Besides the logs there are two requests
/// and, in DIR/truth, what a dive must find and what must not survive it.
///
/// Examples:
///   decostop synth corpus
///   decostop synth big --megabytes 10000 --days 14 --codec zstd
///   decostop synth web --sources nginx_access,haproxy,workhorse
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Synth {
    /// Directory to make; it may exist but not hold a corpus
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Size of the decoded logs in millions of bytes
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) megabytes: u64,
    /// Decides every name and number
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Days that the logs cover
    #[arg(long, value_name = "D", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub(crate) days: u32,
    /// Kinds of log, by their names in requests; access logs (nginx_access, haproxy) only if named here
    /// [default: all seven others]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = log_kind)]
    pub(crate) sources: Vec<LogKind>,
    /// How the files are compressed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) codec: Codec,
    /// Customers of the platform
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(4..=1_000_000))]
    pub(crate) tenants: u32,
    /// Share of requests about the customer who asks, from 0 to 1 [default: 0.001, more in small corpora]
    #[arg(long, value_name = "SHARE")]
    pub(crate) our_share: Option<f64>,
    /// Add a few lines that are no records
    #[arg(long)]
    pub(crate) damage: bool,
    /// Hosts over which each day of each source is split, at least: many make many small files
    #[arg(long, value_name = "N", default_value_t = 1, hide = true, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) hosts: u64,
    /// Share of each day's requests that the first host alone answers [default: as the others]
    #[arg(long, value_name = "SHARE", hide = true)]
    pub(crate) skew: Option<f64>,
    /// Root namespaces of the customer
    #[arg(long, value_name = "N", default_value_t = 1, hide = true, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) namespaces: u32,
    /// Threads; the result does not depend on it [default: one a core]
    #[arg(long, value_name = "N", value_parser = values::threads)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Say nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

fn log_kind(name: &str) -> Result<LogKind, String> {
    LogKind::by_name(name).ok_or_else(|| {
        let known: Vec<&str> = LogKind::ALL.into_iter().map(LogKind::name).collect();
        format!("a corpus has {}", known.join(", "))
    })
}

/// Codecs of a corpus.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Codec {
    /// All of them, and every way to name a rotated file
    #[default]
    Mixed,
    /// None
    Plain,
    /// Gzip with several members
    Gzip,
    /// Zstandard, one frame a file
    Zstd,
    /// Zstandard, many frames a file
    ZstdFrames,
    /// Bzip2 with several streams
    Bzip2,
    /// Lz4, many frames a file
    Lz4,
    /// Xz with several streams
    Xz,
}

/// Print shell completions
///
/// Examples:
///   decostop completions bash > ~/.local/share/bash-completion/completions/decostop
///   decostop completions zsh > ~/.zfunc/_decostop
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Completions {
    /// Shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Print the man page, or write one for each command
///
/// Examples:
///   decostop man | man -l -
///   decostop man ~/.local/share/man/man1
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Man {
    /// Directory for the pages of all commands [default: the main page to standard output]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
}
