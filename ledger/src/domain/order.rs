//! Orders: the facts that events state, and the status that follows from them.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::amount::{Amount, AmountError};
use super::execution::Closing;
use super::ids::{ClientOrderId, OrderId, VenueOrderId};
use super::names::names;
use super::order_event::{OrderEvent, OrderEventKind};
use super::order_status::OrderStatus;
use super::order_terms::OrderTerms;
use super::refusal::Refusal;
use super::replacement::{Replacement, Restatement};

/// The content of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// To cancel the order.
    Cancel,
    /// To replace values of the order.
    Replace,
}

names!(RequestKind, "request" {
    Cancel => "cancel",
    Replace => "replace",
});

/// A request that the venue considers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct PendingRequest {
    /// The content of the request.
    pub kind: RequestKind,
    /// The id of the request; `None` if the venue did not state it.
    pub client_order_id: Option<ClientOrderId>,
}

/// An order: what it asks for, what was executed, and the facts that its events state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Order {
    /// The id.
    pub order_id: OrderId,
    /// The terms of the order at present: quantity and prices change when they are replaced.
    pub terms: OrderTerms,
    /// The id of the last request that the venue accepted.
    pub client_order_id: Option<ClientOrderId>,
    /// The id at the venue.
    pub venue_order_id: Option<VenueOrderId>,
    /// Whether the order was placed elsewhere and is known from reports only.
    pub is_external: bool,
    /// The sum of the quantities of all fills that are not busted.
    pub filled: Decimal,
    /// The sum of quantity times price of all fills that are not busted.
    pub filled_notional: Amount,
    /// What restatements added to the executed quantity.
    pub adjustment: Decimal,
    /// What restatements added to the notional.
    pub notional_adjustment: Amount,
    /// Whether the owner sent the order.
    pub is_submitted: bool,
    /// Whether the venue accepted the order.
    pub is_acknowledged: bool,
    /// Whether the stop price was reached.
    pub is_triggered: bool,
    /// Whether the venue guarantees an execution.
    pub is_stopped: bool,
    /// Whether the order is suspended.
    pub is_suspended: bool,
    /// The first fact that closed the order, except the end of a trading day.
    pub closed_by: Option<Closing>,
    /// The requests that the venue considers, in the order of their reports.
    pub pending: Vec<PendingRequest>,
    /// The last trading day for which the venue reported the order as done; `Some(None)` if it named no day.
    pub done_for: Option<Option<NaiveDate>>,
    /// The last trading day with a fill, an acknowledgement or a restatement.
    pub active_on: Option<NaiveDate>,
    /// The number of its first event in the account.
    pub first_sequence: i64,
    /// The number of its last event in the account.
    pub last_sequence: i64,
    /// When its first event was booked.
    pub created_at: DateTime<Utc>,
    /// When its last event was booked.
    pub updated_at: DateTime<Utc>,
}

