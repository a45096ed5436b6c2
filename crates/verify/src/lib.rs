//! The second pair of eyes.

#![forbid(unsafe_code)]

mod artefact;
mod closure;
mod error;
mod fold;
mod ground;
mod instant;
mod internal;
mod leak;
mod owned;
mod pseudonym;
mod reader;
mod survival;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verifier;

pub use artefact::{Report, verify_dir};
pub use error::{Error, ErrorKind};
pub use ground::Ground;
pub use leak::{Leak, Place};
pub use verifier::{Verified, VerifiedBuf, Verifier};
