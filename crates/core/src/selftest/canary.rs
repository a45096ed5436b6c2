//! What is planted: values that must not come out, and the ways in which they are written.

use std::io::Write as _;

use decostop_profile::{Profile, RuleSet, UserScope};

use super::random::Random;
use crate::{Error, ErrorKind};

/// A value that must not come out.
#[derive(Clone)]
pub(super) struct Canary {
    pub(super) kind: String,
    /// As it is planted.
    pub(super) text: String,
    /// What must not stand in any view of the record.
    pub(super) needles: Vec<String>,
    /// Whether it may come out where personal data was asked for.
    pub(super) support_only: bool,
}

impl Canary {
    pub(super) fn new(kind: &str, text: impl Into<String>, needles: &[&str]) -> Self {
        let text = text.into();
        let mut needles: Vec<String> = needles.iter().map(|needle| (*needle).to_owned()).collect();
        if needles.is_empty() {
            needles.push(text.clone());
        }
        Self {
            kind: kind.to_owned(),
            text,
            needles,
            support_only: false,
        }
    }

    /// Whether it is a number of at most six digits, which a status may be.
    pub(super) fn is_small_number(&self) -> bool {
        self.text.len() <= 6 && self.text.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Whether an entry point could be called like it.
    pub(super) fn is_one_word(&self) -> bool {
        self.text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_./:#-".contains(&byte))
    }
}

/// Somebody who is not in the scope.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) username: String,
    pub(super) id: u64,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) address: String,
}

/// Makes values.
pub(super) struct Mint<'p> {
    profile: &'p Profile,
    /// Kind, text and found part of the rules' examples.
    examples: Vec<Canary>,
    scope_users: Vec<Canary>,
}

impl<'p> Mint<'p> {
    /// # Errors
    /// A rule's pattern does not compile.
    pub(super) fn new(
        profile: &'p Profile,
        rules: &RuleSet,
        users: &[UserScope],
        paths: &[String],
    ) -> Result<Self, Error> {
        // A name that the scope's paths hold may come out as a part of them.
        let told = |name: &str| {
            let folded = name.to_lowercase();
            paths.iter().any(|path| path.to_lowercase().contains(&folded))
        };
        // What the customer's own people are called is no secret of somebody else's.
        let is_own = |found: &str| {
            let folded = found.to_lowercase();
            let of = |name: &String| name.to_lowercase().contains(&folded);
            told(found)
                || users
                    .iter()
                    .any(|user| of(&user.username) || user.emails.iter().any(of) || user.names.iter().any(of))
        };
        let mut examples = Vec::new();
        for rule in &rules.rules {
            let pattern = regex(&rule.pattern).map_err(|_| {
                let message = format!("the pattern of rule {:?} cannot be compiled", rule.id);
                Error::new(ErrorKind::Config, message)
            })?;
            for example in &rule.examples {
                let mut captures = pattern.create_captures();
                pattern.captures(example.as_bytes(), &mut captures);
                let found = captures.get_group(1).or_else(|| captures.get_group(0));
                let found = found.and_then(|span| whole_words(example, span.range()));
                // Of several lines the longest; a word of a few letters says nothing wherever it stands.
                let found =
                    found.and_then(|found| found.lines().map(str::trim).max_by_key(|line| line.len()));
                if let Some(found) = found.filter(|found| found.len() >= 6 && !is_own(found)) {
                    let kind = format!("rule.{}", rule.kind.as_str());
                    examples.push(Canary::new(&kind, example.as_str(), &[found]));
                }
            }
        }
        let scope_users = users
            .iter()
            .flat_map(|user| {
                [&user.username]
                    .into_iter()
                    .chain(&user.emails)
                    .chain(&user.names)
            })
            .filter(|name| name.len() >= 4 && !told(name))
            .map(|name| Canary {
                support_only: true,
                ..Canary::new("scope.user", name.as_str(), &[])
            })
            .collect();
        Ok(Self {
            profile,
            examples,
            scope_users,
        })
    }

