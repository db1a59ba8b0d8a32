//! The simulated feed: quotes, trades and order books of a few symbols from a seeded random walk.

mod book;

use std::time::Duration;

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rust_decimal::Decimal;
use tickbook::domain::{
    AggressorSide, Instrument, InstrumentType, NewSymbol, SymbolId, SymbolReference, Tick, Trade,
    truncate_to_micros,
};
use tickbook::ingest::feed::{Feed, FeedError, FeedOutput};
use tickbook::repository::SymbolRepository;
use tickbook::{Clock, RepositoryError};
use tokio::time::sleep;

use self::book::SimulatedBook;
use super::find_or_create;

/// The share of quotes that a trade follows.
const TRADE_RATE: f64 = 0.3;

/// The exchange of the simulated symbols.
pub const EXCHANGE: &str = "simulated";

struct SimulatedInstrument {
    name: &'static str,
    description: &'static str,
    kind: InstrumentType,
    currencies: (&'static str, &'static str),
    digits: i16,
    /// In units of the last digit.
    start: i64,
    /// The widest step and the widest spread, in units of the last digit.
    step: i64,
    spread: i64,
    lot: i64,
}

const INSTRUMENTS: [SimulatedInstrument; 4] = [
    SimulatedInstrument {
        name: "EURUSD",
        description: "Euro / US dollar, simulated",
        kind: InstrumentType::Forex,
        currencies: ("EUR", "USD"),
        digits: 5,
        start: 108_500,
        step: 4,
        spread: 12,
        lot: 100_000,
    },
    SimulatedInstrument {
        name: "GBPUSD",
        description: "Pound sterling / US dollar, simulated",
        kind: InstrumentType::Forex,
        currencies: ("GBP", "USD"),
        digits: 5,
        start: 127_100,
        step: 5,
        spread: 15,
        lot: 100_000,
    },
    SimulatedInstrument {
        name: "USDJPY",
        description: "US dollar / Japanese yen, simulated",
        kind: InstrumentType::Forex,
        currencies: ("USD", "JPY"),
        digits: 3,
        start: 149_350,
        step: 5,
        spread: 14,
        lot: 100_000,
    },
    SimulatedInstrument {
        name: "BTCUSD",
        description: "Bitcoin / US dollar, simulated",
        kind: InstrumentType::Crypto,
        currencies: ("BTC", "USD"),
        digits: 2,
        start: 6_450_000,
        step: 900,
        spread: 600,
        lot: 1,
    },
];

impl SimulatedInstrument {
    fn symbol(&self) -> NewSymbol {
        let (base, quote) = self.currencies;
        NewSymbol::named(EXCHANGE, self.name)
            .description(self.description)
            .digits(self.digits)
            .instrument(Some(
                Instrument::new(self.kind, quote, self.price(1), Decimal::from(self.lot))
                    .base_currency(base),
            ))
    }

    fn price(&self, units: i64) -> Decimal {
        Decimal::new(units, self.digits.unsigned_abs().into())
    }
}

/// Simulates several quotes of each symbol a second, trades at their prices, and the order books whose best levels are
/// the quotes, with times from a clock. The same seed gives the same prices in the same order.
#[derive(Debug)]
pub struct SimulatedFeed {
    symbol_ids: Vec<SymbolId>,
    clock: Clock,
    walk: Walk,
    books: Vec<SimulatedBook>,
}

impl SimulatedFeed {
    /// Creates the feed, and its symbols if they do not exist.
    ///
    /// # Errors
    /// The errors of the repository.
    pub async fn new(
        symbols: &dyn SymbolRepository,
        seed: u64,
        clock: Clock,
    ) -> Result<Self, RepositoryError> {
        let mut symbol_ids = Vec::new();
        for instrument in &INSTRUMENTS {
            let reference = SymbolReference::on(EXCHANGE, instrument.name);
            let symbol = find_or_create(symbols, &reference, instrument.symbol()).await?;
            symbol_ids.push(symbol.symbol_id);
        }
        Ok(Self {
            symbol_ids,
            clock,
            walk: Walk::new(seed),
            books: (0..INSTRUMENTS.len())
                .map(|index| SimulatedBook::new(seed, index))
                .collect(),
        })
    }
}

#[async_trait]
impl Feed for SimulatedFeed {
    fn name(&self) -> &str {
        "simulated"
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        loop {
            let step = self.walk.step();
            sleep(step.pause).await;
            let now = truncate_to_micros(self.clock.now());
            let symbol_id = self.symbol_ids[step.instrument];
            let tick = Tick::quote(symbol_id, now, step.bid_price, step.ask_price)
                .with_volumes(step.bid_volume, step.ask_volume)
                .with_received_at(Some(now));
            let book = &mut self.books[step.instrument];
            if output.accepts_books()
                && let Some(event) = book.next(&tick)
            {
                output.send_book(event).await?;
            }
            output.send(tick, None).await?;
            if let Some(trade) = step.trade {
                let trade = Trade::new(symbol_id, now, trade.price, trade.quantity)
                    .with_aggressor_side(trade.side)
                    .with_received_at(Some(now));
                // the venue of the feed does not number its trades
                if output.accepts_trades() {
                    output.send_trade(trade, None).await?;
                }
            }
        }
    }
}

