//! Tests of `/api/v1/strategies` and of deployments.

use std::sync::Arc;

use axum::Router;
use serde_json::{Value, json};
use tickbook::{Clock, Repositories};
use tickbook_ledger::memory::InMemoryLedger;
use tickbook_ledger::repository::{MockBacktestRepository, MockStrategyRepository};
use tickbook_ledger::{LedgerRepositories, StrategyRepositories};

use crate::ledger::{ACCOUNTS, NOW, new_account};
use crate::support::{Answer, app_with_strategies, database_errors, get, patch, post, time};

const STRATEGIES: &str = "/api/v1/strategies";

/// A router with the account 1 and no strategies, at [`NOW`].
async fn empty() -> Router {
    let store = InMemoryLedger::with_clock(Clock::standing_at(time(NOW)));
    let strategies = StrategyRepositories::in_memory(&store);
    let ledger = LedgerRepositories::over(&store);
    let app = app_with_strategies(Repositories::in_memory(), ledger, strategies);
    let created = post(&app, ACCOUNTS, new_account("main").to_string()).await;
    assert_eq!(created.status, 201, "{}", created.text);
    app
}

async fn send(app: &Router, path: &str, body: &Value) -> Answer {
    post(app, path, body.to_string()).await
}

/// A router with the strategy 1 and its version 1.
async fn with_version() -> Router {
    let app = empty().await;
    let created = send(&app, STRATEGIES, &json!({"name": "ema"})).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let path = format!("{STRATEGIES}/1/versions");
    let added = send(&app, &path, &json!({"code_ref": "git:1"})).await;
    assert_eq!(added.status, 201, "{}", added.text);
    app
}

#[tokio::test]
async fn strategy_is_created_and_listed() {
    let app = empty().await;
    let body = json!({"name": "ema", "class_name": "Ema", "strategy_type": "trend"});
    let created = send(&app, STRATEGIES, &body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("Location"), "/api/v1/strategies/1");
    let expected = json!({
        "strategy_id": 1, "tenant_id": 1, "name": "ema", "description": "", "class_name": "Ema",
        "strategy_type": "trend", "last_version": 0, "created_at": NOW
    });
    assert_eq!(created.json(), expected);
    assert_eq!(get(&app, &format!("{STRATEGIES}/1")).await.json(), expected);
    send(&app, STRATEGIES, &json!({"name": "other"})).await;
    let first = get(&app, &format!("{STRATEGIES}?limit=1")).await.json();
    assert_eq!(first["data"], json!([expected]));
    let next = first["next_cursor"].as_str().expect("a next page");
    let rest = get(&app, &format!("{STRATEGIES}?limit=1&cursor={next}")).await;
    assert_eq!(rest.json()["data"][0]["name"], "other");
    let named = get(&app, &format!("{STRATEGIES}?name=other")).await.json();
    assert_eq!(named["data"][0]["strategy_id"], 2);
    let taken = send(&app, STRATEGIES, &json!({"name": "ema"}))
        .await
        .problem(409);
    assert!(taken.contains("strategy \"ema\" already exists"), "{taken}");
}

#[tokio::test]
async fn version_with_known_content_is_not_added() {
    let app = with_version().await;
    let path = format!("{STRATEGIES}/1/versions");
    let body = json!({
        "code_ref": "git:2", "parameters": {"slow": 21.0, "fast": 9}, "risk_limits": {"max_loss": "1000"},
        "symbols": [3, 1], "created_by": "ada"
    });
    let added = send(&app, &path, &body).await;
    assert_eq!(
        (added.status.as_u16(), added.header("Location")),
        (201, "/api/v1/strategies/1/versions/2")
    );
    let version = added.json();
    assert_eq!(version["parameters"], json!({"fast": 9, "slow": 21}));
    assert_eq!(
        (&version["symbols"], &version["version"]),
        (&json!([1, 3]), &json!(2))
    );
    let again = send(&app, &path, &body).await;
    assert_eq!(
        (again.status.as_u16(), again.json()),
        (200, version.clone())
    );
    assert_eq!(get(&app, &format!("{path}/2")).await.json(), version);
    let first = get(&app, &format!("{path}?limit=1")).await.json();
    assert_eq!(first["data"][0]["version"], 1);
    let next = first["next_cursor"].as_str().expect("a next page");
    let rest = get(&app, &format!("{path}?cursor={next}")).await.json();
    assert_eq!(
        (&rest["data"][0], &rest["next_cursor"]),
        (&version, &Value::Null)
    );
}

