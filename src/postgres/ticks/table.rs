//! The description of the table of ticks for the write path.

use chrono::{DateTime, Utc};
use diesel::PgConnection;

use crate::db::DbError;
use crate::domain::{SymbolId, Tick, TickKey, TimeRange, placed_events};
use crate::error::RepositoryError;
use crate::postgres::reading::newest_in;
use crate::postgres::schema::timeseries::ticks;
use crate::postgres::symbol_days::{DAYS_OF_TICKS, RecordedDays};
use crate::postgres::timescale::AppliedPolicies;
use crate::postgres::writing::{AssignedKeys, Column, KeyedRow, TableRow};
use crate::retention::RetentionFloor;

use super::row::{COLUMNS, TickRow};

impl TableRow for Tick {
    type Table = ticks::table;

    const TABLE: &'static str = "ticks";
    const COLUMNS: &'static [Column<Self>] = COLUMNS;

    const DAYS: Option<&'static RecordedDays> = Some(&DAYS_OF_TICKS);
}

impl KeyedRow for Tick {
    type Key = TickKey;
    type Stored = TickRow;

    const KEY_COLUMNS: usize = 3;
    const OPERATION: &'static str = "insert_batch";
    const NAME: &'static str = "tick";
    const LATE_DAYS: Option<&'static str> = Some("late_days");

    fn key(&self) -> TickKey {
        self.key()
    }

    fn symbol_id(&self) -> SymbolId {
        self.symbol_id
    }

    fn time(&self) -> DateTime<Utc> {
        self.tick_time
    }

    fn normalized(&self) -> Result<Self, String> {
        self.normalized().map_err(|reason| reason.to_string())
    }

    fn has_content_of(&self, other: &Self) -> bool {
        self.has_content_of(other)
    }

    fn of_stored(stored: TickRow) -> Result<Self, RepositoryError> {
        stored.into_tick()
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

    fn floor(applied: &AppliedPolicies) -> RetentionFloor {
        applied.floor
    }
}
