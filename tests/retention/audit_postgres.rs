//! Tests of audits of TimescaleDB with damaged candles.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use rust_decimal::Decimal;
use tickbook::Repositories;
use tickbook::audit::{FindingKind, Problem, RepairOutcome};
use tickbook::domain::{CandleSource, PriceBasis, Tick, TimeRange, Timeframe};
use tickbook::repository::CandleQuery;

use crate::support::audit_fixture::Site;
use crate::support::audit_run::{AuditRun, EURUSD, at, audit, insert, start, ticks, whole};
use crate::support::migrated_schema::migrated;

#[tokio::test]
async fn clean_database_gives_no_finding() {
    let site = Site::new().await;
    assert_eq!(site.state().await.problems, []);
    let run = site.audit(false).await;
    assert_eq!(run.findings, []);
    assert_eq!(run.summary.ticks, ticks(2).len() as u64);
    assert!(run.summary.candles > 11_000, "{:?}", run.summary);
}

#[tokio::test]
async fn damaged_aggregates_are_found_and_repaired() {
    let Some(site) = Site::community().await else {
        return;
    };
    let minutes = site.materialization(Timeframe::M1);
    let hours = site.materialization(Timeframe::H1);
    let time = |minute| at(minute).to_rfc3339();
    site.execute(&format!(
        "UPDATE {minutes} SET bid_open = 1 WHERE open_time = '{}'; \
         UPDATE {minutes} SET ask_close = 3 WHERE open_time = '{}'; \
         UPDATE {minutes} SET (bid_volume, ask_volume, mid_volume) = (5, 5, 5) \
         WHERE open_time = '{}'; \
         DELETE FROM {minutes} WHERE open_time = '{}'; \
         UPDATE {hours} SET mid_close = 9 WHERE open_time = '{}'; \
         DELETE FROM {hours} WHERE open_time = '{}'",
        time(10),
        time(20),
        time(30),
        time(40),
        time(300),
        time(1_500)
    ));
    let run = site.audit(false).await;
    let reported: Vec<_> = run
        .findings
        .iter()
        .map(|finding| finding.problem.to_string())
        .collect();
    for expected in [
        "candle_differs: symbol 7 1m bid 2014-05-01T00:10:00Z: open is 1, its ticks give 1.38",
        "candle_differs: symbol 7 1m ask 2014-05-01T00:20:00Z: close is 3, its ticks give 1.38",
        "candle_differs: symbol 7 1m mid 2014-05-01T00:30:00Z: volume is 5, its ticks give 4.011",
        "candle_missing: symbol 7 1m bid 2014-05-01T00:40:00Z: its ticks give open 1.38",
        "candle_differs: symbol 7 1h mid 2014-05-01T05:00:00Z: close is 9, its ticks give 1.38",
        "candle_missing: symbol 7 1h ask 2014-05-02T01:00:00Z: its ticks give open 1.38",
    ] {
        assert!(
            reported
                .iter()
                .any(|reported| reported.starts_with(expected)),
            "{expected}: {reported:#?}"
        );
    }
    // bid; ask; three bases each for a volume and a missing candle; the same for the hours; and candles
    // of five minutes that wait for a refresh and are computed from a wrong minute
    assert_eq!(reported.len(), 1 + 1 + 3 + 3 + 1 + 3 + 4, "{reported:#?}");

    let run = site.audit(true).await;
    assert_eq!(run.findings.len(), reported.len());
    assert!(run.all_mended(), "{:#?}", run.findings);
    assert_eq!(site.audit(false).await.findings, []);
}

