//! Soak test (`make soak MINUTES=60`): random faults against a process that writes, beside a control
//! process without faults.

mod measures;
mod writer;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fault_proxy::{AcceptMode, FaultProxy, Flow, Loss, Message};
use tickbook::Database;

use self::measures::Measures;
use self::writer::{Writer, write_until_signal};
use crate::fault::Fault;
use crate::server::Server;
use crate::site::{RECOVERY, address_of, at_port, repositories_on};
use crate::small_disk::{fill, make_room};
use crate::support::migrated_schema::{migrated, start, ticks};
use crate::support::oracle::{ask, assert_exact_where};

/// The longest time until the first commit of a writer.
const START: Duration = Duration::from_secs(20);

/// The longest time to store a backlog of some seconds, and the number of ticks that count as a backlog.
const DRAIN: Duration = Duration::from_secs(30);
const BACKLOG: i64 = 500;

/// The size of the small disk, which holds the ticks of one chunk.
const SMALL_DISK_MEGABYTES: u32 = 48;

/// The number of ticks that are compared at once.
const WINDOW: i64 = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    DownAndUp,
    FastRestart,
    ImmediateRestart,
    ServerCrash,
    Resets,
    StalledNetwork,
    Frozen,
    AnswerLost,
    CommitLost,
    Latency,
    Bandwidth,
    ReadOnly,
    DiskFull,
    WriterKilled,
    WriterStoppedInAnOutage,
}

const EVENTS: [Event; 15] = [
    Event::DownAndUp,
    Event::FastRestart,
    Event::ImmediateRestart,
    Event::ServerCrash,
    Event::Resets,
    Event::StalledNetwork,
    Event::Frozen,
    Event::AnswerLost,
    Event::CommitLost,
    Event::Latency,
    Event::Bandwidth,
    Event::ReadOnly,
    Event::DiskFull,
    Event::WriterKilled,
    Event::WriterStoppedInAnOutage,
];

#[tokio::test(flavor = "multi_thread")]
async fn soak() {
    if let Ok(url) = std::env::var(writer::URL) {
        return write_until_signal(&url).await;
    }
    let fault = Fault::begin("fault_58_soak");
    let Some(minutes) = number("TICKBOOK_SOAK_MINUTES") else {
        return fault.skip("it is `make soak MINUTES=60`");
    };
    let mut events = EVENTS.to_vec();
    let small_disk = Server::start_with_small_disk(Database::Timeseries, SMALL_DISK_MEGABYTES);
    let server = match small_disk {
        Ok(server) => server,
        Err(no_small_disk) => match Server::start(Database::Timeseries) {
            Ok(server) => {
                println!("without a full disk: {no_small_disk}");
                events.retain(|event| *event != Event::DiskFull);
                server
            }
            Err(reason) => return fault.skip(reason),
        },
    };
    let seed = number("TICKBOOK_SOAK_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}: make soak MINUTES={minutes} SEED={seed}");
    let _ = repositories_on(&server, |_| ()).await;
    let (schemas, _) = migrated().await;
    let calm_url = schemas.url(Database::Timeseries);
    let spools = Spools::make();
    let mut calm = Writer::start(calm_url, &spools.0.join("control"), 0);
    let mut site = Site::new(server, spools.0.join("faulted"), seed);
    calm.wait_for_commit(START);
    site.writer.wait_for_commit(START);
    let mut measures = Measures::start(&calm);
    let mut recoveries = Vec::new();
    let mut random = seed;
    let begun = Instant::now();
    let mut round = Vec::new();
    while begun.elapsed() < Duration::from_secs(minutes * 60) {
        if round.is_empty() {
            round.clone_from(&events);
        }
        let event = round.swap_remove(next_random(&mut random) as usize % round.len());
        let length = Duration::from_millis(1_000 + next_random(&mut random) % 4_000);
        println!(
            "{:7.1} s  {event:?} for {length:?}",
            begun.elapsed().as_secs_f64()
        );
        let took = site.suffer(event, length);
        let drained = site.writer.wait_for_backlog(BACKLOG, DRAIN);
        println!("           a commit {took:?} after its end, {drained:?} more without a backlog");
        if !site.restarted {
            recoveries.push(took);
        }
        measures.take(&site.writer, &calm);
        std::thread::sleep(Duration::from_millis(500));
    }
    site.writer.stop();
    calm.stop();
    for (leg, url, writer) in [
        ("faulted", site.server.url().as_str(), &site.writer),
        ("control", calm_url, &calm),
    ] {
        assert_eq!(writer.spooled(), 0, "{leg}: left in the spool");
        assert_stored(leg, url, writer.durable());
    }
    assert_eq!(calm.retries(), 0, "the control leg met a fault");
    assert_quick(recoveries);
    measures.assert_flat();
}

/// Asserts that exactly the first `durable` ticks are stored: all acknowledged ticks, in order, and no
/// others.
fn assert_stored(leg: &str, url: &str, durable: i64) {
    let stored: i64 = ask(url, "SELECT count(*) FROM ticks")[0]
        .parse()
        .expect("a number");
    println!("{leg}: {stored} ticks stored, {durable} acknowledged as durable");
    assert_eq!(stored, durable, "{leg}");
    for from in (0..stored).step_by(WINDOW as usize) {
        let to = (from + WINDOW).min(stored);
        let at = |number| (start() + chrono::TimeDelta::seconds(number)).to_rfc3339();
        let condition = format!("tick_time >= '{}' AND tick_time < '{}'", at(from), at(to));
        assert_exact_where(url, &condition, &ticks(from, to));
    }
}

