//! A generated corpus on disk, with its answers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use decostop::request::Request;
use decostop_profile::Profile;
use decostop_testkit::synth::{self, Options};
use serde::Deserialize;
use tempfile::TempDir;

/// What the generator says about a corpus, from `truth/summary.json`.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Truth {
    /// Files below `logs`.
    pub files: u64,
    /// Lines in all files.
    pub lines: u64,
    /// Decoded bytes.
    pub decoded_bytes: u64,
    /// Bytes on disk.
    pub encoded_bytes: u64,
    /// Lines inside the request's window.
    pub lines_in_window: u64,
    /// Lines that the request matches, inside its window or not.
    pub matching: u64,
    /// Those inside the window.
    pub matching_in_window: u64,
    /// Those that may be disclosed.
    pub disclosable: u64,
    /// The customer's root namespace.
    pub namespace: String,
}

/// A corpus on disk. One that was made in a temporary directory goes with its value.
#[derive(Debug)]
pub struct Corpus {
    dir: PathBuf,
    truth: Truth,
    _temporary: Option<TempDir>,
}

/// Says which options made the corpus in a directory that is kept.
const OPTIONS: &str = "options.txt";

impl Corpus {
    /// Makes a corpus in a temporary directory.
    pub fn temporary(options: &Options) -> Self {
        let temporary = tempfile::tempdir().expect("the system has room for temporary files");
        let corpus = Self::kept(temporary.path(), options).expect("an empty directory takes a corpus");
        Self {
            _temporary: Some(temporary),
            ..corpus
        }
    }

    /// The corpus in `dir`, made there unless it was already.
    ///
    /// # Errors
    /// It cannot be written, or `dir` holds one that was made with other options.
    pub fn kept(dir: &Path, options: &Options) -> io::Result<Self> {
        // Threads and place do not change a corpus.
        let wanted = format!("{:?}\n", options.clone().threads(1));
        match fs::read_to_string(dir.join(OPTIONS)) {
            Ok(made) if made == wanted => {}
            Ok(_) => return Err(io::Error::other("the directory holds another corpus")),
            Err(_) => {
                synth::write(dir, options, &mut |_| {})?;
                fs::write(dir.join(OPTIONS), wanted)?;
            }
        }
        let truth = fs::read(dir.join("truth/summary.json"))?;
        Ok(Self {
            dir: dir.to_owned(),
            truth: serde_json::from_slice(&truth)?,
            _temporary: None,
        })
    }

    /// What the generator knows.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// The directory to dive into.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// A number that is found out once for a corpus that is kept: `found` says it the first time.
    pub fn remembered(&self, what: &str, found: impl FnOnce() -> u64) -> u64 {
        let path = self.dir.join("truth").join(format!("{what}.txt"));
        let known = fs::read_to_string(&path).ok();
        known
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or_else(|| {
                let number = found();
                fs::write(&path, format!("{number}\n")).expect("a corpus' truth can be written");
                number
            })
    }

    /// The file of the request for everything about the customer, with personal data.
    pub fn request_path(&self) -> PathBuf {
        self.dir.join("request.toml")
    }

    /// That request.
    pub fn request(&self) -> Request {
        Request::load(&self.request_path(), &Profile::gitlab())
            .unwrap_or_else(|error| panic!("the corpus' own request: {error}"))
    }
}
