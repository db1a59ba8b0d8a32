//! A session of Kraken that is made up: trades, quotes and changes of a book in turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use tickbook::domain::book::{BookNumber, BookSide, LevelChange, OrderBook};
use tickbook_feeds::kraken::checksum;
use venue_server::{Answer, Play, Step};

/// The number of trades, of quotes and of changes of the book.
pub(crate) const OF_EACH: u32 = 2_000;

/// The number of messages.
pub(crate) const MESSAGES: u32 = 3 * OF_EACH;

/// The levels of each side of the book.
const LEVELS: u32 = 10;

const INSTRUMENTS: &str = r#"{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[{"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","price_increment":0.1,"qty_increment":0.00000001}]}}"#;

fn time(micros: i64) -> DateTime<Utc> {
    // 2024-01-01
    DateTime::from_timestamp_micros(1_704_067_200_000_000 + micros).expect("in range")
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// The price of a trade.
pub(crate) fn trade(id: u32) -> u32 {
    1_000 + id % 11
}

/// The time of a quote that has a time of its own.
pub(crate) fn quote_time(number: u32) -> DateTime<Utc> {
    time(i64::from(number) * 1_000)
}

/// Time, bid and ask of a quote that has a time of its own.
pub(crate) fn quote(number: u32) -> (String, String, String) {
    let (bid, ask) = (1_000 + number % 7, 1_010 + number % 7);
    (text(quote_time(number)), bid.to_string(), ask.to_string())
}

/// Time, bid and ask of a quote in whole seconds, which ten quotes share. Every fourth one equals the one before it.
pub(crate) fn repeated_quote(number: u32) -> (String, String, String) {
    let number = number - u32::from(number % 4 == 3);
    let (_, bid, ask) = quote(number);
    (text(time(i64::from(number / 10) * 1_000_000)), bid, ask)
}

/// The time of a change of the book.
pub(crate) fn book_time(number: u32) -> DateTime<Utc> {
    time(i64::from(number) * 1_000 + 500)
}

/// Bid and ask of a change: the price and the new quantity.
fn change(number: u32) -> [(u32, u32); 2] {
    let level = number * 7 % LEVELS;
    // a quantity is never 0, so that each side keeps its levels
    let quantity = 1 + number * 13 % 97;
    [(990 - level, quantity), (1_010 + level, quantity + 1)]
}

fn number(value: u32) -> BookNumber {
    BookNumber::new(value.into(), 0).expect("few digits")
}

/// The book after a number of changes; all levels have quantity 1 before the first one.
fn book(changes: u32) -> OrderBook {
    let level = |(price, quantity): (u32, u32)| LevelChange::new(number(price), number(quantity));
    let first = |sign: i64, price: u32| -> Vec<LevelChange> {
        let prices = (0..LEVELS).map(|it| i64::from(price) + sign * i64::from(it));
        let prices = prices.map(|it| u32::try_from(it).expect("positive"));
        prices.map(|price| level((price, 1))).collect()
    };
    let mut book = OrderBook::new();
    book.load(&first(-1, 990), &first(1, 1_010))
        .expect("levels");
    for changed in 1..=changes {
        let [bid, ask] = change(changed).map(level);
        book.update(&[bid], &[ask]).expect("levels");
    }
    book
}

/// Price and quantity of the levels of each side after a number of changes, the best first.
pub(crate) fn levels(changes: u32) -> [Vec<(Decimal, Decimal)>; 2] {
    let book = book(changes);
    let view = book.view().expect("a valid book");
    [BookSide::Bid, BookSide::Ask].map(|side| view.decimals(side).collect())
}

fn book_text(kind: &str, at: DateTime<Utc>, sides: [Vec<(u32, u32)>; 2], checksum: u32) -> String {
    let [bids, asks] = sides.map(|side| {
        let level =
            |(price, quantity): (u32, u32)| format!("{{\"price\":{price},\"qty\":{quantity}}}");
        side.into_iter().map(level).collect::<Vec<_>>().join(",")
    });
    let at = text(at);
    format!(
        "{{\"channel\":\"book\",\"type\":\"{kind}\",\"data\":[{{\"symbol\":\"BTC/USD\",\"bids\":[{bids}],\
         \"asks\":[{asks}],\"checksum\":{checksum},\"timestamp\":\"{at}\"}}]}}"
    )
}

/// The messages of the session.
#[derive(Debug)]
struct Script {
    texts: Vec<String>,
}

impl Script {
    fn new(quote: fn(u32) -> (String, String, String)) -> Self {
        let mut texts = Vec::new();
        let mut book = book(0);
        for number in 1..=OF_EACH {
            let price = trade(number);
            texts.push(format!(
                r#"{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"buy","price":{price},"qty":0.5,"trade_id":{number},"timestamp":"{}"}}]}}"#,
                text(time(i64::from(number)))
            ));
            let (at, bid, ask) = quote(number);
            texts.push(format!(
                r#"{{"channel":"ticker","type":"update","data":[{{"symbol":"BTC/USD","bid":{bid},"bid_qty":1,"ask":{ask},"ask_qty":1,"timestamp":"{at}"}}]}}"#
            ));
            let [bid, ask] = change(number);
            let level =
                |(price, quantity)| LevelChange::new(self::number(price), self::number(quantity));
            book.update(&[level(bid)], &[level(ask)]).expect("levels");
            let checksum = checksum(book.view().expect("a valid book"));
            let sides = [vec![bid], vec![ask]];
            texts.push(book_text("update", book_time(number), sides, checksum));
        }
        Self { texts }
    }
}

/// The book after a number of messages as a snapshot.
fn snapshot(position: u32) -> String {
    let changes = position / 3;
    let book = book(changes);
    let view = book.view().expect("a valid book");
    let sides = [BookSide::Bid, BookSide::Ask].map(|side| {
        let level = |level: tickbook::domain::book::BookLevel| {
            let units = |units: i64| u32::try_from(units).expect("few");
            (units(level.price), units(level.quantity))
        };
        view.side(side).map(level).collect()
    });
    // a time between the last change and the next one
    let at = book_time(changes) + TimeDelta::microseconds(100);
    book_text("snapshot", at, sides, checksum(view))
}

/// Sends the session at full speed, up to `end`.
#[derive(Debug)]
pub(crate) struct Session {
    script: Arc<Script>,
    queue: VecDeque<String>,
    subscribed: usize,
    position: u32,
    /// The number of messages to send.
    end: Arc<AtomicU32>,
    /// Whether each connection gets the session from its beginning, or goes on where the last one ended.
    is_resent: bool,
    /// Whether the client has read the last message.
    is_read: bool,
    is_last_sent: bool,
}

impl Session {
    fn new(end: &Arc<AtomicU32>, is_resent: bool) -> Self {
        Self {
            script: Arc::new(Script::new(match is_resent {
                true => repeated_quote,
                false => quote,
            })),
            queue: VecDeque::new(),
            subscribed: 0,
            position: 0,
            end: Arc::clone(end),
            is_resent,
            is_read: false,
            is_last_sent: false,
        }
    }

    /// Each connection gets the session from its beginning. Quotes are repeated.
    pub(crate) fn resent(end: &Arc<AtomicU32>) -> Self {
        Self::new(end, true)
    }

    /// Each message is sent once. Quotes have times of their own.
    pub(crate) fn live(end: &Arc<AtomicU32>) -> Self {
        Self::new(end, false)
    }

    /// The number of messages that were sent.
    pub(crate) fn position(&self) -> u32 {
        self.position
    }

    /// Goes on by some messages, of which nobody gets any.
    pub(crate) fn skip(&mut self, messages: u32) {
        self.position = (self.position + messages).min(MESSAGES - 1);
    }

    /// Whether the client has read the whole session.
    pub(crate) fn is_read(&self) -> bool {
        self.is_read
    }
}

impl Play for Session {
    fn open(&mut self, _: &str) -> bool {
        self.queue.clear();
        (self.subscribed, self.is_read, self.is_last_sent) = (0, false, false);
        if self.is_resent {
            self.position = 0;
        }
        true
    }

    fn text(&mut self, text: &str) {
        let request: Value = serde_json::from_str(text).expect("JSON");
        if request["method"] != "subscribe" {
            return;
        }
        match request["params"]["channel"].as_str() {
            Some("instrument") => self.queue.push_back(INSTRUMENTS.to_owned()),
            Some("book") => {
                self.queue.push_back(snapshot(self.position));
                self.subscribed += 1;
            }
            Some("ticker" | "trade") => self.subscribed += 1,
            _ => {}
        }
    }

    fn next(&mut self) -> Step {
        if let Some(text) = self.queue.pop_front() {
            return Step::Send(text);
        }
        if self.subscribed < 3 {
            return Step::Idle;
        }
        if self.position >= self.end.load(Ordering::Relaxed).min(MESSAGES) {
            if self.position == MESSAGES && !self.is_last_sent {
                self.is_last_sent = true;
                return Step::Wait;
            }
            self.is_read = self.is_last_sent;
            return Step::Idle;
        }
        self.position += 1;
        Step::Send(self.script.texts[self.position as usize - 1].clone())
    }

    fn get(&mut self, _: &str) -> Option<Answer> {
        None
    }
}
