//! Ten days of ticks that end now, with candle relations, in a separate schema.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::db::DatabaseConfig;
use tickbook::db::{DatabasePools, ScratchSchemas, TimeseriesDb};
use tickbook::domain::{
    Candle, CandleSource, PageLimit, PriceBasis, SymbolId, Tick, TimeRange, Timeframe, fold_ticks,
};
use tickbook::postgres::{self, Edition};
use tickbook::repository::CandleQuery;
use tickbook::retention::{PolicyDuration, RetentionPolicies};
use tickbook::{Database, Repositories};

pub(crate) const SYMBOLS: [SymbolId; 2] = [SymbolId::new(7), SymbolId::new(8)];

pub(crate) struct TenDayHistory {
    pub(crate) repositories: Repositories,
    pub(crate) pools: DatabasePools,
    pub(crate) connection: PgConnection,
    pub(crate) edition: Edition,
    /// The end of the ticks, a whole minute.
    pub(crate) now: DateTime<Utc>,
    /// All ticks that were ever stored, including dropped ones.
    pub(crate) ticks: Vec<Tick>,
    pub(crate) schemas: ScratchSchemas,
}

impl TenDayHistory {
    /// Ten days of ticks, and the candle relations of the edition.
    pub(crate) async fn ten_days() -> Self {
        Self::empty().await.with_ten_days().await
    }

    /// The same in a database that uses `time` as the current time. Only on the Apache edition, since the
    /// jobs of the Community edition use the system clock.
    pub(crate) async fn ten_days_at(time: DateTime<Utc>) -> Self {
        Self::empty_at(time).await.with_ten_days().await
    }

    async fn with_ten_days(mut self) -> Self {
        let history = &mut self;
        let start = history.now - TimeDelta::days(10);
        let mut ticks = Vec::new();
        for symbol_id in SYMBOLS {
            // two ticks every 20 minutes and 7 seconds
            for number in 0..715 {
                let time = start + TimeDelta::seconds(number * 1_207);
                for sequence in 0..2 {
                    ticks.push(tick(symbol_id, time, sequence, number * 31 % 97));
                }
            }
        }
        ticks.retain(|tick| tick.tick_time < history.now);
        history.insert(&ticks).await;
        self
    }

    /// No ticks.
    pub(crate) async fn empty() -> Self {
        Self::in_schemas(ScratchSchemas::create(), suite::now()).await
    }

    /// No ticks; the current time is as for [`ten_days_at`](Self::ten_days_at).
    pub(crate) async fn empty_at(time: DateTime<Utc>) -> Self {
        Self::in_schemas(ScratchSchemas::create_at(time), time).await
    }

    async fn in_schemas(schemas: ScratchSchemas, now: DateTime<Utc>) -> Self {
        let config: DatabaseConfig = schemas.config();
        let pools = DatabasePools::new(&config);
        postgres::migrate_metadata(&pools.metadata())
            .await
            .expect("up");
        postgres::migrate_timeseries(&pools.timeseries())
            .await
            .expect("up");
        let edition = postgres::apply_aggregates(&pools.timeseries())
            .await
            .expect("candle relations")
            .edition;
        Self {
            repositories: Repositories::postgres(&pools),
            connection: schemas.connection(Database::Timeseries),
            now: now
                .duration_trunc(TimeDelta::minutes(1))
                .expect("a whole minute"),
            ticks: Vec::new(),
            pools,
            edition,
            schemas,
        }
    }

    /// Whether this is the Community edition; if not, counts the test as skipped.
    pub(crate) fn is_community(&self) -> bool {
        let is_community = self.edition == Edition::Community;
        if !is_community {
            suite::skip("this is the Apache edition, which has no aggregates and jobs");
        }
        is_community
    }

    pub(crate) fn db(&self) -> TimeseriesDb {
        self.pools.timeseries()
    }

    /// Stores new ticks.
    pub(crate) async fn insert(&mut self, ticks: &[Tick]) {
        for batch in ticks.chunks(1_000) {
            let receipt = self.repositories.ticks.insert_batch(batch).await;
            let receipt = receipt.expect("inserted");
            assert_eq!(receipt.inserted, batch.len() as u64, "{receipt:?}");
        }
        self.ticks.extend_from_slice(ticks);
    }

    /// Replaces the repositories by new ones without cached state.
    pub(crate) fn restart(&mut self) {
        self.repositories = Repositories::postgres(&self.pools);
    }

