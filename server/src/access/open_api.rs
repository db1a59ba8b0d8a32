//! The scopes and refusals of the routes in the OpenAPI description.

use axum::http::Method;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Header, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use super::scopes::needed;

/// The name of the security scheme.
const SCHEME: &str = "token";

const DESCRIPTION: &str = "A token of `tickbook tokens add`. Its scopes are read, write and admin, and each includes \
    the ones before it. A server without tokens ignores it.";

/// Responses of every operation that needs a token: status, name, description, header field.
const REFUSALS: [(&str, &str, &str, &str); 3] = [
    (
        "401",
        "Unauthorized",
        "no token, or an invalid one",
        "WWW-Authenticate",
    ),
    (
        "403",
        "Forbidden",
        "the token does not have the scope of the operation, or pages of this origin are not allowed",
        "WWW-Authenticate",
    ),
    (
        "429",
        "TooManyRequests",
        "the token has no request left",
        "Retry-After",
    ),
];

/// Adds the security scheme, the scope of each operation, and the responses of the guard.
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
    for (_, name, text, field) in REFUSALS {
        let response = RefOr::T(response(text, field));
        components.responses.insert(name.to_owned(), response);
    }
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
    for (status, name, ..) in REFUSALS {
        let responses = &mut operation.responses.responses;
        let refusal = RefOr::Ref(Ref::from_response_name(name));
        responses.entry(status.to_owned()).or_insert(refusal);
    }
}

fn response(description: &str, field: &str) -> Response {
    let problem = Content::new(Some(Ref::from_schema_name("ProblemBody")));
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", problem)
        .header(field, Header::default())
        .build()
}
