//! Tests of `/api/v1/backtests`, of artifacts and of reports.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tickbook::domain::TimeRange;
use tickbook::{Clock, Repositories};
use tickbook_ledger::domain::{
    AccountScope, BacktestInput, BacktestMetric, ContentHash, Currency, Environment, EquityCurve,
    EquityPoint, NewAccount, NewArtifact, NewStrategy, NewStrategyVersion, TenantId, Venue,
};
use tickbook_ledger::memory::InMemoryLedger;
use tickbook_ledger::{LedgerRepositories, StrategyRepositories};

use crate::ledger::NOW;
use crate::support::{Answer, app_with_strategies, get, send, time};

const BACKTESTS: &str = "/api/v1/backtests";
const PAGE: &str = "<script>alert(1)</script>";

/// A router with the finished runs 1 and 2 and the running run 3. The run 1 has an equity curve and a page.
async fn with_runs() -> Router {
    let store = InMemoryLedger::with_clock(Clock::standing_at(time(NOW)));
    let repositories = StrategyRepositories::in_memory(&store);
    let (tenant, scope) = (TenantId::new(1), AccountScope::all());
    let strategies = &repositories.strategies;
    let strategy = strategies
        .create(&scope, NewStrategy::new(tenant, "ema"))
        .await;
    let id = strategy.expect("a strategy").strategy_id;
    let version = strategies
        .add_version(&scope, id, NewStrategyVersion::new("c"))
        .await;
    version.expect("a version");
    let backtests = &repositories.backtests;
    let (start, end) = (time("2024-01-01T00:00:00Z"), time("2024-02-01T00:00:00Z"));
    for seed in 1..=3 {
        let range = TimeRange::new(start, end).expect("ordered");
        let input = BacktestInput::new(id, 1, ContentHash::of(b"ticks"), range, "engine 1")
            .seed(seed)
            .starting_capital(tickbook_ledger::rust_decimal::Decimal::from(1_000));
        let (venue, usd) = (Venue::new("sim"), Currency::new("USD"));
        let (venue, usd) = (venue.expect("an id"), usd.expect("an id"));
        let name = format!("run {seed}");
        let account = NewAccount::new(tenant, name, venue, Environment::Backtest, usd);
        let run = backtests
            .start(&scope, account, input)
            .await
            .expect("a run")
            .run;
        if seed < 3 {
            let metrics = [
                BacktestMetric::new("net", "d1", seed.into()),
                BacktestMetric::undefined("sharpe", "d1", "fewer than two days"),
            ];
            let finished = backtests.finish(&scope, run.run_id, &metrics[..3 - seed as usize]);
            finished.await.expect("finished");
        }
        if seed == 1 {
            let points = vec![
                EquityPoint::new(start, 1_100.into()),
                EquityPoint::new(end, 990.into()),
            ];
            let curve = EquityCurve::new(points).expect("ordered").to_json();
            for file in [
                NewArtifact::new(EquityCurve::ARTIFACT, "application/json", curve),
                NewArtifact::new("page", "text/html", PAGE),
            ] {
                let stored = backtests.put_artifact(&scope, run.run_id, file).await;
                stored.expect("stored");
            }
        }
    }
    let ledger = LedgerRepositories::over(&store);
    app_with_strategies(Repositories::in_memory(), ledger, repositories)
}

async fn delete(app: &Router, path: &str) -> Answer {
    let request = Request::delete(path).body(Body::empty());
    send(app, request.expect("a request")).await
}

/// The ids of the runs of a list.
fn ids(list: &Value) -> Vec<i64> {
    let data = list["data"].as_array().expect("a list").iter();
    data.map(|run| run["run_id"].as_i64().expect("an id"))
        .collect()
}

#[tokio::test]
async fn runs_are_listed_filtered_and_paged() {
    let app = with_runs().await;
    for (query, expected) in [
        ("", vec![1, 2, 3]),
        ("?order=desc", vec![3, 2, 1]),
        ("?state=finished", vec![1, 2]),
        ("?strategy_id=1&version=1&state=running", vec![3]),
        ("?strategy_id=2", vec![]),
        ("?version=2", vec![]),
    ] {
        let list = get(&app, &format!("{BACKTESTS}{query}")).await.json();
        assert_eq!(ids(&list), expected, "{query}");
    }
    let first = get(&app, &format!("{BACKTESTS}?order=desc&limit=2"))
        .await
        .json();
    let next = first["next_cursor"].as_str().expect("a next page");
    let path = format!("{BACKTESTS}?order=desc&limit=2&cursor={next}");
    assert_eq!(ids(&get(&app, &path).await.json()), [1]);
    for (query, words) in [
        ("?state=done", "state: invalid state"),
        ("?version=x", "version: invalid id"),
        (&format!("?cursor={next}"), "another listing"),
        ("/0", "run_id: invalid id"),
        ("/compare", "runs is missing"),
        ("/compare?runs=1,x", "runs: invalid id"),
        ("/compare?runs=1,1", "given twice"),
        ("/1/report?format=pdf", "expected json or html"),
    ] {
        let detail = get(&app, &format!("{BACKTESTS}{query}")).await.problem(400);
        assert!(detail.contains(words), "{query}: {detail}");
    }
}

