//! Feeds of trades beside ticks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::*;
use crate::Clock;
use crate::domain::{SymbolId, Tick, TimeRange, Trade};
use crate::ingest::fanout::{Event, FanOut, QueueOptions};
use crate::ingest::quality::{QualityRules, Quarantine, RuleAction, SymbolRules};
use crate::ingest::{PersisterConfig, TickPersister, TradePersister};
use crate::repositories::Repositories;
use crate::repository::{QuarantineQuery, TradeQuery};

/// The time limit for stopping a pipeline.
const FLUSH: Duration = Duration::from_secs(10);

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_398_902_400_000_000).expect("a time")
}

fn trade(symbol_id: i64, price: i64) -> Trade {
    let symbol_id = SymbolId::new(symbol_id);
    Trade::new(symbol_id, start(), price.into(), Decimal::ONE)
}

/// Delivers trades and one tick, with the numbers of its venue if it has any.
#[derive(Debug)]
struct Venue {
    name: &'static str,
    trades: Vec<(Trade, Option<i64>)>,
}

#[async_trait]
impl Feed for Venue {
    fn name(&self) -> &str {
        self.name
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        let price = Decimal::ONE;
        let tick = Tick::quote(SymbolId::new(1), start(), price, price);
        output.send(tick, Some(0)).await?;
        for (trade, sequence) in self.trades.drain(..) {
            output.send_trade(trade, sequence).await?;
        }
        Ok(())
    }
}

fn venue(name: &'static str, trades: impl IntoIterator<Item = (Trade, Option<i64>)>) -> Venue {
    let trades = trades.into_iter().collect();
    Venue { name, trades }
}

async fn ended(monitor: &PipelineMonitor) {
    while monitor.state().is_running() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn builder(repositories: &Repositories, fan_out: &FanOut<Trade>) -> PipelineBuilder {
    let config = PersisterConfig::default;
    let ticks = TickPersister::start(Arc::clone(&repositories.ticks), config());
    let trades = TradePersister::start(Arc::clone(&repositories.trades), config());
    Pipeline::builder(ticks).trades(trades, fan_out.clone())
}

async fn stored(repositories: &Repositories, symbol_id: i64) -> Vec<Trade> {
    let query = TradeQuery::new(SymbolId::new(symbol_id), TimeRange::all());
    repositories
        .trades
        .range(&query)
        .await
        .expect("memory")
        .items
}

#[tokio::test(start_paused = true)]
async fn trades_of_several_feeds_are_stored() {
    let repositories = Repositories::in_memory();
    let fan_out = FanOut::new();
    let mut queue = fan_out.open(QueueOptions::dropping_oldest("test", 100));
    let numbered = [(trade(1, 5), Some(70)), (trade(1, 5), Some(71))];
    let unnumbered = [
        (trade(2, 5), None),
        (trade(2, 6), None),
        (trade(2, 5), None),
    ];
    let pipeline = builder(&repositories, &fan_out)
        .feed(Box::new(venue("numbered", numbered)))
        .feed(Box::new(venue("unnumbered", unnumbered)))
        .start();
    let monitor = pipeline.monitor();
    ended(&monitor).await;
    let report = pipeline.stop(FLUSH).await;
    assert!(report.is_complete(), "{report:?}");
    let state = monitor.state();
    let published: Vec<_> = state.feeds.iter().map(|it| it.trades_published).collect();
    assert_eq!(published, [2, 3]);
    assert_eq!(state.trades.expect("a store").stats.inserted, 5);
    let ticks = repositories.ticks.count(SymbolId::new(1), TimeRange::all());
    assert_eq!(ticks.await.expect("memory"), 1);
    let keys = |trades: Vec<Trade>| -> Vec<_> {
        let keys = trades.iter().map(|it| (it.sequence, it.price.to_string()));
        keys.collect()
    };
    let of = |pairs: &[(i64, &str)]| -> Vec<_> {
        let pairs = pairs.iter();
        pairs
            .map(|(sequence, price)| (*sequence, (*price).to_owned()))
            .collect()
    };
    assert_eq!(
        keys(stored(&repositories, 1).await),
        of(&[(70, "5"), (71, "5")])
    );
    let expected = of(&[(0, "5"), (1, "6"), (2, "5")]);
    assert_eq!(keys(stored(&repositories, 2).await), expected);
    let mut received = 0;
    while let Some(events) = queue.next().await {
        received += events
            .iter()
            .filter(|it| matches!(it, Event::Record(_)))
            .count();
    }
    assert_eq!(received, 5);
}

#[tokio::test(start_paused = true)]
async fn trades_without_a_store_end_their_feed() {
    let repositories = Repositories::in_memory();
    let persister = TickPersister::start(repositories.ticks, PersisterConfig::default());
    let feed = venue("venue", [(trade(1, 5), None)]);
    let pipeline = Pipeline::builder(persister).feed(Box::new(feed)).start();
    let monitor = pipeline.monitor();
    ended(&monitor).await;
    let FeedStatus::Failed { error } = &monitor.state().feeds[0].status else {
        panic!("{:?}", monitor.state());
    };
    assert!(error.contains("trades have no store"), "{error}");
    assert!(pipeline.stop(FLUSH).await.is_complete());
}

#[tokio::test(start_paused = true)]
async fn rules_hold_back_trades() {
    let repositories = Repositories::in_memory();
    let quarantine = Quarantine::open(Arc::clone(&repositories.trade_quarantine), None).await;
    let quarantine = quarantine.expect("memory");
    let rules = QualityRules::default()
        .deviation(RuleAction::Quarantine)
        .frozen_quote(RuleAction::Quarantine)
        .frozen_quote_ticks(1);
    let future = trade(1, 100).with_trade_time(start() + TimeDelta::hours(1));
    let given = [
        // a price may stay the same
        (trade(1, 100), Some(1)),
        (trade(1, 100), Some(2)),
        (future.clone(), Some(3)),
        // more than 5 % off
        (trade(1, 106), Some(4)),
        (trade(1, 104), Some(5)),
    ];
    let pipeline = builder(&repositories, &FanOut::new())
        .quality_of_trades(
            SymbolRules::new(rules),
            quarantine,
            Clock::standing_at(start()),
        )
        .feed(Box::new(venue("venue", given)))
        .start();
    let monitor = pipeline.monitor();
    ended(&monitor).await;
    assert!(pipeline.stop(FLUSH).await.is_complete());
    let feed = &monitor.state().feeds[0];
    assert_eq!((feed.trades_published, feed.trades_held_back), (3, 2));
    let sequences: Vec<_> = stored(&repositories, 1).await;
    let sequences: Vec<_> = sequences.iter().map(|it| it.sequence).collect();
    assert_eq!(sequences, [1, 2, 5]);
    let query = QuarantineQuery::default();
    let held = repositories.trade_quarantine.list(&query);
    let held: Vec<_> = held.await.expect("memory").items;
    let held = held.iter().map(|it| {
        let (event, verdict) = (&it.item.event, &it.item.verdict);
        (
            event.sequence,
            verdict.rule.as_str(),
            verdict.observed.to_string(),
        )
    });
    let held: Vec<_> = held.collect();
    let expected = [(3, "future", "3600"), (4, "deviation", "0.06")];
    assert_eq!(
        held,
        expected.map(|(id, rule, observed)| (id, rule, observed.to_owned()))
    );
}
