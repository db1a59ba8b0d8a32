//! Strategies as JSON and as texts.

use serde::Serialize;
use serde_json::{Map, Value};
use tickbook::domain::printable;
use tickbook_ledger::domain::{Deployment, Strategy, StrategyVersion};

use crate::table::table;
use crate::times::time_text;

/// The JSON of a strategy.
#[derive(Debug, Serialize)]
pub(super) struct StrategyOutput<'a> {
    strategy_id: i64,
    tenant_id: i64,
    name: &'a str,
    description: &'a str,
    class_name: Option<&'a str>,
    strategy_type: Option<&'a str>,
    last_version: i32,
    created_at: String,
}

impl<'a> From<&'a Strategy> for StrategyOutput<'a> {
    fn from(strategy: &'a Strategy) -> Self {
        let terms = &strategy.terms;
        Self {
            strategy_id: strategy.strategy_id.get(),
            tenant_id: terms.tenant_id.get(),
            name: &terms.name,
            description: &terms.description,
            class_name: terms.class_name.as_deref(),
            strategy_type: terms.strategy_type.as_deref(),
            last_version: strategy.last_version,
            created_at: time_text(strategy.created_at),
        }
    }
}

/// The JSON of a version.
#[derive(Debug, Serialize)]
pub(super) struct VersionOutput<'a> {
    strategy_id: i64,
    version: i32,
    parameters: &'a Map<String, Value>,
    risk_limits: &'a Map<String, Value>,
    symbols: Vec<i64>,
    code_ref: &'a str,
    content_hash: String,
    created_by: Option<&'a str>,
    created_at: String,
}

impl<'a> From<&'a StrategyVersion> for VersionOutput<'a> {
    fn from(version: &'a StrategyVersion) -> Self {
        let terms = &version.terms;
        Self {
            strategy_id: version.strategy_id.get(),
            version: version.version,
            parameters: terms.parameters.as_map(),
            risk_limits: terms.risk_limits.as_map(),
            symbols: terms.symbols.iter().map(|id| id.get()).collect(),
            code_ref: &terms.code_ref,
            content_hash: version.content_hash.to_string(),
            created_by: terms.created_by.as_deref(),
            created_at: time_text(version.created_at),
        }
    }
}

/// The JSON of a deployment.
#[derive(Debug, Serialize)]
pub(super) struct DeploymentOutput {
    deployment_id: i64,
    account_id: i64,
    strategy_id: i64,
    version: i32,
    running: bool,
    allocated_capital: Option<String>,
    max_position_size: Option<String>,
    max_leverage: Option<String>,
    deployed_at: String,
    stopped_at: Option<String>,
}

impl From<&Deployment> for DeploymentOutput {
    fn from(deployment: &Deployment) -> Self {
        let terms = &deployment.terms;
        Self {
            deployment_id: deployment.deployment_id.get(),
            account_id: terms.account_id.get(),
            strategy_id: terms.strategy_id.get(),
            version: terms.version,
            running: deployment.is_running(),
            allocated_capital: terms.allocated_capital.map(|it| it.to_string()),
            max_position_size: terms.max_position_size.map(|it| it.to_string()),
            max_leverage: terms.max_leverage.map(|it| it.to_string()),
            deployed_at: time_text(deployment.deployed_at),
            stopped_at: deployment.stopped_at.map(time_text),
        }
    }
}

/// A strategy with its versions and running deployments.
#[derive(Debug, Serialize)]
pub(super) struct WholeStrategy<'a> {
    #[serde(flatten)]
    strategy: StrategyOutput<'a>,
    versions: Vec<VersionOutput<'a>>,
    deployments: Vec<DeploymentOutput>,
}

impl<'a> WholeStrategy<'a> {
    pub(super) fn new(
        strategy: &'a Strategy,
        versions: &'a [StrategyVersion],
        deployments: &[Deployment],
    ) -> Self {
        Self {
            strategy: strategy.into(),
            versions: versions.iter().map(Into::into).collect(),
            deployments: deployments.iter().map(Into::into).collect(),
        }
    }

    /// The strategy as lines of text.
    pub(super) fn text(&self) -> String {
        let strategy = &self.strategy;
        let name = printable(strategy.name);
        let mut lines = vec![format!("{name} ({})", strategy.strategy_id)];
        for (label, value) in [
            ("description", Some(strategy.description)),
            ("class", strategy.class_name),
            ("type", strategy.strategy_type),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                lines.push(format!("{label:<12} {}", printable(value)));
            }
        }
        for it in &self.versions {
            let parameters = Value::Object(it.parameters.clone());
            lines.push(format!(
                "version {:<4} {}  {}",
                it.version,
                printable(it.code_ref),
                printable(&parameters.to_string())
            ));
        }
        for it in &self.deployments {
            lines.push(format!(
                "deployment {}: version {} in account {} since {}",
                it.deployment_id, it.version, it.account_id, it.deployed_at
            ));
        }
        lines.join("\n")
    }
}

/// Strategies as a table.
pub(super) fn strategies(strategies: &[Strategy]) -> String {
    let rows: Vec<_> = strategies
        .iter()
        .map(|strategy| {
            let terms = &strategy.terms;
            [
                strategy.strategy_id.to_string(),
                terms.tenant_id.to_string(),
                terms.name.clone(),
                terms.strategy_type.clone().unwrap_or_default(),
                strategy.last_version.to_string(),
                terms.description.clone(),
            ]
        })
        .collect();
    let header = ["ID", "TENANT", "NAME", "TYPE", "VERSIONS", "DESCRIPTION"];
    table(header, &rows)
}
