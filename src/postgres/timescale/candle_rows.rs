//! Deletes rows of continuous aggregates whose ticks or trades are deleted.
//!
//! For a changed bucket, reads choose between the row and a candle of the stored ticks or trades by the larger
//! count. A row must therefore be deleted in the same transaction as these, and no refresh may write it again
//! from ticks or trades that it read before. `docs/decisions/deleting.md` explains why.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::domain::{CandleInput, CandleOrigin, CandleRelation, SymbolId, Timeframe};
use crate::error::{Database, RepositoryError};
use crate::postgres::candle_sql::{candles_of_row, count_column, count_of_row};
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
        "INSERT INTO late_days (day) SELECT $1 FROM applied_policies \
         WHERE $2 < clock_timestamp() - make_interval(secs => late_after_seconds)",
    )
    .bind::<Timestamptz, _>(Timeframe::D1.bucket_start(time))
    .bind::<Timestamptz, _>(time)
    .execute(connection)?;
    Ok(())
}

/// The tables of the continuous aggregates of one input, locked.
#[derive(Debug)]
pub(crate) struct CandleRows {
    input: CandleInput,
    /// Quoted names, smallest timeframe first; empty on the Apache edition.
    tables: Vec<(Timeframe, String)>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// A deleted one-minute row.
#[derive(Debug, QueryableByName)]
pub(crate) struct MinuteRow {
    #[diesel(sql_type = Timestamptz)]
    pub(crate) open_time: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub(crate) row_count: i64,
    /// The number of bases that had a candle in the row.
    #[diesel(sql_type = BigInt)]
    pub(crate) candles: i64,
}

impl CandleRows {
    /// Waits for refreshes that have written rows, and blocks other refreshes from writing until the
    /// transaction ends. Blocked refreshes then compute candles from the remaining ticks only, since a
    /// statement locks its target before it reads.
    pub(crate) fn lock(connection: &mut PgConnection, input: CandleInput) -> Result<Self, DbError> {
        let tables = tables(connection, input)?;
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
        Ok(Self { input, tables })
    }

    pub(crate) fn input(&self) -> CandleInput {
        self.input
    }

    /// The tables, smallest timeframe first, without locks.
    pub(crate) fn tables_of(
        connection: &mut PgConnection,
        input: CandleInput,
    ) -> Result<Vec<(Timeframe, String)>, DbError> {
        tables(connection, input)
    }

    /// The table of one-minute candles, without a lock.
    pub(crate) fn minutes_of(
        connection: &mut PgConnection,
        input: CandleInput,
    ) -> Result<Option<String>, DbError> {
        let tables = tables(connection, input)?;
        Ok(table_of(&tables, Timeframe::M1).map(str::to_owned))
    }

    /// The table of one-minute candles.
    pub(crate) fn minutes(&self) -> Option<&str> {
        table_of(&self.tables, Timeframe::M1)
    }

    /// Deletes the rows that include ticks or trades of these times, which were deleted in this transaction, and
    /// marks their day for a refresh. All times are of one day.
    ///
    /// Fails if a row of one minute counts more of them than were stored.
    pub(crate) fn forget(
        &self,
        connection: &mut PgConnection,
        symbol_id: SymbolId,
        times: impl IntoIterator<Item = DateTime<Utc>>,
    ) -> Result<(), DbError> {
        let mut of_minutes: BTreeMap<DateTime<Utc>, i64> = BTreeMap::new();
        let mut first = None;
        for time in times {
            let minute = Timeframe::M1.bucket_start(time);
            *of_minutes.entry(minute).or_default() += 1;
            first = Some(first.map_or(time, |first: DateTime<Utc>| first.min(time)));
        }
        let minutes = of_minutes.keys().copied().collect();
        for row in self.forget_minutes(connection, symbol_id, &minutes)? {
            let deleted = of_minutes.get(&row.open_time).copied().unwrap_or_default();
            if row.row_count > deleted {
                let missing = row.row_count - deleted;
                self.see_what_is_left(connection, symbol_id, row.open_time, missing)?;
            }
        }
        self.forget_larger(connection, symbol_id, &minutes)?;
        match first {
            Some(first) => mark_changed_day(connection, first),
            None => Ok(()),
        }
    }

    /// Fails if fewer than `missing` ticks or trades are left in a minute: its row counted more of them than were
    /// stored.
    fn see_what_is_left(
        &self,
        connection: &mut PgConnection,
        symbol_id: SymbolId,
        minute: DateTime<Utc>,
        missing: i64,
    ) -> Result<(), DbError> {
        let end = minute + TimeDelta::minutes(1);
        let (table, time) = (self.input.table(), self.input.time_column());
        let left: Count = sql_query(format!(
            "SELECT count(*) AS count FROM {table} \
             WHERE symbol_id = $1 AND {time} >= $2 AND {time} < $3"
        ))
        .bind::<BigInt, _>(symbol_id.get())
        .bind::<Timestamptz, _>(minute)
        .bind::<Timestamptz, _>(end)
        .get_result(connection)?;
        if missing <= left.count {
            return Ok(());
        }
        Err(RepositoryError::invalid(format!(
            "the candle of symbol {symbol_id} at {} counts more {table} than are stored, so it cannot be \
             recomputed: see `tickbook verify`, or delete {table} from {} on",
            minute.to_rfc3339(),
            end.to_rfc3339()
        ))
        .into())
    }

    /// Deletes the rows of these minutes, whose ticks or trades were deleted in this transaction.
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
        let (count, candles) = (count_of_row(self.input), candles_of_row(self.input));
        let rows = sql_query(format!(
            "DELETE FROM {table} WHERE symbol_id = $1 AND open_time >= $2 AND open_time <= $3 \
             AND open_time = ANY($4) \
             RETURNING open_time, {count}::bigint AS row_count, {candles} AS candles"
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
            let relation = CandleRelation::of(self.input, *timeframe);
            let CandleOrigin::Candles(source) = relation.computed_from else {
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
            let count = count_column(self.input);
            // updating the remaining source rows logs the change of the bucket; the deleted rows logged
            // theirs
            for statement in [
                format!(
                    "UPDATE {source} SET {count} = {count} WHERE symbol_id = $1 \
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

fn tables(
    connection: &mut PgConnection,
    input: CandleInput,
) -> Result<Vec<(Timeframe, String)>, DbError> {
    let rows: Vec<AggregateTableRow> = sql_query(
        "SELECT view_name::text AS view, format('%I.%I', materialization_hypertable_schema, \
         materialization_hypertable_name) AS name \
         FROM timescaledb_information.continuous_aggregates \
         WHERE view_schema = current_schema()",
    )
    .load(connection)?;
    let mut tables: Vec<(Timeframe, String)> = Vec::new();
    for relation in CandleRelation::all_of(input) {
        let is_computed_from_one = match relation.computed_from {
            CandleOrigin::Rows(_) => true,
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
