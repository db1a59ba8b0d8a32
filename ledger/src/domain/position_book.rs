//! The fills of a position and the position that follows from them.

use std::collections::BTreeMap;

use super::account::CostMethod;
use super::amount::AmountError;
use super::fill::{Fill, FillId, FillOrder};
use super::position::Position;

/// The fills of a position that are not busted, in their order, and the position that they give.
#[derive(Debug, Clone, Default)]
pub(super) struct PositionBook {
    position: Position,
    fills: BTreeMap<FillOrder, FillId>,
}

/// A change of a book that is computed but not yet made.
pub(super) struct PositionChange {
    position: Position,
    added: Option<(FillOrder, FillId)>,
    removed: Option<FillOrder>,
    /// Whether the position was computed from all fills, since their order or content changed.
    pub(super) is_recomputed: bool,
}

impl PositionBook {
    /// A book of which only the last fill is known.
    #[cfg(feature = "postgres")]
    pub(super) fn ending_with(position: Position, last: Option<(FillOrder, FillId)>) -> Self {
        Self {
            position,
            fills: last.into_iter().collect(),
        }
    }

    /// Adds fills that are part of the position already.
    #[cfg(feature = "postgres")]
    pub(super) fn know_fills(&mut self, fills: impl IntoIterator<Item = (FillOrder, FillId)>) {
        self.fills.extend(fills);
    }

    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// Whether all fills are earlier.
    pub(super) fn is_before(&self, order: FillOrder) -> bool {
        let last = self.fills.last_key_value();
        last.is_none_or(|(last, _)| *last < order)
    }

    /// Adds a new fill. A fill later than all others is added to the position; otherwise the position is computed
    /// from all fills, which `find` returns.
    pub(super) fn with_fill<'a>(
        &self,
        method: CostMethod,
        fill: &Fill,
        find: impl Fn(&FillId) -> Option<&'a Fill>,
    ) -> Result<PositionChange, AmountError> {
        let is_last = self.is_before(fill.order);
        let position = match is_last {
            true => {
                let mut position = self.position.clone();
                position.add(method, fill)?;
                position
            }
            false => self.folded(method, Some(fill), None, find)?,
        };
        Ok(PositionChange {
            position,
            added: Some((fill.order, fill.fill_id.clone())),
            removed: None,
            is_recomputed: !is_last,
        })
    }

    /// Replaces a fill by its corrected form.
    pub(super) fn with_correction<'a>(
        &self,
        method: CostMethod,
        fill: &Fill,
        find: impl Fn(&FillId) -> Option<&'a Fill>,
    ) -> Result<PositionChange, AmountError> {
        let position = self.folded(method, Some(fill), Some(fill.order), find)?;
        Ok(PositionChange {
            position,
            added: Some((fill.order, fill.fill_id.clone())),
            removed: None,
            is_recomputed: true,
        })
    }

    /// Removes a fill.
    pub(super) fn without<'a>(
        &self,
        method: CostMethod,
        order: FillOrder,
        find: impl Fn(&FillId) -> Option<&'a Fill>,
    ) -> Result<PositionChange, AmountError> {
        let position = self.folded(method, None, Some(order), find)?;
        Ok(PositionChange {
            position,
            added: None,
            removed: Some(order),
            is_recomputed: true,
        })
    }

    /// Makes a change. Returns the position as it was before.
    pub(super) fn make(&mut self, change: PositionChange) -> Position {
        if let Some(order) = change.removed {
            self.fills.remove(&order);
        }
        self.fills.extend(change.added);
        std::mem::replace(&mut self.position, change.position)
    }

    /// The position of all fills without the one at `except` and with `fill`.
    fn folded<'a>(
        &self,
        method: CostMethod,
        fill: Option<&Fill>,
        except: Option<FillOrder>,
        find: impl Fn(&FillId) -> Option<&'a Fill>,
    ) -> Result<Position, AmountError> {
        let mut position = Position::default();
        let mut fill = fill;
        for (order, id) in &self.fills {
            if let Some(given) = fill.take_if(|given| given.order <= *order) {
                position.add(method, given)?;
            }
            if Some(*order) == except {
                continue;
            }
            if let Some(stored) = find(id) {
                position.add(method, stored)?;
            }
        }
        if let Some(given) = fill {
            position.add(method, given)?;
        }
        Ok(position)
    }
}
