//! What a dive did.

use decostop_core::stats::Report;

use crate::pointer;
use crate::text::dcs_str;

/// What a dive did. Holds no bytes of a log.
pub struct dcs_report {
    report: Report,
    json: String,
}

impl dcs_report {
    pub(crate) fn new(report: Report) -> Self {
        Self {
            json: report.to_json(),
            report,
        }
    }
}

/// Records that were disclosed; 0 for NULL.
///
/// # Safety
/// `report` is NULL or a report of this library that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_report_disclosed(report: *const dcs_report) -> u64 {
    // SAFETY: promised by the caller.
    unsafe { report.as_ref() }.map_or(0, |report| report.report.counts.disclosed)
}

/// Lines and ranges that were withheld, or inputs that were not read to their end, whichever are more;
/// 0 for NULL. If this is not 0, the result is incomplete, and `decostop` would exit with 2.
///
/// # Safety
/// As `dcs_report_disclosed`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_report_missing(report: *const dcs_report) -> u64 {
    // SAFETY: promised by the caller.
    unsafe { report.as_ref() }.map_or(0, |report| report.report.missing())
}

/// Everything that was counted, as JSON; valid until the report is freed. Empty for NULL. Paths of
/// inputs stand in it: it is for the house, not for the customer.
///
/// # Safety
/// As `dcs_report_disclosed`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_report_json(report: *const dcs_report) -> dcs_str {
    // SAFETY: promised by the caller.
    unsafe { report.as_ref() }.map_or(dcs_str::EMPTY, |report| dcs_str::of(&report.json))
}

/// Frees a report; NULL is allowed.
///
/// # Safety
/// `report` is NULL or a report of this library that was not freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_report_free(report: *mut dcs_report) {
    // SAFETY: promised by the caller.
    unsafe { pointer::free(report) }
}
