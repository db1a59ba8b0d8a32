//! In-memory store of stored candles.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, Utc};

use crate::domain::{Candle, CandleSource, PriceBasis, SymbolId, Timeframe, TradeVolumes};
use crate::repository::{RestoredCandles, may_get_ticks};

pub(super) type Key = (SymbolId, Timeframe, PriceBasis, DateTime<Utc>);

pub(super) type StoredCandles = BTreeMap<Key, Candle>;

/// Returns the candles in their stored form, by key. Of several candles with the same key the last one
/// counts.
pub(super) fn different(candles: &[Candle]) -> StoredCandles {
    let candles = candles.iter();
    candles
        .map(|candle| (key_of(candle), normalized(candle)))
        .collect()
}

/// Stores the candles that may be restored, with the source `DOWNSAMPLED`.
pub(super) fn restore(
    stored: &mut StoredCandles,
    candles: StoredCandles,
    has_ticks: impl Fn(&Candle) -> bool,
    now: DateTime<Utc>,
) -> RestoredCandles {
    let mut restored = RestoredCandles::default();
    let mut new = StoredCandles::new();
    for (key, candle) in candles {
        let present = stored.get(&key);
        let is_made = has_ticks(&candle) || has_smaller(stored, &candle);
        if is_made || present.is_some_and(|present| !present.source.is_downsampled()) {
            restored.known += 1;
        } else if may_get_ticks(&candle, now) {
            restored.recent += 1;
        } else if present.is_some_and(|present| present.tick_count > candle.tick_count) {
            restored.known += 1;
        } else {
            restored.stored += 1;
            let source = CandleSource::Stored(CandleSource::DOWNSAMPLED.to_owned());
            new.insert(key, Candle { source, ..candle });
        }
    }
    stored.extend(new);
    restored
}

fn has_smaller(stored: &StoredCandles, candle: &Candle) -> bool {
    let smaller = Timeframe::ALL.iter().copied();
    let mut smaller = smaller.take_while(|one| *one < candle.timeframe);
    smaller.any(|timeframe| {
        let within: Range<Key> = Range {
            start: (candle.symbol_id, timeframe, candle.basis, candle.open_time),
            end: (
                candle.symbol_id,
                timeframe,
                candle.basis,
                candle.close_time(),
            ),
        };
        stored.range(within).next().is_some()
    })
}

fn key_of(candle: &Candle) -> Key {
    (
        candle.symbol_id,
        candle.timeframe,
        candle.basis,
        candle.open_time,
    )
}

fn normalized(candle: &Candle) -> Candle {
    Candle {
        open: candle.open.normalize(),
        high: candle.high.normalize(),
        low: candle.low.normalize(),
        close: candle.close.normalize(),
        volume: candle.volume.normalize(),
        trade_volumes: candle.trade_volumes.map(|volumes| TradeVolumes {
            buy_volume: volumes.buy_volume.normalize(),
            ..volumes
        }),
        ..candle.clone()
    }
}
