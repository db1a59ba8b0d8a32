//! Conformance: the quarantine.
//!
//! Covers `QuarantineRepository` and `quality::release`.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::samples::{
    EURUSD, GBPUSD, WIDE_SEQUENCES, dec, insert, limit, micros, nth_tick, range, seconds, stored,
    with_other_price,
};
use crate::Repositories;
use crate::domain::{Rule, Verdict};
use crate::domain::{SymbolId, Tick};
use crate::ingest::RepositoryRecord as _;
use crate::ingest::quality::release;
use crate::repository::{
    QuarantineEntry, QuarantineId, QuarantineQuery, QuarantineRepository, QuarantineState,
    QuarantinedTick, Resolution,
};

/// Generates one `#[tokio::test]` for every behaviour of the quarantine.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests).
#[macro_export]
macro_rules! conformance_quarantine_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            quarantine {
                every_field_of_a_quarantined_tick_reads_back
                empty_quarantine_batch_does_nothing
                tick_is_quarantined_once_and_stays_unchanged
                ticks_of_one_key_are_both_quarantined
                equal_unsequenced_ticks_are_all_quarantined
                ticks_of_one_side_are_quarantined_once
                invalid_tick_refuses_the_whole_batch
                list_of_quarantined_ticks_applies_its_filters
                pages_of_quarantined_ticks_neither_skip_nor_repeat
                quarantined_ticks_are_found_by_their_ids
                resolved_ticks_are_not_resolved_again
                released_tick_is_stored_once
                tick_with_a_taken_key_stays_in_quarantine
            }
            quarantine_trades {
                every_field_of_a_quarantined_trade_reads_back
                trades_of_one_key_are_all_quarantined
                list_of_quarantined_trades_applies_its_filters
                released_trade_is_stored_once
            }
        }
    };
}

/// Quarantines a tick for a deviation.
fn held(tick: Tick) -> QuarantinedTick {
    QuarantinedTick {
        event: tick,
        verdict: Verdict {
            rule: Rule::Deviation,
            observed: dec("0.123456789012"),
            limit: dec("0.05"),
        },
        quarantined_at: micros(1_234_567),
    }
}

fn series(symbol_id: SymbolId, count: usize) -> Vec<QuarantinedTick> {
    let ticks = (0..count).map(|index| held(nth_tick(symbol_id, index)));
    ticks.collect()
}

async fn put(quarantine: &dyn QuarantineRepository<Tick>, ticks: &[QuarantinedTick]) -> u64 {
    quarantine.put(ticks).await.expect("stored")
}

fn everything() -> QuarantineQuery {
    QuarantineQuery {
        state: None,
        ..QuarantineQuery::default()
    }
}

async fn list(
    quarantine: &dyn QuarantineRepository<Tick>,
    query: &QuarantineQuery,
) -> Vec<QuarantineEntry> {
    quarantine.list(query).await.expect("a page").items
}

fn ids(entries: &[QuarantineEntry]) -> Vec<QuarantineId> {
    entries.iter().map(|entry| entry.id).collect()
}

fn kept(entries: &[QuarantineEntry]) -> Vec<QuarantinedTick> {
    entries.iter().map(|entry| entry.item.clone()).collect()
}

pub async fn every_field_of_a_quarantined_tick_reads_back(repositories: &Repositories) {
    let quarantine = repositories.quarantine.as_ref();
    let mut given = series(EURUSD, 20);
    for (index, kept) in given.iter_mut().enumerate() {
        kept.verdict.rule = Rule::ALL[index % Rule::ALL.len()];
        kept.event.received_at = (index % 2 == 0).then(|| micros(index as i64));
    }
    // the largest number that a rule produces
    given[0].verdict.observed = dec("1999999999999999.999999999998");
    given[1].verdict.observed = dec("-999999999999999.999999999999");
    given[2].event.bid_price = Some(dec("-999999999999999.999999999999"));
    for (kept, sequence) in given.iter_mut().zip(WIDE_SEQUENCES) {
        kept.event.sequence = sequence;
    }
    given[18].event.occurrence = Some(0);
    given[19].event.occurrence = Some(999_999);
    assert_eq!(put(quarantine, &given).await, 20);
    let entries = list(quarantine, &everything()).await;
    assert_eq!(kept(&entries), given);
    let pending = |entry: &QuarantineEntry| entry.state == QuarantineState::Pending;
    assert!(entries.iter().all(pending));
}

pub async fn empty_quarantine_batch_does_nothing(repositories: &Repositories) {
    let quarantine = repositories.quarantine.as_ref();
    assert_eq!(put(quarantine, &[]).await, 0);
    assert_eq!(list(quarantine, &everything()).await, []);
    assert_eq!(quarantine.get(&[]).await.expect("nothing"), []);
    let decided = quarantine.resolve(&[], Resolution::Discarded).await;
    assert_eq!(decided.expect("nothing"), 0);
}

