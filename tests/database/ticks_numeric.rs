//! Tests that the NUMERIC codecs of the library and the server agree.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use diesel::sql_types::{Array, Numeric, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rust_decimal::Decimal;
use tickbook::Database;
use tickbook::db::ScratchSchemas;
use tickbook::postgres::PgDecimal;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Numeric)]
    number: PgDecimal,
}

/// Sends each value to the server, and reads it back as text and as a number.
fn echo(connection: &mut PgConnection, values: &[Decimal]) -> Vec<Row> {
    let values: Vec<_> = values.iter().copied().map(PgDecimal).collect();
    sql_query(
        "SELECT number::text AS text, number FROM UNNEST($1) WITH ORDINALITY AS given (number, place) \
         ORDER BY place",
    )
    .bind::<Array<Numeric>, _>(values)
    .load(connection)
    .expect("echoed")
}

/// Sends texts to the server, and reads them back as numbers.
fn read(connection: &mut PgConnection, texts: &[String]) -> Vec<Row> {
    sql_query(
        "SELECT text, text::numeric AS number FROM UNNEST($1) WITH ORDINALITY AS given (text, place) \
         ORDER BY place",
    )
    .bind::<Array<Text>, _>(texts)
    .load(connection)
    .expect("read")
}

fn check(connection: &mut PgConnection, values: &[Decimal]) {
    for (row, value) in echo(connection, values).iter().zip(values) {
        // the server has no negative zero
        let expected = if value.is_zero() { value.abs() } else { *value };
        assert_eq!(row.text, expected.to_string());
        assert_eq!(row.number.0, *value);
        assert_eq!(row.number.0.to_string(), expected.normalize().to_string());
    }
    let texts: Vec<_> = values.iter().map(Decimal::to_string).collect();
    for (row, value) in read(connection, &texts).iter().zip(values) {
        assert_eq!(row.number.0, *value, "{}", row.text);
    }
}

#[test]
fn every_scale_and_every_extreme_survives_the_server() {
    let schemas = ScratchSchemas::create();
    let mut connection = schemas.connection(Database::Timeseries);
    let mut values = Vec::new();
    for scale in 0..=28 {
        for units in [
            0,
            1,
            9,
            10,
            9_999,
            10_000,
            10_001,
            123_456_789_012_345_678,
            (1 << 96) - 1,
        ] {
            for units in [units, -units] {
                values.push(Decimal::from_i128_with_scale(units, scale));
            }
        }
    }
    check(&mut connection, &values);
}

#[test]
fn random_decimals_survive_the_server() {
    let seed: u64 = match std::env::var("TICKBOOK_SEED") {
        Ok(seed) => seed.parse().expect("TICKBOOK_SEED is a number"),
        Err(_) => std::process::id().into(),
    };
    println!("set TICKBOOK_SEED={seed} to see the same numbers again");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config {
        cases: 50,
        failure_persistence: None,
        ..Config::default()
    };
    let units = prop_oneof![
        (0_i128..1 << 96),
        (0_i128..1 << 64),
        (0_i128..1 << 20),
        (0_u32..28).prop_map(|power| 10_i128.pow(power)),
    ];
    let decimal = (units, 0_u32..=28, any::<bool>()).prop_map(|(units, scale, negative)| {
        Decimal::from_i128_with_scale(if negative { -units } else { units }, scale)
    });
    let schemas = ScratchSchemas::create();
    let connection = std::cell::RefCell::new(schemas.connection(Database::Timeseries));
    TestRunner::new_with_rng(config, random)
        .run(&proptest::collection::vec(decimal, 1..200), |values| {
            check(&mut connection.borrow_mut(), &values);
            Ok(())
        })
        .expect("all survive");
}

#[test]
fn unrepresentable_numbers_are_errors_never_rounded() {
    let schemas = ScratchSchemas::create();
    let mut connection = schemas.connection(Database::Timeseries);
    for text in [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e40",
        "1e-40",
        "1e-29",
        "79228162514264337593543950336",
        "0.12345678901234567890123456789012345",
        "1e100000",
        "1e-16000",
    ] {
        let row: Result<Row, _> = sql_query("SELECT $1 AS text, $1::numeric AS number")
            .bind::<Text, _>(text)
            .get_result(&mut connection);
        assert!(row.is_err(), "{text}");
    }
}