#[tokio::test]
async fn candle_without_ticks_is_found_and_removed() {
    let Some(site) = Site::community().await else {
        return;
    };
    // minutes without ticks, between minutes with ticks
    let hole = format!(
        "tick_time >= '{}' AND tick_time < '{}'",
        at(60).to_rfc3339(),
        at(70).to_rfc3339()
    );
    site.execute(&format!("DELETE FROM ticks WHERE {hole}"));
    for &timeframe in Timeframe::ALL {
        site.execute(&format!(
            "CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{}', '{}')",
            start().to_rfc3339(),
            at(2 * 1_440).to_rfc3339()
        ));
    }
    assert_eq!(site.audit(false).await.findings, []);
    let minutes = site.materialization(Timeframe::M1);
    site.execute(&format!(
        "CREATE TEMPORARY TABLE copied AS SELECT * FROM {minutes} WHERE open_time = '{}'; \
         UPDATE copied SET open_time = '{}'; INSERT INTO {minutes} SELECT * FROM copied",
        at(50).to_rfc3339(),
        at(65).to_rfc3339()
    ));
    // larger candles, which reads may now compute from the minutes, can be wrong as well
    let of_minutes = |run: &AuditRun| {
        let problems = run.findings.iter().map(|finding| &finding.problem);
        problems
            .filter(|problem| {
                let found = problem.candles().found;
                found.is_some_and(|found| found.timeframe == Timeframe::M1)
            })
            .map(Problem::kind)
            .collect::<Vec<_>>()
    };
    let run = site.audit(false).await;
    assert_eq!(of_minutes(&run), [FindingKind::CandleWithoutTicks; 3]);
    let run = site.audit(true).await;
    assert_eq!(of_minutes(&run), [FindingKind::CandleWithoutTicks; 3]);
    assert!(run.all_mended(), "{:#?}", run.findings);
    assert_eq!(site.audit(false).await.findings, []);
}

#[tokio::test]
async fn wrong_stored_candles_are_found_and_repaired() {
    let site = Site::new().await;
    let range = TimeRange::new(at(100), at(102)).expect("ordered");
    let query = CandleQuery::new(EURUSD, Timeframe::M1, PriceBasis::Mid, range);
    let ohlc = &site.repositories.ohlc;
    let mut candles = ohlc.candles(&query).await.expect("read").items;
    for (candle, by) in candles
        .iter_mut()
        .zip([CandleSource::DOWNSAMPLED, "import"])
    {
        candle.source = CandleSource::Stored(by.to_owned());
    }
    ohlc.upsert_candles(&candles).await.expect("stored");
    assert_eq!(site.audit(false).await.findings, []);

    site.execute("UPDATE ohlc_candles SET high_price = high_price + 1, volume = 4");
    let run = site.audit(false).await;
    let stored = |run: &AuditRun| {
        let minutes = run.findings.iter().filter(|finding| {
            let found = finding.problem.candles().found;
            found.is_some_and(|found| found.timeframe == Timeframe::M1)
        });
        minutes.cloned().collect::<Vec<_>>()
    };
    let of_minutes = stored(&run);
    assert_eq!(of_minutes.len(), 2);
    for finding in &of_minutes {
        assert_eq!(finding.problem.kind(), FindingKind::StoredCandleDiffers);
        let fields = finding.problem.differences();
        let names: Vec<_> = fields.iter().map(|it| it.field).collect();
        assert_eq!(names, ["high", "volume"]);
    }
    // larger candles that are computed from stored candles are findings as well
    let is_stored = |problem: &Problem| problem.kind() == FindingKind::StoredCandleDiffers;
    assert!(run.findings.iter().all(|it| is_stored(&it.problem)));

    let of_minutes = stored(&site.audit(true).await);
    assert_eq!(of_minutes[0].repair_outcome, RepairOutcome::Repaired);
    assert!(matches!(
        of_minutes[1].repair_outcome,
        RepairOutcome::NotRepaired { .. }
    ));
    site.execute("DELETE FROM ohlc_candles WHERE source = 'import'");
    assert_eq!(site.audit(false).await.findings, []);
}

#[tokio::test]
async fn ticks_that_break_a_rule_are_found_in_the_database() {
    let (_schemas, pools) = migrated().await;
    let repositories = Repositories::postgres(&pools);
    let quote =
        |minute, bid, ask| Tick::quote(EURUSD, at(minute), Decimal::from(bid), Decimal::from(ask));
    let early = quote(2, 3, 4).with_received_at(Some(at(1)));
    let rows = [
        quote(0, 1, 2),
        quote(1, 2, 1),
        early,
        quote(3, -1, 2),
        quote(60, 1, 2),
    ];
    insert(&*repositories.ticks, &rows).await;
    let mut settings = whole();
    settings.limits.gap = Some(chrono::TimeDelta::minutes(5));
    let run = audit(&*repositories.ticks, &*repositories.ohlc, &settings, None).await;
    let mut kinds = run.kinds();
    kinds.sort_unstable();
    let expected = [
        FindingKind::CrossedQuotes,
        FindingKind::NonPositivePrices,
        FindingKind::ReceivedEarly,
        FindingKind::TickGap,
    ];
    assert_eq!(kinds, expected);
}
