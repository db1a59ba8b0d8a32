//! The instruments of Coinbase.

use serde::Deserialize;
use tickbook::domain::InstrumentType;

use crate::error::ProtocolError;
use crate::instrument::{ListedInstrument, Listing, RefusedInstrument};
use crate::wire::{Text, read};

#[derive(Deserialize)]
struct Product<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    base_currency: Text<'a>,
    #[serde(borrow)]
    quote_currency: Text<'a>,
    #[serde(borrow)]
    quote_increment: Text<'a>,
    #[serde(borrow)]
    base_increment: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(default)]
    trading_disabled: bool,
}

/// Reads the body of `GET /products` of Coinbase Exchange, in its order.
///
/// # Errors
/// A body of another form. An instrument that cannot be used is an error in the list.
pub fn instruments(
    body: &str,
) -> Result<Vec<Result<ListedInstrument, RefusedInstrument>>, ProtocolError> {
    let products: Vec<Product<'_>> = read(body)?;
    let listed = |product: &Product<'_>| {
        let listing = Listing {
            symbol: &product.id.0,
            instrument_type: InstrumentType::Crypto,
            base: &product.base_currency.0,
            quote: &product.quote_currency.0,
            tick_size: &product.quote_increment.0,
            lot_size: &product.base_increment.0,
            is_active: product.status.0 == "online" && !product.trading_disabled,
        };
        listing.read()
    };
    Ok(products.iter().map(listed).collect())
}
