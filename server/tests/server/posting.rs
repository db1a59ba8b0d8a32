//! Tests of `POST /api/v1/ticks` on a real database, while clients disconnect and the database fails.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Integer;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use serde_json::{Value, json};
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{SymbolId, TimeRange};
use tickbook::{Database, Repositories};
use tokio::time::{sleep, timeout};

use crate::binary::Program;
use crate::databases::{prepare, proxied, until, variables};

const PATH: &str = "/api/v1/ticks";

/// The first number of ticks uses INSERT, the second COPY.
const COUNTS: [u64; 2] = [3, 200];

/// Ticks of the symbol 1, one a second within the hour `hour`.
fn ticks(hour: u64, count: u64) -> Vec<Value> {
    (0..count)
        .map(|number| {
            let (minute, second) = (number / 60, number % 60);
            json!({
                "symbol_id": 1, "tick_time": format!("2014-05-01T{hour:02}:{minute:02}:{second:02}Z"),
                "bid_price": format!("1.{}", 38_001 + number), "ask_price": "1.4"
            })
        })
        .collect()
}

/// Settings of a server with one connection to each database, which a stuck call would occupy.
fn small_pool<'a>(variables: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut variables = variables.to_vec();
    variables.extend([
        ("DATABASE_POOL_SIZE", "1"),
        ("TICKBOOK__POOL__LOCK_TIMEOUT_MS", "9000"),
    ]);
    variables
}

/// A table lock that blocks every write until it is released.
struct Lock(PgConnection);

#[derive(QueryableByName)]
struct Process {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

impl Lock {
    fn take(schemas: &ScratchSchemas) -> Self {
        let mut connection = schemas.connection(Database::Timeseries);
        let lock = "BEGIN; LOCK TABLE ticks IN EXCLUSIVE MODE";
        connection.batch_execute(lock).expect("locked");
        Self(connection)
    }

    /// Waits until a write is blocked, and returns the process of the database server that executes it.
    fn wait_for_a_write(&mut self) -> i32 {
        let mut waiting = None;
        until("a write waits", || {
            waiting = self
                .processes(
                    "SELECT pid FROM pg_locks WHERE relation = 'ticks'::regclass AND NOT granted",
                )
                .pop();
            waiting.is_some()
        });
        waiting.expect("some").pid
    }

    fn release(&mut self) {
        self.0.batch_execute("COMMIT").expect("released");
    }

    fn wait_for_the_end_of(&mut self, pid: i32) {
        let process = format!("SELECT pid FROM pg_stat_activity WHERE pid = {pid}");
        until("the process has finished", || {
            self.processes(&process).is_empty()
        });
    }

    fn processes(&mut self, sql: &str) -> Vec<Process> {
        sql_query(sql).load(&mut self.0).expect("processes")
    }
}

async fn stored(schemas: &ScratchSchemas) -> u64 {
    let repositories = Repositories::postgres(&DatabasePools::new(&schemas.config()));
    let (symbol, all) = (SymbolId::new(1), TimeRange::all());
    repositories
        .ticks
        .count(symbol, all)
        .await
        .expect("counted")
}

/// Sends the head of a request and the first `sent` bytes of its body.
fn begin_post(program: &Program, body: &str, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(program.address()).expect("it listens");
    let length = body.len();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(&body.as_bytes()[..sent]).expect("sent");
    stream
}

/// Number of active requests, including the one that asks.
fn in_flight(program: &Program) -> String {
    let metrics = program.get_text("/metrics");
    let mut lines = metrics.lines();
    let line = lines.find_map(|line| line.strip_prefix("http_requests_in_flight "));
    line.expect("the gauge").to_owned()
}

#[tokio::test]
async fn client_that_leaves_within_its_body_stores_nothing() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let program = Program::start(&[], &small_pool(&variables(&schemas)));
    let body = json!(ticks(0, 200)).to_string();
    let streams: Vec<_> = [0, 1, body.len() / 2, body.len() - 1]
        .into_iter()
        .map(|sent| begin_post(&program, &body, sent))
        .collect();
    until("all have begun", || in_flight(&program) == "5");
    drop(streams);
    until("they have ended", || in_flight(&program) == "1");
    assert_eq!(stored(&schemas).await, 0);
    let (status, receipt) = program.post(PATH, &json!(ticks(0, 200)));
    assert_eq!(
        (status, &receipt["inserted"]),
        (200, &json!(200)),
        "{receipt}"
    );
}

