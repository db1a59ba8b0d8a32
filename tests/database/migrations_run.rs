//! Tests that run both sets of migrations: up, down, concurrently, and on servers that lack something.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use crate::support::scratch_database::ScratchDatabase;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::DatabaseConfig;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::postgres::{
    migrate_metadata, migrate_timeseries, pending_metadata_migrations,
    pending_timeseries_migrations, revert_all_metadata_migrations,
    revert_all_timeseries_migrations,
};
use tickbook::{Database, DatabaseUrl, RepositoryError};

const METADATA: [&str; 26] = [
    "2026-11-20-090000_create_exchanges",
    "2026-11-20-090100_create_symbols",
    "2026-11-20-090200_create_instruments",
    "2026-11-20-090300_create_feed_symbols",
    "2026-11-20-090400_create_exchange_sessions",
    "2026-11-20-090500_create_instrument_versions",
    "2026-11-30-090000_create_accounts",
    "2026-11-30-090100_create_account_heads",
    "2026-11-30-090200_create_order_events",
    "2026-11-30-090300_create_quarantined_order_events",
    "2026-11-30-090400_create_ledger_outbox",
    "2026-11-30-090500_create_orders",
    "2026-11-30-090600_create_order_client_ids",
    "2026-11-30-090700_create_order_venue_ids",
    "2026-11-30-090800_create_fills",
    "2026-11-30-090900_create_positions",
    "2026-11-30-091000_create_position_fees",
    "2026-11-30-091100_create_position_lots",
    "2026-11-30-091200_create_position_reports",
    "2026-12-01-300000_create_audit_heads",
    "2026-12-01-300100_create_audit_log",
    "2026-12-01-300200_create_risk_events",
    "2026-12-01-300300_create_risk_acknowledgements",
    "2026-12-01-300400_create_credentials",
    "2026-12-01-300500_create_users",
    "2026-12-01-300600_create_user_grants",
];

const TIMESERIES: [&str; 25] = [
    "2026-11-20-100000_create_extension_timescaledb",
    "2026-11-20-100100_create_tick_order_key",
    "2026-11-20-100200_create_ticks",
    "2026-11-20-100300_create_ohlc_candles",
    "2026-11-21-060000_create_applied_policies",
    "2026-11-21-060100_create_late_days",
    "2026-11-21-060200_create_tick_quarantine",
    "2026-11-21-060300_create_symbol_days",
    "2026-11-21-060400_create_unrecorded_ticks",
    "2026-11-29-060000_create_trades",
    "2026-11-29-060100_create_trade_days",
    "2026-11-29-060200_create_unrecorded_trades",
    "2026-11-29-070000_create_trade_quarantine",
    "2026-11-29-070100_create_trade_corrections",
    "2026-11-29-080000_create_order_book_snapshots",
    "2026-11-29-080100_create_order_book_updates",
    "2026-11-29-080200_create_book_intervals",
    "2026-11-29-090000_create_feed_gaps",
    "2026-11-29-090100_create_feed_messages",
    "2026-11-29-090200_fill_feed_gaps",
    "2026-11-29-100000_create_candles_are_settled",
    "2026-11-29-110000_create_order_event_history",
    "2026-11-29-110100_create_fill_history",
    "2026-11-29-110200_create_position_history",
    "2026-11-29-110300_create_ledger_relay_cursor",
];

