//! Whether the runtime goes on: a task that wants to wake every millisecond.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const TICK: Duration = Duration::from_millis(1);

/// The 99th percentile during a full outage.
const LAG: Duration = Duration::from_millis(10);

pub(crate) struct Heartbeat {
    stop: oneshot::Sender<()>,
    lags: JoinHandle<Vec<Duration>>,
}

impl Heartbeat {
    pub(crate) fn start() -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let lags = tokio::spawn(async move {
            let mut lags = Vec::new();
            while stopped.try_recv().is_err() {
                let before = Instant::now();
                tokio::time::sleep(TICK).await;
                lags.push(before.elapsed().saturating_sub(TICK));
            }
            lags
        });
        Self { stop, lags }
    }

    /// Ends it and checks that 99 of 100 wakes came in time.
    pub(crate) async fn assert_steady(self) {
        self.stop.send(()).expect("it beats until it is stopped");
        let mut lags = self.lags.await.expect("no panic");
        assert!(lags.len() >= 100, "too few beats to judge: {}", lags.len());
        lags.sort();
        let lag = lags[lags.len() * 99 / 100];
        assert!(lag <= LAG, "{lag:?} of {} beats", lags.len());
    }
}
