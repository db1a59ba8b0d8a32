//! sqlx with a parameter for each value.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use sqlx::{Connection as _, PgConnection, Postgres, QueryBuilder};
use tickbook::domain::Tick;

use super::Contender;

const INSERT: &str = "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, \
    bid_volume, ask_volume, received_at) ";

pub(crate) struct SqlxValues(PgConnection);

impl SqlxValues {
    pub(crate) const NAME: &str = "sqlx VALUES";

    pub(crate) async fn connect(url: &str) -> Result<Self> {
        Ok(Self(PgConnection::connect(url).await?))
    }
}

#[async_trait]
impl Contender for SqlxValues {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    async fn write_all(&mut self, batches: &Arc<Vec<Vec<Tick>>>) -> Result<()> {
        for batch in batches.iter() {
            let mut insert: QueryBuilder<'_, Postgres> = QueryBuilder::new(INSERT);
            insert.push_values(batch, |mut row, tick| {
                row.push_bind(tick.symbol_id.get())
                    .push_bind(tick.tick_time)
                    .push_bind(tick.sequence)
                    .push_bind(tick.bid_price)
                    .push_bind(tick.ask_price)
                    .push_bind(tick.bid_volume)
                    .push_bind(tick.ask_volume)
                    .push_bind(tick.received_at);
            });
            insert.push(" ON CONFLICT DO NOTHING");
            insert.build().execute(&mut self.0).await?;
        }
        Ok(())
    }
}
