//! Actions of an operator and of the server's maintenance, through the library.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use tickbook::RepositoryError;
use tickbook::audit::{
    AuditObserver, AuditSettings, CandleRefresh, Finding, MaterializedCandles, RefreshWindow,
    Repair, audit_symbol,
};
use tickbook::domain::{CandleInput, earliest_time};
use tickbook::postgres::{PgCandleRefresh, PgMaterializedCandles};
use tickbook::postgres::{
    apply_aggregates, apply_policies, force_refresh, maintain, refresh_days, remove_policies,
    timeseries_state,
};

use super::draw;
use super::site::Site;
use crate::support::random::Random;

pub(crate) async fn keep(site: &Site) {
    let mut random = site.random(300);
    while site.goes_on(true) {
        let has_relations = site.has_relations.load(Ordering::SeqCst);
        match random.below(20) {
            0..=1 if !has_relations => aggregates(site).await,
            0..=6 => {
                let done = maintain(&site.db);
                site.done("maintain", "-- tickbook maintain".to_owned(), done)
                    .await;
            }
            7..=9 => apply(site, &mut random).await,
            10 if random.below(3) == 0 => {
                let removed = remove_policies(&site.db);
                let text = "-- tickbook policies remove".to_owned();
                site.done("policies removed", text, removed).await;
            }
            11..=13 => audit(site, &mut random).await,
            14..=16 if site.has_aggregates() => {
                let windows = vec![window(site, &mut random)];
                let text = format!("-- tickbook::postgres::force_refresh({windows:?})");
                let refreshed = force_refresh(&site.db, windows);
                site.done("forced refresh", text, refreshed).await;
            }
            17..=19 if site.has_aggregates() => {
                let days: BTreeSet<_> = (0..1 + random.below(3))
                    .map(|_| site.times.day(&mut random))
                    .collect();
                let text = format!("-- tickbook::postgres::refresh_days({days:?})");
                let refreshed = refresh_days(&site.db, days);
                site.done("refresh of days", text, refreshed).await;
            }
            _ => {}
        }
        site.pause(&mut random, 400).await;
    }
}

pub(crate) async fn aggregates(site: &Site) {
    let applied = apply_aggregates(&site.db);
    let text = "-- tickbook aggregates apply".to_owned();
    let applied = site.done("candle relations", text, applied).await;
    site.has_relations
        .store(applied.is_some(), Ordering::SeqCst);
}

pub(crate) async fn apply(site: &Site, random: &mut Random) {
    let policies = draw::policies(random);
    let text = format!("-- tickbook policies apply, with\n{policies}");
    let applied = apply_policies(&site.db, &policies);
    if site.done("policies applied", text, applied).await.is_some() {
        *site.policies.lock().unwrap_or_else(PoisonError::into_inner) = policies;
    }
}

fn window(site: &Site, random: &mut Random) -> RefreshWindow {
    let timeframe = draw::timeframe(random);
    let from = timeframe.bucket_start(site.times.any(random));
    // do not refresh the forming candle
    let end = timeframe.bucket_start(suite::now());
    let to = from + timeframe.duration() * (1 + random.below(200) as i32);
    let range = draw::range(from.min(end), to.min(end));
    RefreshWindow::new(CandleInput::Ticks, timeframe, range)
}

/// Audits and repairs one symbol and some days, as `tickbook verify --repair` does.
async fn audit(site: &Site, random: &mut Random) {
    let symbol_id = draw::symbol(random);
    let from = site.times.day(random);
    let range = draw::range(from, from + TimeDelta::days(1 + random.below(2) as i64));
    let repairs = random.below(3) > 0;
    let policies = site
        .policies
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let what = if repairs { " --repair" } else { "" };
    let (from, to) = (range.start().to_rfc3339(), range.end().to_rfc3339());
    let text = format!("-- tickbook verify --symbol {symbol_id} --from {from} --to {to}{what}");
    let mut run = AuditRun(0);
    let audited = async {
        let db = site.db.clone();
        let state = timeseries_state(&db, &policies).await?;
        let settings = AuditSettings::new(range, suite::now())
            .complete_from(state.complete_from.unwrap_or(earliest_time()))
            .incomplete_ranges(state.incomplete_ranges.clone());
        let refresher = PgCandleRefresh::new(db);
        let repair = repairs.then_some(Repair::new(
            state
                .has_aggregates
                .then_some(&refresher as &dyn CandleRefresh),
        ));
        let (ticks, ohlc) = (&*site.repositories.ticks, &*site.repositories.ohlc);
        let rows = PgMaterializedCandles::new(site.db.clone());
        let rows = state
            .has_aggregates
            .then_some(&rows as &dyn MaterializedCandles);
        audit_symbol(ticks, ohlc, rows, symbol_id, &settings, repair, &mut run).await?;
        Ok::<_, RepositoryError>(())
    };
    site.done(
        if repairs {
            "audit with repair"
        } else {
            "audit"
        },
        text,
        audited,
    )
    .await;
    for _ in 0..run.0 {
        site.counts.op("finding of an audit", false);
    }
}

/// Counts the findings, which are not checked: the readers decide whether candles are right.
struct AuditRun(u64);

impl AuditObserver for AuditRun {
    fn finding(&mut self, finding: &Finding) {
        let text = finding.problem.to_string();
        // there are always findings about ticks, such as crossed quotes
        if text.contains("candle") {
            self.0 += 1;
        }
    }

    fn progress(&mut self, _ticks: u64, _reached: DateTime<Utc>) {}
}
