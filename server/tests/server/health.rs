//! Tests of `/health` and `/metrics`, and of paths without a route.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use chrono::DateTime;
use orderbook_server::app::AppState;
use orderbook_server::health::DiskSample;
use orderbook_server::metrics;
use orderbook_server::readiness::{DatabaseState, FailedJobState, Probe, Readiness};
use orderbook_server::router::router;
use serde_json::json;
use tickbook::Repositories;
use tokio_util::sync::CancellationToken;

use crate::support::{Mocks, SECRET, app, get, post, send};

fn database(name: &str, problem: Option<&str>) -> DatabaseState {
    let state = if problem.is_some() { "down" } else { "up" };
    DatabaseState {
        database: name.to_owned(),
        state: state.to_owned(),
        problem: problem.map(str::to_owned),
        server_version: Some("17.6".to_owned()),
        timescaledb_version: None,
        edition: None,
        pending_migrations: Vec::new(),
        unknown_migrations: Vec::new(),
        candle_relations: BTreeMap::new(),
        failed_jobs: Vec::new(),
        cause: problem.map(|_| format!("user:{SECRET}")),
    }
}

#[tokio::test]
async fn liveness_checks_no_database() {
    let answer = get(&Mocks::default().app(), "/health/live").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"status": "live"}));
}

#[tokio::test]
async fn readiness_is_200_only_with_every_database_ready() {
    let up = || database("metadata", None);
    let ready = get(&Mocks::default().app_with(vec![up()]), "/health/ready").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json()["status"], "ready");
    let down = database("timeseries", Some("it does not respond"));
    let answer = get(
        &Mocks::default().app_with(vec![up(), down]),
        "/health/ready",
    )
    .await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), "2");
    let body = answer.json();
    assert_eq!(body["status"], "not ready");
    assert_eq!(body["databases"][0]["state"], "up");
    assert_eq!(body["databases"][1]["problem"], "it does not respond");
    assert!(!answer.text.contains(SECRET), "{}", answer.text);
}

#[tokio::test]
async fn newer_migrations_degrade_a_ready_server() {
    let mut newer = database("timeseries", None);
    newer.unknown_migrations = vec!["20991231000000".to_owned()];
    let answer = get(&Mocks::default().app_with(vec![newer]), "/health/ready").await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["status"], "degraded");
    let fault = &body["faults"][0];
    assert_eq!(
        (&fault["part"], &fault["name"]),
        (&json!("database"), &json!("timeseries"))
    );
    let problem = fault["problem"].as_str().expect("a text");
    assert!(problem.contains("20991231000000"), "{problem}");
}

#[tokio::test]
async fn full_disk_degrades_a_ready_server() {
    let handle = metrics::install().expect("no other recorder");
    let readiness = Readiness::fixed(Vec::new());
    let state = AppState::new(Repositories::in_memory(), readiness, handle);
    state.disks.add("/spool", 7.0);
    let sample = DiskSample::new(DateTime::UNIX_EPOCH, 1_000_000, 0);
    state.disks.note("/spool", Ok(sample));
    let app = router(state);
    let answer = get(&app, "/health/ready").await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["status"], "degraded");
    assert_eq!(body["disks"][0]["free_bytes"], 0);
    let fault =
        json!({"part": "disk", "name": "/spool", "problem": "it is full: 0 bytes are free"});
    assert_eq!(body["faults"], json!([fault]));
    let metrics = get(&app, "/metrics").await.text;
    assert!(
        metrics.contains("disk_free_bytes{disk=\"/spool\"} 0"),
        "{metrics}"
    );
}

#[tokio::test]
async fn failed_jobs_are_shown_and_do_not_affect_readiness() {
    let handle = metrics::install().expect("no other recorder");
    // other tests of this process count jobs of other databases
    let mut replica = database("replica", None);
    replica.failed_jobs.push(FailedJobState {
        name: "job 1001, policy_retention of ticks".to_owned(),
        failures: 3,
        last_run: Some("2026-11-28T06:00:00+00:00".to_owned()),
        error: Some("the cellar is flooded (SQLSTATE P0001)".to_owned()),
    });
    let probe = Given(vec![replica]);
    let stop = CancellationToken::new();
    let readiness = Readiness::watch(Arc::new(probe), stop.clone()).await;
    let app = router(AppState::new(Repositories::in_memory(), readiness, handle));
    let answer = get(&app, "/health/ready").await;
    assert_eq!(answer.status, 200);
    let job = &answer.json()["databases"][0]["failed_jobs"][0];
    assert_eq!(job["failures"], 3);
    assert_eq!(job["error"], "the cellar is flooded (SQLSTATE P0001)");
    let counted = get(&app, "/metrics").await.text;
    let line = "database_jobs_failed{database=\"replica\"} 1";
    assert!(counted.contains(line), "{counted}");
    stop.cancel();
}

