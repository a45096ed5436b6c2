//! Needles: text that a line must hold, in some spelling, to match a select.

use decostop_redact::Ident;
use decostop_search::is_plain;

use super::SelectPlan;

/// A run of ASCII letters, digits, `-`, `_` and `.` that a value cannot do without. No JSON or URL
/// writer needs to escape any of them, and an escape that stands for one is looked for separately.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Needle {
    text: String,
    digits: bool,
    /// Whether it is all of a part of a path: with more of a name beside it, it is part of another.
    whole: bool,
}

impl Needle {
    /// The needle of an identity.
    pub(super) fn of(ident: &Ident) -> Option<Self> {
        match ident {
            Ident::User(text) | Ident::Email(text) | Ident::Name(text) => Self::text(text),
            Ident::Path(path) => Self::path(path),
            Ident::UserId(id) | Ident::ProjectId(id) | Ident::NamespaceId(id) => Some(Self {
                text: id.to_string(),
                digits: true,
                whole: false,
            }),
            Ident::Ip(address) if address.is_ipv4() => Self::text(&address.to_string()),
            _ => None,
        }
    }

    /// The longest run of plain characters in a text.
    pub(super) fn text(text: &str) -> Option<Self> {
        let longest = text
            .split(|c: char| !u8::try_from(c).is_ok_and(is_plain))
            .max_by_key(|run| run.len())
            .unwrap_or_default();
        (!longest.is_empty()).then(|| Self {
            text: longest.to_ascii_lowercase(),
            digits: false,
            whole: false,
        })
    }

    /// The longest component of a path.
    pub(super) fn path(path: &str) -> Option<Self> {
        Self::text(path).map(|needle| Self {
            whole: true,
            ..needle
        })
    }

    /// The needle in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it stands in `line` here: numbers count only as whole numbers, parts of paths only as whole
    /// ones.
    pub(crate) fn stands_at(&self, line: &[u8], at: usize) -> bool {
        let (before, behind) = self.around(line, at);
        let joins = |byte: Option<&u8>| byte.is_some_and(|byte| joins_names(*byte));
        let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let more =
            self.whole && (joins(behind.first()) || joins(before.last()) && !may_end_an_escape(before));
        let longer = self.digits && (digit(before.last()) || digit(behind.first()));
        !more && !longer
    }

    /// Whether it may stand in text as it was written here, where it was found. A digit before a number
    /// may be the end of an escape, and then it is not part of it.
    pub(crate) fn may_stand_at(&self, text: &[u8], at: usize) -> bool {
        let (before, behind) = self.around(text, at);
        let hidden = || may_end_an_escape(before) && !behind.first().is_some_and(u8::is_ascii_digit);
        self.stands_at(text, at) || self.digits && hidden()
    }

    /// What is before it and behind it.
    fn around<'t>(&self, text: &'t [u8], at: usize) -> (&'t [u8], &'t [u8]) {
        let behind = text.get(at + self.text.len()..);
        (text.get(..at).unwrap_or_default(), behind.unwrap_or_default())
    }

    /// Whether it occurs in a line that is in lower case and unescaped.
    pub(crate) fn occurs_in(&self, line: &[u8]) -> bool {
        memchr::memmem::find_iter(line, self.text.as_bytes()).any(|at| self.stands_at(line, at))
    }
}

/// Whether a byte beside a part of a path makes it part of a longer name. A dot may be that of `.git`.
pub(super) fn joins_names(byte: u8) -> bool {
    is_plain(byte) && byte != b'.'
}

/// Whether the last characters may be those of an escape, or of one that is itself escaped: `%2f`,
/// `%25252f`, `\u00252f`, `\n`.
fn may_end_an_escape(text: &[u8]) -> bool {
    let mut last = text.iter().rev();
    let mark = last.by_ref().take(MAX_ESCAPE).find(|byte| !is_plain(**byte));
    mark.map_or_else(|| last.next().is_some(), |mark| matches!(mark, b'%' | b'\\'))
}

/// Characters in front of something that are looked at for the mark of an escape. More are in doubt.
const MAX_ESCAPE: usize = 64;

