//! Tests of `/api/v1/accounts/{account_id}/equity` and `/performance`.

use std::sync::Arc;

use axum::Router;
use orderbook_server::app::{AppState, StoreKind};
use orderbook_server::ledger::Ledger;
use orderbook_server::metrics;
use orderbook_server::readiness::Readiness;
use orderbook_server::router::router;
use serde_json::{Value, json};
use tickbook::Clock;
use tickbook_ledger::domain::AccountId;
use tickbook_ledger::domain::performance::EquityPoint;
use tickbook_ledger::repository::MockPerformanceRepository;
use tickbook_ledger::{LedgerRepositories, PerformanceRepositories};

use crate::ledger::{ACCOUNTS, NOW, book, created, filled, new_account};
use crate::support::{database_errors, get, post, time, with_symbols};

const EQUITY: &str = "/api/v1/accounts/1/equity";
const MAY: &str = "/api/v1/accounts/1/performance?from=2024-05-01&to=2024-06-01";

/// A router with the account 1 in New York.
async fn with_performance(performance: PerformanceRepositories) -> Router {
    let handle = metrics::install().expect("no other recorder");
    let clock = Clock::standing_at(time(NOW));
    let ledger = LedgerRepositories::in_memory_with_clock(clock.clone());
    let repositories = with_symbols().await;
    let app = router(AppState {
        performance,
        ledger: Ledger::new(ledger, StoreKind::Memory, clock),
        ..AppState::new(repositories, Readiness::fixed(Vec::new()), handle)
    });
    let mut account = new_account("main");
    account["time_zone"] = json!("America/New_York");
    assert_eq!(post(&app, ACCOUNTS, account.to_string()).await.status, 201);
    app
}

fn point(at: &str, equity: &str, flows: &str) -> EquityPoint {
    let amount = |text: &str| text.parse().expect("an amount");
    EquityPoint::new(
        AccountId::new(1),
        time(at),
        amount(equity),
        amount("2500"),
        "broker",
    )
    .with_flows(amount(flows))
}

/// The account 1 with equity on three days of New York.
async fn with_equity() -> Router {
    let performance = PerformanceRepositories::in_memory();
    let points = [
        point("2024-05-01T20:00:00Z", "10000", "0"),
        // still the second of May in New York
        point("2024-05-03T01:00:00Z", "10100", "0"),
        point("2024-05-03T20:00:00Z", "10600", "500"),
    ];
    let recorded = performance.performance.record_equity(&points).await;
    assert_eq!(recorded.expect("recorded").inserted, 3);
    with_performance(performance).await
}

