//! Answers to requests for lists.

use std::time::Duration;

use axum::Extension;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use tickbook::domain::SymbolId;

use super::history::{Revalidation, Validator, matching};
use super::list_request::ListRequest;
use super::representation::Representation;
use crate::app::AppState;
use crate::http::Connection;
use crate::params::Query;
use crate::problem::Problem;

/// The header with the cursor of the next page of a list as CSV.
const NEXT_CURSOR: HeaderName = HeaderName::from_static("next-cursor");

/// How the page of a list is answered.
#[derive(Debug)]
pub(crate) struct ListAnswer {
    request: ListRequest,
    pub(crate) representation: Representation,
    app: AppState,
    revalidation: Option<Revalidation>,
    is_closed: bool,
}

impl ListAnswer {
    /// An answer to `request`.
    ///
    /// # Errors
    /// 406 if the client accepts no representation of a list.
    pub(crate) fn to(request: ListRequest, app: &AppState) -> Result<Self, Problem> {
        Ok(Self {
            representation: request.representation()?,
            request,
            app: app.clone(),
            revalidation: None,
            is_closed: false,
        })
    }

    /// An answer to the request for the page `query` of a symbol, after it has compared the tags of the request with
    /// those of known pages.
    ///
    /// # Errors
    /// 406 if the client accepts no representation of a list.
    pub(crate) async fn revalidating(
        request: ListRequest,
        app: &AppState,
        symbol_id: SymbolId,
        query: &Query,
    ) -> Result<Self, Problem> {
        let mut answer = Self::to(request, app)?;
        answer.revalidation = answer.request.revalidate(app, symbol_id, query).await;
        Ok(answer)
    }

    /// The connection of the request, if it came over one.
    pub(crate) fn connection(&self) -> Option<Extension<Connection>> {
        self.request.connection()
    }

    /// Says whether the page depends on stored rows alone, and no longer on the present time.
    pub(crate) fn closed(self, is_closed: bool) -> Self {
        Self { is_closed, ..self }
    }

    /// 304 if the page is known to be unchanged, without reading it.
    pub(crate) fn unchanged(&self) -> Option<Response> {
        let tag = self.revalidation.as_ref()?.unchanged.as_deref()?;
        Some(not_modified(tag, self.app.http.config().history_max_age))
    }

    /// Completes the response to a list with its validator and the headers of its representation. Answers 304 if the
    /// client has this page already.
    pub(crate) fn finish(
        self,
        mut response: Response,
        validator: Validator,
        next_cursor: Option<&str>,
    ) -> Response {
        let max_age = match self.is_closed {
            true => self.app.http.config().history_max_age,
            false => Duration::ZERO,
        };
        if let Some(revalidation) = self.revalidation.filter(|_| self.is_closed) {
            self.app.history.remember(revalidation, validator);
        }
        if let Some(tag) = matching(&self.request.headers, validator) {
            return not_modified(&tag, max_age);
        }
        let headers = response.headers_mut();
        set_validator(headers, &validator.tag(), max_age);
        if let (Representation::Csv, Some(cursor)) = (self.representation, next_cursor) {
            let link = format!("<{}>; rel=\"next\"", self.request.next_page(cursor));
            let values = [(header::LINK, link), (NEXT_CURSOR, cursor.to_owned())];
            for (name, value) in values {
                // a URI and a cursor are visible ASCII
                if let Ok(value) = HeaderValue::try_from(value) {
                    headers.insert(name, value);
                }
            }
        }
        response
    }
}

/// The answer to a client that has the page with this tag.
pub(super) fn not_modified(tag: &str, max_age: Duration) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    let headers = response.headers_mut();
    set_validator(headers, tag, max_age);
    let vary = HeaderValue::from_static("accept-encoding");
    headers.append(header::VARY, vary);
    response
}

fn set_validator(headers: &mut axum::http::HeaderMap, tag: &str, max_age: Duration) {
    let cache = match max_age.as_secs() {
        0 => "private, no-cache".to_owned(),
        seconds => format!("private, max-age={seconds}"),
    };
    // tags of clients were compared with those of the server
    for (name, value) in [
        (header::ETAG, tag.to_owned()),
        (header::CACHE_CONTROL, cache),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    headers.append(header::VARY, HeaderValue::from_static("accept"));
}
