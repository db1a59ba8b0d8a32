//! Sessions that a feed stores.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::Value;
use tickbook::domain::{AggressorSide, PageLimit, PriceBasis, Tick, TimeRange, Trade};
use tickbook::ingest::fanout::FanOut;
use tickbook::ingest::feed::Pipeline;
use tickbook::ingest::{PersisterConfig, TickPersister, TradePersister};
use tickbook::repository::{TickQuery, TradeQuery};
use tickbook::{Clock, Repositories};
use tickbook_feeds::feed::{GapFiller, SymbolDirectory, VenueFeed};
use tickbook_feeds::transport::{Tls, Transport};
use venue_server::{Step, VenueServer};

use super::play::{Part, SessionPlay};
use super::whole::{binance, okx};
use super::{LIMIT, settings};

/// The ticks and trades of a symbol, in the order of the store.
type Stored = (Vec<Tick>, Vec<Trade>);

/// A session that a feed has stored.
pub(super) struct Fed {
    pub(super) repositories: Repositories,
    pub(super) directory: SymbolDirectory,
    pub(super) symbols: Vec<String>,
    pub(super) server: VenueServer<SessionPlay>,
    /// Fills the gaps of the feed, if its venue has a history.
    pub(super) filler: Option<GapFiller>,
}

impl Fed {
    /// The ticks and trades of a symbol.
    pub(super) async fn stored(&self, symbol: &str) -> Stored {
        let id = self.directory.get(symbol).expect("an id");
        let repositories = &self.repositories;
        let mut query = TickQuery::new(id, TimeRange::all());
        query.limit = PageLimit::MAX;
        let ticks = repositories.ticks.range(&query).await.expect("memory");
        let query = TradeQuery::new(id, TimeRange::all()).limit(PageLimit::MAX);
        let trades = repositories.trades.range(&query).await.expect("memory");
        (ticks.items, trades.items)
    }
}

