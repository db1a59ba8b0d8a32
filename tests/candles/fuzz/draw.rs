//! Draws random ticks, queries and policies.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{
    CandleCursor, PageLimit, PriceBasis, SortOrder, SymbolId, Tick, TimeRange, Timeframe,
};
use tickbook::repository::CandleQuery;
use tickbook::retention::{PolicyDuration, RefreshPolicy, RetentionPolicies, validate};

use super::model::{SYMBOLS, TRADED};
use crate::support::random::Random;

/// The times of a round: some days that end now, or some hours ago.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    begun: DateTime<Utc>,
    pub(crate) days: i64,
    /// The time since the market closed. Refreshes then extend beyond its last tick.
    pub(crate) lag: TimeDelta,
    /// Minutes in which many calls overlap.
    hot: Vec<DateTime<Utc>>,
}

impl Times {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let lag = match random.below(2) {
            0 => TimeDelta::zero(),
            _ => TimeDelta::minutes(10 + random.below(1_800) as i64),
        };
        let begun = suite::now() - lag;
        let days = 3 + random.below(4) as i64;
        let hot = (0..4)
            .map(|_| begun - TimeDelta::minutes(random.below(days as u64 * 1_440) as i64))
            .collect();
        Self {
            begun,
            days,
            lag,
            hot,
        }
    }

    /// The current time of the market.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        suite::now() - self.lag
    }

    pub(crate) fn start(&self) -> DateTime<Utc> {
        self.begun - TimeDelta::days(self.days)
    }

    /// A time near now, within the last hours, in a hot minute, at the edge of a bucket, or anywhere.
    pub(crate) fn any(&self, random: &mut Random) -> DateTime<Utc> {
        let within = |random: &mut Random, width: TimeDelta| {
            let micros = width.num_microseconds().expect("short").unsigned_abs();
            TimeDelta::microseconds(random.below(micros) as i64)
        };
        let time = match random.below(10) {
            0..=1 => self.now() - within(random, TimeDelta::hours(2)),
            2..=3 => {
                let minute = self.hot[random.below(self.hot.len() as u64) as usize];
                minute + within(random, TimeDelta::minutes(2))
            }
            4 => {
                let anywhere = self.start() + within(random, TimeDelta::days(self.days));
                let timeframe = timeframe(random);
                timeframe.bucket_start(anywhere) - TimeDelta::microseconds(random.below(2) as i64)
            }
            _ => self.start() + within(random, TimeDelta::days(self.days)),
        };
        time.min(self.now())
    }

    /// A day that has begun, or the day before the first.
    pub(crate) fn day(&self, random: &mut Random) -> DateTime<Utc> {
        let day = random.below(self.days as u64 + 2) as i64;
        Timeframe::D1.bucket_start(self.begun - TimeDelta::days(day))
    }
}

pub(crate) fn timeframe(random: &mut Random) -> Timeframe {
    Timeframe::ALL[random.below(7) as usize]
}

pub(crate) fn symbol(random: &mut Random) -> SymbolId {
    SYMBOLS[random.below(SYMBOLS.len() as u64) as usize]
}

fn price(random: &mut Random) -> Decimal {
    let scale = random.below(13) as u32;
    Decimal::new(random.below(4_000_000_000) as i64 - 500_000_000, scale).normalize()
}

/// A small volume, or one of the largest if `is_large` is set.
fn volume(random: &mut Random, is_large: bool) -> Decimal {
    if is_large {
        let below = Decimal::new(random.below(1_000) as i64 + 1, 12);
        return Decimal::from(1_000_000_000_000_000_i64) - below;
    }
    Decimal::new(random.below(1_000_000) as i64, random.below(7) as u32).normalize()
}

/// One tick of `writer`. Two writers never use the same sequence.
pub(crate) fn tick(
    random: &mut Random,
    writer: usize,
    symbol_id: SymbolId,
    tick_time: DateTime<Utc>,
    is_large: bool,
) -> Tick {
    // sequences of more than one byte
    let place = [1, 70_000, 1 << 53][random.below(3) as usize] * random.below(6) as i64;
    let sequence = place * 4 + writer as i64;
    if symbol_id == TRADED {
        // a quantity is greater than zero
        let quantity = volume(random, is_large).max(Decimal::new(1, 7));
        let trade = Tick::new(symbol_id, tick_time).with_bid(price(random));
        let trade = trade.with_bid_volume(quantity).with_sequence(sequence);
        return trade.normalized().expect("a valid trade");
    }
    let both = Tick::quote(symbol_id, tick_time, price(random), price(random))
        .with_sequence(sequence)
        .with_volumes(volume(random, is_large), volume(random, is_large));
    let tick = match random.below(8) {
        0 => both.with_bid(None),
        1 => both.with_ask(None),
        2 => both.with_bid_volume(None),
        3 => both.with_volumes(None, None),
        _ => both,
    };
    tick.normalized().expect("a valid tick")
}

