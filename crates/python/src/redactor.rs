//! The redaction pipeline alone.

use std::path::PathBuf;
use std::sync::Mutex;

use arrow_array::builder::StringBuilder;
use decostop::Limits;
use decostop::pipeline::LineRedactor;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::columns::{self, Column};
use crate::errors::{InternalError, raised};
use crate::settings;

/// Redacts lines of one source, one at a time.
#[pyclass(frozen, module = "decostop._decostop")]
pub(crate) struct Redactor {
    source: String,
    working: Mutex<LineRedactor>,
}

impl Redactor {
    fn line(&self, line: &[u8]) -> PyResult<Option<String>> {
        let mut working = self
            .working
            .lock()
            .map_err(|_| InternalError::new_err("an earlier call of this redactor failed"))?;
        let made = working.line(line).map_err(|error| raised(&error))?;
        let Ok(record) = made else { return Ok(None) };
        let text = String::from_utf8(record.as_verified().as_bytes().to_vec());
        text.map(Some)
            .map_err(|_| InternalError::new_err("a record that is no text"))
    }
}

#[pymethods]
impl Redactor {
    #[new]
    #[pyo3(signature = (source, *, request = None, profile = None, key = None))]
    fn new(
        source: String,
        request: Option<&Bound<'_, PyAny>>,
        profile: Option<PathBuf>,
        key: Option<&Bound<'_, PyBytes>>,
    ) -> PyResult<Self> {
        let profile = settings::profile(profile)?;
        let request = request
            .map(|request| settings::request(request, &profile))
            .transpose()?;
        let key = match settings::key(key)? {
            Some(key) => key,
            None => decostop::pipeline::fresh_key().map_err(|error| raised(&error))?,
        };
        let working = LineRedactor::new(request.as_ref(), &profile, &source, key, &[], &Limits::default())
            .map_err(|error| raised(&error))?;
        Ok(Self {
            source,
            working: Mutex::new(working),
        })
    }

    /// One line of the log; `None` if it is withheld.
    fn text(&self, python: Python<'_>, line: &str) -> PyResult<Option<String>> {
        python.detach(|| self.line(line.as_bytes()))
    }

    /// One record as a dict; `None` if it is withheld.
    fn record<'py>(&self, record: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let python = record.py();
        let line: String = python
            .import("json")?
            .call_method1("dumps", (record,))?
            .extract()?;
        let made = python.detach(|| self.line(line.as_bytes()))?;
        made.map(|line| settings::loaded(python, &line)).transpose()
    }

    /// A column of lines, from any object that hands over Arrow data; null stays null, and so becomes
    /// what is withheld.
    fn column(&self, lines: &Bound<'_, PyAny>) -> PyResult<Column> {
        let (python, chunks) = (lines.py(), columns::taken(lines)?);
        python.detach(|| {
            let (mut made, mut withheld) = (StringBuilder::new(), 0);
            for line in chunks.iter().flat_map(columns::texts) {
                let record = line.map(|line| self.line(line.as_bytes())).transpose()?;
                withheld += u64::from(matches!(record, Some(None)));
                made.append_option(record.flatten());
            }
            Ok(Column::new(made.finish(), withheld))
        })
    }

    #[getter]
    fn source(&self) -> &str {
        &self.source
    }

    fn __repr__(&self) -> String {
        format!("<decostop.Redactor for {}>", self.source)
    }
}
