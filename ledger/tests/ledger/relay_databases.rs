//! Tests of the relay on both databases: killed processes, open transactions, lost and restored databases.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::{DatabaseConfig, DatabasePools, ScratchSchemas};
use tickbook::domain::TimeRange;
use tickbook::{Database, DatabaseUrl};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::conformance::RelaySubject;
use tickbook_ledger::domain::{
    AccountId, AccountScope, Currency, Environment, NewAccount, OrderEvent, Side, TenantId, Venue,
};
use tickbook_ledger::relay::{Relay, RelayRepositories, RelayTotals, compare_account};
use tickbook_ledger::repository::{AccountSequence, HistoryQuery};

use crate::samples::{created, filled};

async fn both_databases() -> RelaySubject {
    let setup = Setup::new().await;
    RelaySubject::guarded(setup.ledger, setup.relay, setup.schemas)
}

tickbook_ledger::relay_conformance_tests!(both_databases);

/// Both databases with all migrations.
struct Setup {
    // connections close before the schemas are removed
    ledger: LedgerRepositories,
    relay: RelayRepositories,
    schemas: ScratchSchemas,
}

impl Setup {
    async fn new() -> Self {
        let schemas = ScratchSchemas::create();
        let pools = DatabasePools::new(&schemas.config());
        let metadata = tickbook::postgres::migrate_metadata(&pools.metadata()).await;
        metadata.expect("migrations of the metadata database");
        let timeseries = tickbook::postgres::migrate_timeseries(&pools.timeseries()).await;
        timeseries.expect("migrations of the time-series database");
        Self {
            ledger: LedgerRepositories::postgres(pools.metadata()),
            relay: RelayRepositories::postgres(&pools),
            schemas,
        }
    }

    async fn account(&self, name: &str) -> AccountId {
        let (venue, usd) = (Venue::new("V").expect("an id"), Currency::new("USD"));
        let usd = usd.expect("an id");
        let terms = NewAccount::new(TenantId::new(1), name, venue, Environment::Live, usd);
        let accounts = &self.ledger.accounts;
        let account = accounts.create(&AccountScope::all(), terms).await;
        account.expect("a new account").account_id
    }

    /// Appends `3 * orders` new events.
    async fn append(&self, id: AccountId, first: u32, orders: u32) {
        let events = events(first, orders);
        let ledger = &self.ledger.ledger;
        let receipt = ledger.append(&AccountScope::all(), id, &events, None).await;
        assert_eq!(receipt.expect("appended").appended.len(), events.len());
    }

    fn connection(&self, database: Database) -> PgConnection {
        self.schemas.connection(database)
    }

    fn relay(&self) -> Relay {
        Relay::new(self.relay.clone())
    }

