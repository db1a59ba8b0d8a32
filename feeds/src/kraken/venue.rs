//! Kraken as a venue of the transport.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Kraken, history};
use crate::history::{HistoryOrder, TradeHistory};
use crate::protocol::Protocol;
use crate::subscription::{Channel, Subscription};
use crate::venue::{Endpoints, InstrumentSource, Limits, Rate, Venue};

/// The depths of books.
const DEPTHS: [usize; 5] = [10, 25, 100, 500, 1_000];

/// Kraken, WebSocket 2: market data without a key.
#[derive(Debug)]
pub struct KrakenVenue {
    protocol: Kraken,
    subscription: Subscription,
    endpoints: Endpoints,
}

/// The smallest depth of the venue that has at least `levels`, otherwise the largest one.
fn depth(levels: usize) -> usize {
    let depth = DEPTHS.into_iter().find(|depth| *depth >= levels);
    depth.unwrap_or(DEPTHS[DEPTHS.len() - 1])
}

impl KrakenVenue {
    /// Connects to `endpoints`; `None` are the public ones.
    #[must_use]
    pub fn new(subscription: Subscription, endpoints: Option<Endpoints>) -> Self {
        let levels = subscription.book_depth().map_or(DEPTHS[0], depth);
        Self {
            protocol: Kraken::new(subscription.symbols.iter(), levels),
            subscription,
            endpoints: endpoints
                .unwrap_or_else(|| Endpoints::new("wss://ws.kraken.com", "https://api.kraken.com")),
        }
    }

    fn book(&self, symbols: &[String]) -> Option<Value> {
        let levels = depth(self.subscription.book_depth()?);
        Some(json!({"channel": "book", "symbol": symbols, "depth": levels}))
    }
}

fn request(method: &str, parameters: &Value) -> String {
    json!({"method": method, "params": parameters}).to_string()
}

impl Venue for KrakenVenue {
    fn name(&self) -> &'static str {
        "kraken"
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
        format!("{}/v2", self.endpoints.websocket)
    }

    fn subscribe(&self) -> Vec<String> {
        let symbols = &self.subscription.symbols;
        let mut channels = Vec::new();
        if self.subscription.has(Channel::Quotes) {
            let trigger = "bbo";
            channels
                .push(json!({"channel": "ticker", "symbol": symbols, "event_trigger": trigger}));
        }
        if self.subscription.has(Channel::Trades) {
            channels.push(json!({"channel": "trade", "symbol": symbols, "snapshot": true}));
        }
        if self.subscription.has(Channel::Instruments) {
            channels.push(json!({"channel": "instrument", "snapshot": true}));
        }
        channels.extend(self.book(symbols));
        channels
            .iter()
            .map(|parameters| request("subscribe", parameters))
            .collect()
    }

    fn resubscribe(&self, symbol: &str) -> Vec<String> {
        let Some(book) = self.book(&[symbol.to_owned()]) else {
            return Vec::new();
        };
        ["unsubscribe", "subscribe"]
            .map(|method| request(method, &book))
            .to_vec()
    }

    fn successor(&self) -> Option<Box<dyn Venue>> {
        let endpoints = Some(self.endpoints.clone());
        Some(Box::new(Self::new(self.subscription.clone(), endpoints)))
    }

    fn instruments(&self) -> InstrumentSource {
        InstrumentSource::Channel
    }

    /// A request each 2 seconds: the venue allows about one a second.
    fn trade_history(&self) -> Option<TradeHistory> {
        let http = &*self.endpoints.http;
        let rate = Rate::new(1, Duration::from_secs(2));
        let order = HistoryOrder::Forward;
        Some(TradeHistory::new(
            http,
            order,
            rate,
            history::request,
            history::trades,
        ))
    }

    /// The venue states no limit of messages; 10 a second are few.
    fn limits(&self) -> Limits {
        Limits::new(
            [Rate::new(10, Duration::from_secs(1))],
            [Rate::new(1, Duration::from_secs(1))],
        )
        .with_ping(r#"{"method":"ping"}"#)
    }
}
