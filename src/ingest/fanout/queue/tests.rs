use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::domain::Tick;
use crate::ingest::fanout::Published;

/// Times run backwards now and then, as they do in feeds.
fn published(number: u64, symbol: i64) -> Published {
    let seconds = i64::try_from(number ^ 3).expect("small");
    let time = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
    let tick = Tick::quote(SymbolId::new(symbol), time, Decimal::ONE, Decimal::TWO);
    Published {
        number,
        record: tick,
    }
}

fn queue(policy: OverflowPolicy, capacity: usize) -> Queue<Tick> {
    Queue::new(&QueueOptions {
        policy,
        ..QueueOptions::dropping_oldest("test", capacity)
    })
}

fn numbers(events: &[Event]) -> Vec<(i64, u64, u64)> {
    let number = |event: &Event| match event {
        Event::Record(published) => (published.record.symbol_id.get(), published.number, 0),
        Event::Gap(gap) => (gap.symbol_id.get(), gap.first, gap.last),
    };
    events.iter().map(number).collect()
}

#[test]
fn oldest_ticks_are_dropped_as_gaps_of_their_symbols() {
    let mut queue = queue(OverflowPolicy::DropOldest, 2);
    for (number, symbol) in [(1, 1), (2, 1), (3, 2), (4, 1), (5, 1)] {
        queue.push(Event::Record(published(number, symbol)));
    }
    assert_eq!(queue.missed(), 3);
    let events = queue.take(9);
    assert_eq!(
        numbers(&events),
        [(1, 1, 2), (2, 3, 3), (1, 4, 0), (1, 5, 0)]
    );
    let Event::Gap(gap) = &events[0] else {
        panic!("a gap comes first");
    };
    assert_eq!(gap.missed, 2);
    // numbers 1 and 2 have the seconds 2 and 1
    assert_eq!(gap.from.timestamp(), 1);
    assert_eq!(gap.to.timestamp_micros(), 2_000_001);
    assert!(queue.is_empty());
}

#[test]
fn newest_tick_of_each_symbol_is_kept() {
    let mut queue = queue(OverflowPolicy::KeepNewestPerSymbol, 3);
    for (number, symbol) in [(1, 1), (2, 2), (3, 1), (4, 1)] {
        queue.push(Event::Record(published(number, symbol)));
    }
    assert_eq!(numbers(&queue.take(9)), [(1, 1, 3), (2, 2, 0), (1, 4, 0)]);
    // more symbols than places
    for (number, symbol) in [(5, 1), (6, 2), (7, 3), (8, 4)] {
        queue.push(Event::Record(published(number, symbol)));
    }
    assert_eq!(
        numbers(&queue.take(9)),
        [(1, 5, 5), (2, 6, 0), (3, 7, 0), (4, 8, 0)]
    );
}

#[test]
fn memory_of_a_burst_is_released() {
    let mut queue = queue(OverflowPolicy::DropOldest, 10_000);
    for number in 1..=10_000 {
        queue.push(Event::Record(published(number, 1)));
    }
    while queue.len() > 100 {
        queue.take(100);
        let (room, left) = (queue.waiting.capacity(), queue.len());
        assert!(room <= (8 * left).max(1_024), "{room} for {left}");
    }
}

#[test]
fn unfollowed_symbols_leave_no_gap() {
    let mut queue = Queue::new(&QueueOptions {
        every_symbol: false,
        ..QueueOptions::dropping_oldest("test", 1)
    });
    queue.push(Event::Record(published(1, 1)));
    assert!(queue.is_empty());
    queue.follow(SymbolId::new(1));
    queue.push(Event::Record(published(2, 1)));
    queue.push(Event::Record(published(3, 1)));
    queue.push(Event::Record(published(4, 2)));
    queue.unfollow(&[SymbolId::new(1)]);
    assert!(queue.is_empty());
    queue.push(Event::Record(published(5, 1)));
    assert!(queue.is_empty());
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Publish(i64),
    Announce(i64),
    Take(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..5_i64).prop_map(Step::Publish),
        1 => (1..5_i64).prop_map(Step::Announce),
        2 => (1..6_usize).prop_map(Step::Take),
    ]
}

proptest! {
    /// For any order of publishing and taking: ticks and gaps together cover everything in order and once,
    /// and the queue stays within its capacity.
    #[test]
    fn ticks_and_gaps_cover_everything_once(
        steps in prop::collection::vec(step(), 0..200),
        capacity in 1..12_usize,
        newest in any::<bool>(),
    ) {
        let policy = if newest {
            OverflowPolicy::KeepNewestPerSymbol
        } else {
            OverflowPolicy::DropOldest
        };
        let mut queue = queue(policy, capacity);
        let mut sent: BTreeMap<i64, Vec<Published>> = BTreeMap::new();
        let mut events = Vec::new();
        let mut number = 0;
        let mut counted = 0;
        for step in steps {
            match step {
                Step::Publish(symbol) | Step::Announce(symbol) => {
                    number += 1;
                    let tick = published(number, symbol);
                    sent.entry(symbol).or_default().push(tick.clone());
                    counted += queue.push(match step {
                        Step::Announce(_) => Event::Gap(Gap::of(&tick)),
                        _ => Event::Record(tick),
                    });
                }
                Step::Take(most) => events.extend(queue.take(most)),
            }
            prop_assert!(queue.len() <= capacity);
        }
        while !queue.is_empty() {
            events.extend(queue.take(3));
        }
        let mut missed = 0;
        for event in events {
            let symbol = event.symbol_id().get();
            let of_symbol = sent.get_mut(&symbol).expect("published");
            match event {
                Event::Record(tick) => prop_assert_eq!(of_symbol.remove(0), tick),
                Event::Gap(gap) => {
                    prop_assert_eq!(of_symbol[0].number, gap.first);
                    let is_in = |tick: &Published| tick.number <= gap.last;
                    let end = of_symbol.iter().take_while(|tick| is_in(tick)).count();
                    prop_assert_eq!(end as u64, gap.missed);
                    prop_assert_eq!(of_symbol[end - 1].number, gap.last);
                    for tick in of_symbol.drain(..end) {
                        let time = tick.record.tick_time;
                        prop_assert!(gap.from <= time && time < gap.to);
                    }
                    missed += gap.missed;
                }
            }
        }
        prop_assert!(sent.values().all(Vec::is_empty), "never told: {:?}", sent);
        prop_assert_eq!((missed, missed), (queue.missed(), counted));
    }
}
