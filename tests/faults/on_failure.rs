//! Tests of the spool mode `on_failure` with repeated outages.

use std::time::Duration;

use fault_proxy::AcceptMode;
use tickbook::ingest::SpoolMode;

use crate::fault::Fault;
use crate::load::{Load, write_ahead};
use crate::site::GatedSite;
use crate::support::oracle::assert_exact;

/// The times in milliseconds for which the database is unavailable and then available, in turn.
const FLAPS: [(u64, u64); 8] = [
    (30, 300),
    (250, 20),
    (5, 100),
    (300, 5),
    (40, 40),
    (10, 10),
    (120, 150),
    (60, 0),
];

#[tokio::test(flavor = "multi_thread")]
async fn fault_02_on_failure_mode_loses_nothing_in_flaps() {
    let _fault = Fault::begin("fault_02_on_failure_mode_loses_nothing_in_flaps");
    let site = GatedSite::new(2, |_| ()).await;
    flaps(&site, 1, |site| site.timeseries.refuse()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_06_on_failure_mode_loses_nothing_in_flaps() {
    let name = "fault_06_on_failure_mode_loses_nothing_in_flaps";
    let Some(_fault) = Fault::begin_long(name) else {
        return;
    };
    let site = GatedSite::new(6, |config| {
        config.pool.call_timeout = Duration::from_secs(1);
    })
    .await;
    flaps(&site, 5, |site| {
        site.timeseries.set_accept_mode(AcceptMode::Silent);
        site.timeseries.reset_all();
    })
    .await;
}

async fn flaps(site: &GatedSite, rounds: usize, begin: impl Fn(&GatedSite)) {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = write_ahead(folder.path()).mode(SpoolMode::OnFailure);
    let load = Load::start_with(site.repositories.ticks.clone(), spool).await;
    load.wait_for_progress(Duration::from_secs(10)).await;
    for (away, there) in FLAPS.repeat(rounds) {
        begin(site);
        tokio::time::sleep(Duration::from_millis(away)).await;
        site.timeseries.open();
        tokio::time::sleep(Duration::from_millis(there)).await;
    }
    // in a longer outage ticks are written to the disk, and stored afterwards
    begin(site);
    load.wait_for_failures(1).await;
    load.assert_spools().await;
    site.timeseries.open();
    load.wait_for_progress(Duration::from_secs(10)).await;
    assert_exact(site.ticks_url(), &load.finish().await);
}
