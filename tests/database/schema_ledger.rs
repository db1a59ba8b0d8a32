//! Tests of the constraints of the tables of the ledger, which apply to every writer.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use diesel::connection::SimpleConnection as _;
use tickbook::db::ScratchSchemas;

use crate::schema_constraints::metadata;
use crate::support::constrained::{NULL, Row, Table};

const ACCOUNT: &Row = &[
    ("account_id", "2"),
    ("tenant_id", "1"),
    ("name", "main"),
    ("venue", "kraken"),
    ("environment", "live"),
    ("base_currency", "USD"),
    ("time_zone", "UTC"),
    ("cost_method", "average"),
    ("position_mode", "netting"),
    ("created_at", "2026-01-01 00:00Z"),
];

const EVENT: &Row = &[
    ("account_id", "1"),
    ("sequence", "1"),
    ("order_id", "a-1"),
    ("kind", "filled"),
    ("symbol_id", "7"),
    ("side", "buy"),
    ("venue", "kraken"),
    ("recorded_at", "2026-01-01 00:00Z"),
    ("fill_sequence", "1"),
    ("position_name", "net"),
    ("position_quantity", "1"),
    ("position_open_cost", "2"),
    ("position_realized", "0"),
    ("event_key", "00000000-0000-0000-0000-000000000000"),
    (
        "content_hash",
        "\\x0000000000000000000000000000000000000000000000000000000000000000",
    ),
    ("payload", "{}"),
];

const POSITION: &Row = &[
    ("account_id", "1"),
    ("strategy_id", "0"),
    ("symbol_id", "7"),
    ("position_name", "net"),
    ("quantity", "-1"),
    ("open_cost", "-2"),
    ("realized", "0"),
    ("opened_at", "2026-01-01 00:00Z"),
    ("last_sequence", "1"),
];

/// A table of a database that has account 1.
async fn table(schemas: &ScratchSchemas, name: &'static str, good: &'static Row) -> Table {
    let mut table = metadata(schemas, name, good).await;
    let account = "INSERT INTO accounts VALUES \
         (1, 1, 'first', 'kraken', 'live', 'USD', 'UTC', 'average', 'netting', '2026-01-01 00:00Z')";
    table.connection.batch_execute(account).expect("an account");
    table
}

#[tokio::test]
async fn accounts_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut accounts = table(&schemas, "accounts", ACCOUNT).await;
    accounts.accepts(&[]);
    let name = |end: &str| format!("accounts_{end}");
    accounts.refuses(&[("account_id", "0")], &name("account_id_positive"));
    accounts.refuses(&[("tenant_id", "0")], &name("tenant_id_positive"));
    accounts.refuses(&[("name", "")], &name("name_length"));
    accounts.refuses(&[("name", "first")], &name("name_unique"));
    accounts.refuses(&[("environment", "LIVE")], &name("environment_known"));
    accounts.refuses(&[("cost_method", "hifo")], &name("cost_method_known"));
    accounts.refuses(&[("position_mode", "")], &name("position_mode_known"));
    accounts.refuses(&[("closed_at", "infinity")], &name("closed_at_finite"));
}

#[tokio::test]
async fn order_events_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut events = table(&schemas, "order_events", EVENT).await;
    events.accepts(&[]);
    let none = [
        ("kind", "canceled"),
        ("fill_sequence", NULL),
        ("position_name", NULL),
        ("position_quantity", NULL),
        ("position_open_cost", NULL),
        ("position_realized", NULL),
    ];
    events.accepts(&none);
    let name = |end: &str| format!("order_events_{end}");
    events.refuses(&none[..1], &name("fill_whole"));
    events.refuses(&none[1..2], &name("fill_whole"));
    let mut unknown = none;
    unknown[0] = ("kind", "sent");
    events.refuses(&unknown, &name("kind_known"));
    events.refuses(&[("side", "BUY")], &name("side_known"));
    events.refuses(&[("sequence", "0")], &name("sequence_positive"));
    events.refuses(&[("content_hash", "\\x00")], &name("content_hash_length"));
    events.refuses(&[("account_id", "9")], &name("account_id_fkey"));
}

#[tokio::test]
async fn positions_refuse_unknown_accounts() {
    let schemas = ScratchSchemas::create();
    let mut positions = table(&schemas, "positions", POSITION).await;
    positions.accepts(&[]);
    positions.refuses(&[("account_id", "9")], "positions_account_id_fkey");
}
