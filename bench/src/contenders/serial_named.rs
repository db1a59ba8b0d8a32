//! The limit of a table with a serial id and the symbol's name in each row.

use anyhow::Result;
use bytes::BytesMut;
use diesel::PgConnection;
use diesel::pg::CopyFormat;
use diesel::prelude::ExecuteCopyFromDsl as _;
use tickbook::domain::Tick;
use tokio_postgres::types::Type;

use super::BlockingContender;
use super::limit::{binary_copy, field};

mod table {
    diesel::table! {
        ticks (symbol_id, symbol_name, tick_time) {
            symbol_id -> Int8,
            symbol_name -> Text,
            tick_time -> Timestamptz,
            bid_price -> Numeric,
            ask_price -> Numeric,
            bid_volume -> Numeric,
            ask_volume -> Numeric,
        }
    }
}

use table::ticks;

pub(crate) struct SerialNamed {
    connection: PgConnection,
    encoded: Vec<BytesMut>,
}

impl SerialNamed {
    pub(crate) const NAME: &str = "serial id, name, time index";

    pub(crate) fn new(connection: PgConnection) -> Self {
        Self {
            connection,
            encoded: Vec::new(),
        }
    }
}

impl BlockingContender for SerialNamed {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn prepare(&mut self, batches: &[Vec<Tick>]) -> Result<()> {
        self.encoded = batches
            .iter()
            .map(|batch| {
                binary_copy(batch, 7, |tick, out| {
                    field(out, &tick.symbol_id.get(), &Type::INT8)?;
                    field(
                        out,
                        &format!("PAIR{:02}", tick.symbol_id.get()),
                        &Type::VARCHAR,
                    )?;
                    field(out, &tick.tick_time, &Type::TIMESTAMPTZ)?;
                    field(out, &tick.bid_price, &Type::NUMERIC)?;
                    field(out, &tick.ask_price, &Type::NUMERIC)?;
                    field(out, &tick.bid_volume, &Type::NUMERIC)?;
                    field(out, &tick.ask_volume, &Type::NUMERIC)
                })
            })
            .collect::<Result<_>>()?;
        Ok(())
    }

    fn write(&mut self, number: usize, _batch: &[Tick]) -> Result<()> {
        let bytes = &self.encoded[number];
        let columns = (
            ticks::symbol_id,
            ticks::symbol_name,
            ticks::tick_time,
            ticks::bid_price,
            ticks::ask_price,
            ticks::bid_volume,
            ticks::ask_volume,
        );
        diesel::copy_from(ticks::table)
            .from_raw_data(columns, |out: &mut dyn std::io::Write| {
                out.write_all(bytes)
                    .map_err(|error| diesel::result::Error::SerializationError(error.into()))
            })
            .with_format(CopyFormat::Binary)
            .execute(&mut self.connection)?;
        Ok(())
    }
}
