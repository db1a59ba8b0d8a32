//! Kraken: WebSocket 2 ([`Kraken`]), and WebSocket 1 ([`KrakenV1`]) for recorded sessions.
//!
//! Both have the same checksum, over the digits of the best 10 levels of each side. Each pair has as many
//! digits after the point in every message. After a message the book is cut to the subscribed depth.

mod checksum;
mod history;
mod instruments;
mod v1;
mod v2;
mod venue;

pub use checksum::checksum;
pub use instruments::instruments;
pub use v1::KrakenV1;
pub use v2::Kraken;
pub use venue::KrakenVenue;
