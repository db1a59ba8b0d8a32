//! The session settings during a refresh.

use chrono::{TimeDelta, TimeZone as _};
use diesel::QueryableByName;
use diesel::sql_types::Text;

use crate::db::condition::tests::error;
use crate::db::{DatabasePools, ScratchSchemas};
use crate::error::Database;
use crate::postgres::{Edition, apply_aggregates, migrate_timeseries, refresh_days};

use super::*;

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    setting: String,
}

fn seqscan(connection: &mut PgConnection) -> String {
    let row: Setting = sql_query("SELECT current_setting('enable_seqscan') AS setting")
        .get_result(connection)
        .expect("a setting");
    row.setting
}

/// A database with one tick in each of three hours, and its day.
async fn with_ticks() -> (ScratchSchemas, DatabasePools, Edition, DateTime<Utc>) {
    let schemas = ScratchSchemas::create();
    let config = schemas.config();
    let pools = DatabasePools::new(&config);
    let db = pools.timeseries();
    migrate_timeseries(&db).await.expect("up");
    let edition = apply_aggregates(&db).await.expect("relations").edition;
    let day = Utc.with_ymd_and_hms(2026, 3, 1, 0, 0, 0).single();
    let mut connection = schemas.connection(Database::Timeseries);
    connection
        .batch_execute(
            "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, \
             bid_volume, ask_volume) SELECT 7, time, 0, 1, 2, 0, 0 FROM generate_series(\
             timestamptz '2026-03-01 00:00Z', '2026-03-01 02:00Z', INTERVAL '1 hour') AS time",
        )
        .expect("ticks");
    (schemas, pools, edition, day.expect("a day"))
}

/// Records the setting during writes of candles.
const WATCH: &str = "CREATE TABLE watched (relation text, setting text); \
    CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ \
    BEGIN INSERT INTO watched VALUES (TG_ARGV[0], current_setting('enable_seqscan')); \
    RETURN NEW; END $$; \
    DO $$ DECLARE it record; BEGIN FOR it IN SELECT view_name, format('%I.%I', \
    materialization_hypertable_schema, materialization_hypertable_name) AS name \
    FROM timescaledb_information.continuous_aggregates WHERE view_schema = current_schema() LOOP \
    EXECUTE format('CREATE TRIGGER watch BEFORE INSERT ON %s FOR EACH ROW \
    EXECUTE FUNCTION watch(%L)', it.name, it.view_name); END LOOP; END $$";

#[tokio::test]
async fn larger_refresh_avoids_sequential_scans() {
    let (schemas, pools, edition, day) = with_ticks().await;
    if edition == Edition::Apache {
        suite::skip("this is the Apache edition, which has nothing to refresh");
        return;
    }
    let mut connection = schemas.connection(Database::Timeseries);
    connection.batch_execute(WATCH).expect("watched");
    let call = RefreshCall::of(&mut connection).expect("a call");
    let window = (day, day + TimeDelta::days(1));
    for relation in ["ohlc_1m", "ohlc_5m"] {
        let done = call.run(&mut connection, relation, window, false);
        done.expect("refreshed");
        assert_eq!(seqscan(&mut connection), "on", "after {relation}");
    }
    let watched: Vec<Setting> =
        sql_query("SELECT DISTINCT relation || ' ' || setting AS setting FROM watched ORDER BY 1")
            .load(&mut connection)
            .expect("watched");
    let watched: Vec<_> = watched.into_iter().map(|row| row.setting).collect();
    assert_eq!(watched, ["ohlc_1m on", "ohlc_5m off"]);

    // the refresh did not use a connection of the pool
    let refreshed = refresh_days(&pools.timeseries(), [day].into()).await;
    assert_eq!(refreshed.expect("refreshed").len(), 7);
    let setting = |connection: &mut PgConnection| Ok(seqscan(connection));
    let pooled = pools.timeseries().run("look", setting).await;
    assert_eq!(pooled.expect("a setting"), "on");
}

#[tokio::test]
async fn failed_refresh_restores_the_setting() {
    let (schemas, pools, _, day) = with_ticks().await;
    let mut connection = schemas.connection(Database::Timeseries);
    let call = RefreshCall::of(&mut connection).expect("a call");
    // shorter than one candle, so that the Apache edition has nothing to do either
    let window = (day, day + TimeDelta::minutes(1));
    let done = call.run(&mut connection, "ohlc_5m", window, false);
    assert!(done.is_err(), "{done:?}");
    assert_eq!(seqscan(&mut connection), "on");
    let setting = |connection: &mut PgConnection| Ok(seqscan(connection));
    let pooled = pools.timeseries().run("look", setting).await;
    assert_eq!(pooled.expect("a setting"), "on");
}

#[test]
fn refresh_that_met_another_is_repeated() {
    use DatabaseErrorKind as Kind;
    for (kind, message, is_repeated) in [
        (Kind::UniqueViolation, "doppelter Schlüsselwert", true),
        (Kind::SerializationFailure, "kann Zugriff nicht", true),
        (Kind::Unknown, "deadlock detected", true),
        (
            Kind::Unknown,
            "could not refresh continuous aggregate \"ohlc_1m\" due to a concurrent refresh",
            true,
        ),
        (Kind::Unknown, "tuple concurrently deleted", true),
        (Kind::Unknown, "tuple concurrently updated", true),
        (Kind::Unknown, "division by zero", false),
        (Kind::CheckViolation, "verletzt eine Bedingung", false),
    ] {
        let error = error(kind, message, None);
        assert_eq!(is_concurrent(&error), is_repeated, "{message}");
    }
}
