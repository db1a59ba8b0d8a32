//! Tests of the constraints of `exchange_sessions`.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Integer;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::ScratchSchemas;

use crate::schema_constraints::metadata;
use crate::support::constrained::Row;

const SESSION: &Row = &[
    ("exchange", "oanda"),
    ("valid_from", "1970-01-01"),
    ("weekday", "1"),
    ("open", "09:15"),
    ("close", "15:30"),
];

#[tokio::test]
async fn sessions_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut sessions = metadata(&schemas, "exchange_sessions", SESSION).await;
    sessions.accepts(&[]);
    sessions.accepts(&[("valid_from", "2099-12-31"), ("weekday", "7")]);
    sessions.accepts(&[("open", "00:00"), ("close", "00:00")]);
    sessions.accepts(&[("open", "23:59"), ("close", "00:01")]);
    for day in ["1969-12-31", "2100-01-01", "infinity", "-infinity"] {
        let constraint = "exchange_sessions_valid_from_range";
        sessions.refuses(&[("valid_from", day)], constraint);
    }
    for weekday in ["0", "8"] {
        let constraint = "exchange_sessions_weekday_range";
        sessions.refuses(&[("weekday", weekday)], constraint);
    }
    for time in ["24:00", "09:00:01", "09:00:00.000001"] {
        sessions.refuses(&[("open", time)], "exchange_sessions_open_minute");
        sessions.refuses(&[("close", time)], "exchange_sessions_close_minute");
    }
    let nowhere = [("exchange", "nowhere")];
    sessions.refuses(&nowhere, "exchange_sessions_exchange_fkey");
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Integer)]
    count: i32,
}

#[tokio::test]
async fn opening_of_a_week_is_unique_and_ends_with_its_exchange() {
    let schemas = ScratchSchemas::create();
    let mut sessions = metadata(&schemas, "exchange_sessions", SESSION).await;
    let insert =
        "INSERT INTO exchange_sessions VALUES ('oanda', '1970-01-01', 1, '09:15', '15:30')";
    let connection = &mut sessions.connection;
    connection.batch_execute(insert).expect("stored");
    let again = connection.batch_execute(insert).expect_err("taken");
    assert!(
        again.to_string().contains("exchange_sessions_pkey"),
        "{again}"
    );
    let deletes = "DELETE FROM symbols; DELETE FROM exchanges";
    connection.batch_execute(deletes).expect("deleted");
    let left: Count = sql_query("SELECT count(*)::int AS count FROM exchange_sessions")
        .get_result(connection)
        .expect("answers");
    assert_eq!(left.count, 0);
}
