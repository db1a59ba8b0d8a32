//! Tests of a server that runs but refuses or delays writes: locks, a full disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use tickbook::db::DatabasePools;
use tickbook::domain::NewSymbol;
use tickbook::ingest::{PersisterHealth, TickPersister};
use tickbook::{Database, Repositories};

use crate::fault::Fault;
use crate::load::{Load, eventually, write_ahead};
use crate::memory::Memory;
use crate::role::Role;
use crate::server::Server;
use crate::site::{GatedSite, RECOVERY, repositories_on, small_batches};
use crate::small_disk::{attach, fill, make_room};
use crate::support::heartbeat::Heartbeat;
use crate::support::migrated_schema::ticks;
use crate::support::oracle::{ask, assert_exact};
use crate::timed::Timed;

const PLENTY: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn fault_33_table_is_locked() {
    let _fault = Fault::begin("fault_33_table_is_locked");
    let site = GatedSite::new(33, |config| {
        config.pool.lock_timeout = Duration::from_millis(500);
    })
    .await;
    let load = Load::start(site.repositories.ticks.clone());
    load.wait_for_progress(Duration::from_secs(10)).await;
    let mut blocker = postgres(site.ticks_url());
    blocker
        .batch_execute("BEGIN; LOCK TABLE ticks IN ACCESS EXCLUSIVE MODE")
        .expect("locked");
    let waiting = "SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation \
                   WHERE NOT granted AND relname = 'ticks' \
                   AND relnamespace = current_schema()::regnamespace";
    let heartbeat = Heartbeat::start();
    let begun = Instant::now();
    let mut most = 0;
    while begun.elapsed() < Duration::from_secs(3) {
        let now: u32 = ask(site.ticks_url(), waiting)[0].parse().expect("a number");
        most = most.max(now);
        // other calls do not wait
        let reading = suite::Watch::start();
        let symbol = NewSymbol::named("oanda", format!("S{}", begun.elapsed().as_micros()));
        site.repositories
            .symbols
            .create(symbol)
            .await
            .expect("created");
        reading.assert_within(Duration::from_millis(500));
    }
    heartbeat.assert_steady().await;
    assert_eq!(most, 1, "connections that wait for the lock");
    blocker.batch_execute("ROLLBACK").expect("unlocked");
    load.assert_recovers().await;
    assert_exact(site.ticks_url(), &load.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_39_disk_of_the_database_is_full() {
    let fault = Fault::begin("fault_39_disk_of_the_database_is_full");
    let server = match Server::start_with_small_disk(Database::Timeseries, 24) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    let (repositories, _pools) = repositories_on(&server, |_| ()).await;
    let url = server.url();
    attach(&server);
    ask(&url, "SELECT attach_tablespace('small', 'ticks')");
    fill(&url);
    let load = Load::start(repositories.ticks.clone());
    let heartbeat = Heartbeat::start();
    // the last pages of the table and its index still accept some rows
    load.wait_for_failures(5).await;
    heartbeat.assert_steady().await;
    make_room(&url);
    load.assert_recovers().await;
    assert_exact(&url, &load.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_38_lost_grant_makes_no_dead_letters() {
    let _fault = Fault::begin("fault_38_lost_grant_makes_no_dead_letters");
    let site = GatedSite::new(38, |_| ()).await;
    let role = Role::create(&site, "");
    let pools = DatabasePools::new(&role.config(&site));
    let folder = tempfile::tempdir().expect("a folder");
    let spool = write_ahead(folder.path());
    let memory = Memory::start();
    let repository = Arc::new(Timed::new(
        Repositories::postgres(&pools).ticks,
        site.config.pool.call_timeout,
    ));
    let persister = TickPersister::open(Arc::clone(&repository) as _, small_batches(), &spool);
    let persister = persister.await.expect("it opens");
    let push = async |from, to| {
        for tick in ticks(from, to) {
            persister.push(tick).await.expect("nobody stops it");
        }
    };
    push(0, 300).await;
    persister.drain(PLENTY).await.expect("stored");
    role.run("REVOKE INSERT ON ticks FROM $role");
    let heartbeat = Heartbeat::start();
    push(300, 1_300).await;
    let left = persister.drain(Duration::from_secs(2)).await;
    assert_eq!(left.map_err(|undrained| undrained.remaining), Err(1_000));
    let content = persister.spool_content().expect("there is one");
    assert_eq!((content.records, content.dead_letters), (1_000, 0));
    let health = persister.health();
    let PersisterHealth::Misconfigured { reason, .. } = &health else {
        panic!("{health:?}");
    };
    assert!(reason.contains("permission denied"), "{reason}");
    heartbeat.assert_steady().await;
    let before = persister.stats().inserted;
    role.run("GRANT INSERT ON ticks TO $role");
    let repaired = suite::Watch::start();
    eventually("something is stored", || {
        persister.stats().inserted > before
    })
    .await;
    repaired.assert_within(RECOVERY);
    persister.drain(PLENTY).await.expect("it is repaired");
    memory.assert_within(0);
    repository.assert_in_time();
    assert_eq!(persister.health(), PersisterHealth::Up);
    assert_exact(site.ticks_url(), &ticks(0, 1_300));
}

fn postgres(url: &str) -> diesel::PgConnection {
    use diesel::Connection as _;
    diesel::PgConnection::establish(url).expect("a connection")
}
