//! Requests for lists.

use std::convert::Infallible;

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use tickbook::domain::SymbolId;

use super::history::{PageKey, Revalidation};
use super::representation::Representation;
use crate::app::AppState;
use crate::http::Connection;
use crate::params::Query;
use crate::problem::Problem;

/// The parts of a request that decide the form of a list.
#[derive(Debug)]
pub struct ListRequest {
    uri: Uri,
    pub(super) headers: HeaderMap,
    connection: Option<Extension<Connection>>,
}

impl<S: Send + Sync> FromRequestParts<S> for ListRequest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let connection = parts.extensions.get::<Connection>().cloned();
        Ok(Self {
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            connection: connection.map(Extension),
        })
    }
}

impl ListRequest {
    /// The parameters, which must be among `known`.
    ///
    /// # Errors
    /// The errors of [`Query::parse`].
    pub(crate) fn query(&self, known: &[&str]) -> Result<Query, Problem> {
        Query::parse(self.uri.query(), known)
    }

    /// The representation that the client accepts.
    ///
    /// # Errors
    /// 406 if it accepts none.
    pub(crate) fn representation(&self) -> Result<Representation, Problem> {
        Representation::accepted(&self.headers)
    }

    /// The connection of the request, if it came over one.
    pub(crate) fn connection(&self) -> Option<Extension<Connection>> {
        self.connection.clone()
    }

    /// Compares the tags of the request with what is known of the page of a symbol.
    pub(crate) async fn revalidate(
        &self,
        app: &AppState,
        symbol_id: SymbolId,
        query: &Query,
    ) -> Option<Revalidation> {
        let route = self.uri.path().split('/').nth(3).unwrap_or_default();
        let representation = match self.representation() {
            Ok(Representation::Csv) => "csv",
            _ => "json",
        };
        let (symbol, query) = (symbol_id.to_string(), query.canonical());
        let key = PageKey::of(&[route, &symbol, representation, &query]);
        app.history.revalidate(key, &self.headers).await
    }

    /// The path and query of the next page.
    pub(super) fn next_page(&self, cursor: &str) -> String {
        let query = self.uri.query().unwrap_or_default();
        let others = query.split('&').filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !name.is_empty() && name != "cursor"
        });
        let mut pairs: Vec<_> = others.map(str::to_owned).collect();
        // cursors are URL-safe
        pairs.push(format!("cursor={cursor}"));
        format!("{}?{}", self.uri.path(), pairs.join("&"))
    }
}
