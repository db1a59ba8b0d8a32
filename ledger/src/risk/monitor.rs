//! The rules and their state.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::domain::{AccountId, ChangedPosition, NewRiskEvent, PositionKey, RiskKind, Severity};
use crate::repository::AppendReceipt;

/// The limits of the rules. A rule without a limit raises nothing; overfills are always raised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RiskLimits {
    /// The largest absolute quantity of a position.
    pub max_position: Option<Decimal>,
    /// The largest part of its highest equity that an account may lose, 0 to 1.
    pub max_drawdown: Option<Decimal>,
    /// The largest share of the events of an append that may contradict booked ones, 0 to 1.
    pub max_conflict_rate: Option<Decimal>,
    /// How long a feed may deliver nothing.
    pub stale_feed_after: Option<TimeDelta>,
}

impl RiskLimits {
    /// Sets the largest absolute quantity of a position.
    #[must_use]
    pub fn max_position(mut self, limit: impl Into<Option<Decimal>>) -> Self {
        self.max_position = limit.into();
        self
    }

    /// Sets the largest part of its highest equity that an account may lose.
    #[must_use]
    pub fn max_drawdown(mut self, limit: impl Into<Option<Decimal>>) -> Self {
        self.max_drawdown = limit.into();
        self
    }

    /// Sets the largest share of events that may contradict booked ones.
    #[must_use]
    pub fn max_conflict_rate(mut self, limit: impl Into<Option<Decimal>>) -> Self {
        self.max_conflict_rate = limit.into();
        self
    }

    /// Sets how long a feed may deliver nothing.
    #[must_use]
    pub fn stale_feed_after(mut self, limit: impl Into<Option<TimeDelta>>) -> Self {
        self.stale_feed_after = limit.into();
        self
    }
}

/// Applies the rules to what happens.
///
/// # Examples
/// ```
/// use tickbook_ledger::domain::{AccountId, RiskKind};
/// use tickbook_ledger::risk::{RiskLimits, RiskMonitor};
/// use tickbook_ledger::rust_decimal::Decimal;
///
/// let mut monitor = RiskMonitor::new(RiskLimits::default().max_drawdown(Decimal::new(10, 2)));
/// let (account, at) = (AccountId::new(7), "2026-11-30T12:00:00Z".parse()?);
/// assert_eq!(monitor.equity(account, Decimal::from(1000), at), None);
/// let event = monitor.equity(account, Decimal::from(850), at).expect("15 % below the peak");
/// assert_eq!((event.kind, event.observed), (RiskKind::Drawdown, Decimal::new(15, 2)));
/// // it lasts
/// assert_eq!(monitor.equity(account, Decimal::from(840), at), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct RiskMonitor {
    limits: RiskLimits,
    /// Positions over the limit.
    over: HashSet<(AccountId, PositionKey)>,
    /// The highest equity of each account, and whether it has fallen too far.
    peaks: HashMap<AccountId, (Decimal, bool)>,
    /// Feeds that deliver nothing.
    stale: HashSet<String>,
}

/// Numbers of events have at most this many decimal places.
const PLACES: u32 = 12;

fn ratio(part: Decimal, whole: Decimal) -> Option<Decimal> {
    let ratio = part.checked_div(whole)?;
    Some(ratio.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointNearestEven))
}

