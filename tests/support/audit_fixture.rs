//! A database with two days of ticks and their candles.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::audit::{FindingKind, MaterializedCandles, Repair};
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{SymbolId, Tick, Timeframe, earliest_time};
use tickbook::postgres::{self, Edition, TimeseriesState, timeseries_state};
use tickbook::postgres::{PgCandleRefresh, PgMaterializedCandles};
use tickbook::retention::RetentionPolicies;
use tickbook::{Database, Repositories};

use super::audit_run::{AuditRun, EURUSD, at, audit_of, insert, start, ticks, whole};
use super::migrated_schema::migrated;

pub(crate) struct Site {
    pub(crate) schemas: ScratchSchemas,
    pub(crate) pools: DatabasePools,
    pub(crate) repositories: Repositories,
}

impl Site {
    /// Two days of ticks, and candle relations, which are refreshed if they are aggregates.
    pub(crate) async fn new() -> Self {
        Self::with(&ticks(2)).await
    }

    /// The same of these ticks.
    pub(crate) async fn with(stored: &[Tick]) -> Self {
        let (schemas, pools) = migrated().await;
        let report = postgres::apply_aggregates(&pools.timeseries()).await;
        let edition = report.expect("candle relations").edition;
        let repositories = Repositories::postgres(&pools);
        insert(&*repositories.ticks, stored).await;
        let site = Self {
            schemas,
            pools,
            repositories,
        };
        if edition == Edition::Community {
            site.refresh();
        }
        site
    }

    /// Refreshes the buckets with recorded changes, smallest timeframe first.
    pub(crate) fn refresh(&self) {
        for &timeframe in Timeframe::ALL {
            self.execute(&format!(
                "CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{}', '{}')",
                start().to_rfc3339(),
                at(2 * 1_440).to_rfc3339()
            ));
        }
    }

    /// Returns `None`, and counts the test as skipped, if the edition has no aggregates, whose rows the
    /// test would damage.
    pub(crate) async fn community() -> Option<Self> {
        Self::community_with(&ticks(2)).await
    }

    /// The same of these ticks.
    pub(crate) async fn community_with(stored: &[Tick]) -> Option<Self> {
        let site = Self::with(stored).await;
        if site.state().await.edition == Edition::Community {
            return Some(site);
        }
        suite::skip("this Apache edition has no continuous aggregates to damage");
        None
    }

    pub(crate) fn connection(&self) -> PgConnection {
        self.schemas.connection(Database::Timeseries)
    }

    pub(crate) fn execute(&self, sql: &str) {
        let done = self.connection().batch_execute(sql);
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub(crate) async fn state(&self) -> TimeseriesState {
        self.state_beside(&RetentionPolicies::default()).await
    }

    pub(crate) async fn state_beside(&self, declared: &RetentionPolicies) -> TimeseriesState {
        let state = timeseries_state(&self.pools.timeseries(), declared).await;
        state.expect("a state")
    }

    /// The kinds of the problems found in the state of the database.
    pub(crate) async fn state_kinds(&self) -> Vec<FindingKind> {
        let problems = self.state().await.problems;
        problems.iter().map(|problem| problem.kind).collect()
    }

    /// The materialization table of an aggregate.
    pub(crate) fn materialization(&self, timeframe: Timeframe) -> String {
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

    pub(crate) async fn audit(&self, repair: bool) -> AuditRun {
        self.audit_of(EURUSD, repair).await
    }

    pub(crate) async fn audit_of(&self, symbol_id: SymbolId, repair: bool) -> AuditRun {
        let state = self.state().await;
        let settings = whole()
            .complete_from(state.complete_from.unwrap_or(earliest_time()))
            .incomplete_ranges(state.incomplete_ranges);
        let rows = PgMaterializedCandles::new(self.pools.timeseries());
        let rows = state
            .has_aggregates
            .then_some(&rows as &dyn MaterializedCandles);
        let refresher = PgCandleRefresh::new(self.pools.timeseries());
        let repair = repair.then_some(Repair::new(Some(&refresher)));
        let Repositories { ticks, ohlc, .. } = &self.repositories;
        audit_of(symbol_id, &**ticks, &**ohlc, rows, &settings, repair).await
    }
}
