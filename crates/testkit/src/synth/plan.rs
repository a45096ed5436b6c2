//! From options to the list of files.

use super::codec::Codec;
use super::dress::{self, Wrapper};
use super::file::{self, Corpus, FilePlan};
use super::lines::{Desk, count};
use super::options::{CodecMix, Options};
use super::pen::Pen;
use super::request;
use super::rng::{Rng, mix};
use super::source::Source;
use super::visit::Rules;
use super::world::World;

/// The corpus and its files, for a size in bytes.
pub(crate) fn plan(options: &Options) -> (Corpus, Vec<FilePlan>) {
    let mut corpus = corpus(options, 1_000_000);
    let (mean, shares) = sample(&corpus, options);
    let bytes = options.megabytes.max(1) as f64 * 1e6;
    let days = f64::from(corpus.rules.days);
    corpus.rules.visits = whole(bytes / days / mean);
    let limit = options.file_megabytes.max(1) as f64 * 1e6;
    let hosts = options.hosts.max(1);
    let parts = shares.map(|share| whole((bytes / days * share / limit).ceil()).max(hosts));
    let plans = files(options, &corpus.rules, parts);
    (corpus, plans)
}

#[expect(clippy::cast_sign_loss, reason = "at least one")]
fn whole(number: f64) -> u64 {
    number.round().max(1.0) as u64
}

/// As [`plan`], for a number of requests a day.
pub(crate) fn plan_visits(options: &Options, visits: u64) -> (Corpus, Vec<FilePlan>) {
    let corpus = corpus(options, visits);
    let plans = files(options, &corpus.rules, [1; KINDS]);
    (corpus, plans)
}

fn corpus(options: &Options, visits: u64) -> Corpus {
    let rules = Rules {
        seed: options.seed,
        our_share: options.share(),
        hostile: options.hostile,
        visits,
        start: options.start_ms(),
        days: options.days.max(1),
    };
    let window = request::window(rules.start, rules.days);
    Corpus {
        world: World::new(options.seed, options.tenants, options.namespaces),
        rules,
        window,
        damage: options.damage,
        long_lines: options.long_lines,
    }
}

/// Bytes of a visit, on average, and the share of each source in them.
fn sample(corpus: &Corpus, options: &Options) -> (f64, [f64; KINDS]) {
    const VISITS: u64 = 3000;
    let (world, rules) = (&corpus.world, &corpus.rules);
    let mut bytes = [0_u64; KINDS];
    let (mut pen, mut spare, mut rng) = (Pen::default(), Vec::new(), Rng::new(rules.seed));
    for q in 0..VISITS {
        let visit = rules.visit(world, 0, q);
        let wrapper = if options.wrappers {
            wrapper(q)
        } else {
            Wrapper::Bare
        };
        for source in options.kinds() {
            let Some(sum) = bytes.get_mut(source as usize) else {
                continue;
            };
            for nth in 0..count(&visit, source) {
                pen.clear();
                let desk = Desk {
                    world,
                    rules,
                    visit: &visit,
                    hostile: rules.hostile,
                    source,
                    ms: visit.ms,
                };
                desk.write(&mut pen, nth);
                if rules.hostile && !source.is_text() {
                    dress::spell(&mut pen, corpus, &visit, source, &mut rng, &mut spare);
                }
                dress::lengthen(&mut pen.line, corpus, &visit, source);
                dress::wrap(
                    wrapper.around(source),
                    &mut pen,
                    visit.ms,
                    world,
                    &mut rng,
                    &mut spare,
                );
                *sum += pen.line.len() as u64 + 1;
            }
        }
    }
    let all = bytes.iter().sum::<u64>() as f64;
    (
        (all / VISITS as f64).max(1.0),
        bytes.map(|sum| sum as f64 / all.max(1.0)),
    )
}

/// Half of the files stand bare.
fn wrapper(index: u64) -> Wrapper {
    match index * 7 % 10 {
        5 => Wrapper::Svlogd,
        6 => Wrapper::Cri,
        7 => Wrapper::Payload,
        8 => Wrapper::Prefixed,
        9 => Wrapper::LogString,
        _ => Wrapper::Bare,
    }
}

/// What a container of Rails writes, in the order of a request's lines.
static STREAM: [Source; 4] = [Source::Graphql, Source::Production, Source::Api, Source::Audit];
/// The codecs of a mixed corpus, from day to day and source to source.
const MIXED: [Codec; 7] = [
    Codec::Plain,
    Codec::Gzip,
    Codec::Zstd,
    Codec::ZstdFrames,
    Codec::Lz4,
    Codec::Bzip2,
    Codec::Xz,
];
static SINGLE: [Source; KINDS] = Source::ALL;
const KINDS: usize = Source::ALL.len();

fn files(options: &Options, rules: &Rules, parts: [u64; KINDS]) -> Vec<FilePlan> {
    let mixed = options.codec == CodecMix::Mixed;
    let mut plans = Vec::new();
    for day in 0..rules.days {
        let stream =
            options.streams && day % 3 == 1 && STREAM.iter().all(|source| options.sources.contains(source));
        let services = STREAM.len();
        let all = parts.iter().take(services).sum();
        let alone = SINGLE
            .iter()
            .enumerate()
            .filter(|(n, source)| options.sources.contains(source) && (!stream || *n >= services));
        let alone = alone.map(|(n, source)| (n, std::slice::from_ref(source), parts[n]));
        for (n, sources, parts) in stream
            .then_some((0, STREAM.as_slice(), all))
            .into_iter()
            .chain(alone)
        {
            for part in 0..parts {
                let index = plans.len() as u64;
                let codec = match options.codec {
                    CodecMix::Mixed => MIXED[(day as usize + n) % MIXED.len()],
                    CodecMix::Plain => Codec::Plain,
                    CodecMix::Gzip => Codec::Gzip,
                    CodecMix::Zstd => Codec::Zstd,
                    CodecMix::ZstdFrames => Codec::ZstdFrames,
                    CodecMix::Bzip2 => Codec::Bzip2,
                    CodecMix::Lz4 => Codec::Lz4,
                    CodecMix::Xz => Codec::Xz,
                };
                let wrapper = match sources {
                    [source] if options.wrappers => wrapper(index).around(*source),
                    [_] => Wrapper::Bare,
                    _ => Wrapper::Cri,
                };
                let level = options.level.unwrap_or(codec.usual_level());
                let seed = mix(rules.seed ^ 0xF11E, index);
                let mut plan = FilePlan {
                    sources,
                    day,
                    part,
                    parts,
                    first_host: if parts > 1 { options.first_host() } else { 0 },
                    name: String::new(),
                    codec,
                    level,
                    wrapper,
                    seed,
                };
                plan.name = file::name(&plan, rules, mixed);
                plans.push(plan);
            }
        }
    }
    plans
}
