//! OKX as a venue of the transport.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Okx, history, instruments};
use crate::history::{HistoryOrder, TradeHistory};
use crate::protocol::Protocol;
use crate::subscription::{Channel, Subscription};
use crate::venue::{Endpoints, InstrumentSource, Limits, Rate, Venue};

/// Channels in one message, which may have 64 KiB.
const CHANNELS: usize = 100;

/// OKX, WebSocket 5: market data without a key. A book has 400 levels on each side. Instruments are those of the
/// spot market.
#[derive(Debug)]
pub struct OkxVenue {
    protocol: Okx,
    subscription: Subscription,
    endpoints: Endpoints,
}

impl OkxVenue {
    /// Connects to `endpoints`; `None` are the public ones.
    #[must_use]
    pub fn new(subscription: Subscription, endpoints: Option<Endpoints>) -> Self {
        Self {
            protocol: Okx::new(subscription.symbols.iter()),
            subscription,
            endpoints: endpoints
                .unwrap_or_else(|| Endpoints::new("wss://ws.okx.com:8443", "https://www.okx.com")),
        }
    }
}

fn request(operation: &str, channels: &[Value]) -> String {
    json!({"op": operation, "args": channels}).to_string()
}

fn channel(name: &str, symbol: &str) -> Value {
    json!({"channel": name, "instId": symbol})
}

impl Venue for OkxVenue {
    fn name(&self) -> &'static str {
        "okx"
    }

    fn protocol(&self) -> &dyn Protocol {
        &self.protocol
    }

    fn protocol_mut(&mut self) -> &mut dyn Protocol {
        &mut self.protocol
    }

    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn address(&self) -> String {
        format!("{}/ws/v5/public", self.endpoints.websocket)
    }

    fn subscribe(&self) -> Vec<String> {
        let names = [
            (self.subscription.has(Channel::Quotes), "tickers"),
            (self.subscription.has(Channel::Trades), "trades"),
            (self.subscription.book_depth().is_some(), "books"),
        ];
        let mut channels = Vec::new();
        for (_, name) in names.into_iter().filter(|(is_wanted, _)| *is_wanted) {
            let symbols = &self.subscription.symbols;
            channels.extend(symbols.iter().map(|symbol| channel(name, symbol)));
        }
        channels
            .chunks(CHANNELS)
            .map(|channels| request("subscribe", channels))
            .collect()
    }

    fn resubscribe(&self, symbol: &str) -> Vec<String> {
        let book = [channel("books", symbol)];
        ["unsubscribe", "subscribe"]
            .map(|operation| request(operation, &book))
            .to_vec()
    }

    fn successor(&self) -> Option<Box<dyn Venue>> {
        let endpoints = Some(self.endpoints.clone());
        Some(Box::new(Self::new(self.subscription.clone(), endpoints)))
    }

    fn instruments(&self) -> InstrumentSource {
        let path = "/api/v5/public/instruments?instType=SPOT";
        InstrumentSource::Http {
            address: format!("{}{path}", self.endpoints.http),
            read: instruments,
        }
    }

    /// 5 requests a second, of the 10 that the venue allows. The history has the trades of the last three months, each
    /// by itself, also those that a message merges into one.
    fn trade_history(&self) -> Option<TradeHistory> {
        let http = &*self.endpoints.http;
        let rate = Rate::new(5, Duration::from_secs(1));
        let order = HistoryOrder::Backward;
        Some(TradeHistory::new(
            http,
            order,
            rate,
            history::request,
            history::trades,
        ))
    }

    /// 480 requests an hour on each connection, of which 3 in a second. The venue ends connections that are
    /// quiet for 30 seconds.
    fn limits(&self) -> Limits {
        let second = Duration::from_secs(1);
        let messages = [
            Rate::new(3, second),
            Rate::new(480, Duration::from_secs(3_600)),
        ];
        Limits::new(messages, [Rate::new(5, second)]).with_ping("ping")
    }
}
