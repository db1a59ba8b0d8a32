//! Candles of which smaller parts are stored as candles.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::{Candle, SortOrder, StoredParts, TimeRange, Timeframe};
use crate::error::RepositoryError;
use crate::repository::CandleQuery;

use super::source::Aggregates;
use super::{made, stored};

/// How much time is folded at once, so that a page takes bounded memory: 10,080 minutes.
const SPAN: TimeDelta = TimeDelta::days(7);

/// The candles of `window` of which smaller parts are stored, without those that are `stored` whole:
/// of all buckets the first `limit`, by open time.
pub(super) fn read(
    connection: &mut PgConnection,
    query: &CandleQuery,
    aggregates: &Aggregates,
    window: TimeRange,
    limit: usize,
    now: DateTime<Utc>,
    stored: &[Candle],
) -> Result<Vec<Candle>, DbError> {
    if query.timeframe == Timeframe::M1 {
        return Ok(Vec::new());
    }
    let mut buckets = buckets_with_parts(connection, query, window, limit)?;
    buckets.retain(|bucket| stored.iter().all(|whole| whole.open_time != *bucket));
    buckets.sort_unstable();
    let width = query.timeframe.duration();
    let mut candles = Vec::with_capacity(buckets.len());
    let mut rest = buckets.as_slice();
    while let Some(first) = rest.first() {
        let end = *first + SPAN.max(width);
        let (together, behind) = rest.split_at(rest.partition_point(|one| *one + width <= end));
        candles.extend(fold(connection, query, aggregates, together, now)?);
        rest = behind;
    }
    Ok(candles)
}

/// The candles of `buckets`, which are within one span.
fn fold(
    connection: &mut PgConnection,
    query: &CandleQuery,
    aggregates: &Aggregates,
    buckets: &[DateTime<Utc>],
    now: DateTime<Utc>,
) -> Result<Vec<Candle>, DbError> {
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return Ok(Vec::new());
    };
    let span = TimeRange::new(*first, *last + query.timeframe.duration())
        .map_err(RepositoryError::invalid)?;
    let mut parts = stored::read_smaller(connection, query, span, now)?;
    parts.retain(|part| {
        let bucket = query.timeframe.bucket_start(part.open_time);
        buckets.binary_search(&bucket).is_ok()
    });
    let of_minutes = CandleQuery {
        timeframe: Timeframe::M1,
        ..*query
    };
    // every minute of the span
    let most = (span.to() - span.from()).num_minutes() as usize;
    let minutes = made::read(connection, &of_minutes, aggregates, span, most, now)?;
    StoredParts::new(parts)
        .fold_with(&minutes, query.timeframe, now)
        .map_err(|error| RepositoryError::from(error).into())
}

/// The starts of the first `limit` buckets of `window` in which smaller candles are stored.
fn buckets_with_parts(
    connection: &mut PgConnection,
    query: &CandleQuery,
    window: TimeRange,
    limit: usize,
) -> Result<Vec<DateTime<Utc>>, DbError> {
    let minutes = query.timeframe.duration().num_minutes();
    let direction = direction(query.order);
    let select = format!(
        "SELECT DISTINCT time_bucket(INTERVAL '{minutes} minutes', open_time) AS open_time \
         FROM ohlc_candles WHERE symbol_id = $1 AND timeframe = ANY($2) AND basis = $3 \
         AND open_time >= $4 AND open_time < $5 ORDER BY 1 {direction} LIMIT $6"
    );
    let rows: Vec<OpenTime> = sql_query(select)
        .bind::<BigInt, _>(query.symbol_id.get())
        .bind::<Array<Text>, _>(names(|one| one < query.timeframe))
        .bind::<Text, _>(query.basis.as_str())
        .bind::<Timestamptz, _>(window.from())
        .bind::<Timestamptz, _>(window.to())
        // at most 10,001
        .bind::<BigInt, _>(limit as i64)
        .load(connection)?;
    Ok(rows.into_iter().map(|row| row.open_time).collect())
}

/// The start of the first bucket of `range` in which a candle of its width or a smaller one is stored.
pub(super) fn edge(
    connection: &mut PgConnection,
    query: &CandleQuery,
    range: TimeRange,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let direction = direction(query.order);
    let select = format!(
        "SELECT edge.open_time FROM UNNEST($1) AS wanted (name) CROSS JOIN LATERAL (\
         SELECT open_time FROM ohlc_candles WHERE symbol_id = $2 AND timeframe = wanted.name \
         AND basis = $3 AND open_time >= $4 AND open_time < $5 \
         ORDER BY open_time {direction} LIMIT 1) AS edge ORDER BY 1 {direction} LIMIT 1"
    );
    let rows: Vec<OpenTime> = sql_query(select)
        .bind::<Array<Text>, _>(names(|one| one <= query.timeframe))
        .bind::<BigInt, _>(query.symbol_id.get())
        .bind::<Text, _>(query.basis.as_str())
        .bind::<Timestamptz, _>(range.from())
        .bind::<Timestamptz, _>(range.to())
        .load(connection)?;
    let edge = rows.into_iter().next();
    Ok(edge.map(|row| query.timeframe.bucket_start(row.open_time)))
}

#[derive(QueryableByName)]
struct OpenTime {
    #[diesel(sql_type = Timestamptz)]
    open_time: DateTime<Utc>,
}

fn names(which: impl Fn(Timeframe) -> bool) -> Vec<&'static str> {
    let chosen = Timeframe::ALL.into_iter().filter(|one| which(*one));
    chosen.map(Timeframe::as_str).collect()
}

fn direction(order: SortOrder) -> &'static str {
    match order {
        SortOrder::Ascending => "ASC",
        SortOrder::Descending => "DESC",
    }
}
