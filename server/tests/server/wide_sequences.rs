//! Tests of sequences that need more than 31 or 53 bits, in requests and responses.

use serde_json::json;
use tickbook::Repositories;
use tickbook::domain::{SymbolId, TimeRange};
use tickbook::repository::TickQuery;

use crate::support::{app, get, post, with_symbols};

/// At the limits of number types, ascending.
const WIDE: [i64; 5] = [0, (1 << 31) - 1, 1 << 31, (1 << 53) + 1, i64::MAX];

/// A tick with the given JSON text as its sequence.
fn element(sequence: &str) -> String {
    format!(
        "{{\"symbol_id\": 1, \"tick_time\": \"2014-05-01T00:00:00Z\", \"sequence\": {sequence}, \
         \"bid_price\": \"1\", \"ask_price\": \"2\"}}"
    )
}

async fn stored(repositories: &Repositories) -> Vec<i64> {
    let query = TickQuery::new(SymbolId::new(1), TimeRange::all());
    let page = repositories.ticks.range(&query).await.expect("a page");
    page.items.iter().map(|tick| tick.sequence).collect()
}

#[tokio::test]
async fn sequences_of_64_bits_are_posted_and_paged() {
    let repositories = with_symbols().await;
    let app = app(repositories.clone(), Vec::new());
    let elements = WIDE.map(|sequence| element(&sequence.to_string()));
    let body = format!("[{}]", elements.join(","));
    let receipt = post(&app, "/api/v1/ticks", body).await.json();
    assert_eq!(receipt["inserted"], 5, "{receipt}");
    assert_eq!(stored(&repositories).await, WIDE);
    for order in ["asc", "desc"] {
        let (mut read, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/ticks/1?limit=2&order={order}{cursor}");
            let answer = get(&app, &path).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let page = answer.json();
            for tick in page["data"].as_array().expect("a page") {
                let sequence = tick["sequence"].as_i64().expect("an integer");
                // with every digit, in the text itself
                let written = format!("\"sequence\":{sequence},");
                assert!(answer.text.contains(&written), "{}", answer.text);
                read.push(sequence);
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
            assert!(read.len() < WIDE.len(), "there is another page");
        }
        if order == "desc" {
            read.reverse();
        }
        assert_eq!(read, WIDE, "{order}");
    }
    let latest = get(&app, "/api/v1/ticks/latest?symbols=1").await.json();
    assert_eq!(latest["data"][0]["sequence"], json!(i64::MAX));
}

#[tokio::test]
async fn sequences_in_strings_are_read_to_the_digit() {
    let repositories = with_symbols().await;
    let app = app(repositories.clone(), Vec::new());
    let elements = WIDE.map(|sequence| element(&format!("\"{sequence}\"")));
    // escaped digits, and leading zeros
    let elements = [
        elements.join(","),
        element("\"\\u0037\""),
        element("\"008\""),
    ];
    let receipt = post(&app, "/api/v1/ticks", format!("[{}]", elements.join(","))).await;
    assert_eq!(receipt.json()["inserted"], 7, "{}", receipt.text);
    let mut expected = [&WIDE[..], &[7, 8]].concat();
    expected.sort_unstable();
    assert_eq!(stored(&repositories).await, expected);
    // as a number it is the same tick
    let again = format!("[{}]", element(&i64::MAX.to_string()));
    let receipt = post(&app, "/api/v1/ticks", again).await.json();
    assert_eq!(receipt["duplicates"], 1, "{receipt}");
}

#[tokio::test]
async fn sequence_schema_names_both_forms() {
    let app = app(with_symbols().await, Vec::new());
    let document = get(&app, "/openapi.json").await.json();
    let schemas = &document["components"]["schemas"];
    let sent = &schemas["NewTick"]["properties"]["sequence"]["oneOf"];
    assert_eq!(sent[0]["type"], "integer", "{sent}");
    assert_eq!(sent[0]["format"], "int64", "{sent}");
    assert_eq!(sent[1]["type"], "string", "{sent}");
    let written = &schemas["TickBody"]["properties"]["sequence"];
    assert_eq!(written["type"], "integer", "{written}");
    assert_eq!(written["format"], "int64", "{written}");
    let required = schemas["NewTick"]["required"].to_string();
    assert!(!required.contains("sequence"), "{required}");
}
