//! The schemas of parameters: a name means the same in every operation.

use serde_json::{Value, json};
use tickbook::domain::{FeedChannel, GapFill, PriceBasis, SortOrder, Timeframe};
use tickbook_ledger::domain::{BacktestState, Environment};

use crate::params::MAX_MILLIS;

/// The description of a bound of a range, or of an instant.
const TIME: &str = "RFC 3339 time, date (midnight in UTC), or epoch milliseconds";

/// Replaces the schemas of the parameters of an operation.
pub(super) fn complete(operation: &mut Value) {
    let parameters = operation.get_mut("parameters");
    let parameters = parameters.and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let is_of_path = parameter["in"] == "path";
        let Some(schema) = schema(&name, is_of_path) else {
            continue;
        };
        parameter["schema"] = schema;
        if ["from", "to", "at", "as_of"].contains(&&*name) {
            let said = parameter["description"].as_str().unwrap_or_default();
            parameter["description"] = format!("{TIME}; {said}").into();
        }
    }
}

/// The schema of the parameter `name`; `None` if its type says everything.
fn schema(name: &str, is_of_path: bool) -> Option<Value> {
    Some(match name {
        "symbol" => json!({"type": "string", "minLength": 1, "maxLength": 151}),
        "symbols" => json!({"type": "string", "pattern": "^[0-9]+(,[0-9]+)*$"}),
        "from" | "to" | "at" | "as_of" => json!({"anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "string", "format": "date"},
            {"type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_MILLIS},
        ]}),
        "limit" => json!({
            "type": "integer", "format": "int32", "minimum": 1, "maximum": 10_000, "default": 500
        }),
        "depth" => json!({
            "type": "integer", "format": "int32", "minimum": 1, "maximum": 1_000, "default": 20
        }),
        "cursor" => json!({"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9_-]+$"}),
        "order" => of_names(SortOrder::ALL, Some("asc")),
        "basis" => of_names(PriceBasis::ALL, None),
        "fill" => of_names(GapFill::ALL, Some("none")),
        "channel" => of_names(FeedChannel::ALL, None),
        "environment" => of_names(Environment::ALL, None),
        "state" => of_names(BacktestState::ALL, None),
        "timeframe" => {
            let stored = Timeframe::ALL.iter().map(ToString::to_string);
            let others = ["1w", "1M", "1s", "5s", "10s", "15s", "30s"].map(str::to_owned);
            json!({
                "anyOf": [
                    {"type": "string", "enum": stored.chain(others).collect::<Vec<_>>()},
                    {"type": "string", "pattern": "^[1-9][0-9]*[mhd]$"},
                ],
                "default": "1m",
            })
        }
        "mark" => json!({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}),
        "name" if is_of_path => json!({"type": "string", "minLength": 1}),
        "exchange" | "order_id" | "feed" | "key" => json!({"type": "string", "minLength": 1}),
        _ => return None,
    })
}

/// The schema of an enumeration.
fn of_names<T: ToString>(all: &[T], default: Option<&str>) -> Value {
    let names: Vec<_> = all.iter().map(ToString::to_string).collect();
    let mut schema = json!({"type": "string", "enum": names});
    if let Some(default) = default {
        schema["default"] = default.into();
    }
    schema
}
