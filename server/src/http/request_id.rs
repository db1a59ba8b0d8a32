//! Ids of requests.

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};

/// The header with the id of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Maximum length of an id that a client chooses, in bytes.
const MAX_BYTES: usize = 64;

/// The id of a request: 1 to 64 visible ASCII characters. Every request that reaches a handler has one, as an
/// extension. Clones share it.
///
/// # Examples
///
/// ```
/// use orderbook_server::http::RequestId;
///
/// let given = RequestId::given("order-17").expect("a valid id");
/// assert_eq!(given.as_str(), "order-17");
/// assert_eq!(RequestId::given("two words"), None);
/// assert_ne!(RequestId::random(), RequestId::random());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id that a client has chosen; `None` if it is empty, has more than 64 bytes, or has a character other than
    /// visible ASCII.
    #[must_use]
    pub fn given(text: &str) -> Option<Self> {
        let is_valid =
            (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        is_valid.then(|| Self(text.into()))
    }

    /// A new id: 32 hexadecimal digits.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()).into())
    }

    /// The id of a request with these headers: the given one if it is valid, else a new one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(REQUEST_ID).iter();
        let first = given.next().and_then(|value| value.to_str().ok());
        match (first.and_then(Self::given), given.next()) {
            (Some(id), None) => id,
            _ => Self::random(),
        }
    }

    /// The text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn invalid_request_ids_are_replaced() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
                headers.append(REQUEST_ID, value);
            }
            RequestId::of(&headers)
        };
        let longest = "x".repeat(MAX_BYTES);
        for valid in ["a", "8f-17/ü".trim_end_matches('ü'), "{}\"\\", &longest] {
            assert_eq!(of(&[valid]).as_str(), valid);
        }
        let too_long = "x".repeat(MAX_BYTES + 1);
        for values in [&[][..], &[""], &["a b"], &["ü"], &[&too_long], &["a", "b"]] {
            let id = of(values);
            assert!(!values.contains(&id.as_str()));
            assert_eq!(id.as_str().len(), 32, "{id}");
        }
    }
}