    /// The canary of a name of the scope, if it may not come out where personal data was not asked for.
    pub(super) fn scope_user(&self, name: &str) -> Option<Canary> {
        self.scope_users
            .iter()
            .find(|canary| canary.text == name)
            .cloned()
    }

    /// A word that is in no vocabulary.
    pub(super) fn word(&self, random: &mut Random) -> String {
        loop {
            let word: String = (0..4)
                .flat_map(|_| [random.of(b"bdfgkmprtvz"), random.of(b"aeiou")])
                .map(char::from)
                .collect();
            if !self.profile.vocabulary.words.contains(&word) {
                return format!("{word}{}", char::from(random.of(b"kqxz")));
            }
        }
    }

    pub(super) fn person(&self, random: &mut Random) -> Person {
        let (first, last) = (self.word(random), self.word(random));
        let capital = |word: &str| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        };
        Person {
            username: format!("{first}.{last}"),
            id: 100_000 + random.below(900_000) as u64,
            email: format!("{first}@{last}.example"),
            name: format!("{} {}", capital(&first), capital(&last)),
            address: address(random),
        }
    }

    /// The canaries that a record of `person` may hold, in an order that changes from one to the next.
    /// `known_id` says whether the record names the person's id in a field of that class.
    pub(super) fn canaries(&self, random: &mut Random, person: &Person, known_id: bool) -> Vec<Canary> {
        let mut all = self.credentials(random);
        all.extend(self.system(random));
        all.extend(personal(random));
        let (group, app) = (self.word(random), self.word(random));
        all.extend([
            Canary::new("foreign.user", person.username.as_str(), &[]),
            Canary::new("foreign.user", format!("@{}", self.word(random)), &[]),
            Canary::new("foreign.unknown_name", self.word(random), &[]),
            Canary::new("foreign.email", person.email.as_str(), &[]),
            Canary::new("foreign.name", person.name.as_str(), &[]),
            Canary::new("foreign.namespace", group.as_str(), &[]),
            Canary::new("foreign.project", format!("{group}/{app}"), &[&app]),
            Canary::new("foreign.address", address(random), &[]),
        ]);
        if known_id {
            all.push(Canary::new("foreign.user_id", person.id.to_string(), &[]));
        }
        all.extend(self.examples.iter().cloned());
        all.extend(self.scope_users.iter().cloned());
        random.shuffle(&mut all);
        all
    }

    fn credentials(&self, random: &mut Random) -> Vec<Canary> {
        let mut all = Vec::new();
        let mut prefixed = |kind: &str, prefix: &str, length: usize, letters: &[u8]| {
            let token = format!("{prefix}{}", text(random, length, letters));
            all.push(Canary::new(kind, token.as_str(), &[&token]));
        };
        for prefix in [
            "glpat-",
            "gldt-",
            "glrt-",
            "glptt-",
            "glcbt-",
            "glsoat-",
            "GR1348941",
        ] {
            prefixed("credential.gitlab", prefix, 20, ALNUM);
        }
        prefixed("credential.cloud", "AKIA", 16, UPPER);
        prefixed("credential.cloud", "AIza", 35, ALNUM);
        prefixed("credential.cloud", "ya29.", 40, ALNUM);
        prefixed("credential.provider", "ghp_", 36, ALNUM);
        prefixed("credential.provider", "xoxb-", 40, ALNUM);
        prefixed("credential.provider", "sk_live_", 24, ALNUM);
        prefixed("credential.provider", "npm_", 36, ALNUM);
        prefixed("credential.provider", "hvs.", 24, ALNUM);
        prefixed("credential.random", "", 40, ALNUM);
        prefixed("credential.random", "", 64, b"0123456789abcdef");
        let signature = text(random, 43, ALNUM);
        let claims = base64(
            format!("{{\"sub\":\"{}\"}}", self.word(random)).as_bytes(),
            STANDARD,
        );
        let jwt = format!(
            "eyJhbGciOiJIUzI1NiJ9.{}.{signature}",
            claims.trim_end_matches('=')
        );
        all.push(Canary::new("credential.jwt", jwt, &[&signature]));
        let body = text(random, 64, ALNUM);
        let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----");
        all.push(Canary::new("credential.pem", pem, &[&body]));
        for (kind, before, after) in [
            ("credential.url", "postgres://app:", "@db.example:5432/main"),
            ("credential.header", "Authorization: Bearer ", ""),
            ("credential.key_value", "password=", ""),
            ("credential.key_value", "api_key: ", ""),
            (
                "credential.signed_url",
                "https://b.example/o?X-Amz-Signature=",
                "&x=1",
            ),
        ] {
            let secret = text(random, 24, ALNUM);
            all.push(Canary::new(kind, format!("{before}{secret}{after}"), &[&secret]));
        }
        // Made of a harmless word: only what stands before it tells.
        let word = ["sunshine", "football", "butterfly", "strawberry"];
        let word = word.get(random.below(word.len())).copied().unwrap_or("sunshine");
        all.push(Canary::new(
            "credential.words",
            format!("password={word}"),
            &[word],
        ));
        all
    }

    fn system(&self, random: &mut Random) -> Vec<Canary> {
        let (one, two, three, four) = (
            self.word(random),
            self.word(random),
            self.word(random),
            self.word(random),
        );
        let domains = self.profile.internal_domains.iter();
        let domain = domains.filter(|domain| domain.starts_with('.')).nth(0);
        let domain = domain.map_or(".internal", String::as_str);
        let octet = |random: &mut Random| 1 + random.below(254);
        let inside = format!("10.{}.{}.{}", octet(random), octet(random), octet(random));
        vec![
            Canary::new(
                "system.host",
                format!("{one}-01{domain}"),
                &[&format!("{one}-01")],
            ),
            Canary::new("system.address", inside, &[]),
            Canary::new("system.path", format!("/var/opt/gitlab/git-data/{two}"), &[&two]),
            Canary::new(
                "system.sql",
                format!("SELECT \"{three}\".* FROM \"{three}\" WHERE \"{three}\".\"id\" = 1"),
                &[&three],
            ),
            Canary::new(
                "system.frame",
                format!("app/services/{four}_service.rb:42:in `execute'"),
                &[&format!("{four}_service")],
            ),
        ]
    }
}

