//! Rows that another session deletes between their insert and the read of the stored rows.

use super::super::insert::{InsertOutcome, some_inserted};
use super::*;

fn ticks(count: i64) -> Vec<Tick> {
    let tick = |second| {
        let time = suite::now() - TimeDelta::minutes(30) + TimeDelta::seconds(second);
        Tick::quote(SymbolId::new(1), time, Decimal::ONE, Decimal::TWO)
    };
    (0..count).map(tick).collect()
}

#[tokio::test]
async fn rows_deleted_after_their_insert_stay_deleted() {
    let (_schemas, mut connection) = with_trades().await;
    let rows = ticks(5);
    let receipt = insert_now(&mut connection, &TableWriter::default(), &rows);
    assert_eq!(receipt.inserted, 5);
    connection
        .batch_execute(
            "DELETE FROM ticks WHERE tick_time IN (SELECT tick_time FROM ticks ORDER BY 1 LIMIT 2)",
        )
        .expect("deleted");
    let batch = RowBatch::new(&rows);
    // another batch had stored one of the rows before
    let outcome = some_inserted(&mut connection, &batch, 4, suite::now()).expect("read");
    let InsertOutcome::SomeInserted(inserted, stored) = outcome else {
        panic!("no row was refused");
    };
    let receipt = batch.compared(inserted, &stored);
    assert_eq!((receipt.inserted, receipt.duplicates), (4, 1));
    assert!(receipt.rejected.is_empty() && receipt.conflicts.is_empty());
    let left = number(&mut connection, "SELECT count(*) AS number FROM ticks");
    assert_eq!(left, 3);
}
