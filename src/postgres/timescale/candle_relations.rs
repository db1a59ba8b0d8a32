//! The candle relations `ohlc_1m` to `ohlc_1d`, created from the files of `manual_sql/`.

use std::fmt;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Array, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::error::{Database, RepositoryError};

use crate::db::DbError;
use crate::db::TimeseriesDb;
use crate::db::transaction;
use crate::postgres::candle_sql::relation_names;
use crate::postgres::migrations::{lock_schema, pending_migrations};
use crate::postgres::statements::statements;
use crate::postgres::timescale::edition::{Edition, detect_edition};
use crate::postgres::timescale::thresholds::{raise_thresholds, thresholds_are_far};

const CONTINUOUS_AGGREGATES: &str = include_str!("../../../manual_sql/continuous_aggregates.sql");
const CANDLE_VIEWS: &str = include_str!("../../../manual_sql/candle_views.sql");

/// The type of a candle relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CandleRelationKind {
    /// A continuous aggregate.
    Aggregate,
    /// A plain view, which computes its candles at every read.
    View,
    /// The relation does not exist.
    Missing,
}

impl CandleRelationKind {
    /// `aggregate`, `view` or `missing`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aggregate => "aggregate",
            Self::View => "view",
            Self::Missing => "missing",
        }
    }
}

impl fmt::Display for CandleRelationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One of the relations `ohlc_1m` to `ohlc_1d`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CandleRelationState {
    /// The name.
    pub name: String,
    /// The type.
    pub kind: CandleRelationKind,
}

impl CandleRelationState {
    /// Creates the state of the relation `name`.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: CandleRelationKind) -> Self {
        let name = name.into();
        Self { name, kind }
    }

    pub(super) fn is_aggregate(&self) -> bool {
        self.kind == CandleRelationKind::Aggregate
    }
}

/// The result of applying the manual SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AggregatesReport {
    /// The edition, which decides the file.
    pub edition: Edition,
    /// The existing candle relations, smallest timeframe first.
    pub relations: Vec<CandleRelationState>,
    /// The relations that were created now, or changed from a view to a continuous aggregate.
    pub changed: Vec<String>,
}

/// Creates missing candle relations: continuous aggregates on the Community edition, plain views on the
/// Apache edition. Creates all or none; may be repeated at any time. Then makes every insert log its changes,
/// so that no refresh misses them.
///
/// Replaces views by aggregates if the edition supports them. Never drops an aggregate. Computes no candles:
/// aggregates compute them at reads until a refresh.
///
/// # Errors
/// Returns `Schema` if migrations have not run, and database errors.
pub async fn apply_aggregates(db: &TimeseriesDb) -> Result<AggregatesReport, RepositoryError> {
    db.run_dedicated("apply_aggregates", apply).await
}

fn apply(connection: &mut PgConnection) -> Result<AggregatesReport, DbError> {
    let edition = detect_edition(connection)?.edition;
    lock_schema(connection)?;
    // another schema of the search_path may have ticks, over which the relations must not be created
    if !pending_migrations(connection, Database::Timeseries)?.is_empty() {
        return Err(RepositoryError::Schema {
            database: Database::Timeseries,
            reason: "not all migrations have run: run `tickbook migrate` first".to_owned(),
        }
        .into());
    }
    let before = candle_relations(connection)?;
    let sql = match edition {
        Edition::Apache => CANDLE_VIEWS,
        Edition::Community => CONTINUOUS_AGGREGATES,
    };
    transaction(connection, |connection| {
        // a refresh cannot run in a transaction: the refreshes of the file run below, where they are missing
        for statement in statements(sql) {
            if !statement.starts_with("CALL ") {
                connection.batch_execute(statement)?;
            }
        }
        Ok(())
    })?;
    if !thresholds_are_far(connection)? {
        raise_thresholds(connection)?;
    }
    let relations = candle_relations(connection)?;
    let changed = relations
        .iter()
        .filter(|relation| !before.contains(relation))
        .map(|relation| relation.name.clone())
        .collect();
    Ok(AggregatesReport {
        edition,
        relations,
        changed,
    })
}

#[derive(QueryableByName)]
struct Relation {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

/// Reads the type of each of [`CandleRelation::all`](crate::domain::CandleRelation::all) in the current
/// schema, in this order.
///
/// # Errors
/// Returns `Schema` if the database does not have the extension, and database errors.
pub fn candle_relations(
    connection: &mut PgConnection,
) -> Result<Vec<CandleRelationState>, DbError> {
    // the visible part of a continuous aggregate is a view as well
    let relations: Vec<Relation> = sql_query(
        "SELECT r.name, CASE \
           WHEN EXISTS (SELECT FROM timescaledb_information.continuous_aggregates \
             WHERE view_schema = current_schema() AND view_name = r.name) THEN 'aggregate' \
           WHEN EXISTS (SELECT FROM pg_views \
             WHERE schemaname = current_schema() AND viewname = r.name) THEN 'view' \
           ELSE 'missing' END AS kind \
         FROM unnest($1) WITH ORDINALITY AS r (name, place) ORDER BY r.place",
    )
    .bind::<Array<Text>, _>(relation_names())
    .load(connection)?;
    Ok(relations
        .into_iter()
        .map(|Relation { name, kind }| {
            let kind = match kind.as_str() {
                "aggregate" => CandleRelationKind::Aggregate,
                "view" => CandleRelationKind::View,
                _ => CandleRelationKind::Missing,
            };
            CandleRelationState { name, kind }
        })
        .collect())
}
