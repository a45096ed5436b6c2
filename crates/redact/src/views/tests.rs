#![expect(clippy::format_collect, reason = "short texts, written once")]
use proptest::prelude::*;

use super::*;

/// The views of a text, with what each of their bytes was made of.
fn views(text: &str) -> Option<Vec<View>> {
    let mut views = Vec::new();
    let mut work = Work::of(text.len());
    each(text.as_bytes(), &mut work, &mut |view, _| {
        views.push(View {
            text: view.text.clone(),
            from: view.from.clone(),
            to: view.to.clone(),
            depth: view.depth,
        });
        Some(())
    })?;
    Some(views)
}

/// Where a text stands in a view of another one, as spans of that.
fn sources(text: &str, wanted: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for view in views(text).expect("within the bounds") {
        let hits = view.text.windows(wanted.len()).enumerate();
        let hits = hits.filter(|(_, window)| *window == wanted.as_bytes());
        found.extend(hits.map(|(at, _)| view.source(at, at + wanted.len())));
    }
    found
}

const ALPHABETS: [&[u8; 64]; 2] = [
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
];

/// Encoders of the test's own, written from the definitions.
fn encode(text: &str, way: usize) -> String {
    let each = |f: &dyn Fn(u8) -> String| text.bytes().map(f).collect::<String>();
    let chars = |f: &dyn Fn(u32) -> String| text.chars().map(|c| f(u32::from(c))).collect::<String>();
    match way {
        0 => each(&|b| format!("%{b:02X}")),
        1 => each(&|b| format!("%{b:02x}")),
        2 => chars(&|c| format!("\\u{c:04x}")),
        3 => each(&|b| format!("\\x{b:02X}")),
        4 => chars(&|c| format!("&#{c};")),
        5 => chars(&|c| format!("&#x{c:x};")),
        6 | 7 => {
            let bits: String = text.bytes().map(|b| format!("{b:08b}")).collect();
            let bits = format!("{bits:0<width$}", width = bits.len().div_ceil(6) * 6);
            (0..bits.len() / 6)
                .map(|n| usize::from_str_radix(&bits[n * 6..n * 6 + 6], 2).expect("bits"))
                .map(|n| char::from(ALPHABETS[way - 6][n]))
                .collect()
        }
        8 => each(&|b| format!("{b:02x}")),
        9 => each(&|b| format!("{b:02X}")),
        10 => chars(&|c| format!("\\u{{{c:x}}}")),
        11 => each(&|b| format!("\\{b:03o}")),
        12 => {
            let mut out = String::new();
            for (nth, c) in text.chars().enumerate() {
                out.push_str(if nth % 3 == 1 { "\u{1b}[31m" } else { "" });
                out.push_str(if nth % 5 == 2 { "\u{200b}" } else { "" });
                out.push(c);
            }
            out
        }
        13 => {
            let chars: Vec<String> = text.chars().map(String::from).collect();
            chars
                .chunks(7)
                .map(<[String]>::concat)
                .collect::<Vec<_>>()
                .join("\r\n    ")
        }
        14 => text
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('/', "\\/"),
        _ => each(&|b| {
            char::from_u32(u32::from(b) + 0xfee0)
                .expect("full width")
                .to_string()
        }),
    }
}
const WAYS: usize = 16;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever the order of encodings, the text comes out, and its span is what it was encoded to.
    #[test]
    fn every_chain_of_encodings_is_undone(
        secret in "[A-Za-z0-9][A-Za-z0-9._=/-]{10,30}[A-Za-z0-9]",
        ways in proptest::collection::vec(0..WAYS, 1..=4),
        before in "(at |say: |\\(|, )",
        behind in "( then|,|\\)| and)",
    ) {
        let mut last = WAYS;
        let encoded = ways.iter().fold(secret.clone(), |text, way| {
            // Wide forms are of ASCII, and a terminal sequence that is cut in two is none.
            let cannot = *way == 15 && !text.bytes().all(|b| (0x21..0x7f).contains(&b))
                || last == 12 && matches!(way, 12..=14);
            last = if cannot { last } else { *way };
            if cannot { text } else { encode(&text, *way) }
        });
        prop_assume!(encoded != secret && encoded.len() < 20_000);
        // By chance the secret itself looks encoded, and lies too deep.
        prop_assume!(ways.len() < 4 || views(&format!("{before}{encoded}{behind}")).is_some());
        let text = format!("{before}{encoded}{behind}");
        let whole = (before.len(), before.len() + encoded.len());
        let found = sources(&text, &secret);
        prop_assert!(found.contains(&whole), "{ways:?} of {secret}: {found:?}, not {whole:?}");
    }

    /// Base64 at any place of a longer run.
    #[test]
    fn base64_is_found_at_every_alignment(secret in "[A-Za-z0-9._=-]{12,30}", inner in "[a-z]{0,3}", outer in "[A-Za-z0-9]{0,5}") {
        let encoded = encode(&format!("{inner}{secret}"), 6);
        let text = format!("of {outer}{encoded} it");
        let found = sources(&text, &secret);
        let start = 3 + outer.len();
        let covers = |(first, last): &(usize, usize)| {
            (start..=start + inner.len() * 4 / 3 + 1).contains(first) && *last == start + encoded.len()
        };
        prop_assert!(found.iter().any(covers), "{text}: {found:?}");
    }

    /// Decoding takes from no byte beyond the text, and never ends in a panic.
    #[test]
    fn any_text_has_views(text in "([a-zA-Z0-9%\\\\&#;xu{}+/=\u{1b}\\[\n\u{200b}é]{0,80}|\\PC{0,80})") {
        for view in views(&text).into_iter().flatten() {
            prop_assert_eq!(view.text.len(), view.from.len());
            prop_assert_eq!(view.text.len(), view.to.len());
            for at in 0..view.text.len() {
                let (start, end) = view.source(at, at + 1);
                prop_assert!(start < end && end <= text.len(), "{at} of {view:?}");
            }
        }
    }
}

