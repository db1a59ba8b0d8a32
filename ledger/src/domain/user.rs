//! Users, and the accounts that they may use.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use tickbook::domain::excerpt;

use super::account::AccountScope;
use super::details::{Details, InvalidDetails, check_details, is_plain};
use super::ids::{AccountId, TenantId, UserId};
use super::names::names;

/// The largest number of characters of the name of a user.
pub const MAX_USERNAME_CHARS: usize = 64;

/// What a user may do in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Sees the account.
    Viewer,
    /// Sees the account, and records its orders.
    Trader,
    /// Sees the account, and acknowledges its risk events.
    Risk,
    /// Sees the account.
    Auditor,
    /// Sees and changes the account.
    Admin,
}

names!(Role, "role" {
    Viewer => "viewer",
    Trader => "trader",
    Risk => "risk",
    Auditor => "auditor",
    Admin => "admin",
});

impl Role {
    /// Whether the role allows more than reading.
    #[must_use]
    pub fn may_write(self) -> bool {
        matches!(self, Self::Trader | Self::Risk | Self::Admin)
    }
}

/// The properties of a user. There is no password: an identity provider outside keeps it.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::{TenantId, UserProfile};
///
/// let profile = UserProfile::new(TenantId::new(1), "ada").with_email("ada@example.com".to_owned());
/// assert!(profile.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserProfile {
    /// The tenant whose accounts may be granted; positive.
    pub tenant_id: TenantId,
    /// The name: 1 to 64 ASCII letters, digits, `-`, `_`, `.` and `@`; unique without regard to case.
    pub username: String,
    /// The address; unique without regard to case.
    pub email: Option<String>,
    /// The name as shown; at most 100 printable characters.
    pub display_name: String,
    /// Whether the user may use the granted accounts.
    pub is_active: bool,
    /// Whether the identity provider asks for a second factor.
    pub two_factor_enabled: bool,
    /// Preferences.
    pub preferences: Details,
}

/// A user is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUser {
    /// The tenant is not positive.
    #[error("invalid tenant_id {0}: expected 1 or more")]
    Tenant(TenantId),
    /// The name is empty, too long, or has other characters.
    #[error("invalid username {}: expected 1 to {MAX_USERNAME_CHARS} ASCII letters, digits, -, _, . and @", excerpt(.0))]
    Username(String),
    /// The address is not one.
    #[error("invalid email {}: expected 3 to 254 printable characters with an @", excerpt(.0))]
    Email(String),
    /// The shown name is too long or not printable.
    #[error("invalid display_name {}: expected at most 100 printable characters", excerpt(.0))]
    DisplayName(String),
    /// The preferences cannot be stored.
    #[error(transparent)]
    Preferences(#[from] InvalidDetails),
}

impl UserProfile {
    /// An active user.
    #[must_use]
    pub fn new(tenant_id: TenantId, username: impl Into<String>) -> Self {
        Self {
            tenant_id,
            username: username.into(),
            email: None,
            display_name: String::new(),
            is_active: true,
            two_factor_enabled: false,
            preferences: Details::new(),
        }
    }

    /// Returns the profile with an address.
    #[must_use]
    pub fn with_email(mut self, email: impl Into<Option<String>>) -> Self {
        self.email = email.into();
        self
    }

    /// Returns the profile with a name to show.
    #[must_use]
    pub fn with_display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = name.into();
        self
    }

    /// Checks all fields.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn check(&self) -> Result<(), InvalidUser> {
        if self.tenant_id.get() < 1 {
            return Err(InvalidUser::Tenant(self.tenant_id));
        }
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        let name = &self.username;
        if name.is_empty() || name.len() > MAX_USERNAME_CHARS || !name.chars().all(is_of_name) {
            return Err(InvalidUser::Username(name.clone()));
        }
        if let Some(email) = &self.email
            && !(is_plain(email, 3, 254) && email.contains('@'))
        {
            return Err(InvalidUser::Email(email.clone()));
        }
        if !is_plain(&self.display_name, 0, 100) {
            return Err(InvalidUser::DisplayName(self.display_name.clone()));
        }
        Ok(check_details(&self.preferences)?)
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The id; positive.
    pub user_id: UserId,
    /// The properties.
    pub profile: UserProfile,
    /// When the user was created, in whole microseconds.
    pub created_at: DateTime<Utc>,
    /// When the user was last changed, in whole microseconds.
    pub updated_at: DateTime<Utc>,
}

