//! Tests that one repair corrects rows of aggregates that were changed directly, for all symbols, even if
//! changes of ticks wait for a refresh.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{BigInt, Numeric, Timestamptz};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::domain::{
    Candle, PageLimit, PriceBasis, SymbolId, Tick, TimeRange, Timeframe, fold_ticks,
};
use tickbook::postgres::PgDecimal;
use tickbook::repository::CandleQuery;

use crate::support::audit_fixture::Site;
use crate::support::audit_run::{EURUSD, at, insert, start};
use crate::support::random::Random;

const GBPUSD: SymbolId = SymbolId::new(8);
const SYMBOLS: [SymbolId; 2] = [EURUSD, GBPUSD];

type Key = (SymbolId, Timeframe, PriceBasis, DateTime<Utc>);
type Candles = BTreeMap<Key, Candle>;

fn key(candle: &Candle) -> Key {
    let Candle {
        symbol_id,
        timeframe,
        basis,
        open_time,
        ..
    } = *candle;
    (symbol_id, timeframe, basis, open_time)
}

/// Ticks of two symbols every four minutes for two days.
fn stored() -> Vec<Tick> {
    let mut ticks = Vec::new();
    for number in 0..2 * 360 {
        for symbol_id in SYMBOLS {
            ticks.push(tick(symbol_id, at(number * 4), 100 + number * 31 % 97));
        }
    }
    ticks
}

fn tick(symbol_id: SymbolId, time: DateTime<Utc>, price: i64) -> Tick {
    Tick::quote(
        symbol_id,
        time,
        Decimal::from(price),
        Decimal::from(price + 1),
    )
    .with_bid_volume(Decimal::new(price, 3))
}

/// The candles of the ticks.
fn expected(ticks: &[Tick]) -> Candles {
    let mut all = Candles::new();
    for symbol_id in SYMBOLS {
        let mut of_symbol: Vec<_> = ticks
            .iter()
            .filter(|it| it.symbol_id == symbol_id)
            .collect();
        of_symbol.sort_by_key(|tick| tick.key());
        for &timeframe in Timeframe::ALL {
            for &basis in PriceBasis::OF_TICKS {
                let candles = fold_ticks(of_symbol.iter().copied(), timeframe, basis, suite::now());
                all.extend(candles.expect("fits").into_iter().map(|it| (key(&it), it)));
            }
        }
    }
    all
}

async fn read(site: &Site) -> Candles {
    let mut all = Candles::new();
    for symbol_id in SYMBOLS {
        for &timeframe in Timeframe::ALL {
            for &basis in PriceBasis::OF_TICKS {
                let query = CandleQuery::new(symbol_id, timeframe, basis, TimeRange::all())
                    .limit(PageLimit::MAX);
                let page = site.repositories.ohlc.candles(&query).await.expect("read");
                assert_eq!(page.next, None);
                all.extend(page.items.into_iter().map(|it| (key(&it), it)));
            }
        }
    }
    all
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Timestamptz)]
    open_time: DateTime<Utc>,
    #[diesel(sql_type = Numeric)]
    open: PgDecimal,
    #[diesel(sql_type = Numeric)]
    high: PgDecimal,
    #[diesel(sql_type = Numeric)]
    low: PgDecimal,
    #[diesel(sql_type = Numeric)]
    close: PgDecimal,
    #[diesel(sql_type = Numeric)]
    volume: PgDecimal,
    #[diesel(sql_type = BigInt)]
    tick_count: i64,
}

/// The materialized rows of the aggregates. Asserts that none is repeated.
fn rows(site: &Site) -> Candles {
    let mut all = Candles::new();
    for &timeframe in Timeframe::ALL {
        let table = site.materialization(timeframe);
        for &basis in PriceBasis::OF_TICKS {
            let rows: Vec<Row> = sql_query(format!(
                "SELECT symbol_id, open_time, {basis}_open AS open, {basis}_high AS high, \
                 {basis}_low AS low, {basis}_close AS close, {basis}_volume AS volume, \
                 {basis}_tick_count AS tick_count FROM {table} WHERE {basis}_tick_count > 0"
            ))
            .load(&mut site.connection())
            .expect("rows");
            for row in rows {
                let candle = Candle::new(
                    SymbolId::new(row.symbol_id),
                    timeframe,
                    basis,
                    row.open_time,
                    [row.open.0, row.high.0, row.low.0, row.close.0],
                )
                .volume(row.volume.0)
                .tick_count(row.tick_count);
                let key = key(&candle);
                assert_eq!(all.insert(key, candle), None, "twice: {key:?}");
            }
        }
    }
    all
}

