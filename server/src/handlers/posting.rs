//! Requests whose body is an array of ticks or trades, and their receipts.

use std::io::{self, BufWriter};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tickbook::RepositoryError;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::AppState;
use crate::buffer::Buffer;
use crate::http::{FREE, Held};
use crate::posted::{Posted, PostedEvent, REFUSED_BYTES};
use crate::problem::Problem;
use crate::read_body::{JsonBody, elements};

/// The elements of a request that were read and checked.
pub(super) struct Reception<E> {
    pub(super) posted: Posted<E>,
    /// The number of elements of the request.
    pub(super) sent: u64,
    /// The permit of an active request.
    pub(super) working: OwnedSemaphorePermit,
    /// The memory of the request; held until the receipt is written and the elements are stored.
    pub(super) held: Arc<Held>,
    /// The length of the body in bytes.
    pub(super) length: usize,
}

impl<E: PostedEvent> Reception<E> {
    /// Reads the elements of a body. Rejects the elements that are invalid, in the future, or of unknown
    /// symbols.
    pub(super) async fn read(app: &AppState, body: JsonBody) -> Result<Self, Problem> {
        let JsonBody { bytes, held } = body;
        let held = Arc::new(held);
        // a slow body does not hold a permit of an active request
        let working = app.http.begin()?;
        let length = bytes.len();
        let (sent, mut posted) = {
            let elements = elements(&bytes, E::NAMES)?;
            let posted = Posted::read(&elements, length, &held).await?;
            (elements.len() as u64, posted)
        };
        drop(bytes);
        posted.reject_future(&app.rules, app.clock.now());
        let unknown = app.known_symbols.unknown(&posted.symbol_ids()).await?;
        posted.reject_unknown(&unknown);
        posted.hold(length, &held)?;
        Ok(Self {
            posted,
            sent,
            working,
            held,
            length,
        })
    }
}

/// Reserves the memory of a receipt with that many rejected rows and conflicts of the store.
pub(super) fn hold_receipt<E: PostedEvent>(
    posted: &Posted<E>,
    length: usize,
    (rejected, conflicts): (usize, usize),
    held: &Held,
) -> Result<(), Problem> {
    // a conflict holds two rows
    let refused = rejected + 2 * conflicts;
    posted.hold(length + refused * REFUSED_BYTES, held)
}

/// Writes a receipt with `rows` rows of about `row_bytes` bytes as the JSON body of a response. The memory of a
/// long receipt is released as soon as its client has received it.
pub(super) fn receipt_answer(
    receipt: &impl Serialize,
    rows: usize,
    row_bytes: usize,
) -> Result<Response, Problem> {
    let mut text = BufWriter::with_capacity(FREE, Buffer::with_room((rows + 1) * row_bytes));
    let written = serde_json::to_writer(&mut text, receipt).map_err(io::Error::from);
    let text = written.and_then(|()| Ok(text.into_inner()?));
    let text = text.map_err(|error| RepositoryError::Internal {
        operation: "write_receipt",
        reason: error.to_string(),
    })?;
    let json = HeaderValue::from_static("application/json");
    let body = Body::from(Bytes::from_owner(text));
    Ok(([(header::CONTENT_TYPE, json)], body).into_response())
}
