//! sqlx with arrays, prepared once.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use sqlx::{Connection as _, PgConnection};
use tickbook::domain::Tick;

use super::Contender;

const INSERT: &str = "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, \
    bid_volume, ask_volume, received_at) SELECT * FROM UNNEST($1::bigint[], $2::timestamptz[], \
    $3::bigint[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[], $8::timestamptz[]) \
    ON CONFLICT DO NOTHING";

pub(crate) struct SqlxUnnest(PgConnection);

impl SqlxUnnest {
    pub(crate) const NAME: &str = "sqlx UNNEST";

    pub(crate) async fn connect(url: &str) -> Result<Self> {
        Ok(Self(PgConnection::connect(url).await?))
    }
}

#[async_trait]
impl Contender for SqlxUnnest {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    async fn write_all(&mut self, batches: &Arc<Vec<Vec<Tick>>>) -> Result<()> {
        for batch in batches.iter() {
            let symbol_ids: Vec<_> = batch.iter().map(|tick| tick.symbol_id.get()).collect();
            let tick_times: Vec<_> = batch.iter().map(|tick| tick.tick_time).collect();
            let sequences: Vec<_> = batch.iter().map(|tick| tick.sequence).collect();
            let bid_prices: Vec<_> = batch.iter().map(|tick| tick.bid_price).collect();
            let ask_prices: Vec<_> = batch.iter().map(|tick| tick.ask_price).collect();
            let bid_volumes: Vec<_> = batch.iter().map(|tick| tick.bid_volume).collect();
            let ask_volumes: Vec<_> = batch.iter().map(|tick| tick.ask_volume).collect();
            let received_ats: Vec<_> = batch.iter().map(|tick| tick.received_at).collect();
            sqlx::query(INSERT)
                .bind(symbol_ids)
                .bind(tick_times)
                .bind(sequences)
                .bind(bid_prices)
                .bind(ask_prices)
                .bind(bid_volumes)
                .bind(ask_volumes)
                .bind(received_ats)
                .execute(&mut self.0)
                .await?;
        }
        Ok(())
    }
}
