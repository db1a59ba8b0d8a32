//! Test that the memory of an audit does not grow with its range. It runs in a separate process, which it
//! measures.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::RepositoryError;
use tickbook::audit::{AuditObserver, AuditSettings, Finding, audit_symbol};
use tickbook::domain::{Candle, CandleCursor, Page, SymbolId, Tick, TickCursor, TimeRange};
use tickbook::repository::{CandleQuery, TickQuery};

use crate::support::alone::is_alone;
use crate::support::double::{CandleCalls, Double, TickCalls};

const EURUSD: SymbolId = SymbolId::new(1);
/// The interval of the ticks: 86,400 ticks per day.
const EVERY: TimeDelta = TimeDelta::seconds(1);
const MEGABYTE: usize = 1 << 20;

/// A repository with one tick per second at all times, created when it is read, and without candles.
#[derive(Debug, Default)]
struct Endless {
    largest_page: AtomicUsize,
}

#[async_trait]
impl TickCalls for Endless {
    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        let mut time = query.range.start();
        if let Some(after) = query.after {
            time = after.tick_time + EVERY;
        }
        let mut ticks = Vec::new();
        while time < query.range.end() && ticks.len() <= query.limit.get() {
            let price = Decimal::new(138_000 + time.timestamp() % 991, 5);
            ticks.push(Tick::quote(EURUSD, time, price, price));
            time += EVERY;
        }
        self.largest_page.fetch_max(ticks.len(), Ordering::Relaxed);
        Ok(Page::from_limit_plus_one(
            ticks,
            query.limit,
            TickCursor::of,
        ))
    }
}

#[async_trait]
impl CandleCalls for Endless {
    async fn candles(
        &self,
        _: &CandleQuery,
    ) -> Result<Page<Candle, CandleCursor>, RepositoryError> {
        Ok(Page::new(Vec::new(), None))
    }
}

#[derive(Debug, Default)]
struct Counter(u64);

impl AuditObserver for Counter {
    fn finding(&mut self, _: &Finding) {
        self.0 += 1;
    }

    fn progress(&mut self, _: u64, _: DateTime<Utc>) {}
}

async fn run(days: i64) -> usize {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    let range = TimeRange::new(start, start + TimeDelta::days(days)).expect("ordered");
    let (endless, mut counter) = (Double(Endless::default()), Counter::default());
    let settings = AuditSettings::new(range, suite::now());
    let ticks = &endless;
    let summary = audit_symbol(ticks, ticks, None, EURUSD, &settings, None, &mut counter).await;
    let summary = summary.expect("audited");
    assert_eq!(summary.ticks, 86_400 * days.unsigned_abs());
    // every candle is missing, and is reported at the end of its day
    assert_eq!(counter.0, 3 * 1_903 * days.unsigned_abs());
    assert!(endless.0.largest_page.into_inner() <= 10_001);
    peak()
}

/// The peak memory of this process.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    let kilobytes: usize = kilobytes.expect("a peak").parse().expect("a number");
    kilobytes * 1_024
}

#[tokio::test]
async fn memory_of_an_audit_does_not_grow_with_its_range() {
    if !is_alone() {
        return;
    }
    if !std::path::Path::new("/proc/self/status").exists() {
        suite::skip("memory is measured by /proc, which this system does not have");
        return;
    }
    let idle = peak();
    let few_days = run(2).await;
    let many_days = run(20).await;
    println!(
        "two days: {} KB above idle, twenty: {} KB",
        (few_days - idle) / 1_024,
        (many_days - idle) / 1_024
    );
    assert!(many_days - idle < 32 * MEGABYTE);
    assert!(many_days - few_days < 4 * MEGABYTE);
}
