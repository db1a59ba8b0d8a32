//! The parts of a tick or a trade that the rules observe.

use rust_decimal::Decimal;

use crate::domain::{MarketEvent, Tick, Trade};

/// An event that [`QualityControl`](super::QualityControl) checks: a tick or a trade.
pub trait CheckedEvent: MarketEvent {
    /// The lowest price, which the rule `not_positive` checks.
    fn lowest_price(&self) -> Option<Decimal>;

    /// Bid and ask, which the rule `crossed` compares; `None` for an event without both.
    fn bid_and_ask(&self) -> Option<(Decimal, Decimal)>;

    /// The prices that the rule `frozen_quote` expects to change; `None` for an event whose price may stay
    /// the same, as that of trades.
    fn quote(&self) -> Option<[Option<Decimal>; 2]>;

    /// The price that the rules `deviation` and `z_score` compare with that of earlier events, exact up to a
    /// constant factor; `None` without one.
    fn compared_price(&self) -> Option<Decimal>;

    /// Passes the numbers and flags of the message to `mix`, which the rule `repeated` compares.
    fn mix(&self, mix: impl FnMut(u64));
}

impl CheckedEvent for Tick {
    fn lowest_price(&self) -> Option<Decimal> {
        let prices = [self.bid_price, self.ask_price].into_iter().flatten();
        prices.min()
    }

    fn bid_and_ask(&self) -> Option<(Decimal, Decimal)> {
        self.bid_price.zip(self.ask_price)
    }

    fn quote(&self) -> Option<[Option<Decimal>; 2]> {
        Some([self.bid_price, self.ask_price])
    }

    /// Twice the mid. A sum that overflows is larger than any store accepts.
    fn compared_price(&self) -> Option<Decimal> {
        let (bid, ask) = self.bid_and_ask()?;
        bid.checked_add(ask)
    }

    fn mix(&self, mut mix: impl FnMut(u64)) {
        for number in [
            self.bid_price,
            self.ask_price,
            self.bid_volume,
            self.ask_volume,
        ] {
            mix_number(number, &mut mix);
        }
    }
}

impl CheckedEvent for Trade {
    fn lowest_price(&self) -> Option<Decimal> {
        Some(self.price)
    }

    fn bid_and_ask(&self) -> Option<(Decimal, Decimal)> {
        None
    }

    fn quote(&self) -> Option<[Option<Decimal>; 2]> {
        None
    }

    fn compared_price(&self) -> Option<Decimal> {
        Some(self.price)
    }

    /// Trades of one instant with the same price are usual, so the number and the id count as well.
    fn mix(&self, mut mix: impl FnMut(u64)) {
        mix_number(Some(self.price), &mut mix);
        mix_number(Some(self.quantity), &mut mix);
        mix(self.aggressor_side.map_or(0, |side| side as u64 + 1));
        mix(self.is_block.into());
        if self.occurrence.is_none() {
            mix(self.sequence.cast_unsigned());
        }
        let id = self.trade_id.as_deref().unwrap_or_default();
        id.bytes().for_each(|byte| mix(byte.into()));
    }
}

fn mix_number(number: Option<Decimal>, mix: &mut impl FnMut(u64)) {
    // no decimal has all bits set
    let bytes = number.map_or(u128::MAX, |it| u128::from_le_bytes(it.serialize()));
    // both halves, one after the other
    mix(bytes as u64);
    mix((bytes >> 64) as u64);
}
