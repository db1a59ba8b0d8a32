//! Ticks as a feed delivers them: symbols in turn, in order of time, with prices that follow a random walk.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{SymbolId, Tick};

const SYMBOLS: i64 = 50;

/// `count` batches of `size` ticks, all within the day `day`; calls with different days return different
/// ticks.
pub(crate) fn batches(day: u32, count: usize, size: usize) -> Vec<Vec<Tick>> {
    let start = first_day() + TimeDelta::days(i64::from(day));
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ u64::from(day));
    let mut price = [108_500_i64; SYMBOLS as usize];
    let mut number = 0_i64;
    let mut tick = || {
        // not in order of id
        let symbol = number * 7 % SYMBOLS;
        let bid = &mut price[symbol as usize];
        *bid += random.below(11) as i64 - 5;
        let tick = Tick::quote(
            SymbolId::new(symbol + 1),
            start + TimeDelta::microseconds(number * 1_003),
            Decimal::new(*bid, 5),
            Decimal::new(*bid + 1 + random.below(9) as i64, 5),
        )
        .with_volumes(
            Decimal::new(random.below(100_000) as i64, 2),
            Decimal::new(random.below(100_000) as i64, 2),
        );
        number += 1;
        tick
    };
    (0..count)
        .map(|_| (0..size).map(|_| tick()).collect())
        .collect()
}

/// The same batches, each sorted by key.
pub(crate) fn sorted(batches: &[Vec<Tick>]) -> Vec<Vec<Tick>> {
    let mut sorted = batches.to_vec();
    for batch in &mut sorted {
        batch.sort_by_key(Tick::key);
    }
    sorted
}

pub(crate) fn first_day() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(17_000) + TimeDelta::hours(1)
}

/// A linear congruential generator: all runs use the same ticks.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
