//! Header fields with weights: `Accept` and `Accept-Encoding` (RFC 9110, 12.4.2 and 12.5).

use axum::http::HeaderMap;
use axum::http::header::AsHeaderName;

/// The elements of a header field with their weights, in thousandths. Several fields count as one list. An element
/// with an invalid weight, and a field that is not visible ASCII, are ignored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Weights<'a>(Vec<(&'a str, u16)>);

impl<'a> Weights<'a> {
    /// Reads the fields `name`; `None` if the request has none.
    pub(crate) fn of(headers: &'a HeaderMap, name: impl AsHeaderName) -> Option<Self> {
        let mut fields = headers.get_all(name).iter().peekable();
        fields.peek()?;
        let texts = fields.filter_map(|field| field.to_str().ok());
        let elements = texts.flat_map(|text| text.split(','));
        Some(Self(elements.filter_map(element).collect()))
    }

    /// The weight of the first of `names` that the field has: names in the order of their precision, such as
    /// `text/csv`, `text/*`, `*/*`. `None` if it has none of them.
    pub(crate) fn first_of(&self, names: &[&str]) -> Option<u16> {
        names.iter().find_map(|name| {
            let mut same = self
                .0
                .iter()
                .filter(|(it, _)| it.eq_ignore_ascii_case(name));
            same.next().map(|(_, weight)| *weight)
        })
    }
}

/// The name without its parameters, and the weight.
fn element(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim_end()
            .eq_ignore_ascii_case("q")
            .then(|| value.trim_start())
    });
    match weight {
        Some(text) => Some((name, thousandths(text)?)),
        None => Some((name, 1_000)),
    }
}

/// Parses a weight: 0 to 1, with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_valid = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let whole = match whole {
        "0" => 0,
        "1" => 1_000,
        _ => return None,
    };
    let decimals: u16 = format!("{decimals:0<3}")
        .parse()
        .ok()
        .filter(|_| is_valid)?;
    Some(whole + decimals).filter(|weight| *weight <= 1_000)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::*;

    fn headers(fields: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for field in fields {
            let value = HeaderValue::from_str(field).expect("a value");
            headers.append(header::ACCEPT, value);
        }
        headers
    }

    #[test]
    fn most_precise_name_decides() {
        let headers = headers(&[
            "text/*;q=0.3, text/csv; header=present;q=0.7",
            "*/*; Q=0.05",
        ]);
        let weights = Weights::of(&headers, header::ACCEPT).expect("some");
        let of = |kind: &str| {
            let any = format!("{}/*", kind.split('/').next().expect("one"));
            weights.first_of(&[kind, &any, "*/*"])
        };
        assert_eq!(of("TEXT/CSV"), Some(700));
        assert_eq!(of("text/html"), Some(300));
        assert_eq!(of("application/json"), Some(50));
        assert_eq!(weights.first_of(&["gzip"]), None);
        assert_eq!(Weights::of(&headers, header::ACCEPT_ENCODING), None);
    }

    #[test]
    fn invalid_weights_are_ignored() {
        for (text, weight) in [
            ("1", Some(1_000)),
            ("1.000", Some(1_000)),
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.12", Some(120)),
            ("1.001", None),
            ("2", None),
            ("0.1234", None),
            ("-0.1", None),
            ("0.+1", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(thousandths(text), weight, "{text:?}");
        }
        let headers = headers(&["", ",, a;q=9 ,b"]);
        let weights = Weights::of(&headers, header::ACCEPT);
        assert_eq!(weights, Some(Weights(vec![("b", 1_000)])));
    }
}
