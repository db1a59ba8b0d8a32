//! What is stored of a token.

use std::collections::BTreeSet;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};
use tickbook::domain::excerpt;

use crate::digest::TokenDigest;
use crate::scope::Scope;

/// Maximum number of characters of a name.
pub const MAX_NAME_CHARACTERS: usize = 64;

/// Maximum of [`TokenRecord::requests_per_second`].
pub const MAX_REQUESTS_PER_SECOND: u32 = 1_000_000;

/// What is stored of a token: its name, its hash and what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRecord {
    /// 1 to 64 ASCII letters, digits, `-`, `_`, `.` and `@`; unique in a file. The log shows it.
    pub name: String,
    /// The hash of the token.
    pub digest: TokenDigest,
    /// At least one scope.
    pub scopes: BTreeSet<Scope>,
    /// When the token was created, in whole seconds.
    pub created_at: DateTime<Utc>,
    /// The token is valid before this time, in whole seconds; `None`: without an end.
    pub expires_at: Option<DateTime<Utc>>,
    /// Requests per second, 1 to 1,000,000; `None`: as the server's settings say.
    pub requests_per_second: Option<u32>,
    /// The user whose accounts the token may use, with the characters of a name; `None`: all accounts.
    pub user: Option<String>,
}

/// A value of a record is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTokenRecord {
    /// The name is empty, too long, or has other characters.
    #[error(
        "invalid token name {}: expected 1 to 64 ASCII letters, digits, -, _, . and @",
        excerpt(.0)
    )]
    Name(String),
    /// The name of the user is empty, too long, or has other characters.
    #[error(
        "invalid user {}: expected 1 to 64 ASCII letters, digits, -, _, . and @",
        excerpt(.0)
    )]
    User(String),
    /// There is no scope.
    #[error("a token needs a scope: expected read, write or admin")]
    NoScope,
    /// The number of requests per second is out of range.
    #[error("invalid requests per second {0}: expected 1 to 1000000")]
    RequestsPerSecond(u32),
    /// The token would end before it begins.
    #[error("invalid expiry {0}: expected a time after the creation of the token")]
    Expiry(DateTime<Utc>),
    /// The hash does not have the right form.
    #[error("invalid sha256: expected 64 hexadecimal digits in lower case")]
    Digest,
}

