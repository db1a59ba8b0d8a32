use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use rust_decimal::Decimal;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::domain::{SymbolId, Tick};

fn tick(index: i64) -> Tick {
    let time = DateTime::UNIX_EPOCH + TimeDelta::seconds(index);
    Tick::quote(SymbolId::new(1), time, Decimal::ONE, Decimal::TWO)
}

fn ticks(count: i64) -> Vec<Tick> {
    (0..count).map(tick).collect()
}

/// Records its events; each delivery takes this long.
#[derive(Debug)]
struct Notes {
    took: Arc<Mutex<Vec<Event>>>,
    each: Duration,
}

#[async_trait]
impl RecordSink for Notes {
    async fn deliver(&mut self, events: Vec<Event>) -> Result<(), SinkEnded> {
        sleep(self.each).await;
        self.took.lock().expect("no panic").extend(events);
        Ok(())
    }
}

fn notes(
    fan_out: &FanOut,
    each: Duration,
    options: QueueOptions,
) -> (Arc<Mutex<Vec<Event>>>, SinkTask) {
    let took = Arc::default();
    let sink = Notes {
        took: Arc::clone(&took),
        each,
    };
    (took, fan_out.attach(Box::new(sink), options))
}

/// The numbers of ticks, and the number of reported missed ones.
fn summary(events: &[Event]) -> (Vec<u64>, u64) {
    let mut numbers = Vec::new();
    let mut missed = 0;
    for event in events {
        match event {
            Event::Record(published) => numbers.push(published.number),
            Event::Gap(gap) => missed += gap.missed,
        }
    }
    (numbers, missed)
}

#[tokio::test(start_paused = true)]
async fn slow_sink_gets_gaps_and_slows_no_other() {
    let fan_out = FanOut::new();
    let hour = Duration::from_secs(3_600);
    let dropping = QueueOptions::dropping_oldest("slow", 10);
    let (slow, slow_task) = notes(&fan_out, hour, dropping);
    let (quick, quick_task) = notes(&fan_out, Duration::ZERO, QueueOptions::storing("quick", 10));
    let begun = Instant::now();
    for tick in ticks(1_000) {
        fan_out.publish(&[tick]).await.expect("open");
        tokio::task::yield_now().await;
    }
    fan_out.close();
    assert_eq!(quick_task.finish(hour).await, 0);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let all: Vec<u64> = (1..=1_000).collect();
    assert_eq!(summary(&quick.lock().expect("no panic")), (all, 0));
    assert_eq!(slow_task.finish(hour * 5).await, 0);
    let (numbers, missed) = summary(&slow.lock().expect("no panic"));
    assert!(missed > 0);
    assert_eq!(numbers.len() as u64 + missed, 1_000);
    assert_eq!(numbers.last(), Some(&1_000));
}

#[tokio::test(start_paused = true)]
async fn blocking_sink_delays_publishers_and_misses_nothing() {
    let fan_out = FanOut::new();
    let second = Duration::from_secs(1);
    let (took, task) = notes(&fan_out, second, QueueOptions::storing("store", 10));
    let begun = Instant::now();
    let (first, second_half) = (ticks(50), ticks(50));
    let (one, two) = tokio::join!(fan_out.publish(&first), fan_out.publish(&second_half));
    assert_eq!((one, two), (Ok(()), Ok(())));
    assert!(begun.elapsed() >= second * 8, "{:?}", begun.elapsed());
    fan_out.close();
    assert_eq!(task.finish(second * 60).await, 0);
    let all: Vec<u64> = (1..=100).collect();
    assert_eq!(summary(&took.lock().expect("no panic")), (all, 0));
}

#[tokio::test(start_paused = true)]
async fn stored_ticks_do_not_wait_for_the_store() {
    let fan_out = FanOut::new();
    let mut store = fan_out.open(QueueOptions::storing("store", 1));
    let mut screen = fan_out.open(QueueOptions::dropping_oldest("screen", 100));
    fan_out.publish(&ticks(1)).await.expect("open");
    let full = timeout(Duration::from_secs(9), fan_out.publish(&ticks(1))).await;
    assert!(full.is_err(), "the store is full");
    fan_out.publish_stored(&ticks(3)).await.expect("open");
    fan_out.announce_missed(&ticks(2)).await;
    assert_eq!(
        store.next().await.map(|events| summary(&events)),
        Some((vec![1], 0))
    );
    let events = screen.next().await.expect("open");
    assert_eq!(summary(&events), (vec![1, 2, 3, 4], 2));
}

