//! A page of candles over HTTP, compared with the repository call that it contains.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Result, ensure};
use orderbook_server::app::AppState;
use orderbook_server::metrics;
use orderbook_server::readiness::Readiness;
use orderbook_server::router::router;
use tickbook::Repositories;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::candle_pages::{HISTORY, Stored, listen, path, query, request};
use crate::http::read_answer;
use crate::report::Report;
use crate::report::Target::AtMost;
use crate::report::median;

use super::Bench;

/// Number of pages that each client reads in a turn.
const READS: usize = 60;

impl Bench {
    pub(crate) async fn rest(&self, report: &mut Report) -> Result<()> {
        let stored = Stored::prepare().await?;
        let repositories = &stored.repositories;
        let address = serve(repositories.clone()).await?;
        for clients in [1, 16] {
            let mut ratios = Vec::new();
            for round in 0..self.rounds {
                let (over_http, of_calls);
                if round % 2 == 0 {
                    over_http = together(clients, |client| pages(address, client)).await?;
                    of_calls =
                        together(clients, |client| calls(repositories.clone(), client)).await?;
                } else {
                    of_calls =
                        together(clients, |client| calls(repositories.clone(), client)).await?;
                    over_http = together(clients, |client| pages(address, client)).await?;
                }
                ratios.push(over_http / of_calls);
            }
            report.add(
                format!("REST page of 500 candles / the repository's call, clients: {clients}"),
                AtMost(1.5),
                ratios,
            );
        }
        Ok(())
    }
}

async fn serve(repositories: Repositories) -> Result<SocketAddr> {
    let state = AppState::new(
        repositories,
        Readiness::fixed(Vec::new()),
        metrics::install()?,
    );
    let http = state.http.clone();
    listen(router(state), http).await
}

/// The median time in seconds of all reads of `clients` concurrent clients.
async fn together<F>(clients: usize, client: impl Fn(usize) -> F) -> Result<f64>
where
    F: Future<Output = Result<Vec<f64>>> + Send + 'static,
{
    let all: Vec<_> = (0..clients).map(|one| tokio::spawn(client(one))).collect();
    let mut seconds = Vec::new();
    for one in all {
        seconds.extend(one.await??);
    }
    Ok(median(&seconds))
}

/// The symbol and the first minute of a read.
fn place_of(client: usize, read: usize) -> (i64, i64) {
    let symbol = (client + read) % HISTORY.symbols as usize + 1;
    let first = (client * 101 + read * 37) % 2_000;
    (symbol as i64, first as i64)
}

async fn calls(repositories: Repositories, client: usize) -> Result<Vec<f64>> {
    let mut seconds = Vec::new();
    for read in 0..READS {
        let (symbol, first) = place_of(client, read);
        let query = query(symbol, first)?;
        let start = Instant::now();
        let page = repositories.ohlc.candles(&query).await?;
        seconds.push(start.elapsed().as_secs_f64());
        ensure!(page.items.len() == 500, "{} candles", page.items.len());
    }
    Ok(seconds)
}

async fn pages(address: SocketAddr, client: usize) -> Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut seconds, mut answer) = (Vec::new(), Vec::new());
    for read in 0..READS {
        let (symbol, first) = place_of(client, read);
        let request = request(&path(symbol, first)?, "");
        let start = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let body = read_answer(&mut stream, &mut answer).await?;
        seconds.push(start.elapsed().as_secs_f64());
        // one more for the enclosing object; counting is so fast that it does not delay other clients
        let objects = answer[body..].iter().filter(|byte| **byte == b'{').count();
        ensure!(objects == 501, "{objects} objects");
    }
    Ok(seconds)
}
