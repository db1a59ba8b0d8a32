//! Tests of the maintenance timer of the server.

use std::process::Command;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use rust_decimal::Decimal;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{SymbolId, Tick, TimeRange};
use tickbook::postgres::{MaintenanceReport, apply_policies, maintain, policy_status};
use tickbook::retention::RetentionPolicies;
use tickbook::{Database, Repositories};

use crate::binary::Program;
use crate::databases::{prepare, variables};

#[tokio::test]
async fn maintenance_refreshes_late_days_and_drops_ticks() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let pools = DatabasePools::new(&schemas.config());
    let db = pools.timeseries();
    let symbol_id = SymbolId::new(7);
    let ticks = [100, 20].map(|days| {
        let time = suite::now() - TimeDelta::days(days);
        Tick::quote(symbol_id, time, Decimal::ONE, Decimal::TWO)
    });
    let repositories = Repositories::postgres(&pools);
    let receipt = repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(receipt.expect("stored").inserted, 2);
    apply_policies(&db, &RetentionPolicies::default())
        .await
        .expect("consistent");

    let mut variables = variables(&schemas).to_vec();
    variables.push(("TICKBOOK__POLICIES__MAINTAIN_EVERY", "1s"));
    let server = Program::start(&[], &variables);
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let left = repositories.ticks.count(symbol_id, TimeRange::all()).await;
        let backlog = policy_status(&db).await.expect("answers").backlog;
        if left.expect("counted") == 1 && backlog.days == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{backlog:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // the gauges are set after each run
    loop {
        let waiting = policy_status(&db).await.expect("answers").waiting_changes;
        let metrics = server.get_text("/metrics");
        let line = format!("candle_changes_waiting {waiting}\n");
        if metrics.contains("candle_refresh_backlog_oldest_age_seconds 0\n")
            && metrics.contains(&line)
        {
            break;
        }
        assert!(Instant::now() < deadline, "{line} {metrics}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn late_days_are_counted_when_maintenance_fails() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let pools = DatabasePools::new(&schemas.config());
    let db = pools.timeseries();
    // only the maintenance drops or refreshes the data that is meant to fail
    let policies = RetentionPolicies::default();
    apply_policies(&db, &policies).await.expect("consistent");
    let old = |days| format!("(7, now() - INTERVAL '{days} days', 0, 1, 2, 0, 0)");
    let fail = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ \
        BEGIN RAISE EXCEPTION 'no candle is stored'; END $$; \
        CREATE TRIGGER fail BEFORE INSERT ON ohlc_candles FOR EACH ROW EXECUTE FUNCTION fail(); \
        DO $$ DECLARE it record; BEGIN FOR it IN SELECT format('%I.%I', \
        materialization_hypertable_schema, materialization_hypertable_name) AS name \
        FROM timescaledb_information.continuous_aggregates \
        WHERE view_schema = current_schema() LOOP EXECUTE format('CREATE TRIGGER fail \
        BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION fail()', it.name); END LOOP; END $$";
    let rows = format!(
        "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, \
         ask_volume) VALUES {}, {}; INSERT INTO late_days (day, arrived_at) \
         VALUES (date_trunc('day', now() - INTERVAL '20 days', 'UTC'), now() - INTERVAL '2 hours')",
        old(100),
        old(20)
    );
    for statements in [fail, &rows] {
        let done = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statements])
            .arg(schemas.url(Database::Timeseries))
            .status();
        assert!(done.expect("psql is on the PATH").success());
    }
    let failed = maintain(&db).await;
    let is_blocked = |report: &MaintenanceReport| !report.blocked.is_empty();
    assert!(failed.as_ref().map_or(true, is_blocked), "{failed:?}");

    let mut variables = variables(&schemas).to_vec();
    variables.push(("TICKBOOK__POLICIES__MAINTAIN_EVERY", "1s"));
    let server = Program::start(&[], &variables);
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let metrics = server.get_text("/metrics");
        let age = metrics
            .lines()
            .find_map(|line| line.strip_prefix("candle_refresh_backlog_oldest_age_seconds "))
            .and_then(|age| age.parse::<f64>().ok());
        if age.is_some_and(|age| (7_200.0..7_400.0).contains(&age)) {
            break;
        }
        assert!(Instant::now() < deadline, "{metrics}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
