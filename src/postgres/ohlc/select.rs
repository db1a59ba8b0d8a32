//! Reads the candles of a window: rows of an aggregate, stored candles, folds of stored smaller candles, and
//! candles computed from ticks or trades.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl as _};

use crate::db::DbError;
use crate::domain::{Candle, CandleSource, ExactCandle, SortOrder, TimeRange};
use crate::repository::CandleQuery;

use super::row::CandleRow;
use super::statement::{FOLDED, SelectWindow, Statement, StoredCandleRow};

/// The candles that were found in a window.
#[derive(Debug, Default)]
pub(super) struct WindowCandles {
    /// Candles of ticks or trades, read from an aggregate or computed by the statement, in the order of the listing.
    pub(super) computed: Vec<ExactCandle>,
    /// Stored candles by open time.
    pub(super) stored: BTreeMap<DateTime<Utc>, ExactCandle>,
    /// The folds of the stored candles of each smaller timeframe, by open time.
    pub(super) folded: BTreeMap<DateTime<Utc>, Vec<ExactCandle>>,
}

impl WindowCandles {
    fn add_stored(
        &mut self,
        rows: Vec<StoredCandleRow>,
        query: &CandleQuery,
        now: DateTime<Utc>,
    ) -> Result<(), DbError> {
        for (kind, row, text) in rows {
            if kind == FOLDED {
                let candle = row.into_candle(query, CandleSource::RolledUp, now)?;
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
    ) -> Result<WindowCandles, DbError> {
        let query = self.query;
        let computed = |row: CandleRow| -> Result<_, DbError> {
            Ok(row.into_candle(query, CandleSource::of(query.basis.input()), now)?)
        };
        let mut found = WindowCandles::default();
        if let Some(table) = self.catalog.table(query.timeframe) {
            let materialized = Statement::of_materialized(query, table, self.window, self.limit);
            let rows = materialized.rows(connection)?;
            found.computed = rows.into_iter().map(computed).collect::<Result<_, _>>()?;
        }
        if self.with_stored && self.catalog.has_stored() {
            let stored: Vec<StoredCandleRow> = Statement::of_stored(&self).load(connection)?;
            found.add_stored(stored, query, now)?;
        }
        // a separate statement, since few pages have changes and each needs its own plan
        let mut corrected = BTreeMap::new();
        if let Some(changes) = Statement::of_changes(&self) {
            for row in changes.rows(connection)? {
                let candle = computed(row)?;
                corrected.insert(candle.open_time, candle);
            }
        }
        if !corrected.is_empty() {
            found.computed = corrected_by(found.computed, corrected, query.order);
        }
        Ok(found)
    }
}

/// Merges `materialized` with candles recomputed from ticks or trades. These are only added, or dropped after
/// their candle included them. So if a bucket has two candles, the one with more of them is complete.
fn corrected_by(
    materialized: Vec<ExactCandle>,
    mut corrected: BTreeMap<DateTime<Utc>, ExactCandle>,
    order: SortOrder,
) -> Vec<ExactCandle> {
    for candle in materialized {
        let computed = corrected.get(&candle.open_time);
        if computed.is_none_or(|computed| computed.tick_count < candle.tick_count) {
            corrected.insert(candle.open_time, candle);
        }
    }
    let all = corrected.into_values();
    match order {
        SortOrder::Ascending => all.collect(),
        SortOrder::Descending => all.rev().collect(),
    }
}

/// The open time of the first candle of `range` in the aggregate's table `name`.
pub(super) fn first_materialized(
    connection: &mut PgConnection,
    query: &CandleQuery,
    name: &str,
    range: TimeRange,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let rows = Statement::of_materialized(query, name, range, 1).rows(connection)?;
    let first = rows.into_iter().next();
    first.map(|row| Ok(row.open_time(query)?)).transpose()
}

/// The candles of the query's range in the aggregate's table `name`, regardless of pending refreshes.
pub(super) fn all_materialized(
    connection: &mut PgConnection,
    query: &CandleQuery,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Candle>, DbError> {
    let limit = query.limit.get();
    let rows = Statement::of_materialized(query, name, query.range, limit).rows(connection)?;
    let candles = rows.into_iter().map(|row| {
        let candle = row.into_candle(query, CandleSource::of(query.basis.input()), now)?;
        Ok(candle.into_candle())
    });
    candles.collect()
}
