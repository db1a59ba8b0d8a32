//! A process that writes ticks and reports their state.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tickbook::Repositories;
use tickbook::db::DatabasePools;
use tickbook::ingest::{Ack, AckLevel, SpoolConfig, TickPersister};
use tokio::sync::{oneshot, watch};

use crate::site::{config, small_batches};
use crate::support::migrated_schema::ticks;

/// The variable that is set in the writer process.
pub(super) const URL: &str = "TICKBOOK_SOAK_URL";
const FROM: &str = "TICKBOOK_SOAK_FROM";
const SPOOL: &str = "TICKBOOK_SOAK_SPOOL";

/// The pause between two groups of ticks.
const PAUSE: Duration = Duration::from_millis(50);
const TICKS: i64 = 50;

/// The writer: pushes ticks in order until its input ends, and reports which ticks are durable and which
/// are committed.
pub(super) async fn write_until_signal(url: &str) {
    let said = |name: &str| std::env::var(name).expect("said by whoever starts it");
    let mut from: i64 = said(FROM).parse().expect("a number");
    let (reported, mut is_reported) = oneshot::channel();
    std::thread::spawn(move || {
        // the input has no data, so this returns at its end
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = reported.send(());
    });
    let mut settings = config(url, url);
    settings.pool.size = 3;
    settings.pool.call_timeout = Duration::from_secs(5);
    let repositories = Repositories::postgres(&DatabasePools::new(&settings));
    let spool = SpoolConfig::new(said(SPOOL));
    let persister = TickPersister::open(repositories.ticks, small_batches(), &spool)
        .await
        .expect("a spool of its own");
    let (pushed, newest) = watch::channel(None);
    let printing = tokio::spawn(report_commits(persister.clone(), newest));
    loop {
        let mut last = None;
        for tick in ticks(from, from + TICKS) {
            last = Some(
                persister
                    .push_with_ack(tick)
                    .await
                    .expect("nobody stops it"),
            );
        }
        from += TICKS;
        let ack = last.expect("some were pushed");
        tokio::select! {
            durable = ack.wait(AckLevel::Durable) => durable.expect("nobody stops it"),
            _ = &mut is_reported => break,
        }
        print_line("durable", from);
        pushed.send_replace(Some((ack, from)));
        tokio::time::sleep(PAUSE).await;
    }
    let report = persister.stop(Duration::from_secs(9)).await;
    drop(pushed);
    printing.await.expect("no panic");
    print_line("retries", report.stats.retries as i64);
    print_line("spooled", report.spooled as i64);
    print_line("unsaved", report.unsaved.len() as i64);
    if report.unsaved.is_empty() {
        print_line("durable", from);
    }
}

async fn report_commits(persister: TickPersister, mut newest: watch::Receiver<Option<(Ack, i64)>>) {
    while newest.changed().await.is_ok() {
        let pushed = newest.borrow_and_update().clone();
        let Some((ack, number)) = pushed else {
            continue;
        };
        if ack.wait(AckLevel::Committed).await.is_err() {
            return;
        }
        print_line("queued", persister.stats().queued as i64);
        print_line("committed", number);
    }
}

fn print_line(what: &str, number: i64) {
    let mut out = std::io::stdout().lock();
    // if the reading process has ended, the writer ends too
    let reported = writeln!(out, "{what} {number}").and_then(|()| out.flush());
    if reported.is_err() {
        std::process::exit(1);
    }
}

/// The last values that a writer reported; -1 for a value that it has not reported.
struct Said {
    /// The number after that of the last tick on the disk or in the database.
    durable: AtomicI64,
    committed: AtomicI64,
    /// The number of ticks without a result at the last commit.
    queued: AtomicI64,
    retries: AtomicI64,
    spooled: AtomicI64,
    unsaved: AtomicI64,
}

impl Said {
    fn take_line(&self, line: &str) {
        // the test harness prints as well: the name of the test precedes the first line
        let mut words = line.rsplit(' ');
        let (Some(number), Some(what)) = (words.next(), words.next()) else {
            return;
        };
        let reported = match what {
            "durable" => &self.durable,
            "committed" => &self.committed,
            "queued" => &self.queued,
            "retries" => &self.retries,
            "spooled" => &self.spooled,
            "unsaved" => &self.unsaved,
            _ => return,
        };
        if let Ok(number) = number.parse() {
            reported.store(number, Ordering::SeqCst);
        }
    }
}

/// A writing process.
pub(super) struct Writer {
    child: Child,
    said: Arc<Said>,
    listening: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts a process that writes to `url` from tick number `from` on, through the spool in `spool`.
    pub(super) fn start(url: &str, spool: &Path, from: i64) -> Self {
        // this program, even if it was rebuilt meanwhile
        let mut child = Command::new("/proc/self/exe")
            .args(["--exact", "soak::soak", "--nocapture"])
            .env(URL, url)
            .env(FROM, from.to_string())
            .env(SPOOL, spool)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let said = Arc::new(Said {
            durable: from.into(),
            committed: from.into(),
            queued: (-1).into(),
            retries: (-1).into(),
            spooled: (-1).into(),
            unsaved: (-1).into(),
        });
        let watched = Arc::clone(&said);
        let listening = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                watched.take_line(&line);
            }
        });
        Self {
            child,
            said,
            listening: Some(listening),
        }
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// The number after that of the last tick that it reported as durable.
    pub(super) fn durable(&self) -> i64 {
        self.said.durable.load(Ordering::SeqCst)
    }

    /// The number of ticks that waited at its last commit.
    pub(super) fn queued(&self) -> i64 {
        self.said.queued.load(Ordering::SeqCst)
    }

    /// The number of failed writes; -1 before it has stopped.
    pub(super) fn retries(&self) -> i64 {
        self.said.retries.load(Ordering::SeqCst)
    }

    /// The number of ticks that it left in its spool; -1 before it has stopped.
    pub(super) fn spooled(&self) -> i64 {
        self.said.spooled.load(Ordering::SeqCst)
    }

    pub(super) fn wait_for_commit(&self, patience: Duration) -> Duration {
        let committed = || self.said.committed.load(Ordering::SeqCst);
        let before = committed();
        wait_until("a commit", patience, || committed() > before)
    }

    /// Waits until at most `ticks` ticks wait.
    pub(super) fn wait_for_backlog(&self, ticks: i64, patience: Duration) -> Duration {
        wait_until("the backlog is stored", patience, || {
            (0..=ticks).contains(&self.queued())
        })
    }

    /// Kills the process with SIGKILL.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.end();
    }

    /// Stops the process, and asserts that it left every tick in the database or in its spool.
    pub(super) fn stop(&mut self) {
        drop(self.child.stdin.take());
        assert!(self.end(), "the writer failed");
        let unsaved = self.said.unsaved.load(Ordering::SeqCst);
        assert_eq!(unsaved, 0, "ticks that the writer did not save");
    }

    fn end(&mut self) -> bool {
        let status = self.child.wait();
        if let Some(listening) = self.listening.take() {
            listening.join().expect("no panic");
        }
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(what: &str, patience: Duration, condition: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < patience, "not in {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
    begun.elapsed()
}
