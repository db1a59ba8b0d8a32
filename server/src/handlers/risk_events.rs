//! Handlers of `/api/v1/risk-events`.

use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use axum::{Extension, Json};
use tickbook::RepositoryError;
use tickbook_ledger::domain::{AccountId, RiskEvent, RiskEventId, RiskKind, Severity};
use tickbook_ledger::repository::RiskEventQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::object_body::{object_body, of_body};
use super::page::{is_long, page_answer, room};
use crate::access::Caller;
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::http::Connection;
use crate::ledger::CallerScope;
use crate::params::{Query, invalid};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{NewAcknowledgementBody, RiskEventBody, RiskEventList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(acknowledge))
}

/// Size of an event as JSON in bytes, somewhat above the usual size.
const EVENT_BYTES: usize = 700;

/// Lists risk events
///
/// In ascending order of id, or descending with `order=desc`.
#[utoipa::path(
    get,
    operation_id = "list_risk_events",
    path = "/api/v1/risk-events",
    tag = "oversight",
    params(
        ("account_id" = Option<i64>, Query, description = "only events of this account", minimum = 1),
        ("kind" = Option<String>, Query, description = "only events of this rule: overfill, position_limit, drawdown, stale_feed or conflict_rate"),
        ("severity" = Option<String>, Query, description = "only events of this severity: info, warning or critical"),
        ("acknowledged" = Option<bool>, Query, description = "only acknowledged (true) or only other (false) events"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2026-12-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2026-12-02T00:00:00Z"),
        ("order" = Option<String>, Query, description = "asc or desc", example = "desc"),
        ("limit" = Option<u32>, Query, description = "maximum number of events, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of risk events", body = RiskEventList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let known = [
        "account_id",
        "kind",
        "severity",
        "acknowledged",
        "from",
        "to",
        "order",
        "limit",
        "cursor",
    ];
    let query = Query::parse(raw.as_deref(), &known)?;
    let listing = LedgerListing::new(LedgerList::RiskEvents, "", &query.of_listing());
    let after = query.cursor(|text| i64::decode(text, listing))?;
    let query = RiskEventQuery::default()
        .account_id(query.id("account_id")?.map(AccountId::new))
        .kind(query.parsed::<RiskKind>("kind")?)
        .severity(query.parsed::<Severity>("severity")?)
        .acknowledged(query.flag("acknowledged")?)
        .range(query.range()?)
        .order(query.order()?)
        .after(after.map(RiskEventId::new))
        .limit(query.limit()?);
    let limit = query.limit.get();
    let room = room::<RiskEvent>(&app, connection, limit, EVENT_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.oversight.repository.risk_events(&scope, &query).await?;
        let next = page.next.map(|next| next.get().encode(listing));
        let data: Vec<RiskEventBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), EVENT_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// Acknowledges a risk event
///
/// The first acknowledgement stays, so the request may be repeated.
#[utoipa::path(
    post,
    operation_id = "acknowledge_risk_event",
    path = "/api/v1/risk-events/{risk_event_id}/acknowledgement",
    tag = "oversight",
    params(("risk_event_id" = i64, Path, description = "id of the event", minimum = 1, example = 17)),
    request_body(content = NewAcknowledgementBody, description = "a note"),
    responses(
        (status = 200, description = "the event with its first acknowledgement", body = RiskEventBody),
        (status = 400, description = "invalid parameter or body", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown risk event", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn acknowledge(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<RiskEventBody>, Problem> {
    let expected = "expected a positive whole number";
    let number = id.parse::<i64>().ok().filter(|number| *number > 0);
    let number = number.ok_or_else(|| invalid("risk_event_id", &expected))?;
    let by = match request.extensions().get::<Caller>() {
        Some(Caller::Token(record)) => format!("token:{}", record.name),
        _ => "anonymous".to_owned(),
    };
    let body: NewAcknowledgementBody = object_body(&app, request).await?;
    let _working = app.http.begin()?;
    let acknowledged = app
        .oversight
        .repository
        .acknowledge_risk(&scope, RiskEventId::new(number), &by, &body.note)
        .await;
    match acknowledged {
        Ok(event) => Ok(Json(event.into())),
        Err(RepositoryError::NotFound { .. }) => Err(Problem::unknown_risk_event(number)),
        Err(error) => Err(of_body(error)),
    }
}
