//! The candles of a window: kept by an aggregate, stored as candles, or made of stored smaller ones;
//! and made of ticks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl as _};

use crate::db::DbError;
use crate::domain::{Candle, CandleSource, ExactCandle, SortOrder, TimeRange};
use crate::repository::CandleQuery;

use super::row::CandleRow;
use super::statement::{FOLDED, SelectWindow, Statement, StoredRow};

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

impl Found {
    fn add_stored(
        &mut self,
        rows: Vec<StoredRow>,
        query: &CandleQuery,
        now: DateTime<Utc>,
    ) -> Result<(), DbError> {
        for (kind, row, text) in rows {
            if kind == FOLDED {
                let candle = row.into_candle(query, CandleSource::Smaller, now)?;
                let folded = self.folded.entry(candle.open_time).or_default();
                folded.push(candle);
            } else {
                let candle = row.into_candle(query, CandleSource::Stored(text), now)?;
                self.stored.insert(candle.open_time, candle);
            }
        }
        Ok(())
    }
}

impl SelectWindow<'_> {
    pub(super) fn run(
        self,
        connection: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> Result<Found, DbError> {
        let query = self.query;
        let of_ticks = |row: CandleRow| -> Result<_, DbError> {
            Ok(row.into_candle(query, CandleSource::Ticks, now)?)
        };
        let mut found = Found::default();
        if let Some(table) = self.catalog.table(query.timeframe) {
            let kept = Statement::of_kept(query, table, self.window, self.limit);
            let kept: Vec<CandleRow> = kept.load(connection)?;
            found.made = kept.into_iter().map(of_ticks).collect::<Result<_, _>>()?;
        }
        if self.with_stored && self.catalog.has_stored() {
            let stored: Vec<StoredRow> = Statement::of_stored(&self).load(connection)?;
            found.add_stored(stored, query, now)?;
        }
        // apart, since few pages have changes and each needs a plan of its own
        let mut corrected = BTreeMap::new();
        if let Some(changes) = Statement::of_changes(&self) {
            let rows: Vec<CandleRow> = changes.load(connection)?;
            for row in rows {
                let candle = of_ticks(row)?;
                corrected.insert(candle.open_time, candle);
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
    let rows: Vec<CandleRow> = Statement::of_kept(query, name, range, 1).load(connection)?;
    let first = rows.into_iter().next();
    first.map(|row| Ok(row.open_time(query)?)).transpose()
}

/// The candles of `window` that the table `name` of an aggregate has, whatever waits.
pub(super) fn all_kept(
    connection: &mut PgConnection,
    query: &CandleQuery,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Candle>, DbError> {
    let limit = query.limit.get();
    let rows: Vec<CandleRow> =
        Statement::of_kept(query, name, query.range, limit).load(connection)?;
    let candles = rows.into_iter().map(|row| {
        let candle = row.into_candle(query, CandleSource::Ticks, now)?;
        Ok(candle.into_candle())
    });
    candles.collect()
}