    /// Copies until so many entries were copied: a transaction of another test may hold some back.
    async fn drain(&self, entries: u64) -> RelayTotals {
        let relay = self.relay();
        let mut totals = RelayTotals::default();
        let copied = async {
            while totals.entries < entries {
                totals = totals.plus(relay.drain().await.expect("copied"));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let copied = tokio::time::timeout(Duration::from_secs(60), copied).await;
        copied.expect("copied in time");
        assert_eq!(totals.entries, entries);
        totals
    }

    async fn copied(&self, id: AccountId) -> Vec<i64> {
        let query = HistoryQuery::new(id, TimeRange::all());
        let page = self.relay.history.events(&query).await.expect("read");
        let mut numbers: Vec<_> = page.items.iter().map(|it| it.sequence).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The numbers of events, fills and positions in the time-series database.
    fn rows(&self) -> [i64; 3] {
        let mut connection = self.connection(Database::Timeseries);
        ["order_event_history", "fill_history", "position_history"].map(|table| {
            number(
                &mut connection,
                &format!("SELECT count(*) AS number FROM {table}"),
            )
        })
    }
}

/// An order with two fills each.
fn events(first: u32, orders: u32) -> Vec<OrderEvent> {
    let order = |number: u32| {
        let name = format!("o{number}");
        let fill = |part: i64| {
            let at = i64::from(number) * 10 + part;
            filled(&name, &format!("{name}-{part}"), at, "1", "100")
        };
        [created(&name, Side::Buy, "2"), fill(1), fill(2)]
    };
    (first..first + orders).flat_map(order).collect()
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn number(connection: &mut PgConnection, query: &str) -> i64 {
    let row: Number = sql_query(query).get_result(connection).expect(query);
    row.number
}

/// Waits until `holds` returns true.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.unwrap_or_else(|_| panic!("{what}: not in time"));
}

#[tokio::test]
#[ignore = "a process of the tests below"]
async fn process_that_relays() {
    let url = |database: Database| {
        let text = std::env::var(database.url_variable()).expect("given");
        DatabaseUrl::parse(&text).expect("a URL")
    };
    let config = DatabaseConfig::new(url(Database::Metadata), url(Database::Timeseries));
    let relay = RelayRepositories::postgres(&DatabasePools::new(&config));
    Relay::new(relay).run(std::future::pending()).await;
}

/// Starts a process that relays, with this application name of its sessions in the time-series database.
fn process(setup: &Setup, name: &str) -> Child {
    let program = std::env::current_exe().expect("this program");
    let (_, module) = module_path!().split_once("::").expect("a module");
    let timeseries = setup.schemas.url(Database::Timeseries);
    Command::new(program)
        .args(["--ignored", "--exact"])
        .arg(format!("{module}::process_that_relays"))
        .env("DATABASE_URL", setup.schemas.url(Database::Metadata))
        .env(
            "TIMESCALEDB_URL",
            format!("{timeseries}&application_name={name}"),
        )
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// Kills a process that relays as soon as it waits for `lock`, and then gives the lock back.
async fn killed_at(setup: &Setup, lock: &str) {
    let name = format!("relaying{}_{}", std::process::id(), setup.schemas.name());
    let name = &name[..name.len().min(60)];
    let mut blocker = setup.connection(Database::Timeseries);
    blocker
        .batch_execute(&format!("BEGIN; {lock}"))
        .expect("locked");
    let mut process = process(setup, name);
    let mut admin = setup.connection(Database::Timeseries);
    let waiting = format!(
        "SELECT count(*) AS number FROM pg_stat_activity \
         WHERE application_name = '{name}' AND wait_event_type = 'Lock'"
    );
    until("the process waits", || number(&mut admin, &waiting) > 0).await;
    // SIGKILL
    process.kill().expect("it runs");
    process.wait().expect("it ends");
    blocker.batch_execute("ROLLBACK").expect("unlocked");
    let left = format!(
        "SELECT count(*) AS number FROM pg_stat_activity WHERE application_name = '{name}'"
    );
    until("its sessions end", || number(&mut admin, &left) == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_killed_before_its_copy_repeats_it() {
    let setup = Setup::new().await;
    let id = setup.account("main").await;
    setup.append(id, 0, 4).await;
    killed_at(&setup, "LOCK TABLE order_event_history IN EXCLUSIVE MODE").await;
    assert_eq!(setup.rows(), [0, 0, 0]);
    let totals = setup.drain(1).await;
    assert_eq!((totals.inserted, totals.duplicates), (12, 0));
    assert_eq!(setup.rows(), [12, 8, 8]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_killed_before_its_cursor_loses_no_row() {
    let setup = Setup::new().await;
    let id = setup.account("main").await;
    setup.append(id, 0, 4).await;
    // the rows are written, the cursor is not
    killed_at(&setup, "LOCK TABLE ledger_relay_cursor IN EXCLUSIVE MODE").await;
    assert_eq!(setup.rows(), [0, 0, 0]);
    let cursors = setup.relay.history.cursors(&[id]).await.expect("read");
    assert_eq!(cursors.get(&id), None);
    let totals = setup.drain(1).await;
    assert_eq!((totals.inserted, totals.duplicates), (12, 0));
    assert_eq!(setup.copied(id).await, Vec::from_iter(1..=12));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_transaction_holds_entries_back() {
    let setup = Setup::new().await;
    let id = setup.account("main").await;
    let mut open = setup.connection(Database::Metadata);
    open.batch_execute("BEGIN; SELECT pg_current_xact_id()")
        .expect("begun");
    setup.append(id, 0, 1).await;
    assert_eq!(setup.relay().drain().await.expect("nothing").entries, 0);
    let backlog = setup.relay.outbox.backlog().await.expect("read");
    assert!(
        backlog.oldest.is_some() && backlog.held_since.is_some(),
        "{backlog:?}"
    );
    assert_eq!(setup.copied(id).await, [0_i64; 0]);
    open.batch_execute("COMMIT").expect("ended");
    assert_eq!(setup.drain(1).await.inserted, 3);
    let backlog = setup.relay.outbox.backlog().await.expect("read");
    assert_eq!((backlog.oldest, backlog.held_since), (None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entry_that_is_committed_late_is_not_lost() {
    let setup = Setup::new().await;
    let (slow, fast) = (setup.account("slow").await, setup.account("fast").await);
    setup.append(slow, 0, 1).await;
    setup.drain(1).await;
    // an entry with a lower number, whose transaction ends last
    let mut late = setup.connection(Database::Metadata);
    late.batch_execute(&format!(
        "BEGIN; INSERT INTO ledger_outbox (account_id, first_sequence, last_sequence, recorded_at) \
         VALUES ({slow}, 1, 3, now())"
    ))
    .expect("begun");
    setup.append(fast, 0, 1).await;
    assert_eq!(setup.relay().drain().await.expect("nothing").entries, 0);
    late.batch_execute("COMMIT").expect("ended");
    let totals = setup.drain(2).await;
    assert_eq!((totals.inserted, totals.duplicates), (3, 3));
    assert_eq!(setup.copied(fast).await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redelivered_day_is_copied_once() {
    let setup = Setup::new().await;
    let id = setup.account("main").await;
    let day = events(0, 600);
    let scope = AccountScope::all();
    for batch in day.chunks(300) {
        let receipt = setup.ledger.ledger.append(&scope, id, batch, None).await;
        assert_eq!(receipt.expect("appended").appended.len(), batch.len());
    }
    assert_eq!(setup.drain(6).await.inserted, 1_800);
    for batch in day.chunks(300) {
        let receipt = setup.ledger.ledger.append(&scope, id, batch, None).await;
        assert_eq!(receipt.expect("known").duplicates.len(), batch.len());
    }
    assert_eq!(setup.relay().drain().await.expect("nothing").entries, 0);
    let totals = setup.relay().resend(id).await.expect("copied");
    assert_eq!((totals.inserted, totals.duplicates), (0, 1_800));
    assert_eq!(setup.rows(), [1_800, 1_200, 1_200]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_timeseries_database_is_filled_again() {
    let setup = Setup::new().await;
    let (a, b) = (setup.account("a").await, setup.account("b").await);
    setup.append(a, 0, 3).await;
    setup.append(b, 0, 1).await;
    setup.drain(2).await;
    let before = setup.rows();
    setup
        .connection(Database::Timeseries)
        .batch_execute(
            "TRUNCATE order_event_history; TRUNCATE fill_history; TRUNCATE position_history; \
             TRUNCATE ledger_relay_cursor",
        )
        .expect("lost");
    let found = setup.relay().reconcile().await.expect("copied");
    assert_eq!((found.copied.inserted, found.ahead), (12, vec![]));
    assert_eq!(setup.rows(), before);
    // an older state: the cursor and the rows of one account are behind
    setup
        .connection(Database::Timeseries)
        .batch_execute(&format!(
            "DELETE FROM order_event_history WHERE account_id = {a} AND sequence > 4; \
             DELETE FROM fill_history WHERE account_id = {a} AND sequence > 4; \
             DELETE FROM position_history WHERE account_id = {a} AND sequence > 4; \
             UPDATE ledger_relay_cursor SET sequence = 4 WHERE account_id = {a}"
        ))
        .expect("older");
    setup.append(a, 3, 1).await;
    assert_eq!(setup.drain(1).await.inserted, 8);
    assert_eq!(setup.copied(a).await, Vec::from_iter(1..=12));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_lost_by_a_restored_ledger_are_listed() {
    let setup = Setup::new().await;
    let id = setup.account("main").await;
    setup.append(id, 0, 1).await;
    setup.append(id, 1, 1).await;
    setup.drain(2).await;
    let compared = compare_account(&setup.relay, id).await.expect("read");
    assert_eq!((compared.copied, compared.surplus), (6, vec![]));
    // a backup from before the second order
    setup
        .connection(Database::Metadata)
        .batch_execute(&format!(
            "ALTER TABLE order_events DISABLE TRIGGER USER; \
             DELETE FROM order_events WHERE account_id = {id} AND sequence > 3; \
             ALTER TABLE order_events ENABLE TRIGGER USER; \
             UPDATE account_heads SET sequence = 3, revision = revision + 1 WHERE account_id = {id}"
        ))
        .expect("older");
    let pools = DatabasePools::new(&setup.schemas.config());
    let restored = LedgerRepositories::postgres(pools.metadata());
    let scope = AccountScope::all();
    let rebuilt = restored.ledger.rebuild(&scope, id).await.expect("rebuilt");
    assert_eq!((rebuilt.sequence, rebuilt.is_equal()), (3, false));
    let found = setup.relay().reconcile().await.expect("read");
    assert_eq!(found.ahead, [AccountSequence::new(id, 6)]);
    let lost = compare_account(&setup.relay, id)
        .await
        .expect("read")
        .surplus;
    let numbers: Vec<_> = lost.iter().map(|it| it.sequence).collect();
    assert_eq!(numbers, [4, 5, 6]);
    // the lost events are appended again and copied; the old copies stay
    let again: Vec<_> = lost.iter().map(|it| it.event.clone()).collect();
    let receipt = restored.ledger.append(&scope, id, &again, None).await;
    assert_eq!(receipt.expect("appended").appended.len(), 3);
    assert_eq!(setup.drain(1).await.inserted, 3);
    let compared = compare_account(&setup.relay, id).await.expect("read");
    assert_eq!((compared.copied, compared.surplus.len()), (9, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_copy_each_event_once() {
    let setup = Setup::new().await;
    let ids = [setup.account("a").await, setup.account("b").await];
    for first in 0..10 {
        for id in ids {
            setup.append(id, first, 1).await;
        }
    }
    let all_copied = async {
        loop {
            let cursors = setup.relay.history.cursors(&ids).await.expect("read");
            let backlog = setup.relay.outbox.backlog().await.expect("read");
            if cursors.values().all(|it| *it == 30) && backlog.oldest.is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (one, two) = (setup.relay(), setup.relay());
    let both = async {
        tokio::join!(
            one.run(std::future::pending()),
            two.run(std::future::pending())
        );
    };
    let limit = Duration::from_secs(60);
    tokio::select! {
        () = both => {}
        waited = tokio::time::timeout(limit, all_copied) => waited.expect("copied in time"),
    }
    assert_eq!(setup.rows(), [60, 40, 40]);
}
