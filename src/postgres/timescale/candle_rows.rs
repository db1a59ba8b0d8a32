//! Deletes rows of continuous aggregates whose ticks are deleted.
//!
//! For a changed bucket, reads choose between the row and a candle of the stored ticks by the larger tick
//! count. A row must therefore be deleted in the same transaction as its ticks, and no refresh may write it
//! again from ticks that it read before. `docs/decisions/deleting.md` explains why.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::domain::{CandleOrigin, CandleRelation, SymbolId, Timeframe};
use crate::error::{Database, RepositoryError};
use crate::postgres::candle_sql::{CANDLES_OF_ROW, TICKS_OF_ROW};
use crate::postgres::timescale::bool_row::BoolRow;
use crate::repository::buckets;

use crate::db::DbError;
use crate::postgres::timescale::retention::LOCK_TRANSACTION;
use crate::postgres::timescale::thresholds::thresholds_are_far;

const OPERATION: &str = "delete_range";

/// Each statement must see what was committed before it got its locks, with a plan for the chunks of that
/// time. Decompression of rows is not limited: they are the rows of one symbol and one day.
const SETTINGS: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; \
    SET LOCAL lock_timeout = '5s'; SET LOCAL plan_cache_mode = force_custom_plan; \
    SELECT set_config(name, '0', true) FROM pg_settings \
    WHERE name = 'timescaledb.max_tuples_decompressed_per_dml_transaction'; \
    SELECT set_config(name, 'off', true) FROM pg_settings \
    WHERE name = 'timescaledb.enable_compressed_direct_batch_delete'";

/// The setting with which the trigger that retains one-minute candles of dropped ticks allows their
/// deletion.
const ALLOW_DELETING_CANDLES: &str = "SELECT set_config('tickbook.deletes_candles', 'on', true)";

/// Begins a transaction that deletes. It waits for a running maintenance or refresh of this library, and
/// blocks them until it ends.
pub(crate) fn begin_deleting(connection: &mut PgConnection) -> Result<(), DbError> {
    connection.batch_execute(SETTINGS)?;
    sql_query(LOCK_TRANSACTION).execute(connection)?;
    Ok(())
}

/// Marks the day of `time` for a refresh by the maintenance, if the scheduled refresh does not reach it, as
/// late ticks do.
pub(crate) fn mark_changed_day(
    connection: &mut PgConnection,
    time: DateTime<Utc>,
) -> Result<(), DbError> {
    sql_query(
        "INSERT INTO late_tick_days (day) SELECT $1 FROM applied_policies \
         WHERE $2 < clock_timestamp() - make_interval(secs => late_after_seconds)",
    )
    .bind::<Timestamptz, _>(Timeframe::D1.bucket_start(time))
    .bind::<Timestamptz, _>(time)
    .execute(connection)?;
    Ok(())
}

/// The tables of the continuous aggregates, locked.
#[derive(Debug)]
pub(crate) struct CandleRows {
    /// Quoted names, smallest timeframe first; empty on the Apache edition.
    tables: Vec<(Timeframe, String)>,
}

/// A deleted one-minute row.
#[derive(Debug, QueryableByName)]
pub(crate) struct MinuteRow {
    #[diesel(sql_type = Timestamptz)]
    pub(crate) open_time: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub(crate) tick_count: i64,
    /// The number of bases that had a candle in the row.
    #[diesel(sql_type = BigInt)]
    pub(crate) candles: i64,
}

impl CandleRows {
    /// Waits for refreshes that have written rows, and blocks other refreshes from writing until the
    /// transaction ends. Blocked refreshes then compute candles from the remaining ticks only, since a
    /// statement locks its target before it reads.
    pub(crate) fn lock(connection: &mut PgConnection) -> Result<Self, DbError> {
        let tables = tables(connection)?;
        if !tables.is_empty() && !thresholds_are_far(connection)? {
            return Err(RepositoryError::Schema {
                database: Database::Timeseries,
                reason: "a refresh may miss changes: run `tickbook aggregates apply`".to_owned(),
            }
            .into());
        }
        for (_, name) in &tables {
            connection.batch_execute(&format!(
                "LOCK TABLE ONLY {name} IN SHARE ROW EXCLUSIVE MODE"
            ))?;
        }
        Ok(Self { tables })
    }

    /// The tables, smallest timeframe first, without locks.
    pub(crate) fn tables_of(
        connection: &mut PgConnection,
    ) -> Result<Vec<(Timeframe, String)>, DbError> {
        tables(connection)
    }

    /// The table of one-minute candles, without a lock.
    pub(crate) fn minutes_of(connection: &mut PgConnection) -> Result<Option<String>, DbError> {
        let tables = tables(connection)?;
        Ok(table_of(&tables, Timeframe::M1).map(str::to_owned))
    }

    /// The table of one-minute candles.
    pub(crate) fn minutes(&self) -> Option<&str> {
        table_of(&self.tables, Timeframe::M1)
    }

