//! Records the days that other programs did not record.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::{CandleInput, CandleRelation, SymbolId, TimeRange, Timeframe};

use super::RecordedDays;

#[derive(QueryableByName)]
struct UnrecordedEntry {
    #[diesel(sql_type = BigInt)]
    entry_id: i64,
}

/// The part of a day that lies in one chunk.
#[derive(QueryableByName)]
struct Slice {
    #[diesel(sql_type = Timestamptz)]
    day: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    start: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    until: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct SymbolWithRows {
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
}

#[derive(QueryableByName)]
struct AggregateTable {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Records the days of all stored rows of a table if its `unrecorded` has entries, and deletes these entries.
/// Returns their number. Reads the whole index of the rows.
///
/// Each statement is a transaction of its own: the rows of an entry are visible to every statement after the
/// one that read the entry.
pub(in crate::postgres) fn record_missing(
    connection: &mut PgConnection,
    recorded: &RecordedDays,
) -> Result<usize, DbError> {
    let RecordedDays {
        rows,
        time,
        days,
        unrecorded,
    } = recorded;
    let entries: Vec<UnrecordedEntry> =
        sql_query(format!("SELECT entry_id FROM {unrecorded}")).load(connection)?;
    if entries.is_empty() {
        return Ok(0);
    }
    for Slice { day, start, until } in slices(connection, rows, TimeRange::all())? {
        sql_query(format!(
            "INSERT INTO {days} (symbol_id, day) SELECT DISTINCT symbol_id, $1 FROM {rows} \
             WHERE {time} >= $2 AND {time} < $3 ON CONFLICT DO NOTHING"
        ))
        .bind::<Timestamptz, _>(day)
        .bind::<Timestamptz, _>(start)
        .bind::<Timestamptz, _>(until)
        .execute(connection)?;
    }
    let inputs = CandleInput::ALL.iter().copied();
    for input in inputs.filter(|input| input.table() == *rows) {
        record_candles(connection, input, days)?;
    }
    let entry_ids: Vec<_> = entries.into_iter().map(|row| row.entry_id).collect();
    let deleted = sql_query(format!("DELETE FROM {unrecorded} WHERE entry_id = ANY($1)"))
        .bind::<Array<BigInt>, _>(entry_ids)
        .execute(connection)?;
    Ok(deleted)
}

/// Records the days of the candles of an aggregate: their ticks or trades may have been dropped since.
fn record_candles(
    connection: &mut PgConnection,
    input: CandleInput,
    days: &str,
) -> Result<(), DbError> {
    // before ticks or trades are dropped, the candles of every timeframe include them
    let candles: Vec<AggregateTable> = sql_query(
        "SELECT format('%I.%I', materialization_hypertable_schema, \
         materialization_hypertable_name) AS name \
         FROM timescaledb_information.continuous_aggregates \
         WHERE view_schema = current_schema() AND view_name = $1",
    )
    .bind::<Text, _>(CandleRelation::of(input, Timeframe::D1).name)
    .load(connection)?;
    for AggregateTable { name } in candles {
        sql_query(format!(
            "INSERT INTO {days} (symbol_id, day) SELECT symbol_id, open_time FROM {name} \
             ON CONFLICT DO NOTHING"
        ))
        .execute(connection)?;
    }
    Ok(())
}

/// The days of stored rows of `symbol_ids` in `range` that are not recorded, by day; none if
/// `unrecorded` has entries.
pub(in crate::postgres) fn unrecorded_days(
    connection: &mut PgConnection,
    recorded: &RecordedDays,
    symbol_ids: &[SymbolId],
    range: TimeRange,
) -> Result<Vec<(SymbolId, DateTime<Utc>)>, DbError> {
    let symbol_ids: Vec<_> = symbol_ids.iter().map(|id| id.get()).collect();
    let RecordedDays {
        rows,
        time,
        days,
        unrecorded,
    } = recorded;
    let mut missing = Vec::new();
    for Slice { day, start, until } in slices(connection, rows, range)? {
        let symbols: Vec<SymbolWithRows> = sql_query(format!(
            "SELECT wanted AS symbol_id FROM UNNEST($1) AS wanted WHERE EXISTS (SELECT FROM {rows} \
             WHERE symbol_id = wanted AND {time} >= $3 AND {time} < $4) \
             AND NOT EXISTS (SELECT FROM {days} WHERE symbol_id = wanted AND day = $2) \
             AND NOT EXISTS (SELECT FROM {unrecorded}) ORDER BY 1"
        ))
        .bind::<Array<BigInt>, _>(&symbol_ids)
        .bind::<Timestamptz, _>(day)
        .bind::<Timestamptz, _>(start)
        .bind::<Timestamptz, _>(until)
        .load(connection)?;
        let symbols = symbols.into_iter();
        missing.extend(symbols.map(|row| (SymbolId::new(row.symbol_id), day)));
    }
    Ok(missing)
}

/// The slices of a hypertable that overlap `range`, by time.
fn slices(
    connection: &mut PgConnection,
    table: &str,
    range: TimeRange,
) -> Result<Vec<Slice>, DbError> {
    let slices = sql_query(
        "SELECT day, greatest(day, range_start, $1) AS start, \
         least(day + INTERVAL '24 hours', range_end, $2) AS until \
         FROM timescaledb_information.chunks, \
         generate_series(date_trunc('day', greatest(range_start, $1), 'UTC'), \
         least(range_end, $2) - INTERVAL '1 microsecond', INTERVAL '24 hours') AS day \
         WHERE hypertable_schema = current_schema() AND hypertable_name = $3 \
         AND range_start < $2 AND range_end > $1 ORDER BY start",
    )
    .bind::<Timestamptz, _>(range.start())
    .bind::<Timestamptz, _>(range.end())
    .bind::<Text, _>(table)
    .load(connection)?;
    Ok(slices)
}
