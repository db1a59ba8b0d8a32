//! Requests for pages of candles per second, from many clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use axum::body::Bytes;
use axum::http::header;
use axum::{Router, routing};
use orderbook_server::app::{AppState, HistoryValidators};
use orderbook_server::http::Http;
use orderbook_server::metrics;
use orderbook_server::readiness::Readiness;
use orderbook_server::router::router;
use orderbook_server::settings::ServerConfig;
use tickbook::Repositories;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::candle_pages::{Stored, listen, path, query, request};
use crate::http::{read_answer, read_not_modified};
use crate::report::Report;
use crate::report::Target::AtLeast;

use super::Bench;

/// Concurrent clients.
const CLIENTS: usize = 64;

/// Number of requests of each client in a turn.
const REQUESTS: usize = 40;

/// The first minute of the page that is read.
const FIRST: i64 = 1_000;

/// The address of the server with a page, its path, its tag, and a route with the same bytes.
struct Pages {
    server: SocketAddr,
    path: String,
    tag: String,
    from_memory: SocketAddr,
}

impl Bench {
    pub(crate) async fn rest_load(&self, report: &mut Report) -> Result<()> {
        let stored = Stored::prepare().await?;
        let repositories = &stored.repositories;
        let pages = Arc::new(Pages::serve(&stored).await?);
        let (mut unchanged, mut whole) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            let of_page = || rate(|_| page(Arc::clone(&pages)));
            let of_calls = || rate(|_| calls(repositories.clone()));
            let of_tag = || rate(|_| not_modified(Arc::clone(&pages)));
            let of_memory = || rate(|_| memory(Arc::clone(&pages)));
            // contenders alternate
            if round % 2 == 0 {
                let (first, second) = (of_page().await?, of_calls().await?);
                whole.push(first / second);
                let (first, second) = (of_tag().await?, of_memory().await?);
                unchanged.push(first / second);
            } else {
                let (second, first) = (of_calls().await?, of_page().await?);
                whole.push(first / second);
                let (second, first) = (of_memory().await?, of_tag().await?);
                unchanged.push(first / second);
            }
        }
        report.add(
            format!(
                "REST page of 500 candles / the repository's call, requests/s of {CLIENTS} clients"
            ),
            AtLeast(0.67),
            whole,
        );
        report.add(
            format!("unchanged page of 500 candles (304) / its bytes from memory, requests/s of {CLIENTS} clients"),
            AtLeast(0.5),
            unchanged,
        );
        Ok(())
    }
}

impl Pages {
    async fn serve(stored: &Stored) -> Result<Self> {
        let state = AppState {
            history: Arc::new(HistoryValidators::new(Some(
                stored.pools.timeseries_reads(),
            ))),
            ..AppState::new(
                stored.repositories.clone(),
                Readiness::fixed(Vec::new()),
                metrics::install()?,
            )
        };
        let http = state.http.clone();
        let server = listen(router(state), http).await?;
        let path = path(1, FIRST)?;
        let mut stream = TcpStream::connect(server).await?;
        let mut answer = Vec::new();
        stream.write_all(request(&path, "").as_bytes()).await?;
        let body = read_answer(&mut stream, &mut answer).await?;
        let head = std::str::from_utf8(&answer[..body])?;
        let tag = head.lines().find_map(|line| line.strip_prefix("etag: "));
        let tag = tag.context("a page without a tag")?.trim().to_owned();
        let bytes = Bytes::copy_from_slice(&answer[body..]);
        let same = move || {
            let bytes = bytes.clone();
            async move { ([(header::CONTENT_TYPE, "application/json")], bytes) }
        };
        let from_memory = Router::new().route("/", routing::get(same));
        let from_memory = listen(from_memory, Http::new(ServerConfig::default())).await?;
        Ok(Self {
            server,
            path,
            tag,
            from_memory,
        })
    }
}

/// Requests per second of all clients together.
async fn rate<F>(client: impl Fn(usize) -> F) -> Result<f64>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let begun = Instant::now();
    let all: Vec<_> = (0..CLIENTS).map(|one| tokio::spawn(client(one))).collect();
    for one in all {
        one.await??;
    }
    Ok((CLIENTS * REQUESTS) as f64 / begun.elapsed().as_secs_f64())
}

async fn calls(repositories: Repositories) -> Result<()> {
    let query = query(1, FIRST)?;
    for _ in 0..REQUESTS {
        let page = repositories.ohlc.candles(&query).await?;
        ensure!(page.items.len() == 500, "{} candles", page.items.len());
    }
    Ok(())
}

async fn page(pages: Arc<Pages>) -> Result<()> {
    whole(pages.server, &request(&pages.path, "")).await
}

async fn memory(pages: Arc<Pages>) -> Result<()> {
    whole(pages.from_memory, &request("/", "")).await
}

async fn whole(address: SocketAddr, request: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut answer = Vec::new();
    for _ in 0..REQUESTS {
        stream.write_all(request.as_bytes()).await?;
        read_answer(&mut stream, &mut answer).await?;
    }
    Ok(())
}

async fn not_modified(pages: Arc<Pages>) -> Result<()> {
    let mut stream = TcpStream::connect(pages.server).await?;
    stream.set_nodelay(true)?;
    let request = request(&pages.path, &format!("If-None-Match: {}\r\n", pages.tag));
    let mut answer = Vec::new();
    for _ in 0..REQUESTS {
        stream.write_all(request.as_bytes()).await?;
        read_not_modified(&mut stream, &mut answer).await?;
    }
    Ok(())
}
