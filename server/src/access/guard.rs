//! The guard: checks each request before its handler runs.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::edge;
use super::gate::{Gate, Passed};
use super::write_log::WriteRecord;

/// Lets a request through to its handler, or refuses it. Logs writing requests with the name of their token.
pub(crate) async fn guard(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let mut record = WriteRecord::begin(&request);
    let mut who = "none".to_owned();
    let checked = gate.check(&request, &mut who);
    if let Some(record) = &mut record {
        record.token = who;
    }
    let response = match checked {
        Ok(Passed::Preflight) => edge::preflight(),
        Ok(Passed::Free) => next.run(request).await,
        Ok(Passed::By(caller)) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refused) => refused.into_response(),
    };
    if let Some(record) = &mut record {
        record.status = Some(response.status());
    }
    response
}
