//! The columns of the tables of snapshots and updates, and the decoding of their rows.

use std::fmt::Display;

use diesel::Queryable;
use rust_decimal::Decimal;

use crate::domain::SymbolId;
use crate::domain::book::{BookSnapshot, BookUpdate, PriceLevel};
use crate::error::{Entity, RepositoryError};
use crate::postgres::numeric_array::StoredNumerics;
use crate::postgres::schema::timeseries::{order_book_snapshots, order_book_updates};
use crate::postgres::stored_time::StoredTime;
use crate::postgres::writing::Column;

fn price(level: &PriceLevel) -> Decimal {
    level.price
}

fn quantity(level: &PriceLevel) -> Decimal {
    level.quantity
}

/// The columns of the table of snapshots, in the order of the schema and of a [`SnapshotRow`].
pub(super) const SNAPSHOT_COLUMNS: &[Column<BookSnapshot>] = &[
    Column::big_int(order_book_snapshots::symbol_id, |it| {
        Some(it.symbol_id.get())
    }),
    Column::timestamptz(order_book_snapshots::snapshot_time, |it| {
        Some(it.snapshot_time)
    }),
    Column::big_int(order_book_snapshots::sequence, |it| Some(it.sequence)),
    Column::numeric_array(order_book_snapshots::bid_prices, |it| &it.bids, price),
    Column::numeric_array(
        order_book_snapshots::bid_quantities,
        |it| &it.bids,
        quantity,
    ),
    Column::numeric_array(order_book_snapshots::ask_prices, |it| &it.asks, price),
    Column::numeric_array(
        order_book_snapshots::ask_quantities,
        |it| &it.asks,
        quantity,
    ),
    // at most 1,000
    Column::small_int(order_book_snapshots::depth, |it| {
        i16::try_from(it.depth).ok()
    }),
    Column::big_int(order_book_snapshots::checksum, |it| it.checksum),
    Column::text(order_book_snapshots::source, |it| Some(&it.source)),
    Column::timestamptz(order_book_snapshots::valid_since, |it| Some(it.valid_since)),
];

/// The columns of the table of updates, in the order of the schema and of an [`UpdateRow`].
pub(super) const UPDATE_COLUMNS: &[Column<BookUpdate>] = &[
    Column::big_int(order_book_updates::symbol_id, |it| Some(it.symbol_id.get())),
    Column::timestamptz(order_book_updates::update_time, |it| Some(it.update_time)),
    Column::big_int(order_book_updates::sequence, |it| Some(it.sequence)),
    Column::numeric_array(order_book_updates::bid_prices, |it| &it.bids, price),
    Column::numeric_array(order_book_updates::bid_quantities, |it| &it.bids, quantity),
    Column::numeric_array(order_book_updates::ask_prices, |it| &it.asks, price),
    Column::numeric_array(order_book_updates::ask_quantities, |it| &it.asks, quantity),
];

/// Names a row in errors.
struct RowName {
    kind: &'static str,
    symbol: i64,
    at: String,
    sequence: i64,
}

impl RowName {
    fn new(kind: &'static str, symbol: i64, time: &StoredTime, sequence: i64) -> Self {
        let at = match &time.0 {
            Ok(time) => time.to_string(),
            Err(error) => error.to_string(),
        };
        Self {
            kind,
            symbol,
            at,
            sequence,
        }
    }

    fn error(&self, reason: String) -> RepositoryError {
        let Self {
            kind,
            symbol,
            at,
            sequence,
        } = self;
        RepositoryError::Data {
            entity: Entity::Book,
            key: format!("({kind}) of symbol {symbol} at {at} with sequence {sequence}"),
            reason,
        }
    }

    fn value<T, E: Display>(
        &self,
        column: &str,
        value: Result<T, E>,
    ) -> Result<T, RepositoryError> {
        value.map_err(|error| self.error(format!("{column}: {error}")))
    }

    fn levels(
        &self,
        side: &str,
        prices: StoredNumerics,
        quantities: StoredNumerics,
    ) -> Result<Vec<PriceLevel>, RepositoryError> {
        let prices = self.value(&format!("{side}_prices"), prices.0)?;
        let quantities = self.value(&format!("{side}_quantities"), quantities.0)?;
        if prices.len() != quantities.len() {
            let (prices, quantities) = (prices.len(), quantities.len());
            return Err(self.error(format!(
                "{side}_prices has {prices} elements and {side}_quantities has {quantities}"
            )));
        }
        let levels = prices.into_iter().zip(quantities);
        Ok(levels
            .map(|(price, quantity)| PriceLevel::new(price, quantity))
            .collect())
    }
}

#[derive(Debug, Queryable)]
pub(in crate::postgres) struct SnapshotRow {
    symbol_id: i64,
    snapshot_time: StoredTime,
    sequence: i64,
    bid_prices: StoredNumerics,
    bid_quantities: StoredNumerics,
    ask_prices: StoredNumerics,
    ask_quantities: StoredNumerics,
    depth: i16,
    checksum: Option<i64>,
    source: String,
    valid_since: StoredTime,
}

impl SnapshotRow {
    /// The snapshot, whose levels are sorted and not crossed.
    pub(super) fn into_snapshot(self) -> Result<BookSnapshot, RepositoryError> {
        let name = RowName::new(
            "snapshot",
            self.symbol_id,
            &self.snapshot_time,
            self.sequence,
        );
        let time = name.value("snapshot_time", self.snapshot_time.0)?;
        let snapshot = BookSnapshot::new(SymbolId::new(self.symbol_id), time, self.source)
            .with_sequence(self.sequence)
            .with_bids(name.levels("bid", self.bid_prices, self.bid_quantities)?)
            .with_asks(name.levels("ask", self.ask_prices, self.ask_quantities)?)
            .with_depth(name.value("depth", usize::try_from(self.depth))?)
            .with_checksum(self.checksum)
            .with_valid_since(name.value("valid_since", self.valid_since.0)?);
        // constraints of the table do not compare all levels
        match snapshot.check_levels() {
            Ok(()) => Ok(snapshot),
            Err(reason) => Err(name.error(reason.to_string())),
        }
    }
}

#[derive(Debug, Queryable)]
pub(in crate::postgres) struct UpdateRow {
    symbol_id: i64,
    update_time: StoredTime,
    sequence: i64,
    bid_prices: StoredNumerics,
    bid_quantities: StoredNumerics,
    ask_prices: StoredNumerics,
    ask_quantities: StoredNumerics,
}

impl UpdateRow {
    pub(super) fn into_update(self) -> Result<BookUpdate, RepositoryError> {
        let name = RowName::new("update", self.symbol_id, &self.update_time, self.sequence);
        let time = name.value("update_time", self.update_time.0)?;
        Ok(BookUpdate::new(SymbolId::new(self.symbol_id), time)
            .with_sequence(self.sequence)
            .with_bids(name.levels("bid", self.bid_prices, self.bid_quantities)?)
            .with_asks(name.levels("ask", self.ask_prices, self.ask_quantities)?))
    }
}
