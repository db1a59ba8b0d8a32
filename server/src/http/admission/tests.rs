use axum::body::Body;
use axum::routing::get;
use axum::{Router, middleware};
use tower::ServiceExt as _;

use super::*;
use crate::http::FREE;
use crate::settings::ServerConfig;

/// Length of the responses in bytes, which counts towards the memory budget.
const LONG: usize = 100_000;

#[tokio::test]
async fn operators_get_answers_while_memory_is_short() {
    let http = Http::new(ServerConfig::default());
    let size = http.config().buffer_bytes;
    let long = || async { "x".repeat(LONG) };
    let app = Router::new()
        .route("/metrics", get(long))
        .route("/health/ready", get(long))
        .route("/openapi.json", get(long))
        .layer(middleware::from_fn_with_state(http.clone(), admit));
    let ask = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        app.clone().oneshot(request).await.expect("infallible")
    };
    let all = http.memory().for_answer(None, FREE + size).await;
    let all = all.expect("free");
    assert_eq!(ask("/openapi.json").await.status(), 503);
    for path in ["/metrics", "/health/ready"] {
        let response = ask(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(http.memory().taken(), size + LONG - FREE, "{path}");
    }
    drop(all);
    assert_eq!(http.memory().taken(), 0);
}
