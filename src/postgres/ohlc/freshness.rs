//! Where a continuous aggregate may not know all ticks.
//!
//! What is newer than its last refresh an aggregate reads from the ticks. What came late, into
//! buckets that were refreshed before, and what is older than any refresh, it learns by the next
//! refresh of that range; until then TimescaleDB keeps a log of it. Of an aggregate that was refreshed
//! further than a smaller one, the log knows nothing between both ends.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{SortOrder, TimeRange, Timeframe};
use crate::error::{Database, RepositoryError};
use crate::postgres::ticks::edge_tick_time;
use crate::repository::CandleQuery;

use super::source::relation;

/// The part of `range`, from the first to the last change, of whose ticks the aggregate of the query's
/// timeframe may not know all.
pub(super) fn stale(
    connection: &mut PgConnection,
    query: &CandleQuery,
    range: TimeRange,
) -> Result<Option<TimeRange>, DbError> {
    let micros = |time: DateTime<Utc>| time.timestamp_micros();
    let select = SelectStale {
        // each aggregate is made of the next smaller one, so that all of them count
        relations: Timeframe::ALL
            .into_iter()
            .filter(|smaller| *smaller <= query.timeframe)
            .map(relation)
            .collect(),
        from: micros(range.from()),
        to: micros(range.to()),
    };
    let found: Result<Stale, _> = select.get_result(connection);
    let (first, last, unlogged_first, unlogged_last) = match found
        .map_err(|error| DbError::from(error).into_repository(Database::Timeseries, "read candles"))
    {
        Ok(found) => found,
        // a release that keeps its log elsewhere: nothing is known to be current
        Err(RepositoryError::Schema { .. }) => return Ok(Some(range)),
        Err(error) => return Err(error.into()),
    };
    let mut stale: Vec<DateTime<Utc>> = [first, last]
        .into_iter()
        .flatten()
        .filter_map(time)
        .collect();
    if let (Some(first), Some(last)) = (unlogged_first.and_then(time), unlogged_last.and_then(time))
    {
        // where there are no ticks, nothing has changed
        let unlogged = TimeRange::new(first, last + TimeDelta::microseconds(1));
        let unlogged = unlogged.map_err(RepositoryError::invalid)?;
        let order = SortOrder::Ascending;
        if let Some(tick) = edge_tick_time(connection, query.symbol_id, unlogged, order)? {
            stale.extend([tick, last]);
        }
    }
    let buckets = stale.iter().min().zip(stale.iter().max());
    Ok(buckets.and_then(|(first, last)| {
        let first = query.timeframe.bucket_start(*first);
        let end = query.timeframe.bucket_start(*last) + query.timeframe.duration();
        TimeRange::new(first.max(range.from()), end.min(range.to())).ok()
    }))
}

/// First and last change that is logged, then of what is not logged; in microseconds since 1970.
type Stale = (Option<i64>, Option<i64>, Option<i64>, Option<i64>);

fn time(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
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
            "WITH aggregates AS (SELECT raw_hypertable_id, mat_hypertable_id, \
             w.watermark, t.watermark AS threshold, array_position(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.relations)?;
        out.push_sql(
            ", user_view_name::text) AS place FROM _timescaledb_catalog.continuous_agg \
             JOIN _timescaledb_catalog.continuous_aggs_watermark AS w USING (mat_hypertable_id) \
             LEFT JOIN _timescaledb_catalog.continuous_aggs_invalidation_threshold AS t \
             ON t.hypertable_id = raw_hypertable_id \
             WHERE user_view_schema = current_schema() AND user_view_name = ANY(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.relations)?;
        // changed ticks; changed buckets that wait for their refresh; those in the midst of it; and
        // what was refreshed further than a smaller one, so that changes below it are not logged
        out.push_sql(
            ")), changes AS (\
             SELECT lowest_modified_value AS first, greatest_modified_value AS last, \
             true AS logged \
             FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
             JOIN aggregates ON hypertable_id = raw_hypertable_id \
             UNION ALL SELECT lowest_modified_value, least(greatest_modified_value, watermark - 1), \
             true \
             FROM _timescaledb_catalog.continuous_aggs_materialization_invalidation_log \
             JOIN aggregates ON materialization_id = mat_hypertable_id \
             UNION ALL SELECT lowest_modified_value, greatest_modified_value, true \
             FROM _timescaledb_catalog.continuous_aggs_materialization_ranges \
             JOIN aggregates ON materialization_id = mat_hypertable_id \
             UNION ALL SELECT coalesce(small.threshold, -9223372036854775807), \
             large.watermark - 1, false \
             FROM aggregates AS small JOIN aggregates AS large ON small.place < large.place) \
             , inside AS (SELECT greatest(first, ",
        );
        out.push_bind_param::<BigInt, _>(&self.from)?;
        out.push_sql(") AS first, least(last, ");
        out.push_bind_param::<BigInt, _>(&self.to)?;
        out.push_sql(" - 1) AS last, logged FROM changes WHERE first <= last AND first < ");
        out.push_bind_param::<BigInt, _>(&self.to)?;
        out.push_sql(" AND last >= ");
        out.push_bind_param::<BigInt, _>(&self.from)?;
        out.push_sql(
            ") SELECT min(first) FILTER (WHERE logged), max(last) FILTER (WHERE logged), \
             min(first) FILTER (WHERE NOT logged), max(last) FILTER (WHERE NOT logged) FROM inside",
        );
        Ok(())
    }
}

impl QueryId for SelectStale {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for SelectStale {
    type SqlType = (
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<BigInt>,
    );
}

impl RunQueryDsl<PgConnection> for SelectStale {}
