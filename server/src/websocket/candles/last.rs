//! The newest candle of a series, to which later ticks or trades are added.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{Candle, CandleEvent, CandleFold, CandleSource};

use super::super::reading::SeriesKey;

/// The newest candle.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) candle: Candle,
    fold: CandleFold,
    pub(super) changed: bool,
}

impl Last {
    pub(super) fn of(candle: &Candle) -> Self {
        Self {
            fold: CandleFold::of_candle(candle),
            candle: candle.clone(),
            changed: false,
        }
    }

    pub(super) fn begin<E: CandleEvent>(
        key: SeriesKey,
        open_time: DateTime<Utc>,
        event: &E,
        clock: DateTime<Utc>,
    ) -> Option<Self> {
        let fold = event.folded(key.basis)?;
        let shape = Candle::new(
            key.symbol_id,
            key.timeframe,
            key.basis,
            open_time,
            [Decimal::ZERO; 4],
        )
        .tick_count(0)
        .closed(false);
        Some(Self {
            candle: fold.to_candle(&shape, clock)?,
            fold,
            changed: true,
        })
    }

    /// Returns whether the candle includes the event afterwards.
    pub(super) fn add<E: CandleEvent>(&mut self, event: &E, clock: DateTime<Utc>) -> bool {
        // a stored candle is read as it is, regardless of its ticks or trades
        if matches!(self.candle.source, CandleSource::Stored(_)) {
            return true;
        }
        let folded = event
            .folded(self.candle.basis)
            .and_then(|event| self.fold.merge(event))
            .and_then(|fold| Some((fold.to_candle(&self.candle, clock)?, fold)));
        let Some((candle, fold)) = folded else {
            return false;
        };
        (self.candle, self.fold, self.changed) = (candle, fold, true);
        true
    }
}
