//! Checks of the recorded days of ticks and trades.

use diesel::PgConnection;

use crate::audit::{FindingKind, Measurement, StateProblem};
use crate::db::{DbError, TimeseriesDb};
use crate::domain::{SymbolId, TimeRange};
use crate::error::RepositoryError;
use crate::postgres::symbol_days::{DAYS_OF_TICKS, DAYS_OF_TRADES, RecordedDays, unrecorded_days};

use super::problem;

/// Checks that `symbol_days` has every day in which a symbol of `symbol_ids` has ticks in `range`, and
/// `trade_days` every day with trades. Changes nothing. Days that wait for the maintenance, because another
/// program wrote their rows, are no problem.
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
        let mut problems = Vec::new();
        for recorded in [&DAYS_OF_TICKS, &DAYS_OF_TRADES] {
            problems.extend(missing_days(connection, recorded, &symbol_ids, range)?);
        }
        Ok(problems)
    })
    .await
}

fn missing_days(
    connection: &mut PgConnection,
    recorded: &RecordedDays,
    symbol_ids: &[SymbolId],
    range: TimeRange,
) -> Result<Option<StateProblem>, DbError> {
    let missing = unrecorded_days(connection, recorded, symbol_ids, range)?;
    let Some((symbol_id, day)) = missing.first() else {
        return Ok(None);
    };
    let RecordedDays {
        rows, unrecorded, ..
    } = recorded;
    let detail = format!(
        "{} days with {rows} are missing, the first one is {} of symbol {symbol_id}, and reads do not find \
         their {rows}: INSERT INTO {unrecorded} DEFAULT VALUES, then run `tickbook maintain`",
        missing.len(),
        day.format("%Y-%m-%d")
    );
    let count = i64::try_from(missing.len()).unwrap_or(i64::MAX);
    Ok(Some(StateProblem {
        numbers: vec![Measurement::new("days", count)],
        ..problem(FindingKind::SymbolDayMissing, recorded.days, detail)
    }))
}