/// A folded timeframe that divides a day. Seconds lack the ticks that were dropped.
fn folded_timeframe(random: &mut Random) -> Timeframe {
    let (timeframe, count) = [
        (Timeframe::M1, 3),
        (Timeframe::M5, 2),
        (Timeframe::M15, 3),
        (Timeframe::M30, 3),
        (Timeframe::H1, 2),
        (Timeframe::H4, 3),
    ][random.below(6) as usize];
    timeframe.times(count).expect("a timeframe")
}

/// A query of a reader.
pub(crate) fn query(random: &mut Random, times: &Times) -> CandleQuery {
    let timeframe = match random.below(4) {
        0 => folded_timeframe(random),
        _ => timeframe(random),
    };
    let around = times.any(random);
    let range = match random.below(10) {
        0..=1 => TimeRange::all(),
        2..=3 => {
            let day = Timeframe::D1.bucket_start(around);
            let days = 1 + random.below(3) as i64;
            range(day, day + TimeDelta::days(days))
        }
        _ => {
            let width = |random: &mut Random| timeframe.duration() * random.below(40) as i32;
            let mut from = around - width(random);
            if random.below(2) == 0 {
                from = timeframe.bucket_start(from);
            }
            range(from, around + width(random))
        }
    };
    let limit = match random.below(10) {
        0..=3 => 1 + random.below(20) as u32,
        4..=5 => 60,
        6..=8 => 500,
        _ => 10_000,
    };
    let after = (random.below(6) == 0).then(|| CandleCursor {
        open_time: timeframe.bucket_start(times.any(random)),
    });
    let (symbol, of_ticks) = (
        symbol(random),
        PriceBasis::OF_TICKS[random.below(3) as usize],
    );
    let basis = match symbol {
        TRADED => PriceBasis::Trade,
        _ => of_ticks,
    };
    CandleQuery::new(symbol, timeframe, basis, range)
        .closed_only(random.below(4) == 0)
        .order(match random.below(2) {
            0 => SortOrder::Ascending,
            _ => SortOrder::Descending,
        })
        .after(after)
        .limit(PageLimit::new(limit).expect("in range"))
}

pub(crate) fn range(from: DateTime<Utc>, to: DateTime<Utc>) -> TimeRange {
    TimeRange::new(from, to).expect("ordered")
}

/// A set of policies that passes the validation. Candles are retained for longer than the ticks of any
/// round.
pub(crate) fn policies(random: &mut Random) -> RetentionPolicies {
    loop {
        let policies = set(random);
        if validate(&policies).is_ok() {
            return policies;
        }
    }
}

fn set(random: &mut Random) -> RetentionPolicies {
    let mut policies =
        RetentionPolicies::default().lateness(PolicyDuration::hours(1 + random.below(3) as i64));
    policies.ticks.chunk = PolicyDuration::hours([1, 6, 12, 24][random.below(4) as usize]);
    for (timeframe, refresh) in &mut policies.refresh {
        let bucket = PolicyDuration::from(timeframe.duration());
        let end_offset = bucket * (1 + random.below(2) as i64);
        let every = PolicyDuration::seconds(60 + random.below(120) as i64);
        let least = (policies.lateness + bucket + every * 2).max(end_offset + bucket * 2);
        let start_offset = Some(least + PolicyDuration::seconds(random.below(20_000) as i64));
        *refresh = RefreshPolicy::new(start_offset, end_offset, every);
    }
    let reach = policies.refresh[&Timeframe::M1].start_offset;
    let reach = reach.expect("was just set");
    let least = reach + PolicyDuration::days(1) + policies.lateness + policies.ticks.chunk * 2;
    let drop_after = least + PolicyDuration::hours(random.below(40) as i64);
    policies.ticks.drop_after = (random.below(5) > 0).then_some(drop_after);
    policies.ticks.compress_after = (random.below(2) == 0)
        .then(|| policies.lateness + PolicyDuration::hours(random.below(20) as i64));
    policies.trades = policies.ticks;
    policies.candles.chunk = PolicyDuration::days([1, 7][random.below(2) as usize]);
    policies.candles.compress_after = (random.below(2) == 0).then_some(PolicyDuration::days(6));
    policies.candles.drop_after = (random.below(2) == 0 && policies.ticks.drop_after.is_some())
        .then_some(PolicyDuration::days(60));
    policies
}
