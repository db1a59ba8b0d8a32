//! Tests of `POST /api/v1/ticks`.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use tickbook::domain::SymbolId;
use tickbook::repository::{InsertReceipt, RejectedTick, TickConflict};
use tickbook::{Database, Repositories, RepositoryError};

use crate::support::{Mocks, app, get, post, send, tick, time};

const PATH: &str = "/api/v1/ticks";

fn body() -> Value {
    json!({
        "symbol_id": 1, "tick_time": "2014-05-01T00:00:00.292Z", "sequence": 0,
        "bid_price": "1.38676", "ask_price": "1.38682", "bid_volume": "0", "ask_volume": "0",
        "received_at": null
    })
}

#[tokio::test]
async fn ticks_reach_the_repository_in_stored_form() {
    let mut mocks = Mocks::with_symbols();
    mocks.ticks.expect_insert_batch().once().returning(|ticks| {
        let mut first = tick(1, "2014-05-01T00:00:00.292Z", "1.38676", "1.38682");
        first.sequence = 4;
        first.received_at = Some(time("2014-05-01T00:00:00.293Z"));
        // without a sequence
        let second = tick(2, "2014-05-01T00:00:00.000001Z", "-1.5", "-2")
            .with_volumes(None, None)
            .with_occurrence(0);
        assert_eq!(ticks, [first, second]);
        Ok(InsertReceipt::default().inserted(2))
    });
    let mut first = body();
    first["sequence"] = json!(4);
    first["received_at"] = json!("2014-05-01T00:00:00.293Z");
    // optional fields may be omitted
    let second = json!({
        "symbol_id": 2, "tick_time": "2014-05-01T02:00:00.0000019+02:00",
        "bid_price": "-01.500", "ask_price": "-2"
    });
    let answer = post(&mocks.app(), PATH, json!([first, second]).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        answer.json(),
        json!({"inserted": 2, "duplicates": 0, "conflicts": [], "rejected": [], "crossed": 1})
    );
}

#[tokio::test]
async fn receipt_shows_conflicts_and_rejections() {
    let mut mocks = Mocks::with_symbols();
    mocks.ticks.expect_insert_batch().once().returning(|ticks| {
        let stored = tick(1, "2014-05-01T00:00:00.292Z", "9", "10");
        Ok(InsertReceipt::default()
            .duplicates(1)
            .conflicts(vec![TickConflict::new(stored, ticks[0].clone())])
            .rejected(vec![RejectedTick::new(ticks[0].clone(), "because")]))
    });
    let answer = post(&mocks.app(), PATH, json!([body()]).to_string())
        .await
        .json();
    assert_eq!(answer["duplicates"], 1);
    assert_eq!(answer["conflicts"][0]["stored"]["bid_price"], "9");
    assert_eq!(answer["conflicts"][0]["refused"]["bid_price"], "1.38676");
    assert_eq!(answer["rejected"][0]["reason"], "refused_by_store");
    assert_eq!(answer["rejected"][0]["detail"], "because");
    assert_eq!(answer["rejected"][0]["index"], 0);
    assert_eq!(answer["rejected"][0]["tick"]["ask_price"], "1.38682");
}

#[tokio::test]
async fn empty_array_of_ticks_is_accepted() {
    let answer = post(&app(Repositories::in_memory(), Vec::new()), PATH, "[]").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["inserted"], 0);
}

#[tokio::test]
async fn bodies_other_than_arrays_are_refused() {
    let app = Mocks::default().app();
    let whole = body().to_string();
    for text in [
        "",
        "{",
        "null",
        "1",
        "\"x\"",
        "{}",
        &whole,
        "[}",
        "not json",
        "[] []",
        "[NaN]",
        "\u{0}",
        "[1,]",
        "[{},{]",
        "[{\"a\":01}]",
        "[{\"a\":1.}]",
        "[\"\u{1}\"]",
    ] {
        let answer = post(&app, PATH, text.to_owned()).await;
        assert_eq!(answer.status, 400, "{text}: {}", answer.text);
        answer.problem(400);
    }
    for bytes in [&[0xFF_u8, 0xFE][..], b"[\"\xFF\"]"] {
        post(&app, PATH, bytes.to_vec()).await.problem(400);
    }
    // the error does not quote the whole input
    let long = format!("\"{}\"", "x".repeat(1_000_000));
    let detail = post(&app, PATH, long).await.problem(400);
    assert!(detail.len() < 200, "{} bytes", detail.len());
}