/// The keys of the rows that differ.
fn wrong(found: &Candles, expected: &Candles) -> BTreeSet<Key> {
    let keys = found.keys().chain(expected.keys()).copied();
    keys.filter(|key| found.get(key) != expected.get(key))
        .collect()
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339()
}

fn set(site: &Site, symbol_id: SymbolId, timeframe: Timeframe, minute: i64, what: &str) -> String {
    let table = site.materialization(timeframe);
    let time = text(at(minute));
    format!("UPDATE {table} SET {what} WHERE symbol_id = {symbol_id} AND open_time = '{time}';")
}

#[tokio::test]
async fn rows_awaiting_a_refresh_are_right_after_a_repair() {
    let ticks = stored();
    let Some(site) = Site::community_with(&ticks).await else {
        return;
    };
    // one change from 05:30 to 13:00, which is not in the logs of the aggregates of 30m and more
    let both = set(&site, EURUSD, Timeframe::M15, 330, "ask_low = -1")
        + &set(&site, EURUSD, Timeframe::M15, 780, "ask_low = -2");
    site.execute(&format!("BEGIN; {both} COMMIT"));
    site.execute(&set(&site, EURUSD, Timeframe::M30, 600, "ask_low = -3"));
    // a change of a minute that has no candle before and after it
    insert(&*site.repositories.ticks, &[tick(EURUSD, at(481), 500)]).await;
    let time = text(at(481));
    site.execute(&format!("DELETE FROM ticks WHERE tick_time = '{time}'"));
    site.execute(&set(&site, EURUSD, Timeframe::H4, 480, "ask_low = -4"));
    let expected = expected(&ticks);
    let hidden = |(_, timeframe, _, _): &Key| *timeframe >= Timeframe::M30;
    let mut before = wrong(&read(&site).await, &expected);
    assert_eq!(before.len(), 2, "{before:?}");
    before.retain(hidden);
    assert_eq!(before, BTreeSet::new());

    let run = site.audit(true).await;
    assert!(run.all_mended(), "{:#?}", run.findings);
    for _ in 0..2 {
        assert_eq!(wrong(&read(&site).await, &expected), BTreeSet::new());
        assert_eq!(wrong(&rows(&site), &expected), BTreeSet::new());
        assert_eq!(site.audit(false).await.findings, []);
        // processes the logged changes
        site.refresh();
    }
}

#[tokio::test]
async fn repair_of_one_symbol_harms_no_other() {
    let ticks = stored();
    let Some(site) = Site::community_with(&ticks).await else {
        return;
    };
    let expected = expected(&ticks);
    site.execute(&set(&site, EURUSD, Timeframe::M15, 30, "bid_high = 900"));
    site.execute(&set(&site, GBPUSD, Timeframe::H4, 480, "bid_low = -4"));
    let before = wrong(&read(&site).await, &expected);
    let of_other = |keys: BTreeSet<Key>| -> Vec<_> {
        keys.into_iter().filter(|key| key.0 == GBPUSD).collect()
    };
    assert_eq!(of_other(before).len(), 1);
    let run = site.audit(true).await;
    assert!(run.all_mended(), "{:#?}", run.findings);
    assert_eq!(of_other(wrong(&read(&site).await, &expected)), []);
}

