//! Metrics in the Prometheus text format. No label ever contains a symbol, a path or other text that clients
//! choose.

mod families;
mod venues;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tickbook::ingest::feed::{LaneState, PipelineState};
use tickbook::metrics::Family;
use tokio_util::sync::CancellationToken;

pub use families::FAMILIES;
pub(crate) use families::{
    ACCESS_REFUSED, ACCESS_RELOAD_FAILURES, ACCESS_TOKENS, AUDIT_FAILURES, BACKLOG_AGE,
    BOOK_CHANGES_MERGED, CANDLE_BUFFER_FULL, CERTIFICATE_EXPIRY, CERTIFICATE_RELOADS,
    CHANGES_WAITING, DISK_DAYS_LEFT, DISK_FREE, HTTP_CONNECTIONS, HTTP_CONNECTIONS_CLOSED,
    HTTP_REFUSED, LEDGER_APPEND_DURATION, LEDGER_APPENDED, LEDGER_CONFLICTS, LEDGER_DUPLICATES,
    LEDGER_EVENTS_MISSED, LEDGER_OVERFILLS, LEDGER_QUARANTINED, MISSED_TICKS, MISSED_TRADES,
    RABBITMQ_CONNECTED, RABBITMQ_CONNECTIONS, RABBITMQ_WAITING, RISK_EVENT_FAILURES, RISK_EVENTS,
    SYNC_FAILURES, SYNC_SYMBOLS, SYNC_TIME, TLS_HANDSHAKES, WEBSOCKET_CLOSED,
};
pub(crate) use venues::set_venues;

use self::families::{
    BUILD_INFO, CONFLICTS, CROSSED, DUPLICATES, DURATION, FAILED_JOBS, FEED_TICKS_WAITING,
    FEED_TRADES_WAITING, IN_FLIGHT, INSERTED, LEDGER_REJECTED, RECEIVED, REJECTED, REQUESTS,
    TRADES_CONFLICTS, TRADES_DUPLICATES, TRADES_INSERTED, TRADES_RECEIVED, TRADES_REJECTED,
    WRITE_RETRIES,
};
use crate::wire::{ReceiptBody, TradeReceiptBody};

/// Source label of ticks from `POST /api/v1/ticks`, and of trades from `POST /api/v1/trades`.
const REST: &str = "rest";
/// Source label of ticks and trades from the feeds of the server.
const FEED: &str = "feed";

/// Buckets of histograms that no list of families has, such as those of records of other crates.
const OTHER_BUCKETS: &[f64] = &[0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0];

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
    // without buckets the exporter would make summaries, which cannot be added up over several servers
    let mut builder = PrometheusBuilder::new().set_buckets(OTHER_BUCKETS)?;
    let of_relay = tickbook_ledger::relay::metrics::FAMILIES;
    let families = tickbook::metrics::families();
    for family in families.iter().chain(FAMILIES).chain(of_relay) {
        if !family.buckets.is_empty() {
            let name = Matcher::Full(family.name.to_string());
            builder = builder.set_buckets_for_metric(name, family.buckets)?;
        }
    }
    let handle = builder.install_recorder()?;
    tickbook::metrics::describe();
    FAMILIES.iter().for_each(Family::describe);
    tickbook_ledger::relay::metrics::describe();
    set_build_info();
    begin_counters();
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// Sets counters to 0, so that `increase()` sees the first increment.
fn begin_counters() {
    let of_ticks = [RECEIVED, INSERTED, DUPLICATES, CONFLICTS, REJECTED, CROSSED];
    let of_trades = [
        TRADES_RECEIVED,
        TRADES_INSERTED,
        TRADES_DUPLICATES,
        TRADES_CONFLICTS,
        TRADES_REJECTED,
    ];
    for name in of_ticks.into_iter().chain(of_trades) {
        for source in [REST, FEED] {
            counter!(name, "source" => source).absolute(0);
        }
    }
    for reason in ["memory", "connections", "requests"] {
        counter!(HTTP_REFUSED, "reason" => reason).absolute(0);
    }
    for reason in [
        "no_token",
        "invalid_token",
        "expired_token",
        "scope",
        "rate",
        "origin",
        "host",
    ] {
        counter!(ACCESS_REFUSED, "reason" => reason).absolute(0);
    }
    counter!(ACCESS_RELOAD_FAILURES).absolute(0);
    for reason in ["others_wait", "no_slot", "idle", "reads_nothing"] {
        counter!(HTTP_CONNECTIONS_CLOSED, "reason" => reason).absolute(0);
    }
    for code in ["1001", "1002", "1007", "1008", "1013"] {
        counter!(WEBSOCKET_CLOSED, "code" => code).absolute(0);
    }
    for name in [
        LEDGER_REJECTED,
        LEDGER_OVERFILLS,
        LEDGER_EVENTS_MISSED,
        RISK_EVENTS,
        RISK_EVENT_FAILURES,
        AUDIT_FAILURES,
    ] {
        counter!(name).absolute(0);
    }
    counter!(CANDLE_BUFFER_FULL).absolute(0);
    counter!(BOOK_CHANGES_MERGED).absolute(0);
}

