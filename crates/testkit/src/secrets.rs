//! Credentials by the thousand: GitLab's own formats, passwords of ordinary words, keys in PEM; and the
//! ways in which they come to stand in a text.
//!
//! Nothing here is live: every secret is drawn from a seed.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::Random;

const BASE64URL: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
const BASE36: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const HEX: &[u8] = b"0123456789abcdef";

fn draw(random: &mut Random, of: &[u8], len: usize) -> String {
    (0..len).map(|_| char::from(of[random.below(of.len())])).collect()
}

fn base36(mut number: u64, width: usize) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.len() < width {
        digits.push(char::from(BASE36[(number % 36) as usize]));
        number /= 36;
    }
    digits.iter().rev().collect()
}

/// CRC-32 as zlib has it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// A token whose payload names the accounts that it belongs to, with its checksum
/// (GitLab's `routable_token.rb`). `versioned` tokens are those made since July 2025.
fn routable(random: &mut Random, prefix: &str, versioned: bool) -> String {
    let routing = format!(
        "g:{}\no:{}\np:{}\nu:{}",
        base36(random.below(1 << 20) as u64, 1),
        base36(1 + random.below(9) as u64, 1),
        base36(random.below(1 << 26) as u64, 1),
        base36(random.below(1 << 24) as u64, 1),
    );
    let mut payload: Vec<u8> = (0..16).map(|_| random.next() as u8).collect();
    payload.extend(routing.bytes());
    payload.push(routing.len() as u8);
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let version = if versioned { "01." } else { "" };
    let head = format!("{prefix}{payload}.{version}{}", base36(payload.len() as u64, 2));
    let crc = base36(u64::from(crc32(head.as_bytes())), 7);
    head + &crc
}

fn jwt(random: &mut Random) -> String {
    let header = URL_SAFE_NO_PAD.encode(format!(
        r#"{{"kid":"{}","typ":"JWT","alg":"RS256"}}"#,
        draw(random, BASE64URL, 43)
    ));
    let payload = URL_SAFE_NO_PAD.encode(format!(
        r#"{{"version":"0.1.0","o":"1","u":"{}","p":"{}","sub":"gid://gitlab/Ci::Build/{}"}}"#,
        base36(random.below(1 << 20) as u64, 1),
        base36(random.below(1 << 20) as u64, 1),
        random.below(1 << 30)
    ));
    format!("{header}.{payload}.{}", draw(random, BASE64URL, 342))
}

/// One token of every form of GitLab's, each with the name of its form.
pub fn gitlab_tokens(random: &mut Random) -> Vec<(&'static str, String)> {
    let simple = [
        ("personal access token", "glpat-", 20),
        ("deploy token", "gldt-", 20),
        ("runner token", "glrt-", 20),
        ("runner token, partition 1", "glrt-t1_", 20),
        ("runner token, partition 3", "glrt-t3_", 20),
        ("runner token, registered", "glrtr-", 20),
        ("runner token, registered, partition 2", "glrtr-t2_", 20),
        ("runner token, bare", "t1_", 20),
        ("runner registration token", "GR1348941", 20),
        ("feed token", "glft-", 20),
        ("incoming mail token", "glimt-", 25),
        ("agent token", "glagent-", 50),
        ("application secret", "gloas-", 64),
        ("SCIM token", "glsoat-", 20),
        ("feature flags token", "glffct-", 20),
        ("workspace token", "glwt-", 20),
        ("token of another prefix", "acme_corp-glpat-", 20),
    ];
    let mut all: Vec<(&str, String)> = simple
        .into_iter()
        .map(|(form, prefix, len)| (form, format!("{prefix}{}", draw(random, BASE64URL, len))))
        .collect();
    all.extend([
        (
            "personal access token, routable",
            routable(random, "glpat-", false),
        ),
        (
            "personal access token, versioned",
            routable(random, "glpat-", true),
        ),
        (
            "token of another prefix, versioned",
            routable(random, "acme-glpat-", true),
        ),
        ("runner token, versioned", routable(random, "glrt-t1_", true)),
        ("deploy token, versioned", routable(random, "gldt-", true)),
        (
            "job token",
            format!(
                "glcbt-{}_{}",
                draw(random, BASE36, 2),
                draw(random, BASE64URL, 20)
            ),
        ),
        ("job token, JWT", format!("glcbt-{}", jwt(random))),
        ("trigger token", format!("glptt-{}", draw(random, HEX, 40))),
        (
            "feed token, path-bound",
            format!("glft-{}-{}", draw(random, HEX, 64), random.below(1 << 20)),
        ),
        ("OAuth token", draw(random, HEX, 64)),
        ("session", format!("_gitlab_session={}", draw(random, HEX, 32))),
    ]);
    all
}

