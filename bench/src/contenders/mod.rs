//! The contenders that write ticks: the limit, the library, and other libraries.

mod append_and_sync;
mod copy_in_writer;
mod diesel_async_values;
mod diesel_rows;
mod diesel_values;
mod library;
mod limit;
mod on_thread;
mod persister;
mod reader;
mod serial_named;
mod sqlx_unnest;
mod sqlx_values;
mod trades;

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use tickbook::domain::Tick;

pub(crate) use append_and_sync::AppendAndSync;
pub(crate) use copy_in_writer::CopyInWriter;
pub(crate) use diesel_async_values::DieselAsyncValues;
pub(crate) use diesel_values::DieselValues;
pub(crate) use library::Library;
pub(crate) use limit::{Limit, binary_copy, field};
pub(crate) use on_thread::{BlockingContender, OnThread};
pub(crate) use persister::Persister;
pub(crate) use reader::Reader;
pub(crate) use serial_named::SerialNamed;
pub(crate) use sqlx_unnest::SqlxUnnest;
pub(crate) use sqlx_values::SqlxValues;
pub(crate) use trades::{TradeLibrary, TradeLimit};

/// A contender: one way to write ticks over one connection.
#[async_trait]
pub(crate) trait Contender: Send {
    fn name(&self) -> &'static str;

    /// Whether it sorts batches itself. Other contenders get batches in key order, so that they are not at a
    /// disadvantage.
    fn sorts(&self) -> bool {
        false
    }

    /// Preparation that is not measured.
    fn prepare(&mut self, _batches: &[Vec<Tick>]) -> Result<()> {
        Ok(())
    }

    /// Writes each batch in its own transaction.
    async fn write_all(&mut self, batches: &Arc<Vec<Vec<Tick>>>) -> Result<()>;
}
