//! How writers and shippers dress a line: escapes, spacing, prefixes and envelopes.

use memchr::memmem;

use super::clock;
use super::file::Corpus;
use super::pen::{Pen, integer, unicode};
use super::rng::{HEX, Rng, mix};
use super::source::Source;
use super::truth::Why;
use super::visit::Visit;
use super::world::{Mark, OURS, TWIN, World};

/// What stands around every line of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wrapper {
    Bare,
    /// `2026-11-01_00:00:00.12345 `
    Svlogd,
    /// `2026-11-01T00:00:00.123456789Z stdout F `
    Cri,
    /// Cloud Logging: the line under `jsonPayload`.
    Payload,
    /// An export from a search index: every key after `json.`.
    Prefixed,
    /// The container runtime's: the line as a string under `log`.
    LogString,
}

impl Wrapper {
    /// What a pipeline puts around a line of this source: text is no member of an object.
    pub(crate) fn around(self, source: Source) -> Self {
        match self {
            Self::Payload | Self::Prefixed if source.is_text() => Self::Bare,
            other => other,
        }
    }
}

/// Rewrites a line as other writers spell it. The meaning stays.
pub(crate) fn spell(
    pen: &mut Pen,
    corpus: &Corpus,
    visit: &Visit,
    source: Source,
    rng: &mut Rng,
    spare: &mut Vec<u8>,
) {
    let world = &corpus.world;
    match rng.below(100) {
        0..6 => {
            respell(&mut pen.line, b':', b": ", spare);
            if rng.often(500) {
                respell(&mut pen.line, b',', b", ", spare);
            }
        }
        6..12 => slashes(&mut pen.line, spare),
        12..17 => {
            let mut names = vec![world.tenant(visit.tenant).root.as_str()];
            names.extend(visit.user.map(|user| world.user(user).username.as_str()));
            for name in names {
                let at = rng.below(name.len() as u64) as usize;
                hide(&mut pen.line, name.as_bytes(), at, rng.often(500), spare);
            }
        }
        17..19 => twice(pen, corpus, visit, source, rng, spare),
        _ => {}
    }
}

/// Widens each `what` that stands outside a string.
fn respell(line: &mut Vec<u8>, what: u8, with: &[u8], spare: &mut Vec<u8>) {
    spare.clear();
    let (mut quoted, mut escaped) = (false, false);
    for &byte in line.iter() {
        if !quoted && byte == what {
            spare.extend_from_slice(with);
        } else {
            spare.push(byte);
        }
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
    }
    std::mem::swap(line, spare);
}

/// Writes `/` as `\/`; a slash occurs only inside strings.
fn slashes(line: &mut Vec<u8>, spare: &mut Vec<u8>) {
    spare.clear();
    for &byte in line.iter() {
        if byte == b'/' {
            spare.push(b'\\');
        }
        spare.push(byte);
    }
    std::mem::swap(line, spare);
}

/// Writes one character of a name as an escape, wherever the name stands.
fn hide(line: &mut Vec<u8>, name: &[u8], at: usize, upper: bool, spare: &mut Vec<u8>) {
    spare.clear();
    let mut from = 0;
    for start in memmem::find_iter(line.as_slice(), name) {
        spare.extend_from_slice(&line[from..start + at]);
        unicode(spare, name[at], upper);
        from = start + at + 1;
    }
    spare.extend_from_slice(&line[from..]);
    std::mem::swap(line, spare);
}

/// Puts a second project, of somebody else, before the line's own.
fn twice(pen: &mut Pen, corpus: &Corpus, visit: &Visit, source: Source, rng: &mut Rng, spare: &mut Vec<u8>) {
    if source == Source::Workhorse || visit.former {
        return;
    }
    let world = &corpus.world;
    let tenant = match rng.below(4) {
        0 | 2 if visit.tenant != OURS && rng.share(corpus.rules.our_share) => OURS,
        1 if visit.tenant == OURS => TWIN,
        _ => 1 + rng.below(world.tenants.len() as u64 - 1) as u32,
    };
    let key = if source == Source::Gitaly {
        "grpc.request.glProjectPath"
    } else {
        "meta.project"
    };
    spare.clear();
    std::mem::swap(&mut pen.line, spare);
    pen.open();
    let capital = std::mem::replace(&mut pen.capital, false);
    pen.project(key, world, world.tenant(tenant).projects.start, "", Why::Typed);
    pen.capital = capital;
    if source == Source::Gitaly && tenant == OURS {
        pen.why = Some(Why::Conflict);
    }
    pen.line.extend_from_slice(spare.get(1..).unwrap_or_default());
}

/// Makes the line long, if its visit is one of those that write long lines: with a member that no profile
/// knows, of words that name nobody.
pub(crate) fn lengthen(line: &mut Vec<u8>, corpus: &Corpus, visit: &Visit, source: Source) {
    let Some((every, kib)) = corpus.long_lines else {
        return;
    };
    if source.is_text() || !mix(visit.seed, 0x10_46).is_multiple_of(every.max(1)) {
        return;
    }
    let mut rng = Rng::new(mix(visit.seed, 0x10_47 + source as u64));
    line.pop();
    line.extend_from_slice(b",\"x_dump\":\"");
    while line.len() < kib << 10 {
        rng.chars(HEX, 8, line);
        line.extend_from_slice(b" frozen string literal, ");
    }
    line.extend_from_slice(b"\"}");
}