#[tokio::test]
async fn run_has_its_input_and_metrics() {
    let app = with_runs().await;
    let run = get(&app, &format!("{BACKTESTS}/1")).await.json();
    for (field, value) in [
        ("account_id", json!(1)),
        ("seed", json!(1)),
        ("from", json!("2024-01-01T00:00:00.000000Z")),
        ("starting_capital", json!("1000")),
        ("state", json!("finished")),
        ("finished_at", json!(NOW)),
        ("error", Value::Null),
        ("data_hash", json!(ContentHash::of(b"ticks").to_string())),
    ] {
        assert_eq!(run[field], value, "{field}");
    }
    let account = get(&app, "/api/v1/accounts/1").await.json();
    assert_eq!(account["environment"], "backtest");
    let metrics = get(&app, &format!("{BACKTESTS}/1/metrics")).await.json();
    let expected = json!([
        {"metric": "net", "definition": "d1", "value": "1", "reason": null},
        {"metric": "sharpe", "definition": "d1", "value": null, "reason": "fewer than two days"}
    ]);
    assert_eq!(metrics, json!({"data": expected, "next_cursor": null}));
}

#[tokio::test]
async fn runs_are_compared_side_by_side() {
    let app = with_runs().await;
    let compared = get(&app, &format!("{BACKTESTS}/compare?runs=2,3,1"))
        .await
        .json();
    let runs = compared["runs"].as_array().expect("runs").iter();
    let runs: Vec<_> = runs.map(|run| run["run_id"].clone()).collect();
    assert_eq!(runs, [2, 3, 1]);
    let net = json!({
        "metric": "net", "definition": "d1",
        "values": [{"value": "2", "reason": null}, null, {"value": "1", "reason": null}]
    });
    assert_eq!(compared["metrics"][0], net);
    let sharpe = &compared["metrics"][1]["values"];
    assert_eq!(sharpe[2]["reason"], "fewer than two days");
    assert_eq!(sharpe[0], Value::Null);
}

#[tokio::test]
async fn artifact_is_a_download_without_rights() {
    let app = with_runs().await;
    let files = get(&app, &format!("{BACKTESTS}/1/artifacts")).await.json();
    let page = &files["data"][1];
    assert_eq!(
        (&page["name"], &page["size"]),
        (&json!("page"), &json!(PAGE.len()))
    );
    let sha256 = page["sha256"].as_str().expect("a digest");
    let answer = get(&app, &format!("/api/v1/artifacts/{sha256}")).await;
    assert_eq!((answer.status.as_u16(), &*answer.text), (200, PAGE));
    assert_eq!(answer.header("content-type"), "text/html");
    assert_eq!(answer.header("content-disposition"), "attachment");
    assert_eq!(
        answer.header("content-security-policy"),
        "default-src 'none'; sandbox"
    );
    let unknown = ContentHash::of(b"unknown");
    get(&app, &format!("/api/v1/artifacts/{unknown}"))
        .await
        .problem(404);
    let detail = get(&app, "/api/v1/artifacts/xyz").await.problem(400);
    assert!(detail.contains("64 hexadecimal digits"), "{detail}");
}

#[tokio::test]
async fn report_is_json_or_a_page() {
    let app = with_runs().await;
    let path = format!("{BACKTESTS}/1/report");
    let report = get(&app, &path).await.json();
    assert_eq!(report["max_drawdown"]["amount"], "110");
    assert_eq!(report["max_drawdown"]["fraction"], "0.1");
    assert_eq!(report["equity"][1]["equity"], "990");
    let page = get(&app, &format!("{path}?format=html")).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("sandbox") && policy.contains("default-src 'none'"),
        "{policy}"
    );
    assert_eq!(page.text.matches("<svg").count(), 2);
    let other = get(&app, &format!("{BACKTESTS}/2/report")).await.json();
    assert_eq!(
        other["equity_reason"],
        "the run has no artifact equity.json"
    );
}

#[tokio::test]
async fn deleted_run_has_no_account() {
    let app = with_runs().await;
    let path = format!("{BACKTESTS}/1");
    let deleted = delete(&app, &path).await;
    let expected = json!({"run_id": 1, "account_id": 1, "events": 0, "contents": 2});
    assert_eq!((deleted.status.as_u16(), deleted.json()), (200, expected));
    delete(&app, &path).await.problem(404);
    for path in ["", "/metrics", "/artifacts", "/report"] {
        get(&app, &format!("{BACKTESTS}/1{path}"))
            .await
            .problem(404);
    }
    get(&app, &format!("{BACKTESTS}/compare?runs=1,2"))
        .await
        .problem(404);
    get(&app, "/api/v1/accounts/1").await.problem(404);
}
