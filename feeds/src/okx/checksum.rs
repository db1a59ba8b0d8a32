//! The checksum of OKX's books.

use std::fmt::Write as _;

use tickbook::domain::book::{BookNumber, BookSide, BookView};

/// The number of levels of each side.
const LEVELS: usize = 25;

/// The CRC-32 over the best 25 levels as a signed number: price and quantity of the best bid, of the best ask,
/// of the next bid and so on, without zeros at the end of fractions, separated by colons.
#[must_use]
pub fn checksum(view: BookView<'_>) -> i32 {
    let mut text = String::with_capacity(2 * LEVELS * 24);
    let precision = view.precision();
    let mut bids = view.side(BookSide::Bid).take(LEVELS);
    let mut asks = view.side(BookSide::Ask).take(LEVELS);
    for _ in 0..LEVELS {
        for level in [bids.next(), asks.next()].into_iter().flatten() {
            let price = BookNumber::new(level.price, precision.price_decimals);
            let quantity = BookNumber::new(level.quantity, precision.quantity_decimals);
            for number in [price, quantity].into_iter().flatten() {
                // writing to a string cannot fail
                let _ = write!(text, "{}:", number.normalized());
            }
        }
    }
    let text = text.strip_suffix(':').unwrap_or(&text);
    crc32fast::hash(text.as_bytes()).cast_signed()
}