impl User {
    /// A user that was created just now.
    #[must_use]
    pub fn new(user_id: UserId, profile: UserProfile, created_at: DateTime<Utc>) -> Self {
        Self {
            user_id,
            profile,
            created_at,
            updated_at: created_at,
        }
    }

    /// The accounts that the user may see, or with `writes` change. An inactive user has none.
    #[must_use]
    pub fn scope<'a>(
        &self,
        grants: impl IntoIterator<Item = &'a Grant>,
        writes: bool,
    ) -> AccountScope {
        let tenant = self.profile.tenant_id;
        let mut accounts = BTreeSet::new();
        if !self.profile.is_active {
            return AccountScope::accounts(tenant, accounts);
        }
        for grant in grants {
            match grant.account_id {
                _ if writes && !grant.role.may_write() => {}
                Some(id) => {
                    accounts.insert(id);
                }
                None => return AccountScope::tenant(tenant),
            }
        }
        AccountScope::accounts(tenant, accounts)
    }
}

/// A role of a user in an account, or in all accounts of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Grant {
    /// The account; `None` for all accounts of the tenant of the user.
    pub account_id: Option<AccountId>,
    /// The role.
    pub role: Role,
}

impl Grant {
    /// A role in an account, or in all accounts of the tenant.
    #[must_use]
    pub fn new(account_id: impl Into<Option<AccountId>>, role: Role) -> Self {
        Self {
            account_id: account_id.into(),
            role,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        let profile = UserProfile::new(TenantId::new(1), "ada");
        User::new(UserId::new(1), profile, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn scope_has_the_accounts_of_the_grants() {
        let (user, tenant) = (user(), TenantId::new(1));
        let [first, second] = [1, 2].map(AccountId::new);
        let grants = [
            Grant::new(first, Role::Viewer),
            Grant::new(second, Role::Trader),
        ];
        assert_eq!(user.scope([], false), AccountScope::accounts(tenant, []));
        let both = AccountScope::accounts(tenant, [first, second]);
        assert_eq!(user.scope(&grants, false), both);
        let one = AccountScope::accounts(tenant, [second]);
        assert_eq!(user.scope(&grants, true), one);
        let all = [Grant::new(None, Role::Auditor), grants[1]];
        assert_eq!(user.scope(&all, false), AccountScope::tenant(tenant));
        assert_eq!(user.scope(&all, true), one);
        let mut inactive = user;
        inactive.profile.is_active = false;
        let none = AccountScope::accounts(tenant, []);
        assert_eq!(inactive.scope(&all, false), none);
    }

    #[test]
    fn invalid_users_are_refused_with_the_field() {
        let profile = |name: &str| UserProfile::new(TenantId::new(1), name);
        assert_eq!(profile("ada").check(), Ok(()));
        for name in ["", "a b", "é", &"x".repeat(65)] {
            assert!(
                matches!(profile(name).check(), Err(InvalidUser::Username(_))),
                "{name}"
            );
        }
        let email = profile("ada").with_email("ada".to_owned()).check();
        assert!(matches!(email, Err(InvalidUser::Email(_))), "{email:?}");
        let shown = profile("ada").with_display_name("a\n").check();
        assert!(
            matches!(shown, Err(InvalidUser::DisplayName(_))),
            "{shown:?}"
        );
    }
}
