//! Tests of the metrics of connections. They run in a separate process, since a recorder cannot be
//! removed.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tickbook::db::ConnectionCounts;
use tickbook::db::ScratchSchemas;

use crate::support::alone::is_alone;
use crate::support::pool::{self, execute, pool, read, warm_up};

/// The last value of each gauge, the total of each counter, and the count of each histogram.
#[derive(Clone, Default)]
struct Values(Arc<Mutex<BTreeMap<String, f64>>>);

struct Value {
    key: String,
    values: Values,
}

impl Value {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut values = self.values.0.lock().expect("no panic");
        let value = values.entry(self.key.clone()).or_default();
        *value = change(*value);
    }
}

impl CounterFn for Value {
    fn increment(&self, value: u64) {
        self.change(|before| before + value as f64);
    }

    fn absolute(&self, value: u64) {
        self.change(|_| value as f64);
    }
}

impl GaugeFn for Value {
    fn increment(&self, value: f64) {
        self.change(|before| before + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|before| before - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

impl HistogramFn for Value {
    fn record(&self, value: f64) {
        assert!((0.0..60.0).contains(&value), "{} of {value} s", self.key);
        self.change(|before| before + 1.0);
    }
}

impl Values {
    fn value(&self, key: &Key) -> Arc<Value> {
        let labels: Vec<_> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        Arc::new(Value {
            key: format!("{}{{{}}}", key.name(), labels.join(",")),
            values: self.clone(),
        })
    }

    fn of(&self, key: &str) -> Option<f64> {
        self.0.lock().expect("no panic").get(key).copied()
    }
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.value(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.value(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.value(key))
    }
}

#[tokio::test]
async fn calls_and_connections_are_counted() {
    if !is_alone() {
        return;
    }
    let values = Values::default();
    metrics::set_global_recorder(values.clone()).expect("the only one");
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, |config| config.pool.size = 2);
    warm_up(&db, 2).await;
    for _ in 0..3 {
        read(&db).await.expect("up");
    }
    execute(&db, "SELECT * FROM nowhere")
        .await
        .expect_err("42P01");
    execute(&db, "SET lock_timeout = 5").await.expect("allowed");
    let slow = db.clone();
    let holders: Vec<_> = (0..2)
        .map(|_| {
            let db = slow.clone();
            tokio::spawn(async move { execute(&db, "SELECT pg_sleep(0.4)").await })
        })
        .collect();
    pool::wait_until("busy connections", || {
        db.connections() == ConnectionCounts::new(2, 0)
    })
    .await;
    db.run_within("wait", Duration::from_millis(50), |_| Ok(()))
        .await
        .expect_err("busy");
    for holder in holders {
        holder.await.expect("no panic").expect("not disturbed");
    }
    let calls = "db_client_operation_duration_seconds{operation=";
    for (key, expected) in [
        (format!("{calls}read,database=metadata,outcome=ok}}"), 3.0),
        (
            format!("{calls}execute,database=metadata,outcome=schema}}"),
            1.0,
        ),
        (
            format!("{calls}wait,database=metadata,outcome=unavailable}}"),
            1.0,
        ),
        (
            "db_client_connection_timeouts_total{database=metadata}".to_owned(),
            1.0,
        ),
        (
            "db_client_connection_pending_requests{database=metadata}".to_owned(),
            0.0,
        ),
        (
            "db_client_connection_create_time_seconds{database=metadata}".to_owned(),
            3.0,
        ),
        (
            "db_client_connection_sessions_changed_total{database=metadata}".to_owned(),
            1.0,
        ),
        (
            "db_client_connections{database=metadata,state=used}".to_owned(),
            0.0,
        ),
        (
            "db_client_connections{database=metadata,state=idle}".to_owned(),
            2.0,
        ),
    ] {
        assert_eq!(values.of(&key), Some(expected), "{key}: {:?}", values.0);
    }
}
