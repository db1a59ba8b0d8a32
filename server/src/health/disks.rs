//! Watches disks of this machine, and the size of the time-series database.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use chrono::{DateTime, Utc};
use metrics::gauge;
use serde::{Deserialize, Serialize};
use tickbook::Clock;
use tickbook::db::TimeseriesDb;
use tickbook::postgres::database_bytes;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::forecast::{DiskForecast, DiskSample};
use crate::metrics::{DISK_DAYS_LEFT, DISK_FREE};

/// Interval of the samples of the disks of this machine.
const EVERY: Duration = Duration::from_secs(60);

/// Interval of the samples of the database, which examines all of its files.
const DATABASE_EVERY: Duration = Duration::from_secs(300);

/// The name of the disk of the time-series database, if its size is configured.
const TIMESERIES: &str = "timeseries";

/// A disk and its forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiskBody {
    /// The path on this machine, or `timeseries` for the disk of the time-series database.
    #[schema(example = "/var/lib/orderbook/spool")]
    pub name: String,
    /// Bytes in use; for `timeseries` the size of the database.
    pub used_bytes: u64,
    /// Bytes that can still be used.
    pub free_bytes: u64,
    /// Days until nothing is free, at the growth of the last 24 hours; null if the disk does not grow, or if the
    /// server has run for less than half an hour.
    #[schema(example = 42.5)]
    pub days_left: Option<f64>,
    /// Why the disk needs attention.
    pub problem: Option<String>,
}

/// The watched disks. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Disks(Arc<Watched>);

#[derive(Debug, Default)]
struct Watched {
    disks: Mutex<Vec<Disk>>,
    /// Ends the thread when the last clone is dropped.
    thread: Mutex<Option<Sender<()>>>,
}

#[derive(Debug)]
struct Disk {
    name: String,
    warn_days: f64,
    forecast: DiskForecast,
    /// Why the last sample failed.
    failure: Option<String>,
}

impl Disks {
    fn lock(&self) -> MutexGuard<'_, Vec<Disk>> {
        self.0.disks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a disk; the health names it if it is full within `warn_days`.
    pub fn add(&self, name: impl Into<String>, warn_days: f64) {
        self.lock().push(Disk {
            name: name.into(),
            warn_days,
            forecast: DiskForecast::default(),
            failure: None,
        });
    }

    /// Adds a sample of a disk, or the reason why there is none.
    pub fn note(&self, name: &str, sample: Result<DiskSample, String>) {
        let mut disks = self.lock();
        let Some(disk) = disks.iter_mut().find(|disk| disk.name == name) else {
            return;
        };
        match sample {
            Ok(sample) => {
                disk.forecast.add(sample);
                disk.failure = None;
            }
            Err(failure) => disk.failure = Some(failure),
        }
        let name = || disk.name.clone();
        if let Some(last) = disk.forecast.last() {
            gauge!(DISK_FREE, "disk" => name()).set(last.free as f64);
        }
        // Prometheus has infinity
        let days = disk.forecast.days_left().unwrap_or(f64::INFINITY);
        gauge!(DISK_DAYS_LEFT, "disk" => name()).set(days);
    }

    /// The state of each disk that has a sample.
    #[must_use]
    pub fn states(&self) -> Vec<DiskBody> {
        self.lock().iter().filter_map(Disk::state).collect()
    }

    /// Samples disks of this machine now, and every minute in a thread of its own: a system call may hang as long as
    /// the disk does.
    ///
    /// # Errors
    /// The system cannot create the thread.
    pub fn watch(&self, paths: Vec<PathBuf>, warn_days: f64, clock: Clock) -> io::Result<()> {
        for path in &paths {
            self.add(path.display().to_string(), warn_days);
        }
        let (sender, receiver) = channel::<()>();
        let weak = Arc::downgrade(&self.0);
        let run = move || {
            while let Some(watched) = weak.upgrade() {
                let disks = Self(watched);
                for path in &paths {
                    let sample = sample(path, clock.now()).map_err(|error| error.to_string());
                    disks.note(&path.display().to_string(), sample);
                }
                drop(disks);
                if receiver.recv_timeout(EVERY) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        };
        thread::Builder::new().name("disks".to_owned()).spawn(run)?;
        let mut thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner);
        *thread = Some(sender);
        Ok(())
    }

