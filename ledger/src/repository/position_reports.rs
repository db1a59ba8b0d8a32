//! Checks of reported positions.

use chrono::{DateTime, Utc};
use tickbook::RepositoryError;

use crate::domain::PositionReport;

/// The reports in the form in which they are stored. One without a time of receipt is received `now`.
///
/// # Errors
/// A report is invalid.
pub(crate) fn normalized_reports(
    reports: &[PositionReport],
    now: DateTime<Utc>,
) -> Result<Vec<PositionReport>, RepositoryError> {
    let reports = reports.iter().map(|report| {
        let mut report = report.normalized()?;
        report.received_at.get_or_insert(now);
        Ok(report)
    });
    let reports: Result<_, crate::domain::InvalidEvent> = reports.collect();
    reports.map_err(RepositoryError::invalid)
}
