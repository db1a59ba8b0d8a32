//! Ids of accounts, orders, requests and executions.

use std::fmt;

use tickbook::domain::excerpt;

/// The largest number of characters of an id.
pub const MAX_ID_CHARS: usize = 100;

/// The text cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} {text}: expected 1 to {MAX_ID_CHARS} printable characters")]
#[non_exhaustive]
pub struct InvalidId {
    /// The kind of id, such as `order_id`.
    pub what: &'static str,
    /// The text, quoted and cut to 40 characters.
    pub text: String,
}

fn checked(what: &'static str, text: String) -> Result<String, InvalidId> {
    match is_id(&text) {
        true => Ok(text),
        false => Err(InvalidId {
            what,
            text: excerpt(text),
        }),
    }
}

/// Checks a text that is no id of its own type.
///
/// # Errors
/// The text is empty, longer than 100 characters, or not printable.
pub(super) fn check_id(what: &'static str, text: &str) -> Result<(), InvalidId> {
    checked(what, text.to_owned()).map(|_| ())
}

fn is_id(text: &str) -> bool {
    // almost all ids are short ASCII, whose characters need not be counted
    let is_short = text.len() <= MAX_ID_CHARS || text.chars().count() <= MAX_ID_CHARS;
    let has_control = match text.is_ascii() {
        true => text.bytes().any(|byte| byte.is_ascii_control()),
        false => text.chars().any(char::is_control),
    };
    !text.is_empty() && is_short && !has_control
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// 1 to 100 printable characters, compared exactly.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Creates an id.
            ///
            /// # Errors
            /// The text is empty, longer than 100 characters, or not printable.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                checked($what, text.into()).map(Self)
            }

            /// The text of the id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::domain::text::read(deserializer)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }
    )+};
}

text_ids! {
    /// The id of an order, unique within its account.
    ///
    /// The owner of the order chooses it before sending the order, for example a UUID of version 7.
    OrderId, "order_id";
    /// The id of a request (a new order, a cancel or a replace), unique within its account; FIX `ClOrdID`.
    ClientOrderId, "client_order_id";
    /// The id of an order at its venue; FIX `OrderID`.
    VenueOrderId, "venue_order_id";
    /// The id of a report of a venue; FIX `ExecID`.
    ///
    /// The ledger books each id of a venue once. For a venue whose ids are unique within one trading day only,
    /// include the day in the id.
    ExecId, "exec_id";
    /// The name of a trading venue or broker, such as `kraken`.
    Venue, "venue";
    /// The id of one of several positions in a symbol, see [`PositionMode`](super::PositionMode).
    PositionId, "position_id";
    /// A currency or asset in which fees are paid, such as `USD`.
    Currency, "currency";
    /// The name of a secret key. It is stored beside what the key protects.
    KeyId, "key id";
}

macro_rules! number_ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub struct $name(i64);

        impl $name {
            /// Creates an id.
            #[must_use]
            pub const fn new(id: i64) -> Self {
                Self(id)
            }

            /// The id as a number.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

number_ids! {
    /// The ledger's id of an account; positive.
    AccountId;
    /// The id of the owner of accounts; positive.
    TenantId;
    /// The id of a strategy; positive.
    StrategyId;
    /// The id of a risk event; positive.
    RiskEventId;
    /// The id of a version of a credential; positive.
    CredentialId;
    /// The id of a user; positive.
    UserId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_printable_and_short() {
        assert!(OrderId::new("x".repeat(100)).is_ok());
        assert!(OrderId::new("é".repeat(100)).is_ok());
        for text in ["", "a\nb", "\u{7f}", &"x".repeat(101)] {
            let error = OrderId::new(text).expect_err("no id");
            assert!(error.to_string().starts_with("invalid order_id"), "{error}");
            assert!(error.to_string().len() < 200, "{error}");
        }
    }
}
