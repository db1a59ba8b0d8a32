//! Symbols as JSON.

use serde::{Deserialize, Serialize};
use tickbook::domain::{Instrument, Page, Symbol, SymbolCursor, SymbolId};
use utoipa::ToSchema;

use super::decimal::DecimalText;
use crate::cursor::SymbolCursorText as _;

/// A symbol: a quoted instrument of an exchange.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "symbol_id": 1, "exchange": "oanda", "name": "EURUSD", "description": "Euro / US dollar",
    "digits": 5, "active": true, "instrument": {
        "instrument_type": "forex", "base_currency": "EUR", "quote_currency": "USD",
        "tick_size": "0.00001", "lot_size": "1000", "contract_multiplier": "1",
        "expiry": null, "strike": null
    }
}))]
pub struct SymbolBody {
    /// The id that ticks and candles refer to.
    #[schema(example = 1, minimum = 1)]
    pub symbol_id: i64,
    /// The exchange that quotes it.
    #[schema(example = "oanda")]
    pub exchange: String,
    /// Its name, unique within the exchange, case-insensitive.
    #[schema(example = "EURUSD")]
    pub name: String,
    /// A description for people; may be empty.
    #[schema(example = "Euro / US dollar")]
    pub description: String,
    /// Number of decimals in which its price is usually shown.
    #[schema(example = 5)]
    pub digits: i16,
    /// Whether it is still quoted.
    pub active: bool,
    /// The instrument, if known.
    pub instrument: Option<InstrumentBody>,
}

/// The instrument of a symbol, as its exchange defines it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InstrumentBody {
    /// forex, cfd, crypto, cryptofuture, equity, index, future, option, indexoption or
    /// futureoption.
    #[schema(example = "forex")]
    pub instrument_type: String,
    /// The asset that is bought and sold; null if it is not a currency.
    #[schema(example = "EUR")]
    pub base_currency: Option<String>,
    /// The currency of prices.
    #[schema(example = "USD")]
    pub quote_currency: String,
    /// Smallest step of the price, in the quote currency.
    pub tick_size: DecimalText,
    /// Smallest step of a quantity, in units of the instrument.
    pub lot_size: DecimalText,
    /// Units of the underlying per contract; 1 if there are no contracts.
    pub contract_multiplier: DecimalText,
    /// Last trading day of an instrument that expires.
    #[schema(example = "2026-12-18")]
    pub expiry: Option<String>,
    /// Strike price of an option, in the quote currency.
    pub strike: Option<DecimalText>,
}

/// A page of symbols, by ascending id.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SymbolList {
    /// The symbols.
    pub data: Vec<SymbolBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl From<Symbol> for SymbolBody {
    fn from(symbol: Symbol) -> Self {
        Self {
            symbol_id: symbol.symbol_id.get(),
            exchange: symbol.exchange,
            name: symbol.name,
            description: symbol.description,
            digits: symbol.digits,
            active: symbol.active,
            instrument: symbol.instrument.map(Into::into),
        }
    }
}

impl From<Instrument> for InstrumentBody {
    fn from(instrument: Instrument) -> Self {
        Self {
            instrument_type: instrument.instrument_type.as_str().to_owned(),
            base_currency: instrument.base_currency,
            quote_currency: instrument.quote_currency,
            tick_size: DecimalText(instrument.tick_size),
            lot_size: DecimalText(instrument.lot_size),
            contract_multiplier: DecimalText(instrument.contract_multiplier),
            expiry: instrument.expiry.map(|day| day.to_string()),
            strike: instrument.strike.map(DecimalText),
        }
    }
}

impl From<Page<Symbol, SymbolId>> for SymbolList {
    fn from(page: Page<Symbol, SymbolId>) -> Self {
        let cursor = |symbol_id| SymbolCursor { symbol_id }.encode();
        Self {
            data: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page.next.map(cursor),
        }
    }
}
