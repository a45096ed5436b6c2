//! Bytes that the caller owns.

use crate::pointer;
use crate::text::dcs_str;

/// Bytes made by this library, freed by the caller.
pub struct dcs_buffer(pub(crate) Vec<u8>);

/// The bytes; valid until the buffer is freed. Empty for NULL.
///
/// # Safety
/// `buffer` is NULL or a buffer of this library that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_buffer_bytes(buffer: *const dcs_buffer) -> dcs_str {
    // SAFETY: promised by the caller.
    unsafe { buffer.as_ref() }.map_or(dcs_str::EMPTY, |buffer| dcs_str::of_bytes(&buffer.0))
}

/// Frees a buffer; NULL is allowed.
///
/// # Safety
/// `buffer` is NULL or a buffer of this library that was not freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_buffer_free(buffer: *mut dcs_buffer) {
    // SAFETY: promised by the caller.
    unsafe { pointer::free(buffer) }
}
