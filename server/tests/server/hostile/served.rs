//! Well-behaved clients during an attack, and their waiting times.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::target::Target;

/// A client that waits longer than this counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pause of each client between requests.
const PAUSE: Duration = Duration::from_millis(10);

/// The waiting times of clients since the previous measurement.
pub(super) struct Seen {
    /// The 99th percentile of the time of health requests.
    pub(super) health: Duration,
    pub(super) health_failed: usize,
    pub(super) others: usize,
    pub(super) others_failed: usize,
    /// The 99th percentile of the time of other requests.
    pub(super) other: Duration,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "health p99 {:.1} ms, {} failed; others p99 {:.1} ms, {} of {} failed",
            self.health.as_secs_f64() * 1e3,
            self.health_failed,
            self.other.as_secs_f64() * 1e3,
            self.others_failed,
            self.others
        )
    }
}

#[derive(Default)]
struct Times {
    health: Vec<Option<Duration>>,
    others: Vec<Option<Duration>>,
}

/// Clients that send requests continuously.
pub(super) struct Served {
    times: Arc<Mutex<Times>>,
    clients: JoinSet<()>,
}

impl Served {
    pub(super) fn start(to: &Target) -> Self {
        let times: Arc<Mutex<Times>> = Arc::default();
        let mut clients = JoinSet::new();
        let close =
            |request: String| request.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
        let get = |path: &str| close(to.get(path));
        let tick = r#"[{"symbol_id":1,"tick_time":"2014-05-01T00:00:00Z","bid_price":"1","ask_price":"2","bid_volume":"0","ask_volume":"0"}]"#;
        let post = close(to.post(tick));
        for (is_health, request) in [
            (true, get("/health/live")),
            (false, get("/api/v1/ticks/latest?symbols=1")),
            (false, post),
        ] {
            let (to, times) = (to.clone(), Arc::clone(&times));
            clients.spawn(async move {
                loop {
                    let watch = suite::Watch::start();
                    let answered = timeout(PATIENCE, ask(&to, &request)).await;
                    let is_good = answered.is_ok_and(|good| good);
                    let took = is_good.then(|| watch.of_ours());
                    {
                        let mut times = times.lock().expect("no panic");
                        let times = &mut *times;
                        let list = if is_health {
                            &mut times.health
                        } else {
                            &mut times.others
                        };
                        list.push(took);
                    }
                    sleep(PAUSE).await;
                }
            });
        }
        Self { times, clients }
    }

    /// Returns the results since the last call.
    pub(super) fn turn(&self) -> Seen {
        let times = std::mem::take(&mut *self.times.lock().expect("no panic"));
        let failed = |list: &[Option<Duration>]| list.iter().filter(|took| took.is_none()).count();
        Seen {
            health_failed: failed(&times.health),
            others_failed: failed(&times.others),
            others: times.others.len(),
            health: percentile(&times.health),
            other: percentile(&times.others),
        }
    }

    pub(super) async fn stop(mut self) {
        self.clients.shutdown().await;
    }
}

fn percentile(list: &[Option<Duration>]) -> Duration {
    let mut times: Vec<_> = list.iter().flatten().copied().collect();
    times.sort_unstable();
    let place = (times.len() * 99 / 100).min(times.len().saturating_sub(1));
    times.get(place).copied().unwrap_or_default()
}

/// Whether the status of the response is 200.
async fn ask(to: &Target, request: &str) -> bool {
    let asking = async {
        let mut stream = to.connect().await?;
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    asking
        .await
        .is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}
