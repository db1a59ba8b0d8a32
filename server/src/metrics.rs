//! Counters and their Prometheus text. No label ever holds a symbol, a path or anything else a
//! client can make up.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tickbook::ingest::feed::PipelineState;
use tokio_util::sync::CancellationToken;

use crate::wire::ReceiptBody;

const REQUESTS: &str = "http_requests_total";
const IN_FLIGHT: &str = "http_requests_in_flight";
const DURATION: &str = "http_request_duration_seconds";
const CONNECTIONS: &str = "database_connections";
const FAILED_JOBS: &str = "database_jobs_failed";
const RETRIES: &str = "feed_write_retries_total";
const WAITING: &str = "feed_ticks_waiting";
const FEED_TICKS: &str = "feed_ticks_total";
const FEED_RUNNING: &str = "feed_running";
/// Ticks of `POST /api/v1/ticks`.
const REST: &str = "rest";
/// Ticks of the feeds that the server runs.
const FEED: &str = "feed";
const TICKS: [(&str, &str); 6] = [
    (
        "ticks_received_total",
        "ticks that came in, requests that are refused as a whole excluded",
    ),
    (
        "ticks_inserted_total",
        "ticks that are stored and were not before",
    ),
    ("ticks_duplicate_total", "ticks that were stored already"),
    (
        "ticks_conflict_total",
        "ticks whose key is taken by other content",
    ),
    ("ticks_rejected_total", "ticks that can never be stored"),
    (
        "ticks_crossed_total",
        "ticks whose bid is above their ask, stored all the same",
    ),
];

/// Upper bounds in seconds.
const BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0,
];

/// Starts to record, once for the process however often it is called.
///
/// # Errors
/// Another recorder is installed already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    static INSTALLING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = INSTALLING
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &BUCKETS)?
        .install_recorder()?;
    describe_counter!(REQUESTS, "answers by route and status");
    describe_gauge!(IN_FLIGHT, "requests that are being answered");
    describe_histogram!(DURATION, "time from request to answer, in seconds");
    describe_gauge!(CONNECTIONS, "connections of each pool");
    describe_gauge!(
        FAILED_JOBS,
        "jobs of the database whose last run failed; /health/ready names them"
    );
    describe_counter!(
        RETRIES,
        "writes of the feeds' ticks that failed and were tried again"
    );
    describe_gauge!(WAITING, "ticks of the feeds that wait to be stored");
    describe_counter!(
        FEED_TICKS,
        "ticks of each feed, by whether they were published or held back"
    );
    describe_gauge!(FEED_RUNNING, "1 for a feed that brings ticks, else 0");
    for (name, description) in TICKS {
        describe_counter!(name, description);
        for source in [REST, FEED] {
            // a counter that is there from the start shows its first step
            counter!(name, "source" => source).absolute(0);
        }
    }
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// Keeps the memory of the histograms bounded where nobody reads them, until `stop`.
pub async fn upkeep(handle: PrometheusHandle, stop: CancellationToken) {
    let mut timer = tokio::time::interval(Duration::from_secs(5));
    while stop.run_until_cancelled(timer.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

/// Counts a request by the route it matched.
pub async fn count_request(request: Request, next: Next) -> Response {
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        // a method is free text to a client
        _ => "other",
    };
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let begun = Instant::now();
    let in_flight = InFlight::begin();
    let response = next.run(request).await;
    drop(in_flight);
    let status = response.status().as_u16().to_string();
    histogram!(DURATION, "method" => method, "route" => route.clone())
        .record(begun.elapsed().as_secs_f64());
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status).increment(1);
    response
}

/// A request that is being answered, or whose client has gone.
struct InFlight;

impl InFlight {
    fn begin() -> Self {
        gauge!(IN_FLIGHT).increment(1);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1);
    }
}

/// Counts elements that were posted, `crossed` of them crossed ticks.
pub fn count_posted(ticks: u64, crossed: u64) {
    counter!(TICKS[0].0, "source" => REST).increment(ticks);
    counter!(TICKS[5].0, "source" => REST).increment(crossed);
}

/// Counts what became of ticks that were posted.
pub fn count_receipt(receipt: &ReceiptBody) {
    let numbers = [
        receipt.inserted,
        receipt.duplicates,
        receipt.conflicts.len() as u64,
        receipt.rejected.len() as u64,
    ];
    for ((name, _), number) in TICKS[1..5].iter().zip(numbers) {
        counter!(*name, "source" => REST).increment(number);
    }
}

/// Says what became of the ticks of all feeds so far.
pub fn set_feed(state: &PipelineState) {
    let numbers = [
        state.stats.received,
        state.stats.inserted,
        state.stats.duplicates,
        state.stats.conflicts,
        state.stats.rejected,
        state.stats.crossed,
    ];
    for ((name, _), number) in TICKS.iter().zip(numbers) {
        counter!(*name, "source" => FEED).absolute(number);
    }
    counter!(RETRIES).absolute(state.stats.retries);
    // a queue of 2^53 ticks fits no memory
    gauge!(WAITING).set(state.waiting as f64);
}

/// Says how many connections a pool has.
pub fn set_connections(database: &'static str, open: u32, idle: u32) {
    let busy = open.saturating_sub(idle);
    gauge!(CONNECTIONS, "database" => database, "state" => "idle").set(idle);
    gauge!(CONNECTIONS, "database" => database, "state" => "busy").set(busy);
}

/// Says how many jobs of a database failed the last time.
pub fn set_failed_jobs(database: &str, count: usize) {
    // a database has fewer than 2^53 jobs
    gauge!(FAILED_JOBS, "database" => database.to_owned()).set(count as f64);
}
