//! `/openapi.json`

use std::collections::BTreeSet;

use orderbook_server::wire::NewTick;
use serde_json::Value;

use crate::support::{Mocks, get};

async fn description() -> Value {
    let answer = get(&Mocks::default().app(), "/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

#[tokio::test]
async fn every_route_is_described_with_its_parameters() {
    let description = description().await;
    assert!(
        description["openapi"]
            .as_str()
            .expect("a version")
            .starts_with("3.")
    );
    let described: BTreeSet<String> = description["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("operations").iter();
            methods.map(move |(method, operation)| {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let names: Vec<_> = parameters
                    .map(|parameter| parameter["name"].as_str().expect("a name"))
                    .collect();
                format!("{method} {path} {}", names.join(" "))
                    .trim_end()
                    .to_owned()
            })
        })
        .collect();
    let expected = [
        "get /api/v1/ohlc/{symbol_id} symbol_id timeframe basis from to limit cursor order",
        "get /api/v1/symbols name exchange active limit cursor",
        "get /api/v1/symbols/{symbol_id} symbol_id",
        "get /api/v1/ticks/latest symbols",
        "get /api/v1/ticks/{symbol_id} symbol_id from to limit cursor order",
        "get /health/live",
        "get /health/ready",
        "get /metrics",
        "get /openapi.json",
        "post /api/v1/ticks",
    ];
    assert_eq!(described, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let description = description().await;
    let mut references = BTreeSet::new();
    collect(&description, &mut references);
    assert!(references.len() > 8, "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if name == "$ref" => {
                        references.insert(text.to_owned());
                    }
                    _ => collect(member, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[tokio::test]
async fn prices_are_strings_and_the_example_of_a_tick_is_accepted() {
    let description = description().await;
    let schema = &description["components"]["schemas"]["NewTick"];
    let required: Vec<_> = schema["required"]
        .as_array()
        .expect("some")
        .iter()
        .collect();
    assert_eq!(
        required,
        ["symbol_id", "tick_time", "bid_price", "ask_price"]
    );
    assert_eq!(schema["additionalProperties"], false);
    let properties = schema["properties"].as_object().expect("properties");
    let example: serde_json::Map<_, _> = properties
        .iter()
        .map(|(name, property)| (name.clone(), example_of(&description, property)))
        .collect();
    let tick: NewTick = serde_json::from_value(example.into()).expect("an accepted tick");
    tick.normalized().expect("a tick that can be stored");
    assert_eq!(
        description["components"]["schemas"]["DecimalText"]["type"],
        "string"
    );
}

fn example_of(description: &Value, property: &Value) -> Value {
    if let Some(example) = property.get("example") {
        return example.clone();
    }
    let reference = property["$ref"]
        .as_str()
        .expect("an example or a reference");
    let schema = description.pointer(&reference[1..]).expect("a schema");
    schema["example"].clone()
}
