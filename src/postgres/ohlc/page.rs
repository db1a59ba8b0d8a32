//! One page of candles. Reads the range in windows, so that the cost depends on the candles of the page and
//! not on all ticks of the range.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::db::DbError;
use crate::domain::{
    Candle, CandleCursor, CandleInput, ExactCandle, Page, SortOrder, TimeRange, Timeframe, Trade,
};
use crate::error::RepositoryError;
use crate::postgres::reading::first_time;
use crate::postgres::symbol_days::{SearchWindows, days_of};
use crate::postgres::ticks::first_tick_time_of_basis;
use crate::repository::{CandleQuery, FoldedListing};

use super::catalog::{Catalog, RowReads};
use super::rollup::{self, RollupReader};
use super::select::first_materialized;
use super::snapshot::Snapshot;
use super::statement::SelectWindow;

/// Maximum length of a window; it exceeds the supported range of times.
const MAX_REACH: TimeDelta = TimeDelta::days(50_000);

/// Maximum growth factor from one window to the next.
const MAX_GROWTH: usize = 4;

pub(super) fn read(
    snapshot: &mut Snapshot<'_>,
    query: &CandleQuery,
    now: DateTime<Utc>,
) -> Result<Page<Candle, CandleCursor>, DbError> {
    let mut page = |query: &CandleQuery| {
        let mut reader = PageReader {
            snapshot: &mut *snapshot,
            query,
            now,
        };
        let candles = reader.read()?;
        let cursor = |candle: &ExactCandle| CandleCursor::of(candle);
        let page = Page::from_limit_plus_one(candles, query.limit, cursor);
        Ok::<_, DbError>(page)
    };
    let Some(mut listing) = FoldedListing::new(query, now) else {
        let page = page(query)?;
        let candles = page.items.into_iter().map(ExactCandle::into_candle);
        return Ok(Page::new(candles.collect(), page.next));
    };
    while let Some(source) = listing.next_read() {
        let page = page(&source)?;
        listing.add(page).map_err(RepositoryError::from)?;
    }
    Ok(listing.finish().map_err(RepositoryError::from)?)
}

/// Reads a page of a stored timeframe, or of seconds.
struct PageReader<'a, 'b> {
    snapshot: &'a mut Snapshot<'b>,
    query: &'a CandleQuery,
    now: DateTime<Utc>,
}

impl PageReader<'_, '_> {
    /// The candles of the page, and one more if there is one.
    fn read(&mut self) -> Result<Vec<ExactCandle>, DbError> {
        let width = self.query.timeframe.duration();
        let wanted = self.query.limit.get() + 1;
        let mut candles = Vec::new();
        let mut rest = self.query.buckets(self.now);
        // at most 10,001 buckets of a day
        let mut reach = width * wanted as i32;
        let mut at_data = false;
        while let Some(range) = rest.filter(|range| !range.is_empty()) {
            if !at_data && range.end() - range.start() > reach {
                rest = self.starting_at_data(range)?;
                at_data = true;
                continue;
            }
            let (window, behind) = split(range, self.query.order, reach);
            let missing = wanted - candles.len();
            let found = self.window(window, missing)?;
            if found.len() >= missing {
                candles.extend(found);
                break;
            }
            at_data = !found.is_empty();
            if at_data {
                let growth = missing.div_ceil(found.len()).min(MAX_GROWTH);
                // between 1 and 4
                reach = (reach * growth as i32).min(MAX_REACH);
            }
            candles.extend(found);
            rest = behind;
        }
        Ok(candles)
    }

    /// The ticks or trades to read: seconds are computed from them alone.
    fn row_reads(&self) -> RowReads {
        match self.query.timeframe.is_stored() {
            true => RowReads::Pending,
            false => RowReads::All,
        }
    }

    /// The first `limit` candles of `window`. For each open time the stored candle takes precedence, then a
    /// candle with stored parts, then the candle computed from ticks or trades.
    fn window(&mut self, window: TimeRange, limit: usize) -> Result<Vec<ExactCandle>, DbError> {
        let (query, now) = (self.query, self.now);
        let catalog = self.snapshot.catalog(
            (query.basis.input(), query.timeframe),
            window,
            self.row_reads(),
        )?;
        let found = SelectWindow {
            query,
            catalog: &catalog,
            window,
            limit,
            with_stored: query.timeframe.is_stored(),
        }
        .run(self.snapshot.connection, now)?;
        let of_parts = RollupReader {
            connection: self.snapshot.connection,
            query,
            catalog: &catalog,
            now,
        }
        .read(&found)?;
        let candles = found.computed.into_iter();
        if of_parts.is_empty() && found.stored.is_empty() {
            return Ok(candles.take(limit).collect());
        }
        let mut merged: BTreeMap<_, _> = candles.map(|it| (it.open_time, it)).collect();
        merged.extend(of_parts);
        merged.extend(found.stored);
        let merged = merged.into_values();
        Ok(match query.order {
            SortOrder::Ascending => merged.take(limit).collect(),
            SortOrder::Descending => merged.rev().take(limit).collect(),
        })
    }

