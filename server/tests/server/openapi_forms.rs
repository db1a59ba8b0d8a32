//! Tests of the forms in `/openapi.json`: schemas of parameters, errors, and representations.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, header};
use orderbook_server::problem::ProblemBody;
use serde_json::{Map, Value, json};

use crate::support::{Mocks, app, get, send, with_symbols};

async fn description() -> Value {
    get(&Mocks::default().app(), "/openapi.json").await.json()
}

/// The operations with their paths.
fn operations(description: &Value) -> Vec<(&str, &Value)> {
    let paths = description["paths"].as_object().expect("paths").iter();
    let of_path = paths.flat_map(|(path, item)| {
        let operations = item.as_object().expect("operations").values();
        operations.map(move |operation| (&**path, operation))
    });
    of_path.collect()
}

fn members(value: &Value) -> &Map<String, Value> {
    value
        .as_object()
        .unwrap_or_else(|| panic!("no object: {value}"))
}

#[tokio::test]
async fn no_member_is_null() {
    let description = description().await;
    let mut places = vec![("", &description)];
    while let Some((name, value)) = places.pop() {
        assert!(!value.is_null(), "{name}");
        // an example may have a null
        let members = value.as_object().into_iter().flatten();
        let others = members.filter(|(name, _)| !["example", "examples"].contains(&name.as_str()));
        places.extend(others.map(|(name, member)| (name.as_str(), member)));
        let items = value.as_array().into_iter().flatten();
        places.extend(items.map(|item| (name, item)));
    }
}

/// The values of all enumerations of a schema.
fn enumerated(schema: &Value) -> Vec<&str> {
    let own = schema["enum"].as_array().into_iter().flatten();
    let own = own.map(|value| value.as_str().expect("a name"));
    let parts = schema["anyOf"].as_array().into_iter().flatten();
    own.chain(parts.flat_map(enumerated)).collect()
}

#[tokio::test]
async fn every_enumerated_value_is_accepted() {
    let description = description().await;
    let app = app(with_symbols().await, Vec::new());
    let mut names = BTreeSet::new();
    for (path, operation) in operations(&description) {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|_| path.starts_with("/api/v1/ohlc/")) {
            let name = parameter["name"].as_str().expect("a name");
            for value in enumerated(&parameter["schema"]) {
                let path = format!("/api/v1/ohlc/1?{name}={value}");
                let answer = get(&app, &path).await;
                assert_eq!(answer.status, 200, "{path}: {}", answer.text);
                names.insert(name);
            }
        }
    }
    assert_eq!(
        Vec::from_iter(names),
        ["basis", "fill", "order", "timeframe"]
    );
    let environments = operations(&description)
        .into_iter()
        .flat_map(|(_, operation)| operation["parameters"].as_array().into_iter().flatten())
        .find(|parameter| parameter["name"] == "environment")
        .map(|parameter| enumerated(&parameter["schema"]));
    assert_eq!(environments, Some(vec!["live", "paper", "sim", "backtest"]));
}

#[tokio::test]
async fn parameters_have_ranges_defaults_and_formats() {
    let description = description().await;
    let mut seen = BTreeSet::new();
    for (path, operation) in operations(&description) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().expect("a name");
            let schema = &parameter["schema"];
            let expected = match name {
                "limit" => json!({"minimum": 1, "maximum": 10_000, "default": 500}),
                "depth" => json!({"minimum": 1, "maximum": 1_000, "default": 20}),
                "order" => json!({"enum": ["asc", "desc"], "default": "asc"}),
                "timeframe" => json!({"default": "1m"}),
                "fill" => json!({"default": "none"}),
                "symbol" => json!({"minLength": 1, "maxLength": 151}),
                "from" | "to" | "at" | "as_of" => {
                    let formats: Vec<_> =
                        schema["anyOf"].as_array().expect("forms").iter().collect();
                    let formats: Vec<_> = formats.iter().map(|it| &it["format"]).collect();
                    assert_eq!(formats, ["date-time", "date", "int64"], "{path} {name}");
                    json!({})
                }
                _ => continue,
            };
            for (member, value) in members(&expected) {
                assert_eq!(schema[member], *value, "{path} {name} {member}");
            }
            seen.insert(name);
        }
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
}

#[tokio::test]
async fn errors_of_every_operation_are_shared_problems() {
    let description = description().await;
    let mut statuses = BTreeSet::new();
    for (path, operation) in operations(&description) {
        let responses = members(&operation["responses"]);
        if path.starts_with("/api/") {
            for status in ["400", "500", "503"] {
                let is_there = responses.contains_key(status) || path == "/api/v1/feeds";
                assert!(is_there, "{path} {status}");
            }
        }
        for (status, response) in responses
            .iter()
            .filter(|(status, _)| status.as_str() >= "400")
        {
            let Some(reference) = response["$ref"].as_str() else {
                assert_eq!(path, "/health/ready", "{status}");
                continue;
            };
            assert!(
                !response["description"]
                    .as_str()
                    .unwrap_or_default()
                    .is_empty()
            );
            let pointer = reference.strip_prefix('#').expect("local");
            let shared = description.pointer(pointer).expect("it exists");
            let content = &shared["content"]["application/problem+json"];
            assert_eq!(
                content["schema"]["$ref"],
                "#/components/schemas/ProblemBody"
            );
            let example: ProblemBody =
                serde_json::from_value(content["example"].clone()).expect("a problem");
            assert_eq!(example.status.to_string(), **status, "{reference}");
            assert!(shared["headers"]["X-Request-Id"].is_object());
            statuses.insert(status.as_str());
        }
    }
    let all = [
        "400", "401", "403", "404", "406", "408", "409", "413", "415", "429", "500", "503",
    ];
    assert_eq!(Vec::from_iter(statuses), all);
}

#[tokio::test]
async fn described_csv_is_that_of_real_answers() {
    let description = description().await;
    let app = app(with_symbols().await, Vec::new());
    let mut lists = 0;
    for (path, operation) in operations(&description) {
        let content = &operation["responses"]["200"]["content"];
        let Some(example) = content["text/csv"]["example"].as_str() else {
            continue;
        };
        assert!(operation["responses"]["304"].is_object(), "{path}");
        let path = path
            .replace("{symbol}", "1")
            .replace("latest", "latest?symbols=1");
        let request = Request::get(&path).header(header::ACCEPT, "text/csv");
        let answer = send(&app, request.body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.text.lines().next(), example.lines().next(), "{path}");
        let columns = example.lines().map(|line| line.split(',').count());
        assert_eq!(BTreeSet::from_iter(columns).len(), 1, "{path}");
        lists += 1;
    }
    assert_eq!(lists, 6);
    for path in ["/api/v1/ticks", "/api/v1/trades"] {
        let body = &description["paths"][path]["post"]["requestBody"]["content"];
        let example = body["text/csv"]["example"]
            .as_str()
            .expect("rows")
            .to_owned();
        let request = Request::post(path).header(header::CONTENT_TYPE, "text/csv");
        let answer = send(&app, request.body(Body::from(example)).expect("a request")).await;
        assert_eq!(answer.json()["inserted"], 1, "{}", answer.text);
    }
}
