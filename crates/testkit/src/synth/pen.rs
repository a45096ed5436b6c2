//! Writes one JSON line into a reused buffer and keeps account of what the line holds.

use super::rng::Rng;
use super::truth::Why;
use super::world::{Mark, OURS, Project, World};

/// The line under construction and its ground truth.
#[derive(Debug, Default)]
pub(crate) struct Pen {
    pub(crate) line: Vec<u8>,
    /// Identities and system values that stand in the line as they are.
    pub(crate) marks: Vec<(Mark, u32)>,
    pub(crate) secrets: Vec<String>,
    pub(crate) unknown: Vec<String>,
    /// How the line names something of the customer's namespace.
    pub(crate) why: Option<Why>,
    /// Whether a user of the customer stands in the line.
    pub(crate) own_user: bool,
    /// Whether `meta` is written as an object.
    pub(crate) nested: bool,
    /// Whether paths are spelt with a capital, as before a redirect.
    pub(crate) capital: bool,
    /// Whether paths of the customer are spelt as before the rename.
    pub(crate) former: bool,
}

impl Pen {
    pub(crate) fn clear(&mut self) {
        self.line.clear();
        self.marks.clear();
        self.secrets.clear();
        self.unknown.clear();
        self.why = None;
        self.own_user = false;
        self.nested = false;
        self.capital = false;
        self.former = false;
    }

    pub(crate) fn open(&mut self) {
        self.line.push(b'{');
    }

    /// Ends the object: the last comma goes.
    pub(crate) fn close(&mut self) {
        if self.line.last() == Some(&b',') {
            self.line.pop();
        }
        self.line.push(b'}');
    }

    pub(crate) fn lit(&mut self, text: &str) {
        self.line.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn key(&mut self, key: &str) {
        self.line.push(b'"');
        self.lit(key);
        self.lit("\":");
    }

    /// A member whose value needs no escape.
    pub(crate) fn s(&mut self, key: &str, value: &str) {
        self.key(key);
        self.line.push(b'"');
        self.lit(value);
        self.lit("\",");
    }

    pub(crate) fn bytes(&mut self, key: &str, value: &[u8]) {
        self.key(key);
        self.line.push(b'"');
        self.line.extend_from_slice(value);
        self.lit("\",");
    }

    pub(crate) fn n(&mut self, key: &str, value: u64) {
        self.key(key);
        integer(&mut self.line, value);
        self.line.push(b',');
    }

    /// A member whose value may hold anything.
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.line.push(b'"');
        escape(&mut self.line, value.as_bytes());
        self.lit("\",");
    }

    pub(crate) fn mark(&mut self, mark: Mark, index: u32) {
        self.marks.push((mark, index));
    }

    pub(crate) fn because(&mut self, why: Why) {
        self.why = Some(self.why.map_or(why, |known| known.min(why)));
    }

    /// A member that holds a project's path.
    pub(crate) fn project(&mut self, key: &str, world: &World, project: u32, suffix: &str, why: Why) {
        self.key(key);
        self.line.push(b'"');
        self.project_path(world, project, why);
        self.lit(suffix);
        self.lit("\",");
    }

    /// The path of a project, with its effect on the truth.
    pub(crate) fn project_path(&mut self, world: &World, project: u32, why: Why) {
        let at = self.line.len();
        let known = world.project(project);
        if self.former && known.is_ours() && known.root() == world.tenant(OURS).root {
            self.lit(&world.tenant(OURS).formerly);
            self.lit(
                known
                    .path
                    .get(world.tenant(OURS).root.len()..)
                    .unwrap_or_default(),
            );
            self.because(why.max(Why::Former));
            return;
        }
        self.lit(&known.path);
        self.named(at, world, known, why);
        if !self.capital {
            self.mark(Mark::Project, project);
        }
    }

    /// The path of a project's group, or of the root if it has none between.
    pub(crate) fn group_path(&mut self, world: &World, project: u32, why: Why) {
        let at = self.line.len();
        let known = world.project(project);
        if self.former && known.is_ours() && known.root() == world.tenant(OURS).root {
            self.lit(&world.tenant(OURS).formerly);
            self.lit(
                known
                    .group()
                    .get(world.tenant(OURS).root.len()..)
                    .unwrap_or_default(),
            );
            self.because(why.max(Why::Former));
            return;
        }
        self.lit(known.group());
        self.named(at, world, known, why);
    }

    /// The first component of a project's path.
    pub(crate) fn root(&mut self, world: &World, project: u32, why: Why) {
        let at = self.line.len();
        let known = world.project(project);
        if self.former && known.is_ours() && known.root() == world.tenant(OURS).root {
            self.lit(&world.tenant(OURS).formerly);
            self.because(why.max(Why::Former));
            return;
        }
        self.lit(known.root());
        self.named(at, world, known, why);
    }

