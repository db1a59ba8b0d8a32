//! Tests that candles of trades equal the fold of the trades, for any order of the trades, any refreshes,
//! corrections and deletions in between, late days and dropped trades, on both editions.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::db::ScratchSchemas;
use tickbook::domain::{
    AggressorSide, Candle, CorrectedTrade, PageLimit, PriceBasis, SortOrder, SymbolId, TimeRange,
    Timeframe, Trade, TradeCorrection, TradeReference, fold_trades,
};
use tickbook::postgres::{Edition, apply_aggregates};
use tickbook::repository::{CandleQuery, delete_trades};
use tickbook::{Database, Repositories};

use crate::support::migrated_schema::{SYMBOL, migrated, start};
use crate::support::random::Random;

const DAYS: i64 = 9;

fn time(random: &mut Random) -> DateTime<Utc> {
    // many trades in a few minutes, at the edges of buckets, and anywhere
    let day = TimeDelta::days(random.below(DAYS as u64) as i64);
    let within = match random.below(4) {
        0 => random.below(120_000_000) as i64,
        1 => 86_399_999_999 - random.below(2) as i64,
        2 => random.below(86_400) as i64 * 1_000_000,
        _ => random.below(86_400_000_000) as i64,
    };
    start() + day + TimeDelta::microseconds(within)
}

fn trade(random: &mut Random, time: DateTime<Utc>, sequence: i64) -> Trade {
    let scale = random.below(13) as u32;
    let price = Decimal::new(random.below(4_000_000_000) as i64 - 500_000_000, scale);
    let quantity = Decimal::new(
        1 + random.below(4_000_000_000) as i64,
        random.below(13) as u32,
    );
    let symbol = SymbolId::new(SYMBOL.get() + random.below(2) as i64);
    let side = AggressorSide::ALL[random.below(2) as usize];
    Trade::new(symbol, time, price, quantity)
        .with_sequence(sequence * [1, 70_000, (1 << 53) + 1][random.below(3) as usize])
        .with_aggressor_side((random.below(4) > 0).then_some(side))
}

/// Trades of two symbols with different keys in random order, up to `ties` in one instant.
pub(crate) fn trades(random: &mut Random, count: usize, ties: u64) -> Vec<Trade> {
    let mut trades: Vec<Trade> = Vec::new();
    while trades.len() < count {
        let time = time(random);
        for sequence in 0..=random.below(ties) as i64 {
            trades.push(trade(random, time, sequence));
        }
    }
    trades.sort_by_key(Trade::key);
    trades.dedup_by_key(|trade| trade.key());
    random.shuffle(&mut trades);
    trades
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

fn of_symbol(trades: &[Trade], timeframe: Timeframe) -> Vec<Candle> {
    let of_symbol = trades.iter().filter(|trade| trade.symbol_id == SYMBOL);
    fold_trades(of_symbol, timeframe, suite::now()).expect("fits")
}

/// Compares whole listings and parts of them, oldest or newest first.
pub(crate) async fn assert_equal(
    repositories: &Repositories,
    trades: &[Trade],
    random: &mut Random,
    state: &str,
) {
    for &timeframe in Timeframe::ALL {
        let all = of_symbol(trades, timeframe);
        let [one, other] = [time(random), time(random)];
        let part = TimeRange::new(one.min(other), one.max(other)).expect("ordered");
        for range in [TimeRange::all(), part] {
            let mut expected = all.clone();
            expected.retain(|candle| range.contains(candle.open_time));
            let mut query = CandleQuery::new(SYMBOL, timeframe, PriceBasis::Trade, range);
            if random.below(2) == 0 {
                query = query.order(SortOrder::Descending);
                expected.reverse();
            }
            let limit = 1 + expected.len() / (1 + random.below(3) as usize);
            let limit = PageLimit::new(limit as u32).expect("in range");
            let found = read(repositories, query.limit(limit)).await;
            assert_eq!(found, expected, "{state}: {timeframe}");
        }
    }
}

/// Refreshes some of the aggregates in random order and for random days.
pub(crate) fn refresh(connection: &mut PgConnection, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let call = refresh_call(random);
        connection.batch_execute(&call).expect("refreshed");
    }
}

