//! The messages that are published.

use serde::Serialize;
use tickbook::domain::{AggressorSide, Symbol, SymbolId, Tick, Trade};
use tickbook::ingest::Record;
use tickbook::ingest::fanout::Event;

use crate::metrics::{MISSED_TICKS, MISSED_TRADES};
use crate::wire::{TickBody, TimeText, TradeBody};

/// Maximum length of a routing key in bytes.
pub(super) const KEY_LIMIT: usize = 255;

/// A tick or a trade that is published to RabbitMQ.
pub trait MessageRecord: Record {
    /// The counter of records that a sink missed.
    const MISSED: &'static str;

    /// Begins every message id.
    const ID_PREFIX: &'static str;

    /// Identifies the record among those of its type, so that consumers recognize a repeated message.
    fn id(&self) -> String;

    /// The record as JSON.
    ///
    /// # Errors
    /// It cannot be written.
    fn body(self) -> serde_json::Result<Vec<u8>>;
}

impl MessageRecord for Tick {
    const MISSED: &'static str = MISSED_TICKS;
    const ID_PREFIX: &'static str = "";

    fn id(&self) -> String {
        let (symbol_id, micros) = (self.symbol_id, self.tick_time.timestamp_micros());
        let Some(occurrence) = self.occurrence else {
            return format!("{symbol_id}/{micros}/{}", self.sequence);
        };
        let numbers = [
            self.bid_price,
            self.ask_price,
            self.bid_volume,
            self.ask_volume,
        ];
        let numbers = numbers.map(|number| number.map(|number| number.normalize().to_string()));
        let numbers = numbers.map(Option::unwrap_or_default).join("/");
        format!("{symbol_id}/{micros}/{numbers}/{occurrence}")
    }

    fn body(self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&TickBody::from(self))
    }
}

impl MessageRecord for Trade {
    const MISSED: &'static str = MISSED_TRADES;
    const ID_PREFIX: &'static str = "trade/";

    fn id(&self) -> String {
        let (symbol_id, micros) = (self.symbol_id, self.trade_time.timestamp_micros());
        let Some(occurrence) = self.occurrence else {
            return format!("{symbol_id}/{micros}/{}", self.sequence);
        };
        let (price, quantity) = (self.price.normalize(), self.quantity.normalize());
        let side = self.aggressor_side.map_or("", AggressorSide::as_str);
        let block = if self.is_block { "block" } else { "" };
        let id = self.trade_id.as_deref().unwrap_or_default();
        format!("{symbol_id}/{micros}/{price}/{quantity}/{side}/{block}/{occurrence}/{id}")
    }

    fn body(self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&TradeBody::from(self))
    }
}

/// A message that is not confirmed yet.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) key: String,
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) body: Vec<u8>,
}

/// Missed ticks or trades, to be read from the REST interface: `from` is inclusive, `to` exclusive.
#[derive(Serialize)]
struct GapNotice {
    symbol_id: i64,
    from: TimeText,
    to: TimeText,
    missed: u64,
}

impl Outgoing {
    pub(super) fn new<R: MessageRecord>(event: Event<R>, key: String) -> Option<Self> {
        let symbol_id = event.symbol_id();
        let (kind, id, body) = match event {
            Event::Record(published) => {
                let record = published.record;
                let id = format!("{}{}", R::ID_PREFIX, record.id());
                (R::NAME, id, record.body())
            }
            Event::Gap(gap) => {
                let body = GapNotice {
                    symbol_id: symbol_id.get(),
                    from: TimeText(gap.from),
                    to: TimeText(gap.to),
                    missed: gap.missed,
                };
                let prefix = R::ID_PREFIX;
                let id = format!("{prefix}gap/{symbol_id}/{}/{}", gap.first, gap.last);
                ("gap", id, serde_json::to_vec(&body))
            }
        };
        match body {
            Ok(body) => Some(Self {
                key,
                kind,
                id,
                body,
            }),
            Err(error) => {
                tracing::error!(%error, "cannot write a message as JSON");
                None
            }
        }
    }
}

/// Exchange and name as one word each, because consumers select by words.
pub(super) fn routing_key(symbol: &Symbol) -> String {
    let word = |text: &str| text.replace('%', "%25").replace('.', "%2E");
    let mut key = format!("{}.{}", word(&symbol.exchange), word(&symbol.name));
    while key.len() > KEY_LIMIT {
        key.pop();
    }
    key
}

/// The routing key of a symbol that does not exist.
pub(super) fn unknown_key(symbol_id: SymbolId) -> String {
    format!("unknown.{symbol_id}")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use rust_decimal::Decimal;
    use tickbook::domain::NewSymbol;
    use tickbook::ingest::fanout::{Gap, Published};

    use super::*;

    fn key(exchange: &str, name: &str) -> String {
        routing_key(&NewSymbol::named(exchange, name).into_symbol(SymbolId::new(1)))
    }

    #[test]
    fn messages_are_identified_by_the_key_of_their_tick() {
        let time = DateTime::from_timestamp_micros(7).expect("a time");
        let tick = Tick::new(SymbolId::new(1), time).with_bid(Decimal::new(150, 2));
        let sequenced = tick.clone().with_sequence(5);
        assert_eq!(MessageRecord::id(&sequenced), "1/7/5");
        // its occurrence within the instant differs between connections
        let unsequenced = sequenced.with_occurrence(2);
        assert_eq!(MessageRecord::id(&unsequenced), "1/7/1.5////2");
        let other = unsequenced
            .with_bid_volume(Decimal::ONE)
            .with_ask(Decimal::TWO);
        assert_eq!(MessageRecord::id(&other), "1/7/1.5/2/1//2");
    }

    #[test]
    fn trades_are_identified_apart_from_ticks() {
        let time = DateTime::from_timestamp_micros(7).expect("a time");
        let trade = Trade::new(SymbolId::new(1), time, Decimal::new(150, 2), Decimal::TWO);
        let id = |trade: &Trade| {
            let event = Event::Record(Published::new(1, trade.clone()));
            let message = Outgoing::new(event, "key".to_owned()).expect("JSON");
            assert_eq!(message.kind, "trade");
            message.id
        };
        assert_eq!(id(&trade.clone().with_sequence(5)), "trade/1/7/5");
        let unsequenced = trade.with_occurrence(2);
        assert_eq!(id(&unsequenced), "trade/1/7/1.5/2///2/");
        let other = unsequenced
            .with_aggressor_side(AggressorSide::Sell)
            .with_block(true)
            .with_trade_id("a/b".to_owned());
        assert_eq!(id(&other), "trade/1/7/1.5/2/sell/block/2/a/b");
        let missed: Event<Trade> = Event::Gap(Gap::of(&Published::new(9, other)));
        let gap = Outgoing::new(missed, "key".to_owned()).expect("JSON");
        assert_eq!((gap.kind, gap.id.as_str()), ("gap", "trade/gap/1/9/9"));
    }

    #[test]
    fn routing_key_has_two_words_and_fits() {
        assert_eq!(key("oanda", "EURUSD"), "oanda.EURUSD");
        assert_eq!(key("nyse", "BRK.A"), "nyse.BRK%2EA");
        let long = key(&"€".repeat(50), &"€".repeat(100));
        assert!(long.len() <= KEY_LIMIT && long.len() > KEY_LIMIT - 3);
    }
}
