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

/// A frame that takes longer is seen as a jerk.
const MAX_MILLIS: f64 = 50.0;
/// Time between two frames of an idle page.
const USUAL_MILLIS: f64 = 17.0;

/// Records when each frame begins, in milliseconds since 1970, and the tasks that block the page.
const RECORD: &str = "(() => { \
    const frames = { begun: [], long: [] }; \
    window.__frames = frames; \
    const next = () => { frames.begun.push(performance.timeOrigin + performance.now()); requestAnimationFrame(next) }; \
    requestAnimationFrame(next); \
    new PerformanceObserver((list) => frames.long.push(...list.getEntries().map(({duration}) => duration))) \
        .observe({ entryTypes: ['longtask'] }); \
    return 0 })()";

/// The frames of a page, each with its begin and its end.
async fn frames(browser: &mut Browser) -> Vec<(f64, f64)> {
    let begun = browser.evaluate("__frames.begun").await;
    let begun = begun.as_array().expect("an array").iter();
    let begun: Vec<f64> = begun.map(|it| it.as_f64().expect("a number")).collect();
    begun.windows(2).map(|it| (it[0], it[1])).collect()
}

/// The time that an idle page lost within a frame of another page.
fn lag(idle: &[(f64, f64)], frame: (f64, f64)) -> f64 {
    let within = |it: &(f64, f64)| (it.1.min(frame.1) - it.0.max(frame.0)).max(0.0);
    let lost = |it: &(f64, f64)| (within(it) - USUAL_MILLIS).max(0.0);
    idle.iter().map(lost).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_within_50_ms_at_1000_ticks() {
    let Some(program) = found() else { return };
    let server = Server::with_symbols(&[], 1).await;
    server.post(&json!(minutes(start(), CANDLES, 0..0))).await;
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    browser.before_each_page(MINUTES).await;
    browser.open(&url(&server)).await;
    browser.until_live().await;
    browser.scroll_to(CANDLES).await;
    browser.press("End").await;
    let mut idle = Browser::start(&program, Window::DESKTOP).await;
    for browser in [&mut browser, &mut idle] {
        browser.evaluate(RECORD).await;
    }
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
    let long_tasks = browser.evaluate("__frames.long").await;
    let (shown, idle) = (frames(&mut browser).await, frames(&mut idle).await);
    let late = |frames: &[(f64, f64)], lag_of: &dyn Fn((f64, f64)) -> f64| {
        let took = frames.iter().map(|it| it.1 - it.0 - lag_of(*it));
        let late: Vec<_> = took.filter(|millis| *millis > MAX_MILLIS).collect();
        late
    };
    let own = late(&shown, &|frame| lag(&idle, frame));
    println!(
        "{TICKS} ticks in {taken:.1?} with {CANDLES} candles: {} frames, {} over {MAX_MILLIS} ms; of an idle page {}, \
         {} over it; over it less the lag of the idle page: {own:?}; blocking tasks: {long_tasks}",
        shown.len(),
        late(&shown, &|_| 0.0).len(),
        idle.len(),
        late(&idle, &|_| 0.0).len(),
    );
    assert_eq!(browser.problems(), Vec::<String>::new());
    assert!(shown.len() > 1, "no frame was shown");
    if suite::asserts_time() {
        assert_eq!(own, Vec::<f64>::new());
    }
    drop(browser);
    assert!(server.stop().await);
}

#[test]
fn lag_is_the_time_of_late_idle_frames() {
    let idle = [(0.0, 17.0), (17.0, 117.0), (117.0, 134.0)];
    assert!(lag(&idle, (0.0, 17.0)).abs() < 1e-9);
    assert!((lag(&idle, (17.0, 117.0)) - 83.0).abs() < 1e-9);
    // only the part within the frame
    assert!((lag(&idle, (67.0, 134.0)) - 33.0).abs() < 1e-9);
}
