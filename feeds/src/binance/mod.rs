//! Binance spot: combined streams, and snapshots over HTTP.
//!
//! The book of a symbol begins with a snapshot over HTTP. Events that the snapshot includes are dropped. The
//! first other event has to contain the update after the snapshot, and each later event has to begin with the
//! update after the previous one.

mod bridge;
mod history;
mod instruments;
mod scanned;
mod spot;
mod venue;

pub use instruments::instruments;
pub use spot::BinanceSpot;
pub use venue::BinanceVenue;
