//! Exceptions, one for each kind of error of the library.

use decostop::{Error, ErrorKind};
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyKeyboardInterrupt};
use pyo3::prelude::*;

create_exception!(
    decostop,
    DecostopError,
    PyException,
    "Something that decostop could not do."
);
create_exception!(
    decostop,
    ConfigError,
    DecostopError,
    "The request, the profile or an argument is wrong."
);
create_exception!(
    decostop,
    RefusedError,
    DecostopError,
    "A condition refuses the request."
);
create_exception!(
    decostop,
    SourceError,
    DecostopError,
    "An input could not be opened or decoded."
);
create_exception!(
    decostop,
    SinkError,
    DecostopError,
    "An output could not be written."
);
create_exception!(decostop, LimitError, DecostopError, "A limit was reached.");
create_exception!(
    decostop,
    LeakError,
    DecostopError,
    "The verifier found something that must not leave."
);
create_exception!(
    decostop,
    InternalError,
    DecostopError,
    "A fault of decostop; please report it."
);

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let python = module.py();
    for (name, kind) in [
        ("DecostopError", python.get_type::<DecostopError>()),
        ("ConfigError", python.get_type::<ConfigError>()),
        ("RefusedError", python.get_type::<RefusedError>()),
        ("SourceError", python.get_type::<SourceError>()),
        ("SinkError", python.get_type::<SinkError>()),
        ("LimitError", python.get_type::<LimitError>()),
        ("LeakError", python.get_type::<LeakError>()),
        ("InternalError", python.get_type::<InternalError>()),
    ] {
        module.add(name, kind)?;
    }
    Ok(())
}

/// An error of the library as an exception; its advice becomes a note of it.
pub(crate) fn raised(error: &Error) -> PyErr {
    let message = error.to_string();
    let raised = match error.kind() {
        ErrorKind::Config => ConfigError::new_err(message),
        ErrorKind::Refused => RefusedError::new_err(message),
        ErrorKind::Source => SourceError::new_err(message),
        ErrorKind::Sink => SinkError::new_err(message),
        ErrorKind::Limit => LimitError::new_err(message),
        ErrorKind::Leak => LeakError::new_err(message),
        ErrorKind::Interrupted => PyKeyboardInterrupt::new_err(message),
        _ => InternalError::new_err(message),
    };
    if let Some(hint) = error.advice() {
        let noted = Python::attach(|python| {
            raised
                .value(python)
                .call_method1("add_note", (format!("hint: {hint}"),))
                .map(drop)
        });
        if let Err(fault) = noted {
            return fault;
        }
    }
    raised
}
