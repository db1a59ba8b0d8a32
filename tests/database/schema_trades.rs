//! Tests of the constraints of the table of trades, which apply to every writer.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use tickbook::db::ScratchSchemas;

use crate::schema_constraints::timeseries;
use crate::support::constrained::{NULL, Row};

const TRADE: &Row = &[
    ("symbol_id", "1"),
    ("trade_time", "2026-01-01 00:00Z"),
    ("sequence", "0"),
    ("price", "1.1"),
    ("quantity", "2"),
    ("aggressor_side", "buy"),
    ("is_block", "false"),
    ("trade_id", "a"),
    ("received_at", "2026-01-01 00:00Z"),
];

#[tokio::test]
async fn trades_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut trades = timeseries(&schemas, "trades", TRADE).await;
    trades.accepts(&[]);
    trades.accepts(&[("price", "-37.63"), ("aggressor_side", "sell")]);
    trades.accepts(&[("price", "0"), ("quantity", "0.000000000001")]);
    trades.accepts(&[
        ("aggressor_side", NULL),
        ("trade_id", NULL),
        ("received_at", NULL),
    ]);
    trades.accepts(&[("trade_time", "2099-12-31 23:59:59.999999Z")]);
    for time in ["1969-12-31 23:59:59.999999Z", "2100-01-01 00:00Z"] {
        trades.refuses(&[("trade_time", time)], "trades_trade_time_range");
        trades.refuses(&[("received_at", time)], "trades_received_at_range");
    }
    trades.refuses(&[("symbol_id", "0")], "trades_symbol_id_positive");
    trades.refuses(&[("sequence", "-1")], "trades_sequence_not_negative");
    trades.refuses(&[("price", "NaN")], "trades_price_number");
    for quantity in ["0", "-1", "NaN"] {
        trades.refuses(&[("quantity", quantity)], "trades_quantity_positive");
    }
    for side in ["BUY", "", "bid"] {
        trades.refuses(&[("aggressor_side", side)], "trades_aggressor_side_known");
    }
    let long = "x".repeat(101);
    for id in ["", &long] {
        trades.refuses(&[("trade_id", id)], "trades_trade_id_length");
    }
    for number in ["price", "quantity"] {
        trades.refuses(&[(number, "Infinity")], "numeric field overflow");
        trades.refuses(&[(number, "1000000000000000")], "numeric field overflow");
        let missing = trades.insert(&[(number, NULL)]);
        assert!(missing.is_err(), "{number}");
    }
}
