//! From options to the list of files.

use super::codec::Codec;
use super::dress::Wrapper;
use super::file::{self, Corpus, FilePlan};
use super::lines::{Desk, count};
use super::options::{CodecMix, Options};
use super::pen::Pen;
use super::request;
use super::rng::mix;
use super::source::Source;
use super::visit::Rules;
use super::world::World;

/// The corpus and its files, for a size in bytes.
pub(crate) fn plan(options: &Options) -> (Corpus, Vec<FilePlan>) {
    let world = World::new(options.seed, options.tenants);
    let mut rules = rules(options, 1_000_000);
    let (mean, shares) = sample(&world, &rules);
    let bytes = options.megabytes.max(1) as f64 * 1e6;
    let days = f64::from(rules.days);
    rules.visits = (bytes / days / mean).round().max(1.0) as u64;
    let limit = options.file_megabytes.max(1) as f64 * 1e6;
    let parts = shares.map(|share| (bytes / days * share / limit).ceil().max(1.0) as u64);
    assemble(options, world, rules, parts)
}

/// As [`plan`], for a number of requests a day.
pub(crate) fn plan_visits(options: &Options, visits: u64) -> (Corpus, Vec<FilePlan>) {
    let world = World::new(options.seed, options.tenants);
    assemble(options, world, rules(options, visits), [1; 7])
}

fn rules(options: &Options, visits: u64) -> Rules {
    Rules {
        seed: options.seed,
        our_share: options.share(),
        hostile: options.hostile,
        visits,
        start: options.start_ms(),
        days: options.days.max(1),
    }
}

/// Bytes of a visit, on average, and the share of each source in them.
fn sample(world: &World, rules: &Rules) -> (f64, [f64; 7]) {
    const VISITS: u64 = 3000;
    let mut bytes = [0_u64; 7];
    let mut pen = Pen::default();
    for q in 0..VISITS {
        let visit = rules.visit(world, 0, q);
        for (source, sum) in Source::ALL.into_iter().zip(&mut bytes) {
            for nth in 0..count(&visit, source) {
                pen.clear();
                Desk {
                    world,
                    visit: &visit,
                    hostile: rules.hostile,
                    source,
                    ms: visit.ms,
                }
                .write(&mut pen, nth);
                *sum += pen.line.len() as u64 + 1;
            }
        }
    }
    let all = bytes.iter().sum::<u64>() as f64;
    (all / VISITS as f64, bytes.map(|sum| sum as f64 / all))
}

fn assemble(options: &Options, world: World, rules: Rules, parts: [u64; 7]) -> (Corpus, Vec<FilePlan>) {
    let mixed = options.codec == CodecMix::Mixed;
    let mut plans = Vec::new();
    for day in 0..rules.days {
        for (n, (source, parts)) in Source::ALL.into_iter().zip(parts).enumerate() {
            for part in 0..parts {
                let index = plans.len() as u64;
                let codec = match options.codec {
                    CodecMix::Mixed => {
                        [Codec::Plain, Codec::Gzip, Codec::Zstd, Codec::ZstdFrames][(day as usize + n) % 4]
                    }
                    CodecMix::Plain => Codec::Plain,
                    CodecMix::Gzip => Codec::Gzip,
                    CodecMix::Zstd => Codec::Zstd,
                    CodecMix::ZstdFrames => Codec::ZstdFrames,
                };
                let wrapper = match index * 7 % 10 {
                    _ if !options.wrappers => Wrapper::Bare,
                    5 => Wrapper::Svlogd,
                    6 => Wrapper::Cri,
                    7 => Wrapper::Payload,
                    8 => Wrapper::Prefixed,
                    9 => Wrapper::LogString,
                    _ => Wrapper::Bare,
                };
                let level = options.level.unwrap_or(if codec == Codec::Gzip { 6 } else { 3 });
                let seed = mix(rules.seed ^ 0xF11E, index);
                let mut plan = FilePlan {
                    source,
                    day,
                    part,
                    parts,
                    name: String::new(),
                    codec,
                    level,
                    wrapper,
                    seed,
                };
                plan.name = file::name(&plan, &rules, mixed);
                plans.push(plan);
            }
        }
    }
    let window = request::window(rules.start, rules.days);
    (
        Corpus {
            world,
            rules,
            window,
            damage: options.damage,
        },
        plans,
    )
}
