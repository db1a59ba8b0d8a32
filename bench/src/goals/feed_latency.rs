//! The time from a message of a venue to a WebSocket client and to the disk.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures_util::{SinkExt as _, StreamExt as _};
use orderbook_server::app::AppState;
use orderbook_server::readiness::Readiness;
use orderbook_server::router::router;
use orderbook_server::{metrics, serve};
use tickbook::Repositories;
use tickbook::ingest::fanout::FanOut;
use tickbook::ingest::feed::FeedOutput;
use tickbook::ingest::{Ack, AckLevel, PersisterConfig, SpoolConfig, TickPersister};
use tickbook::postgres::PgTickRepository;
use tickbook_feeds::feed::{Record, Records, SymbolDirectory};
use tickbook_feeds::kraken::Kraken;
use tickbook_feeds::transport::TransportEvent;
use tickbook_feeds::{Frame, Protocol as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::server::Place;

use super::Bench;
use super::persister::spool_parent;

const NAMES: [&str; 4] = ["BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD"];

/// Messages a second, and in all.
const RATE: u64 = 1_000;
const MESSAGES: usize = 6_000;

/// The interval between two looks at the level of a tick.
const LOOK: Duration = Duration::from_millis(1);

/// Whether the sender of a tick waits until it is durable, which starts the write at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Durable,
    Nothing,
}

/// A message and the instant at which it, or what became of it, was seen.
type Seen = (usize, Instant);

impl Bench {
    pub(crate) async fn feed_latency(&self) -> Result<()> {
        let place = Place::migrated().await?;
        println!(
            "{RATE} quotes a second of Kraken v2, {MESSAGES} in all, milliseconds from the message to"
        );
        println!("| | p50 | p99 | highest |");
        println!("| --- | --- | --- | --- |");
        for wait in [Wait::Durable, Wait::Nothing] {
            let (sent, received, durable) = run(&place, wait).await?;
            let of = match wait {
                Wait::Durable => "the sender waits for `durable`",
                Wait::Nothing => "the sender waits for nothing",
            };
            print(&format!("a WebSocket client, {of}"), &sent, &received)?;
            print(&format!("`durable`, {of}"), &sent, &durable)?;
        }
        println!();
        Ok(())
    }
}

/// Sends all messages, and returns when each was read, arrived at the client and became durable.
async fn run(place: &Place, wait: Wait) -> Result<(Vec<Instant>, Vec<Seen>, Vec<Seen>)> {
    let repositories = Repositories::in_memory();
    let directory = SymbolDirectory::open(&*repositories.symbols, "kraken", NAMES, &[]).await?;
    let fan_out = FanOut::new();
    let mut ids = Vec::new();
    for name in NAMES {
        ids.push(directory.get(name).context("an id")?.get());
    }
    let first = DateTime::from_timestamp(1_700_000_000, 0).context("a time")?
        + TimeDelta::hours(if wait == Wait::Durable { 0 } else { 1 });
    let client = client(serve(repositories, &fan_out).await?, &ids, first).await?;
    let directory_of_spool = tempfile::tempdir_in(spool_parent()?)?;
    let spool = SpoolConfig::new(directory_of_spool.path().join("spool"));
    let repository = Arc::new(PgTickRepository::new(place.pools()));
    let persister = TickPersister::open(repository, PersisterConfig::default(), &spool).await?;
    let (acks, waiting) = mpsc::unbounded_channel();
    let watching = tokio::spawn(watch(waiting, wait));
    let mut output = FeedOutput::new(fan_out);
    let mut kraken = Kraken::new(NAMES, 10);
    let mut records = Records::new(directory, false);
    let mut sent = Vec::with_capacity(MESSAGES);
    let mut found = VecDeque::new();
    let mut timer = interval(Duration::from_secs(1) / RATE as u32);
    timer.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..MESSAGES {
        let text = quote(number, first);
        timer.tick().await;
        sent.push(Instant::now());
        let at = time(number, first);
        kraken.receive(Frame::new(&text, at), &mut |event| {
            records.add(&TransportEvent::Feed(event), at, &mut found);
        })?;
        while let Some(record) = found.pop_front() {
            if let Record::Tick(tick, sequence) = record {
                output.send(tick.clone(), sequence).await?;
                let ack = persister.push_with_ack(tick).await?;
                acks.send((number, ack))?;
            }
        }
    }
    drop(acks);
    let durable = watching.await??;
    let received = client.await??;
    let report = persister.stop(Duration::from_secs(60)).await;
    ensure!(
        report.stats.inserted == MESSAGES as u64,
        "{:?}",
        report.stats
    );
    Ok((sent, received, durable))
}