pub async fn tick_is_quarantined_once_and_stays_unchanged(repositories: &Repositories) {
    let quarantine = repositories.quarantine.as_ref();
    let given = series(EURUSD, 3);
    assert_eq!(put(quarantine, &given).await, 3);
    let other_reason = QuarantinedTick {
        verdict: Verdict {
            rule: Rule::Crossed,
            ..given[0].verdict
        },
        ..given[0].clone()
    };
    let more = [other_reason, given[1].clone(), held(nth_tick(EURUSD, 3))];
    assert_eq!(put(quarantine, &more).await, 1);
    let twice = held(nth_tick(EURUSD, 4));
    assert_eq!(put(quarantine, &[twice.clone(), twice]).await, 1);
    let entries = list(quarantine, &everything()).await;
    assert_eq!(kept(&entries), series(EURUSD, 5));
}

pub async fn ticks_of_one_key_are_both_quarantined(repositories: &Repositories) {
    let quarantine = repositories.quarantine.as_ref();
    let one = nth_tick(EURUSD, 0);
    let given = [held(one.clone()), held(with_other_price(&one))];
    assert_eq!(put(quarantine, &given).await, 2);
    assert_eq!(kept(&list(quarantine, &everything()).await), given);
}

pub async fn equal_unsequenced_ticks_are_all_quarantined(repositories: &Repositories) {
    let quarantine = repositories.quarantine.as_ref();
    let tick = nth_tick(EURUSD, 0);
    let given = [0, 1].map(|number| held(tick.clone().with_occurrence(number)));
    assert_eq!(put(quarantine, &given).await, 2);
    assert_eq!(put(quarantine, &given).await, 0, "they are stored already");
    let ids = ids(&list(quarantine, &everything()).await);
    let receipt = release(
        quarantine,
        &*Tick::store(Arc::clone(&repositories.ticks)),
        &ids,
    )
    .await;
    let receipt = receipt.expect("released");
    assert_eq!((receipt.released, receipt.stored.inserted), (2, 2));
    assert_eq!(stored(repositories.ticks.as_ref(), EURUSD).await.len(), 2);
}

pub async fn ticks_of_one_side_are_quarantined_once(repositories: &Repositories) {
    let quarantine = repositories.quarantine.as_ref();
    let one = nth_tick(EURUSD, 0);
    let given = [
        held(one.clone().with_ask(None)),
        held(one.clone().with_bid(None).with_ask_volume(None)),
        held(one.clone().with_volumes(None, None)),
        held(one.clone().with_volumes(dec("0"), dec("0"))),
        held(one),
    ];
    assert_eq!(put(quarantine, &given).await, 5);
    assert_eq!(put(quarantine, &given).await, 0);
    assert_eq!(kept(&list(quarantine, &everything()).await), given);
}

pub async fn invalid_tick_refuses_the_whole_batch(repositories: &Repositories) {
    let quarantine = repositories.quarantine.as_ref();
    let mut given = series(EURUSD, 2);
    given[1].event.sequence = -1;
    let refused = quarantine.put(&given).await;
    let error = refused.expect_err("a negative sequence");
    assert!(error.to_string().contains("sequence"), "{error}");
    assert_eq!(list(quarantine, &everything()).await, []);
}

pub async fn list_of_quarantined_ticks_applies_its_filters(repositories: &Repositories) {
    let quarantine = repositories.quarantine.as_ref();
    let at = |symbol_id, time: DateTime<Utc>, rule| {
        let mut kept = held(nth_tick(symbol_id, 0));
        (kept.event.tick_time, kept.verdict.rule) = (time, rule);
        kept
    };
    let given = [
        at(EURUSD, seconds(10), Rule::Delayed),
        at(EURUSD, seconds(20), Rule::ZScore),
        at(GBPUSD, seconds(10), Rule::ZScore),
        at(GBPUSD, seconds(30), Rule::ZScore),
    ];
    put(quarantine, &given).await;
    let of = async |query: QuarantineQuery| kept(&list(quarantine, &query).await);
    let query = QuarantineQuery {
        symbol_id: Some(GBPUSD),
        ..everything()
    };
    assert_eq!(of(query).await, given[2..]);
    let query = QuarantineQuery {
        rule: Some(Rule::ZScore),
        ..everything()
    };
    assert_eq!(of(query).await, given[1..]);
    let query = QuarantineQuery {
        range: range(seconds(10), seconds(30)),
        rule: Some(Rule::ZScore),
        ..everything()
    };
    assert_eq!(of(query).await, given[1..3]);
    let entries = list(quarantine, &everything()).await;
    let decided = quarantine
        .resolve(&[entries[0].id], Resolution::Discarded)
        .await;
    assert_eq!(decided.expect("decided"), 1);
    assert_eq!(of(QuarantineQuery::default()).await, given[1..]);
    let query = QuarantineQuery {
        state: Some(QuarantineState::Discarded),
        ..everything()
    };
    assert_eq!(of(query).await, given[..1]);
}

