//! Completes the description of the interface, `/openapi.json`: what many operations have in common is stated here
//! once.

mod parameters;
mod responses;

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

/// The text of the description.
pub(crate) fn text(description: &OpenApi) -> String {
    // a description consists of texts and numbers, which can always be written as JSON
    let mut description = serde_json::to_value(description).unwrap_or_default();
    // relative to the address of the description
    description["servers"] = json!([{"url": "/"}]);
    let responses = &mut description["components"]["responses"];
    *responses = responses::shared();
    let paths = description["paths"].as_object_mut();
    for (path, item) in paths.into_iter().flatten() {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            parameters::complete(operation);
            responses::complete(operation, path);
        }
    }
    description.to_string()
}

/// Inserts members that are missing.
fn insert_missing(object: &mut Value, members: Value) {
    let (Some(object), Value::Object(members)) = (object.as_object_mut(), members) else {
        return;
    };
    for (name, member) in members {
        object.entry(name).or_insert(member);
    }
}
