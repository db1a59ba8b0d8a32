//! The instruments of Binance spot.

use serde::Deserialize;
use tickbook::domain::InstrumentType;

use crate::error::ProtocolError;
use crate::instrument::{ListedInstrument, Listing, RefusedInstrument};
use crate::wire::{Text, read};

#[derive(Deserialize)]
struct ExchangeInfo<'a> {
    #[serde(borrow)]
    symbols: Vec<Symbol<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Symbol<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    base_asset: Text<'a>,
    #[serde(borrow)]
    quote_asset: Text<'a>,
    #[serde(borrow)]
    filters: Vec<Filter<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter<'a> {
    #[serde(borrow)]
    filter_type: Text<'a>,
    #[serde(borrow)]
    tick_size: Option<Text<'a>>,
    #[serde(borrow)]
    step_size: Option<Text<'a>>,
}

/// Reads the body of `GET /api/v3/exchangeInfo`, in its order.
///
/// # Errors
/// A body of another form. An instrument that cannot be used is an error in the list.
pub fn instruments(
    body: &str,
) -> Result<Vec<Result<ListedInstrument, RefusedInstrument>>, ProtocolError> {
    let info: ExchangeInfo<'_> = read(body)?;
    Ok(info.symbols.iter().map(listed).collect())
}

fn listed(symbol: &Symbol<'_>) -> Result<ListedInstrument, RefusedInstrument> {
    let filter = |name: &str| symbol.filters.iter().find(|it| it.filter_type.0 == name);
    let tick_size = filter("PRICE_FILTER").and_then(|filter| filter.tick_size.as_ref());
    let lot_size = filter("LOT_SIZE").and_then(|filter| filter.step_size.as_ref());
    Listing {
        symbol: &symbol.symbol.0,
        instrument_type: InstrumentType::Crypto,
        base: &symbol.base_asset.0,
        quote: &symbol.quote_asset.0,
        tick_size: tick_size.map_or("", |text| &text.0),
        lot_size: lot_size.map_or("", |text| &text.0),
        is_active: symbol.status.0 == "TRADING",
    }
    .read()
}
