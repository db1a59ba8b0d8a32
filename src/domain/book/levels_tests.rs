//! A side beside a map, under random changes at every depth.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::*;

fn levels(side: &Levels) -> Vec<(i64, i64)> {
    side.iter()
        .map(|level| (level.price, level.quantity))
        .collect()
}

fn expected(side: BookSide, map: &BTreeMap<i64, i64>) -> Vec<(i64, i64)> {
    let levels = map.iter().map(|(price, quantity)| (*price, *quantity));
    match side {
        BookSide::Bid => levels.rev().collect(),
        BookSide::Ask => levels.collect(),
    }
}

/// Changes of one message: near the best price, near the worst one, or anywhere; sorted or not.
fn message(random: &mut Rng, side: BookSide) -> Vec<(i64, i64)> {
    let prices = match random.u8(..3) {
        0 => 1..20,
        1 => 480..500,
        _ => 1..500,
    };
    let mut changes: Vec<_> = (0..random.usize(1..12))
        .map(|_| (random.i64(prices.clone()), random.i64(0..3)))
        .collect();
    if random.u8(..4) > 0 {
        changes.sort_by_key(|(price, _)| match side {
            BookSide::Bid => -price,
            BookSide::Ask => *price,
        });
    }
    changes
}

#[test]
fn side_of_random_changes_equals_a_map() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    for side in [BookSide::Bid, BookSide::Ask] {
        let (mut ours, mut map) = (Levels::new(side), BTreeMap::new());
        for _ in 0..5_000 {
            let mut last = Place::default();
            for (price, quantity) in message(&mut random, side) {
                let before = map.remove(&price);
                if quantity > 0 {
                    map.insert(price, quantity);
                }
                let changed = match (before, quantity) {
                    (None, 0) => Changed::Unknown,
                    (None, _) => Changed::Inserted,
                    (Some(_), 0) => Changed::Removed,
                    (Some(_), _) => Changed::Replaced,
                };
                assert_eq!(ours.set(price, quantity, &mut last), changed);
                assert_eq!(ours.quantity(price), quantity);
            }
            if random.u8(..50) == 0 {
                let depth = random.usize(1..400);
                let worst = expected(side, &map).into_iter().skip(depth);
                let worst: Vec<_> = worst.collect();
                assert_eq!(ours.cut(depth), worst.len());
                for (price, _) in worst {
                    map.remove(&price);
                }
            }
            assert_eq!(ours.len(), map.len());
            assert_eq!(levels(&ours), expected(side, &map));
            let best = expected(side, &map).first().copied();
            let ours = ours.best().map(|level| (level.price, level.quantity));
            assert_eq!(ours, best);
        }
    }
}

#[test]
fn room_of_a_drifting_side_is_bounded() {
    let mut side = Levels::new(BookSide::Bid);
    for price in 1..100_000 {
        side.set(price, 1, &mut Place::default());
        if price > 10 {
            side.set(price - 10, 0, &mut Place::default());
        }
        assert!(side.ranked.len() <= 2 * (side.len() + MAX_ROOM), "{price}");
    }
    assert_eq!(side.len(), 10);
}

#[test]
fn copy_of_a_side_has_space_for_more_levels() {
    let mut side = Levels::new(BookSide::Ask);
    for price in 1..100 {
        side.set(price, 1, &mut Place::default());
    }
    side.cut(40);
    let copy = side.clone();
    assert_eq!(levels(&copy), levels(&side));
    assert!(copy.ranked.capacity() >= copy.len() + SPARE);
}
