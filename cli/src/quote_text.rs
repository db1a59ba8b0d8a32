//! Prices and volumes of ticks in lines for people.

use rust_decimal::Decimal;

/// `none` where the side is absent.
pub(crate) fn price_text(price: Option<Decimal>) -> String {
    price.map_or_else(|| "none".to_owned(), |price| price.to_string())
}

/// `unknown` where nothing says it.
pub(crate) fn volume_text(volume: Option<Decimal>) -> String {
    volume.map_or_else(|| "unknown".to_owned(), |volume| volume.to_string())
}
