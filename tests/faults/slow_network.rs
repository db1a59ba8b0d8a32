//! Tests of a network that delivers everything late or in small pieces.

use std::time::{Duration, Instant};

use fault_proxy::Flow;
use tickbook::domain::TimeRange;
use tickbook::ingest::{PersisterConfig, TickPersister};
use tickbook::postgres::HealthState;
use tickbook::repository::TickQuery;

use crate::fault::Fault;
use crate::site::GatedSite;
use crate::support::migrated_schema::{SYMBOL, start, ticks};
use crate::support::oracle::{ask, assert_exact};
use crate::support::probed::health;

#[tokio::test(flavor = "multi_thread")]
async fn fault_18_latency_of_half_a_second() {
    let Some(_fault) = Fault::begin_long("fault_18_latency_of_half_a_second") else {
        return;
    };
    let site = GatedSite::new(18, |_| ()).await;
    // open a connection first, as in a running server
    site.repositories
        .ticks
        .insert_batch(&ticks(0, 60))
        .await
        .expect("stored");
    assert_eq!(health(&site.pools).await.timeseries.state, HealthState::Up);
    site.timeseries.set_both_flows(Flow {
        delay: Duration::from_millis(250),
        jitter: Duration::from_millis(150),
        ..Flow::default()
    });
    let config = PersisterConfig::default().batch_size(1_000);
    let persister = TickPersister::start(site.repositories.ticks.clone(), config);
    let begun = Instant::now();
    for tick in ticks(1_000, 6_000) {
        persister.push(tick).await.expect("nobody stops it");
    }
    persister.flush().await.expect("stored");
    let took = begun.elapsed();
    println!("5,000 ticks took {took:?}");
    let stats = persister.stats();
    assert_eq!((stats.retries, stats.inserted), (0, 5_000), "{stats:?}");
    // five full batches one after another, each with at most two round trips of the longest delay
    assert!(
        took < Duration::from_millis(5 * 2 * 800 * 12 / 10),
        "{took:?}"
    );
    let mut all = ticks(0, 60);
    all.extend(ticks(1_000, 6_000));
    assert_exact(site.ticks_url(), &all);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_20_segments_of_one_byte() {
    let _fault = Fault::begin("fault_20_segments_of_one_byte");
    let site = GatedSite::new(20, |_| ()).await;
    site.timeseries.set_both_flows(Flow {
        sliced: true,
        ..Flow::default()
    });
    let repository = &site.repositories.ticks;
    for (from, to) in [(0, 200), (200, 210)] {
        let receipt = repository
            .insert_batch(&ticks(from, to))
            .await
            .expect("stored");
        assert_eq!(receipt.inserted, (to - from) as u64);
    }
    let read = repository
        .range(&TickQuery::new(SYMBOL, TimeRange::all()))
        .await;
    assert_eq!(read.expect("read").items, ticks(0, 210));
    assert_exact(site.ticks_url(), &ticks(0, 210));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_19_bandwidth_of_16_kib_per_second() {
    let Some(_fault) = Fault::begin_long("fault_19_bandwidth_of_16_kib_per_second") else {
        return;
    };
    // a thousand ticks take some five seconds on this network
    let site = GatedSite::new(19, |config| {
        config.pool.call_timeout = Duration::from_secs(2);
        // shorter than the call timeout, as by default, so that a batch is not stored after its caller
        // gave up
        config.pool.statement_timeout = Duration::from_millis(1_500);
    })
    .await;
    site.timeseries.set_both_flows(Flow {
        bytes_per_second: Some(16 * 1024),
        ..Flow::default()
    });
    let persister =
        TickPersister::start(site.repositories.ticks.clone(), PersisterConfig::default());
    for tick in ticks(0, 2_000) {
        persister.push(tick).await.expect("nobody stops it");
    }
    let flushed = tokio::time::timeout(Duration::from_secs(120), persister.flush()).await;
    flushed.expect("progress is made").expect("not stopped");
    println!("{:?}", persister.stats());
    assert!(persister.stats().retries > 0, "a thousand fit into 2 s");
    let smallest = most_rows_of_one_write(&site, 0);
    assert!(smallest < 1_000, "{smallest} rows in one write");

    site.timeseries.set_both_flows(Flow::default());
    // each success doubles the largest batch
    for number in 2..14 {
        for tick in ticks(number * 1_000, number * 1_000 + 1_000) {
            persister.push(tick).await.expect("nobody stops it");
        }
        persister.flush().await.expect("not stopped");
    }
    assert_eq!(most_rows_of_one_write(&site, 13_000), 1_000);
    assert_exact(site.ticks_url(), &ticks(0, 14_000));
}

/// The largest number of rows of one write among the thousand ticks from number `from` on.
fn most_rows_of_one_write(site: &GatedSite, from: i64) -> u32 {
    let at = |number| (start() + chrono::TimeDelta::seconds(number)).to_rfc3339();
    let query = format!(
        "SELECT max(rows) FROM (SELECT count(*) AS rows FROM ticks \
         WHERE tick_time >= '{}' AND tick_time < '{}' GROUP BY xmin::text) AS writes",
        at(from),
        at(from + 1_000)
    );
    ask(site.ticks_url(), &query)[0].parse().expect("a number")
}
