//! Health checks in tests.

use std::time::{Duration, Instant};

use tickbook::db::DatabasePools;
use tickbook::postgres::{HealthReport, HealthState, check_health};

/// The health of databases that answer.
///
/// A probe has one second, which may be too short on a busy machine. A probe that did not end in time is
/// repeated.
pub(crate) async fn health(pools: &DatabasePools) -> HealthReport {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let report = check_health(pools).await;
        let databases = [
            Some(&report.metadata),
            Some(&report.timeseries),
            report.replica.as_ref(),
        ];
        let is_late = databases.into_iter().flatten().any(|database| {
            matches!(&database.state, HealthState::Down { reason } if reason.contains("in time"))
        });
        if !is_late || Instant::now() > deadline {
            return report;
        }
    }
}
