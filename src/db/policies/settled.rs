//! Whether the candles of a time know all of its ticks.

use std::fmt;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text, Timestamptz};
use diesel::{OptionalExtension as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::failure::DbError;
use crate::db::tick_chunks::Times;
use crate::domain::Timeframe;

#[derive(QueryableByName)]
struct LevelRow {
    #[diesel(sql_type = Text)]
    view: String,
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Integer)]
    mat: i32,
    #[diesel(sql_type = Integer)]
    raw: i32,
}

/// The continuous aggregates and what the database keeps of their changes.
#[derive(Debug)]
pub(super) struct Levels {
    /// The table behind `ohlc_1m`, quoted.
    pub(super) minutes: String,
    /// The tables behind all, quoted.
    pub(super) tables: Vec<String>,
    /// Their numbers.
    pub(super) mats: Vec<i32>,
    /// Those of what each is made of.
    raws: Vec<i32>,
    /// Some releases keep there what a refresh has begun with.
    has_ranges: bool,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

/// A minute whose candle is not what its ticks say.
#[derive(Debug, QueryableByName)]
pub(super) struct Difference {
    #[diesel(sql_type = BigInt)]
    pub(super) symbol_id: i64,
    #[diesel(sql_type = Timestamptz)]
    pub(super) minute: DateTime<Utc>,
    /// The last such minute.
    #[diesel(sql_type = Timestamptz)]
    pub(super) last: DateTime<Utc>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minute = self.minute.to_rfc3339();
        write!(
            f,
            "the candle of symbol {} at {minute} has another number of ticks than are stored: see \
             `tickbook verify`",
            self.symbol_id
        )
    }
}

impl Levels {
    /// `None` unless every candle relation is an aggregate.
    pub(super) fn read(connection: &mut PgConnection) -> Result<Option<Self>, DbError> {
        let rows: Vec<LevelRow> = sql_query(
            "SELECT user_view_name::text AS view, format('%I.%I', \
             i.materialization_hypertable_schema, i.materialization_hypertable_name) AS table, \
             mat_hypertable_id AS mat, raw_hypertable_id AS raw \
             FROM _timescaledb_catalog.continuous_agg \
             JOIN timescaledb_information.continuous_aggregates AS i \
             ON (user_view_schema, user_view_name) = (view_schema, view_name) \
             WHERE view_schema = current_schema()",
        )
        .load(connection)?;
        let mut levels = Vec::new();
        for timeframe in Timeframe::ALL {
            let view = format!("ohlc_{timeframe}");
            let Some(level) = rows.iter().find(|row| row.view == view) else {
                return Ok(None);
            };
            levels.push(level);
        }
        let ranges: Answer = sql_query(
            "SELECT to_regclass('_timescaledb_catalog.continuous_aggs_materialization_ranges') \
             IS NOT NULL AS answer",
        )
        .get_result(connection)?;
        Ok(Some(Self {
            minutes: levels[0].table.clone(),
            tables: levels.iter().map(|level| level.table.clone()).collect(),
            mats: levels.iter().map(|level| level.mat).collect(),
            raws: levels.iter().map(|level| level.raw).collect(),
            has_ranges: ranges.answer,
        }))
    }

    /// Whether some candle of `[from, to)`, of any timeframe, waits for a refresh.
    pub(super) fn is_pending(
        &self,
        connection: &mut PgConnection,
        (from, to): Times,
    ) -> Result<bool, DbError> {
        let meets = "lowest_modified_value < $4 AND greatest_modified_value >= $3)";
        let of_materialization = |log: &str| {
            format!(
                " OR EXISTS (SELECT FROM _timescaledb_catalog.{log} \
                 WHERE materialization_id = ANY($1) AND {meets}"
            )
        };
        let ranges = match self.has_ranges {
            true => of_materialization("continuous_aggs_materialization_ranges"),
            false => String::new(),
        };
        let row: Answer = sql_query(format!(
            "SELECT EXISTS (SELECT \
             FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log \
             WHERE hypertable_id = ANY($2) AND {meets}{}{ranges} AS answer",
            of_materialization("continuous_aggs_materialization_invalidation_log")
        ))
        .bind::<Array<Integer>, _>(&self.mats)
        .bind::<Array<Integer>, _>(&self.raws)
        .bind::<BigInt, _>(from.timestamp_micros())
        .bind::<BigInt, _>(to.timestamp_micros())
        .get_result(connection)?;
        Ok(row.answer)
    }

    /// The first minute of `[from, to)` in which a candle has not as many ticks as are stored.
    pub(super) fn difference(
        &self,
        connection: &mut PgConnection,
        (from, to): Times,
    ) -> Result<Option<Difference>, DbError> {
        let minutes = &self.minutes;
        let first = sql_query(format!(
            "WITH made AS (SELECT symbol_id, open_time, tick_count::bigint AS tick_count \
               FROM {minutes} WHERE open_time >= $1 AND open_time < $2), \
             stored AS (SELECT symbol_id, time_bucket(INTERVAL '1 minute', tick_time) AS open_time, \
               count(*) AS tick_count FROM ticks WHERE tick_time >= $1 AND tick_time < $2 \
               GROUP BY 1, 2) \
             SELECT symbol_id, open_time AS minute, max(open_time) OVER () AS last \
             FROM ((TABLE made EXCEPT TABLE stored) UNION (TABLE stored EXCEPT TABLE made)) AS d \
             ORDER BY open_time, symbol_id LIMIT 1"
        ))
        .bind::<Timestamptz, _>(from)
        .bind::<Timestamptz, _>(to)
        .get_result(connection)
        .optional()?;
        Ok(first)
    }
}
