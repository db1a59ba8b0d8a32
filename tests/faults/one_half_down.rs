//! Tests with one of the two databases down or read-only.

use std::time::{Duration, Instant};

use tickbook::db::DatabasePools;
use tickbook::domain::NewSymbol;
use tickbook::postgres::HealthState;
use tickbook::repository::SymbolQuery;
use tickbook::{Database, Repositories, RepositoryError};

use crate::fault::Fault;
use crate::load::Load;
use crate::memory::Memory;
use crate::server::Server;
use crate::site::{GatedSite, OVERRUN, RECOVERY, config, repositories_on};
use crate::support::heartbeat::Heartbeat;
use crate::support::migrated_schema::{SYMBOL, ticks};
use crate::support::oracle::{ask, assert_exact};
use crate::support::probed::health;

#[tokio::test(flavor = "multi_thread")]
async fn fault_44_metadata_database_down() {
    let _fault = Fault::begin("fault_44_metadata_database_down");
    let site = GatedSite::new(44, |config| {
        config.pool.call_timeout = Duration::from_secs(2);
    })
    .await;
    let symbols = &site.repositories.symbols;
    let symbol = NewSymbol::named("oanda", "EURUSD");
    symbols.create(symbol).await.expect("created");
    let load = Load::start_with_deadline(
        site.repositories.ticks.clone(),
        site.config.pool.call_timeout,
    );
    let heartbeat = Heartbeat::start();
    site.metadata.refuse();
    // a call in progress may report the lost connection
    let lost = symbols.get(SYMBOL).await.expect_err("its database is down");
    assert!(lost.is_transient(), "{lost:?}");
    let begun = suite::Watch::start();
    let error = symbols.get(SYMBOL).await.expect_err("its database is down");
    begun.assert_within(site.config.pool.call_timeout + OVERRUN);
    assert!(
        matches!(
            error,
            RepositoryError::Unavailable {
                database: Database::Metadata,
                ..
            }
        ),
        "{error:?}"
    );
    let health = health(&site.pools).await;
    assert!(matches!(health.metadata.state, HealthState::Down { .. }));
    assert_eq!(health.timeseries.state, HealthState::Up);
    load.wait_for_progress(Duration::from_secs(10)).await;
    heartbeat.assert_steady().await;
    site.metadata.open();
    let opened = suite::Watch::start();
    let listed = symbols
        .list(&SymbolQuery::default())
        .await
        .expect("it is back");
    opened.assert_within(RECOVERY);
    assert_eq!(listed.items.len(), 1);
    assert_exact(site.ticks_url(), &load.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_44_timeseries_database_down() {
    let _fault = Fault::begin("fault_44_timeseries_database_down");
    let site = GatedSite::new(44, |_| ()).await;
    let memory = Memory::start();
    site.timeseries.refuse();
    let heartbeat = Heartbeat::start();
    let symbols = &site.repositories.symbols;
    let created = symbols.create(NewSymbol::named("oanda", "EURUSD")).await;
    let symbol_id = created.expect("the other half works").symbol_id;
    assert!(symbols.get(symbol_id).await.expect("read").is_some());
    let begun = suite::Watch::start();
    let error = site.repositories.ticks.latest(symbol_id).await;
    begun.assert_within(site.config.pool.call_timeout + OVERRUN);
    let error = error.expect_err("its database is down");
    assert!(
        matches!(
            error,
            RepositoryError::Unavailable {
                database: Database::Timeseries,
                ..
            }
        ),
        "{error:?}"
    );
    let health = health(&site.pools).await;
    assert_eq!(health.metadata.state, HealthState::Up);
    assert!(matches!(health.timeseries.state, HealthState::Down { .. }));
    // ticks that are pushed meanwhile are stored soon afterwards
    let load = Load::start(site.repositories.ticks.clone());
    load.wait_for_failures(2).await;
    heartbeat.assert_steady().await;
    site.timeseries.open();
    load.assert_recovers().await;
    assert_exact(site.ticks_url(), &load.finish().await);
    memory.assert_within(0);
}

/// Makes a server answer every write with 25006, in existing sessions too.
fn make_read_only(server: &Server, read_only: bool) {
    let on = if read_only { "on" } else { "off" };
    ask(
        &server.url(),
        &format!("ALTER SYSTEM SET default_transaction_read_only = {on}"),
    );
    ask(&server.url(), "SELECT pg_reload_conf()");
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_23_server_becomes_read_only() {
    let fault = Fault::begin("fault_23_server_becomes_read_only");
    let server = match Server::start(Database::Timeseries) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    let (repositories, _pools) = repositories_on(&server, |_| ()).await;
    let load = Load::start(repositories.ticks.clone());
    load.wait_for_progress(Duration::from_secs(10)).await;
    let heartbeat = Heartbeat::start();
    make_read_only(&server, true);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let error = repositories
        .ticks
        .insert_batch(&ticks(10_000_000, 10_000_010))
        .await;
    let error = error.expect_err("read-only");
    assert!(
        matches!(error, RepositoryError::Unavailable { .. }) && error.is_transient(),
        "{error:?}"
    );
    heartbeat.assert_steady().await;
    make_read_only(&server, false);
    load.assert_recovers().await;
    assert_exact(&server.url(), &load.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_23_writes_follow_to_the_other_host() {
    let fault = Fault::begin("fault_23_writes_follow_to_the_other_host");
    let servers = [
        Server::start(Database::Timeseries),
        Server::start(Database::Timeseries),
    ];
    let [first, second] = match servers {
        [Ok(first), Ok(second)] => [first, second],
        [Err(reason), _] | [_, Err(reason)] => return fault.skip(reason),
    };
    for server in [&first, &second] {
        let _ = repositories_on(server, |_| ()).await;
    }
    let second_port = crate::site::address_of(&second.url()).port();
    let both = first.url().replace(
        "/orderbook_",
        &format!(",127.0.0.1:{second_port}/orderbook_"),
    );
    let both = format!("{both}?target_session_attrs=read-write");
    let pools = DatabasePools::new(&config(&both, &both));
    let load = Load::start(Repositories::postgres(&pools).ticks);
    load.wait_for_progress(Duration::from_secs(10)).await;
    let heartbeat = Heartbeat::start();
    make_read_only(&first, true);
    let moved = || ask(&second.url(), "SELECT count(*) FROM ticks");
    let begun = Instant::now();
    while moved() == ["0"] {
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // long enough for enough beats
    tokio::time::sleep(Duration::from_millis(200)).await;
    heartbeat.assert_steady().await;
    let accepted = load.finish().await;
    make_read_only(&first, false);
    let held = |server: &Server| ask(&server.url(), "SELECT count(*) FROM ticks").remove(0);
    let on_first: usize = held(&first).parse().expect("a number");
    // in order and without duplicates: the first server has the first part, the second server the rest
    assert!(on_first > 0 && on_first < accepted.len(), "{on_first}");
    assert_exact(&first.url(), &accepted[..on_first]);
    assert_exact(&second.url(), &accepted[on_first..]);
}
