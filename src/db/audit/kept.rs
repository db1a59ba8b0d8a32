//! Which ticks are known to be kept.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::failure::DbError;
use crate::db::policies;
use crate::db::tick_chunks::{TickChunks, Times};
use crate::domain::{TimeRange, latest_time};
use crate::error::RepositoryError;

use super::has_table;

/// Ticks go with their chunks, or by policies, which leave a record.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// From when on ticks are kept; `None`: all are.
    pub(super) from: Option<DateTime<Utc>>,
    /// Later times of which they may be missing nevertheless.
    pub(super) doubtful: Vec<TimeRange>,
}

pub(super) fn kept(connection: &mut PgConnection, has_aggregates: bool) -> Result<Kept, DbError> {
    let recorded = recorded(connection)?;
    let chunks = TickChunks::read(connection)?;
    let chunks = chunks.all();
    let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else {
        let range = TimeRange::all();
        let has_candles =
            !with_candles(connection, has_aggregates, &[(range.from(), range.to())])?.is_empty();
        let none = match has_candles {
            true => Some(policies::now(connection)?),
            false => None,
        };
        return Ok(Kept {
            from: none.max(recorded),
            doubtful: Vec::new(),
        });
    };
    let mut gaps: Vec<Times> = chunks
        .windows(2)
        .filter(|pair| pair[0].to < pair[1].from)
        .map(|pair| (pair[0].to, pair[1].from))
        .collect();
    gaps.push((last.to, latest_time()));
    let mut doubtful = with_candles(connection, has_aggregates, &gaps)?;

    // a late tick makes a chunk anew in a time that was dropped: what is kept begins behind it
    let mut from = first.from;
    for chunk in chunks.iter().take_while(|chunk| chunk.made_late) {
        if let Some((_, end)) = doubtful.iter().find(|(start, _)| *start == chunk.to) {
            from = *end;
        }
    }
    let from = Some(from).max(recorded);
    let made_late = chunks.iter().filter(|chunk| chunk.made_late);
    doubtful.extend(made_late.map(|chunk| (chunk.from, chunk.to)));
    doubtful.sort_unstable();
    let doubtful = doubtful
        .into_iter()
        .filter(|(_, end)| Some(*end) > from)
        .map(|(start, end)| TimeRange::new(start, end).map_err(RepositoryError::invalid))
        .collect::<Result<_, _>>()?;
    Ok(Kept { from, doubtful })
}

/// Before which time ticks may have been dropped by policies, or may be while an audit runs.
fn recorded(connection: &mut PgConnection) -> Result<Option<DateTime<Utc>>, DbError> {
    match has_table(connection, "applied_policies")? {
        true => policies::kept_from(connection),
        false => Ok(None),
    }
}

#[derive(QueryableByName)]
struct Gap {
    #[diesel(sql_type = Timestamptz)]
    start: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    end: DateTime<Utc>,
}

/// Those of `gaps` in which candles lie whose ticks have gone.
fn with_candles(
    connection: &mut PgConnection,
    has_aggregates: bool,
    gaps: &[Times],
) -> Result<Vec<Times>, DbError> {
    let (relation, sealed) = match has_aggregates {
        true => ("ohlc_1m", ""),
        false => ("ohlc_candles", " AND source = 'sealed'"),
    };
    let (starts, ends): (Vec<_>, Vec<_>) = gaps.iter().copied().unzip();
    let rows: Vec<Gap> = sql_query(format!(
        "SELECT start, \"end\" FROM unnest($1, $2) AS gap (start, \"end\") \
         WHERE EXISTS (SELECT FROM {relation} WHERE open_time >= gap.start \
         AND open_time < gap.\"end\"{sealed}) ORDER BY start"
    ))
    .bind::<Array<Timestamptz>, _>(starts)
    .bind::<Array<Timestamptz>, _>(ends)
    .load(connection)?;
    Ok(rows.into_iter().map(|gap| (gap.start, gap.end)).collect())
}
