//! Tests of order books: `tickbook export books`, and their spool.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tickbook::domain::book::{
    BookInterval, BookSnapshot, BookUpdate, EndReason, PriceLevel, StaleReason,
};
use tickbook::domain::{NewSymbol, SymbolId};
use tickbook::ingest::{AckLevel, BookPersister, BookRecord, PersisterConfig, SpoolConfig};
use tickbook::repository::MockOrderBookRepository;

use crate::support::Cli;

fn at(millis: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    start + TimeDelta::milliseconds(millis)
}

fn level(price: &str, quantity: i64) -> PriceLevel {
    PriceLevel::new(price.parse().expect("a price"), quantity.into())
}

/// An interval with a snapshot, an update, and an empty snapshot; it ends with a gap.
fn rows(symbol_id: SymbolId) -> Vec<BookRecord> {
    let open = BookInterval::open(symbol_id, at(0));
    let snapshot = BookSnapshot::new(symbol_id, at(0), "venue")
        .with_sequence(40)
        .with_bids(vec![level("9.50", 1), level("9", 2)])
        .with_asks(vec![level("10", 3)]);
    let update = BookUpdate::new(symbol_id, at(500))
        .with_sequence(41)
        .with_bids(vec![level("9", 0)])
        .with_asks(vec![level("9.75", 4)]);
    let empty = BookSnapshot::new(symbol_id, at(1_000), "venue").with_sequence(42);
    let end = open.closed(at(1_500), EndReason::Stale(StaleReason::Gap));
    vec![
        open.into(),
        snapshot.into(),
        update.into(),
        empty.with_valid_since(at(0)).into(),
        end.into(),
    ]
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

/// A database with the symbol `test:BTCUSD` and its book.
fn stored() -> Cli {
    let cli = Cli::migrated();
    let repositories = cli.repositories();
    runtime().block_on(async {
        let new = NewSymbol::named("test", "BTCUSD");
        let symbol = repositories.symbols.create(new).await.expect("created");
        let books = Arc::clone(&repositories.books);
        let persister = BookPersister::start(books, PersisterConfig::default());
        for row in rows(symbol.symbol_id) {
            persister.push(row).await.expect("it is open");
        }
        let report = persister.stop(Duration::from_secs(20)).await;
        assert_eq!((report.unsaved.len(), report.stats.conflicts), (0, 0));
    });
    cli
}

fn export(cli: &Cli, options: &str) -> String {
    let arguments = format!("export books --symbol test:BTCUSD {options}");
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    cli.run(&arguments).expect_code(0).stdout
}

const HEADER: &str = "event,time,sequence,side,price,quantity,reason\n";
const SNAPSHOT: &str = "\
snapshot,2014-05-01T00:00:00.000000Z,40,bid,9.5,1,
snapshot,2014-05-01T00:00:00.000000Z,40,bid,9,2,
snapshot,2014-05-01T00:00:00.000000Z,40,ask,10,3,
";
const UPDATE: &str = "\
update,2014-05-01T00:00:00.500000Z,41,bid,9,0,
update,2014-05-01T00:00:00.500000Z,41,ask,9.75,4,
";
const EMPTY: &str = "snapshot,2014-05-01T00:00:01.000000Z,42,,,,\n";
const END: &str = "end,2014-05-01T00:00:01.500000Z,,,,,gap\n";

#[test]
fn export_of_books_has_each_level() {
    let cli = stored();
    let all = export(&cli, "");
    assert_eq!(all, format!("{HEADER}{SNAPSHOT}{UPDATE}{EMPTY}{END}"));
    let snapshots = export(&cli, "--only snapshots");
    assert_eq!(snapshots, format!("{HEADER}{SNAPSHOT}{EMPTY}{END}"));
    let updates = export(&cli, "--only updates");
    assert_eq!(updates, format!("{HEADER}{UPDATE}{END}"));
    let best = export(&cli, "--only snapshots --depth 1");
    let first = "\
snapshot,2014-05-01T00:00:00.000000Z,40,bid,9.5,1,
snapshot,2014-05-01T00:00:00.000000Z,40,ask,10,3,
";
    assert_eq!(best, format!("{HEADER}{first}{EMPTY}{END}"));
    let range = "--from 2014-05-01T00:00:00.5Z --to 2014-05-01T00:00:01Z";
    assert_eq!(export(&cli, range), format!("{HEADER}{UPDATE}"));
    let file = export(&cli, "--output books.csv --json");
    let summary: serde_json::Value = serde_json::from_str(&file).expect("JSON");
    assert_eq!(
        (&summary["rows"], &summary["what"]),
        (&7.into(), &"rows of books".into())
    );
    let written = std::fs::read_to_string(cli.folder.path().join("books.csv"));
    assert_eq!(written.expect("a file"), all);
}

#[test]
fn depth_of_exported_updates_is_refused() {
    let cli = Cli::new();
    for options in [
        "--depth 5",
        "--depth 5 --only updates",
        "--depth 0 --only snapshots",
    ] {
        let arguments = format!("export books --symbol 1 {options}");
        let arguments: Vec<_> = arguments.split_whitespace().collect();
        let run = cli.run(&arguments);
        assert_eq!(run.code, 2, "{run:?}");
        let names_it = run.stderr.contains("--only") || run.stderr.contains("0 is not in");
        assert!(names_it, "{run:?}");
    }
}

#[test]
fn spool_of_books_is_shown_and_stored() {
    let cli = Cli::migrated();
    let symbol_id = SymbolId::new(7);
    let settings = SpoolConfig::new(cli.folder.path().join("data/spool")).of_books();
    runtime().block_on(async {
        let mut away = MockOrderBookRepository::new();
        away.expect_put_intervals().returning(|_| {
            Err(tickbook::RepositoryError::Unavailable {
                database: tickbook::Database::Timeseries,
                reason: "away".to_owned(),
            })
        });
        let config = PersisterConfig::default();
        let opened = BookPersister::open(Arc::new(away), config, &settings).await;
        let persister = opened.expect("it opens");
        let mut last = None;
        for row in rows(symbol_id) {
            last = Some(persister.push_with_ack(row).await.expect("it is open"));
        }
        let last = last.expect("there is one");
        last.wait(AckLevel::Durable).await.expect("the disk works");
        persister.stop(Duration::from_secs(10)).await;
    });
    let inspected = cli
        .run(&["spool", "inspect", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(inspected["books"]["rows"], 5, "{inspected}");
    let text = cli.run(&["spool", "inspect"]).expect_code(0).stdout;
    assert!(text.contains("spool of order books"), "{text}");
    let letters = cli.run(&["spool", "dead-letter"]).expect_code(0).stdout;
    assert_eq!(letters, "dead letters: 0\n");
    let replayed = cli
        .run(&["spool", "replay", "--json"])
        .expect_code(0)
        .json();
    let books = &replayed["books"];
    assert_eq!(
        (&books["inserted"], &books["left"]),
        (&5.into(), &0.into()),
        "{replayed}"
    );
    let book = runtime().block_on(cli.repositories().books.book_at(symbol_id, at(700)));
    let book = book.expect("read").expect("known");
    assert_eq!((book.bids.len(), book.asks.len()), (1, 2));
    let again = cli.run(&["spool", "replay"]).expect_code(0).stdout;
    assert!(again.contains("books: inserted 0"), "{again}");
}
