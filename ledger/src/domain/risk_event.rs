//! Risk events: observations beyond a limit.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{
    DecimalError, SymbolId, check_tick_decimal, earliest_time, excerpt, latest_time,
    truncate_to_micros,
};

use super::details::{Details, InvalidDetails, check_details, is_plain};
use super::ids::{AccountId, RiskEventId, StrategyId};
use super::names::names;

/// The largest number of characters of the texts of an event and of an acknowledgement.
const MAX_CHARS: usize = 500;

/// How serious a risk event is, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// For information.
    Info,
    /// Somebody should look at it.
    Warning,
    /// Somebody has to act.
    Critical,
}

names!(Severity, "severity" {
    Info => "info",
    Warning => "warning",
    Critical => "critical",
});

/// The rule that raised a risk event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RiskKind {
    /// More of an order was executed than it asked for.
    Overfill,
    /// The absolute quantity of a position is above its limit.
    PositionLimit,
    /// The equity of an account fell too far below its highest value.
    Drawdown,
    /// A feed delivers no records.
    StaleFeed,
    /// Too many events contradict booked ones.
    ConflictRate,
}

names!(RiskKind, "kind of risk" {
    Overfill => "overfill",
    PositionLimit => "position_limit",
    Drawdown => "drawdown",
    StaleFeed => "stale_feed",
    ConflictRate => "conflict_rate",
});

/// A risk event to record: `metric` has the value `observed`, which is beyond `threshold`.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::{AccountId, NewRiskEvent, RiskKind, Severity};
/// use tickbook_ledger::rust_decimal::Decimal;
///
/// let at = "2026-11-30T12:00:00Z".parse()?;
/// let (observed, limit) = (Decimal::from(120), Decimal::from(100));
/// let event = NewRiskEvent::new(RiskKind::PositionLimit, Severity::Critical, "quantity", observed, limit, at)
///     .with_account(AccountId::new(7));
/// assert!(event.normalized().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewRiskEvent {
    /// The rule.
    pub kind: RiskKind,
    /// How serious the event is.
    pub severity: Severity,
    /// The observed number, such as `quantity`; 1 to 500 printable characters.
    pub metric: String,
    /// Its value.
    pub observed: Decimal,
    /// The limit of the value.
    pub threshold: Decimal,
    /// The account; `None` if the event is about no account.
    pub account_id: Option<AccountId>,
    /// The strategy.
    pub strategy_id: Option<StrategyId>,
    /// The symbol.
    pub symbol_id: Option<SymbolId>,
    /// What was done about it.
    pub action: Option<String>,
    /// Further facts, such as the order.
    pub details: Details,
    /// When it was observed; truncated to microseconds.
    pub occurred_at: DateTime<Utc>,
}

/// A risk event or an acknowledgement cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRiskEvent {
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
    /// An id is below 1.
    #[error("invalid {field} {id}: expected 1 or more")]
    Id {
        /// The field.
        field: &'static str,
        /// The id.
        id: i64,
    },
    /// A number cannot be stored exactly.
    #[error("{field} {source}")]
    Number {
        /// The field.
        field: &'static str,
        /// The reason.
        source: DecimalError,
    },
    /// The time is before 1970 or from 2100 on.
    #[error("invalid occurred_at {0}: expected a time from 1970 to 2099")]
    Time(DateTime<Utc>),
    /// A detail cannot be stored.
    #[error(transparent)]
    Details(#[from] InvalidDetails),
}

fn check_text(field: &'static str, text: &str, min: usize) -> Result<(), InvalidRiskEvent> {
    match is_plain(text, min, MAX_CHARS) {
        true => Ok(()),
        false => Err(InvalidRiskEvent::Text {
            field,
            text: text.to_owned(),
        }),
    }
}

impl NewRiskEvent {
    /// An event about no account and no symbol.
    #[must_use]
    pub fn new(
        kind: RiskKind,
        severity: Severity,
        metric: impl Into<String>,
        observed: Decimal,
        threshold: Decimal,
        occurred_at: DateTime<Utc>,
    ) -> Self {
        Self {
            kind,
            severity,
            metric: metric.into(),
            observed,
            threshold,
            account_id: None,
            strategy_id: None,
            symbol_id: None,
            action: None,
            details: Details::new(),
            occurred_at,
        }
    }

