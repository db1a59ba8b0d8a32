//! The audit over TimescaleDB, whose candles are damaged on purpose.
#![cfg(all(feature = "conformance", feature = "postgres"))]

mod audited;
mod migrated;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::audit::{AuditSettings, FindingKind, Mending, Problem, Repair, SEALED};
use tickbook::db::{
    self, DatabasePools, DeclaredChunks, Edition, ScratchSchemas, TimeseriesState, timeseries_state,
};
use tickbook::domain::{CandleSource, PriceBasis, Tick, TimeRange, Timeframe, earliest_time};
use tickbook::postgres::PgCandleRefresh;
use tickbook::repository::CandleQuery;
use tickbook::{Database, Repositories};

use audited::{EURUSD, Heard, at, audit, insert, start, ticks, whole};
use migrated::migrated;

struct Site {
    schemas: ScratchSchemas,
    pools: DatabasePools,
    repositories: Repositories,
}

impl Site {
    /// Two days of ticks, and candle relations, refreshed where there is something to refresh.
    async fn new() -> Self {
        let (schemas, pools) = migrated().await;
        let report = db::apply_aggregates(&pools.timeseries()).await;
        let edition = report.expect("candle relations").edition;
        let repositories = Repositories::postgres(&pools);
        insert(&*repositories.ticks, &ticks(2)).await;
        let site = Self {
            schemas,
            pools,
            repositories,
        };
        if edition == Edition::Community {
            for timeframe in Timeframe::ALL {
                site.execute(&format!(
                    "CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{}', '{}')",
                    start().to_rfc3339(),
                    at(2 * 1_440).to_rfc3339()
                ));
            }
        }
        site
    }

    /// `None`, and a line that says so, where made candles cannot be damaged.
    async fn community() -> Option<Self> {
        let site = Self::new().await;
        if site.state().await.edition == Edition::Community {
            return Some(site);
        }
        println!("not run: this Apache edition has no continuous aggregates to damage");
        None
    }

    fn connection(&self) -> PgConnection {
        self.schemas.connection(Database::Timeseries)
    }

