//! Fills and positions as parameters.

use rust_decimal::Decimal;
use tickbook::postgres::PgDecimal;

use super::Changes;
use crate::domain::{Fill, PositionKey};
use crate::postgres::amount::PgAmount;
use crate::postgres::fill_rows::columns_of;
use crate::postgres::position_rows::strategy_of;
use crate::postgres::statement::Parameter;

impl Changes<'_> {
    pub(super) fn push_fills(&self, out: &mut Vec<Parameter>) {
        let all = &self.fills;
        let ids: Vec<_> = all.iter().map(|it| columns_of(&it.fill_id)).collect();
        let texts = |text: &dyn Fn(&Fill) -> Option<String>| {
            Parameter::Texts(all.iter().map(|it| text(it)).collect())
        };
        let decimals = |value: &dyn Fn(&Fill) -> Option<Decimal>| {
            Parameter::Decimals(all.iter().map(|it| value(it).map(PgDecimal)).collect())
        };
        let is_new = |fill: &Fill| fill.order.sequence > self.before;
        out.extend([
            Parameter::Bools(all.iter().map(|it| Some(is_new(it))).collect()),
            Parameter::BigInts(all.iter().map(|it| Some(it.order.sequence)).collect()),
            texts(&|it| Some(it.order_id.as_str().to_owned())),
            Parameter::Texts(ids.iter().map(|id| id.0.clone()).collect()),
            Parameter::Texts(ids.iter().map(|id| id.1.clone()).collect()),
            Parameter::Texts(ids.iter().map(|id| id.2.clone()).collect()),
            Parameter::Hashes(ids.iter().map(|id| id.3.clone()).collect()),
            Parameter::Times(all.iter().map(|it| Some(it.order.trade_time)).collect()),
            Parameter::BigInts(all.iter().map(|it| Some(it.order.venue_sequence)).collect()),
            Parameter::BigInts(
                all.iter()
                    .map(|it| Some(it.position.strategy_id?.get()))
                    .collect(),
            ),
            Parameter::BigInts(all.iter().map(|it| Some(it.symbol_id().get())).collect()),
            texts(&|it| Some(it.position.name.clone())),
            texts(&|it| Some(it.side.as_str().to_owned())),
            decimals(&|it| Some(it.quantity)),
            decimals(&|it| Some(it.price)),
            decimals(&|it| Some(it.fee.as_ref()?.amount)),
            texts(&|it| Some(it.fee.as_ref()?.currency.as_str().to_owned())),
            Parameter::Bools(
                all.iter()
                    .map(|it| Some(it.fee.as_ref()?.is_taken_from_quantity))
                    .collect(),
            ),
            texts(&|it| Some(it.liquidity?.as_str().to_owned())),
            decimals(&|it| Some(it.contract.multiplier)),
            Parameter::Bools(all.iter().map(|it| Some(it.contract.is_inverse)).collect()),
            Parameter::Dates(all.iter().map(|it| it.trading_day).collect()),
            texts(&|it| Some(it.latest_exec_id.as_ref()?.as_str().to_owned())),
            Parameter::Integers(
                all.iter()
                    .map(|it| i32::try_from(it.versions).unwrap_or(i32::MAX))
                    .collect(),
            ),
            Parameter::Bools(all.iter().map(|it| Some(it.is_busted)).collect()),
        ]);
    }

    pub(super) fn push_positions(&self, out: &mut Vec<Parameter>) {
        let all = &self.positions;
        let strategy = |key: &PositionKey| Some(strategy_of(key));
        out.extend([
            Parameter::Bools(all.iter().map(|it| Some(it.is_new)).collect()),
            Parameter::BigInts(all.iter().map(|it| strategy(it.key)).collect()),
            Parameter::BigInts(all.iter().map(|it| Some(it.key.symbol_id.get())).collect()),
            Parameter::Texts(all.iter().map(|it| Some(it.key.name.clone())).collect()),
            Parameter::Decimals(
                all.iter()
                    .map(|it| Some(PgDecimal(it.position.quantity)))
                    .collect(),
            ),
            Parameter::Amounts(
                all.iter()
                    .map(|it| Some(PgAmount(it.position.open_cost)))
                    .collect(),
            ),
            Parameter::Amounts(
                all.iter()
                    .map(|it| Some(PgAmount(it.position.realized)))
                    .collect(),
            ),
            Parameter::Times(all.iter().map(|it| it.position.opened_at).collect()),
            Parameter::BigInts(all.iter().map(|it| Some(it.last_sequence)).collect()),
        ]);
        let fees = || {
            all.iter()
                .flat_map(|it| it.position.fees.iter().map(move |fee| (it.key, fee)))
        };
        out.extend([
            Parameter::BigInts(fees().map(|(key, _)| strategy(key)).collect()),
            Parameter::BigInts(fees().map(|(key, _)| Some(key.symbol_id.get())).collect()),
            Parameter::Texts(fees().map(|(key, _)| Some(key.name.clone())).collect()),
            Parameter::Texts(
                fees()
                    .map(|(_, (it, _))| Some(it.as_str().to_owned()))
                    .collect(),
            ),
            Parameter::Amounts(fees().map(|(_, (_, it))| Some(PgAmount(*it))).collect()),
        ]);
    }
}
