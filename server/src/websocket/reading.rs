//! What the store says of the candles of a subscription.

use chrono::{DateTime, Utc};
use tickbook::domain::{
    Candle, PageLimit, PriceBasis, SymbolId, TimeRange, Timeframe, latest_time,
};
use tickbook::repository::CandleQuery;
use tickbook::{Repositories, RepositoryError};

/// Most candles that are sent again.
const CANDLES: i64 = 1_000;

/// A feed that stores between two looks is looked at again.
const TRIES: usize = 5;

/// The place of a tick among those of its symbol.
pub(super) type TickPlace = (DateTime<Utc>, i64);

/// Which candles of which symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeriesKey {
    pub(super) symbol_id: SymbolId,
    pub(super) timeframe: Timeframe,
    pub(super) basis: PriceBasis,
}

/// What is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The open time of the first candle; `None` for the newest candle alone.
    pub(super) from: Option<DateTime<Utc>>,
    /// A tick that has to be stored for the candles to be right.
    pub(super) stored: Option<TickPlace>,
}

/// Candles, made of the ticks up to `newest`.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) candles: Vec<Candle>,
    pub(super) newest: Option<TickPlace>,
}

/// Reads candles and what they are made of; `None` when the store has not caught up yet.
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
