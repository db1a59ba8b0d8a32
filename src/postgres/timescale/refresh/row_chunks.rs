//! The chunks of `ticks` or `trades`, and the ranges whose rows may have been dropped.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Bool, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::CandleInput;

/// A start, inclusive, and an end, exclusive.
pub(in crate::postgres::timescale) type Times = (DateTime<Utc>, DateTime<Utc>);

/// The chunks of `ticks` or `trades`. Rows are dropped with their chunk.
#[derive(Debug)]
pub(in crate::postgres::timescale) struct RowChunks(Vec<RowChunk>);

#[derive(Debug, QueryableByName)]
pub(in crate::postgres::timescale) struct RowChunk {
    #[diesel(sql_type = Timestamptz)]
    pub(in crate::postgres::timescale) from: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub(in crate::postgres::timescale) to: DateTime<Utc>,
    /// Whether the chunk was created after a chunk of a later time: by an import of old rows, or by a late
    /// row after an earlier chunk of that time was dropped.
    #[diesel(sql_type = Bool)]
    pub(in crate::postgres::timescale) made_late: bool,
}

impl RowChunks {
    pub(in crate::postgres::timescale) fn read(
        connection: &mut PgConnection,
        input: CandleInput,
    ) -> Result<Self, DbError> {
        let chunks = sql_query(
            "SELECT range_start AS from, range_end AS to, coalesce(chunk_creation_time > \
               min(chunk_creation_time) OVER (ORDER BY range_start \
               ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), false) AS made_late \
             FROM timescaledb_information.chunks \
             WHERE hypertable_schema = current_schema() AND hypertable_name = $1 \
             ORDER BY range_start",
        )
        .bind::<Text, _>(input.table())
        .load(connection)?;
        Ok(Self(chunks))
    }

    /// The chunks in time order.
    pub(in crate::postgres::timescale) fn all(&self) -> &[RowChunk] {
        &self.0
    }

    /// The parts of `[from, to)` whose rows may have been dropped: ranges without a chunk, and chunks that
    /// were created late.
    pub(in crate::postgres::timescale) fn incomplete_ranges(
        &self,
        (from, to): Times,
    ) -> Vec<Times> {
        let mut incomplete_ranges = Vec::new();
        let mut reached = from;
        for chunk in self.0.iter().filter(|chunk| chunk.to > from) {
            if chunk.from >= to {
                break;
            }
            if chunk.from > reached {
                incomplete_ranges.push((reached, chunk.from));
            }
            if chunk.made_late {
                incomplete_ranges.push((chunk.from.max(from), chunk.to.min(to)));
            }
            reached = chunk.to;
        }
        if reached < to {
            incomplete_ranges.push((reached, to));
        }
        incomplete_ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::days(day)
    }

    fn chunks(days: &[(i64, bool)]) -> RowChunks {
        let chunk = |&(start, made_late): &(i64, bool)| RowChunk {
            from: day(start),
            to: day(start + 1),
            made_late,
        };
        RowChunks(days.iter().map(chunk).collect())
    }

    fn incomplete_ranges(chunks: &RowChunks, from: i64, to: i64) -> Vec<(i64, i64)> {
        let days = |time: DateTime<Utc>| (time - DateTime::UNIX_EPOCH).num_days();
        let all = chunks.incomplete_ranges((day(from), day(to))).into_iter();
        all.map(|(from, to)| (days(from), days(to))).collect()
    }

    #[test]
    fn ranges_without_ordered_chunks_are_incomplete() {
        let chunks = chunks(&[(1, false), (2, false), (4, true), (5, false)]);
        assert_eq!(incomplete_ranges(&chunks, 1, 3), []);
        assert_eq!(incomplete_ranges(&chunks, 5, 6), []);
        assert_eq!(
            incomplete_ranges(&chunks, 0, 8),
            [(0, 1), (3, 4), (4, 5), (6, 8)],
            "before, between and after chunks, and in late chunks"
        );
        assert_eq!(incomplete_ranges(&chunks, 3, 4), [(3, 4)]);
    }

    #[test]
    fn range_without_chunks_is_incomplete() {
        assert_eq!(incomplete_ranges(&chunks(&[]), 0, 8), [(0, 8)]);
    }
}
