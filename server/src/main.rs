//! The program `orderbook-server`.
#![forbid(unsafe_code)]

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};
use orderbook_server::args::Args;
use orderbook_server::bootstrap::{FLUSH, Started, start};
use orderbook_server::long_work::LongWork;
use orderbook_server::settings::ServerSettings;
use orderbook_server::{serve, shutdown};
use tickbook::Clock;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::prelude::*;

/// Calls that block a thread end at the deadlines of the databases; the shutdown does not wait for them.
const ABANDON: Duration = Duration::from_millis(500);

/// Returns freed memory to the system. The allocator of glibc retains it, in one arena per thread.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(problem) = args.feeds.check() {
        let kind = clap::error::ErrorKind::ArgumentConflict;
        Args::command().error(kind, problem).exit();
    }
    log_to_stderr();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let long_work = LongWork::start().context("cannot start threads for long work")?;
    let result = runtime.block_on(serve(args, &long_work));
    long_work.end(ABANDON);
    runtime.shutdown_timeout(ABANDON);
    result
}

/// Serves until a signal arrives. Returns whether every tick was stored.
async fn serve(args: &Args, long_work: &LongWork) -> anyhow::Result<bool> {
    let settings = ServerSettings::load()?;
    let (clock, stop) = (Clock::system(), CancellationToken::new());
    shutdown::on_signals(stop.clone()).context("cannot install the signal handlers")?;
    let starting = start(args, &settings, long_work, &clock, &stop);
    let Some(started) = stop.run_until_cancelled(starting).await else {
        return Ok(true);
    };
    let Started {
        listener,
        app,
        pipeline,
        http,
        sinks,
        ..
    } = started?;
    let address = listener
        .local_addr()
        .context("cannot read the local address")?;
    // the server also runs if standard output is closed
    let scheme = if http.tls().is_some() {
        "https"
    } else {
        "http"
    };
    let _ = writeln!(std::io::stdout(), "listening on {scheme}://{address}");
    let serving = async {
        let served = serve::run(listener, app, http, stop.clone().cancelled_owned()).await;
        stop.cancel();
        served
    };
    let storing = async {
        let Some(pipeline) = pipeline else {
            return true;
        };
        let is_broken = tokio::select! {
            biased;
            () = stop.cancelled() => false,
            () = pipeline.broken() => true,
        };
        // a broken pipeline accepts no more ticks of the feeds
        stop.cancel();
        pipeline.stop(FLUSH).await.is_complete() && !is_broken
    };
    let (served, stored) = tokio::join!(serving, storing);
    sinks.finish().await;
    served.context("the listener failed")?;
    tracing::info!("stopped");
    Ok(stored)
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(is_coloured())
        .with_filter(filter.and(filter_fn(shows_no_password)));
    tracing_subscriber::registry().with(lines).init();
}

/// Whether log lines are coloured: on a terminal, unless `NO_COLOR` is set to a non-empty value.
fn is_coloured() -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !is_unwanted
}

/// Excludes debug logs of the RabbitMQ client, which contain what it sends, including the password.
fn shows_no_password(event: &tracing::Metadata<'_>) -> bool {
    let is_of_broker = ["lapin", "amq_protocol"]
        .iter()
        .any(|library| event.target().starts_with(library));
    !is_of_broker || *event.level() <= tracing::Level::INFO
}
