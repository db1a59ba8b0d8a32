//! Downsampling: stores the one-minute candles of ticks and trades before these are dropped, on databases
//! without aggregates.

use std::error::Error as _;
use std::fmt;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::db::transaction;
use crate::domain::{CandleInput, CandleSource, PriceBasis, Timeframe};
use crate::error::RepositoryError;
use crate::postgres::candle_sql::{CandleAggregates, and_has_price};

/// The source of candles that were stored when their ticks were dropped.
const DOWNSAMPLED: &str = CandleSource::DOWNSAMPLED;

#[derive(QueryableByName)]
pub(super) struct DueChunk {
    /// The quoted name with its schema.
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Timestamptz)]
    pub(super) range_start: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub(super) range_end: DateTime<Utc>,
}

impl DueChunk {
    /// The entry of a maintenance report for this chunk.
    pub(super) fn blocked(&self, waiting: usize, error: &RepositoryError) -> BlockedChunk {
        // the cause is often only in the source
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            reason = format!("{reason}: {error}");
            source = error.source();
        }
        BlockedChunk {
            chunk: self.name.clone(),
            from: self.range_start,
            to: self.range_end,
            waiting: waiting as u64,
            reason,
        }
    }
}

/// A chunk that is due and could not be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockedChunk {
    /// The name of the chunk with its schema.
    pub chunk: String,
    /// The start of the chunk, inclusive.
    pub from: DateTime<Utc>,
    /// The end of the chunk, exclusive.
    pub to: DateTime<Utc>,
    /// The number of later chunks that wait for this one. Chunks are dropped in time order, since everything
    /// before the end of the last dropped one counts as dropped.
    pub waiting: u64,
    /// The error of the database.
    pub reason: String,
}

impl fmt::Display for BlockedChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            chunk,
            from,
            to,
            waiting,
            reason,
        } = self;
        write!(
            f,
            "chunk {chunk} from {} to {} could not be dropped, and {waiting} later ones wait for \
             it: {reason}",
            from.to_rfc3339(),
            to.to_rfc3339()
        )
    }
}

/// The chunks of `hypertable` that end at or before `time`, oldest first.
pub(super) fn chunks_before(
    connection: &mut PgConnection,
    hypertable: &str,
    time: DateTime<Utc>,
) -> Result<Vec<DueChunk>, DbError> {
    let chunks = sql_query(
        "SELECT format('%I.%I', chunk_schema, chunk_name) AS name, range_start, range_end \
         FROM timescaledb_information.chunks \
         WHERE hypertable_schema = current_schema() AND hypertable_name = $1 AND range_end <= $2 \
         ORDER BY range_start",
    )
    .bind::<Text, _>(hypertable)
    .bind::<Timestamptz, _>(time)
    .load(connection)?;
    Ok(chunks)
}

/// Stores the candles of a chunk of ticks or trades and drops the chunk, both or neither. Returns the number of
/// candles.
pub(super) fn downsample_and_drop(
    connection: &mut PgConnection,
    input: CandleInput,
    chunk: &DueChunk,
) -> Result<usize, DbError> {
    transaction(connection, |connection| {
        // another program may be about to write here: it waits, readers do not
        connection.batch_execute(&format!(
            "SET LOCAL lock_timeout = '5s'; LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE",
            chunk.name
        ))?;
        let mut downsampled = 0;
        for &basis in input.bases() {
            downsampled += downsample(connection, chunk, basis)?;
        }
        drop_chunk(connection, input.table(), chunk)?;
        raise_dropped(connection, input, chunk)?;
        Ok(downsampled)
    })
}

/// Records that all rows before the end of `chunk` were dropped.
pub(super) fn raise_dropped(
    connection: &mut PgConnection,
    input: CandleInput,
    chunk: &DueChunk,
) -> Result<(), DbError> {
    let dropped = format!("{}_dropped_before", input.table());
    sql_query(format!(
        "UPDATE applied_policies SET {dropped} = greatest({dropped}, $1)"
    ))
    .bind::<Timestamptz, _>(chunk.range_end)
    .execute(connection)?;
    Ok(())
}