/// A private key in PEM, with the line breaks of one.
pub fn pem(random: &mut Random) -> String {
    let kind = random.of(&[
        "RSA PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "EC PRIVATE KEY",
        "PRIVATE KEY",
    ]);
    let mut out = format!("-----BEGIN {kind}-----\n");
    for _ in 0..6 {
        let bytes: Vec<u8> = (0..48).map(|_| random.next() as u8).collect();
        out += &STANDARD.encode(bytes);
        out.push('\n');
    }
    out + &format!("-----END {kind}-----\n")
}

/// How hard an encoding is to see through.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// What logs are full of.
    Core,
    /// What somebody would have to mean.
    Stretch,
}

/// A secret in every encoding.
pub fn encodings(secret: &str) -> Vec<(&'static str, Level, String)> {
    let each = |format: fn(u8) -> String| secret.bytes().map(format).collect::<String>();
    let gzip = || {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer
            .write_all(secret.as_bytes())
            .and_then(|()| writer.finish())
            .unwrap_or_default()
    };
    let percent = each(|byte| format!("%{byte:02X}"));
    let mixed = secret
        .bytes()
        .enumerate()
        .fold(String::new(), |mut out, (at, byte)| {
            if at % 3 == 1 || !byte.is_ascii_alphanumeric() {
                let _ = write!(out, "%{byte:02x}");
            } else {
                out.push(char::from(byte));
            }
            out
        });
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let between = |mark: &str| {
        secret
            .split("")
            .filter(|c| !c.is_empty())
            .collect::<Vec<_>>()
            .join(mark)
    };
    let lines = |text: &str, mark: &str| {
        let chars: Vec<char> = text.chars().collect();
        let parts: Vec<String> = chars.chunks(12).map(|part| part.iter().collect()).collect();
        parts.join(mark)
    };
    let base64 = STANDARD.encode(secret);
    vec![
        ("plain", Level::Core, secret.to_owned()),
        ("percent, all", Level::Core, percent.clone()),
        ("percent, some", Level::Core, mixed),
        ("percent, twice", Level::Core, percent.replace('%', "%25")),
        ("base64", Level::Core, base64.clone()),
        ("base64, URL-safe", Level::Core, URL_SAFE_NO_PAD.encode(secret)),
        (
            "base64, user before",
            Level::Core,
            STANDARD.encode(format!("oauth2:{secret}")),
        ),
        (
            "base64, in JSON before",
            Level::Core,
            STANDARD_NO_PAD.encode(format!("{{\"t\":\"{secret}\"}}")),
        ),
        ("base64, twice", Level::Core, STANDARD.encode(&base64)),
        ("hex", Level::Core, each(|byte| format!("{byte:02x}"))),
        ("hex, capitals", Level::Core, each(|byte| format!("{byte:02X}"))),
        ("hex, escaped", Level::Core, each(|byte| format!("\\x{byte:02x}"))),
        ("JSON escapes", Level::Core, each(|byte| format!("\\u{byte:04x}"))),
        (
            "JSON in JSON",
            Level::Core,
            serde_json::json!(serde_json::json!({ "k": secret }).to_string()).to_string(),
        ),
        ("HTML, decimal", Level::Core, each(|byte| format!("&#{byte};"))),
        ("HTML, hex", Level::Core, each(|byte| format!("&#x{byte:x};"))),
        ("zero-width", Level::Core, between("\u{200b}")),
        (
            "colours",
            Level::Core,
            format!("\u{1b}[31m{}\u{1b}[0m", lines(secret, "\u{1b}[1m")),
        ),
        ("wrapped", Level::Stretch, lines(secret, "\n")),
        ("base64, wrapped", Level::Stretch, lines(&base64, "\r\n")),
        ("base64 of UTF-16", Level::Stretch, STANDARD.encode(utf16)),
        ("base64 of gzip", Level::Stretch, STANDARD.encode(gzip())),
        ("spaced", Level::Stretch, between(" ")),
        ("dotted", Level::Stretch, between(".")),
        ("backwards", Level::Stretch, secret.chars().rev().collect()),
    ]
}

/// A secret in every surrounding in which one is met. The texts hold no other word of it.
pub fn contexts(secret: &str) -> Vec<(&'static str, String)> {
    vec![
        ("bare", secret.to_owned()),
        (
            "in a sentence",
            format!("Failed to update the branch with {secret} for the pipeline"),
        ),
        ("at an end", format!("could not read the file: {secret}.")),
        ("in quotes", format!("unknown option '{secret}' given")),
        ("in brackets", format!("request refused [{secret}] (retry)")),
        ("glued before", format!("token_{secret}")),
        (
            "behind a slash",
            format!("https://gitlab.example.com/api/v4/x/{secret}/y"),
        ),
        (
            "in a URL's user",
            format!("git clone https://oauth2:{secret}@gitlab.example.com/acme/web.git failed"),
        ),
        ("comma list", format!("start,{secret},end")),
    ]
}

