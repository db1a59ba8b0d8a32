//! Where a continuous aggregate may not know all ticks.
//!
//! What is newer than its last refresh an aggregate reads from the ticks. What came late, into
//! buckets that were refreshed before, and what is older than any refresh, it learns by the next
//! refresh of that range; until then TimescaleDB keeps a log of it.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{TimeRange, Timeframe};
use crate::error::{Database, RepositoryError};

use super::source::relation;

/// The part of `range`, from the first to the last change, of whose ticks the aggregate of `timeframe`
/// may not know all.
pub(super) fn stale(
    connection: &mut PgConnection,
    timeframe: Timeframe,
    range: TimeRange,
) -> Result<Option<TimeRange>, DbError> {
    let micros = |time: DateTime<Utc>| time.timestamp_micros();
    let query = SelectStale {
        // each aggregate is made of the next smaller one, so that all of them count
        relations: Timeframe::ALL
            .into_iter()
            .filter(|smaller| *smaller <= timeframe)
            .map(relation)
            .collect(),
        from: micros(range.from()),
        to: micros(range.to()),
    };
    let stale: Result<(Option<i64>, Option<i64>), _> = query.get_result(connection);
    match stale
        .map_err(|error| DbError::from(error).into_repository(Database::Timeseries, "read candles"))
    {
        Ok((Some(first), Some(last))) => Ok(Some(around(timeframe, range, first, last))),
        Ok(_) => Ok(None),
        // a release that keeps its log elsewhere: nothing is known to be current
        Err(RepositoryError::Schema { .. }) => Ok(Some(range)),
        Err(error) => Err(error.into()),
    }
}

/// The buckets from that of `first` to that of `last`, in microseconds since 1970 and inside of `range`.
fn around(timeframe: Timeframe, range: TimeRange, first: i64, last: i64) -> TimeRange {
    let bucket =
        |micros| DateTime::from_timestamp_micros(micros).map(|t| timeframe.bucket_start(t));
    let buckets = bucket(first).zip(bucket(last)).and_then(|(first, last)| {
        TimeRange::new(first, (last + timeframe.duration()).min(range.to())).ok()
    });
    buckets.unwrap_or(range)
}

struct SelectStale {
    relations: Vec<String>,
    /// In microseconds since 1970, as the log counts.
    from: i64,
    to: i64,
}

impl QueryFragment<Pg> for SelectStale {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "WITH aggregates AS (SELECT raw_hypertable_id, mat_hypertable_id, watermark \
             FROM _timescaledb_catalog.continuous_agg \
             JOIN _timescaledb_catalog.continuous_aggs_watermark USING (mat_hypertable_id) \
             WHERE user_view_schema = current_schema() AND user_view_name = ANY(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.relations)?;
        // changed ticks; changed buckets that wait for their refresh; those in the midst of it
        out.push_sql(
            ")), changes AS (\
             SELECT lowest_modified_value AS first, greatest_modified_value AS last \
             FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
             JOIN aggregates ON hypertable_id = raw_hypertable_id \
             UNION ALL SELECT lowest_modified_value, least(greatest_modified_value, watermark - 1) \
             FROM _timescaledb_catalog.continuous_aggs_materialization_invalidation_log \
             JOIN aggregates ON materialization_id = mat_hypertable_id \
             UNION ALL SELECT lowest_modified_value, greatest_modified_value \
             FROM _timescaledb_catalog.continuous_aggs_materialization_ranges \
             JOIN aggregates ON materialization_id = mat_hypertable_id) \
             SELECT min(greatest(first, ",
        );
        out.push_bind_param::<BigInt, _>(&self.from)?;
        out.push_sql(")), max(least(last, ");
        out.push_bind_param::<BigInt, _>(&self.to)?;
        out.push_sql(" - 1)) FROM changes WHERE first <= last AND first < ");
        out.push_bind_param::<BigInt, _>(&self.to)?;
        out.push_sql(" AND last >= ");
        out.push_bind_param::<BigInt, _>(&self.from)
    }
}

impl QueryId for SelectStale {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for SelectStale {
    type SqlType = (Nullable<BigInt>, Nullable<BigInt>);
}

impl RunQueryDsl<PgConnection> for SelectStale {}
