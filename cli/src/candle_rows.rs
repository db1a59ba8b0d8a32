//! Classifies the rows of an export of candles.

use std::sync::Arc;

use tickbook::domain::{Candle, CandleSource, SymbolId, Timeframe};
use tickbook::files::{CsvCandle, FILLED};

const IMPORT: &str = CandleSource::IMPORT;
const DOWNSAMPLED: &str = CandleSource::DOWNSAMPLED;
const ROLLED_UP: &str = CandleSource::ROLLED_UP;
const TICKS: &str = CandleSource::TICKS;
const TRADES: &str = CandleSource::TRADES;

/// Whether `source` is reserved and cannot be used for imported candles.
pub(crate) fn is_reserved(source: &str) -> bool {
    let reserved = [DOWNSAMPLED, TICKS, TRADES, ROLLED_UP, FILLED];
    reserved.iter().any(|it| it.eq_ignore_ascii_case(source))
}

/// The class of a row.
#[derive(Debug)]
pub(crate) enum CandleRow {
    /// A candle to be stored as it is.
    Stored(Candle),
    /// A candle computed from ticks or trades, which is stored only if these are not stored.
    Restored(Candle),
    /// A candle that is computed again from the ticks, trades or smaller candles it was computed from.
    Derived,
}

impl CandleRow {
    /// Classifies a candle of `symbol_id`; `source` replaces the source in the file.
    pub(crate) fn of(
        candle: CsvCandle,
        symbol_id: SymbolId,
        source: Option<&Arc<str>>,
    ) -> Result<Self, String> {
        let own = candle.source.as_deref().unwrap_or(IMPORT);
        let is_made = matches!(own, TICKS | TRADES | ROLLED_UP) || candle.source.is_none();
        if let Some(source) = source {
            refuse_forming(&candle, is_made)?;
            return Ok(Self::Stored(
                candle.into_candle(symbol_id, source.to_string()),
            ));
        }
        match own {
            ROLLED_UP => Ok(Self::Derived),
            TICKS | TRADES if candle.timeframe > Timeframe::M1 => Ok(Self::Derived),
            TICKS | TRADES | DOWNSAMPLED => {
                refuse_forming(&candle, is_made)?;
                Ok(Self::Restored(
                    candle.into_candle(symbol_id, DOWNSAMPLED.to_owned()),
                ))
            }
            _ => {
                refuse_forming(&candle, is_made)?;
                let own = own.to_owned();
                Ok(Self::Stored(candle.into_candle(symbol_id, own)))
            }
        }
    }
}

/// Refuses a candle that was exported while forming: it lacks later ticks.
fn refuse_forming(candle: &CsvCandle, is_made: bool) -> Result<(), String> {
    match is_made && !candle.closed {
        true => Err(
            "closed is false: the candle was still forming when it was exported; export it again"
                .to_owned(),
        ),
        false => Ok(()),
    }
}
