//! Tests of pages of candles that one statement returns, on the Community edition.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{
    Candle, CandleSource, PageLimit, PriceBasis, SymbolId, Tick, TimeRange, Timeframe, fold_ticks,
};
use tickbook::postgres::{self, Edition};
use tickbook::repository::CandleQuery;
use tickbook::{Database, Repositories};

use crate::support::migrated_schema::migrated_with;

const SYMBOL: SymbolId = SymbolId::new(7);

#[derive(QueryableByName)]
struct Statement {
    #[diesel(sql_type = Text)]
    query: String,
}

/// A day of two ticks a minute for an hour, all in the aggregates, and read once.
struct Site {
    repositories: Repositories,
    pools: DatabasePools,
    connection: PgConnection,
    ticks: Vec<Tick>,
    application: String,
    // dropped last, which removes the schemas
    _schemas: ScratchSchemas,
}

impl Site {
    /// `None` if the edition has no aggregates.
    async fn settled() -> Option<Self> {
        let application = format!("settled_{}", suite::free_port());
        let (schemas, pools) = migrated_with(|config| {
            let url = config.timeseries_url.clone();
            config.timeseries_url = url.with_default("application_name", application.clone());
            config.pool.size = 1;
            config.pool.reserved_for_writes = 0;
        })
        .await;
        let mut connection = schemas.connection(Database::Timeseries);
        let edition = postgres::detect_edition(&mut connection).expect("an edition");
        if edition.edition == Edition::Apache {
            suite::skip("the Apache edition has no continuous aggregates");
            return None;
        }
        let applied = postgres::apply_aggregates(&pools.timeseries()).await;
        applied.expect("aggregates");
        let mut site = Self {
            repositories: Repositories::postgres(&pools),
            pools,
            connection,
            ticks: Vec::new(),
            application,
            _schemas: schemas,
        };
        let ticks: Vec<_> = (0..120).map(|number| tick(number * 30, number)).collect();
        site.insert(&ticks).await;
        site.refresh().await;
        site.assert_settled("at first").await;
        Some(site)
    }

    async fn insert(&mut self, ticks: &[Tick]) {
        let receipt = self.repositories.ticks.insert_batch(ticks).await;
        assert_eq!(receipt.expect("inserted").inserted, ticks.len() as u64);
        self.ticks.extend_from_slice(ticks);
    }

    async fn refresh(&self) {
        let days = BTreeSet::from([start()]);
        let refreshed = postgres::refresh_days(&self.pools.timeseries(), days).await;
        assert!(!refreshed.expect("refreshed").is_empty());
    }

    fn execute(&mut self, sql: &str) {
        let done = self.connection.batch_execute(sql);
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn candles(&self, timeframe: Timeframe) -> Vec<Candle> {
        let range = TimeRange::new(start(), start() + TimeDelta::hours(2)).expect("ordered");
        let query = CandleQuery::new(SYMBOL, timeframe, PriceBasis::Bid, range)
            .limit(PageLimit::new(500).expect("in range"));
        let page = self.repositories.ohlc.candles(&query).await;
        page.expect("a page").items
    }

    /// Asserts that the candles equal the fold of the ticks, and reads those of one minute last.
    async fn assert_true(&self, when: &str) {
        for timeframe in [Timeframe::H1, Timeframe::M5, Timeframe::M1] {
            let expected = fold_ticks(&self.ticks, timeframe, PriceBasis::Bid, suite::now());
            let read = self.candles(timeframe).await;
            assert_eq!(read, expected.expect("fits"), "{when}: {timeframe}");
        }
    }

    /// Asserts that the candles are true, and that one statement returns them soon. Aggregates that other tests create
    /// in the same database meanwhile make pages take the longer way.
    async fn assert_settled(&mut self, when: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            self.assert_true(when).await;
            if self.was_settled() {
                return;
            }
            assert!(Instant::now() < deadline, "{when}: the page is not settled");
        }
    }

    /// Whether one statement returned the last page: it is the last statement of the only session of the pool.
    fn was_settled(&mut self) -> bool {
        let last: Statement =
            sql_query("SELECT query FROM pg_stat_activity WHERE application_name = $1")
                .bind::<Text, _>(&self.application)
                .get_result(&mut self.connection)
                .expect("one session");
        last.query.contains("candles_are_settled")
    }
}

fn start() -> DateTime<Utc> {
    "2014-05-05T10:00:00Z".parse().expect("a time")
}

fn tick(second: i64, bid: i64) -> Tick {
    let bid = Decimal::from(100 + bid % 17);
    let at = start() + TimeDelta::seconds(second);
    Tick::quote(SYMBOL, at, bid, bid + Decimal::ONE)
}

#[tokio::test]
async fn late_ticks_are_in_settled_pages_at_once() {
    let Some(mut site) = Site::settled().await else {
        return;
    };
    site.insert(&[tick(61, 16)]).await;
    site.assert_true("after a late tick").await;
    assert!(!site.was_settled(), "a change is pending");
    site.refresh().await;
    site.assert_settled("after its refresh").await;
}

#[tokio::test]
async fn settled_pages_survive_a_changed_chunk() {
    let Some(mut site) = Site::settled().await else {
        return;
    };
    site.execute("ALTER MATERIALIZED VIEW ohlc_1m SET (timescaledb.compress = true)");
    for (what, sql) in [
        ("compressed", "SELECT compress_chunk(chunk) FROM"),
        ("decompressed", "SELECT decompress_chunk(chunk) FROM"),
    ] {
        site.execute(&format!(
            "{sql} (SELECT show_chunks(materialization) AS chunk FROM (\
             SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)::regclass \
             AS materialization FROM timescaledb_information.continuous_aggregates \
             WHERE view_schema = current_schema() AND view_name = 'ohlc_1m') AS of) AS chunks"
        ));
        site.assert_true(what).await;
        assert!(!site.was_settled(), "{what}: the chunks changed");
        site.assert_settled(what).await;
    }
}

#[tokio::test]
async fn stored_candles_unsettle_a_page() {
    let Some(mut site) = Site::settled().await else {
        return;
    };
    let mut stored = site.candles(Timeframe::M1).await.swap_remove(3);
    stored.close += Decimal::ONE;
    stored.high += Decimal::ONE;
    let stored = stored.source(CandleSource::Stored("vendor".to_owned()));
    let candles = [stored.clone()];
    let done = site.repositories.ohlc.upsert_candles(&candles).await;
    assert_eq!(done.expect("stored"), 1);
    for _ in 0..2 {
        assert_eq!(site.candles(Timeframe::M1).await[3], stored);
        assert!(!site.was_settled(), "stored candles are read separately");
    }
}

#[tokio::test]
async fn aggregates_made_again_unsettle_a_page() {
    let Some(mut site) = Site::settled().await else {
        return;
    };
    site.execute("DROP MATERIALIZED VIEW ohlc_1m CASCADE");
    site.assert_true("without aggregates").await;
    assert!(!site.was_settled(), "no aggregate");
    let applied = postgres::apply_aggregates(&site.pools.timeseries()).await;
    applied.expect("aggregates");
    site.assert_true("with empty aggregates").await;
    assert!(!site.was_settled(), "nothing is refreshed");
    site.refresh().await;
    site.assert_settled("after a refresh").await;
}