    /// `range` without the buckets before its first candle, in the order of the listing.
    fn starting_at_data(&mut self, range: TimeRange) -> Result<Option<TimeRange>, DbError> {
        let query = self.query;
        // read the catalog first: it makes the server plan later statements for the chunks of this
        // instant; the changes are not needed here
        let nothing = TimeRange::new(range.start(), range.start()).unwrap_or(range);
        let catalog = self.snapshot.catalog(
            (query.basis.input(), query.timeframe),
            nothing,
            RowReads::All,
        )?;
        let connection = &mut *self.snapshot.connection;
        let (of, order) = ((query.symbol_id, query.basis), query.order);
        let row = match query.basis.input() {
            CandleInput::Ticks => first_tick_time_of_basis(connection, of, range, order, self.now)?,
            CandleInput::Trades => {
                first_time::<Trade>(connection, query.symbol_id, range, order, self.now)?
            }
        };
        let row = row.map(|time| query.timeframe.bucket_start(time));
        let stored = match catalog.has_stored() && query.timeframe.is_stored() {
            true => rollup::first_stored_bucket(connection, query, range)?,
            false => None,
        };
        // an aggregate may have candles whose ticks or trades were dropped; all of them are outside of the
        // range of stored ones
        let outside = match row {
            Some(open_time) => before(range, query.order, open_time, query.timeframe),
            None => Some(range),
        };
        let materialized = match outside {
            Some(outside) if !outside.is_empty() => self.first_materialized(&catalog, outside)?,
            _ => None,
        };
        let open_times = [row, stored, materialized].into_iter().flatten();
        Ok(match query.order {
            SortOrder::Ascending => open_times
                .min()
                .and_then(|open_time| TimeRange::new(open_time, range.end()).ok()),
            SortOrder::Descending => open_times.max().and_then(|open_time| {
                TimeRange::new(range.start(), open_time + query.timeframe.duration()).ok()
            }),
        })
    }

    /// The start of the first bucket of `range` for which an aggregate has a candle or a one-minute candle.
    ///
    /// Reads day by day, since an aggregate has candles only in recorded days.
    fn first_materialized(
        &mut self,
        catalog: &Catalog,
        range: TimeRange,
    ) -> Result<Option<DateTime<Utc>>, DbError> {
        let query = self.query;
        if !query.timeframe.is_stored() {
            return Ok(None);
        }
        let tables = [catalog.table(query.timeframe), catalog.minutes()];
        if tables.iter().all(Option::is_none) {
            return Ok(None);
        }
        let connection = &mut *self.snapshot.connection;
        let days = days_of(query.basis.input());
        let mut windows = SearchWindows::of_days(days, query.symbol_id, range, query.order);
        while let Some(window) = windows.next(connection)? {
            let mut edges = Vec::new();
            for table in tables.into_iter().flatten() {
                edges.extend(first_materialized(connection, query, table, window)?);
            }
            let open_times = edges
                .into_iter()
                .map(|open_time| query.timeframe.bucket_start(open_time));
            let first = match query.order {
                SortOrder::Ascending => open_times.min(),
                SortOrder::Descending => open_times.max(),
            };
            if first.is_some() {
                return Ok(first);
            }
        }
        Ok(None)
    }
}

/// Splits `range` into its first `reach` in `order` and the rest.
fn split(range: TimeRange, order: SortOrder, reach: TimeDelta) -> (TimeRange, Option<TimeRange>) {
    let (first, rest) = match order {
        SortOrder::Ascending => {
            let middle = (range.start() + reach).min(range.end());
            ((range.start(), middle), (middle, range.end()))
        }
        SortOrder::Descending => {
            let middle = (range.end() - reach).max(range.start());
            ((middle, range.end()), (range.start(), middle))
        }
    };
    let rest = TimeRange::new(rest.0, rest.1).ok();
    (TimeRange::new(first.0, first.1).unwrap_or(range), rest)
}

/// The part of `range` that comes before the bucket at `open_time` in `order`.
fn before(
    range: TimeRange,
    order: SortOrder,
    open_time: DateTime<Utc>,
    timeframe: Timeframe,
) -> Option<TimeRange> {
    match order {
        SortOrder::Ascending => TimeRange::new(range.start(), open_time),
        SortOrder::Descending => TimeRange::new(open_time + timeframe.duration(), range.end()),
    }
    .ok()
}
