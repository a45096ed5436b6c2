//! What is planted in a text is found in whatever way it is written.

#![expect(clippy::format_collect, reason = "short texts, written once")]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use std::io::Write;

use crate::survival::Look;
use crate::testing::{hex, verifier};
use crate::verifier::Verifier;

const PLANTS: &[&str] = &[
    "mallory.smith42",
    "MALLORY.Smith42",
    "mallory@othercorp.example",
    "othercorp.example",
    "Mallory Smithers",
    "Smithers",
    "7654321",
    "user-7654321",
    "gid://gitlab/User/7654321",
    "project_8877665_bot",
    "othercorp/secret-lab/zeta9",
    "othercorp/secret-lab",
    "secret-lab",
    "81.2.69.160",
    "2001:db8:1:0::77",
    "glpat-AbCdEfGhIjKlMnOpQrSt",
    "acme-glpat-AbCdEfGhIjKlMnOpQrStUvWxYz012345.01.0w1abcdef",
    "AKIAABCDEFGHIJKLMNOP",
    "ghp_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "somebody@elsewhere.example",
    "web-01.c.example.internal",
    "10.20.30.40",
    "https://u:hunter2@host.example",
    "4111111111111111",
    "nfs-file07",
];

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

fn zlib(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn deflate(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn base32(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let quintets = bits.as_bytes().chunks(5).map(|chunk| {
        let digits = format!("{:0<5}", String::from_utf8_lossy(chunk));
        usize::from_str_radix(&digits, 2).expect("bits")
    });
    quintets
        .map(|value| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[value]))
        .collect()
}

fn separated(text: &str, by: &str, before: &str) -> String {
    let each: Vec<String> = text.bytes().map(|byte| format!("{before}{byte:02x}")).collect();
    each.join(by)
}

/// Ways to write a text so that a reader can still get at it.
fn disguises(text: &str) -> Vec<(&'static str, String)> {
    let each = |form: fn(char) -> String| text.chars().map(form).collect::<String>();
    vec![
        ("plain", text.to_owned()),
        ("upper", text.to_uppercase()),
        ("json", serde_json::json!({ "v": text }).to_string()),
        (
            "json in json",
            serde_json::json!({ "v": serde_json::json!({ "w": text }).to_string() }).to_string(),
        ),
        ("\\u", each(|c| format!("\\u{:04x}", u32::from(c)))),
        ("\\u twice", each(|c| format!("\\\\u{:04X}", u32::from(c)))),
        ("\\x", each(|c| format!("\\x{:02x}", u32::from(c)))),
        ("\\u{}", each(|c| format!("\\u{{{:x}}}", u32::from(c)))),
        ("percent", each(|c| format!("%{:02X}", u32::from(c)))),
        ("percent twice", each(|c| format!("%25{:02x}", u32::from(c)))),
        ("%u", each(|c| format!("%u{:04x}", u32::from(c)))),
        ("entities", each(|c| format!("&#{};", u32::from(c)))),
        ("hex entities", each(|c| format!("&#x{:X};", u32::from(c)))),
        ("base64", STANDARD.encode(text)),
        ("base64 bare", STANDARD_NO_PAD.encode(text)),
        ("base64 url", URL_SAFE.encode(format!("ci:{text}"))),
        ("base64 url bare", URL_SAFE_NO_PAD.encode(format!("{text}~"))),
        (
            "base64 in a path",
            format!(
                "main/{}",
                URL_SAFE_NO_PAD.encode(format!("padding {text} padding"))
            ),
        ),
        ("base64 twice", STANDARD.encode(STANDARD.encode(text))),
        (
            "base64 of percent",
            STANDARD.encode(each(|c| format!("%{:02X}", u32::from(c)))),
        ),
        ("hex", hex(text.as_bytes())),
        ("hex upper", hex(text.as_bytes()).to_uppercase()),
        ("hex shifted", format!("a{}", hex(text.as_bytes()))),
        ("hex of base64", hex(STANDARD.encode(text).as_bytes())),
        (
            "utf-16le in base64",
            STANDARD.encode(utf16(text, u16::to_le_bytes)),
        ),
        (
            "utf-16be in base64",
            STANDARD.encode(utf16(text, u16::to_be_bytes)),
        ),
        ("utf-16 in hex", hex(&utf16(text, u16::to_le_bytes))),
        ("nul between", each(|c| format!("{c}\0"))),
        ("gzip in base64", STANDARD.encode(gzip(text))),
        ("gzip in hex", hex(&gzip(text))),
        (
            "base64 in gzip in base64",
            STANDARD.encode(gzip(&STANDARD.encode(text))),
        ),
        (
            "ansi",
            format!("\u{1b}[31m{}\u{1b}[0m", each(|c| format!("{c}\u{1b}[1m"))),
        ),
        ("ansi escaped", format!("\\u001b[31m{text}\\u001b[0m")),
        ("zero width", each(|c| format!("{c}\u{200b}"))),
        (
            "full width",
            each(|c| {
                if c.is_ascii_graphic() {
                    char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c).to_string()
                } else {
                    c.to_string()
                }
            }),
        ),
        (
            "octal",
            each(|c| c.to_string().bytes().map(|b| format!("\\{b:03o}")).collect()),
        ),
        (
            "\\x of bytes",
            text.bytes().map(|b| format!("\\x{b:02X}")).collect(),
        ),
        (
            "quoted-printable",
            text.bytes().map(|b| format!("={b:02X}")).collect(),
        ),
        ("quoted-printable lines", {
            let (head, tail) = text.split_at(text.len() / 2);
            format!("{head}=\r\n{tail}")
        }),
        ("base32", base32(text.as_bytes())),
        (
            "base32 small",
            base32(format!("user of {text}").as_bytes()).to_lowercase(),
        ),
        ("base32 shifted", format!("QQQ{}", base32(text.as_bytes()))),
        ("hex with colons", separated(text, ":", "")),
        ("hex with blanks", separated(text, " ", "")),
        ("hex as in code", separated(text, ", ", "0x")),
        ("zlib in base64", STANDARD.encode(zlib(text))),
        (
            "deflate in base64",
            STANDARD.encode(deflate(&format!("{text} and more"))),
        ),
        (
            "zstd in base64",
            STANDARD.encode(zstd::encode_all(text.as_bytes(), 1).expect("memory")),
        ),
        ("base64 in wrapped lines, escaped", {
            let wrapped: Vec<String> = STANDARD
                .encode(text)
                .as_bytes()
                .chunks(6)
                .map(|part| String::from_utf8_lossy(part).into_owned())
                .collect();
            wrapped.join("\\n")
        }),
        (
            "wrapped",
            text.as_bytes()
                .chunks(5)
                .map(String::from_utf8_lossy)
                .collect::<Vec<_>>()
                .join("\r\n"),
        ),
    ]
}

