//! The scopes and refusals of the routes in the OpenAPI description.

use axum::http::Method;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use super::scopes::needed;

/// The name of the security scheme.
const SCHEME: &str = "token";

const DESCRIPTION: &str = "A token of `tickbook tokens add`. Its scopes are read, write and admin, and each includes \
    the ones before it. A server without tokens ignores it.";

/// Responses of every operation that needs a token: status and description.
const REFUSALS: [(&str, &str); 3] = [
    ("401", "no token, or an invalid one"),
    (
        "403",
        "the token does not have the scope of the operation, or pages of this origin are not allowed",
    ),
    ("429", "the token has no request left"),
];

/// Adds the security scheme, the scope of each operation, and the responses of the guard. [`openapi`](crate::openapi)
/// completes the responses.
pub(crate) fn describe(description: &mut OpenApi) {
    for (path, item) in &mut description.paths.paths {
        for (method, operation) in operations(item) {
            add(&method, path, operation);
        }
    }
    let components = description.components.get_or_insert_default();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("tb_ and 43 characters")
        .description(Some(DESCRIPTION));
    components.add_security_scheme(SCHEME, SecurityScheme::Http(scheme.build()));
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let operations = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
    ];
    let operations = operations.into_iter();
    operations.filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn add(method: &Method, path: &str, operation: &mut Operation) {
    let scope = needed(method, Some(path));
    let required = scope.map(|scope| SecurityRequirement::new(SCHEME, [scope.as_str()]));
    operation.security = Some(required.into_iter().collect());
    if scope.is_none() {
        return;
    }
    for (status, text) in REFUSALS {
        let responses = &mut operation.responses.responses;
        let refusal = RefOr::T(refusal(text));
        responses.entry(status.to_owned()).or_insert(refusal);
    }
}

fn refusal(description: &str) -> Response {
    let problem = Content::new(Some(Ref::from_schema_name("ProblemBody")));
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", problem)
        .build()
}