#[test]
fn ordinary_text_has_no_views() {
    for text in [
        "Could not push to the protected branch, 50% done",
        "ProjectAuthorizationsRecalculation and authentication were internationalized",
        "a+ b & c",
        "JID-0123456789ab: done: 0.557 sec",
        "déjà vu",
    ] {
        assert_eq!(views(text).map(|views| views.len()), Some(0), "{text}");
    }
}

#[test]
fn what_is_nested_too_deeply_is_not_known() {
    let mut text = "glpat-AbCdEfGhIjKlMnOpQrSt".to_owned();
    for depth in 0..8 {
        let known = views(&text);
        assert_eq!(known.is_some(), depth <= 6, "{depth}");
        text = encode(&text, 0);
    }
    // Escaped backslashes, as of JSON in JSON in JSON.
    for (count, known) in [(2, true), (64, true), (128, false)] {
        let text = format!("a{}b", "\\".repeat(count));
        assert_eq!(views(&text).is_some(), known, "{count}");
    }
}

#[test]
fn hostile_texts_are_bounded() {
    let length = 64 << 10;
    let base64 = encode("correct horse battery staple", 6);
    for text in [
        "%25".repeat(length / 3),
        format!("%{}41", "25".repeat(length / 2 - 2)),
        "\\".repeat(length),
        "\\u005c".repeat(length / 6),
        "&amp;".repeat(length / 5),
        "&#38;#38;".repeat(length / 9),
        format!("{base64} ").repeat(length / 40),
        "ab+\n".repeat(length / 4),
        "%2B\\n&amp;+x\n".repeat(length / 13),
        "\u{1b}[".repeat(length / 2),
        "\u{200b}".repeat(length / 3),
        "\\u".repeat(length / 2),
        "4".repeat(length),
        "&#".repeat(length / 2),
        "\u{1b}]".repeat(length / 2),
    ] {
        let mut work = Work::of(text.len());
        let before = work.left();
        let _ = each(text.as_bytes(), &mut work, &mut |_, _| Some(()));
        let spent = before - work.left();
        assert!(spent <= 24 * length, "{:?}: {spent}", &text.get(..12));
    }
}
