//! Tests of the scope of each route, and of its place in the OpenAPI description.

use std::collections::BTreeMap;

use axum::http::Method;
use orderbook_server::access::scopes::needed;
use serde_json::{Value, json};
use tickbook_access::Scope;

use crate::support::{Mocks, get};

/// The routes that need more than `read`.
const WRITING: [(&str, &str, Scope); 16] = [
    ("get", "/api/v1/audit", Scope::Admin),
    ("post", "/api/v1/accounts", Scope::Write),
    ("post", "/api/v1/accounts/{account_id}/events", Scope::Write),
    ("post", "/api/v1/exchanges", Scope::Write),
    (
        "post",
        "/api/v1/risk-events/{risk_event_id}/acknowledgement",
        Scope::Write,
    ),
    ("post", "/api/v1/symbols/{symbol}/aliases", Scope::Write),
    ("post", "/api/v1/ticks", Scope::Write),
    ("post", "/api/v1/trades", Scope::Write),
    ("delete", "/api/v1/symbols/{symbol}/aliases", Scope::Admin),
    ("delete", "/api/v1/trades/{symbol}", Scope::Admin),
    ("patch", "/api/v1/accounts/{account_id}", Scope::Admin),
    ("patch", "/api/v1/exchanges/{exchange}", Scope::Admin),
    ("patch", "/api/v1/symbols/{symbol}", Scope::Admin),
    ("post", "/api/v1/trades/corrections", Scope::Admin),
    // no such route yet
    ("delete", "/api/v1/ticks/{symbol}", Scope::Admin),
    ("put", "/api/v1/ticks", Scope::Admin),
];

async fn description() -> Value {
    get(&Mocks::default().app(), "/openapi.json").await.json()
}

/// Each operation by its method and path, in which the parameter of a symbol is `{symbol}`.
fn operations(description: &Value) -> BTreeMap<(String, String), Value> {
    let paths = description["paths"].as_object().expect("paths").iter();
    paths
        .flat_map(|(path, item)| {
            let operations = item.as_object().expect("operations").iter();
            operations.map(move |(method, operation)| {
                (
                    (method.clone(), path.replace("{symbol_id}", "{symbol}")),
                    operation.clone(),
                )
            })
        })
        .collect()
}

#[tokio::test]
async fn every_operation_has_the_scope_of_its_route() {
    let description = description().await;
    let mut writing = 0;
    for ((method, path), operation) in operations(&description) {
        let is_free = path.starts_with("/health/");
        let of_table = WRITING.iter().find(|it| (it.0, it.1) == (&method, &path));
        let expected = match of_table {
            Some((.., scope)) => {
                writing += 1;
                Some(*scope)
            }
            // a new route that writes needs a line in the table
            None => {
                assert_eq!(method, "get", "{path}");
                (!is_free).then_some(Scope::Read)
            }
        };
        let verb: Method = method.to_uppercase().parse().expect("a method");
        assert_eq!(needed(&verb, Some(&path)), expected, "{method} {path}");
        let security = match expected {
            Some(scope) => json!([{"token": [scope.as_str()]}]),
            None => json!([]),
        };
        assert_eq!(operation["security"], security, "{method} {path}");
        for status in ["401", "403", "429"] {
            let is_described = !operation["responses"][status].is_null();
            assert_eq!(is_described, !is_free, "{method} {path} {status}");
        }
    }
    assert_eq!(
        writing,
        WRITING.len() - 2,
        "routes of the table are missing"
    );
    for (method, path, scope) in WRITING {
        let verb: Method = method.to_uppercase().parse().expect("a method");
        assert_eq!(needed(&verb, Some(path)), Some(scope), "{method} {path}");
    }
}

#[tokio::test]
async fn scheme_of_tokens_is_described() {
    let description = description().await;
    let scheme = &description["components"]["securitySchemes"]["token"];
    assert_eq!(
        (&scheme["type"], &scheme["scheme"]),
        (&json!("http"), &json!("bearer"))
    );
    let responses = &description["components"]["responses"];
    for (name, field) in [
        ("Unauthorized", "WWW-Authenticate"),
        ("Forbidden", "WWW-Authenticate"),
        ("TooManyRequests", "Retry-After"),
    ] {
        let response = &responses[name];
        assert!(response["headers"][field].is_object(), "{response}");
        let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(*problem, "#/components/schemas/ProblemBody");
    }
}

#[test]
fn unknown_paths_and_methods_need_a_scope() {
    for (method, path, scope) in [
        (Method::GET, None, Scope::Read),
        (Method::OPTIONS, Some("/health/live"), Scope::Read),
        (Method::POST, None, Scope::Write),
        (Method::DELETE, None, Scope::Admin),
        (Method::TRACE, Some("/health/live"), Scope::Admin),
        (Method::CONNECT, None, Scope::Admin),
    ] {
        assert_eq!(needed(&method, path), Some(scope), "{method} {path:?}");
    }
}
