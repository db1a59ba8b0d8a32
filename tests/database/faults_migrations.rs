//! Tests of processes that migrate at the same time, one of which is killed.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use tickbook::Database;
use tickbook::config::Config;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::postgres::{migrate_metadata, pending_metadata_migrations};

use crate::support::alone::test_of;
use crate::support::pool::{number, wait_until};

const LATEST: Duration = Duration::from_secs(30);

#[tokio::test]
#[ignore = "a process of fault_43"]
async fn process_that_migrates() {
    let config = Config::load().expect("valid settings");
    let pools = DatabasePools::new(&config.database);
    migrate_metadata(&pools.metadata()).await.expect("migrated");
}

/// The application name of the sessions of this run, without their number.
fn sessions() -> String {
    format!("migrating{}_", std::process::id())
}

/// Starts a process that migrates; the application name of its session contains `number`.
fn process(schemas: &ScratchSchemas, number: usize) -> Child {
    let url = schemas.url(Database::Metadata);
    let test = test_of(module_path!(), "process_that_migrates");
    let program = std::env::current_exe().expect("this program");
    Command::new(program)
        .args(["--ignored", "--exact", &test])
        .env(
            "DATABASE_URL",
            format!("{url}&application_name={}{number}", sessions()),
        )
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts")
}

#[tokio::test]
async fn fault_43_migration_survives_a_killed_process() {
    let schemas = ScratchSchemas::create();
    let mut blocker = schemas.connection(Database::Metadata);
    // the third migration waits until this transaction ends
    blocker
        .batch_execute("BEGIN; CREATE TABLE instruments (x int)")
        .expect("begun");
    let mut processes: Vec<_> = (0..3).map(|number| process(&schemas, number)).collect();
    let mut admin = schemas.connection(Database::Metadata);
    let waiting = |what: &str| {
        format!(
            "SELECT count(*) AS number FROM pg_stat_activity \
             WHERE application_name LIKE '{}%' AND wait_event = '{what}'",
            sessions()
        )
    };
    wait_until("one in the middle, two behind it", || {
        number(&mut admin, &waiting("transactionid")) == Ok(1)
            && number(&mut admin, &waiting("advisory")) == Ok(2)
    })
    .await;
    let in_the_middle = number(
        &mut admin,
        &format!(
            "SELECT split_part(application_name, '_', 2)::bigint AS number FROM pg_stat_activity \
             WHERE application_name LIKE '{}%' AND wait_event = 'transactionid'",
            sessions()
        ),
    );
    let killed = usize::try_from(in_the_middle.expect("one")).expect("small");
    let mut killed = processes.remove(killed);
    // SIGKILL
    killed.kill().expect("it runs");
    killed.wait().expect("it ends");
    blocker.batch_execute("ROLLBACK").expect("taken back");
    let begun = Instant::now();
    for mut process in processes {
        let status = loop {
            if let Some(status) = process.try_wait().expect("it can be asked") {
                break status;
            }
            assert!(begun.elapsed() < LATEST, "it waits for ever");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert!(status.success(), "{status}");
    }
    let db = DatabasePools::new(&schemas.config()).metadata();
    let pending = pending_metadata_migrations(&db).await.expect("readable");
    assert_eq!(pending, Vec::<String>::new());
    let applied = "SELECT count(*) AS number FROM __diesel_schema_migrations";
    assert_eq!(number(&mut admin, applied), Ok(34));
    let columns = "SELECT count(*) AS number FROM information_schema.columns \
                   WHERE table_schema = current_schema() AND table_name = 'instruments'";
    assert!(number(&mut admin, columns).expect("counted") > 1);
}
