//! The order book of one simulated symbol.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rust_decimal::Decimal;
use tickbook::domain::Tick;
use tickbook::domain::book::{BookNumber, LevelChange, OrderBook};
use tickbook::ingest::book::BookEvent;

use super::{INSTRUMENTS, SimulatedInstrument};

/// The number of levels of each side.
const DEPTH: usize = 20;

/// The quantities by price, in units of the last digit; prices of bids are negative, so that the best is first.
type Side = BTreeMap<i64, i64>;

/// A book whose best levels are the quotes of the walk.
#[derive(Debug)]
pub(super) struct SimulatedBook {
    instrument: usize,
    /// A generator of its own, so that quotes do not depend on books.
    random: StdRng,
    bids: Side,
    asks: Side,
    /// The number of the last event.
    sequence: i64,
}

impl SimulatedBook {
    /// An empty book of the instrument with this index.
    pub(super) fn new(seed: u64, instrument: usize) -> Self {
        let own = (instrument as u64 + 1) << 32;
        Self {
            instrument,
            random: StdRng::seed_from_u64(seed ^ own),
            bids: Side::new(),
            asks: Side::new(),
            sequence: 0,
        }
    }

    fn digits(&self) -> u8 {
        INSTRUMENTS[self.instrument].digits.unsigned_abs() as u8
    }

    /// The snapshot of the first quote, and the changes that make later quotes the best levels. `None` for a quote
    /// without a side.
    pub(super) fn next(&mut self, quote: &Tick) -> Option<BookEvent> {
        let digits = self.digits();
        let price = |price: Option<Decimal>| BookNumber::try_from(price?).ok()?.units_at(digits);
        let volume = |volume: Option<Decimal>| BookNumber::try_from(volume?).ok()?.units_at(0);
        let best_bid = (-price(quote.bid_price)?, volume(quote.bid_volume)?);
        let best_ask = (price(quote.ask_price)?, volume(quote.ask_volume)?);
        let instrument = &INSTRUMENTS[self.instrument];
        let bids = advance(&mut self.bids, best_bid, instrument, &mut self.random);
        let asks = advance(&mut self.asks, best_ask, instrument, &mut self.random);
        let changes = |levels: Vec<(i64, i64)>| -> Vec<LevelChange> {
            let levels = levels.into_iter();
            levels.filter_map(|level| change(level, digits)).collect()
        };
        let (bids, asks) = (changes(bids), changes(asks));
        self.sequence += 1;
        let event = if self.sequence == 1 {
            let mut book = OrderBook::new().with_depth(DEPTH);
            book.load(&bids, &asks).ok()?;
            BookEvent::snapshot(quote.symbol_id, quote.tick_time, &book)
        } else {
            BookEvent::levels(quote.symbol_id, quote.tick_time, &bids, &asks)
        };
        Some(event.with_sequence(self.sequence))
    }
}

fn change((price, quantity): (i64, i64), digits: u8) -> Option<LevelChange> {
    let price = BookNumber::new(price.abs(), digits)?;
    Some(LevelChange::new(price, BookNumber::new(quantity, 0)?))
}

/// Makes `best` the best level of a side, changes one other level, and fills the side up to its depth. Returns the
/// changed levels; quantity 0 removes one.
fn advance(
    side: &mut Side,
    best: (i64, i64),
    instrument: &SimulatedInstrument,
    random: &mut StdRng,
) -> Vec<(i64, i64)> {
    let SimulatedInstrument { lot, step, .. } = instrument;
    let before = side.clone();
    *side = side.split_off(&best.0);
    side.insert(best.0, best.1);
    let other = random.random_range(1..DEPTH);
    if let Some(quantity) = side.values_mut().nth(other) {
        *quantity = lot * random.random_range(1..=100);
    }
    while side.len() < DEPTH {
        let worst = side.keys().next_back().copied().unwrap_or(best.0);
        let price = worst + random.random_range(1..=*step);
        side.insert(price, lot * random.random_range(1..=100));
    }
    while side.len() > DEPTH {
        side.pop_last();
    }
    let removed = before.keys().filter(|price| !side.contains_key(price));
    let removed = removed.map(|price| (*price, 0));
    let set = side
        .iter()
        .filter(|(price, quantity)| before.get(price) != Some(quantity));
    removed
        .chain(set.map(|(price, quantity)| (*price, *quantity)))
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use tickbook::domain::SymbolId;
    use tickbook::domain::book::BookSide;
    use tickbook::ingest::book::{BookContent, LiveBooks};
    use tickbook::ingest::fanout::FanOut;
    use tickbook::ingest::feed::FeedOutput;

    use super::super::Walk;
    use super::*;

    /// The quotes and book events of a seed.
    fn events(seed: u64, count: usize) -> Vec<(Tick, BookEvent)> {
        let mut walk = Walk::new(seed);
        let books = (0..INSTRUMENTS.len()).map(|index| SimulatedBook::new(seed, index));
        let mut books: Vec<_> = books.collect();
        let mut events = Vec::new();
        let now = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
        for _ in 0..count {
            let step = walk.step();
            let symbol_id = SymbolId::new(step.instrument as i64 + 1);
            let tick = Tick::quote(symbol_id, now, step.bid_price, step.ask_price)
                .with_volumes(step.bid_volume, step.ask_volume);
            let event = books[step.instrument].next(&tick).expect("both sides");
            events.push((tick, event));
        }
        events
    }

    #[tokio::test]
    async fn best_levels_are_those_of_the_quotes() {
        let live = LiveBooks::new();
        let mut output = FeedOutput::new(FanOut::new()).with_books(&live, "simulated");
        for (tick, event) in events(7, 5_000) {
            let symbol_id = tick.symbol_id;
            output.send_book(event).await.expect("it has books");
            let book = live.get(symbol_id, 1_000).expect("a book");
            assert!(book.state.is_valid(), "{book:?}");
            let best = [&book.bids, &book.asks].map(|side| (side[0].price, side[0].quantity));
            let quoted = [
                (
                    tick.bid_price.expect("a bid"),
                    tick.bid_volume.expect("known"),
                ),
                (
                    tick.ask_price.expect("an ask"),
                    tick.ask_volume.expect("known"),
                ),
            ];
            assert_eq!(best, quoted);
            assert_eq!((book.bids.len(), book.asks.len()), (DEPTH, DEPTH));
        }
    }

    #[test]
    fn same_seed_gives_the_same_books() {
        let of = |seed| -> Vec<_> {
            let events = events(seed, 200).into_iter();
            events.map(|(_, event)| format!("{event:?}")).collect()
        };
        assert!(of(7) == of(7), "the texts are long");
        assert!(of(7) != of(8));
    }

    #[test]
    fn first_event_is_a_snapshot_and_numbers_follow() {
        let mut next = [1; INSTRUMENTS.len()];
        for (tick, event) in events(3, 300) {
            let number = &mut next[tick.symbol_id.get() as usize - 1];
            assert_eq!(event.sequence, Some(*number));
            let is_snapshot = matches!(event.content, BookContent::Snapshot(_));
            assert_eq!(is_snapshot, *number == 1);
            if let BookContent::Snapshot(book) = &event.content {
                let levels = book.view().map(|view| view.side(BookSide::Bid).len());
                assert_eq!(levels, Some(DEPTH));
            }
            *number += 1;
        }
    }
}
