//! Strategies and runs of the suite.

use tickbook::domain::SymbolId;

use super::StrategySubject;
use super::samples::{SYMBOL, TENANT, range, scope, terms};
use crate::domain::{
    AccountScope, BacktestInput, BacktestMetric, BacktestRun, ContentHash, Environment, JsonObject,
    NewAccount, NewStrategy, NewStrategyVersion, Strategy, StrategyId, TenantId,
};

pub(super) const OTHER_TENANT: TenantId = TenantId::new(2);

pub(super) fn json(text: &str) -> JsonObject {
    text.parse().expect("a JSON object")
}

pub(super) async fn strategy(store: &StrategySubject, name: &str) -> Strategy {
    let strategies = &store.strategies().strategies;
    let created = strategies
        .create(&scope(), NewStrategy::new(TENANT, name))
        .await;
    created.expect("a new strategy")
}

pub(super) fn code(code_ref: &str) -> NewStrategyVersion {
    NewStrategyVersion::new(code_ref).symbols([SYMBOL, SymbolId::new(3)])
}

pub(super) async fn add_version(
    store: &StrategySubject,
    strategy_id: StrategyId,
    version: NewStrategyVersion,
) -> i32 {
    let strategies = &store.strategies().strategies;
    let added = strategies.add_version(&scope(), strategy_id, version).await;
    added.expect("a new version").version.version
}

/// A strategy with the versions 1 and 2.
pub(super) async fn with_versions(store: &StrategySubject) -> StrategyId {
    let id = strategy(store, "ema").await.strategy_id;
    for code_ref in ["c1", "c2"] {
        add_version(store, id, code(code_ref)).await;
    }
    id
}

pub(super) fn backtest_account(name: &str) -> NewAccount {
    let mut account = terms(name);
    account.environment = Environment::Backtest;
    account
}

pub(super) fn input(strategy_id: StrategyId, seed: i64) -> BacktestInput {
    let data = ContentHash::of(b"ticks");
    BacktestInput::new(strategy_id, 1, data, range(0, 3_600), "engine 1").seed(seed)
}

/// A run of version 1.
pub(super) async fn run(
    store: &StrategySubject,
    strategy_id: StrategyId,
    seed: i64,
) -> BacktestRun {
    let account = backtest_account(&format!("run {seed}"));
    let backtests = &store.strategies().backtests;
    let started = backtests
        .start(&scope(), account, input(strategy_id, seed))
        .await;
    let started = started.expect("a new run");
    assert!(started.is_new);
    started.run
}

/// Some metrics, by name and definition.
pub(super) fn metrics() -> Vec<BacktestMetric> {
    let number = |text: &str| text.parse().expect("a decimal");
    vec![
        BacktestMetric::new("Net", "d1", number("-12.5")),
        BacktestMetric::undefined("profit_factor", "gross_1", "no losing trade"),
        BacktestMetric::new("sharpe", "a", number("1.932352253728219000000000001")),
        BacktestMetric::new("sharpe", "b", number("2")),
    ]
}

/// Scopes that do not cover an account of the tenant of the suite.
pub(super) fn outside() -> [AccountScope; 2] {
    [
        AccountScope::tenant(OTHER_TENANT),
        AccountScope::accounts(TENANT, []),
    ]
}
