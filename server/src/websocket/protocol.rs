//! The WebSocket protocol: messages of clients and of the server.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tickbook::domain::book::MAX_STORED_LEVELS;
use tickbook::domain::{PriceBasis, SymbolId, Timeframe, excerpt};

use super::book_messages::{BookMessage, BookUpdateMessage, ResyncMessage};
use crate::problem::shortened;
use crate::wire::{CandleBody, TickBody, TimeText, TradeBody, TradeCorrectionBody};

/// Maximum number of symbols in a message, equal to the maximum of subscriptions of a connection.
pub(super) const SYMBOLS: usize = 1_000;

/// Maximum number of characters of an id.
const ID: usize = 64;

/// The number of levels of each side of a book for which a request names none.
const DEPTH: usize = 20;

/// A message of a client.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: Option<RequestId>,
    pub(super) ask: Ask,
}

/// A message that cannot be accepted.
#[derive(Debug)]
pub(super) struct RefusedRequest {
    pub(super) id: Option<RequestId>,
    pub(super) reason: String,
}

/// The id of a request: a string or a number, returned unchanged.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(super) struct RequestId(Box<RawValue>);

/// The request of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Subscribe(Subscription),
    Unsubscribe(Subscription),
    Ping,
}

/// Symbols and a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) channel: Channel,
    pub(super) symbols: Vec<SymbolId>,
}

/// The kind of data of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Ticks,
    Trades,
    /// Without a basis, each symbol has its default basis.
    Candles(Timeframe, Option<PriceBasis>),
    /// Order books with this number of levels of each side.
    Book(usize),
}

/// A message as received; unknown fields are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRequest {
    id: Option<Box<RawValue>>,
    op: String,
    channel: Option<String>,
    symbols: Option<Ids>,
    timeframe: Option<String>,
    basis: Option<String>,
    depth: Option<Box<RawValue>>,
}

/// Symbol ids; reading stops at the maximum.
struct Ids(Vec<i64>);

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(IdsVisitor)
    }
}

struct IdsVisitor;

impl<'de> Visitor<'de> for IdsVisitor {
    type Value = Ids;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of symbol ids")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Ids, A::Error> {
        let mut ids = Vec::new();
        while let Some(id) = array.next_element()? {
            if ids.len() == SYMBOLS {
                return Err(A::Error::custom(format_args!(
                    "symbols has more than {SYMBOLS} ids: send at most {SYMBOLS} in a message"
                )));
            }
            ids.push(id);
        }
        Ok(Ids(ids))
    }
}

/// The only field that is needed to answer an invalid message.
#[derive(Deserialize)]
struct OnlyId {
    id: Option<Box<RawValue>>,
}

impl Request {
    /// Parses a message.
    ///
    /// # Errors
    /// The message is invalid; the error names the problem and the remedy.
    pub(super) fn parse(text: &str) -> Result<Self, RefusedRequest> {
        if !text.trim_start().starts_with('{') {
            let reason = "invalid message (not a JSON object): expected {\"op\": \"subscribe\", …}";
            return Err(RefusedRequest {
                id: None,
                reason: reason.to_owned(),
            });
        }
        let raw: RawRequest = serde_json::from_str(text).map_err(|error| {
            let found = serde_json::from_str::<OnlyId>(text).ok();
            let error = shortened(&error.to_string());
            RefusedRequest {
                id: found.and_then(|found| RequestId::new(found.id?).ok()),
                reason: format!("invalid message ({error}): expected {{\"op\": \"subscribe\", …}}"),
            }
        })?;
        let id = raw.id.clone().map(RequestId::new).transpose();
        let id = id.map_err(|reason| RefusedRequest { id: None, reason })?;
        match raw.ask() {
            Ok(ask) => Ok(Self { id, ask }),
            Err(reason) => Err(RefusedRequest { id, reason }),
        }
    }
}

impl RequestId {
    fn new(raw: Box<RawValue>) -> Result<Self, String> {
        let text = raw.get();
        let length = match text.as_bytes() {
            [b'"', ..] => {
                let text = serde_json::from_str::<String>(text).unwrap_or_default();
                text.chars().count()
            }
            [b'-' | b'0'..=b'9', ..] => text.len(),
            _ => return Err("id has the wrong type: expected a string or a number".to_owned()),
        };
        if length > ID {
            return Err(format!("id has {length} characters: use at most {ID}"));
        }
        Ok(Self(raw))
    }
}

impl RawRequest {
    fn ask(self) -> Result<Ask, String> {
        match self.op.as_str() {
            "subscribe" => Ok(Ask::Subscribe(self.subscription()?)),
            "unsubscribe" => Ok(Ask::Unsubscribe(self.subscription()?)),
            "ping" => Ok(Ask::Ping),
            other => {
                let shown = excerpt(other);
                Err(format!(
                    "invalid op {shown}: expected subscribe, unsubscribe or ping"
                ))
            }
        }
    }

