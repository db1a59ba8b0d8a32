//! Tests that each accepted tick is in its candles while writers of old ticks, `apply` and `maintain` run
//! in any interleaving.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::random::Random;
use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, short_policies, tick};
use chrono::TimeDelta;
use tickbook::domain::{Tick, TickKey, Timeframe};
use tickbook::postgres::{apply_policies, maintain, refresh_days};
use tickbook::retention::PolicyDuration;

const HOUR: i64 = 3_600;
const WRITERS: u64 = 3;

#[tokio::test]
async fn accepted_ticks_stay_in_their_candles() {
    let mut random = Random::seeded();
    let mut history = TenDayHistory::empty().await;
    let mut policies = short_policies(PolicyDuration::days(9));
    policies.ticks.chunk = PolicyDuration::hours(6);

    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let repository = Arc::clone(&history.repositories.ticks);
        let (stop, now) = (Arc::clone(&stop), history.now);
        let mut random = Random::of(random.below(u64::MAX));
        writers.push(tokio::spawn(async move {
            let mut accepted: Vec<Tick> = Vec::new();
            let mut refused = 0;
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                // most ticks are close to the floor; single ticks, arrays and COPY
                let size = [1, 7, 80][random.below(3) as usize];
                let span = if random.below(4) == 0 { 240 } else { 80 };
                let mut batch = Vec::new();
                for _ in 0..size {
                    number += 1;
                    let age = 6 * 24 * HOUR - 12 * HOUR + random.below(span * 3_600) as i64;
                    let symbol_id = SYMBOLS[random.below(2) as usize];
                    let time = now - TimeDelta::seconds(age);
                    // writers use different sequences
                    let sequence = number * WRITERS as i64 + writer as i64;
                    batch.push(tick(symbol_id, time, sequence, number % 97));
                }
                let receipt = repository.insert_batch(&batch).await.expect("a receipt");
                let keys: BTreeSet<TickKey> =
                    receipt.rejected.iter().map(|it| it.row.key()).collect();
                refused += keys.len();
                batch.retain(|tick| !keys.contains(&tick.key()));
                assert_eq!(receipt.inserted, batch.len() as u64);
                accepted.extend(batch);
            }
            (accepted, refused)
        }));
    }

    apply_policies(&history.db(), &policies)
        .await
        .expect("consistent");
    let (mut dropped, mut left) = (0, Vec::new());
    for _ in 0..10 {
        let report = maintain(&history.db()).await.expect("maintained");
        dropped += report.dropped_ticks;
        left.extend(report.left);
        // simulate that time passes; writers write to the next chunk until then
        let seconds = 4 * HOUR + random.below(4 * 3_600) as i64;
        history.execute(&format!(
            "UPDATE applied_policies \
             SET ticks_drop_after_seconds = ticks_drop_after_seconds - {seconds}"
        ));
    }
    stop.store(true, Ordering::Relaxed);
    let mut refused = 0;
    for writer in writers {
        let (accepted, rejected) = writer.await.expect("no panic");
        history.ticks.extend(accepted);
        refused += rejected;
    }
    history.ticks.sort_by_key(Tick::key);
    let report = maintain(&history.db()).await.expect("maintained");
    dropped += report.dropped_ticks;
    let kept = history.number("SELECT count(*) AS number FROM ticks");
    println!(
        "accepted {}, refused {refused}, kept {kept}; dropped {dropped} chunks, left {left:?} {:?}",
        history.ticks.len(),
        report.left
    );
    assert!(dropped > 0 && refused > 0 && kept > 0);
    assert!(report.left.is_empty(), "{report:?}");

    if history.edition == tickbook::postgres::Edition::Community {
        let days = history.ticks.iter().map(|tick| tick.tick_time).collect();
        refresh_days(&history.db(), days).await.expect("refreshed");
        history.assert_materialized();
    }
    history.assert_whole(&[Timeframe::M1, Timeframe::D1]).await;
}
