//! Starts to watch the disks.

use anyhow::Context as _;
use tickbook::Clock;
use tickbook::db::DatabasePools;
use tokio_util::sync::CancellationToken;

use super::Disks;
use crate::settings::ServerSettings;

/// Watches the disks of the settings, the size of the time-series database and, with databases, the disk of the spool.
///
/// # Errors
/// The system cannot create a thread.
pub(crate) fn start(
    settings: &ServerSettings,
    pools: Option<&DatabasePools>,
    clock: &Clock,
    stop: &CancellationToken,
) -> anyhow::Result<Disks> {
    let (disks, config) = (Disks::default(), &settings.health);
    let mut paths = config.disks.clone();
    if pools.is_some() {
        paths.push(settings.library.spool.directory.clone());
    }
    if !paths.is_empty() {
        let watching = disks.watch(paths, config.disk_warn_days, clock.clone());
        watching.context("cannot watch the disks")?;
    }
    if let (Some(pools), Some(capacity)) = (pools, config.timeseries_disk) {
        let (db, days) = (pools.timeseries(), config.disk_warn_days);
        disks.watch_database(db, capacity, days, clock.clone(), stop.clone());
    }
    Ok(disks)
}