fn personal(random: &mut Random) -> Vec<Canary> {
    let digits = |random: &mut Random, count: usize| text(random, count, b"123456789");
    let (phone, card) = (digits(random, 7), digits(random, 14));
    let card = with_luhn(&format!("4{card}"));
    let account = digits(random, 18);
    let iban = with_iban_check("DE", &account);
    let mac: Vec<String> = (0..6).map(|_| format!("{:02x}", random.below(256))).collect();
    vec![
        Canary::new("personal.phone", format!("+49 170 {phone}"), &[&phone]),
        Canary::new("personal.card", card.as_str(), &[&card]),
        Canary::new("personal.iban", iban.as_str(), &[&iban]),
        Canary::new("personal.mac", mac.join(":"), &[]),
    ]
}

const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn text(random: &mut Random, length: usize, letters: &[u8]) -> String {
    (0..length).map(|_| char::from(random.of(letters))).collect()
}

/// An address outside the platform, of no documentation range.
pub(super) fn address(random: &mut Random) -> String {
    let octet = |random: &mut Random| 1 + random.below(254);
    format!("93.{}.{}.{}", octet(random), octet(random), octet(random))
}

/// The digits and Luhn's check digit behind them.
fn with_luhn(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte - b'0');
            let doubled = if at % 2 == 0 { digit * 2 } else { digit };
            doubled / 10 + doubled % 10
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// An account number as an IBAN (ISO 13616), for a country of two capitals and digits alone.
fn with_iban_check(country: &str, account: &str) -> String {
    let letters = country.bytes().map(|byte| (byte - b'A' + 10).to_string());
    let number = format!("{account}{}00", letters.collect::<String>());
    let remainder = number
        .bytes()
        .fold(0, |rest, byte| (rest * 10 + u32::from(byte - b'0')) % 97);
    format!("{country}{:02}{account}", 98 - remainder)
}

