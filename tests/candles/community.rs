//! Tests that candles on the Community edition equal their ticks during refreshes of any kind.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;
use rust_decimal::Decimal;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{
    Candle, PageLimit, PriceBasis, SymbolId, Tick, TimeRange, Timeframe, fold_ticks,
};
use tickbook::postgres::{self, Edition};
use tickbook::repository::CandleQuery;
use tickbook::{Database, Repositories};

use crate::support::migrated_schema::migrated;

const A: SymbolId = SymbolId::new(7);
const B: SymbolId = SymbolId::new(8);

struct Site {
    repositories: Repositories,
    pools: DatabasePools,
    connection: PgConnection,
    edition: Edition,
    ticks: Vec<Tick>,
    // dropped last, which removes the schemas
    _schemas: ScratchSchemas,
}

impl Site {
    /// Creates a site without candle relations.
    async fn bare() -> Self {
        let (schemas, pools) = migrated().await;
        let mut connection = schemas.connection(Database::Timeseries);
        let edition = postgres::detect_edition(&mut connection)
            .expect("an edition")
            .edition;
        Self {
            repositories: Repositories::postgres(&pools),
            pools,
            connection,
            edition,
            ticks: Vec::new(),
            _schemas: schemas,
        }
    }

    /// Creates a site with continuous aggregates; `None` if the edition has none.
    async fn with_aggregates() -> Option<Self> {
        let site = Self::bare().await;
        if site.edition == Edition::Apache {
            suite::skip("the Apache edition has no continuous aggregates");
            return None;
        }
        site.apply_aggregates().await;
        Some(site)
    }

    async fn apply_aggregates(&self) {
        let timeseries = self.pools.timeseries();
        postgres::apply_aggregates(&timeseries)
            .await
            .expect("aggregates");
    }

    async fn insert(&mut self, ticks: &[Tick]) {
        let receipt = self.repositories.ticks.insert_batch(ticks).await;
        assert_eq!(receipt.expect("inserted").inserted, ticks.len() as u64);
        self.ticks.extend_from_slice(ticks);
    }

    /// Refreshes a day, as an import does at its end.
    async fn refresh_day(&self, of: DateTime<Utc>) {
        let days = BTreeSet::from([of]);
        let refreshed = postgres::refresh_days(&self.pools.timeseries(), days).await;
        assert!(!refreshed.expect("refreshed").is_empty());
    }

