//! Tests of `/openapi.json`.

use std::collections::BTreeSet;

use orderbook_server::wire::{CandleBody, NewTick, NewTrade, SymbolBody, TickBody, TradeBody};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tickbook::ingest::OccurrenceCounter;
use tickbook_ledger::domain::OrderEvent;

use crate::support::{Mocks, get};

const README: &str = include_str!("../../../README.md");

async fn description() -> Value {
    let answer = get(&Mocks::default().app(), "/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

/// Each operation as its method, path and parameters.
fn operations(description: &Value) -> BTreeSet<String> {
    description["paths"]
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
        .collect()
}

#[tokio::test]
async fn description_has_its_version() {
    let version = description().await["openapi"].clone();
    assert!(
        version.as_str().is_some_and(|it| it.starts_with("3.")),
        "{version}"
    );
}

/// The routes of the table of the README, with the parameters of the path first.
fn routes_of_the_readme() -> BTreeSet<String> {
    let (_, table) = README
        .split_once("| method and path | parameters |\n| --- | --- |\n")
        .expect("the table of routes");
    let rows = table.lines().take_while(|row| row.starts_with('|'));
    let mut routes = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [paths, parameters] = cells[..] else {
            panic!("two cells: {row}");
        };
        let mut paths = paths.split('`').skip(1).step_by(2);
        let first = paths.next().expect("a route");
        let (method, first) = first.split_once(' ').expect("a method");
        for path in [first].into_iter().chain(paths) {
            let of_path = path.split('/').filter_map(|part| part.strip_prefix('{'));
            let mut names: Vec<_> = of_path.map(|part| part.trim_end_matches('}')).collect();
            // a cell without a list of parameters describes the body or links to a page
            if let Some(list) = parameters.strip_prefix('`') {
                let list = list.split('`').next().unwrap_or_default();
                let parts = list.split_whitespace();
                names.extend(parts.map(|part| part.split('=').next().unwrap_or_default()));
            }
            let route = format!("{} {path} {}", method.to_lowercase(), names.join(" "));
            routes.insert(route.trim_end().to_owned());
        }
    }
    routes
}

#[tokio::test]
async fn readme_lists_every_route_with_its_parameters() {
    assert_eq!(routes_of_the_readme(), operations(&description().await));
}

#[tokio::test]
async fn every_reference_has_a_target() {
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
async fn prices_are_strings_and_the_example_is_accepted() {
    let description = description().await;
    let schema = &description["components"]["schemas"]["NewTick"];
    let required: Vec<_> = schema["required"]
        .as_array()
        .expect("some")
        .iter()
        .collect();
    assert_eq!(required, ["symbol_id", "tick_time"]);
    assert_eq!(schema["additionalProperties"], false);
    let example = NewTick::read(&schema["example"].to_string()).expect("a tick");
    example
        .normalized(&mut OccurrenceCounter::new())
        .expect("a tick that can be stored");
    let schema = &description["components"]["schemas"]["NewTrade"];
    let required = serde_json::json!(["symbol_id", "trade_time", "price", "quantity"]);
    assert_eq!(schema["required"], required);
    assert_eq!(schema["additionalProperties"], false);
    let example = NewTrade::read(&schema["example"].to_string()).expect("a trade");
    example
        .normalized(&mut OccurrenceCounter::new())
        .expect("a trade that can be stored");
    assert_eq!(
        description["components"]["schemas"]["DecimalText"]["type"],
        "string"
    );
    let input = &description["components"]["schemas"]["DecimalInput"]["oneOf"];
    assert_eq!(
        (&input[0]["type"], &input[1]["type"]),
        (&"string".into(), &"number".into())
    );
}

#[tokio::test]
async fn each_reason_of_a_rejection_is_described() {
    let description = description().await;
    let reasons = &description["components"]["schemas"]["RejectionReason"]["enum"];
    let expected = [
        "not_an_object",
        "unknown_field",
        "duplicate_field",
        "missing_field",
        "wrong_type",
        "invalid_number",
        "too_many_digits",
        "invalid_time",
        "volume_without_price",
        "unknown_side",
        "out_of_range",
        "tick_in_future",
        "trade_in_future",
        "wrong_columns",
        "invalid_event",
        "unknown_symbol",
        "refused_by_store",
    ];
    assert_eq!(*reasons, Value::from(expected.to_vec()));
}

/// The names of the kinds of events in the description.
fn kinds_of_events(description: &Value) -> BTreeSet<String> {
    let variants = &description["components"]["schemas"]["OrderEventKindBody"]["oneOf"];
    let variants = variants.as_array().expect("variants").iter();
    variants
        .flat_map(|variant| {
            let names = variant["enum"].as_array().into_iter().flatten();
            let names = names.map(|name| name.as_str().expect("a name").to_owned());
            let objects = variant["properties"].as_object().into_iter();
            let objects = objects.flat_map(|properties| properties.keys().cloned());
            names.chain(objects).collect::<Vec<_>>()
        })
        .collect()
}

#[tokio::test]
async fn each_event_of_the_ledger_is_described() {
    let description = description().await;
    let schema = &description["components"]["schemas"]["OrderEventBody"];
    let fields = schema["properties"].as_object().expect("fields");
    let mut kinds = BTreeSet::new();
    for line in include_str!("../../../ledger/tests/golden/events.jsonl").lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        for (field, _) in event.as_object().expect("an object") {
            assert!(fields.contains_key(field), "{field}");
        }
        let kind = &event["kind"];
        let name = kind.as_str().map(str::to_owned);
        let of_object = || {
            kind.as_object()
                .and_then(|kind| kind.keys().next().cloned())
        };
        kinds.extend(name.or_else(of_object));
    }
    assert_eq!(kinds_of_events(&description), kinds);
    let example: Result<OrderEvent, _> = serde_json::from_value(schema["example"].clone());
    example.expect("an event");
}

#[tokio::test]
async fn examples_of_the_ledger_equal_real_answers() {
    let description = description().await;
    let example = |name: &str| description["components"]["schemas"][name]["example"].clone();
    let app = crate::ledger::with_account().await;
    let mut fill = crate::ledger::filled("a-1", "8812345", 0, "4", "99");
    fill["kind"]["filled"]["fee"] = serde_json::json!({"amount": "0.2", "currency": "USD"});
    let order = crate::ledger::created("a-1", "buy", "10");
    crate::ledger::book(&app, &[order, fill]).await;
    let path = "/api/v1/accounts/1";
    let order = get(&app, &format!("{path}/orders/a-1")).await.json();
    assert_eq!(order, example("OrderBody"));
    let fills = get(&app, &format!("{path}/fills")).await.json();
    assert_eq!(fills["data"][0], example("FillBody"));
    let events = get(&app, &format!("{path}/events")).await.json();
    assert_eq!(events["data"][0], example("RecordedEventBody"));
    let fields = |value: &Value| {
        value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let positions = get(&app, &format!("{path}/positions")).await.json();
    assert_eq!(
        fields(&positions["data"][0]),
        fields(&example("PositionBody"))
    );
    let account = get(&app, path).await.json();
    assert_eq!(fields(&account), fields(&example("AccountBody")));
    let receipt = crate::ledger::append(&app, &[]).await;
    assert_eq!(fields(&receipt), fields(&example("AppendReceiptBody")));
}

#[tokio::test]
async fn examples_equal_real_answers() {
    let description = description().await;
    let example = |name: &str| description["components"]["schemas"][name]["example"].clone();
    for (example, rewritten) in [
        (
            example("TickBody"),
            rewrite::<TickBody>(example("TickBody")),
        ),
        (
            example("TradeBody"),
            rewrite::<TradeBody>(example("TradeBody")),
        ),
        (
            example("CandleBody"),
            rewrite::<CandleBody>(example("CandleBody")),
        ),
        (
            example("SymbolBody"),
            rewrite::<SymbolBody>(example("SymbolBody")),
        ),
    ] {
        assert_eq!(example, rewritten);
    }
}

fn rewrite<T: Serialize + DeserializeOwned>(example: Value) -> Value {
    let body: T = serde_json::from_value(example).expect("a valid example");
    serde_json::to_value(body).expect("JSON")
}

#[tokio::test]
async fn each_operation_has_a_name_of_its_own() {
    let description = description().await;
    let paths = description["paths"].as_object().expect("paths");
    let names: Vec<_> = paths
        .values()
        .flat_map(|item| item.as_object().expect("operations").values())
        .map(|operation| operation["operationId"].as_str().expect("a name"))
        .collect();
    let different: BTreeSet<_> = names.iter().collect();
    assert_eq!(names.len(), different.len(), "{names:?}");
}
