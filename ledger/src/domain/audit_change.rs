//! Changes that the audit log records.

use std::net::IpAddr;

use tickbook::domain::excerpt;

use super::details::{Details, InvalidDetails, check_details, is_plain};

/// The largest number of characters of a text of a change, except the texts of its details.
const MAX_CHARS: usize = 500;

/// An administrative change: who did what to which resource, and whether it succeeded.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::AuditChange;
///
/// let change = AuditChange::new("token:operator", "symbols.rename", "symbol", "oanda:EURUSD")
///     .with_detail("name", "EUR/USD")
///     .failed("symbol oanda:EURUSD does not exist");
/// assert!(!change.success);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditChange {
    /// Who made the change, such as `token:operator`; 1 to 500 printable characters.
    pub actor: String,
    /// The role or scope under which it was made.
    pub role: Option<String>,
    /// The kind of change, such as `symbols.rename`; 1 to 500 printable characters.
    pub action: String,
    /// The kind of resource, such as `symbol`; 1 to 500 printable characters.
    pub resource_type: String,
    /// The resource, such as an id or a name; at most 500 printable characters.
    pub resource_id: String,
    /// Arguments of the change. They contain no secret.
    pub details: Details,
    /// The address of the client.
    pub ip: Option<IpAddr>,
    /// The program of the client, as it names itself.
    pub user_agent: Option<String>,
    /// Whether the change was made.
    pub success: bool,
    /// Why it was not made.
    pub error: Option<String>,
}

/// A change cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAuditChange {
    /// A text is empty, too long or not printable.
    #[error(
        "invalid {field} {}: expected 1 to {MAX_CHARS} printable characters",
        excerpt(text)
    )]
    Text {
        /// The field.
        field: &'static str,
        /// The text.
        text: String,
    },
    /// A detail cannot be stored.
    #[error(transparent)]
    Details(#[from] InvalidDetails),
}

impl AuditChange {
    /// A change that was made.
    #[must_use]
    pub fn new(
        actor: impl Into<String>,
        action: impl Into<String>,
        resource_type: impl Into<String>,
        resource_id: impl Into<String>,
    ) -> Self {
        Self {
            actor: actor.into(),
            role: None,
            action: action.into(),
            resource_type: resource_type.into(),
            resource_id: resource_id.into(),
            details: Details::new(),
            ip: None,
            user_agent: None,
            success: true,
            error: None,
        }
    }

    /// Returns the change with a role or scope of its actor.
    #[must_use]
    pub fn with_role(mut self, role: impl Into<Option<String>>) -> Self {
        self.role = role.into();
        self
    }

    /// Returns the change with an argument. It must not be a secret.
    #[must_use]
    pub fn with_detail(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.details.insert(name.into(), text.into());
        self
    }

    /// Returns the change with the address of the client.
    #[must_use]
    pub fn with_ip(mut self, ip: impl Into<Option<IpAddr>>) -> Self {
        self.ip = ip.into();
        self
    }

    /// Returns the change with the program of the client.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: impl Into<Option<String>>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Returns the change as one that was not made, with the reason.
    #[must_use]
    pub fn failed(mut self, error: impl Into<String>) -> Self {
        self.success = false;
        self.error = Some(error.into());
        self
    }

    /// Checks the texts.
    ///
    /// # Errors
    /// The first invalid text.
    pub fn check(&self) -> Result<(), InvalidAuditChange> {
        let texts = [
            ("actor", Some(&self.actor), 1),
            ("role", self.role.as_ref(), 1),
            ("action", Some(&self.action), 1),
            ("resource_type", Some(&self.resource_type), 1),
            ("resource_id", Some(&self.resource_id), 0),
            ("user_agent", self.user_agent.as_ref(), 0),
            ("error", self.error.as_ref(), 0),
        ];
        for (field, text, min) in texts {
            if let Some(text) = text.filter(|text| !is_plain(text, min, MAX_CHARS)) {
                let text = text.clone();
                return Err(InvalidAuditChange::Text { field, text });
            }
        }
        Ok(check_details(&self.details)?)
    }
}
