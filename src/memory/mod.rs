//! In-memory repositories over ordered maps: a readable reference implementation of the contract.
//!
//! The data is lost when the process ends. Use these repositories in tests and to try out a server. They
//! also document the contract.

mod events;
mod feed;
mod ohlc;
mod order_book;
mod quarantine;
mod stored_candles;
mod symbol;
mod tick;
mod trade;
mod trade_corrections;
mod versions;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use feed::InMemoryFeedRepository;
pub use ohlc::InMemoryOhlcRepository;
pub use order_book::InMemoryOrderBookRepository;
pub use quarantine::InMemoryQuarantineRepository;
pub use symbol::InMemorySymbolRepository;
pub use tick::InMemoryTickRepository;
pub use trade::InMemoryTradeRepository;

/// Locks for reading. Writers change a store in one step that cannot panic halfway, so a store is consistent
/// even if its lock is poisoned.
fn read<T>(store: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    store.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing; see [`read`].
fn write<T>(store: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    store.write().unwrap_or_else(PoisonError::into_inner)
}