/// Says in the line which log it is from, as containers do that write several to one stream.
pub(crate) fn label(line: &mut Vec<u8>, source: Source) {
    line.pop();
    line.extend_from_slice(b",\"subcomponent\":\"");
    line.extend_from_slice(source.name().as_bytes());
    line.extend_from_slice(b"\"}");
}

/// Puts the wrapper around a line.
pub(crate) fn wrap(
    wrapper: Wrapper,
    pen: &mut Pen,
    ms: i64,
    world: &World,
    rng: &mut Rng,
    spare: &mut Vec<u8>,
) {
    if wrapper == Wrapper::Bare {
        return;
    }
    spare.clear();
    let line = std::mem::take(&mut pen.line);
    let out = spare;
    match wrapper {
        Wrapper::Bare => {}
        Wrapper::Svlogd => {
            clock::seconds(out, ms, b'_');
            out.push(b'.');
            integer(out, 10_000 + rng.below(90_000));
            out.push(b' ');
            out.extend_from_slice(&line);
        }
        Wrapper::Cri => {
            clock::millis(out, ms);
            integer(out, 100_000 + rng.below(900_000));
            out.extend_from_slice(b"Z stdout F ");
            out.extend_from_slice(&line);
        }
        Wrapper::Payload => {
            out.extend_from_slice(b"{\"insertId\":\"");
            rng.chars(HEX, 16, out);
            out.extend_from_slice(b"\",\"jsonPayload\":");
            out.extend_from_slice(&line);
            out.extend_from_slice(b",\"labels\":{\"compute.googleapis.com/resource_name\":\"");
            let host = rng.below(world.system.hosts.len() as u64) as u32;
            out.extend_from_slice(world.value(Mark::Host, host).as_bytes());
            pen.marks.push((Mark::Host, host));
            out.extend_from_slice(b"\"},\"severity\":\"INFO\",\"timestamp\":\"");
            clock::millis(out, ms + 2);
            out.extend_from_slice(b"Z\"}");
        }
        Wrapper::Prefixed => prefix(&line, out, ms),
        Wrapper::LogString => {
            out.extend_from_slice(b"{\"log\":\"");
            for &byte in &line {
                if matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.extend_from_slice(b"\\n\",\"stream\":\"stdout\",\"time\":\"");
            clock::millis(out, ms + 1);
            out.extend_from_slice(b"Z\"}");
        }
    }
    std::mem::swap(&mut pen.line, out);
    *out = line;
}

/// Puts `json.` before the outer keys.
fn prefix(line: &[u8], out: &mut Vec<u8>, ms: i64) {
    out.extend_from_slice(b"{\"@timestamp\":\"");
    clock::millis(out, ms + 3);
    out.extend_from_slice(b"Z\",");
    let (mut quoted, mut escaped, mut depth, mut key) = (false, false, 0_u32, false);
    for &byte in line {
        match byte {
            _ if quoted => {}
            b'{' | b'[' => {
                depth += 1;
                key = depth == 1;
                if depth == 1 {
                    continue;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => key = depth == 1,
            _ => {}
        }
        out.push(byte);
        if byte == b'"' && !escaped {
            if !quoted && key {
                out.extend_from_slice(b"json.");
                key = false;
            }
            quoted = !quoted;
        }
        escaped = byte == b'\\' && !escaped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[u8]) -> serde_json::Value {
        serde_json::from_slice(line).unwrap_or_default()
    }

    #[test]
    fn spellings_keep_the_meaning() {
        let line = br#"{"a":"x/y:z, \"q\"","meta.user":"mira","n":[1,2],"o":{"k":"mira/p"}}"#.to_vec();
        let known = parse(&line);
        assert!(known.is_object());
        let mut spare = Vec::new();
        for change in 0..4 {
            let mut other = line.clone();
            match change {
                0 => respell(&mut other, b':', b": ", &mut spare),
                1 => respell(&mut other, b',', b" , ", &mut spare),
                2 => slashes(&mut other, &mut spare),
                _ => hide(&mut other, b"mira", 2, true, &mut spare),
            }
            assert_ne!(other, line);
            assert_eq!(parse(&other), known);
        }
    }

    #[test]
    fn outer_keys_get_the_prefix() {
        let mut out = Vec::new();
        prefix(br#"{"a":"b","c":{"d":"e,\"f"},"g":[{"h":1}],"i":2}"#, &mut out, 0);
        let value = parse(&out);
        let keys: Vec<_> = value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .collect();
        assert_eq!(keys, ["@timestamp", "json.a", "json.c", "json.g", "json.i"]);
        assert!(value["json.c"]["d"].is_string());
    }
}
