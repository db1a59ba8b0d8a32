//! Accounts.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tickbook::domain::excerpt;

use super::ids::{AccountId, Currency, TenantId, Venue};
use super::names::names;

/// The largest number of characters of the name of an account.
pub const MAX_ACCOUNT_NAME_CHARS: usize = 100;

/// Where the orders of an account are executed. It never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Environment {
    /// At a venue, with real money.
    Live,
    /// At the test system of a venue.
    Paper,
    /// In a simulation of a venue with live market data.
    Simulation,
    /// In a simulation with stored market data.
    Backtest,
}

names!(Environment, "environment" {
    Live => "live",
    Paper => "paper",
    Simulation => "sim",
    Backtest => "backtest",
});

/// How the cost of the closed part of a position is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum CostMethod {
    /// The average cost of the whole position.
    #[default]
    Average,
    /// The cost of the lots that were opened first.
    Fifo,
    /// The cost of the lots that were opened last.
    Lifo,
}

names!(CostMethod, "cost method" {
    Average => "average",
    Fifo => "fifo",
    Lifo => "lifo",
});

/// How many positions an account has in a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum PositionMode {
    /// One position for each strategy. A sale closes a long position.
    #[default]
    Netting,
    /// One position for each position id of an order. Orders without an id use `long` and `short`.
    Hedging,
}

names!(PositionMode, "position mode" {
    Netting => "netting",
    Hedging => "hedging",
});

/// Why an account is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAccount {
    /// The tenant is below 1.
    #[error("invalid tenant_id {0}: expected 1 or more")]
    Tenant(TenantId),
    /// The name is empty, too long or not printable. Holds the name, cut to 40 characters.
    #[error("invalid name {0}: expected 1 to {MAX_ACCOUNT_NAME_CHARS} printable characters")]
    Name(String),
    /// The time zone is unknown. Holds its name, cut to 40 characters.
    #[error(
        "invalid time_zone {0}: expected a name of the IANA database such as America/Sao_Paulo"
    )]
    TimeZone(String),
}

/// An account to create.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::{Currency, Environment, NewAccount, TenantId, Venue};
///
/// let (venue, usd) = (Venue::new("kraken")?, Currency::new("USD")?);
/// let account = NewAccount::new(TenantId::new(1), "main", venue, Environment::Live, usd);
/// assert!(account.time_zone("America/Sao_Paulo").check().is_ok());
/// # Ok::<_, tickbook_ledger::domain::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewAccount {
    /// The owner.
    pub tenant_id: TenantId,
    /// The name, unique within the tenant; 1 to 100 printable characters.
    pub name: String,
    /// The venue or broker that keeps the account. Events without a venue are of this one.
    pub venue: Venue,
    /// Where its orders are executed.
    pub environment: Environment,
    /// The currency of its reports.
    pub base_currency: Currency,
    /// The IANA name of the time zone in which its days begin; UTC by default.
    pub time_zone: String,
    /// How costs are computed; average cost by default.
    pub cost_method: CostMethod,
    /// How many positions it has in a symbol; netting by default.
    pub position_mode: PositionMode,
}

impl NewAccount {
    /// An account in UTC with average cost and netting.
    #[must_use]
    pub fn new(
        tenant_id: TenantId,
        name: impl Into<String>,
        venue: Venue,
        environment: Environment,
        base_currency: Currency,
    ) -> Self {
        Self {
            tenant_id,
            name: name.into(),
            venue,
            environment,
            base_currency,
            time_zone: "UTC".to_owned(),
            cost_method: CostMethod::default(),
            position_mode: PositionMode::default(),
        }
    }

    /// Sets the IANA name of the time zone.
    #[must_use]
    pub fn time_zone(mut self, name: impl Into<String>) -> Self {
        self.time_zone = name.into();
        self
    }

    /// Sets how costs are computed.
    #[must_use]
    pub fn cost_method(mut self, method: CostMethod) -> Self {
        self.cost_method = method;
        self
    }

    /// Sets how many positions the account has in a symbol.
    #[must_use]
    pub fn position_mode(mut self, mode: PositionMode) -> Self {
        self.position_mode = mode;
        self
    }

