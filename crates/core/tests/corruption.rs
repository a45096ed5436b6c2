//! A thousand damaged inputs through whole dives: what is intact is delivered, what is lost is told, and
//! nothing comes out that was not there. The oracle decodes frame by frame with the codecs' own crates.

mod common;

use std::collections::{BTreeMap, HashSet};
use std::io::{Read as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use common::{Done, builder, run};
use decostop_testkit::Random;

const CASES: u64 = 1000;
/// Damaged inputs of one dive.
const BATCH: u64 = 250;

const REQUEST: &str = r#"
version = 1
id = "DAMAGE-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
evidence = "a test"
namespaces = [{ path = "acme", id = 770077007 }]
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-08T00:00:00Z
[[select]]
namespaces = ["acme"]
events = ["raw:ProjectsController#show"]
"#;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Store {
    Plain,
    /// Frames with checksum and stated size, or with neither.
    Zstd {
        checked: bool,
        many: bool,
    },
    Gzip {
        many: bool,
    },
}

const STORES: [Store; 7] = [
    Store::Plain,
    Store::Zstd {
        checked: true,
        many: true,
    },
    Store::Zstd {
        checked: false,
        many: true,
    },
    Store::Zstd {
        checked: true,
        many: false,
    },
    Store::Zstd {
        checked: false,
        many: false,
    },
    Store::Gzip { many: true },
    Store::Gzip { many: false },
];

impl Store {
    fn name(self, seed: u64) -> String {
        let end = match self {
            Self::Plain => "",
            Self::Zstd { .. } => ".zst",
            Self::Gzip { .. } => ".gz",
        };
        format!("production_json-{seed:06}.log{end}")
    }

    fn many(self) -> bool {
        matches!(self, Self::Zstd { many: true, .. } | Self::Gzip { many: true })
    }

    fn encode(self, part: &[u8]) -> Vec<u8> {
        match self {
            Self::Plain => part.to_vec(),
            Self::Zstd { checked, .. } => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("level 1 exists");
                encoder.include_checksum(checked).expect("a known parameter");
                encoder.include_contentsize(checked).expect("a known parameter");
                let stated = checked.then_some(part.len() as u64);
                encoder
                    .set_pledged_src_size(stated)
                    .expect("nothing is written yet");
                encoder.write_all(part).expect("a Vec takes everything");
                encoder.finish().expect("a Vec takes everything")
            }
            Self::Gzip { .. } => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(part).expect("a Vec takes everything");
                encoder.finish().expect("a Vec takes everything")
            }
        }
    }

    /// One frame or member as the codec's own crate reads it; what came out before it failed.
    fn decode(self, stored: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let sound = match self {
            Self::Plain => {
                out.extend(stored);
                true
            }
            Self::Zstd { .. } => {
                zstd::Decoder::new(stored).is_ok_and(|mut from| from.read_to_end(&mut out).is_ok())
            }
            Self::Gzip { .. } => flate2::read::MultiGzDecoder::new(stored)
                .read_to_end(&mut out)
                .is_ok(),
        };
        (out, sound)
    }
}

/// Parts of the content, each a frame or a member.
struct Part {
    decoded: Range<usize>,
    stored: Range<usize>,
    /// Whether no byte of it was touched.
    intact: bool,
}

/// One input: what it held, and what is left of it.
struct Case {
    seed: u64,
    store: Store,
    fault: String,
    content: Vec<u8>,
    parts: Vec<Part>,
    damaged: Vec<u8>,
    /// First stored byte that is not as it was.
    from: usize,
}

