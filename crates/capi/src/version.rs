//! Which library this is.

use crate::text::dcs_str;

/// Rises when something in the header changes its meaning; additions do not raise it.
pub const DCS_ABI_VERSION: u32 = 1;

/// The `DCS_ABI_VERSION` of the library that is loaded: compare it with that of the header.
#[unsafe(no_mangle)]
pub extern "C" fn dcs_abi_version() -> u32 {
    DCS_ABI_VERSION
}

/// The version of decostop (`1.2.3`); valid as long as the library is loaded.
#[unsafe(no_mangle)]
pub extern "C" fn dcs_version() -> dcs_str {
    dcs_str::of(env!("CARGO_PKG_VERSION"))
}
