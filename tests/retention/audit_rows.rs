//! Tests of audits that compare materialized rows and the candles that reads return, with backends in
//! memory.

use std::sync::Mutex;

use async_trait::async_trait;
use rust_decimal::Decimal;
use tickbook::audit::{FindingKind, MaterializedCandles, MaterializedRows};
use tickbook::domain::{CandleInput, PageLimit, PriceBasis, SymbolId, TimeRange, Timeframe};
use tickbook::repository::CandleQuery;
use tickbook::{Repositories, RepositoryError};

use crate::support::audit_run::{AuditRun, EURUSD, at, audit_of, insert, ticks, whole};

/// Changes the rows, depending on the number of earlier reads.
type Change = Box<dyn Fn(usize, &mut MaterializedRows) + Send + Sync>;

/// Returns the rows of a day after a change.
struct Kept {
    right: MaterializedRows,
    reads: Mutex<usize>,
    change: Change,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

#[async_trait]
impl MaterializedCandles for Kept {
    async fn rows(
        &self,
        symbol_id: SymbolId,
        _: CandleInput,
        window: TimeRange,
    ) -> Result<MaterializedRows, RepositoryError> {
        assert_eq!(symbol_id, EURUSD);
        let mut rows = self.right.clone();
        rows.candles.retain(|row| window.contains(row.open_time));
        if rows.candles.is_empty() {
            return Ok(rows);
        }
        let mut reads = self.reads.lock().expect("whole");
        (self.change)(*reads, &mut rows);
        *reads += 1;
        Ok(rows)
    }
}

async fn audited_with(
    change: impl Fn(usize, &mut MaterializedRows) + Send + Sync + 'static,
) -> AuditRun {
    let Repositories {
        ticks: stored,
        ohlc,
        ..
    } = Repositories::in_memory();
    insert(&*stored, &ticks(1)).await;
    let mut right = MaterializedRows::default();
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::OF_TICKS {
            let query =
                CandleQuery::new(EURUSD, timeframe, basis, TimeRange::all()).limit(PageLimit::MAX);
            let page = ohlc.candles(&query).await.expect("read");
            right.candles.extend(page.items);
        }
    }
    let kept = Kept {
        right,
        reads: Mutex::default(),
        change: Box::new(change),
    };
    audit_of(EURUSD, &*stored, &*ohlc, Some(&kept), &whole(), None).await
}

/// Damages the low of a candle of four hours.
fn damage(rows: &mut MaterializedRows) {
    let of = |timeframe, basis, minute| (timeframe, basis, at(minute));
    for row in &mut rows.candles {
        if (row.timeframe, row.basis, row.open_time) == of(Timeframe::H4, PriceBasis::Ask, 480) {
            row.low = Decimal::from(-4);
        }
    }
}

fn waits(rows: &mut MaterializedRows) {
    let minute = TimeRange::new(at(719), at(720)).expect("ordered");
    rows.waiting.insert(Timeframe::H4, vec![minute]);
}

#[tokio::test]
async fn wrong_rows_are_reported_although_reads_are_right() {
    assert_eq!(audited_with(|_, _| ()).await.findings, []);
    let run = audited_with(|_, rows| damage(rows)).await;
    assert_eq!(run.kinds(), [FindingKind::MaterializedDiffers]);
    let text = run.findings[0].problem.to_string();
    let expected = "materialized_differs: symbol 7 4h ask 2014-05-01T08:00:00Z: \
                    in the table of ohlc_4h, low is -4, its ticks give 1.38";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(run.summary.left(), 1);
    // a missing row
    let run = audited_with(|_, rows| drop(rows.candles.pop())).await;
    assert_eq!(run.kinds(), [FindingKind::MaterializedDiffers]);
    let text = run.findings[0].problem.to_string();
    assert!(
        text.contains("1d mid 2014-05-01T00:00:00Z: in the table of ohlc_1d, its ticks give open"),
        "{text}"
    );
}

#[tokio::test]
async fn wrong_rows_awaiting_a_refresh_are_ignored() {
    let run = audited_with(|_, rows| {
        damage(rows);
        waits(rows);
    });
    assert_eq!(run.await.findings, []);
}

#[tokio::test]
async fn rows_that_change_during_an_audit_are_ignored() {
    // the rows of a day are read before and after its ticks
    for (wrong_reads, reported) in [(1, 0), (2, 1)] {
        // a refresh corrects the row between the reads
        let refreshed = audited_with(move |reads, rows| {
            if reads < wrong_reads {
                damage(rows);
            }
        });
        assert_eq!(refreshed.await.findings.len(), reported);
        // ticks arrive that the row does not include
        let late = audited_with(move |reads, rows| {
            damage(rows);
            if reads >= wrong_reads {
                waits(rows);
            }
        });
        assert_eq!(late.await.findings.len(), reported);
    }
}
