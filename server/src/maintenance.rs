//! Timer that runs the maintenance every few minutes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::gauge;
use tickbook::Clock;
use tickbook::db::TimeseriesDb;
use tickbook::postgres::{MaintenanceReport, MaintenanceState, maintain, policy_status};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::metrics::{BACKLOG_AGE, CHANGES_WAITING};

/// Delay of the first run, so that a server serves requests before it starts maintenance.
const FIRST: Duration = Duration::from_secs(10);

/// Runs the maintenance of `db` at the interval `every` until `stop`. If several servers run, one of them
/// does the work.
pub fn start(db: TimeseriesDb, every: Duration, clock: Clock, stop: CancellationToken) {
    gauge!(BACKLOG_AGE).set(0.0);
    gauge!(CHANGES_WAITING).set(0.0);
    tokio::spawn(async move {
        let mut timer = interval_at(Instant::now() + FIRST.min(every), every);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(timer.tick()).await.is_some() {
            let Some(outcome) = stop.run_until_cancelled(maintain(&db)).await else {
                break;
            };
            match outcome {
                Ok(report) => {
                    set_waiting(report.backlog.oldest, report.waiting_changes, clock.now());
                    log(&report);
                }
                Err(error) => {
                    let error = error.with_causes();
                    tracing::warn!(%error, "the maintenance failed and will be retried");
                    // update the gauge, since the age of the backlog grows
                    if let Ok(status) = policy_status(&db).await {
                        set_waiting(status.backlog.oldest, status.waiting_changes, clock.now());
                    }
                }
            }
        }
    });
}

#[expect(clippy::cast_precision_loss, reason = "a gauge has no other numbers")]
fn set_waiting(oldest: Option<DateTime<Utc>>, changes: u64, now: DateTime<Utc>) {
    let age = oldest.map_or(0, |oldest| (now - oldest).num_seconds().max(0));
    gauge!(BACKLOG_AGE).set(age as f64);
    gauge!(CHANGES_WAITING).set(changes as f64);
}

fn log(report: &MaintenanceReport) {
    let MaintenanceReport {
        state,
        refreshed,
        downsampled,
        dropped_ticks,
        dropped_trades,
        dropped_candles,
        dropped_books,
        left,
        blocked,
        ..
    } = report;
    for it in left {
        tracing::warn!(
            chunk = %it.chunk,
            reason = %it.reason,
            "old data is not dropped yet"
        );
    }
    for chunk in blocked {
        tracing::error!(%chunk, "policies are blocked until this chunk is repaired");
    }
    let dropped = dropped_ticks + dropped_trades + dropped_candles + dropped_books;
    let did = refreshed.len() as u64 + downsampled + dropped;
    if *state == MaintenanceState::Done && did > 0 {
        tracing::info!(
            refreshed = refreshed.len(),
            downsampled,
            dropped_ticks,
            dropped_trades,
            dropped_candles,
            dropped_books,
            "maintained the time-series database"
        );
    }
}
