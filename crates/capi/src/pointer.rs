//! Handles in and out.

use crate::error::Failure;

/// What a handle points to.
///
/// # Safety
/// `handle` is NULL or a handle of this type that was not freed.
pub(crate) unsafe fn handle<'a, T>(handle: *const T, what: &str) -> Result<&'a T, Failure> {
    // SAFETY: promised by the caller.
    unsafe { handle.as_ref() }.ok_or_else(|| Failure::null(what))
}

/// Where a result goes.
pub(crate) struct Slot<T>(*mut T);

impl<T> Slot<T> {
    /// The place that a caller names for a result.
    ///
    /// # Safety
    /// `place` is NULL or may be written.
    pub(crate) unsafe fn new(place: *mut T, what: &str) -> Result<Self, Failure> {
        if place.is_null() {
            return Err(Failure::null(what));
        }
        Ok(Self(place))
    }

    pub(crate) fn store(self, value: T) {
        // SAFETY: not NULL, and writable as promised to `new`; what was there is not dropped, since C
        // need not have set it.
        unsafe { self.0.write(value) }
    }
}

impl<T> Slot<*mut T> {
    /// Hands out a new handle.
    pub(crate) fn give(self, value: T) {
        self.store(Box::into_raw(Box::new(value)));
    }
}

/// Takes a handle back.
///
/// # Safety
/// `handle` is NULL, or came from [`Slot::give`] (or another box of this type) and is not used again.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: promised by the caller.
        let owned = unsafe { Box::from_raw(handle) };
        // A panic while something is dropped must not reach C either.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(owned)));
    }
}