/// Changes, adds, copies and deletes some rows.
fn tamper(site: &Site, random: &mut Random) {
    let mut statements = String::new();
    for _ in 0..=random.below(6) {
        let timeframe = Timeframe::ALL[random.below(7) as usize];
        let symbol_id = SYMBOLS[random.below(2) as usize];
        let table = site.materialization(timeframe);
        let bucket =
            |random: &mut Random| text(timeframe.bucket_start(at(random.below(2 * 1_440) as i64)));
        let time = bucket(random);
        let row = format!("symbol_id = {symbol_id} AND open_time = '{time}'");
        let basis = PriceBasis::OF_TICKS[random.below(3) as usize];
        let statement = match random.below(6) {
            0 => format!("DELETE FROM {table} WHERE {row}"),
            1 => {
                let to = bucket(random);
                format!(
                    "CREATE TEMPORARY TABLE copied AS SELECT * FROM {table} WHERE {row}; \
                     UPDATE copied SET open_time = '{to}', bid_low = -7; \
                     DELETE FROM {table} AS d USING copied AS c \
                     WHERE (d.symbol_id, d.open_time) = (c.symbol_id, c.open_time); \
                     INSERT INTO {table} SELECT * FROM copied; DROP TABLE copied"
                )
            }
            2 | 3 => {
                let field = ["tick_count", "volume"][random.below(2) as usize];
                format!("UPDATE {table} SET {basis}_{field} = {basis}_{field} + 1 WHERE {row}")
            }
            _ => {
                let field = ["open", "high", "low", "close"][random.below(4) as usize];
                let value = [-4, 900][random.below(2) as usize];
                format!("UPDATE {table} SET {basis}_{field} = {value} WHERE {row}")
            }
        };
        println!("  {statement}");
        statements += &statement;
        // in one transaction or in several
        statements += [";", "; COMMIT; BEGIN;"][random.below(2) as usize];
    }
    site.execute(&format!("BEGIN; {statements} COMMIT"));
}

async fn late_ticks(site: &Site, random: &mut Random, ticks: &mut Vec<Tick>) {
    for _ in 0..random.below(3) {
        let mut batch = Vec::new();
        for _ in 0..=random.below(2) {
            let symbol_id = SYMBOLS[random.below(2) as usize];
            let time = start() + TimeDelta::microseconds(random.below(172_800_000_000) as i64);
            batch.push(tick(symbol_id, time, random.below(500) as i64 + 1));
        }
        println!(
            "  late: {:?}",
            batch.iter().map(Tick::key).collect::<Vec<_>>()
        );
        insert(&*site.repositories.ticks, &batch).await;
        ticks.extend(batch);
    }
}

fn refresh_some(site: &Site, random: &mut Random) {
    for _ in 0..random.below(4) {
        let timeframe = Timeframe::ALL[random.below(7) as usize];
        let [from, to] = [[0, 1_440], [1_440, 2_880], [0, 2_880]][random.below(3) as usize];
        println!("  refresh {timeframe} {from} {to}");
        site.execute(&format!(
            "CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{}', '{}')",
            text(at(from)),
            text(at(to))
        ));
    }
}

#[tokio::test]
async fn single_repair_corrects_every_candle() {
    let rounds = match std::env::var("TICKBOOK_TAMPER_ROUNDS") {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => 20,
    };
    let mut random = Random::seeded();
    let mut ticks = stored();
    let Some(site) = Site::community_with(&ticks).await else {
        return;
    };
    for round in 0..rounds {
        println!("round {round}");
        for _ in 0..=random.below(3) {
            match random.below(3) {
                0 => late_ticks(&site, &mut random, &mut ticks).await,
                1 => refresh_some(&site, &mut random),
                _ => tamper(&site, &mut random),
            }
        }
        let expected = expected(&ticks);
        if random.below(2) == 0 {
            let others = |candles: &Candles| -> BTreeSet<Key> {
                let wrong = wrong(candles, &expected).into_iter();
                wrong.filter(|key| key.0 == GBPUSD).collect()
            };
            let before = others(&read(&site).await);
            let run = site.audit_of(EURUSD, true).await;
            assert!(run.all_mended(), "{:#?}", run.findings);
            let after = others(&read(&site).await);
            assert!(after.is_subset(&before), "{after:?} after {before:?}");
        }
        for symbol_id in SYMBOLS {
            let run = site.audit_of(symbol_id, true).await;
            assert!(run.all_mended(), "{:#?}", run.findings);
        }
        assert_eq!(wrong(&read(&site).await, &expected), BTreeSet::new());
        for symbol_id in SYMBOLS {
            assert_eq!(site.audit_of(symbol_id, false).await.findings, []);
        }
        // a later refresh does not make a wrong row visible
        if random.below(2) == 0 {
            site.refresh();
            assert_eq!(wrong(&rows(&site), &expected), BTreeSet::new());
            assert_eq!(wrong(&read(&site).await, &expected), BTreeSet::new());
        }
    }
}
