//! The handlers, one for each route: parse the parameters, call a repository, write the response.

pub mod account_events;
pub mod account_fills;
pub mod account_orders;
pub mod account_positions;
pub mod accounts;
pub mod aliases;
pub mod as_of;
pub mod audit;
pub mod books;
pub mod counts;
pub mod exchanges;
pub mod feeds;
pub mod health;
mod marks;
mod object_body;
pub mod ohlc;
mod page;
mod posting;
pub mod risk_events;
pub mod symbols;
pub mod ticks;
pub mod trade_corrections;
pub mod trades;

use utoipa_axum::router::OpenApiRouter;

use crate::app::AppState;

/// The routes of all handlers, with their descriptions.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(symbols::routes())
        .merge(exchanges::routes())
        .merge(aliases::routes())
        .merge(ticks::routes())
        .merge(trades::routes())
        .merge(trade_corrections::routes())
        .merge(counts::routes())
        .merge(as_of::routes())
        .merge(ohlc::routes())
        .merge(books::routes())
        .merge(accounts::routes())
        .merge(account_orders::routes())
        .merge(account_events::routes())
        .merge(account_fills::routes())
        .merge(account_positions::routes())
        .merge(risk_events::routes())
        .merge(audit::routes())
        .merge(feeds::routes())
        .merge(health::routes())
}
