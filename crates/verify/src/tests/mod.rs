//! Tables of records: what passes, what fails and by which rule, and what is found in which view.

mod bad;
mod good;
mod survival;
