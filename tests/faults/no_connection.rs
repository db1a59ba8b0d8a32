//! Tests without a connection: no server listens, the server refuses, or it never answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fault_proxy::AcceptMode;
use tickbook::db::DatabaseConfig;
use tickbook::db::DatabasePools;
use tickbook::postgres::{HealthState, check_health};
use tickbook::{Database, Repositories, RepositoryError};

use crate::fault::Fault;
use crate::load::{Load, eventually};
use crate::memory::Memory;
use crate::role::Role;
use crate::server::Server;
use crate::site::{GatedSite, OVERRUN, RECOVERY, config, repositories_on};
use crate::support::heartbeat::Heartbeat;
use crate::support::migrated_schema::{SYMBOL, ticks};
use crate::support::oracle::{assert_exact, try_ask};

#[tokio::test(flavor = "multi_thread")]
async fn fault_01_database_down_at_start() {
    let _fault = Fault::begin("fault_01_database_down_at_start");
    let site = GatedSite::new(1, |_| ()).await;
    site.timeseries.refuse();
    let begun = suite::Watch::start();
    let pools = DatabasePools::new(&site.config);
    let repositories = Repositories::postgres(&pools);
    begun.assert_within(Duration::from_millis(100));
    let heartbeat = Heartbeat::start();
    let health = check_health(&pools).await;
    assert_eq!(health.metadata.state, HealthState::Up);
    let HealthState::Down { reason } = health.timeseries.state else {
        panic!("{:?}", health.timeseries.state);
    };
    assert!(reason.contains("timeseries"), "{reason}");
    // ticks that are pushed meanwhile wait
    let load = Load::start(repositories.ticks);
    tokio::time::sleep(Duration::from_secs(1)).await;
    heartbeat.assert_steady().await;
    site.timeseries.open();
    load.assert_recovers().await;
    assert_exact(site.ticks_url(), &load.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_01_strict_start_tries_four_times() {
    let Some(_fault) = Fault::begin_long("fault_01_strict_start_tries_four_times") else {
        return;
    };
    let site = GatedSite::new(1, |_| ()).await;
    site.timeseries.refuse();
    let heartbeat = Heartbeat::start();
    let begun = suite::Watch::start();
    let strict = Repositories::connect(&site.config).await;
    let took = begun.elapsed();
    begun.assert_within(site.config.pool.call_timeout + OVERRUN);
    heartbeat.assert_steady().await;
    let error = strict.expect_err("half of it is down");
    assert!(is_down(&error, Database::Timeseries), "{error:?}");
    assert!(took >= Duration::from_secs(14), "{took:?}");
    // the next attempt succeeds if the database starts meanwhile
    let begun = suite::Watch::start();
    let (strict, ()) = tokio::join!(Repositories::connect(&site.config), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        site.timeseries.open();
    });
    begun.assert_within(Duration::from_secs(6) + RECOVERY);
    strict.expect("it is there");
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(5), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_02_database_comes_up_later() {
    let fault = Fault::begin("fault_02_database_comes_up_later");
    let server = match Server::start(Database::Timeseries) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    let _ = repositories_on(&server, |_| ()).await;
    server.stop("fast");
    let pools = DatabasePools::new(&config(&server.url(), &server.url()));
    let load = Load::start(Repositories::postgres(&pools).ticks);
    let heartbeat = Heartbeat::start();
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.start_again();
    heartbeat.assert_steady().await;
    load.assert_recovers().await;
    assert_exact(&server.url(), &load.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_03_server_is_starting_up() {
    let Some(fault) = Fault::begin_long("fault_03_server_is_starting_up") else {
        return;
    };
    let server = match Server::start(Database::Timeseries) {
        Ok(server) => Arc::new(server),
        Err(reason) => return fault.skip(reason),
    };
    let (repositories, _pools) = repositories_on(&server, |_| ()).await;
    server.stop("fast");
    server.recover_until_promoted();
    let starting = std::thread::spawn({
        let server = Arc::clone(&server);
        move || server.start_again()
    });
    let refused = || try_ask(&server.url(), "SELECT 1").expect_err("it lets nobody in");
    let begun = Instant::now();
    while !refused().contains("FATAL") {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", refused());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let error = repositories.ticks.latest(SYMBOL).await;
    let error = error.expect_err("it lets nobody in");
    assert!(is_down(&error, Database::Timeseries), "{error:?}");
    let load = Load::start(repositories.ticks);
    let heartbeat = Heartbeat::start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.promote();
    eventually("it is ready", || starting.is_finished()).await;
    starting.join().expect("started");
    heartbeat.assert_steady().await;
    load.assert_recovers().await;
    assert_exact(&server.url(), &load.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_05_too_many_clients() {
    let _fault = Fault::begin("fault_05_too_many_clients");
    let site = GatedSite::new(5, |config| config.pool.size = 2).await;
    let role = Role::create(&site, "CONNECTION LIMIT 1");
    let limited = role.config(&site);
    let (first, second) = (pools_of(&limited, 1), pools_of(&limited, 2));
    let existing = Repositories::postgres(&first).ticks;
    existing.insert_batch(&ticks(0, 10)).await.expect("stored");
    let before = site.timeseries.accepted();
    let heartbeat = Heartbeat::start();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        let calling = suite::Watch::start();
        let refused = Repositories::postgres(&second).ticks.latest(SYMBOL).await;
        calling.assert_within(limited.pool.call_timeout + OVERRUN);
        let error = refused.expect_err("the only connection is taken");
        assert!(is_down(&error, Database::Timeseries), "{error:?}");
        assert!(
            error.to_string().contains("too many connections"),
            "{error}"
        );
        existing.latest(SYMBOL).await.expect("not disturbed");
    }
    heartbeat.assert_steady().await;
    let seconds = begun.elapsed().as_secs() + 1;
    let tries = site.timeseries.accepted() - before;
    println!("{tries} tries in {seconds} s");
    // the pool has two threads that open connections
    assert!(tries <= 5 * seconds, "{tries} tries in {seconds} s");
    drop((existing, first));
    let freed = suite::Watch::start();
    eventually_ok(&second).await;
    freed.assert_within(RECOVERY);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_04_wrong_password_and_no_such_database() {
    const CANARY: &str = "C4naryPw";
    let _fault = Fault::begin("fault_04_wrong_password_and_no_such_database");
    let site = GatedSite::new(4, |_| ()).await;
    let role = Role::create(&site, "");
    let right = role.config(&site);
    let wrong_password = role.config_with(&site, CANARY);
    let mut no_database = right.clone();
    no_database.timeseries_url = no_database.timeseries_url.with_database("tickbook_nowhere");
    for wrong in [&wrong_password, &no_database] {
        let repositories = Repositories::postgres(&DatabasePools::new(wrong));
        let begun = suite::Watch::start();
        let error = repositories.ticks.latest(SYMBOL).await;
        begun.assert_within(Duration::from_secs(2) + OVERRUN);
        let error = error.expect_err("refused");
        assert!(
            matches!(error, RepositoryError::Configuration { .. }) && !error.is_transient(),
            "{error:?}"
        );
        let shown = format!("{error} {error:?} {wrong:?}");
        assert!(!shown.contains(CANARY), "{shown}");
    }
    // ticks wait until an operator corrects the password
    let pools = DatabasePools::new(&wrong_password);
    let load = Load::start(Repositories::postgres(&pools).ticks);
    let heartbeat = Heartbeat::start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    heartbeat.assert_steady().await;
    role.set_password(&site, CANARY);
    load.assert_recovers().await;
    assert_exact(site.ticks_url(), &load.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_06_connection_is_accepted_and_never_answered() {
    let Some(_fault) = Fault::begin_long("fault_06_connection_is_accepted_and_never_answered")
    else {
        return;
    };
    let site = GatedSite::new(6, |_| ()).await;
    site.timeseries.set_accept_mode(AcceptMode::Silent);
    let repository = site.repositories.ticks.clone();
    let memory = Memory::start();
    let heartbeat = Heartbeat::start();
    let begun = Instant::now();
    let calls = (0..10).map(|_| {
        let repository = repository.clone();
        tokio::spawn(async move {
            let begun = suite::Watch::start();
            (repository.latest(SYMBOL).await, begun.of_ours())
        })
    });
    let deadline = site.config.pool.call_timeout + OVERRUN;
    for call in calls.collect::<Vec<_>>() {
        let (result, took) = call.await.expect("no panic");
        let error = result.expect_err("nobody answers");
        assert!(error.is_transient() && error.is_certainly_not_applied());
        suite::assert_in_time(took, deadline);
    }
    // each of r2d2's three threads is opening a connection now
    tokio::time::sleep(Duration::from_secs(6).saturating_sub(begun.elapsed())).await;
    heartbeat.assert_steady().await;
    site.timeseries.open();
    let begun = suite::Watch::start();
    eventually_ok(&site.pools).await;
    begun.assert_within(Duration::from_secs(4));
    memory.assert_within(0);
}

fn is_down(error: &RepositoryError, wanted: Database) -> bool {
    matches!(error, RepositoryError::Unavailable { database, .. } if *database == wanted)
}

fn pools_of(config: &DatabaseConfig, size: u32) -> DatabasePools {
    let mut config = config.clone();
    config.pool.size = size;
    DatabasePools::new(&config)
}

async fn eventually_ok(pools: &DatabasePools) {
    let repository = Repositories::postgres(pools).ticks;
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = repository.latest(SYMBOL).await {
        assert!(Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
