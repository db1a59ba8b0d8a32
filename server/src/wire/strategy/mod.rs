//! Strategies, deployments and backtests as JSON.

mod artifact;
mod backtest;
mod deployment;
mod strategies;

pub use artifact::{RunArtifactBody, RunArtifactList};
pub use backtest::{
    BacktestComparisonBody, BacktestList, BacktestMetricBody, BacktestMetricList, BacktestRunBody,
    ComparedMetricBody, DeletedRunBody, MetricValueBody,
};
pub use deployment::{DeploymentBody, DeploymentChangesBody, DeploymentList, NewDeploymentBody};
pub use strategies::{
    NewStrategyBody, NewStrategyVersionBody, StrategyBody, StrategyList, StrategyVersionBody,
    StrategyVersionList,
};
