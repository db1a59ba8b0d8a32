//! The kinds of problems.

use axum::http::StatusCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProblemKind {
    InvalidParameter,
    InvalidBody,
    InvalidRequest,
    Unauthorized,
    InsufficientScope,
    ForeignOrigin,
    OtherHost,
    TooManyRequests,
    UnknownSymbol,
    UnknownAccount,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    RequestTimeout,
    AlreadyExists,
    OtherSequence,
    TooManyConnections,
    UriTooLong,
    HeadersTooLarge,
    TooLarge,
    UnsupportedMediaType,
    Unavailable,
    Internal,
}

impl ProblemKind {
    /// Status, name for programs, name for people.
    pub(super) fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidParameter => (
                StatusCode::BAD_REQUEST,
                "urn:tickbook:invalid-parameter",
                "invalid parameter",
            ),
            Self::InvalidBody => (
                StatusCode::BAD_REQUEST,
                "urn:tickbook:invalid-body",
                "invalid body",
            ),
            Self::InvalidRequest => (
                StatusCode::BAD_REQUEST,
                "urn:tickbook:invalid-request",
                "invalid request",
            ),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "urn:tickbook:unauthorized",
                "unauthorized",
            ),
            Self::InsufficientScope => (
                StatusCode::FORBIDDEN,
                "urn:tickbook:insufficient-scope",
                "insufficient scope",
            ),
            Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                "urn:tickbook:foreign-origin",
                "foreign origin",
            ),
            Self::OtherHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "urn:tickbook:other-host",
                "other host",
            ),
            Self::TooManyRequests => (
                StatusCode::TOO_MANY_REQUESTS,
                "urn:tickbook:too-many-requests",
                "too many requests",
            ),
            Self::UnknownSymbol => (
                StatusCode::NOT_FOUND,
                "urn:tickbook:unknown-symbol",
                "unknown symbol",
            ),
            Self::UnknownAccount => (
                StatusCode::NOT_FOUND,
                "urn:tickbook:unknown-account",
                "unknown account",
            ),
            Self::NotFound => (StatusCode::NOT_FOUND, "urn:tickbook:not-found", "not found"),
            Self::NotAcceptable => (
                StatusCode::NOT_ACCEPTABLE,
                "urn:tickbook:not-acceptable",
                "not acceptable",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "urn:tickbook:method-not-allowed",
                "method not allowed",
            ),
            Self::RequestTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "urn:tickbook:request-timeout",
                "request timeout",
            ),
            Self::AlreadyExists => (
                StatusCode::CONFLICT,
                "urn:tickbook:already-exists",
                "already exists",
            ),
            Self::OtherSequence => (
                StatusCode::CONFLICT,
                "urn:tickbook:other-sequence",
                "other sequence",
            ),
            Self::TooManyConnections => (
                StatusCode::TOO_MANY_REQUESTS,
                "urn:tickbook:too-many-connections",
                "too many connections",
            ),
            Self::UriTooLong => (
                StatusCode::URI_TOO_LONG,
                "urn:tickbook:uri-too-long",
                "URI too long",
            ),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "urn:tickbook:headers-too-large",
                "header fields too large",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "urn:tickbook:body-too-large",
                "body too large",
            ),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "urn:tickbook:unsupported-media-type",
                "unsupported media type",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "urn:tickbook:unavailable",
                "temporarily unavailable",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "urn:tickbook:internal",
                "internal error",
            ),
        }
    }
}
