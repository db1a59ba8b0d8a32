//! OKX WebSocket 5.
//!
//! Books have a checksum over the digits of the best 25 levels of each side. Quantities of futures and swaps are
//! numbers of contracts.

mod checksum;
mod history;
mod instruments;
mod public;
mod scanned;
mod venue;

pub use checksum::checksum;
pub use instruments::instruments;
pub use public::Okx;
pub use venue::OkxVenue;