/// A record as a line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    sha256: String,
    scopes: BTreeSet<Scope>,
    created_at: Instant,
    expires_at: Option<Instant>,
    requests_per_second: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Instant(#[serde(with = "tickbook::domain::text::time")] DateTime<Utc>);

impl TokenRecord {
    /// A token without an expiry and without a limit of its own.
    ///
    /// # Errors
    /// The name is invalid, or there is no scope.
    pub fn new(
        name: impl Into<String>,
        digest: TokenDigest,
        scopes: impl IntoIterator<Item = Scope>,
        created_at: DateTime<Utc>,
    ) -> Result<Self, InvalidTokenRecord> {
        let record = Self {
            name: name.into(),
            digest,
            scopes: scopes.into_iter().collect(),
            created_at: created_at.trunc_subsecs(0),
            expires_at: None,
            requests_per_second: None,
            user: None,
        };
        record.checked()
    }

    /// Sets the end of the token; fractions of a second are cut off.
    ///
    /// # Errors
    /// The end is not after the creation.
    pub fn expires_at(self, end: DateTime<Utc>) -> Result<Self, InvalidTokenRecord> {
        let expires_at = Some(end.trunc_subsecs(0));
        Self { expires_at, ..self }.checked()
    }

    /// Sets the number of requests per second.
    ///
    /// # Errors
    /// The number is not from 1 to 1,000,000.
    pub fn requests_per_second(self, number: u32) -> Result<Self, InvalidTokenRecord> {
        let requests_per_second = Some(number);
        Self {
            requests_per_second,
            ..self
        }
        .checked()
    }

    /// Sets the user whose accounts the token may use.
    ///
    /// # Errors
    /// The name of the user is invalid.
    pub fn user(self, name: impl Into<String>) -> Result<Self, InvalidTokenRecord> {
        let user = Some(name.into());
        Self { user, ..self }.checked()
    }

    fn checked(self) -> Result<Self, InvalidTokenRecord> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        let name = &self.name;
        let is_name = |name: &str| {
            let is_short = (1..=MAX_NAME_CHARACTERS).contains(&name.len());
            is_short && name.chars().all(is_plain)
        };
        if !is_name(name) {
            return Err(InvalidTokenRecord::Name(self.name));
        }
        if let Some(user) = self.user.as_ref().filter(|user| !is_name(user)) {
            return Err(InvalidTokenRecord::User(user.clone()));
        }
        if self.scopes.is_empty() {
            return Err(InvalidTokenRecord::NoScope);
        }
        if let Some(end) = self.expires_at.filter(|end| *end <= self.created_at) {
            return Err(InvalidTokenRecord::Expiry(end));
        }
        match self.requests_per_second {
            Some(number) if !(1..=MAX_REQUESTS_PER_SECOND).contains(&number) => {
                Err(InvalidTokenRecord::RequestsPerSecond(number))
            }
            _ => Ok(self),
        }
    }

    /// Whether the token has not expired at `now`.
    #[must_use]
    pub fn is_valid_at(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether the token may do what needs `needed`, regardless of its expiry.
    #[must_use]
    pub fn allows(&self, needed: Scope) -> bool {
        self.scopes.iter().any(|scope| scope.includes(needed))
    }

    /// The line of the file, without a line break.
    pub(crate) fn to_line(&self) -> String {
        let line = Line {
            name: self.name.clone(),
            sha256: self.digest.to_hex(),
            scopes: self.scopes.clone(),
            created_at: Instant(self.created_at),
            expires_at: self.expires_at.map(Instant),
            requests_per_second: self.requests_per_second,
            user: self.user.clone(),
        };
        // texts and numbers can always be written as JSON
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Parses a line of the file.
    ///
    /// # Errors
    /// The line is not a record; the text says why and does not contain the hash.
    pub(crate) fn from_line(line: &str) -> Result<Self, String> {
        let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let digest = TokenDigest::from_hex(&line.sha256);
        let record = Self {
            name: line.name,
            digest: digest.ok_or_else(|| InvalidTokenRecord::Digest.to_string())?,
            scopes: line.scopes,
            created_at: line.created_at.0,
            expires_at: line.expires_at.map(|it| it.0),
            requests_per_second: line.requests_per_second,
            user: line.user,
        };
        record.checked().map_err(|invalid| invalid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Token;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn record(name: &str) -> Result<TokenRecord, InvalidTokenRecord> {
        let digest = Token::generate().expect("random").digest();
        TokenRecord::new(name, digest, [Scope::Write], time("2026-11-30T12:00:00Z"))
    }

    #[test]
    fn token_is_valid_before_its_expiry_only() {
        let end = time("2026-12-01T00:00:00Z");
        let record = record("a")
            .and_then(|it| it.expires_at(end))
            .expect("valid");
        let before = time("2026-11-30T23:59:59.999999Z");
        assert!(record.is_valid_at(before) && !record.is_valid_at(end));
        let created = record.created_at;
        assert!(record.expires_at(created).is_err());
    }

    #[test]
    fn scope_of_a_token_includes_the_lower_ones() {
        let record = record("a").expect("valid");
        let allowed = Scope::ALL.iter().map(|scope| record.allows(*scope));
        assert_eq!(allowed.collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn invalid_values_are_refused() {
        let long = "x".repeat(65);
        for name in ["", "a b", "a\n", "é", "a\"", &long] {
            assert!(record(name).is_err(), "{name:?}");
        }
        for number in [0, MAX_REQUESTS_PER_SECOND + 1] {
            let limited = record("a").expect("valid").requests_per_second(number);
            assert!(limited.is_err(), "{number}");
        }
        let digest = Token::generate().expect("random").digest();
        for user in ["", "a b", &long] {
            let owned = record("a").expect("valid").user(user);
            assert!(owned.is_err(), "{user:?}");
        }
        let none = TokenRecord::new("a", digest, [], time("2026-11-30T12:00:00Z"));
        assert_eq!(none, Err(InvalidTokenRecord::NoScope));
    }

    #[test]
    fn damaged_line_is_refused_without_its_hash() {
        let line = record("a").expect("valid").to_line();
        let hash = record("a").expect("valid").digest.to_hex();
        for damaged in [
            line.replace("\"write\"", "\"root\""),
            line.replace("[\"write\"]", "[]"),
            line.replace("\"name\"", "\"title\""),
            line.replace("\"sha256\":\"", "\"sha256\":\"00"),
            line.replace("\"a\"", "\"a b\""),
            line.replace("null}", "0}"),
            line.replace("{\"name\"", "{\"owner\":1,\"name\""),
            format!("{{\"sha256\":\"{hash}"),
            String::new(),
        ] {
            let error = TokenRecord::from_line(&damaged).expect_err(&damaged);
            assert!(!error.contains(&hash), "{error}");
        }
    }

    proptest! {
        #[test]
        fn line_is_read_as_it_was_written(
            name in "[A-Za-z0-9._@-]{1,64}",
            bytes in any::<[u8; 32]>(),
            has_scope in any::<[bool; 3]>(),
            seconds in 1..100_000_000_000_i64,
            rate in proptest::option::of(1..=MAX_REQUESTS_PER_SECOND),
            user in proptest::option::of("[A-Za-z0-9._@-]{1,64}"),
        ) {
            let digest = TokenDigest::of(&format!("{bytes:?}"));
            let scopes = Scope::ALL.iter().zip(has_scope).filter(|(_, has)| *has);
            let scopes: BTreeSet<_> = scopes.map(|(scope, _)| *scope).chain([Scope::Read]).collect();
            let created = time("2026-11-30T12:00:00Z");
            let end = created + chrono::TimeDelta::seconds(seconds);
            let record = TokenRecord::new(name, digest, scopes, created);
            let mut record = record.and_then(|it| it.expires_at(end)).expect("valid");
            record.requests_per_second = rate;
            record.user = user;
            prop_assert_eq!(TokenRecord::from_line(&record.to_line()), Ok(record));
        }
    }
}
