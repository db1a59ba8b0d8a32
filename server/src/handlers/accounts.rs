//! Handlers of `/api/v1/accounts`.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use tickbook::RepositoryError;
use tickbook_ledger::domain::{Account, AccountId, Environment};
use tickbook_ledger::repository::AccountQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::active;
use super::object_body::{object_body, of_body};
use super::page::{is_long, page_answer, room};
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::http::Connection;
use crate::ledger::CallerScope;
use crate::params::{Query, account_id};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{AccountBody, AccountChangesBody, AccountList, NewAccountBody};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(active(routes!(get)))
        .routes(routes!(change))
}

/// Size of an account as JSON in bytes, somewhat above the usual size.
const ACCOUNT_BYTES: usize = 500;

/// The problem of an error of a call about this account.
pub(super) fn of_account(error: RepositoryError, account_id: AccountId) -> Problem {
    match error {
        RepositoryError::NotFound { .. } => Problem::unknown_account(account_id),
        error => error.into(),
    }
}

/// Lists accounts
///
/// In ascending order of id.
#[utoipa::path(
    get,
    operation_id = "list_accounts",
    path = "/api/v1/accounts",
    tag = "accounts",
    params(
        ("name" = Option<String>, Query, description = "only the accounts with this name", example = "main"),
        ("environment" = Option<String>, Query, description = "only accounts of this environment: live, paper, sim or backtest"),
        ("closed" = Option<bool>, Query, description = "only closed (true) or only open (false) accounts"),
        ("limit" = Option<u32>, Query, description = "maximum number of accounts, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of accounts", body = AccountList),
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
    let known = ["name", "environment", "closed", "limit", "cursor"];
    let query = Query::parse(raw.as_deref(), &known)?;
    let listing = LedgerListing::new(LedgerList::Accounts, "", &query.of_listing());
    let after = query.cursor(|text| i64::decode(text, listing))?;
    let mut wanted = AccountQuery::default()
        .environment(query.parsed::<Environment>("environment")?)
        .closed(query.flag("closed")?)
        .after(after.map(AccountId::new))
        .limit(query.limit()?);
    wanted.name = query.text("name").map(str::to_owned);
    let limit = wanted.limit.get();
    let room = room::<Account>(&app, connection, limit, ACCOUNT_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.ledger.accounts.list(&scope, &wanted).await?;
        let next = page.next.map(|next| next.get().encode(listing));
        let data: Vec<AccountBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), ACCOUNT_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// One account
#[utoipa::path(
    get,
    operation_id = "get_account",
    path = "/api/v1/accounts/{account_id}",
    tag = "accounts",
    params(("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7)),
    responses(
        (status = 200, description = "the account", body = AccountBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn get(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<AccountBody>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let id = account_id(&id)?;
    match app.ledger.accounts.get(&scope, id).await? {
        Some(account) => Ok(Json(account.into())),
        None => Err(Problem::unknown_account(id)),
    }
}

/// Creates an account
///
/// Environment, venue, currency, cost method and position mode never change.
#[utoipa::path(
    post,
    operation_id = "create_account",
    path = "/api/v1/accounts",
    tag = "accounts",
    request_body(content = NewAccountBody, description = "the account, 4 MiB at most"),
    responses(
        (status = 201, description = "the account", body = AccountBody, headers(("Location" = String, description = "its path"))),
        (status = 400, description = "not JSON, or not a valid account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "an account of the tenant has the name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn create(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    request: Request,
) -> Result<Response, Problem> {
    let body: NewAccountBody = object_body(&app, request).await?;
    let _working = app.http.begin()?;
    let account = body.into_account().map_err(Problem::invalid_body)?;
    let created = app.ledger.accounts.create(&scope, account).await;
    let account = created.map_err(of_body)?;
    let path = format!("/api/v1/accounts/{}", account.account_id);
    let location = [(header::LOCATION, path)];
    let body = Json(AccountBody::from(account));
    Ok((StatusCode::CREATED, location, body).into_response())
}

/// Renames or closes an account
///
/// An account is renamed before it is closed. If the status is 503, it may be renamed and not closed, and the request
/// may be repeated.
#[utoipa::path(
    patch,
    operation_id = "change_account",
    path = "/api/v1/accounts/{account_id}",
    tag = "accounts",
    params(("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7)),
    request_body(content = AccountChangesBody, description = "the changes, at least one"),
    responses(
        (status = 200, description = "the changed account", body = AccountBody),
        (status = 400, description = "invalid parameter or body", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "another account of the tenant has the name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn change(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<AccountBody>, Problem> {
    let id = account_id(&id)?;
    let AccountChangesBody { name, closed } = object_body(&app, request).await?;
    let _working = app.http.begin()?;
    let of_change = |error: RepositoryError| match error {
        RepositoryError::NotFound { .. } => Problem::unknown_account(id),
        error => of_body(error),
    };
    if closed == Some(false) {
        let problem = "closed: an account cannot be opened again: expected true";
        return Err(Problem::invalid_body(problem));
    }
    let accounts = &app.ledger.accounts;
    let mut account = None;
    if let Some(name) = name {
        let renamed = accounts.rename(&scope, id, &name).await;
        account = Some(renamed.map_err(of_change)?);
    }
    if closed.is_some() {
        let closed = accounts.close(&scope, id).await;
        account = Some(closed.map_err(of_change)?);
        tracing::info!(account_id = %id, "an account was closed by a request");
    }
    match account {
        Some(account) => Ok(Json(account.into())),
        None => Err(Problem::invalid_body(
            "the change is empty: give name, closed or both",
        )),
    }
}
