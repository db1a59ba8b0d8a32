//! Tests of candles of trades in `/api/v1/ohlc`.

use serde_json::json;
use tickbook::domain::{AggressorSide, SymbolId, Tick, Trade};
use tickbook::ingest::quality::SymbolRules;

use crate::support::{app_at, dec, get, time, with_symbols};

const ID: SymbolId = SymbolId::new(1);

/// Three trades within one minute.
fn trades() -> [Trade; 3] {
    let trade = |second: u32, price: &str, quantity: &str| {
        let at = time(&format!("2014-05-01T00:00:{second:02}Z"));
        Trade::new(ID, at, dec(price), dec(quantity))
    };
    [
        trade(1, "100.5", "2").with_aggressor_side(AggressorSide::Buy),
        trade(7, "101.25", "0.000000000001"),
        trade(9, "99", "1").with_aggressor_side(AggressorSide::Sell),
    ]
}

#[tokio::test]
async fn trade_candle_has_its_sums_and_source() {
    let repositories = with_symbols().await;
    let stored = repositories.trades.insert_batch(&trades()).await;
    assert_eq!(stored.expect("memory").inserted, 3);
    let now = time("2014-05-01T00:30:00Z");
    let app = app_at(repositories, SymbolRules::default(), now);
    let path = "/api/v1/ohlc/1?timeframe=5m&basis=trade";
    let candle = get(&app, path).await.json()["data"][0].clone();
    let expected = json!({
        "symbol_id": 1, "timeframe": "5m", "basis": "trade",
        "open_time": "2014-05-01T00:00:00.000000Z", "close_time": "2014-05-01T00:05:00.000000Z",
        "open": "100.5", "high": "101.25", "low": "99", "close": "99",
        "volume": "3.000000000001", "tick_count": 3, "buy_volume": "2",
        "notional": "300.00000000010125", "vwap": "100", "closed": true, "source": "trades"
    });
    assert_eq!(candle, expected);
    let bids = get(&app, "/api/v1/ohlc/1?basis=bid").await.json();
    assert_eq!(bids["data"], json!([]));
}

#[tokio::test]
async fn symbol_without_ticks_gets_trade_candles() {
    let repositories = with_symbols().await;
    let now = time("2014-05-01T00:30:00Z");
    let app = app_at(repositories.clone(), SymbolRules::default(), now);
    let path = "/api/v1/ohlc/1?timeframe=1m";
    assert_eq!(get(&app, path).await.json()["data"], json!([]));
    let stored = repositories.trades.insert_batch(&trades()).await;
    stored.expect("memory");
    let candles = get(&app, path).await.json();
    assert_eq!(candles["data"][0]["basis"], "trade", "{candles}");
    let tick = Tick::quote(ID, time("2014-05-01T00:00:03Z"), dec("1"), dec("2"));
    let stored = repositories.ticks.insert_batch(&[tick]).await;
    stored.expect("memory");
    let candles = get(&app, path).await.json();
    assert_eq!(candles["data"][0]["basis"], "bid", "{candles}");
    let detail = get(&app, "/api/v1/ohlc/9").await.problem(404);
    assert!(detail.contains('9'), "{detail}");
}

#[tokio::test]
async fn later_pages_have_the_basis_of_the_first() {
    let repositories = with_symbols().await;
    let mut trades = trades();
    trades[2].trade_time = time("2014-05-01T00:01:00Z");
    let stored = repositories.trades.insert_batch(&trades).await;
    stored.expect("memory");
    let now = time("2014-05-01T00:30:00Z");
    let app = app_at(repositories.clone(), SymbolRules::default(), now);
    let first = get(&app, "/api/v1/ohlc/1?limit=1").await.json();
    assert_eq!(first["data"][0]["basis"], "trade", "{first}");
    let tick = Tick::quote(ID, time("2014-05-01T00:01:03Z"), dec("1"), dec("2"));
    let stored = repositories.ticks.insert_batch(&[tick]).await;
    stored.expect("memory");
    let cursor = first["next_cursor"].as_str().expect("a second page");
    let second = get(&app, &format!("/api/v1/ohlc/1?limit=1&cursor={cursor}")).await;
    let second = second.json();
    assert_eq!(second["data"][0]["basis"], "trade", "{second}");
}
