//! Text and bytes as C hands them over.

use std::ffi::c_char;
use std::path::PathBuf;

use crate::error::Failure;
use crate::status::dcs_status;

/// Bytes with a length: no terminating zero is needed, none is written. Borrowed: the function that
/// takes one copies what it keeps, the function that gives one says how long it is valid.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dcs_str {
    /// The first byte; may be NULL if `len` is 0.
    pub data: *const c_char,
    /// Number of bytes.
    pub len: usize,
}

impl dcs_str {
    pub(crate) const EMPTY: Self = Self {
        data: c"".as_ptr(),
        len: 0,
    };

    pub(crate) fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self {
            data: bytes.as_ptr().cast(),
            len: bytes.len(),
        }
    }

    /// The bytes that it stands for.
    ///
    /// # Safety
    /// `data` points to `len` readable bytes that nobody changes meanwhile, or `len` is 0.
    pub(crate) unsafe fn bytes<'a>(self, what: &str) -> Result<&'a [u8], Failure> {
        if self.len == 0 {
            return Ok(&[]);
        }
        if self.data.is_null() {
            return Err(Failure::null(what));
        }
        if isize::try_from(self.len).is_err() {
            let message = format!("`{what}` is longer than an address space");
            return Err(Failure::new(dcs_status::DCS_INVALID_TEXT, message));
        }
        // SAFETY: not NULL, not too long; readable as promised by the caller.
        Ok(unsafe { std::slice::from_raw_parts(self.data.cast(), self.len) })
    }

    /// The same as text.
    ///
    /// # Safety
    /// As [`dcs_str::bytes`].
    pub(crate) unsafe fn text<'a>(self, what: &str) -> Result<&'a str, Failure> {
        // SAFETY: promised by the caller.
        let bytes = unsafe { self.bytes(what) }?;
        std::str::from_utf8(bytes)
            .map_err(|_| Failure::new(dcs_status::DCS_INVALID_TEXT, format!("`{what}` is not UTF-8")))
    }

    /// The same as a path; any bytes are one on Unix.
    ///
    /// # Safety
    /// As [`dcs_str::bytes`].
    pub(crate) unsafe fn path(self, what: &str) -> Result<PathBuf, Failure> {
        use std::os::unix::ffi::OsStrExt as _;

        // SAFETY: promised by the caller.
        let bytes = unsafe { self.bytes(what) }?;
        if bytes.is_empty() {
            return Err(Failure::new(dcs_status::DCS_CONFIG, format!("`{what}` is empty")));
        }
        Ok(std::ffi::OsStr::from_bytes(bytes).into())
    }
}
