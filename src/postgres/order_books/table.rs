//! The descriptions of the tables of snapshots and updates for the write path.

use chrono::{DateTime, Utc};
use diesel::PgConnection;

use crate::db::DbError;
use crate::domain::book::{BookKey, BookSnapshot, BookUpdate};
use crate::domain::{SymbolId, TimeRange};
use crate::error::RepositoryError;
use crate::postgres::reading::newest_in;
use crate::postgres::schema::timeseries::{order_book_snapshots, order_book_updates};
use crate::postgres::timescale::AppliedPolicies;
use crate::postgres::writing::{Column, KeyedRow, TableRow};
use crate::retention::RetentionFloor;

use super::row::{SNAPSHOT_COLUMNS, SnapshotRow, UPDATE_COLUMNS, UpdateRow};

impl TableRow for BookSnapshot {
    type Table = order_book_snapshots::table;

    const TABLE: &'static str = "order_book_snapshots";
    const COLUMNS: &'static [Column<Self>] = SNAPSHOT_COLUMNS;
}

impl KeyedRow for BookSnapshot {
    type Key = BookKey;
    type Stored = SnapshotRow;

    const KEY_COLUMNS: usize = 3;
    const OPERATION: &'static str = "insert_book_snapshots";
    const NAME: &'static str = "snapshot";
    const LATE_DAYS: Option<&'static str> = None;

    fn key(&self) -> BookKey {
        self.key()
    }

    fn symbol_id(&self) -> SymbolId {
        self.symbol_id
    }

    fn time(&self) -> DateTime<Utc> {
        self.snapshot_time
    }

    fn normalized(&self) -> Result<Self, String> {
        self.normalized().map_err(|reason| reason.to_string())
    }

    fn has_content_of(&self, other: &Self) -> bool {
        self.has_content_of(other)
    }

    fn of_stored(stored: SnapshotRow) -> Result<Self, RepositoryError> {
        stored.into_snapshot()
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

    fn floor(applied: &AppliedPolicies) -> RetentionFloor {
        applied.books
    }

    fn refusal(floor: &RetentionFloor, time: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
        floor.refusal_of_book("snapshot_time", time, now)
    }
}

impl TableRow for BookUpdate {
    type Table = order_book_updates::table;

    const TABLE: &'static str = "order_book_updates";
    const COLUMNS: &'static [Column<Self>] = UPDATE_COLUMNS;
}

impl KeyedRow for BookUpdate {
    type Key = BookKey;
    type Stored = UpdateRow;

    const KEY_COLUMNS: usize = 3;
    const OPERATION: &'static str = "insert_book_updates";
    const NAME: &'static str = "update";
    const LATE_DAYS: Option<&'static str> = None;

    fn key(&self) -> BookKey {
        self.key()
    }

    fn symbol_id(&self) -> SymbolId {
        self.symbol_id
    }

    fn time(&self) -> DateTime<Utc> {
        self.update_time
    }

    fn normalized(&self) -> Result<Self, String> {
        self.normalized().map_err(|reason| reason.to_string())
    }

    fn has_content_of(&self, other: &Self) -> bool {
        self.has_content_of(other)
    }

    fn of_stored(stored: UpdateRow) -> Result<Self, RepositoryError> {
        stored.into_update()
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

    fn floor(applied: &AppliedPolicies) -> RetentionFloor {
        applied.books
    }

    fn refusal(floor: &RetentionFloor, time: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
        floor.refusal_of_book("update_time", time, now)
    }
}
