//! Rules of detectors as plain data: what a secret, a personal datum or a system value looks like.
//!
//! Nothing here is compiled or run. The redactor and the verifier each have an engine of their own
//! over the same data.

use std::collections::{HashMap, HashSet};

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
/// Longest keyword, in bytes.
const MAX_KEYWORD_BYTES: usize = 64;
/// Most keywords of one rule.
const MAX_KEYWORDS: usize = 100;
/// Longest description, in bytes.
const MAX_ABOUT_BYTES: usize = 300;
/// Longest example, in bytes.
const MAX_EXAMPLE_BYTES: usize = 64 << 10;
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
    /// A routing number of the American Bankers Association: nine digits, weighted sum; dashes do not
    /// count.
    Aba,
    /// At least one digit.
    HasDigit,
    /// At least one letter.
    HasLetter,
    /// Both cases of letters or letters and digits, changing often: not words.
    Random,
    /// An IBAN: ISO 13616 length and remainder 1 modulo 97; blanks, dashes and case do not count.
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
    /// At least five different characters among the last sixteen, without regard to ASCII case: not
    /// `xxxxxxxx`, which stands for a credential in instructions.
    Varied,
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
    /// Literals in lower case, compared without regard to ASCII case, of which every match of the pattern
    /// holds at least one. Without any, the pattern runs over every text.
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
        let (set, faults) = Self::parse_all(text)?;
        faults.into_iter().next().map_or(Ok(set), Err)
    }

    /// Reads a rule file, and gives the rules that are sound beside what is wrong with the others.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Syntax`] when the text is not TOML of this shape, and
    /// [`crate::ErrorKind::Inconsistent`] for another version than this build reads.
    pub fn parse_all(text: &str) -> Result<(Self, Vec<Error>), Error> {
        let file: RuleFile = read(text).map_err(Error::of_rules)?;
        if file.version != VERSION {
            let reason = format!("is {}, this build reads {VERSION}", file.version);
            return Err(fault("version", reason));
        }
        let mut set = Self::default();
        let faults = set.add(file.rule.into_iter().map(Rule::from));
        Ok((set, faults))
    }

    /// These rules and those of another file.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Inconsistent`] when both have a rule of one id, or there are too many.
    pub fn join(mut self, other: Self) -> Result<Self, Error> {
        let faults = self.add(other.rules);
        faults.into_iter().next().map_or(Ok(self), Err)
    }

    /// These rules and those of another set that are not among them: a rule that both have counts once.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Inconsistent`] when both have different rules of one id, or there are too many.
    pub fn union(self, mut other: Self) -> Result<Self, Error> {
        let known: HashMap<&str, &Rule> = self.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
        other
            .rules
            .retain(|rule| known.get(rule.id.as_str()) != Some(&rule));
        self.join(other)
    }

    /// Adds the rules that are sound, and says what is wrong with the others.
    pub(crate) fn add(&mut self, rules: impl IntoIterator<Item = Rule>) -> Vec<Error> {
        let mut ids: HashSet<String> = self.rules.iter().map(|rule| rule.id.clone()).collect();
        let mut faults = Vec::new();
        for rule in rules {
            if let Err(fault) = rule.check() {
                faults.push(fault);
            } else if !ids.insert(rule.id.clone()) {
                faults.push(rule.fault("id", "is the id of another rule"));
            } else if self.rules.len() == MAX_RULES {
                faults.push(fault("rule", format!("are more than {MAX_RULES}")));
                break;
            } else {
                self.rules.push(rule);
            }
        }
        faults
    }
}

fn fault(place: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::inconsistent(place, reason).of_rules()
}

impl Rule {
    fn fault(&self, key: &str, reason: impl Into<String>) -> Error {
        fault(format!("rule {:?}.{key}", self.id), reason)
    }

