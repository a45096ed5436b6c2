//! `decostop rules list` and `decostop rules check`.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use decostop::rules::{check_file, search};
use decostop_profile::Rule;

use crate::args::{ProfileFile, Rules, RulesAction};
use crate::exit::{Exit, usage};
use crate::settings;
use crate::terminal::{self, BAD, GOOD, HEAD, WARN, count};

pub(crate) fn run(args: &Rules) -> Result<Exit> {
    match &args.action {
        RulesAction::List { pattern, rules, json } => {
            let all = settings::rules(rules, &decostop_profile::Profile::gitlab())?;
            let pattern = pattern.as_deref().unwrap_or("*");
            let found: Vec<&Rule> = search(pattern, &all).collect();
            if found.is_empty() {
                return Err(usage(
                    format!("no rule fits `{pattern}`"),
                    "`decostop rules list` tells all of them",
                ));
            }
            let mut to = terminal::data();
            if *json {
                serde_json::to_writer_pretty(&mut to, &found).map_err(io::Error::from)?;
                writeln!(to)?;
            } else if let Some(width) = terminal::width() {
                page(&mut to, &found, width)?;
            } else {
                rows(&mut to, &found)?;
            }
            to.flush()?;
            Ok(Exit::Done)
        }
        RulesAction::Check { files, profile } => check(files, profile),
    }
}

/// For a screen: ids beside what they find.
fn page(to: &mut impl Write, rules: &[&Rule], width: usize) -> io::Result<()> {
    let ids = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let room = width.saturating_sub(ids + 2).max(24);
    for rule in rules {
        for (at, text) in terminal::wrapped(&rule.about, room).into_iter().enumerate() {
            let id = if at == 0 { rule.id.as_str() } else { "" };
            writeln!(to, "{HEAD}{id:ids$}{HEAD:#}  {text}")?;
        }
    }
    Ok(())
}

/// For programs: one line a rule, with tabs between the columns.
fn rows(to: &mut impl Write, rules: &[&Rule]) -> io::Result<()> {
    for rule in rules {
        let (id, kind, about) = (&rule.id, rule.kind.as_str(), &rule.about);
        writeln!(to, "{id}\t{kind}\t{about}\t{}", rule.keywords.join(","))?;
    }
    Ok(())
}

fn check(files: &[PathBuf], profile: &ProfileFile) -> Result<Exit> {
    let profile = settings::profile(profile)?;
    let mut to = terminal::data();
    let mut refused = 0;
    for file in files {
        let report = check_file(file, &profile)?;
        let place = terminal::shell(file);
        for fault in &report.faults {
            writeln!(to, "{BAD}fails{BAD:#}  {place}: {fault}")?;
        }
        for warning in &report.warnings {
            writeln!(to, "{WARN}slow{WARN:#}   {place}: {warning}")?;
        }
        let rules = count(report.rules.rules.len() as u64, "rule");
        let examples = report
            .rules
            .rules
            .iter()
            .map(|rule| rule.examples.len() + rule.negative_examples.len());
        let examples = count(examples.sum::<usize>() as u64, "example");
        if report.faults.is_empty() {
            writeln!(to, "{GOOD}sound{GOOD:#}  {place}: {rules}, {examples}")?;
        } else {
            refused += 1;
        }
    }
    to.flush()?;
    if refused > 0 {
        return Err(usage(
            format!("{} refused", count(refused, "rule file")),
            "docs/RULES.md tells what a rule file may hold",
        ));
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use decostop_profile::RuleSet;

    use super::*;

    #[test]
    fn pages_fit_the_screen_and_rows_are_one_a_line() {
        let all = RuleSet::builtin();
        let rules: Vec<&Rule> = all.rules.iter().collect();
        let (mut wide, mut plain) = (Vec::new(), Vec::new());
        page(&mut wide, &rules, 90).expect("a Vec takes everything");
        rows(&mut plain, &rules).expect("a Vec takes everything");
        let wide = String::from_utf8(wide).expect("text");
        for line in anstream::adapter::strip_str(&wide).to_string().lines() {
            assert!(line.chars().count() <= 90, "{line}");
        }
        let plain = String::from_utf8(plain).expect("text");
        assert_eq!(plain.lines().count(), rules.len());
        for row in plain.lines() {
            assert_eq!(row.split('\t').count(), 4, "{row}");
        }
    }
}
