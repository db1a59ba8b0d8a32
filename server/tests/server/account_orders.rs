//! Tests of the orders, events, fills and the quarantine of an account.

use std::sync::{Arc, Mutex};

use axum::Router;
use serde_json::{Value, json};
use tickbook::RepositoryError;
use tickbook_ledger::repository::MockLedgerRepository;

use crate::ledger::{NOW, append, book, canceled, created, filled, with_account, with_mock};
use crate::support::{database_errors, get};

const ORDERS: &str = "/api/v1/accounts/1/orders";

/// The values of a field of all items of a listing, page by page.
async fn paged(app: &Router, path: &str, limit: usize, field: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let separator = if path.contains('?') { '&' } else { '?' };
    let mut cursor = String::new();
    loop {
        let answer = get(app, &format!("{path}{separator}limit={limit}{cursor}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let page = answer.json();
        let data = page["data"].as_array().expect("a list");
        assert!(data.len() <= limit);
        items.extend(data.iter().map(|item| item[field].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// An account with the orders a to d; b is in symbol 2, c of strategy 3 and canceled, d is filled.
async fn with_orders() -> Router {
    let app = with_account().await;
    let mut other = created("b", "sell", "10");
    other["kind"]["created"]["symbol_id"] = json!(2);
    let mut of_strategy = created("c", "buy", "10");
    of_strategy["kind"]["created"]["strategy_id"] = json!(3);
    let events = [
        created("a", "buy", "10"),
        other,
        of_strategy,
        created("d", "sell", "1"),
        filled("b", "E1", 1, "2", "50"),
        filled("a", "E2", 2, "4", "99"),
        canceled("c", "E3"),
        filled("d", "E4", 2, "1", "101"),
    ];
    book(&app, &events).await;
    app
}

#[tokio::test]
async fn order_has_its_terms_and_its_state() {
    let app = with_orders().await;
    let order = get(&app, &format!("{ORDERS}/a")).await;
    let expected = json!({
        "order_id": "a", "symbol_id": 1, "side": "buy", "order_type": "limit", "time_in_force": "gtc", "quantity": "10",
        "limit_price": "100", "stop_price": null, "arrival_price": null, "expires_at": null, "is_post_only": false,
        "is_reduce_only": false, "strategy_id": null, "position_id": null, "parent_order_id": null,
        "status": "partially_filled", "executed": "4", "leaves": "6", "overfill": "0", "average_price": "99",
        "notional": "396", "is_open": true, "client_order_id": null, "venue_order_id": null, "is_external": false,
        "is_submitted": false, "is_acknowledged": false, "is_triggered": false, "is_stopped": false,
        "is_suspended": false, "closed_by": null, "pending": [], "first_sequence": 1, "last_sequence": 6,
        "created_at": NOW, "updated_at": NOW
    });
    assert_eq!((order.status.as_u16(), order.json()), (200, expected));
    let request =
        json!({"order_id": "a", "client_order_id": "Y", "exec_id": "E9", "kind": "cancel_pending"});
    book(&app, &[request]).await;
    let order = get(&app, &format!("{ORDERS}/a")).await.json();
    assert_eq!(order["status"], "pending_cancel");
    assert_eq!(
        order["pending"],
        json!([{"kind": "cancel", "client_order_id": "Y"}])
    );
    let closed = get(&app, &format!("{ORDERS}/c")).await.json();
    assert_eq!(
        (&closed["status"], &closed["closed_by"]),
        (&json!("canceled"), &json!("canceled"))
    );
    let detail = get(&app, &format!("{ORDERS}/none")).await.problem(404);
    assert!(detail.contains("unknown order \"none\""), "{detail}");
    let long = get(&app, &format!("{ORDERS}/{}", "x".repeat(101)))
        .await
        .problem(400);
    assert!(long.contains("order_id: invalid order_id"), "{long}");
}

#[tokio::test]
async fn orders_are_filtered_and_paged() {
    let app = with_orders().await;
    for (query, expected) in [
        ("", json!(["a", "b", "c", "d"])),
        ("?order=desc", json!(["d", "c", "b", "a"])),
        ("?symbol_id=2", json!(["b"])),
        ("?strategy_id=3", json!(["c"])),
        ("?open=true", json!(["a", "b"])),
        ("?open=false&order=desc", json!(["d", "c"])),
        (
            "?from=2024-05-01T12:00:00.100Z",
            json!(["a", "b", "c", "d"]),
        ),
        ("?to=2024-05-01T12:00:00.100Z", json!([])),
    ] {
        for limit in [1, 3, 500] {
            let found = paged(&app, &format!("{ORDERS}{query}"), limit, "order_id").await;
            assert_eq!(json!(found), expected, "{query}, {limit}");
        }
    }
    let page = get(&app, &format!("{ORDERS}?limit=1")).await.json();
    let cursor = page["next_cursor"].as_str().expect("a next page");
    for (query, words) in [
        (&*format!("order=desc&cursor={cursor}"), "another listing"),
        ("symbol_id=0", "symbol_id: invalid id"),
        ("strategy_id=x", "strategy_id: invalid id"),
        ("open=maybe", "open"),
        ("order=up", "order"),
        ("from=today", "from"),
        ("limit=10001", "limit 10001"),
        ("status=new", "unknown parameter"),
    ] {
        let detail = get(&app, &format!("{ORDERS}?{query}")).await.problem(400);
        assert!(detail.contains(words), "{query}: {detail}");
    }
    // a cursor of another account
    let other = "/api/v1/accounts/2/orders";
    let detail = get(&app, &format!("{other}?cursor={cursor}"))
        .await
        .problem(400);
    assert!(detail.contains("another listing"), "{detail}");
}

#[tokio::test]
async fn journal_is_gapless_and_paged() {
    let app = with_orders().await;
    let path = "/api/v1/accounts/1/events";
    for limit in [1, 3, 500] {
        let found = paged(&app, path, limit, "sequence").await;
        assert_eq!(json!(found), json!([1, 2, 3, 4, 5, 6, 7, 8]), "{limit}");
        let found = paged(&app, &format!("{path}?from_sequence=6"), limit, "sequence").await;
        assert_eq!(json!(found), json!([6, 7, 8]), "{limit}");
    }
    let found = get(&app, &format!("{path}?from_sequence=6&limit=1"))
        .await
        .json();
    let expected = json!({
        "sequence": 6, "recorded_at": NOW, "order_id": "a", "event": filled("a", "E2", 2, "4", "99")
    });
    assert_eq!(found["data"], json!([expected]));
    for (query, words) in [
        ("from_sequence=0", "from_sequence: invalid number \"0\""),
        ("from_sequence=x", "an integer from 1 on"),
        ("after=1", "unknown parameter"),
    ] {
        let detail = get(&app, &format!("{path}?{query}")).await.problem(400);
        assert!(detail.contains(words), "{query}: {detail}");
    }
    let of_order = format!("{ORDERS}/a/events");
    for limit in [1, 500] {
        let found = paged(&app, &of_order, limit, "sequence").await;
        assert_eq!(json!(found), json!([1, 6]), "{limit}");
    }
    let detail = get(&app, &format!("{ORDERS}/none/events"))
        .await
        .problem(404);
    assert!(detail.contains("unknown order \"none\""), "{detail}");
}

#[tokio::test]
async fn fills_are_in_the_order_of_the_venue() {
    let app = with_orders().await;
    // it arrives late
    let mut late = filled("a", "E0", 0, "1", "98");
    late["kind"]["filled"]["fee"] = json!({"amount": "-0.01", "currency": "USD"});
    late["kind"]["filled"]["liquidity"] = json!("maker");
    late["trading_day"] = json!("2024-05-01");
    let bust =
        json!({"order_id": "d", "exec_id": "E5", "kind": {"fill_busted": {"exec_id": "E4"}}});
    book(&app, &[late, bust]).await;
    let path = "/api/v1/accounts/1/fills";
    for (query, expected) in [
        ("", json!(["E0", "E1", "E2", "E4"])),
        ("?symbol_id=2", json!(["E1"])),
        ("?order_id=a", json!(["E0", "E2"])),
        (
            "?from=2024-05-01T12:00:01Z&to=2024-05-01T12:00:02Z",
            json!(["E1"]),
        ),
    ] {
        for limit in [1, 2, 500] {
            let found = paged(&app, &format!("{path}{query}"), limit, "exec_id").await;
            assert_eq!(json!(found), expected, "{query}, {limit}");
        }
    }
    let fills = get(&app, path).await.json()["data"].clone();
    let expected = json!({
        "sequence": 9, "trade_time": "2024-05-01T12:00:00.000000Z", "venue_sequence": 0, "order_id": "a",
        "symbol_id": 1, "strategy_id": null, "position": "net", "side": "buy", "quantity": "1", "price": "98",
        "venue": "kraken", "exec_id": "E0", "effect": null,
        "fee": {"amount": "-0.01", "currency": "USD", "is_taken_from_quantity": false}, "liquidity": "maker",
        "contract": {"multiplier": "1", "is_inverse": false}, "trading_day": "2024-05-01", "latest_exec_id": "E0",
        "versions": 0, "is_busted": false
    });
    assert_eq!(fills[0], expected);
    let busted = &fills[3];
    assert_eq!(
        (
            &busted["is_busted"],
            &busted["versions"],
            &busted["latest_exec_id"]
        ),
        (&json!(true), &json!(1), &json!("E5"))
    );
    for (query, words) in [
        ("order_id=", "order_id: invalid order_id"),
        ("from=x", "from"),
        ("strategy_id=1", "unknown parameter"),
        ("cursor=AAAA", "cursor"),
    ] {
        let detail = get(&app, &format!("{path}?{query}")).await.problem(400);
        assert!(detail.contains(words), "{query}: {detail}");
    }
}

#[tokio::test]
async fn quarantine_lists_each_refused_event_once() {
    let app = with_orders().await;
    let unknown = filled("none", "E7", 3, "1", "1");
    let conflict = filled("a", "E2", 2, "5", "99");
    append(&app, &[unknown.clone(), conflict.clone()]).await;
    append(&app, std::slice::from_ref(&unknown)).await;
    let path = "/api/v1/accounts/1/quarantine";
    let list = get(&app, path).await.json();
    let detail = "unknown order: create it first, or send its terms with the event";
    let expected = json!({"data": [
        {"number": 1, "event": unknown, "reason": "unknown_order", "detail": detail, "first": null,
         "quarantined_at": NOW, "deliveries": 2},
        {"number": 2, "event": conflict, "reason": "conflict",
         "detail": "event 6 has the same id and other content", "first": 6, "quarantined_at": NOW, "deliveries": 1},
    ], "next_cursor": null});
    assert_eq!(list, expected);
    assert_eq!(json!(paged(&app, path, 1, "number").await), json!([1, 2]));
    let detail = get(&app, &format!("{path}?order=desc")).await.problem(400);
    assert!(detail.contains("unknown parameter"), "{detail}");
}

/// A ledger whose reads fail.
fn failing(error: RepositoryError) -> MockLedgerRepository {
    let error = Arc::new(Mutex::new(Some(error)));
    let fail = move || error.lock().expect("no panic").take().expect("one call");
    let mut ledger = MockLedgerRepository::default();
    let next = fail.clone();
    ledger.expect_orders().returning(move |_, _| Err(next()));
    let next = fail.clone();
    ledger.expect_order().returning(move |_, _, _| Err(next()));
    let next = fail.clone();
    ledger.expect_events().returning(move |_, _| Err(next()));
    let next = fail.clone();
    ledger.expect_fills().returning(move |_, _| Err(next()));
    let next = fail.clone();
    ledger.expect_positions().returning(move |_, _| Err(next()));
    ledger
        .expect_quarantined()
        .returning(move |_, _| Err(fail()));
    ledger
}

#[tokio::test]
async fn reads_of_a_failed_database_are_503() {
    for path in [
        "orders",
        "orders/a",
        "orders/a/events",
        "events",
        "fills",
        "positions",
        "quarantine",
    ] {
        for error in database_errors() {
            let app = with_mock(failing(error));
            let answer = get(&app, &format!("/api/v1/accounts/1/{path}")).await;
            answer.problem(503);
            answer.header("Retry-After");
        }
    }
}