    fn check(&self) -> Result<(), Error> {
        let sound_id =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
        let sound_keyword = |keyword: &String| {
            let is_lone_letter =
                keyword.len() == 1 && keyword.bytes().all(|byte| byte.is_ascii_alphanumeric());
            (1..=MAX_KEYWORD_BYTES).contains(&keyword.len())
                && !is_lone_letter
                && keyword
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() || byte == b' ')
                && keyword.bytes().any(|byte| byte != b' ')
        };
        if self.id.is_empty() || self.id.len() > MAX_ID_BYTES || !self.id.bytes().all(sound_id) {
            let reason = format!("is not 1 to {MAX_ID_BYTES} characters of a-z, 0-9, '_', '.' and '-'");
            return Err(self.fault("id", reason));
        }
        if self.about.len() > MAX_ABOUT_BYTES || self.about.chars().any(char::is_control) {
            return Err(self.fault(
                "about",
                format!("is not one line of at most {MAX_ABOUT_BYTES} bytes"),
            ));
        }
        if self.pattern.is_empty() || self.pattern.len() > MAX_PATTERN_BYTES {
            return Err(self.fault("pattern", format!("is not 1 to {MAX_PATTERN_BYTES} bytes long")));
        }
        if self.longest == 0 || self.longest > MAX_LONGEST {
            return Err(self.fault("longest", format!("is not 1 to {MAX_LONGEST} bytes")));
        }
        if self.keywords.len() > MAX_KEYWORDS {
            return Err(self.fault("keywords", format!("are more than {MAX_KEYWORDS}")));
        }
        if let Some(keyword) = self.keywords.iter().find(|keyword| !sound_keyword(keyword)) {
            let reason = format!(
                "has {keyword:?}: keywords are 1 to {MAX_KEYWORD_BYTES} printable ASCII characters, and no lone letter or digit"
            );
            return Err(self.fault("keywords", reason));
        }
        for (key, texts) in [
            ("examples", &self.examples),
            ("negative_examples", &self.negative_examples),
        ] {
            if texts.is_empty() {
                return Err(self.fault(key, "is empty: a rule shows what it finds and what it does not"));
            }
            if texts.iter().any(|text| text.len() > MAX_EXAMPLE_BYTES) {
                let reason = format!("has a text of more than {MAX_EXAMPLE_BYTES} bytes");
                return Err(self.fault(key, reason));
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

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
version = 1

[[rule]]
id = "acme.ticket"
kind = "system"
about = "Tickets of the desk"
pattern = 'ACME-T([0-9]{6})'
keywords = ["ACME-T"]
longest = 12
validators = ["has_digit", "varied"]
examples = ["see ACME-T123456"]
negative_examples = ["ACME-T12"]
"#;

    fn with(key: &str, line: &str) -> Result<RuleSet, Error> {
        let lines = FILE
            .lines()
            .map(|known| if known.starts_with(key) { line } else { known });
        RuleSet::parse(&lines.collect::<Vec<_>>().join("\n"))
    }

    fn refused(key: &str, line: &str) -> String {
        with(key, line).expect_err(line).to_string()
    }

    #[test]
    fn a_rule_is_read_as_written() {
        let set = RuleSet::parse(FILE).expect("a sound file");
        let [rule] = set.rules.as_slice() else {
            panic!("one rule")
        };
        assert_eq!((rule.id.as_str(), rule.kind), ("acme.ticket", RuleKind::System));
        assert_eq!(rule.keywords, ["acme-t"], "compared in lower case");
        assert_eq!((rule.longest, rule.about.as_str()), (12, "Tickets of the desk"));
        assert_eq!(rule.validators, [Validator::HasDigit, Validator::Varied]);
        let bare = with("longest", "")
            .and(with("about", ""))
            .and(with("keywords", ""));
        let bare = bare.and(with("validators", "")).expect("these may be left out");
        assert_eq!(
            with("longest", "").expect("sound").rules[0].longest,
            DEFAULT_LONGEST
        );
        assert_eq!(bare.rules.len(), 1);
    }

    #[test]
    fn kinds_are_ordered_from_the_strongest() {
        assert!(RuleKind::Secret < RuleKind::Personal && RuleKind::Personal < RuleKind::System);
        for (kind, name) in [
            (RuleKind::Secret, "secret"),
            (RuleKind::Personal, "personal"),
            (RuleKind::System, "system"),
        ] {
            assert_eq!(kind.as_str(), name);
            let line = format!("kind = {name:?}");
            assert_eq!(with("kind", &line).expect("a kind").rules[0].kind, kind);
        }
    }

    #[test]
    fn unknown_keys_and_words_are_refused_by_place() {
        for (key, line, named) in [
            ("about", "abouts = 'x'", "abouts"),
            ("version", "versions = 1", "versions"),
            ("kind", "kind = 'secrets'", "kind"),
            ("validators", "validators = ['luhnn']", "luhnn"),
            ("longest", "longest = 'x'", "longest"),
        ] {
            let told = refused(key, line);
            assert!(told.starts_with("rules: ") && told.contains(named), "{told}");
            assert_eq!(with(key, line).expect_err(line).kind(), crate::ErrorKind::Syntax);
        }
        for key in ["id", "kind", "pattern", "examples", "negative_examples"] {
            assert!(refused(key, "").contains(key), "{key} is required");
        }
        assert!(
            RuleSet::parse("[[rule")
                .expect_err("no TOML")
                .to_string()
                .contains("line 1")
        );
        let told = refused("version", "version = 2");
        assert!(told.starts_with("rules: version: is 2"), "{told}");
    }

    #[test]
    fn every_bound_holds_at_its_edge() {
        let long = |count: usize| "a".repeat(count);
        let line = |key: &str, value: String| format!("{key} = {value}");
        let list = |count: usize| format!("{:?}", vec!["ab"; count]);
        let edges: [(&str, [String; 2], Vec<String>); 8] = [
            (
                "id",
                ["'a_1.b-2'".to_owned(), format!("'{}'", long(MAX_ID_BYTES))],
                vec![
                    "''".to_owned(),
                    format!("'{}'", long(MAX_ID_BYTES + 1)),
                    "'Acme'".to_owned(),
                    "'a b'".to_owned(),
                    "'ä'".to_owned(),
                ],
            ),
            (
                "about",
                ["''".to_owned(), format!("'{}'", long(MAX_ABOUT_BYTES))],
                vec![format!("'{}'", long(MAX_ABOUT_BYTES + 1)), "\"a\\nb\"".to_owned()],
            ),
            (
                "pattern",
                ["'a'".to_owned(), format!("'{}'", long(MAX_PATTERN_BYTES))],
                vec!["''".to_owned(), format!("'{}'", long(MAX_PATTERN_BYTES + 1))],
            ),
            (
                "longest",
                ["1".to_owned(), MAX_LONGEST.to_string()],
                vec!["0".to_owned(), (MAX_LONGEST + 1).to_string()],
            ),
            (
                "keywords",
                [
                    "['@', ': ']".to_owned(),
                    format!("['{}']", long(MAX_KEYWORD_BYTES)),
                ],
                vec![
                    "['']".to_owned(),
                    "['a']".to_owned(),
                    "['7']".to_owned(),
                    "['  ']".to_owned(),
                    "['ä-']".to_owned(),
                    "[\"a\\tb\"]".to_owned(),
                    format!("['{}']", long(MAX_KEYWORD_BYTES + 1)),
                ],
            ),
            (
                "keywords",
                [list(0), list(MAX_KEYWORDS)],
                vec![list(MAX_KEYWORDS + 1)],
            ),
            (
                "examples",
                ["['']".to_owned(), format!("['{}']", long(MAX_EXAMPLE_BYTES))],
                vec!["[]".to_owned(), format!("['{}']", long(MAX_EXAMPLE_BYTES + 1))],
            ),
            (
                "negative_examples",
                ["['']".to_owned(), format!("['{}']", long(MAX_EXAMPLE_BYTES))],
                vec!["[]".to_owned(), format!("['{}']", long(MAX_EXAMPLE_BYTES + 1))],
            ),
        ];
        for (key, within, beyond) in edges {
            for value in within {
                let line = line(key, value);
                assert!(with(key, &line).is_ok(), "{line:.80}");
            }
            for value in beyond {
                let line = line(key, value);
                let fault = with(key, &line).err().unwrap_or_else(|| panic!("{line:.80}"));
                assert_eq!(fault.kind(), crate::ErrorKind::Inconsistent, "{line:.80}");
                let told = fault.to_string();
                assert!(
                    told.starts_with("rules: rule \"") && told.contains(&format!("\".{key}: ")),
                    "{told:.200}"
                );
            }
        }
    }

    fn rule(id: usize) -> Rule {
        let mut rule = RuleSet::parse(FILE).expect("a sound file").rules.remove(0);
        rule.id = format!("r{id}");
        rule
    }

    #[test]
    fn all_faults_are_told_beside_what_is_sound() {
        let second = FILE.split_once("[[rule]]").expect("a rule").1;
        let text = format!(
            "{FILE}[[rule]]{}[[rule]]{}[[rule]]{second}",
            second.replace("acme.ticket", "Acme"),
            second.replace("acme.ticket", "acme.other"),
        );
        let (set, faults) = RuleSet::parse_all(&text).expect("TOML of this shape");
        let ids: Vec<&str> = set.rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids, ["acme.ticket", "acme.other"]);
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(
            told.len() == 2
                && told[0].starts_with("rules: rule \"Acme\".id")
                && told[1].starts_with("rules: rule \"acme.ticket\".id: is the id of another"),
            "{told:?}"
        );
    }

    #[test]
    fn sets_are_joined_without_doubles() {
        let set = |ids: std::ops::Range<usize>| RuleSet {
            rules: ids.map(rule).collect(),
        };
        let joined = set(0..3).join(set(3..5)).expect("all ids differ");
        assert_eq!(joined.rules.len(), 5);
        assert!(set(0..3).join(set(2..5)).is_err());
        assert_eq!(set(0..3).union(set(2..5)).expect("equal rules").rules.len(), 5);
        let mut other = set(2..5);
        other.rules[0].pattern.push('x');
        let fault = set(0..3).union(other).expect_err("one id, two rules");
        assert!(fault.to_string().contains("rule \"r2\".id"), "{fault}");
    }

    #[test]
    fn there_is_a_bound_on_all_rules_together() {
        let full = RuleSet {
            rules: (0..MAX_RULES).map(rule).collect(),
        };
        assert!(full.clone().join(RuleSet::default()).is_ok());
        let one = RuleSet {
            rules: vec![rule(MAX_RULES)],
        };
        let fault = full.join(one).expect_err("one too many");
        assert!(
            fault.to_string().starts_with("rules: rule: are more than"),
            "{fault}"
        );
    }
}
