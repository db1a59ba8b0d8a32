use chrono::{DateTime, TimeDelta};
use rust_decimal::Decimal;
use tokio::time::{sleep, timeout};

use super::faulty::{Fault, FaultyRepository};
use super::*;
use crate::backoff::Backoff;
use crate::domain::{PageLimit, SymbolId, TickKey, TimeRange};
use crate::repository::{TickQuery, TickRepository};

mod ends;

const SYMBOL: SymbolId = SymbolId::new(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Longer than any queue of these tests needs to drain.
const PLENTY: Duration = Duration::from_secs(3_600);

fn tick(index: i64) -> Tick {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    let time = start + TimeDelta::seconds(index);
    Tick::quote(SYMBOL, time, Decimal::new(138_000 + index, 5), Decimal::TWO)
}

fn keys(range: std::ops::Range<i64>) -> Vec<TickKey> {
    range.map(|index| tick(index).key()).collect()
}

/// Batches of 10 ticks or 100 ms, 20 waiting ticks, pauses of 100 ms to 30 s.
fn start(repository: &Arc<FaultyRepository>) -> TickPersister {
    let config = PersisterConfig {
        batch_size: 10,
        drain_batch_size: 10,
        queue: 20,
        backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(30)),
        ..PersisterConfig::default()
    };
    TickPersister::start(Arc::clone(repository) as Arc<dyn TickRepository>, config)
}

async fn push(persister: &TickPersister, range: std::ops::Range<i64>) {
    for index in range {
        persister
            .push(tick(index))
            .await
            .expect("the persister is open");
    }
}

async fn stored(repository: &FaultyRepository) -> Vec<TickKey> {
    let query = TickQuery {
        limit: PageLimit::MAX,
        ..TickQuery::new(SYMBOL, TimeRange::all())
    };
    let page = repository.range(&query).await.expect("memory is read");
    assert_eq!(page.next, None);
    page.items.iter().map(Tick::key).collect()
}

