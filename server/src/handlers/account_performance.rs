//! Handlers of the equity and the performance of an account.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::{Extension, Json};
use chrono::{DateTime, NaiveDate, Utc};
use tickbook_ledger::domain::performance::{
    DailyPerformance, EquityPoint, PerformanceReport, RoundTripGrouping, RoundTripMatching,
    TradeReportTerms, Tz,
};
use tickbook_ledger::domain::{Account, AccountId, AccountScope, Fill};
use tickbook_ledger::repository::{DailyQuery, EquityQuery, read_trade_report};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::of_account;
use super::page::{is_long, page_answer, room};
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::http::Connection;
use crate::ledger::CallerScope;
use crate::params::{Query, account_id, invalid};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{EquityPointBody, EquityPointList, PerformanceBody, ReportedDays, TradesBody};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(equity))
        .routes(routes!(performance))
}

/// Size of an equity point as JSON in bytes, somewhat above the usual size.
const POINT_BYTES: usize = 250;

/// Size of a day as JSON in bytes, somewhat above the usual size.
const DAY_BYTES: usize = 1_500;

/// The largest number of fills, and of orders, from which a request makes round trips.
const MAX_FILLS: usize = 20_000;

/// The account, if it is in the scope.
async fn known_account(
    app: &AppState,
    scope: &AccountScope,
    id: AccountId,
) -> Result<Account, Problem> {
    let account = app.ledger.accounts.get(scope, id).await?;
    account.ok_or_else(|| Problem::unknown_account(id))
}

/// Equity of an account
///
/// Returns the equity points with times within `[from, to)`, oldest first.
#[utoipa::path(
    get,
    operation_id = "list_equity",
    path = "/api/v1/accounts/{account_id}/equity",
    tag = "accounts",
    params(
        ("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7),
        ("from" = Option<String>, Query, description = "inclusive", example = "2024-05-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2024-05-02T00:00:00Z"),
        ("limit" = Option<u32>, Query, description = "maximum number of points, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of equity points", body = EquityPointList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn equity(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &["from", "to", "limit", "cursor"])?;
    let account_id = account_id(&id)?;
    let listing = LedgerListing::new(LedgerList::Equity, &id, &query.of_listing());
    let query = EquityQuery::new(account_id, query.range()?)
        .after(query.cursor(|text| DateTime::<Utc>::decode(text, listing))?)
        .limit(query.limit()?);
    let limit = query.limit.get();
    let room = room::<EquityPoint>(&app, connection, limit, POINT_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        known_account(&app, &scope, account_id).await?;
        let page = app.performance.performance.equity(&query).await?;
        let next = page.next.map(|next| next.encode(listing));
        let data: Vec<EquityPointBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), POINT_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// A date such as 2024-05-01.
fn date(query: &Query, name: &str) -> Result<NaiveDate, Problem> {
    let Some(text) = query.text(name) else {
        let detail = format!("{name} is missing: give both ends of the days");
        return Err(Problem::invalid_parameter(detail));
    };
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    // chrono also reads 2024-5-1
    let date = date.filter(|date| date.to_string() == text);
    date.ok_or_else(|| {
        let text = tickbook::domain::excerpt(text);
        invalid(
            name,
            &format!("invalid date {text}: expected one such as 2024-05-01"),
        )
    })
}

fn time_zone(text: &str) -> Result<Tz, Problem> {
    text.parse().map_err(|_| {
        let text = tickbook::domain::excerpt(text);
        let problem =
            format!("invalid time zone {text}: expected an IANA name such as America/New_York");
        invalid("time_zone", &problem)
    })
}

/// Performance of an account
///
/// Returns the days from `from` to before `to` in a time zone, by default that of the account, and the metrics of their
/// returns. Days without equity points and fills are left out. Each metric has a named definition, and is null with a
/// reason where the definition gives no number.
///
/// With `round_trips`, also returns the statistics of the round trips that were closed on the days, the slippage and
/// latencies of the orders that were created on them, and the realized profits by strategy, symbol, day and order. An account with more
/// than 20,000 fills up to `to` is refused then.
#[utoipa::path(
    get,
    operation_id = "get_performance",
    path = "/api/v1/accounts/{account_id}/performance",
    tag = "accounts",
    params(
        ("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7),
        ("from" = String, Query, description = "first day", example = "2024-05-01"),
        ("to" = String, Query, description = "day after the last one, at most 3,660 days after from", example = "2024-06-01"),
        ("time_zone" = Option<String>, Query, description = "IANA name; by default that of the account", example = "America/New_York"),
        ("round_trips" = Option<String>, Query, description = "fill_to_fill, flat_to_flat, flat_to_reduced or flat_to_flat_lean", example = "fill_to_fill"),
        ("matching" = Option<String>, Query, description = "fifo (default) or lifo", example = "fifo"),
    ),
    responses(
        (status = 200, description = "the performance", body = PerformanceBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn performance(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Json<PerformanceBody>, Problem> {
    let known = ["from", "to", "time_zone", "round_trips", "matching"];
    let query = Query::parse(raw.as_deref(), &known)?;
    let account_id = account_id(&id)?;
    let (from, to) = (date(&query, "from")?, date(&query, "to")?);
    let given = query.text("time_zone").map(time_zone).transpose()?;
    let grouping = query.parsed::<RoundTripGrouping>("round_trips")?;
    let matching = query.parsed::<RoundTripMatching>("matching")?;
    if matching.is_some() && grouping.is_none() {
        return Err(invalid("matching", &"round_trips is missing"));
    }
    // refuses impossible days before the account is read
    let days = DailyQuery::new(account_id, Tz::UTC, from, to);
    let days = days.map_err(Problem::invalid_parameter)?.days().len();
    let fills = grouping.map_or(0, |_| MAX_FILLS);
    let memory = days * DAY_BYTES + fills * size_of::<Fill>();
    let room = room::<DailyPerformance>(&app, connection, 1, memory).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(days + fills));
    let answering = async move {
        let account = known_account(&app, &scope, account_id).await?;
        let zone = match given {
            Some(zone) => zone,
            // a stored account has a known time zone
            None => account.terms.time_zone.parse().unwrap_or(Tz::UTC),
        };
        let query = DailyQuery::new(account_id, zone, from, to);
        let query = query.map_err(Problem::invalid_parameter)?;
        let days = app.performance.performance.daily(&query).await?;
        let report = PerformanceReport::of(&days);
        let report = report.map_err(tickbook::RepositoryError::invalid)?;
        let trades = match grouping {
            None => None,
            Some(grouping) => {
                let matching = matching.unwrap_or(RoundTripMatching::Fifo);
                let terms = TradeReportTerms::new(account.terms.base_currency.clone())
                    .round_trips(grouping, matching)
                    .zone(zone)
                    .range(query.range());
                let ledger = &*app.ledger.orders;
                let trades = read_trade_report(ledger, &scope, &account, terms, MAX_FILLS).await;
                let trades = trades.map_err(|error| of_account(error, account_id))?;
                Some(TradesBody::new(grouping, matching, &trades))
            }
        };
        let asked = ReportedDays {
            account_id: account_id.get(),
            time_zone: zone.name().to_owned(),
            from: from.to_string(),
            to: to.to_string(),
            days,
        };
        let body = PerformanceBody::new(asked, report, trades);
        drop(room);
        Ok(Json(body))
    };
    long_work.run_if(is_long, answering).await
}
