//! Changes of ticks that continuous aggregates have not yet learned of.

use diesel::sql_types::BigInt;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::error::{Database, RepositoryError};

use super::failure::DbError;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many changes wait for a refresh; none where there are no aggregates, or where a release of
/// the database keeps its log elsewhere.
pub(super) fn waiting_changes(connection: &mut PgConnection) -> Result<u64, DbError> {
    // what begins before all time is what was never refreshed, and no change
    // every insert is logged; what lies above the watermark has only not been made yet
    let row: Result<Count, _> = sql_query(
        "WITH aggregates AS (SELECT raw_hypertable_id, mat_hypertable_id, watermark \
           FROM _timescaledb_catalog.continuous_agg \
           JOIN _timescaledb_catalog.continuous_aggs_watermark USING (mat_hypertable_id) \
           WHERE user_view_schema = current_schema()) \
         SELECT (SELECT count(*) \
             FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
             JOIN aggregates ON hypertable_id = raw_hypertable_id \
             WHERE lowest_modified_value < watermark) \
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
