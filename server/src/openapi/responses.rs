//! The responses of operations: errors, and the forms of lists.

use serde_json::{Map, Value, json};

use tickbook::domain::SymbolId;
use tickbook_access::Scope;

use super::insert_missing;
use crate::http::RequestId;
use crate::problem::Problem;
use crate::read_body::BODY_LIMIT;

/// The errors of operations: status, name and description.
const ERRORS: [(&str, &str, &str); 12] = [
    (
        "400",
        "BadRequest",
        "invalid parameter or body; detail names it",
    ),
    (
        "401",
        "Unauthorized",
        "the request has no token, or an invalid one",
    ),
    (
        "403",
        "Forbidden",
        "the token does not have the scope of the operation, or pages of this origin are not allowed",
    ),
    (
        "404",
        "NotFound",
        "the path names something that does not exist",
    ),
    (
        "406",
        "NotAcceptable",
        "Accept excludes every representation",
    ),
    ("408", "RequestTimeout", "the body arrived too slowly"),
    (
        "409",
        "Conflict",
        "the present state does not allow the change",
    ),
    (
        "413",
        "ContentTooLarge",
        "the body is too large, after decompression",
    ),
    (
        "415",
        "UnsupportedMediaType",
        "the content type or the content coding of the body is not supported",
    ),
    ("429", "TooManyRequests", "the client exceeds a limit"),
    (
        "500",
        "InternalError",
        "a fault of the server; its log has the cause, under the id of the request",
    ),
    (
        "503",
        "Unavailable",
        "a database is down, or the server is busy or stops; the request may be sent again after Retry-After",
    ),
];

/// An example of the error with this status.
fn example(status: &str) -> Value {
    let problem = match status {
        "401" => Problem::no_token(),
        "403" => Problem::insufficient_scope(Scope::Write),
        "404" => Problem::unknown_symbol(SymbolId::new(7)),
        "406" => Problem::not_acceptable(),
        "408" => Problem::slow_body(),
        "409" => Problem::already_exists("symbol oanda:EURUSD (symbol_id 1) already exists"),
        "413" => Problem::body_too_large(BODY_LIMIT),
        "415" => Problem::not_json(),
        "429" => Problem::no_more_of_address(200),
        "500" => Problem::internal(),
        "503" => Problem::busy(),
        _ => Problem::invalid_parameter("limit 0 is out of range: use 1 to 10000"),
    };
    let id = RequestId::given("8f14e45fceea167a5a36dedd4bea2543");
    let body = problem.to_json(&id.unwrap_or_else(RequestId::random));
    serde_json::from_str(&body).unwrap_or_default()
}

/// Operations whose lists have a representation as CSV, with an example of its text.
const LISTS: [(&str, &str); 6] = [
    ("list_ticks", TICKS),
    ("latest_ticks", TICKS),
    ("list_trades", TRADES),
    ("latest_trades", TRADES),
    (
        "list_candles",
        "symbol_id,open_time,close_time,timeframe,basis,open,high,low,close,volume,tick_count,closed,source,\
         buy_volume,notional,vwap\n1,2014-05-01T00:00:00.000000Z,2014-05-01T00:05:00.000000Z,5m,bid,1.38676,1.38687,\
         1.38674,1.38681,0,97,true,ticks,,,\n",
    ),
    (
        "list_symbols",
        "symbol_id,exchange,name,description,digits,active\n1,oanda,EURUSD,Euro in US dollars,5,true\n",
    ),
];

const TICKS: &str = "symbol_id,tick_time,sequence,bid_price,ask_price,bid_volume,ask_volume,received_at\n\
     1,2014-05-01T00:00:00.292000Z,0,1.38676,1.38682,500000,,\n";

const TRADES: &str = "symbol_id,trade_time,sequence,price,quantity,aggressor_side,is_block,trade_id,received_at\n\
     1,2014-05-01T00:00:00.292000Z,8812345,452.13,1.5,buy,false,,\n";

/// Operations whose body may be CSV, with an example of its text.
const POSTS: [(&str, &str); 2] = [("insert_ticks", TICKS), ("insert_trades", TRADES)];

/// The responses that operations share.
pub(super) fn shared() -> Value {
    let responses = ERRORS.map(|(status, name, description)| {
        let mut response = json!({
            "description": description,
            "headers": {"X-Request-Id": {
                "description": "the id of the request, as sent or made by the server",
                "schema": {"type": "string", "minLength": 1, "maxLength": 64},
            }},
            "content": {"application/problem+json": {
                "schema": {"$ref": "#/components/schemas/ProblemBody"},
                "example": example(status),
            }},
        });
        if ["401", "403"].contains(&status) {
            response["headers"]["WWW-Authenticate"] = json!({
                "description": "the scheme Bearer with the error of RFC 6750; absent if the origin is refused",
                "schema": {"type": "string"},
            });
        }
        if ["429", "503"].contains(&status) {
            response["headers"]["Retry-After"] = json!({
                "description": "seconds until the request may be sent again",
                "schema": {"type": "integer", "minimum": 1},
            });
        }
        (name.to_owned(), response)
    });
    Value::Object(Map::from_iter(responses))
}

/// Completes the responses of an operation.
pub(super) fn complete(operation: &mut Value, path: &str) {
    let id = operation["operationId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let csv = LISTS.iter().find(|(list, _)| *list == id);
    if path.starts_with("/api/") {
        insert_missing(&mut operation["responses"], json!({"500": problem()}));
    }
    if let Some((_, example)) = csv {
        complete_list(&mut operation["responses"], example);
    }
    if let Some((_, example)) = POSTS.iter().find(|(post, _)| *post == id) {
        operation["requestBody"]["content"]["text/csv"] = text(example);
    }
    let responses = operation["responses"].as_object_mut();
    for (status, response) in responses.into_iter().flatten() {
        let is_problem = response["content"]
            .get("application/problem+json")
            .is_some();
        let error = ERRORS.iter().find(|(known, ..)| known == status);
        if let Some((_, name, general)) = error.filter(|_| is_problem) {
            let description = response["description"]
                .as_str()
                .filter(|text| !text.is_empty());
            let description = description.unwrap_or(general);
            *response = json!({
                "$ref": format!("#/components/responses/{name}"), "description": description,
            });
        }
    }
}

fn complete_list(responses: &mut Value, example: &str) {
    let tag = json!({
        "description": "identifies the content of the page; send it back as If-None-Match",
        "schema": {"type": "string"},
    });
    let page = &mut responses["200"];
    page["content"]["text/csv"] = text(example);
    page["headers"] = json!({
        "ETag": tag,
        "Cache-Control": {
            "description": "private, with no-cache or the max-age of closed history",
            "schema": {"type": "string"},
        },
        "Link": {
            "description": "of CSV: the next page, as rel=next; absent at the end",
            "schema": {"type": "string"},
        },
        "Next-Cursor": {
            "description": "of CSV: the cursor of the next page; absent at the end",
            "schema": {"type": "string"},
        },
    });
    let unchanged = json!({
        "description": "the page has the content that If-None-Match names", "headers": {"ETag": tag},
    });
    insert_missing(responses, json!({"304": unchanged, "406": problem()}));
}

fn text(example: &str) -> Value {
    json!({"schema": {"type": "string"}, "example": example})
}

/// A problem that [`complete`] replaces by the shared response.
fn problem() -> Value {
    json!({"description": "", "content": {"application/problem+json": {}}})
}
