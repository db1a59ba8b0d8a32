//! What WebSocket clients cost that follow nothing.

use std::time::Instant;

use chrono::{DateTime, TimeDelta};
use orderbook_server::http::descriptors;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tickbook::domain::{SymbolId, Tick};
use tickbook::ingest::fanout::{FanOut, QueueOptions, SinkQueue};

use super::is_wanted;
use crate::binary::Program;
use crate::websocket::Client;
use crate::whole_server::eventually;

const ROUNDS: usize = 9;
const CLIENTS: usize = 1_000;
/// What is left of the pace.
const WANTED: f64 = 0.9;

fn median(mut paces: Vec<f64>) -> f64 {
    paces.sort_by(f64::total_cmp);
    paces[paces.len() / 2]
}

/// Prints both paces, and asserts their ratio where time is asserted.
fn judge(what: &str, with: Vec<f64>, without: Vec<f64>) {
    let (with, without) = (median(with), median(without));
    let ratio = with / without;
    println!(
        "{what}: {without:.0} ticks/s, with {CLIENTS} idle clients {with:.0}, ratio {ratio:.2}"
    );
    if suite::asserts_time() {
        assert!(ratio >= WANTED, "{what}: {ratio}");
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
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..2 * ROUNDS {
        let idle_sinks = if round % 2 == 0 { CLIENTS } else { 0 };
        let fan_out = FanOut::new();
        let mut store = fan_out.open(QueueOptions::storing("store", 10_000));
        let idle: Vec<SinkQueue> = (0..idle_sinks)
            .map(|_| {
                fan_out.open(QueueOptions {
                    every_symbol: false,
                    ..QueueOptions::dropping_oldest("idle", 10_000)
                })
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
        let pace = 200_000.0 / begun.elapsed().as_secs_f64();
        if idle.is_empty() {
            &mut without
        } else {
            &mut with
        }
        .push(pace);
    }
    judge("publishing", with, without);
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
        let tick = |sequence: usize| {
            json!({
                "symbol_id": 1, "tick_time": time.to_rfc3339(), "sequence": sequence,
                "bid_price": "1", "ask_price": "2", "bid_volume": "0", "ask_volume": "0",
            })
        };
        Value::from((0..10_000).map(tick).collect::<Vec<_>>())
    };
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let mut number = 0;
    for round in 0..2 * ROUNDS {
        let clients = if round % 2 == 0 { CLIENTS } else { 0 };
        let mut idle = Vec::new();
        for _ in 0..clients {
            idle.push(Client::connect_to(address).await);
        }
        let batches: Vec<_> = (0..4).map(|index| batch(number + index)).collect();
        number += batches.len();
        // those of the round before have gone
        eventually("the clients are there", async || {
            let metrics = server.get_text("/metrics");
            let sinks = "fan_out_sinks{sink=\"websocket\"} ";
            let open = metrics.lines().find_map(|line| line.strip_prefix(sinks));
            open.unwrap_or("0") == clients.to_string()
        })
        .await;
        let begun = Instant::now();
        for batch in &batches {
            let (status, receipt) = server.post("/api/v1/ticks", batch);
            assert_eq!((status, &receipt["inserted"]), (200, &json!(10_000)));
        }
        let pace = 40_000.0 / begun.elapsed().as_secs_f64();
        if clients == 0 {
            &mut without
        } else {
            &mut with
        }
        .push(pace);
    }
    judge("storing", with, without);
}
