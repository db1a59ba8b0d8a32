//! Refreshes that skip candles of dropped ticks or trades, which a refresh would delete.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::domain::{CandleInput, CandleOrigin, CandleRelation, Timeframe};
use crate::postgres::timescale::bool_row::BoolRow;

use crate::db::DbError;
use crate::postgres::candle_sql::{ROW_COUNT, count_of_row, sum_of_counts};
use crate::postgres::timescale::refresh::call::RefreshCall;
use crate::postgres::timescale::refresh::row_chunks::{RowChunks, Times};

/// Refreshes candles of one input whose source is complete.
///
/// Where chunks of ticks or trades are missing or were created late, compares the counts of the candles with their
/// source: ticks, trades or smaller candles. If a candle counts more than its source has, the whole part is
/// skipped.
#[derive(Debug)]
pub(in crate::postgres::timescale) struct GuardedRefresh {
    input: CandleInput,
    call: RefreshCall,
    chunks: RowChunks,
    /// The tables of the aggregates, by relation.
    tables: BTreeMap<String, String>,
}

/// The result of a refresh.
#[derive(Debug)]
pub(in crate::postgres::timescale) struct RefreshOutcome {
    pub(in crate::postgres::timescale) refreshed: Vec<Times>,
    /// Parts whose candles count more ticks or trades than their source has.
    pub(in crate::postgres::timescale) left_out: Vec<Times>,
}

impl GuardedRefresh {
    pub(in crate::postgres::timescale) fn read(
        connection: &mut PgConnection,
        input: CandleInput,
    ) -> Result<Self, DbError> {
        let tables: Vec<AggregateTableRow> = sql_query(
            "SELECT view_name::text AS relation, format('%I.%I', \
             materialization_hypertable_schema, materialization_hypertable_name) AS name \
             FROM timescaledb_information.continuous_aggregates \
             WHERE view_schema = current_schema()",
        )
        .load(connection)?;
        Ok(Self {
            input,
            call: RefreshCall::of(connection)?,
            chunks: RowChunks::read(connection, input)?,
            tables: tables
                .into_iter()
                .map(|it| (it.relation, it.name))
                .collect(),
        })
    }

    /// The start of the first chunk of ticks or trades.
    pub(in crate::postgres::timescale) fn first_retained(&self) -> Option<DateTime<Utc>> {
        self.chunks.all().first().map(|chunk| chunk.from)
    }

    /// Refreshes the buckets of `timeframe` in `[from, to)`, for all symbols.
    pub(in crate::postgres::timescale) fn run(
        &self,
        connection: &mut PgConnection,
        timeframe: Timeframe,
        (from, to): Times,
        force: bool,
    ) -> Result<RefreshOutcome, DbError> {
        let mut left_out: Vec<Times> = Vec::new();
        for (start, end) in self.chunks.incomplete_ranges((from, to)) {
            let start = timeframe.bucket_start(start).max(from);
            let last = timeframe.bucket_start(end - TimeDelta::microseconds(1));
            let end = (last + timeframe.duration()).min(to);
            if self.counts_more_than_source(connection, timeframe, (start, end))? {
                left_out.push((start, end));
            }
        }
        let refreshed = without((from, to), &left_out);
        for part in &refreshed {
            let relation = CandleRelation::of(self.input, timeframe).name;
            self.call.run(connection, relation, *part, force)?;
        }
        Ok(RefreshOutcome {
            refreshed,
            left_out,
        })
    }

    /// Whether a candle that opens within `[from, to)` counts more ticks or trades than its source has.
    fn counts_more_than_source(
        &self,
        connection: &mut PgConnection,
        timeframe: Timeframe,
        (from, to): Times,
    ) -> Result<bool, DbError> {
        let CandleRelation {
            name,
            computed_from,
            ..
        } = CandleRelation::of(self.input, timeframe);
        let Some(table) = self.tables.get(name) else {
            return Ok(false);
        };
        let counted = count_of_row(self.input);
        let (source, time, count) = match computed_from {
            CandleOrigin::Rows(input) => (input.table(), input.time_column(), ROW_COUNT.to_owned()),
            CandleOrigin::Candles(smaller) => (
                CandleRelation::of(self.input, smaller).name,
                "open_time",
                sum_of_counts(counted),
            ),
        };
        let minutes = timeframe.duration().num_minutes();
        let row: BoolRow = sql_query(format!(
            "SELECT EXISTS (SELECT FROM {table} AS candle WHERE open_time >= $1 \
             AND open_time < $2 AND {counted} > coalesce((SELECT {count} FROM {source} AS part \
             WHERE part.symbol_id = candle.symbol_id AND part.{time} >= candle.open_time \
             AND part.{time} < candle.open_time + INTERVAL '{minutes} minutes'), 0)) AS answer"
        ))
        .bind::<Timestamptz, _>(from)
        .bind::<Timestamptz, _>(to)
        .get_result(connection)?;
        Ok(row.answer)
    }
}

/// The parts of a range outside of `holes`, which are in ascending order.
fn without((from, to): Times, holes: &[Times]) -> Vec<Times> {
    let mut parts = Vec::new();
    let mut reached: DateTime<Utc> = from;
    for (start, end) in holes {
        if *start > reached {
            parts.push((reached, *start));
        }
        reached = reached.max(*end);
    }
    if reached < to {
        parts.push((reached, to));
    }
    parts
}

#[derive(QueryableByName)]
struct AggregateTableRow {
    #[diesel(sql_type = Text)]
    relation: String,
    #[diesel(sql_type = Text)]
    name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_ranges_lie_between_the_holes() {
        let at = |hour| DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hour);
        let left = |holes: &[(i64, i64)]| -> Vec<_> {
            let holes: Vec<_> = holes.iter().map(|(a, b)| (at(*a), at(*b))).collect();
            without((at(0), at(9)), &holes)
        };
        assert_eq!(left(&[]), [(at(0), at(9))]);
        assert_eq!(left(&[(0, 9)]), []);
        assert_eq!(left(&[(0, 2), (5, 6)]), [(at(2), at(5)), (at(6), at(9))]);
        // holes overlap if buckets extend over the end of a chunk
        assert_eq!(left(&[(3, 5), (4, 9)]), [(at(0), at(3))]);
    }
}
