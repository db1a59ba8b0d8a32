//! The write path with a second table, and descriptions against the schema.

mod deleted;
mod reading;
mod statements;
mod trade;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::pg::Pg;
use diesel::query_builder::QueryFragment;
use diesel::{PgConnection, Table as _};
use rust_decimal::Decimal;

use crate::db::{DatabasePools, SynchronousCommit};
use crate::domain::book::{BookSnapshot, BookUpdate};
use crate::domain::{self, SymbolId, Tick, Timeframe};
use crate::error::RepositoryError;
use crate::postgres::schema::timeseries::{
    order_book_snapshots, order_book_updates, ticks, trades,
};
use crate::repository::InsertConflict;

use super::table::key_columns;
use super::*;
use statements::Statements;
use trade::{Trade, line_of, lines, made_up_trades, number, trades, with_trades};

/// Compares a description with the schema: all columns in their order, and the key columns first.
fn assert_described<R: KeyedRow>(all: &impl QueryFragment<Pg>, key: &impl QueryFragment<Pg>) {
    let sql_of = |columns: &[Column<R>]| {
        let table = R::TABLE;
        let names = columns
            .iter()
            .map(|it| format!(r#""{table}"."{}""#, it.name));
        names.collect::<Vec<_>>().join(", ")
    };
    let all = diesel::debug_query::<Pg, _>(all).to_string();
    let key = diesel::debug_query::<Pg, _>(key).to_string();
    assert_eq!(all, format!("{} -- binds: []", sql_of(R::COLUMNS)));
    assert_eq!(key, format!("{} -- binds: []", sql_of(key_columns())));
}

#[test]
fn descriptions_have_the_columns_of_the_schema() {
    let (all, key) = (ticks::table::all_columns(), ticks::table.primary_key());
    assert_described::<Tick>(&all, &key);
    let (all, key) = (trades::table::all_columns(), trades::table.primary_key());
    assert_described::<domain::Trade>(&all, &key);
    let all = order_book_snapshots::table::all_columns();
    let key = order_book_snapshots::table.primary_key();
    assert_described::<BookSnapshot>(&all, &key);
    let all = order_book_updates::table::all_columns();
    let key = order_book_updates::table.primary_key();
    assert_described::<BookUpdate>(&all, &key);
    let all = made_up_trades::table::all_columns();
    assert_described::<Trade>(&all, &made_up_trades::table.primary_key());
}

#[test]
fn batch_has_the_first_row_of_each_key() {
    let rows = trades(0, 3, suite::now());
    let second = Trade {
        side: 0,
        ..rows[1].clone()
    };
    for (repeats, at) in [(vec![], 3), (vec![second], 2), (vec![rows[2].clone()], 3)] {
        let mut given = rows.clone();
        given.splice(at..at, repeats.clone());
        // different keys in another order, equal keys in the same order
        given.rotate_left(1);
        let batch = RowBatch::new(&given);
        assert_eq!(batch.firsts, rows);
        assert_eq!(batch.repeats, repeats);
    }
}

fn insert_now<R: KeyedRow>(
    connection: &mut PgConnection,
    writer: &TableWriter<R>,
    rows: &[R],
) -> InsertReceipt<R> {
    writer
        .insert(connection, RowBatch::new(rows), suite::now())
        .unwrap_or_else(|error| panic!("{} of {}: {error:?}", rows.len(), R::NAME))
}

const TRADE_COLUMNS: &str =
    "symbol_id, trade_time, sequence, price, quantity, side, trade_id, received_at";

#[tokio::test]
async fn each_statement_stores_every_column() {
    let (_schemas, mut connection) = with_trades().await;
    let statements = Statements::record(&mut connection);
    let writer = TableWriter::default();
    let all = trades(0, 200, suite::now());
    let insert_rows = format!("INSERT INTO made_up_trades ({TRADE_COLUMNS})");
    let one = format!("{insert_rows} VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    let copied = format!(
        r#"COPY "made_up_trades"("{}") FROM STDIN WITH (FORMAT binary)"#,
        TRADE_COLUMNS.replace(", ", r#"", ""#)
    );
    let missing = format!(
        "{insert_rows} SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"
    );
    // twice each, so that a prepared statement is used again
    for (from, to, statement) in [
        (0, 1, format!("{one} ON CONFLICT DO NOTHING")),
        (1, 2, one.clone()),
        (2, 3, one.clone()),
        (3, 23, missing.clone()),
        (23, 43, missing.clone()),
        (43, 103, copied.clone()),
        (103, 200, copied),
    ] {
        statements.sent();
        let receipt = insert_now(&mut connection, &writer, &all[from..to]);
        assert_eq!(receipt.inserted, (to - from) as u64);
        assert_eq!(statements.sent(), [statement], "{from} to {to}");
    }
    let first = insert_now(&mut connection, &TableWriter::default(), &all[..1]);
    assert_eq!((first.inserted, first.duplicates), (0, 1));
    let expected: Vec<_> = all.iter().map(line_of).collect();
    assert_eq!(lines(&mut connection), expected);

    // diesel has one prepared statement for each
    for statement in [
        one.clone(),
        format!("{one} ON CONFLICT DO NOTHING"),
        missing,
    ] {
        let prepared = statements.prepared();
        let count = prepared.iter().filter(|sql| **sql == statement).count();
        assert_eq!(count, 1, "{prepared:?}");
    }
}

#[tokio::test]
async fn tables_share_a_connection() {
    let (_schemas, mut connection) = with_trades().await;
    let (of_trades, of_ticks) = (TableWriter::default(), TableWriter::default());
    let now = suite::now();
    let trades = trades(0, 200, now);
    let ticks: Vec<_> = trades
        .iter()
        .map(|it| Tick::quote(it.symbol_id, it.trade_time, it.price, it.price))
        .collect();
    for (from, to) in [(0, 1), (1, 2), (2, 30), (30, 100)] {
        let trades = insert_now(&mut connection, &of_trades, &trades[from..to]);
        let ticks = insert_now(&mut connection, &of_ticks, &ticks[from..to]);
        let count = (to - from) as u64;
        assert_eq!((trades.inserted, ticks.inserted), (count, count));
    }
    let trades = insert_now(&mut connection, &of_trades, &trades);
    let ticks = insert_now(&mut connection, &of_ticks, &ticks);
    assert_eq!((trades.inserted, trades.duplicates), (100, 100));
    assert_eq!((ticks.inserted, ticks.duplicates), (100, 100));
}

/// Each column of the content, changed, and from and to NULL.
fn changed(trade: &Trade) -> [Trade; 5] {
    let trade_id = match &trade.trade_id {
        Some(_) => None,
        None => Some(String::new()),
    };
    [
        Trade {
            price: trade.price + Decimal::ONE,
            ..trade.clone()
        },
        Trade {
            quantity: Some(Decimal::from(7_777)),
            ..trade.clone()
        },
        Trade {
            quantity: match trade.quantity {
                Some(_) => None,
                None => Some(Decimal::ZERO),
            },
            ..trade.clone()
        },
        Trade {
            side: -trade.side,
            ..trade.clone()
        },
        Trade {
            trade_id,
            ..trade.clone()
        },
    ]
}

#[tokio::test]
async fn known_keys_are_duplicates_or_conflicts() {
    let (_schemas, mut connection) = with_trades().await;
    let all = trades(0, 100, suite::now());
    insert_now(&mut connection, &TableWriter::default(), &all[10..]);

    // found by the first and last key, by arrays, and by single rows
    for size in [90, 20, 1] {
        let given = &all[10..10 + size];
        let receipt = insert_now(&mut connection, &TableWriter::default(), given);
        assert_eq!((receipt.inserted, receipt.duplicates), (0, size as u64));
    }
    // received later, which is not content
    let again = Trade {
        received_at: Some(truncated_now()),
        ..all[11].clone()
    };
    let receipt = insert_now(&mut connection, &TableWriter::default(), &[again]);
    assert_eq!((receipt.duplicates, receipt.conflicts.len()), (1, 0));

    for stored in &all[10..14] {
        for refused in changed(stored) {
            let receipt = insert_now(
                &mut connection,
                &TableWriter::default(),
                std::slice::from_ref(&refused),
            );
            let stored = stored.clone();
            assert_eq!(receipt.conflicts, [InsertConflict { stored, refused }]);
            assert_eq!((receipt.inserted, receipt.duplicates), (0, 0));
        }
    }
    // new rows, known ones, a conflict, and a repeated new key, all in one batch
    let mut batch = all.clone();
    batch[50].side = 0;
    batch.push(all[3].clone());
    let mut second = all[4].clone();
    second.quantity = None;
    batch.push(second.clone());
    let receipt = insert_now(&mut connection, &TableWriter::default(), &batch);
    assert_eq!((receipt.inserted, receipt.duplicates), (10, 90));
    let conflict = |stored: &Trade, refused: &Trade| InsertConflict {
        stored: stored.clone(),
        refused: refused.clone(),
    };
    let expected = [conflict(&all[4], &second), conflict(&all[50], &batch[50])];
    assert_eq!(receipt.conflicts, expected);
    let expected: Vec<_> = all.iter().map(line_of).collect();
    assert_eq!(lines(&mut connection), expected);
}

fn truncated_now() -> DateTime<Utc> {
    crate::domain::truncate_to_micros(suite::now())
}

#[tokio::test]
async fn refused_rows_are_found_by_halves() {
    let (_schemas, mut connection) = with_trades().await;
    connection
        .batch_execute("ALTER TABLE made_up_trades ADD CONSTRAINT no_thirteen CHECK (price <> 13)")
        .expect("added");
    let mut expected = Vec::new();
    for (from, to) in [(0, 20), (100, 400)] {
        let mut batch = trades(from, to, suite::now());
        let (bad, negative) = (7, 11);
        batch[bad].price = Decimal::from(13);
        batch[negative].quantity = Some(Decimal::NEGATIVE_ONE);
        let others = batch.len() as u64 - 2;
        for (inserted, duplicates) in [(others, 0), (0, others)] {
            let receipt = insert_now(&mut connection, &TableWriter::default(), &batch);
            assert_eq!(
                (receipt.inserted, receipt.duplicates),
                (inserted, duplicates)
            );
            let rejected = in_order_given(receipt.rejected, &batch);
            assert_eq!(rejected.len(), 2);
            assert_eq!(rejected[0].row, batch[bad]);
            assert!(rejected[0].reason.contains("no_thirteen"));
            assert_eq!(rejected[1].row, batch[negative]);
            assert_eq!(rejected[1].reason, "the quantity is negative");
        }
        let stored = batch.iter().filter(|it| it.normalized().is_ok());
        expected.extend(
            stored
                .filter(|it| it.price != Decimal::from(13))
                .map(line_of),
        );
    }
    assert_eq!(lines(&mut connection), expected);
}

#[tokio::test]
async fn table_that_refuses_all_rejects_no_row() {
    let (_schemas, mut connection) = with_trades().await;
    let now = suite::now();
    for stored in [0, 1] {
        let batch = trades(1_000, 1_060, now);
        if stored > 0 {
            insert_now(&mut connection, &TableWriter::default(), &batch[..stored]);
        }
        connection
            .batch_execute(
                "ALTER TABLE made_up_trades ADD CONSTRAINT no_trade CHECK (price < 0) NOT VALID",
            )
            .expect("broken");
        for size in [2, 60] {
            let written =
                TableWriter::default().insert(&mut connection, RowBatch::new(&batch[..size]), now);
            let error = written.err().map(|error| {
                error.into_repository(crate::error::Database::Timeseries, Trade::OPERATION)
            });
            let Some(RepositoryError::Schema { reason, .. }) = error else {
                panic!("{stored} {size}: {error:?}");
            };
            let expected = "the table made_up_trades accepts no trade (";
            assert!(reason.starts_with(expected), "{reason}");
            assert!(reason.contains("no_trade"), "{reason}");
        }
        connection
            .batch_execute("ALTER TABLE made_up_trades DROP CONSTRAINT no_trade")
            .expect("repaired");
    }
}

#[tokio::test]
async fn late_rows_record_the_days_of_their_table() {
    let (_schemas, mut connection) = with_trades().await;
    connection
        .batch_execute(
            "INSERT INTO applied_policies (settings, late_after_seconds, \
             ticks_drop_after_seconds, candles_drop_after_seconds) \
             VALUES ('', 86400, 3600, 10 * 86400)",
        )
        .expect("applied");
    let now = suite::now();
    let day = Timeframe::D1.bucket_start(now - TimeDelta::days(3));
    let (late, old) = (day + TimeDelta::hours(12), now - TimeDelta::days(20));
    let mut first = 0;
    for size in [1, 20, 60] {
        connection
            .batch_execute("TRUNCATE made_up_late_days")
            .expect("emptied");
        let mut batch = Vec::new();
        // the last half hour is not late, and not too old for a tick
        for end in [old, late, now - TimeDelta::minutes(30)] {
            batch.extend(trades(first, first + size, end));
            first += size;
        }
        let receipt = insert_now(&mut connection, &TableWriter::default(), &batch);
        assert_eq!(receipt.inserted, 2 * size as u64);
        let rejected: Vec<_> = receipt.rejected.iter().map(|it| &it.row).collect();
        let expected: Vec<_> = batch[..size as usize].iter().collect();
        assert_eq!(rejected, expected);
        assert!(receipt.rejected[0].reason.contains("older than 10d"));

        let marks = format!(
            "SELECT count(*) AS number FROM made_up_late_days WHERE day = '{}'",
            day.to_rfc3339()
        );
        assert_eq!(number(&mut connection, &marks), 1, "{size}");
        let all = "SELECT count(*) AS number FROM made_up_late_days";
        assert_eq!(number(&mut connection, all), 1, "{size}");
    }
    let of_ticks = "SELECT count(*) AS number FROM late_days";
    assert_eq!(number(&mut connection, of_ticks), 0);
}

#[tokio::test]
async fn calls_reject_in_the_order_given() {
    let (schemas, mut connection) = with_trades().await;
    connection
        .batch_execute("ALTER TABLE made_up_trades ADD CONSTRAINT no_thirteen CHECK (price <> 13)")
        .expect("added");
    let timeseries = DatabasePools::new(&schemas.config()).timeseries();
    let now = suite::now();
    let mut batch = trades(0, 60, now);
    batch.reverse();
    // refused by the database, before and after one that is refused earlier
    batch[3].price = Decimal::from(13);
    batch[20].quantity = Some(Decimal::NEGATIVE_ONE);
    batch[41].price = Decimal::from(13);
    batch[30].symbol_id = SymbolId::new(9);
    let writer = Arc::new(TableWriter::new(SynchronousCommit::Off));
    let receipt = insert(&timeseries, &writer, &batch, now).await;
    let receipt = receipt.expect("stored");
    assert_eq!(receipt.inserted, 57);
    let rejected: Vec<_> = receipt.rejected.into_iter().map(|it| it.row).collect();
    let expected = [3, 20, 41].map(|place| batch[place].clone());
    assert_eq!(rejected, expected);
}
