//! The columns of a statement.

use std::fmt;
use std::str::FromStr;

use tickbook::domain::excerpt;

/// A column of a statement, named independently of its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StatementColumn {
    /// The time of the fill, or its time of day if the file has a date besides. Required.
    Time,
    /// The day of the fill.
    Date,
    /// The instrument. Required, unless all rows are of one.
    Symbol,
    /// The side, as a word. Without it, a negative quantity is a sale.
    Side,
    /// The executed quantity. Required.
    Quantity,
    /// The price of one unit. Required.
    Price,
    /// The fee.
    Fee,
    /// The currency of the fee.
    FeeCurrency,
    /// The id of the fill at the broker.
    ExecId,
    /// The id of the order.
    OrderId,
}

impl StatementColumn {
    /// All columns.
    pub const ALL: &'static [Self] = &[
        Self::Time,
        Self::Date,
        Self::Symbol,
        Self::Side,
        Self::Quantity,
        Self::Price,
        Self::Fee,
        Self::FeeCurrency,
        Self::ExecId,
        Self::OrderId,
    ];

    /// The name in settings, such as `fee_currency`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Date => "date",
            Self::Symbol => "symbol",
            Self::Side => "side",
            Self::Quantity => "quantity",
            Self::Price => "price",
            Self::Fee => "fee",
            Self::FeeCurrency => "fee_currency",
            Self::ExecId => "exec_id",
            Self::OrderId => "order_id",
        }
    }

    /// The headers by which the column is found, compared without regard to case.
    #[must_use]
    pub fn headers(self) -> &'static [&'static str] {
        match self {
            Self::Time => &[
                "time",
                "date/time",
                "datetime",
                "trade_time",
                "trade time",
                "timestamp",
                "executed_at",
            ],
            Self::Date => &["date", "trade_date", "trade date"],
            Self::Symbol => &["symbol", "ticker", "instrument", "market", "pair"],
            Self::Side => &["side", "action", "buy/sell", "direction"],
            Self::Quantity => &["quantity", "qty", "size", "shares", "filled"],
            Self::Price => &["price", "t. price", "fill_price", "fill price", "rate"],
            Self::Fee => &["fee", "fees", "commission", "comm", "comm/fee"],
            Self::FeeCurrency => &[
                "fee_currency",
                "fee currency",
                "fee coin",
                "commission_currency",
                "commission currency",
            ],
            Self::ExecId => &["exec_id", "execution id", "trade_id", "trade id", "tradeid"],
            Self::OrderId => &["order_id", "order id", "orderid", "order"],
        }
    }
}

impl fmt::Display for StatementColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no column. Holds it, quoted and cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid column {0}: expected one of {names}", names = names())]
#[non_exhaustive]
pub struct UnknownStatementColumn(pub String);

fn names() -> String {
    let names = StatementColumn::ALL.iter().map(|column| column.as_str());
    names.collect::<Vec<_>>().join(", ")
}

impl FromStr for StatementColumn {
    type Err = UnknownStatementColumn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|column| column.as_str() == text);
        found
            .copied()
            .ok_or_else(|| UnknownStatementColumn(excerpt(text)))
    }
}
