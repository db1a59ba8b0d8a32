//! The write path of rows: `COPY` or `UNNEST`, receipts, halving, old and late rows.
//!
//! It is the same for every table. A table provides a description, the implementation of [`KeyedRow`] for its
//! rows, and a [`TableWriter`].

mod batch;
mod column;
mod copy;
mod halves;
mod high_water_marks;
mod insert;
mod keyless;
mod old_rows;
mod parts;
mod retention_guard;
mod stored;
mod table;
mod unnest;
mod values;

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::db::{OutdatedConnections, TimeseriesDb};
use crate::error::RepositoryError;
use crate::repository::InsertReceipt;

use batch::{RowBatch, in_order_given};

pub(super) use column::{Column, TableRow, names, push_names};
pub(super) use insert::TableWriter;
pub(super) use stored::{StoredRow, read_instants};
pub(super) use table::{AssignedKeys, KeyedRow, sequence_column, time_column};
pub(super) use unnest::insert_missing;

/// Stores `rows`: all that can be stored, or nothing. May be called again with the same rows.
pub(super) async fn insert<R: KeyedRow>(
    timeseries: &TimeseriesDb,
    writer: &Arc<TableWriter<R>>,
    rows: &[R],
    now: DateTime<Utc>,
) -> Result<InsertReceipt<R>, RepositoryError> {
    let mut batch = RowBatch::new(rows);
    if batch.has_nothing_to_store() {
        return Ok(batch.into_receipt());
    }
    let deadline = Instant::now() + timeseries.executor().call_timeout();
    let mut changes = OutdatedConnections::default();
    let mut receipt = loop {
        let writer = Arc::clone(writer);
        let left = deadline.saturating_duration_since(Instant::now());
        let result = timeseries
            .run_within(R::OPERATION, left, move |connection| {
                writer.insert(connection, batch, now)
            })
            .await;
        if !changes.may_repeat(&result) {
            break result?;
        }
        batch = RowBatch::new(rows);
    };
    receipt.rejected = in_order_given(receipt.rejected, rows);
    Ok(receipt)
}

#[cfg(all(test, feature = "conformance"))]
mod tests;
