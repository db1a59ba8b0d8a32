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
    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// Adds a new fill. A fill later than all others is added to the position; otherwise the position is computed
    /// from all fills, which `find` returns.
    pub(super) fn with_fill<'a>(
        &self,
        method: CostMethod,
        fill: &Fill,
        find: impl Fn(&FillId) -> Option<&'a Fill>,
    ) -> Result<PositionChange, AmountError> {
        let is_last = self
            .fills
            .last_key_value()
            .is_none_or(|(last, _)| *last < fill.order);
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

    pub(super) fn make(&mut self, change: PositionChange) {
        self.position = change.position;
        if let Some(order) = change.removed {
            self.fills.remove(&order);
        }
        self.fills.extend(change.added);
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