    /// Deletes the rows of these minutes, whose ticks were deleted in this transaction.
    pub(crate) fn forget_minutes(
        &self,
        connection: &mut PgConnection,
        symbol_id: SymbolId,
        minutes: &BTreeSet<DateTime<Utc>>,
    ) -> Result<Vec<MinuteRow>, DbError> {
        let (Some(table), Some(first), Some(last)) =
            (self.minutes(), minutes.first(), minutes.last())
        else {
            return Ok(Vec::new());
        };
        let starts: Vec<_> = minutes.iter().copied().collect();
        let rows = sql_query(format!(
            "DELETE FROM {table} WHERE symbol_id = $1 AND open_time >= $2 AND open_time <= $3 \
             AND open_time = ANY($4) \
             RETURNING open_time, {TICKS_OF_ROW}::bigint AS tick_count, \
             {CANDLES_OF_ROW} AS candles"
        ))
        .bind::<BigInt, _>(symbol_id.get())
        .bind::<Timestamptz, _>(*first)
        .bind::<Timestamptz, _>(*last)
        .bind::<Array<Timestamptz>, _>(starts)
        .load(connection)?;
        Ok(rows)
    }

    /// Allows the deletion of one-minute rows of dropped ticks.
    pub(crate) fn allow_deleting_stored(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), DbError> {
        if !self.tables.is_empty() {
            sql_query(ALLOW_DELETING_CANDLES).execute(connection)?;
        }
        Ok(())
    }

    /// Deletes the larger rows that include `minutes`, whose rows were deleted in this transaction, and makes
    /// the database log that their buckets changed.
    pub(crate) fn forget_larger(
        &self,
        connection: &mut PgConnection,
        symbol_id: SymbolId,
        minutes: &BTreeSet<DateTime<Utc>>,
    ) -> Result<(), DbError> {
        for (timeframe, table) in &self.tables {
            let CandleOrigin::Candles(source) = CandleRelation::of(*timeframe).computed_from else {
                continue;
            };
            let Some(source) = table_of(&self.tables, source) else {
                continue;
            };
            let starts = buckets(minutes, *timeframe);
            let (Some(first), Some(last)) = (starts.first(), starts.last()) else {
                continue;
            };
            let (from, to) = (*first, *last + timeframe.duration());
            let width = timeframe.duration().num_minutes();
            let starts: Vec<_> = starts.iter().copied().collect();
            // updating the remaining source rows logs the change of the bucket; the deleted rows logged
            // theirs
            for statement in [
                format!(
                    "UPDATE {source} SET bid_tick_count = bid_tick_count WHERE symbol_id = $1 \
                     AND open_time >= $2 AND open_time < $3 \
                     AND time_bucket(INTERVAL '{width} minutes', open_time) = ANY($4)"
                ),
                format!(
                    "DELETE FROM {table} WHERE symbol_id = $1 \
                     AND open_time >= $2 AND open_time < $3 AND open_time = ANY($4)"
                ),
            ] {
                sql_query(statement)
                    .bind::<BigInt, _>(symbol_id.get())
                    .bind::<Timestamptz, _>(from)
                    .bind::<Timestamptz, _>(to)
                    .bind::<Array<Timestamptz>, _>(&starts)
                    .execute(connection)?;
            }
        }
        self.check_deleted(connection, symbol_id, minutes)
    }

    /// Fails if rows are left. A chunk that was compressed at the same time may have hidden them from the
    /// deletion.
    fn check_deleted(
        &self,
        connection: &mut PgConnection,
        symbol_id: SymbolId,
        minutes: &BTreeSet<DateTime<Utc>>,
    ) -> Result<(), DbError> {
        for (timeframe, table) in &self.tables {
            let starts: Vec<_> = buckets(minutes, *timeframe).into_iter().collect();
            let (Some(first), Some(last)) = (starts.first(), starts.last()) else {
                continue;
            };
            let end = *last + TimeDelta::microseconds(1);
            let row: BoolRow = sql_query(format!(
                "SELECT EXISTS (SELECT FROM {table} WHERE symbol_id = $1 AND open_time >= $2 \
                 AND open_time < $3 AND open_time = ANY($4)) AS answer"
            ))
            .bind::<BigInt, _>(symbol_id.get())
            .bind::<Timestamptz, _>(*first)
            .bind::<Timestamptz, _>(end)
            .bind::<Array<Timestamptz>, _>(&starts)
            .get_result(connection)?;
            if row.answer {
                return Err(RepositoryError::Conflict {
                    database: Database::Timeseries,
                    operation: OPERATION,
                    source: "rows of candles were moved meanwhile".into(),
                }
                .into());
            }
        }
        Ok(())
    }
}

fn tables(connection: &mut PgConnection) -> Result<Vec<(Timeframe, String)>, DbError> {
    let rows: Vec<AggregateTableRow> = sql_query(
        "SELECT view_name::text AS view, format('%I.%I', materialization_hypertable_schema, \
         materialization_hypertable_name) AS name \
         FROM timescaledb_information.continuous_aggregates \
         WHERE view_schema = current_schema()",
    )
    .load(connection)?;
    let mut tables: Vec<(Timeframe, String)> = Vec::new();
    for relation in CandleRelation::all() {
        let is_computed_from_one = match relation.computed_from {
            CandleOrigin::Ticks => true,
            CandleOrigin::Candles(source) => table_of(&tables, source).is_some(),
        };
        if let Some(row) = rows.iter().find(|row| row.view == relation.name)
            && is_computed_from_one
        {
            tables.push((relation.timeframe, row.name.clone()));
        }
    }
    Ok(tables)
}

fn table_of(tables: &[(Timeframe, String)], timeframe: Timeframe) -> Option<&str> {
    let of = tables.iter().find(|(it, _)| *it == timeframe);
    of.map(|(_, name)| name.as_str())
}

#[derive(QueryableByName)]
struct AggregateTableRow {
    #[diesel(sql_type = Text)]
    view: String,
    #[diesel(sql_type = Text)]
    name: String,
}
