//! Faults in a random order for as long as is asked for (`make soak MINUTES=60`), against a process
//! that writes; beside it one that no fault ever reaches.

mod measures;
mod writer;

use std::time::{Duration, Instant};

use tickbook::Database;

use self::measures::Measures;
use self::writer::{Writer, write_until_told};
use crate::fault::Fault;
use crate::gate::{Door, Flow, Gate, Loss, Message};
use crate::migrated::{migrated, start, ticks};
use crate::oracle::{ask, assert_exact_where};
use crate::server::Server;
use crate::site::{RECOVERY, address_of, at_port, repositories_on};

/// How long a writer may be on its way to its first commit.
const START: Duration = Duration::from_secs(20);

/// Ticks that are compared at once.
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
    WriterKilled,
    WriterStoppedInAnOutage,
}

const EVENTS: [Event; 14] = [
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
    Event::WriterKilled,
    Event::WriterStoppedInAnOutage,
];

#[tokio::test(flavor = "multi_thread")]
async fn soak() {
    if let Ok(url) = std::env::var(writer::URL) {
        return write_until_told(&url).await;
    }
    let fault = Fault::begin("fault_58_soak");
    let Some(minutes) = number("TICKBOOK_SOAK_MINUTES") else {
        return fault.skip("it is `make soak MINUTES=60`");
    };
    let server = match Server::start(Database::Timeseries) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    let seed = number("TICKBOOK_SOAK_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}: make soak MINUTES={minutes} SEED={seed}");
    let _ = repositories_on(&server, |_| ()).await;
    let (schemas, _) = migrated().await;
    let calm_url = schemas.url(Database::Timeseries);
    let mut calm = Writer::start(calm_url, 0);
    let mut site = Site::new(server, seed);
    calm.wait_for_commit(START);
    site.writer.wait_for_commit(START);
    let mut measures = Measures::start(&calm);
    let begun = Instant::now();
    let mut random = seed;
    while begun.elapsed() < Duration::from_secs(minutes * 60) {
        let event = EVENTS[next_random(&mut random) as usize % EVENTS.len()];
        let length = Duration::from_millis(1_000 + next_random(&mut random) % 4_000);
        println!(
            "{:7.1} s  {event:?} for {length:?}",
            begun.elapsed().as_secs_f64()
        );
        let took = site.suffer(event, length);
        println!("           a commit {took:?} after its end");
        assert!(site.restarted || took <= RECOVERY, "{event:?}: {took:?}");
        measures.take(&site.writer, &calm);
        std::thread::sleep(Duration::from_millis(500));
    }
    let (committed, calm_committed) = (site.writer.stop(), calm.stop());
    assert_eq!(calm.retries(), Some(0), "the control leg met a fault");
    assert_prefix(&site.server.url(), committed);
    assert_prefix(calm_url, calm_committed);
    measures.assert_flat();
}

/// Checks that all that was acknowledged is stored, and nothing that was not sent, in order.
fn assert_prefix(url: &str, committed: i64) {
    let stored: i64 = ask(url, "SELECT count(*) FROM ticks")[0]
        .parse()
        .expect("a number");
    println!("{stored} ticks stored, {committed} acknowledged");
    assert!(stored >= committed, "{} are missing", committed - stored);
    for from in (0..stored).step_by(WINDOW as usize) {
        let to = (from + WINDOW).min(stored);
        let at = |number| (start() + chrono::TimeDelta::seconds(number)).to_rfc3339();
        let condition = format!("tick_time >= '{}' AND tick_time < '{}'", at(from), at(to));
        assert_exact_where(url, &condition, &ticks(from, to));
    }
}

struct Site {
    server: Server,
    gate: Gate,
    writer: Writer,
    /// Whether the last event made a new writer, which takes its time to start.
    restarted: bool,
}

impl Site {
    fn new(server: Server, seed: u64) -> Self {
        let gate = Gate::to(address_of(&server.url()), seed);
        let writer = Writer::start(&at_port(&server.url(), gate.port()), 0);
        Self {
            server,
            gate,
            writer,
            restarted: false,
        }
    }

    /// Lets it happen; returns how long after its end something was committed.
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
                    self.gate.reset_all();
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
            Event::StalledNetwork => {
                self.flow(Flow {
                    stalled: true,
                    ..Flow::default()
                });
                self.gate.set_door(Door::Hang);
                wait();
                self.gate.open();
                self.flow(Flow::default());
                self.gate.reset_all();
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
            Event::WriterKilled => self.writer.kill(),
            Event::WriterStoppedInAnOutage => {
                self.gate.close();
                wait();
                let begun = Instant::now();
                self.writer.stop();
                let took = begun.elapsed();
                assert!(took <= Duration::from_secs(11), "it stopped after {took:?}");
                self.gate.open();
            }
        }
        if matches!(event, Event::WriterKilled | Event::WriterStoppedInAnOutage) {
            self.restarted = true;
            let url = at_port(&self.server.url(), self.gate.port());
            self.writer = Writer::start(&url, self.writer.committed());
        }
        self.writer.wait_for_commit(START)
    }

    fn lose(&self, loss: Loss) {
        self.gate.lose_next(loss);
        let begun = Instant::now();
        while !self.gate.has_lost() {
            assert!(begun.elapsed() < START, "no {loss:?} in {START:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn flow(&self, flow: Flow) {
        self.gate.set_both_flows(flow);
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

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// splitmix64.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut x = *state;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
