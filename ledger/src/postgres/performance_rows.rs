//! Rows of equity points and of their sums.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Numeric, Text, Timestamptz};
use tickbook::domain::SymbolId;
use tickbook::{Entity, RepositoryError};

use super::amount::PgAmount;
use super::stored::invalid;
use crate::domain::performance::{ActivityBucket, EquityBucket, EquityMark, EquityPoint};
use crate::domain::{AccountId, Currency, StrategyId};

/// The key of an inserted point.
#[derive(Debug, QueryableByName)]
pub(super) struct InsertedRow {
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = Timestamptz)]
    as_of: DateTime<Utc>,
}

impl InsertedRow {
    pub(super) fn key(&self) -> (AccountId, DateTime<Utc>) {
        (AccountId::new(self.account_id), self.as_of)
    }
}

#[derive(Debug, QueryableByName)]
pub(super) struct EquityRow {
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = Timestamptz)]
    as_of: DateTime<Utc>,
    #[diesel(sql_type = Numeric)]
    equity: PgAmount,
    #[diesel(sql_type = Numeric)]
    cash: PgAmount,
    #[diesel(sql_type = Numeric)]
    flows: PgAmount,
    #[diesel(sql_type = Text)]
    source: String,
}

impl EquityRow {
    pub(super) fn into_point(self) -> EquityPoint {
        let account_id = AccountId::new(self.account_id);
        EquityPoint::new(
            account_id,
            self.as_of,
            self.equity.0,
            self.cash.0,
            self.source,
        )
        .with_flows(self.flows.0)
    }
}

#[derive(Debug, QueryableByName)]
pub(super) struct EquityBucketRow {
    #[diesel(sql_type = Timestamptz)]
    open_time: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    points: i64,
    #[diesel(sql_type = Timestamptz)]
    last_as_of: DateTime<Utc>,
    #[diesel(sql_type = Numeric)]
    last_equity: PgAmount,
    #[diesel(sql_type = Numeric)]
    low: PgAmount,
    #[diesel(sql_type = Numeric)]
    flows: PgAmount,
}

/// A count, which is never negative.
fn count(count: i64) -> u64 {
    count.unsigned_abs()
}

impl EquityBucketRow {
    pub(super) fn into_bucket(self) -> EquityBucket {
        EquityBucket {
            open_time: self.open_time,
            points: count(self.points),
            last: EquityMark::new(self.last_as_of, self.last_equity.0),
            low: self.low.0,
            flows: self.flows.0,
        }
    }
}

#[derive(Debug, QueryableByName)]
pub(super) struct ActivityRow {
    #[diesel(sql_type = Timestamptz)]
    open_time: DateTime<Utc>,
    #[diesel(sql_type = Nullable<BigInt>)]
    strategy_id: Option<i64>,
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    fee_currency: Option<String>,
    #[diesel(sql_type = BigInt)]
    fills: i64,
    #[diesel(sql_type = BigInt)]
    busts: i64,
    #[diesel(sql_type = BigInt)]
    corrections: i64,
    #[diesel(sql_type = Numeric)]
    bought: PgAmount,
    #[diesel(sql_type = Numeric)]
    sold: PgAmount,
    #[diesel(sql_type = Numeric)]
    fees: PgAmount,
}

impl ActivityRow {
    pub(super) fn into_bucket(self) -> Result<ActivityBucket, RepositoryError> {
        let currency = self.fee_currency.map(Currency::new).transpose();
        let currency = currency
            .map_err(|error| invalid(Entity::Fill, self.open_time, "fee_currency", error))?;
        let strategy_id = self.strategy_id.map(StrategyId::new);
        let symbol_id = SymbolId::new(self.symbol_id);
        Ok(ActivityBucket {
            fills: count(self.fills),
            busts: count(self.busts),
            corrections: count(self.corrections),
            bought: self.bought.0,
            sold: self.sold.0,
            fees: self.fees.0,
            ..ActivityBucket::new(self.open_time, strategy_id, symbol_id, currency)
        })
    }
}
