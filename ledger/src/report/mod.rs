//! Reports of backtest runs, as JSON and as a page of HTML.

mod chart;
mod html;
mod loading;

use serde_json::{Value, json};

use crate::domain::{
    BacktestMetric, BacktestRun, Currency, EquityCurve, MaxDrawdown, Strategy, StrategyVersion,
    time_text,
};

pub use loading::load;

/// What a report shows.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook::domain::TimeRange;
/// use tickbook_ledger::domain::{
///     AccountScope, BacktestInput, ContentHash, Currency, Environment, EquityCurve, EquityPoint, NewAccount,
///     NewArtifact, NewStrategy, NewStrategyVersion, TenantId, Venue,
/// };
/// use tickbook_ledger::memory::InMemoryLedger;
/// use tickbook_ledger::{LedgerRepositories, StrategyRepositories, report};
///
/// let store = InMemoryLedger::new();
/// let ledger = LedgerRepositories::over(&store);
/// let repositories = StrategyRepositories::in_memory(&store);
/// let (strategies, backtests) = (&repositories.strategies, &repositories.backtests);
/// let (tenant, scope) = (TenantId::new(1), AccountScope::tenant(TenantId::new(1)));
/// let id = strategies.create(&scope, NewStrategy::new(tenant, "ema")).await?.strategy_id;
/// strategies.add_version(&scope, id, NewStrategyVersion::new("git:8f14e45")).await?;
/// let (venue, usd) = (Venue::new("sim")?, Currency::new("USD")?);
/// let account = NewAccount::new(tenant, "ema 1", venue, Environment::Backtest, usd);
/// let range = TimeRange::new("2024-01-01T00:00:00Z".parse()?, "2024-02-01T00:00:00Z".parse()?)?;
/// let input = BacktestInput::new(id, 1, ContentHash::of(b"ticks"), range, "engine 1");
/// let run_id = backtests.start(&scope, account, input).await?.run.run_id;
///
/// let curve = EquityCurve::new(vec![EquityPoint::new(range.start(), 1000.into())])?;
/// let file = NewArtifact::new(EquityCurve::ARTIFACT, "application/json", curve.to_json());
/// backtests.put_artifact(&scope, run_id, file).await?;
///
/// let report = report::load(&scope, &*ledger.accounts, &repositories, run_id).await?;
/// assert!(report.to_html().starts_with("<!DOCTYPE html>"));
/// assert_eq!(report.to_json()["equity"][0]["equity"], "1000");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BacktestReport {
    /// The strategy.
    pub strategy: Strategy,
    /// The version of the strategy.
    pub version: StrategyVersion,
    /// The run.
    pub run: BacktestRun,
    /// The metrics, by name and definition.
    pub metrics: Vec<BacktestMetric>,
    /// The currency of amounts.
    pub currency: Option<Currency>,
    /// The equity of the run, or why there is none.
    pub curve: Result<EquityCurve, String>,
}

impl BacktestReport {
    /// A report without an equity curve.
    #[must_use]
    pub fn new(
        strategy: Strategy,
        version: StrategyVersion,
        run: BacktestRun,
        metrics: Vec<BacktestMetric>,
    ) -> Self {
        let missing = format!("the run has no artifact {}", EquityCurve::ARTIFACT);
        Self {
            strategy,
            version,
            run,
            metrics,
            currency: None,
            curve: Err(missing),
        }
    }

    /// Sets the currency of amounts.
    #[must_use]
    pub fn with_currency(mut self, currency: impl Into<Option<Currency>>) -> Self {
        self.currency = currency.into();
        self
    }

    /// Sets the equity curve, or why there is none.
    #[must_use]
    pub fn with_curve(mut self, curve: Result<EquityCurve, String>) -> Self {
        self.curve = curve;
        self
    }

    /// The largest drawdowns of the curve, from the starting capital.
    #[must_use]
    pub fn max_drawdown(&self) -> Option<MaxDrawdown> {
        let curve = self.curve.as_ref().ok()?;
        curve.max_drawdown(self.run.input.starting_capital)
    }

    /// The report as JSON. Numbers are strings and times RFC 3339.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (run, input) = (&self.run, &self.run.input);
        let metrics = self.metrics.iter().map(|it| {
            json!({
                "metric": it.metric, "definition": it.definition,
                "value": it.value.value().map(|value| value.normalize().to_string()),
                "reason": it.value.reason(),
            })
        });
        let max = self.max_drawdown().map(|max| {
            let fraction = max.fraction;
            json!({
                "amount": max.amount.amount.normalize().to_string(),
                "amount_time": time_text(max.amount.time),
                "fraction": fraction.and_then(|it| it.fraction).map(|it| it.normalize().to_string()),
                "fraction_time": fraction.map(|it| time_text(it.time)),
            })
        });
        json!({
            "run_id": run.run_id.get(),
            "account_id": run.account_id.get(),
            "strategy_id": input.strategy_id.get(),
            "strategy": self.strategy.terms.name,
            "version": input.version,
            "code_ref": self.version.terms.code_ref,
            "strategy_parameters": self.version.terms.parameters.clone().into_value(),
            "parameters": input.parameters.clone().into_value(),
            "data_hash": input.data_hash.to_string(),
            "seed": input.seed,
            "engine_version": input.engine_version,
            "from": time_text(input.range.start()),
            "to": time_text(input.range.end()),
            "currency": self.currency.as_ref().map(Currency::as_str),
            "starting_capital": input.starting_capital.map(|it| it.normalize().to_string()),
            "state": run.state.as_str(),
            "started_at": time_text(run.started_at),
            "finished_at": run.finished_at.map(time_text),
            "error": run.error,
            "metrics": metrics.collect::<Vec<_>>(),
            "max_drawdown": max,
            "equity": self.curve.as_ref().ok().map(|curve| self.points(curve)),
            "equity_reason": self.curve.as_ref().err(),
        })
    }

    fn points(&self, curve: &EquityCurve) -> Vec<Value> {
        let drawdowns = curve.drawdowns(self.run.input.starting_capital);
        let points = curve.points().iter().zip(drawdowns);
        let points = points.map(|(point, drawdown)| {
            json!({
                "time": time_text(point.time),
                "equity": point.equity.normalize().to_string(),
                "drawdown": drawdown.amount.normalize().to_string(),
                "drawdown_fraction": drawdown.fraction.map(|it| it.normalize().to_string()),
            })
        });
        points.collect()
    }

    /// The report as a page of HTML without scripts and links, with charts of the equity and the drawdown.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(self)
    }
}
