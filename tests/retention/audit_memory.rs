//! Tests of audits of backends in memory, one of which returns damaged candles.

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::audit::{
    AuditSettings, CandleRefresh, FindingKind, Problem, RefreshWindow, Repair, RepairOutcome,
};
use tickbook::domain::{
    Candle, CandleCursor, CandleSource, Page, PriceBasis, Tick, TimeRange, Timeframe,
};
use tickbook::memory::{InMemoryOhlcRepository, InMemoryTickRepository};
use tickbook::repository::{CandleQuery, OhlcRepository, TickRepository as _};
use tickbook::{Repositories, RepositoryError};

use crate::support::audit_run::{EURUSD, at, audit, insert, start, ticks, whole};
use crate::support::double::{CandleCalls, Double};

type Damage = Box<dyn Fn(&CandleQuery, &mut Vec<Candle>) + Send + Sync>;

/// A repository that returns the candles of another repository, damaged until they are refreshed.
type Damaged = Double<Damaging>;

struct Damaging {
    whole: InMemoryOhlcRepository,
    damage: Mutex<Option<Damage>>,
    refreshed: Mutex<Vec<RefreshWindow>>,
    /// Whether a refresh removes the damage.
    mends: bool,
}

impl Damaged {
    async fn new(
        days: i64,
        damage: impl Fn(&CandleQuery, &mut Vec<Candle>) + Send + Sync + 'static,
    ) -> (InMemoryTickRepository, Self) {
        let repository = InMemoryTickRepository::new();
        insert(&repository, &ticks(days)).await;
        let damaged = Double(Damaging {
            whole: InMemoryOhlcRepository::new(repository.clone()),
            damage: Mutex::new(Some(Box::new(damage))),
            refreshed: Mutex::default(),
            mends: true,
        });
        (repository, damaged)
    }

    fn windows(&self) -> Vec<RefreshWindow> {
        self.refreshed.lock().expect("whole").clone()
    }
}

impl std::fmt::Debug for Damaging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Damaging").finish_non_exhaustive()
    }
}

#[async_trait]
impl CandleCalls for Damaging {
    fn candles_behind(&self) -> &dyn OhlcRepository {
        &self.whole
    }

    async fn candles(
        &self,
        query: &CandleQuery,
    ) -> Result<Page<Candle, CandleCursor>, RepositoryError> {
        let mut page = self.whole.candles(query).await?;
        if let Some(damage) = &*self.damage.lock().expect("whole") {
            damage(query, &mut page.items);
        }
        Ok(page)
    }
}

#[async_trait]
impl CandleRefresh for Damaged {
    async fn refresh(
        &self,
        windows: &[RefreshWindow],
    ) -> Result<Vec<RefreshWindow>, RepositoryError> {
        self.refreshed.lock().expect("whole").extend(windows);
        if self.mends {
            *self.damage.lock().expect("whole") = None;
        }
        Ok(Vec::new())
    }
}

fn is(query: &CandleQuery, timeframe: Timeframe, basis: PriceBasis) -> bool {
    (query.timeframe, query.basis) == (timeframe, basis)
}

fn change(candles: &mut [Candle], open_time: DateTime<Utc>, change: impl Fn(&mut Candle)) {
    let of_time = |candle: &&mut Candle| candle.open_time == open_time;
    candles.iter_mut().filter(of_time).for_each(change);
}

#[tokio::test]
async fn clean_repository_gives_no_finding() {
    let repositories = Repositories::in_memory();
    let ticks = ticks(2);
    insert(&*repositories.ticks, &ticks).await;
    let run = audit(&*repositories.ticks, &*repositories.ohlc, &whole(), None).await;
    assert_eq!(run.findings, []);
    assert_eq!(run.summary.ticks, ticks.len() as u64);
    let a_day = 1_440 + 288 + 96 + 48 + 24 + 6 + 1;
    assert_eq!(run.summary.candles, 2 * 3 * a_day);
}

#[tokio::test]
async fn every_differing_field_is_shown_with_both_values() {
    let (ticks, ohlc) = Damaged::new(1, |query, candles| {
        if is(query, Timeframe::M1, PriceBasis::Bid) {
            change(candles, at(10), |candle| candle.open = Decimal::TWO);
            change(candles, at(11), |candle| candle.volume = Decimal::TEN);
        }
        if is(query, Timeframe::H4, PriceBasis::Mid) {
            change(candles, at(240), |candle| candle.tick_count = 1);
        }
    })
    .await;
    let run = audit(&ticks, &ohlc, &whole(), None).await;
    assert_eq!(run.kinds(), [FindingKind::CandleDiffers; 3]);
    let fields: Vec<_> = run
        .findings
        .iter()
        .map(|it| it.problem.differences())
        .collect();
    assert_eq!(fields[0].len(), 1);
    let (first, second) = (&fields[0][0], &fields[1][0]);
    assert_eq!((first.field, first.found.as_str()), ("open", "2"));
    assert!(first.expected.starts_with("1.38"), "{first:?}");
    assert_eq!((second.field, second.found.as_str()), ("volume", "10"));
    assert_eq!(fields[2].len(), 1);
    let third = &fields[2][0];
    let reported = (third.field, &*third.found, &*third.expected);
    assert_eq!(reported, ("tick_count", "1", "792"));
    let text = run.findings[0].problem.to_string();
    assert!(
        text.contains("symbol 7 1m bid 2014-05-01T00:10:00Z: open is 2, its ticks give 1.38"),
        "{text}"
    );
}

