//! The binary as a user meets it: exit code, standard output and standard error of every command.

#![expect(clippy::print_stderr, reason = "a test that is skipped says why")]

mod artefacts;
mod cluster;
mod help;
mod leaks;
mod races;
mod requests;
mod rules;
mod run;
mod scans;
mod stops;
mod times;
mod trust;
mod views;
