//! Which chunks a read opens: the planner locks each of them.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Text, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::db::ScratchSchemas;
use tickbook::domain::{PageLimit, PriceBasis, SymbolId, Tick, TimeRange, Timeframe};
use tickbook::postgres::{self, PgOhlcRepository, PgTickRepository};
use tickbook::repository::{CandleQuery, OhlcRepository, TickQuery, TickRepository};
use tickbook::{Database, RepositoryError};

use crate::support::migrated_schema::{migrated_with, start};

/// A symbol with ticks of every day.
const FREQUENT: SymbolId = SymbolId::new(1);
/// A symbol with ticks of the first three days.
const OLD: SymbolId = SymbolId::new(2);
/// A symbol without ticks.
const EMPTY: SymbolId = SymbolId::new(3);

const DAYS: i64 = 40;

fn day(number: i64) -> DateTime<Utc> {
    start() + TimeDelta::days(number)
}

/// One tick in an hour.
fn ticks(symbol: SymbolId, days: i64) -> Vec<Tick> {
    let price = Decimal::new(138_001, 5);
    let tick = |hour| Tick::quote(symbol, start() + TimeDelta::hours(hour), price, price);
    (0..days * 24).map(tick).collect()
}

/// A database with a chunk for each day, and repositories with one connection.
struct History {
    schemas: ScratchSchemas,
    ticks: PgTickRepository,
    ohlc: PgOhlcRepository,
}

#[derive(QueryableByName)]
struct Chunk {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Timestamptz)]
    range_start: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    range_end: DateTime<Utc>,
}

