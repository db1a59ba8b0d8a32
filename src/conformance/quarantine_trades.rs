//! Conformance: the quarantine of trades.
//!
//! Covers `QuarantineRepository` and `quality::release` of trades, as far as they differ from those of ticks.

use std::sync::Arc;

use super::samples::{EURUSD, GBPUSD, dec, limit, micros, range, seconds};
use super::trades_samples::{insert_new_trades, nth_trade, stored_trades, trade, trades};
use crate::Repositories;
use crate::domain::{Rule, Trade, Verdict};
use crate::ingest::RepositoryRecord as _;
use crate::ingest::quality::release;
use crate::repository::{
    QuarantineEntry, QuarantineQuery, QuarantineRepository, QuarantinedTrade, Resolution,
};

/// Quarantines a trade for a deviation.
fn held(trade: Trade) -> QuarantinedTrade {
    let verdict = Verdict::new(Rule::Deviation, dec("0.123456789012"), dec("0.05"));
    QuarantinedTrade::new(trade, verdict, micros(1_234_567))
}

async fn put(quarantine: &dyn QuarantineRepository<Trade>, trades: &[QuarantinedTrade]) -> u64 {
    quarantine.put(trades).await.expect("stored")
}

async fn list(
    quarantine: &dyn QuarantineRepository<Trade>,
    query: &QuarantineQuery,
) -> Vec<QuarantineEntry<Trade>> {
    quarantine.list(query).await.expect("answered").items
}

fn everything() -> QuarantineQuery {
    QuarantineQuery::default().state(None)
}

pub async fn every_field_of_a_quarantined_trade_reads_back(repositories: &Repositories) {
    let quarantine = repositories.trade_quarantine.as_ref();
    let given: Vec<_> = trades(EURUSD, 30).into_iter().map(held).collect();
    assert_eq!(put(quarantine, &given).await, 30);
    let found = list(quarantine, &everything()).await;
    let found: Vec<_> = found.into_iter().map(|entry| entry.item).collect();
    assert_eq!(found, given);
    let ticks = repositories.quarantine.list(&everything()).await;
    assert_eq!(ticks.expect("answered").items, []);
}

pub async fn trades_of_one_key_are_all_quarantined(repositories: &Repositories) {
    let quarantine = repositories.trade_quarantine.as_ref();
    let first = trade(seconds(1), 7, "1", "2");
    let given = [
        held(first.clone()),
        held(first.clone().with_price(dec("3"))),
        held(first.clone().with_block(true)),
        held(first.clone().with_trade_id("x".to_owned())),
        held(first.clone().with_occurrence(0)),
        held(first.clone().with_occurrence(1)),
        held(first.with_received_at(seconds(9))),
    ];
    assert_eq!(put(quarantine, &given).await, 6, "the last is the first");
    assert_eq!(put(quarantine, &given).await, 0, "they are stored already");
}

pub async fn list_of_quarantined_trades_applies_its_filters(repositories: &Repositories) {
    let quarantine = repositories.trade_quarantine.as_ref();
    let mut given: Vec<_> = (0..12)
        .map(|index| held(nth_trade(EURUSD, index)))
        .collect();
    given.push(held(nth_trade(GBPUSD, 0)));
    given[4].verdict.rule = Rule::Future;
    put(quarantine, &given).await;
    let by_symbol = everything().symbol_id(GBPUSD);
    assert_eq!(list(quarantine, &by_symbol).await.len(), 1);
    let by_rule = everything().rule(Rule::Future);
    assert_eq!(list(quarantine, &by_rule).await.len(), 1);
    let by_time = everything().range(range(seconds(1), seconds(3)));
    assert_eq!(list(quarantine, &by_time).await.len(), 6);
    let page = quarantine.list(&everything().limit(limit(5))).await;
    assert_eq!(page.expect("answered").items.len(), 5);
}

pub async fn released_trade_is_stored_once(repositories: &Repositories) {
    let quarantine = repositories.trade_quarantine.as_ref();
    let all = trades(EURUSD, 4);
    let given: Vec<_> = all.iter().cloned().map(held).collect();
    put(quarantine, &given).await;
    let ids: Vec<_> = list(quarantine, &everything()).await;
    let ids: Vec<_> = ids.into_iter().map(|entry| entry.id).collect();
    let discarded = quarantine.resolve(&ids[3..], Resolution::Discarded).await;
    assert_eq!(discarded.expect("decided"), 1);
    let taken = all[2].clone().with_price(dec("77"));
    insert_new_trades(repositories.trades.as_ref(), std::slice::from_ref(&taken)).await;
    let store = Trade::store(Arc::clone(&repositories.trades));
    let done = release(quarantine, &*store, &ids).await.expect("released");
    assert_eq!((done.released, done.stored.inserted), (2, 2));
    assert_eq!(done.stored.conflicts.len(), 1);
    let again = release(quarantine, &*store, &ids).await.expect("released");
    assert_eq!(again.released, 0);
    let expected = [all[0].clone(), all[1].clone(), taken];
    let stored = stored_trades(repositories.trades.as_ref(), EURUSD).await;
    assert_eq!(stored, expected);
    let left = list(quarantine, &QuarantineQuery::default()).await;
    let left: Vec<_> = left.into_iter().map(|entry| entry.item).collect();
    assert_eq!(left, given[2..3]);
}
