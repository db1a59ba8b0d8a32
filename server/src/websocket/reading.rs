//! Reads the candles of a subscription from the store.

use chrono::{DateTime, TimeDelta, Utc};
use tickbook::domain::{
    Candle, CandleInput, MarketEvent, PageLimit, PriceBasis, SymbolId, TimeRange, Timeframe,
    latest_time,
};
use tickbook::repository::{CandleQuery, CorrectionQuery};
use tickbook::{Repositories, RepositoryError};

/// Maximum number of candles that are sent again.
pub(super) const CANDLES: i64 = 1_000;

/// Number of attempts to read candles without a concurrent write of ticks or trades.
const TRIES: usize = 5;

/// The position of a tick or a trade among those of its symbol.
pub(super) type EventPlace = (DateTime<Utc>, i64);

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
    /// A tick or a trade that must be stored before the candles are read.
    pub(super) stored: Option<EventPlace>,
    /// The client has the newest candle: it is sent again only if it changed.
    pub(super) only_changes: bool,
}

/// Candles computed from the ticks or trades up to `newest`.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) candles: Vec<Candle>,
    pub(super) newest: Option<EventPlace>,
}

/// Reads candles and the newest event they include; `None` if the store has not caught up yet.
pub(super) async fn read(
    repositories: &Repositories,
    key: SeriesKey,
    wanted: Wanted,
) -> Result<Option<Found>, RepositoryError> {
    let ohlc = &repositories.ohlc;
    for _ in 0..TRIES {
        let before = latest(repositories, key).await?;
        if let Some(stored) = wanted.stored
            && !is_stored(repositories, key, stored).await?
        {
            return Ok(None);
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
        if latest(repositories, key).await? == before {
            return Ok(Some(Found {
                candles,
                newest: before,
            }));
        }
    }
    Ok(None)
}

/// The place of the newest tick or trade of a series.
async fn latest(
    repositories: &Repositories,
    key: SeriesKey,
) -> Result<Option<EventPlace>, RepositoryError> {
    let Repositories { ticks, trades, .. } = repositories;
    if key.basis.input() == CandleInput::Trades {
        return Ok(trades.latest(key.symbol_id).await?.as_ref().map(place));
    }
    Ok(ticks.latest(key.symbol_id).await?.as_ref().map(place))
}

/// Whether the store has the event of that place, or had it until it was cancelled.
async fn is_stored(
    repositories: &Repositories,
    key: SeriesKey,
    wanted: EventPlace,
) -> Result<bool, RepositoryError> {
    let Repositories { ticks, trades, .. } = repositories;
    let (symbol_id, at) = (key.symbol_id, wanted.0);
    if key.basis.input() != CandleInput::Trades {
        let found = ticks.as_of(symbol_id, at).await?;
        return Ok(found.as_ref().map(place) >= Some(wanted));
    }
    if trades.as_of(symbol_id, at).await?.as_ref().map(place) >= Some(wanted) {
        return Ok(true);
    }
    let end = at + TimeDelta::microseconds(1);
    let instant = TimeRange::new(at, end).map_err(RepositoryError::invalid)?;
    let query = CorrectionQuery::new(symbol_id, instant);
    let corrections = trades.corrections(&query).await?.items;
    let mut applied = corrections
        .iter()
        .filter_map(|recorded| recorded.before.as_ref());
    Ok(applied.any(|trade| place(trade) >= wanted))
}

/// The position of an event.
pub(super) fn place<E: MarketEvent>(event: &E) -> EventPlace {
    (event.time(), event.sequence())
}
