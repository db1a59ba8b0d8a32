//! Authentication: the token of a request.

use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};
use tickbook_access::{TokenDigest, TokenList, TokenRecord};

use super::refused::Refused;

/// The scheme of `Authorization`, in any case (RFC 9110).
const SCHEME: &str = "bearer";

/// Finds the token of `Authorization: Bearer`.
///
/// # Errors
/// There is no token, or it is not valid at `now`.
pub(super) fn token_of<'a>(
    headers: &HeaderMap,
    tokens: &'a TokenList,
    now: DateTime<Utc>,
) -> Result<&'a TokenRecord, Refused> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = given.next() else {
        return Err(Refused::NoToken);
    };
    if given.next().is_some() {
        return Err(Refused::TwoTokens);
    }
    let Ok(text) = value.to_str() else {
        return Err(Refused::InvalidToken);
    };
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => {
            valid(token.trim_start_matches(' '), tokens, now)
        }
        None if text.eq_ignore_ascii_case(SCHEME) => Err(Refused::InvalidToken),
        // the credentials of another scheme, perhaps for a proxy
        _ => Err(Refused::NoToken),
    }
}

/// Finds a token by its text.
///
/// # Errors
/// There is no such token, or it has expired.
pub(super) fn valid<'a>(
    presented: &str,
    tokens: &'a TokenList,
    now: DateTime<Utc>,
) -> Result<&'a TokenRecord, Refused> {
    let digest = TokenDigest::of_presented(presented).ok_or(Refused::InvalidToken)?;
    let record = tokens.find(&digest).ok_or(Refused::InvalidToken)?;
    if record.is_valid_at(now) {
        Ok(record)
    } else {
        Err(Refused::ExpiredToken(record.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use tickbook_access::{Scope, Token};

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-30T12:00:00Z".parse().expect("a time")
    }

    fn of(fields: &[&str], tokens: &TokenList) -> Result<String, Refused> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::AUTHORIZATION, field.parse().expect("a value"));
        }
        token_of(&headers, tokens, now()).map(|record| record.name.clone())
    }

    #[test]
    fn only_the_stored_text_is_a_valid_token() {
        let (token, mut tokens) = (Token::generate().expect("random"), TokenList::default());
        let record = TokenRecord::new("a", token.digest(), [Scope::Read], now());
        tokens.add(record.expect("valid")).expect("added");
        let text = token.expose();
        for scheme in ["Bearer", "bearer", "BEARER", "Bearer  "] {
            assert_eq!(
                of(&[&format!("{scheme} {text}")], &tokens),
                Ok("a".to_owned())
            );
        }
        let other = Token::generate().expect("random");
        for field in [
            "Bearer",
            "Bearer ",
            &format!("Bearer {}", other.expose()),
            &format!("Bearer {text}x"),
            &format!("Bearer {text},{text}"),
            &format!("Bearer {}", &text[..45]),
            &format!("Bearer {}", text.to_uppercase()),
            &format!("Bearer {}", "x".repeat(10_000)),
            "Bearer é",
        ] {
            assert_eq!(
                of(&[field], &tokens),
                Err(Refused::InvalidToken),
                "{field:.60}"
            );
        }
        for field in ["", "Basic dTpw", text, &format!("Token {text}")] {
            assert_eq!(of(&[field], &tokens), Err(Refused::NoToken), "{field}");
        }
        assert_eq!(of(&[], &tokens), Err(Refused::NoToken));
        let field = format!("Bearer {text}");
        assert_eq!(of(&[&field, &field], &tokens), Err(Refused::TwoTokens));
    }
}
