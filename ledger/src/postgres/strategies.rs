//! Strategies and versions in PostgreSQL.

use chrono::{DateTime, Utc};
use diesel::{OptionalExtension as _, PgConnection, RunQueryDsl as _};
use tickbook::db::{DbError, transaction};
use tickbook::domain::Page;
use tickbook::{Entity, RepositoryError};

use super::statement::{Parameter, Selection, Statement, StatementText};
use super::strategy_rows::{
    StrategyColumns, StrategyRow, VersionColumns, VersionRow, strategy_columns, version_columns,
};
use crate::domain::{
    AccountScope, NewStrategy, NewStrategyVersion, Strategy, StrategyId, StrategyVersion,
};
use crate::repository::{
    AddedVersion, StrategyQuery, StrategyVersionQuery, check_whole_tenant, sees_tenant,
};

fn id(strategy_id: StrategyId) -> Parameter {
    Parameter::BigInt(strategy_id.get())
}

struct InsertStrategy;

impl StatementText for InsertStrategy {
    const SQL: &'static str = concat!(
        "INSERT INTO strategies AS s (tenant_id, name, description, class_name, strategy_type, created_at) \
         VALUES (?, ?, ?, ?, ?, ?) RETURNING ",
        strategy_columns!()
    );
    type Row = StrategyColumns;
}

pub(super) fn create(
    connection: &mut PgConnection,
    strategy: &NewStrategy,
    now: DateTime<Utc>,
) -> Result<Strategy, DbError> {
    let statement = Statement::<InsertStrategy>::new([
        Parameter::BigInt(strategy.tenant_id.get()),
        Parameter::Text(strategy.name.clone()),
        Parameter::Text(strategy.description.clone()),
        Parameter::OptionalText(strategy.class_name.clone()),
        Parameter::OptionalText(strategy.strategy_type.clone()),
        Parameter::Time(now),
    ]);
    let row: Result<StrategyRow, _> = statement.get_result(connection);
    let row = row.map_err(DbError::from);
    match row {
        Err(error) if error.is_unique_violation() => Err(RepositoryError::AlreadyExists {
            entity: Entity::Strategy,
            key: tickbook::domain::excerpt(&strategy.name),
        }
        .into()),
        row => Ok(row?.into_strategy()),
    }
}

struct GetStrategy;

impl StatementText for GetStrategy {
    const SQL: &'static str = concat!(
        "SELECT ",
        strategy_columns!(),
        " FROM strategies s WHERE s.strategy_id = ?"
    );
    type Row = StrategyColumns;
}

/// Versions, deployments and runs of a strategy are added one after the other.
struct LockStrategy;

impl StatementText for LockStrategy {
    const SQL: &'static str =
        "SELECT s.strategy_id FROM strategies s WHERE s.strategy_id = ? FOR NO KEY UPDATE";
    type Row = diesel::sql_types::BigInt;
}

/// A strategy of the scope.
pub(super) fn find(
    connection: &mut PgConnection,
    scope: &AccountScope,
    strategy_id: StrategyId,
) -> Result<Option<Strategy>, DbError> {
    let statement = Statement::<GetStrategy>::new([id(strategy_id)]);
    let row: Option<StrategyRow> = statement.get_result(connection).optional()?;
    let found = row.map(StrategyRow::into_strategy);
    Ok(found.filter(|it| sees_tenant(scope, it.terms.tenant_id)))
}

/// A strategy of the scope, whose row is locked.
pub(super) fn lock(
    connection: &mut PgConnection,
    scope: &AccountScope,
    strategy_id: StrategyId,
) -> Result<Option<Strategy>, DbError> {
    let statement = Statement::<LockStrategy>::new([id(strategy_id)]);
    let _: Option<i64> = statement.get_result(connection).optional()?;
    // a statement of its own sees what other writers added before
    find(connection, scope, strategy_id)
}

fn missing(strategy_id: StrategyId) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::Strategy,
        key: strategy_id.to_string(),
    }
}

pub(super) fn list(
    connection: &mut PgConnection,
    scope: &AccountScope,
    query: &StrategyQuery,
) -> Result<Page<Strategy, StrategyId>, DbError> {
    let columns = concat!("SELECT ", strategy_columns!());
    let mut select = Selection::<StrategyColumns>::new(columns);
    let after = query.after.map_or(0, StrategyId::get);
    let after = Parameter::BigInt(after);
    select.push(" FROM strategies s WHERE s.strategy_id > ?", [after]);
    if let Some(tenant_id) = scope.tenant_id() {
        let tenant_id = Parameter::BigInt(tenant_id.get());
        select.push(" AND s.tenant_id = ?", [tenant_id]);
    }
    if let Some(name) = &query.name {
        select.push(" AND s.name = ?", [Parameter::Text(name.clone())]);
    }
    // at most a page and one more
    let limit = Parameter::BigInt(query.limit.get() as i64 + 1);
    select.push(" ORDER BY s.strategy_id LIMIT ?", [limit]);
    let found = select.collect(connection, |row: StrategyRow| Ok(row.into_strategy()))?;
    Ok(Page::from_limit_plus_one(
        found,
        query.limit,
        |it: &Strategy| it.strategy_id,
    ))
}

