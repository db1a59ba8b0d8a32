//! The venues of recorded sessions, and their protocols.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;
use tickbook::domain::excerpt;

use crate::binance::BinanceSpot;
use crate::coinbase::{CoinbaseAdvanced, CoinbaseExchange};
use crate::ctrader::CtraderReplay;
use crate::error::ProtocolError;
use crate::kraken::{Kraken, KrakenV1};
use crate::okx::Okx;
use crate::protocol::Protocol;
use crate::venue::InstrumentResult;
use crate::{binance, coinbase, kraken, okx};

/// A venue whose sessions can be replayed. The version of its protocol is found in the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecordedVenue {
    /// Binance spot. `binance`
    Binance,
    /// Coinbase Advanced Trade or Exchange. `coinbase`
    Coinbase,
    /// cTrader of any broker. `ctrader`
    Ctrader,
    /// Kraken, WebSocket 1 or 2. `kraken`
    Kraken,
    /// OKX, WebSocket 5. `okx`
    Okx,
}

/// The text is not the name of a venue. Holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown venue {0}: expected binance, coinbase, ctrader, kraken or okx")]
#[non_exhaustive]
pub struct UnknownRecordedVenue(pub String);

impl RecordedVenue {
    /// All venues.
    pub const ALL: &'static [Self] = &[
        Self::Binance,
        Self::Coinbase,
        Self::Ctrader,
        Self::Kraken,
        Self::Okx,
    ];

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Coinbase => "coinbase",
            Self::Ctrader => "ctrader",
            Self::Kraken => "kraken",
            Self::Okx => "okx",
        }
    }

    pub(super) fn instruments(self, body: &str) -> Result<Vec<InstrumentResult>, ProtocolError> {
        match self {
            Self::Binance => binance::instruments(body),
            Self::Coinbase => coinbase::instruments(body),
            // it answers no request over HTTP
            Self::Ctrader => Ok(Vec::new()),
            Self::Kraken => kraken::instruments(body),
            Self::Okx => okx::instruments(body),
        }
    }
}

impl FromStr for RecordedVenue {
    type Err = UnknownRecordedVenue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut venues = Self::ALL.iter();
        let venue = venues.find(|venue| venue.as_str() == text);
        venue
            .copied()
            .ok_or_else(|| UnknownRecordedVenue(excerpt(text)))
    }
}

impl fmt::Display for RecordedVenue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The protocol of a session.
#[derive(Debug)]
pub(super) enum Recorded {
    Binance(BinanceSpot),
    Ctrader(Box<CtraderReplay>),
    Other(Box<dyn Protocol>),
}

impl Recorded {
    /// The protocol of the first message, and its name.
    pub(super) fn of(venue: RecordedVenue, first: &str, depth: usize) -> (Self, &'static str) {
        // the messages of the newer protocols name their channel
        let has_channel = serde_json::from_str::<Value>(first).is_ok_and(|message| {
            message.get("channel").is_some() || message.get("method").is_some()
        });
        match venue {
            RecordedVenue::Binance => (Self::Binance(BinanceSpot::of_any_symbol()), "binance spot"),
            RecordedVenue::Ctrader => {
                let replay = Box::new(CtraderReplay::new());
                (Self::Ctrader(replay), "ctrader fix 4.4")
            }
            RecordedVenue::Okx => (Self::Other(Box::new(Okx::of_any_symbol())), "okx v5"),
            RecordedVenue::Kraken if has_channel => (
                Self::Other(Box::new(Kraken::of_any_symbol(depth))),
                "kraken v2",
            ),
            RecordedVenue::Kraken => (
                Self::Other(Box::new(KrakenV1::of_any_symbol(depth))),
                "kraken v1",
            ),
            RecordedVenue::Coinbase if has_channel => {
                let protocol = CoinbaseAdvanced::of_any_symbol();
                (Self::Other(Box::new(protocol)), "coinbase advanced")
            }
            RecordedVenue::Coinbase => {
                let protocol = CoinbaseExchange::of_any_symbol();
                (Self::Other(Box::new(protocol)), "coinbase exchange")
            }
        }
    }

    pub(super) fn protocol(&mut self) -> &mut dyn Protocol {
        match self {
            Self::Binance(protocol) => protocol,
            Self::Ctrader(protocol) => &mut **protocol,
            Self::Other(protocol) => &mut **protocol,
        }
    }
}

/// The depth that a message subscribes to, at any place of it.
pub(super) fn depth(message: &Value) -> Option<usize> {
    match message {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| match name.as_str() {
            "depth" => value.as_u64()?.try_into().ok(),
            _ => depth(value),
        }),
        Value::Array(items) => items.iter().find_map(depth),
        _ => None,
    }
}