/// A probe that reports a problem on demand.
#[derive(Debug)]
struct Given(Vec<DatabaseState>);

#[async_trait]
impl Probe for Given {
    async fn databases(&self) -> Vec<DatabaseState> {
        self.0.clone()
    }
}

#[tokio::test]
async fn memory_is_always_ready() {
    let answer = get(&app(Repositories::in_memory(), Vec::new()), "/health/ready").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "status": "ready", "store": "memory", "databases": [], "feed": null, "venue_faults": [],
            "faults": [], "certificate": null, "disks": [],
            "ledger": {
                "store": "memory", "appended": 0, "failed_appends": 0, "last_failure": null, "followed_accounts": 0
            }
        })
    );
}

#[derive(Debug, Default)]
struct Switch(AtomicBool);

#[async_trait]
impl Probe for Switch {
    async fn databases(&self) -> Vec<DatabaseState> {
        let problem = self.0.load(Ordering::SeqCst).then_some("off");
        vec![database("metadata", problem)]
    }
}

#[tokio::test(start_paused = true)]
async fn outage_and_its_end_are_noticed_within_seconds() {
    let (switch, stop) = (Arc::new(Switch::default()), CancellationToken::new());
    let probe: Arc<dyn Probe> = Arc::<Switch>::clone(&switch);
    let readiness = Readiness::watch(probe, stop.clone()).await;
    for off in [false, true, false] {
        switch.0.store(off, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        assert_eq!(readiness.databases()[0].is_ready(), !off);
    }
    stop.cancel();
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_not_by_path() {
    let app = Mocks::with_symbols().app();
    get(&app, "/api/v1/symbols/3").await;
    get(&app, "/api/v1/symbols/77777").await;
    get(&app, "/nowhere/88888").await;
    let brew = Request::builder().method("BREW").uri("/health/live");
    send(&app, brew.body(Body::empty()).expect("a request")).await;
    let answer = get(&app, "/metrics").await;
    assert!(
        answer
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    for line in [
        "http_requests_total{method=\"GET\",route=\"/api/v1/symbols/{symbol}\",status=\"200\"}",
        "http_requests_total{method=\"GET\",route=\"/api/v1/symbols/{symbol}\",status=\"404\"}",
        "http_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"}",
        "http_requests_total{method=\"other\",route=\"/health/live\",status=\"405\"}",
        "http_request_duration_seconds_bucket{method=\"GET\",route=\"/api/v1/symbols/{symbol}\"",
        "http_requests_in_flight",
        "ticks_rejected_total{source=\"rest\"}",
        "ticks_inserted_total{source=\"feed\"}",
    ] {
        assert!(
            answer.text.contains(line),
            "missing {line}:\n{}",
            answer.text
        );
    }
    for made_up in ["77777", "88888", "BREW", "nowhere"] {
        assert!(!answer.text.contains(made_up), "{made_up}");
    }
}

#[tokio::test]
async fn unknown_paths_answer_with_a_problem() {
    let app = Mocks::default().app();
    for path in [
        "/page/nowhere.js",
        "/nowhere",
        "/api/v1",
        "/api/v1/symbols/",
        "/api/v2/symbols",
        "/health",
    ] {
        let detail = get(&app, path).await.problem(404);
        assert!(detail.contains(path), "{detail}");
    }
    for path in [
        "/api/v1/symbols",
        "/api/v1/ticks/1",
        "/health/live",
        "/openapi.json",
    ] {
        let answer = post(&app, path, "[]").await;
        answer.problem(405);
        assert_eq!(answer.header("allow"), "GET,HEAD", "{path}");
    }
    let answer = get(&app, "/api/v1/ticks").await;
    answer.problem(405);
    assert_eq!(answer.header("allow"), "POST");
}
