//! Tests of changes of symbols and of their names in feeds.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};
use tickbook::Repositories;
use tickbook::domain::SymbolId;

use crate::support::{Answer, Mocks, app, database_errors, get, post, send, symbol, with_symbols};

async fn patch(app: &Router, id: &str, body: &Value) -> Answer {
    let request = Request::patch(format!("/api/v1/symbols/{id}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    send(app, request).await
}

async fn delete(app: &Router, path: &str) -> Answer {
    let request = Request::builder().method(Method::DELETE).uri(path);
    send(app, request.body(Body::empty()).expect("a request")).await
}

async fn served() -> (Router, Repositories) {
    let repositories = with_symbols().await;
    (app(repositories.clone(), Vec::new()), repositories)
}

#[tokio::test]
async fn patch_changes_given_values_only() {
    let (app, repositories) = served().await;
    let instrument = json!({
        "instrument_type": "forex", "quote_currency": "USD", "tick_size": "0.00001",
        "lot_size": 1000, "contract_multiplier": "1", "expiry": "2026-12-18"
    });
    let body = json!({"name": "NEW", "description": "Euro", "digits": 3, "instrument": instrument});
    let answer = patch(&app, "1", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut expected = json!({
        "symbol_id": 1, "exchange": "oanda", "name": "NEW", "description": "Euro", "digits": 3,
        "active": true, "instrument": {
            "instrument_type": "forex", "base_currency": null, "quote_currency": "USD",
            "tick_size": "0.00001", "lot_size": "1000", "contract_multiplier": "1",
            "expiry": "2026-12-18", "strike": null
        }
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(get(&app, "/api/v1/symbols/1").await.json(), expected);
    let answer = patch(&app, "1", &json!({"active": false})).await;
    expected["active"] = false.into();
    assert_eq!(answer.json(), expected);
    let answer = patch(&app, "1", &json!({"exchange": "lmax", "name": "NEW"})).await;
    expected["exchange"] = "lmax".into();
    assert_eq!(answer.json(), expected);
    let versions = repositories
        .instruments
        .instrument_versions(SymbolId::new(1));
    assert_eq!(versions.await.expect("memory").len(), 2);
}

#[tokio::test]
async fn invalid_changes_are_400_and_change_nothing() {
    let (app, _) = served().await;
    let before = get(&app, "/api/v1/symbols").await.json();
    for (body, part) in [
        (json!({}), "the change is empty"),
        (json!({"instrument": {}}), "the change is empty"),
        (json!([]), "expected a JSON object"),
        (
            json!({"symbol_id": 7}),
            "unknown field \"symbol_id\": expected exchange, name",
        ),
        (json!({"instrument": {"size": 1}}), "unknown field \"size\""),
        (json!({"name": null}), "name is null: expected a string"),
        (json!({"name": ""}), "invalid symbol name"),
        (
            json!({"active": "no"}),
            "active is a string: expected true or false",
        ),
        (json!({"digits": 13}), "invalid digits 13: expected 0 to 12"),
        (json!({"exchange": "lmax"}), "name is missing"),
        (json!({"exchange": "a b", "name": "X"}), "invalid exchange"),
        (
            json!({"instrument": 7}),
            "instrument is a number: expected an object",
        ),
        (
            json!({"instrument": ["forex", "EUR", "USD"]}),
            "instrument is an array: expected an object",
        ),
        (
            json!({"instrument": {"tick_size": "1"}}),
            "instrument_type is missing",
        ),
        (json!({"instrument": {"tick_size": "x"}}), "tick_size \"x\""),
        (
            json!({"instrument": {"instrument_type": "bond"}}),
            "expected forex, cfd",
        ),
        (
            json!({"instrument": {"expiry": "soon"}}),
            "expiry \"soon\" is not a date",
        ),
        // one invalid value prevents the others
        (
            json!({"name": "X", "instrument": {"strike": "1"}}),
            "is missing",
        ),
    ] {
        let answer = patch(&app, "1", &body).await;
        assert!(
            answer.text.contains("urn:tickbook:invalid-body"),
            "{}",
            answer.text
        );
        let detail = answer.problem(400);
        assert!(detail.contains(part), "{body}: {detail}");
    }
    let twice = Request::patch("/api/v1/symbols/1")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"name": "X", "name": "Y"}"#));
    let detail = send(&app, twice.expect("a request")).await.problem(400);
    assert!(detail.contains("name is given twice"), "{detail}");
    let plain = Request::patch("/api/v1/symbols/1").body(Body::from("{}"));
    send(&app, plain.expect("a request")).await.problem(415);
    assert_eq!(get(&app, "/api/v1/symbols").await.json(), before);
}

#[tokio::test]
async fn change_of_an_unknown_symbol_or_to_a_taken_name() {
    let (app, _) = served().await;
    let detail = patch(&app, "99", &json!({"name": "X"})).await.problem(404);
    assert!(detail.contains("unknown symbol 99"), "{detail}");
    patch(&app, "x", &json!({"name": "X"})).await.problem(404);
    patch(&app, "0", &json!({"name": "X"})).await.problem(400);
    let detail = patch(&app, "1", &json!({"name": "s2"})).await.problem(409);
    assert!(detail.contains("oanda:S2 (symbol_id 2)"), "{detail}");
}

#[tokio::test]
async fn database_failure_of_a_change_is_503() {
    for error in database_errors() {
        let mut mocks = Mocks::default();
        let error = std::sync::Mutex::new(Some(error));
        mocks
            .symbols
            .expect_amend()
            .returning(move |_, _| Err(error.lock().expect("no panic").take().expect("one call")));
        let app = mocks.app();
        let detail = patch(&app, "1", &json!({"name": "X"})).await.problem(503);
        assert!(!detail.contains("SELECT"), "{detail}");
    }
}

#[tokio::test]
async fn aliases_are_added_listed_found_and_removed() {
    let (app, _) = served().await;
    let names = |answer: &Answer| answer.json()["data"].clone();
    let empty = get(&app, "/api/v1/symbols/1/aliases").await;
    assert_eq!(empty.json(), json!({"data": [], "next_cursor": null}));
    for (feed, key) in [("kraken", "EUR/USD"), ("ctrader", "1"), ("ctrader", "1")] {
        let body = json!({"feed": feed, "key": key}).to_string();
        let answer = post(&app, "/api/v1/symbols/1/aliases", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let both = json!([{"feed": "ctrader", "key": "1"}, {"feed": "kraken", "key": "EUR/USD"}]);
    assert_eq!(names(&get(&app, "/api/v1/symbols/1/aliases").await), both);
    let found = get(&app, "/api/v1/symbols/by-alias?feed=kraken&key=EUR%2FUSD").await;
    assert_eq!(found.json()["symbol_id"], 1);
    let path = "/api/v1/symbols/1/aliases?feed=kraken&key=EUR%2FUSD";
    let removed = delete(&app, path).await;
    assert_eq!((removed.status.as_u16(), &*removed.text), (204, ""));
    let left = names(&get(&app, "/api/v1/symbols/1/aliases").await);
    assert_eq!(left, json!([{"feed": "ctrader", "key": "1"}]));
    delete(&app, path).await.problem(404);
    let path = "/api/v1/symbols/by-alias?feed=kraken&key=EUR%2FUSD";
    let detail = get(&app, path).await.problem(404);
    assert!(
        detail.contains("the feed \"kraken\" has no symbol \"EUR/USD\""),
        "{detail}"
    );
}

#[tokio::test]
async fn alias_of_another_symbol_is_409_unless_moved() {
    let (app, _) = served().await;
    let add = async |id: u32, body: Value| {
        let path = format!("/api/v1/symbols/{id}/aliases");
        post(&app, &path, body.to_string()).await
    };
    add(1, json!({"feed": "ctrader", "key": "1"})).await;
    let detail = add(2, json!({"feed": "ctrader", "key": "1"}))
        .await
        .problem(409);
    assert!(detail.contains("oanda:S1 (symbol_id 1)"), "{detail}");
    // neither may another symbol remove it
    delete(&app, "/api/v1/symbols/2/aliases?feed=ctrader&key=1")
        .await
        .problem(404);
    let moved = add(2, json!({"feed": "ctrader", "key": "1", "move": true})).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    let found = get(&app, "/api/v1/symbols/by-alias?feed=ctrader&key=1").await;
    assert_eq!(found.json()["symbol_id"], 2);
}

#[tokio::test]
async fn alias_that_another_request_adds_first_is_409() {
    let mut mocks = Mocks::with_symbols();
    // the handler asks once, in the call that adds
    let adding = mocks.symbols.expect_add_feed_symbol().once();
    adding.returning(|mapping| {
        assert_eq!((&*mapping.feed, &*mapping.feed_key), ("ctrader", "1"));
        Ok(Some(symbol(3)))
    });
    let body = json!({"feed": "ctrader", "key": "1"}).to_string();
    let answer = post(&mocks.app(), "/api/v1/symbols/1/aliases", body).await;
    let detail = answer.problem(409);
    assert!(detail.contains("(symbol_id 3)"), "{detail}");
}

#[tokio::test]
async fn invalid_requests_for_aliases_name_the_problem() {
    let (app, _) = served().await;
    for (body, part) in [
        (json!({"feed": "f"}), "key is missing"),
        (
            json!({"feed": "f", "key": 1}),
            "key is a number: expected a string",
        ),
        (
            json!({"feed": "f", "key": "1", "move": 1}),
            "move is a number",
        ),
        (
            json!({"feed": "f", "key": "1", "x": 1}),
            "unknown field \"x\": expected feed, key, move",
        ),
        (json!({"feed": "", "key": "1"}), "invalid feed"),
        (json!(["f", "1"]), "expected a JSON object"),
    ] {
        let answer = post(&app, "/api/v1/symbols/1/aliases", body.to_string()).await;
        let detail = answer.problem(400);
        assert!(detail.contains(part), "{body}: {detail}");
    }
    let good = json!({"feed": "f", "key": "1"}).to_string();
    post(&app, "/api/v1/symbols/99/aliases", good)
        .await
        .problem(404);
    get(&app, "/api/v1/symbols/99/aliases").await.problem(404);
    delete(&app, "/api/v1/symbols/99/aliases?feed=f&key=1")
        .await
        .problem(404);
    for path in [
        "/api/v1/symbols/by-alias",
        "/api/v1/symbols/by-alias?feed=f",
        "/api/v1/symbols/by-alias?key=1",
        "/api/v1/symbols/by-alias?feed=f&key=1&x=1",
    ] {
        get(&app, path).await.problem(400);
    }
    delete(&app, "/api/v1/symbols/1/aliases?feed=f")
        .await
        .problem(400);
}