/// Words of which passwords are made: every one belongs to the shipped vocabulary.
pub const PASSWORD_WORDS: &[&str] = &[
    "correct", "window", "table", "market", "morning", "planet", "paper", "letter", "colour", "bridge",
    "water", "answer", "ocean", "island", "music", "picture", "engine", "signal", "metal", "circle",
    "square", "simple", "quick", "silent",
];

/// A password in every notation that says that it is one. `inline` is what stands on the same line.
pub fn notations(password: &str) -> Vec<(&'static str, String)> {
    let json = serde_json::Value::from(password);
    vec![
        ("password: x", format!("password: {password}")),
        ("Password: x, more", format!("Login failed. Password: {password}")),
        ("password=x", format!("password={password}")),
        ("pwd=x", format!("pwd={password}")),
        ("passwd = x", format!("passwd = {password}")),
        ("password => x", format!("password => {password}")),
        ("password is x", format!("the password is {password}")),
        ("passphrase 'x'", format!("passphrase '{password}'")),
        ("secret: x", format!("client secret: {password}")),
        ("token: x", format!("token: {password}")),
        ("api_key: x", format!("api_key: {password}")),
        (
            "JSON",
            format!("request body {{\"user\": \"x\", \"password\": {json}}}"),
        ),
        ("JSON, tight", format!("{{\"password\":{json},\"remember\":1}}")),
        (
            "JSON, escaped",
            serde_json::json!(format!("{{\"password\":{json}}}")).to_string(),
        ),
        ("YAML", format!("config:\n  password: {password}\n  port: 22")),
        ("YAML, quoted", format!("config:\n  password: \"{password}\"\n")),
        (
            "Ruby hash",
            format!("Parameters: {{\"login\"=>\"x\", \"password\"=>\"{password}\"}}"),
        ),
        (
            "Ruby symbols",
            format!("{{:login=>\"x\", :password=>\"{password}\"}}"),
        ),
        (
            "Ruby keywords",
            format!("login(user: \"x\", password: \"{password}\")"),
        ),
        ("Python", format!("connect(user='x', password='{password}')")),
        ("XML", format!("<login><password>{password}</password></login>")),
        ("XML attribute", format!("<login password=\"{password}\"/>")),
        (
            "query",
            format!("GET /login?user=x&password={}&page=1", password.replace(' ', "+")),
        ),
        (
            "query, escaped",
            format!(
                "GET /login?user=x&password={}&page=1",
                password.replace(' ', "%20")
            ),
        ),
        ("header", format!("Authorization: Bearer {password}")),
        ("header, own", format!("PRIVATE-TOKEN: {password}")),
        (
            "header, basic",
            format!(
                "Authorization: Basic {}",
                STANDARD.encode(format!("x:{password}"))
            ),
        ),
        ("cookie", format!("Cookie: session={password}; path=/")),
        ("flag", format!("deploy --user x --password {password} --force")),
        ("flag, equals", format!("deploy --password={password} --force")),
        (
            "flag, quoted",
            format!("deploy --password \"{password}\" --force"),
        ),
        ("short flag", format!("mysql -u x -p {password} database")),
        ("short flag, glued", format!("mysql -u x -p{password} database")),
        ("variable", format!("export DB_PASSWORD={password}")),
        ("variable, quoted", format!("DB_PASSWORD=\"{password}\" make")),
        ("login with x/y", format!("login with x/{password}")),
        (
            "user:password@",
            format!("https://x:{}@host.example/acme", password.replace(' ', "%20")),
        ),
        (
            "connection",
            format!("Server=db;User Id=x;Password={password};Port=22"),
        ),
        ("prose", format!("changed the password to {password}")),
        ("prose, from", format!("changed password from {password}")),
        ("prose, using", format!("signed in using password {password}")),
    ]
}

/// A password of `count` ordinary words, joined by `joint`.
pub fn word_password(random: &mut Random, count: usize, joint: &str) -> String {
    let words: Vec<&str> = (0..count).map(|_| random.of(PASSWORD_WORDS)).collect();
    words.join(joint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_zlibs() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(base36(0, 2), "00");
        assert_eq!(base36(36, 1), "10");
    }

    #[test]
    fn every_form_is_drawn_once_and_differs_from_seed_to_seed() {
        let (one, other) = (
            gitlab_tokens(&mut Random::new(1)),
            gitlab_tokens(&mut Random::new(2)),
        );
        assert!(one.len() >= 25);
        for ((form, token), (_, another)) in one.iter().zip(&other) {
            assert_ne!(token, another, "{form}");
            assert!(token.len() >= 20, "{form}");
        }
    }

    #[test]
    fn encodings_can_be_undone() {
        let secret = "glpat-AbCdEfGhIjKlMnOpQrSt";
        for (name, level, encoded) in encodings(secret) {
            let views = crate::laws::views(&encoded);
            let seen = views.iter().any(|view| view.contains(secret));
            assert!(
                seen || level == Level::Stretch || name == "hex, escaped",
                "{name}: {views:?}"
            );
        }
    }
}
