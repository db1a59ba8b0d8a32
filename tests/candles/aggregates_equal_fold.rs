//! Tests that the candle relations equal the fold of the ticks, for every query plan, on both editions.
//!
//! Ticks over twenty days around 2000-01-01, where the order key changes its sign, with several ticks
//! in one instant, stored in random order.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::Database;
use tickbook::db::{DatabasePools, ScratchSchemas, TimeseriesDb};
use tickbook::domain::{Candle, PriceBasis, SymbolId, Tick, Timeframe, fold_ticks};
use tickbook::postgres::{Edition, apply_aggregates, detect_edition, migrate_timeseries};

use crate::support::random::Random;

const DAYS: i64 = 20;
/// Sequences at the limits of number types, ascending.
const WIDE: [i64; 6] = [0, 256, (1 << 31) - 1, 1 << 31, (1 << 53) + 1, i64::MAX];
const FIRST_DAY: &str = "1999-12-22T00:00:00Z";
const CANDLE_VIEWS: &str = include_str!("../../manual_sql/candle_views.sql");

/// Makes the planner use partial aggregation wherever it can. If groups are small, parallel workers pay
/// off only without a cost for each group that they pass on. Each row has many aggregates, so several
/// workers are used.
const AGGREGATE_IN_PARTS: &str = "SET min_parallel_table_scan_size = 0; \
    SET min_parallel_index_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; \
    SET cpu_tuple_cost = 0; SET max_parallel_workers_per_gather = 8; \
    SET enable_partitionwise_aggregate = on; \
    SET timescaledb.enable_chunkwise_aggregation = on";

fn decimal(random: &mut Random, bound: u64, scale: u32) -> Decimal {
    Decimal::new(random.below(bound) as i64, scale)
}

fn first_day() -> DateTime<Utc> {
    FIRST_DAY.parse().expect("a time")
}

fn ticks(random: &mut Random) -> Vec<Tick> {
    let mut ticks = Vec::new();
    for symbol_id in [1, 2].map(SymbolId::new) {
        for minute in 0..DAYS * 1_440 {
            // busy minutes and long gaps; always the first and the last minute of a day
            let edge = matches!(minute % 1_440, 0 | 1_439);
            if !edge && random.below(40) > 0 {
                continue;
            }
            for _ in 0..random.below(4) {
                let micros = match random.below(4) {
                    0 => 0,
                    1 => 59_999_999,
                    _ => random.below(60_000_000) as i64,
                };
                let tick_time = first_day()
                    + chrono::TimeDelta::minutes(minute)
                    + chrono::TimeDelta::microseconds(micros);
                ties(random, symbol_id, tick_time, &mut ticks);
            }
        }
    }
    // an instant may be drawn twice, which would repeat keys
    ticks.sort_by_key(Tick::key);
    ticks.dedup_by_key(|tick| tick.key());
    ticks.push(widest());
    for index in (1..ticks.len()).rev() {
        ticks.swap(index, random.below(index as u64 + 1) as usize);
    }
    ticks
}

/// A tick whose mid price needs all 28 digits, which the server's division by 2 would not return.
fn widest() -> Tick {
    let [bid_price, ask_price] = [
        "999999999999999.999999999998",
        "999999999999999.999999999999",
    ]
    .map(|text| text.parse().expect("a number"));
    Tick::quote(SymbolId::new(3), first_day(), bid_price, ask_price)
}

/// One to five ticks of one instant, whose sequences need one to eight bytes.
fn ties(random: &mut Random, symbol_id: SymbolId, tick_time: DateTime<Utc>, ticks: &mut Vec<Tick>) {
    for place in 0..=random.below(4) {
        let bid_price = decimal(random, 2_000_000_000_000, 12) - Decimal::ONE;
        let both = Tick::quote(
            symbol_id,
            tick_time,
            bid_price,
            bid_price + decimal(random, 99, 12),
        )
        .with_sequence(WIDE[place as usize + random.below(3) as usize])
        .with_volumes(
            decimal(random, 1_000_000_000, 6),
            decimal(random, 1_000_000_000, 6),
        );
        ticks.push(match random.below(8) {
            0 => both.with_bid(None),
            1 => both.with_ask(None),
            2 => both.with_bid_volume(None),
            3 => both.with_volumes(None, None),
            _ => both,
        });
    }
}

