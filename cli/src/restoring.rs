//! Candles of ticks that are not stored, brought back.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use tickbook::audit::SEALED;
use tickbook::domain::{Candle, CandleSource, PageLimit, PriceBasis, TimeRange, Timeframe};
use tickbook::repository::{CandleQuery, OhlcRepository};

/// Those of `candles` that may be stored: where there is no candle, or one of the same kind that knows
/// no more ticks. A candle that is made of ticks stays, and so does one that came as a candle.
pub(crate) async fn restorable(
    ohlc: &dyn OhlcRepository,
    candles: Vec<Candle>,
) -> anyhow::Result<Vec<Candle>> {
    let mut series: BTreeMap<(Timeframe, PriceBasis), Vec<Candle>> = BTreeMap::new();
    for candle in candles {
        let of = series.entry((candle.timeframe, candle.basis)).or_default();
        of.push(candle);
    }
    let mut restorable = Vec::new();
    for candles in series.into_values() {
        let present = present(ohlc, &candles).await?;
        restorable.extend(candles.into_iter().filter(|candle| {
            present.get(&candle.open_time).is_none_or(|present| {
                let is_kept = matches!(&present.source, CandleSource::Stored(by) if by == SEALED);
                is_kept && present.tick_count <= candle.tick_count
            })
        }));
    }
    Ok(restorable)
}

/// What is read now in the times of `candles`, which are of one series.
async fn present(
    ohlc: &dyn OhlcRepository,
    candles: &[Candle],
) -> anyhow::Result<HashMap<DateTime<Utc>, Candle>> {
    let first = candles.iter().min_by_key(|candle| candle.open_time);
    let last = candles.iter().max_by_key(|candle| candle.open_time);
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(HashMap::new());
    };
    let range = TimeRange::new(first.open_time, last.close_time())?;
    let mut query = CandleQuery::new(first.symbol_id, first.timeframe, first.basis, range)
        .limit(PageLimit::MAX);
    let mut present = HashMap::new();
    loop {
        let page = ohlc.candles(&query).await?;
        let read = page.items.into_iter();
        present.extend(read.map(|candle| (candle.open_time, candle)));
        query.after = page.next;
        if query.after.is_none() {
            return Ok(present);
        }
    }
}