fn time(number: usize, first: DateTime<Utc>) -> DateTime<Utc> {
    first + TimeDelta::milliseconds(number as i64)
}

fn text_of(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A quote whose time is that of its number.
fn quote(number: usize, first: DateTime<Utc>) -> String {
    let name = NAMES[number % NAMES.len()];
    let cents = number % 97;
    let time = text_of(time(number, first));
    format!(
        r#"{{"channel":"ticker","type":"update","data":[{{"symbol":"{name}","bid":45283.{cents:02},"bid_qty":0.10000000,"ask":45285.{cents:02},"ask_qty":0.00100000,"last":45284.0,"volume":3083.59,"vwap":45284.1,"low":45000.0,"high":46000.0,"change":1.5,"change_pct":0.01,"timestamp":"{time}"}}]}}"#
    )
}

async fn serve(repositories: Repositories, fan_out: &FanOut) -> Result<SocketAddr> {
    let mut state = AppState::new(
        repositories,
        Readiness::fixed(Vec::new()),
        metrics::install()?,
    );
    state.fan_out = fan_out.clone();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let http = state.http.clone();
    tokio::spawn(serve::run(
        listener,
        router(state),
        http,
        std::future::pending(),
    ));
    Ok(address)
}

/// Subscribes to the ticks of all symbols, and receives them in a task.
async fn client(
    address: SocketAddr,
    ids: &[i64],
    first: DateTime<Utc>,
) -> Result<JoinHandle<Result<Vec<Seen>>>> {
    let (mut socket, _) = connect_async(format!("ws://{address}/ws")).await?;
    let subscribe = serde_json::json!({"op": "subscribe", "channel": "ticks", "symbols": ids, "snapshot": false});
    socket.send(Message::text(subscribe.to_string())).await?;
    let answer = socket.next().await.context("an answer")??;
    ensure!(answer.to_text()?.contains(r#""subscribed""#), "{answer}");
    Ok(tokio::spawn(async move {
        let mut texts = Vec::with_capacity(MESSAGES);
        while texts.len() < MESSAGES {
            let message = socket.next().await.context("a message")??;
            let at = Instant::now();
            let text = message.to_text()?;
            ensure!(!text.contains(r#""gap""#), "{text}");
            if text.contains(r#""tick_time""#) {
                texts.push((text.to_owned(), at));
            }
        }
        let seen = |(text, at): &(String, Instant)| {
            let tick: serde_json::Value = serde_json::from_str(text)?;
            let time: DateTime<Utc> = tick["tick_time"].as_str().context("a time")?.parse()?;
            let number = usize::try_from((time - first).num_milliseconds())?;
            Ok((number, *at))
        };
        texts.iter().map(seen).collect()
    }))
}

/// Notes when each tick becomes durable. A look at its level changes nothing; a wait starts the write.
async fn watch(mut acks: mpsc::UnboundedReceiver<(usize, Ack)>, wait: Wait) -> Result<Vec<Seen>> {
    let mut seen = Vec::with_capacity(MESSAGES);
    if wait == Wait::Durable {
        let mut waits = Vec::with_capacity(MESSAGES);
        while let Some((number, ack)) = acks.recv().await {
            waits.push(tokio::spawn(async move {
                let waited = ack.wait(AckLevel::Durable).await;
                waited.map(|()| (number, Instant::now()))
            }));
        }
        for one in waits {
            seen.push(one.await??);
        }
        return Ok(seen);
    }
    let mut timer = interval(LOOK);
    let mut waiting = VecDeque::new();
    while !(acks.is_closed() && acks.is_empty() && waiting.is_empty()) {
        timer.tick().await;
        while let Ok(ack) = acks.try_recv() {
            waiting.push_back(ack);
        }
        let is_durable = |(_, ack): &(usize, Ack)| ack.level() >= AckLevel::Durable;
        while waiting.front().is_some_and(is_durable) {
            if let Some((number, _)) = waiting.pop_front() {
                seen.push((number, Instant::now()));
            }
        }
    }
    Ok(seen)
}

fn print(what: &str, sent: &[Instant], seen: &[Seen]) -> Result<()> {
    ensure!(seen.len() == sent.len(), "{} of {}", seen.len(), sent.len());
    let millis = |(number, at): &Seen| at.duration_since(sent[*number]).as_secs_f64() * 1e3;
    let mut all: Vec<_> = seen.iter().map(millis).collect();
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    println!(
        "| {what} | {:.2} | {:.2} | {:.2} |",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    Ok(())
}