    /// Returns the event with its account.
    #[must_use]
    pub fn with_account(mut self, account_id: impl Into<Option<AccountId>>) -> Self {
        self.account_id = account_id.into();
        self
    }

    /// Returns the event with its strategy.
    #[must_use]
    pub fn with_strategy(mut self, strategy_id: impl Into<Option<StrategyId>>) -> Self {
        self.strategy_id = strategy_id.into();
        self
    }

    /// Returns the event with its symbol.
    #[must_use]
    pub fn with_symbol(mut self, symbol_id: impl Into<Option<SymbolId>>) -> Self {
        self.symbol_id = symbol_id.into();
        self
    }

    /// Returns the event with what was done about it.
    #[must_use]
    pub fn with_action(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }

    /// Returns the event with a further fact.
    #[must_use]
    pub fn with_detail(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.details.insert(name.into(), text.into());
        self
    }

    /// Returns the event in the form in which it is stored.
    ///
    /// # Errors
    /// A text is not printable or too long, an id is below 1, a number does not fit `NUMERIC(27,12)`, or the time is
    /// before 1970 or from 2100 on.
    pub fn normalized(&self) -> Result<Self, InvalidRiskEvent> {
        check_text("metric", &self.metric, 1)?;
        if let Some(action) = &self.action {
            check_text("action", action, 1)?;
        }
        check_details(&self.details)?;
        let ids = [
            ("account_id", self.account_id.map(AccountId::get)),
            ("strategy_id", self.strategy_id.map(StrategyId::get)),
            ("symbol_id", self.symbol_id.map(SymbolId::get)),
        ];
        for (field, id) in ids {
            if let Some(id) = id.filter(|id| *id < 1) {
                return Err(InvalidRiskEvent::Id { field, id });
            }
        }
        let number = |field, value: Decimal| {
            check_tick_decimal(value).map_err(|source| InvalidRiskEvent::Number { field, source })
        };
        let time = self.occurred_at;
        if time < earliest_time() || time >= latest_time() {
            return Err(InvalidRiskEvent::Time(time));
        }
        Ok(Self {
            observed: number("observed", self.observed)?,
            threshold: number("threshold", self.threshold)?,
            occurred_at: truncate_to_micros(time),
            ..self.clone()
        })
    }
}

/// Who has seen a risk event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acknowledgement {
    /// Who; 1 to 500 printable characters.
    pub by: String,
    /// A note; at most 500 printable characters.
    pub note: String,
    /// When, in whole microseconds.
    pub at: DateTime<Utc>,
}

impl Acknowledgement {
    /// An acknowledgement.
    #[must_use]
    pub fn new(by: impl Into<String>, note: impl Into<String>, at: DateTime<Utc>) -> Self {
        Self {
            by: by.into(),
            note: note.into(),
            at,
        }
    }

    /// Checks the texts.
    ///
    /// # Errors
    /// A text is not printable or too long.
    pub fn check(&self) -> Result<(), InvalidRiskEvent> {
        check_text("by", &self.by, 1)?;
        check_text("note", &self.note, 0)
    }
}

/// A recorded risk event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RiskEvent {
    /// The id; positive and ascending.
    pub risk_event_id: RiskEventId,
    /// The event.
    pub event: NewRiskEvent,
    /// When it was recorded, in whole microseconds.
    pub recorded_at: DateTime<Utc>,
    /// Its acknowledgement; the first one stays.
    pub acknowledgement: Option<Acknowledgement>,
}

impl RiskEvent {
    /// A recorded event without an acknowledgement.
    #[must_use]
    pub fn new(
        risk_event_id: RiskEventId,
        event: NewRiskEvent,
        recorded_at: DateTime<Utc>,
    ) -> Self {
        Self {
            risk_event_id,
            event,
            recorded_at,
            acknowledgement: None,
        }
    }
}