/// Asserts that 99 of 100 first commits after a fault were in time.
fn assert_quick(mut recoveries: Vec<Duration>) {
    recoveries.sort();
    let count = recoveries.len();
    let Some(worst) = (count * 99).div_ceil(100).checked_sub(1) else {
        return;
    };
    let (middle, late) = (recoveries[count / 2], recoveries[worst]);
    println!("first commits after {count} faults: {middle:?} at the median, {late:?} at 99 of 100");
    assert!(late <= RECOVERY, "{recoveries:?}");
}

/// A directory for the spools of both writers, removed at the end.
struct Spools(PathBuf);

impl Spools {
    fn make() -> Self {
        let name = format!("soak-{}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).expect("made");
        Self(folder)
    }
}

impl Drop for Spools {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("the spools stay behind in {}: {error}", self.0.display());
        }
    }
}

struct Site {
    server: Server,
    proxy: FaultProxy,
    writer: Writer,
    spool: PathBuf,
    /// Whether the last event started a new writer, which needs time to start.
    restarted: bool,
}

impl Site {
    fn new(server: Server, spool: PathBuf, seed: u64) -> Self {
        let proxy = FaultProxy::builder(address_of(&server.url()))
            .seed(seed)
            .start();
        let writer = Writer::start(&at_port(&server.url(), proxy.port()), &spool, 0);
        Self {
            server,
            proxy,
            writer,
            spool,
            restarted: false,
        }
    }

    /// Runs the event. Returns the time from its end to the next commit.
    fn suffer(&mut self, event: Event, length: Duration) -> Duration {
        self.restarted = false;
        let wait = || std::thread::sleep(length);
        match event {
            Event::DownAndUp
            | Event::FastRestart
            | Event::ImmediateRestart
            | Event::ServerCrash => {
                match event {
                    Event::ImmediateRestart => self.server.stop("immediate"),
                    Event::ServerCrash => self.server.crash(),
                    _ => self.server.stop("fast"),
                }
                if event == Event::DownAndUp {
                    wait();
                }
                self.server.start_again();
            }
            Event::Resets => {
                for _ in 0..length.as_millis() / 200 {
                    self.proxy.reset_all();
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
            Event::StalledNetwork => {
                self.flow(Flow {
                    stalled: true,
                    ..Flow::default()
                });
                self.proxy.set_accept_mode(AcceptMode::Silent);
                wait();
                self.proxy.open();
                self.flow(Flow::default());
                self.proxy.reset_all();
            }
            Event::Frozen => {
                self.server.freeze();
                wait();
                self.server.thaw();
            }
            Event::AnswerLost => self.lose(Loss::Answer(Message::CopyDone)),
            Event::CommitLost => self.lose(Loss::Request(Message::CopyDone)),
            Event::Latency => {
                self.flow(Flow {
                    delay: Duration::from_millis(250),
                    jitter: Duration::from_millis(150),
                    ..Flow::default()
                });
                wait();
                self.flow(Flow::default());
            }
            Event::Bandwidth => {
                self.flow(Flow {
                    bytes_per_second: Some(16 * 1024),
                    ..Flow::default()
                });
                wait();
                self.flow(Flow::default());
            }
            Event::ReadOnly => {
                self.make_read_only("on");
                wait();
                self.make_read_only("off");
            }
            Event::DiskFull => {
                let url = self.server.url();
                let chunk = move_newest_chunk(&self.server);
                fill(&url);
                wait();
                make_room(&url);
                ask(
                    &url,
                    &format!("ALTER TABLE {chunk} SET TABLESPACE pg_default"),
                );
            }
            Event::WriterKilled => self.writer.kill(),
            Event::WriterStoppedInAnOutage => {
                self.proxy.refuse();
                wait();
                let begun = Instant::now();
                self.writer.stop();
                let took = begun.elapsed();
                assert!(took <= Duration::from_secs(11), "it stopped after {took:?}");
                self.proxy.open();
            }
        }
        if matches!(event, Event::WriterKilled | Event::WriterStoppedInAnOutage) {
            self.restarted = true;
            let url = at_port(&self.server.url(), self.proxy.port());
            self.writer = Writer::start(&url, &self.spool, self.writer.durable());
        }
        self.writer.wait_for_commit(START)
    }

    fn lose(&self, loss: Loss) {
        self.proxy.lose_next(loss);
        let begun = Instant::now();
        while !self.proxy.has_lost() {
            assert!(begun.elapsed() < START, "no {loss:?} in {START:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn flow(&self, flow: Flow) {
        self.proxy.set_both_flows(flow);
    }

    fn make_read_only(&self, on: &str) {
        let url = self.server.url();
        ask(
            &url,
            &format!("ALTER SYSTEM SET default_transaction_read_only = {on}"),
        );
        ask(&url, "SELECT pg_reload_conf()");
    }
}

/// Moves the newest chunk to the small disk; returns its name.
fn move_newest_chunk(server: &Server) -> String {
    let url = server.url();
    crate::small_disk::attach(server);
    let chunk = ask(
        &url,
        "SELECT format('%I.%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks \
         WHERE hypertable_name = 'ticks' ORDER BY range_end DESC LIMIT 1",
    )
    .remove(0);
    ask(&url, &format!("ALTER TABLE {chunk} SET TABLESPACE small"));
    chunk
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The next number of SplitMix64.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut x = *state;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
