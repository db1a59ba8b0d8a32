//! The messages that a connection has received before it replaces another one.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::book::{
    BookNumber, BookPrecision, BookSide, BookView, LevelChange, LevelCounts,
};

use super::event::{Receiver, TransportEvent};
use crate::error::ProtocolError;
use crate::event::{Aggressor, BookChange, FeedEvent, TradeId, VenueQuote, VenueTrade};
use crate::protocol::Frame;
use crate::venue::Venue;

#[derive(Debug, Clone)]
enum HeldId {
    Number(i64),
    Text(String),
    Unknown,
}

/// An event without borrowed parts.
#[derive(Debug, Clone)]
enum HeldEvent {
    Sent {
        text: String,
        at: DateTime<Utc>,
    },
    Message {
        text: String,
        received_at: DateTime<Utc>,
    },
    Answer {
        address: String,
        body: String,
        received_at: DateTime<Utc>,
    },
    Trade {
        symbol: String,
        time: DateTime<Utc>,
        received_at: DateTime<Utc>,
        numbers: (Decimal, Decimal),
        aggressor: Aggressor,
        id: HeldId,
        merged: u32,
        is_replayed: bool,
    },
    Quote {
        symbol: String,
        time: DateTime<Utc>,
        received_at: DateTime<Utc>,
        sequence: Option<i64>,
        sides: [Option<(Decimal, Option<Decimal>)>; 2],
    },
    Refused(ProtocolError),
}

/// The last message of a book.
#[derive(Debug, Clone, Copy)]
struct LastChange {
    time: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
    sequence: Option<i64>,
    checksum: Option<i64>,
}

/// Holds the events of a connection that is prepared to replace another one. Of a book it holds the last message only.
#[derive(Debug, Default)]
pub(super) struct Held {
    events: Vec<HeldEvent>,
    books: BTreeMap<String, LastChange>,
}

impl HeldEvent {
    fn of(event: &TransportEvent<'_>) -> Option<Self> {
        Some(match event {
            TransportEvent::Sent { text, at } => Self::Sent {
                text: (*text).to_owned(),
                at: *at,
            },
            TransportEvent::Message(frame) => Self::Message {
                text: frame.text.to_owned(),
                received_at: frame.received_at,
            },
            TransportEvent::Answer { address, body } => Self::Answer {
                address: (*address).to_owned(),
                body: body.text.to_owned(),
                received_at: body.received_at,
            },
            TransportEvent::Feed(FeedEvent::Trade(trade)) => Self::Trade {
                symbol: trade.symbol.to_owned(),
                time: trade.time,
                received_at: trade.received_at,
                numbers: (trade.price, trade.quantity),
                aggressor: trade.aggressor,
                id: match trade.id {
                    TradeId::Number(number) => HeldId::Number(number),
                    TradeId::Text(text) => HeldId::Text(text.to_owned()),
                    TradeId::Unknown => HeldId::Unknown,
                },
                merged: trade.merged,
                is_replayed: trade.is_replayed,
            },
            TransportEvent::Feed(FeedEvent::Quote(quote)) => Self::Quote {
                symbol: quote.symbol.to_owned(),
                time: quote.time,
                received_at: quote.received_at,
                sequence: quote.sequence,
                sides: [quote.bid, quote.ask],
            },
            TransportEvent::Refused(error) => Self::Refused((*error).clone()),
            _ => return None,
        })
    }

    fn pass(&self, receiver: &mut impl Receiver) {
        receiver.event(match self {
            Self::Sent { text, at } => TransportEvent::Sent { text, at: *at },
            Self::Message { text, received_at } => {
                TransportEvent::Message(Frame::new(text, *received_at))
            }
            Self::Answer {
                address,
                body,
                received_at,
            } => TransportEvent::Answer {
                address,
                body: Frame::new(body, *received_at),
            },
            Self::Trade {
                symbol,
                time,
                received_at,
                numbers: (price, quantity),
                aggressor,
                id,
                merged,
                is_replayed,
            } => TransportEvent::Feed(FeedEvent::Trade(VenueTrade {
                symbol,
                time: *time,
                received_at: *received_at,
                price: *price,
                quantity: *quantity,
                aggressor: *aggressor,
                id: match id {
                    HeldId::Number(number) => TradeId::Number(*number),
                    HeldId::Text(text) => TradeId::Text(text),
                    HeldId::Unknown => TradeId::Unknown,
                },
                merged: *merged,
                is_replayed: *is_replayed,
            })),
            Self::Quote {
                symbol,
                time,
                received_at,
                sequence,
                sides: [bid, ask],
            } => TransportEvent::Feed(FeedEvent::Quote(VenueQuote {
                symbol,
                time: *time,
                received_at: *received_at,
                sequence: *sequence,
                bid: *bid,
                ask: *ask,
            })),
            Self::Refused(error) => TransportEvent::Refused(error),
        });
    }
}

impl Held {
    /// The number of the last message of each book.
    pub(super) fn sequences(&self) -> impl Iterator<Item = (&str, Option<i64>)> {
        let books = self.books.iter();
        books.map(|(symbol, change)| (symbol.as_str(), change.sequence))
    }

    /// Passes the events to `receiver`, and then the present books of `venue`.
    pub(super) fn pass(self, venue: &dyn Venue, receiver: &mut impl Receiver) {
        for event in &self.events {
            event.pass(receiver);
        }
        let protocol = venue.protocol();
        for (symbol, last) in &self.books {
            let book = protocol.book(symbol);
            let Some((book, view)) = book.and_then(|book| Some((book, book.view()?))) else {
                continue;
            };
            let [bids, asks] = [BookSide::Bid, BookSide::Ask].map(|side| levels(view, side));
            let change = BookChange {
                symbol,
                time: last.time,
                received_at: last.received_at,
                sequence: last.sequence,
                checksum: last.checksum,
                bids: &bids,
                asks: &asks,
                counts: LevelCounts::default(),
                book,
            };
            receiver.event(TransportEvent::Feed(FeedEvent::BookSnapshot(change)));
        }
    }
}

/// The levels of a side as a snapshot has them.
fn levels(view: BookView<'_>, side: BookSide) -> Vec<LevelChange> {
    let BookPrecision {
        price_decimals,
        quantity_decimals,
        ..
    } = view.precision();
    let change = |level: tickbook::domain::book::BookLevel| {
        let price = BookNumber::new(level.price, price_decimals)?;
        let quantity = BookNumber::new(level.quantity, quantity_decimals)?;
        Some(LevelChange::new(price, quantity))
    };
    view.side(side).filter_map(change).collect()
}

impl Receiver for Held {
    fn event(&mut self, event: TransportEvent<'_>) {
        if let TransportEvent::Feed(
            FeedEvent::BookSnapshot(change) | FeedEvent::BookUpdate(change),
        ) = &event
        {
            let last = LastChange {
                time: change.time,
                received_at: change.received_at,
                sequence: change.sequence,
                checksum: change.checksum,
            };
            match self.books.get_mut(change.symbol) {
                Some(book) => *book = last,
                None => {
                    self.books.insert(change.symbol.to_owned(), last);
                }
            }
        }
        self.events.extend(HeldEvent::of(&event));
    }

    async fn ready(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