struct GetVersion;

impl StatementText for GetVersion {
    const SQL: &'static str = concat!(
        "SELECT ",
        version_columns!(),
        " FROM strategy_versions v WHERE v.strategy_id = ? AND v.version = ?"
    );
    type Row = VersionColumns;
}

/// A version of any tenant.
pub(super) fn version(
    connection: &mut PgConnection,
    strategy_id: StrategyId,
    version: i32,
) -> Result<Option<StrategyVersion>, DbError> {
    let parameters = [id(strategy_id), Parameter::Integer(version)];
    let statement = Statement::<GetVersion>::new(parameters);
    let row: Option<VersionRow> = statement.get_result(connection).optional()?;
    Ok(row.map(VersionRow::into_version).transpose()?)
}

struct VersionOfContent;

impl StatementText for VersionOfContent {
    const SQL: &'static str = concat!(
        "SELECT ",
        version_columns!(),
        " FROM strategy_versions v WHERE v.strategy_id = ? AND v.content_hash = ?"
    );
    type Row = VersionColumns;
}

struct InsertVersion;

impl StatementText for InsertVersion {
    const SQL: &'static str = concat!(
        "INSERT INTO strategy_versions AS v (strategy_id, version, parameters, risk_limits, symbols, code_ref, \
         content_hash, created_by, created_at) \
         VALUES (?, ?, ?::text::jsonb, ?::text::jsonb, ?, ?, ?, ?, ?) RETURNING ",
        version_columns!()
    );
    type Row = VersionColumns;
}

pub(super) fn add_version(
    connection: &mut PgConnection,
    scope: &AccountScope,
    strategy_id: StrategyId,
    version: &NewStrategyVersion,
    now: DateTime<Utc>,
) -> Result<AddedVersion, DbError> {
    transaction(connection, |connection| {
        let strategy = lock(connection, scope, strategy_id)?;
        let strategy = strategy.ok_or_else(|| missing(strategy_id))?;
        check_whole_tenant(scope, strategy.terms.tenant_id, "versions")?;
        let hash = Parameter::Bytes(version.content_hash().as_bytes().to_vec());
        let known = Statement::<VersionOfContent>::new([id(strategy_id), hash]);
        let known: Option<VersionRow> = known.get_result(connection).optional()?;
        if let Some(known) = known {
            return Ok(AddedVersion::new(known.into_version()?, false));
        }
        let symbols = version.symbols.iter().map(|it| Some(it.get())).collect();
        let statement = Statement::<InsertVersion>::new([
            id(strategy_id),
            Parameter::Integer(strategy.last_version + 1),
            Parameter::Text(version.parameters.to_string()),
            Parameter::Text(version.risk_limits.to_string()),
            Parameter::BigInts(symbols),
            Parameter::Text(version.code_ref.clone()),
            Parameter::Bytes(version.content_hash().as_bytes().to_vec()),
            Parameter::OptionalText(version.created_by.clone()),
            Parameter::Time(now),
        ]);
        let row: VersionRow = statement.get_result(connection)?;
        Ok(AddedVersion::new(row.into_version()?, true))
    })
}

pub(super) fn versions(
    connection: &mut PgConnection,
    scope: &AccountScope,
    query: &StrategyVersionQuery,
) -> Result<Page<StrategyVersion, i32>, DbError> {
    let strategy = find(connection, scope, query.strategy_id)?;
    strategy.ok_or_else(|| missing(query.strategy_id))?;
    let mut select = Selection::<VersionColumns>::new(concat!("SELECT ", version_columns!()));
    let after = Parameter::Integer(query.after.unwrap_or_default());
    let limit = Parameter::BigInt(query.limit.get() as i64 + 1);
    select.push(
        " FROM strategy_versions v WHERE v.strategy_id = ? AND v.version > ? ORDER BY v.version LIMIT ?",
        [id(query.strategy_id), after, limit],
    );
    let found = select.collect(connection, VersionRow::into_version)?;
    Ok(Page::from_limit_plus_one(
        found,
        query.limit,
        |it: &StrategyVersion| it.version,
    ))
}