fn set_build_info() {
    gauge!(
        BUILD_INFO,
        "version" => env!("CARGO_PKG_VERSION"),
        // Prometheus treats an empty label like an absent one
        "revision" => option_env!("GIT_REVISION").unwrap_or_default(),
        "rustc" => env!("RUSTC_VERSION"),
    )
    .set(1);
}

/// Sets the metrics of the process: processor time, memory, file descriptors and threads.
pub(crate) fn set_process() {
    // reads some files of /proc, which need no disk
    metrics_process::Collector::default().collect();
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
    counter!(RECEIVED, "source" => REST).increment(ticks);
    counter!(CROSSED, "source" => REST).increment(crossed);
}

/// Counts the results of posted ticks.
pub fn count_receipt(receipt: &ReceiptBody) {
    for (name, number) in [
        (INSERTED, receipt.inserted),
        (DUPLICATES, receipt.duplicates),
        (CONFLICTS, receipt.conflicts.len() as u64),
        (REJECTED, receipt.rejected.len() as u64),
    ] {
        counter!(name, "source" => REST).increment(number);
    }
}

/// Counts posted trades and their results.
pub fn count_trade_receipt(receipt: &TradeReceiptBody) {
    let (conflicts, rejected) = (
        receipt.conflicts.len() as u64,
        receipt.rejected.len() as u64,
    );
    let received = receipt.inserted + receipt.duplicates + conflicts + rejected;
    for (name, number) in [
        (TRADES_RECEIVED, received),
        (TRADES_INSERTED, receipt.inserted),
        (TRADES_DUPLICATES, receipt.duplicates),
        (TRADES_CONFLICTS, conflicts),
        (TRADES_REJECTED, rejected),
    ] {
        counter!(name, "source" => REST).increment(number);
    }
}

/// Counts elements that were not appended to the ledger.
pub fn count_rejected_events(elements: usize) {
    counter!(LEDGER_REJECTED).increment(elements as u64);
}

/// Sets the totals of the ticks and trades of all feeds.
pub fn set_feed(state: &PipelineState) {
    set_ticks(&state.ticks);
    if let Some(trades) = &state.trades {
        set_trades(trades);
    }
}

fn set_trades(state: &LaneState) {
    for (name, number) in [
        (TRADES_RECEIVED, state.stats.received),
        (TRADES_INSERTED, state.stats.inserted),
        (TRADES_DUPLICATES, state.stats.duplicates),
        (TRADES_CONFLICTS, state.stats.conflicts),
        (TRADES_REJECTED, state.stats.rejected),
    ] {
        counter!(name, "source" => FEED).absolute(number);
    }
    // a queue of 2^53 trades does not fit into memory
    gauge!(FEED_TRADES_WAITING).set(state.waiting as f64);
}

fn set_ticks(state: &LaneState) {
    for (name, number) in [
        (RECEIVED, state.stats.received),
        (INSERTED, state.stats.inserted),
        (DUPLICATES, state.stats.duplicates),
        (CONFLICTS, state.stats.conflicts),
        (REJECTED, state.stats.rejected),
        (CROSSED, state.stats.crossed),
    ] {
        counter!(name, "source" => FEED).absolute(number);
    }
    counter!(WRITE_RETRIES).absolute(state.stats.retries);
    // a queue of 2^53 ticks does not fit into memory
    gauge!(FEED_TICKS_WAITING).set(state.waiting as f64);
}

/// Sets the number of jobs of a database whose last run failed.
pub fn set_failed_jobs(database: &str, count: usize) {
    // a database has fewer than 2^53 jobs
    gauge!(FAILED_JOBS, "database" => database.to_owned()).set(count as f64);
}
