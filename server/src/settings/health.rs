//! Settings of the health of the server.

use std::path::PathBuf;
use std::time::Duration;

use tickbook::config::Sections;

/// Settings of the health of the server.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthConfig {
    /// A connected feed without a message for longer is a fault; `None`: never.
    pub feed_silence: Option<Duration>,
    /// Paths on further disks of this machine to watch.
    pub disks: Vec<PathBuf>,
    /// The size of the disk of the time-series database in bytes; `None` if it is unknown.
    pub timeseries_disk: Option<u64>,
    /// A disk that is full within so many days is a fault.
    pub disk_warn_days: f64,
}

impl Eq for HealthConfig {}

impl Default for HealthConfig {
    /// The compiled-in defaults.
    fn default() -> Self {
        Self {
            feed_silence: Some(Duration::from_secs(60)),
            disks: Vec::new(),
            timeseries_disk: None,
            disk_warn_days: 7.0,
        }
    }
}

pub(super) fn read(sections: &mut Sections<'_>) -> HealthConfig {
    let silence: u64 = sections.number("health.feed_silence_ms", 0, 86_400_000);
    let bytes: u64 = sections.number("health.timeseries_disk_bytes", 0, 1 << 60);
    let days: u32 = sections.number("health.disk_warn_days", 0, 3_650);
    let path = |text: &str| Ok::<_, std::convert::Infallible>(PathBuf::from(text));
    HealthConfig {
        feed_silence: (silence > 0).then(|| Duration::from_millis(silence)),
        disks: sections.list("health.disks", path).unwrap_or_default(),
        timeseries_disk: (bytes > 0).then_some(bytes),
        disk_warn_days: f64::from(days),
    }
}