    /// Checks the tenant, the name and the time zone.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn check(&self) -> Result<(), InvalidAccount> {
        if self.tenant_id.get() < 1 {
            return Err(InvalidAccount::Tenant(self.tenant_id));
        }
        let characters = self.name.chars();
        if !(1..=MAX_ACCOUNT_NAME_CHARS).contains(&characters.clone().count())
            || characters.clone().any(char::is_control)
        {
            return Err(InvalidAccount::Name(excerpt(&self.name)));
        }
        match self.time_zone.parse::<Tz>() {
            Ok(_) => Ok(()),
            Err(_) => Err(InvalidAccount::TimeZone(excerpt(&self.time_zone))),
        }
    }
}

/// An account. It owns its orders, fills and positions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The id.
    pub account_id: AccountId,
    /// The values that the account was created with. Only the name may change later.
    pub terms: NewAccount,
    /// When it was created, in whole microseconds.
    pub created_at: DateTime<Utc>,
    /// When it was closed. A closed account takes no further orders; reports are still stored.
    pub closed_at: Option<DateTime<Utc>>,
}

impl Account {
    /// An open account.
    #[must_use]
    pub fn new(account_id: AccountId, terms: NewAccount, created_at: DateTime<Utc>) -> Self {
        Self {
            account_id,
            terms,
            created_at,
            closed_at: None,
        }
    }
}

/// The accounts that a caller may see and change. Each call of a repository takes one.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::{AccountId, AccountScope, TenantId};
///
/// let scope = AccountScope::accounts(TenantId::new(1), [AccountId::new(7)]);
/// assert!(scope.contains(TenantId::new(1), AccountId::new(7)));
/// assert!(!scope.contains(TenantId::new(1), AccountId::new(8)));
/// assert!(!scope.contains(TenantId::new(2), AccountId::new(7)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountScope {
    /// `None` for all tenants.
    tenant_id: Option<TenantId>,
    /// `None` for all accounts of the tenant.
    account_ids: Option<BTreeSet<AccountId>>,
}

impl AccountScope {
    /// All accounts of all tenants, for operators.
    #[must_use]
    pub fn all() -> Self {
        Self {
            tenant_id: None,
            account_ids: None,
        }
    }

    /// All accounts of a tenant.
    #[must_use]
    pub fn tenant(tenant_id: TenantId) -> Self {
        Self {
            tenant_id: Some(tenant_id),
            account_ids: None,
        }
    }

    /// Some accounts of a tenant. Accounts of other tenants are not in the scope.
    #[must_use]
    pub fn accounts(tenant_id: TenantId, ids: impl IntoIterator<Item = AccountId>) -> Self {
        Self {
            tenant_id: Some(tenant_id),
            account_ids: Some(ids.into_iter().collect()),
        }
    }

    /// Whether the scope covers an account of a tenant.
    #[must_use]
    pub fn contains(&self, tenant_id: TenantId, account_id: AccountId) -> bool {
        self.tenant_id.is_none_or(|tenant| tenant == tenant_id)
            && self
                .account_ids
                .as_ref()
                .is_none_or(|ids| ids.contains(&account_id))
    }

    /// The tenant; `None` for all.
    #[must_use]
    pub fn tenant_id(&self) -> Option<TenantId> {
        self.tenant_id
    }

    /// The accounts; `None` for all of the tenant.
    #[must_use]
    pub fn account_ids(&self) -> Option<&BTreeSet<AccountId>> {
        self.account_ids.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_accounts_are_refused_with_the_field() {
        let venue = Venue::new("kraken").expect("an id");
        let usd = Currency::new("USD").expect("an id");
        let account = |tenant: i64, name: &str| {
            let tenant = TenantId::new(tenant);
            NewAccount::new(tenant, name, venue.clone(), Environment::Live, usd.clone())
        };
        assert_eq!(account(1, "main").check(), Ok(()));
        let zero = account(0, "main").check();
        assert_eq!(zero, Err(InvalidAccount::Tenant(TenantId::new(0))));
        for name in ["", "a\0", &"x".repeat(101)] {
            let error = account(1, name).check().expect_err("invalid");
            assert!(error.to_string().starts_with("invalid name"), "{error}");
        }
        let zone = account(1, "main").time_zone("Mars/Olympus").check();
        let error = zone.expect_err("unknown").to_string();
        assert!(error.contains("IANA"), "{error}");
    }

    #[test]
    fn names_are_read_back_and_others_refused() {
        for environment in Environment::ALL {
            assert_eq!(environment.as_str().parse(), Ok(*environment));
        }
        let error = "LIVE".parse::<Environment>().expect_err("no name");
        let expected = "invalid environment \"LIVE\": expected one of live, paper, sim, backtest";
        assert_eq!(error.to_string(), expected);
    }
}
