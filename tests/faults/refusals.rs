//! The server is there and does not take the write: locks, a full disk.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use tickbook::Database;
use tickbook::domain::NewSymbol;

use crate::fault::Fault;
use crate::load::Load;
use crate::oracle::{ask, assert_exact};
use crate::server::Server;
use crate::site::{GatedSite, repositories_on, small_batches};
use crate::small_disk::{attach, fill, make_room};

#[tokio::test(flavor = "multi_thread")]
async fn fault_33_table_is_locked() {
    let _fault = Fault::begin("fault_33_table_is_locked");
    let site = GatedSite::new(33, |config| {
        config.pool.lock_timeout = Duration::from_millis(500);
    })
    .await;
    let load = Load::start(site.repositories.ticks.clone(), small_batches());
    load.wait_for_progress(Duration::from_secs(10)).await;
    let mut blocker = postgres(site.ticks_url());
    blocker
        .batch_execute("BEGIN; LOCK TABLE ticks IN ACCESS EXCLUSIVE MODE")
        .expect("locked");
    let waiting = "SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation \
                   WHERE NOT granted AND relname = 'ticks' \
                   AND relnamespace = current_schema()::regnamespace";
    let begun = Instant::now();
    let mut most = 0;
    while begun.elapsed() < Duration::from_secs(3) {
        let now: u32 = ask(site.ticks_url(), waiting)[0].parse().expect("a number");
        most = most.max(now);
        // others are not disturbed
        let reading = Instant::now();
        let symbol = NewSymbol::named("oanda", format!("S{}", begun.elapsed().as_micros()));
        site.repositories
            .symbols
            .create(symbol)
            .await
            .expect("created");
        assert!(reading.elapsed() < Duration::from_millis(500));
    }
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
    let load = Load::start(repositories.ticks.clone(), small_batches());
    // the last pages of the table and its index take some
    load.wait_for_failures(3).await;
    make_room(&url);
    load.assert_recovers().await;
    assert_exact(&url, &load.finish().await);
}

fn postgres(url: &str) -> diesel::PgConnection {
    use diesel::Connection as _;
    diesel::PgConnection::establish(url).expect("a connection")
}
