//! Tests of syncs of symbols, and of writers of identifiers beside them.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Integer};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::Database;
use tickbook::db::ScratchSchemas;
use tickbook::domain::{
    InstrumentFacts, InstrumentType, ListedSymbol, NewSymbol, SymbolFacts, SymbolId, SymbolList,
    SyncReport,
};
use tickbook::postgres::PgSymbolRepository;
use tickbook::repository::{FeedSymbol, InstrumentRepository, SymbolRepository};
use tokio::task::JoinHandle;

use crate::support::migrated_schema::migrated;

/// The lock of a sync, whose holder lets the others wait.
const LOCK: &str = "BEGIN; SELECT pg_advisory_xact_lock(\
     hashtextextended('tickbook symbol sync ' || current_schema(), 0))";

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn number(connection: &mut PgConnection, sql: &str) -> i64 {
    let row: Number = sql_query(sql).get_result(connection).expect(sql);
    row.number
}

/// A connection that lets others wait, and one that observes them.
struct Site {
    schemas: ScratchSchemas,
    symbols: Arc<PgSymbolRepository>,
    holder: PgConnection,
    observer: PgConnection,
}

impl Site {
    async fn new() -> Self {
        let (schemas, pools) = migrated().await;
        let holder = schemas.connection(Database::Metadata);
        let observer = schemas.connection(Database::Metadata);
        let symbols = Arc::new(PgSymbolRepository::new(pools.metadata()));
        Self {
            schemas,
            symbols,
            holder,
            observer,
        }
    }

    fn hold(&mut self, sql: &str) {
        self.holder.batch_execute(sql).expect(sql);
    }

    /// Waits until `count` sessions wait for the holder.
    fn wait_until_blocked(&mut self, count: i64) {
        let holder = number(
            &mut self.holder,
            "SELECT pg_backend_pid()::bigint AS number",
        );
        let holder = i32::try_from(holder).expect("a process id");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            // the second of several that wait for one lock waits for the first as well
            let blocked: Number = sql_query(
                "SELECT count(*) AS number FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))",
            )
            .bind::<Integer, _>(holder)
            .get_result(&mut self.observer)
            .expect("counted");
            if blocked.number == count {
                return;
            }
            assert!(Instant::now() < deadline, "{} wait", blocked.number);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn sync(&self, list: &SymbolList) -> JoinHandle<SyncReport> {
        let (symbols, list) = (Arc::clone(&self.symbols), list.clone());
        tokio::spawn(async move { symbols.sync(&list).await.expect("the list is accepted") })
    }

    fn rows(&mut self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) AS number FROM {table}");
        number(&mut self.observer, &sql)
    }
}

fn list(names: &[&str], digits: u32) -> SymbolList {
    let instrument = InstrumentFacts::default()
        .instrument_type(InstrumentType::Crypto)
        .quote_currency("USD")
        .tick_size(Decimal::new(1, digits))
        .lot_size(Decimal::ONE)
        .contract_multiplier(Decimal::ONE);
    let digits = i16::try_from(digits).expect("few digits");
    let stated = SymbolFacts::default().digits(digits).instrument(instrument);
    let listed = names
        .iter()
        .zip(1..)
        .map(|(name, key): (_, i32)| ListedSymbol::new(key.to_string(), *name))
        .map(|listed| listed.stated(stated.clone()));
    SymbolList::of("broker", listed.collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn syncs_of_one_feed_wait_for_each_other() {
    let mut site = Site::new().await;
    // the first list creates, and the second one changes the digits of all
    for (digits, versions) in [(2, 3), (4, 6)] {
        let list = list(&["A", "B", "C"], digits);
        site.hold(LOCK);
        let syncs = [site.sync(&list), site.sync(&list)];
        site.wait_until_blocked(2);
        assert!(syncs.iter().all(|sync| !sync.is_finished()));
        assert_eq!(site.rows("instrument_versions"), versions - 3);
        site.hold("COMMIT");
        let mut reports = Vec::new();
        for sync in syncs {
            reports.push(sync.await.expect("no panic"));
        }
        reports.sort_by_key(SyncReport::is_quiet);
        let [first, second] = &reports[..] else {
            panic!("{reports:?}");
        };
        assert_eq!(first.added.len() + first.changed.len(), 3, "{first:?}");
        assert!(second.is_quiet(), "{second:?}");
        assert_eq!((first.listed, second.listed), (3, 3));
        for (table, expected) in [
            ("symbols", 3),
            ("instruments", 3),
            ("feed_symbols", 3),
            ("instrument_versions", versions),
        ] {
            assert_eq!(site.rows(table), expected, "{table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alias_added_during_a_sync_stays() {
    let mut site = Site::new().await;
    let other = NewSymbol::named("spot", "GOLD").symbol_id(SymbolId::new(40));
    site.symbols.create(other).await.expect("created");
    // an operator's transaction has not ended when the sync compares
    site.hold(
        "BEGIN; INSERT INTO feed_symbols (feed, feed_key, symbol_id) VALUES ('broker', '1', 40)",
    );
    let sync = site.sync(&list(&["XAUUSD", "B"], 2));
    site.wait_until_blocked(1);
    site.hold("COMMIT");
    let report = sync.await.expect("no panic");
    let added: Vec<_> = report.added.iter().map(|symbol| &*symbol.name).collect();
    assert_eq!(added, ["B"]);
    let gold = site.symbols.get_by_feed_key("broker", "1").await;
    let gold = gold.expect("read").expect("the alias");
    assert_eq!(gold.symbol_id, SymbolId::new(40));
    assert_eq!(site.rows("symbols"), 2);
    drop(site.schemas);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alias_added_meanwhile_belongs_to_the_first() {
    let mut site = Site::new().await;
    for name in ["EURUSD", "GBPUSD"] {
        let new = NewSymbol::named("oanda", name);
        site.symbols.create(new).await.expect("created");
    }
    site.hold("BEGIN; INSERT INTO feed_symbols (feed, feed_key, symbol_id) VALUES ('f', 'a', 1)");
    let add = |id, key| {
        let symbols = Arc::clone(&site.symbols);
        let mapping = FeedSymbol::new("f", key, SymbolId::new(id));
        tokio::spawn(async move { symbols.add_feed_symbol(&mapping).await.expect("accepted") })
    };
    let (same, other) = (add(1, "a"), add(2, "a"));
    // another name does not wait
    assert_eq!(add(1, "b").await.expect("no panic"), None);
    site.wait_until_blocked(2);
    site.hold("COMMIT");
    assert_eq!(same.await.expect("no panic"), None);
    let owner = other.await.expect("no panic").expect("an owner");
    assert_eq!(owner.symbol_id, SymbolId::new(1));
    let names = site.symbols.feed_symbols(SymbolId::new(1)).await;
    let names: Vec<_> = names
        .expect("read")
        .into_iter()
        .map(|it| it.feed_key)
        .collect();
    assert_eq!(names, ["a", "b"]);
}
