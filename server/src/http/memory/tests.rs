use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::sleep;

use super::*;
use crate::http::OpenConnections;
use crate::http::open_connections::ConnectionSlot;

#[tokio::test(start_paused = true)]
async fn stalled_body_makes_room_for_others() {
    let memory = Memory::new(1_000);
    let slow = memory.for_body();
    slow.grow(FREE + 900).await.expect("free");
    let next = memory.for_body();
    let begun = Instant::now();
    let (grown, ()) = tokio::join!(next.grow(FREE + 500), async {
        slow.ended().await;
        drop(slow);
    });
    grown.expect("room");
    assert_eq!(begun.elapsed(), STALLED);
    assert_eq!(memory.taken(), 500);
}

#[tokio::test(start_paused = true)]
async fn body_without_progress_for_longest_is_ended() {
    let memory = Memory::new(1_000);
    let [first, second] = [memory.for_body(), memory.for_body()];
    first.grow(FREE + 400).await.expect("free");
    sleep(STALLED / 4).await;
    second.grow(FREE + 400).await.expect("free");
    sleep(STALLED / 4).await;
    // progress without further memory counts as well
    first.grow(FREE + 400).await.expect("held");
    let (begun, next) = (Instant::now(), memory.for_body());
    let (grown, ()) = tokio::join!(next.grow(FREE + 500), async {
        second.ended().await;
        drop(second);
    });
    grown.expect("room");
    assert_eq!(begun.elapsed(), STALLED - STALLED / 4);
    assert!(!first.end.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn body_that_waits_for_memory_is_not_ended() {
    let memory = Memory::new(1_000);
    let _others = memory.for_answer(None, FREE + 500).await.expect("free");
    let body = memory.for_body();
    body.grow(FREE + 500).await.expect("free");
    sleep(STALLED).await;
    assert!(body.grow(FREE + 501).await.is_err());
    assert!(!body.end.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn memory_in_use_is_awaited_and_then_refused() {
    let memory = Memory::new(1_000);
    let answer = memory.for_answer(None, FREE + 1_000).await.expect("free");
    assert!(memory.for_answer(None, FREE + 1).await.is_err());
    let small = memory.for_answer(None, FREE).await;
    small.expect("needs none");
    let waits = memory.for_answer(None, FREE + 400);
    let (begun, soon) = (Instant::now(), STALLED / 4);
    let (waited, ()) = tokio::join!(waits, async {
        sleep(soon).await;
        answer.shrink(FREE + 600);
    });
    waited.expect("room");
    assert_eq!(begun.elapsed(), soon);
    drop(answer);
    assert_eq!(memory.taken(), 0);
}

#[tokio::test(start_paused = true)]
async fn answers_that_take_no_memory_wake_no_waiter() {
    let memory = Memory::new(1_000);
    let all = memory.for_answer(None, FREE + 1_000).await.expect("free");
    let (waiting, polls) = (memory.clone(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&polls);
    let waits = tokio::spawn(async move {
        let mut waits = std::pin::pin!(waiting.for_answer(None, FREE + 1));
        let polled = std::future::poll_fn(|context| {
            counter.fetch_add(1, Ordering::Relaxed);
            waits.as_mut().poll(context)
        });
        polled.await.is_ok()
    });
    for _ in 0..100 {
        drop(memory.for_answer(None, FREE).await.expect("needs none"));
        tokio::task::yield_now().await;
    }
    drop(all);
    assert!(waits.await.expect("no panic"), "room");
    let polls = polls.load(Ordering::Relaxed);
    assert!(polls < 100, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn complete_body_is_not_aborted() {
    let memory = Memory::new(1_000);
    let body = memory.for_body();
    body.grow(FREE + 1_000).await.expect("free");
    body.came();
    assert!(memory.for_answer(None, FREE + 1).await.is_err());
    assert!(!body.end.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn request_beyond_the_total_takes_all_memory() {
    let memory = Memory::new(1_000);
    let all = memory.for_answer(None, FREE + 9_000).await.expect("free");
    assert_eq!(memory.taken(), 1_000);
    drop(all);
}

#[tokio::test(start_paused = true)]
async fn unread_operations_hold_little_beyond_the_budget() {
    let memory = Memory::new(1_000);
    let open = OpenConnections::new(100);
    let places: Vec<_> = (0..20).map(|_| open.take().expect("a slot")).collect();
    let mut held: VecDeque<_> = VecDeque::new();
    for place in &places {
        let connection = place.connection();
        held.push_back((
            connection,
            memory.for_operation(Some(connection.clone()), FREE + 300),
        ));
        connection.write_waits();
        sleep(STALLED / 100).await;
        // the task of an evicted connection ends
        held.retain(|(connection, _)| !connection.end().is_cancelled());
        assert!(memory.taken() <= 1_200, "{}", memory.taken());
    }
    // those that waited longest were evicted
    let evicted = |place: &ConnectionSlot| place.connection().end().is_cancelled();
    assert!(places[..16].iter().all(evicted));
    assert!(!places[17..].iter().any(evicted));
    drop(held);
    assert_eq!(memory.taken(), 0);
}

#[tokio::test(start_paused = true)]
async fn operation_evicts_another_client_after_a_second() {
    let memory = Memory::new(1_000);
    let open = OpenConnections::new(100);
    let place = open.take().expect("a slot");
    let client = place.connection().clone();
    let page = memory.for_answer(Some(client.clone()), FREE + 1_000).await;
    let _page = page.expect("free");
    client.write_waits();
    let first = memory.for_operation(None, FREE + 300);
    assert!(!client.end().is_cancelled());
    assert_eq!(memory.taken(), 1_300);
    sleep(STALLED).await;
    let second = memory.for_operation(None, FREE + 300);
    assert!(client.end().is_cancelled());
    drop((first, second));
}
