//! The candles of a window: kept by an aggregate, stored as candles, or made of stored smaller ones;
//! and made of ticks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl as _};

use crate::db::DbError;
use crate::domain::{Candle, CandleSource, ExactCandle, SortOrder, TimeRange};
use crate::repository::CandleQuery;

use super::catalog::Catalog;
use super::statement::{FOLDED, KEPT, Row, STORED, Statement};

/// What is known of the candles of a window.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Made of ticks, by an aggregate or by the statement itself, in the order of the listing.
    pub(super) made: Vec<ExactCandle>,
    /// Stored as candles.
    pub(super) stored: BTreeMap<DateTime<Utc>, ExactCandle>,
    /// What the stored candles of each smaller timeframe fold to.
    pub(super) folded: BTreeMap<DateTime<Utc>, Vec<ExactCandle>>,
}

/// Which candles of a window to look for.
pub(super) struct SelectWindow<'a> {
    pub(super) query: &'a CandleQuery,
    pub(super) catalog: &'a Catalog,
    /// Starts and ends where a bucket does.
    pub(super) window: TimeRange,
    /// At least the first so many of each kind.
    pub(super) limit: usize,
    /// Whether stored candles count.
    pub(super) with_stored: bool,
}

impl SelectWindow<'_> {
    pub(super) fn run(
        self,
        connection: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> Result<Found, DbError> {
        let query = self.query;
        let mut found = Found::default();
        let mut corrected = BTreeMap::new();
        let mut rows: Vec<Row> = Vec::new();
        // apart, since few pages have changes and each needs a plan of its own
        for statement in [Statement::of_kept(&self), Statement::of_changes(&self)] {
            if !statement.text.is_empty() {
                rows.extend(statement.load::<Row>(connection)?);
            }
        }
        found.made.reserve(rows.len());
        for (kind, row, text) in rows {
            let source = match (kind, text) {
                (STORED, by) => CandleSource::Stored(by.unwrap_or_default()),
                (FOLDED, _) => CandleSource::Smaller,
                _ => CandleSource::Ticks,
            };
            let candle = row.into_candle(query, source, now)?;
            let open_time = candle.open_time;
            match kind {
                KEPT => found.made.push(candle),
                STORED => {
                    found.stored.insert(open_time, candle);
                }
                FOLDED => found.folded.entry(open_time).or_default().push(candle),
                _ => {
                    corrected.insert(open_time, candle);
                }
            }
        }
        if !corrected.is_empty() {
            found.made = corrected_by(found.made, corrected, query.order);
        }
        Ok(found)
    }
}

/// `kept` with what was made of ticks meanwhile. Ticks only come, or are dropped after they had reached
/// their candle: of two candles of a bucket the one that knows more knows all.
fn corrected_by(
    kept: Vec<ExactCandle>,
    mut corrected: BTreeMap<DateTime<Utc>, ExactCandle>,
    order: SortOrder,
) -> Vec<ExactCandle> {
    for candle in kept {
        let made = corrected.get(&candle.open_time);
        if made.is_none_or(|made| made.tick_count < candle.tick_count) {
            corrected.insert(candle.open_time, candle);
        }
    }
    let all = corrected.into_values();
    match order {
        SortOrder::Ascending => all.collect(),
        SortOrder::Descending => all.rev().collect(),
    }
}

/// The open time of the first candle of `range` that the table `name` of an aggregate has.
pub(super) fn first_kept(
    connection: &mut PgConnection,
    query: &CandleQuery,
    name: &str,
    range: TimeRange,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let mut statement = Statement::empty(query, 1);
    statement.kept(name, range);
    let rows: Vec<Row> = statement.load(connection)?;
    let first = rows.into_iter().next();
    first
        .map(|(_, row, _)| Ok(row.open_time(query)?))
        .transpose()
}

/// The candles of `window` that the table `name` of an aggregate has, whatever waits.
pub(super) fn all_kept(
    connection: &mut PgConnection,
    query: &CandleQuery,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Candle>, DbError> {
    let mut statement = Statement::empty(query, query.limit.get());
    statement.kept(name, query.range);
    let rows: Vec<Row> = statement.load(connection)?;
    let candles = rows.into_iter().map(|(_, row, _)| {
        let candle = row.into_candle(query, CandleSource::Ticks, now)?;
        Ok(candle.into_candle())
    });
    candles.collect()
}