fn literal(number: Option<Decimal>) -> String {
    number.map_or("NULL".to_owned(), |number| number.to_string())
}

fn store(connection: &mut PgConnection, ticks: &[Tick]) {
    for batch in ticks.chunks(2_000) {
        let rows: Vec<_> = batch
            .iter()
            .map(|tick| {
                format!(
                    "({}, '{}', {}, {}, {}, {}, {})",
                    tick.symbol_id,
                    tick.tick_time.to_rfc3339(),
                    tick.sequence,
                    literal(tick.bid_price),
                    literal(tick.ask_price),
                    literal(tick.bid_volume),
                    literal(tick.ask_volume)
                )
            })
            .collect();
        execute(
            connection,
            &format!("INSERT INTO ticks VALUES {}", rows.join(", ")),
        );
    }
    execute(connection, "ANALYZE ticks");
}

fn execute(connection: &mut PgConnection, sql: &str) {
    if let Err(error) = connection.batch_execute(sql) {
        panic!("{}: {error}", &sql[..sql.len().min(100)]);
    }
}

type Candles = BTreeMap<(Timeframe, PriceBasis), Vec<Candle>>;

/// The folds of the ticks.
fn folded(ticks: &[Tick]) -> Candles {
    let now = suite::now();
    Timeframe::ALL
        .iter()
        .copied()
        .flat_map(|timeframe| {
            PriceBasis::OF_TICKS
                .iter()
                .map(move |basis| (timeframe, *basis))
        })
        .map(|(timeframe, basis)| {
            let candles = fold_ticks(ticks, timeframe, basis, now).expect("fits");
            ((timeframe, basis), candles)
        })
        .collect()
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Timestamptz)]
    open_time: DateTime<Utc>,
    /// Open, high, low, close and volume.
    #[diesel(sql_type = Array<Text>)]
    numbers: Vec<String>,
    #[diesel(sql_type = BigInt)]
    tick_count: i64,
}

type Numbers = (SymbolId, DateTime<Utc>, [Decimal; 5], i64);

fn numbers_of_row(row: &Row) -> Numbers {
    let numbers = [0, 1, 2, 3, 4].map(|place: usize| {
        row.numbers[place]
            .parse::<Decimal>()
            .expect("a number")
            .normalize()
    });
    (
        SymbolId::new(row.symbol_id),
        row.open_time,
        numbers,
        row.tick_count,
    )
}

fn numbers_of_candle(candle: &Candle) -> Numbers {
    let numbers = [
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
    ];
    (
        candle.symbol_id,
        candle.open_time,
        numbers,
        candle.tick_count,
    )
}

fn assert_equal(connection: &mut PgConnection, expected: &Candles, state: &str) {
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::OF_TICKS {
            let columns = ["open", "high", "low", "close", "volume"];
            let columns = columns.map(|column| format!("{basis}_{column}")).join(", ");
            let query = format!(
                "SELECT symbol_id, open_time, ARRAY[{columns}]::text[] AS numbers, \
                 {basis}_tick_count AS tick_count FROM ohlc_{timeframe} \
                 WHERE {basis}_tick_count > 0 ORDER BY symbol_id, open_time"
            );
            let rows: Vec<Row> = sql_query(query)
                .load(connection)
                .unwrap_or_else(|error| panic!("{state}, {timeframe}: {error}"));
            let candles = &expected[&(timeframe, basis)];
            assert!(
                candles.len() >= 2 * (DAYS as usize - 1),
                "{}",
                candles.len()
            );
            assert_eq!(rows.len(), candles.len(), "{state}, {timeframe} {basis}");
            for (row, candle) in rows.iter().zip(candles) {
                let (made, right) = (numbers_of_row(row), numbers_of_candle(candle));
                assert_eq!(made, right, "{state}, {timeframe} {basis}");
            }
        }
    }
}

#[derive(QueryableByName)]
struct PlanLine {
    #[diesel(sql_type = Text)]
    #[diesel(column_name = "QUERY PLAN")]
    line: String,
}

