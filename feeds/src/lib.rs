//! Protocols of trading venues: order books, trades, quotes and instruments.
//!
//! A [`Protocol`] is a state machine without socket, clock or runtime. The transport passes it the frames that
//! it receives and the time of receipt. The protocol applies them to its books, and passes [`FeedEvent`]s to a
//! function: valid books, stale books, trades, quotes, instruments, and [`Request`]s for the transport.
//!
//! | module | venue | loss is detected by |
//! | --- | --- | --- |
//! | `binance` | Binance spot | update numbers of each symbol |
//! | `coinbase` | Coinbase Exchange, Coinbase Advanced | no means; message numbers of the connection |
//! | `ctrader` | cTrader of any broker, over FIX 4.4 | message numbers of the connection |
//! | `kraken` | Kraken WebSocket 1 and 2 | checksum of the best 10 levels |
//! | `okx` | OKX WebSocket 5 | checksum of the best 25 levels, update numbers of each symbol |
//!
//! A [`Venue`] is a protocol with its addresses, messages and limits. The module `transport` (feature
//! `transport`) connects to any venue.
//!
//! The module `feed` (feature `ingest`) makes venues feeds of the library.
//! The module `session` (feature `replay`) reads recorded sessions.
//!
//! A checksum of the best levels does not detect every lost change of the other levels. Each venue has a cargo
//! feature of its name; all are on by default.
//!
//! Prices and quantities are read from the digits of the message, never through floating-point numbers.
#![cfg_attr(
    feature = "kraken",
    doc = r##"
# Examples
```
use tickbook_feeds::kraken::Kraken;
use tickbook_feeds::{FeedEvent, Frame, Protocol};
# use chrono::DateTime;

let mut kraken = Kraken::new(["BTC/USD"], 10);
kraken.opened();
let text = r#"{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD",
    "bids":[{"price":45283.5,"qty":0.10000000}],"asks":[{"price":45285.2,"qty":0.00100000}],
    "checksum":2383917627,"timestamp":"2024-10-03T10:00:00.000000Z"}]}"#;
let received_at = DateTime::from_timestamp_micros(1_727_949_600_000_000).expect("a time");
let mut books = Vec::new();
kraken.receive(Frame::new(text, received_at), &mut |event| {
    if let FeedEvent::BookSnapshot(change) = event {
        books.push(change.symbol.to_owned());
    }
})?;
assert_eq!(books, ["BTC/USD"]);
# Ok::<(), tickbook_feeds::ProtocolError>(())
```
"##
)]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg(feature = "binance")]
pub mod binance;
#[cfg_attr(
    not(all(
        feature = "binance",
        feature = "coinbase",
        feature = "kraken",
        feature = "okx"
    )),
    allow(dead_code, reason = "no venue uses all of it")
)]
mod books;
#[cfg(feature = "coinbase")]
pub mod coinbase;
#[cfg(feature = "ctrader")]
pub mod ctrader;
#[cfg(any(feature = "kraken", feature = "okx"))]
#[cfg_attr(
    not(all(feature = "kraken", feature = "okx")),
    allow(dead_code, reason = "no venue uses all of it")
)]
mod digits;
mod error;
mod event;
#[cfg(feature = "ingest")]
pub mod feed;
#[cfg(feature = "fix")]
pub mod fix;
#[cfg(test)]
mod fuzz;
mod history;
#[cfg_attr(
    not(all(
        feature = "binance",
        feature = "coinbase",
        feature = "kraken",
        feature = "okx"
    )),
    allow(dead_code, reason = "no venue uses all of it")
)]
mod instrument;
#[cfg(feature = "kraken")]
pub mod kraken;
#[cfg(feature = "okx")]
pub mod okx;
mod protocol;
#[cfg_attr(
    not(all(
        feature = "binance",
        feature = "coinbase",
        feature = "kraken",
        feature = "okx"
    )),
    allow(dead_code, reason = "no venue uses all of it")
)]
mod scan;
#[cfg(feature = "replay")]
pub mod session;
mod stream;
mod subscription;
#[cfg(all(test, feature = "transport"))]
mod test_venue;
#[cfg(feature = "transport")]
pub mod transport;
mod venue;
mod venues;
#[cfg_attr(
    not(all(
        feature = "binance",
        feature = "coinbase",
        feature = "kraken",
        feature = "okx"
    )),
    allow(dead_code, reason = "no venue uses all of it")
)]
mod wire;

pub use error::ProtocolError;
pub use event::{
    Aggressor, BookChange, FeedEvent, LostMessages, Request, StaleBook, TradeId, VenueQuote,
    VenueTrade,
};
pub use history::{HistoryOrder, HistoryPage, HistoryRequest, ReadHistory, TradeHistory};
pub use instrument::{ListedInstrument, RefusedInstrument};
pub use protocol::{EventSink, Frame, Protocol};
pub use stream::{StreamEnd, StreamEvent, StreamSession, StreamSink};
pub use subscription::{Channel, Subscription, UnknownChannel};
pub use venue::{Endpoints, InstrumentResult, InstrumentSource, Limits, Rate, Venue};
pub use venues::{UnknownVenue, UnusableVenue, VenueName};