#[tokio::test]
async fn missing_candle_is_reported() {
    let (ticks, ohlc) = Damaged::new(1, |query, candles| {
        if is(query, Timeframe::M5, PriceBasis::Ask) {
            candles.retain(|candle| candle.open_time != at(15));
        }
    })
    .await;
    let run = audit(&ticks, &ohlc, &whole(), None).await;
    assert_eq!(run.kinds(), [FindingKind::CandleMissing]);
    let compared = run.findings[0].problem.candles();
    assert_eq!(compared.found, None);
    let expected = compared.expected.expect("what the ticks make");
    assert_eq!(
        (expected.open_time, expected.timeframe),
        (at(15), Timeframe::M5)
    );
}

#[tokio::test]
async fn candle_without_ticks_is_reported() {
    let (ticks, ohlc) = Damaged::new(1, |query, candles| {
        let extra = start() + TimeDelta::days(40);
        if is(query, Timeframe::M1, PriceBasis::Bid) && query.range.contains(extra) {
            candles.push(
                Candle::new(
                    EURUSD,
                    Timeframe::M1,
                    PriceBasis::Bid,
                    extra,
                    [Decimal::ONE, Decimal::ONE, Decimal::ONE, Decimal::ONE],
                )
                .volume(Decimal::ONE),
            );
        }
    })
    .await;
    let run = audit(&ticks, &ohlc, &whole(), None).await;
    assert_eq!(run.kinds(), [FindingKind::CandleWithoutTicks]);
    let text = run.findings[0].problem.to_string();
    assert!(text.contains("there are no ticks for open 1"), "{text}");
}

#[tokio::test]
async fn wrong_stored_candles_are_replaced_if_downsampled() {
    let (ticks, ohlc) = Damaged::new(1, |_, _| ()).await;
    let query = CandleQuery::new(
        EURUSD,
        Timeframe::M1,
        PriceBasis::Bid,
        TimeRange::new(at(20), at(23)).expect("ordered"),
    );
    let mut candles = ohlc.candles(&query).await.expect("read").items;
    let sources = [CandleSource::DOWNSAMPLED, "import", "history"];
    for (candle, by) in candles.iter_mut().zip(sources) {
        candle.high += Decimal::ONE;
        candle.source = CandleSource::Stored(by.to_owned());
    }
    // an imported candle without volume and tick count, whose prices are right
    candles[2].high -= Decimal::ONE;
    candles[2].volume = Decimal::ZERO;
    candles[2].tick_count = 0;
    // a stored candle without ticks is not a finding
    let mut old = candles[1].clone();
    old.open_time = start() - TimeDelta::days(300);
    candles.push(old);
    ohlc.upsert_candles(&candles).await.expect("stored");

    let only_minutes = whole().timeframes(vec![Timeframe::M1]);
    let run = audit(&ticks, &ohlc, &only_minutes, None).await;
    assert_eq!(run.kinds(), [FindingKind::StoredCandleDiffers; 2]);
    let repair = Some(Repair::new(Some(&ohlc)));
    let run = audit(&ticks, &ohlc, &only_minutes, repair).await;
    assert_eq!(run.findings[0].repair_outcome, RepairOutcome::Repaired);
    let RepairOutcome::NotRepaired { reason } = &run.findings[1].repair_outcome else {
        panic!("{run:?}");
    };
    assert!(reason.contains("\"import\""), "{reason}");
    assert_eq!((run.summary.repaired, run.summary.left()), (1, 1));
    assert_eq!(ohlc.windows(), [], "stored candles need no refresh");
}

#[tokio::test]
async fn repair_refreshes_and_reports_wrong_candles() {
    let damage = |query: &CandleQuery, candles: &mut Vec<Candle>| {
        if is(query, Timeframe::H1, PriceBasis::Bid) {
            change(candles, at(120), |candle| candle.close = Decimal::TWO);
        }
    };
    let (ticks, ohlc) = Damaged::new(1, damage).await;
    let refresh: Option<&dyn CandleRefresh> = Some(&ohlc);
    let run = audit(&ticks, &ohlc, &whole(), Some(Repair::new(refresh))).await;
    assert_eq!(run.kinds(), [FindingKind::CandleDiffers]);
    assert!(run.all_mended());
    let timeframes: Vec<_> = ohlc.windows().iter().map(|it| it.timeframe).collect();
    assert_eq!(timeframes, Timeframe::ALL, "the whole day, smallest first");

    let (ticks, mut ohlc) = Damaged::new(1, damage).await;
    ohlc.0.mends = false;
    let refresh: Option<&dyn CandleRefresh> = Some(&ohlc);
    let run = audit(&ticks, &ohlc, &whole(), Some(Repair::new(refresh))).await;
    assert_eq!(run.summary.left(), 1, "what did not help is told");

    let refresh = None;
    let run = audit(&ticks, &ohlc, &whole(), Some(Repair::new(refresh))).await;
    let RepairOutcome::NotRepaired { reason } = &run.findings[0].repair_outcome else {
        panic!("{run:?}");
    };
    assert!(
        reason.contains("computes candles at every read"),
        "{reason}"
    );
}

