//! Equity points as JSON.

use serde::Serialize;
use tickbook_ledger::domain::Amount;
use tickbook_ledger::domain::performance::{EquityMark, EquityPoint};
use utoipa::ToSchema;

use crate::wire::TimeText;

/// The equity of an account at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "as_of": "2024-05-02T20:00:00.000000Z", "equity": "10600", "cash": "2500", "flows": "500", "source": "broker"
}))]
pub struct EquityPointBody {
    /// The instant.
    pub as_of: TimeText,
    /// Cash and the value of all open positions, in the currency of the account.
    #[schema(value_type = String, example = "10600")]
    pub equity: Amount,
    /// Cash.
    #[schema(value_type = String, example = "2500")]
    pub cash: Amount,
    /// Deposits less withdrawals since the previous point. The equity includes them.
    #[schema(value_type = String, example = "500")]
    pub flows: Amount,
    /// Who computed the equity.
    #[schema(example = "broker")]
    pub source: String,
}

/// A page of equity points, by ascending `as_of`.
#[derive(Debug, Serialize, ToSchema)]
pub struct EquityPointList {
    /// The points.
    pub data: Vec<EquityPointBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// The equity at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EquityMarkBody {
    /// The instant, which may be long before the end of the period.
    pub as_of: TimeText,
    /// The equity.
    #[schema(value_type = String, example = "10000")]
    pub equity: Amount,
}

impl From<EquityPoint> for EquityPointBody {
    fn from(point: EquityPoint) -> Self {
        Self {
            as_of: TimeText(point.as_of),
            equity: point.equity,
            cash: point.cash,
            flows: point.flows,
            source: point.source,
        }
    }
}

impl From<EquityMark> for EquityMarkBody {
    fn from(mark: EquityMark) -> Self {
        Self {
            as_of: TimeText(mark.as_of),
            equity: mark.equity,
        }
    }
}
