//! Thresholds beyond every tick, and the changes that inserts log because of them.

use std::thread;
use std::time::{Duration, Instant};

use crate::db::{DatabasePools, ScratchSchemas};
use crate::error::Database;
use crate::postgres::statements::statements;
use crate::postgres::{Edition, apply_aggregates, detect_edition, migrate_timeseries};

use super::*;

const LOG: &str = "_timescaledb_catalog.continuous_aggs_hypertable_invalidation_log";

/// A database with aggregates; `None` on the Apache edition.
async fn community() -> Option<(ScratchSchemas, PgConnection)> {
    let schemas = ScratchSchemas::create();
    let db = DatabasePools::new(&schemas.config()).timeseries();
    migrate_timeseries(&db).await.expect("up");
    let mut connection = schemas.connection(Database::Timeseries);
    let edition = detect_edition(&mut connection).expect("has the extension");
    if edition.edition == Edition::Apache {
        suite::skip("this is the Apache edition, which has no thresholds");
        return None;
    }
    apply_aggregates(&db).await.expect("relations");
    Some((schemas, connection))
}

fn number(connection: &mut PgConnection, query: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    let row: Row = sql_query(query).get_result(connection).expect("a number");
    row.number
}

/// Restores the thresholds as before any refresh.
fn lower(connection: &mut PgConnection) {
    connection
        .batch_execute(
            "UPDATE _timescaledb_catalog.continuous_aggs_invalidation_threshold \
             SET watermark = -210866803200000000 WHERE hypertable_id IN (SELECT raw_hypertable_id \
             FROM _timescaledb_catalog.continuous_agg WHERE user_view_schema = current_schema())",
        )
        .expect("lowered");
}

fn insert(connection: &mut PgConnection, time: &str) {
    connection
        .batch_execute(&format!(
            "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, \
             ask_volume) VALUES (7, '{time}', 0, 1, 2, 0, 0)"
        ))
        .expect("a tick");
}

fn logged(connection: &mut PgConnection) -> i64 {
    number(
        connection,
        &format!(
            "SELECT count(*) AS number FROM {LOG} WHERE hypertable_id = (SELECT raw_hypertable_id \
             FROM _timescaledb_catalog.continuous_agg \
             WHERE user_view_schema = current_schema() AND user_view_name = 'ohlc_1m')"
        ),
    )
}

#[tokio::test]
async fn thresholds_are_far_once_aggregates_exist() {
    let Some((_schemas, mut connection)) = community().await else {
        return;
    };
    assert_eq!(near_thresholds(&mut connection).expect("asked"), [""; 0]);
    lower(&mut connection);
    let all = ["1m", "5m", "15m", "30m", "1h", "4h", "1d"].map(|it| format!("ohlc_{it}"));
    assert_eq!(near_thresholds(&mut connection).expect("asked"), all);
    assert!(!thresholds_are_far(&mut connection).expect("asked"));
    for _ in 0..2 {
        raise_thresholds(&mut connection).expect("raised");
        assert!(thresholds_are_far(&mut connection).expect("asked"));
    }
}

#[tokio::test]
async fn thresholds_of_the_sql_file_are_far() {
    let Some((_schemas, mut connection)) = community().await else {
        return;
    };
    lower(&mut connection);
    for statement in statements(include_str!(
        "../../../../manual_sql/continuous_aggregates.sql"
    )) {
        connection.batch_execute(statement).expect("may run again");
    }
    assert!(thresholds_are_far(&mut connection).expect("asked"));
}

#[tokio::test]
async fn thresholds_of_the_ends_of_time_log_every_insert() {
    let Some((_schemas, mut connection)) = community().await else {
        return;
    };
    let times = [
        "1970-01-01 00:00:00Z",
        "2026-03-01 00:00:00Z",
        "2099-12-31 23:59:59.999999Z",
    ];
    for (before, time) in (0..).zip(times) {
        assert_eq!(logged(&mut connection), before, "{time}");
        insert(&mut connection, time);
        assert_eq!(logged(&mut connection), before + 1, "{time}");
    }
}

fn refresh(connection: &mut PgConnection) {
    let from = DateTime::from_timestamp(1_772_323_200, 0).expect("2026-03-01");
    let call = RefreshCall::of(connection).expect("a call");
    let window = (from, from + TimeDelta::hours(1));
    call.run(connection, "ohlc_1m", window, false)
        .expect("refreshed");
}

/// The writer has read the threshold and is not yet visible when a refresh raises it. The refresh empties its
/// temporary table in between, which waits for readers of that table.
#[tokio::test]
async fn thresholds_lose_no_concurrent_insert() {
    let Some((schemas, mut connection)) = community().await else {
        return;
    };
    let mut writer = schemas.connection(Database::Timeseries);
    writer
        .batch_execute("CREATE TEMP TABLE held (x int) ON COMMIT DELETE ROWS")
        .expect("a table");
    let pid = number(&mut writer, "SELECT pg_backend_pid()::bigint AS number");
    let held = number(
        &mut writer,
        "SELECT 'held'::regclass::oid::bigint AS number",
    );
    let name = {
        #[derive(QueryableByName)]
        struct Name {
            #[diesel(sql_type = Text)]
            name: String,
        }
        let row: Name = sql_query(
            "SELECT format('%I.held', nspname) AS name FROM pg_class AS c \
             JOIN pg_namespace AS n ON n.oid = relnamespace WHERE c.oid = 'held'::regclass",
        )
        .get_result(&mut writer)
        .expect("a name");
        row.name
    };
    let mut holder = schemas.connection(Database::Timeseries);
    holder
        .batch_execute(&format!("BEGIN; LOCK TABLE {name} IN ACCESS SHARE MODE"))
        .expect("held");
    insert(&mut connection, "2026-03-01 00:10:10Z");
    let writing = thread::spawn(move || {
        writer
            .batch_execute("BEGIN; INSERT INTO held VALUES (1)")
            .expect("begun");
        insert(&mut writer, "2026-03-01 00:10:20Z");
        writer.batch_execute("COMMIT").expect("committed");
    });
    let deadline = Instant::now() + Duration::from_secs(10);
    let waits = format!(
        "SELECT count(*) AS number FROM pg_locks WHERE pid = {pid} AND relation = {held} AND NOT granted"
    );
    while number(&mut connection, &waits) == 0 {
        assert!(Instant::now() < deadline, "the writer does not wait");
        thread::sleep(Duration::from_millis(5));
    }
    refresh(&mut connection);
    holder.batch_execute("ROLLBACK").expect("let go");
    writing.join().expect("written");
    refresh(&mut connection);
    let candles = number(
        &mut connection,
        "SELECT sum(bid_tick_count)::bigint AS number FROM ohlc_1m",
    );
    assert_eq!(candles, 2);
}
