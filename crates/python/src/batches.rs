//! Record batches and streams of them, handed over as Arrow's C structures: no bytes are copied.

use std::ffi::CStr;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, to_ffi};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array as _, ArrayRef, RecordBatch, RecordBatchReader, StructArray};
use arrow_schema::{ArrowError, DataType, Schema};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::columns;
use crate::errors::InternalError;

const ARRAY: &CStr = c"arrow_array";
const SCHEMA: &CStr = c"arrow_schema";
const STREAM: &CStr = c"arrow_array_stream";

/// Verified records as columns: `pyarrow.record_batch(batch)`, `polars.DataFrame(batch)`.
#[pyclass(frozen, module = "decostop._decostop")]
pub(crate) struct Batch(RecordBatch);

impl Batch {
    pub(crate) fn new(batch: RecordBatch) -> Self {
        Self(batch)
    }
}

#[pymethods]
impl Batch {
    /// Rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.0.num_rows()
    }

    /// Names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        let fields = self.0.schema_ref().fields();
        fields.iter().map(|field| field.name().clone()).collect()
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    fn __arrow_c_schema__<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema(python, self.0.schema_ref())
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        python: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        // The protocol allows a producer to hand over what it has.
        drop(requested_schema);
        let rows = StructArray::from(self.0.clone());
        let (array, schema) =
            to_ffi(&rows.to_data()).map_err(|fault| InternalError::new_err(fault.to_string()))?;
        array_capsules(python, array, schema)
    }

    fn __repr__(&self) -> String {
        format!("<decostop.Batch of {} records>", self.0.num_rows())
    }
}

/// A schema in a capsule.
pub(crate) fn schema<'py>(python: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyCapsule>> {
    let made =
        FFI_ArrowSchema::try_from(schema).map_err(|fault| InternalError::new_err(fault.to_string()))?;
    schema_capsule(python, made)
}

pub(crate) fn schema_capsule(python: Python<'_>, schema: FFI_ArrowSchema) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(python, schema, SCHEMA)
}

/// Schema and array in capsules, as the protocol has them.
pub(crate) fn array_capsules(
    python: Python<'_>,
    array: FFI_ArrowArray,
    schema: FFI_ArrowSchema,
) -> PyResult<Bound<'_, PyTuple>> {
    let array = PyCapsule::new_with_value(python, array, ARRAY)?;
    PyTuple::new(python, [schema_capsule(python, schema)?, array])
}

/// A stream in a capsule. Consumers move the structure out and release it themselves; one that was never
/// taken is released when the capsule goes.
pub(crate) fn stream(
    python: Python<'_>,
    reader: Box<dyn RecordBatchReader + Send>,
) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(python, FFI_ArrowArrayStream::new(reader), STREAM)
}

/// The array that a producer handed over in capsules.
pub(crate) fn taken_array(schema: &Bound<'_, PyCapsule>, array: &Bound<'_, PyCapsule>) -> PyResult<ArrayRef> {
    let schema = schema.pointer_checked(Some(SCHEMA))?.cast::<FFI_ArrowSchema>();
    let array = array.pointer_checked(Some(ARRAY))?.cast::<FFI_ArrowArray>();
    // SAFETY: capsules of these names hold these structures; what is moved out is marked as released.
    let schema = unsafe { FFI_ArrowSchema::from_raw(schema.as_ptr()) };
    // SAFETY: the same.
    let array = unsafe { FFI_ArrowArray::from_raw(array.as_ptr()) };
    // SAFETY: the producer promises that they are sound; nobody else releases them any more.
    unsafe { columns::imported(array, &schema) }
}

/// The arrays of the stream that a producer handed over in a capsule.
pub(crate) fn taken_stream(stream: &Bound<'_, PyCapsule>) -> PyResult<Vec<ArrayRef>> {
    let internal = |fault: &ArrowError| InternalError::new_err(fault.to_string());
    let stream = stream
        .pointer_checked(Some(STREAM))?
        .cast::<FFI_ArrowArrayStream>();
    // SAFETY: as in `taken_array`.
    let mut stream = unsafe { FFI_ArrowArrayStream::from_raw(stream.as_ptr()) };
    let mut schema = FFI_ArrowSchema::empty();
    let fault = |code| InternalError::new_err(format!("the column's producer failed with {code}"));
    let next = stream.get_schema().ok_or_else(|| fault(0))?;
    // SAFETY: the producer's own function with its own structure.
    let code = unsafe { next(&raw mut stream, &raw mut schema) };
    if code != 0 {
        return Err(fault(code));
    }
    let data_type = DataType::try_from(&schema).map_err(|fault| internal(&fault))?;
    let next = stream.get_next().ok_or_else(|| fault(0))?;
    let mut chunks = Vec::new();
    loop {
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: as above.
        let code = unsafe { next(&raw mut stream, &raw mut array) };
        if code != 0 {
            return Err(fault(code));
        }
        if array.is_released() {
            return Ok(chunks);
        }
        let schema = FFI_ArrowSchema::try_from(&data_type).map_err(|fault| internal(&fault))?;
        // SAFETY: the array is of the type that the stream stated.
        chunks.push(unsafe { columns::imported(array, &schema) }?);
    }
}
