//! What functions return.

/// What became of a call. Numbers are never given a second meaning.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum dcs_status {
    /// Done; what the call gives was written.
    DCS_OK = 0,
    /// The line is withheld: it could not be decided. Nothing was written.
    DCS_WITHHELD = 1,
    /// A pointer is NULL that must not be.
    DCS_NULL_POINTER = 7001,
    /// Text is not UTF-8, or longer than an address space.
    DCS_INVALID_TEXT = 7002,
    /// The request, the profile or a setting is wrong; nothing was read.
    DCS_CONFIG = 7003,
    /// A condition refuses the request.
    DCS_REFUSED = 7004,
    /// An input could not be opened or decoded.
    DCS_SOURCE = 7005,
    /// An output could not be written.
    DCS_SINK = 7006,
    /// A limit was reached.
    DCS_LIMIT = 7007,
    /// The verifier found something that must not leave; nothing left.
    DCS_LEAK = 7008,
    /// `dcs_dive_cancel` was called, or a callback answered `DCS_STOP`.
    DCS_INTERRUPTED = 7009,
    /// The handle is in use by another thread.
    DCS_BUSY = 7010,
    /// An earlier call on this handle panicked: it can only be freed.
    DCS_POISONED = 7011,
    /// A fault of decostop. Please report it.
    DCS_INTERNAL = 7012,
}

impl From<decostop_core::ErrorKind> for dcs_status {
    fn from(kind: decostop_core::ErrorKind) -> Self {
        use decostop_core::ErrorKind as Kind;
        match kind {
            Kind::Config => Self::DCS_CONFIG,
            Kind::Refused => Self::DCS_REFUSED,
            Kind::Source => Self::DCS_SOURCE,
            Kind::Sink => Self::DCS_SINK,
            Kind::Limit => Self::DCS_LIMIT,
            Kind::Leak => Self::DCS_LEAK,
            Kind::Interrupted => Self::DCS_INTERRUPTED,
            _ => Self::DCS_INTERNAL,
        }
    }
}
