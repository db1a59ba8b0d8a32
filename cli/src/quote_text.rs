//! Formats prices and volumes of ticks for people.

use rust_decimal::Decimal;

/// `none` if the side is absent.
pub(crate) fn price_text(price: Option<Decimal>) -> String {
    price.map_or_else(|| "none".to_owned(), |price| price.to_string())
}

/// `unknown` if the volume is unknown.
pub(crate) fn volume_text(volume: Option<Decimal>) -> String {
    volume.map_or_else(|| "unknown".to_owned(), |volume| volume.to_string())
}
