//! Checks of the recorded days of ticks.

use crate::audit::{FindingKind, Measurement, StateProblem};
use crate::db::TimeseriesDb;
use crate::domain::{SymbolId, TimeRange};
use crate::error::RepositoryError;
use crate::postgres::symbol_days::unrecorded_days;

use super::problem;

/// Checks that `symbol_days` has every day in which a symbol of `symbol_ids` has ticks in `range`. Changes
/// nothing. Days that wait for the maintenance, because another program wrote their ticks, are no problem.
///
/// # Errors
/// Returns database errors.
pub async fn missing_symbol_days(
    db: &TimeseriesDb,
    symbol_ids: &[SymbolId],
    range: TimeRange,
) -> Result<Vec<StateProblem>, RepositoryError> {
    let symbol_ids = symbol_ids.to_vec();
    db.run_dedicated("missing_symbol_days", move |connection| {
        let missing = unrecorded_days(connection, &symbol_ids, range)?;
        let Some((symbol_id, day)) = missing.first() else {
            return Ok(Vec::new());
        };
        let detail = format!(
            "{} days with ticks are missing, the first one is {} of symbol {symbol_id}, and reads do not find \
             their ticks: INSERT INTO unrecorded_ticks DEFAULT VALUES, then run `tickbook maintain`",
            missing.len(),
            day.format("%Y-%m-%d")
        );
        let count = i64::try_from(missing.len()).unwrap_or(i64::MAX);
        Ok(vec![StateProblem {
            numbers: vec![Measurement::new("days", count)],
            ..problem(FindingKind::SymbolDayMissing, "symbol_days", detail)
        }])
    })
    .await
}
