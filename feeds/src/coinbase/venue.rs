//! Coinbase Advanced Trade as a venue of the transport.

use std::time::Duration;

use serde_json::json;

use super::{CoinbaseAdvanced, history, instruments};
use crate::history::{HistoryOrder, TradeHistory};
use crate::protocol::Protocol;
use crate::subscription::{Channel, Subscription};
use crate::venue::{Endpoints, InstrumentSource, Limits, Rate, Venue};

/// Coinbase Advanced Trade: market data without a key. Instruments are those of Coinbase Exchange, which has the
/// same products.
#[derive(Debug)]
pub struct CoinbaseVenue {
    protocol: CoinbaseAdvanced,
    subscription: Subscription,
    endpoints: Endpoints,
}

impl CoinbaseVenue {
    /// Connects to `endpoints`; `None` are the public ones.
    #[must_use]
    pub fn new(subscription: Subscription, endpoints: Option<Endpoints>) -> Self {
        Self {
            protocol: CoinbaseAdvanced::new(subscription.symbols.iter()),
            subscription,
            endpoints: endpoints.unwrap_or_else(|| {
                Endpoints::new(
                    "wss://advanced-trade-ws.coinbase.com",
                    "https://api.exchange.coinbase.com",
                )
            }),
        }
    }
}

fn request(kind: &str, channel: &str, products: &[String]) -> String {
    json!({"type": kind, "channel": channel, "product_ids": products}).to_string()
}

impl Venue for CoinbaseVenue {
    fn name(&self) -> &'static str {
        "coinbase"
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
        self.endpoints.websocket.clone()
    }

    fn subscribe(&self) -> Vec<String> {
        // without heartbeats the venue ends quiet channels
        let mut requests = vec![request("subscribe", "heartbeats", &[])];
        let channels = [
            (self.subscription.book_depth().is_some(), "level2"),
            (self.subscription.has(Channel::Quotes), "ticker"),
            (self.subscription.has(Channel::Trades), "market_trades"),
        ];
        for (_, channel) in channels.into_iter().filter(|(is_wanted, _)| *is_wanted) {
            requests.push(request("subscribe", channel, &self.subscription.symbols));
        }
        requests
    }

    fn resubscribe(&self, symbol: &str) -> Vec<String> {
        let products = [symbol.to_owned()];
        ["unsubscribe", "subscribe"]
            .map(|kind| request(kind, "level2", &products))
            .to_vec()
    }

    fn successor(&self) -> Option<Box<dyn Venue>> {
        let endpoints = Some(self.endpoints.clone());
        Some(Box::new(Self::new(self.subscription.clone(), endpoints)))
    }

    fn instruments(&self) -> InstrumentSource {
        InstrumentSource::Http {
            address: format!("{}/products", self.endpoints.http),
            read: instruments,
        }
    }

    /// Trades of the past come from Coinbase Exchange, which pages by their numbers. 5 requests a second, of the 10
    /// that the venue allows.
    fn trade_history(&self) -> Option<TradeHistory> {
        let http = &*self.endpoints.http;
        let rate = Rate::new(5, Duration::from_secs(1));
        let order = HistoryOrder::Backward;
        let history = TradeHistory::new(http, order, rate, history::request, history::trades);
        Some(history.with_consecutive_numbers())
    }

    /// 8 messages a second without a key.
    fn limits(&self) -> Limits {
        let second = Duration::from_secs(1);
        Limits::new([Rate::new(8, second)], [Rate::new(5, second)])
    }
}
