//! The repositories over ordered maps: the readable reference of what every backend does.
//!
//! Nothing survives the process. For tests, for trying a server out, and for reading.

mod ohlc;
mod quarantine;
mod stored_candles;
mod symbol;
mod tick;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use ohlc::InMemoryOhlcRepository;
pub use quarantine::InMemoryQuarantineRepository;
pub use symbol::InMemorySymbolRepository;
pub use tick::InMemoryTickRepository;

/// Locks for reading. Writers change a store in one step that cannot panic half-way, so that a
/// store is whole even where a lock is poisoned.
fn read<T>(store: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    store.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing; see [`read`].
fn write<T>(store: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    store.write().unwrap_or_else(PoisonError::into_inner)
}
