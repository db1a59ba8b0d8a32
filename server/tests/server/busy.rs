//! Tests of the limit of active requests.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use orderbook_server::app::{AppState, StoreKind};
use orderbook_server::http::Http;
use orderbook_server::ledger::Ledger;
use orderbook_server::metrics;
use orderbook_server::readiness::Readiness;
use orderbook_server::router::router;
use orderbook_server::settings::ServerConfig;
use serde_json::json;
use tickbook::repository::{InsertReceipt, MockTickRepository};
use tickbook::{Clock, Repositories};
use tickbook_ledger::LedgerRepositories;
use tokio::task::block_in_place;
use tower::ServiceExt as _;

use crate::ledger::{ACCOUNTS, new_account};
use crate::support::{app_with_ledger, get, post, with_symbols};
use crate::whole_server::eventually;

#[expect(
    clippy::disallowed_methods,
    reason = "a mock cannot return futures, and this call takes long"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn abandoned_posts_count_until_they_are_stored() {
    let (resume, resumed) = channel::<()>();
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let resumed = Arc::new(Mutex::new(resumed));
    let mut ticks = MockTickRepository::new();
    ticks.expect_insert_batch().returning(move |batch| {
        begun.send(()).expect("the test waits");
        let resumed = resumed.lock().expect("no panic");
        let gone_on = block_in_place(|| resumed.recv_timeout(Duration::from_secs(30)));
        gone_on.expect("told to go on");
        Ok(InsertReceipt::default().inserted(batch.len() as u64))
    });
    let mut repositories = with_symbols().await;
    repositories.ticks = Arc::new(ticks);
    let handle = metrics::install().expect("no other recorder");
    let app = router(AppState {
        http: Http::new(ServerConfig {
            max_requests: 1,
            ..ServerConfig::default()
        }),
        ..AppState::new(repositories, Readiness::fixed(Vec::new()), handle)
    });
    let tick = json!([{
        "symbol_id": 1, "tick_time": "2014-05-01T00:00:00Z", "sequence": 0,
        "bid_price": "1", "ask_price": "2", "bid_volume": "0", "ask_volume": "0",
    }]);
    let request = Request::post("/api/v1/ticks")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(tick.to_string()))
        .expect("a request");
    let client = tokio::spawn(app.clone().oneshot(request));
    begins.recv().await.expect("it is being stored");
    client.abort();
    assert!(client.await.is_err(), "the client was cancelled");

    let refused = post(&app, "/api/v1/ticks", tick.to_string()).await;
    let detail = refused.problem(503);
    assert!(detail.contains("limit of active requests"), "{detail}");
    assert_eq!(refused.header(header::RETRY_AFTER), "1");
    for path in ["/api/v1/symbols", "/api/v1/symbols/1", "/metrics"] {
        get(&app, path).await.problem(503);
    }
    assert_eq!(get(&app, "/health/live").await.status, 200);

    resume.send(()).expect("it waits");
    eventually("it is stored", async || {
        get(&app, "/api/v1/symbols").await.status == 200
    })
    .await;
}

/// A server with the account 1 that answers at most `max_requests` requests at the same time.
async fn limited_to(max_requests: usize) -> Router {
    let handle = metrics::install().expect("a recorder");
    let ledger = LedgerRepositories::in_memory();
    let other = app_with_ledger(Repositories::in_memory(), ledger.clone());
    let created = post(&other, ACCOUNTS, new_account("main").to_string()).await;
    assert_eq!(created.status, 201, "{}", created.text);
    router(AppState {
        ledger: Ledger::new(ledger, StoreKind::Memory, Clock::system()),
        http: Http::new(ServerConfig {
            max_requests,
            ..ServerConfig::default()
        }),
        ..AppState::new(with_symbols().await, Readiness::fixed(Vec::new()), handle)
    })
}

/// A valid URL of each `GET` of the description, with its route.
async fn urls() -> Vec<(String, String)> {
    let answer = get(&limited_to(1).await, "/openapi.json").await;
    let description = answer.json();
    let paths = description["paths"].as_object().expect("paths");
    let mut urls = Vec::new();
    for (route, operations) in paths {
        let Some(parameters) = operations.get("get").map(|get| &get["parameters"]) else {
            continue;
        };
        let mut url = route.replace("{symbol}", "1").replace("{account}", "1");
        let mut query = Vec::new();
        for parameter in parameters.as_array().into_iter().flatten() {
            let (name, example) = (&parameter["name"], &parameter["example"]);
            let name = name.as_str().expect("a name");
            let example = example.as_str().map_or(example.to_string(), str::to_owned);
            if parameter["in"] == "path" {
                url = url.replace(&format!("{{{name}}}"), &example);
            } else if parameter["required"] == true {
                query.push(format!("{name}={example}"));
            }
        }
        if !query.is_empty() {
            url = format!("{url}?{}", query.join("&"));
        }
        urls.push((route.clone(), url));
    }
    urls
}

#[tokio::test]
async fn requests_of_every_route_count_once() {
    let urls = urls().await;
    assert!(urls.len() > 20, "{urls:?}");
    let (none, one) = (limited_to(0).await, limited_to(1).await);
    let is_busy = async |app: &Router, url: &str| {
        let answer = get(app, url).await;
        answer.status == 503 && answer.text.contains("limit of active requests")
    };
    for (route, url) in urls {
        // the number of WebSocket clients has a limit of its own
        let counts = !route.starts_with("/health/") && route != "/ws";
        assert_eq!(is_busy(&none, &url).await, counts, "{url}");
        assert!(!is_busy(&one, &url).await, "{url} counts twice");
    }
}
