//! Handlers of corrections of trades.

use std::collections::BTreeSet;

use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use axum::{Extension, Json};
use tickbook::domain::{SymbolId, TradeCorrection};
use tickbook::repository::{CorrectionId, CorrectionQuery, RecordedCorrection};
use tracing::Instrument as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::page::{is_long, page_answer, room};
use crate::app::AppState;
use crate::cursor::CorrectionCursorText as _;
use crate::http::Connection;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};
use crate::read_body::{elements, json_body};
use crate::wire::{
    CorrectionList, CorrectionReceiptBody, RecordedCorrectionBody, RejectedCorrectionBody,
    Rejection, RejectionReason, TradeCorrectionBody,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(record))
}

/// Size of a correction as JSON in bytes, somewhat above the usual size.
const CORRECTION_BYTES: usize = 600;

/// Maximum number of corrections in a request.
const MAX_CORRECTIONS: usize = 1_000;

/// Corrections of the trades of a symbol
///
/// Returns the recorded corrections and cancellations of trades with times within `[from, to)`, in the order of
/// their arrival, each with the trade as it was before.
#[utoipa::path(
    get,
    operation_id = "list_trade_corrections",
    path = "/api/v1/trades/{symbol}/corrections",
    tag = "trades",
    params(
        ("symbol" = String, Path, description = "symbol of the trades", example = "oanda:EURUSD"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2014-05-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2014-05-02T00:00:00Z"),
        ("limit" = Option<u32>, Query, description = "maximum number of corrections, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of corrections", body = CorrectionList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &["from", "to", "limit", "cursor"])?;
    let symbol_id = app.known_symbols.find(&symbol).await?;
    let range = query.range()?;
    let after = query.cursor(|text| CorrectionId::decode(text, symbol_id, range))?;
    let query = CorrectionQuery::new(symbol_id, range)
        .after(after)
        .limit(query.limit()?);
    let limit = query.limit.get();
    let room = room::<RecordedCorrection>(&app, connection, limit, CORRECTION_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        app.known_symbols.require(symbol_id).await?;
        let page = app.repositories.trades.corrections(&query).await?;
        let next = page.next.map(|next| next.encode(symbol_id, range));
        let data: Vec<RecordedCorrectionBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), CORRECTION_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// Corrects or cancels trades
///
/// Each element of the array is checked separately: an invalid element is rejected in the receipt, with its
/// index, and the others are recorded. The correction of a trade with the latest `corrected_at` decides what is
/// stored of it. Corrections may be sent again, in any order, and before their trades.
#[utoipa::path(
    post,
    operation_id = "correct_trades",
    path = "/api/v1/trades/corrections",
    tag = "trades",
    request_body(content = Vec<TradeCorrectionBody>, description = "0 to 1000 corrections in any order, 4 MiB at most"),
    responses(
        (status = 200, description = "the result of each element", body = CorrectionReceiptBody),
        (status = 400, description = "not JSON, not an array, or too many elements", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn record(
    State(app): State<AppState>,
    request: Request,
) -> Result<Json<CorrectionReceiptBody>, Problem> {
    Query::parse(request.uri().query(), &[])?;
    let body = json_body(&app.http, request).await?;
    let _working = app.http.begin()?;
    let mut rejected = Vec::new();
    let mut valid: Vec<(usize, TradeCorrection)> = Vec::new();
    {
        let elements = elements(&body.bytes, "corrections")?;
        if elements.len() > MAX_CORRECTIONS {
            return Err(Problem::invalid_body(format!(
                "the array has {} corrections: send at most {MAX_CORRECTIONS} per request",
                elements.len()
            )));
        }
        for (index, element) in elements.iter().enumerate() {
            match TradeCorrectionBody::read(element.get()) {
                Ok(correction) => valid.push((index, correction)),
                Err(rejection) => rejected.push(RejectedCorrectionBody::new(index, rejection)),
            }
        }
    }
    let ids: BTreeSet<SymbolId> = valid.iter().map(|(_, it)| it.symbol_id).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let unknown = app.known_symbols.unknown(&ids).await?;
    let mut corrections = Vec::with_capacity(valid.len());
    for (index, correction) in valid {
        let symbol_id = correction.symbol_id;
        if unknown.contains(&symbol_id) {
            let problem = format!("{symbol_id} is unknown: /api/v1/symbols lists all symbols");
            let reason = RejectionReason::UnknownSymbol;
            let rejection = Rejection::of_field("symbol_id", reason, problem);
            rejected.push(RejectedCorrectionBody::new(index, rejection));
        } else {
            corrections.push(correction);
        }
    }
    rejected.sort_by_key(|rejected| rejected.index);
    // once started, the corrections are recorded even if the client disconnects
    let trades = app.repositories.trades.clone();
    let news = app.correction_news.clone();
    let recording = async move {
        let recorded = trades.correct(&corrections).await;
        news.announce(corrections, &recorded);
        recorded
    };
    let recording = tokio::spawn(recording.in_current_span());
    let receipt = recording.await.map_err(|error| {
        Problem::from(tickbook::RepositoryError::Internal {
            operation: "correct_trades",
            reason: error.to_string(),
        })
    })??;
    Ok(Json(CorrectionReceiptBody {
        applied: receipt.applied,
        pending: receipt.pending,
        superseded: receipt.superseded,
        duplicates: receipt.duplicates,
        rejected,
    }))
}