#[tokio::test]
async fn write_of_a_client_that_leaves_is_completed() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let program = Program::start(&[], &small_pool(&variables(&schemas)));
    let mut expected = 0;
    for (hour, count) in COUNTS.into_iter().enumerate() {
        let ticks = json!(ticks(hour as u64, count));
        let mut lock = Lock::take(&schemas);
        let body = ticks.to_string();
        let stream = begin_post(&program, &body, body.len());
        lock.wait_for_a_write();
        drop(stream);
        until("the server notices the disconnect", || {
            in_flight(&program) == "1"
        });
        lock.release();
        expected += count;
        let all = async {
            while stored(&schemas).await < expected {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = timeout(Duration::from_secs(20), all).await;
        in_time.expect("the write completes");
        // on the only connection
        let (status, receipt) = program.post(PATH, &ticks);
        assert_eq!(
            (status, &receipt["duplicates"]),
            (200, &json!(count)),
            "{receipt}"
        );
    }
}

#[tokio::test]
async fn write_cut_off_from_the_database_can_be_repeated() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let (proxy, through_proxy) = proxied(&schemas);
    let mut variables = variables(&schemas);
    variables[1].1 = &through_proxy;
    let program = Program::start(&[], &small_pool(&variables));
    let mut expected = 0;
    for (hour, count) in COUNTS.into_iter().enumerate() {
        let ticks = json!(ticks(hour as u64, count));
        let mut lock = Lock::take(&schemas);
        let (pid, (status, problem)) = std::thread::scope(|scope| {
            let posting = scope.spawn(|| program.post(PATH, &ticks));
            let pid = lock.wait_for_a_write();
            proxy.close();
            (pid, posting.join().expect("an answer"))
        });
        assert_eq!(status, 503, "{problem}");
        let detail = problem["detail"].as_str().expect("a text");
        for part in [
            "may have taken effect",
            "retry it",
            "nothing is stored twice",
        ] {
            assert!(detail.contains(part), "{detail}");
        }
        lock.release();
        lock.wait_for_the_end_of(pid);
        let already = stored(&schemas).await - expected;
        assert!(already == 0 || already == count, "{already} of {count}");

        proxy.open();
        let mut receipt = Value::Null;
        until("the database is back", || {
            let (status, answer) = program.post(PATH, &ticks);
            receipt = answer;
            status == 200
        });
        assert_eq!(receipt["duplicates"], already, "{receipt}");
        assert_eq!(receipt["inserted"], count - already, "{receipt}");
        expected += count;
        assert_eq!(stored(&schemas).await, expected);
    }
}

#[tokio::test]
async fn refused_row_is_reported_beside_stored_rows() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    schemas
        .connection(Database::Timeseries)
        .batch_execute("ALTER TABLE ticks ADD CONSTRAINT below_100 CHECK (bid_price < 100)")
        .expect("altered");
    let program = Program::start(&[], &variables(&schemas));
    for (hour, count) in COUNTS.into_iter().enumerate() {
        let mut ticks = ticks(hour as u64, count);
        ticks[1]["bid_price"] = json!("1000");
        for (inserted, duplicates) in [(count - 1, 0), (0, count - 1)] {
            let (status, receipt) = program.post(PATH, &json!(ticks));
            assert_eq!(status, 200, "{receipt}");
            assert_eq!(receipt["inserted"], inserted, "{receipt}");
            assert_eq!(receipt["duplicates"], duplicates, "{receipt}");
            let rejected = receipt["rejected"].as_array().expect("a list");
            assert_eq!(rejected.len(), 1, "{receipt}");
            assert_eq!(rejected[0]["tick"]["bid_price"], "1000");
            assert_eq!(rejected[0]["index"], 1, "{receipt}");
            assert_eq!(rejected[0]["reason"], "refused_by_store", "{receipt}");
            let detail = rejected[0]["detail"].as_str().expect("a text");
            assert!(detail.contains("below_100"), "{detail}");
        }
        let page = format!("/api/v1/ticks/1?from=2014-05-01T{hour:02}:00:00Z");
        let (_, page) = program.get(&page);
        let listed = page["data"].as_array().expect("a list").len() as u64;
        assert_eq!(listed, count - 1);
    }
}

#[tokio::test]
async fn bad_elements_are_rejected_beside_stored_ones() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let program = Program::start(&[], &variables(&schemas));
    for (hour, count) in COUNTS.into_iter().enumerate() {
        let mut ticks = ticks(hour as u64, count);
        ticks[0]["bid_price"] = json!("1E-8");
        let mut bad = vec![Value::Null; 5];
        for bad in &mut bad[1..] {
            *bad = ticks[1].clone();
        }
        bad[1]["bid_price"] = json!("1.0000000000001");
        bad[2]["symbol_id"] = json!(4_000_000);
        bad[3]["tick_time"] = json!("2099-12-31T00:00:00Z");
        bad[4]["sequence"] = json!(9_223_372_036_854_775_808_u64);
        let first_bad = ticks.len();
        ticks.append(&mut bad);
        ticks.insert(1, json!({}));
        for (inserted, duplicates) in [(count, 0), (0, count)] {
            let (status, receipt) = program.post(PATH, &json!(ticks));
            assert_eq!(status, 200, "{receipt}");
            assert_eq!(receipt["inserted"], inserted, "{receipt}");
            assert_eq!(receipt["duplicates"], duplicates, "{receipt}");
            let rejected = receipt["rejected"].as_array().expect("a list");
            let reported: Vec<_> = rejected
                .iter()
                .map(|rejected| (rejected["index"].as_u64(), rejected["reason"].as_str()))
                .collect();
            let reasons = [
                "not_an_object",
                "too_many_digits",
                "unknown_symbol",
                "tick_in_future",
                "out_of_range",
            ];
            let behind = (first_bad as u64 + 1..).zip(reasons);
            let expected = std::iter::once((1, "missing_field")).chain(behind);
            let expected: Vec<_> = expected
                .map(|(index, reason)| (Some(index), Some(reason)))
                .collect();
            assert_eq!(reported, expected);
        }
        let page = format!("/api/v1/ticks/1?from=2014-05-01T{hour:02}:00:00Z&limit=1");
        let (_, page) = program.get(&page);
        assert_eq!(page["data"][0]["bid_price"], "0.00000001");
    }
    let (_, latest) = program.get("/api/v1/ticks/latest?symbols=1");
    let latest = latest["data"][0]["tick_time"].as_str().expect("a time");
    assert!(latest.starts_with("2014-05-01T01:"), "{latest}");
}
