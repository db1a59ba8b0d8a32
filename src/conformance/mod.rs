//! What every backend does, as tests: one plain function for each behaviour of the contract in
//! [`repository`](crate::repository).
//!
//! Whoever writes a backend gives [`conformance_tests!`](crate::conformance_tests) a function that
//! makes an empty store, and gets one named test for each behaviour. A behaviour panics when the
//! store does otherwise. What is random prints the seed that repeats it.

// the name of a behaviour is its documentation
#[allow(missing_docs)]
pub mod candles;
#[allow(missing_docs)]
pub mod candles_closed;
#[allow(missing_docs)]
pub mod candles_filled;
#[allow(missing_docs)]
pub mod candles_paging;
#[allow(missing_docs)]
pub mod candles_parts;
#[allow(missing_docs)]
pub mod candles_stored;
#[allow(missing_docs)]
pub mod candles_sums;
#[allow(missing_docs)]
pub mod feed_symbols;
#[allow(missing_docs)]
pub mod quarantine;
mod samples;
mod stamp;
#[allow(missing_docs)]
pub mod streams;
#[allow(missing_docs)]
pub mod symbols_reading;
#[allow(missing_docs)]
pub mod symbols_writing;
#[allow(missing_docs)]
pub mod ticks_concurrent;
#[allow(missing_docs)]
pub mod ticks_floor;
#[allow(missing_docs)]
pub mod ticks_newest;
#[allow(missing_docs)]
pub mod ticks_reading;
#[allow(missing_docs)]
pub mod ticks_refused;
#[allow(missing_docs)]
pub mod ticks_writing;

use std::any::Any;

use crate::Repositories;

/// An empty store, and what must live as long as it does.
#[derive(Debug)]
pub struct Subject {
    // dropped in this order: connections close before what they lead to is removed
    repositories: Repositories,
    _guard: Option<Box<dyn Any + Send>>,
}

impl Subject {
    /// A store that needs nothing else.
    #[must_use]
    pub fn new(repositories: Repositories) -> Self {
        Self {
            repositories,
            _guard: None,
        }
    }

    /// A store that lives as long as `guard`, such as a schema that is removed after the test.
    #[must_use]
    pub fn guarded(repositories: Repositories, guard: impl Any + Send) -> Self {
        Self {
            repositories,
            _guard: Some(Box::new(guard)),
        }
    }

    /// The store.
    #[must_use]
    pub fn repositories(&self) -> &Repositories {
        &self.repositories
    }
}