/// The refresh of a random aggregate for some days.
pub(crate) fn refresh_call(random: &mut Random) -> String {
    let timeframe = Timeframe::ALL[random.below(7) as usize];
    let first = random.below(DAYS as u64) as i64;
    let days = 1 + random.below(DAYS as u64) as i64;
    refresh_of(timeframe, first, first + days)
}

fn refresh_days(connection: &mut PgConnection, timeframe: Timeframe, from: i64, to: i64) {
    let call = refresh_of(timeframe, from, to);
    connection.batch_execute(&call).expect("refreshed");
}

fn refresh_of(timeframe: Timeframe, from: i64, to: i64) -> String {
    let [from, to] = [from, to].map(|day| start() + TimeDelta::days(day));
    format!("CALL refresh_continuous_aggregate('trade_ohlc_{timeframe}', '{from}', '{to}')")
}

#[derive(QueryableByName, PartialEq, Debug)]
struct Row {
    #[diesel(sql_type = Timestamptz)]
    open_time: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    numbers: String,
    #[diesel(sql_type = BigInt)]
    trade_count: i64,
}

/// Compares the rows of the relations, which hold unrounded sums.
fn assert_rows(connection: &mut PgConnection, trades: &[Trade]) {
    for &timeframe in Timeframe::ALL {
        let select = format!(
            "SELECT open_time, concat_ws(' ', trim_scale(open), trim_scale(high), trim_scale(low), \
             trim_scale(close), trim_scale(volume), trim_scale(buy_volume), trim_scale(notional)) \
             AS numbers, trade_count FROM trade_ohlc_{timeframe} WHERE symbol_id = {SYMBOL} \
             ORDER BY open_time"
        );
        let rows: Vec<Row> = sql_query(select).load(connection).expect("read");
        let expected: Vec<_> = of_symbol(trades, timeframe)
            .into_iter()
            .map(|candle| {
                let sums = candle.trade_volumes.expect("a candle of trades");
                let prices = [
                    candle.open,
                    candle.high,
                    candle.low,
                    candle.close,
                    candle.volume,
                ];
                let [open, high, low, close, volume] = prices;
                Row {
                    open_time: candle.open_time,
                    numbers: format!(
                        "{open} {high} {low} {close} {volume} {} {}",
                        sums.buy_volume, sums.notional
                    ),
                    trade_count: candle.tick_count,
                }
            })
            .collect();
        assert_eq!(rows, expected, "{timeframe}");
    }
}

/// Corrects or cancels some of the stored trades, each correction later than the last one. A call that fails for
/// a moment is repeated.
pub(crate) async fn correct(
    repositories: &Repositories,
    stored: &mut Vec<Trade>,
    random: &mut Random,
    seconds: &mut i64,
) {
    let mut corrections = Vec::new();
    for _ in 0..=random.below(5) {
        *seconds += 1;
        let place = random.below(stored.len() as u64) as usize;
        let of_trade = stored[place].clone();
        let correction = TradeCorrection::new(
            of_trade.symbol_id,
            of_trade.trade_time,
            TradeReference::Sequence(of_trade.sequence),
            start() + TimeDelta::days(DAYS) + TimeDelta::seconds(*seconds),
            "venue",
        );
        if random.below(3) == 0 {
            stored.remove(place);
            corrections.push(correction);
            continue;
        }
        // the candle keeps its count, by which reads choose between a row and the trades
        let changed = trade(random, of_trade.trade_time, 0);
        let content = CorrectedTrade::new(changed.price, changed.quantity)
            .with_aggressor_side(changed.aggressor_side);
        corrections.push(correction.with_content(content));
        stored[place].price = changed.price;
        stored[place].quantity = changed.quantity;
        stored[place].aggressor_side = changed.aggressor_side;
    }
    let count = corrections.len() as u64;
    let mut attempts = 0;
    let receipt = loop {
        match repositories.trades.correct(&corrections).await {
            Ok(receipt) => break receipt,
            Err(error) => assert!(error.is_transient() && attempts < 20, "{error:?}"),
        }
        attempts += 1;
    };
    let counted = receipt.applied + receipt.superseded + receipt.duplicates;
    assert_eq!((counted, receipt.pending), (count, 0), "{receipt:?}");
}