#[tokio::test(start_paused = true)]
async fn fan_out_without_its_store_publishes_nothing() {
    let fan_out = FanOut::new();
    let store = fan_out.open(QueueOptions::storing("store", 1));
    let screen = fan_out.open(QueueOptions::dropping_oldest("screen", 1));
    drop(screen);
    fan_out
        .publish(&ticks(1))
        .await
        .expect("a screen is no store");
    let waiting = ticks(1);
    let (published, ()) = tokio::join!(fan_out.publish(&waiting), async {
        sleep(Duration::from_secs(1)).await;
        drop(store);
    });
    assert_eq!(
        published,
        Err(FanOutClosed),
        "the waiting publisher gets an error"
    );
    assert_eq!(fan_out.publish_stored(&[tick(2)]).await, Err(FanOutClosed));
}

#[tokio::test(start_paused = true)]
async fn queued_events_are_delivered_after_the_close() {
    let fan_out = FanOut::new();
    let mut queue = fan_out.open(QueueOptions::dropping_oldest("screen", 9));
    fan_out.publish(&ticks(3)).await.expect("open");
    fan_out.close();
    let events = queue.next().await.expect("three wait");
    assert_eq!(queue.monitor().waiting(), 3, "not processed yet");
    assert_eq!(summary(&events), (vec![1, 2, 3], 0));
    assert_eq!(queue.next().await, None);
    assert_eq!(queue.monitor().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn hanging_sink_is_aborted_and_reports_its_rest() {
    let fan_out = FanOut::new();
    let hour = Duration::from_secs(3_600);
    let (_, task) = notes(&fan_out, hour, QueueOptions::dropping_oldest("slow", 10));
    fan_out.publish(&ticks(4)).await.expect("open");
    fan_out.close();
    assert_eq!(task.finish(Duration::from_secs(1)).await, 4);
}

#[tokio::test(start_paused = true)]
async fn sink_gets_the_symbols_that_it_follows() {
    let fan_out = FanOut::new();
    let mut queue = fan_out.open(QueueOptions {
        every_symbol: false,
        ..QueueOptions::dropping_oldest("screen", 9)
    });
    assert!(queue.is_caught_up(), "nothing was published");
    fan_out.publish(&ticks(2)).await.expect("open");
    assert!(queue.is_caught_up(), "it follows none");
    queue.follow(SymbolId::new(1));
    fan_out.publish(&ticks(3)).await.expect("open");
    assert!(!queue.is_caught_up());
    let events = queue.next().await.expect("open");
    assert_eq!(summary(&events), (vec![3, 4, 5], 0));
    assert!(queue.is_caught_up(), "everything is taken");
    fan_out.publish(&ticks(1)).await.expect("open");
    queue.unfollow(SymbolId::new(1));
    assert!(queue.is_caught_up(), "waiting events are dropped");
    fan_out.close();
    assert_eq!(queue.next().await, None);
}

/// A queue that follows one symbol.
fn following(fan_out: &FanOut, symbol: i64) -> SinkQueue {
    let queue = fan_out.open(QueueOptions {
        every_symbol: false,
        ..QueueOptions::dropping_oldest("screen", 100)
    });
    queue.follow(SymbolId::new(symbol));
    queue
}

#[tokio::test]
async fn sinks_of_other_symbols_cost_nothing() {
    let fan_out = FanOut::new();
    let _store = fan_out.open(QueueOptions::storing("store", 1_000));
    let mut screen = following(&fan_out, 1);
    let _idle: Vec<_> = (2..1_002)
        .map(|symbol| following(&fan_out, symbol))
        .collect();
    fan_out.publish(&ticks(10)).await.expect("open");
    assert_eq!(fan_out.0.lock().visits, 20, "ten for each of two");
    fan_out.publish_stored(&ticks(5)).await.expect("open");
    fan_out.announce_missed(&ticks(5)).await;
    let events = screen.next().await.expect("open");
    assert_eq!(summary(&events), ((1..=15).collect(), 5));
    assert_eq!(events.len(), 16, "one gap for all that were missed");
}

/// Polls `work` to its end; returns the number of polls that did work.
async fn pieces(fan_out: &FanOut, work: impl Future<Output = ()>) -> usize {
    let mut work = std::pin::pin!(work);
    let mut pieces = 0;
    let mut before = fan_out.0.lock().visits;
    std::future::poll_fn(|context| {
        let poll = work.as_mut().poll(context);
        let visits = fan_out.0.lock().visits;
        assert!(visits - before <= routing::WORK, "{before} to {visits}");
        pieces += 1;
        before = visits;
        poll
    })
    .await;
    pieces
}

#[tokio::test]
async fn many_followers_get_a_batch_piece_by_piece() {
    let fan_out = FanOut::new();
    let mut screens: Vec<_> = (0..1_000).map(|_| following(&fan_out, 1)).collect();
    let batch = ticks(50);
    let publishing = async { fan_out.publish(&batch).await.expect("open") };
    let pieces = pieces(&fan_out, publishing).await;
    assert!(pieces > 10, "{pieces}");
    for screen in &mut screens {
        let events = screen.next().await.expect("open");
        assert_eq!(summary(&events), ((1..=50).collect(), 0));
    }
}

#[tokio::test]
async fn missed_ticks_are_announced_piece_by_piece() {
    let fan_out = FanOut::new();
    let symbols: Vec<_> = (1..=50).map(SymbolId::new).collect();
    let mut screens: Vec<_> = (0..1_000).map(|_| following(&fan_out, 1)).collect();
    screens.iter().for_each(|screen| {
        screen.follow_all(&symbols);
    });
    let of_symbol = |index: i64| tick(index).with_symbol_id(SymbolId::new(index % 50 + 1));
    let missed: Vec<_> = (0..20_000).map(of_symbol).collect();
    let pieces = pieces(&fan_out, fan_out.announce_missed(&missed)).await;
    assert!(pieces > 10, "{pieces}");
    for screen in &mut screens {
        let events = screen.next().await.expect("open");
        assert_eq!(summary(&events), (vec![], 20_000));
    }
    let next = fan_out.publish_stored(&missed[..1]).await;
    next.expect("open");
    let events = screens[0].next().await.expect("open");
    assert_eq!(summary(&events), (vec![20_001], 0));
}

#[tokio::test]
async fn queues_of_a_name_hold_a_limit_together() {
    let fan_out = FanOut::new();
    let mut first = following(&fan_out, 1);
    fan_out.limit("screen", 100);
    let mut others = [following(&fan_out, 2), following(&fan_out, 1)];
    let mut store = fan_out.open(QueueOptions::storing("store", 1_000));
    fan_out.publish(&ticks(45)).await.expect("open");
    // events that were taken and not yet processed count
    assert_eq!(others[1].next().await.map(|events| events.len()), Some(45));
    fan_out.publish(&ticks(5)).await.expect("open");
    assert!(
        !first.is_evicted() && !others[1].is_evicted(),
        "100 are held"
    );
    let of_other = tick(1).with_symbol_id(SymbolId::new(2));
    first.follow(SymbolId::new(3));
    fan_out
        .publish(&[tick(1).with_symbol_id(SymbolId::new(3))])
        .await
        .expect("open");
    assert!(first.is_evicted(), "it held the most");
    first.evicted().await;
    assert_eq!(first.next().await, None);
    assert_eq!(first.monitor().waiting(), 0);
    first.follow(SymbolId::new(1));
    for _ in 0..3 {
        fan_out.publish(&ticks(10)).await.expect("open");
        fan_out
            .publish(std::slice::from_ref(&of_other))
            .await
            .expect("open");
    }
    assert_eq!(first.next().await, None);
    assert!(others.iter().all(|queue| !queue.is_evicted()));
    assert_eq!(others[0].next().await.map(|events| events.len()), Some(3));
    assert_eq!(others[1].next().await.map(|events| events.len()), Some(35));
    // the other queue has 35 events and gets 61 more
    fan_out.publish(&ticks(61)).await.expect("open");
    assert!(!others[1].is_evicted(), "99 are held");
    drop(others);
    let mut next = following(&fan_out, 1);
    fan_out.publish(&ticks(100)).await.expect("open");
    assert_eq!(next.next().await.map(|events| events.len()), Some(100));
    assert_eq!(store.next().await.map(|events| events.len()), Some(245));
}

#[tokio::test]
async fn unfollow_and_drop_release_every_symbol() {
    let fan_out = FanOut::new();
    let mut screen = following(&fan_out, 1);
    let others: Vec<_> = (2..1_000).map(SymbolId::new).collect();
    screen.follow_all(&others);
    fan_out.publish(&ticks(2)).await.expect("open");
    screen.unfollow_all(&others);
    assert_eq!(fan_out.0.lock().followed(), 1);
    let events = screen.next().await.expect("open");
    assert_eq!(summary(&events), (vec![1, 2], 0));
    drop(screen);
    assert_eq!(fan_out.0.lock().followed(), 0);
}
