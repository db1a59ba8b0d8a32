//! Lists as CSV.

use std::io;

use serde::Serialize;

use crate::wire::{CandleBody, SymbolBody, TickBody, TradeBody};

/// Rows of a list as CSV. After the symbol it has the columns of `tickbook export`.
pub(crate) trait CsvColumns {
    /// The names of the columns, in their order.
    const COLUMNS: &'static [&'static str];

    /// The values of a row, in the order of the columns. `None` is an empty value.
    fn values(&self) -> impl Serialize;
}

/// Appends a row of `values`.
pub(crate) fn push_row(text: &mut Vec<u8>, values: impl Serialize) -> io::Result<()> {
    // the buffer holds most rows
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .buffer_capacity(256)
        .from_writer(text);
    writer.serialize(values).map_err(io::Error::other)?;
    writer.flush()
}

impl CsvColumns for TickBody {
    const COLUMNS: &'static [&'static str] = &[
        "symbol_id",
        "tick_time",
        "sequence",
        "bid_price",
        "ask_price",
        "bid_volume",
        "ask_volume",
        "received_at",
    ];

    fn values(&self) -> impl Serialize {
        self
    }
}

impl CsvColumns for TradeBody {
    const COLUMNS: &'static [&'static str] = &[
        "symbol_id",
        "trade_time",
        "sequence",
        "price",
        "quantity",
        "aggressor_side",
        "is_block",
        "trade_id",
        "received_at",
    ];

    fn values(&self) -> impl Serialize {
        self
    }
}

impl CsvColumns for CandleBody {
    const COLUMNS: &'static [&'static str] = &[
        "symbol_id",
        "open_time",
        "close_time",
        "timeframe",
        "basis",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "tick_count",
        "closed",
        "source",
        "buy_volume",
        "notional",
        "vwap",
    ];

    fn values(&self) -> impl Serialize {
        let source = match self.filled {
            Some(true) => Some(tickbook::files::FILLED),
            _ => self.source.as_deref(),
        };
        let prices = (&self.open, &self.high, &self.low, &self.close);
        let rest = (&self.volume, self.tick_count, self.closed, source);
        let sums = (&self.buy_volume, &self.notional, &self.vwap);
        let times = (&self.open_time, &self.close_time);
        (
            self.symbol_id,
            times,
            self.timeframe,
            self.basis,
            prices,
            rest,
            sums,
        )
    }
}

impl CsvColumns for SymbolBody {
    const COLUMNS: &'static [&'static str] = &[
        "symbol_id",
        "exchange",
        "name",
        "description",
        "digits",
        "active",
    ];

    fn values(&self) -> impl Serialize {
        (
            self.symbol_id,
            &self.exchange,
            &self.name,
            &self.description,
            self.digits,
            self.active,
        )
    }
}
