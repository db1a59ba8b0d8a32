//! Tests of `/api/v1/exchanges`.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use orderbook_server::cursor::ExchangeCursor;
use serde_json::{Value, json};
use tickbook::Repositories;
use tickbook::domain::{Exchange, Page, PageLimit, parse_sessions};
use tickbook::repository::ExchangeQuery;

use crate::support::{Answer, Mocks, app, database_errors, get, post, send};

const PATH: &str = "/api/v1/exchanges";

async fn patch(app: &Router, name: &str, body: &Value) -> Answer {
    let request = Request::patch(format!("{PATH}/{name}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    send(app, request).await
}

async fn create(app: &Router, body: &Value) -> Answer {
    post(app, PATH, body.to_string()).await
}

fn in_memory() -> Router {
    app(Repositories::in_memory(), Vec::new())
}

fn session(valid_from: &str, weekday: &str, open: &str, close: &str) -> Value {
    json!({"valid_from": valid_from, "weekday": weekday, "open": open, "close": close})
}

fn nse() -> Value {
    json!({
        "name": "NSE", "description": "", "code": "XNSE", "time_zone": "Asia/Kolkata",
        "sessions": [
            session("1970-01-01", "mon", "09:15", "15:30"),
            session("2026-01-05", "sat", "22:00", "24:00"),
        ]
    })
}

#[tokio::test]
async fn created_exchange_reads_back() {
    let app = in_memory();
    let created = create(
        &app,
        &json!({
            "name": "NSE", "code": "XNSE", "time_zone": "Asia/Kolkata", "description": null,
            "sessions": [
                session("2026-01-05", "SAT", "22:00", "00:00"),
                {"weekday": "mon", "open": "09:15", "close": "15:30"},
            ]
        }),
    )
    .await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("Location"), "/api/v1/exchanges/NSE");
    assert_eq!(created.json(), nse());
    let read = get(&app, "/api/v1/exchanges/nse").await;
    assert_eq!((read.status.as_u16(), read.json()), (200, nse()));
    let list = get(&app, PATH).await;
    assert_eq!(list.json(), json!({"data": [nse()], "next_cursor": null}));
    let only_named = create(&app, &json!({"name": "a%é"})).await;
    let location = only_named.header("Location").to_owned();
    assert_eq!(location, "/api/v1/exchanges/a%25%C3%A9");
    let expected = json!({
        "name": "a%é", "description": "", "code": null, "time_zone": null, "sessions": []
    });
    assert_eq!(get(&app, &location).await.json(), expected);
}

#[tokio::test]
async fn change_leaves_omitted_fields_and_null_clears() {
    let app = in_memory();
    create(&app, &nse()).await;
    let mut expected = nse();
    for (change, field, value) in [
        (json!({}), "code", json!("XNSE")),
        (
            json!({"description": "India"}),
            "description",
            json!("India"),
        ),
        (json!({"code": null}), "code", Value::Null),
        (json!({"description": null}), "description", json!("")),
        (
            json!({"sessions": [session("1970-01-01", "fri", "10:00", "09:00")]}),
            "sessions",
            json!([session("1970-01-01", "fri", "10:00", "09:00")]),
        ),
        (json!({"sessions": null}), "sessions", json!([])),
        (json!({"time_zone": null}), "time_zone", Value::Null),
    ] {
        let changed = patch(&app, "nse", &change).await;
        expected[field] = value;
        assert_eq!(changed.status, 200, "{change}: {}", changed.text);
        assert_eq!(changed.json(), expected, "{change}");
        assert_eq!(get(&app, "/api/v1/exchanges/NSE").await.json(), expected);
    }
}

#[tokio::test]
async fn invalid_bodies_are_refused_and_change_nothing() {
    let app = in_memory();
    create(&app, &nse()).await;
    let with = |field: &str, value: Value| json!({field: value});
    let one = |weekday, open, close| json!([session("1970-01-01", weekday, open, close)]);
    let overlapping = json!([
        session("1970-01-01", "mon", "09:00", "11:00"),
        session("1970-01-01", "mon", "10:00", "12:00"),
    ]);
    let good = session("1970-01-01", "tue", "09:00", "11:00");
    let bad = session("1970-13-01", "tue", "09:00", "11:00");
    for (change, part) in [
        (with("code", json!("X Y")), "invalid code \"X Y\""),
        (with("time_zone", json!("Mars/Phobos")), "IANA"),
        (with("time_zone", Value::Null), "time_zone is missing"),
        (
            with("sessions", one("Monday", "09:00", "10:00")),
            "mon, tue",
        ),
        (with("sessions", one("mon", "9:00", "10:00")), "\"9:00\""),
        (with("sessions", one("mon", "09:00", "24:01")), "\"24:01\""),
        (
            with("sessions", json!([good, bad])),
            "sessions[1]: invalid valid_from",
        ),
        (with("sessions", overlapping), "overlaps"),
        (with("sessions", json!([{"weekday": "mon"}])), "open"),
        (with("name", json!("other")), "unknown field `name`"),
        (with("sessions", json!("mon")), "sequence"),
        // the values of a session without their names
        (
            with("sessions", json!([["1970-01-01", "mon", "09:00", "10:00"]])),
            "invalid type: sequence, expected an object",
        ),
        (json!([]), "invalid body"),
    ] {
        let detail = patch(&app, "NSE", &change).await.problem(400);
        assert!(detail.contains(part), "{change}: {detail}");
        assert_eq!(get(&app, "/api/v1/exchanges/NSE").await.json(), nse());
    }
    for (body, part) in [
        (json!({}), "missing field `name`"),
        (json!({"name": "a b"}), "invalid exchange \"a b\""),
        (
            json!({"name": "a", "sessions": [good]}),
            "time_zone is missing",
        ),
        (json!({"name": "a", "zone": "UTC"}), "unknown field `zone`"),
        (
            json!({"name": "a", "time_zone": "UTC", "sessions": [["1970-01-01", "mon", "9", "10"]]}),
            "invalid type: sequence, expected an object",
        ),
        (json!({"name": "a", "description": "\u{0}"}), "NUL"),
    ] {
        let detail = create(&app, &body).await.problem(400);
        assert!(detail.contains(part), "{body}: {detail}");
    }
    // an error quotes at most a part of the body
    let long = json!({"x".repeat(100_000): 1});
    let detail = create(&app, &long).await.problem(400);
    assert!(detail.len() < 400, "{}", detail.len());
    assert_eq!(get(&app, PATH).await.json()["data"], json!([nse()]));
}

#[tokio::test]
async fn unknown_and_taken_exchanges_are_named() {
    let app = in_memory();
    create(&app, &nse()).await;
    let missing = get(&app, "/api/v1/exchanges/nyse").await.problem(404);
    assert!(missing.contains("unknown exchange \"nyse\""), "{missing}");
    let missing = patch(&app, "nyse", &json!({})).await.problem(404);
    assert!(missing.contains("unknown exchange \"nyse\""), "{missing}");
    let taken = create(&app, &json!({"name": "nse"})).await.problem(409);
    assert!(taken.contains("exchange NSE already exists"), "{taken}");
    for request in [Request::post(PATH), Request::patch(format!("{PATH}/NSE"))] {
        let request = request.body(Body::from("{}")).expect("a request");
        send(&app, request).await.problem(415);
    }
    let unknown = get(&app, "/api/v1/exchanges/NSE?x=1").await.problem(400);
    assert!(unknown.contains("unknown parameter \"x\""), "{unknown}");
}

#[tokio::test]
async fn pages_of_exchanges_continue_after_the_cursor() {
    let mut mocks = Mocks::default();
    let expected = ExchangeQuery::default()
        .after("kraken".to_owned())
        .limit(PageLimit::new(1).expect("in range"));
    let listing = mocks.symbols.expect_list_exchanges().once();
    listing.returning(move |query| {
        assert_eq!(*query, expected);
        let sessions = parse_sessions("mon 00:00-24:00").expect("sessions");
        let exchange = Exchange::named("NSE").time_zone("UTC").sessions(sessions);
        Ok(Page::new(vec![exchange], Some("NSE".to_owned())))
    });
    let cursor = |name: &str| {
        let name = name.to_owned();
        ExchangeCursor { name }.encode()
    };
    let path = format!("{PATH}?limit=1&cursor={}", cursor("kraken"));
    let answer = get(&mocks.app(), &path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let exchange = json!({
        "name": "NSE", "description": "", "code": null, "time_zone": "UTC",
        "sessions": [session("1970-01-01", "mon", "00:00", "24:00")]
    });
    let expected = json!({"data": [exchange], "next_cursor": cursor("NSE")});
    assert_eq!(answer.json(), expected);
    let app = Mocks::default().app();
    for forged in [&cursor("a b")[..], &cursor(""), "x"] {
        let path = format!("{PATH}?cursor={forged}");
        let detail = get(&app, &path).await.problem(400);
        assert!(detail.contains("cursor"), "{detail}");
    }
}

#[tokio::test]
async fn exchanges_of_a_failed_database_are_503() {
    for error in database_errors() {
        let mut mocks = Mocks::default();
        let error = std::sync::Mutex::new(Some(error));
        let creating = mocks.symbols.expect_create_exchange();
        creating.returning(move |_| Err(error.lock().expect("no panic").take().expect("one call")));
        let answer = create(&mocks.app(), &json!({"name": "a"})).await;
        answer.problem(503);
        answer.header("Retry-After");
    }
}
