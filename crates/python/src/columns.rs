//! Columns of text, taken from and handed to whoever speaks Arrow's C interface.

use arrow_array::cast::AsArray as _;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use arrow_array::{Array, ArrayRef, StringArray, make_array};
use arrow_schema::{ArrowError, DataType};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::batches;
use crate::errors::{ConfigError, InternalError};

/// A column of redacted lines: `pyarrow.array(column)`, `polars.Series(column)`.
#[pyclass(frozen, module = "decostop._decostop")]
pub(crate) struct Column {
    lines: StringArray,
    withheld: u64,
}

impl Column {
    pub(crate) fn new(lines: StringArray, withheld: u64) -> Self {
        Self { lines, withheld }
    }
}

#[pymethods]
impl Column {
    fn __len__(&self) -> usize {
        self.lines.len()
    }

    /// Lines that were withheld: they are null.
    #[getter]
    fn withheld(&self) -> u64 {
        self.withheld
    }

    fn __arrow_c_schema__<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.lines.data_type()).map_err(|fault| internal(&fault))?;
        batches::schema_capsule(python, schema)
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        python: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        // The protocol allows a producer to hand over what it has.
        drop(requested_schema);
        let (array, schema) = to_ffi(&self.lines.to_data()).map_err(|fault| internal(&fault))?;
        batches::array_capsules(python, array, schema)
    }

    fn __repr__(&self) -> String {
        format!(
            "<decostop.Column of {} lines, {} withheld>",
            self.lines.len(),
            self.withheld
        )
    }
}

fn internal(fault: &ArrowError) -> PyErr {
    InternalError::new_err(fault.to_string())
}

/// The chunks of an object that hands over an array or a stream of arrays.
pub(crate) fn taken(given: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayRef>> {
    let chunks = if given.hasattr("__arrow_c_array__")? {
        let (schema, array): (Bound<'_, PyCapsule>, Bound<'_, PyCapsule>) =
            given.call_method0("__arrow_c_array__")?.extract()?;
        vec![batches::taken_array(&schema, &array)?]
    } else if given.hasattr("__arrow_c_stream__")? {
        let stream: Bound<'_, PyCapsule> = given.call_method0("__arrow_c_stream__")?.cast_into()?;
        batches::taken_stream(&stream)?
    } else {
        return Err(ConfigError::new_err(
            "lines: not an object that hands over Arrow data",
        ));
    };
    for chunk in &chunks {
        if !matches!(
            chunk.data_type(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        ) {
            return Err(ConfigError::new_err("lines: not a column of text"));
        }
    }
    Ok(chunks)
}

/// The texts of a chunk.
pub(crate) fn texts(chunk: &ArrayRef) -> Box<dyn Iterator<Item = Option<&str>> + '_> {
    match chunk.data_type() {
        DataType::LargeUtf8 => Box::new(chunk.as_string::<i64>().iter()),
        DataType::Utf8View => Box::new(chunk.as_string_view().iter()),
        _ => Box::new(chunk.as_string::<i32>().iter()),
    }
}

/// An array out of the C structures that a producer filled in.
///
/// # Safety
/// Both are sound and released by nobody else.
pub(crate) unsafe fn imported(array: FFI_ArrowArray, schema: &FFI_ArrowSchema) -> PyResult<ArrayRef> {
    // SAFETY: promised by the caller.
    let data = unsafe { from_ffi(array, schema) }.map_err(|fault| internal(&fault))?;
    Ok(make_array(data))
}
