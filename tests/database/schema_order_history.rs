//! Tests of the constraints of the tables of the order history, which apply to every writer.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use tickbook::db::ScratchSchemas;

use crate::schema_constraints::timeseries;
use crate::support::constrained::{NULL, Row};

const EVENT: &Row = &[
    ("account_id", "1"),
    ("recorded_at", "2026-01-01 00:00Z"),
    ("sequence", "1"),
    ("order_id", "a-1"),
    ("kind", "filled"),
    ("symbol_id", "7"),
    ("side", "buy"),
    ("venue", "kraken"),
    ("last_quantity", "1"),
    ("last_price", "2"),
    ("payload", "{}"),
];

const FILL: &Row = &[
    ("account_id", "1"),
    ("trade_time", "2026-01-01 00:00Z"),
    ("sequence", "1"),
    ("order_id", "a-1"),
    ("kind", "filled"),
    ("symbol_id", "7"),
    ("side", "sell"),
    ("quantity", "1"),
    ("price", "-2"),
    ("venue", "kraken"),
    ("recorded_at", "2026-01-01 00:00Z"),
];

const POSITION: &Row = &[
    ("account_id", "1"),
    ("symbol_id", "7"),
    ("as_of", "2026-01-01 00:00Z"),
    ("sequence", "1"),
    ("position_name", "net"),
    ("quantity", "-1"),
    ("open_cost", "-2"),
    ("realized", "0"),
    ("recorded_at", "2026-01-01 00:00Z"),
];

const CURSOR: &Row = &[
    ("account_id", "1"),
    ("sequence", "0"),
    ("relayed_at", "2026-01-01 00:00Z"),
];

const EQUITY: &Row = &[
    ("account_id", "1"),
    ("as_of", "2026-01-01 00:00Z"),
    ("equity", "-10"),
    ("cash", "5"),
    ("flows", "0"),
    ("source", "broker"),
];

#[tokio::test]
async fn order_event_history_refuses_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut events = timeseries(&schemas, "order_event_history", EVENT).await;
    events.accepts(&[]);
    events.accepts(&[("last_quantity", NULL), ("last_price", NULL)]);
    let name = |end: &str| format!("order_event_history_{end}");
    events.refuses(&[("account_id", "0")], &name("account_id_positive"));
    events.refuses(&[("sequence", "0")], &name("sequence_positive"));
    events.refuses(&[("symbol_id", "0")], &name("symbol_id_positive"));
    events.refuses(&[("side", "BUY")], &name("side_known"));
    events.refuses(&[("last_price", NULL)], &name("last_present"));
    let late = [("recorded_at", "2100-01-01 00:00Z")];
    events.refuses(&late, &name("recorded_at_range"));
}

#[tokio::test]
async fn fill_history_refuses_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut fills = timeseries(&schemas, "fill_history", FILL).await;
    fills.accepts(&[]);
    let name = |end: &str| format!("fill_history_{end}");
    let bust = [
        ("kind", "fill_busted"),
        ("quantity", NULL),
        ("price", NULL),
        ("ref_exec_id", "E1"),
    ];
    fills.accepts(&bust);
    fills.accepts(&[("kind", "fill_corrected"), ("ref_exec_id", "E1")]);
    fills.refuses(&bust[..3], &name("references"));
    fills.refuses(&[("ref_exec_id", "E1")], &name("references"));
    fills.refuses(&[("quantity", NULL)], &name("busts_have_no_quantity"));
    fills.refuses(&[("kind", "created")], &name("kind_known"));
    fills.refuses(&[("quantity", "0")], &name("quantity_positive"));
    fills.refuses(&[("side", "b")], &name("side_known"));
    fills.refuses(&[("fee_amount", "1")], &name("fee_whole"));
    fills.refuses(&[("account_id", "0")], &name("account_id_positive"));
    fills.refuses(&[("symbol_id", "0")], &name("symbol_id_positive"));
    fills.refuses(&[("sequence", "0")], &name("sequence_positive"));
    let early = [("trade_time", "1969-12-31 23:59Z")];
    fills.refuses(&early, &name("trade_time_range"));
    let late = [("recorded_at", "2100-01-01 00:00Z")];
    fills.refuses(&late, &name("recorded_at_range"));
}

#[tokio::test]
async fn position_history_refuses_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut positions = timeseries(&schemas, "position_history", POSITION).await;
    positions.accepts(&[]);
    positions.accepts(&[("quantity", "0"), ("open_cost", "0")]);
    let name = |end: &str| format!("position_history_{end}");
    positions.refuses(&[("quantity", "0")], &name("flat_costs_nothing"));
    positions.refuses(&[("realized", "NaN")], &name("numbers"));
    positions.refuses(&[("account_id", "0")], &name("account_id_positive"));
    positions.refuses(&[("symbol_id", "0")], &name("symbol_id_positive"));
    positions.refuses(&[("sequence", "0")], &name("sequence_positive"));
    positions.refuses(&[("as_of", "2100-01-01 00:00Z")], &name("as_of_range"));
    let late = [("recorded_at", "2100-01-01 00:00Z")];
    positions.refuses(&late, &name("recorded_at_range"));
}

#[tokio::test]
async fn ledger_relay_cursor_refuses_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut cursors = timeseries(&schemas, "ledger_relay_cursor", CURSOR).await;
    cursors.accepts(&[]);
    let name = |end: &str| format!("ledger_relay_cursor_{end}");
    cursors.refuses(&[("account_id", "0")], &name("account_id_positive"));
    cursors.refuses(&[("sequence", "-1")], &name("sequence_not_negative"));
}

#[tokio::test]
async fn equity_points_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut points = timeseries(&schemas, "equity_points", EQUITY).await;
    points.accepts(&[]);
    let name = |end: &str| format!("equity_points_{end}");
    points.refuses(&[("account_id", "0")], &name("account_id_positive"));
    points.refuses(&[("as_of", "2100-01-01 00:00Z")], &name("as_of_range"));
    points.refuses(&[("equity", "NaN")], &name("numbers"));
    points.refuses(&[("flows", "NaN")], &name("numbers"));
    points.refuses(&[("source", "")], &name("source_length"));
}