    fn subscription(self) -> Result<Subscription, String> {
        let ids = self.symbols.map_or(Vec::new(), |ids| ids.0);
        if ids.is_empty() {
            return Err("symbols is missing or empty: give ids, as in [1, 2]".to_owned());
        }
        if let Some(id) = ids.iter().find(|id| **id < 1) {
            return Err(format!(
                "symbols: invalid id {id}: expected positive integers"
            ));
        }
        let channel = match self.channel.as_deref() {
            Some(name @ ("ticks" | "trades" | "book"))
                if self.timeframe.is_some() || self.basis.is_some() =>
            {
                let have = if name == "book" { "has" } else { "have" };
                return Err(format!(
                    "{name} {have} neither timeframe nor basis: remove these fields"
                ));
            }
            Some(name @ ("ticks" | "trades" | "candles")) if self.depth.is_some() => {
                return Err(format!("{name} have no depth: remove this field"));
            }
            Some("book") => Channel::Book(depth(self.depth)?),
            Some("ticks") => Channel::Ticks,
            Some("trades") => Channel::Trades,
            Some("candles") => {
                let timeframe = self
                    .timeframe
                    .as_deref()
                    .map_or(Ok(Timeframe::M1), str::parse);
                let timeframe = timeframe.map_err(|error| format!("timeframe: {error}"))?;
                let basis = self.basis.as_deref().map(str::parse).transpose();
                let basis = basis.map_err(|error| format!("basis: {error}"))?;
                Channel::Candles(timeframe, basis)
            }
            Some(other) => {
                let shown = excerpt(other);
                return Err(format!(
                    "invalid channel {shown}: expected ticks, trades, candles or book"
                ));
            }
            None => return Err("channel is missing: use ticks, trades, candles or book".to_owned()),
        };
        Ok(Subscription {
            channel,
            symbols: ids.into_iter().map(SymbolId::new).collect(),
        })
    }
}

fn depth(given: Option<Box<RawValue>>) -> Result<usize, String> {
    let Some(given) = given else {
        return Ok(DEPTH);
    };
    let depth = given.get().parse().ok();
    let depth = depth.filter(|depth| (1..=MAX_STORED_LEVELS).contains(depth));
    depth.ok_or_else(|| {
        let shown = excerpt(given.get());
        format!("invalid depth {shown}: expected an integer from 1 to {MAX_STORED_LEVELS}")
    })
}

/// A message to a client.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Message {
    Subscribed(SubscriptionBody),
    Unsubscribed(SubscriptionBody),
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        reason: String,
    },
    Tick(TickBody),
    Trade(TradeBody),
    Correction(TradeCorrectionBody),
    Candle(CandleBody),
    Book(BookMessage),
    #[serde(rename = "book_update")]
    BookUpdate(BookUpdateMessage),
    Resync(ResyncMessage),
    Gap(GapBody),
    Heartbeat {
        time: TimeText,
    },
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
    },
}

/// The symbols and the channel of a request.
#[derive(Debug, Serialize)]
pub(super) struct SubscriptionBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<RequestId>,
    #[serde(flatten)]
    channel: ChannelBody,
    symbols: Vec<i64>,
}

/// Missed data, to be read from the REST interface: `from` is inclusive, `to` exclusive.
#[derive(Debug, Serialize)]
pub(super) struct GapBody {
    #[serde(flatten)]
    pub(super) channel: ChannelBody,
    pub(super) symbol_id: i64,
    pub(super) from: TimeText,
    pub(super) to: TimeText,
    /// Number of missed ticks or trades.
    pub(super) missed: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct ChannelBody {
    channel: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeframe: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<usize>,
}

impl From<Channel> for ChannelBody {
    fn from(channel: Channel) -> Self {
        let plain = |channel| Self {
            channel,
            timeframe: None,
            basis: None,
            depth: None,
        };
        match channel {
            Channel::Ticks => plain("ticks"),
            Channel::Trades => plain("trades"),
            Channel::Candles(timeframe, basis) => Self {
                timeframe: Some(timeframe.as_str()),
                basis: basis.map(PriceBasis::as_str),
                ..plain("candles")
            },
            Channel::Book(depth) => Self {
                depth: Some(depth),
                ..plain("book")
            },
        }
    }
}

impl SubscriptionBody {
    pub(super) fn new(id: Option<RequestId>, subscription: &Subscription) -> Self {
        Self::of_channel(id, subscription, subscription.channel)
    }

    pub(super) fn of_channel(
        id: Option<RequestId>,
        subscription: &Subscription,
        channel: Channel,
    ) -> Self {
        Self {
            id,
            channel: channel.into(),
            symbols: subscription.symbols.iter().map(|id| id.get()).collect(),
        }
    }
}

/// A message and its sequence number in the connection.
#[derive(Serialize)]
pub(super) struct Numbered<'a> {
    /// Counts 1, 2, 3 … through all messages of the connection.
    pub(super) seq: u64,
    #[serde(flatten)]
    pub(super) message: &'a Message,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a pong for a ping with `id`, or the refused ping.
    fn pong(id: &str) -> Result<String, RefusedRequest> {
        let request = Request::parse(&format!(r#"{{"op": "ping", "id": {id}}}"#))?;
        let message = &Message::Pong { id: request.id };
        Ok(serde_json::to_string(&Numbered { seq: 1, message }).expect("JSON"))
    }

    #[test]
    fn ids_are_returned_as_they_were_written() {
        let (text, digits) = (format!("\"{}\"", "x".repeat(ID)), "7".repeat(ID));
        for id in ["1.50", "1e3", "-0", "18446744073709551616", &digits, &text] {
            let expected = format!(r#"{{"seq":1,"type":"pong","id":{id}}}"#);
            assert_eq!(pong(id).expect("a valid id"), expected);
        }
    }

    #[test]
    fn invalid_ids_are_not_returned() {
        let (text, digits) = (format!("\"{}\"", "x".repeat(ID + 1)), "7".repeat(ID + 1));
        for id in [text.as_str(), &digits, "[1]", "{}", "true"] {
            let refused = pong(id).expect_err(id);
            assert!(refused.reason.starts_with("id "), "{}", refused.reason);
            assert!(refused.id.is_none(), "{id}");
            let unreadable = format!(r#"{{"op": "ping", "levels": 5, "id": {id}}}"#);
            let refused = Request::parse(&unreadable).expect_err(id);
            assert!(refused.reason.contains("levels"), "{}", refused.reason);
            assert!(refused.id.is_none(), "{id}");
        }
    }
}
