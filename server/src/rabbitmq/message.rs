//! The messages that are published.

use serde::Serialize;
use tickbook::domain::{Symbol, SymbolId, Tick};
use tickbook::ingest::fanout::Event;

use crate::wire::{TickBody, TimeText};

/// Maximum length of a routing key in bytes.
pub(super) const KEY_LIMIT: usize = 255;

/// A message that is not confirmed yet.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) key: String,
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) body: Vec<u8>,
}

/// Missed ticks, to be read from the REST interface: `from` is inclusive, `to` exclusive.
#[derive(Serialize)]
struct GapNotice {
    symbol_id: i64,
    from: TimeText,
    to: TimeText,
    missed: u64,
}

impl Outgoing {
    pub(super) fn new(event: Event, key: String) -> Option<Self> {
        let symbol_id = event.symbol_id();
        let (kind, id, body) = match event {
            Event::Record(published) => {
                let tick = published.record;
                (
                    "tick",
                    message_id(&tick),
                    serde_json::to_vec(&TickBody::from(tick)),
                )
            }
            Event::Gap(gap) => {
                let body = GapNotice {
                    symbol_id: symbol_id.get(),
                    from: TimeText(gap.from),
                    to: TimeText(gap.to),
                    missed: gap.missed,
                };
                let id = format!("gap/{symbol_id}/{}/{}", gap.first, gap.last);
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

/// Identifies a tick, so that consumers recognize a repeated message.
fn message_id(tick: &Tick) -> String {
    let (symbol_id, micros) = (tick.symbol_id, tick.tick_time.timestamp_micros());
    let Some(occurrence) = tick.occurrence else {
        return format!("{symbol_id}/{micros}/{}", tick.sequence);
    };
    let numbers = [
        tick.bid_price,
        tick.ask_price,
        tick.bid_volume,
        tick.ask_volume,
    ];
    let numbers = numbers.map(|number| number.map(|number| number.normalize().to_string()));
    let numbers = numbers.map(Option::unwrap_or_default).join("/");
    format!("{symbol_id}/{micros}/{numbers}/{occurrence}")
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

    use super::*;

    fn key(exchange: &str, name: &str) -> String {
        routing_key(&NewSymbol::named(exchange, name).into_symbol(SymbolId::new(1)))
    }

    #[test]
    fn messages_are_identified_by_the_key_of_their_tick() {
        let time = DateTime::from_timestamp_micros(7).expect("a time");
        let tick = Tick::new(SymbolId::new(1), time).with_bid(Decimal::new(150, 2));
        let sequenced = tick.clone().with_sequence(5);
        assert_eq!(message_id(&sequenced), "1/7/5");
        // its occurrence within the instant differs between connections
        let unsequenced = sequenced.with_occurrence(2);
        assert_eq!(message_id(&unsequenced), "1/7/1.5////2");
        let other = unsequenced
            .with_bid_volume(Decimal::ONE)
            .with_ask(Decimal::TWO);
        assert_eq!(message_id(&other), "1/7/1.5/2/1//2");
    }

    #[test]
    fn routing_key_has_two_words_and_fits() {
        assert_eq!(key("oanda", "EURUSD"), "oanda.EURUSD");
        assert_eq!(key("nyse", "BRK.A"), "nyse.BRK%2EA");
        let long = key(&"€".repeat(50), &"€".repeat(100));
        assert!(long.len() <= KEY_LIMIT && long.len() > KEY_LIMIT - 3);
    }
}