fn found(verifier: &Verifier, text: &str) -> Option<String> {
    verifier.survives(
        text,
        Look {
            numbers: true,
            code: false,
        },
    )
}

#[test]
fn every_plant_is_found_in_every_disguise() {
    let verifier = verifier(true);
    let mut missed = Vec::new();
    for plant in PLANTS {
        for (form, text) in disguises(plant) {
            // A secret in upper case is another secret.
            let rule = found(&verifier, plant).unwrap_or_default();
            let cased = form == "upper" && rule.starts_with("survival.secret");
            for wrapped in [
                text.clone(),
                format!("see {text} please"),
                format!("{text} x"),
                format!("(\"{text}\")"),
            ] {
                if !cased && found(&verifier, &wrapped).is_none() {
                    missed.push(format!("{form}: {plant}: {wrapped}"));
                }
            }
        }
    }
    assert!(
        missed.is_empty(),
        "{} {:#?}",
        missed.len(),
        missed.get(..30.min(missed.len()))
    );
}

#[test]
fn neighbours_are_not_mistaken() {
    let verifier = verifier(true);
    for harmless in [
        "mallory2.smith4",
        "othercorporation",
        "secret-labs",
        "17654321",
        "76543210",
        "7654321a",
        "user-32",
        "user-3210",
        "group-321",
        "root cause",
        "eve of test",
        "test the user",
        "the group test app",
        "@hashes",
        "project 421",
    ] {
        assert_eq!(found(&verifier, harmless), None, "{harmless}");
    }
    // Somebody's address, but nobody's whom the dive knows.
    for address in ["181.2.69.160", "81.2.69.16", "2001:db8:1::78"] {
        let rule = found(&verifier, address);
        assert!(
            rule.as_ref()
                .is_none_or(|rule| rule.starts_with("survival.personal.")),
            "{address}: {rule:?}"
        );
    }
}

#[test]
fn ordinary_names_are_found_where_their_type_is_told() {
    let verifier = verifier(true);
    for told in [
        "ask @root",
        "username=root",
        "user:root",
        "@eve",
        "author=eve",
        "login=zoë",
        "%40root",
        "by @root.",
    ] {
        assert_eq!(
            found(&verifier, told).as_deref(),
            Some("survival.foreign.user"),
            "{told}"
        );
    }
    for told in [
        "user/321",
        "users:321",
        "project_421_bot_x",
        "gid://gitlab/Project/421",
        "wiki-421",
    ] {
        assert!(found(&verifier, told).is_some(), "{told}");
    }
}

#[test]
fn storage_names_of_foreign_projects_are_found() {
    use sha2::Digest;
    let verifier = verifier(true);
    let digest = |id: &str| hex(&sha2::Sha256::digest(id.as_bytes()));
    assert_eq!(
        found(&verifier, &digest("8877665")).as_deref(),
        Some("survival.foreign.project_id")
    );
    assert_eq!(found(&verifier, &digest("51191")), None);
}

