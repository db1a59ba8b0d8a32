//! Connects to any [`Venue`](crate::Venue): WebSocket, HTTP, or a session over TCP, with TLS.
//!
//! [`Transport::run`] opens a connection, subscribes, and passes everything that arrives to the protocol of the
//! venue. It does what the protocol requests: it fetches the snapshot of a book, renews the subscription of one
//! book alone, or opens another connection. It sends pings, replaces a connection that is silent or reaches its
//! largest age, and keeps the limits of the venue. After a fault it waits for a time that doubles with each
//! fault ([`TransportSettings::backoff`]).
//!
//! The transport names no venue. Times of receipt come from a [`Clock`](tickbook::Clock), all other times from
//! tokio.
//!
//! # Examples
//! ```no_run
//! use std::ops::ControlFlow;
//!
//! use tickbook::Clock;
//! use tickbook_feeds::transport::{Receiver, Tls, Transport, TransportEvent};
//! use tickbook_feeds::{Channel, FeedEvent, Subscription, Venue};
//! # #[cfg(feature = "kraken")]
//! use tickbook_feeds::kraken::KrakenVenue;
//!
//! /// Prints ten trades.
//! struct TenTrades(usize);
//!
//! impl Receiver for TenTrades {
//!     fn event(&mut self, event: TransportEvent<'_>) {
//!         if let TransportEvent::Feed(FeedEvent::Trade(trade)) = event {
//!             println!("{} {} {}", trade.symbol, trade.price, trade.quantity);
//!             self.0 += 1;
//!         }
//!     }
//!
//!     async fn ready(&mut self) -> ControlFlow<()> {
//!         match self.0 {
//!             0..10 => ControlFlow::Continue(()),
//!             _ => ControlFlow::Break(()),
//!         }
//!     }
//! }
//!
//! # #[cfg(feature = "kraken")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let venue = KrakenVenue::new(Subscription::new(["BTC/USD"], [Channel::Trades]), None);
//! let mut venue: Box<dyn Venue> = Box::new(venue);
//! let transport = Transport::new(Tls::of_the_system()?, Clock::system());
//! transport.run(&mut venue, &mut TenTrades(0)).await;
//! # Ok(())
//! # }
//! ```

mod connect;
mod driver;
#[cfg(test)]
mod driver_tests;
mod event;
mod held;
mod http;
mod instruments;
mod rate;
mod renewal;
#[cfg(test)]
mod renewal_tests;
mod run;
mod seen;
mod settings;
#[cfg(all(test, feature = "binance"))]
mod snapshot_tests;
mod socket;
mod state;
#[cfg(all(test, feature = "ctrader"))]
mod stream_tests;
mod successor;
mod sync;

pub use connect::{ConnectError, Tls};
pub use event::{ConnectionEnd, EndReason, Receiver, TransportEvent};
pub use http::FetchError;
pub use instruments::ListingError;
#[cfg(feature = "ingest")]
pub(crate) use rate::RateLimiter;
pub use run::Transport;
pub use settings::TransportSettings;
