//! The records of the golden spool of order books.
#![cfg(feature = "files")]

use chrono::DateTime;
use tickbook::domain::SymbolId;
use tickbook::domain::book::{
    BookInterval, BookSnapshot, BookUpdate, EndReason, PriceLevel, StaleReason,
};
use tickbook::ingest::BookRecord;

use crate::spool_golden::{number, time};

/// Book records with every form of each field.
pub(crate) fn book_records() -> Vec<BookRecord> {
    let level = |price: i64, quantity: &str| PriceLevel::new(price.into(), number(quantity));
    let symbol = SymbolId::new(7);
    let snapshot = |index: i64| {
        BookSnapshot::new(symbol, time(index), "kraken")
            .with_sequence(index)
            .with_bids(vec![level(99, "1.50"), level(-98, "0.000000000001")])
            .with_asks((101..101 + index).map(|price| level(price, "7")).collect())
            .with_valid_since(time(index / 2))
    };
    let update = |index: i64| {
        BookUpdate::new(symbol, time(index))
            .with_bids(vec![
                level(99, "0"),
                level(97, "999999999999999.999999999999"),
            ])
            .with_asks(vec![level(100 + index, "0.000")])
    };
    let open = BookInterval::open(symbol, time(0));
    let mut records: Vec<BookRecord> = vec![open.into()];
    for index in 0..30 {
        records.push(update(index * 137_000).into());
        records.push(snapshot(index).into());
    }
    let gap = EndReason::Stale(StaleReason::Gap);
    records.extend([
        snapshot(5)
            .with_checksum(-1_i64)
            .with_depth(25)
            .with_symbol_id(SymbolId::new(i64::MAX))
            .into(),
        BookSnapshot::new(SymbolId::new(-1), time(-7), "").into(),
        BookUpdate::new(
            symbol,
            DateTime::from_timestamp(-86_400, 123_456_789).expect("in range"),
        )
        .with_sequence(-1)
        .into(),
        open.closed(time(50_000_000), gap).into(),
        open.closed(time(-1), EndReason::Stopped).into(),
        open.closed(time(0), EndReason::Deleted).into(),
    ]);
    records
}
