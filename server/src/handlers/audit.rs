//! Handler of `/api/v1/audit`.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use tickbook_ledger::domain::{AuditChain, AuditEntry};
use tickbook_ledger::repository::AuditQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::page::{is_long, page_answer, room};
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::http::Connection;
use crate::ledger::CallerScope;
use crate::params::{Query, invalid};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{AuditEntryBody, AuditEntryList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Size of an entry as JSON in bytes, somewhat above the usual size.
const ENTRY_BYTES: usize = 1_500;

/// Lists entries of the audit log
///
/// In ascending order of their numbers, or descending with `order=desc`. `tickbook audit verify` verifies the codes.
#[utoipa::path(
    get,
    operation_id = "list_audit_entries",
    path = "/api/v1/audit",
    tag = "oversight",
    params(
        ("chain" = Option<i64>, Query, description = "the chain: 0, the default, for the installation, otherwise a tenant", minimum = 0),
        ("actor" = Option<String>, Query, description = "only entries of this actor", example = "token:operator"),
        ("action" = Option<String>, Query, description = "only entries of this action", example = "symbols.rename"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2026-12-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2026-12-02T00:00:00Z"),
        ("order" = Option<String>, Query, description = "asc or desc", example = "desc"),
        ("limit" = Option<u32>, Query, description = "maximum number of entries, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of entries", body = AuditEntryList),
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
        "chain", "actor", "action", "from", "to", "order", "limit", "cursor",
    ];
    let query = Query::parse(raw.as_deref(), &known)?;
    let listing = LedgerListing::new(LedgerList::AuditEntries, "", &query.of_listing());
    let number = query.sequence("chain", 0)?.unwrap_or(0);
    let chain = AuditChain::new(number);
    let chain = chain.ok_or_else(|| invalid("chain", &"expected 0 or more"))?;
    let tenant = scope.tenant_id().map(AuditChain::tenant);
    if tenant.is_some_and(|tenant| tenant != chain || scope.account_ids().is_some()) {
        let problem =
            "expected the tenant of the user, whose roles have to be for all its accounts";
        return Err(invalid("chain", &problem));
    }
    let query = AuditQuery::new(chain)
        .actor(query.text("actor").map(str::to_owned))
        .action(query.text("action").map(str::to_owned))
        .range(query.range()?)
        .order(query.order()?)
        .after(query.cursor(|text| i64::decode(text, listing))?)
        .limit(query.limit()?);
    let limit = query.limit.get();
    let room = room::<AuditEntry>(&app, connection, limit, ENTRY_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.oversight.repository.audit(&query).await?;
        let next = page.next.map(|next| next.encode(listing));
        let data: Vec<AuditEntryBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), ENTRY_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}
