//! The accounts that a caller may use.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tickbook_ledger::domain::AccountScope;

/// The accounts that the caller of a request may see and change: at present all accounts, for every caller.
#[derive(Debug, Clone)]
pub struct CallerScope(pub AccountScope);

impl<S: Sync> FromRequestParts<S> for CallerScope {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(AccountScope::all()))
    }
}
