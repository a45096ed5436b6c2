//! A dive in shares: `learn`, `merge`, `gather`; `plan --shards` and `redact --shard` are beside their
//! commands.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{Format, ProgressMode};

/// Names the key file where `--key-file` does not: schedulers hand secrets over by the environment.
pub(crate) const KEY_FILE: &str = "DECOSTOP_KEY_FILE";

/// The key that all steps of a dive in shares take.
#[derive(Args, Clone, Debug)]
pub(crate) struct SharedKey {
    /// Pseudonym key, the same for all steps of a dive: 32 bytes, or the `internal/key` of an earlier dive
    #[arg(long, value_name = "FILE", env = KEY_FILE, value_hint = ValueHint::FilePath)]
    pub(crate) key_file: PathBuf,
}

/// How a worker reads its share.
#[derive(Args, Clone, Debug)]
pub(crate) struct Working {
    /// Threads [default: one per core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Read files instead of mapping them into memory
    #[arg(long)]
    pub(crate) no_mmap: bool,
    /// Withheld lines and ranges of the share that do not make the exit code 2
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) allow_withheld: u64,
    /// How progress is told, on standard error
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) progress: ProgressMode,
    /// Say nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Cluster: read a share for what is foreign in it
///
/// The first phase of a dive, over the share of one worker. What it learned, names of other people among
/// it, goes to a file that is sealed with the key. Runs anywhere that sees the same files under the same
/// paths; run twice, it writes the same file.
///
/// Exit code 2 says that lines or ranges of the share cannot be read as records and will be withheld; what
/// the rest teaches is there.
///
/// Examples:
///   decostop plan request.toml /var/log/gitlab --shards 8 --out shards
///   decostop learn shards/shard-0000.json --key-file key --out facts-0000
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Learn {
    /// Share, as `plan --shards` wrote it
    #[arg(value_name = "SHARD", value_hint = ValueHint::FilePath)]
    pub(crate) shard: PathBuf,
    #[command(flatten)]
    pub(crate) key: SharedKey,
    /// File to write
    #[arg(long, value_name = "FACTS", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) working: Working,
}

/// Cluster: put together what all shares learned
///
/// Every share of the plan must be there; the same one twice does no harm. A dive that was planned with
/// --accounts takes the same accounts here; they go on in the facts, sealed.
///
/// Examples:
///   decostop merge facts-* --key-file key --out facts
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Merge {
    /// Files that `learn` wrote
    #[arg(value_name = "FACTS", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) facts: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) key: SharedKey,
    /// CSV of accounts that are known to be foreign, as `plan --shards` was given it [default: none]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) accounts: Option<PathBuf>,
    /// File to write
    #[arg(long, value_name = "FACTS", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
}

/// Cluster: put the parts of a dive together
///
/// Writes the directory that one process would have written, byte for byte. Every record is verified
/// once more, by the facts of all shares, and then the finished directory as after any dive.
///
/// Examples:
///   decostop gather part-* --facts facts --key-file key --out SIRT-2041
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Gather {
    /// Files that `redact --shard` wrote, one of each share
    #[arg(value_name = "PART", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) parts: Vec<PathBuf>,
    /// Facts of all shares, as `merge` wrote them
    #[arg(long, value_name = "FACTS", value_hint = ValueHint::FilePath)]
    pub(crate) facts: PathBuf,
    #[command(flatten)]
    pub(crate) key: SharedKey,
    /// Directory for the result
    #[arg(long, value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// Format of the records
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Replace an earlier result of this name, once the new one is complete and verified
    #[arg(long)]
    pub(crate) force: bool,
    /// Withheld lines and ranges that do not make the exit code 2
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) allow_withheld: u64,
    /// How progress is told, on standard error
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) progress: ProgressMode,
    /// Say nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