    fn named(&mut self, at: usize, world: &World, known: &Project, why: Why) {
        let (tenant, personal) = (known.tenant, known.personal);
        let is_first = known.root() == world.tenant(tenant).root;
        if personal.is_none() && tenant == OURS {
            self.because(why);
        }
        if self.capital {
            if let Some(first) = self.line.get_mut(at) {
                first.make_ascii_uppercase();
            }
            return;
        }
        match personal {
            Some(user) => self.mark(Mark::UserName, user),
            // Further roots of the customer have no place in the account.
            None if is_first => self.mark(Mark::Root, tenant),
            None => {}
        }
    }

    /// The number of a project, where it names the project.
    pub(crate) fn project_id(&mut self, world: &World, project: u32, why: Why) {
        let known = world.project(project);
        integer(&mut self.line, known.id);
        self.mark(Mark::ProjectId, project);
        if known.is_ours() {
            self.because(why.max(Why::Id));
        }
    }

    pub(crate) fn user(&mut self, key: &str, world: &World, user: u32) {
        self.s(key, &world.user(user).username);
        self.mark(Mark::UserName, user);
        self.own_user |= world.user(user).tenant == OURS;
    }

    pub(crate) fn user_id(&mut self, key: &str, world: &World, user: u32) {
        self.n(key, world.user(user).id);
        self.mark(Mark::UserId, user);
        self.own_user |= world.user(user).tenant == OURS;
    }

    /// A user id after a prefix (`user/`, `user-`), as a string.
    pub(crate) fn user_ref(&mut self, key: &str, prefix: &str, world: &World, user: u32) {
        self.key(key);
        self.line.push(b'"');
        self.lit(prefix);
        integer(&mut self.line, world.user(user).id);
        self.lit("\",");
        self.mark(Mark::UserId, user);
        self.own_user |= world.user(user).tenant == OURS;
    }

    pub(crate) fn display(&mut self, key: &str, world: &World, user: u32) {
        self.s(key, &world.user(user).display);
        self.mark(Mark::Display, user);
        self.own_user |= world.user(user).tenant == OURS;
    }

    pub(crate) fn ip(&mut self, key: &str, world: &World, user: u32) {
        self.s(key, &world.user(user).ip);
        self.mark(Mark::Ip, user);
    }

    /// A system value from a list of the world.
    pub(crate) fn system(&mut self, key: &str, mark: Mark, values: &[String], rng: &mut Rng) {
        let index = rng.below(values.len() as u64) as usize;
        if let Some(value) = values.get(index) {
            self.text(key, value);
            self.mark(mark, index as u32);
        }
    }
}

/// Writes a decimal number.
pub(crate) fn integer(to: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    to.extend_from_slice(&digits[at..]);
}

/// Writes a number with leading zeros.
pub(crate) fn padded(to: &mut Vec<u8>, mut value: u64, width: usize) {
    let start = to.len();
    to.resize(start + width, b'0');
    for slot in to[start..].iter_mut().rev() {
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Writes the inside of a JSON string as Rails does: `<`, `>` and `&` as `\u003c` and so on.
pub(crate) fn escape(to: &mut Vec<u8>, text: &[u8]) {
    let mut from = 0;
    for (at, &byte) in text.iter().enumerate() {
        if byte >= 0x20 && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&') {
            continue;
        }
        to.extend_from_slice(&text[from..at]);
        from = at + 1;
        match byte {
            b'"' => to.extend_from_slice(b"\\\""),
            b'\\' => to.extend_from_slice(b"\\\\"),
            b'\n' => to.extend_from_slice(b"\\n"),
            b'\t' => to.extend_from_slice(b"\\t"),
            _ => unicode(to, byte, false),
        }
    }
    to.extend_from_slice(&text[from..]);
}

/// Writes an ASCII character as `\u00xx`.
pub(crate) fn unicode(to: &mut Vec<u8>, byte: u8, upper: bool) {
    let digits: &[u8; 16] = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    to.extend_from_slice(b"\\u00");
    to.push(digits[usize::from(byte >> 4)]);
    to.push(digits[usize::from(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        for value in [0, 7, 10, 99, 12_345, u64::MAX] {
            let mut out = Vec::new();
            integer(&mut out, value);
            assert_eq!(out, value.to_string().into_bytes());
        }
        let mut out = Vec::new();
        padded(&mut out, 42, 5);
        assert_eq!(out, b"00042");
    }

    #[test]
    fn escapes_read_back() {
        let text = "a\"b\\c<d>&\n\t\u{1}";
        let mut out = vec![b'"'];
        escape(&mut out, text.as_bytes());
        out.push(b'"');
        assert_eq!(serde_json::from_slice::<String>(&out).ok().as_deref(), Some(text));
        assert!(out.windows(6).any(|w| w == b"\\u003c"));
    }
}