    fn execute(&mut self, sql: &str) {
        let done = self.connection.batch_execute(sql);
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn candles(&self, symbol: SymbolId, timeframe: Timeframe) -> Vec<Candle> {
        let query = CandleQuery::new(symbol, timeframe, PriceBasis::Bid, TimeRange::all())
            .limit(PageLimit::MAX);
        let page = self.repositories.ohlc.candles(&query).await;
        page.expect("a page").items
    }

    /// Asserts that all candles equal the fold of all ticks that were ever stored.
    async fn assert_true(&self, when: &str) {
        for symbol in [A, B] {
            let ticks = self.ticks.iter().filter(|tick| tick.symbol_id == symbol);
            let ticks: Vec<_> = ticks.cloned().collect();
            for &timeframe in Timeframe::ALL {
                let expected = fold_ticks(&ticks, timeframe, PriceBasis::Bid, suite::now());
                let read = self.candles(symbol, timeframe).await;
                assert_eq!(
                    read,
                    expected.expect("fits"),
                    "{when}: {symbol} {timeframe}"
                );
            }
        }
    }
}

fn at(text: &str) -> DateTime<Utc> {
    format!("2014-05-{text}:00Z").parse().expect("a time")
}

fn tick(symbol: SymbolId, text: &str, bid: i64) -> Tick {
    let bid = Decimal::from(bid);
    Tick::quote(symbol, at(text), bid, bid + Decimal::ONE)
}

#[tokio::test]
async fn ticks_newer_than_a_refresh_stay_in_every_candle() {
    let Some(mut site) = Site::with_aggregates().await else {
        return;
    };
    site.insert(&[tick(A, "05T10:00", 1), tick(A, "05T10:01", 2)])
        .await;
    site.refresh_day(at("05T00:00")).await;
    // after the refreshed minutes, but before the ends of the larger candles that contain them
    site.insert(&[tick(B, "05T10:03", 9), tick(A, "05T10:04", 8)])
        .await;
    site.assert_true("before").await;
    // a refresh of another day passes the change on only to the aggregate of one minute
    site.insert(&[tick(A, "02T10:00", 3)]).await;
    site.refresh_day(at("02T00:00")).await;
    site.assert_true("after a refresh of another day").await;
    site.execute("CALL refresh_continuous_aggregate('ohlc_1m', '2014-05-01', '2014-05-02')");
    site.assert_true("after a refresh of one minute").await;
    site.execute("CALL refresh_continuous_aggregate('ohlc_1d', '2014-05-01', '2014-05-10')");
    site.assert_true("after a refresh of days before the smaller ones")
        .await;
}

#[tokio::test]
async fn candles_over_a_dropped_chunk_keep_their_ticks() {
    let Some(mut site) = Site::with_aggregates().await else {
        return;
    };
    site.execute("SELECT set_chunk_time_interval('ticks', INTERVAL '6 hours')");
    site.insert(&[tick(A, "05T07:00", 1), tick(A, "05T16:00", 2)])
        .await;
    site.refresh_day(at("05T00:00")).await;
    site.execute("SELECT drop_chunks('ticks', timestamptz '2014-05-05 12:00Z')");
    site.assert_true("after the first ticks were dropped").await;
    // the second chunk then has as many ticks as the candle of the day counts, and one that it does not
    // include
    site.insert(&[tick(A, "05T15:00", 9)]).await;
    site.assert_true("after a late tick").await;
    site.insert(&[tick(A, "05T15:30", 7), tick(A, "05T17:30", 5)])
        .await;
    site.assert_true("after more of them").await;
}

#[tokio::test]
async fn aggregates_made_beside_a_reader_are_read_at_once() {
    let mut site = Site::bare().await;
    if site.edition == Edition::Apache {
        suite::skip("the Apache edition has no continuous aggregates");
        return;
    }
    site.insert(&[tick(A, "05T07:00", 1), tick(B, "05T16:00", 2)])
        .await;
    site.assert_true("without aggregates").await;
    site.apply_aggregates().await;
    site.refresh_day(at("05T00:00")).await;
    site.execute("SELECT drop_chunks('ticks', timestamptz '2014-05-06')");
    site.assert_true("with aggregates and without ticks").await;
}

#[tokio::test]
async fn distant_changes_are_read_separately() {
    let Some(mut site) = Site::with_aggregates().await else {
        return;
    };
    let minutes: Vec<_> = (0..2_000)
        .map(|number| {
            tick(A, "05T00:00", number % 7)
                .with_tick_time(at("05T00:00") + TimeDelta::minutes(number))
        })
        .collect();
    site.insert(&minutes).await;
    for day in ["05T00:00", "06T00:00"] {
        site.refresh_day(at(day)).await;
    }
    // more changes than one statement reads separately, some of them adjacent
    let late: Vec<_> = (0..60)
        .map(|number| {
            tick(A, "05T00:00", number)
                .with_tick_time(at("05T00:00") + TimeDelta::minutes(number * (number + 1) / 2))
                .with_sequence(1)
        })
        .collect();
    site.insert(&late[..2]).await;
    site.assert_true("two changes").await;
    for one in &late[2..] {
        site.insert(std::slice::from_ref(one)).await;
    }
    site.assert_true("sixty changes").await;
    site.execute("CALL refresh_continuous_aggregate('ohlc_1m', '2014-05-05', '2014-05-05 07:00Z')");
    site.assert_true("some of them refreshed").await;
}