async fn read(app: &Router, path: &str) -> Value {
    let answer = get(app, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

#[tokio::test]
async fn equity_is_listed_in_pages() {
    let app = with_equity().await;
    let found = read(&app, EQUITY).await;
    let times = found["data"].as_array().expect("a list").iter();
    let times: Vec<_> = times.map(|it| it["as_of"].clone()).collect();
    assert_eq!(times[0], "2024-05-01T20:00:00.000000Z");
    let last = json!({
        "as_of": "2024-05-03T20:00:00.000000Z", "equity": "10600", "cash": "2500", "flows": "500", "source": "broker"
    });
    assert_eq!(found["data"][2], last);
    let first = read(&app, &format!("{EQUITY}?limit=2")).await;
    assert_eq!(first["data"].as_array().map(Vec::len), Some(2));
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = read(&app, &format!("{EQUITY}?limit=2&cursor={cursor}")).await;
    assert_eq!(second, json!({"data": [last], "next_cursor": null}));
    // of another listing
    let foreign = get(&app, &format!("/api/v1/accounts/1/fills?cursor={cursor}")).await;
    assert!(foreign.problem(400).contains("cursor"));
    let range = format!("{EQUITY}?from=2024-05-03&to=2024-05-03T20:00:00Z");
    assert_eq!(
        read(&app, &range).await["data"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn days_follow_the_zone_of_the_account() {
    let app = with_equity().await;
    let found = read(&app, MAY).await;
    assert_eq!(found["time_zone"], "America/New_York");
    let dates = |found: &Value| -> Vec<Value> {
        let days = found["days"].as_array().expect("days").iter();
        days.map(|day| day["date"].clone()).collect()
    };
    assert_eq!(dates(&found), ["2024-05-01", "2024-05-02", "2024-05-03"]);
    let utc = read(&app, &format!("{MAY}&time_zone=UTC")).await;
    assert_eq!(dates(&utc), ["2024-05-01", "2024-05-03"]);
    let day = &found["days"][1];
    assert_eq!(day["from"], "2024-05-02T04:00:00.000000Z");
    assert_eq!(
        day["opening"],
        json!({"as_of": "2024-05-01T20:00:00.000000Z", "equity": "10000"})
    );
    let returned = |day: &Value| json!([day["profit"], day["time_weighted_return"], day["reason"]]);
    assert_eq!(
        returned(&found["days"][0]),
        json!([null, null, "no_opening_equity"])
    );
    assert_eq!(returned(day), json!(["100", 0.01, null]));
    // a deposit
    assert_eq!(returned(&found["days"][2])[0], "0");
}

#[tokio::test]
async fn metrics_have_a_value_or_a_reason() {
    let app = with_equity().await;
    let found = read(&app, MAY).await;
    assert_eq!(
        (&found["profit"], &found["flows"]),
        (&json!("100"), &json!("500"))
    );
    assert_eq!(
        (&found["returns"], &found["trades"]),
        (&json!(2), &Value::Null)
    );
    let metrics = found["metrics"].as_array().expect("metrics");
    let metric = |definition: &str| {
        let found = metrics.iter().find(|it| it["definition"] == definition);
        found.unwrap_or_else(|| panic!("{definition}"))
    };
    assert_eq!(
        *metric("win_rate/all"),
        json!({"metric": "win_rate", "definition": "win_rate/all", "value": 0.5, "reason": null})
    );
    assert_eq!(metric("profit_factor/returns")["reason"], "no_losses");
    for metric in metrics {
        assert_ne!(
            metric["value"].is_null(),
            metric["reason"].is_null(),
            "{metric}"
        );
    }
    let empty = read(
        &app,
        "/api/v1/accounts/1/performance?from=2020-01-01&to=2020-02-01",
    )
    .await;
    assert_eq!(
        (&empty["opening"], &empty["days"]),
        (&Value::Null, &json!([]))
    );
    assert_eq!(empty["metrics"][0]["reason"], "too_few_returns");
}

#[tokio::test]
async fn round_trips_are_made_of_the_fills() {
    let app = with_equity().await;
    let mut sell = created("b", "sell", "10");
    sell["kind"]["created"]["arrival_price"] = json!("110");
    let mut with_fee = filled("a", "E1", 1, "4", "99");
    with_fee["kind"]["filled"]["fee"] = json!({"amount": "0.5", "currency": "USD"});
    let events = [
        created("a", "buy", "10"),
        sell,
        with_fee,
        filled("b", "E2", 2, "3", "109"),
    ];
    book(&app, &events).await;
    let path = format!("{MAY}&round_trips=flat_to_reduced&matching=lifo");
    let trades = read(&app, &path).await["trades"].clone();
    assert_eq!(
        (&trades["grouping"], &trades["matching"]),
        (&json!("flat_to_reduced"), &json!("lifo"))
    );
    // 3 x 10 less the fee
    assert_eq!(
        (&trades["count"], &trades["net_profit"]),
        (&json!(1), &json!("29.5"))
    );
    assert_eq!(trades["metrics"][0]["reason"], "no_losses");
    assert_eq!(trades["slippage"]["orders"], 1);
    assert_eq!(trades["slippage"]["cost"], "3");
    // from the booking of the orders to the fills
    let total = json!({"count": 2, "min_us": 900_000, "median_us": 900_000, "max_us": 1_900_000});
    assert_eq!(trades["latencies"]["total"], total);
    assert_eq!(trades["latencies"]["acknowledgement"], Value::Null);
    let by_strategy = json!([{
        "strategy_id": null, "symbol_id": 1, "fills": 2, "bought": "396", "sold": "327", "realized": "30",
        "fees": [{"currency": "USD", "amount": "0.5"}]
    }]);
    assert_eq!(trades["by_strategy"], by_strategy);
    assert_eq!(trades["by_day"][0]["date"], "2024-05-01");
    assert_eq!(trades["by_order"][1]["order_id"], "b");
    // closed before the days
    let path = path.replace("2024-05-01", "2024-05-02");
    let later = read(&app, &path).await["trades"].clone();
    assert_eq!(
        (&later["count"], &later["by_order"]),
        (&json!(0), &json!([]))
    );
}

#[tokio::test]
async fn invalid_parameters_of_performance_are_named() {
    let app = with_equity().await;
    for (query, words) in [
        ("to=2024-06-01", "from is missing"),
        ("from=2024-05-01", "to is missing"),
        ("from=2024-5-1&to=2024-06-01", "from: invalid date"),
        ("from=2024-06-01&to=2024-05-01", "swap them"),
        ("from=2000-01-01&to=2024-01-01", "at most 3660"),
        ("from=1969-01-01&to=1970-01-01", "invalid date 1969-01-01"),
        (
            "from=2024-05-01&to=2024-06-01&time_zone=Mars",
            "time_zone: invalid time zone",
        ),
        (
            "from=2024-05-01&to=2024-06-01&round_trips=all",
            "round_trips: invalid grouping",
        ),
        (
            "from=2024-05-01&to=2024-06-01&matching=fifo",
            "round_trips is missing",
        ),
    ] {
        let detail = get(&app, &format!("/api/v1/accounts/1/performance?{query}")).await;
        let detail = detail.problem(400);
        assert!(detail.contains(words), "{query}: {detail}");
    }
}

#[tokio::test]
async fn failed_database_of_performance_is_503() {
    for error in database_errors() {
        let mut mock = MockPerformanceRepository::new();
        let error = std::sync::Mutex::new(Some(error));
        mock.expect_daily()
            .returning(move |_| Err(error.lock().expect("no panic").take().expect("one call")));
        let app = with_performance(PerformanceRepositories::new(Arc::new(mock))).await;
        get(&app, MAY).await.problem(503);
    }
}
