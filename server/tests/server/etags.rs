//! Tests of validators: `ETag`, `If-None-Match` and `Cache-Control`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{Page, Tick};
use tickbook::ingest::quality::SymbolRules;
use tickbook::repository::MockTickRepository;
use tickbook::{Clock, Repositories};

use orderbook_server::app::{AppState, HistoryValidators};
use orderbook_server::http::Http;
use orderbook_server::metrics;
use orderbook_server::readiness::Readiness;
use orderbook_server::router::router;
use orderbook_server::settings::ServerConfig;

use crate::databases::prepare;
use crate::support::{
    Answer, app, app_at, get, post, send, tick, time, with_symbols, with_symbols_by,
};

const DAY: &str = "/api/v1/ticks/1?from=2014-05-01&to=2014-05-02";

async fn get_if_none_match(app: &Router, path: &str, tag: &str) -> Answer {
    let request = Request::get(path).header(header::IF_NONE_MATCH, tag);
    send(app, request.body(Body::empty()).expect("a request")).await
}

async fn post_tick(app: &Router, tick_time: &str) {
    let tick = json!([{"symbol_id": 1, "tick_time": tick_time, "bid_price": "1"}]);
    let receipt = post(app, "/api/v1/ticks", tick.to_string()).await;
    assert_eq!(receipt.json()["inserted"], 1, "{}", receipt.text);
}

#[tokio::test]
async fn unchanged_page_is_304_and_a_changed_one_is_sent() {
    let app = app(with_symbols().await, Vec::new());
    post_tick(&app, "2014-05-01T12:00:00Z").await;
    for path in [DAY, "/api/v1/ohlc/1?timeframe=1m", "/api/v1/symbols"] {
        let page = get(&app, path).await;
        let tag = page.header(header::ETAG);
        assert_eq!(page.header(header::CACHE_CONTROL), "private, no-cache");
        let coded = tag.replace('"', "");
        for given in [
            tag,
            &format!("\"{coded}-gzip\""),
            &format!("W/\"x\", {tag}"),
        ] {
            let unchanged = get_if_none_match(&app, path, given).await;
            assert_eq!(
                (unchanged.status.as_u16(), &*unchanged.text),
                (304, ""),
                "{path}"
            );
            assert!(unchanged.header(header::ETAG).contains(&coded));
        }
        let other = get_if_none_match(&app, path, "\"other\"").await;
        assert_eq!(other.text, page.text);
    }
    let tag = get(&app, DAY).await.header(header::ETAG).to_owned();
    post_tick(&app, "2014-05-01T13:00:00Z").await;
    let changed = get_if_none_match(&app, DAY, &tag).await;
    assert_eq!(changed.json()["data"].as_array().map(Vec::len), Some(2));
    assert_ne!(changed.header(header::ETAG), tag);
}

#[tokio::test]
async fn representations_have_different_tags() {
    let app = app(with_symbols().await, Vec::new());
    post_tick(&app, "2014-05-01T12:00:00Z").await;
    let tag = get(&app, DAY).await.header(header::ETAG).to_owned();
    let request = Request::get(DAY).header(header::ACCEPT, "text/csv");
    let request = request
        .header(header::IF_NONE_MATCH, tag)
        .body(Body::empty());
    let csv = send(&app, request.expect("a request")).await;
    assert_eq!(csv.status, 200);
}

#[tokio::test]
async fn max_age_is_for_closed_history_alone() {
    let now = time("2014-05-02T12:00:00Z");
    let clock = Clock::standing_at(now);
    let repositories = with_symbols_by(&clock).await;
    let state = AppState {
        clock,
        http: Http::new(ServerConfig {
            history_max_age: Duration::from_secs(3_600),
            ..ServerConfig::default()
        }),
        ..AppState::new(
            repositories,
            Readiness::fixed(Vec::new()),
            metrics::install().expect("no other recorder"),
        )
    };
    let app = router(state);
    for second in 0..3 {
        post_tick(&app, &format!("2014-05-02T11:59:0{second}Z")).await;
    }
    let closed = "private, max-age=3600";
    let open = "private, no-cache";
    for (path, expected) in [
        ("ticks/1?to=2014-05-02T12:00:00Z", closed),
        ("ticks/1?to=2014-05-02T12:00:00.000001Z", open),
        ("ticks/1?limit=2", closed),
        ("ticks/1?limit=3", open),
        ("ticks/1?limit=2&order=desc", open),
        ("ticks/1?to=2014-05-02T12:00:00Z&order=desc", closed),
        ("ticks/latest?symbols=1", open),
        (
            "ohlc/1?timeframe=1m&basis=bid&to=2014-05-02T11:59:00Z",
            closed,
        ),
        (
            "ohlc/1?timeframe=1m&basis=bid&to=2014-05-02T12:00:00Z",
            open,
        ),
        (
            "ohlc/1?timeframe=1s&basis=bid&to=2014-05-02T11:59:59Z",
            closed,
        ),
        (
            "ohlc/1?timeframe=1d&basis=bid&to=2014-05-02T11:59:59Z",
            open,
        ),
        ("ohlc/1?timeframe=1s&basis=bid&limit=2", closed),
        ("symbols", open),
    ] {
        let page = get(&app, &format!("/api/v1/{path}")).await;
        assert_eq!(page.header(header::CACHE_CONTROL), expected, "{path}");
        let tag = page.header(header::ETAG).to_owned();
        let unchanged = get_if_none_match(&app, &format!("/api/v1/{path}"), &tag).await;
        assert_eq!(unchanged.status, 304);
        assert_eq!(unchanged.header(header::CACHE_CONTROL), expected, "{path}");
    }
}

