//! Tests of symbols by name in paths.

use axum::Router;
use serde_json::json;
use tickbook::Repositories;
use tickbook::domain::NewSymbol;

use crate::support::{app, get, patch, send, time};

/// Symbols 1 to 4: a name on two exchanges, a name with a slash, and a name of digits.
async fn named() -> Router {
    let repositories = Repositories::in_memory();
    for (exchange, name) in [
        ("oanda", "EURUSD"),
        ("fxcm", "EURUSD"),
        ("kraken", "BTC/USD"),
        ("hkex", "700"),
    ] {
        let new = NewSymbol::named(exchange, name);
        repositories.symbols.create(new).await.expect("created");
    }
    app(repositories, Vec::new())
}

#[tokio::test]
async fn every_route_accepts_a_name() {
    let app = named().await;
    let range = "from=2014-05-01&to=2014-05-02";
    for path in [
        "symbols/{}",
        "symbols/{}/aliases",
        "ticks/{}",
        "ticks/{}/count",
        "trades/{}",
        "trades/{}/count",
        "trades/{}/corrections",
        "ohlc/{}",
        "books/{}",
        "books/{}/snapshots",
        "books/{}/intervals",
    ] {
        for name in ["kraken:BTC%2FUSD", "KRAKEN:btc%2fusd", "BTC%2FUSD", "3"] {
            let path = format!("/api/v1/{}", path.replace("{}", name));
            let answer = get(&app, &path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
    }
    for path in ["ticks", "trades"] {
        let path = format!("/api/v1/{path}/kraken:BTC%2FUSD/as-of?at=2014-05-01");
        let detail = get(&app, &path).await.problem(404);
        assert!(detail.starts_with("symbol 3 has no"), "{detail}");
    }
    let path = format!("/api/v1/trades/kraken:BTC%2FUSD?{range}");
    let delete = axum::http::Request::delete(path).body(axum::body::Body::empty());
    assert_eq!(send(&app, delete.expect("a request")).await.status, 200);
    let path = "/api/v1/symbols/kraken:BTC%2FUSD";
    let changed = patch(&app, path, &json!({"description": "Bitcoin"})).await;
    assert_eq!(changed.json()["description"], "Bitcoin");
}

#[tokio::test]
async fn digits_are_an_id_unless_an_exchange_is_given() {
    let app = named().await;
    let by_name = get(&app, "/api/v1/symbols/hkex:700").await.json();
    assert_eq!(
        (&by_name["symbol_id"], &by_name["name"]),
        (&4.into(), &"700".into())
    );
    let detail = get(&app, "/api/v1/symbols/700").await.problem(404);
    assert!(detail.contains("unknown symbol 700"), "{detail}");
    let detail = get(&app, "/api/v1/ticks/700").await.problem(404);
    assert!(detail.contains("unknown symbol 700"), "{detail}");
}

#[tokio::test]
async fn ambiguous_and_unknown_names_are_named() {
    let app = named().await;
    let detail = get(&app, "/api/v1/ticks/EURUSD").await.problem(400);
    assert!(
        detail.contains("symbol: EURUSD is quoted on several"),
        "{detail}"
    );
    assert!(detail.contains("oanda:EURUSD"), "{detail}");
    for name in ["oanda:GBPUSD", "nasdaq:EURUSD", "GBPUSD"] {
        let detail = get(&app, &format!("/api/v1/ohlc/{name}"))
            .await
            .problem(404);
        assert!(
            detail.contains(&format!("unknown symbol \"{name}\"")),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn renamed_symbol_has_its_new_name_at_once() {
    let app = named().await;
    let of = |name: &'static str| get(&app, name);
    assert_eq!(of("/api/v1/ticks/fxcm:EURUSD").await.status, 200);
    let renamed = patch(&app, "/api/v1/symbols/2", &json!({"name": "EUR/USD"})).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    of("/api/v1/ticks/fxcm:EURUSD").await.problem(404);
    assert_eq!(of("/api/v1/ticks/fxcm:EUR%2FUSD").await.status, 200);
}

#[tokio::test]
async fn bounds_may_be_dates_and_milliseconds() {
    let app = named().await;
    let day = time("2014-05-01T00:00:00Z").timestamp_millis();
    let tick = json!([{"symbol_id": 1, "tick_time": "2014-05-01T12:00:00Z", "bid_price": "1"}]);
    crate::support::post(&app, "/api/v1/ticks", tick.to_string()).await;
    let next = day + 86_400_000;
    for (range, count) in [
        ("from=2014-05-01&to=2014-05-02".to_owned(), 1),
        (format!("from={day}&to={next}"), 1),
        ("from=2014-05-02".to_owned(), 0),
        (format!("to={day}"), 0),
        (format!("from=0&to={next}"), 1),
    ] {
        let path = format!("/api/v1/ticks/1?{range}");
        let page = get(&app, &path).await.json();
        assert_eq!(
            page["data"].as_array().map(Vec::len),
            Some(count),
            "{range}"
        );
    }
}