/// The needles of all selects.
#[derive(Debug)]
pub struct Needles {
    /// For each select one list of which a match holds a member; `None` if some select has none, so
    /// that every line must be parsed.
    search: Option<Vec<Needle>>,
    /// Every needle of every key, for lines that cannot be parsed.
    all: Vec<Needle>,
    /// Whether some select names nothing that could be looked for.
    open: bool,
}

impl Needles {
    /// `glued` says that parts of paths may stand within longer names.
    pub(super) fn new(selects: &[SelectPlan], glued: bool) -> Self {
        let mut search = Some(Vec::new());
        let mut all = Vec::new();
        let mut open = selects.is_empty();
        for select in selects {
            let groups = select.needle_groups();
            open |= groups.is_empty() || groups.iter().any(Option::is_none);
            // The shortest needle of a list decides how many lines it lets through.
            let best = groups.iter().flatten().max_by_key(|needles| {
                (
                    needles.iter().map(|needle| needle.text.len().min(8)).min(),
                    std::cmp::Reverse(needles.len()),
                )
            });
            search = search.zip(best).map(|(mut search, best)| {
                search.extend(best.iter().cloned());
                search
            });
            all.extend(groups.into_iter().flatten().flatten());
        }
        for needle in search.iter_mut().flatten().chain(&mut all) {
            needle.whole &= !glued;
        }
        if let Some(search) = &mut search {
            search.sort_unstable();
            search.dedup();
        }
        all.sort_unstable();
        all.dedup();
        Self { search, all, open }
    }

    /// Needles of texts of which a line must hold one.
    pub(crate) fn of_texts<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let needles: Option<Vec<Needle>> = texts.map(Needle::text).collect();
        let open = needles.is_none();
        let mut all = needles.clone().unwrap_or_default();
        all.sort_unstable();
        all.dedup();
        Self {
            search: needles.map(|_| all.clone()),
            all,
            open,
        }
    }

    /// Needles of everything that the request's scope names.
    pub fn of_scope(scope: &decostop_profile::Scope) -> Self {
        let paths = scope
            .namespaces
            .iter()
            .flat_map(|entry| std::iter::once(&entry.path).chain(&entry.formerly));
        let projects = scope
            .projects
            .iter()
            .flat_map(|entry| std::iter::once(&entry.path).chain(&entry.formerly));
        let users = scope.users.iter().flat_map(|entry| {
            std::iter::once(&entry.username)
                .chain(&entry.formerly)
                .chain(&entry.emails)
        });
        let all = paths
            .chain(projects)
            .chain(users)
            .filter_map(|text| Needle::text(text))
            .collect();
        Self {
            search: None,
            all,
            open: false,
        }
    }

    /// What the prefilter searches for; `None` if every line must be parsed.
    pub fn search(&self) -> Option<&[Needle]> {
        self.search.as_deref().filter(|needles| !needles.is_empty())
    }

    /// Needles of all keys: a value that any key takes holds one. `None` if some value has none.
    pub(crate) fn of_values(&self) -> Option<&[Needle]> {
        (!self.open && !self.all.is_empty()).then_some(&self.all)
    }

    /// Whether a line that cannot be parsed could belong to a select: its text, unescaped and in lower
    /// case, holds a needle. `None` if some select has nothing to look for: then its time decides.
    pub fn mentioned_in(&self, line: &[u8]) -> Option<bool> {
        let found = any_reading(line, |text| self.all.iter().any(|needle| needle.occurs_in(text)));
        (found || !self.open).then_some(found)
    }
}

/// Layers of escapes that are undone: a wrapped line, its strings, JSON inside parameters, URLs.
const MAX_LAYERS: usize = 8;

/// Whether `holds` is true of any reading of a line: in lower case; with its JSON escapes undone, layer
/// by layer; with percent escapes undone as well. Each reading counts, since a layer too many can spoil
/// what stood there (`100%abby`).
fn any_reading(line: &[u8], mut holds: impl FnMut(&[u8]) -> bool) -> bool {
    let mut text = line.to_ascii_lowercase();
    holds(&text) || hidden_in(&mut text, holds)
}

