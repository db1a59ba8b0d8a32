//! Deployments of strategies in PostgreSQL.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Nullable, Timestamptz};
use diesel::{OptionalExtension as _, PgConnection, RunQueryDsl as _};
use rust_decimal::Decimal;
use tickbook::RepositoryError;
use tickbook::db::{DbError, transaction};
use tickbook::domain::Page;
use tickbook::postgres::PgDecimal;

use super::accounts;
use super::statement::{Parameter, Selection, Statement, StatementText};
use super::stored::missing;
use super::strategies;
use super::strategy_rows::{DeploymentColumns, DeploymentRow, deployment_columns};
use super::strategy_store::push_scope;
use crate::domain::{AccountScope, Deployment, DeploymentId, NewDeployment};
use crate::repository::{
    DeploymentQuery, check_deployed_account, check_same_tenant, deployment_runs,
    missing_deployment, missing_version,
};

/// The end of the last deployment; a row with NULL if it is running.
struct LastStop;

impl StatementText for LastStop {
    const SQL: &'static str = "SELECT d.stopped_at FROM deployments d WHERE d.account_id = ? AND d.strategy_id = ? \
         ORDER BY d.stopped_at DESC NULLS FIRST LIMIT 1";
    type Row = Nullable<Timestamptz>;
}

struct Insert;

impl StatementText for Insert {
    const SQL: &'static str = concat!(
        "INSERT INTO deployments AS d (account_id, strategy_id, version, allocated_capital, max_position_size, \
         max_leverage, deployed_at) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING ",
        deployment_columns!()
    );
    type Row = DeploymentColumns;
}

/// Begins a deployment whose numbers are normalized.
pub(super) fn deploy(
    connection: &mut PgConnection,
    scope: &AccountScope,
    terms: &NewDeployment,
    now: DateTime<Utc>,
) -> Result<Deployment, DbError> {
    let (strategy_id, number) = (terms.strategy_id, terms.version);
    let missing_version = || missing_version(strategy_id, number);
    transaction(connection, |connection| {
        let account = accounts::find(connection, scope, terms.account_id)?;
        let account = account.ok_or_else(|| missing(terms.account_id))?;
        let strategy = strategies::lock(connection, scope, strategy_id)?;
        let strategy = strategy.ok_or_else(missing_version)?;
        check_same_tenant(&strategy, account.terms.tenant_id)?;
        let version = strategies::version(connection, strategy_id, number)?;
        version.ok_or_else(missing_version)?;
        check_deployed_account(&account)?;
        let (account_id, strategy_id) = (terms.account_id.get(), strategy_id.get());
        let ids = || {
            [
                Parameter::BigInt(account_id),
                Parameter::BigInt(strategy_id),
            ]
        };
        let last = Statement::<LastStop>::new(ids());
        let last: Option<Option<DateTime<Utc>>> = last.get_result(connection).optional()?;
        let deployed_at = match last {
            Some(None) => return Err(deployment_runs(terms).into()),
            Some(Some(stopped_at)) => now.max(stopped_at),
            None => now,
        };
        let mut parameters = Vec::from(ids());
        let decimal = |value: Option<Decimal>| Parameter::OptionalDecimal(value.map(PgDecimal));
        parameters.extend([
            Parameter::Integer(number),
            decimal(terms.allocated_capital),
            decimal(terms.max_position_size),
            decimal(terms.max_leverage),
            Parameter::Time(deployed_at),
        ]);
        let row: DeploymentRow = Statement::<Insert>::new(parameters).get_result(connection)?;
        Ok(row.into_deployment())
    })
}

struct Get;

impl StatementText for Get {
    const SQL: &'static str = concat!(
        "SELECT ",
        deployment_columns!(),
        " FROM deployments d WHERE d.deployment_id = ? FOR UPDATE"
    );
    type Row = DeploymentColumns;
}

struct Stop;

impl StatementText for Stop {
    const SQL: &'static str = concat!(
        "UPDATE deployments AS d SET stopped_at = GREATEST(?, d.deployed_at) WHERE d.deployment_id = ? RETURNING ",
        deployment_columns!()
    );
    type Row = DeploymentColumns;
}

pub(super) fn stop(
    connection: &mut PgConnection,
    scope: &AccountScope,
    deployment_id: DeploymentId,
    now: DateTime<Utc>,
) -> Result<Deployment, DbError> {
    transaction(connection, |connection| {
        let id = || Parameter::BigInt(deployment_id.get());
        let found: Option<DeploymentRow> = Statement::<Get>::new([id()])
            .get_result(connection)
            .optional()?;
        let missing = || missing_deployment(deployment_id);
        let found = found.ok_or_else(missing)?.into_deployment();
        accounts::find(connection, scope, found.terms.account_id)?.ok_or_else(missing)?;
        if !found.is_running() {
            return Ok(found);
        }
        let statement = Statement::<Stop>::new([Parameter::Time(now), id()]);
        let row: DeploymentRow = statement.get_result(connection)?;
        Ok(row.into_deployment())
    })
}

pub(super) fn list(
    connection: &mut PgConnection,
    scope: &AccountScope,
    query: &DeploymentQuery,
) -> Result<Page<Deployment, DeploymentId>, DbError> {
    let columns = concat!("SELECT ", deployment_columns!());
    let mut select = Selection::<DeploymentColumns>::new(columns);
    let after = Parameter::BigInt(query.after.map_or(0, DeploymentId::get));
    select.push(
        " FROM deployments d JOIN accounts a ON a.account_id = d.account_id WHERE d.deployment_id > ?",
        [after],
    );
    push_scope(&mut select, scope);
    if let Some(id) = query.strategy_id {
        select.push(" AND d.strategy_id = ?", [Parameter::BigInt(id.get())]);
    }
    if let Some(id) = query.account_id {
        select.push(" AND d.account_id = ?", [Parameter::BigInt(id.get())]);
    }
    match query.running {
        Some(true) => select.push(" AND d.stopped_at IS NULL", []),
        Some(false) => select.push(" AND d.stopped_at IS NOT NULL", []),
        None => {}
    }
    // at most a page and one more
    let limit = Parameter::BigInt(query.limit.get() as i64 + 1);
    select.push(" ORDER BY d.deployment_id LIMIT ?", [limit]);
    let into_item = |row: DeploymentRow| Ok::<_, RepositoryError>(row.into_deployment());
    let found = select.collect(connection, into_item)?;
    Ok(Page::from_limit_plus_one(
        found,
        query.limit,
        |it: &Deployment| it.deployment_id,
    ))
}