struct Site {
    schemas: ScratchSchemas,
    repositories: Repositories,
    edition: Edition,
}

async fn site() -> Site {
    let (schemas, pools) = migrated().await;
    let aggregates = apply_aggregates(&pools.timeseries()).await.expect("made");
    Site {
        schemas,
        repositories: Repositories::postgres(&pools),
        edition: aggregates.edition,
    }
}

#[tokio::test]
async fn trade_candles_equal_the_fold_for_any_arrival() {
    let mut random = Random::seeded();
    let site = site().await;
    let (repositories, is_community) = (&site.repositories, site.edition == Edition::Community);
    let mut connection = site.schemas.connection(Database::Timeseries);
    let mut rest = trades(&mut random, 1_500, 4);
    let (mut stored, mut corrected): (Vec<Trade>, _) = (Vec::new(), 0);
    while !rest.is_empty() {
        let batch = (1 + random.below(600) as usize).min(rest.len());
        let new = rest.split_off(rest.len() - batch);
        let receipt = repositories
            .trades
            .insert_batch(&new)
            .await
            .expect("stored");
        assert_eq!(receipt.inserted, batch as u64);
        stored.extend(new);
        let state = format!("{} trades", stored.len());
        assert_equal(repositories, &stored, &mut random, &state).await;
        if is_community {
            refresh(&mut connection, &mut random);
            assert_equal(repositories, &stored, &mut random, "refreshed").await;
        }
        if random.below(2) == 0 && !stored.is_empty() {
            correct(repositories, &mut stored, &mut random, &mut corrected).await;
            assert_equal(repositories, &stored, &mut random, "corrected").await;
        }
        if random.below(2) == 0 {
            let from = time(&mut random);
            let length = TimeDelta::seconds(random.below(100_000) as i64);
            let range = TimeRange::new(from, from + length).expect("ordered");
            delete_trades(&*repositories.trades, SYMBOL, range, |_| ())
                .await
                .expect("deleted");
            stored.retain(|it| it.symbol_id != SYMBOL || !range.contains(it.trade_time));
            assert_equal(repositories, &stored, &mut random, "deleted").await;
        }
    }
    if is_community {
        // a real-time aggregate leaves out older buckets that no refresh has computed
        for &timeframe in Timeframe::ALL {
            refresh_days(&mut connection, timeframe, -1, DAYS + 1);
        }
    }
    assert_rows(&mut connection, &stored);
    if is_community {
        connection
            .batch_execute(
                "ALTER TABLE trades SET (timescaledb.compress, \
                 timescaledb.compress_segmentby = 'symbol_id', \
                 timescaledb.compress_orderby = 'trade_time, sequence'); \
                 SELECT compress_chunk(chunk) FROM show_chunks('trades') AS chunk",
            )
            .expect("compressed");
        assert_equal(repositories, &stored, &mut random, "compressed").await;
    }
}

/// The trades were dropped by hand, and the aggregates of smaller candles still include them.
#[tokio::test]
async fn larger_candles_without_trades_use_smaller_ones() {
    let mut random = Random::seeded();
    let site = site().await;
    let repositories = &site.repositories;
    let all = trades(&mut random, 800, 4);
    repositories
        .trades
        .insert_batch(&all)
        .await
        .expect("stored");
    let mut connection = site.schemas.connection(Database::Timeseries);
    if site.edition == Edition::Community {
        refresh_days(&mut connection, Timeframe::M1, 0, DAYS);
        for &timeframe in &Timeframe::ALL[1..] {
            refresh_days(&mut connection, timeframe, 4, DAYS);
        }
    }
    let horizon = start() + TimeDelta::days(4);
    let drop = format!("SELECT drop_chunks('trades', '{horizon}'::timestamptz)");
    connection.batch_execute(&drop).expect("dropped");
    let is_known =
        |trade: &&Trade| site.edition == Edition::Community || trade.trade_time >= horizon;
    let known: Vec<_> = all.iter().filter(is_known).cloned().collect();
    assert_equal(repositories, &known, &mut random, "dropped").await;
}
