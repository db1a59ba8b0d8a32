//! Frames of any bytes: no protocol panics, and no valid book is crossed.

use std::collections::BTreeMap;

use chrono::DateTime;
use suite::Fuzz;
use tickbook::domain::book::{BookSide, StaleReason};

use crate::{EventSink, FeedEvent, Frame, Protocol};

/// Words of all venues.
const WORDS: &[&str] = &[
    "\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "null",
    "0",
    "-1",
    "1e9",
    "9223372036854775807",
    "0.00000000",
    "snapshot",
    "update",
    "\\u0041",
];

/// Passes each line to a protocol as a frame. Returns the number of each kind of event.
fn kinds(mut protocol: impl Protocol, symbol: &str, bytes: &[u8]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    let text = String::from_utf8_lossy(bytes);
    protocol.opened();
    for line in text.lines() {
        let frame = Frame::new(line, DateTime::UNIX_EPOCH);
        let received = protocol.receive(frame, &mut |event| {
            let kind = match event {
                FeedEvent::BookSnapshot(_) => "snapshot",
                FeedEvent::BookUpdate(_) => "update",
                FeedEvent::BookStale(stale) => stale.reason.as_str(),
                FeedEvent::Trade(_) => "trade",
                FeedEvent::Quote(_) => "quote",
                FeedEvent::Instrument(_) => "instrument",
                FeedEvent::InstrumentRefused(_) => "refused",
                FeedEvent::InstrumentsListed => "listed",
                FeedEvent::Request(_) => "request",
                FeedEvent::MessagesLost(_) => "lost",
                FeedEvent::Counted(name) => name,
            };
            *kinds.entry(kind).or_default() += 1;
        });
        if received.is_err() {
            *kinds.entry("error").or_default() += 1;
        }
        let Some(view) = protocol.book(symbol).and_then(|book| book.view()) else {
            continue;
        };
        let sides = [BookSide::Bid, BookSide::Ask].map(|side| view.side(side));
        for levels in sides {
            let prices: Vec<_> = levels.clone().map(|level| level.price).collect();
            assert!(
                levels
                    .clone()
                    .all(|level| level.quantity > 0 && level.price >= 0)
            );
            let is_bid = prices.first() > prices.last();
            assert!(prices.is_sorted_by(|a, b| if is_bid { a > b } else { a < b }));
        }
        if let (Some(bid), Some(ask)) = (view.best_bid(), view.best_ask()) {
            assert!(bid.price < ask.price);
        }
    }
    kinds
}

#[cfg(feature = "kraken")]
#[test]
fn kraken_v1_frames_of_any_bytes() {
    let book = "[1,{\"as\":[[\"2.0\",\"1.5\",\"1.0\"]],\"bs\":[[\"1.0\",\"1.5\",\"1.0\"]]},\"book-10\",\"A/B\"]";
    let update = "[1,{\"a\":[[\"2.5\",\"1.5\",\"1.0\"]]},{\"b\":[[\"1.0\",\"0.0\",\"1.0\"]]},\"book-10\",\"A/B\"]";
    let trade = "[1,[[\"1.5\",\"2\",\"3.25\",\"b\",\"l\",\"\"]],\"trade\",\"A/B\"]";
    let ticker =
        "[1,{\"a\":[\"13.2\",35,\"35.7\"],\"b\":[\"13.1\",185,\"185.1\"]},\"ticker\",\"A/B\"]";
    Fuzz::new("kraken_v1")
        .seed([book, update, update].join("\n"))
        .seed([trade, ticker, "{\"event\":\"heartbeat\"}"].join("\n"))
        .words(WORDS)
        .run(|bytes| kinds(crate::kraken::KrakenV1::new(["A/B"], 10), "A/B", bytes));
}