    /// Samples the size of the database every five minutes until `stop`; its disk has room for `capacity` bytes.
    pub fn watch_database(
        &self,
        db: TimeseriesDb,
        capacity: u64,
        warn_days: f64,
        clock: Clock,
        stop: CancellationToken,
    ) {
        self.add(TIMESERIES, warn_days);
        let disks = self.clone();
        tokio::spawn(async move {
            let mut timer = interval(DATABASE_EVERY);
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(timer.tick()).await.is_some() {
                let sample = match database_bytes(&db).await {
                    Ok(used) => {
                        let free = capacity.saturating_sub(used);
                        Ok(DiskSample::new(clock.now(), used, free))
                    }
                    // the readiness has the reason
                    Err(_) => Err("the size of the database is unknown".to_owned()),
                };
                disks.note(TIMESERIES, sample);
            }
        });
    }
}

impl Disk {
    fn state(&self) -> Option<DiskBody> {
        let last = self.forecast.last();
        if last.is_none() && self.failure.is_none() {
            return None;
        }
        let last = last.unwrap_or(DiskSample::new(DateTime::UNIX_EPOCH, 0, 0));
        let days_left = self.forecast.days_left();
        let warns = days_left.filter(|days| *days <= self.warn_days);
        let problem = if self.failure.is_some() {
            self.failure.clone()
        } else if last.is_full() {
            Some(format!("it is full: {} bytes are free", last.free))
        } else {
            warns.map(|days| {
                format!("it is full in {days:.1} days at the growth of the last 24 hours")
            })
        };
        Some(DiskBody {
            name: self.name.clone(),
            used_bytes: last.used,
            free_bytes: last.free,
            days_left,
            problem,
        })
    }
}

/// Of a path that does not exist yet, its nearest existing folder counts.
fn sample(path: &Path, at: DateTime<Utc>) -> io::Result<DiskSample> {
    let existing = path.ancestors().find(|path| path.exists());
    let existing = existing.filter(|path| *path != Path::new(""));
    let disk = rustix::fs::statvfs(existing.unwrap_or(Path::new(".")))?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    let used = bytes(disk.f_blocks.saturating_sub(disk.f_bfree));
    Ok(DiskSample::new(at, used, bytes(disk.f_bavail)))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn disks() -> Disks {
        let disks = Disks::default();
        disks.add("data", 7.0);
        disks
    }

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn problem(disks: &Disks) -> Option<String> {
        disks.states().pop().and_then(|disk| disk.problem)
    }

    #[test]
    fn disk_that_will_be_full_is_named() {
        let disks = disks();
        assert_eq!(disks.states(), []);
        for hour in 0..=2_i64 {
            let used = 1_000_000 + 1_000 * hour.unsigned_abs();
            disks.note("data", Ok(DiskSample::new(at(hour), used, 1_000_000)));
        }
        assert_eq!(problem(&disks), None, "42 days");
        disks.note("data", Ok(DiskSample::new(at(3), 1_003_000, 120_000)));
        let found = problem(&disks).expect("5 days");
        assert_eq!(
            found,
            "it is full in 5.0 days at the growth of the last 24 hours"
        );
    }

    #[test]
    fn full_disk_and_failed_sample_are_named() {
        let disks = disks();
        disks.note("data", Ok(DiskSample::new(at(0), 1_000_000, 10)));
        assert_eq!(
            problem(&disks).as_deref(),
            Some("it is full: 10 bytes are free")
        );
        disks.note("data", Err("no such file".to_owned()));
        assert_eq!(problem(&disks).as_deref(), Some("no such file"));
        disks.note("other", Err("unknown disks are ignored".to_owned()));
        assert_eq!(disks.states().len(), 1);
    }

    #[test]
    fn disk_of_a_folder_is_sampled() {
        let folder = std::env::temp_dir().join("not").join("there");
        let sample = sample(&folder, at(0)).expect("a disk");
        assert!(sample.used > 0);
    }
}
