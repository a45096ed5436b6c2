//! Where a credential stands because something before it says so, whatever it is made of: a password of
//! ordinary words is told by nothing else.

/// Words after whose colon, equals sign, quote or flag a credential follows.
const KEYS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "key",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "pin",
    "otp",
    "signature",
    "attempt",
];
/// Of these, the words that people use in a sentence as well: `the password is …`.
const SPOKEN: &[&str] = &["password", "passwd", "passphrase", "passcode", "pwd"];
/// What joins such a word to the credential in a sentence.
const JOINS: &[&str] = &["is", "was", "to", "from", "as", "equals", "being"];
/// What comes before such a word when the credential comes after it.
const USES: &[&str] = &[
    "using", "with", "by", "had", "entered", "typed", "used", "gave", "given",
];
/// What a sentence about a password goes on with when it tells none.
const ABOUT: &[&str] = &[
    "a",
    "about",
    "access",
    "an",
    "and",
    "authentication",
    "be",
    "because",
    "been",
    "blank",
    "cannot",
    "change",
    "changed",
    "confirmation",
    "continue",
    "correct",
    "disabled",
    "does",
    "empty",
    "enabled",
    "enter",
    "expired",
    "field",
    "for",
    "from",
    "grant",
    "has",
    "hash",
    "in",
    "incorrect",
    "invalid",
    "is",
    "length",
    "log",
    "login",
    "missing",
    "must",
    "needed",
    "no",
    "not",
    "of",
    "on",
    "policy",
    "required",
    "reset",
    "set",
    "sign",
    "sso",
    "stored",
    "that",
    "the",
    "their",
    "this",
    "to",
    "too",
    "unchanged",
    "unknown",
    "unset",
    "updated",
    "was",
    "weak",
    "wrong",
    "you",
    "your",
];

const QUOTES: &[char] = &['"', '\'', '`'];

fn is_any(word: &str, of: &[&str]) -> bool {
    of.iter().any(|other| other.eq_ignore_ascii_case(word))
}

/// Whether a word ends with a key: `db_password`, `APIKey`.
fn ends_with_key(word: &str, keys: &[&str]) -> bool {
    keys.iter().any(|key| {
        let end = word.len().checked_sub(key.len()).and_then(|at| word.get(at..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(key))
    })
}

/// The last run of letters, digits and underscores: `{:note=>"passphrase` ends with `passphrase`.
fn last_word(chunk: &str) -> &str {
    let chunk = chunk.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let start = chunk.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    chunk
        .get(start.map_or(0, |at| at + 1)..)
        // A character of more than one byte.
        .unwrap_or_default()
}

/// Up to where a credential goes that has begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Until {
    /// The next `,` or `;`.
    Clause,
    /// The quote that opened it.
    Quote(char),
    /// The next flag, or boundary of a form.
    Flag,
    /// The next bar of a table.
    Bar,
    /// This chunk alone, or the quote if one opens here.
    One,
}

/// Follows the chunks of a text from left to right.
#[derive(Debug, Default)]
pub(crate) struct Follower<'t> {
    until: Option<Until>,
    /// The chunk before, and the one before that.
    last: &'t str,
    before_last: &'t str,
}

impl<'t> Follower<'t> {
    /// Whether the next chunk is a credential or a part of one.
    pub(crate) fn takes(&mut self, chunk: &'t str) -> bool {
        let taken = self.goes_on(chunk).unwrap_or_else(|| self.begins(chunk));
        self.before_last = std::mem::replace(&mut self.last, chunk);
        taken
    }

    /// Whether a chunk belongs to a credential that has begun; nothing if none has, or it has ended.
    fn goes_on(&mut self, chunk: &str) -> Option<bool> {
        let until = self.until?;
        let unended = |chunk: &str, quote| {
            let others = |c: char| c != quote && (QUOTES.contains(&c) || ",;.)]}>".contains(c));
            !chunk.trim_end_matches(others).ends_with(quote)
        };
        self.until = match until {
            Until::Clause => (!chunk.ends_with([',', ';'])).then_some(until),
            Until::Bar => (chunk != "|").then_some(until),
            Until::Quote(quote) => unended(chunk, quote).then_some(until),
            Until::Flag if chunk.starts_with('-') => {
                self.until = None;
                return None;
            }
            Until::Flag | Until::One => match chunk.chars().next() {
                Some(quote) if QUOTES.contains(&quote) => {
                    (chunk.len() == 1 || unended(chunk, quote)).then_some(Until::Quote(quote))
                }
                _ if until == Until::Flag && !chunk.ends_with([',', ';']) => Some(until),
                _ => None,
            },
        };
        Some(true)
    }