#[tokio::test]
async fn large_bodies_and_other_content_types_are_refused() {
    let app = Mocks::with_symbols().app();
    let blank = format!("[{}]", " ".repeat(4 * 1024 * 1024));
    post(&app, PATH, blank).await.problem(413);
    let many = format!("[{}{}]", format!("{},", body()).repeat(10_000), body());
    let detail = post(&app, PATH, many).await.problem(400);
    assert!(detail.contains("at most 10000"), "{detail}");
    for declared in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
    ] {
        let mut request = Request::post(PATH);
        if let Some(declared) = declared {
            request = request.header(header::CONTENT_TYPE, declared);
        }
        let request = request.body(Body::from("[]")).expect("a request");
        send(&app, request).await.problem(415);
    }
    let declared = "application/json; charset=utf-8";
    let request = Request::post(PATH).header(header::CONTENT_TYPE, declared);
    let request = request.body(Body::from("{}")).expect("a request");
    send(&app, request).await.problem(400);
}

#[tokio::test]
async fn ambiguous_write_is_reported_as_such() {
    let mut mocks = Mocks::with_symbols();
    mocks.ticks.expect_insert_batch().returning(|_| {
        Err(RepositoryError::Ambiguous {
            database: Database::Timeseries,
            operation: "insert_batch",
            source: "gone".into(),
        })
    });
    let answer = post(&mocks.app(), PATH, json!([body()]).to_string()).await;
    let detail = answer.problem(503);
    assert!(detail.contains("nothing is stored twice"), "{detail}");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn repeated_ticks_are_counted_and_conflicts_shown() {
    let repositories = Repositories::in_memory();
    let symbol = tickbook::domain::NewSymbol::named("oanda", "EURUSD");
    let symbol = repositories.symbols.create(symbol).await.expect("created");
    assert_eq!(symbol.symbol_id, SymbolId::new(1));
    let app = app(repositories, Vec::new());
    let first = post(&app, PATH, json!([body()]).to_string()).await.json();
    assert_eq!(first["inserted"], 1);
    let mut changed = body();
    changed["bid_price"] = json!("1.4");
    let again = post(&app, PATH, json!([body(), changed]).to_string())
        .await
        .json();
    assert_eq!(
        (&again["inserted"], &again["duplicates"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(again["conflicts"][0]["refused"]["bid_price"], "1.4");
    assert_eq!(again["crossed"], 1);
    let stored = get(&app, "/api/v1/ticks/1").await.json();
    assert_eq!(stored["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(stored["data"][0]["bid_price"], "1.38676");
}

#[tokio::test]
async fn ticks_without_sequences_are_posted_again() {
    let repositories = Repositories::in_memory();
    let symbol = tickbook::domain::NewSymbol::named("oanda", "EURUSD");
    repositories.symbols.create(symbol).await.expect("memory");
    let app = app(repositories, Vec::new());
    let element = |bid: &str| {
        let mut element = body();
        element["bid_price"] = json!(bid);
        element
            .as_object_mut()
            .expect("an object")
            .remove("sequence");
        element
    };
    // equal ticks of one request are two ticks, and none conflicts with another
    let source = ["1.1", "1.2", "1.1"].map(element);
    let posts = [
        (json!(source[..2]), (2, 0)),
        (json!(source), (1, 2)),
        (json!(source), (0, 3)),
        (json!(source[2..]), (0, 1)),
    ];
    for (elements, (inserted, duplicates)) in posts {
        let receipt = post(&app, PATH, elements.to_string()).await.json();
        assert_eq!(receipt["inserted"], inserted, "{receipt}");
        assert_eq!(receipt["duplicates"], duplicates, "{receipt}");
        assert_eq!(receipt["conflicts"], json!([]));
    }
    let stored = get(&app, "/api/v1/ticks/1").await.json();
    let stored = stored["data"].as_array().expect("ticks").clone();
    let bids: Vec<_> = stored.iter().map(|tick| &tick["bid_price"]).collect();
    assert_eq!(bids, ["1.1", "1.2", "1.1"]);
}
