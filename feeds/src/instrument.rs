//! Instruments as venues list them.

use rust_decimal::Decimal;
use tickbook::domain::{Instrument, InstrumentType, parse_decimal};

/// An instrument of a venue.
///
/// The tick size and the lot size are the rules for new orders. Books may hold levels of older orders with more
/// digits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedInstrument {
    /// The symbol, as in the other messages of the venue.
    pub symbol: String,
    /// The instrument.
    pub instrument: Instrument,
    /// Whether it can be traded.
    pub is_active: bool,
    /// Its name in the other messages of the venue, if that is not the symbol.
    pub key: Option<String>,
    /// Whether the venue states only the tick size: type, currencies and lot size are assumed.
    pub is_assumed: bool,
}

/// An instrument that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("instrument {symbol} is refused: {reason}")]
#[non_exhaustive]
pub struct RefusedInstrument {
    /// The symbol of the venue.
    pub symbol: String,
    /// See [`ListedInstrument::key`].
    pub key: Option<String>,
    /// The reason, such as an invalid field.
    pub reason: String,
}

/// The fields that all venues state.
#[derive(Debug)]
pub(crate) struct Listing<'a> {
    pub(crate) symbol: &'a str,
    pub(crate) instrument_type: InstrumentType,
    pub(crate) base: &'a str,
    pub(crate) quote: &'a str,
    pub(crate) tick_size: &'a str,
    pub(crate) lot_size: &'a str,
    pub(crate) is_active: bool,
}

impl Listing<'_> {
    pub(crate) fn read(&self) -> Result<ListedInstrument, RefusedInstrument> {
        let tick_size = self.positive("tick size", self.tick_size)?;
        let lot_size = self.positive("lot size", self.lot_size)?;
        if self.quote.is_empty() {
            return Err(self.refused("it has no quote currency"));
        }
        let instrument = Instrument::new(self.instrument_type, self.quote, tick_size, lot_size);
        let instrument = match self.base {
            "" => instrument,
            base => instrument.base_currency(base),
        };
        Ok(ListedInstrument {
            symbol: self.symbol.to_owned(),
            instrument,
            is_active: self.is_active,
            key: None,
            is_assumed: false,
        })
    }

    pub(crate) fn positive(&self, field: &str, text: &str) -> Result<Decimal, RefusedInstrument> {
        match parse_decimal(text) {
            Ok(value) if value > Decimal::ZERO => Ok(value),
            Ok(value) => Err(self.refused(&format!("{field} {value} is not positive"))),
            Err(error) => Err(self.refused(&format!("{field} {text:?} {error}"))),
        }
    }

    pub(crate) fn refused(&self, reason: &str) -> RefusedInstrument {
        RefusedInstrument {
            symbol: self.symbol.to_owned(),
            key: None,
            reason: reason.to_owned(),
        }
    }
}