impl Order {
    pub(crate) fn new(
        order_id: OrderId,
        terms: OrderTerms,
        sequence: i64,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            order_id,
            terms,
            client_order_id: None,
            venue_order_id: None,
            is_external: false,
            filled: Decimal::ZERO,
            filled_notional: Amount::ZERO,
            adjustment: Decimal::ZERO,
            notional_adjustment: Amount::ZERO,
            is_submitted: false,
            is_acknowledged: false,
            is_triggered: false,
            is_stopped: false,
            is_suspended: false,
            closed_by: None,
            pending: Vec::new(),
            done_for: None,
            active_on: None,
            first_sequence: sequence,
            last_sequence: sequence,
            created_at: now,
            updated_at: now,
        }
    }

    /// The executed quantity; FIX `CumQty`.
    #[must_use]
    pub fn executed(&self) -> Decimal {
        self.filled + self.adjustment
    }

    /// The sum of executed quantity times price.
    #[must_use]
    pub fn notional(&self) -> Amount {
        // both are checked to be in range when they are set
        self.filled_notional
            .plus(self.notional_adjustment)
            .unwrap_or(self.filled_notional)
    }

    /// The average price of what was executed, rounded half to even at 12 decimal places; `None` if nothing was.
    #[must_use]
    pub fn average_price(&self) -> Option<Decimal> {
        self.notional().per_unit(self.executed())
    }

    /// The quantity that may still be executed: 0 for a closed order. FIX `LeavesQty`.
    #[must_use]
    pub fn leaves(&self) -> Decimal {
        match self.closing() {
            Some(_) => Decimal::ZERO,
            None => (self.quantity() - self.executed()).max(Decimal::ZERO),
        }
    }

    /// The quantity executed beyond the ordered one. 0 if the ordered quantity is unknown.
    #[must_use]
    pub fn overfill(&self) -> Decimal {
        match self.terms.quantity {
            Some(quantity) => (self.executed() - quantity).max(Decimal::ZERO),
            None => Decimal::ZERO,
        }
    }

    /// Why the order is closed; `None` if it is open.
    ///
    /// The end of a trading day closes an order unless it is good till a later time. A filled order is open in this
    /// sense, since the venue may accept a larger quantity.
    #[must_use]
    pub fn closing(&self) -> Option<Closing> {
        match self.closed_by {
            None if self.done_for.is_some() && !self.terms.time_in_force.is_good_till() => {
                Some(Closing::DoneForDay)
            }
            closing => closing,
        }
    }

    /// Whether the order may still be executed: it is not closed, and a part of it is not executed or its quantity is
    /// unknown.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.closing().is_none() && self.terms.quantity.is_none_or(|it| it > self.executed())
    }

    /// The status: of all that apply, the one with the highest precedence.
    #[must_use]
    pub fn status(&self) -> OrderStatus {
        let is_refused = matches!(self.closed_by, Some(Closing::Rejected | Closing::Denied));
        let is_open = self.closed_by.is_none();
        let (executed, quantity) = (self.executed(), self.terms.quantity);
        let is_pending = |kind| self.pending.iter().any(|request| request.kind == kind);
        let facts = [
            (true, OrderStatus::PendingNew),
            (self.is_acknowledged, OrderStatus::New),
            (
                executed > Decimal::ZERO && !is_refused,
                OrderStatus::PartiallyFilled,
            ),
            (self.is_suspended && is_open, OrderStatus::Suspended),
            (self.is_stopped && is_open, OrderStatus::Stopped),
            (
                executed > Decimal::ZERO && quantity.is_some_and(|it| executed >= it),
                OrderStatus::Filled,
            ),
            (self.is_done_for_day(), OrderStatus::DoneForDay),
            (
                is_pending(RequestKind::Replace),
                OrderStatus::PendingReplace,
            ),
            (is_pending(RequestKind::Cancel), OrderStatus::PendingCancel),
        ];
        let facts = facts.into_iter().filter(|(holds, _)| *holds);
        let statuses = facts.map(|(_, status)| status);
        let statuses = statuses.chain(self.closed_by.map(OrderStatus::from));
        statuses
            .max_by_key(|status| status.precedence())
            .unwrap_or(OrderStatus::PendingNew)
    }

    /// Whether no executions are expected on the current trading day. A fill, an acknowledgement or a restatement of
    /// a later day ends this for an order that is good till a later time.
    fn is_done_for_day(&self) -> bool {
        self.done_for
            .is_some_and(|day| !self.terms.time_in_force.is_good_till() || self.active_on <= day)
    }

    fn quantity(&self) -> Decimal {
        self.terms.quantity.unwrap_or_default()
    }

    fn close(&mut self, closing: Closing, event: &OrderEvent) {
        let is_immediate = self.terms.time_in_force.is_immediate();
        let closing = match closing {
            // what is not executed at once is canceled
            Closing::Expired if is_immediate => Closing::Canceled,
            closing => closing,
        };
        match closing {
            Closing::DoneForDay => {
                self.done_for = self.done_for.max(Some(event.trading_day));
            }
            closing => {
                self.closed_by.get_or_insert(closing);
            }
        }
    }

    /// Closes the order for a report that also has another content.
    pub(super) fn close_also(&mut self, closing: Option<Closing>, event: &OrderEvent) {
        if let Some(closing) = closing {
            self.close(closing, event);
        }
    }

    fn add_pending(&mut self, kind: RequestKind, event: &OrderEvent) {
        let client_order_id = event.client_order_id.clone();
        let request = PendingRequest {
            kind,
            client_order_id,
        };
        if !self.pending.contains(&request) {
            self.pending.push(request);
        }
    }

    fn remove_pending(&mut self, event: &OrderEvent) {
        self.pending
            .retain(|request| request.client_order_id != event.client_order_id);
    }

    /// Applies an event that changes neither fills nor the identity of the order. Fills, busts and corrections are
    /// applied by [`AccountLedger`](super::AccountLedger), which calls this too.
    pub(super) fn apply(&mut self, event: &OrderEvent) -> Result<(), Refusal> {
        match &event.kind {
            OrderEventKind::Submitted => self.is_submitted = true,
            OrderEventKind::Acknowledged(quantity) => {
                (self.is_acknowledged, self.is_suspended) = (true, false);
                self.terms.quantity = quantity.or(self.terms.quantity);
            }
            OrderEventKind::Triggered => self.is_triggered = true,
            OrderEventKind::Rejected => self.close_and_answer(Closing::Rejected, event),
            OrderEventKind::Denied => self.close_and_answer(Closing::Denied, event),
            OrderEventKind::Canceled => self.close_and_answer(Closing::Canceled, event),
            OrderEventKind::Expired => self.close_and_answer(Closing::Expired, event),
            OrderEventKind::CancelPending => self.add_pending(RequestKind::Cancel, event),
            OrderEventKind::ReplacePending => self.add_pending(RequestKind::Replace, event),
            OrderEventKind::RequestRejected => self.remove_pending(event),
            OrderEventKind::Replaced(values) => self.replace(values, event)?,
            OrderEventKind::DoneForDay => self.close(Closing::DoneForDay, event),
            OrderEventKind::Restated(values) => self.restate(values)?,
            OrderEventKind::Suspended => self.is_suspended = true,
            OrderEventKind::Stopped => self.is_stopped = true,
            OrderEventKind::Created(_)
            | OrderEventKind::CancelRequested
            | OrderEventKind::ReplaceRequested(_)
            | OrderEventKind::Filled(_)
            | OrderEventKind::FillBusted(_)
            | OrderEventKind::FillCorrected(_) => {}
        }
        if matches!(
            event.kind,
            OrderEventKind::Filled(_)
                | OrderEventKind::Acknowledged(_)
                | OrderEventKind::Restated(_)
        ) {
            self.active_on = self.active_on.max(event.trading_day);
        }
        Ok(())
    }

    fn close_and_answer(&mut self, closing: Closing, event: &OrderEvent) {
        self.close(closing, event);
        self.remove_pending(event);
    }

    /// A quantity below the executed one is amended to it.
    fn replace(&mut self, values: &Replacement, event: &OrderEvent) -> Result<(), Refusal> {
        if let Some(closing) = self.closing() {
            return Err(Refusal::OrderClosed { closing });
        }
        self.remove_pending(event);
        if let Some(quantity) = values.quantity {
            self.terms.quantity = Some(quantity.max(self.executed()));
        }
        self.terms.limit_price = values.limit_price.or(self.terms.limit_price);
        self.terms.stop_price = values.stop_price.or(self.terms.stop_price);
        if let Some(id) = &event.client_order_id {
            self.client_order_id = Some(id.clone());
        }
        Ok(())
    }

    fn restate(&mut self, values: &Restatement) -> Result<(), Refusal> {
        self.terms.quantity = values.quantity.or(self.terms.quantity);
        if let Some(executed) = values.executed {
            self.adjustment = executed - self.filled;
        }
        if let Some(notional) = values.notional {
            self.notional_adjustment = notional.minus(self.filled_notional)?;
        }
        Ok(())
    }

    /// Adds or, with a negative quantity, removes a fill.
    pub(super) fn execute(&mut self, quantity: Decimal, notional: Amount) -> Result<(), Refusal> {
        let filled = self.filled + quantity;
        let executed = tickbook::domain::check_tick_decimal(filled + self.adjustment);
        executed.map_err(|_| AmountError::OutOfRange)?;
        self.filled_notional = self.filled_notional.plus(notional)?;
        self.filled_notional.plus(self.notional_adjustment)?;
        self.filled = filled.normalize();
        Ok(())
    }
}
