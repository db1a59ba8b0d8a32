//! Test that policies can be read while other schemas of the database are created and dropped.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::ten_day_history::TenDayHistory;
use diesel::connection::SimpleConnection as _;
use tickbook::Database;
use tickbook::postgres::{apply_policies, plan_policies};
use tickbook::retention::RetentionPolicies;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plan_succeeds_beside_dropped_schemas() {
    let history = TenDayHistory::empty().await;
    let policies = RetentionPolicies::default();
    apply_policies(&history.db(), &policies)
        .await
        .expect("applied");
    let (stop, dropped) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut other = history.schemas.connection(Database::Timeseries);
    let schema = format!("{}_other", history.schemas.name());
    let churn = std::thread::spawn({
        let (stop, dropped) = (Arc::clone(&stop), Arc::clone(&dropped));
        move || {
            while !stop.load(Ordering::Relaxed) {
                other
                    .batch_execute(&format!(
                        "CREATE SCHEMA {schema}; \
                         CREATE TABLE {schema}.other (at timestamptz NOT NULL); \
                         SELECT create_hypertable('{schema}.other', 'at')"
                    ))
                    .expect("made");
                other
                    .batch_execute(&format!("DROP SCHEMA {schema} CASCADE"))
                    .expect("dropped");
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut plans = 0;
    while plans < 20 || dropped.load(Ordering::Relaxed) < 100 {
        let plan = plan_policies(&history.db(), &policies)
            .await
            .expect("planned");
        assert!(plan.is_empty(), "{plan:?}");
        plans += 1;
        assert!(!churn.is_finished(), "the other schemas stand still");
    }
    stop.store(true, Ordering::Relaxed);
    churn.join().expect("no panic");
}
