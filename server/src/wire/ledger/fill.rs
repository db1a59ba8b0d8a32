//! Fills as JSON.

use serde::Serialize;
use tickbook_ledger::domain::{Contract, Fee, Fill, FillId};
use utoipa::ToSchema;

use crate::wire::{DecimalText, TimeText};

/// An execution of an order in its present form, after corrections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "sequence": 2, "trade_time": "2024-05-01T12:00:00.000000Z", "venue_sequence": 0, "order_id": "a-1", "symbol_id": 1,
    "strategy_id": null, "position": "net", "side": "buy", "quantity": "4", "price": "99", "venue": "kraken",
    "exec_id": "8812345", "effect": null,
    "fee": {"amount": "0.2", "currency": "USD", "is_taken_from_quantity": false}, "liquidity": null,
    "contract": {"multiplier": "1", "is_inverse": false}, "trading_day": null, "latest_exec_id": "8812345",
    "versions": 0, "is_busted": false
}))]
pub struct FillBody {
    /// The number of its event.
    #[schema(example = 2)]
    pub sequence: i64,
    /// When it happened at the venue.
    pub trade_time: TimeText,
    /// The order among the fills of one instant, as the venue numbers them.
    #[schema(example = 0)]
    pub venue_sequence: i64,
    /// The order that was executed.
    #[schema(example = "a-1")]
    pub order_id: String,
    /// The instrument.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// The strategy that owns the position.
    pub strategy_id: Option<i64>,
    /// The name of the position that it changed.
    #[schema(example = "net")]
    pub position: String,
    /// buy or sell.
    #[schema(value_type = String, example = "buy")]
    pub side: &'static str,
    /// The quantity, greater than zero.
    pub quantity: DecimalText,
    /// The price of one unit.
    pub price: DecimalText,
    /// The venue of the report; null for a report without an id.
    #[schema(example = "kraken")]
    pub venue: Option<String>,
    /// The id of the report; null for a report without an id.
    #[schema(example = "8812345")]
    pub exec_id: Option<String>,
    /// open or close, for one part of an execution that the venue reported in two parts; otherwise null.
    #[schema(value_type = Option<String>, example = "close")]
    pub effect: Option<&'static str>,
    /// The fee; null without one. A correction does not change it.
    pub fee: Option<FeeBody>,
    /// maker, taker or auction; null if unknown.
    #[schema(value_type = Option<String>, example = "maker")]
    pub liquidity: Option<&'static str>,
    /// The terms of the instrument at the time of the fill.
    pub contract: ContractBody,
    /// The trading day at the venue, such as 2024-05-01.
    #[schema(example = "2024-05-01")]
    pub trading_day: Option<String>,
    /// The id of the latest report: of the fill itself, its latest correction, or its bust.
    #[schema(example = "8812345")]
    pub latest_exec_id: Option<String>,
    /// The number of corrections and busts.
    #[schema(example = 0)]
    pub versions: u32,
    /// Whether the fill was withdrawn. It counts in no sum.
    pub is_busted: bool,
}

/// A fee. A rebate is negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeeBody {
    /// The amount, in units of the currency.
    pub amount: DecimalText,
    /// The currency.
    #[schema(example = "USD")]
    pub currency: String,
    /// Whether the venue took the fee from the traded quantity.
    #[schema(required = false)]
    pub is_taken_from_quantity: bool,
}

/// The terms of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContractBody {
    /// Units of the underlying in one contract.
    pub multiplier: DecimalText,
    /// Whether the quantity is in units of the quote currency and the value in units of the base currency.
    #[schema(required = false)]
    pub is_inverse: bool,
}

/// A page of fills, by ascending `trade_time`, `venue_sequence` and `sequence`.
#[derive(Debug, Serialize, ToSchema)]
pub struct FillList {
    /// The fills, busted ones too.
    pub data: Vec<FillBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl From<Fee> for FeeBody {
    fn from(fee: Fee) -> Self {
        Self {
            amount: DecimalText(fee.amount),
            currency: fee.currency.as_str().to_owned(),
            is_taken_from_quantity: fee.is_taken_from_quantity,
        }
    }
}

impl From<Contract> for ContractBody {
    fn from(contract: Contract) -> Self {
        Self {
            multiplier: DecimalText(contract.multiplier),
            is_inverse: contract.is_inverse,
        }
    }
}

impl From<Fill> for FillBody {
    fn from(fill: Fill) -> Self {
        let (venue, exec_id, effect) = match fill.fill_id {
            FillId::Report {
                venue,
                exec_id,
                effect,
            } => (Some(venue), Some(exec_id), effect),
            _ => (None, None, None),
        };
        Self {
            sequence: fill.order.sequence,
            trade_time: TimeText(fill.order.trade_time),
            venue_sequence: fill.order.venue_sequence,
            order_id: fill.order_id.as_str().to_owned(),
            symbol_id: fill.position.symbol_id.get(),
            strategy_id: fill.position.strategy_id.map(|id| id.get()),
            position: fill.position.name,
            side: fill.side.as_str(),
            quantity: DecimalText(fill.quantity),
            price: DecimalText(fill.price),
            venue: venue.map(|id| id.as_str().to_owned()),
            exec_id: exec_id.map(|id| id.as_str().to_owned()),
            effect: effect.map(|effect| effect.as_str()),
            fee: fill.fee.map(Into::into),
            liquidity: fill.liquidity.map(|liquidity| liquidity.as_str()),
            contract: fill.contract.into(),
            trading_day: fill.trading_day.map(|day| day.to_string()),
            latest_exec_id: fill.latest_exec_id.map(|id| id.as_str().to_owned()),
            versions: fill.versions,
            is_busted: fill.is_busted,
        }
    }
}
