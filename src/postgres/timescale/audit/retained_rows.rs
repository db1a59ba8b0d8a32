//! The ranges whose ticks or trades are retained.

use chrono::{DateTime, Utc};
use diesel::sql_types::Timestamptz;
use diesel::{PgConnection, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::{CandleInput, CandleSource, TimeRange, latest_time};
use crate::error::RepositoryError;
use crate::postgres::candle_sql::{minutes, quoted_bases};
use crate::postgres::timescale::refresh::row_chunks::{RowChunks, Times};
use crate::postgres::timescale::retention;

use super::has_table;
use crate::postgres::timescale::bool_row::BoolRow;

/// The ranges of retained ticks or trades. These are dropped with their chunks, or by policies, which leave a
/// record.
#[derive(Debug, Default)]
pub(super) struct RetainedRows {
    /// The time from which rows are retained; `None` if none was dropped.
    pub(super) from: Option<DateTime<Utc>>,
    /// Later ranges that may lack rows.
    pub(super) incomplete_ranges: Vec<TimeRange>,
}

pub(super) fn retained_rows(
    connection: &mut PgConnection,
    input: CandleInput,
    has_aggregates: bool,
) -> Result<RetainedRows, DbError> {
    let recorded = recorded(connection, input)?;
    let chunks = RowChunks::read(connection, input)?;
    let chunks = chunks.all();
    let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else {
        let range = TimeRange::all();
        let has_candles = !with_candles(
            connection,
            input,
            has_aggregates,
            &[(range.start(), range.end())],
        )?
        .is_empty();
        let none = match has_candles {
            true => Some(retention::now(connection)?),
            false => None,
        };
        return Ok(RetainedRows {
            from: none.max(recorded),
            incomplete_ranges: Vec::new(),
        });
    };
    let mut gaps: Vec<Times> = chunks
        .windows(2)
        .filter(|pair| pair[0].to < pair[1].from)
        .map(|pair| (pair[0].to, pair[1].from))
        .collect();
    gaps.push((last.to, latest_time()));
    let mut incomplete_ranges = with_candles(connection, input, has_aggregates, &gaps)?;

    // a late tick has created a chunk in a range that was dropped: retained ticks begin after that range
    let mut from = first.from;
    for chunk in chunks.iter().take_while(|chunk| chunk.made_late) {
        if let Some((_, end)) = incomplete_ranges
            .iter()
            .find(|(start, _)| *start == chunk.to)
        {
            from = *end;
        }
    }
    let from = Some(from).max(recorded);
    let made_late = chunks.iter().filter(|chunk| chunk.made_late);
    incomplete_ranges.extend(made_late.map(|chunk| (chunk.from, chunk.to)));
    incomplete_ranges.sort_unstable();
    let incomplete_ranges = incomplete_ranges
        .into_iter()
        .filter(|(_, end)| Some(*end) > from)
        .map(|(start, end)| TimeRange::new(start, end).map_err(RepositoryError::invalid))
        .collect::<Result<_, _>>()?;
    Ok(RetainedRows {
        from,
        incomplete_ranges,
    })
}

/// The time before which policies may have dropped rows, or may drop them during an audit.
fn recorded(
    connection: &mut PgConnection,
    input: CandleInput,
) -> Result<Option<DateTime<Utc>>, DbError> {
    match has_table(connection, "applied_policies")? {
        true => retention::rows_retained_from(connection, input),
        false => Ok(None),
    }
}

/// The `gaps` that contain candles of dropped rows.
fn with_candles(
    connection: &mut PgConnection,
    input: CandleInput,
    has_aggregates: bool,
    gaps: &[Times],
) -> Result<Vec<Times>, DbError> {
    let (relation, downsampled) = match has_aggregates {
        true => (minutes(input).name, String::new()),
        false => (
            "ohlc_candles",
            format!(
                " AND source = '{}' AND basis IN ({})",
                CandleSource::DOWNSAMPLED,
                quoted_bases(input)
            ),
        ),
    };
    // bounds known at planning time exclude most chunks
    let statement = format!(
        "SELECT EXISTS (SELECT FROM {relation} WHERE open_time >= $1 AND open_time < $2{downsampled}) \
         AS answer"
    );
    let mut found = Vec::new();
    for (start, end) in gaps {
        let row: BoolRow = sql_query(&statement)
            .bind::<Timestamptz, _>(start)
            .bind::<Timestamptz, _>(end)
            .get_result(connection)?;
        if row.answer {
            found.push((*start, *end));
        }
    }
    Ok(found)
}
