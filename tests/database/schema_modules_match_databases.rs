//! Tests that the committed diesel modules match the migrations: tables, columns, types, keys, comments.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::Database;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::postgres::{migrate_metadata, migrate_timeseries};

const METADATA: &str = include_str!("../../src/postgres/schema/metadata.rs");
const TIMESERIES: &str = include_str!("../../src/postgres/schema/timeseries.rs");

/// The tables of the ledger, which writes its SQL itself, in both databases.
const LEDGER: [&str; 28] = [
    "account_heads",
    "accounts",
    "artifacts",
    "audit_heads",
    "audit_log",
    "backtest_metrics",
    "backtest_runs",
    "credentials",
    "deleted_accounts",
    "deployments",
    "fills",
    "ledger_outbox",
    "order_client_ids",
    "order_events",
    "order_venue_ids",
    "orders",
    "position_fees",
    "position_lots",
    "position_reports",
    "positions",
    "quarantined_order_events",
    "risk_acknowledgements",
    "risk_events",
    "run_artifacts",
    "strategies",
    "strategy_versions",
    "user_grants",
    "users",
];

const LEDGER_HISTORY: [&str; 5] = [
    "equity_points",
    "fill_history",
    "ledger_relay_cursor",
    "order_event_history",
    "position_history",
];

#[derive(Debug, PartialEq, Eq)]
struct Table {
    name: String,
    comment: String,
    primary_key: Vec<String>,
    columns: Vec<Column>,
}

#[derive(Debug, PartialEq, Eq)]
struct Column {
    name: String,
    comment: String,
    sql_type: String,
}

/// Parses `diesel::table!` blocks in the form that diesel's command line tool prints.
fn tables_of_module(source: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut comment = String::new();
    let mut inside = false;
    for line in source.lines().map(str::trim) {
        if line == "diesel::table! {" {
            inside = true;
        } else if let Some(text) = line.strip_prefix("/// ") {
            text.clone_into(&mut comment);
        } else if let Some((name, sql_type)) = line.split_once(" -> ").filter(|_| inside) {
            let table = tables.last_mut().expect("a column follows its table");
            table.columns.push(Column {
                name: name.to_owned(),
                comment: std::mem::take(&mut comment),
                sql_type: sql_type.trim_end_matches(',').to_owned(),
            });
        } else if let Some((name, key)) = line.split_once(" (").filter(|_| inside) {
            let key = key.strip_suffix(") {").expect("a table opens its columns");
            tables.push(Table {
                name: name.to_owned(),
                comment: std::mem::take(&mut comment),
                primary_key: key.split(", ").map(str::to_owned).collect(),
                columns: Vec::new(),
            });
        } else if line.is_empty() {
            inside = false;
        }
    }
    tables
}

#[derive(QueryableByName)]
struct TableRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    comment: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    primary_key: Vec<String>,
}

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    comment: Option<String>,
    #[diesel(sql_type = Text)]
    sql_type: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

fn tables_of_database(connection: &mut PgConnection) -> Vec<Table> {
    let tables: Vec<TableRow> = sql_query(
        "SELECT c.relname::text AS name, obj_description(c.oid, 'pg_class') AS comment, \
         ARRAY(SELECT a.attname::text FROM pg_index AS i \
           CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, place) \
           JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum \
           WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.place) AS primary_key \
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') \
           AND c.relname <> '__diesel_schema_migrations' \
         ORDER BY c.relname",
    )
    .load(connection)
    .expect("answers");
    tables
        .into_iter()
        .map(|table| Table {
            columns: columns_of_table(connection, &table.name),
            name: table.name,
            comment: table.comment.unwrap_or_default(),
            primary_key: table.primary_key,
        })
        .collect()
}

fn columns_of_table(connection: &mut PgConnection, table: &str) -> Vec<Column> {
    let columns: Vec<ColumnRow> = sql_query(
        "SELECT a.attname::text AS name, col_description(a.attrelid, a.attnum) AS comment, \
         format_type(a.atttypid, NULL) AS sql_type, NOT a.attnotnull AS nullable \
         FROM pg_attribute AS a WHERE a.attrelid = $1::regclass AND a.attnum > 0 \
         AND NOT a.attisdropped ORDER BY a.attnum",
    )
    .bind::<Text, _>(table)
    .load(connection)
    .expect("answers");
    columns
        .into_iter()
        .map(|column| {
            let sql_type = match column.sql_type.as_str() {
                "text" => "Text",
                "smallint" => "Int2",
                "integer" => "Int4",
                "bigint" => "Int8",
                "boolean" => "Bool",
                "numeric" => "Numeric",
                "bigint[]" => "Array<Nullable<Int8>>",
                "numeric[]" => "Array<Nullable<Numeric>>",
                "date" => "Date",
                "time without time zone" => "Time",
                "timestamp with time zone" => "Timestamptz",
                "inet" => "Inet",
                "uuid" => "Uuid",
                "xid8" => "Xid8",
                "bytea" => "Bytea",
                "json" => "Json",
                "jsonb" => "Jsonb",
                "text[]" => "Array<Nullable<Text>>",
                other => panic!("{table}.{} has the type {other}: add it here", column.name),
            };
            Column {
                name: column.name,
                comment: column.comment.unwrap_or_default(),
                sql_type: match column.nullable {
                    true => format!("Nullable<{sql_type}>"),
                    false => sql_type.to_owned(),
                },
            }
        })
        .collect()
}

fn assert_all_are_commented(tables: &[Table]) {
    for table in tables {
        assert!(!table.comment.is_empty(), "{} has no comment", table.name);
        for column in &table.columns {
            let name = format!("{}.{}", table.name, column.name);
            assert!(!column.comment.is_empty(), "{name} has no comment");
        }
    }
}

#[tokio::test]
async fn metadata_module_matches_the_migrations() {
    let schemas = ScratchSchemas::create();
    let db = DatabasePools::new(&schemas.config()).metadata();
    migrate_metadata(&db).await.expect("up");
    let made = tables_of_database(&mut schemas.connection(Database::Metadata));
    assert_all_are_commented(&made);
    let is_of_ledger = |table: &Table| LEDGER.contains(&table.name.as_str());
    let (ledger, made): (Vec<_>, Vec<_>) = made.into_iter().partition(is_of_ledger);
    assert_eq!((made.len(), ledger.len()), (6, LEDGER.len()));
    assert_eq!(tables_of_module(METADATA), made);
}

#[tokio::test]
async fn timeseries_module_matches_the_migrations() {
    let schemas = ScratchSchemas::create();
    let db = DatabasePools::new(&schemas.config()).timeseries();
    migrate_timeseries(&db).await.expect("up");
    let made = tables_of_database(&mut schemas.connection(Database::Timeseries));
    assert_all_are_commented(&made);
    let is_of_ledger = |table: &Table| LEDGER_HISTORY.contains(&table.name.as_str());
    let (ledger, made): (Vec<_>, Vec<_>) = made.into_iter().partition(is_of_ledger);
    assert_eq!((made.len(), ledger.len()), (17, LEDGER_HISTORY.len()));
    assert_eq!(tables_of_module(TIMESERIES), made);
}
