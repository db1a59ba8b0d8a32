//! Order books: the price levels of one symbol, as integers at the precision of the venue.
//!
//! [`OrderBook`] applies snapshots and updates of aggregated levels, and [`EntryBook`] applies entries that a
//! venue names by id. Both give their levels only while they are [`BookState::Valid`], as a [`BookView`].
//!
//! Numbers arrive as [`BookNumber`]: the digits of the message, as an integer. A book keeps as many decimal
//! places as the messages have. Arithmetic is checked: a number that does not fit makes the book stale and is
//! never rounded.
//!
//! [`BookSnapshot`], [`BookUpdate`] and [`BookInterval`] are the rows that an
//! [`OrderBookRepository`](crate::repository::OrderBookRepository) stores: levels as exact decimals, and the times
//! in which a book was valid.
//!
//! # Examples
//! ```
//! use tickbook::domain::book::{BookNumber, LevelChange, OrderBook};
//!
//! let level = |price: &str, quantity: &str| -> Result<_, Box<dyn std::error::Error>> {
//!     Ok(LevelChange::new(BookNumber::parse(price)?, BookNumber::parse(quantity)?))
//! };
//! let mut book = OrderBook::new();
//! book.load(&[level("0.3521", "672")?], &[level("0.3526", "3199")?])?;
//! book.update(&[level("0.3522", "10.5")?], &[])?;
//! let best = book.view().and_then(|view| view.best_bid()).expect("a valid book with bids");
//! assert_eq!(book.precision().price(best.price).to_string(), "0.3522");
//!
//! // quantity 0 removes a level
//! book.update(&[level("0.3522", "0")?, level("0.3521", "0.00")?], &[])?;
//! assert!(book.view().is_some_and(|view| view.best_bid().is_none()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod analysis;
mod entry_book;
mod error;
mod interval;
mod invalid_book;
mod key;
mod level;
mod level_changes;
mod level_counts;
mod levels;
#[cfg(test)]
mod model;
mod number;
mod order_book;
mod price_level;
mod snapshot;
mod state;
mod update;
mod view;

pub use analysis::Fill;
pub use entry_book::{EntryBook, EntryChange};
pub use error::BookError;
pub use interval::{BookInterval, EndReason, IntervalEnd, UnknownEndReason};
pub use invalid_book::{InvalidBook, MAX_LEVEL_CHANGES, MAX_SOURCE_CHARS, MAX_STORED_LEVELS};
pub use key::BookKey;
pub use level::{BookLevel, BookPrecision, BookSide, LevelChange};
pub use level_changes::level_changes;
pub use level_counts::LevelCounts;
pub use number::{BookNumber, BookNumberError, MAX_BOOK_DECIMALS};
pub use order_book::{MAX_BOOK_LEVELS, OrderBook};
pub use price_level::PriceLevel;
pub(crate) use snapshot::check_depth;
pub use snapshot::{BookSnapshot, BookSnapshotContent};
pub use state::{BookState, StaleReason};
pub use update::{BookUpdate, BookUpdateContent};
pub use view::BookView;