/// What lies in a span and the rest of the words that it cuts.
fn whole_words(text: &str, span: std::ops::Range<usize>) -> Option<&str> {
    let joins = |c: &char| c.is_alphanumeric();
    let length =
        |chars: &mut dyn Iterator<Item = char>| chars.take_while(joins).map(char::len_utf8).sum::<usize>();
    let found = text.get(span.clone())?;
    let before = if found.starts_with(char::is_alphanumeric) {
        length(&mut text.get(..span.start)?.chars().rev())
    } else {
        0
    };
    let after = if found.ends_with(char::is_alphanumeric) {
        length(&mut text.get(span.end..)?.chars())
    } else {
        0
    };
    text.get(span.start - before..span.end + after)
}

fn regex(pattern: &str) -> Result<regex_automata::meta::Regex, Box<regex_automata::meta::BuildError>> {
    let syntax = regex_automata::util::syntax::Config::new()
        .unicode(false)
        .utf8(false);
    regex_automata::meta::Regex::builder()
        .syntax(syntax)
        .build(pattern)
        .map_err(Box::new)
}

/// How a value is written.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Encoding {
    Plain,
    Escapes,
    EscapesTwice,
    Percent,
    PercentTwice,
    Html,
    Hex,
    Base64,
    Base64Url,
    Base64Twice,
    PercentInBase64,
    GzipBase64,
    NestedJson,
}

impl Encoding {
    pub(super) const ALL: [Self; 13] = [
        Self::Plain,
        Self::Escapes,
        Self::EscapesTwice,
        Self::Percent,
        Self::PercentTwice,
        Self::Html,
        Self::Hex,
        Self::Base64,
        Self::Base64Url,
        Self::Base64Twice,
        Self::PercentInBase64,
        Self::GzipBase64,
        Self::NestedJson,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Escapes => "\\u",
            Self::EscapesTwice => "\\\\u",
            Self::Percent => "%",
            Self::PercentTwice => "%25",
            Self::Html => "&#x",
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Base64Twice => "base64²",
            Self::PercentInBase64 => "base64(%)",
            Self::GzipBase64 => "gzip",
            Self::NestedJson => "json",
        }
    }

    /// The value inside a JSON string: escaped where JSON needs it, without quotes.
    #[expect(clippy::format_collect, reason = "short values, written once")]
    pub(super) fn body(self, text: &str) -> String {
        let escapes = |text: &str| {
            let units = text.encode_utf16();
            units.map(|unit| format!("\\u{unit:04x}")).collect::<String>()
        };
        let percent = |text: &str| {
            text.bytes()
                .map(|byte| format!("%{byte:02X}"))
                .collect::<String>()
        };
        let encoded = match self {
            Self::Escapes => return escapes(text),
            Self::Plain => text.to_owned(),
            Self::EscapesTwice => escapes(text),
            Self::Percent => percent(text),
            Self::PercentTwice => percent(text).replace('%', "%25"),
            Self::Html => text.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect(),
            Self::Hex => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
            Self::Base64 => base64(text.as_bytes(), STANDARD),
            Self::Base64Url => base64(text.as_bytes(), URL).trim_end_matches('=').to_owned(),
            Self::Base64Twice => base64(base64(text.as_bytes(), STANDARD).as_bytes(), STANDARD),
            Self::PercentInBase64 => base64(percent(text).as_bytes(), STANDARD),
            Self::GzipBase64 => base64(&gzip(text.as_bytes()), STANDARD),
            Self::NestedJson => format!("{{\"note\":{}}}", quoted(text)),
        };
        let quoted = quoted(&encoded);
        quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
    }
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string always has a JSON form")
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place) & 63) as usize;
            let letter = alphabet.get(index).copied().unwrap_or(b'A');
            out.push(if place > chunk.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = to.write_all(bytes).and_then(|()| to.finish());
    written.expect("a Vec takes everything")
}
