//! Booked events with the state after them: what the relay copies to the time-series database.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::SymbolId;

use super::amount::Amount;
use super::execution::{Fee, Liquidity};
use super::ids::{AccountId, ExecId, OrderId, StrategyId, Venue};
use super::names::names;
use super::order_event::OrderEventKind;
use super::order_terms::Side;
use super::outcome::RecordedEvent;
use super::position::Position;
use super::position_key::PositionKey;

/// A position after an event that changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PositionAfter {
    /// The name, see [`PositionKey::name`].
    pub name: String,
    /// The quantity; negative for a short position.
    pub quantity: Decimal,
    /// The cost of the open quantity.
    pub open_cost: Amount,
    /// The profit of what was closed, without fees.
    pub realized: Amount,
}

impl PositionAfter {
    /// The state of a position.
    #[must_use]
    pub fn of(name: impl Into<String>, position: &Position) -> Self {
        Self::new(
            name,
            position.quantity,
            position.open_cost,
            position.realized,
        )
    }

    /// A state of these values.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        quantity: Decimal,
        open_cost: Amount,
        realized: Amount,
    ) -> Self {
        Self {
            name: name.into(),
            quantity,
            open_cost,
            realized,
        }
    }
}

/// An event of the journal with its order and the position after it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryEvent {
    /// The account.
    pub account_id: AccountId,
    /// The event.
    pub recorded: RecordedEvent,
    /// The instrument of the order.
    pub symbol_id: SymbolId,
    /// The side of the order.
    pub side: Side,
    /// The strategy of the order.
    pub strategy_id: Option<StrategyId>,
    /// The venue of the event, or that of the account.
    pub venue: Venue,
    /// The position after a fill, a bust or a correction; `None` for other events.
    pub position: Option<PositionAfter>,
}

impl HistoryEvent {
    /// An event of an order, without a position.
    #[must_use]
    pub fn new(
        account_id: AccountId,
        recorded: RecordedEvent,
        symbol_id: SymbolId,
        side: Side,
        venue: Venue,
    ) -> Self {
        Self {
            account_id,
            recorded,
            symbol_id,
            side,
            strategy_id: None,
            venue,
            position: None,
        }
    }

    /// Returns this event for the order of a strategy.
    #[must_use]
    pub fn with_strategy(mut self, strategy_id: impl Into<Option<StrategyId>>) -> Self {
        self.strategy_id = strategy_id.into();
        self
    }

    /// Returns this event with the position after it.
    #[must_use]
    pub fn with_position(mut self, position: impl Into<Option<PositionAfter>>) -> Self {
        self.position = position.into();
        self
    }

    /// The time of the event at the venue, or of its booking if it has none.
    #[must_use]
    pub fn event_time(&self) -> DateTime<Utc> {
        let recorded_at = self.recorded.recorded_at;
        self.recorded.event.venue_time.unwrap_or(recorded_at)
    }

    /// The quantity and the price of a fill or a correction.
    #[must_use]
    pub fn last(&self) -> Option<(Decimal, Decimal)> {
        match &self.recorded.event.kind {
            OrderEventKind::Filled(it) => Some((it.quantity, it.price)),
            OrderEventKind::FillCorrected(it) => Some((it.quantity, it.price)),
            _ => None,
        }
    }

    /// The event as a report about a fill; `None` if it is of another kind.
    #[must_use]
    pub fn fill_report(&self) -> Option<FillReport> {
        let (kind, ref_exec_id) = match &self.recorded.event.kind {
            OrderEventKind::Filled(_) => (FillReportKind::Filled, None),
            OrderEventKind::FillBusted(it) => (FillReportKind::Busted, Some(&it.exec_id)),
            OrderEventKind::FillCorrected(it) => {
                (FillReportKind::Corrected, Some(&it.reference.exec_id))
            }
            _ => return None,
        };
        let execution = match &self.recorded.event.kind {
            OrderEventKind::Filled(execution) => Some(execution),
            _ => None,
        };
        Some(FillReport {
            account_id: self.account_id,
            trade_time: self.event_time(),
            sequence: self.recorded.sequence,
            recorded_at: self.recorded.recorded_at,
            order_id: self.recorded.order_id.clone(),
            kind,
            symbol_id: self.symbol_id,
            side: self.side,
            strategy_id: self.strategy_id,
            last: self.last(),
            venue: self.venue.clone(),
            exec_id: self.recorded.event.exec_id.clone(),
            ref_exec_id: ref_exec_id.cloned(),
            fee: execution.and_then(|it| it.fee.clone()),
            liquidity: execution.and_then(|it| it.liquidity),
        })
    }

    /// The position after the event; `None` if the event changed none.
    #[must_use]
    pub fn position_state(&self) -> Option<PositionState> {
        let after = self.position.clone()?;
        let key = PositionKey::new(self.strategy_id, self.symbol_id, after.name.clone());
        Some(PositionState {
            account_id: self.account_id,
            key,
            as_of: self.event_time(),
            sequence: self.recorded.sequence,
            recorded_at: self.recorded.recorded_at,
            after,
        })
    }
}

/// The content of a report about a fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FillReportKind {
    /// A new fill.
    Filled,
    /// A fill was withdrawn.
    Busted,
    /// A fill has another quantity and price.
    Corrected,
}

names!(FillReportKind, "kind of fill report" {
    Filled => "filled",
    Busted => "fill_busted",
    Corrected => "fill_corrected",
});

/// A report about a fill, as the venue sent it. Later reports do not change it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FillReport {
    /// The account.
    pub account_id: AccountId,
    /// The time of the report at the venue, or of its booking if it has none.
    pub trade_time: DateTime<Utc>,
    /// The number of the event in the account.
    pub sequence: i64,
    /// When the event was booked.
    pub recorded_at: DateTime<Utc>,
    /// The order.
    pub order_id: OrderId,
    /// The content of the report.
    pub kind: FillReportKind,
    /// The instrument.
    pub symbol_id: SymbolId,
    /// The side of the order.
    pub side: Side,
    /// The strategy of the order.
    pub strategy_id: Option<StrategyId>,
    /// The executed or corrected quantity, greater than zero, and the price; `None` for a bust.
    pub last: Option<(Decimal, Decimal)>,
    /// The venue.
    pub venue: Venue,
    /// The id of the report.
    pub exec_id: Option<ExecId>,
    /// The id of the busted or corrected report.
    pub ref_exec_id: Option<ExecId>,
    /// The fee of a new fill.
    pub fee: Option<Fee>,
    /// Whether a new fill added liquidity.
    pub liquidity: Option<Liquidity>,
}

/// A position after an event, with the time of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PositionState {
    /// The account.
    pub account_id: AccountId,
    /// The position.
    pub key: PositionKey,
    /// The time of the event at the venue, or of its booking if it has none.
    pub as_of: DateTime<Utc>,
    /// The number of the event in the account.
    pub sequence: i64,
    /// When the event was booked.
    pub recorded_at: DateTime<Utc>,
    /// The position.
    pub after: PositionAfter,
}
