//! Messages to WebSocket clients.

use serde::Serialize;
use tickbook::domain::PriceBasis;

use super::book_messages::{BookMessage, BookUpdateMessage, ResyncMessage};
use super::order_messages::{OrderEventMessage, OrdersGapMessage, OrdersMessage};
use super::protocol::{Channel, RequestId, Subscription};
use crate::access::Granted;
use crate::wire::{CandleBody, TickBody, TimeText, TradeBody, TradeCorrectionBody};

/// A message to a client.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Message {
    Authenticated(AuthenticatedBody),
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
    Orders(OrdersMessage),
    #[serde(rename = "order_event")]
    OrderEvent(Box<OrderEventMessage>),
    Gap(GapBody),
    #[serde(rename = "gap")]
    OrdersGap(OrdersGapMessage),
    Heartbeat {
        time: TimeText,
    },
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
    },
}

/// What the token of a client allows.
#[derive(Debug, Serialize)]
pub(super) struct AuthenticatedBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<RequestId>,
    /// The name of the token; null if the server has no tokens.
    name: Option<String>,
    expires_at: Option<TimeText>,
}

impl AuthenticatedBody {
    pub(super) fn new(id: Option<RequestId>, granted: Granted) -> Self {
        Self {
            id,
            expires_at: granted.as_ref().and_then(|it| it.expires_at).map(TimeText),
            name: granted.map(|it| it.name),
        }
    }
}

/// The symbols and the channel of a request.
#[derive(Debug, Serialize)]
pub(super) struct SubscriptionBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<RequestId>,
    #[serde(flatten)]
    channel: ChannelBody,
    #[serde(skip_serializing_if = "Vec::is_empty")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<i64>,
}

impl From<Channel> for ChannelBody {
    fn from(channel: Channel) -> Self {
        let plain = |channel| Self {
            channel,
            timeframe: None,
            basis: None,
            depth: None,
            account: None,
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
            Channel::Orders(account_id) => Self {
                account: Some(account_id.get()),
                ..plain("orders")
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
