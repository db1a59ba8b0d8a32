//! Strategies, versions and deployments as rows.

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Numeric, Text, Timestamptz};
use tickbook::domain::SymbolId;
use tickbook::postgres::PgDecimal;
use tickbook::{Entity, RepositoryError};

use super::stored::invalid;
use crate::domain::{
    AccountId, ContentHash, Deployment, DeploymentId, JsonObject, NewDeployment, NewStrategy,
    NewStrategyVersion, Strategy, StrategyId, StrategyVersion, TenantId,
};

/// The columns of a [`StrategyRow`] of the table `s`.
macro_rules! strategy_columns {
    () => {
        "s.strategy_id, s.tenant_id, s.name, s.description, s.class_name, s.strategy_type, s.created_at, \
         COALESCE((SELECT max(v.version) FROM strategy_versions v WHERE v.strategy_id = s.strategy_id), 0)"
    };
}

pub(super) use strategy_columns;

pub(super) type StrategyColumns = (
    BigInt,
    BigInt,
    Text,
    Text,
    Nullable<Text>,
    Nullable<Text>,
    Timestamptz,
    Integer,
);

#[derive(Debug, Queryable)]
pub(super) struct StrategyRow {
    strategy_id: i64,
    tenant_id: i64,
    name: String,
    description: String,
    class_name: Option<String>,
    strategy_type: Option<String>,
    created_at: DateTime<Utc>,
    last_version: i32,
}

impl StrategyRow {
    pub(super) fn into_strategy(self) -> Strategy {
        let terms = NewStrategy::new(TenantId::new(self.tenant_id), self.name)
            .description(self.description)
            .class_name(self.class_name)
            .strategy_type(self.strategy_type);
        let id = StrategyId::new(self.strategy_id);
        let mut strategy = Strategy::new(id, terms, self.created_at);
        strategy.last_version = self.last_version;
        strategy
    }
}

/// The columns of a [`VersionRow`] of the table `v`.
macro_rules! version_columns {
    () => {
        "v.strategy_id, v.version, v.parameters::text, v.risk_limits::text, v.symbols, v.code_ref, v.content_hash, \
         v.created_by, v.created_at"
    };
}

pub(super) use version_columns;

pub(super) type VersionColumns = (
    BigInt,
    Integer,
    Text,
    Text,
    Array<BigInt>,
    Text,
    Binary,
    Nullable<Text>,
    Timestamptz,
);

#[derive(Debug, Queryable)]
pub(super) struct VersionRow {
    strategy_id: i64,
    version: i32,
    parameters: String,
    risk_limits: String,
    symbols: Vec<i64>,
    code_ref: String,
    content_hash: Vec<u8>,
    created_by: Option<String>,
    created_at: DateTime<Utc>,
}

impl VersionRow {
    pub(super) fn into_version(self) -> Result<StrategyVersion, RepositoryError> {
        let key = format!("{} of strategy {}", self.version, self.strategy_id);
        let error = |column, reason: &dyn std::fmt::Display| {
            invalid(Entity::StrategyVersion, &key, column, reason)
        };
        let json = |column, text: &str| {
            let object = text.parse::<JsonObject>();
            object.map_err(|reason| error(column, &reason))
        };
        let terms = NewStrategyVersion::new(self.code_ref)
            .parameters(json("parameters", &self.parameters)?)
            .risk_limits(json("risk_limits", &self.risk_limits)?)
            .symbols(self.symbols.into_iter().map(SymbolId::new))
            .created_by(self.created_by);
        let id = StrategyId::new(self.strategy_id);
        let version = StrategyVersion::new(id, self.version, terms, self.created_at);
        match version.content_hash.as_bytes()[..] == self.content_hash {
            true => Ok(version),
            false => Err(error("content_hash", &"it is not that of the content")),
        }
    }
}

/// The columns of a [`DeploymentRow`] of the table `d`.
macro_rules! deployment_columns {
    () => {
        "d.deployment_id, d.account_id, d.strategy_id, d.version, d.allocated_capital, d.max_position_size, \
         d.max_leverage, d.deployed_at, d.stopped_at"
    };
}

pub(super) use deployment_columns;

pub(super) type DeploymentColumns = (
    BigInt,
    BigInt,
    BigInt,
    Integer,
    Nullable<Numeric>,
    Nullable<Numeric>,
    Nullable<Numeric>,
    Timestamptz,
    Nullable<Timestamptz>,
);

#[derive(Debug, Queryable)]
pub(super) struct DeploymentRow {
    deployment_id: i64,
    account_id: i64,
    strategy_id: i64,
    version: i32,
    allocated_capital: Option<PgDecimal>,
    max_position_size: Option<PgDecimal>,
    max_leverage: Option<PgDecimal>,
    deployed_at: DateTime<Utc>,
    stopped_at: Option<DateTime<Utc>>,
}

impl DeploymentRow {
    pub(super) fn into_deployment(self) -> Deployment {
        let (account, strategy) = (self.account_id, self.strategy_id);
        let (account, strategy) = (AccountId::new(account), StrategyId::new(strategy));
        let decimal = |value: Option<PgDecimal>| value.map(|it| it.0.normalize());
        let terms = NewDeployment::new(account, strategy, self.version)
            .allocated_capital(decimal(self.allocated_capital))
            .max_position_size(decimal(self.max_position_size))
            .max_leverage(decimal(self.max_leverage));
        let id = DeploymentId::new(self.deployment_id);
        let mut deployment = Deployment::new(id, terms, self.deployed_at);
        deployment.stopped_at = self.stopped_at;
        deployment
    }
}

/// A digest in a column.
pub(super) fn stored_hash(
    entity: Entity,
    key: i64,
    column: &str,
    bytes: &[u8],
) -> Result<ContentHash, RepositoryError> {
    let bytes = bytes.try_into().map(ContentHash::from_bytes);
    bytes.map_err(|_| invalid(entity, key, column, "it is not a SHA-256 digest"))
}
