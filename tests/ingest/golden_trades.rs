//! The records of the golden spools of trades.
#![cfg(feature = "files")]

use chrono::DateTime;
use rust_decimal::Decimal;
use tickbook::domain::{AggressorSide, SymbolId, Trade};
use tickbook::repository::QuarantinedTrade;

use crate::spool_golden::{number, quarantined, time};

/// Trades with every form of each field.
pub(crate) fn trades() -> Vec<Trade> {
    let plain = |index: i64| {
        let price = Decimal::new(1_292_000 + index, 3);
        Trade::new(
            SymbolId::new(7),
            time(index),
            price,
            Decimal::from(1 + index % 9),
        )
    };
    let mut trades: Vec<_> = (0..200).map(|index| plain(index * 137_000)).collect();
    trades.extend([
        plain(2)
            .with_sequence(9_007_199_254_740_993)
            .with_aggressor_side(AggressorSide::Buy)
            .with_received_at(time(50_000_000)),
        plain(3)
            .with_symbol_id(SymbolId::new(i64::MAX))
            .with_price(number("-999999999999999.999999999999"))
            .with_quantity(number("0.000000000001"))
            .with_aggressor_side(AggressorSide::Sell),
        plain(4)
            .with_symbol_id(SymbolId::new(-1))
            .with_trade_time(DateTime::from_timestamp(-86_400, 123_456_789).expect("in range"))
            .with_sequence(-1)
            .with_quantity(number("-0.50")),
        plain(5).with_block(true).with_trade_id("№ 5".to_owned()),
        plain(6).with_occurrence(3).with_trade_id(String::new()),
    ]);
    trades
}

pub(crate) fn quarantined_trades() -> Vec<QuarantinedTrade> {
    quarantined(trades())
}
