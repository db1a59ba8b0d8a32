//! The page loads, shows what REST returns, and keeps to its content security policy.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::browser::{Browser, Window, found};
use crate::whole_server::Server;

/// Candles of minutes with the basis bid, whatever the page would choose.
pub(super) const MINUTES: &str = "localStorage.setItem('tickbook.preferences', \
    JSON.stringify({timeframe: '1m', basis: 'bid'}))";

pub(super) fn url(server: &Server) -> String {
    format!("http://{}/", server.address)
}

/// Ticks of symbol 1, one a minute from `start` on, without those of the minutes `without`.
pub(super) fn minutes(
    start: DateTime<Utc>,
    count: i64,
    without: std::ops::Range<i64>,
) -> Vec<Value> {
    let kept = (0..count).filter(|minute| !without.contains(minute));
    let tick = |minute| {
        let time = start + TimeDelta::minutes(minute);
        let price = 100 + minute % 7;
        json!({
            "symbol_id": 1, "tick_time": time.to_rfc3339(), "sequence": 0,
            "bid_price": format!("{price}.25"), "ask_price": format!("{price}.75"),
            "bid_volume": "3", "ask_volume": "2",
        })
    };
    kept.map(tick).collect()
}

/// A time in the past at the start of a minute.
pub(super) fn start() -> DateTime<Utc> {
    "2026-03-02T10:00:00Z".parse().expect("a time")
}

/// The shown candles without the fields that the page adds.
async fn shown(browser: &mut Browser) -> Vec<Value> {
    let all = "__tickbook.candles().map(({time, order, ...candle}) => candle)";
    let shown = browser.evaluate(all).await;
    shown.as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_shows_a_moving_chart_and_book() {
    let Some(program) = found() else { return };
    let server = Server::start_with(&["--feed", "simulated", "--seed", "7"], &[]).await;
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    browser.open(&url(&server)).await;
    browser.until_live().await;
    browser.until("__tickbook.candles().length > 2").await;
    browser.until("__tickbook.book().state === 'valid'").await;
    browser.until("__tickbook.trades().length > 2").await;
    let before = browser.evaluate("__tickbook.book().version").await;
    browser
        .until(&format!("__tickbook.book().version > {before} + 5"))
        .await;
    // what the page writes is what it holds
    let consistent = "document.querySelector('#bids .price').textContent.startsWith('1.') \
        && document.querySelector('#book-state').textContent === 'valid' \
        && document.querySelectorAll('#watch li').length === 4 \
        && document.querySelector('#tape .time').textContent.length === 8 \
        && document.querySelector('#chart canvas').width > 500";
    browser.until(consistent).await;
    assert_eq!(browser.problems(), Vec::<String>::new());
    let address = server.address.to_string();
    let requested = browser.requested();
    let others = requested.iter().filter(|url| {
        let own = [format!("http://{address}/"), format!("ws://{address}/")];
        !own.iter().any(|start| url.starts_with(start))
            && !url.starts_with("data:")
            && *url != "about:blank"
    });
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(requested.len() > 30, "{requested:?}");
    drop(browser);
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shown_candles_equal_those_of_rest() {
    let Some(program) = found() else { return };
    let server = Server::with_symbols(&[], 1).await;
    // one page of history and a half, with a gap
    server.post(&json!(minutes(start(), 1_600, 700..790))).await;
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    browser.before_each_page(MINUTES).await;
    browser.open(&url(&server)).await;
    browser.until("__tickbook.candles().length === 1000").await;
    let path = "/api/v1/ohlc/1?timeframe=1m&basis=bid";
    let stored = server.all(path, 5_000).await;
    assert_eq!(stored.len(), 1_510);
    assert_eq!(shown(&mut browser).await, stored[510..]);
    // the left end of the chart is reached by scrolling
    browser.scroll_to(1_510).await;
    assert_eq!(shown(&mut browser).await, stored);
    assert_eq!(browser.problems(), Vec::<String>::new());
    drop(browser);
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policy_blocks_foreign_code_and_hosts() {
    let Some(program) = found() else { return };
    let server = Server::with_symbols(&[], 1).await;
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    browser.open(&url(&server)).await;
    browser
        .until("__tickbook.status().connection === 'live'")
        .await;
    assert_eq!(browser.problems(), Vec::<String>::new());
    let script = "(() => { const made = document.createElement('script'); \
        made.textContent = 'window.foreign = 1'; document.body.append(made); \
        return window.foreign === undefined })()";
    assert_eq!(browser.evaluate(script).await, true);
    let style = "(() => { const made = document.createElement('style'); \
        made.textContent = 'body { color: rgb(1, 2, 3) }'; document.head.append(made); \
        return getComputedStyle(document.body).color !== 'rgb(1, 2, 3)' })()";
    assert_eq!(browser.evaluate(style).await, true);
    let other = "fetch('http://other.example:8080/').then(() => 'sent', (error) => error.name)";
    assert_eq!(browser.evaluate(other).await, "TypeError");
    let problems = browser.problems();
    let violated = |directive: &str| problems.iter().any(|it| it.contains(directive));
    assert!(violated("script-src"), "{problems:?}");
    assert!(violated("style-src"), "{problems:?}");
    assert!(violated("connect-src"), "{problems:?}");
    drop(browser);
    assert!(server.stop().await);
}
