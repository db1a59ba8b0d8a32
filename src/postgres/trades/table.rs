//! The description of the table of trades for the write path.

use chrono::{DateTime, Utc};
use diesel::PgConnection;

use crate::db::DbError;
use crate::domain::{SymbolId, TimeRange, Trade, TradeKey, placed_events};
use crate::error::RepositoryError;
use crate::postgres::reading::newest_in;
use crate::postgres::schema::timeseries::trades;
use crate::postgres::symbol_days::{DAYS_OF_TRADES, RecordedDays};
use crate::postgres::timescale::AppliedPolicies;
use crate::postgres::writing::{AssignedKeys, Column, KeyedRow, TableRow};
use crate::repository::InsertReceipt;
use crate::retention::RetentionFloor;

use super::corrections::settle_batch;
use super::row::{COLUMNS, TradeRow};

impl TableRow for Trade {
    type Table = trades::table;

    const TABLE: &'static str = "trades";
    const COLUMNS: &'static [Column<Self>] = COLUMNS;

    const DAYS: Option<&'static RecordedDays> = Some(&DAYS_OF_TRADES);
}

impl KeyedRow for Trade {
    type Key = TradeKey;
    type Stored = TradeRow;

    const KEY_COLUMNS: usize = 3;
    const OPERATION: &'static str = "insert_trades";
    const NAME: &'static str = "trade";
    const LATE_DAYS: Option<&'static str> = Some("late_days");

    fn key(&self) -> TradeKey {
        self.key()
    }

    fn symbol_id(&self) -> SymbolId {
        self.symbol_id
    }

    fn time(&self) -> DateTime<Utc> {
        self.trade_time
    }

    fn normalized(&self) -> Result<Self, String> {
        self.normalized().map_err(|reason| reason.to_string())
    }

    fn has_content_of(&self, other: &Self) -> bool {
        self.has_content_of(other)
    }

    fn of_stored(stored: TradeRow) -> Result<Self, RepositoryError> {
        stored.into_trade()
    }

    fn newest(
        connection: &mut PgConnection,
        symbol_id: SymbolId,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, DbError> {
        newest_in(connection, symbol_id, TimeRange::all(), now)
    }

    fn under_another_key(self) -> Self {
        let next = self.sequence.saturating_add(1);
        self.with_sequence(next)
    }

    fn is_keyless(&self) -> bool {
        self.occurrence.is_some()
    }

    fn assign_keys(stored: &[Self], given: &[Self]) -> AssignedKeys<Self> {
        placed_events(stored, given)
    }

    const IS_SETTLED: bool = true;

    fn settle(
        connection: &mut PgConnection,
        instants: Vec<(SymbolId, DateTime<Utc>)>,
        receipt: &mut InsertReceipt<Self>,
    ) -> Result<(), DbError> {
        settle_batch(connection, instants, receipt)
    }

    fn floor(applied: &AppliedPolicies) -> RetentionFloor {
        applied.trades
    }
}
