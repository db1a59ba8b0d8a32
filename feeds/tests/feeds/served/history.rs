//! The trades of a session, as its venue gives them over HTTP.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tickbook_feeds::{Aggressor, FeedEvent, Frame, TradeId};
use venue_server::Answer;

use super::offline;
use super::play::Part;
use super::venues::Dialect;

/// A trade of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Traded {
    pub(crate) number: i64,
    pub(crate) time: DateTime<Utc>,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) aggressor: Aggressor,
}

/// The history of a venue.
#[derive(Debug, Clone)]
pub(crate) struct ServedHistory {
    venue: &'static str,
    /// The trades of each symbol, by number.
    pub(crate) trades: BTreeMap<String, Vec<Traded>>,
    /// The largest number of trades of a page.
    pub(crate) page: usize,
    /// The number of the oldest trades of each symbol that the history does not have.
    pub(crate) forgotten: usize,
    /// The number of requests that were answered.
    pub(crate) requests: usize,
    /// Answers to the first requests.
    pub(crate) failures: Vec<Answer>,
}

fn parameter<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = path.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn number(path: &str, name: &str) -> i64 {
    let text = parameter(path, name).unwrap_or_else(|| panic!("no {name} in {path}"));
    text.parse().expect("a number")
}

impl ServedHistory {
    /// The trades of a session.
    pub(crate) fn of(dialect: Dialect, symbols: &[String], parts: &[Part]) -> Self {
        let mut venue = offline(dialect.venue, symbols);
        let mut trades: BTreeMap<String, Vec<Traded>> = BTreeMap::new();
        let mut note = |event: FeedEvent<'_>| {
            if let FeedEvent::Trade(trade) = event {
                let TradeId::Number(number) = trade.id else {
                    panic!("{trade:?} has no number");
                };
                trades
                    .entry(trade.symbol.to_owned())
                    .or_default()
                    .push(Traded {
                        number,
                        time: trade.time,
                        price: trade.price,
                        quantity: trade.quantity,
                        aggressor: trade.aggressor,
                    });
            }
        };
        let protocol = venue.protocol_mut();
        protocol.opened();
        for part in parts {
            match part {
                Part::Text(text) => {
                    let frame = Frame::new(text, DateTime::UNIX_EPOCH);
                    // books without snapshots do not matter
                    let _ = protocol.receive(frame, &mut note);
                }
                Part::Reconnect => protocol.opened(),
            }
        }
        for trades in trades.values_mut() {
            trades.sort_by_key(|trade| trade.number);
            trades.dedup_by_key(|trade| trade.number);
        }
        Self {
            venue: venue.name(),
            trades,
            page: 3,
            forgotten: 0,
            requests: 0,
            failures: Vec::new(),
        }
    }

    fn known(&self, symbol: &str) -> &[Traded] {
        let trades = self.trades.get(symbol).map_or(&[][..], |trades| trades);
        &trades[self.forgotten.min(trades.len())..]
    }

    /// The last trades before a number, the newest first.
    fn before(&self, symbol: &str, before: i64) -> Vec<&Traded> {
        let trades = self.known(symbol).iter().rev();
        let trades = trades.filter(|trade| trade.number < before);
        trades.take(self.page).collect()
    }

    /// The answer to a request for trades; `None` for other requests.
    pub(crate) fn answer(&mut self, path: &str) -> Option<Answer> {
        let (address, _) = path.split_once('?').unwrap_or((path, ""));
        let is_history = match self.venue {
            "binance" => address == "/api/v3/historicalTrades",
            "coinbase" => address.starts_with("/products/"),
            "kraken" => address == "/0/public/Trades",
            _ => address == "/api/v5/market/history-trades",
        };
        if !is_history {
            return None;
        }
        self.requests += 1;
        if !self.failures.is_empty() {
            return Some(self.failures.remove(0));
        }
        let body = match self.venue {
            "binance" => self.binance(path),
            "coinbase" => self.coinbase(path),
            "kraken" => self.kraken(path),
            _ => self.okx(path),
        };
        Some(Answer::ok(body.to_string()))
    }

    fn binance(&self, path: &str) -> Value {
        let symbol = parameter(path, "symbol").expect("a symbol");
        let (from, limit) = (number(path, "fromId"), number(path, "limit"));
        assert!((1..=1_000).contains(&limit), "{path}");
        let trades = self.known(symbol).iter();
        let trades = trades.filter(|trade| trade.number >= from);
        let trades = trades.take(limit.try_into().expect("few"));
        let trades = trades.map(|trade| {
            json!({
                "id": trade.number, "price": trade.price.to_string(), "qty": trade.quantity.to_string(),
                "quoteQty": "0", "time": trade.time.timestamp_micros(),
                "isBuyerMaker": trade.aggressor == Aggressor::Sell, "isBestMatch": true
            })
        });
        trades.collect()
    }

    fn okx(&self, path: &str) -> Value {
        assert_eq!(parameter(path, "type"), Some("1"), "{path}");
        let symbol = parameter(path, "instId").expect("a symbol");
        let trades = self.before(symbol, number(path, "after")).into_iter();
        let trades = trades.map(|trade| {
            json!({
                "instId": symbol, "side": trade.aggressor.as_str(), "sz": trade.quantity.to_string(),
                "px": trade.price.to_string(), "tradeId": trade.number.to_string(),
                "ts": trade.time.timestamp_millis().to_string()
            })
        });
        json!({"code": "0", "msg": "", "data": trades.collect::<Value>()})
    }

    fn coinbase(&self, path: &str) -> Value {
        let symbol = path.split('/').nth(2).expect("a symbol");
        let trades = self.before(symbol, number(path, "after")).into_iter();
        let trades = trades.map(|trade| {
            // the side is that of the maker
            let side = match trade.aggressor {
                Aggressor::Buy => "sell",
                Aggressor::Sell => "buy",
            };
            json!({
                "trade_id": trade.number, "side": side, "size": trade.quantity.to_string(),
                "price": trade.price.to_string(), "time": trade.time.to_rfc3339()
            })
        });
        trades.collect()
    }

    fn kraken(&self, path: &str) -> Value {
        let pair = parameter(path, "pair").expect("a pair");
        let since = number(path, "since");
        let named = |symbol: &&String| symbol.replace("BTC", "XBT").replace('/', "") == pair;
        let symbol = self.trades.keys().find(named).expect("a symbol");
        let nanos = |trade: &Traded| trade.time.timestamp_nanos_opt().expect("in range");
        let trades = self.known(symbol).iter();
        let trades = trades.filter(|trade| nanos(trade) > since).take(self.page);
        let trades: Vec<_> = trades.collect();
        let last = trades.last().map_or(since, |trade| nanos(trade));
        let trades = trades.into_iter().map(|trade| {
            let micros = trade.time.timestamp_micros();
            // the venue has more digits than the stream
            let time = format!("{}.{:06}4", micros / 1_000_000, micros % 1_000_000);
            let time: serde_json::Number = time.parse().expect("a number");
            let side = &trade.aggressor.as_str()[..1];
            json!([
                trade.price.to_string(),
                trade.quantity.to_string(),
                time,
                side,
                "l",
                "",
                trade.number
            ])
        });
        json!({"error": [], "result": {pair: trades.collect::<Value>(), "last": last.to_string()}})
    }
}