    /// Whether a credential begins in a chunk.
    fn begins(&mut self, chunk: &str) -> bool {
        let (last, before) = (last_word(self.last), last_word(self.before_last));
        let quoted = chunk.chars().next().filter(|quote| QUOTES.contains(quote));
        if let Some(taken) = self.begins_behind_mark(chunk, last) {
            return taken;
        }
        let key = ends_with_key(last, KEYS) && !self.last.ends_with(QUOTES);
        if let (Some(quote), true) = (quoted, key) {
            // `passphrase 'x'`
            let rest = chunk.get(1..).unwrap_or_default();
            self.until = (!rest.contains(quote)).then_some(Until::Quote(quote));
            return true;
        }
        let is_mark = |chunk: &str| !chunk.is_empty() && !chunk.contains(char::is_alphanumeric);
        if is_mark(self.last) && ends_with_key(before, KEYS) && !is_mark(chunk) {
            // `| password | x |`, `password -> x`
            self.until = Some(if self.last == "|" {
                Until::Bar
            } else {
                Until::Clause
            });
            return self.goes_on(chunk).unwrap_or_default();
        }
        if self.last.ends_with('"') && self.last.contains("name=") && ends_with_key(last, KEYS) {
            // `name="password"`, and the value below it
            self.until = Some(Until::Flag);
            return self.goes_on(chunk).unwrap_or_default();
        }
        let flag = self.last.trim_start_matches(QUOTES).starts_with('-');
        if flag && (key && !chunk.starts_with('-') || self.last == "-p") {
            // `--password x`, `-p x`
            self.until = Some(if key { Until::Flag } else { Until::One });
            return self.goes_on(chunk).unwrap_or_default();
        }
        let word = last_word(chunk);
        let spoken =
            is_any(last, JOINS) && is_any(before, SPOKEN) || is_any(last, SPOKEN) && is_any(before, USES);
        if spoken && !is_any(word, ABOUT) && !word.is_empty() && !is_any(word, JOINS) {
            // `the password is x`, `using password x`
            self.until = (!chunk.ends_with([',', ';'])).then_some(Until::Clause);
            return true;
        }
        // `login with x/y`
        let inside = chunk.trim_matches(|c: char| !c.is_alphanumeric());
        let with = is_any(last, &["with", "using", "as"])
            && is_any(before, &["login", "in", "on", "authenticate", "authenticated"]);
        with && inside.contains(['/', ':']) && !inside.contains("//")
    }

    /// `password: x`, `token=x`, `"key"=>"x"`: whether the chunk holds such a mark with something behind it.
    fn begins_behind_mark(&mut self, chunk: &str, last: &str) -> Option<bool> {
        let marks = chunk
            .bytes()
            .enumerate()
            .filter(|(_, byte)| matches!(byte, b':' | b'='));
        let mark = marks.map(|(mark, _)| mark).find(|mark| {
            let before = chunk.get(..*mark).unwrap_or_default();
            // The key stands before the mark, or is the word before a lone one (`token = …`).
            let key = if before.is_empty() { last } else { before };
            ends_with_key(key.trim_matches(|c: char| !c.is_ascii_alphanumeric()), KEYS)
        })?;
        let value = chunk.get(mark + 1..).unwrap_or_default();
        let value = value.trim_start_matches([':', '=', '>']);
        if value.is_empty() {
            self.until = Some(Until::Clause);
            return Some(false);
        }
        if value.starts_with(['"', '\'']) && !value.ends_with(['"', '\'']) {
            self.until = Some(Until::Clause);
        }
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> String {
        let mut follower = Follower::default();
        let kept: Vec<&str> = text
            .split_whitespace()
            .filter(|chunk| !follower.takes(chunk))
            .collect();
        kept.join(" ")
    }

    #[test]
    fn what_stands_behind_a_key_is_taken() {
        for (text, left) in [
            ("see password: picture signal, done", "see password: done"),
            ("password=picture signal", "signal"),
            ("password='picture signal' more, end", "end"),
            ("token = picture, end", "token = end"),
            ("the passphrase 'picture signal' was", "the passphrase was"),
            ("the passphrase 'picture' was", "the passphrase was"),
            (
                "{:note=>\"passphrase 'picture signal'\", :x",
                "{:note=>\"passphrase :x",
            ),
            ("run --password picture signal --force", "run --password --force"),
            ("run --db-password 'picture signal' now", "run --db-password now"),
            ("run --token picture", "run --token"),
            ("run --password --force on", "run --password --force on"),
            ("mysql -u x -p picture table", "mysql -u x -p table"),
            ("mysql -p \"picture signal\" table", "mysql -p table"),
            ("the password is picture signal", "the password is"),
            (
                "changed the password to picture signal; done",
                "changed the password to done",
            ),
            ("signed in using password picture", "signed in using password"),
            ("login with x/picture now", "login with now"),
            ("| password | picture signal | x", "| password | x"),
            ("password -> picture signal, done", "password -> done"),
            (
                "form-data; name=\"password\" picture signal --b x",
                "form-data; name=\"password\" --b x",
            ),
        ] {
            assert_eq!(kept(text), left, "{text}");
        }
    }

    #[test]
    fn what_is_said_of_passwords_stays() {
        for text in [
            "Password is too short (minimum is 8 characters)",
            "the password was reset by an administrator",
            "Signed in with standard authentication",
            "a password is required to continue",
            "created a deploy key for the project",
            "password authentication failed",
            "with password authentication disabled",
            "token expired",
            "login with two-factor authentication",
            "mkdir failed",
        ] {
            assert_eq!(kept(text), text);
        }
    }

    #[test]
    fn the_last_word_of_a_chunk() {
        for (chunk, word) in [
            ("a", "a"),
            ("\"x_y\":", "x_y"),
            ("é-b", "b"),
            ("é", ""),
            ("", ""),
            ("--a-b", "b"),
            ("ü", ""),
        ] {
            assert_eq!(last_word(chunk), word, "{chunk}");
        }
    }
}
