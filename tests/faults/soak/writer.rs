//! A process that writes, and what it says is committed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tickbook::Repositories;
use tickbook::db::DatabasePools;
use tickbook::ingest::TickPersister;
use tokio::sync::oneshot;

use crate::migrated::ticks;
use crate::site::{config, small_batches};

/// Set where this program is the writer.
pub(super) const URL: &str = "TICKBOOK_SOAK_URL";
const FROM: &str = "TICKBOOK_SOAK_FROM";

/// Between two commits.
const PAUSE: Duration = Duration::from_millis(50);
const TICKS: i64 = 100;

/// What the writer does: ticks in order, each hundred committed and then told, until its input
/// ends.
pub(super) async fn write_until_told(url: &str) {
    let mut from: i64 = std::env::var(FROM)
        .ok()
        .and_then(|from| from.parse().ok())
        .expect("where to go on");
    let (told, mut is_told) = oneshot::channel();
    std::thread::spawn(move || {
        // nothing is ever sent, so that this ends with the input
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = told.send(());
    });
    let mut settings = config(url, url);
    settings.pool.size = 3;
    settings.pool.call_timeout = Duration::from_secs(5);
    let repositories = Repositories::postgres(&DatabasePools::new(&settings));
    let persister = TickPersister::start(repositories.ticks, small_batches());
    loop {
        for tick in ticks(from, from + TICKS) {
            persister.push(tick).await.expect("nobody stops it");
        }
        from += TICKS;
        tokio::select! {
            flushed = persister.flush() => flushed.expect("nobody stops it"),
            _ = &mut is_told => break,
        }
        tell(&format!("committed {from}"));
        tokio::time::sleep(PAUSE).await;
    }
    let report = persister.stop(Duration::from_secs(9)).await;
    tell(&format!("retries {}", report.stats.retries));
}

fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    // whoever listened may be gone, and the writer goes too
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

/// A writing process.
pub(super) struct Writer {
    child: Child,
    committed: Arc<AtomicI64>,
    retries: Arc<AtomicI64>,
    listening: Option<JoinHandle<()>>,
}

impl Writer {
    /// Lets a process of its own write to `url` from tick number `from` on.
    pub(super) fn start(url: &str, from: i64) -> Self {
        // this program, even when it has been built anew meanwhile
        let mut child = Command::new("/proc/self/exe")
            .args(["--exact", "soak::soak", "--nocapture"])
            .env(URL, url)
            .env(FROM, from.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let committed = Arc::new(AtomicI64::new(from));
        let retries = Arc::new(AtomicI64::new(-1));
        let (last, failed) = (Arc::clone(&committed), Arc::clone(&retries));
        let listening = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                match line.split_once(' ') {
                    Some(("committed", number)) => set(&last, number),
                    Some(("retries", number)) => set(&failed, number),
                    // the test harness has its say too
                    _ => {}
                }
            }
        });
        Self {
            child,
            committed,
            retries,
            listening: Some(listening),
        }
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// The number behind the last tick that it said was committed.
    pub(super) fn committed(&self) -> i64 {
        self.committed.load(Ordering::SeqCst)
    }

    /// How many writes failed; known when it has stopped.
    pub(super) fn retries(&self) -> Option<i64> {
        Some(self.retries.load(Ordering::SeqCst)).filter(|retries| *retries >= 0)
    }

    pub(super) fn wait_for_commit(&self, patience: Duration) -> Duration {
        let (begun, before) = (Instant::now(), self.committed());
        while self.committed() <= before {
            assert!(begun.elapsed() < patience, "no commit in {patience:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
        begun.elapsed()
    }

    /// As `kill -9` does.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.end();
    }

    /// Asks it to stop, and returns what it said last.
    pub(super) fn stop(&mut self) -> i64 {
        drop(self.child.stdin.take());
        let status = self.end();
        assert!(status, "the writer failed");
        self.committed()
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

fn set(number: &AtomicI64, text: &str) {
    if let Ok(value) = text.parse() {
        number.store(value, Ordering::SeqCst);
    }
}