fn pools(metadata_url: &str, timeseries_url: &str) -> DatabasePools {
    let url = |text| DatabaseUrl::parse(text).expect("a valid URL");
    DatabasePools::new(&DatabaseConfig::new(url(metadata_url), url(timeseries_url)))
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[tokio::test]
async fn table_of_another_program_stops_all_migrations() {
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    for (database, table) in [
        (Database::Metadata, "instruments"),
        (Database::Timeseries, "ohlc_candles"),
    ] {
        let mut connection = schemas.connection(database);
        let made = format!("CREATE TABLE {table} (theirs int)");
        connection.batch_execute(&made).expect("made");
        let before = objects(&mut connection);
        let error = match database {
            Database::Metadata => migrate_metadata(&pools.metadata()).await,
            _ => migrate_timeseries(&pools.timeseries()).await,
        };
        let error = error.expect_err("it is theirs");
        assert!(
            matches!(error, RepositoryError::Configuration { .. }),
            "{error:?}"
        );
        let text = error.to_string();
        for part in [
            table,
            "nothing was changed",
            "search_path",
            database.url_variable(),
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(objects(&mut connection), before);
    }
}

/// Everything in the current schema except the table of applied migrations, and every hypertable.
fn objects(connection: &mut PgConnection) -> Vec<String> {
    let timescaledb = "SELECT to_regclass('_timescaledb_catalog.hypertable')::text AS name \
                       WHERE to_regclass('_timescaledb_catalog.hypertable') IS NOT NULL";
    let hypertables = match sql_query(timescaledb)
        .load::<Name>(connection)
        .expect("answers")
    {
        rows if rows.is_empty() => "",
        _ => {
            "UNION ALL SELECT 'hypertable ' || table_name FROM _timescaledb_catalog.hypertable \
             WHERE schema_name = current_schema()"
        }
    };
    let query = format!(
        "SELECT 'relation ' || relname AS name FROM pg_class AS c \
         JOIN pg_namespace AS n ON n.oid = relnamespace AND nspname = current_schema() \
         WHERE relname NOT LIKE '\\_\\_diesel%' \
         UNION ALL SELECT 'function ' || proname FROM pg_proc \
         JOIN pg_namespace AS n ON n.oid = pronamespace AND nspname = current_schema() \
         UNION ALL SELECT 'type ' || typname FROM pg_type \
         JOIN pg_namespace AS n ON n.oid = typnamespace AND nspname = current_schema() \
         WHERE typname NOT LIKE '%\\_\\_diesel%' \
         {hypertables} ORDER BY 1"
    );
    let names: Vec<Name> = sql_query(query).load(connection).expect("answers");
    names.into_iter().map(|row| row.name).collect()
}

#[tokio::test]
async fn metadata_migrates_up_down_and_up_again() {
    let schemas = ScratchSchemas::create();
    let db = DatabasePools::new(&schemas.config()).metadata();
    let mut connection = schemas.connection(Database::Metadata);
    let first = migrate_metadata(&db).await.expect("up");
    assert_eq!(
        (first.applied, first.already_applied),
        (METADATA.map(str::to_owned).to_vec(), 0)
    );
    let made = objects(&mut connection);
    for table in [
        "exchanges",
        "symbols",
        "instruments",
        "feed_symbols",
        "exchange_sessions",
        "instrument_versions",
        "accounts",
        "order_events",
        "ledger_outbox",
        "orders",
        "positions",
    ] {
        assert!(made.contains(&format!("relation {table}")), "{made:?}");
    }
    let mut reverted = revert_all_metadata_migrations(&db).await.expect("down");
    reverted.reverse();
    assert_eq!(reverted, METADATA);
    assert_eq!(objects(&mut connection), [""; 0]);
    let second = migrate_metadata(&db).await.expect("up again");
    assert_eq!(second.applied, METADATA);
    assert_eq!(objects(&mut connection), made);
    let third = migrate_metadata(&db).await.expect("nothing to do");
    assert_eq!(
        (third.applied.len(), third.already_applied),
        (0, METADATA.len())
    );
}

#[tokio::test]
async fn timeseries_migrates_up_down_and_up_again() {
    let schemas = ScratchSchemas::create();
    let db = DatabasePools::new(&schemas.config()).timeseries();
    let mut connection = schemas.connection(Database::Timeseries);
    let first = migrate_timeseries(&db).await.expect("up");
    assert_eq!(
        (first.applied, first.already_applied),
        (TIMESERIES.map(str::to_owned).to_vec(), 0)
    );
    let made = objects(&mut connection);
    for object in [
        "relation ticks",
        "relation ohlc_candles",
        "hypertable ticks",
        "hypertable ohlc_candles",
        "function tick_order_key",
        "relation trades",
        "hypertable trades",
        "hypertable order_book_snapshots",
        "hypertable order_book_updates",
        "relation book_intervals",
        "relation feed_gaps",
        "hypertable feed_messages",
        "hypertable order_event_history",
        "hypertable fill_history",
        "hypertable position_history",
        "relation ledger_relay_cursor",
        "function note_unrecorded_rows",
        "function candles_are_settled",
    ] {
        assert!(made.iter().any(|name| name == object), "{made:?}");
    }
    connection
        .batch_execute(
            "INSERT INTO ticks VALUES (1, '2026-01-01 00:00Z', 0, 1, 1, 0, 0, NULL); \
             INSERT INTO trades VALUES (1, '2026-01-01 00:00Z', 0, 1, 1, 'buy', false, NULL, NULL)",
        )
        .expect("chunks");
    let mut reverted = revert_all_timeseries_migrations(&db).await.expect("down");
    reverted.reverse();
    assert_eq!(reverted, TIMESERIES);
    assert_eq!(objects(&mut connection), [""; 0]);
    let second = migrate_timeseries(&db).await.expect("up again");
    assert_eq!(second.applied, TIMESERIES);
    assert_eq!(objects(&mut connection), made);
    let third = migrate_timeseries(&db).await.expect("nothing to do");
    assert_eq!(
        (third.applied.len(), third.already_applied),
        (0, TIMESERIES.len())
    );
}

#[tokio::test]
async fn migrations_are_applied_once_by_three_processes() {
    let schemas = ScratchSchemas::create();
    let config = schemas.config();
    let [a, b, c] = [(); 3].map(|()| DatabasePools::new(&config));
    let (a_db, b_db, c_db) = (a.metadata(), b.metadata(), c.metadata());
    let (one, two, three) = tokio::join!(
        migrate_metadata(&a_db),
        migrate_metadata(&b_db),
        migrate_metadata(&c_db)
    );
    let reports = [one, two, three].map(|report| report.expect("succeeds"));
    let applied: Vec<_> = reports
        .iter()
        .flat_map(|report| report.applied.clone())
        .collect();
    assert_eq!(applied, METADATA, "{reports:?}");
    assert!(
        reports
            .iter()
            .all(|r| r.applied.len() + r.already_applied == METADATA.len())
    );

    let (a_db, b_db, c_db) = (a.timeseries(), b.timeseries(), c.timeseries());
    let (one, two, three) = tokio::join!(
        migrate_timeseries(&a_db),
        migrate_timeseries(&b_db),
        migrate_timeseries(&c_db)
    );
    let reports = [one, two, three].map(|report| report.expect("succeeds"));
    let applied: Vec<_> = reports
        .iter()
        .flat_map(|report| report.applied.clone())
        .collect();
    assert_eq!(applied, TIMESERIES, "{reports:?}");
}

#[tokio::test]
async fn pending_migrations_are_listed_without_changes() {
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    let (metadata, timeseries) = (pools.metadata(), pools.timeseries());
    assert_eq!(
        pending_metadata_migrations(&metadata)
            .await
            .expect("answers"),
        METADATA
    );
    assert_eq!(
        pending_timeseries_migrations(&timeseries)
            .await
            .expect("answers"),
        TIMESERIES
    );
    for database in [Database::Metadata, Database::Timeseries] {
        let query = "SELECT relname::text AS name FROM pg_class AS c \
                     JOIN pg_namespace AS n ON n.oid = relnamespace AND nspname = current_schema()";
        let made: Vec<Name> = sql_query(query)
            .load(&mut schemas.connection(database))
            .expect("answers");
        assert!(made.is_empty(), "{database}: {}", made[0].name);
    }
    migrate_metadata(&metadata).await.expect("up");
    migrate_timeseries(&timeseries).await.expect("up");
    assert_eq!(
        pending_metadata_migrations(&metadata)
            .await
            .expect("answers"),
        [""; 0]
    );
    assert_eq!(
        pending_timeseries_migrations(&timeseries)
            .await
            .expect("answers"),
        [""; 0]
    );
}

#[tokio::test]
async fn both_sets_can_live_in_one_database() {
    let schemas = ScratchSchemas::create();
    let url = schemas.url(Database::Timeseries);
    let pools = pools(url, url);
    let metadata = migrate_metadata(&pools.metadata()).await.expect("up");
    let timeseries = migrate_timeseries(&pools.timeseries()).await.expect("up");
    assert_eq!(
        (metadata.applied.len(), timeseries.applied.len()),
        (METADATA.len(), TIMESERIES.len())
    );
    let reverted = revert_all_timeseries_migrations(&pools.timeseries())
        .await
        .expect("down");
    assert_eq!(reverted.len(), TIMESERIES.len());
    let pending = pending_metadata_migrations(&pools.metadata())
        .await
        .expect("answers");
    assert_eq!(pending, [""; 0]);
}

#[tokio::test]
async fn database_without_the_extension_gets_it() {
    let database = ScratchDatabase::create();
    let db = pools(&database.url(), &database.url()).timeseries();
    let report = migrate_timeseries(&db).await.expect("up");
    assert_eq!(report.applied, TIMESERIES);
}

fn configuration_text(error: &RepositoryError) -> String {
    match error {
        RepositoryError::Configuration {
            database: Database::Timeseries,
            reason,
        } => reason.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn server_without_timescaledb_is_refused_first() {
    let schemas = ScratchSchemas::create();
    let query = "SELECT CASE \
           WHEN EXISTS (SELECT FROM pg_settings WHERE name LIKE 'timescaledb.%') THEN 'preloaded' \
           WHEN EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') \
             THEN 'does not preload TimescaleDB: add timescaledb to its shared_preload_libraries' \
           ELSE 'does not have TimescaleDB: install it' END AS name";
    let expected: Name = sql_query(query)
        .get_result(&mut schemas.connection(Database::Metadata))
        .expect("answers");
    if expected.name == "preloaded" {
        suite::skip("the server of DATABASE_URL preloads TimescaleDB");
        return;
    }
    let url = schemas.url(Database::Metadata);
    let db = pools(url, url).timeseries();
    let error = migrate_timeseries(&db).await.expect_err("cannot work");
    let reason = configuration_text(&error);
    assert!(reason.contains(&expected.name), "{reason}");
    let pending = pending_timeseries_migrations(&db).await.expect("answers");
    assert_eq!(pending.len(), TIMESERIES.len(), "nothing was begun");
}

#[tokio::test]
async fn search_path_without_the_extension_is_refused() {
    let schemas = ScratchSchemas::create();
    let alone = schemas.url(Database::Timeseries).replace("%2Cpublic", "");
    assert_ne!(alone, schemas.url(Database::Timeseries));
    let db = pools(&alone, &alone).timeseries();
    let error = migrate_timeseries(&db).await.expect_err("cannot work");
    let reason = configuration_text(&error);
    assert!(
        reason.contains("schema public, which is not in the search_path"),
        "{reason}"
    );
}

#[tokio::test]
async fn search_path_without_a_schema_is_refused() {
    let schemas = ScratchSchemas::create();
    let url = schemas.url(Database::Timeseries);
    let missing = url
        .replace(schemas.name(), "tickbook_missing")
        .replace("%2Cpublic", "");
    let db = pools(&missing, &missing).timeseries();
    let error = migrate_timeseries(&db).await.expect_err("cannot work");
    let reason = configuration_text(&error);
    assert!(
        reason.contains("no schema of the search_path exists"),
        "{reason}"
    );
}

#[tokio::test]
async fn failed_migration_is_named_and_earlier_ones_stay() {
    let schemas = ScratchSchemas::create();
    let db = DatabasePools::new(&schemas.config()).metadata();
    schemas
        .connection(Database::Metadata)
        .batch_execute("CREATE TYPE instruments AS ENUM ('in the way')")
        .expect("made");
    let error = migrate_metadata(&db).await.expect_err("the name is taken");
    let source = std::error::Error::source(&error)
        .expect("has one")
        .to_string();
    assert!(
        source.contains("create_instruments") && source.contains("already exists"),
        "{source}"
    );
    let pending = pending_metadata_migrations(&db).await.expect("answers");
    assert_eq!(pending, METADATA[2..]);
}
