//! Upper limit: binary `COPY` of bytes that are encoded in advance. No writer on one connection can be
//! faster.

use anyhow::Result;
use bytes::{BufMut as _, BytesMut};
use diesel::PgConnection;
use diesel::pg::CopyFormat;
use diesel::prelude::ExecuteCopyFromDsl as _;
use tickbook::domain::Tick;
use tokio_postgres::types::{IsNull, ToSql, Type};

use super::BlockingContender;
use super::diesel_rows::ticks;

pub(crate) struct Limit {
    connection: PgConnection,
    encoded: Vec<BytesMut>,
}

impl Limit {
    pub(crate) const NAME: &str = "the limit";

    pub(crate) fn new(connection: PgConnection) -> Self {
        Self {
            connection,
            encoded: Vec::new(),
        }
    }
}

impl BlockingContender for Limit {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn prepare(&mut self, batches: &[Vec<Tick>]) -> Result<()> {
        self.encoded = batches
            .iter()
            .map(|batch| {
                binary_copy(batch, 8, |tick, out| {
                    field(out, &tick.symbol_id.get(), &Type::INT8)?;
                    field(out, &tick.tick_time, &Type::TIMESTAMPTZ)?;
                    field(out, &tick.sequence, &Type::INT8)?;
                    field(out, &tick.bid_price, &Type::NUMERIC)?;
                    field(out, &tick.ask_price, &Type::NUMERIC)?;
                    field(out, &tick.bid_volume, &Type::NUMERIC)?;
                    field(out, &tick.ask_volume, &Type::NUMERIC)?;
                    field(out, &tick.received_at, &Type::TIMESTAMPTZ)
                })
            })
            .collect::<Result<_>>()?;
        Ok(())
    }

    fn write(&mut self, number: usize, _batch: &[Tick]) -> Result<()> {
        let bytes = &self.encoded[number];
        let columns = (
            ticks::symbol_id,
            ticks::tick_time,
            ticks::sequence,
            ticks::bid_price,
            ticks::ask_price,
            ticks::bid_volume,
            ticks::ask_volume,
            ticks::received_at,
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

/// The complete data of a binary `COPY` of `batch`.
pub(crate) fn binary_copy<R>(
    batch: &[R],
    fields: i16,
    encode: impl Fn(&R, &mut BytesMut) -> Result<()>,
) -> Result<BytesMut> {
    let mut out = BytesMut::new();
    out.put_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    for row in batch {
        out.put_i16(fields);
        encode(row, &mut out)?;
    }
    out.put_i16(-1);
    Ok(out)
}

pub(crate) fn field(out: &mut BytesMut, value: &dyn ToSql, type_: &Type) -> Result<()> {
    let start = out.len();
    out.put_i32(-1);
    let is_null = value
        .to_sql_checked(type_, out)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    if matches!(is_null, IsNull::No) {
        let length = i32::try_from(out.len() - start - 4)?;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}
