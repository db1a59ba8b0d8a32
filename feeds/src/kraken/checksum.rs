//! The checksum of Kraken's books.

use std::fmt::Write as _;

use tickbook::domain::book::{BookSide, BookView, OrderBook, StaleReason};

use crate::books::{BookMessage, Fault, Outcome};
use crate::event::{FeedEvent, Request};
use crate::protocol::EventSink;

/// The number of levels of each side.
const LEVELS: usize = 10;

/// The CRC-32 over the best 10 asks and then the best 10 bids: for each level its price and its quantity,
/// without point and leading zeros.
#[must_use]
pub fn checksum(view: BookView<'_>) -> u32 {
    let mut text = String::with_capacity(2 * LEVELS * 2 * 19);
    for side in [BookSide::Ask, BookSide::Bid] {
        for level in view.side(side).take(LEVELS) {
            for units in [level.price, level.quantity] {
                // zero has no digits besides leading zeros
                if units != 0 {
                    // writing to a string cannot fail
                    let _ = write!(text, "{units}");
                }
            }
        }
    }
    crc32fast::hash(text.as_bytes())
}

/// Applies a message, compares the checksums, and requests a snapshot if the book is stale. A damaged checksum may
/// exceed 32 bits.
pub(super) fn apply(
    message: &BookMessage<'_>,
    expected: Option<u64>,
    book: &mut OrderBook,
    sink: &mut EventSink<'_>,
) {
    let check = |view: BookView<'_>| -> Result<(), Fault> {
        let found = checksum(view);
        match expected {
            Some(expected) if expected != u64::from(found) => {
                let detail = format!("checksum {found}, the venue has {expected}");
                Err((StaleReason::Checksum, detail))
            }
            _ => Ok(()),
        }
    };
    if message.apply(book, check, sink) == Outcome::Stale {
        let symbol = message.symbol;
        sink(FeedEvent::Request(Request::Resubscribe { symbol }));
    }
}
