//! The checksum of OKX's books.

use tickbook::domain::book::{BookSide, BookView};

use crate::digits::Digits;

/// The number of levels of each side.
const LEVELS: usize = 25;

/// The CRC-32 over the best 25 levels as a signed number: price and quantity of the best bid, of the best ask,
/// of the next bid and so on, without zeros at the end of fractions, separated by colons.
#[must_use]
pub fn checksum(view: BookView<'_>) -> i32 {
    let mut digits = Digits::with_capacity(2 * LEVELS * 24);
    let precision = view.precision();
    let mut bids = view.side(BookSide::Bid).take(LEVELS);
    let mut asks = view.side(BookSide::Ask).take(LEVELS);
    for _ in 0..LEVELS {
        for level in [bids.next(), asks.next()].into_iter().flatten() {
            digits.number(level.price, precision.price_decimals);
            digits.separator(b':');
            digits.number(level.quantity, precision.quantity_decimals);
            digits.separator(b':');
        }
    }
    let text = digits.as_bytes();
    let text = text.strip_suffix(b":").unwrap_or(text);
    crc32fast::hash(text).cast_signed()
}
