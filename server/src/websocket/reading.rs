//! Reads the candles of a subscription from the store.

use chrono::{DateTime, Utc};
use tickbook::domain::{
    Candle, PageLimit, PriceBasis, SymbolId, TimeRange, Timeframe, latest_time,
};
use tickbook::repository::CandleQuery;
use tickbook::{Repositories, RepositoryError};

/// Maximum number of candles that are sent again.
const CANDLES: i64 = 1_000;

/// Number of attempts to read candles without a concurrent write of ticks.
const TRIES: usize = 5;

/// The position of a tick among the ticks of its symbol.
pub(super) type TickPlace = (DateTime<Utc>, i64);

/// Symbol, timeframe and basis of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeriesKey {
    pub(super) symbol_id: SymbolId,
    pub(super) timeframe: Timeframe,
    pub(super) basis: PriceBasis,
}

/// A read to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The open time of the first candle; `None` reads the newest candle only.
    pub(super) from: Option<DateTime<Utc>>,
    /// A tick that must be stored before the candles are read.
    pub(super) stored: Option<TickPlace>,
    /// The client has the newest candle: it is sent again only if it changed.
    pub(super) only_changes: bool,
}

/// Candles computed from the ticks up to `newest`.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) candles: Vec<Candle>,
    pub(super) newest: Option<TickPlace>,
}

/// Reads candles and the newest tick they include; `None` if the store has not caught up yet.
pub(super) async fn read(
    repositories: &Repositories,
    key: SeriesKey,
    wanted: Wanted,
) -> Result<Option<Found>, RepositoryError> {
    let place = |tick: tickbook::domain::Tick| (tick.tick_time, tick.sequence);
    let Repositories { ticks, ohlc, .. } = repositories;
    for _ in 0..TRIES {
        let before = ticks.latest(key.symbol_id).await?.map(place);
        if let Some(stored) = wanted.stored {
            let found = ticks.as_of(key.symbol_id, stored.0).await?.map(place);
            if found < Some(stored) {
                return Ok(None);
            }
        }
        let SeriesKey {
            symbol_id,
            timeframe,
            basis,
        } = key;
        let newest = ohlc.latest(symbol_id, timeframe, basis).await?;
        let mut candles = Vec::new();
        if let (Some(from), Some(newest)) = (wanted.from, &newest) {
            let to = latest_time().min(newest.open_time).max(from);
            let range = TimeRange::new(from, to).map_err(RepositoryError::invalid)?;
            let mut query = CandleQuery::new(symbol_id, timeframe, basis, range);
            query.limit = PageLimit::try_from(CANDLES).map_err(RepositoryError::invalid)?;
            candles = ohlc.candles(&query).await?.items;
        }
        candles.extend(newest);
        if ticks.latest(key.symbol_id).await?.map(place) == before {
            return Ok(Some(Found {
                candles,
                newest: before,
            }));
        }
    }
    Ok(None)
}
