//! The binary as a user meets it: exit code, standard output and standard error of every command.

mod artefacts;
mod help;
mod leaks;
mod requests;
mod run;
mod scans;
mod stops;
