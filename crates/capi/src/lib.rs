//! decostop for C.
//!
//! ```text
//! dcs_request, dcs_profile ─► dcs_dive ─► a directory, or an Arrow C stream of verified batches
//!                             dcs_redactor: line by line      dcs_verify: a finished directory
//! ```
//!
//! One module an object of the header. Every function is three moves: check what came, call the
//! library, store the result; all of it inside [`boundary`](boundary::boundary), so that nothing
//! unwinds into C. There is no logic here. The header, `include/decostop.h`, is made from these
//! files by cbindgen and is the documentation that C programmers read.

#![expect(
    unsafe_code,
    reason = "C hands in pointers; each is checked or stands in a `# Safety` section"
)]
#![expect(non_camel_case_types, reason = "names are those of the header")]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "one contract with the caller covers the body of a function"
)]

mod boundary;
pub mod buffer;
pub mod check;
pub mod dive;
pub mod error;
mod pointer;
pub mod profile;
pub mod redactor;
pub mod report;
pub mod request;
pub mod status;
pub mod text;
pub mod verify;
pub mod version;

/// A panic that is not caught would end the caller's process.
#[cfg(not(panic = "unwind"))]
compile_error!("the C library needs `panic = \"unwind\"`: its boundary catches panics");
