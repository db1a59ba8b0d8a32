//! `POST /api/v1/ticks`

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

/// Two good ticks, then one that is changed: the repository must not be called.
async fn refused(field: &str, value: Value) -> String {
    let mut ticks = vec![body(), body(), body()];
    ticks[2][field] = value;
    let app = Mocks::with_symbols().app();
    post(&app, PATH, json!(ticks).to_string())
        .await
        .problem(400)
}

#[tokio::test]
async fn ticks_reach_the_repository_as_they_are_stored() {
    let mut mocks = Mocks::with_symbols();
    mocks.ticks.expect_insert_batch().once().returning(|ticks| {
        let mut first = tick(1, "2014-05-01T00:00:00.292Z", "1.38676", "1.38682");
        first.sequence = 4;
        first.received_at = Some(time("2014-05-01T00:00:00.293Z"));
        let second = tick(2, "2014-05-01T00:00:00.000001Z", "-1.5", "-2");
        assert_eq!(ticks, [first, second]);
        Ok(InsertReceipt {
            inserted: 2,
            ..InsertReceipt::default()
        })
    });
    let mut first = body();
    first["sequence"] = json!(4);
    first["received_at"] = json!("2014-05-01T00:00:00.293Z");
    // what has a default may be left out
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
async fn the_receipt_shows_conflicts_and_rejections() {
    let mut mocks = Mocks::with_symbols();
    mocks.ticks.expect_insert_batch().once().returning(|ticks| {
        let stored = tick(1, "2014-05-01T00:00:00.292Z", "9", "10");
        Ok(InsertReceipt {
            inserted: 0,
            duplicates: 1,
            conflicts: vec![TickConflict {
                stored,
                refused: ticks[0].clone(),
            }],
            rejected: vec![RejectedTick {
                tick: ticks[0].clone(),
                reason: "because".to_owned(),
            }],
        })
    });
    let answer = post(&mocks.app(), PATH, json!([body()]).to_string())
        .await
        .json();
    assert_eq!(answer["duplicates"], 1);
    assert_eq!(answer["conflicts"][0]["stored"]["bid_price"], "9");
    assert_eq!(answer["conflicts"][0]["refused"]["bid_price"], "1.38676");
    assert_eq!(answer["rejected"][0]["reason"], "because");
    assert_eq!(answer["rejected"][0]["tick"]["ask_price"], "1.38682");
}

#[tokio::test]
async fn no_tick_is_no_error() {
    let answer = post(&app(Repositories::in_memory(), Vec::new()), PATH, "[]").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["inserted"], 0);
}

#[tokio::test]
async fn a_tick_that_is_an_array_is_refused_with_its_index() {
    let array = json!([
        1,
        "2014-05-01T00:00:00.292Z",
        0,
        "1.38676",
        "1.38682",
        "0",
        "0",
        null
    ]);
    let app = Mocks::with_symbols().app();
    let body = json!([body(), array]).to_string();
    let detail = post(&app, PATH, body).await.problem(400);
    assert!(
        detail.starts_with("[1]: ") && detail.contains("object"),
        "{detail}"
    );
}

#[tokio::test]
async fn numbers_that_cannot_be_stored_are_refused_with_index_and_field() {
    for (field, value) in [
        ("bid_price", "1.0000000000001"),
        ("ask_price", "1000000000000000"),
        ("bid_price", "-1000000000000000"),
        ("bid_price", "NaN"),
        ("ask_price", "Infinity"),
        ("bid_price", ""),
        ("bid_price", "1e5"),
        ("bid_price", "1,5"),
        ("bid_price", "0.12345678901234567890123456789012345"),
        ("bid_volume", "-1"),
        ("ask_volume", "-0.1"),
    ] {
        let detail = refused(field, json!(value)).await;
        let place = format!("[2].{field}");
        assert!(detail.starts_with(&place), "{value:?}: {detail}");
    }
}

#[tokio::test]
async fn json_numbers_are_refused_as_they_lose_digits() {
    for field in ["bid_price", "ask_price", "bid_volume", "ask_volume"] {
        for value in [json!(1.38676), json!(1)] {
            let detail = refused(field, value).await;
            assert!(detail.starts_with(&format!("[2].{field}")), "{detail}");
            assert!(detail.contains("send strings"), "{detail}");
        }
    }
}

#[tokio::test]
async fn times_sequences_and_ids_out_of_range_are_refused() {
    for (field, value) in [
        ("tick_time", json!("1969-12-31T23:59:59.999999Z")),
        ("tick_time", json!("2100-01-01T00:00:00Z")),
        ("tick_time", json!("2014-05-01")),
        ("tick_time", json!("2016-12-31T23:59:60Z")),
        ("tick_time", json!(1_398_902_400)),
        ("tick_time", json!(null)),
        ("received_at", json!("1969-01-01T00:00:00Z")),
        ("received_at", json!("now")),
        ("sequence", json!(-1)),
        ("sequence", json!("0")),
        ("sequence", json!(2_147_483_648_u32)),
        ("symbol_id", json!(0)),
        ("symbol_id", json!("1")),
        ("bid_price", json!(null)),
    ] {
        let detail = refused(field, value.clone()).await;
        let place = format!("[2].{field}");
        assert!(detail.starts_with(&place), "{value}: {detail}");
    }
}

#[tokio::test]
async fn missing_and_unknown_fields_are_refused_by_name() {
    let detail = refused("bid_prcie", json!("1")).await;
    assert!(
        detail.contains("[2]") && detail.contains("bid_prcie"),
        "{detail}"
    );
    for field in ["symbol_id", "tick_time", "bid_price", "ask_price"] {
        let mut tick = body();
        tick.as_object_mut().expect("an object").remove(field);
        let app = Mocks::with_symbols().app();
        let detail = post(&app, PATH, json!([tick]).to_string())
            .await
            .problem(400);
        assert!(detail.contains("[0]") && detail.contains(field), "{detail}");
    }
}

#[tokio::test]
async fn what_is_no_array_of_ticks_is_refused() {
    let app = Mocks::default().app();
    let whole = body().to_string();
    for text in [
        "", "{", "null", "1", "\"x\"", "{}", &whole, "[1]", "[[]]", "[{}]", "[}", "not json",
        "[] []", "[NaN]", "\u{0}",
    ] {
        let answer = post(&app, PATH, text.to_owned()).await;
        assert_eq!(answer.status, 400, "{text}: {}", answer.text);
        answer.problem(400);
    }
    let answer = post(&app, PATH, vec![0xFF_u8, 0xFE]).await;
    answer.problem(400);
}

#[tokio::test]
async fn an_unknown_symbol_is_404_and_nothing_is_written() {
    let mut unknown = body();
    unknown["symbol_id"] = json!(99);
    let app = Mocks::with_symbols().app();
    let answer = post(&app, PATH, json!([body(), unknown]).to_string()).await;
    assert!(answer.problem(404).contains("99"));
}

#[tokio::test]
async fn bodies_that_are_too_large_or_not_declared_as_json_are_refused() {
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
async fn a_write_that_may_have_happened_says_so() {
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
async fn sending_again_stores_nothing_twice_and_conflicts_are_told() {
    let repositories = Repositories::in_memory();
    let symbol = tickbook::domain::NewSymbol::named("oanda", "EURUSD");
    let symbol = repositories.symbols.create(symbol).await.expect("memory");
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
