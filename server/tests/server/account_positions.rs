//! Tests of `/api/v1/accounts/{account_id}/positions`.

use axum::Router;
use orderbook_server::app::{AppState, StoreKind};
use orderbook_server::ledger::Ledger;
use orderbook_server::metrics;
use orderbook_server::readiness::Readiness;
use orderbook_server::router::router;
use serde_json::{Value, json};
use tickbook::domain::book::StaleReason;
use tickbook::ingest::book::LiveBooks;
use tickbook::{Clock, Repositories};
use tickbook_ledger::LedgerRepositories;

use crate::book_events::Venue;
use crate::ledger::{ACCOUNTS, NOW, book, created, filled, new_account, with_account};
use crate::support::{get, post, tick, time, with_symbols};

const POSITIONS: &str = "/api/v1/accounts/1/positions";

/// A router with the account 1 of a cost method and a mode.
async fn with_books(repositories: Repositories, books: LiveBooks, mode: &str) -> Router {
    let handle = metrics::install().expect("no other recorder");
    let clock = Clock::standing_at(time(NOW));
    let ledger = LedgerRepositories::in_memory_with_clock(clock.clone());
    let app = router(AppState {
        books,
        ledger: Ledger::new(ledger, StoreKind::Memory, clock),
        ..AppState::new(repositories, Readiness::fixed(Vec::new()), handle)
    });
    let mut account = new_account("main");
    account["position_mode"] = json!(mode);
    assert_eq!(post(&app, ACCOUNTS, account.to_string()).await.status, 201);
    app
}

/// Long 4 at 99 in symbol 1, short 2 at 50 in symbol 2, flat in symbol 3.
fn events() -> Vec<Value> {
    let in_symbol = |order: &str, side: &str, symbol: i64| {
        let mut event = created(order, side, "10");
        event["kind"]["created"]["symbol_id"] = json!(symbol);
        event
    };
    let mut first = filled("a", "E1", 1, "4", "99");
    first["kind"]["filled"]["fee"] = json!({"amount": "0.2", "currency": "USD"});
    vec![
        in_symbol("a", "buy", 1),
        in_symbol("b", "sell", 2),
        in_symbol("c", "buy", 3),
        in_symbol("d", "sell", 3),
        first,
        filled("b", "E2", 2, "2", "50"),
        filled("c", "E3", 3, "1", "10"),
        filled("d", "E4", 4, "1", "12"),
    ]
}

