//! Events of the rows of a statement.

use std::collections::HashMap;

use rust_decimal::Decimal;
use tickbook::domain::SymbolId;

use super::reader::StatementRow;
use crate::domain::{
    ContentHash, Contract, ExecId, Execution, OrderEvent, OrderEventKind, OrderId, OrderTerms, Side,
};

/// The symbol of a name in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatementSymbol {
    /// The id.
    pub symbol_id: SymbolId,
    /// How the value of a quantity follows from its price.
    pub contract: Contract,
}

impl StatementSymbol {
    /// A symbol with a contract.
    #[must_use]
    pub fn new(symbol_id: SymbolId, contract: Contract) -> Self {
        Self {
            symbol_id,
            contract,
        }
    }
}

/// The event of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatementEvent {
    /// The line of the row.
    pub line: u64,
    /// A fill of an external order.
    pub event: OrderEvent,
}

/// Makes a fill of each row, in the order of their times. `symbol` finds the symbol of a name; rows whose symbol it does
/// not find are left out.
///
/// - An order that the ledger does not have becomes an external order with the id and the sum of the quantities of its
///   rows. A row without an order is an order of its own.
/// - A row without an id gets one that follows from its content: `csv-`, a digest, and the number of equal rows before it
///   in the file. So a fill that two files contain is booked once, and a fill that one file contains twice is booked
///   twice: files may overlap, and may be imported again.
pub fn fill_events(
    rows: &[StatementRow],
    symbol: impl Fn(&str) -> Option<StatementSymbol>,
) -> Vec<StatementEvent> {
    let mut totals: HashMap<&OrderId, Decimal> = HashMap::new();
    for row in rows {
        if let Some(order_id) = &row.order_id {
            let total = totals.entry(order_id).or_default();
            *total = total.checked_add(row.quantity).unwrap_or(*total);
        }
    }
    let mut equal: HashMap<ContentHash, u32> = HashMap::new();
    let mut events: Vec<_> = in_order_of_time(rows)
        .into_iter()
        .filter_map(|row| {
            let symbol = symbol(&row.symbol)?;
            let (mut event, side) = (content(row, symbol), row.side);
            let total = row.order_id.as_ref().and_then(|id| totals.get(id)).copied();
            let exec_id = match &row.exec_id {
                Some(exec_id) => exec_id.clone(),
                None => numbered(event.digest(), &mut equal)?,
            };
            if event.order_id.is_none() {
                event.order_id = OrderId::new(exec_id.as_str()).ok();
            }
            let terms = external(symbol.symbol_id, side, total.unwrap_or(row.quantity));
            let event = event.with_exec_id(exec_id).of_external(terms);
            Some(StatementEvent {
                line: row.line,
                event,
            })
        })
        .collect();
    events.sort_by_key(|it| it.event.venue_time);
    events
}

/// The rows, reversed if the file has the newest row first.
fn in_order_of_time(rows: &[StatementRow]) -> Vec<&StatementRow> {
    let is_reversed = rows.is_sorted_by(|a, b| a.time >= b.time)
        && rows.first().map(|row| row.time) != rows.last().map(|row| row.time);
    match is_reversed {
        true => rows.iter().rev().collect(),
        false => rows.iter().collect(),
    }
}

/// The fill, with all that distinguishes it from others.
fn content(row: &StatementRow, symbol: StatementSymbol) -> OrderEvent {
    let execution = Execution::new(row.quantity, row.price)
        .with_fee(row.fee.clone())
        .with_contract(symbol.contract);
    let kind = OrderEventKind::Filled(Box::new(execution));
    let mut event = OrderEvent::unassigned(kind).at(row.time);
    event.order_id.clone_from(&row.order_id);
    (event.symbol_id, event.side) = (Some(symbol.symbol_id), Some(row.side));
    event
}

fn external(symbol_id: SymbolId, side: Side, quantity: Decimal) -> OrderTerms {
    OrderTerms::market(symbol_id, side, quantity)
}

/// The id of a row without one. A digest is longer than necessary: 32 digits have no collisions.
fn numbered(digest: ContentHash, equal: &mut HashMap<ContentHash, u32>) -> Option<ExecId> {
    let count = equal.entry(digest).or_default();
    let text = digest.to_string();
    let exec_id = ExecId::new(format!("csv-{}-{count}", text.get(..32)?));
    *count = count.saturating_add(1);
    exec_id.ok()
}