impl Case {
    fn new(seed: u64) -> Self {
        let random = &mut Random::new(seed + 1);
        let store = STORES[random.below(STORES.len())];
        let content = content(seed, random, !store.many() && store != Store::Plain);
        let mut cuts: Vec<usize> = if store.many() {
            (0..=random.below(6))
                .map(|_| random.below(content.len()))
                .collect()
        } else {
            Vec::new()
        };
        if random.below(2) == 0 {
            // Frames of whole lines.
            for cut in &mut cuts {
                *cut = content[..*cut]
                    .iter()
                    .rposition(|&byte| byte == b'\n')
                    .map_or(0, |at| at + 1);
            }
        }
        cuts.extend([0, content.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        let mut stored = Vec::new();
        let mut parts = Vec::new();
        for cut in cuts.windows(2) {
            let start = stored.len();
            stored.extend(store.encode(&content[cut[0]..cut[1]]));
            parts.push(Part {
                decoded: cut[0]..cut[1],
                stored: start..stored.len(),
                intact: true,
            });
        }
        let (damaged, touched, fault) = harm(random, stored);
        for part in &mut parts {
            part.intact = touched
                .iter()
                .all(|range| range.end <= part.stored.start || range.start >= part.stored.end);
        }
        let from = touched
            .iter()
            .map(|range| range.start)
            .min()
            .unwrap_or(damaged.len());
        Self {
            seed,
            store,
            fault,
            content,
            parts,
            damaged,
            from,
        }
    }

    fn lines(&self) -> Vec<(usize, &[u8])> {
        let mut offset = 0;
        let whole = self.content.split_inclusive(|&byte| byte == b'\n').map(|line| {
            let at = offset;
            offset += line.len();
            (at, line.strip_suffix(b"\n").unwrap_or(line))
        });
        whole.filter(|(_, line)| is_record(line)).collect()
    }
}

fn is_record(line: &[u8]) -> bool {
    line.starts_with(b"{")
}

/// Records that match, among lines that do not.
fn content(seed: u64, random: &mut Random, large: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for nth in 0..24 {
        let noise = if large {
            40 + random.below(200)
        } else {
            random.below(3)
        };
        for _ in 0..noise {
            let line = format!(
                "noise {:x} {:x} {:x}\n",
                random.next(),
                random.next(),
                random.next()
            );
            out.extend(line.as_bytes());
        }
        let id = format!("{seed:x}-{nth}-{:x}", random.next());
        let line = format!(
            r#"{{"time":"2026-11-02T10:{nth:02}:00Z","correlation_id":"{id}","meta.project":"acme/web","controller":"ProjectsController","action":"show"}}"#
        );
        out.extend(line.as_bytes());
        out.push(b'\n');
    }
    if random.below(3) == 0 {
        out.pop();
    }
    out
}

/// What becomes of the bytes, and which of the old ones that touches.
fn harm(random: &mut Random, mut stored: Vec<u8>) -> (Vec<u8>, Vec<Range<usize>>, String) {
    let length = stored.len();
    let at = random.below(length);
    let count = (1 + random.below(64)).min(length - at);
    let kind = random.below(10);
    let fault = format!(
        "{} at {at} of {length}, {count}",
        [
            "none", "cut", "cut", "flip", "flip", "flip", "flips", "run", "zeros", "hole"
        ][kind]
    );
    let mut touched = Vec::from_iter(Some(at..at + 1));
    match kind {
        0 => touched.clear(),
        1 | 2 => {
            stored.truncate(at);
            touched = Vec::from_iter(Some(at..length));
        }
        3..=5 => stored[at] ^= 1 << random.below(8),
        6 => {
            stored[at] ^= 0x40;
            let other = random.below(length);
            stored[other] ^= 0x11;
            touched.push(other..other + 1);
        }
        7 | 8 => {
            for byte in &mut stored[at..at + count] {
                *byte = if kind == 7 {
                    *byte ^ (1 + random.below(255) as u8)
                } else {
                    0
                };
            }
            touched = Vec::from_iter(Some(at..at + count));
        }
        _ => {
            stored.drain(at..at + count);
            touched = Vec::from_iter(Some(at..at + count));
        }
    }
    (stored, touched, fault)
}

/// What a dive said about one input.
#[derive(Default)]
struct Told {
    /// Offset and digest of each record.
    records: Vec<(u64, [u8; 32])>,
    /// Offset and reason of each range that is lost.
    lost: Vec<(u64, &'static str)>,
    /// Why lines were kept back.
    kept: Vec<&'static str>,
    complete: bool,
}

fn told(done: &Done) -> BTreeMap<PathBuf, Told> {
    let mut all: BTreeMap<PathBuf, Told> = BTreeMap::new();
    for input in &done.report.inputs {
        all.entry(input.path.clone()).or_default().complete = input.complete;
    }
    for item in &done.sink.provenance {
        let told = all.get_mut(&item.origin.path).expect("a record of an input");
        told.records.push((
            item.origin.offset.expect("a record has a place"),
            item.line_digest,
        ));
    }
    for item in &done.sink.withheld {
        let told = all
            .get_mut(&item.origin.path)
            .expect("what is kept back is of an input");
        if item.reason.is_range() {
            told.lost
                .push((item.origin.offset.unwrap_or_default(), item.reason.as_str()));
        } else {
            told.kept.push(item.reason.as_str());
        }
    }
    all
}

fn digest(line: &[u8]) -> [u8; 32] {
    *blake3::hash(line).as_bytes()
}

fn check(case: &Case, told: &Told) {
    let name = || {
        format!(
            "seed {} {:?}: {}; lost {:?}, kept back {:?}, {} records",
            case.seed,
            case.store,
            case.fault,
            told.lost,
            told.kept,
            told.records.len()
        )
    };
    assert_eq!(told.complete, told.lost.is_empty(), "{}", name());
    let lines = case.lines();
    let delivered: HashSet<[u8; 32]> = told.records.iter().map(|(_, digest)| *digest).collect();
    let placed: HashSet<(u64, [u8; 32])> = told.records.iter().copied().collect();
    let there = |line: &[u8]| delivered.contains(&digest(line));

    // Every line of frames that are whole.
    let checked = matches!(case.store, Store::Zstd { checked: true, .. } | Store::Gzip { .. });
    let intact = |range: &Range<usize>| {
        // Without a checksum nobody can tell that a frame has lost the line feed at its end.
        let glued = |part: &Part| !checked && part.decoded.end == range.start;
        let over =
            |part: &&Part| part.decoded.start < range.end && part.decoded.end > range.start || glued(part);
        case.parts.iter().filter(over).all(|part| part.intact)
    };
    for (at, line) in &lines {
        let whole = *at..at + line.len() + 1;
        let must = match case.store {
            // Lines are all the structure there is; the feeds on both sides count.
            Store::Plain => {
                let left = *at == 0 || case.content[*at - 1] == b'\n';
                left && case.from >= (at + line.len() + 1).min(case.content.len())
            }
            _ => intact(&whole),
        };
        assert!(
            !must || there(line),
            "a line at {at} of intact frames is missing: {}",
            name()
        );
    }

    // Everything that could be decoded before the damage, as whole lines.
    let first = case.parts.iter().find(|part| !part.intact);
    let before = first.map_or(case.content.len(), |part| {
        let range = part.stored.start..case.from.min(case.damaged.len());
        let (out, _) = case.store.decode(&case.damaged[range]);
        part.decoded.start + out.len()
    });
    for (at, line) in &lines {
        let ends = at + line.len() + 1;
        let missing = ends <= before && !placed.contains(&(*at as u64, digest(line)));
        assert!(
            !missing,
            "a line at {at}, before the damage, is missing: {}",
            name()
        );
    }

    // What is lost is told, and where.
    let changed: Vec<(&Part, Vec<u8>, bool)> = if case.store == Store::Plain {
        Vec::new()
    } else {
        stored_now(case)
            .into_iter()
            .filter(|(part, _)| !part.intact)
            .map(|(part, stored)| {
                let (out, sound) = case.store.decode(&stored);
                // Nothing is left of a frame that a cut took as a whole.
                (part, out, sound || stored.is_empty())
            })
            .collect()
    };
    let broken: Vec<&(&Part, Vec<u8>, bool)> = changed.iter().filter(|(_, _, sound)| !sound).collect();
    assert!(
        broken.is_empty() || !told.lost.is_empty(),
        "nothing is told of the loss: {}",
        name()
    );
    if changed.is_empty() {
        assert!(
            told.lost.is_empty() && told.kept.is_empty() || case.store == Store::Plain,
            "a loss is made up: {}",
            name()
        );
    }
    assert!(
        told.lost.iter().all(|(_, reason)| *reason == "damaged"),
        "{}",
        name()
    );
    if let (Some((place, _)), Some((part, _, _))) = (told.lost.iter().min(), changed.first()) {
        let place = *place as usize;
        let begins = case.content[..part.decoded.start]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let whole = case.content[..before]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let exact = place == part.decoded.start || place >= whole.min(begins).max(begins);
        assert!(
            exact,
            "the loss is said to begin at {place}, before {begins}: {}",
            name()
        );
        if case.fault.starts_with("cut") {
            let at = [whole, part.decoded.start];
            assert!(
                at.contains(&place),
                "the loss is at {place}, not at one of {at:?}: {}",
                name()
            );
        }
    }

    // Nothing that was not there, unless it is said to be in doubt or no checksum could tell.
    let known: HashSet<[u8; 32]> = lines.iter().map(|(_, line)| digest(line)).collect();
    let first_loss = told
        .lost
        .iter()
        .map(|(place, _)| *place)
        .min()
        .unwrap_or(u64::MAX);
    for (at, digest) in &told.records {
        // A line that a frame in doubt goes on with is in doubt as well.
        let doubtful =
            |(start, line): &(usize, &[u8])| *start as u64 == *at && (start + line.len()) as u64 > first_loss;
        let new = checked && !known.contains(digest) && *at < first_loss && !lines.iter().any(doubtful);
        assert!(!new, "a record at {at} was never written: {}", name());
    }
    let once = told.records.len() == placed.len();
    assert!(once, "a record comes twice: {}", name());
}

/// The stored bytes that are left of each part.
fn stored_now(case: &Case) -> Vec<(&Part, Vec<u8>)> {
    let original: usize = case.parts.last().map_or(0, |part| part.stored.end);
    let shrunk = original - case.damaged.len();
    let cut = case.fault.starts_with("cut");
    let now = |at: usize| match () {
        () if cut => at.min(case.damaged.len()),
        // A hole moves what is behind it.
        () if at <= case.from => at,
        () => at.saturating_sub(shrunk).max(case.from),
    };
    let bytes = |part: &Part| case.damaged[now(part.stored.start)..now(part.stored.end)].to_vec();
    case.parts.iter().map(|part| (part, bytes(part))).collect()
}

fn dive(dir: &Path, threads: usize) -> Done {
    run(builder(REQUEST, dir.to_owned()).threads(threads))
        .unwrap_or_else(|error| panic!("a dive fails: {error}"))
}

#[test]
fn what_is_intact_is_delivered_and_what_is_lost_is_told() {
    let cases = std::env::var("DECOSTOP_DAMAGE")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(CASES);
    let mut seed = 0;
    while seed < cases {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let batch: Vec<Case> = (seed..(seed + BATCH).min(cases)).map(Case::new).collect();
        seed += BATCH;
        for case in &batch {
            std::fs::write(dir.path().join(case.store.name(case.seed)), &case.damaged).expect("a file");
        }
        let one = told(&dive(dir.path(), 1));
        let two = told(&dive(dir.path(), 2));
        for case in &batch {
            let path = dir.path().join(case.store.name(case.seed));
            let (one, two) = (&one[&path], &two[&path]);
            check(case, one);
            assert_eq!(
                (&one.records, &one.lost),
                (&two.records, &two.lost),
                "seed {}: threads make a difference",
                case.seed
            );
        }
    }
}

/// A long dive opens its inputs long after it has found them, and logs rotate meanwhile.
#[test]
fn an_input_that_is_cut_or_replaced_before_it_is_opened_is_told() {
    let record = |nth: usize| {
        format!(
            r#"{{"time":"2026-11-02T10:{nth:02}:00Z","meta.project":"acme/web","controller":"ProjectsController","action":"show"}}"#
        )
    };
    let lines = |of: Range<usize>| of.map(|nth| record(nth) + "\n").collect::<String>();
    for (name, left, told) in [
        ("cut", lines(0..2), Some("changed")),
        ("replaced", lines(4..9), Some("changed")),
        ("added to", lines(0..9), None),
    ] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("production_json.log");
        std::fs::write(&path, lines(0..4)).expect("a file");
        let dive = builder(REQUEST, path.clone()).build().expect("a sound dive");
        if name == "replaced" {
            std::fs::rename(&path, dir.path().join("production_json.log.1")).expect("it can be renamed");
        }
        std::fs::write(&path, &left).expect("a file");
        let mut sink = common::Collect::default();
        let report = dive.run(&mut sink).expect("the dive ends");
        assert_eq!(report.counts.matched, left.lines().count() as u64, "{name}");
        assert_eq!(report.inputs[0].complete, told.is_none(), "{name}");
        let reasons: Vec<&str> = sink.withheld.iter().map(|item| item.reason.as_str()).collect();
        assert_eq!(reasons, Vec::from_iter(told), "{name}");
    }
}
