//! The server does what is due by the policies.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::Repositories;
use tickbook::db::{
    DatabasePools, ScratchSchemas, apply_aggregates, apply_policies, migrate_metadata,
    migrate_timeseries, policy_status,
};
use tickbook::domain::{SymbolId, Tick, TimeRange};
use tickbook::policies::Policies;

use crate::binary::Program;
use crate::databases::variables;

#[tokio::test]
async fn days_whose_ticks_came_late_are_refreshed_and_old_ticks_go() {
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    let db = pools.timeseries();
    migrate_metadata(&pools.metadata()).await.expect("migrated");
    migrate_timeseries(&db).await.expect("migrated");
    apply_aggregates(&db).await.expect("relations");
    let symbol_id = SymbolId::new(7);
    let ticks = [100, 20].map(|days| {
        let time = Utc::now() - TimeDelta::days(days);
        Tick::quote(symbol_id, time, Decimal::ONE, Decimal::TWO)
    });
    let repositories = Repositories::postgres(&pools);
    let receipt = repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(receipt.expect("stored").inserted, 2);
    apply_policies(&db, &Policies::default())
        .await
        .expect("consistent");

    let mut variables = variables(&schemas).to_vec();
    variables.push(("TICKBOOK__POLICIES__MAINTAIN_EVERY", "1s"));
    let server = Program::start(&[], &variables);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let left = repositories.ticks.count(symbol_id, TimeRange::all()).await;
        let dirty = policy_status(&db).await.expect("answers").dirty;
        if left.expect("counted") == 1 && dirty.days == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{dirty:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // the next run tells what the last one left
    loop {
        let waiting = policy_status(&db).await.expect("answers").waiting_changes;
        let metrics = server.get_text("/metrics");
        let line = format!("candle_changes_waiting {waiting}\n");
        if metrics.contains("candle_dirty_oldest_age_seconds 0\n") && metrics.contains(&line) {
            break;
        }
        assert!(Instant::now() < deadline, "{line} {metrics}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
