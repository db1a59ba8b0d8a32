//! What becomes of the rows of an export of candles.

use std::sync::Arc;

use tickbook::domain::{Candle, SEALED, SymbolId, Timeframe};
use tickbook::files::{CsvCandle, FILLED};

/// The source of candles that are made of ticks, in exports.
pub(crate) const TICKS: &str = "ticks";

/// The source of candles that are made of smaller ones, in exports.
pub(crate) const SMALLER: &str = "smaller";

/// Another name for [`SEALED`].
const DOWNSAMPLED: &str = "downsampled";

/// The source of candles for which nothing says one.
pub(crate) const IMPORT: &str = "import";

/// Whether candles that users import may not have that source.
pub(crate) fn is_reserved(source: &str) -> bool {
    let reserved = [SEALED, DOWNSAMPLED, TICKS, SMALLER, FILLED];
    reserved.iter().any(|it| it.eq_ignore_ascii_case(source))
}

/// A row of an export.
#[derive(Debug)]
pub(crate) enum CandleRow {
    /// Stored as it is.
    Stored(Candle),
    /// Kept of ticks, and stored where these are not.
    Kept(Candle),
    /// Made again of the ticks or smaller candles that it was made of.
    Derived,
}

impl CandleRow {
    /// Of a candle of `symbol_id`; `source` replaces that of the file.
    pub(crate) fn of(
        candle: CsvCandle,
        symbol_id: SymbolId,
        source: Option<&Arc<str>>,
    ) -> Result<Self, String> {
        let own = candle.source.as_deref().unwrap_or(IMPORT);
        let is_made = matches!(own, TICKS | SMALLER) || candle.source.is_none();
        if let Some(source) = source {
            refuse_forming(&candle, is_made)?;
            return Ok(Self::Stored(
                candle.into_candle(symbol_id, source.to_string()),
            ));
        }
        match own {
            SMALLER => Ok(Self::Derived),
            TICKS if candle.timeframe > Timeframe::M1 => Ok(Self::Derived),
            TICKS | SEALED | DOWNSAMPLED => {
                refuse_forming(&candle, is_made)?;
                Ok(Self::Kept(candle.into_candle(symbol_id, SEALED.to_owned())))
            }
            _ => {
                refuse_forming(&candle, is_made)?;
                let own = own.to_owned();
                Ok(Self::Stored(candle.into_candle(symbol_id, own)))
            }
        }
    }
}

/// A candle that was made while its bucket was not over lacks what came later.
fn refuse_forming(candle: &CsvCandle, is_made: bool) -> Result<(), String> {
    match is_made && !candle.closed {
        true => Err(
            "closed is false: the candle still changed when it was written, export it again"
                .to_owned(),
        ),
        false => Ok(()),
    }
}
