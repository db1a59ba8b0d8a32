//! 5,000 WebSocket clients: ticks lost, the time to the client, and memory.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use crate::load::{Clients, Kind, Process, RATE, Received, SYMBOLS};
use crate::report::Report;
use crate::report::Target::AtMost;

use super::Bench;

const CLIENTS: usize = 5_000;

/// Time for a server to release memory of handshakes.
const SETTLING: Duration = Duration::from_secs(3);

impl Bench {
    pub(crate) async fn websocket_load(&self, report: &mut Report) -> Result<()> {
        orderbook_server::http::descriptors::raise();
        let (mut ratios, mut lost, mut missed) = (Vec::new(), Vec::new(), Vec::new());
        println!(
            "{CLIENTS} clients of {SYMBOLS} symbols, {RATE} ticks a second, milliseconds to the client"
        );
        for round in 0..self.rounds {
            let mut order = [Kind::Server, Kind::Bare];
            if round % 2 == 1 {
                order.reverse();
            }
            let (mut of_server, mut of_bare) = (0.0, 0.0);
            for kind in order {
                let received = turn(kind).await?;
                let p99 = print(kind, &received)?;
                match kind {
                    Kind::Server => {
                        of_server = p99;
                        lost.push(received.lost as f64);
                        let all = received.micros.len() as u64 + received.missed + received.lost;
                        missed.push(received.missed as f64 / all as f64);
                    }
                    Kind::Bare => of_bare = p99,
                }
            }
            ratios.push(of_server / of_bare);
        }
        println!();
        report.add(
            "ticks lost without a notice, 5,000 WebSocket clients",
            AtMost(0.0),
            lost,
        );
        report.add(
            "share of ticks lost with a notice, the same clients",
            AtMost(0.001),
            missed,
        );
        report.add(
            "p99 from publication to the client / a bare broadcast loop, the same clients",
            AtMost(2.0),
            ratios,
        );
        Ok(())
    }

    pub(crate) async fn websocket_memory(&self, report: &mut Report) -> Result<()> {
        orderbook_server::http::descriptors::raise();
        let mut kibibytes = Vec::new();
        for _ in 0..self.rounds {
            let server = Process::start_server()?;
            // memory that the first clients need once
            drop(Clients::connect(server.address, 50).await?);
            sleep(SETTLING).await;
            let before = server.memory()?;
            let clients = Clients::connect(server.address, CLIENTS).await?;
            sleep(SETTLING).await;
            let bytes = server.memory()?.saturating_sub(before) as f64;
            kibibytes.push(bytes / CLIENTS as f64 / 1_024.0);
            drop(clients);
        }
        report.add(
            "KiB for each of 5,000 idle WebSocket clients",
            AtMost(32.0),
            kibibytes,
        );
        Ok(())
    }
}

async fn turn(kind: Kind) -> Result<Received> {
    let mut process = Process::start(kind)?;
    let mut clients = Clients::connect(process.address, CLIENTS).await?;
    clients.subscribe().await?;
    process.publish()?;
    clients.receive().await
}

/// Prints the latencies, and returns the 99th percentile in milliseconds.
fn print(kind: Kind, received: &Received) -> Result<f64> {
    let mut micros = received.micros.clone();
    micros.sort_unstable();
    let at = |share: f64| {
        let index = (micros.len() as f64 * share) as usize;
        let found = micros.get(index.min(micros.len().saturating_sub(1)));
        found
            .map(|micros| f64::from(*micros) / 1_000.0)
            .context("no client got a tick")
    };
    let (p50, p99, highest) = (at(0.5)?, at(0.99)?, at(1.0)?);
    let Received { missed, lost, .. } = received;
    println!(
        "  {:<8} p50 {p50:.2}, p99 {p99:.2}, highest {highest:.2}; {missed} missed, {lost} lost",
        kind.name()
    );
    Ok(p99)
}
