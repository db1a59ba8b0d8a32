//! Frames of the page with 5,000 candles and 1,000 ticks a second.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::time::{Instant, interval_at};

use super::browser::{Browser, Window, found};
use super::loads::{MINUTES, minutes, start, url};
use crate::whole_server::Server;

const CANDLES: i64 = 5_000;
const TICKS: usize = 10_000;
/// Ticks of a request, and time between two requests.
const BATCH: usize = 50;
const EVERY: Duration = Duration::from_millis(50);

/// Records the time between frames, and the time that each frame spends in the page.
const RECORD: &str = "(() => { \
    const frames = { between: [], long: [] }; \
    window.__frames = frames; \
    let last = performance.now(); \
    const next = () => { const now = performance.now(); frames.between.push(now - last); last = now; requestAnimationFrame(next) }; \
    requestAnimationFrame(next); \
    new PerformanceObserver((list) => frames.long.push(...list.getEntries().map(({duration}) => duration))) \
        .observe({ entryTypes: ['longtask'] }); \
    return 0 })()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_ticks_a_second_are_all_shown() {
    let Some(program) = found() else { return };
    let server = Server::with_symbols(&[], 1).await;
    server.post(&json!(minutes(start(), CANDLES, 0..0))).await;
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    browser.before_each_page(MINUTES).await;
    browser.open(&url(&server)).await;
    browser.until_live().await;
    browser.scroll_to(CANDLES).await;
    browser.press("End").await;
    browser.evaluate(RECORD).await;
    let first = start() + TimeDelta::minutes(CANDLES);
    let mut turns = interval_at(Instant::now(), EVERY);
    let begun = Instant::now();
    for batch in 0..TICKS / BATCH {
        let ticks = (0..BATCH).map(|index| {
            let number = i64::try_from(batch * BATCH + index).expect("small");
            let price = format!("{}.5", 100 + number % 9);
            json!({
                "symbol_id": 1, "tick_time": (first + TimeDelta::milliseconds(number)).to_rfc3339(), "sequence": 0,
                "bid_price": price, "ask_price": format!("{}.75", 100 + number % 9),
                "bid_volume": "1", "ask_volume": "1",
            })
        });
        let ticks: Vec<Value> = ticks.collect();
        turns.tick().await;
        server.post(&json!(ticks)).await;
    }
    let taken = begun.elapsed();
    browser
        .until(&format!(
            "__tickbook.candles().at(-1).tick_count === {TICKS}"
        ))
        .await;
    let result = browser
        .evaluate(
            "({ frames: __frames.between.length, longest: Math.max(...__frames.between), \
            above_50_ms: __frames.between.filter((time) => time > 50).length, long_tasks: __frames.long.length })",
        )
        .await;
    println!("{TICKS} ticks in {taken:.1?} with {CANDLES} candles: {result}");
    assert_eq!(browser.problems(), Vec::<String>::new());
    if suite::asserts_time() {
        assert_eq!(result["above_50_ms"], 0, "{result}");
    }
    drop(browser);
    assert!(server.stop().await);
}
