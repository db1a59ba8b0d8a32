//! Recorded messages of one venue and one type.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};

/// A protocol of recorded messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Venue {
    Binance,
    KrakenV1,
    KrakenV2,
    CoinbaseExchange,
    CoinbaseAdvanced,
    Okx,
}

/// A type of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Book,
    Trade,
    Quote,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) at: DateTime<Utc>,
    pub(crate) text: String,
}

/// The messages of a measurement.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) venue: Venue,
    pub(crate) kind: Kind,
    /// The symbols, as the venue names them.
    pub(crate) symbols: Vec<String>,
    /// Snapshots of the books, which are not measured.
    pub(crate) setup: Vec<Message>,
    /// Snapshots over HTTP by symbol, which are not measured.
    pub(crate) answers: BTreeMap<String, Message>,
    /// The messages that are measured, in the order of the session.
    pub(crate) messages: Vec<Message>,
}

impl Venue {
    pub(crate) const ALL: [Self; 6] = [
        Self::Binance,
        Self::KrakenV1,
        Self::KrakenV2,
        Self::CoinbaseExchange,
        Self::CoinbaseAdvanced,
        Self::Okx,
    ];

    /// The name of the venue in the folder of sessions.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::KrakenV1 | Self::KrakenV2 => "kraken",
            Self::CoinbaseExchange | Self::CoinbaseAdvanced => "coinbase",
            Self::Okx => "okx",
        }
    }
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Book, Self::Trade, Self::Quote];
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Binance => "Binance spot",
            Self::KrakenV1 => "Kraken v1",
            Self::KrakenV2 => "Kraken v2",
            Self::CoinbaseExchange => "Coinbase Exchange",
            Self::CoinbaseAdvanced => "Coinbase Advanced",
            Self::Okx => "OKX v5",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Book => "book update",
            Self::Trade => "trade",
            Self::Quote => "quote",
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.venue, self.kind)
    }
}