pub async fn pages_of_quarantined_ticks_neither_skip_nor_repeat(repositories: &Repositories) {
    let quarantine = repositories.quarantine.as_ref();
    let given = series(EURUSD, 25);
    put(quarantine, &given[..20]).await;
    let mut query = QuarantineQuery {
        limit: limit(7),
        ..everything()
    };
    let mut all = Vec::new();
    loop {
        let page = quarantine.list(&query).await.expect("a page");
        assert!(page.items.len() <= 7);
        if all.is_empty() {
            // ticks that are added meanwhile come last
            put(quarantine, &given[20..]).await;
        }
        all.extend(page.items);
        query.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(kept(&all), given);
    assert!(ids(&all).is_sorted_by(|one, next| one < next));
}

pub async fn quarantined_ticks_are_found_by_their_ids(repositories: &Repositories) {
    let quarantine = repositories.quarantine.as_ref();
    put(quarantine, &series(EURUSD, 5)).await;
    let entries = list(quarantine, &everything()).await;
    let unknown = QuarantineId::new(entries[4].id.get() + 1_000);
    let asked = [entries[3].id, unknown, entries[1].id, entries[3].id];
    let found = quarantine.get(&asked).await.expect("found");
    assert_eq!(found, [entries[1].clone(), entries[3].clone()]);
    let many: Vec<_> = (0..10_001).map(QuarantineId::new).collect();
    assert!(quarantine.get(&many).await.is_err());
}

pub async fn resolved_ticks_are_not_resolved_again(repositories: &Repositories) {
    let quarantine = repositories.quarantine.as_ref();
    let given = series(EURUSD, 3);
    put(quarantine, &given).await;
    let all = ids(&list(quarantine, &everything()).await);
    let decide = async |ids: &[QuarantineId], resolution| {
        let decided = quarantine.resolve(ids, resolution).await;
        decided.expect("decided")
    };
    assert_eq!(decide(&all[..1], Resolution::Discarded).await, 1);
    assert_eq!(decide(&all[..2], Resolution::Released).await, 1);
    // storing it again does not reset the decision
    assert_eq!(put(quarantine, &given).await, 0);
    let states: Vec<_> = list(quarantine, &everything())
        .await
        .iter()
        .map(|entry| entry.state)
        .collect();
    let expected = [
        QuarantineState::Discarded,
        QuarantineState::Released,
        QuarantineState::Pending,
    ];
    assert_eq!(states, expected);
}

pub async fn released_tick_is_stored_once(repositories: &Repositories) {
    let Repositories {
        ticks, quarantine, ..
    } = repositories;
    let given = series(EURUSD, 4);
    put(quarantine.as_ref(), &given).await;
    let all = ids(&list(quarantine.as_ref(), &everything()).await);
    let discarded = quarantine.resolve(&all[3..], Resolution::Discarded);
    assert_eq!(discarded.await.expect("decided"), 1);
    // the tick was stored, but the release was not recorded
    insert(ticks.as_ref(), &[given[0].event.clone()]).await;
    let done = release(quarantine.as_ref(), &*Tick::store(Arc::clone(ticks)), &all).await;
    let done = done.expect("released");
    assert_eq!(
        (done.released, done.stored.inserted, done.stored.duplicates),
        (3, 2, 1)
    );
    let again = release(quarantine.as_ref(), &*Tick::store(Arc::clone(ticks)), &all).await;
    assert_eq!(again.expect("nothing is left").released, 0);
    let expected: Vec<_> = given[..3].iter().map(|kept| kept.event.clone()).collect();
    assert_eq!(stored(ticks.as_ref(), EURUSD).await, expected);
    assert_eq!(
        list(quarantine.as_ref(), &QuarantineQuery::default()).await,
        []
    );
}

pub async fn tick_with_a_taken_key_stays_in_quarantine(repositories: &Repositories) {
    let Repositories {
        ticks, quarantine, ..
    } = repositories;
    let given = series(EURUSD, 2);
    put(quarantine.as_ref(), &given).await;
    let taken = with_other_price(&given[0].event);
    insert(ticks.as_ref(), &[taken]).await;
    let all = ids(&list(quarantine.as_ref(), &everything()).await);
    let done = release(quarantine.as_ref(), &*Tick::store(Arc::clone(ticks)), &all).await;
    let done = done.expect("released");
    assert_eq!((done.released, done.stored.conflicts.len()), (1, 1));
    let left = list(quarantine.as_ref(), &QuarantineQuery::default()).await;
    assert_eq!(kept(&left), given[..1]);
}
