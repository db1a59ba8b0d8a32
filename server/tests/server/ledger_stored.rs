//! Tests of the ledger of the server program in PostgreSQL.

use serde_json::{Value, json};
use tickbook::db::ScratchSchemas;

use crate::binary::Program;
use crate::databases::{prepare, variables};
use crate::ledger::{ACCOUNTS, created, filled, new_account};
use crate::websocket::Client;

fn append(program: &Program, events: &[Value]) -> Value {
    let (status, receipt) = program.post(&format!("{ACCOUNTS}/1/events"), &json!(events));
    assert_eq!(status, 200, "{receipt}");
    receipt
}

/// A client that follows the account 1, and the first message about it.
async fn follow(program: &Program) -> (Client, Value) {
    let address = program.address().parse().expect("an address");
    let mut client = Client::connect_to(address).await;
    let request = json!({"op": "subscribe", "channel": "orders", "account": 1});
    let answer = client.request(request).await;
    assert_eq!(answer["type"], "subscribed", "{answer}");
    let state = client.message().await;
    (client, state)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ledger_is_the_same_after_a_restart() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let program = Program::start(&[], &variables(&schemas));
    let (status, account) = program.post(ACCOUNTS, &new_account("main"));
    assert_eq!(status, 201, "{account}");
    let (mut client, state) = follow(&program).await;
    assert_eq!(state["sequence"], 0);
    let events = [
        created("a", "buy", "10"),
        filled("a", "E1", 1, "4", "99"),
        filled("none", "E2", 1, "1", "1"),
    ];
    let receipt = append(&program, &events);
    assert_eq!(receipt["quarantined"][0]["reason"], "unknown_order");
    assert_eq!(client.message().await["sequence"], 1);
    let fill = client.message().await;
    assert_eq!(
        (&fill["order"]["leaves"], &fill["position"]["open_cost"]),
        (&json!("6"), &json!("396"))
    );
    let quote = json!([{
        "symbol_id": 1, "tick_time": "2024-05-01T12:00:05Z", "bid_price": "101", "ask_price": "102"
    }]);
    assert_eq!(program.post("/api/v1/ticks", &quote).1["inserted"], 1);
    let paths = [
        "",
        "/orders/a",
        "/orders?open=true",
        "/events",
        "/fills",
        "/positions",
        "/quarantine",
    ];
    let read = |program: &Program| {
        paths.map(|path| {
            let (status, answer) = program.get(&format!("{ACCOUNTS}/1{path}"));
            assert_eq!(status, 200, "{path}: {answer}");
            answer
        })
    };
    let before = read(&program);
    assert_eq!(before[5]["data"][0]["unrealized"], "8");
    let (_, ready) = program.get("/health/ready");
    assert_eq!(
        (&ready["ledger"]["store"], &ready["ledger"]["appended"]),
        (&json!("postgres"), &json!(2))
    );
    program.stop("TERM");
    let program = Program::start(&[], &variables(&schemas));
    assert_eq!(read(&program), before);
    let receipt = append(&program, &events);
    assert_eq!(
        receipt["duplicates"].as_array().map(Vec::len),
        Some(2),
        "{receipt}"
    );
    let (_, state) = follow(&program).await;
    assert_eq!(state["orders"], json!([before[1]]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_another_server_are_a_gap() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let (first, second) = (
        Program::start(&[], &variables(&schemas)),
        Program::start(&[], &variables(&schemas)),
    );
    assert_eq!(first.post(ACCOUNTS, &new_account("main")).0, 201);
    append(&first, &[created("a", "buy", "10")]);
    let (mut client, state) = follow(&first).await;
    assert_eq!(state["sequence"], 1);
    append(
        &second,
        &[
            filled("a", "E1", 1, "1", "99"),
            filled("a", "E2", 2, "1", "99"),
        ],
    );
    append(&first, &[filled("a", "E3", 3, "1", "99")]);
    let gap = client.message().await;
    assert_eq!(
        (&gap["type"], &gap["from_sequence"], &gap["to_sequence"]),
        (&json!("gap"), &json!(2), &json!(4)),
        "{gap}"
    );
    let event = client.message().await;
    assert_eq!(
        (
            &event["sequence"],
            &event["order"]["executed"],
            &event["position"]["quantity"]
        ),
        (&json!(4), &json!("3"), &json!("3"))
    );
}