    pub(crate) fn execute(&mut self, sql: &str) {
        self.connection
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub(crate) fn number(&mut self, query: &str) -> i64 {
        let row: Number = sql_query(query)
            .get_result(&mut self.connection)
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        row.number
    }

    pub(crate) fn text(&mut self, query: &str) -> String {
        let row: Name = sql_query(query)
            .get_result(&mut self.connection)
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        row.name
    }

    /// The number of one-minute candles in `ohlc_1m`.
    pub(crate) fn minute_candles(&mut self) -> i64 {
        self.number("SELECT count(*) AS number FROM ohlc_1m")
    }

    /// Runs the jobs of one procedure, as the scheduler of the database does. Waits for a job that the
    /// scheduler is running.
    pub(crate) fn run_jobs(&mut self, procedure: &str) {
        let jobs: Vec<Job> = sql_query(format!(
            "SELECT DISTINCT job_id FROM timescaledb_information.jobs AS j \
             LEFT JOIN timescaledb_information.continuous_aggregates AS a \
             ON (a.materialization_hypertable_schema, a.materialization_hypertable_name) = \
             (j.hypertable_schema, j.hypertable_name) \
             WHERE current_schema() IN (a.view_schema, j.hypertable_schema) \
             AND proc_name = '{procedure}' ORDER BY job_id"
        ))
        .load(&mut self.connection)
        .expect("jobs");
        assert!(!jobs.is_empty(), "no job runs {procedure}");
        for job in jobs {
            let call = format!("CALL run_job({})", job.job_id);
            let mut attempts = 0;
            while let Err(error) = self.connection.batch_execute(&call) {
                attempts += 1;
                assert!(attempts < 100, "{call}: {error}");
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }
    }

    /// All candles of a timeframe and basis, as the repository reads them.
    pub(crate) async fn candles(&self, timeframe: Timeframe, basis: PriceBasis) -> Vec<Candle> {
        let mut candles = Vec::new();
        for symbol_id in SYMBOLS {
            let query = CandleQuery::new(symbol_id, timeframe, basis, TimeRange::all())
                .limit(PageLimit::new(10_000).expect("in range"));
            let page = self.repositories.ohlc.candles(&query).await;
            candles.extend(page.expect("a page").items);
        }
        candles
    }

    /// Asserts that every candle equals the fold of all ticks that were ever stored.
    pub(crate) async fn assert_whole(&self, timeframes: &[Timeframe]) {
        for timeframe in timeframes {
            for &basis in PriceBasis::OF_TICKS {
                let expected = fold_ticks(&self.ticks, *timeframe, basis, suite::now());
                let read = self.candles(*timeframe, basis).await;
                let read: Vec<_> = read
                    .into_iter()
                    .map(|candle| candle.source(CandleSource::Ticks))
                    .collect();
                let expected = expected.expect("fits");
                assert_eq!(read.len(), expected.len(), "{timeframe} {basis}");
                for (read, expected) in read.iter().zip(&expected) {
                    assert_eq!(read, expected, "{timeframe} {basis}");
                }
            }
        }
    }

    /// Asserts that the materialized rows, without candles computed by the read, equal the fold of all
    /// ticks that were ever stored. Omits the newest buckets, which refreshes leave out.
    pub(crate) fn assert_materialized(&mut self) {
        for &timeframe in Timeframe::ALL {
            let until = timeframe.bucket_start(self.now - timeframe.duration());
            let expected = fold_ticks(&self.ticks, timeframe, PriceBasis::Mid, suite::now());
            let expected: Vec<_> = expected
                .expect("fits")
                .into_iter()
                .filter(|candle| candle.close_time() <= until)
                .map(|candle| {
                    let Candle {
                        open_time, close, ..
                    } = candle;
                    (open_time.timestamp(), close.to_string(), candle.tick_count)
                })
                .collect();
            let name: Name = sql_query(format!(
                "SELECT format('%I.%I', materialization_hypertable_schema, \
                 materialization_hypertable_name) AS name \
                 FROM timescaledb_information.continuous_aggregates \
                 WHERE view_schema = current_schema() AND view_name = 'ohlc_{timeframe}'"
            ))
            .get_result(&mut self.connection)
            .expect("an aggregate");
            let rows: Vec<Materialized> = sql_query(format!(
                "SELECT extract(epoch FROM open_time)::bigint AS open_time, \
                 trim_scale(mid_close)::text AS close, mid_tick_count AS tick_count FROM {} \
                 WHERE mid_tick_count > 0 AND open_time + INTERVAL '{} seconds' <= to_timestamp({}) \
                 ORDER BY symbol_id, open_time",
                name.name,
                timeframe.duration().num_seconds(),
                until.timestamp()
            ))
            .load(&mut self.connection)
            .expect("candles");
            let found: Vec<_> = rows
                .into_iter()
                .map(|row| (row.open_time, row.close, row.tick_count))
                .collect();
            assert_eq!(found, expected, "{timeframe}");
        }
    }
}

/// The default policies, with ticks that are dropped after `drop_after` and short intervals.
pub(crate) fn short_policies(drop_after: PolicyDuration) -> RetentionPolicies {
    let mut policies = RetentionPolicies::default().lateness(PolicyDuration::hours(1));
    policies.ticks.drop_after = Some(drop_after);
    policies.ticks.compress_after = Some(PolicyDuration::days(5));
    policies.trades = policies.ticks;
    policies
}

pub(crate) fn tick(symbol_id: SymbolId, time: DateTime<Utc>, sequence: i64, number: i64) -> Tick {
    let bid = Decimal::new(1_380_000 + number * 7 + sequence * 3, 6);
    let tick = Tick::quote(symbol_id, time, bid, bid + Decimal::new(number + 1, 7))
        .with_sequence(sequence)
        .with_bid_volume(Decimal::new(number, 3));
    tick.normalized().expect("a tick")
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Job {
    #[diesel(sql_type = Integer)]
    job_id: i32,
}

#[derive(QueryableByName)]
struct Materialized {
    #[diesel(sql_type = BigInt)]
    open_time: i64,
    #[diesel(sql_type = Text)]
    close: String,
    #[diesel(sql_type = BigInt)]
    tick_count: i64,
}
