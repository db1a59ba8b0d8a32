//! The conformance suite: one function for each behaviour of the contract in
//! [`repository`](crate::repository).
//!
//! A backend passes a function that creates an empty store to
//! [`conformance_tests!`](crate::conformance_tests) and gets one named test per behaviour. A backend of a
//! single trait uses the macro of that trait: [`conformance_symbol_tests!`](crate::conformance_symbol_tests),
//! [`conformance_tick_tests!`](crate::conformance_tick_tests),
//! [`conformance_trade_tests!`](crate::conformance_trade_tests),
//! [`conformance_book_tests!`](crate::conformance_book_tests),
//! [`conformance_candle_tests!`](crate::conformance_candle_tests),
//! [`conformance_quarantine_tests!`](crate::conformance_quarantine_tests),
//! [`conformance_feed_tests!`](crate::conformance_feed_tests) or
//! [`conformance_instrument_tests!`](crate::conformance_instrument_tests). A behaviour panics if the store
//! violates it. Random behaviours print the seed that reproduces them.

// the name of a behaviour is its documentation
#[allow(missing_docs)]
pub mod books_at;
#[allow(missing_docs)]
pub mod books_deleting;
#[allow(missing_docs)]
pub mod books_intervals;
#[allow(missing_docs)]
pub mod books_reading;
mod books_samples;
#[allow(missing_docs)]
pub mod books_writing;
#[allow(missing_docs)]
pub mod candles;
#[allow(missing_docs)]
pub mod candles_closed;
#[allow(missing_docs)]
pub mod candles_deleting;
#[allow(missing_docs)]
pub mod candles_filled;
#[allow(missing_docs)]
pub mod candles_folded;
#[allow(missing_docs)]
pub mod candles_folded_stored;
#[allow(missing_docs)]
pub mod candles_of_trades;
#[allow(missing_docs)]
pub mod candles_paging;
#[allow(missing_docs)]
pub mod candles_restored;
#[allow(missing_docs)]
pub mod candles_rollup;
#[allow(missing_docs)]
pub mod candles_sides;
#[allow(missing_docs)]
pub mod candles_stored;
#[allow(missing_docs)]
pub mod candles_streams;
#[allow(missing_docs)]
pub mod candles_sums;
mod clock;
#[allow(missing_docs)]
pub mod exchange_sessions;
#[allow(missing_docs)]
pub mod exchanges;
#[allow(missing_docs)]
pub mod feed_symbols;
#[allow(missing_docs)]
pub mod feeds;
#[allow(missing_docs)]
pub mod instruments;
mod macros;
mod macros_books;
mod macros_candles;
mod macros_feeds;
mod macros_instruments;
#[allow(missing_docs)]
pub mod quarantine;
#[allow(missing_docs)]
pub mod quarantine_trades;
#[allow(missing_docs)]
pub mod reference_data;
mod samples;
#[allow(missing_docs)]
pub mod symbols_cases;
#[allow(missing_docs)]
pub mod symbols_changing;
#[allow(missing_docs)]
pub mod symbols_reading;
#[allow(missing_docs)]
pub mod symbols_writing;
#[allow(missing_docs)]
pub mod ticks_concurrent;
#[allow(missing_docs)]
pub mod ticks_deleting;
#[allow(missing_docs)]
pub mod ticks_floor;
#[allow(missing_docs)]
pub mod ticks_newest;
#[allow(missing_docs)]
pub mod ticks_reading;
#[allow(missing_docs)]
pub mod ticks_refused;
#[allow(missing_docs)]
pub mod ticks_sides;
#[allow(missing_docs)]
pub mod ticks_streams;
#[allow(missing_docs)]
pub mod ticks_unsequenced;
#[allow(missing_docs)]
pub mod ticks_writing;
#[allow(missing_docs)]
pub mod trades_corrections;
#[allow(missing_docs)]
pub mod trades_corrections_order;
#[allow(missing_docs)]
pub mod trades_deleting;
#[allow(missing_docs)]
pub mod trades_floor;
#[allow(missing_docs)]
pub mod trades_reading;
mod trades_samples;
#[allow(missing_docs)]
pub mod trades_unsequenced;
#[allow(missing_docs)]
pub mod trades_writing;
#[allow(missing_docs)]
pub mod wild_times;

use std::any::Any;

use chrono::{DateTime, Utc};

use crate::Repositories;
pub use clock::by_its_clock;

/// An empty store under test, and a guard that must live as long.
#[derive(Debug)]
pub struct Subject {
    // fields are dropped in this order: connections close before the guard removes their database
    repositories: Repositories,
    stands_at: Option<DateTime<Utc>>,
    _guard: Option<Box<dyn Any + Send>>,
}

impl Subject {
    /// A store without a guard.
    #[must_use]
    pub fn new(repositories: Repositories) -> Self {
        Self {
            repositories,
            stands_at: None,
            _guard: None,
        }
    }

    /// A store that owns `guard`, such as a schema that is removed after the test.
    #[must_use]
    pub fn guarded(repositories: Repositories, guard: impl Any + Send) -> Self {
        Self {
            repositories,
            stands_at: None,
            _guard: Some(Box::new(guard)),
        }
    }

    /// Declares that the clock of the store is fixed at `time`. The suite uses the same time.
    #[must_use]
    pub fn with_clock_at(mut self, time: DateTime<Utc>) -> Self {
        self.stands_at = Some(time);
        self
    }

    /// The store.
    #[must_use]
    pub fn repositories(&self) -> &Repositories {
        &self.repositories
    }
}

/// Generates one `#[tokio::test]` for every behaviour of the suite.
///
/// `fixture` is an `async fn() -> Subject` that creates an empty store. Each test calls it once. The caller's
/// crate needs tokio with the features `macros` and `rt-multi-thread`.
///
/// ```no_run
/// use tickbook::Repositories;
/// use tickbook::conformance::Subject;
///
/// async fn fixture() -> Subject {
///     Subject::new(Repositories::in_memory())
/// }
///
/// tickbook::conformance_tests!(fixture);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($fixture:ident) => {
        $crate::conformance_symbol_tests!($fixture);
        $crate::conformance_tick_tests!($fixture);
        $crate::conformance_trade_tests!($fixture);
        $crate::conformance_book_tests!($fixture);
        $crate::conformance_candle_tests!($fixture);
        $crate::conformance_quarantine_tests!($fixture);
        $crate::conformance_feed_tests!($fixture);
        $crate::conformance_instrument_tests!($fixture);
    };
    ($fixture:ident: $($file:ident { $($behaviour:ident)+ })+) => {
        $(mod $file {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let subject = super::$fixture().await;
                    let behaviour = $crate::conformance::$file::$behaviour(subject.repositories());
                    $crate::conformance::by_its_clock(&subject, behaviour).await;
                }
            )+
        })+
    };
}
