//! decostop for Python: the compiled half, `decostop._decostop`; what users import is
//! `python/decostop`.
//!
//! ```text
//! arguments ─► settings ─► a call of the library, without the GIL ─► [`errors`]
//! ```
//!
//! There is no logic here. Each call that takes time goes through [`detached`], which lets other Python
//! threads run and looks for Ctrl-C meanwhile.

#![expect(unsafe_code, reason = "Arrow's C structures are handed to Python in capsules")]
#![expect(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    reason = "signatures are those that Python calls"
)]

mod batches;
mod cluster;
mod columns;
mod detached;
mod dive;
mod errors;
mod redactor;
mod settings;
mod tools;

use pyo3::prelude::*;

/// A panic that is not caught would end the interpreter.
#[cfg(not(panic = "unwind"))]
compile_error!("the Python module needs `panic = \"unwind\"`");

#[pymodule(gil_used = false)]
fn _decostop(module: &Bound<'_, PyModule>) -> PyResult<()> {
    detached::quiet_panics();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::register(module)?;
    module.add_class::<dive::Dive>()?;
    module.add_class::<batches::Batch>()?;
    module.add_class::<columns::Column>()?;
    module.add_class::<redactor::Redactor>()?;
    module.add_class::<cluster::ShardBatches>()?;
    module.add_function(wrap_pyfunction!(cluster::cluster_batches, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::cluster_gather, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::cluster_learn, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::cluster_merge, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::cluster_redact, module)?)?;
    module.add_function(wrap_pyfunction!(dive::scan, module)?)?;
    module.add_function(wrap_pyfunction!(tools::check, module)?)?;
    module.add_function(wrap_pyfunction!(tools::synth, module)?)?;
    module.add_function(wrap_pyfunction!(tools::verify, module)?)?;
    Ok(())
}
