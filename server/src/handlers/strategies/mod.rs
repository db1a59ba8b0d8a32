//! Handlers of strategies, deployments and backtests.

pub mod backtest_files;
pub mod backtests;
pub mod definitions;
pub mod deployments;
pub mod versions;

use tickbook::RepositoryError;
use tickbook_ledger::domain::StrategyId;
use utoipa_axum::router::OpenApiRouter;

use crate::app::AppState;
use crate::params::Query;
use crate::problem::Problem;

/// The routes of these files.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(definitions::routes())
        .merge(versions::routes())
        .merge(deployments::routes())
        .merge(backtests::routes())
        .merge(backtest_files::routes())
}

/// Parses the id of a strategy in the path.
fn strategy_id(text: &str) -> Result<StrategyId, Problem> {
    crate::params::positive_id("strategy_id", text).map(StrategyId::new)
}

/// Parses the number of a version in the path or a parameter.
fn version_number(text: &str) -> Result<i32, Problem> {
    let id = crate::params::positive_id("version", text)?;
    i32::try_from(id).map_err(|_| {
        let problem = format!("invalid number {id}: expected 1 to {}", i32::MAX);
        crate::params::invalid("version", &problem)
    })
}

/// Parses the number of a version in a parameter.
fn version_parameter(query: &Query) -> Result<Option<i32>, Problem> {
    query.text("version").map(version_number).transpose()
}

/// The problem of an error about an item that a path or a body names.
fn named(error: RepositoryError) -> Problem {
    match error {
        RepositoryError::NotFound { entity, key } => Problem::not_found(format!(
            "{entity} {key} does not exist, or is outside of the accounts of the caller"
        )),
        error => super::object_body::of_body(error),
    }
}
