//! Conformance: concurrent writers of ticks.
//!
//! Covers `TickRepository::insert_batch`: idempotence and conflicts between tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::samples::{EURUSD, Random, series, stored, with_other_price};
use crate::Repositories;
use crate::domain::{Tick, TickKey};
use crate::repository::{InsertReceipt, TickRepository};

/// The number of different ticks. Each of them is sent by all writers except one.
const TICKS: usize = 1_200;
const WRITERS: usize = 4;

/// Gives each writer three quarters of the ticks, in random order.
fn overlapping_shares(all: &[Tick], random: &mut Random) -> Vec<Vec<Tick>> {
    (0..WRITERS)
        .map(|writer| {
            let mut share: Vec<Tick> = all
                .iter()
                .enumerate()
                .filter(|(index, _)| index % WRITERS != writer)
                .map(|(_, tick)| tick.clone())
                .collect();
            random.shuffle(&mut share);
            share
        })
        .collect()
}

/// Starts all writers at the same time and adds up their receipts.
async fn write_at_once(
    repository: &Arc<dyn TickRepository>,
    shares: Vec<Vec<Tick>>,
    batch_size: usize,
) -> InsertReceipt {
    let gate = Arc::new(tokio::sync::Barrier::new(shares.len()));
    let writers: Vec<_> = shares
        .into_iter()
        .map(|share| {
            let (repository, gate) = (Arc::clone(repository), Arc::clone(&gate));
            tokio::spawn(async move {
                gate.wait().await;
                let mut receipt = InsertReceipt::default();
                for batch in share.chunks(batch_size) {
                    let part = repository.insert_batch(batch).await;
                    receipt.merge(part.expect("concurrent writers are not an error"));
                }
                receipt
            })
        })
        .collect();
    let mut sum = InsertReceipt::default();
    for writer in writers {
        sum.merge(writer.await.expect("a writer does not panic"));
    }
    sum
}

async fn each_tick_is_inserted_once(repositories: &Repositories, batch_size: usize) {
    let all = series(EURUSD, TICKS);
    let shares = overlapping_shares(&all, &mut Random::seeded());
    let given: usize = shares.iter().map(Vec::len).sum();
    let sum = write_at_once(&repositories.ticks, shares, batch_size).await;
    assert_eq!(sum.inserted, TICKS as u64);
    assert_eq!(sum.duplicates, (given - TICKS) as u64);
    assert_eq!(sum.total(), given as u64);
    assert_eq!(stored(repositories.ticks.as_ref(), EURUSD).await, all);
}

pub async fn short_overlapping_batches_insert_each_tick_once(repositories: &Repositories) {
    each_tick_is_inserted_once(repositories, 30).await;
}

pub async fn long_overlapping_batches_insert_each_tick_once(repositories: &Repositories) {
    each_tick_is_inserted_once(repositories, 300).await;
}

/// Two writers send one content and two another: every tick of the losing content is reported.
async fn one_content_wins(repositories: &Repositories, batch_size: usize) {
    let all = series(EURUSD, TICKS);
    let mut shares = overlapping_shares(&all, &mut Random::seeded());
    for share in &mut shares[2..] {
        for tick in share {
            *tick = with_other_price(tick);
        }
    }
    let given: usize = shares.iter().map(Vec::len).sum();
    let sum = write_at_once(&repositories.ticks, shares.clone(), batch_size).await;
    assert_eq!(sum.inserted, TICKS as u64);
    assert_eq!(sum.total(), given as u64);

    let winners: BTreeMap<TickKey, Tick> = stored(repositories.ticks.as_ref(), EURUSD)
        .await
        .into_iter()
        .map(|tick| (tick.key(), tick))
        .collect();
    assert_eq!(winners.len(), TICKS);
    let losers = shares
        .iter()
        .flatten()
        .filter(|tick| !winners[&tick.key()].has_content_of(tick))
        .count();
    assert_eq!(sum.conflicts.len(), losers);
    for conflict in &sum.conflicts {
        assert_eq!(conflict.stored, winners[&conflict.refused.key()]);
        assert!(!conflict.stored.has_content_of(&conflict.refused));
    }
}

pub async fn short_contradicting_batches_report_every_conflict(repositories: &Repositories) {
    one_content_wins(repositories, 30).await;
}

pub async fn long_contradicting_batches_report_every_conflict(repositories: &Repositories) {
    one_content_wins(repositories, 300).await;
}
