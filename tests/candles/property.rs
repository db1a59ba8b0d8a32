//! Property tests: candles equal the fold of the ticks for any order of the ticks, any refreshes in
//! between and any query plan, on both editions, and with compressed chunks on the Community edition.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{
    Candle, CandleSource, PageLimit, PriceBasis, SortOrder, SymbolId, Tick, TimeRange, Timeframe,
    fold_ticks,
};
use tickbook::postgres::{Edition, apply_aggregates};
use tickbook::repository::CandleQuery;
use tickbook::{Database, DatabaseUrl, Repositories};

use crate::support::migrated_schema::{SYMBOL, migrated, start};
use crate::support::random::Random;

const DAYS: i64 = 17;

/// Makes the planner use partial aggregation wherever it can.
const IN_PARTS: [&str; 7] = [
    "min_parallel_table_scan_size=0",
    "min_parallel_index_scan_size=0",
    "parallel_setup_cost=0",
    "parallel_tuple_cost=0",
    "max_parallel_workers_per_gather=2",
    "enable_partitionwise_aggregate=on",
    "timescaledb.enable_chunkwise_aggregation=on",
];

fn time(random: &mut Random) -> DateTime<Utc> {
    // many ticks in a few minutes, ticks in the first and last microsecond of buckets, and ticks anywhere
    let day = TimeDelta::days(random.below(DAYS as u64) as i64);
    let within = match random.below(4) {
        0 => random.below(120_000_000) as i64,
        1 => 86_399_999_999 - random.below(2) as i64,
        2 => random.below(86_400) as i64 * 1_000_000,
        _ => random.below(86_400_000_000) as i64,
    };
    start() + day + TimeDelta::microseconds(within)
}

fn decimal(random: &mut Random) -> Decimal {
    let scale = random.below(13) as u32;
    Decimal::new(random.below(4_000_000_000) as i64 - 500_000_000, scale).normalize()
}

/// Ticks of two symbols with different keys in random order, up to `ties` in one instant.
fn ticks(random: &mut Random, count: usize, ties: u64) -> Vec<Tick> {
    let mut ticks: Vec<Tick> = Vec::new();
    while ticks.len() < count {
        let tick_time = time(random);
        let symbol_id = SymbolId::new(SYMBOL.get() + random.below(2) as i64);
        for sequence in 0..=random.below(ties) as i64 {
            // sequences of more than one byte
            let both = Tick::quote(symbol_id, tick_time, decimal(random), decimal(random))
                .with_sequence(sequence * [1, 70_000, (1 << 53) + 1][random.below(3) as usize])
                .with_volumes(decimal(random).abs(), decimal(random).abs());
            ticks.push(match random.below(8) {
                0 => both.with_bid(None),
                1 => both.with_ask(None),
                2 => both.with_bid_volume(None),
                3 => both.with_volumes(None, None),
                _ => both,
            });
        }
    }
    ticks.sort_by_key(Tick::key);
    ticks.dedup_by_key(|tick| tick.key());
    random.shuffle(&mut ticks);
    ticks
}

async fn read(repositories: &Repositories, mut query: CandleQuery) -> Vec<Candle> {
    let mut candles = Vec::new();
    loop {
        let page = repositories.ohlc.candles(&query).await.expect("a page");
        candles.extend(page.items);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return candles,
        }
    }
}

/// Compares whole listings, and some ranges in pages of random length and random order.
async fn assert_equal(
    repositories: &Repositories,
    ticks: &[Tick],
    random: &mut Random,
    state: &str,
) {
    let of_symbol: Vec<_> = ticks.iter().filter(|it| it.symbol_id == SYMBOL).collect();
    let now = suite::now();
    for &timeframe in Timeframe::ALL {
        let basis = PriceBasis::OF_TICKS[random.below(3) as usize];
        let all = fold_ticks(of_symbol.iter().copied(), timeframe, basis, now).expect("fits");
        let [one, other] = [time(random), time(random)];
        let part = TimeRange::new(one.min(other), one.max(other)).expect("ordered");
        for range in [TimeRange::all(), part] {
            let mut expected: Vec<_> = all.clone();
            expected.retain(|candle| range.contains(candle.open_time));
            let order = match random.below(2) {
                0 => SortOrder::Ascending,
                _ => SortOrder::Descending,
            };
            if order == SortOrder::Descending {
                expected.reverse();
            }
            let limit = match range == part {
                true => 1 + expected.len() / (1 + random.below(4) as usize),
                false => 1_000,
            };
            let query = CandleQuery::new(SYMBOL, timeframe, basis, range)
                .order(order)
                .limit(PageLimit::new(limit as u32).expect("in range"));
            let found = read(repositories, query).await;
            assert_eq!(found.len(), expected.len(), "{state}: {timeframe} {basis}");
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found, expected, "{state}: {timeframe} {basis}");
            }
        }
    }
}

