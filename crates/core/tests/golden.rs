//! The golden corpus through every path: each case gives the same bytes whatever the codec, the size of
//! segments, the number of threads, with the prefilter and without. See `docs/TESTING.md`.

mod common;

use std::fmt::Write as _;

use common::{Path_, all_paths, along, builder, run, write_inputs};
use decostop::Limits;
use decostop_profile::Class;
use decostop_testkit::golden::{Bindings, Case, Run, directory, load, with_stand_ins};

/// Every path of the matrix for every case; otherwise each case takes the simplest and some others, so
/// that neighbouring cases cover all combinations between them.
const FULL: &str = "DECOSTOP_MATRIX";
/// Only cases whose name contains this.
const FILTER: &str = "DECOSTOP_CASE";
/// Prints what came out, with stand-ins: how a new case is written down, after reading it.
const SHOW: &str = "DECOSTOP_SHOW";

#[test]
fn every_case_by_every_path() {
    let filter = std::env::var(FILTER).unwrap_or_default();
    let cases = load(&directory()).expect("a sound corpus");
    let full = std::env::var_os(FULL).is_some();
    let mut faults = String::new();
    let mut ran = 0;
    for (index, case) in cases
        .iter()
        .enumerate()
        .filter(|(_, case)| case.name.contains(&filter))
    {
        for (number, expected) in case.runs().into_iter().enumerate() {
            let paths = if full {
                all_paths()
            } else {
                share(index * 2 + number)
            };
            for path in paths {
                ran += 1;
                if let Err(fault) = check(case, &expected, path) {
                    let mode = if expected.personal_data {
                        "personal"
                    } else {
                        "support"
                    };
                    let _ = writeln!(
                        faults,
                        "\n{} ({mode}) via {path:?}\n  {}: {}\n{fault}",
                        case.name, case.rule, case.why
                    );
                    break;
                }
            }
        }
    }
    assert!(ran > 0, "no case has {filter:?} in its name");
    assert!(faults.is_empty(), "{faults}");
}

/// The simplest path and a few that change from case to case.
fn share(turn: usize) -> Vec<Path_> {
    const EACH: usize = 3;
    let all = all_paths();
    // A step without a common factor visits every path before it repeats one.
    let others = (0..EACH).filter_map(|at| all.get((turn * EACH + at) * 37 % all.len()).copied());
    std::iter::once(Path_::default()).chain(others).collect()
}

fn check(case: &Case, expected: &Run, path: Path_) -> Result<(), String> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    write_inputs(dir.path(), &case.inputs(), path.codec);
    let mut limits = Limits::default();
    let lower = case.limits;
    limits.max_line_bytes = lower.max_line_bytes.unwrap_or(limits.max_line_bytes);
    limits.max_depth = lower.max_depth.unwrap_or(limits.max_depth);
    limits.max_nodes = lower.max_nodes.unwrap_or(limits.max_nodes);
    limits.max_dictionary = lower.max_dictionary.unwrap_or(limits.max_dictionary);
    let class =
        |name: &str| Class::from_name(name).unwrap_or_else(|| panic!("{}: no class {name}", case.name));
    let accounts: Vec<_> = case
        .accounts
        .iter()
        .map(|(name, text)| (class(name), text.clone()))
        .collect();
    let dive = along(builder(&expected.request, dir.path().to_owned()), path, limits);
    let done =
        run(dive.accounts(accounts).learn_all(case.learn_all)).map_err(|error| format!("  {error}"))?;
    let records = &done.sink.records;
    if std::env::var_os(SHOW).is_some() {
        let shown = with_stand_ins(records).join("\n    ");
        return Err(format!("  shown:\n    {shown}\n  {:?}", done.report.counts));
    }
    let mut fault = String::new();
    let mut bindings = Bindings::default();
    for at in 0..records.len().max(expected.expected.len()) {
        let (want, got) = (expected.expected.get(at), records.get(at));
        let fits = want.zip(got).is_some_and(|(want, got)| bindings.check(want, got));
        if !fits {
            let shown = got.map(|got| with_stand_ins(std::slice::from_ref(got)).remove(0));
            let _ = writeln!(
                fault,
                "  - {}\n  + {}",
                want.map_or("", String::as_str),
                shown.unwrap_or_default()
            );
        }
    }
    let counts = &done.report.counts;
    if counts.outside_scope != case.outside_scope {
        let _ = writeln!(
            fault,
            "  outside scope: {} instead of {}",
            counts.outside_scope, case.outside_scope
        );
    }
    let mut reasons: Vec<&str> = done
        .sink
        .withheld
        .iter()
        .map(|item| item.reason.as_str())
        .collect();
    reasons.sort_unstable();
    if reasons != case.withheld {
        let _ = writeln!(fault, "  withheld: {reasons:?} instead of {:?}", case.withheld);
    }
    for (note, count) in &case.notes {
        let seen = counts.notes.get(note.as_str()).copied().unwrap_or(0);
        if seen != *count {
            let _ = writeln!(fault, "  note {note}: {seen} instead of {count}");
        }
    }
    if let Some(unknown) = case
        .unknown_fields
        .as_ref()
        .filter(|unknown| **unknown != counts.unknown_fields)
    {
        let _ = writeln!(
            fault,
            "  unknown fields: {:?} instead of {unknown:?}",
            counts.unknown_fields
        );
    }
    if fault.is_empty() { Ok(()) } else { Err(fault) }
}