fn downsample(
    connection: &mut PgConnection,
    chunk: &DueChunk,
    basis: PriceBasis,
) -> Result<usize, DbError> {
    let minutes = Timeframe::M1;
    let CandleAggregates {
        open,
        high,
        low,
        close,
        volume,
        tick_count,
        buy_volume,
        notional,
    } = CandleAggregates::of_rows(basis);
    let (table, time) = (basis.input().table(), basis.input().time_column());
    let has_price = and_has_price(basis);
    // an imported candle stays; an earlier downsampled one may include ticks that were dropped
    let statement = format!(
        "INSERT INTO ohlc_candles (symbol_id, timeframe, basis, open_time, close_time, \
         open_price, high_price, low_price, close_price, volume, tick_count, buy_volume, notional, source) \
         SELECT symbol_id, '{minutes}', '{basis}', bucket, bucket + INTERVAL '1 minute', \
         open, high, low, close, volume, tick_count, buy_volume, notional, '{DOWNSAMPLED}' FROM (\
         SELECT symbol_id, time_bucket(INTERVAL '1 minute', {time}) AS bucket, \
         {open} AS open, {high} AS high, {low} AS low, {close} AS close, {volume} AS volume, \
         {tick_count} AS tick_count, {buy_volume} AS buy_volume, {notional} AS notional \
         FROM {table} WHERE {time} >= $1 AND {time} < $2{has_price} GROUP BY symbol_id, bucket) AS computed \
         ON CONFLICT (symbol_id, timeframe, basis, open_time) DO UPDATE SET \
         open_price = EXCLUDED.open_price, high_price = EXCLUDED.high_price, \
         low_price = EXCLUDED.low_price, close_price = EXCLUDED.close_price, \
         volume = EXCLUDED.volume, tick_count = EXCLUDED.tick_count, \
         buy_volume = EXCLUDED.buy_volume, notional = EXCLUDED.notional \
         WHERE ohlc_candles.source = '{DOWNSAMPLED}' AND ohlc_candles.tick_count < EXCLUDED.tick_count"
    );
    let downsampled = sql_query(statement)
        .bind::<Timestamptz, _>(chunk.range_start)
        .bind::<Timestamptz, _>(chunk.range_end)
        .execute(connection)?;
    Ok(downsampled)
}

/// Drops a chunk of stored candles.
pub(super) fn drop_stored_candles(
    connection: &mut PgConnection,
    chunk: &DueChunk,
) -> Result<(), DbError> {
    transaction(connection, |connection| {
        connection.batch_execute("SET LOCAL lock_timeout = '5s'")?;
        drop_chunk(connection, "ohlc_candles", chunk)?;
        sql_query(
            "UPDATE applied_policies \
             SET candles_dropped_before = greatest(candles_dropped_before, $1)",
        )
        .bind::<Timestamptz, _>(chunk.range_end)
        .execute(connection)?;
        Ok(())
    })
}

#[derive(QueryableByName)]
struct DroppedChunkRow {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Drops exactly `chunk`.
pub(super) fn drop_chunk(
    connection: &mut PgConnection,
    hypertable: &str,
    chunk: &DueChunk,
) -> Result<(), DbError> {
    let dropped: Vec<DroppedChunkRow> = sql_query(format!(
        "SELECT name FROM drop_chunks('{hypertable}', older_than => $1, newer_than => $2) AS name"
    ))
    .bind::<Timestamptz, _>(chunk.range_end)
    .bind::<Timestamptz, _>(chunk.range_start)
    .load(connection)?;
    match dropped.as_slice() {
        [only] if only.name == chunk.name => Ok(()),
        _ => {
            let names: Vec<_> = dropped.into_iter().map(|dropped| dropped.name).collect();
            Err(RepositoryError::Internal {
                operation: "maintain",
                reason: format!("expected to drop {}, not {}", chunk.name, names.join(", ")),
            }
            .into())
        }
    }
}