#[cfg(feature = "kraken")]
#[test]
fn kraken_frames_of_any_bytes() {
    let book = |kind: &str, checksum: u32| {
        format!(
            "{{\"channel\":\"book\",\"type\":\"{kind}\",\"data\":[{{\"symbol\":\"A/B\",\
             \"bids\":[{{\"price\":45283.5,\"qty\":0.10000000}}],\
             \"asks\":[{{\"price\":45285.2,\"qty\":0.00100000}}],\"checksum\":{checksum}}}]}}"
        )
    };
    let trade = "{\"channel\":\"trade\",\"type\":\"update\",\"data\":[{\"symbol\":\"A/B\",\"side\":\"sell\",\
         \"price\":1.5,\"qty\":2,\"trade_id\":3,\"timestamp\":\"2024-01-01T00:00:00Z\"}]}";
    Fuzz::new("kraken")
        .seed(
            [
                book("snapshot", 2_383_917_627),
                book("update", 2_383_917_627),
            ]
            .join("\n"),
        )
        .seed(trade)
        .words(WORDS)
        .run(|bytes| kinds(crate::kraken::Kraken::new(["A/B"], 10), "A/B", bytes));
}

#[cfg(feature = "binance")]
#[test]
fn binance_frames_of_any_bytes() {
    let depth = |first: u32, last: u32| {
        format!(
            "{{\"stream\":\"ab@depth\",\"data\":{{\"E\":1633998512068,\"s\":\"AB\",\"U\":{first},\"u\":{last},\
             \"b\":[[\"1.5\",\"2\"]],\"a\":[[\"1.6\",\"0\"]]}}}}"
        )
    };
    let trade = "{\"stream\":\"ab@trade\",\"data\":{\"s\":\"AB\",\"t\":1,\"p\":\"1\",\"q\":\"2\",\"T\":1,\"m\":true}}";
    let ticker = "{\"stream\":\"ab@bookTicker\",\"data\":{\"u\":1,\"s\":\"AB\",\"b\":\"1\",\"B\":\"2\",\"a\":\"3\",\"A\":\"4\"}}";
    let first = depth(11, 12);
    Fuzz::new("binance")
        .seed([depth(13, 13), depth(14, 17), depth(18, 18)].join("\n"))
        .seed([trade, ticker].join("\n"))
        .words(WORDS)
        .run(|bytes| {
            let mut protocol = crate::binance::BinanceSpot::new(["AB"]);
            protocol.opened();
            let first = Frame::new(&first, DateTime::UNIX_EPOCH);
            protocol.receive(first, &mut |_| {}).expect("an event");
            let body = "{\"lastUpdateId\":10,\"bids\":[[\"1\",\"1\"]],\"asks\":[[\"9\",\"1\"]]}";
            let body = Frame::new(body, DateTime::UNIX_EPOCH);
            protocol
                .snapshot("AB", body, &mut |_| {})
                .expect("a snapshot");
            kinds(Opened(protocol), "AB", bytes)
        });
}

/// A protocol whose connection is open already.
#[cfg(feature = "binance")]
#[derive(Debug)]
struct Opened<P>(P);

#[cfg(feature = "binance")]
impl<P: Protocol> Protocol for Opened<P> {
    fn opened(&mut self) {}

    fn receive(
        &mut self,
        frame: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), crate::ProtocolError> {
        self.0.receive(frame, sink)
    }

    fn closed(&mut self, reason: StaleReason, detail: &str, sink: &mut EventSink<'_>) {
        self.0.closed(reason, detail, sink);
    }

    fn symbols(&self) -> Vec<&str> {
        self.0.symbols()
    }

    fn book(&self, symbol: &str) -> Option<&tickbook::domain::book::OrderBook> {
        self.0.book(symbol)
    }
}

