//! The page follows what happens, and fills what a lost connection missed.

use chrono::TimeDelta;
use fault_proxy::FaultProxy;
use serde_json::json;

use super::browser::{Browser, Window, found};
use super::loads::{MINUTES, minutes, start, url};
use crate::binary::Program;
use crate::whole_server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posted_ticks_appear_in_the_chart() {
    let Some(program) = found() else { return };
    let server = Server::with_symbols(&[], 1).await;
    server.post(&json!(minutes(start(), 40, 0..0))).await;
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    browser.before_each_page(MINUTES).await;
    browser.open(&url(&server)).await;
    browser.until_live().await;
    browser.until("__tickbook.candles().length === 40").await;
    let mut tick = minutes(start() + TimeDelta::minutes(45), 1, 0..0);
    tick[0]["bid_price"] = json!("107.125");
    server.post(&json!(tick)).await;
    let newest = "__tickbook.candles().at(-1)";
    browser
        .until(&format!("{newest}.close === '107.125'"))
        .await;
    // the watch list, the legend and the gap of five minutes
    let drawn = "document.querySelector('#watch .bid').textContent === '107.12500' \
        || document.querySelector('#watch .bid').textContent === '107.125'";
    browser.until(drawn).await;
    browser
        .until("document.querySelector('#legend-close').textContent.startsWith('107.125')")
        .await;
    assert_eq!(browser.evaluate("__tickbook.candles().length").await, 41);
    assert_eq!(browser.problems(), Vec::<String>::new());
    drop(browser);
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connection_is_filled_from_rest() {
    let Some(program) = found() else { return };
    let server = Server::with_symbols(&[], 1).await;
    server.post(&json!(minutes(start(), 50, 0..0))).await;
    let proxy = FaultProxy::to(server.address);
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    browser.before_each_page(MINUTES).await;
    browser
        .open(&format!("http://127.0.0.1:{}/", proxy.port()))
        .await;
    browser.until_live().await;
    browser.until("__tickbook.candles().length === 50").await;
    proxy.refuse();
    browser
        .until("__tickbook.status().connection !== 'live'")
        .await;
    browser
        .until("document.querySelector('#connection-state').textContent === 'Offline'")
        .await;
    // more than a page, while nothing reaches the browser
    let missed = minutes(start() + TimeDelta::minutes(50), 1_200, 0..0);
    server.post(&json!(missed)).await;
    proxy.open();
    browser.until("__tickbook.candles().length === 1250").await;
    browser
        .until("__tickbook.status().connection === 'live'")
        .await;
    let stored = server
        .all("/api/v1/ohlc/1?timeframe=1m&basis=bid", 5_000)
        .await;
    let all = "__tickbook.candles().map(({time, order, ...candle}) => candle)";
    assert_eq!(browser.evaluate(all).await, json!(stored));
    drop(browser);
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_survives_a_restart_of_the_server() {
    let Some(program) = found() else { return };
    let first = Program::start(&["--store", "memory", "--feed", "simulated"], &[]);
    let port = suite::free_port();
    let listening = format!("127.0.0.1:{port}").parse().expect("an address");
    let proxied = |server: &Program| {
        let address = server.address().parse().expect("an address");
        FaultProxy::builder(address).listen_on(listening).start()
    };
    let proxy = proxied(&first);
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    browser.open(&format!("http://127.0.0.1:{port}/")).await;
    browser.until_live().await;
    browser.until("__tickbook.book().state === 'valid'").await;
    drop(proxy);
    let (status, _) = first.stop("TERM");
    assert_eq!(status.code(), Some(0));
    browser
        .until("__tickbook.status().connection !== 'live'")
        .await;
    // another process at the same address
    let second = Program::start(&["--store", "memory", "--feed", "simulated"], &[]);
    let proxy = proxied(&second);
    browser.until("__tickbook.status().opened === 2").await;
    browser.until("__tickbook.book().state === 'valid'").await;
    let newest = browser
        .evaluate("Date.parse(__tickbook.candles().at(-1).open_time)")
        .await;
    browser
        .until(&format!(
            "Date.parse(__tickbook.candles().at(-1).open_time) > {newest}"
        ))
        .await;
    drop((browser, proxy));
    second.stop("TERM");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn account_shows_orders_positions_and_profit() {
    let Some(program) = found() else { return };
    let server = Server::start_with(&["--feed", "simulated", "--seed", "7"], &[]).await;
    let account = json!({
        "name": "main", "venue": "kraken", "environment": "paper", "base_currency": "USD",
    });
    let (status, body) = server
        .request("POST", "/api/v1/accounts", &account.to_string())
        .await;
    assert!((200..300).contains(&status), "{body}");
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    browser.open(&url(&server)).await;
    browser.until("__tickbook.account().account").await;
    let created = json!({"order_id": "a-1", "kind": {"created": {
        "symbol_id": 1, "side": "buy", "order_type": "limit", "time_in_force": "gtc",
        "quantity": "1000", "limit_price": "1.08"}}});
    let filled = json!({"order_id": "a-1", "exec_id": "e-1", "venue_time": "2026-03-02T10:00:00Z",
        "kind": {"filled": {"quantity": "400", "price": "1.05",
            "fee": {"amount": "0.25", "currency": "USD"}}}});
    let path = "/api/v1/accounts/1/events";
    server.post_to(path, &json!([created, filled])).await;
    // by the channel of orders, without another action
    browser
        .until("__tickbook.account().positions.length === 1 && __tickbook.account().fills.length === 1")
        .await;
    browser
        .until("__tickbook.account().orders[0].status === 'partially_filled'")
        .await;
    let cell = |table: &str, column: u8| {
        format!("document.querySelector('#{table}-table tbody td:nth-child({column})').textContent")
    };
    browser
        .until(&format!("{} === '400'", cell("positions", 3)))
        .await;
    browser
        .until(&format!("{} === '1.05000'", cell("positions", 4)))
        .await;
    browser.click("#tab-orders").await;
    browser
        .until(&format!("{} === 'partially filled'", cell("orders", 9)))
        .await;
    browser.click("#tab-fills").await;
    browser
        .until(&format!("{} === '0.25 USD'", cell("fills", 7)))
        .await;
    browser.click("#tab-equity").await;
    browser
        .until("document.querySelectorAll('#profit .tile').length === 4")
        .await;
    browser.click("#tab-feeds").await;
    browser
        .until(&format!("{} === 'running'", cell("feeds", 2)))
        .await;
    browser.click("#tab-health").await;
    browser
        .until("document.querySelector('#health-tiles .value').textContent === 'ready'")
        .await;
    assert_eq!(browser.problems(), Vec::<String>::new());
    drop(browser);
    assert!(server.stop().await);
}
