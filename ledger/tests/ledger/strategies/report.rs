//! Reports of runs: their JSON, and their page, whose texts are escaped.

use tickbook::domain::TimeRange;
use tickbook_ledger::chrono::TimeDelta;
use tickbook_ledger::domain::{
    AccountScope, BacktestInput, BacktestMetric, BacktestRunId, ContentHash, Currency, Environment,
    EquityCurve, EquityPoint, NewAccount, NewArtifact, NewStrategy, NewStrategyVersion, TenantId,
    Venue,
};
use tickbook_ledger::memory::InMemoryLedger;
use tickbook_ledger::report::{self, BacktestReport};
use tickbook_ledger::rust_decimal::Decimal;
use tickbook_ledger::{LedgerRepositories, StrategyRepositories};

use crate::samples::{dec, seconds};

const HOSTILE: &str = "<script>alert('\"&')</script>";

struct Setup {
    ledger: LedgerRepositories,
    strategies: StrategyRepositories,
    run_id: BacktestRunId,
}

fn scope() -> AccountScope {
    AccountScope::tenant(TenantId::new(1))
}

/// A finished run whose texts are hostile.
async fn setup() -> Setup {
    let store = InMemoryLedger::new();
    let strategies = StrategyRepositories::in_memory(&store);
    let tenant = TenantId::new(1);
    let strategy = NewStrategy::new(tenant, HOSTILE);
    let strategy = strategies.strategies.create(&scope(), strategy).await;
    let id = strategy.expect("a strategy").strategy_id;
    let parameters = format!("{{\"a\": {:?}}}", HOSTILE);
    let version =
        NewStrategyVersion::new(HOSTILE).parameters(parameters.parse().expect("an object"));
    let version = strategies
        .strategies
        .add_version(&scope(), id, version)
        .await;
    version.expect("a version");
    let (venue, currency) = (Venue::new("sim"), Currency::new(HOSTILE));
    let (venue, currency) = (venue.expect("an id"), currency.expect("an id"));
    let account = NewAccount::new(tenant, "a", venue, Environment::Backtest, currency);
    let range = TimeRange::new(seconds(0), seconds(60)).expect("ordered");
    let data = ContentHash::of(b"ticks");
    let input =
        BacktestInput::new(id, 1, data, range, HOSTILE).starting_capital(Decimal::from(100));
    let run = strategies.backtests.start(&scope(), account, input).await;
    let run_id = run.expect("a run").run.run_id;
    let metrics = [
        BacktestMetric::new(HOSTILE, HOSTILE, dec("1.50")),
        BacktestMetric::undefined("sharpe", "d", HOSTILE),
    ];
    let finished = strategies
        .backtests
        .finish(&scope(), run_id, &metrics)
        .await;
    finished.expect("finished");
    Setup {
        ledger: LedgerRepositories::over(&store),
        strategies,
        run_id,
    }
}

impl Setup {
    async fn report(&self) -> BacktestReport {
        let accounts = &*self.ledger.accounts;
        let report = report::load(&scope(), accounts, &self.strategies, self.run_id).await;
        report.expect("a report")
    }

    async fn put_curve(&self, content: String) {
        let file = NewArtifact::new(EquityCurve::ARTIFACT, "application/json", content);
        let backtests = &self.strategies.backtests;
        let stored = backtests.put_artifact(&scope(), self.run_id, file).await;
        stored.expect("stored");
    }
}

fn curve() -> String {
    let points = [110, 90, 95].into_iter().zip(0..);
    let points = points.map(|(equity, minute)| {
        EquityPoint::new(
            seconds(0) + TimeDelta::minutes(minute),
            Decimal::from(equity),
        )
    });
    let curve = EquityCurve::new(points.collect());
    curve.expect("increasing").to_json()
}

#[tokio::test]
async fn page_has_charts_and_escapes_texts() {
    let setup = setup().await;
    setup.put_curve(curve()).await;
    let page = setup.report().await.to_html();
    assert_eq!(page.matches("<svg").count(), 2, "{page}");
    assert!(!page.contains("<script"), "{page}");
    let escaped = "&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;";
    // title, heading, currency of two charts, metric, definition, reason, code and engine
    assert_eq!(page.matches(escaped).count(), 9, "{page}");
    assert!(
        page.contains("Largest drawdown: 20 on 2024-05-01"),
        "{page}"
    );
    assert!(page.contains("18.18 %"), "{page}");
    for outside in ["http:", "https:", "src=", "href="] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[tokio::test]
async fn json_has_metrics_and_the_curve() {
    let setup = setup().await;
    setup.put_curve(curve()).await;
    let json = setup.report().await.to_json();
    assert_eq!(json["strategy"], HOSTILE);
    assert_eq!(json["starting_capital"], "100");
    assert_eq!(json["metrics"][0]["value"], "1.5");
    assert_eq!(json["metrics"][1]["reason"], HOSTILE);
    assert_eq!(json["metrics"][1]["value"], serde_json::Value::Null);
    assert_eq!(json["equity"].as_array().map(Vec::len), Some(3));
    assert_eq!(json["equity"][1]["drawdown"], "20");
    assert_eq!(json["max_drawdown"]["amount"], "20");
    assert_eq!(json["equity_reason"], serde_json::Value::Null);
}

#[tokio::test]
async fn report_without_a_curve_states_the_reason() {
    let setup = setup().await;
    let report = setup.report().await;
    assert_eq!(report.max_drawdown(), None);
    let reason = "the run has no artifact equity.json";
    assert_eq!(report.to_json()["equity_reason"], reason);
    assert!(report.to_html().contains(reason));
    setup.put_curve("[{}]".to_owned()).await;
    let page = setup.report().await.to_html();
    assert!(page.contains("invalid equity curve: point 0"), "{page}");
}

#[tokio::test]
async fn report_of_an_unknown_run_is_not_found() {
    let setup = setup().await;
    let accounts = &*setup.ledger.accounts;
    let unknown = BacktestRunId::new(9);
    let report = report::load(&scope(), accounts, &setup.strategies, unknown).await;
    let error = report.expect_err("no run").to_string();
    assert!(error.contains("backtest run 9 does not exist"), "{error}");
}
