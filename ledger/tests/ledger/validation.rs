//! Tests of the queries in `docs/validation.sql`: each of them runs, and lists what the database has.

use crate::views_setup::Setup;

const QUERIES: &str = include_str!("../../../docs/validation.sql");

/// The statements, without comments.
fn statements() -> Vec<String> {
    let lines = QUERIES.lines().filter(|line| !line.starts_with("--"));
    let text: Vec<_> = lines.collect();
    let statements = text.join("\n");
    let statements = statements.split(";\n").map(str::trim);
    statements
        .filter(|text| !text.is_empty())
        .map(|text| text.trim_end_matches(';').to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validation_queries_run() {
    let mut setup = Setup::new().await;
    let statements = statements();
    assert_eq!(statements.len(), 18, "{statements:#?}");
    let mut listed = String::new();
    for statement in statements {
        assert!(
            statement.starts_with("SELECT") || statement.starts_with("EXPLAIN"),
            "{statement}"
        );
        if statement.starts_with("EXPLAIN") {
            setup.execute(&statement);
        } else {
            for row in setup.rows(&statement) {
                listed.push_str(&row);
                listed.push('\n');
            }
        }
    }
    for expected in [
        ",ticks,tick_time,\"1 day\",0,",
        ",trades,trade_time,\"1 day\",0,",
        ",order_book_snapshots,snapshot_time,\"1 day\",0,",
        ",feed_messages,received_at,01:00:00,0,",
        ",fill_history,trade_time,\"7 days\",0,",
        "(trade_ohlc_1d,v)",
        "(20261120090000,",
        "orders_symbol_created_at",
    ] {
        assert!(listed.contains(expected), "{expected} is not in\n{listed}");
    }
}