/// Refreshes some of the aggregates in random order and for random days.
fn refresh(schemas: &ScratchSchemas, random: &mut Random) {
    let mut connection = schemas.connection(Database::Timeseries);
    for _ in 0..=random.below(4) {
        let timeframe = Timeframe::ALL[random.below(7) as usize];
        let first = random.below(DAYS as u64) as i64;
        let days = 1 + random.below(DAYS as u64) as i64;
        let [from, to] = [first, first + days].map(|day| start() + TimeDelta::days(day));
        let call =
            format!("CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{from}', '{to}')");
        connection.batch_execute(&call).expect("refreshed");
    }
}

#[tokio::test]
async fn candles_equal_the_fold_for_any_arrival_of_ticks() {
    let mut random = Random::seeded();
    let (schemas, pools) = migrated().await;
    let aggregates = apply_aggregates(&pools.timeseries()).await.expect("made");
    let repositories = Repositories::postgres(&pools);
    let ticks = ticks(&mut random, 2_500, 4);
    let mut stored = 0;
    while stored < ticks.len() {
        let rest = ticks.len() - stored;
        let batch = (1 + random.below(900) as usize).min(rest);
        let new = &ticks[stored..stored + batch];
        let receipt = repositories.ticks.insert_batch(new).await.expect("stored");
        assert_eq!(receipt.inserted, batch as u64);
        stored += batch;
        let state = format!("{stored} ticks");
        assert_equal(&repositories, &ticks[..stored], &mut random, &state).await;
        if aggregates.edition == Edition::Community {
            refresh(&schemas, &mut random);
            let state = format!("{stored} ticks, refreshed");
            assert_equal(&repositories, &ticks[..stored], &mut random, &state).await;
        }
    }
}

pub(crate) fn in_parts(schemas: &ScratchSchemas) -> DatabasePools {
    let url = schemas.url(Database::Timeseries);
    let settings = IN_PARTS.map(|one| format!("-c{}%20", one.replace('=', "%3D")));
    let url = url.replace("options=", &format!("options={}", settings.concat()));
    let mut config = schemas.config();
    config.timeseries_url = DatabaseUrl::parse(&url).expect("a URL");
    DatabasePools::new(&config)
}

#[derive(QueryableByName)]
struct PlanLine {
    #[diesel(sql_type = Text)]
    #[diesel(column_name = "QUERY PLAN")]
    line: String,
}

/// Asserts that the plan of a fold of the column `price` uses partial aggregation; without it the test would
/// test nothing.
pub(crate) async fn assert_aggregates_in_parts(
    pools: &DatabasePools,
    [table, time, price]: [&str; 3],
) {
    let (from, to) = (start(), start() + TimeDelta::days(DAYS));
    let select = format!(
        "EXPLAIN SELECT time_bucket(INTERVAL '1440 minutes', {time}) AS bucket, \
         first({price}, tick_order_key({time}, sequence)), max({price}) FROM {table} \
         WHERE symbol_id = {SYMBOL} AND {time} >= '{from}' AND {time} < '{to}' \
         AND {price} IS NOT NULL GROUP BY 1"
    );
    let plan = pools
        .timeseries()
        .run("explain", move |connection| {
            let lines: Vec<PlanLine> = sql_query(select).load(connection)?;
            Ok(lines.into_iter().map(|row| row.line).collect::<Vec<_>>())
        })
        .await
        .expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("Partial"), "{plan}");
}

