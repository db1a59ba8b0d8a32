//! Coinbase: Advanced Trade ([`CoinbaseAdvanced`]) and Exchange ([`CoinbaseExchange`]).
//!
//! Advanced Trade numbers all messages of a connection, so each loss is detected and concerns every book of the
//! connection. The books of Exchange have neither numbers nor checksums.
//!
//! In both protocols the side of a trade is that of the maker; [`VenueTrade`](crate::VenueTrade) has the other
//! side, that of the taker.

mod advanced;
mod exchange;
mod history;
mod instruments;
mod scanned;
mod side;
mod venue;

pub use advanced::CoinbaseAdvanced;
pub use exchange::CoinbaseExchange;
pub use instruments::instruments;
pub use venue::CoinbaseVenue;