#[tokio::test(start_paused = true)]
async fn full_batch_does_not_wait() {
    let repository = Arc::new(FaultyRepository::default());
    let persister = start(&repository);
    let begin = Instant::now();
    push(&persister, 0..25).await;
    sleep(MILLISECOND).await;
    assert_eq!(repository.batches(), [keys(0..10), keys(10..20)]);
    for attempt in repository.attempts() {
        assert!(attempt.at - begin < MILLISECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn first_tick_of_a_batch_starts_its_timer() {
    let repository = Arc::new(FaultyRepository::default());
    let persister = start(&repository);
    // the interval does not include idle time
    sleep(90 * MILLISECOND).await;
    let first = Instant::now();
    push(&persister, 0..1).await;
    sleep(80 * MILLISECOND).await;
    push(&persister, 1..2).await;
    sleep(19 * MILLISECOND).await;
    assert_eq!(repository.batches().len(), 0);
    sleep(10 * MILLISECOND).await;
    let attempts = repository.attempts();
    assert_eq!(repository.batches(), [keys(0..2)]);
    let waited = attempts[0].at - first;
    assert!((100..105).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn flush_waits_until_earlier_ticks_are_stored() {
    let repository = Arc::new(FaultyRepository::default());
    let persister = start(&repository);
    let begin = Instant::now();
    persister.flush().await.expect("nothing is flushed at once");
    push(&persister, 0..13).await;
    persister.flush().await.expect("the persister is open");
    assert_eq!(stored(&repository).await, keys(0..13));
    assert_eq!(persister.stats().queued, 0);
    assert!(begin.elapsed() < MILLISECOND, "it waits for no timer");

    repository.fail_with([Fault::Unavailable; 5]);
    push(&persister, 13..15).await;
    persister.flush().await.expect("the store is back");
    assert_eq!(stored(&repository).await, keys(0..15));
}

#[tokio::test(start_paused = true)]
async fn outage_loses_nothing_and_keeps_the_order() {
    let repository = Arc::new(FaultyRepository::default());
    repository.set_down(Some(Fault::Unavailable));
    let persister = start(&repository);
    push(&persister, 0..30).await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(stored(&repository).await, []);
    assert_eq!(persister.stats().queued, 30);

    let attempts = repository.attempts();
    let pauses: Vec<Duration> = attempts
        .windows(2)
        .map(|two| two[1].at - two[0].at)
        .collect();
    for (index, pause) in pauses.iter().enumerate() {
        let longest = Duration::from_millis(100 << index.min(20)).min(Duration::from_secs(30));
        let timer = 2 * MILLISECOND;
        assert!(
            longest / 2 <= *pause && *pause <= longest + timer,
            "pause {index} is {pause:?}"
        );
    }
    assert!(pauses.len() >= 25, "it goes on trying");
    assert_eq!(persister.stats().retries, attempts.len() as u64);

    repository.set_down(None);
    sleep(Duration::from_secs(31)).await;
    assert_eq!(stored(&repository).await, keys(0..30));
    let batches = repository.batches();
    let (while_down, after) = batches.split_at(attempts.len());
    assert!(while_down.iter().all(|batch| *batch == keys(0..10)));
    assert_eq!(after, [keys(0..10), keys(10..20), keys(20..30)]);
    let stats = persister.stats();
    assert_eq!((stats.inserted, stats.duplicates, stats.queued), (30, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn lost_answer_doubles_nothing() {
    let repository = Arc::new(FaultyRepository::default());
    repository.fail_with([Fault::AnswerLost, Fault::AnswerLost]);
    let persister = start(&repository);
    push(&persister, 0..12).await;
    persister.flush().await.expect("the persister is open");
    assert_eq!(stored(&repository).await, keys(0..12));
    let stats = persister.stats();
    assert_eq!((stats.inserted, stats.duplicates), (2, 10));
    assert_eq!((stats.received, stats.retries), (12, 2));
}

#[tokio::test(start_paused = true)]
async fn errors_that_need_a_repair_and_panics_lose_nothing() {
    let repository = Arc::new(FaultyRepository::default());
    repository.fail_with([
        Fault::Schema,
        Fault::Panic,
        Fault::Schema,
        Fault::Unavailable,
    ]);
    let persister = start(&repository);
    push(&persister, 0..12).await;
    persister.flush().await.expect("the persister is open");
    assert_eq!(stored(&repository).await, keys(0..12));
    assert_eq!(persister.stats().retries, 4);
}

#[tokio::test(start_paused = true)]
async fn full_queue_makes_callers_wait() {
    let repository = Arc::new(FaultyRepository::default());
    repository.set_down(Some(Fault::Unavailable));
    let persister = start(&repository);
    // ten are being written, twenty wait
    push(&persister, 0..30).await;
    let waiting = timeout(Duration::from_secs(60), persister.push(tick(99))).await;
    assert!(waiting.is_err(), "there is no space for the 31st");
    assert_eq!(persister.stats().received, 30);

    repository.set_down(None);
    push(&persister, 30..50).await;
    persister.flush().await.expect("the persister is open");
    // the cancelled push accepted nothing
    assert_eq!(stored(&repository).await, keys(0..50));
    assert_eq!(persister.stats().received, 50);
}

#[tokio::test(start_paused = true)]
async fn stop_writes_the_queue() {
    let repository = Arc::new(FaultyRepository::default());
    repository.fail_with([Fault::Unavailable; 3]);
    let persister = start(&repository);
    push(&persister, 0..25).await;
    let report = persister.stop(PLENTY).await;
    assert_eq!(report.unsaved, []);
    assert_eq!(stored(&repository).await, keys(0..25));
    let expected = PersisterStats {
        received: 25,
        inserted: 25,
        retries: 3,
        ..PersisterStats::default()
    };
    assert_eq!(report.stats, expected);
    assert_eq!(persister.push(tick(99)).await, Err(PushError::Closed));
    assert_eq!(persister.flush().await, Err(PersisterClosed));
    let again = persister.stop(PLENTY).await;
    assert_eq!((again.unsaved, again.stats), (vec![], expected));
}

#[tokio::test(start_paused = true)]
async fn stop_does_not_wait_for_a_batch_to_fill() {
    let repository = Arc::new(FaultyRepository::default());
    let persister = start(&repository);
    push(&persister, 0..3).await;
    let begin = Instant::now();
    let report = persister.stop(PLENTY).await;
    assert_eq!(report.stats.inserted, 3);
    assert!(begin.elapsed() < MILLISECOND);
}

#[tokio::test(start_paused = true)]
async fn stop_returns_ticks_that_were_not_stored() {
    for fault in [Fault::Unavailable, Fault::Schema, Fault::Hang, Fault::Panic] {
        let repository = Arc::new(FaultyRepository::default());
        let persister = start(&repository);
        push(&persister, 0..10).await;
        persister.flush().await.expect("the persister is open");
        repository.set_down(Some(fault));
        push(&persister, 10..40).await;
        let flushing = tokio::spawn({
            let persister = persister.clone();
            async move { persister.flush().await }
        });
        let waiting = tokio::spawn({
            let persister = persister.clone();
            async move { persister.push(tick(99)).await }
        });
        sleep(Duration::from_secs(300)).await;

        let begin = Instant::now();
        let report = persister.stop(Duration::from_secs(5)).await;
        let took = begin.elapsed();
        assert!(
            (4_999..5_010).contains(&took.as_millis()),
            "{fault:?}: {took:?}"
        );
        let unsaved: Vec<TickKey> = report.unsaved.iter().map(Tick::key).collect();
        assert_eq!(unsaved, keys(10..40), "{fault:?}");
        assert_eq!((report.stats.received, report.stats.queued), (40, 30));
        assert_eq!(flushing.await.expect("no panic"), Err(PersisterClosed));
        assert_eq!(waiting.await.expect("no panic"), Err(PushError::Closed));
        assert_eq!(persister.stop(PLENTY).await.unsaved, []);
    }
}

#[tokio::test(start_paused = true)]
async fn stop_tries_again_at_once_after_a_long_outage() {
    let repository = Arc::new(FaultyRepository::default());
    repository.set_down(Some(Fault::Unavailable));
    let persister = start(&repository);
    push(&persister, 0..15).await;
    sleep(Duration::from_secs(600)).await;
    let before = repository.attempts().len();
    let reported = Instant::now();
    let stopping = tokio::spawn(async move { persister.stop(Duration::from_secs(5)).await });
    // by now half a minute may lie between two attempts
    while repository.attempts().len() == before {
        sleep(MILLISECOND).await;
        assert!(
            reported.elapsed() < 10 * MILLISECOND,
            "it does not try at once"
        );
    }
    // and the pauses start again from the shortest
    repository.set_down(None);
    let report = stopping.await.expect("no panic");
    assert_eq!(report.unsaved, []);
    assert!(reported.elapsed() < Duration::from_secs(1));
    assert_eq!(stored(&repository).await, keys(0..15));
}

#[tokio::test(start_paused = true)]
async fn cancelled_stop_may_be_called_again() {
    let repository = Arc::new(FaultyRepository::default());
    repository.set_down(Some(Fault::Unavailable));
    let persister = start(&repository);
    push(&persister, 0..15).await;
    let cancelled = timeout(MILLISECOND, persister.stop(Duration::from_secs(5))).await;
    assert!(cancelled.is_err());
    let report = persister.stop(PLENTY).await;
    assert_eq!(report.unsaved.len(), 15);
}

#[tokio::test(start_paused = true)]
async fn persister_without_handles_writes_accepted_ticks() {
    let repository = Arc::new(FaultyRepository::default());
    repository.fail_with([Fault::Unavailable, Fault::Panic]);
    let persister = start(&repository);
    push(&persister, 0..25).await;
    drop(persister);
    // the worker holds the repository until it ends
    timeout(PLENTY, async {
        while Arc::strong_count(&repository) > 1 {
            sleep(MILLISECOND).await;
        }
    })
    .await
    .expect("it ends");
    assert_eq!(stored(&repository).await, keys(0..25));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_and_faults_store_each_tick_once() {
    let repository = Arc::new(FaultyRepository::default());
    let faults = [Fault::AnswerLost, Fault::Unavailable, Fault::Schema];
    repository.fail_with(faults.into_iter().cycle().take(60));
    let config = PersisterConfig {
        batch_size: 97,
        flush_interval: MILLISECOND,
        queue: 50,
        drain_batch_size: 200,
        backoff: Backoff::new(Duration::from_micros(100), MILLISECOND),
    };
    let injected = Arc::clone(&repository) as Arc<dyn TickRepository>;
    let persister = TickPersister::start(injected, config);
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let persister = persister.clone();
            tokio::spawn(async move { push(&persister, task * 1_000..(task + 1) * 1_000).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let report = persister.stop(PLENTY).await;
    assert_eq!(report.unsaved, []);
    assert_eq!(stored(&repository).await, keys(0..8_000));
    let stats = report.stats;
    assert_eq!(stats.received, 8_000);
    assert_eq!(stats.inserted + stats.duplicates, 8_000);
    assert_eq!(stats.queued, 0);
}

#[tokio::test(start_paused = true)]
async fn every_outcome_is_counted() {
    let repository = Arc::new(FaultyRepository::default());
    let persister = start(&repository);
    push(&persister, 0..4).await;
    push(&persister, 0..3).await;
    let crossed = tick(5).with_ask(Decimal::ONE);
    let conflicting = tick(1).with_ask_volume(Decimal::ONE);
    let impossible = tick(6).with_sequence(-1);
    for other in [crossed, conflicting.clone(), conflicting, impossible] {
        persister.push(other).await.expect("the persister is open");
    }
    let expected = PersisterStats {
        received: 11,
        inserted: 5,
        duplicates: 3,
        conflicts: 2,
        rejected: 1,
        damaged: 0,
        crossed: 1,
        retries: 0,
        queued: 0,
    };
    assert_eq!(persister.stop(PLENTY).await.stats, expected);
}

#[tokio::test(start_paused = true)]
async fn sizes_of_zero_count_as_one() {
    let repository = Arc::new(FaultyRepository::default());
    let config = PersisterConfig {
        batch_size: 0,
        drain_batch_size: 0,
        queue: 0,
        ..PersisterConfig::default()
    };
    let injected = Arc::clone(&repository) as Arc<dyn TickRepository>;
    let persister = TickPersister::start(injected, config);
    push(&persister, 0..3).await;
    let report = persister.stop(Duration::MAX).await;
    assert_eq!(report.stats.inserted, 3);
    assert_eq!(repository.batches().len(), 3);
}
