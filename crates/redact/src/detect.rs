//! What must not stand in text although each of its words is harmless: the shapes of credentials,
//! statements, stack frames, hosts and paths of the platform.
//!
//! Text is built up from words, so hardly anything gets here; a value in which something does is
//! dropped whole, since what its neighbours say cannot be told.

use std::sync::LazyLock;

use regex_automata::meta::Regex;

/// Shapes, without Unicode classes: hits are found in ASCII.
const SHAPES: &[&str] = &[
    // Credentials that are told by a prefix; words that only begin alike go with them.
    r"gl[a-z]{2,6}-[0-9A-Za-z_-]{12,}",
    r"(?:sk|pypi)-[0-9A-Za-z_-]{24,}",
    r"(?:[rsp]k|whsec|npm|hvs|dckr_pat|gh[a-z]|github_pat)[_.][0-9A-Za-z_-]{16,}",
    r"(?:A[A-Z]{3})[A-Z0-9]{16}",
    r"AIza|ya29\.|GOCSPX-|GR1348941|eyJ[0-9A-Za-z_-]{8}|AGE-SECRET-KEY|shp[a-z]{2}_",
    r"xox[a-z]-|xapp-|hooks\.slack\.com",
    r"-----BEGIN",
    r"ssh-(?:rsa|ed25519|dss) ",
    r"(?i:_gitlab_session)",
    r"(?i:x-(?:amz|goog)-)",
    // Credentials that are told by what stands before them.
    r"(?i:(?:bearer|basic)[\s:=]+[A-Za-z._~+/=-]*[0-9])",
    r"(?i:(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|authorization|otp[_-]?attempt|signature)(?:=|:|=>)[^\s,;\[]{3,})",
    // Statements.
    r#"(?i:\bselect\s+(?:[^\n]*["*(]|[0-9]+\s+as\s)[^\n]*\sfrom\s)"#,
    r"(?i:\binsert\s+into\s)",
    r#"(?i:\bupdate\s+["`][a-z_]+["`]\s+set\s)"#,
    r#"(?i:\bdelete\s+from\s+["`])"#,
    r"(?i:/\*application:)",
    // Stack frames.
    r"\.(?:c|cc|go|java|js|kt|py|rb|rs|ts):[0-9]+",
    r"(?i:\bgoroutine [0-9])",
    r#"(?i:\bfile "[^"]+", line [0-9])"#,
    // Where the platform keeps its files.
    r"(?i:/var/(?:opt|log)/gitlab|/opt/gitlab/|/home/git/|nfs-file[0-9]|gitaly-[0-9]{2}-stor)",
];

static ANY: LazyLock<Regex> = LazyLock::new(|| {
    let syntax = regex_automata::util::syntax::Config::new()
        .unicode(false)
        .utf8(false);
    Regex::builder()
        .syntax(syntax)
        .build_many(SHAPES)
        .expect("constant patterns")
});

/// Whether a text that was built up holds one of the shapes, or a host of an internal domain.
pub(crate) fn is_sensitive(text: &str, internal_domains: &[String]) -> bool {
    ANY.is_match(text) || names_host(text.as_bytes(), internal_domains)
}

/// Shortest run that could be a credential without any prefix, in characters.
const MIN_RANDOM: usize = 16;

/// Whether a segment of a path looks like a credential rather than a name: long, and changing between
/// lower case, upper case and digits at least every third character.
pub(crate) fn looks_random(segment: &str) -> bool {
    let kind = |byte: u8| match byte {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        _ => 0,
    };
    if segment.len() < MIN_RANDOM {
        return false;
    }
    let (mut before, mut count, mut changes) = (None, 0, 0);
    for kind in segment.bytes().map(kind).filter(|kind| *kind != 0) {
        changes += usize::from(before.is_some_and(|before| before != kind));
        before = Some(kind);
        count += 1;
    }
    count >= MIN_RANDOM && changes * 3 >= count
}

/// Whether a text names a host of one of the domains, in any case.
pub(crate) fn names_host(text: &[u8], domains: &[String]) -> bool {
    let label =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    let names = |at: usize, domain: &String| {
        let end = at + domain.len();
        text.get(at..end)
            .is_some_and(|found| found.iter().map(u8::to_ascii_lowercase).eq(domain.bytes()))
            && label(at.checked_sub(1).and_then(|before| text.get(before))) == domain.starts_with('.')
            && !label(text.get(end))
    };
    let is_below = |domain: &&String| domain.starts_with('.');
    let mut dots = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'.')
        .peekable();
    dots.peek().is_some()
        && (dots.any(|(at, _)| domains.iter().filter(is_below).any(|domain| names(at, domain)))
            || domains
                .iter()
                .filter(|domain| !is_below(domain))
                .any(|domain| (0..=text.len()).any(|at| names(at, domain))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The obvious way.
    fn finds_host(text: &str, domains: &[String]) -> bool {
        let folded = text.to_ascii_lowercase();
        let label = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        folded.contains('.')
            && domains.iter().any(|domain| {
                folded.match_indices(domain.as_str()).any(|(at, _)| {
                    label(folded[..at].chars().next_back()) == domain.starts_with('.')
                        && !label(folded[at + domain.len()..].chars().next())
                })
            })
    }

    proptest! {
        #[test]
        fn hosts_are_found_as_in_the_obvious_way(text in "[aAbé.-]{0,4}(\\.ab|a\\.b|b|A\\.B)?[aAbé. ]{0,4}") {
            let domains = [".ab".to_owned(), "a.b".to_owned(), "b".to_owned()];
            for domains in [&domains[..1], &domains[1..], &domains] {
                prop_assert_eq!(names_host(text.as_bytes(), domains), finds_host(&text, domains));
            }
        }
    }

    #[test]
    fn random_segments_are_told_from_names() {
        for random in [
            "xYz12AbQ9kLm3NpR7tUv",
            "9f86d081884c7d659a2feaa0c55ad015",
            "a1B2-c3D4_e5F6g7H8",
        ] {
            assert!(looks_random(random), "{random}");
        }
        for name in [
            "payments-api",
            "GroupMembersController",
            "release-2026-11-08-candidate",
            "web_platform_team_2024",
            "x1",
        ] {
            assert!(!looks_random(name), "{name}");
        }
    }

    #[test]
    fn shapes_made_of_harmless_words() {
        let domains = [".internal".to_owned()];
        for text in [
            "app/services/call.rb:12:in",
            "panic at main.go:5 +0x1",
            "goroutine 12 [text]",
            "SELECT 1 AS one FROM \"members\" where",
            "insert into \"members\" (id)",
            "update \"users\" set name",
            "delete from \"users\" where",
            "redis.internal:6379 failed",
            "REDIS.INTERNAL",
            "open data/var/opt/gitlab/git",
            "see:password=battery",
            "global-search-indexing-job-12",
            "task-scheduler-background-migration-finalizer",
            "basic authentication-for-12",
            "signature=verification",
        ] {
            assert!(is_sensitive(text, &domains), "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_none() {
        let domains = [".internal".to_owned()];
        for text in [
            "could not open the file, 404 (not found)",
            "select a branch from the list",
            "moved from main to test",
            "password: [text] done",
            "[text] failed",
            "internal server error",
            "basic authentication failed",
            "docs/readme.md",
            "PostReceive JID-correlation: done: 0.557226 sec",
        ] {
            assert!(!is_sensitive(text, &domains), "{text}");
        }
    }
}