impl RiskMonitor {
    /// A monitor with these limits.
    #[must_use]
    pub fn new(limits: RiskLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// The events of an append: overfills, positions that went over the limit, and too many conflicts.
    #[must_use]
    pub fn appended(
        &mut self,
        account_id: AccountId,
        receipt: &AppendReceipt,
        at: DateTime<Utc>,
    ) -> Vec<NewRiskEvent> {
        let mut events = Vec::new();
        for overfill in &receipt.overfills {
            let (severity, metric) = (
                Severity::Critical,
                "quantity executed beyond the ordered one",
            );
            let (kind, observed) = (RiskKind::Overfill, overfill.quantity);
            let event = NewRiskEvent::new(kind, severity, metric, observed, Decimal::ZERO, at)
                .with_detail("order_id", overfill.order_id.as_str());
            events.push(event);
        }
        let effects = receipt.effects.iter();
        for changed in effects.filter_map(|it| it.effect.position.as_ref()) {
            events.extend(self.position(account_id, changed, at));
        }
        events.extend(self.conflicts(receipt, at));
        let events = events.into_iter();
        events.map(|event| event.with_account(account_id)).collect()
    }

    fn position(
        &mut self,
        account_id: AccountId,
        changed: &ChangedPosition,
        at: DateTime<Utc>,
    ) -> Option<NewRiskEvent> {
        let limit = self.limits.max_position?;
        let (key, observed) = (&changed.key, changed.position.quantity);
        let place = (account_id, key.clone());
        if observed.abs() <= limit {
            self.over.remove(&place);
            return None;
        }
        let kind = RiskKind::PositionLimit;
        let event = NewRiskEvent::new(kind, Severity::Critical, "quantity", observed, limit, at)
            .with_strategy(key.strategy_id)
            .with_symbol(key.symbol_id)
            .with_detail("position", &key.name);
        self.over.insert(place).then_some(event)
    }

    fn conflicts(&self, receipt: &AppendReceipt, at: DateTime<Utc>) -> Option<NewRiskEvent> {
        let limit = self.limits.max_conflict_rate?;
        let conflicts = Decimal::from(receipt.conflicts.len());
        let observed = ratio(conflicts, Decimal::from(receipt.total()))?;
        let (kind, severity) = (RiskKind::ConflictRate, Severity::Warning);
        let metric = "share of events that contradict booked ones";
        let event = NewRiskEvent::new(kind, severity, metric, observed, limit, at)
            .with_detail("conflicts", conflicts.to_string());
        (observed > limit).then_some(event)
    }

    /// The event of an account whose equity has fallen too far below its highest value since the start of the monitor.
    /// Deposits and withdrawals have to be excluded from the equity. Equity of 0 or less before any positive one raises
    /// nothing.
    #[must_use]
    pub fn equity(
        &mut self,
        account_id: AccountId,
        equity: Decimal,
        at: DateTime<Utc>,
    ) -> Option<NewRiskEvent> {
        let limit = self.limits.max_drawdown?;
        let (peak, is_raised) = self.peaks.entry(account_id).or_insert((equity, false));
        *peak = (*peak).max(equity);
        if *peak <= Decimal::ZERO {
            return None;
        }
        let observed = ratio(*peak - equity, *peak)?;
        let is_over = observed > limit;
        let is_new = is_over && !*is_raised;
        *is_raised = is_over;
        let (kind, severity) = (RiskKind::Drawdown, Severity::Critical);
        let event = NewRiskEvent::new(kind, severity, "drawdown", observed, limit, at)
            .with_account(account_id)
            .with_detail("peak", peak.normalize().to_string())
            .with_detail("equity", equity.normalize().to_string());
        is_new.then_some(event)
    }

    /// The event of a feed that has delivered nothing for too long. `last` is the time of its last record.
    #[must_use]
    pub fn feed(
        &mut self,
        feed: &str,
        last: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Option<NewRiskEvent> {
        let limit = self.limits.stale_feed_after?;
        let silence = at - last;
        if silence <= limit {
            self.stale.remove(feed);
            return None;
        }
        let seconds = |span: TimeDelta| Decimal::new(span.num_milliseconds(), 3);
        let (observed, threshold) = (seconds(silence), seconds(limit));
        let (kind, severity) = (RiskKind::StaleFeed, Severity::Warning);
        let metric = "seconds without a record";
        let event = NewRiskEvent::new(kind, severity, metric, observed, threshold, at)
            .with_detail("feed", feed);
        self.stale.insert(feed.to_owned()).then_some(event)
    }
}
