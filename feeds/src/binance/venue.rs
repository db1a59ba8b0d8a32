//! Binance spot as a venue of the transport.

use std::time::Duration;

use serde_json::json;

use super::{BinanceSpot, history, instruments};
use crate::error::ProtocolError;
use crate::history::{HistoryOrder, TradeHistory};
use crate::protocol::{EventSink, Frame, Protocol};
use crate::subscription::{Channel, Subscription};
use crate::venue::{Endpoints, InstrumentSource, Limits, Rate, Venue};

/// Streams in one message.
const STREAMS: usize = 100;

/// The weight of requests that a client may use in a minute, less than the 6,000 of the venue, since other
/// programs may share the address.
const WEIGHT_PER_MINUTE: usize = 4_800;

/// The numbers of levels of snapshots, with the weights of their requests.
const SNAPSHOTS: [(usize, usize); 4] = [(100, 5), (500, 25), (1_000, 50), (5_000, 250)];

/// Binance spot: market data without a key. Quotes are the changes of the best levels of the books, since the
/// venue's own quotes have no time.
#[derive(Debug)]
pub struct BinanceVenue {
    protocol: BinanceSpot,
    subscription: Subscription,
    endpoints: Endpoints,
    /// The address of trades of the past.
    history: String,
}

impl BinanceVenue {
    /// Connects to `endpoints`; `None` are the public ones.
    #[must_use]
    pub fn new(subscription: Subscription, endpoints: Option<Endpoints>) -> Self {
        let given = endpoints.as_ref().map(|endpoints| endpoints.http.clone());
        Self {
            protocol: BinanceSpot::new(subscription.symbols.iter()),
            subscription,
            history: given.unwrap_or_else(|| "https://api.binance.com".to_owned()),
            endpoints: endpoints.unwrap_or_else(|| {
                Endpoints::new(
                    "wss://data-stream.binance.vision",
                    "https://data-api.binance.vision",
                )
            }),
        }
    }

    fn has_books(&self) -> bool {
        self.subscription.book_depth().is_some() || self.subscription.has(Channel::Quotes)
    }

    /// The number of levels of a snapshot, and the weight of its request.
    fn snapshot_size(&self) -> (usize, usize) {
        let depth = self.subscription.book_depth().unwrap_or(1);
        let size = SNAPSHOTS.into_iter().find(|(levels, _)| *levels >= depth);
        size.unwrap_or(SNAPSHOTS[SNAPSHOTS.len() - 1])
    }
}

fn request(method: &str, streams: &[String], id: usize) -> String {
    json!({"method": method, "params": streams, "id": id}).to_string()
}

impl Venue for BinanceVenue {
    fn name(&self) -> &'static str {
        "binance"
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
        format!("{}/stream?timeUnit=MICROSECOND", self.endpoints.websocket)
    }

    fn subscribe(&self) -> Vec<String> {
        let mut streams = Vec::new();
        for symbol in &self.subscription.symbols {
            let symbol = symbol.to_lowercase();
            if self.has_books() {
                streams.push(format!("{symbol}@depth@100ms"));
            }
            if self.subscription.has(Channel::Trades) {
                streams.push(format!("{symbol}@trade"));
            }
        }
        let parts = streams.chunks(STREAMS).enumerate();
        parts
            .map(|(part, streams)| request("SUBSCRIBE", streams, part + 1))
            .collect()
    }

    fn resubscribe(&self, symbol: &str) -> Vec<String> {
        let stream = [format!("{}@depth@100ms", symbol.to_lowercase())];
        vec![
            request("UNSUBSCRIBE", &stream, 0),
            request("SUBSCRIBE", &stream, 0),
        ]
    }

    fn book_symbols(&self) -> Vec<String> {
        match self.has_books() {
            true => self.subscription.symbols.clone(),
            false => Vec::new(),
        }
    }

    fn has_quotes_in_books(&self) -> bool {
        self.subscription.has(Channel::Quotes)
    }

    fn snapshot_address(&self, symbol: &str) -> String {
        let (levels, _) = self.snapshot_size();
        let http = &self.endpoints.http;
        format!("{http}/api/v3/depth?symbol={symbol}&limit={levels}")
    }

    fn snapshot(
        &mut self,
        symbol: &str,
        body: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        self.protocol.snapshot(symbol, body, sink)
    }

    fn successor(&self) -> Option<Box<dyn Venue>> {
        Some(Box::new(Self {
            protocol: BinanceSpot::new(self.subscription.symbols.iter()),
            subscription: self.subscription.clone(),
            endpoints: self.endpoints.clone(),
            history: self.history.clone(),
        }))
    }

    fn instruments(&self) -> InstrumentSource {
        InstrumentSource::Http {
            address: format!("{}/api/v3/exchangeInfo", self.endpoints.http),
            read: instruments,
        }
    }

    /// Trades of the past are not at the public address of market data, but at that of the whole interface. 1,000 of
    /// the 6,000 units of weight that a minute has are for them, 25 for each page.
    fn trade_history(&self) -> Option<TradeHistory> {
        let rate = Rate::new(40, Duration::from_secs(60));
        let history = TradeHistory::new(
            &*self.history,
            HistoryOrder::Backward,
            rate,
            history::request,
            history::trades,
        );
        Some(history.with_consecutive_numbers())
    }

    /// 5 messages a second, of which one is left for the answers to pings; connections end after 24 hours.
    fn limits(&self) -> Limits {
        let (_, weight) = self.snapshot_size();
        let requests = Rate::new(WEIGHT_PER_MINUTE / weight, Duration::from_secs(60));
        Limits::new([Rate::new(4, Duration::from_secs(1))], [requests])
            .with_max_age(Duration::from_secs(24 * 3_600 - 10 * 60))
    }
}
