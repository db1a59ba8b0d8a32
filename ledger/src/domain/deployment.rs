//! Deployments of strategies to accounts.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{DecimalError, check_tick_decimal};

use super::ids::{AccountId, DeploymentId, StrategyId};

/// Why a deployment is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDeployment {
    /// A limit is zero or negative.
    #[error("invalid {field} {value}: expected more than 0")]
    NotPositive {
        /// The field.
        field: &'static str,
        /// Its value.
        value: Decimal,
    },
    /// A limit has too many digits.
    #[error("invalid {field}: {source}")]
    Decimal {
        /// The field.
        field: &'static str,
        /// The reason.
        source: DecimalError,
    },
}

/// Returns a positive number that can be stored.
pub(super) fn positive(
    field: &'static str,
    value: Option<Decimal>,
) -> Result<Option<Decimal>, InvalidDeployment> {
    match value {
        Some(value) if value <= Decimal::ZERO => {
            Err(InvalidDeployment::NotPositive { field, value })
        }
        Some(value) => match check_tick_decimal(value) {
            Ok(value) => Ok(Some(value)),
            Err(source) => Err(InvalidDeployment::Decimal { field, source }),
        },
        None => Ok(None),
    }
}

/// A deployment to begin: an account runs a version of a strategy.
///
/// # Examples
/// ```
/// use rust_decimal::Decimal;
/// use tickbook_ledger::domain::{AccountId, NewDeployment, StrategyId};
///
/// let deployment = NewDeployment::new(AccountId::new(7), StrategyId::new(1), 3).max_leverage(Decimal::TWO);
/// assert!(deployment.normalized().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewDeployment {
    /// The account.
    pub account_id: AccountId,
    /// The strategy.
    pub strategy_id: StrategyId,
    /// The version of the strategy.
    pub version: i32,
    /// The capital for the strategy, in the base currency of the account; greater than 0.
    pub allocated_capital: Option<Decimal>,
    /// The largest quantity of a position; greater than 0.
    pub max_position_size: Option<Decimal>,
    /// The largest ratio of the value of the positions to the capital; greater than 0.
    pub max_leverage: Option<Decimal>,
}

impl NewDeployment {
    /// A deployment without limits.
    #[must_use]
    pub fn new(account_id: AccountId, strategy_id: StrategyId, version: i32) -> Self {
        Self {
            account_id,
            strategy_id,
            version,
            allocated_capital: None,
            max_position_size: None,
            max_leverage: None,
        }
    }

    /// Sets the capital.
    #[must_use]
    pub fn allocated_capital(mut self, capital: impl Into<Option<Decimal>>) -> Self {
        self.allocated_capital = capital.into();
        self
    }

    /// Sets the largest quantity of a position.
    #[must_use]
    pub fn max_position_size(mut self, quantity: impl Into<Option<Decimal>>) -> Self {
        self.max_position_size = quantity.into();
        self
    }

    /// Sets the largest leverage.
    #[must_use]
    pub fn max_leverage(mut self, leverage: impl Into<Option<Decimal>>) -> Self {
        self.max_leverage = leverage.into();
        self
    }

    /// Returns the deployment in its stored form, without trailing zeros of numbers.
    ///
    /// # Errors
    /// A number is not greater than 0 or has too many digits.
    pub fn normalized(mut self) -> Result<Self, InvalidDeployment> {
        for (field, value) in [
            ("allocated_capital", &mut self.allocated_capital),
            ("max_position_size", &mut self.max_position_size),
            ("max_leverage", &mut self.max_leverage),
        ] {
            *value = positive(field, *value)?;
        }
        Ok(self)
    }
}

/// A time in which an account runs a version of a strategy. An account runs one version of a strategy at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deployment {
    /// The id.
    pub deployment_id: DeploymentId,
    /// The account, the version and the limits.
    pub terms: NewDeployment,
    /// When it began, in whole microseconds.
    pub deployed_at: DateTime<Utc>,
    /// When it was stopped; `None` while it is running.
    pub stopped_at: Option<DateTime<Utc>>,
}

impl Deployment {
    /// A running deployment.
    #[must_use]
    pub fn new(
        deployment_id: DeploymentId,
        terms: NewDeployment,
        deployed_at: DateTime<Utc>,
    ) -> Self {
        Self {
            deployment_id,
            terms,
            deployed_at,
            stopped_at: None,
        }
    }

    /// Returns whether the deployment is not stopped.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.stopped_at.is_none()
    }
}
