//! Fills, busts and corrections.

use super::{AccountLedger, Changes, ReportId, Stop};
use crate::domain::event_key;
use crate::domain::execution::{Correction, Execution, FillReference};
use crate::domain::fill::{Fill, FillId, FillOrder};
use crate::domain::ids::{ExecId, Venue};
use crate::domain::order::Order;
use crate::domain::order_event::OrderEvent;
use crate::domain::position_book::PositionBook;
use crate::domain::position_key::PositionKey;
use crate::domain::refusal::Refusal;

/// The id under which the latest report of a fill is named, if the fill has one.
fn latest(fill: &Fill) -> Option<&ExecId> {
    fill.latest_exec_id.as_ref().or(match &fill.fill_id {
        FillId::Report { exec_id, .. } => Some(exec_id),
        FillId::Content(_) => None,
    })
}

impl AccountLedger {
    fn venue<'a>(&'a self, event: &'a OrderEvent) -> &'a Venue {
        event.venue.as_ref().unwrap_or(&self.account.terms.venue)
    }

    pub(super) fn fill_changes(
        &self,
        event: &OrderEvent,
        mut order: Order,
        execution: &Execution,
    ) -> Result<Changes, Stop> {
        let fill_id = match &event.exec_id {
            Some(exec_id) => FillId::Report {
                venue: self.venue(event).clone(),
                exec_id: exec_id.clone(),
                effect: execution.effect,
            },
            None => FillId::Content(event_key::content(event, Some(&order.order_id))),
        };
        let terms = &order.terms;
        let name = terms.position_name(self.account.terms.position_mode);
        let fill = Fill {
            fill_id,
            order: FillOrder {
                // a normalized fill has a time
                trade_time: event.venue_time.unwrap_or_default(),
                venue_sequence: event.venue_sequence,
                sequence: self.sequence + 1,
            },
            order_id: order.order_id.clone(),
            position: PositionKey::new(terms.strategy_id, terms.symbol_id, name),
            side: terms.side,
            quantity: execution.quantity,
            price: execution.price,
            fee: execution.fee.clone(),
            liquidity: execution.liquidity,
            contract: execution.contract,
            trading_day: event.trading_day,
            latest_exec_id: event.exec_id.clone(),
            versions: 0,
            is_busted: false,
        };
        order.execute(fill.quantity, fill.notional()?)?;
        order.close_also(execution.closes, event);
        let key = fill.position.clone();
        let is_last = self.with_book(&key, |book| book.is_before(fill.order));
        if !is_last {
            self.check_complete(&key)?;
        }
        let change = self.with_book(&key, |book| {
            book.with_fill(self.method(), &fill, |id| self.fills.get(id))
        })?;
        Ok(Changes {
            order,
            fill: Some(fill),
            report: None,
            position: Some((key, change)),
        })
    }

    pub(super) fn bust_changes(
        &self,
        event: &OrderEvent,
        mut order: Order,
        reference: &FillReference,
    ) -> Result<Changes, Stop> {
        let (mut fill, report) = self.referenced(event, &order, reference)?;
        order.execute(-fill.quantity, -fill.notional()?)?;
        let key = fill.position.clone();
        self.check_complete(&key)?;
        let change = self.with_book(&key, |book| {
            book.without(self.method(), fill.order, |id| self.fills.get(id))
        })?;
        fill.is_busted = true;
        Ok(Changes {
            order,
            fill: Some(fill),
            report,
            position: Some((key, change)),
        })
    }

    pub(super) fn correction_changes(
        &self,
        event: &OrderEvent,
        mut order: Order,
        correction: &Correction,
    ) -> Result<Changes, Stop> {
        let (mut fill, report) = self.referenced(event, &order, &correction.reference)?;
        order.execute(-fill.quantity, -fill.notional()?)?;
        (fill.quantity, fill.price) = (correction.quantity, correction.price);
        order.execute(fill.quantity, fill.notional()?)?;
        let key = fill.position.clone();
        self.check_complete(&key)?;
        let change = self.with_book(&key, |book| {
            book.with_correction(self.method(), &fill, |id| self.fills.get(id))
        })?;
        Ok(Changes {
            order,
            fill: Some(fill),
            report,
            position: Some((key, change)),
        })
    }

    /// Fails if not all fills of a position are loaded.
    fn check_complete(&self, key: &PositionKey) -> Result<(), Stop> {
        match self.incomplete.contains(key) {
            true => Err(Stop::Incomplete(key.clone())),
            false => Ok(()),
        }
    }

    fn with_book<T>(&self, key: &PositionKey, compute: impl FnOnce(&PositionBook) -> T) -> T {
        match self.positions.get(key) {
            Some(book) => compute(book),
            None => compute(&PositionBook::default()),
        }
    }

    /// The fill that a bust or a correction names, with the number of its versions, and the report that names it next.
    fn referenced(
        &self,
        event: &OrderEvent,
        order: &Order,
        reference: &FillReference,
    ) -> Result<(Fill, Option<(ReportId, FillId)>), Refusal> {
        let venue = self.venue(event);
        let report = |exec_id: &ExecId| (venue.clone(), exec_id.clone(), reference.effect);
        let named = reference.exec_id.clone();
        let fill_id = match self.reports.get(&report(&named)) {
            Some(fill_id) => fill_id.clone(),
            None => FillId::Report {
                venue: venue.clone(),
                exec_id: named.clone(),
                effect: reference.effect,
            },
        };
        let fill = self.fills.get(&fill_id);
        let fill = fill.filter(|fill| fill.order_id == order.order_id);
        let mut fill = fill.cloned().ok_or(Refusal::UnknownFill(named.clone()))?;
        if fill.is_busted {
            return Err(Refusal::Busted(named));
        }
        if let Some(latest) = latest(&fill)
            && *latest != named
        {
            let latest = latest.clone();
            return Err(Refusal::Superseded { named, latest });
        }
        let mut next = None;
        if let Some(exec_id) = &event.exec_id {
            let first = FillId::Report {
                venue: venue.clone(),
                exec_id: exec_id.clone(),
                effect: reference.effect,
            };
            let is_earlier = self.reports.get(&report(exec_id)) == Some(&fill_id);
            if first == fill_id || is_earlier {
                return Err(Refusal::ReferenceCycle(exec_id.clone()));
            }
            fill.latest_exec_id = Some(exec_id.clone());
            next = Some((report(exec_id), fill_id));
        }
        fill.versions += 1;
        Ok((fill, next))
    }
}
