//! Scopes of the routes: what a token needs for each request.

use axum::http::Method;
use tickbook_access::Scope;

/// Routes that need no token: health, and the files of the web page, which asks for a token itself.
pub const FREE: [&str; 4] = ["/health/live", "/health/ready", "/", "/page/{*file}"];

/// Routes of `POST` that correct what is stored.
const CORRECTING: [&str; 1] = ["/api/v1/trades/corrections"];

/// Routes of `GET` that show what operators did.
const OVERSEEING: [&str; 1] = ["/api/v1/audit"];

/// The scope that a request needs; `None` if it needs no token. `route` is the path of the OpenAPI description; `None`
/// if no route has the path of the request.
///
/// Reading needs `read` (the audit log `admin`), and adding needs `write`. Everything else, such as changes, corrections and deletions, needs
/// `admin`, also in a route that is not there yet.
///
/// # Examples
///
/// ```
/// use axum::http::Method;
/// use orderbook_server::access::scopes::needed;
/// use tickbook_access::Scope;
///
/// assert_eq!(needed(&Method::POST, Some("/api/v1/ticks")), Some(Scope::Write));
/// assert_eq!(needed(&Method::DELETE, Some("/api/v1/trades/{symbol_id}")), Some(Scope::Admin));
/// assert_eq!(needed(&Method::GET, Some("/health/live")), None);
/// ```
#[must_use]
pub fn needed(method: &Method, route: Option<&str>) -> Option<Scope> {
    let is_one_of = |routes: &[&str]| route.is_some_and(|route| routes.contains(&route));
    match *method {
        Method::GET | Method::HEAD if is_one_of(&FREE) => None,
        Method::GET | Method::HEAD if is_one_of(&OVERSEEING) => Some(Scope::Admin),
        Method::GET | Method::HEAD | Method::OPTIONS => Some(Scope::Read),
        Method::POST if !is_one_of(&CORRECTING) => Some(Scope::Write),
        _ => Some(Scope::Admin),
    }
}
