//! Metrics in the Prometheus text format. No label ever contains a symbol, a path or other text that clients
//! choose.

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
/// Source label of ticks from `POST /api/v1/ticks`.
const REST: &str = "rest";
/// Source label of ticks from the feeds of the server.
const FEED: &str = "feed";
const TICKS: [(&str, &str); 6] = [
    (
        "ticks_received_total",
        "ticks received, without those of requests that were refused as a whole",
    ),
    ("ticks_inserted_total", "ticks newly stored"),
    ("ticks_duplicate_total", "ticks that were already stored"),
    (
        "ticks_conflict_total",
        "ticks refused because other content is stored under their key",
    ),
    (
        "ticks_rejected_total",
        "invalid ticks, which can never be stored",
    ),
    (
        "ticks_crossed_total",
        "ticks whose bid is above the ask; they are stored as well",
    ),
];

/// Upper bounds of the buckets in seconds.
const BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0,
];

/// Installs the metrics recorder, once per process however often it is called.
///
/// # Errors
/// Another recorder is already installed.
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
    describe_counter!(REQUESTS, "responses by route and status");
    describe_gauge!(IN_FLIGHT, "requests that are being answered");
    describe_histogram!(DURATION, "time from request to response, in seconds");
    describe_gauge!(CONNECTIONS, "connections of each pool");
    describe_gauge!(
        FAILED_JOBS,
        "jobs of the database whose last run failed; /health/ready names them"
    );
    describe_counter!(RETRIES, "retries of writes of feed ticks");
    describe_gauge!(WAITING, "feed ticks that wait to be stored");
    describe_counter!(
        FEED_TICKS,
        "ticks of each feed, published or held back by a quality rule"
    );
    describe_gauge!(FEED_RUNNING, "1 for a feed that is running, else 0");
    for (name, description) in TICKS {
        describe_counter!(name, description);
        for source in [REST, FEED] {
            // initialize to 0 so that rate() sees the first increment
            counter!(name, "source" => source).absolute(0);
        }
    }
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// Bounds the memory of the histograms even if no one scrapes them, until `stop`.
pub async fn upkeep(handle: PrometheusHandle, stop: CancellationToken) {
    let mut timer = tokio::time::interval(Duration::from_secs(5));
    while stop.run_until_cancelled(timer.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

/// Counts a request by its matched route.
pub async fn count_request(request: Request, next: Next) -> Response {
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        // clients may send any text as a method
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

/// Guard of an active request; also counts down if the client disconnects.
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

/// Counts posted elements, `crossed` of them crossed ticks.
pub fn count_posted(ticks: u64, crossed: u64) {
    counter!(TICKS[0].0, "source" => REST).increment(ticks);
    counter!(TICKS[5].0, "source" => REST).increment(crossed);
}

/// Counts the results of posted ticks.
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

/// Sets the totals of the ticks of all feeds.
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
    // a queue of 2^53 ticks does not fit into memory
    gauge!(WAITING).set(state.waiting as f64);
}

/// Sets the number of connections of a pool.
pub fn set_connections(database: &'static str, open: u32, idle: u32) {
    let busy = open.saturating_sub(idle);
    gauge!(CONNECTIONS, "database" => database, "state" => "idle").set(idle);
    gauge!(CONNECTIONS, "database" => database, "state" => "busy").set(busy);
}

/// Sets the number of jobs of a database whose last run failed.
pub fn set_failed_jobs(database: &str, count: usize) {
    // a database has fewer than 2^53 jobs
    gauge!(FAILED_JOBS, "database" => database.to_owned()).set(count as f64);
}