#[tokio::test]
async fn candles_with_dropped_ticks_are_never_refreshed() {
    let (ticks, ohlc) = Damaged::new(2, |query, candles| {
        if is(query, Timeframe::M1, PriceBasis::Bid) {
            change(candles, at(10), |candle| candle.tick_count += 5);
            change(candles, at(11), |candle| candle.close = Decimal::TWO);
        }
    })
    .await;
    let settings = whole().complete_from(at(1_440));
    let refresh: Option<&dyn CandleRefresh> = Some(&ohlc);
    let run = audit(&ticks, &ohlc, &settings, Some(Repair::new(refresh))).await;
    assert_eq!(run.summary.uncheckable, 1);
    assert_eq!(run.kinds(), [FindingKind::CandleDiffers]);
    let RepairOutcome::NotRepaired { reason } = &run.findings[0].repair_outcome else {
        panic!("{run:?}");
    };
    assert!(reason.contains("may have been dropped"), "{reason}");
    assert_eq!(ohlc.windows(), []);
}

#[tokio::test]
async fn ticks_arriving_during_an_audit_are_ignored() {
    let (ticks, ohlc) = Damaged::new(1, |_, _| ()).await;
    let arriving = ticks.clone();
    let count = Mutex::new(0_i64);
    // after each read of the candles, ticks arrive that the read did not include
    *ohlc.damage.lock().expect("whole") = Some(Box::new(move |query, _| {
        let mut count = count.lock().expect("whole");
        if is(query, Timeframe::D1, PriceBasis::Mid) && *count < 4 {
            *count += 1;
            let late =
                Tick::quote(EURUSD, at(700), Decimal::TEN, Decimal::TEN).with_sequence(5 + *count);
            let stored = arriving.insert_batch(std::slice::from_ref(&late));
            at_once(stored).expect("stored");
        }
    }));
    let run = audit(&ticks, &ohlc, &whole(), None).await;
    assert_eq!(run.findings, []);
    assert_eq!(run.summary.unstable, 0);
}

/// Polls a future that never waits, and returns its result.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

#[tokio::test]
async fn cut_and_forming_buckets_are_left_out() {
    let wrong = |_: &CandleQuery, candles: &mut Vec<Candle>| {
        candles.iter_mut().for_each(|candle| candle.tick_count += 1);
    };
    let (ticks, ohlc) = Damaged::new(1, wrong).await;
    let range = TimeRange::new(at(7), at(600)).expect("ordered");
    let settings = AuditSettings::new(range, at(16) + TimeDelta::seconds(30));
    let run = audit(&ticks, &ohlc, &settings, None).await;
    let reported: BTreeSet<_> = run
        .findings
        .iter()
        .map(|finding| match &finding.problem {
            Problem::CandleDiffers { found, .. } => (found.timeframe, found.open_time),
            other => panic!("{other}"),
        })
        .collect();
    let minutes = (7..16).map(|minute| (Timeframe::M1, at(minute)));
    let expected: BTreeSet<_> = minutes.chain([(Timeframe::M5, at(10))]).collect();
    assert_eq!(reported, expected);
}

#[tokio::test]
async fn audit_can_be_limited_to_timeframes_and_kinds() {
    let wrong = |_: &CandleQuery, candles: &mut Vec<Candle>| {
        candles.iter_mut().for_each(|candle| candle.tick_count += 1);
    };
    let (ticks, ohlc) = Damaged::new(1, wrong).await;
    let settings = whole().timeframes(vec![Timeframe::H4]);
    let run = audit(&ticks, &ohlc, &settings, None).await;
    assert_eq!(run.findings.len(), 3 * 6);
    let settings = whole().skip([FindingKind::CandleDiffers]);
    let run = audit(&ticks, &ohlc, &settings, None).await;
    assert_eq!(run.findings, []);
}

#[tokio::test]
async fn empty_years_are_skipped() {
    let repositories = Repositories::in_memory();
    let far = start() + TimeDelta::days(20_000);
    let ticks = [start(), far].map(|at| Tick::quote(EURUSD, at, Decimal::ONE, Decimal::TWO));
    insert(&*repositories.ticks, &ticks).await;
    let settings = AuditSettings::new(TimeRange::all(), far + TimeDelta::days(2));
    let run = audit(&*repositories.ticks, &*repositories.ohlc, &settings, None).await;
    assert_eq!(run.findings, []);
    assert_eq!(run.summary.candles, 2 * 3 * 7);
}
