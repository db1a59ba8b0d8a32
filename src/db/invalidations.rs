//! Changes of ticks that continuous aggregates have not yet learned of.

use diesel::sql_types::BigInt;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::error::{Database, RepositoryError};

use super::aggregates::{CandleRelationKind, candle_relations};
use super::failure::DbError;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// More changes than these are moved out of the log of the ticks.
const MOST_CHANGES: i64 = 10_000;

/// A minute that never has a tick: [`latest_time`](crate::domain::latest_time) is its start.
const EMPTY_MINUTE: (&str, &str) = ("2100-01-01 00:00:00Z", "2100-01-01 00:01:00Z");

/// Does what keeps reads from looking through many single changes: a refresh of any window, which
/// each job is, moves the changes of ticks to where they are merged. Where no policy was applied no
/// job does.
pub(super) fn empty_change_log(connection: &mut PgConnection) -> Result<(), DbError> {
    let aggregates = candle_relations(connection)?;
    if aggregates
        .iter()
        .any(|(_, kind)| *kind != CandleRelationKind::Aggregate)
    {
        return Ok(());
    }
    // thresholds are raised here, by every maintenance
    let row: Count = sql_query(
        "SELECT count(*) AS count FROM (SELECT \
         FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
         JOIN _timescaledb_catalog.continuous_agg ON hypertable_id = raw_hypertable_id \
         WHERE user_view_schema = current_schema() AND user_view_name = 'ohlc_1m' LIMIT $1) AS changes",
    )
    .bind::<BigInt, _>(MOST_CHANGES + 1)
    .get_result(connection)?;
    if row.count > MOST_CHANGES {
        let (from, to) = EMPTY_MINUTE;
        sql_query(format!(
            "CALL refresh_continuous_aggregate('ohlc_1m', timestamptz '{from}', \
             timestamptz '{to}')"
        ))
        .execute(connection)?;
    }
    Ok(())
}

/// How many changes wait for a refresh; none where there are no aggregates, or where a release of
/// the database keeps its log elsewhere.
pub(super) fn waiting_changes(connection: &mut PgConnection) -> Result<u64, DbError> {
    // what begins before all time is what was never refreshed, and no change
    let row: Result<Count, _> = sql_query(
        "WITH aggregates AS (SELECT raw_hypertable_id, mat_hypertable_id, watermark \
           FROM _timescaledb_catalog.continuous_agg \
           JOIN _timescaledb_catalog.continuous_aggs_watermark USING (mat_hypertable_id) \
           WHERE user_view_schema = current_schema()) \
         SELECT (SELECT count(*) \
             FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
             WHERE hypertable_id IN (SELECT raw_hypertable_id FROM aggregates)) \
           + (SELECT count(*) \
             FROM _timescaledb_catalog.continuous_aggs_materialization_invalidation_log \
             JOIN aggregates ON materialization_id = mat_hypertable_id \
             WHERE lowest_modified_value < watermark \
             AND lowest_modified_value > '-9223372036854775808'::bigint) AS count",
    )
    .get_result(connection);
    let operation = "count what waits for a refresh";
    match row.map_err(|error| DbError::from(error).into_repository(Database::Timeseries, operation))
    {
        Ok(row) => Ok(row.count.unsigned_abs()),
        Err(RepositoryError::Schema { .. }) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
