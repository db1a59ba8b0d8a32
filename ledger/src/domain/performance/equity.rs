//! The equity of an account at an instant.

use chrono::{DateTime, Utc};
use tickbook::domain::{earliest_time, excerpt, latest_time, truncate_to_micros};

use crate::domain::amount::Amount;
use crate::domain::ids::{AccountId, MAX_ID_CHARS};

/// The equity of an account at an instant, in the currency of the account.
///
/// An account has one point at an instant.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::AccountId;
/// use tickbook_ledger::domain::performance::EquityPoint;
///
/// // after a deposit of 500, which the equity includes
/// let time = "2024-05-01T12:00:00Z".parse()?;
/// let point = EquityPoint::new(AccountId::new(7), time, "10500".parse()?, "2500".parse()?, "broker")
///     .with_flows("500".parse()?);
/// assert!(point.normalized().is_ok());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EquityPoint {
    /// The account.
    pub account_id: AccountId,
    /// The instant, UTC; stored in whole microseconds.
    pub as_of: DateTime<Utc>,
    /// Cash and the value of all open positions. Open positions are valued at prices known at `as_of`.
    pub equity: Amount,
    /// Cash.
    pub cash: Amount,
    /// Deposits less withdrawals since the previous point. The equity includes them, and they are not a return.
    pub flows: Amount,
    /// Who computed the equity, such as the broker or a program: 1 to 100 printable characters.
    pub source: String,
}

impl EquityPoint {
    /// A point without flows.
    #[must_use]
    pub fn new(
        account_id: AccountId,
        as_of: DateTime<Utc>,
        equity: Amount,
        cash: Amount,
        source: impl Into<String>,
    ) -> Self {
        Self {
            account_id,
            as_of,
            equity,
            cash,
            flows: Amount::ZERO,
            source: source.into(),
        }
    }

    /// Returns this point with deposits less withdrawals.
    #[must_use]
    pub fn with_flows(mut self, flows: Amount) -> Self {
        self.flows = flows;
        self
    }

    /// Returns the point in the form in which it is stored.
    ///
    /// # Errors
    /// An account id below 1, a time before 1970 or from 2100 on, or a source that is empty, longer than 100
    /// characters or not printable.
    pub fn normalized(&self) -> Result<Self, InvalidEquityPoint> {
        if self.account_id.get() < 1 {
            return Err(InvalidEquityPoint::Account(self.account_id));
        }
        let is_stored = self.as_of >= earliest_time() && self.as_of < latest_time();
        if !is_stored || self.as_of.timestamp_subsec_nanos() >= 1_000_000_000 {
            return Err(InvalidEquityPoint::Time(self.as_of));
        }
        let is_source = (1..=MAX_ID_CHARS).contains(&self.source.chars().count())
            && !self.source.chars().any(char::is_control);
        if !is_source {
            return Err(InvalidEquityPoint::Source(excerpt(&self.source)));
        }
        Ok(Self {
            as_of: truncate_to_micros(self.as_of),
            ..self.clone()
        })
    }
}

/// Why an equity point cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEquityPoint {
    /// The account id is below 1.
    #[error("invalid account_id {0}: expected 1 or more")]
    Account(AccountId),
    /// The time is before 1970, from 2100 on, or a leap second.
    #[error("invalid as_of {0}: expected a time from 1970 to 2099 that is no leap second")]
    Time(DateTime<Utc>),
    /// The source, quoted and cut to 40 characters.
    #[error("invalid source {0}: expected 1 to {MAX_ID_CHARS} printable characters")]
    Source(String),
}