/// The next quote.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    pause: Duration,
    /// Index into `INSTRUMENTS`.
    instrument: usize,
    bid_price: Decimal,
    ask_price: Decimal,
    bid_volume: Decimal,
    ask_volume: Decimal,
    /// A trade at the bid or at the ask, after some of the quotes.
    trade: Option<SimulatedTrade>,
}

#[derive(Debug, PartialEq, Eq)]
struct SimulatedTrade {
    price: Decimal,
    quantity: Decimal,
    side: AggressorSide,
}

#[derive(Debug)]
struct Walk {
    random: StdRng,
    /// A generator of its own, so that the quotes of a seed do not depend on the trades or the books.
    random_trades: StdRng,
    bids: [i64; INSTRUMENTS.len()],
}

impl Walk {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            random_trades: StdRng::seed_from_u64(!seed),
            bids: INSTRUMENTS.map(|instrument| instrument.start),
        }
    }

    fn step(&mut self) -> Step {
        let random = &mut self.random;
        let pause = Duration::from_millis(random.random_range(20..120));
        let index = random.random_range(0..INSTRUMENTS.len());
        let instrument = &INSTRUMENTS[index];
        let bid = &mut self.bids[index];
        // a price stays between half and twice its start
        *bid = (*bid + random.random_range(-instrument.step..=instrument.step))
            .clamp(instrument.start / 2, instrument.start * 2);
        let spread = random.random_range(1..=instrument.spread);
        let mut volume = || Decimal::from(instrument.lot * random.random_range(1..=50));
        let (bid_price, ask_price) = (instrument.price(*bid), instrument.price(*bid + spread));
        let trades = &mut self.random_trades;
        let trade = trades.random_bool(TRADE_RATE).then(|| {
            let (price, side) = match trades.random_bool(0.5) {
                true => (ask_price, AggressorSide::Buy),
                false => (bid_price, AggressorSide::Sell),
            };
            SimulatedTrade {
                price,
                quantity: Decimal::from(instrument.lot * trades.random_range(1..=10)),
                side,
            }
        });
        Step {
            pause,
            instrument: index,
            bid_price,
            ask_price,
            bid_volume: volume(),
            ask_volume: volume(),
            trade,
        }
    }
}

#[cfg(test)]
mod tests {
    use tickbook::Repositories;
    use tickbook::ingest::fanout::{Event, FanOut, QueueOptions};

    use super::*;

    #[test]
    fn same_seed_gives_the_same_quotes() {
        let (mut one, mut same, mut other) = (Walk::new(7), Walk::new(7), Walk::new(8));
        let one: Vec<_> = (0..100).map(|_| one.step()).collect();
        let same: Vec<_> = (0..100).map(|_| same.step()).collect();
        let other: Vec<_> = (0..100).map(|_| other.step()).collect();
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn quotes_are_never_crossed_and_lie_on_the_tick_size() {
        let mut walk = Walk::new(1);
        for _ in 0..10_000 {
            let step = walk.step();
            let tick_size = INSTRUMENTS[step.instrument].price(1);
            assert!(step.bid_price < step.ask_price, "{step:?}");
            assert!((step.bid_price % tick_size).is_zero(), "{step:?}");
            assert!(step.bid_volume > Decimal::ZERO, "{step:?}");
        }
    }

    #[test]
    fn trades_are_at_the_bid_or_the_ask() {
        let mut walk = Walk::new(1);
        let mut trades = 0;
        for _ in 0..10_000 {
            let step = walk.step();
            let Some(trade) = step.trade else { continue };
            trades += 1;
            let price = match trade.side {
                AggressorSide::Buy => step.ask_price,
                AggressorSide::Sell => step.bid_price,
            };
            assert_eq!(trade.price, price);
            assert!(trade.quantity > Decimal::ZERO, "{trade:?}");
        }
        assert!((2_500..3_500).contains(&trades), "{trades}");
    }

    #[tokio::test(start_paused = true)]
    async fn quotes_have_the_time_of_the_clock() {
        for now in suite::instants() {
            let symbols = Repositories::in_memory().symbols;
            let clock = Clock::standing_at(now);
            let feed = SimulatedFeed::new(&*symbols, 1, clock).await;
            let mut feed = feed.expect("memory");
            let fan_out = FanOut::new();
            let mut queue = fan_out.open(QueueOptions::dropping_oldest("test", 1_000));
            let running =
                tokio::spawn(async move { feed.run(&mut FeedOutput::new(fan_out)).await });
            let events = queue.next().await.expect("it quotes");
            let Event::Record(published) = &events[0] else {
                panic!("{events:?}");
            };
            let times = (published.record.tick_time, published.record.received_at);
            assert_eq!(times, (now, Some(now)));
            running.abort();
        }
    }

    #[tokio::test]
    async fn symbols_are_created_once() {
        let repositories = Repositories::in_memory();
        let first = SimulatedFeed::new(&*repositories.symbols, 1, Clock::system()).await;
        let again = SimulatedFeed::new(&*repositories.symbols, 2, Clock::system()).await;
        let (first, again) = (first.expect("memory"), again.expect("memory"));
        assert_eq!(first.symbol_ids, again.symbol_ids);
        assert_eq!(first.symbol_ids.len(), INSTRUMENTS.len());
    }
}
