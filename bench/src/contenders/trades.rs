//! Contenders that write trades, which are made of the ticks of a measurement before it begins: the library, and
//! the upper limit.

use std::sync::{Arc, OnceLock};

use anyhow::{Result, ensure};
use async_trait::async_trait;
use bytes::BytesMut;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::pg::CopyFormat;
use diesel::prelude::ExecuteCopyFromDsl as _;
use rust_decimal::Decimal;
use tickbook::Clock;
use tickbook::db::DatabasePools;
use tickbook::domain::{AggressorSide, Tick, Trade};
use tickbook::postgres::PgTradeRepository;
use tickbook::repository::TradeRepository as _;
use tokio_postgres::types::Type;

use crate::market::first_day;

use super::limit::{binary_copy, field};
use super::{BlockingContender, Contender};

diesel::table! {
    trades (symbol_id, trade_time, sequence) {
        symbol_id -> Int8,
        trade_time -> Timestamptz,
        sequence -> Int8,
        price -> Numeric,
        quantity -> Numeric,
        aggressor_side -> Nullable<Text>,
        is_block -> Bool,
        trade_id -> Nullable<Text>,
        received_at -> Nullable<Timestamptz>,
    }
}

/// The time of a trade: within the last hour, since a server stores trades as they happen, and later in each
/// round. A round of ticks has one day and less than two minutes.
fn trade_time(tick: &Tick) -> DateTime<Utc> {
    static START: OnceLock<DateTime<Utc>> = OnceLock::new();
    let start = *START.get_or_init(|| Clock::system().now() - TimeDelta::minutes(50));
    let since = tick.tick_time - first_day();
    start
        + (since - TimeDelta::days(since.num_days()))
        + TimeDelta::minutes(2) * since.num_days() as i32
}

/// A trade at the bid of a tick, numbered as a venue does, with the side and without a text id.
fn trade(tick: &Tick) -> Trade {
    let (price, volume) = (tick.bid_price, tick.bid_volume);
    let quantity = volume.unwrap_or_default() + Decimal::new(1, 2);
    let time = trade_time(tick);
    let number = time.timestamp_micros();
    let side = match number % 2 {
        0 => AggressorSide::Buy,
        _ => AggressorSide::Sell,
    };
    Trade::new(tick.symbol_id, time, price.unwrap_or_default(), quantity)
        .with_sequence(number)
        .with_aggressor_side(side)
        .with_received_at(time)
}

/// `TradeRepository::insert_batch`.
pub(crate) struct TradeLibrary {
    repository: PgTradeRepository,
    batches: Vec<Vec<Trade>>,
}

impl TradeLibrary {
    pub(crate) const NAME: &str = "insert_batch of trades";

    pub(crate) fn new(pools: DatabasePools) -> Self {
        Self {
            repository: PgTradeRepository::new(pools),
            batches: Vec::new(),
        }
    }
}

#[async_trait]
impl Contender for TradeLibrary {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn sorts(&self) -> bool {
        true
    }

    fn prepare(&mut self, batches: &[Vec<Tick>]) -> Result<()> {
        let batches = batches.iter();
        self.batches = batches
            .map(|batch| batch.iter().map(trade).collect())
            .collect();
        Ok(())
    }

    async fn write_all(&mut self, _batches: &Arc<Vec<Vec<Tick>>>) -> Result<()> {
        for batch in &self.batches {
            let receipt = self.repository.insert_batch(batch).await?;
            ensure!(receipt.inserted == batch.len() as u64, "{receipt:?}");
        }
        Ok(())
    }
}

/// Binary `COPY` of bytes that are encoded in advance.
pub(crate) struct TradeLimit {
    connection: PgConnection,
    encoded: Vec<BytesMut>,
}

impl TradeLimit {
    pub(crate) const NAME: &str = "the limit of trades";

    pub(crate) fn new(connection: PgConnection) -> Self {
        Self {
            connection,
            encoded: Vec::new(),
        }
    }
}

impl BlockingContender for TradeLimit {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn prepare(&mut self, batches: &[Vec<Tick>]) -> Result<()> {
        self.encoded = batches
            .iter()
            .map(|batch| {
                binary_copy(batch, 9, |tick, out| {
                    let trade = trade(tick);
                    let side = trade.aggressor_side.map(AggressorSide::as_str);
                    field(out, &trade.symbol_id.get(), &Type::INT8)?;
                    field(out, &trade.trade_time, &Type::TIMESTAMPTZ)?;
                    field(out, &trade.sequence, &Type::INT8)?;
                    field(out, &trade.price, &Type::NUMERIC)?;
                    field(out, &trade.quantity, &Type::NUMERIC)?;
                    field(out, &side, &Type::TEXT)?;
                    field(out, &trade.is_block, &Type::BOOL)?;
                    field(out, &trade.trade_id, &Type::TEXT)?;
                    field(out, &trade.received_at, &Type::TIMESTAMPTZ)
                })
            })
            .collect::<Result<_>>()?;
        Ok(())
    }

    fn write(&mut self, number: usize, _batch: &[Tick]) -> Result<()> {
        let bytes = &self.encoded[number];
        let columns = (
            trades::symbol_id,
            trades::trade_time,
            trades::sequence,
            trades::price,
            trades::quantity,
            trades::aggressor_side,
            trades::is_block,
            trades::trade_id,
            trades::received_at,
        );
        diesel::copy_from(trades::table)
            .from_raw_data(columns, |out: &mut dyn std::io::Write| {
                out.write_all(bytes)
                    .map_err(|error| diesel::result::Error::SerializationError(error.into()))
            })
            .with_format(CopyFormat::Binary)
            .execute(&mut self.connection)?;
        Ok(())
    }
}
