//! Requests whose body is an array of ticks or trades, and their receipts.

use std::io::{self, BufWriter};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tickbook::RepositoryError;
use tickbook::domain::SymbolId;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::AppState;
use crate::buffer::Buffer;
use crate::http::{FREE, Held};
use crate::params::Query;
use crate::posted::{Posted, PostedElement, PostedEvent, REFUSED_BYTES};
use crate::posted_rows::PostedRows;
use crate::problem::Problem;
use crate::read_body::{BodyFormat, ELEMENT_LIMIT, JsonBody, elements, rows_body};

/// A body that was received, with its format, and the symbol of its rows if the request names one.
pub(super) type Received = ((BodyFormat, JsonBody), Option<SymbolId>);

/// Receives the body of a request.
///
/// # Errors
/// The errors of [`rows_body`]; 400 if the parameter `symbol` is given for JSON, and 404 if it is unknown.
pub(super) async fn receive(app: &AppState, request: Request) -> Result<Received, Problem> {
    let query = Query::parse(request.uri().query(), &["symbol"])?;
    let symbol_id = match query.text("symbol") {
        Some(symbol) => Some(app.known_symbols.find(symbol).await?),
        None => None,
    };
    let body = rows_body(&app.http, request).await?;
    if symbol_id.is_some() && body.0 == BodyFormat::Json {
        let problem = "symbol is for a body of text/csv: an element of JSON has its symbol_id";
        return Err(Problem::invalid_parameter(problem));
    }
    Ok((body, symbol_id))
}

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
    /// Reads the elements of a body, or its rows, whose symbol the parameter `symbol` may name. Rejects the elements that are invalid, in the future, or of unknown
    /// symbols.
    pub(super) async fn read(
        app: &AppState,
        (format, body): (BodyFormat, JsonBody),
        symbol_id: Option<SymbolId>,
    ) -> Result<Self, Problem> {
        let JsonBody { bytes, held } = body;
        let held = Arc::new(held);
        // a slow body does not hold a permit of an active request
        let working = app.http.begin()?;
        let length = bytes.len();
        let (sent, mut posted) = match format {
            BodyFormat::Json => {
                let elements = elements(&bytes, E::NAMES)?;
                let texts = elements.iter().map(|element| PostedElement {
                    line: None,
                    json: Ok(element.get().into()),
                });
                let posted = Posted::read(texts, length, &held).await?;
                (elements.len() as u64, posted)
            }
            BodyFormat::Csv => {
                let symbol_id = symbol_id.map(SymbolId::get);
                let rows = PostedRows::read::<E>(&bytes, symbol_id, ELEMENT_LIMIT)?;
                let elements = rows.elements();
                (
                    elements.len() as u64,
                    Posted::read(elements, length, &held).await?,
                )
            }
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