/// The same of a text in lower case, but for the first reading: whether escapes hide it. Leaves the last
/// reading in `text`.
pub(crate) fn hidden_in(text: &mut Vec<u8>, mut holds: impl FnMut(&[u8]) -> bool) -> bool {
    for escapes in [Escapes::Json, Escapes::All] {
        for _ in 0..MAX_LAYERS {
            if !unescape(text, escapes) {
                break;
            }
            if holds(text) {
                return true;
            }
        }
    }
    false
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Escapes {
    Json,
    All,
}

/// Undoes one layer of escapes in place; says whether there were any. Lossy on purpose: it serves to
/// find, not to show. What is not ASCII becomes one byte that is not either, so that the digits of its
/// escape do not lengthen a number behind it.
fn unescape(text: &mut Vec<u8>, escapes: Escapes) -> bool {
    let first = match escapes {
        Escapes::Json => memchr::memchr(b'\\', text),
        Escapes::All => memchr::memchr2(b'\\', b'%', text),
    };
    let Some(first) = first else {
        return false;
    };
    // What is undone lies before `end`, what is not yet behind `at`.
    let (mut end, mut at, whole) = (first, first, text.len());
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (decoded, used) = match rest {
            [b'\\', b'u', digits @ ..] => (hex(digits.get(..4)).map(|code| code.min(0xff)), 6),
            [b'\\', byte @ (b'/' | b'"' | b'\\'), ..] => (Some(u32::from(*byte)), 2),
            [b'%', digits @ ..] if escapes == Escapes::All => (hex(digits.get(..2)), 3),
            _ => (None, 1),
        };
        let here = rest.first().copied().unwrap_or_default();
        let (byte, used) = decoded.map_or((here, 1), |code| ((code as u8).to_ascii_lowercase(), used));
        if let Some(place) = text.get_mut(end) {
            *place = byte;
        }
        end += 1;
        at += used;
    }
    text.truncate(end);
    end < whole
}

fn hex(digits: Option<&[u8]>) -> Option<u32> {
    digits?.iter().try_fold(0u32, |value, digit| {
        Some(value << 4 | char::from(*digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_in_layers() {
        let alice = |line: &str| any_reading(line.as_bytes(), |text| text == b"alice");
        for line in [
            r"\u0041lice",
            r"al\\u0069ce",
            r"al\\\\u0069ce",
            "%41lice",
            "%2541lice",
            r"\u002541lice",
            "ALICE",
        ] {
            assert!(alice(line), "{line}");
        }
        assert!(!alice(r"\u00e9lice"));
        let abby = any_reading(b"100%abby", |text| text.ends_with(b"abby"));
        assert!(abby, "one layer too many spoils it, one too few does not");
    }

    #[test]
    fn needles_are_plain_runs() {
        let needle = |text: &str| Needle::text(text).map(|needle| needle.text);
        assert_eq!(needle("acme/payments/api").as_deref(), Some("payments"));
        assert_eq!(needle("Zoë Müller").as_deref(), Some("ller"));
        assert_eq!(needle("é"), None);
        let id = Needle {
            text: "1001".into(),
            digits: true,
            whole: false,
        };
        assert!(id.occurs_in(b"user-1001,") && !id.occurs_in(b"110010 21001 10012"));
        for line in [r"\u2003\u0031001", r"\u00a01001"] {
            assert!(any_reading(line.as_bytes(), |text| id.occurs_in(text)), "{line}");
        }
        let acme = Needle::path("acme/x").expect("a needle");
        for line in [
            "acme",
            "/acme.git",
            "%2Facme%2f",
            r"\nacme\t",
            r"\u002facme\u002f",
            "éacmeé",
        ] {
            assert!(acme.occurs_in(line.to_ascii_lowercase().as_bytes()), "{line}");
        }
        for line in ["acme-labs", "xacme", "acme1", "my_acme", "acme_2"] {
            assert!(!acme.occurs_in(line.as_bytes()), "{line}");
        }
        for line in ["1001", "%201001", "%25201001", r"\u00252f1001", r"\u00a01001"] {
            let at = line.len() - 4;
            assert!(id.may_stand_at(line.as_bytes(), at), "{line}");
        }
        assert!(!id.may_stand_at(b"21001", 1) && !id.may_stand_at(b"%2f10019", 3));
    }
}
