//! Messages to WebSocket clients.

use serde::Serialize;
use tickbook::domain::PriceBasis;

use super::book_messages::{BookMessage, BookUpdateMessage, ResyncMessage};
use super::order_messages::{OrderEventMessage, OrdersGapMessage, OrdersMessage};
use super::protocol::{Channel, RequestId, Subscription, Symbols};
use crate::access::Granted;
use crate::wire::{CandleBody, TickBody, TimeText, TradeBody, TradeCorrectionBody};

/// A message to a client. It is sent with the field `seq`, which counts 1, 2, 3 … through all messages of the connection.
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
    Tick(StreamedBody<TickBody>),
    Trade(StreamedBody<TradeBody>),
    Correction(TradeCorrectionBody),
    Candle(CandleMessage),
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
    #[serde(rename = "gap")]
    Restarted(RestartedMessage),
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
    #[serde(skip_serializing_if = "Option::is_none")]
    symbols: Option<SymbolsBody>,
    #[serde(flatten)]
    begins: Option<PositionBody>,
}

/// Ids, or the text `all`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum SymbolsBody {
    Ids(Vec<i64>),
    All(&'static str),
}

/// Where a subscription to ticks or trades begins: after the record of this number.
#[derive(Debug, Serialize)]
pub(super) struct PositionBody {
    pub(super) epoch: String,
    pub(super) number: u64,
}

/// A tick or a trade.
#[derive(Debug, Serialize)]
pub(super) struct StreamedBody<B> {
    #[serde(flatten)]
    pub(super) body: B,
    /// Its number among all published ones; `None` for one that was read from the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<u64>,
    /// The newest one at the start of the subscription.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) snapshot: bool,
}

/// A candle.
#[derive(Debug, Serialize)]
pub(super) struct CandleMessage {
    #[serde(flatten)]
    pub(super) body: CandleBody,
    /// The newest one at the start of the subscription.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) snapshot: bool,
}

/// A client continues after a record of another run of the server: anything since then may be missing.
#[derive(Debug, Serialize)]
pub(super) struct RestartedMessage {
    #[serde(flatten)]
    channel: ChannelBody,
    symbol_id: Option<i64>,
    from: Option<TimeText>,
    to: Option<TimeText>,
    missed: Option<u64>,
    reason: &'static str,
}

impl RestartedMessage {
    pub(super) fn new(channel: Channel) -> Self {
        Self {
            channel: channel.into(),
            symbol_id: None,
            from: None,
            to: None,
            missed: None,
            reason: "restarted",
        }
    }
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
        let ids = subscription.symbols.ids().iter().map(|id| id.get());
        let symbols = match &subscription.symbols {
            Symbols::All => Some(SymbolsBody::All("all")),
            Symbols::Ids(ids) if ids.is_empty() => None,
            _ => Some(SymbolsBody::Ids(ids.collect())),
        };
        Self {
            id,
            channel: channel.into(),
            symbols,
            begins: None,
        }
    }

    pub(super) fn beginning_after(mut self, position: PositionBody) -> Self {
        self.begins = Some(position);
        self
    }
}
