//! Tests of `/api/v1/accounts`.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use orderbook_server::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use serde_json::{Value, json};
use tickbook::Repositories;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::repository::{MockAccountRepository, MockLedgerRepository};

use crate::ledger::{ACCOUNTS, NOW, append, created, empty, new_account, with_account};
use crate::support::{Answer, app_with_ledger, database_errors, get, patch, post};

async fn create(app: &Router, body: &Value) -> Answer {
    post(app, ACCOUNTS, body.to_string()).await
}

fn main_account() -> Value {
    json!({
        "account_id": 1, "tenant_id": 1, "name": "main", "venue": "kraken", "environment": "live",
        "base_currency": "USD", "time_zone": "UTC", "cost_method": "average", "position_mode": "netting",
        "created_at": NOW, "closed_at": null
    })
}

#[tokio::test]
async fn created_account_reads_back() {
    let app = empty().await;
    let created = create(&app, &new_account("main")).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("Location"), "/api/v1/accounts/1");
    assert_eq!(created.json(), main_account());
    let read = get(&app, "/api/v1/accounts/1").await;
    assert_eq!((read.status.as_u16(), read.json()), (200, main_account()));
    let other = json!({
        "tenant_id": 2, "name": "main", "venue": "b3", "environment": "backtest", "base_currency": "BRL",
        "time_zone": "America/Sao_Paulo", "cost_method": "fifo", "position_mode": "hedging"
    });
    let other = create(&app, &other).await.json();
    for (field, value) in [
        ("account_id", json!(2)),
        ("tenant_id", json!(2)),
        ("environment", json!("backtest")),
        ("time_zone", json!("America/Sao_Paulo")),
        ("cost_method", json!("fifo")),
        ("position_mode", json!("hedging")),
    ] {
        assert_eq!(other[field], value, "{field}");
    }
}

#[tokio::test]
async fn invalid_accounts_are_refused_with_the_field() {
    let app = empty().await;
    for (field, value, words) in [
        ("name", json!(""), "invalid name"),
        ("name", Value::Null, "invalid type: null"),
        ("venue", json!("a\u{1}"), "invalid venue"),
        (
            "environment",
            json!("LIVE"),
            "expected one of live, paper, sim, backtest",
        ),
        (
            "base_currency",
            json!(""),
            "base_currency: invalid currency",
        ),
        ("time_zone", json!("Mars/Olympus"), "invalid time_zone"),
        ("cost_method", json!("hifo"), "cost_method: invalid"),
        ("position_mode", json!("both"), "position_mode: invalid"),
        ("tenant_id", json!(0), "invalid tenant_id 0"),
        ("tenant_id", json!("1"), "invalid type: string"),
        ("owner", json!(1), "unknown field `owner`"),
    ] {
        let mut body = new_account("main");
        body[field] = value;
        let detail = create(&app, &body).await.problem(400);
        assert!(detail.contains(words), "{body}: {detail}");
    }
    let detail = create(&app, &json!({"name": "main"})).await.problem(400);
    assert!(detail.contains("missing field `venue`"), "{detail}");
    let detail = create(&app, &json!([])).await.problem(400);
    assert!(detail.contains("expected a JSON object"), "{detail}");
    assert_eq!(get(&app, ACCOUNTS).await.json()["data"], json!([]));
}

#[tokio::test]
async fn name_is_unique_within_its_tenant() {
    let app = with_account().await;
    let taken = create(&app, &new_account("main")).await.problem(409);
    assert!(
        taken.contains("account") && taken.contains("main"),
        "{taken}"
    );
    assert_eq!(create(&app, &new_account("other")).await.status, 201);
    let path = "/api/v1/accounts/2";
    patch(&app, path, &json!({"name": "main"}))
        .await
        .problem(409);
    assert_eq!(get(&app, path).await.json()["name"], "other");
}

#[tokio::test]
async fn account_is_renamed_and_closed() {
    let app = with_account().await;
    let path = "/api/v1/accounts/1";
    let renamed = patch(&app, path, &json!({"name": "old"})).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    let mut expected = main_account();
    expected["name"] = json!("old");
    assert_eq!(renamed.json(), expected);
    let closed = patch(&app, path, &json!({"name": "older", "closed": true})).await;
    (expected["name"], expected["closed_at"]) = (json!("older"), json!(NOW));
    assert_eq!(closed.json(), expected);
    assert_eq!(get(&app, path).await.json(), expected);
    // it takes no further orders
    let receipt = append(&app, &[created("o", "buy", "1")]).await;
    assert_eq!(receipt["quarantined"][0]["reason"], "account_closed");
    for (change, words) in [
        (json!({}), "the change is empty"),
        (json!({"closed": false}), "cannot be opened again"),
        (json!({"name": ""}), "invalid name"),
        (json!({"venue": "b3"}), "unknown field `venue`"),
    ] {
        let detail = patch(&app, path, &change).await.problem(400);
        assert!(detail.contains(words), "{change}: {detail}");
    }
    assert_eq!(get(&app, path).await.json(), expected);
}

