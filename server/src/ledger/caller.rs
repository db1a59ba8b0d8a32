//! The accounts that a caller may use.

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use tickbook::RepositoryError;
use tickbook_ledger::domain::{AccountScope, TenantId};
use tickbook_ledger::repository::{UserQuery, UserRepository};

use crate::access::Caller;
use crate::app::AppState;
use crate::problem::Problem;

/// The user of a caller; `None` for a token of no user, and for a client of a server without tokens, which may use all
/// accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CallerUser(Option<String>);

impl CallerUser {
    /// The user of the token of a caller.
    pub(crate) fn of(caller: &Caller) -> Self {
        match caller {
            Caller::Token(record) => Self::named(record.user.clone()),
            Caller::Anyone | Caller::Unknown => Self::default(),
        }
    }

    /// The user with this name.
    pub(crate) fn named(name: Option<String>) -> Self {
        Self(name)
    }

    /// The accounts that the user may see, or with `writes` change, by its present grants. An unknown or inactive user
    /// may use none.
    pub(crate) async fn scope(
        &self,
        users: &dyn UserRepository,
        writes: bool,
    ) -> Result<AccountScope, RepositoryError> {
        let Some(name) = &self.0 else {
            return Ok(own_scope());
        };
        let nothing = AccountScope::accounts(TenantId::new(0), []);
        let found = users.list(&UserQuery::default().username(name)).await?;
        let Some(user) = found.items.into_iter().next() else {
            return Ok(nothing);
        };
        let grants = users.grants(user.user_id).await?;
        Ok(grants.map_or(nothing, |grants| user.scope(&grants, writes)))
    }
}

/// The accounts of the server's own work, such as its rules of risk: all accounts.
pub(crate) fn own_scope() -> AccountScope {
    AccountScope::all()
}

/// The accounts that the caller of a request may see, or change if the method of the request writes.
#[derive(Debug, Clone)]
pub struct CallerScope(pub AccountScope);

impl FromRequestParts<AppState> for CallerScope {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>();
        let user = caller.map(CallerUser::of).unwrap_or_default();
        let writes = !matches!(parts.method, Method::GET | Method::HEAD);
        Ok(Self(user.scope(&*app.oversight.users, writes).await?))
    }
}
