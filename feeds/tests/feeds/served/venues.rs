//! The messages of each venue, as the server knows them.

use serde_json::{Value, json};
use tickbook::domain::book::{BookSide, OrderBook};
use tickbook_feeds::binance::BinanceVenue;
use tickbook_feeds::coinbase::CoinbaseVenue;
use tickbook_feeds::kraken::{self, KrakenVenue};
use tickbook_feeds::okx::{self, OkxVenue};
use tickbook_feeds::{Channel, Endpoints, Subscription, Venue};

/// Creates a client for symbols, with the addresses of WebSocket and HTTP.
pub(crate) type Make = fn(&[String], &str, &str) -> Box<dyn Venue>;

/// The messages of a venue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) venue: Make,
    /// The symbols whose books a message subscribes to.
    pub(crate) requested: fn(&Value) -> Vec<String>,
    /// The answer to a message of the client, if the session does not have it.
    pub(crate) acknowledgement: fn(&Value) -> Option<String>,
    /// The snapshot of a symbol, whose last update has this number.
    pub(crate) snapshot: fn(&str, &OrderBook, i64) -> String,
    /// Whether the messages of a connection are numbered.
    pub(crate) is_numbered: bool,
}

fn subscription(symbols: &[String]) -> Subscription {
    let channels = [Channel::Quotes, Channel::Trades, Channel::Book(1_000)];
    Subscription::new(symbols.iter().cloned(), channels)
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Both sides of a book, bids first.
fn sides(book: &OrderBook, level: fn(&str, &str) -> String) -> [String; 2] {
    let view = book.view().expect("a valid book");
    [BookSide::Bid, BookSide::Ask].map(|side| {
        let levels = view.decimals(side);
        let levels =
            levels.map(|(price, quantity)| level(&price.to_string(), &quantity.to_string()));
        levels.collect::<Vec<_>>().join(",")
    })
}

pub(crate) const BINANCE: Dialect = Dialect {
    venue: |symbols, websocket, http| {
        let endpoints = Endpoints::new(websocket, http);
        Box::new(BinanceVenue::new(subscription(symbols), Some(endpoints)))
    },
    requested: |_| Vec::new(),
    acknowledgement: |message| {
        let is_request = message["method"] == "SUBSCRIBE";
        is_request.then(|| json!({"result": null, "id": message["id"]}).to_string())
    },
    snapshot: |_, book, last| {
        let [bids, asks] = sides(book, |price, quantity| {
            format!("[\"{price}\",\"{quantity}\"]")
        });
        format!("{{\"lastUpdateId\":{last},\"bids\":[{bids}],\"asks\":[{asks}]}}")
    },
    is_numbered: false,
};

pub(crate) const KRAKEN: Dialect = Dialect {
    venue: |symbols, websocket, http| {
        let endpoints = Endpoints::new(websocket, http);
        Box::new(KrakenVenue::new(subscription(symbols), Some(endpoints)))
    },
    requested: |message| {
        let parameters = &message["params"];
        match message["method"] == "subscribe" && parameters["channel"] == "book" {
            true => texts(&parameters["symbol"]),
            false => Vec::new(),
        }
    },
    acknowledgement: |_| None,
    snapshot: |symbol, book, _| {
        let level =
            |price: &str, quantity: &str| format!("{{\"price\":{price},\"qty\":{quantity}}}");
        let [bids, asks] = sides(book, level);
        let checksum = kraken::checksum(book.view().expect("a valid book"));
        format!(
            "{{\"channel\":\"book\",\"type\":\"snapshot\",\"data\":[{{\"symbol\":\"{symbol}\",\
             \"bids\":[{bids}],\"asks\":[{asks}],\"checksum\":{checksum}}}]}}"
        )
    },
    is_numbered: false,
};

pub(crate) const OKX: Dialect = Dialect {
    venue: |symbols, websocket, http| {
        let endpoints = Endpoints::new(websocket, http);
        Box::new(OkxVenue::new(subscription(symbols), Some(endpoints)))
    },
    requested: |message| {
        let channels = message["args"].as_array().into_iter().flatten();
        let is_book = |channel: &&Value| channel["channel"] == "books";
        let symbol = |channel: &Value| channel["instId"].as_str().expect("a symbol").to_owned();
        match message["op"] == "subscribe" {
            true => channels.filter(is_book).map(symbol).collect(),
            false => Vec::new(),
        }
    },
    acknowledgement: |_| None,
    snapshot: |symbol, book, _| {
        let level =
            |price: &str, quantity: &str| format!("[\"{price}\",\"{quantity}\",\"0\",\"1\"]");
        let [bids, asks] = sides(book, level);
        let checksum = okx::checksum(book.view().expect("a valid book"));
        format!(
            "{{\"arg\":{{\"channel\":\"books\",\"instId\":\"{symbol}\"}},\"action\":\"snapshot\",\"data\":[{{\
             \"asks\":[{asks}],\"bids\":[{bids}],\"ts\":\"0\",\"checksum\":{checksum}}}]}}"
        )
    },
    is_numbered: false,
};

pub(crate) const COINBASE: Dialect = Dialect {
    venue: |symbols, websocket, http| {
        let endpoints = Endpoints::new(websocket, http);
        Box::new(CoinbaseVenue::new(subscription(symbols), Some(endpoints)))
    },
    requested: |message| match message["type"] == "subscribe" && message["channel"] == "level2" {
        true => texts(&message["product_ids"]),
        false => Vec::new(),
    },
    acknowledgement: |_| None,
    snapshot: |symbol, book, _| {
        let view = book.view().expect("a valid book");
        let updates = [(BookSide::Bid, "bid"), (BookSide::Ask, "offer")].map(|(side, name)| {
            let update = |(price, quantity): (_, _)| {
                let time = "1970-01-01T00:00:00Z";
                let (price, quantity) = (format!("{price}"), format!("{quantity}"));
                json!({"side": name, "event_time": time, "price_level": price, "new_quantity": quantity})
            };
            view.decimals(side).map(update).collect::<Vec<_>>()
        });
        let event = json!({"type": "snapshot", "product_id": symbol, "updates": updates.concat()});
        json!({"channel": "l2_data", "timestamp": "1970-01-01T00:00:00Z", "sequence_num": 0, "events": [event]})
            .to_string()
    },
    is_numbered: true,
};

/// Replaces the number of a message of the connection.
pub(crate) fn renumbered(text: &str, number: i64) -> String {
    const FIELD: &str = "\"sequence_num\":";
    let Some((before, rest)) = text.split_once(FIELD) else {
        return text.to_owned();
    };
    let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    format!("{before}{FIELD}{number}{rest}")
}
