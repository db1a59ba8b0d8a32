//! Tests that long requests do not delay others, on a runtime with one thread.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use orderbook_server::app::AppState;
use orderbook_server::long_work::LongWork;
use orderbook_server::metrics;
use orderbook_server::readiness::Readiness;
use orderbook_server::router::router;
use serde_json::{Value, json};
use tickbook::Repositories;
use tickbook::domain::Page;
use tickbook::repository::InsertReceipt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower::ServiceExt as _;

use crate::support::{Mocks, get};

/// A call that blocks its thread until the test releases it.
#[derive(Clone)]
struct Call {
    begun: UnboundedSender<()>,
    resumed: Arc<Mutex<Receiver<()>>>,
}

impl Call {
    fn new() -> (Self, UnboundedReceiver<()>, Sender<()>) {
        let (begun, begins) = unbounded_channel();
        let (resume, resumed) = channel();
        let resumed = Arc::new(Mutex::new(resumed));
        (Self { begun, resumed }, begins, resume)
    }

    fn run(&self) {
        self.begun.send(()).expect("the test waits");
        let resumed = self.resumed.lock().expect("no panic");
        let resumed = resumed.recv_timeout(Duration::from_secs(30));
        resumed.expect("another request was answered meanwhile");
    }
}

#[tokio::test]
async fn health_waits_for_no_long_request() {
    let (call, mut begins, resume) = Call::new();
    let mut mocks = Mocks::with_symbols();
    let [range, candles, list, insert] = [(); 4].map(|()| call.clone());
    mocks.ticks.expect_range().returning(move |_| {
        range.run();
        Ok(Page::new(Vec::new(), None))
    });
    mocks.ohlc.expect_candles().returning(move |_| {
        candles.run();
        Ok(Page::new(Vec::new(), None))
    });
    mocks.symbols.expect_list().returning(move |_| {
        list.run();
        Ok(Page::new(Vec::new(), None))
    });
    mocks.ticks.expect_insert_batch().returning(move |batch| {
        insert.run();
        Ok(InsertReceipt::default().inserted(batch.len() as u64))
    });
    let repositories = Repositories::builder()
        .symbols(Arc::new(mocks.symbols))
        .ticks(Arc::new(mocks.ticks))
        .ohlc(Arc::new(mocks.ohlc))
        .quarantine(Arc::new(mocks.quarantine))
        .build();
    let handle = metrics::install().expect("no other recorder");
    let app = router(AppState {
        long_work: LongWork::start().expect("threads"),
        ..AppState::new(repositories, Readiness::fixed(Vec::new()), handle)
    });
    let tick = |index: usize| {
        json!({
            "symbol_id": 1, "tick_time": "2014-05-01T00:00:00Z", "sequence": index,
            "bid_price": "1", "ask_price": "2", "bid_volume": "0", "ask_volume": "0",
        })
    };
    let ticks = Value::from((0..200).map(tick).collect::<Vec<_>>());
    let get_request = |path: &str| Request::get(path).body(Body::empty()).expect("a request");
    let requests = [
        get_request("/api/v1/ticks/1?limit=101"),
        get_request("/api/v1/ohlc/1?basis=bid&limit=101"),
        get_request("/api/v1/symbols?limit=101"),
        Request::post("/api/v1/ticks")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(ticks.to_string()))
            .expect("a request"),
    ];
    for request in requests {
        let client = tokio::spawn(app.clone().oneshot(request));
        begins.recv().await.expect("it is worked at");
        assert_eq!(get(&app, "/health/live").await.status, StatusCode::OK);
        resume.send(()).expect("it waits");
        let answer = client.await.expect("no panic").expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
    }
}