#[tokio::test]
async fn unknown_account_is_not_found() {
    let app = with_account().await;
    for path in [
        "",
        "/orders",
        "/orders/a",
        "/orders/a/events",
        "/events",
        "/fills",
        "/positions",
        "/quarantine",
        "/equity",
        "/performance?from=2024-05-01&to=2024-05-02",
    ] {
        let path = format!("/api/v1/accounts/9{path}");
        let answer = get(&app, &path).await;
        assert_eq!(answer.json()["type"], "urn:tickbook:unknown-account");
        let detail = answer.problem(404);
        assert!(detail.contains("unknown account 9"), "{path}: {detail}");
    }
    for body in ["[]", r#"[{"order_id":"a","kind":"submitted"}]"#] {
        let detail = post(&app, "/api/v1/accounts/9/events", body)
            .await
            .problem(404);
        assert!(detail.contains("unknown account 9"), "{detail}");
    }
    let change = patch(&app, "/api/v1/accounts/9", &json!({"closed": true})).await;
    assert!(change.problem(404).contains("unknown account 9"));
    for id in ["0", "-1", "x", "1.5", "99999999999999999999"] {
        let detail = get(&app, &format!("/api/v1/accounts/{id}/orders"))
            .await
            .problem(400);
        assert!(detail.contains("account_id: invalid id"), "{detail}");
    }
}

#[tokio::test]
async fn accounts_are_filtered_and_paged() {
    let app = empty().await;
    for (name, environment) in [("a", "live"), ("b", "paper"), ("c", "live"), ("d", "sim")] {
        let mut body = new_account(name);
        body["environment"] = json!(environment);
        assert_eq!(create(&app, &body).await.status, 201);
    }
    patch(&app, "/api/v1/accounts/3", &json!({"closed": true})).await;
    let names = async |query: &str| {
        let list = get(&app, &format!("{ACCOUNTS}?{query}")).await.json();
        let data = list["data"].as_array().expect("a list").clone();
        let names: Vec<_> = data
            .iter()
            .map(|it| it["name"].as_str().expect("a name").to_owned())
            .collect();
        (
            names.concat(),
            list["next_cursor"].as_str().map(str::to_owned),
        )
    };
    for (query, expected) in [
        ("", "abcd"),
        ("name=b", "b"),
        ("environment=live", "ac"),
        ("closed=true", "c"),
        ("closed=false&environment=live", "a"),
        ("name=none", ""),
    ] {
        assert_eq!(names(query).await, (expected.to_owned(), None), "{query}");
    }
    let (first, next) = names("closed=false&limit=2").await;
    let next = next.expect("a next page");
    assert_eq!(first, "ab");
    let (rest, end) = names(&format!("closed=false&limit=2&cursor={next}")).await;
    assert_eq!((rest.as_str(), end), ("d", None));
    for (query, words) in [
        ("limit=0", "limit 0"),
        ("environment=real", "environment: invalid environment"),
        ("closed=1", "closed"),
        ("tenant=1", "unknown parameter"),
        ("cursor=x", "invalid cursor"),
        (&format!("cursor={next}"), "another listing"),
    ] {
        let detail = get(&app, &format!("{ACCOUNTS}?{query}")).await.problem(400);
        assert!(detail.contains(words), "{query}: {detail}");
    }
    let forged = (-1_i64).encode(LedgerListing::new(LedgerList::Accounts, "", ""));
    let detail = get(&app, &format!("{ACCOUNTS}?cursor={forged}")).await;
    assert!(detail.problem(400).contains("invalid cursor"));
}

#[tokio::test]
async fn accounts_of_a_failed_database_are_503() {
    for error in database_errors() {
        let mut accounts = MockAccountRepository::default();
        let error = std::sync::Mutex::new(Some(error));
        let taken = move || Err(error.lock().expect("no panic").take().expect("one call"));
        accounts.expect_create().returning(move |_, _| taken());
        let ledger = Arc::new(MockLedgerRepository::default());
        let ledger = LedgerRepositories::new(Arc::new(accounts), ledger);
        let app = app_with_ledger(Repositories::in_memory(), ledger);
        let answer = create(&app, &new_account("main")).await;
        answer.problem(503);
        answer.header("Retry-After");
    }
}

/// The files of `folder` that are not tests and contain `text`.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if name != "tests"
            && std::fs::read_to_string(&path)
                .expect("UTF-8")
                .contains(text)
        {
            found.push(name);
        }
    }
    found
}

#[test]
fn scope_of_callers_has_one_source() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    assert_eq!(files_with(&source, "AccountScope::"), ["caller"]);
}
