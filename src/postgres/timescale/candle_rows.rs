//! Rows of the continuous aggregates that are taken away, since the ticks of their candles are
//! deleted.
//!
//! A row knows ticks, so that of a changed bucket the reader takes the row or what is stored,
//! whichever knows more. A row must therefore go in the transaction in which its ticks do, and no
//! refresh may write it again of ticks that it read before. `docs/decisions/deleting.md` has the
//! argument.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Array, BigInt, Bool, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::domain::{SymbolId, Timeframe};
use crate::error::{Database, RepositoryError};
use crate::repository::buckets;

use crate::db::DbError;
use crate::postgres::timescale::retention::LOCK_TRANSACTION;
use crate::postgres::timescale::thresholds::thresholds_are_far;

const OPERATION: &str = "delete";

/// Each statement has to see what was committed before it got its locks, and is planned for the
/// chunks that there are then. Rows of compressed chunks are decompressed without a limit: they are
/// those of one symbol and one day.
const SETTINGS: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; \
    SET LOCAL lock_timeout = '5s'; SET LOCAL plan_cache_mode = force_custom_plan; \
    SELECT set_config(name, '0', true) FROM pg_settings \
    WHERE name = 'timescaledb.max_tuples_decompressed_per_dml_transaction'; \
    SELECT set_config(name, 'off', true) FROM pg_settings \
    WHERE name = 'timescaledb.enable_compressed_direct_batch_delete'";

/// The trigger that keeps candles of one minute whose ticks were dropped lets them go.
const LET_KEPT_GO: &str = "SELECT set_config('tickbook.deletes_candles', 'on', true)";

/// Begins a transaction that deletes: keeps the maintenance and the refreshes of this library out until
/// it ends, as it does while one of them is at work.
pub(crate) fn begin_deleting(connection: &mut PgConnection) -> Result<(), DbError> {
    connection.batch_execute(SETTINGS)?;
    sql_query(LOCK_TRANSACTION).execute(connection)?;
    Ok(())
}

/// Has the maintenance refresh the day of `time`, where the regular refresh does not reach it: as late
/// ticks do.
pub(crate) fn mark_changed_day(
    connection: &mut PgConnection,
    time: DateTime<Utc>,
) -> Result<(), DbError> {
    sql_query(
        "INSERT INTO dirty_windows (day) SELECT $1 FROM applied_policies \
         WHERE $2 < clock_timestamp() - make_interval(secs => late_after_seconds)",
    )
    .bind::<Timestamptz, _>(Timeframe::D1.bucket_start(time))
    .bind::<Timestamptz, _>(time)
    .execute(connection)?;
    Ok(())
}

/// The tables behind the continuous aggregates, locked.
#[derive(Debug)]
pub(crate) struct CandleRows {
    /// Quoted, smallest timeframe first; none on the Apache edition.
    tables: Vec<(Timeframe, String)>,
}

/// A row of one minute that went.
#[derive(Debug, QueryableByName)]
pub(crate) struct MinuteRow {
    #[diesel(sql_type = Timestamptz)]
    pub(crate) open_time: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub(crate) tick_count: i64,
}

impl CandleRows {
    /// Waits for refreshes that have written rows, and keeps others from writing until the transaction
    /// ends. What they make of ticks is then made of those that are left, since a statement locks
    /// what it writes before it reads.
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

    /// The table of one-minute candles, not locked.
    pub(crate) fn minutes_of(connection: &mut PgConnection) -> Result<Option<String>, DbError> {
        let first = tables(connection)?.into_iter().next();
        Ok(first.map(|(_, name)| name))
    }

    /// The table of one-minute candles.
    pub(crate) fn minutes(&self) -> Option<&str> {
        self.tables.first().map(|(_, name)| name.as_str())
    }

    /// Takes the rows of these minutes away, whose ticks were deleted in this transaction.
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
             AND open_time = ANY($4) RETURNING open_time, tick_count::bigint AS tick_count"
        ))
        .bind::<BigInt, _>(symbol_id.get())
        .bind::<Timestamptz, _>(*first)
        .bind::<Timestamptz, _>(*last)
        .bind::<Array<Timestamptz>, _>(starts)
        .load(connection)?;
        Ok(rows)
    }

    /// Lets rows of one minute go that are kept of dropped ticks.
    pub(crate) fn let_kept_go(&self, connection: &mut PgConnection) -> Result<(), DbError> {
        if !self.tables.is_empty() {
            sql_query(LET_KEPT_GO).execute(connection)?;
        }
        Ok(())
    }

    /// Takes the larger rows that hold `minutes` away, whose rows went in this transaction, and has
    /// the database note that their buckets changed.
    pub(crate) fn forget_larger(
        &self,
        connection: &mut PgConnection,
        symbol_id: SymbolId,
        minutes: &BTreeSet<DateTime<Utc>>,
    ) -> Result<(), DbError> {
        for pair in self.tables.windows(2) {
            let [(_, smaller), (timeframe, table)] = pair else {
                continue;
            };
            let starts = buckets(minutes, *timeframe);
            let (Some(first), Some(last)) = (starts.first(), starts.last()) else {
                continue;
            };
            let (from, to) = (*first, *last + timeframe.duration());
            let width = timeframe.duration().num_minutes();
            let starts: Vec<_> = starts.iter().copied().collect();
            // the smaller rows that are left say that the bucket changed; those that went said so
            for statement in [
                format!(
                    "UPDATE {smaller} SET tick_count = tick_count WHERE symbol_id = $1 \
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
        self.see_that_they_went(connection, symbol_id, minutes)
    }

    /// A chunk that was compressed at the same time may have hidden a row.
    fn see_that_they_went(
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
            let row: Answer = sql_query(format!(
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
    let rows: Vec<TableRow> = sql_query(
        "SELECT view_name::text AS view, format('%I.%I', materialization_hypertable_schema, \
         materialization_hypertable_name) AS name \
         FROM timescaledb_information.continuous_aggregates \
         WHERE view_schema = current_schema()",
    )
    .load(connection)?;
    let table = |timeframe: Timeframe| {
        let view = format!("ohlc_{timeframe}");
        let row = rows.iter().find(|row| row.view == view)?;
        Some((timeframe, row.name.clone()))
    };
    // each stands on the one before
    Ok(Timeframe::ALL.iter().copied().map_while(table).collect())
}

#[derive(QueryableByName)]
struct TableRow {
    #[diesel(sql_type = Text)]
    view: String,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}
