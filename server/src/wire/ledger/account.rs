//! Accounts as JSON.

use serde::{Deserialize, Serialize};
use tickbook_ledger::domain::{Account, Currency, NewAccount, TenantId, Venue};
use utoipa::ToSchema;

use crate::wire::TimeText;

/// An account. It owns its orders, fills and positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "account_id": 7, "tenant_id": 1, "name": "main", "venue": "kraken", "environment": "live", "base_currency": "USD",
    "time_zone": "UTC", "cost_method": "average", "position_mode": "netting",
    "created_at": "2024-05-01T00:00:00.000000Z", "closed_at": null
}))]
pub struct AccountBody {
    /// The id, positive.
    #[schema(example = 7, minimum = 1)]
    pub account_id: i64,
    /// The owner, positive.
    #[schema(example = 1, minimum = 1)]
    pub tenant_id: i64,
    /// The name, unique within the tenant.
    #[schema(example = "main")]
    pub name: String,
    /// The venue or broker that keeps the account.
    #[schema(example = "kraken")]
    pub venue: String,
    /// live, paper, sim or backtest. It never changes.
    #[schema(example = "live")]
    pub environment: String,
    /// The currency of its reports.
    #[schema(example = "USD")]
    pub base_currency: String,
    /// The IANA name of the time zone in which its days begin.
    #[schema(example = "UTC")]
    pub time_zone: String,
    /// How the cost of the closed part of a position is computed: average, fifo or lifo.
    #[schema(example = "average")]
    pub cost_method: String,
    /// netting (one position for each strategy and symbol) or hedging.
    #[schema(example = "netting")]
    pub position_mode: String,
    /// When it was created.
    pub created_at: TimeText,
    /// When it was closed; null for an open account. A closed account takes no further orders.
    pub closed_at: Option<TimeText>,
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        let terms = account.terms;
        Self {
            account_id: account.account_id.get(),
            tenant_id: terms.tenant_id.get(),
            name: terms.name,
            venue: terms.venue.to_string(),
            environment: terms.environment.as_str().to_owned(),
            base_currency: terms.base_currency.to_string(),
            time_zone: terms.time_zone,
            cost_method: terms.cost_method.as_str().to_owned(),
            position_mode: terms.position_mode.as_str().to_owned(),
            created_at: TimeText(account.created_at),
            closed_at: account.closed_at.map(TimeText),
        }
    }
}

/// A page of accounts, by ascending `account_id`.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountList {
    /// The accounts.
    pub data: Vec<AccountBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// A new account. Unknown fields are refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "main", "venue": "kraken", "environment": "live", "base_currency": "USD"}))]
pub struct NewAccountBody {
    /// The owner, positive; 1 if omitted.
    #[serde(default)]
    #[schema(example = 1, minimum = 1)]
    pub tenant_id: Option<i64>,
    /// The name, unique within the tenant; 1 to 100 printable characters.
    #[schema(example = "main")]
    pub name: String,
    /// The venue or broker that keeps the account. Events without a venue are of this one.
    #[schema(example = "kraken")]
    pub venue: String,
    /// live, paper, sim or backtest.
    #[schema(example = "live")]
    pub environment: String,
    /// The currency of its reports.
    #[schema(example = "USD")]
    pub base_currency: String,
    /// The IANA name of the time zone in which its days begin; UTC if omitted.
    #[serde(default)]
    #[schema(example = "America/Sao_Paulo")]
    pub time_zone: Option<String>,
    /// average, fifo or lifo; average if omitted.
    #[serde(default)]
    #[schema(example = "average")]
    pub cost_method: Option<String>,
    /// netting or hedging; netting if omitted.
    #[serde(default)]
    #[schema(example = "netting")]
    pub position_mode: Option<String>,
}

/// Converts an error into its text.
fn text(error: impl ToString) -> String {
    error.to_string()
}

impl NewAccountBody {
    /// Converts the body into the account to create.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn into_account(self) -> Result<NewAccount, String> {
        let tenant_id = TenantId::new(self.tenant_id.unwrap_or(1));
        let venue = Venue::new(self.venue).map_err(text)?;
        let currency = Currency::new(self.base_currency);
        let currency = currency.map_err(|error| format!("base_currency: {error}"))?;
        let environment = self.environment.parse().map_err(text)?;
        let mut account = NewAccount::new(tenant_id, self.name, venue, environment, currency);
        if let Some(name) = self.time_zone {
            account = account.time_zone(name);
        }
        if let Some(name) = self.cost_method {
            let method = name.parse();
            account = account.cost_method(method.map_err(|error| format!("cost_method: {error}"))?);
        }
        if let Some(name) = self.position_mode {
            let mode = name.parse();
            account =
                account.position_mode(mode.map_err(|error| format!("position_mode: {error}"))?);
        }
        account.check().map_err(text)?;
        Ok(account)
    }
}

/// Changes of an account, at least one. Unknown fields are refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "old main", "closed": true}))]
pub struct AccountChangesBody {
    /// The new name.
    #[serde(default)]
    #[schema(example = "old main")]
    pub name: Option<String>,
    /// true closes the account: it takes no further orders, but reports about its orders are booked. A closed account
    /// cannot be opened again.
    #[serde(default)]
    #[schema(example = true)]
    pub closed: Option<bool>,
}