#[cfg(feature = "coinbase")]
#[test]
fn coinbase_frames_of_any_bytes() {
    let snapshot = "{\"type\":\"snapshot\",\"product_id\":\"A-B\",\"bids\":[[\"1\",\"2\"]],\"asks\":[[\"3\",\"4\"]]}";
    let update = "{\"type\":\"l2update\",\"product_id\":\"A-B\",\"changes\":[[\"buy\",\"1.5\",\"0.5\"]],\
         \"time\":\"2021-04-17T16:43:37.075687Z\"}";
    let trade = "{\"type\":\"match\",\"trade_id\":1,\"side\":\"sell\",\"size\":\"1\",\"price\":\"2\",\
         \"product_id\":\"A-B\",\"time\":\"2021-04-17T16:43:37.075687Z\"}";
    Fuzz::new("coinbase_exchange")
        .seed([snapshot, update, update].join("\n"))
        .seed(trade)
        .words(WORDS)
        .run(|bytes| {
            kinds(
                crate::coinbase::CoinbaseExchange::new(["A-B"]),
                "A-B",
                bytes,
            )
        });
}

#[cfg(feature = "coinbase")]
#[test]
fn coinbase_advanced_frames_of_any_bytes() {
    let book = |number: u32, kind: &str| {
        format!(
            "{{\"channel\":\"l2_data\",\"sequence_num\":{number},\"events\":[{{\"type\":\"{kind}\",\
             \"product_id\":\"A-B\",\"updates\":[{{\"side\":\"bid\",\"event_time\":\"1970-01-01T00:00:00Z\",\
             \"price_level\":\"1.5\",\"new_quantity\":\"2\"}}]}}]}}"
        )
    };
    Fuzz::new("coinbase_advanced")
        .seed([book(0, "snapshot"), book(1, "update"), book(2, "update")].join("\n"))
        .words(WORDS)
        .run(|bytes| {
            kinds(
                crate::coinbase::CoinbaseAdvanced::new(["A-B"]),
                "A-B",
                bytes,
            )
        });
}

#[cfg(feature = "okx")]
#[test]
fn okx_frames_of_any_bytes() {
    let book = |action: &str, price: &str| {
        format!(
            "{{\"arg\":{{\"channel\":\"books\",\"instId\":\"A-B\"}},\"action\":\"{action}\",\"data\":[{{\
             \"asks\":[[\"{price}\",\"2\",\"0\",\"1\"]],\"bids\":[[\"1.5\",\"0.25\",\"0\",\"1\"]],\"ts\":\"1\"}}]}}"
        )
    };
    let trade = "{\"arg\":{\"channel\":\"trades\",\"instId\":\"A-B\"},\"data\":[{\"instId\":\"A-B\",\
         \"tradeId\":\"7\",\"px\":\"1.5\",\"sz\":\"2\",\"side\":\"buy\",\"ts\":\"1652459199958\"}]}";
    Fuzz::new("okx")
        .seed([book("snapshot", "2"), book("update", "2.25")].join("\n"))
        .seed(trade)
        .words(WORDS)
        .run(|bytes| kinds(crate::okx::Okx::new(["A-B"]), "A-B", bytes));
}

#[cfg(feature = "ctrader")]
#[test]
fn ctrader_messages_of_any_bytes() {
    use crate::{Channel, Subscription};

    let message = |fields: &str| format!("8=FIX.4.4|9=1|{fields}|10=000|").replace('|', "\u{1}");
    let depth = "35=W|34=2|52=20240105-10:00:00|55=1|268=2|269=0|270=1.5|271=5|278=1|269=1|270=2|271=1|278=2";
    let update = "35=X|34=3|268=2|279=0|269=0|278=3|55=1|270=1.6|271=5|279=2|278=1|55=1";
    let list = "35=y|560=0|146=1|55=2|1007=B|1008=5";
    let quote = "35=W|55=1|268=1|269=0|270=1.5";
    Fuzz::new("ctrader")
        .seed([depth, update, update].map(message).join("\n"))
        .seed([list, quote].map(message).join("\n"))
        .words(WORDS)
        .words(["\u{1}", "=", "278=", "279=", "269=", "268=", "55=", "271=0"])
        .run(|bytes| {
            let channels = [Channel::Quotes, Channel::Book(10), Channel::Instruments];
            let subscription = Subscription::new(["1", "B"], channels);
            kinds(crate::ctrader::Ctrader::new(&subscription), "1", bytes)
        });
}
