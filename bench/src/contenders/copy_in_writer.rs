//! tokio-postgres with its binary `COPY` writer, which refuses a whole batch for one existing key.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use std::pin::pin;
use tickbook::domain::Tick;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, Statement};

use super::Contender;

pub(crate) struct CopyInWriter {
    client: Client,
    copy: Statement,
}

impl CopyInWriter {
    pub(crate) const NAME: &str = "BinaryCopyInWriter";

    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let copy = client
            .prepare(
                "COPY ticks (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, \
                 ask_volume, received_at) FROM STDIN BINARY",
            )
            .await?;
        Ok(Self { client, copy })
    }
}

#[async_trait]
impl Contender for CopyInWriter {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    async fn write_all(&mut self, batches: &Arc<Vec<Vec<Tick>>>) -> Result<()> {
        let types = [
            Type::INT8,
            Type::TIMESTAMPTZ,
            Type::INT8,
            Type::NUMERIC,
            Type::NUMERIC,
            Type::NUMERIC,
            Type::NUMERIC,
            Type::TIMESTAMPTZ,
        ];
        for batch in batches.iter() {
            let sink = self.client.copy_in(&self.copy).await?;
            let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
            for tick in batch {
                writer
                    .as_mut()
                    .write(&[
                        &tick.symbol_id.get(),
                        &tick.tick_time,
                        &tick.sequence,
                        &tick.bid_price,
                        &tick.ask_price,
                        &tick.bid_volume,
                        &tick.ask_volume,
                        &tick.received_at,
                    ])
                    .await?;
            }
            writer.finish().await?;
        }
        Ok(())
    }
}
