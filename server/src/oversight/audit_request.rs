//! Administrative requests in the audit log.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tickbook::domain::printable;
use tickbook_access::Scope;
use tickbook_ledger::domain::{AuditChange, MAX_DETAIL_CHARS};

use super::Oversight;
use crate::access::Caller;
use crate::access::scopes::needed;
use crate::http::Peer;
use crate::problem::{Problem, shortened};

/// The largest number of characters of the texts of an entry.
const MAX_CHARS: usize = 500;

/// Routes of `POST` that change reference data, or acknowledge a risk.
const CHANGING: [&str; 4] = [
    "/api/v1/exchanges",
    "/api/v1/symbols/{symbol}/aliases",
    "/api/v1/accounts",
    "/api/v1/risk-events/{risk_event_id}/acknowledgement",
];

/// The body of a request that is recorded. It is an extension of such a request, and its reader sets it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChangeNote(Arc<Mutex<Option<String>>>);

impl ChangeNote {
    /// Remembers the beginning of the body.
    pub(crate) fn set(&self, body: &[u8]) {
        // a character has at most four bytes
        let start = &body[..body.len().min(4 * MAX_DETAIL_CHARS)];
        let text = String::from_utf8_lossy(start).replace('\0', "");
        let text = text.chars().take(MAX_DETAIL_CHARS).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    fn take(&self) -> Option<String> {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.take()
    }
}

/// Records a request that changes, corrects or deletes data, after its response is known. It is recorded also if the
/// client disconnects.
pub(crate) async fn record_change(
    State(oversight): State<Oversight>,
    mut request: Request,
    next: Next,
) -> Response {
    let (Some(log), Some(change)) = (oversight.audit_log, change_of(&request)) else {
        return next.run(request).await;
    };
    let note = ChangeNote::default();
    request.extensions_mut().insert(note.clone());
    let handled = tokio::spawn(async move {
        let response = next.run(request).await;
        let mut change = change;
        if let Some(body) = note.take() {
            change = change.with_detail("body", body);
        }
        let status = response.status();
        change = change.with_detail("status", status.as_u16().to_string());
        if !status.is_success() {
            change = change.failed(status.to_string());
        }
        log.record(change).await;
        response
    });
    match handled.await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Problem::stopping().into_response(),
        },
    }
}

/// A text as an entry may have it.
fn plain(text: &str) -> String {
    printable(text).chars().take(MAX_CHARS).collect()
}

/// The change that a request asks for; `None` if it changes no administered data.
fn change_of(request: &Request) -> Option<AuditChange> {
    let extensions = request.extensions();
    let route = extensions.get::<MatchedPath>()?.as_str();
    let method = request.method();
    let is_changing = match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => false,
        Method::POST if CHANGING.contains(&route) => true,
        _ => needed(method, Some(route)) == Some(Scope::Admin),
    };
    if !is_changing {
        return None;
    }
    let (actor, role) = match extensions.get::<Caller>()? {
        Caller::Token(record) => {
            let scopes: Vec<_> = record.scopes.iter().map(|it| it.as_str()).collect();
            (format!("token:{}", record.name), Some(scopes.join(",")))
        }
        other => (other.to_string(), None),
    };
    let path = request.uri().path();
    let resource = path.strip_prefix("/api/v1/").unwrap_or(path);
    let (kind, id) = resource.split_once('/').unwrap_or((resource, ""));
    let agent = request.headers().get(header::USER_AGENT);
    let agent = agent.map(|agent| plain(&String::from_utf8_lossy(agent.as_bytes())));
    let peer = extensions.get::<Peer>().map(|Peer(address)| address.ip());
    let action = format!("{method} {route}");
    let mut change = AuditChange::new(actor, action, plain(kind), plain(id))
        .with_role(role)
        .with_ip(peer)
        .with_user_agent(agent);
    if let Some(query) = request.uri().query() {
        change = change.with_detail("query", shortened(&printable(query)));
    }
    Some(change)
}
