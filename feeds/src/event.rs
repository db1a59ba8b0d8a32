//! Events that protocols report.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::book::{LevelChange, LevelCounts, OrderBook, StaleReason};

use crate::instrument::{ListedInstrument, RefusedInstrument};

/// An event of a feed. It borrows from the frame and from the protocol; symbols have the names of the venue.
#[derive(Debug)]
#[non_exhaustive]
pub enum FeedEvent<'a> {
    /// A snapshot was loaded; the book is valid.
    BookSnapshot(BookChange<'a>),
    /// An update was applied to a valid book, which is still valid.
    BookUpdate(BookChange<'a>),
    /// A book is stale, or a snapshot was refused.
    BookStale(StaleBook<'a>),
    /// A trade.
    Trade(VenueTrade<'a>),
    /// The best prices.
    Quote(VenueQuote<'a>),
    /// An instrument that the venue lists.
    Instrument(ListedInstrument),
    /// An instrument that cannot be used.
    InstrumentRefused(RefusedInstrument),
    /// The instruments since the last of these events are all instruments of the venue.
    InstrumentsListed,
    /// The protocol needs an action of the transport.
    Request(Request<'a>),
    /// The session lost messages, which may have been about any symbol. Books that they concern are reported as stale.
    MessagesLost(LostMessages<'a>),
    /// Something that the session counts, by its name in metrics.
    Counted(&'static str),
}

/// Messages that do not come any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostMessages<'a> {
    /// Their number, as far as it is known; at least 1.
    pub count: u64,
    /// The time when the loss was noticed.
    pub noticed_at: DateTime<Utc>,
    /// Why they do not come.
    pub detail: &'a str,
}

/// A message that was applied to a book.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct BookChange<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// The time of the message at the venue; `None` if it states none.
    pub time: Option<DateTime<Utc>>,
    /// The time of receipt.
    pub received_at: DateTime<Utc>,
    /// The number of the message or of its last update, if the venue numbers them.
    pub sequence: Option<i64>,
    /// The checksum in the message, if it has one. It equals that of the book.
    pub checksum: Option<i64>,
    /// The bids of the message.
    pub bids: &'a [LevelChange],
    /// The asks of the message.
    pub asks: &'a [LevelChange],
    /// The numbers of changed levels; all 0 for a snapshot.
    pub counts: LevelCounts,
    /// The valid book after the message.
    pub book: &'a OrderBook,
}

/// A book that must not be used until its next snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StaleBook<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// The reason.
    pub reason: StaleReason,
    /// The values that were compared, or the error.
    pub detail: &'a str,
}

/// An action that the protocol needs from the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Request<'a> {
    /// Fetch the snapshot of the symbol over HTTP, and pass it to the protocol.
    FetchSnapshot {
        /// The symbol.
        symbol: &'a str,
    },
    /// Unsubscribe from the book of the symbol and subscribe again, which makes the venue send a snapshot.
    Resubscribe {
        /// The symbol.
        symbol: &'a str,
    },
    /// Close the connection and open another one.
    Reconnect,
    /// Open another connection: the venue will close this one soon.
    Renew,
}

/// The side that takes, which is the side of the order that caused the trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aggressor {
    /// A buyer took an ask.
    Buy,
    /// A seller took a bid.
    Sell,
}

impl Aggressor {
    /// The name: `buy` or `sell`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// The venue's id of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TradeId<'a> {
    /// A number.
    Number(i64),
    /// A text that is not a number of 64 bits.
    Text(&'a str),
    /// The venue gives no id; only their order in the feed distinguishes equal trades.
    Unknown,
}

/// A trade as the venue reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VenueTrade<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// The time of the trade, in whole microseconds.
    pub time: DateTime<Utc>,
    /// The time of receipt.
    pub received_at: DateTime<Utc>,
    /// The price.
    pub price: Decimal,
    /// The quantity, in units of the instrument: contracts for futures of OKX.
    pub quantity: Decimal,
    /// The side that took.
    pub aggressor: Aggressor,
    /// The id.
    pub id: TradeId<'a>,
    /// The number of trades that the venue reports as one, with the id of the last of them. At least 1.
    pub merged: u32,
    /// Whether the venue sent a trade from before the subscription. It may have been reported before.
    pub is_replayed: bool,
}

/// Best prices as the venue reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VenueQuote<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// The time at the venue in whole microseconds, or the time of receipt if the venue states none.
    pub time: DateTime<Utc>,
    /// The time of receipt.
    pub received_at: DateTime<Utc>,
    /// The number of the update, if the venue numbers them.
    pub sequence: Option<i64>,
    /// The best bid and its quantity, if the venue states it. `None` without bids.
    pub bid: Option<(Decimal, Option<Decimal>)>,
    /// The best ask and its quantity, if the venue states it. `None` without asks.
    pub ask: Option<(Decimal, Option<Decimal>)>,
}
