//! The messages of a connection.

use serde::{Deserialize, Serialize};
use tickbook::domain::{PriceBasis, SymbolId, Timeframe};

use crate::wire::{CandleBody, TickBody, TimeText};

/// What a client may ask for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    Subscribe(Subscription),
    Unsubscribe(Subscription),
    Ping,
}

/// Some symbols of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) channel: Channel,
    pub(super) symbols: Vec<SymbolId>,
}

/// What there is of each symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Ticks,
    Candles(Timeframe, PriceBasis),
}

/// A message as it comes; a field that is not listed is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRequest {
    op: String,
    channel: Option<String>,
    symbols: Option<Vec<i64>>,
    timeframe: Option<String>,
    basis: Option<String>,
}

impl Request {
    /// Reads a message.
    ///
    /// # Errors
    /// What is wrong with it and what to do.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let raw: RawRequest = serde_json::from_str(text).map_err(|error| {
            format!("the message is no request ({error}): send {{\"op\": \"subscribe\", …}}")
        })?;
        match raw.op.as_str() {
            "subscribe" => Ok(Self::Subscribe(raw.subscription()?)),
            "unsubscribe" => Ok(Self::Unsubscribe(raw.subscription()?)),
            "ping" => Ok(Self::Ping),
            other => {
                let shown: String = other.chars().take(40).collect();
                Err(format!(
                    "{shown:?} is no op: use subscribe, unsubscribe or ping"
                ))
            }
        }
    }
}

impl RawRequest {
    fn subscription(self) -> Result<Subscription, String> {
        let ids = self.symbols.unwrap_or_default();
        if ids.is_empty() {
            return Err("symbols is missing or empty: give ids, as in [1, 2]".to_owned());
        }
        if let Some(id) = ids.iter().find(|id| **id < 1) {
            return Err(format!(
                "symbols: {id} is no symbol id: use positive whole numbers"
            ));
        }
        let channel = match self.channel.as_deref() {
            Some("ticks") if self.timeframe.is_some() || self.basis.is_some() => {
                return Err("ticks have neither timeframe nor basis: leave them out".to_owned());
            }
            Some("ticks") => Channel::Ticks,
            Some("candles") => {
                let timeframe = self
                    .timeframe
                    .as_deref()
                    .map_or(Ok(Timeframe::M1), str::parse);
                let timeframe = timeframe.map_err(|error| format!("timeframe: {error}"))?;
                let basis = self
                    .basis
                    .as_deref()
                    .map_or(Ok(PriceBasis::Bid), str::parse);
                let basis = basis.map_err(|error| format!("basis: {error}"))?;
                Channel::Candles(timeframe, basis)
            }
            Some(other) => {
                let shown: String = other.chars().take(40).collect();
                return Err(format!("{shown:?} is no channel: use ticks or candles"));
            }
            None => return Err("channel is missing: use ticks or candles".to_owned()),
        };
        Ok(Subscription {
            channel,
            symbols: ids.into_iter().map(SymbolId::new).collect(),
        })
    }
}

/// What a client gets.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Message {
    Subscribed(SubscriptionBody),
    Unsubscribed(SubscriptionBody),
    Error { reason: String },
    Tick(TickBody),
    Candle(CandleBody),
    Gap(GapBody),
    Heartbeat { time: TimeText },
    Pong,
}

/// The symbols and the channel that a request was about.
#[derive(Debug, Serialize)]
pub(super) struct SubscriptionBody {
    #[serde(flatten)]
    channel: ChannelBody,
    symbols: Vec<i64>,
}

/// What a client missed: to be read again with the REST interface, `from` inside, `to` outside.
#[derive(Debug, Serialize)]
pub(super) struct GapBody {
    #[serde(flatten)]
    pub(super) channel: ChannelBody,
    pub(super) symbol_id: i64,
    pub(super) from: TimeText,
    pub(super) to: TimeText,
    /// How many ticks.
    pub(super) missed: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct ChannelBody {
    channel: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeframe: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<&'static str>,
}

impl From<Channel> for ChannelBody {
    fn from(channel: Channel) -> Self {
        let (channel, timeframe, basis) = match channel {
            Channel::Ticks => ("ticks", None, None),
            Channel::Candles(timeframe, basis) => {
                ("candles", Some(timeframe.as_str()), Some(basis.as_str()))
            }
        };
        Self {
            channel,
            timeframe,
            basis,
        }
    }
}

impl From<&Subscription> for SubscriptionBody {
    fn from(subscription: &Subscription) -> Self {
        Self {
            channel: subscription.channel.into(),
            symbols: subscription.symbols.iter().map(|id| id.get()).collect(),
        }
    }
}

/// A message and its place in the connection.
#[derive(Serialize)]
pub(super) struct Numbered<'a> {
    /// Counts 1, 2, 3 … through all messages of the connection.
    pub(super) seq: u64,
    #[serde(flatten)]
    pub(super) message: &'a Message,
}
