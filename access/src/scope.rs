//! Scopes: what a token allows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tickbook::domain::excerpt;

/// What a token allows. Each scope includes the ones before it: `Admin` includes `Write`, and `Write` includes `Read`.
///
/// # Examples
///
/// ```
/// use tickbook_access::Scope;
///
/// assert!(Scope::Admin.includes(Scope::Write) && Scope::Write.includes(Scope::Read));
/// assert!(!Scope::Read.includes(Scope::Write));
/// assert_eq!("write".parse(), Ok(Scope::Write));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scope {
    /// Reads data.
    Read,
    /// Adds data: ticks, trades, order events, accounts, exchanges and names of symbols.
    Write,
    /// Changes, corrects and deletes data.
    Admin,
}

impl Scope {
    /// All scopes, in ascending order.
    pub const ALL: &'static [Self] = &[Self::Read, Self::Write, Self::Admin];

    /// The name: `read`, `write` or `admin`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// Whether a token with this scope may do what needs `needed`.
    #[must_use]
    pub fn includes(self, needed: Self) -> bool {
        self >= needed
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid scope {}: expected read, write or admin", excerpt(.0))]
#[non_exhaustive]
pub struct InvalidScope(pub String);

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let found = Self::ALL.iter().copied().find(|it| it.as_str() == text);
        found.ok_or_else(|| InvalidScope(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_includes_itself_and_the_ones_before_it() {
        for (index, scope) in Scope::ALL.iter().enumerate() {
            for (other, needed) in Scope::ALL.iter().enumerate() {
                assert_eq!(scope.includes(*needed), index >= other, "{scope} {needed}");
            }
            assert_eq!(scope.as_str().parse(), Ok(*scope));
        }
        for text in ["", "Read", "root", "read "] {
            let error = text.parse::<Scope>().expect_err(text).to_string();
            assert!(error.ends_with("expected read, write or admin"), "{error}");
        }
    }
}
