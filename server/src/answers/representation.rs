//! The representations of a list.

use axum::http::{HeaderMap, HeaderValue, header};

use super::accept::Weights;
use crate::problem::Problem;

/// A representation of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Representation {
    /// An object with `data` and `next_cursor`.
    #[default]
    Json,
    /// Rows with a header row.
    Csv,
}

impl Representation {
    /// Chooses the representation with the larger weight in `Accept`, and JSON if both have the same.
    ///
    /// # Errors
    /// 406 if neither is acceptable.
    pub(crate) fn accepted(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(weights) = Weights::of(headers, header::ACCEPT) else {
            return Ok(Self::Json);
        };
        let weight = |names: &[&str]| weights.first_of(names).unwrap_or_default();
        let json = weight(&["application/json", "application/*", "*/*"]);
        let csv = weight(&["text/csv", "text/*", "*/*"]);
        match (json, csv) {
            (0, 0) => Err(Problem::not_acceptable()),
            (json, csv) if csv > json => Ok(Self::Csv),
            _ => Ok(Self::Json),
        }
    }

    /// The content type.
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> Option<Representation> {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT,
            HeaderValue::from_str(accept).expect("a value"),
        );
        Representation::accepted(&headers).ok()
    }

    #[test]
    fn larger_weight_decides() {
        use Representation::{Csv, Json};
        for (accept, chosen) in [
            ("*/*", Some(Json)),
            ("application/json", Some(Json)),
            ("text/csv", Some(Csv)),
            ("text/*", Some(Csv)),
            ("text/csv;q=0.9, application/json;q=0.8", Some(Csv)),
            ("text/csv;q=0.8, application/json", Some(Json)),
            ("text/csv, application/json", Some(Json)),
            ("text/csv;q=0, */*;q=0.1", Some(Json)),
            ("application/json;q=0, */*", Some(Csv)),
            ("text/html, */*;q=0.8", Some(Json)),
            ("text/html", None),
            ("application/json;q=0", None),
            ("application/xml, image/*", None),
        ] {
            assert_eq!(accepted(accept), chosen, "{accept}");
        }
        assert_eq!(Representation::accepted(&HeaderMap::new()).ok(), Some(Json));
    }
}