/// The locks on chunks, until it is dropped.
struct Locked(#[expect(dead_code, reason = "holds the locks")] PgConnection);

impl History {
    async fn create() -> Self {
        let (schemas, pools) = migrated_with(|config| {
            config.pool.size = 1;
            config.pool.reserved_for_writes = 0;
            config.pool.lock_timeout = std::time::Duration::from_millis(500);
        })
        .await;
        let applied = postgres::apply_aggregates(&pools.timeseries()).await;
        applied.expect("candle relations");
        let now = day(DAYS);
        let ticks_of_all = PgTickRepository::new(pools.timeseries()).with_clock(move || now);
        for (symbol, days) in [(FREQUENT, DAYS), (OLD, 3)] {
            let receipt = ticks_of_all.insert_batch(&ticks(symbol, days)).await;
            receipt.expect("inserted");
        }
        let days = (0..DAYS).map(day).collect();
        let refreshed = postgres::refresh_days(&pools.timeseries(), days).await;
        refreshed.expect("refreshed");
        Self {
            schemas,
            ticks: ticks_of_all,
            ohlc: PgOhlcRepository::new(pools.timeseries()).with_clock(move || now),
        }
    }

    /// Locks all chunks of ticks and candles except those of the days `open`.
    fn lock_except(&self, open: &[i64]) -> Locked {
        let mut connection = self.schemas.connection(Database::Timeseries);
        let chunks: Vec<Chunk> = sql_query(
            "SELECT format('%I.%I', chunk_schema, chunk_name) AS name, range_start, range_end \
             FROM timescaledb_information.chunks WHERE hypertable_schema = current_schema() \
             OR (hypertable_schema, hypertable_name) IN (SELECT materialization_hypertable_schema, \
             materialization_hypertable_name FROM timescaledb_information.continuous_aggregates \
             WHERE view_schema = current_schema())",
        )
        .load(&mut connection)
        .expect("chunks");
        let is_open = |chunk: &&Chunk| {
            let overlaps =
                |number: i64| chunk.range_start < day(number + 1) && chunk.range_end > day(number);
            open.iter().copied().any(overlaps)
        };
        let (open, locked): (Vec<_>, Vec<_>) = chunks.iter().partition(is_open);
        assert!(locked.len() > 30 && !open.is_empty(), "{}", locked.len());
        let names: Vec<_> = locked.iter().map(|chunk| chunk.name.as_str()).collect();
        connection
            .batch_execute(&format!(
                "BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
                names.join(", ")
            ))
            .expect("locked");
        Locked(connection)
    }
}

/// The newest day, and the day before, of which a search reads a part.
const NEWEST: [i64; 2] = [DAYS - 2, DAYS - 1];

fn few<T>(query: T, limited: impl Fn(T, PageLimit) -> T) -> T {
    limited(query, PageLimit::new(5).expect("a limit"))
}

fn of_ticks(symbol: SymbolId, range: TimeRange) -> TickQuery {
    few(TickQuery::new(symbol, range), TickQuery::limit)
}

fn of_candles(symbol: SymbolId) -> CandleQuery {
    let all = TimeRange::all();
    let query = CandleQuery::new(symbol, Timeframe::H1, PriceBasis::Bid, all);
    few(query, CandleQuery::limit)
}

/// Candles of a timeframe that is folded on read.
fn folded(timeframe: &str) -> CandleQuery {
    let mut query = of_candles(FREQUENT);
    query.timeframe = timeframe.parse().expect("a timeframe");
    query
}

fn of_day(number: i64) -> TimeRange {
    TimeRange::new(day(number), day(number + 1)).expect("ordered")
}

/// A read, the days whose chunks it may open, and the number of items that it finds.
async fn read(history: &History, number: usize) -> Result<(Vec<i64>, usize), RepositoryError> {
    let (ticks, ohlc) = (&history.ticks, &history.ohlc);
    let all = TimeRange::all();
    let with_newest = |days: &[i64]| [&NEWEST, days].concat();
    Ok(match number {
        0 => {
            let page = ticks.range(&of_ticks(FREQUENT, all).descending()).await?;
            (NEWEST.to_vec(), page.items.len())
        }
        1 => {
            let page = ticks.range(&of_ticks(FREQUENT, all)).await?;
            (vec![0], page.items.len())
        }
        2 => {
            let page = ticks.range(&of_ticks(FREQUENT, of_day(10))).await?;
            (vec![10], page.items.len())
        }
        3 => {
            let tick = ticks
                .as_of(FREQUENT, day(20) + TimeDelta::hours(12))
                .await?;
            (vec![19, 20], tick.iter().count())
        }
        4 => {
            let found = ticks.latest_of(&[FREQUENT, OLD, EMPTY]).await?;
            (with_newest(&[2]), found.len())
        }
        5 => (NEWEST.to_vec(), ticks.latest(EMPTY).await?.iter().count()),
        6 => (with_newest(&[2]), ticks.latest(OLD).await?.iter().count()),
        7 => {
            let page = ticks.range(&of_ticks(OLD, all).descending()).await?;
            (with_newest(&[2]), page.items.len())
        }
        8 => {
            let from_the_third = TimeRange::new(day(3), all.end()).expect("ordered");
            let page = ticks.range(&of_ticks(OLD, from_the_third)).await?;
            (vec![3, 4], page.items.len())
        }
        9 => {
            let count = ticks.count(FREQUENT, of_day(10)).await?;
            (vec![10], usize::try_from(count).expect("few"))
        }
        10 => {
            let page = ohlc.candles(&of_candles(FREQUENT).descending()).await?;
            (NEWEST.to_vec(), page.items.len())
        }
        11 => {
            let page = ohlc.candles(&of_candles(FREQUENT)).await?;
            (vec![0], page.items.len())
        }
        12 => {
            let page = ohlc.candles(&of_candles(OLD).descending()).await?;
            (with_newest(&[2]), page.items.len())
        }
        13 => {
            let page = ohlc.candles(&of_candles(EMPTY).descending()).await?;
            (NEWEST.to_vec(), page.items.len())
        }
        14 => {
            let page = ohlc.candles(&folded("2h").descending()).await?;
            (NEWEST.to_vec(), page.items.len())
        }
        15 => {
            let page = ohlc.candles(&folded("2h")).await?;
            (vec![0], page.items.len())
        }
        16 => {
            let page = ohlc.candles(&folded("10s").descending()).await?;
            (NEWEST.to_vec(), page.items.len())
        }
        _ => {
            // after a tick, the search for the next one reads a day
            let page = ohlc.candles(&folded("10s")).await?;
            (vec![0, 1], page.items.len())
        }
    })
}

const FOUND: [usize; 18] = [5, 5, 5, 1, 2, 0, 1, 5, 0, 24, 5, 5, 5, 0, 5, 5, 5, 5];

#[tokio::test]
async fn reads_open_no_chunk_outside_their_window() {
    let history = History::create().await;
    // long pages make plans for given values expensive on average, so the server would prefer a generic plan
    let long = TickQuery::new(FREQUENT, TimeRange::all()).limit(PageLimit::MAX);
    for round in 0..7 {
        history.ticks.range(&long).await.expect("a long page");
        for (number, found) in FOUND.iter().enumerate() {
            let (_, items) = read(&history, number).await.expect("unlocked");
            assert_eq!(items, *found, "read {number} in round {round}");
        }
    }
    for (number, found) in FOUND.iter().enumerate() {
        let (open, _) = read(&history, number).await.expect("unlocked");
        let _locked = history.lock_except(&open);
        match read(&history, number).await {
            Ok((_, items)) => assert_eq!(items, *found, "read {number}"),
            Err(error) => panic!("read {number} opens other chunks than {open:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn ticks_of_other_programs_are_found() {
    let history = History::create().await;
    let mut connection = history.schemas.connection(Database::Timeseries);
    let unrecorded = |connection: &mut PgConnection| {
        let rows: Vec<Chunk> = sql_query(
            "SELECT entry_id::text AS name, written_at AS range_start, written_at AS range_end \
             FROM unrecorded_ticks",
        )
        .load(connection)
        .expect("entries");
        rows.len()
    };
    assert_eq!(unrecorded(&mut connection), 0);
    assert_eq!(history.ticks.latest(EMPTY).await.expect("read"), None);
    connection
        .batch_execute(&format!(
            "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price) \
             VALUES ({EMPTY}, '{}', 0, 1, 2)",
            day(7).to_rfc3339()
        ))
        .expect("inserted");
    assert_eq!(unrecorded(&mut connection), 1);
    let found = async || {
        let latest = history.ticks.latest(EMPTY).await.expect("read");
        let of_many = history.ticks.latest_of(&[FREQUENT, EMPTY]).await;
        let page = history
            .ticks
            .range(&of_ticks(EMPTY, TimeRange::all()))
            .await;
        let candles = history.ohlc.candles(&of_candles(EMPTY).descending()).await;
        let times = [
            latest.map(|tick| tick.tick_time),
            of_many.expect("read").pop().map(|tick| tick.tick_time),
            page.expect("read").items.pop().map(|tick| tick.tick_time),
            candles
                .expect("read")
                .items
                .pop()
                .map(|candle| candle.open_time),
        ];
        times.map(|time| time == Some(day(7)))
    };
    assert_eq!(found().await, [true; 4]);
    let pools = tickbook::db::DatabasePools::new(&history.schemas.config());
    let missing = async || {
        let db = pools.timeseries();
        let problems = postgres::missing_symbol_days(&db, &[EMPTY], TimeRange::all()).await;
        problems.expect("read").len()
    };
    assert_eq!(missing().await, 0);
    let maintained = postgres::maintain(&pools.timeseries()).await;
    maintained.expect("maintained");
    assert_eq!(unrecorded(&mut connection), 0);
    assert_eq!(found().await, [true; 4]);
    connection
        .batch_execute(&format!(
            "DELETE FROM symbol_days WHERE symbol_id = {EMPTY}"
        ))
        .expect("deleted");
    assert_eq!(found().await, [false; 4]);
    assert_eq!(missing().await, 1);
}