#[tokio::test]
async fn candles_equal_the_fold_with_partial_aggregates() {
    let mut random = Random::seeded();
    let (schemas, pools) = migrated().await;
    // the planner estimates the number of buckets by the number of instants, and uses partial aggregation
    // if it is small
    let ticks = ticks(&mut random, 20_000, 40);
    let writing = Repositories::postgres(&pools);
    for batch in ticks.chunks(5_000) {
        writing.ticks.insert_batch(batch).await.expect("stored");
    }
    let mut connection = schemas.connection(Database::Timeseries);
    connection.batch_execute("ANALYZE ticks").expect("analyzed");
    let pools = in_parts(&schemas);
    assert_aggregates_in_parts(&pools, ["ticks", "tick_time", "bid_price"]).await;
    let repositories = Repositories::postgres(&pools);
    assert_equal(&repositories, &ticks, &mut random, "of ticks, in parts").await;

    let edition = apply_aggregates(&DatabasePools::new(&schemas.config()).timeseries())
        .await
        .expect("made")
        .edition;
    if edition == Edition::Apache {
        return;
    }
    // new repositories, which have not cached the relations yet
    let repositories = Repositories::postgres(&pools);
    assert_equal(&repositories, &ticks, &mut random, "real-time, in parts").await;
    refresh(&schemas, &mut random);
    assert_equal(&repositories, &ticks, &mut random, "refreshed, in parts").await;
    connection
        .batch_execute(
            "ALTER TABLE ticks SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol_id', \
             timescaledb.compress_orderby = 'tick_time, sequence'); \
             SELECT compress_chunk(chunk) FROM show_chunks('ticks') AS chunk",
        )
        .expect("compressed");
    assert_equal(&repositories, &ticks, &mut random, "compressed, in parts").await;
    // late ticks into compressed chunks
    let late = self::ticks(&mut random, 300, 4);
    let receipt = repositories
        .ticks
        .insert_batch(&late)
        .await
        .expect("stored");
    let refused: Vec<_> = receipt
        .conflicts
        .iter()
        .map(|it| it.refused.key())
        .collect();
    let mut all = ticks;
    all.extend(
        late.into_iter()
            .filter(|tick| !refused.contains(&tick.key())),
    );
    assert_equal(
        &repositories,
        &all,
        &mut random,
        "late and compressed, in parts",
    )
    .await;
}

/// The ticks were dropped, and the aggregates of smaller candles still include them.
#[tokio::test]
async fn larger_candles_without_ticks_use_smaller_ones() {
    let mut random = Random::seeded();
    let (schemas, pools) = migrated().await;
    let edition = apply_aggregates(&pools.timeseries())
        .await
        .expect("made")
        .edition;
    let repositories = Repositories::postgres(&pools);
    let ticks = ticks(&mut random, 2_000, 4);
    repositories
        .ticks
        .insert_batch(&ticks)
        .await
        .expect("stored");
    let mut connection = schemas.connection(Database::Timeseries);
    let horizon = start() + TimeDelta::days(8);
    if edition == Edition::Community {
        // refresh only the newer part of the larger candles, so that their logs list the older part as
        // changed
        let (from, to) = (start(), start() + TimeDelta::days(DAYS));
        let mut calls = format!("CALL refresh_continuous_aggregate('ohlc_1m', '{from}', '{to}');");
        for timeframe in &Timeframe::ALL[1..] {
            calls += &format!(
                "CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{horizon}', '{to}');"
            );
        }
        for call in calls.split_inclusive(';') {
            connection.batch_execute(call).expect("refreshed");
        }
    }
    let drop = format!("SELECT drop_chunks('ticks', '{horizon}'::timestamptz)");
    connection.batch_execute(&drop).expect("dropped");
    let known: Vec<_> = ticks
        .iter()
        .filter(|tick| edition == Edition::Community || tick.tick_time >= horizon)
        .cloned()
        .collect();
    assert_equal(&repositories, &known, &mut random, "dropped").await;

    // candles that were downsampled before the ticks were dropped, on either edition
    let of_symbol = ticks.iter().filter(|tick| tick.symbol_id == SYMBOL);
    let now = suite::now();
    let mut downsampled = fold_ticks(of_symbol, Timeframe::M1, PriceBasis::Bid, now).expect("fits");
    for candle in &mut downsampled {
        candle.source = CandleSource::Stored("downsampled".to_owned());
    }
    repositories
        .ohlc
        .upsert_candles(&downsampled)
        .await
        .expect("stored");
    for timeframe in &Timeframe::ALL[1..] {
        let query = CandleQuery::new(SYMBOL, *timeframe, PriceBasis::Bid, TimeRange::all())
            .limit(PageLimit::new(37).expect("in range"));
        let of_symbol = ticks.iter().filter(|tick| tick.symbol_id == SYMBOL);
        let mut expected = fold_ticks(of_symbol, *timeframe, PriceBasis::Bid, now).expect("fits");
        for candle in &mut expected {
            candle.source = CandleSource::RolledUp;
        }
        assert_eq!(read(&repositories, query).await, expected, "{timeframe}");
    }
}
