//! Rules of detectors as plain data: what a secret, a personal datum or a system value looks like.
//!
//! Nothing here is compiled or run. The redactor and the verifier each have an engine of their own
//! over the same data.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::load::read;

/// The only version of the file format.
const VERSION: u32 = 1;
/// Longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 4096;
/// Longest match that a rule may state, in bytes.
const MAX_LONGEST: usize = 64 << 10;
/// The longest match of a rule that states none, in bytes.
const DEFAULT_LONGEST: usize = 1024;
/// Shortest and longest keyword, in bytes.
const KEYWORD_BYTES: std::ops::RangeInclusive<usize> = 2..=64;
/// Longest id, in bytes.
const MAX_ID_BYTES: usize = 64;
/// Most rules of all files together.
pub(crate) const MAX_RULES: usize = 20_000;

/// What a rule finds. Where spans overlap, the strongest kind names their union: the order of the
/// variants is from the strongest to the weakest.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleKind {
    /// A credential.
    Secret,
    /// Personal data.
    Personal,
    /// What is confidential about the platform.
    System,
}

impl RuleKind {
    /// As in rule files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Personal => "personal",
            Self::System => "system",
        }
    }
}

/// What the found part must be beyond its pattern.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Validator {
    /// A routing number of the American Bankers Association: nine digits, weighted sum.
    Aba,
    /// At least one digit.
    HasDigit,
    /// At least one letter.
    HasLetter,
    /// Both cases of letters or letters and digits, changing often: not words.
    Random,
    /// An IBAN: ISO 13616 length and remainder 1 modulo 97.
    Iban,
    /// An IP address inside the platform: private, loopback, link-local, or a range of the profile.
    InternalAddress,
    /// A host below a domain of the profile's `[internal]`.
    InternalHost,
    /// Any IP address, v4 or v6.
    Address,
    /// A JSON web token: its first part decodes to a JSON object with `alg`.
    Jwt,
    /// Luhn's check digit over at least twelve digits that are not all the same.
    Luhn,
    /// A value that somebody set: no placeholder (`[secret]`, `true`, `null`, `****`, `${VAR}`).
    SetValue,
    /// The checksum at the end of a GitHub token (CRC-32 in base 62).
    GithubChecksum,
}

/// One rule.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rule {
    /// Names the rule in findings: `[a-z0-9_.-]`, unique over all files.
    pub id: String,
    /// What it finds.
    pub kind: RuleKind,
    /// One line for people: whose credential, and where its format is published.
    pub about: String,
    /// A regular expression over bytes, without Unicode classes. Group 1, where there is one, is what
    /// is found; else the whole match.
    pub pattern: String,
    /// Literals, compared without regard to ASCII case, of which every match of the pattern holds at
    /// least one. Without any, the pattern runs over every text.
    pub keywords: Vec<String>,
    /// Longest match in bytes; what is longer goes as far as it is matched, and on to the end of its
    /// word.
    pub longest: usize,
    /// All of them must hold.
    pub validators: Vec<Validator>,
    /// Texts in which the rule must find something.
    pub examples: Vec<String>,
    /// Texts in which it must not.
    pub negative_examples: Vec<String>,
}

/// Rules of one or more files, with ids that are unique.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RuleSet {
    /// In the order of the files.
    pub rules: Vec<Rule>,
}

impl RuleSet {
    /// Reads a rule file. Keys that the format does not know are refused.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Syntax`] when the text is not TOML of this shape,
    /// [`crate::ErrorKind::Inconsistent`] when a rule breaks a bound or an id occurs twice; both name
    /// the key. Whether patterns compile and examples agree, an engine says.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let file: RuleFile = read(text)?;
        if file.version != VERSION {
            let reason = format!("is {}, this build reads {VERSION}", file.version);
            return Err(Error::inconsistent("version", reason));
        }
        let mut set = Self::default();
        set.add(file.rule.into_iter().map(Rule::from).collect())?;
        Ok(set)
    }

    /// These rules and those of another file.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Inconsistent`] when both have a rule of one id, or there are too many.
    pub fn join(mut self, other: Self) -> Result<Self, Error> {
        self.add(other.rules)?;
        Ok(self)
    }

    fn add(&mut self, rules: Vec<Rule>) -> Result<(), Error> {
        let mut ids: HashSet<&str> = self.rules.iter().map(|rule| rule.id.as_str()).collect();
        for rule in &rules {
            rule.check()?;
            if !ids.insert(&rule.id) {
                return Err(rule.fault("id", "is the id of another rule"));
            }
        }
        if ids.len() > MAX_RULES {
            let reason = format!("are {}, more than {MAX_RULES}", ids.len());
            return Err(Error::inconsistent("rules", reason));
        }
        self.rules.extend(rules);
        Ok(())
    }
}

impl Rule {
    fn fault(&self, key: &str, reason: impl Into<String>) -> Error {
        Error::inconsistent(format!("rule {:?}.{key}", self.id), reason)
    }

    fn check(&self) -> Result<(), Error> {
        let sound_id =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
        let sound_keyword = |keyword: &String| {
            KEYWORD_BYTES.contains(&keyword.len())
                && keyword
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        };
        if self.id.is_empty() || self.id.len() > MAX_ID_BYTES || !self.id.bytes().all(sound_id) {
            return Err(self.fault("id", "is not 1 to 64 characters of a-z, 0-9, '_', '.' and '-'"));
        }
        if self.pattern.is_empty() || self.pattern.len() > MAX_PATTERN_BYTES {
            return Err(self.fault("pattern", format!("is not 1 to {MAX_PATTERN_BYTES} bytes long")));
        }
        if self.longest == 0 || self.longest > MAX_LONGEST {
            return Err(self.fault("longest", format!("is not 1 to {MAX_LONGEST} bytes")));
        }
        if let Some(keyword) = self.keywords.iter().find(|keyword| !sound_keyword(keyword)) {
            let reason = format!("has {keyword:?}: keywords are 2 to 64 printable ASCII characters");
            return Err(self.fault("keywords", reason));
        }
        for (key, texts) in [
            ("examples", &self.examples),
            ("negative_examples", &self.negative_examples),
        ] {
            if texts.is_empty() {
                return Err(self.fault(key, "is empty: a rule shows what it finds and what it does not"));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    version: u32,
    rule: Vec<RuleEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    id: String,
    kind: RuleKind,
    #[serde(default)]
    about: String,
    pattern: String,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default = "default_longest")]
    longest: usize,
    #[serde(default)]
    validators: Vec<Validator>,
    examples: Vec<String>,
    negative_examples: Vec<String>,
}

fn default_longest() -> usize {
    DEFAULT_LONGEST
}

impl From<RuleEntry> for Rule {
    fn from(entry: RuleEntry) -> Self {
        Self {
            id: entry.id,
            kind: entry.kind,
            about: entry.about,
            pattern: entry.pattern,
            keywords: entry
                .keywords
                .into_iter()
                .map(|word| word.to_ascii_lowercase())
                .collect(),
            longest: entry.longest,
            validators: entry.validators,
            examples: entry.examples,
            negative_examples: entry.negative_examples,
        }
    }
}
