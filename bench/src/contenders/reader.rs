//! Reader with tokio-postgres: one connection, with statements prepared once.

use anyhow::Result;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{SymbolId, Tick, TimeRange};
use tokio_postgres::{Client, NoTls, Row, Statement};

const COLUMNS: &str = "symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, \
                       ask_volume, received_at";

pub(crate) struct Reader {
    client: Client,
    range: Statement,
    newest: Statement,
}

impl Reader {
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let range = format!(
            "SELECT {COLUMNS} FROM ticks WHERE symbol_id = $1 AND tick_time >= $2 \
             AND tick_time < $3 ORDER BY tick_time, sequence"
        );
        let newest = format!(
            "SELECT DISTINCT ON (symbol_id) {COLUMNS} FROM ticks \
             ORDER BY symbol_id, tick_time DESC, sequence DESC"
        );
        Ok(Self {
            range: client.prepare(&range).await?,
            newest: client.prepare(&newest).await?,
            client,
        })
    }

    /// The rows of a range, not decoded.
    pub(crate) async fn rows(&self, symbol: SymbolId, range: TimeRange) -> Result<Vec<Row>> {
        let rows = self
            .client
            .query(&self.range, &[&symbol.get(), &range.start(), &range.end()])
            .await?;
        Ok(rows)
    }

    /// The ticks of a range, with numbers decoded by rust_decimal.
    pub(crate) async fn ticks(&self, symbol: SymbolId, range: TimeRange) -> Result<Vec<Tick>> {
        self.rows(symbol, range).await?.iter().map(tick).collect()
    }

    /// The newest tick of each symbol.
    pub(crate) async fn newest_of_all(&self) -> Result<Vec<Tick>> {
        let rows = self.client.query(&self.newest, &[]).await?;
        rows.iter().map(tick).collect()
    }
}

fn tick(row: &Row) -> Result<Tick> {
    Ok(Tick::new(SymbolId::new(row.try_get(0)?), row.try_get(1)?)
        .with_sequence(row.try_get(2)?)
        .with_bid(row.try_get::<_, Option<Decimal>>(3)?)
        .with_ask(row.try_get::<_, Option<Decimal>>(4)?)
        .with_volumes(
            row.try_get::<_, Option<Decimal>>(5)?,
            row.try_get::<_, Option<Decimal>>(6)?,
        )
        .with_received_at(row.try_get::<_, Option<DateTime<Utc>>>(7)?))
}