#[tokio::test]
async fn invalid_strategies_are_refused_with_the_field() {
    let app = with_version().await;
    let (versions, deployments) = (
        format!("{STRATEGIES}/1/versions"),
        format!("{STRATEGIES}/1/deployments"),
    );
    for (path, body, words) in [
        (STRATEGIES, json!({"name": ""}), "invalid name"),
        (
            STRATEGIES,
            json!({"name": "x", "owner": 1}),
            "unknown field `owner`",
        ),
        (
            STRATEGIES,
            json!({"name": "x", "tenant_id": 0}),
            "invalid tenant_id 0",
        ),
        (STRATEGIES, json!([]), "expected a JSON object"),
        (&versions, json!({"code_ref": ""}), "invalid code_ref"),
        (
            &versions,
            json!({"code_ref": "x", "parameters": [1]}),
            "parameters: invalid JSON",
        ),
        (
            &versions,
            json!({"code_ref": "x", "risk_limits": {"a": 1e300}}),
            "write it as a string",
        ),
        (
            &versions,
            json!({"code_ref": "x", "symbols": [0]}),
            "invalid symbol_id 0",
        ),
        (
            &deployments,
            json!({"version": 1}),
            "missing field `account_id`",
        ),
        (
            &deployments,
            json!({"account_id": 1, "version": 1, "max_leverage": "0"}),
            "invalid max_leverage 0",
        ),
    ] {
        let detail = send(&app, path, &body).await.problem(400);
        assert!(detail.contains(words), "{path} {body}: {detail}");
    }
    for (path, words) in [
        ("?limit=0", "limit 0"),
        ("?state=x", "unknown parameter"),
        ("/0", "strategy_id: invalid id"),
        ("/1/versions/0", "version: invalid id"),
        ("/1/versions/99999999999", "expected 1 to"),
        ("?cursor=x", "invalid cursor"),
    ] {
        let detail = get(&app, &format!("{STRATEGIES}{path}")).await.problem(400);
        assert!(detail.contains(words), "{path}: {detail}");
    }
}

#[tokio::test]
async fn deployment_begins_and_stops() {
    let app = with_version().await;
    let path = format!("{STRATEGIES}/1/deployments");
    let body = json!({"account_id": 1, "version": 1, "allocated_capital": "10000.50"});
    let begun = send(&app, &path, &body).await;
    let mut expected = json!({
        "deployment_id": 1, "account_id": 1, "strategy_id": 1, "version": 1, "status": "running",
        "allocated_capital": "10000.5", "max_position_size": null, "max_leverage": null,
        "deployed_at": NOW, "stopped_at": null
    });
    assert_eq!(
        (begun.status.as_u16(), begun.json()),
        (201, expected.clone())
    );
    let twice = send(&app, &path, &body).await.problem(409);
    assert!(
        twice.contains("deployment of strategy 1 to account 1 already exists"),
        "{twice}"
    );
    let running = get(&app, &format!("{path}?running=true&account_id=1")).await;
    assert_eq!(running.json()["data"], json!([expected]));
    let change = "/api/v1/deployments/1";
    let detail = patch(&app, change, &json!({"stopped": false}))
        .await
        .problem(400);
    assert!(detail.contains("cannot run again"), "{detail}");
    (expected["status"], expected["stopped_at"]) = (json!("stopped"), json!(NOW));
    for _ in 0..2 {
        let stopped = patch(&app, change, &json!({"stopped": true})).await;
        assert_eq!(
            (stopped.status.as_u16(), stopped.json()),
            (200, expected.clone())
        );
    }
    let running = get(&app, &format!("{path}?running=true")).await.json();
    assert_eq!(running["data"], json!([]));
}

#[tokio::test]
async fn unknown_strategies_are_not_found() {
    let app = with_version().await;
    for path in ["/9", "/9/versions", "/9/versions/1", "/1/versions/2"] {
        let answer = get(&app, &format!("{STRATEGIES}{path}")).await;
        answer.problem(404);
    }
    let deploy = |account: i64, version: i32| json!({"account_id": account, "version": version});
    for (path, body) in [
        ("/9/versions", json!({"code_ref": "x"})),
        ("/9/deployments", deploy(1, 1)),
        ("/1/deployments", deploy(9, 1)),
        ("/1/deployments", deploy(1, 9)),
    ] {
        let answer = send(&app, &format!("{STRATEGIES}{path}"), &body).await;
        let detail = answer.problem(404);
        assert!(detail.contains("does not exist"), "{path}: {detail}");
    }
    let stop = patch(&app, "/api/v1/deployments/9", &json!({"stopped": true})).await;
    assert!(stop.problem(404).contains("deployment 9 does not exist"));
}

#[tokio::test]
async fn strategies_of_a_failed_database_are_503() {
    for error in database_errors() {
        let mut strategies = MockStrategyRepository::default();
        let error = std::sync::Mutex::new(Some(error));
        let taken = move || Err(error.lock().expect("no panic").take().expect("one call"));
        strategies.expect_create().returning(move |_, _| taken());
        let backtests = Arc::new(MockBacktestRepository::default());
        let strategies = StrategyRepositories::new(Arc::new(strategies), backtests);
        let ledger = LedgerRepositories::in_memory();
        let app = app_with_strategies(Repositories::in_memory(), ledger, strategies);
        let answer = send(&app, STRATEGIES, &json!({"name": "ema"})).await;
        answer.problem(503);
        answer.header("Retry-After");
    }
}
