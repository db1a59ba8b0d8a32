//! Deployments as JSON.

use serde::{Deserialize, Serialize};
use tickbook_ledger::domain::{AccountId, Deployment, NewDeployment, StrategyId};
use utoipa::ToSchema;

use crate::wire::{DecimalText, TimeText};

/// A time in which an account runs a version of a strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "deployment_id": 5, "account_id": 7, "strategy_id": 1, "version": 3, "status": "running",
    "allocated_capital": "10000", "max_position_size": null, "max_leverage": "2",
    "deployed_at": "2024-05-01T12:00:00.100000Z", "stopped_at": null
}))]
pub struct DeploymentBody {
    /// The id, positive.
    #[schema(example = 5, minimum = 1)]
    pub deployment_id: i64,
    /// The account.
    #[schema(example = 7, minimum = 1)]
    pub account_id: i64,
    /// The strategy.
    #[schema(example = 1, minimum = 1)]
    pub strategy_id: i64,
    /// The version of the strategy.
    #[schema(example = 3, minimum = 1)]
    pub version: i32,
    /// running or stopped.
    #[schema(example = "running")]
    pub status: String,
    /// The capital for the strategy, in the base currency of the account.
    pub allocated_capital: Option<DecimalText>,
    /// The largest quantity of a position.
    pub max_position_size: Option<DecimalText>,
    /// The largest ratio of the value of the positions to the capital.
    pub max_leverage: Option<DecimalText>,
    /// When it began.
    pub deployed_at: TimeText,
    /// When it was stopped; null while it is running.
    pub stopped_at: Option<TimeText>,
}

impl From<Deployment> for DeploymentBody {
    fn from(deployment: Deployment) -> Self {
        let status = match deployment.is_running() {
            true => "running",
            false => "stopped",
        };
        let terms = deployment.terms;
        Self {
            deployment_id: deployment.deployment_id.get(),
            account_id: terms.account_id.get(),
            strategy_id: terms.strategy_id.get(),
            version: terms.version,
            status: status.to_owned(),
            allocated_capital: terms.allocated_capital.map(DecimalText),
            max_position_size: terms.max_position_size.map(DecimalText),
            max_leverage: terms.max_leverage.map(DecimalText),
            deployed_at: TimeText(deployment.deployed_at),
            stopped_at: deployment.stopped_at.map(TimeText),
        }
    }
}

/// A page of deployments, by ascending `deployment_id`.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeploymentList {
    /// The deployments.
    pub data: Vec<DeploymentBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// A new deployment. Unknown fields are refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account_id": 7, "version": 3, "allocated_capital": "10000", "max_leverage": "2"}))]
pub struct NewDeploymentBody {
    /// The account.
    #[schema(example = 7, minimum = 1)]
    pub account_id: i64,
    /// The version of the strategy.
    #[schema(example = 3, minimum = 1)]
    pub version: i32,
    /// The capital for the strategy, in the base currency of the account; greater than 0.
    #[serde(default)]
    pub allocated_capital: Option<DecimalText>,
    /// The largest quantity of a position; greater than 0.
    #[serde(default)]
    pub max_position_size: Option<DecimalText>,
    /// The largest ratio of the value of the positions to the capital; greater than 0.
    #[serde(default)]
    pub max_leverage: Option<DecimalText>,
}

impl NewDeploymentBody {
    /// Converts the body into the deployment of a strategy.
    #[must_use]
    pub fn into_deployment(self, strategy_id: StrategyId) -> NewDeployment {
        let decimal = |value: Option<DecimalText>| value.map(|it| it.0);
        NewDeployment::new(AccountId::new(self.account_id), strategy_id, self.version)
            .allocated_capital(decimal(self.allocated_capital))
            .max_position_size(decimal(self.max_position_size))
            .max_leverage(decimal(self.max_leverage))
    }
}

/// The change of a deployment. Unknown fields are refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"stopped": true}))]
pub struct DeploymentChangesBody {
    /// true stops the deployment. A stopped deployment does not run again: begin another one.
    #[schema(example = true)]
    pub stopped: bool,
}
