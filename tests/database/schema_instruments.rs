//! Tests of the constraints of versions of instruments.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use chrono::TimeDelta;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{InstrumentType, NewSymbol, SymbolFacts};
use tickbook::postgres::{PgSymbolRepository, migrate_metadata};
use tickbook::repository::{InstrumentRepository as _, SymbolRepository as _};

use crate::schema_constraints::metadata;
use crate::support::constrained::{NULL, Row};

const VERSION: &Row = &[
    ("symbol_id", "1"),
    ("valid_from", "2026-01-01 00:00Z"),
    ("digits", "5"),
    ("instrument_type", "forex"),
    ("quote_currency", "USD"),
    ("tick_size", "0.00001"),
    ("lot_size", "1000"),
    ("contract_multiplier", "1"),
];

#[tokio::test]
async fn instrument_versions_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut versions = metadata(&schemas, "instrument_versions", VERSION).await;
    versions.accepts(&[]);
    for &kind in InstrumentType::ALL {
        versions.accepts(&[("instrument_type", kind.as_str())]);
    }
    let unknown = [
        ("instrument_type", NULL),
        ("quote_currency", NULL),
        ("tick_size", NULL),
        ("lot_size", NULL),
        ("contract_multiplier", NULL),
    ];
    versions.accepts(&unknown);
    for (column, value) in &unknown[1..] {
        versions.refuses(&[(column, value)], "instrument_versions_instrument_whole");
    }
    versions.refuses(&unknown[..1], "instrument_versions_instrument_whole");
    versions.refuses(
        &[("instrument_type", "bond")],
        "instrument_versions_instrument_type_known",
    );
    versions.refuses(&[("symbol_id", "2")], "instrument_versions_symbol_id_fkey");
    versions.refuses(&[("digits", "13")], "instrument_versions_digits_range");
    versions.refuses(
        &[("valid_from", "infinity")],
        "instrument_versions_valid_from_finite",
    );
}

#[tokio::test]
async fn versions_of_a_standing_clock_are_ordered() {
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    migrate_metadata(&pools.metadata()).await.expect("up");
    let time = suite::instants()[0];
    let symbols = PgSymbolRepository::new(pools.metadata()).with_clock(move || time);
    let new = NewSymbol::named("oanda", "EURUSD");
    let id = symbols.create(new).await.expect("created").symbol_id;
    for digits in [3, 4] {
        let facts = SymbolFacts::default().digits(digits);
        symbols.describe(id, &facts).await.expect("described");
    }
    let versions = symbols.instrument_versions(id).await.expect("read");
    let found: Vec<_> = versions
        .iter()
        .map(|it| (it.valid_from - time, it.digits))
        .collect();
    let micros = TimeDelta::microseconds;
    assert_eq!(found, [(micros(0), 5), (micros(1), 3), (micros(2), 4)]);
    let second = symbols.instrument_as_of(id, versions[1].valid_from).await;
    assert_eq!(second.expect("read").as_ref(), Some(&versions[1]));
}
