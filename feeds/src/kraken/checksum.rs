//! The checksum of Kraken's books.

use tickbook::domain::book::{BookSide, BookView, OrderBook, StaleReason};

use crate::books::{BookMessage, Fault, Outcome};
use crate::digits::Digits;
use crate::event::{FeedEvent, Request};
use crate::protocol::EventSink;

/// The number of levels of each side.
const LEVELS: usize = 10;

/// The CRC-32 over the best 10 asks and then the best 10 bids: for each level its price and its quantity,
/// without point and leading zeros.
#[must_use]
pub fn checksum(view: BookView<'_>) -> u32 {
    let mut digits = Digits::with_capacity(2 * LEVELS * 2 * 19);
    for side in [BookSide::Ask, BookSide::Bid] {
        for level in view.side(side).take(LEVELS) {
            for units in [level.price, level.quantity] {
                // zero has no digits besides leading zeros
                if units != 0 {
                    digits.integer(units);
                }
            }
        }
    }
    crc32fast::hash(digits.as_bytes())
}

/// A checksum of a message. One that exceeds 63 bits becomes another one that no book has.
pub(super) fn capped(checksum: u64) -> i64 {
    i64::try_from(checksum).unwrap_or(i64::MAX)
}

/// Applies a message, compares the checksums, and requests a snapshot if the book is stale. A damaged checksum may
/// exceed 32 bits.
pub(super) fn apply(message: &BookMessage<'_>, book: &mut OrderBook, sink: &mut EventSink<'_>) {
    let check = |view: BookView<'_>| -> Result<(), Fault> {
        let found = checksum(view);
        match message.checksum {
            Some(expected) if expected != i64::from(found) => {
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