/// Stores a session through a feed, with its gaps.
pub(super) async fn feed(play: SessionPlay) -> Fed {
    let repositories = Repositories::in_memory();
    let make = play.dialect().venue;
    let symbols = play.symbols().to_vec();
    let is_finished = play.finished();
    let server = VenueServer::start(play).await;
    let venue = make(&symbols, &server.websocket(), &server.http());
    let name = venue.name();
    let open = SymbolDirectory::open(&*repositories.symbols, name, symbols.iter().cloned(), &[]);
    let directory = open.await.expect("memory");
    let tls = Tls::of_the_system().expect("TLS");
    let transport = Transport::new(tls, Clock::system()).with_settings(settings());
    let persister = TickPersister::start(repositories.ticks.clone(), PersisterConfig::default());
    let feed = VenueFeed::new(venue, directory.clone(), transport);
    let feed = feed.with_gaps(repositories.clone());
    let filler = feed.gap_filler();
    let trades = TradePersister::start(repositories.trades.clone(), PersisterConfig::default());
    let pipeline = Pipeline::builder(persister)
        .trades(trades, FanOut::new())
        .feed(Box::new(feed))
        .start();
    let ended = async {
        while !is_finished.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let in_time = tokio::time::timeout(LIMIT, ended).await;
    assert!(
        in_time.is_ok(),
        "the session does not end: {:?}",
        server.play()
    );
    let report = pipeline.stop(LIMIT).await;
    assert!(report.is_complete(), "{report:?}");
    Fed {
        repositories,
        directory,
        symbols,
        server,
        filler,
    }
}

/// Stores a session through a feed. Returns the records of each symbol.
async fn store(play: SessionPlay) -> BTreeMap<String, Stored> {
    let fed = feed(play).await;
    let mut stored = BTreeMap::new();
    for symbol in &fed.symbols {
        stored.insert(symbol.clone(), fed.stored(symbol).await);
    }
    stored
}

/// Update number and best prices of the quotes of each symbol that Binance itself sends.
type BestPrices = BTreeMap<String, BTreeMap<i64, [Decimal; 4]>>;

fn best_prices(parts: &[Part]) -> BestPrices {
    let mut best = BestPrices::new();
    for part in parts {
        let Part::Text(text) = part else {
            continue;
        };
        let message: Value = serde_json::from_str(text).expect("JSON");
        let data = &message["data"];
        if !message["stream"]
            .as_str()
            .is_some_and(|stream| stream.ends_with("@bookTicker"))
        {
            continue;
        }
        let number = |key: &str| -> Decimal {
            let text = data[key].as_str().expect("digits");
            text.parse::<Decimal>().expect("a number").normalize()
        };
        let prices = ["b", "B", "a", "A"].map(number);
        let symbol = data["s"].as_str().expect("a symbol").to_owned();
        let update = data["u"].as_i64().expect("a number");
        best.entry(symbol).or_default().insert(update, prices);
    }
    best
}

#[tokio::test]
async fn stored_binance_quotes_equal_the_best_prices() {
    for closes in [&[][..], &[90, 131, 200]] {
        let Some((mut play, _)) = binance() else {
            return;
        };
        let best = best_prices(play.parts());
        play.is_patient = true;
        play.lockstep = 0..play.parts().len();
        for position in closes {
            play.extra.insert(*position, Step::Close);
        }
        let stored = store(play).await;
        let mut compared = 0;
        for (symbol, (ticks, _)) in &stored {
            for tick in ticks {
                let quotes = best.get(symbol);
                let newest = quotes.and_then(|quotes| quotes.range(..=tick.sequence).next_back());
                let Some((_, prices)) = newest else {
                    continue;
                };
                let found = [
                    tick.bid_price,
                    tick.bid_volume,
                    tick.ask_price,
                    tick.ask_volume,
                ];
                let found = found.map(|number| number.expect("both sides"));
                assert_eq!(&found, prices, "{symbol} at {}", tick.sequence);
                compared += 1;
            }
        }
        assert!(compared > 10, "{compared}");
    }
}

#[tokio::test]
async fn stored_okx_quotes_equal_the_oracle() {
    for closes in [&[][..], &[30, 150, 151]] {
        let Some((mut play, expected)) = okx() else {
            return;
        };
        for position in closes {
            play.extra.insert(*position, Step::Close);
        }
        let stored = store(play).await;
        for (symbol, expected) in expected["quotes"].as_object().expect("a map") {
            let (ticks, _) = &stored[symbol];
            assert_eq!(
                ticks.len() as u64,
                expected["count"].as_u64().expect("it"),
                "{symbol}"
            );
            for (basis, sum) in [(PriceBasis::Bid, "sum_bid"), (PriceBasis::Ask, "sum_ask")] {
                let prices = ticks
                    .iter()
                    .map(|tick| tick.price(basis).expect("both sides"));
                let found: Decimal = prices.sum();
                let sum: Decimal = expected[sum].as_str().expect("a sum").parse().expect("it");
                assert_eq!(found, sum, "{symbol}");
            }
        }
    }
}

#[tokio::test]
async fn stored_okx_trades_equal_the_oracle() {
    for closes in [&[][..], &[30, 150, 151]] {
        let Some((mut play, expected)) = okx() else {
            return;
        };
        for position in closes {
            play.extra.insert(*position, Step::Close);
        }
        let stored = store(play).await;
        let mut compared = 0;
        for (symbol, expected) in expected["trades"].as_object().expect("a map") {
            let Some((_, trades)) = stored.get(symbol) else {
                continue;
            };
            let expected = &expected["distinct"];
            let count = expected["count"].as_u64().expect("it");
            assert_eq!(trades.len() as u64, count, "{symbol}");
            let sum = |of: &dyn Fn(&Trade) -> Decimal| -> Decimal { trades.iter().map(of).sum() };
            let of_side = |side| {
                move |trade: &Trade| match trade.aggressor_side == Some(side) {
                    true => trade.quantity,
                    false => Decimal::ZERO,
                }
            };
            for (field, found) in [
                ("sum_qty", sum(&|trade| trade.quantity)),
                (
                    "sum_price_x_qty",
                    sum(&|trade| trade.price * trade.quantity),
                ),
                ("buy_qty", sum(&of_side(AggressorSide::Buy))),
                ("sell_qty", sum(&of_side(AggressorSide::Sell))),
            ] {
                let expected: Decimal = expected[field]
                    .as_str()
                    .expect("digits")
                    .parse()
                    .expect("it");
                assert_eq!(found, expected, "{field} of {symbol}");
            }
            compared += count;
        }
        assert!(compared > 0, "no trades");
    }
}
