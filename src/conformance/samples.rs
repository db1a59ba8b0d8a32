//! Sample data of the conformance suite: ticks, seeded random numbers, complete listings.

use std::future::poll_fn;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::pin::Pin;

use chrono::{DateTime, TimeDelta, Utc};
use futures_core::Stream;
use rust_decimal::Decimal;

use crate::domain::{
    Candle, PageLimit, PriceBasis, SortOrder, SymbolId, Tick, TimeRange, Timeframe,
};
use crate::error::RepositoryError;
use crate::repository::{CandleQuery, InsertReceipt, OhlcRepository, TickQuery, TickRepository};

pub(super) const EURUSD: SymbolId = SymbolId::new(1);
pub(super) const GBPUSD: SymbolId = SymbolId::new(2);

/// Backends may write short batches differently from long ones.
pub(super) const BATCH_SIZES: [usize; 2] = [10, 200];

/// A past Thursday at midnight, the start of a bucket of every timeframe.
pub(super) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01T00:00:00Z exists")
}

pub(super) fn micros(micros: i64) -> DateTime<Utc> {
    start() + TimeDelta::microseconds(micros)
}

pub(super) fn seconds(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

pub(super) fn range(from: DateTime<Utc>, to: DateTime<Utc>) -> TimeRange {
    TimeRange::new(from, to).expect("the behaviours give ordered bounds")
}

pub(super) fn limit(limit: u32) -> PageLimit {
    PageLimit::new(limit).expect("the behaviours give limits from 1 to 10,000")
}

pub(super) fn dec(text: &str) -> Decimal {
    text.parse().expect("the behaviours write decimals")
}

/// A quote of EURUSD.
pub(super) fn quote(time: DateTime<Utc>, sequence: i64, bid: &str, ask: &str) -> Tick {
    Tick::quote(EURUSD, time, dec(bid), dec(ask)).with_sequence(sequence)
}

/// Sequences near the limits of number types, ascending.
pub(super) const WIDE_SEQUENCES: [i64; 9] = [
    0,
    (1 << 31) - 1,
    1 << 31,
    1 << 32,
    1 << 53,
    (1 << 53) + 1,
    1 << 62,
    i64::MAX - 1,
    i64::MAX,
];

/// The tick at `index` of a series with different prices and three ticks per second.
pub(super) fn nth_tick(symbol_id: SymbolId, index: usize) -> Tick {
    let index = i64::try_from(index).expect("series are short");
    let tick_time = seconds(index / 3);
    Tick::new(symbol_id, tick_time)
        .with_sequence(index % 3)
        .with_bid(Decimal::new(138_600 + index, 5))
        .with_ask(Decimal::new(138_602 + index, 5))
        .with_volumes(
            Decimal::new(1_000_000 + index, 1),
            Decimal::new(2_000_000 - index, 1),
        )
        .with_received_at((index % 2 == 0).then(|| tick_time + TimeDelta::milliseconds(250)))
}

/// The first `count` ticks of that series, sorted.
pub(super) fn series(symbol_id: SymbolId, count: usize) -> Vec<Tick> {
    (0..count).map(|index| nth_tick(symbol_id, index)).collect()
}

pub(super) fn with_other_price(tick: &Tick) -> Tick {
    let price = tick
        .ask_price
        .map_or(Decimal::ONE, |ask| ask + Decimal::ONE);
    tick.clone().with_ask(price)
}

pub(super) async fn insert(repository: &dyn TickRepository, ticks: &[Tick]) -> InsertReceipt {
    let receipt = repository
        .insert_batch(ticks)
        .await
        .expect("a batch is accepted");
    assert_eq!(
        receipt.total(),
        ticks.len() as u64,
        "the receipt counts every given tick once"
    );
    receipt
}

/// Inserts ticks, none of which may be stored yet.
pub(super) async fn insert_new(repository: &dyn TickRepository, ticks: &[Tick]) {
    let receipt = insert(repository, ticks).await;
    assert_eq!(
        receipt.inserted,
        ticks.len() as u64,
        "all are new: {receipt:?}"
    );
}

/// Reads all ticks of `query` and the pages after it.
pub(super) async fn read_pages(repository: &dyn TickRepository, mut query: TickQuery) -> Vec<Tick> {
    let mut ticks = Vec::new();
    loop {
        let page = repository.range(&query).await.expect("a page is read");
        assert!(
            page.items.len() <= query.limit.get(),
            "a page respects its limit"
        );
        assert!(
            page.next.is_none() || !page.items.is_empty(),
            "a page with a next cursor is not empty"
        );
        ticks.extend(page.items);
        assert!(
            page.next.is_none() || page.next != query.after,
            "the cursor advances"
        );
        match page.next {
            Some(next) => query.after = Some(next),
            None => return ticks,
        }
    }
}

/// All stored ticks of a symbol, sorted.
pub(super) async fn stored(repository: &dyn TickRepository, symbol_id: SymbolId) -> Vec<Tick> {
    let query = TickQuery {
        limit: PageLimit::MAX,
        ..TickQuery::new(symbol_id, TimeRange::all())
    };
    read_pages(repository, query).await
}

/// Reads all candles of `query` and the pages after it.
pub(super) async fn read_candle_pages(
    repository: &dyn OhlcRepository,
    mut query: CandleQuery,
) -> Vec<Candle> {
    let mut candles = Vec::new();
    loop {
        let page = repository.candles(&query).await.expect("a page is read");
        assert!(
            page.items.len() <= query.limit.get(),
            "a page respects its limit"
        );
        candles.extend(page.items);
        assert!(
            page.next.is_none() || page.next != query.after,
            "the cursor advances"
        );
        match page.next {
            Some(next) => query.after = Some(next),
            None => return candles,
        }
    }
}

/// Reads all candles of EURUSD in a range, oldest first.
pub(super) async fn candles(
    repository: &dyn OhlcRepository,
    timeframe: Timeframe,
    basis: PriceBasis,
    range: TimeRange,
) -> Vec<Candle> {
    let query = CandleQuery {
        limit: PageLimit::MAX,
        order: SortOrder::Ascending,
        ..CandleQuery::new(EURUSD, timeframe, basis, range)
    };
    read_candle_pages(repository, query).await
}

/// Random numbers that a printed seed reproduces.
pub(super) struct Random(u64);

impl Random {
    /// Takes the seed from `TICKBOOK_SEED`, otherwise chooses one, and prints it.
    pub(super) fn seeded() -> Self {
        let seed = match std::env::var("TICKBOOK_SEED") {
            Ok(text) => text.parse().expect("TICKBOOK_SEED is a number"),
            Err(_) => RandomState::new().build_hasher().finish(),
        };
        println!("set TICKBOOK_SEED={seed} to see the same numbers again");
        Self(seed)
    }

    /// A number below `bound`, generated by SplitMix64.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = self.below(end as u64 + 1) as usize;
            items.swap(end, other);
        }
    }

    /// A volume below ten million with up to twelve decimal places.
    pub(super) fn volume(&mut self) -> Decimal {
        let scale = self.below(13) as u32;
        let units = self.below(10_u64.pow(7 + scale.min(11)));
        Decimal::new(units as i64, scale)
    }

    /// A price between minus and plus ten million with up to twelve decimal places.
    pub(super) fn price(&mut self) -> Decimal {
        let price = self.volume();
        if self.below(8) == 0 { -price } else { price }
    }

    /// A random tick.
    pub(super) fn tick(&mut self, tick_time: DateTime<Utc>, sequence: i64) -> Tick {
        Tick::new(EURUSD, tick_time)
            .with_sequence(sequence)
            .with_bid(self.price())
            .with_ask(self.price())
            .with_volumes(self.volume(), self.volume())
    }

    /// Ticks with different keys within `days` from the start, sorted, with many equal times.
    pub(super) fn ticks(&mut self, count: usize, days: i64) -> Vec<Tick> {
        let span = days.unsigned_abs() * 86_400_000_000;
        let mut ticks: Vec<Tick> = Vec::new();
        while ticks.len() < count {
            let time = micros(self.below(span) as i64);
            let ties = 1 + self.below(4) as i64;
            ticks.extend((0..ties).map(|sequence| self.tick(time, sequence)));
        }
        ticks.sort_by_key(Tick::key);
        ticks.dedup_by_key(|tick| tick.key());
        ticks
    }
}

/// Collects all items of a stream.
pub(super) async fn collect<T>(
    mut stream: impl Stream<Item = Result<T, RepositoryError>> + Unpin,
) -> Vec<T> {
    let mut items = Vec::new();
    while let Some(item) = poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
        items.push(item.expect("an item is read"));
    }
    items
}
