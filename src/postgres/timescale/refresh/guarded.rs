//! Refreshing candles, but none whose ticks are gone: a refresh would erase them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{Bool, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::domain::Timeframe;

use crate::db::DbError;
use crate::postgres::timescale::refresh::call::RefreshCall;
use crate::postgres::timescale::refresh::tick_chunks::{TickChunks, Times};

/// Refreshes as far as what candles are made of is still there.
///
/// Where chunks of ticks are missing or were made late, what the candles know is counted: candles of
/// one minute beside their ticks, larger ones beside the next smaller ones. A candle that knows more
/// than there is to make it of stays as it is, with all others of that part.
#[derive(Debug)]
pub(in crate::postgres::timescale) struct GuardedRefresh {
    call: RefreshCall,
    chunks: TickChunks,
    /// The tables behind the aggregates.
    tables: BTreeMap<String, String>,
}

/// What became of a window.
#[derive(Debug)]
pub(in crate::postgres::timescale) struct Outcome {
    pub(in crate::postgres::timescale) refreshed: Vec<Times>,
    /// Where candles know more than there is to make them of.
    pub(in crate::postgres::timescale) left_out: Vec<Times>,
}

impl GuardedRefresh {
    pub(in crate::postgres::timescale) fn read(
        connection: &mut PgConnection,
    ) -> Result<Self, DbError> {
        let tables: Vec<Table> = sql_query(
            "SELECT view_name::text AS relation, format('%I.%I', \
             materialization_hypertable_schema, materialization_hypertable_name) AS name \
             FROM timescaledb_information.continuous_aggregates \
             WHERE view_schema = current_schema()",
        )
        .load(connection)?;
        Ok(Self {
            call: RefreshCall::of(connection)?,
            chunks: TickChunks::read(connection)?,
            tables: tables
                .into_iter()
                .map(|it| (it.relation, it.name))
                .collect(),
        })
    }

    /// Where the first chunk of ticks starts.
    pub(in crate::postgres::timescale) fn first_kept(&self) -> Option<DateTime<Utc>> {
        self.chunks.all().first().map(|chunk| chunk.from)
    }

    /// Refreshes the buckets of `timeframe` from `from` to before `to`, of all symbols.
    pub(in crate::postgres::timescale) fn run(
        &self,
        connection: &mut PgConnection,
        timeframe: Timeframe,
        (from, to): Times,
        force: bool,
    ) -> Result<Outcome, DbError> {
        let mut left_out: Vec<Times> = Vec::new();
        for (start, end) in self.chunks.doubtful((from, to)) {
            let start = timeframe.bucket_start(start).max(from);
            let last = timeframe.bucket_start(end - TimeDelta::microseconds(1));
            let end = (last + timeframe.duration()).min(to);
            if self.knows_more(connection, timeframe, (start, end))? {
                left_out.push((start, end));
            }
        }
        let refreshed = without((from, to), &left_out);
        for part in &refreshed {
            let relation = format!("ohlc_{timeframe}");
            self.call.run(connection, &relation, *part, force)?;
        }
        Ok(Outcome {
            refreshed,
            left_out,
        })
    }

    /// Whether a candle that opens within `[from, to)` knows more than there is to make it of.
    fn knows_more(
        &self,
        connection: &mut PgConnection,
        timeframe: Timeframe,
        (from, to): Times,
    ) -> Result<bool, DbError> {
        let Some(table) = self.tables.get(&format!("ohlc_{timeframe}")) else {
            return Ok(false);
        };
        let smaller = Timeframe::ALL.iter().copied().rfind(|it| *it < timeframe);
        let (relation, time, count) = match smaller {
            None => ("ticks".to_owned(), "tick_time", "count(*)"),
            Some(smaller) => (format!("ohlc_{smaller}"), "open_time", "sum(tick_count)"),
        };
        let minutes = timeframe.duration().num_minutes();
        let row: Answer = sql_query(format!(
            "SELECT EXISTS (SELECT FROM {table} AS candle WHERE open_time >= $1 \
             AND open_time < $2 AND tick_count > coalesce((SELECT {count} FROM {relation} AS part \
             WHERE part.symbol_id = candle.symbol_id AND part.{time} >= candle.open_time \
             AND part.{time} < candle.open_time + INTERVAL '{minutes} minutes'), 0)) AS answer"
        ))
        .bind::<Timestamptz, _>(from)
        .bind::<Timestamptz, _>(to)
        .get_result(connection)?;
        Ok(row.answer)
    }
}

/// What is left of a range without `holes`, which are in their order.
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
struct Table {
    #[diesel(sql_type = Text)]
    relation: String,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_lies_between_the_holes() {
        let at = |hour| DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hour);
        let left = |holes: &[(i64, i64)]| -> Vec<_> {
            let holes: Vec<_> = holes.iter().map(|(a, b)| (at(*a), at(*b))).collect();
            without((at(0), at(9)), &holes)
        };
        assert_eq!(left(&[]), [(at(0), at(9))]);
        assert_eq!(left(&[(0, 9)]), []);
        assert_eq!(left(&[(0, 2), (5, 6)]), [(at(2), at(5)), (at(6), at(9))]);
        // buckets that reach over the end of a chunk make holes overlap
        assert_eq!(left(&[(3, 5), (4, 9)]), [(at(0), at(3))]);
    }
}