    fn execute(&self, sql: &str) {
        let done = self.connection().batch_execute(sql);
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn state(&self) -> TimeseriesState {
        let state = timeseries_state(&self.pools.timeseries(), DeclaredChunks::default()).await;
        state.expect("a state")
    }

    /// The kinds of problems that the database itself tells.
    async fn state_kinds(&self) -> Vec<FindingKind> {
        let problems = self.state().await.problems;
        problems.iter().map(|problem| problem.kind).collect()
    }

    /// The table behind an aggregate.
    fn materialization(&self, timeframe: Timeframe) -> String {
        #[derive(QueryableByName)]
        struct Name {
            #[diesel(sql_type = Text)]
            name: String,
        }
        let name: Name = sql_query(format!(
            "SELECT format('%I.%I', materialization_hypertable_schema, \
             materialization_hypertable_name) AS name \
             FROM timescaledb_information.continuous_aggregates \
             WHERE view_schema = current_schema() AND view_name = 'ohlc_{timeframe}'"
        ))
        .get_result(&mut self.connection())
        .expect("an aggregate");
        name.name
    }

    async fn audit(&self, repair: bool) -> Heard {
        let settings = AuditSettings {
            complete_from: self.state().await.complete_from.unwrap_or(earliest_time()),
            ..whole()
        };
        let made_anew = PgCandleRefresh::new(self.pools.timeseries());
        let repair = repair.then_some(Repair {
            refresh: Some(&made_anew),
        });
        let Repositories { ticks, ohlc, .. } = &self.repositories;
        audit(&**ticks, &**ohlc, &settings, repair).await
    }
}

#[tokio::test]
async fn a_clean_database_gives_no_finding() {
    let site = Site::new().await;
    assert_eq!(site.state().await.problems, []);
    let heard = site.audit(false).await;
    assert_eq!(heard.findings, []);
    assert_eq!(heard.summary.ticks, ticks(2).len() as u64);
    assert!(heard.summary.candles > 11_000, "{:?}", heard.summary);
}

#[tokio::test]
async fn damaged_aggregates_are_found_with_both_values_and_mended() {
    let Some(site) = Site::community().await else {
        return;
    };
    let minutes = site.materialization(Timeframe::M1);
    let hours = site.materialization(Timeframe::H1);
    let time = |minute| at(minute).to_rfc3339();
    site.execute(&format!(
        "UPDATE {minutes} SET bid_open = 1 WHERE open_time = '{}'; \
         UPDATE {minutes} SET ask_close = 3 WHERE open_time = '{}'; \
         UPDATE {minutes} SET volume = 5 WHERE open_time = '{}'; \
         DELETE FROM {minutes} WHERE open_time = '{}'; \
         UPDATE {hours} SET mid_close = 9 WHERE open_time = '{}'; \
         DELETE FROM {hours} WHERE open_time = '{}'",
        time(10),
        time(20),
        time(30),
        time(40),
        time(300),
        time(1_500)
    ));
    let heard = site.audit(false).await;
    let told: Vec<_> = heard
        .findings
        .iter()
        .map(|finding| finding.problem.to_string())
        .collect();
    for expected in [
        "candle_differs: symbol 7 1m bid 2014-05-01T00:10:00Z: open is 1, by its ticks 1.38",
        "candle_differs: symbol 7 1m ask 2014-05-01T00:20:00Z: close is 3, by its ticks 1.38",
        "candle_differs: symbol 7 1m mid 2014-05-01T00:30:00Z: volume is 5, by its ticks 4.011",
        "candle_missing: symbol 7 1m bid 2014-05-01T00:40:00Z: its ticks make open 1.38",
        "candle_differs: symbol 7 1h mid 2014-05-01T05:00:00Z: close is 9, by its ticks 1.38",
        "candle_missing: symbol 7 1h ask 2014-05-02T01:00:00Z: its ticks make open 1.38",
    ] {
        assert!(
            told.iter().any(|told| told.starts_with(expected)),
            "{expected}: {told:#?}"
        );
    }
    // bid; ask; three bases each for a volume and a missing one; the same of the hours
    assert_eq!(told.len(), 1 + 1 + 3 + 3 + 1 + 3, "{told:#?}");

    let heard = site.audit(true).await;
    assert_eq!(heard.findings.len(), told.len());
    assert!(heard.all_mended(), "{:#?}", heard.findings);
    assert_eq!(site.audit(false).await.findings, []);
}

#[tokio::test]
async fn a_candle_without_ticks_is_found_and_taken_away() {
    let Some(site) = Site::community().await else {
        return;
    };
    // minutes without ticks, between others
    let hole = format!(
        "tick_time >= '{}' AND tick_time < '{}'",
        at(60).to_rfc3339(),
        at(70).to_rfc3339()
    );
    site.execute(&format!("DELETE FROM ticks WHERE {hole}"));
    for timeframe in Timeframe::ALL {
        site.execute(&format!(
            "CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{}', '{}')",
            start().to_rfc3339(),
            at(2 * 1_440).to_rfc3339()
        ));
    }
    assert_eq!(site.audit(false).await.findings, []);
    let minutes = site.materialization(Timeframe::M1);
    site.execute(&format!(
        "CREATE TEMPORARY TABLE copied AS SELECT * FROM {minutes} WHERE open_time = '{}'; \
         UPDATE copied SET open_time = '{}'; INSERT INTO {minutes} SELECT * FROM copied",
        at(50).to_rfc3339(),
        at(65).to_rfc3339()
    ));
    // larger candles, which may be read from the minutes now, can be wrong as well
    let of_minutes = |heard: &Heard| {
        let problems = heard.findings.iter().map(|finding| &finding.problem);
        problems
            .filter(|problem| {
                let (found, _) = problem.candles();
                found.is_some_and(|found| found.timeframe == Timeframe::M1)
            })
            .map(Problem::kind)
            .collect::<Vec<_>>()
    };
    let heard = site.audit(false).await;
    assert_eq!(of_minutes(&heard), [FindingKind::CandleWithoutTicks; 3]);
    let heard = site.audit(true).await;
    assert_eq!(of_minutes(&heard), [FindingKind::CandleWithoutTicks; 3]);
    assert!(heard.all_mended(), "{:#?}", heard.findings);
    assert_eq!(site.audit(false).await.findings, []);
}

#[tokio::test]
async fn a_repair_never_erases_candles_whose_ticks_are_gone() {
    let Some(site) = Site::community().await else {
        return;
    };
    let day = TimeRange::new(start(), at(1_440)).expect("ordered");
    let query = CandleQuery::new(EURUSD, Timeframe::H1, PriceBasis::Bid, day);
    let before = site.repositories.ohlc.candles(&query).await.expect("read");
    assert_eq!(before.items.len(), 24);
    let dropped = at(1_440).to_rfc3339();
    site.execute(&format!(
        "SELECT drop_chunks('ticks', '{dropped}'::timestamptz)"
    ));
    assert_eq!(site.state().await.complete_from, Some(at(1_440)));
    let minutes = site.materialization(Timeframe::M1);
    site.execute(&format!(
        "UPDATE {minutes} SET bid_open = 1 WHERE open_time = '{}'",
        at(1_450).to_rfc3339()
    ));
    for _ in 0..2 {
        site.audit(true).await;
        let after = site.repositories.ohlc.candles(&query).await.expect("read");
        assert_eq!(after, before);
    }
    let heard = site.audit(false).await;
    assert_eq!(heard.findings, []);
    assert!(heard.summary.beyond_ticks > 5_000, "{:?}", heard.summary);
}

/// A tick that comes late makes a chunk anew in a day that was dropped.
#[tokio::test]
async fn a_late_tick_into_a_dropped_day_does_not_make_a_repair_erase_that_day() {
    let Some(site) = Site::community().await else {
        return;
    };
    let far: Vec<_> = ticks(1)
        .into_iter()
        .map(|tick| Tick {
            tick_time: tick.tick_time + chrono::TimeDelta::days(4),
            ..tick
        })
        .collect();
    insert(&*site.repositories.ticks, &far).await;
    let dropped = at(4 * 1_440);
    let time = dropped.to_rfc3339();
    site.execute(&format!(
        "SELECT drop_chunks('ticks', '{time}'::timestamptz)"
    ));
    let late = Tick::quote(EURUSD, at(5), Decimal::ONE, Decimal::TWO);
    insert(&*site.repositories.ticks, &[late]).await;
    assert_eq!(site.state().await.complete_from, Some(dropped));
    let query = CandleQuery::new(EURUSD, Timeframe::D1, PriceBasis::Bid, TimeRange::all());
    let before = site.repositories.ohlc.candles(&query).await.expect("read");
    assert_eq!(before.items.len(), 3);
    site.audit(true).await;
    let after = site.repositories.ohlc.candles(&query).await.expect("read");
    assert_eq!(after, before);
}

#[tokio::test]
async fn stored_candles_that_differ_are_found_and_sealed_ones_mended() {
    let site = Site::new().await;
    let range = TimeRange::new(at(100), at(102)).expect("ordered");
    let query = CandleQuery::new(EURUSD, Timeframe::M1, PriceBasis::Mid, range);
    let ohlc = &site.repositories.ohlc;
    let mut candles = ohlc.candles(&query).await.expect("read").items;
    for (candle, by) in candles.iter_mut().zip([SEALED, "import"]) {
        candle.source = CandleSource::Stored(by.to_owned());
    }
    ohlc.upsert_candles(&candles).await.expect("stored");
    assert_eq!(site.audit(false).await.findings, []);

    site.execute("UPDATE ohlc_candles SET high_price = high_price + 1, volume = 4");
    let heard = site.audit(false).await;
    let stored = |heard: &Heard| {
        let minutes = heard.findings.iter().filter(|finding| {
            let (found, _) = finding.problem.candles();
            found.is_some_and(|found| found.timeframe == Timeframe::M1)
        });
        minutes.cloned().collect::<Vec<_>>()
    };
    let of_minutes = stored(&heard);
    assert_eq!(of_minutes.len(), 2);
    for finding in &of_minutes {
        assert_eq!(finding.problem.kind(), FindingKind::StoredCandleDiffers);
        let fields = finding.problem.differences();
        let names: Vec<_> = fields.iter().map(|(name, _, _)| *name).collect();
        assert_eq!(names, ["high", "volume"]);
    }
    // larger candles that are made of them say so as well
    let is_stored = |problem: &Problem| problem.kind() == FindingKind::StoredCandleDiffers;
    assert!(heard.findings.iter().all(|it| is_stored(&it.problem)));

    let of_minutes = stored(&site.audit(true).await);
    assert_eq!(of_minutes[0].mending, Mending::Mended);
    assert!(matches!(of_minutes[1].mending, Mending::NotMended { .. }));
    site.execute("DELETE FROM ohlc_candles WHERE source = 'import'");
    assert_eq!(site.audit(false).await.findings, []);
}

#[tokio::test]
async fn ticks_that_break_a_rule_are_found_in_the_database() {
    let (_schemas, pools) = migrated().await;
    let repositories = Repositories::postgres(&pools);
    let quote =
        |minute, bid, ask| Tick::quote(EURUSD, at(minute), Decimal::from(bid), Decimal::from(ask));
    let early = Tick {
        received_at: Some(at(1)),
        ..quote(2, 3, 4)
    };
    let rows = [
        quote(0, 1, 2),
        quote(1, 2, 1),
        early,
        quote(3, -1, 2),
        quote(60, 1, 2),
    ];
    insert(&*repositories.ticks, &rows).await;
    let mut settings = whole();
    settings.limits.gap = Some(chrono::TimeDelta::minutes(5));
    let heard = audit(&*repositories.ticks, &*repositories.ohlc, &settings, None).await;
    let mut kinds = heard.kinds();
    kinds.sort_unstable();
    let expected = [
        FindingKind::CrossedQuotes,
        FindingKind::NonPositivePrices,
        FindingKind::ReceivedEarly,
        FindingKind::Gap,
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn a_missing_primary_key_is_found() {
    let site = Site::new().await;
    site.execute("ALTER TABLE ohlc_candles DROP CONSTRAINT ohlc_candles_pkey");
    let problems = site.state().await.problems;
    assert_eq!(problems[0].kind, FindingKind::PrimaryKey);
    assert_eq!(problems[0].object, "ohlc_candles");
}

#[tokio::test]
async fn a_missing_constraint_is_found() {
    let site = Site::new().await;
    site.execute("ALTER TABLE ticks DROP CONSTRAINT ticks_sequence_not_negative");
    assert_eq!(site.state_kinds().await, [FindingKind::Constraint]);
}

#[tokio::test]
async fn another_chunk_interval_than_declared_is_found() {
    let site = Site::new().await;
    site.execute("SELECT set_chunk_time_interval('ticks', INTERVAL '1 hour')");
    let problems = site.state().await.problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].kind, FindingKind::ChunkInterval);
    assert!(problems[0].detail.contains("3600 s"), "{:?}", problems[0]);
}

#[tokio::test]
async fn a_missing_candle_relation_is_found() {
    let site = Site::new().await;
    let kind = match site.state().await.edition {
        Edition::Community => "MATERIALIZED VIEW",
        Edition::Apache => "VIEW",
    };
    site.execute(&format!("DROP {kind} ohlc_1d"));
    assert_eq!(site.state_kinds().await, [FindingKind::AggregateMissing]);
}

#[tokio::test]
async fn an_aggregate_that_is_not_real_time_and_one_with_the_bucket_index_are_found() {
    let Some(site) = Site::community().await else {
        return;
    };
    let table = site.materialization(Timeframe::M5);
    site.execute(&format!(
        "ALTER MATERIALIZED VIEW ohlc_1h SET (timescaledb.materialized_only = true); \
         CREATE INDEX ON {table} (open_time DESC)"
    ));
    let mut kinds = site.state_kinds().await;
    kinds.sort_unstable();
    let expected = [
        FindingKind::AggregateNotRealTime,
        FindingKind::AggregateBucketIndex,
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn chunks_that_outlived_their_policies_are_found() {
    let Some(site) = Site::community().await else {
        return;
    };
    site.execute(
        "ALTER TABLE ticks SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol_id', \
         timescaledb.compress_orderby = 'tick_time, sequence'); \
         SELECT add_compression_policy('ticks', INTERVAL '7 days', \
           initial_start => now() + INTERVAL '1 day')",
    );
    assert_eq!(
        site.state_kinds().await,
        [FindingKind::ChunkNotCompressed; 2]
    );
    site.execute("SELECT compress_chunk(show_chunks('ticks'))");
    assert_eq!(site.state_kinds().await, []);
    assert_eq!(site.audit(false).await.findings, []);
    site.execute(
        "SELECT add_retention_policy('ticks', INTERVAL '90 days', \
         initial_start => now() + INTERVAL '1 day')",
    );
    assert_eq!(site.state_kinds().await, [FindingKind::ChunkNotDropped; 2]);
}

#[tokio::test]
async fn a_failed_job_is_found() {
    let Some(site) = Site::community().await else {
        return;
    };
    site.execute("SELECT add_retention_policy('ticks', INTERVAL '100 years')");
    // the scheduler keeps what became of a run here; making a job fail for real takes its time
    site.execute(
        "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs \
         WHERE hypertable_schema = current_schema()",
    );
    let job = "(SELECT job_id FROM timescaledb_information.jobs \
               WHERE hypertable_schema = current_schema())";
    site.execute(&format!(
        "DELETE FROM _timescaledb_internal.bgw_job_stat WHERE job_id = {job}; \
         INSERT INTO _timescaledb_internal.bgw_job_stat SELECT {job}, now(), now(), now(), \
         '-infinity', false, 1, interval '1 second', interval '1 second', 0, 1, 0, 1, 0, 0"
    ));
    assert_eq!(site.state_kinds().await, [FindingKind::JobFailed]);
}