#[tokio::test]
async fn page_that_closes_later_is_read_again() {
    let path = "/api/v1/ohlc/1?timeframe=1m&basis=bid";
    let mut tag = "\"none\"".to_owned();
    for (now, is_closed) in [
        ("2014-05-01T12:00:30Z", false),
        ("2014-05-01T12:01:00Z", true),
    ] {
        let now = time(now);
        let repositories = with_symbols_by(&Clock::standing_at(now)).await;
        let app = app_at(repositories, SymbolRules::default(), now);
        post_tick(&app, "2014-05-01T12:00:10Z").await;
        let page = get_if_none_match(&app, path, &tag).await;
        assert_eq!(page.json()["data"][0]["closed"], is_closed);
        page.header(header::ETAG).clone_into(&mut tag);
    }
}

/// A server whose reads of ticks are counted, over the state of a real database.
fn counting(
    schemas: &ScratchSchemas,
    reads: &Arc<AtomicU64>,
    repositories: Repositories,
) -> Router {
    let pools = DatabasePools::new(&schemas.config());
    let mut ticks = MockTickRepository::new();
    let reads = Arc::clone(reads);
    ticks.expect_range().returning(move |_| {
        let read = reads.fetch_add(1, Ordering::SeqCst);
        let tick: Tick = tick(1, "2014-05-01T12:00:00Z", "1", "2");
        // the content does not change by itself
        Ok(Page::new(
            vec![tick.with_sequence(i64::from(read > 1_000))],
            None,
        ))
    });
    let mut repositories = repositories;
    repositories.ticks = Arc::new(ticks);
    let handle = metrics::install().expect("no other recorder");
    router(AppState {
        history: Arc::new(HistoryValidators::new(Some(pools.timeseries_reads()))),
        ..AppState::new(repositories, Readiness::fixed(Vec::new()), handle)
    })
}

#[tokio::test]
async fn unchanged_database_is_not_read_again() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let reads = Arc::new(AtomicU64::new(0));
    let app = counting(&schemas, &reads, with_symbols().await);
    let tag = get(&app, DAY).await.header(header::ETAG).to_owned();
    // other tests write to the same server, so some attempts find another state
    let mut unread = 0;
    for _ in 0..200 {
        let before = reads.load(Ordering::SeqCst);
        let unchanged = get_if_none_match(&app, DAY, &tag).await;
        assert_eq!(unchanged.status, 304);
        unread += u64::from(reads.load(Ordering::SeqCst) == before);
    }
    assert!(unread > 0, "each of 200 requests has read the page");
    // a page of the present is read each time
    let path = "/api/v1/ticks/1?from=2014-05-01";
    let tag = get(&app, path).await.header(header::ETAG).to_owned();
    for _ in 0..5 {
        let before = reads.load(Ordering::SeqCst);
        get_if_none_match(&app, path, &tag).await;
        assert_eq!(reads.load(Ordering::SeqCst), before + 1);
    }
}

#[tokio::test]
async fn change_by_another_process_is_seen_at_once() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    // another program has pools of its own
    let other = Repositories::postgres(&DatabasePools::new(&schemas.config()));
    let pools = DatabasePools::new(&schemas.config());
    let handle = metrics::install().expect("no other recorder");
    let app = router(AppState {
        history: Arc::new(HistoryValidators::new(Some(pools.timeseries_reads()))),
        ..AppState::new(
            Repositories::postgres(&pools),
            Readiness::fixed(Vec::new()),
            handle,
        )
    });
    let first = tick(1, "2014-05-01T12:00:00Z", "1", "2");
    other.ticks.insert_batch(&[first]).await.expect("stored");
    let candles = "/api/v1/ohlc/oanda:EURUSD?timeframe=1m&basis=bid&from=2014-05-01&to=2014-05-02";
    for round in 1..20 {
        let mut tags = Vec::new();
        for path in [DAY, candles] {
            let tag = get(&app, path).await.header(header::ETAG).to_owned();
            for _ in 0..3 {
                let unchanged = get_if_none_match(&app, path, &tag).await;
                assert_eq!(unchanged.status, 304, "{path}");
            }
            tags.push((path, tag));
        }
        let next = tick(1, &format!("2014-05-01T12:{round:02}:00Z"), "1", "2");
        other.ticks.insert_batch(&[next]).await.expect("stored");
        for (path, tag) in tags {
            let changed = get_if_none_match(&app, path, &tag).await;
            assert_eq!(changed.status, 200, "{path} after {round} changes");
        }
    }
}
