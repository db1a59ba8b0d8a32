//! Measures the cost of WebSocket clients that follow no symbol.

use std::time::Instant;

use chrono::{DateTime, TimeDelta};
use orderbook_server::http::descriptors;
use rust_decimal::Decimal;
use serde_json::json;
use tickbook::domain::{SymbolId, Tick};
use tickbook::ingest::fanout::{FanOut, QueueOptions, SinkQueue};

use super::is_wanted;
use crate::binary::Program;
use crate::websocket::Client;
use crate::whole_server::eventually;

/// Number of rounds with clients, and of rounds without.
const ROUNDS: usize = 10;
const CLIENTS: usize = 1_000;
/// Minimum ratio of the pace with clients to the pace without.
const WANTED: f64 = 0.9;

/// Whether a round has clients. The order alternates, so that neither kind always comes first.
fn has_clients(round: usize) -> bool {
    matches!(round % 4, 0 | 3)
}

/// Prints the paces. If time limits are asserted, asserts the median ratio of rounds with clients to
/// neighbouring rounds without.
fn judge(what: &str, paces: &[f64]) {
    let mut ratios: Vec<_> = paces
        .chunks_exact(2)
        .zip((0..).step_by(2))
        // the first round is a warm-up
        .skip(1)
        .map(|(two, round)| {
            let (with, without) = if has_clients(round) {
                (two[0], two[1])
            } else {
                (two[1], two[0])
            };
            with / without
        })
        .collect();
    println!("{what}: {paces:.0?} ticks/s");
    ratios.sort_by(f64::total_cmp);
    println!("{what} with {CLIENTS} idle clients: ratios {ratios:.2?}");
    let median = ratios[ratios.len() / 2];
    println!("{what} with {CLIENTS} idle clients: median ratio {median:.3}");
    if suite::asserts_time() {
        assert!(median >= WANTED, "{what}: {median}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_71_idle_sinks_do_not_slow_publishing() {
    if !is_wanted() {
        return;
    }
    let time = DateTime::UNIX_EPOCH;
    let tick = |index: i64| {
        let time = time + TimeDelta::seconds(index);
        Tick::quote(SymbolId::new(1), time, Decimal::ONE, Decimal::TWO)
    };
    let ticks: Vec<_> = (0..100).map(tick).collect();
    let mut paces = Vec::new();
    for round in 0..2 * ROUNDS {
        let idle_sinks = if has_clients(round) { CLIENTS } else { 0 };
        let fan_out = FanOut::new();
        let mut store = fan_out.open(QueueOptions::storing("store", 10_000));
        let idle: Vec<SinkQueue> = (0..idle_sinks)
            .map(|_| {
                fan_out.open(QueueOptions::dropping_oldest("idle", 10_000).every_symbol(false))
            })
            .collect();
        let begun = Instant::now();
        let publishing = async {
            for _ in 0..2_000 {
                fan_out.publish(&ticks).await.expect("open");
            }
            fan_out.close();
        };
        let storing = async { while store.next().await.is_some() {} };
        tokio::join!(publishing, storing);
        paces.push(200_000.0 / begun.elapsed().as_secs_f64());
        drop(idle);
    }
    judge("publishing", &paces);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_71_idle_clients_do_not_slow_storing() {
    if !is_wanted() {
        return;
    }
    descriptors::raise();
    let arguments = ["--store", "memory", "--feed", "simulated"];
    let variables = [("TICKBOOK__WEBSOCKET__MAX_CONNECTIONS_PER_ADDRESS", "0")];
    let server = Program::start(&arguments, &variables);
    let address = server.address().parse().expect("an address");
    let batch = |number: usize| {
        let time = DateTime::UNIX_EPOCH + TimeDelta::seconds(number as i64);
        let time = time.to_rfc3339();
        let tick = |sequence: usize| {
            format!(
                r#"{{"symbol_id":1,"tick_time":"{time}","sequence":{sequence},"bid_price":"1","ask_price":"2","bid_volume":"0","ask_volume":"0"}}"#
            )
        };
        format!("[{}]", (0..10_000).map(tick).collect::<Vec<_>>().join(","))
    };
    let has_sinks = async |count: usize| {
        eventually(
            "exactly the clients of this round are connected",
            async || {
                let metrics = server.get_text("/metrics");
                let sinks = "fan_out_sinks{records=\"ticks\",sink=\"websocket\"} ";
                let open = metrics.lines().find_map(|line| line.strip_prefix(sinks));
                open.unwrap_or("0") == count.to_string()
            },
        )
        .await;
    };
    let mut paces = Vec::new();
    let mut number = 0;
    for round in 0..2 * ROUNDS {
        let clients = if has_clients(round) { CLIENTS } else { 0 };
        // the clients of the previous round have disconnected
        has_sinks(0).await;
        let mut idle = Vec::new();
        for _ in 0..clients {
            idle.push(Client::connect_to(address).await);
        }
        let batches: Vec<_> = (0..4).map(|index| batch(number + index)).collect();
        number += batches.len();
        has_sinks(clients).await;
        let begun = Instant::now();
        for batch in &batches {
            let (status, receipt) = server.post_text("/api/v1/ticks", batch);
            assert_eq!((status, &receipt["inserted"]), (200, &json!(10_000)));
        }
        paces.push(40_000.0 / begun.elapsed().as_secs_f64());
    }
    judge("storing", &paces);
}