async fn positions(app: &Router, query: &str) -> Vec<Value> {
    let answer = get(app, &format!("{POSITIONS}?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    answer.json()["data"].as_array().expect("a list").clone()
}

/// Mark, its time and origin, and the unrealized profit.
fn value(position: &Value) -> Value {
    json!([
        position["mark"],
        position["mark_time"],
        position["mark_source"],
        position["unrealized"]
    ])
}

#[tokio::test]
async fn positions_without_a_price_have_no_value() {
    let app = with_account().await;
    book(&app, &events()).await;
    let found = positions(&app, "").await;
    let expected = json!({
        "strategy_id": null, "symbol_id": 1, "name": "net", "quantity": "4", "open_cost": "396", "average_price": "99",
        "realized": "0", "fees": [{"currency": "USD", "amount": "0.2"}], "opened_at": "2024-05-01T12:00:01.000000Z",
        "mark": null, "mark_time": null, "mark_source": null, "unrealized": null
    });
    assert_eq!(found[0], expected);
    let short = &found[1];
    assert_eq!(
        (
            &short["quantity"],
            &short["open_cost"],
            &short["average_price"]
        ),
        (&json!("-2"), &json!("-100"), &json!("50"))
    );
    let flat = &found[2];
    assert_eq!(
        (
            &flat["quantity"],
            &flat["realized"],
            &flat["average_price"],
            &flat["opened_at"]
        ),
        (&json!("0"), &json!("2"), &Value::Null, &Value::Null)
    );
    assert_eq!(value(flat), json!([null, null, null, "0"]));
}

#[tokio::test]
async fn given_mark_values_the_positions_of_a_symbol() {
    let app = with_account().await;
    book(&app, &events()).await;
    let long = positions(&app, "symbol_id=1&mark=101.5").await;
    assert_eq!(value(&long[0]), json!(["101.5", null, "given", "10"]));
    let short = positions(&app, "symbol_id=2&mark=51").await;
    assert_eq!(value(&short[0]), json!(["51", null, "given", "-2"]));
    let flat = positions(&app, "symbol_id=3&mark=51").await;
    assert_eq!(value(&flat[0]), json!([null, null, null, "0"]));
    for (query, words) in [
        ("mark=1", "mark: symbol_id is missing"),
        ("symbol_id=1&mark=x", "mark: \"x\" is not a decimal"),
        ("symbol_id=1&mark=0.0000000000001", "mark: "),
        ("as_of=today", "as_of: "),
        ("open=x", "open: "),
        ("symbol_id=x", "symbol_id: invalid id"),
        ("cursor=x", "cursor: "),
        ("at=x", "unknown parameter"),
    ] {
        let detail = get(&app, &format!("{POSITIONS}?{query}"))
            .await
            .problem(400);
        assert!(detail.contains(words), "{query}: {detail}");
    }
}

#[tokio::test]
async fn long_position_is_marked_by_bid_short_by_ask() {
    let (repositories, books) = (with_symbols().await, LiveBooks::new());
    let quote = tick(2, "2014-05-01T00:00:00.292Z", "48", "49");
    repositories
        .ticks
        .insert_batch(&[quote])
        .await
        .expect("stored");
    let mut venue = Venue::new(&books);
    venue.load(1, 7, "100 4", "103 1").await;
    let app = with_books(repositories, books, "netting").await;
    book(&app, &events()).await;
    let found = positions(&app, "open=true").await;
    let of_book = json!(["100", "2014-05-01T00:00:00.007000Z", "book", "4"]);
    assert_eq!(value(&found[0]), of_book);
    let of_quote = json!(["49", "2014-05-01T00:00:00.292000Z", "quote", "2"]);
    assert_eq!(value(&found[1]), of_quote);
    assert_eq!(found.len(), 2);
    // a book without bids has no price for a long position
    venue.load(1, 8, "", "103 1").await;
    let found = positions(&app, "symbol_id=1").await;
    assert_eq!(value(&found[0]), json!([null, null, null, null]));
    // a stale book is not used
    venue.load(1, 9, "100 4", "103 1").await;
    venue.lose(1, 10, StaleReason::Gap).await;
    let found = positions(&app, "symbol_id=1").await;
    assert_eq!(value(&found[0]), json!([null, null, null, null]));
}

#[tokio::test]
async fn one_sided_quote_marks_one_side_only() {
    let repositories = with_symbols().await;
    let mut quotes = [1, 2].map(|id| tick(id, "2014-05-01T00:00:00Z", "101", "102"));
    for quote in &mut quotes {
        (quote.ask_price, quote.ask_volume) = (None, None);
    }
    repositories
        .ticks
        .insert_batch(&quotes)
        .await
        .expect("stored");
    let app = with_books(repositories, LiveBooks::new(), "netting").await;
    book(&app, &events()).await;
    let found = positions(&app, "open=true").await;
    assert_eq!(found[0]["unrealized"], "8");
    assert_eq!(value(&found[1]), json!([null, null, null, null]));
}

#[tokio::test]
async fn positions_as_of_a_time_have_its_quote() {
    let repositories = with_symbols().await;
    let quotes = [
        ("2024-05-01T12:00:00Z", "90"),
        ("2024-05-01T12:00:02Z", "95"),
    ];
    let quotes = quotes.map(|(at, bid)| tick(1, at, bid, "200"));
    repositories
        .ticks
        .insert_batch(&quotes)
        .await
        .expect("stored");
    let app = with_books(repositories, LiveBooks::new(), "netting").await;
    book(&app, &events()).await;
    book(&app, &[filled("a", "E9", 9, "1", "100")]).await;
    let found = positions(&app, "as_of=2024-05-01T12:00:01Z").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["quantity"], "4");
    let first = json!(["90", "2024-05-01T12:00:00.000000Z", "quote", "-36"]);
    assert_eq!(value(&found[0]), first);
    let found = positions(&app, "as_of=2024-05-01T12:00:09Z&symbol_id=1").await;
    let second = json!(["95", "2024-05-01T12:00:02.000000Z", "quote", "-21"]);
    assert_eq!(value(&found[0]), second);
    let before = positions(&app, "as_of=2024-05-01T12:00:00Z").await;
    assert_eq!(before, Vec::<Value>::new());
}

#[tokio::test]
async fn contract_of_the_fills_values_a_position() {
    let app = with_account().await;
    let mut fill = filled("a", "E1", 1, "2", "10");
    fill["kind"]["filled"]["contract"] = json!({"multiplier": "50"});
    book(&app, &[created("a", "buy", "5"), fill]).await;
    let found = positions(&app, "symbol_id=1&mark=11").await;
    assert_eq!(
        (&found[0]["open_cost"], &found[0]["unrealized"]),
        (&json!("1000"), &json!("100"))
    );
    let mut inverse = filled("b", "E2", 2, "100", "50000");
    inverse["kind"]["filled"]["contract"] = json!({"multiplier": "1", "is_inverse": true});
    let mut order = created("b", "buy", "100");
    order["kind"]["created"]["symbol_id"] = json!(2);
    book(&app, &[order, inverse]).await;
    let found = positions(&app, "symbol_id=2&mark=62500").await;
    // -100 / 62500 + 100 / 50000
    assert_eq!(found[0]["unrealized"], "0.0004");
}

#[tokio::test]
async fn positions_are_filtered_and_paged() {
    let app = with_books(with_symbols().await, LiveBooks::new(), "hedging").await;
    let mut all = events();
    let mut of_strategy = created("s", "sell", "5");
    of_strategy["kind"]["created"]["strategy_id"] = json!(3);
    all.extend([of_strategy, filled("s", "E9", 9, "1", "100")]);
    book(&app, &all).await;
    let names = |found: &[Value]| {
        let names = found
            .iter()
            .map(|it| format!("{} {} {}", it["strategy_id"], it["symbol_id"], it["name"]));
        names.collect::<Vec<_>>().join(", ").replace('"', "")
    };
    let everything = "null 1 long, null 2 short, null 3 long, null 3 short, 3 1 short";
    for (query, expected) in [
        ("", everything),
        ("symbol_id=1", "null 1 long, 3 1 short"),
        ("open=true", everything),
        ("open=false", ""),
    ] {
        assert_eq!(names(&positions(&app, query).await), expected, "{query}");
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(&app, &format!("{POSITIONS}?limit=2{cursor}"))
            .await
            .json();
        found.extend(page["data"].as_array().expect("a list").clone());
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(names(&found), everything);
    let detail = get(&app, &format!("{POSITIONS}?open=true&limit=2{cursor}"))
        .await
        .problem(400);
    assert!(detail.contains("another listing"), "{detail}");
}
