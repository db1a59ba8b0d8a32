//! The time of the first tick of a range.

use chrono::{DateTime, Utc};
use diesel::PgConnection;

use crate::db::DbError;
use crate::domain::{PriceBasis, SortOrder, SymbolId, Tick, TimeRange};
use crate::postgres::candle_sql::has_price;
use crate::postgres::reading::first_time_with;

/// The time of the first tick of `range` in that order that has the price of `basis`.
pub(in crate::postgres) fn first_tick_time_of_basis(
    connection: &mut PgConnection,
    (symbol_id, basis): (SymbolId, PriceBasis),
    range: TimeRange,
    order: SortOrder,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, DbError> {
    match has_price(basis) {
        Some(condition) => {
            first_time_with::<Tick>(connection, condition, symbol_id, range, order, now)
        }
        // no tick has the price of a trade
        None => Ok(None),
    }
}
