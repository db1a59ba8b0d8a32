//! Tests that an audit reports unreadable rows and continues after them.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use tickbook::RepositoryError;
use tickbook::audit::{FindingKind, RepairOutcome};
use tickbook::domain::{PriceBasis, TimeRange, Timeframe};
use tickbook::repository::CandleQuery;

use crate::support::audit_fixture::Site;
use crate::support::audit_run::{AuditRun, EURUSD, at, ticks};

/// Stores a one-minute candle at `minute` whose close is NaN.
fn break_candle(site: &Site, minute: i64) {
    let time = at(minute).to_rfc3339();
    site.execute(&format!(
        "ALTER TABLE ohlc_candles DROP CONSTRAINT IF EXISTS ohlc_candles_prices_numbers; \
         ALTER TABLE ohlc_candles DROP CONSTRAINT IF EXISTS ohlc_candles_high_highest; \
         INSERT INTO ohlc_candles SELECT {EURUSD}, '1m', 'bid', t, t + INTERVAL '1 minute', \
         1, 1, 1, 'NaN', 0, 0, 'import' FROM (VALUES (timestamptz '{time}')) AS times (t)"
    ));
}

fn reported(run: &AuditRun) -> Vec<String> {
    let findings = run.findings.iter();
    findings.map(|it| it.problem.to_string()).collect()
}

#[tokio::test]
async fn unreadable_candle_is_reported_and_skipped() {
    let site = Site::new().await;
    let clean = site.audit(false).await;
    assert_eq!(clean.findings, []);
    break_candle(&site, 10);
    for repair in [false, true] {
        let run = site.audit(repair).await;
        let text = "unreadable: symbol 7 from 2014-05-01T00:00:00Z to 2014-05-02T00:00:00Z, whose \
                    candles are not compared: candle 1m bid of symbol 7 at 2014-05-01 00:10:00 UTC \
                    holds a value that cannot be read: close: it is NaN: expected a number";
        let [only] = &reported(&run)[..] else {
            panic!("{:?}", reported(&run));
        };
        assert!(only.starts_with(text), "{only}");
        assert_eq!(run.findings[0].repair_outcome, RepairOutcome::NotTried);
        // the ticks of that day are counted, and the other day is compared
        assert_eq!(run.summary.ticks, ticks(2).len() as u64);
        assert_eq!(run.summary.candles, clean.summary.candles / 2);
    }
}

#[tokio::test]
async fn distant_unreadable_candles_are_reported() {
    let site = Site::new().await;
    let days = [100, 101, 20_000];
    for day in days {
        break_candle(&site, day * 1_440 + 720);
    }
    let run = site.audit(false).await;
    assert_eq!(run.kinds(), [FindingKind::Unreadable; 3]);
    for (text, day) in reported(&run).iter().zip(days) {
        let date = at(day * 1_440).format("from %Y-%m-%dT").to_string();
        assert!(text.contains(&date), "{text}");
    }
}

#[tokio::test]
async fn page_says_which_candle_is_unreadable() {
    let site = Site::new().await;
    break_candle(&site, 10);
    let query = CandleQuery::new(EURUSD, Timeframe::M1, PriceBasis::Bid, TimeRange::all());
    let read = site.repositories.ohlc.candles(&query).await;
    let Err(RepositoryError::Data { key, reason, .. }) = read else {
        panic!("{read:?}");
    };
    assert_eq!(key, "1m bid of symbol 7 at 2014-05-01 00:10:00 UTC");
    assert!(reason.starts_with("close: it is NaN"), "{reason}");
    // other pages can be read
    let mut query = query;
    query.basis = PriceBasis::Ask;
    assert!(site.repositories.ohlc.candles(&query).await.is_ok());
}