/// Asserts that the plan uses partial aggregation; without it the test would test nothing.
fn assert_aggregated_in_parts(connection: &mut PgConnection) {
    let plan: Vec<PlanLine> = sql_query("EXPLAIN SELECT * FROM ohlc_1d")
        .load(connection)
        .expect("explains");
    let plan: Vec<_> = plan.into_iter().map(|row| row.line).collect();
    assert!(
        plan.iter().any(|line| line.contains("Partial")),
        "{}",
        plan.join("\n")
    );
}

struct Stored {
    schemas: ScratchSchemas,
    db: TimeseriesDb,
    connection: PgConnection,
    edition: Edition,
    expected: Candles,
}

async fn stored() -> Stored {
    let schemas = ScratchSchemas::create();
    let db = DatabasePools::new(&schemas.config()).timeseries();
    migrate_timeseries(&db).await.expect("up");
    let mut connection = schemas.connection(Database::Timeseries);
    let edition = detect_edition(&mut connection)
        .expect("has the extension")
        .edition;
    let ticks = ticks(&mut Random::seeded());
    store(&mut connection, &ticks);
    let expected = folded(&ticks);
    Stored {
        schemas,
        db,
        connection,
        edition,
        expected,
    }
}

#[derive(QueryableByName)]
struct Chunks {
    #[diesel(sql_type = Integer)]
    chunks: i32,
}

fn compress_every_chunk(connection: &mut PgConnection) {
    execute(
        connection,
        "ALTER TABLE ticks SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol_id', \
         timescaledb.compress_orderby = 'tick_time, sequence')",
    );
    let query = "SELECT count(compress_chunk(c))::int AS chunks FROM show_chunks('ticks') AS c";
    let compressed: Chunks = sql_query(query).get_result(connection).expect("compresses");
    assert_eq!(i64::from(compressed.chunks), DAYS);
}

#[tokio::test]
async fn views_equal_the_fold() {
    let Stored {
        schemas: _schemas,
        mut connection,
        edition,
        expected,
        ..
    } = stored().await;
    execute(&mut connection, CANDLE_VIEWS);
    assert_equal(&mut connection, &expected, "as planned");
    execute(&mut connection, AGGREGATE_IN_PARTS);
    assert_aggregated_in_parts(&mut connection);
    assert_equal(&mut connection, &expected, "in parts");
    if edition == Edition::Community {
        compress_every_chunk(&mut connection);
        assert_equal(&mut connection, &expected, "compressed, in parts");
    }
}

/// Refreshes every aggregate, smallest timeframe first, within `days` of the first day.
fn refresh(connection: &mut PgConnection, days: std::ops::Range<i64>) {
    let [from, to] = [days.start, days.end].map(|day| first_day() + chrono::TimeDelta::days(day));
    for &timeframe in Timeframe::ALL {
        // with the default of ten buckets at a time, newer versions would take a minute for all
        let call = format!(
            "DO $$ BEGIN \
             IF EXISTS (SELECT FROM pg_proc WHERE proname = 'refresh_continuous_aggregate' AND 'options' = ANY (proargnames)) \
             THEN CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{from}', '{to}', options => '{{\"buckets_per_batch\": 1440}}'); \
             ELSE CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{from}', '{to}'); \
             END IF; END $$"
        );
        execute(connection, &call);
    }
}

#[tokio::test]
async fn aggregates_equal_the_fold_around_refreshes() {
    let Stored {
        schemas: _schemas,
        db,
        mut connection,
        edition,
        expected,
    } = stored().await;
    if edition == Edition::Apache {
        suite::skip("the server has the Apache edition, which has no continuous aggregates");
        return;
    }
    apply_aggregates(&db).await.expect("applies");
    assert_equal(&mut connection, &expected, "real-time");
    execute(&mut connection, AGGREGATE_IN_PARTS);
    assert_aggregated_in_parts(&mut connection);
    assert_equal(&mut connection, &expected, "real-time, in parts");
    refresh(&mut connection, 0..DAYS / 2);
    assert_equal(&mut connection, &expected, "half of it refreshed, in parts");
    compress_every_chunk(&mut connection);
    assert_equal(
        &mut connection,
        &expected,
        "half of it refreshed, compressed, in parts",
    );
    execute(&mut connection, "RESET ALL");
    refresh(&mut connection, 0..DAYS);
    assert_equal(&mut connection, &expected, "refreshed");
    refresh(&mut connection, 0..DAYS);
    assert_equal(&mut connection, &expected, "refreshed twice");
}