#[test]
fn code_is_cut_at_its_own_boundaries() {
    let verifier = verifier(true);
    let code = Look {
        numbers: true,
        code: true,
    };
    assert_eq!(verifier.survives("othercorp_added", code), None);
    assert!(verifier.survives("othercorp", code).is_some());
    assert!(verifier.survives("Foo::Othercorp#show", code).is_some());
    assert!(
        verifier
            .survives("othercorp_added", Look { code: false, ..code })
            .is_some()
    );
    assert_eq!(
        verifier.survives(
            "ticket 7654321",
            Look {
                numbers: false,
                code: false
            }
        ),
        None
    );
}

#[test]
fn a_bomb_is_undecidable() {
    let verifier = verifier(true);
    let bomb = STANDARD.encode(gzip(&STANDARD.encode("x".repeat(4 << 20))));
    let many: Vec<String> = (0..20_000)
        .map(|n| STANDARD.encode(format!("harmless{n}")))
        .collect();
    let many = many.join(" ");
    for text in [bomb, many, "a".repeat(3 << 20)] {
        let began = std::time::Instant::now();
        let rule = found(&verifier, &text);
        assert!(rule.is_none() || rule.as_deref() == Some("survival.undecidable"));
        // On a busy machine; what is not bounded takes far longer.
        assert!(began.elapsed().as_secs() < 90);
    }
    assert_eq!(
        found(&verifier, &"a ".repeat(1 << 20)).as_deref(),
        Some("survival.undecidable")
    );
}

proptest::proptest! {
    #[test]
    fn a_plant_is_found_among_anything(
        plant in proptest::sample::select(PLANTS),
        form in 0usize..60,
        before in "[a-z ]{0,20}",
        after in "[a-z ]{0,20}",
    ) {
        let verifier = once();
        let all = disguises(plant);
        let (name, text) = &all[form % all.len()];
        if *name != "upper" {
            let text = format!("{before} {text} {after}");
            proptest::prop_assert!(found(verifier, &text).is_some(), "{}: {}", name, text);
        }
    }
}

/// Ways that can be taken one after the other, each one step of depth.
fn steps(text: &str) -> Vec<(&'static str, String)> {
    let bytes = |form: fn(u8) -> String| text.bytes().map(form).collect::<String>();
    vec![
        ("json", serde_json::json!({ "v": text }).to_string()),
        (
            "\\u",
            text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        ),
        ("\\x", bytes(|b| format!("\\x{b:02x}"))),
        ("octal", bytes(|b| format!("\\{b:03o}"))),
        ("percent", bytes(|b| format!("%{b:02X}"))),
        (
            "entities",
            text.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        ),
        ("quoted-printable", bytes(|b| format!("={b:02X}"))),
        ("base64", STANDARD.encode(text)),
        ("base64 url", URL_SAFE_NO_PAD.encode(format!("v={text}"))),
        ("base32", base32(text.as_bytes())),
        ("hex", hex(text.as_bytes())),
        ("gzip", STANDARD.encode(gzip(text))),
        ("deflate", URL_SAFE.encode(deflate(&format!("{text} and more")))),
        ("utf-16le", STANDARD.encode(utf16(text, u16::to_le_bytes))),
        ("utf-16be", STANDARD.encode(utf16(text, u16::to_be_bytes))),
        (
            "zero width",
            text.chars().map(|c| format!("{c}\u{200b}")).collect(),
        ),
        ("ansi", text.chars().map(|c| format!("{c}\u{1b}[1m")).collect()),
    ]
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    #[test]
    fn a_plant_is_found_at_the_end_of_any_chain(
        plant in proptest::sample::select(PLANTS),
        chain in proptest::collection::vec(0usize..17, 1..=4),
    ) {
        let mut text = plant.to_owned();
        let mut names = Vec::new();
        for step in chain {
            let all = steps(&text);
            let (name, next) = all[step % all.len()].clone();
            names.push(name);
            text = next;
        }
        proptest::prop_assert!(text.len() > 1 << 20 || found(once(), &text).is_some(), "{:?} of {}", names, plant);
    }
}

#[test]
fn what_decodes_further_is_undecidable() {
    let verifier = once();
    let deep = |text: &str, times: usize| (0..times).fold(text.to_owned(), |text, _| STANDARD.encode(text));
    assert!(found(verifier, &deep("mallory.smith42", 4)).is_some_and(|rule| rule.contains("foreign")));
    assert_eq!(
        found(verifier, &deep("mallory.smith42", 5)).as_deref(),
        Some("survival.undecidable")
    );
    assert_eq!(found(verifier, &deep("an ordinary message", 4)), None);
    assert_eq!(
        found(verifier, "100%2525252525"),
        Some("survival.undecidable".to_owned())
    );
}

fn once() -> &'static Verifier {
    static ONCE: std::sync::OnceLock<Verifier> = std::sync::OnceLock::new();
    ONCE.get_or_init(|| verifier(true))
}
