//! The rows of the table of corrections.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Numeric, Text, Timestamptz};
use diesel::{PgConnection, QueryResult, QueryableByName, RunQueryDsl};

use super::Instant;
use crate::domain::{
    AggressorSide, CorrectedTrade, SymbolId, Trade, TradeCorrection, TradeReference,
    UnknownAggressorSide,
};
use crate::error::{Entity, RepositoryError};
use crate::postgres::numeric::StoredNumeric;
use crate::postgres::schema::timeseries::trade_corrections;
use crate::postgres::writing::{Column, TableRow};
use crate::repository::{CorrectionId, RecordedCorrection};

/// The columns of a [`CorrectionRow`].
pub(super) const COLUMNS: &str = "correction_id, symbol_id, trade_time, sequence, trade_id, \
    is_cancelled, price, quantity, aggressor_side, is_block, corrected_at, source, recorded_at, \
    before_sequence, before_price, before_quantity, before_aggressor_side, before_is_block, \
    before_trade_id, before_received_at";

/// A correction to be recorded.
#[derive(Debug, Clone)]
pub(super) struct NewCorrection {
    pub(super) correction: TradeCorrection,
    recorded_at: DateTime<Utc>,
}

impl NewCorrection {
    pub(super) fn new(correction: &TradeCorrection, recorded_at: DateTime<Utc>) -> Self {
        Self {
            correction: correction.clone(),
            recorded_at,
        }
    }

    fn content(&self) -> Option<&CorrectedTrade> {
        self.correction.content.as_ref()
    }
}

impl TableRow for NewCorrection {
    type Table = trade_corrections::table;

    const TABLE: &'static str = "trade_corrections";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::big_int(trade_corrections::symbol_id, |new| {
            Some(new.correction.symbol_id.get())
        }),
        Column::timestamptz(trade_corrections::trade_time, |new| {
            Some(new.correction.trade_time)
        }),
        Column::big_int(trade_corrections::sequence, |new| {
            match &new.correction.trade {
                TradeReference::Sequence(sequence) => Some(*sequence),
                TradeReference::TradeId(_) => None,
            }
        }),
        Column::text(trade_corrections::trade_id, |new| {
            match &new.correction.trade {
                TradeReference::Sequence(_) => None,
                TradeReference::TradeId(id) => Some(id),
            }
        }),
        Column::bool(trade_corrections::is_cancelled, |new| {
            Some(new.correction.is_cancellation())
        }),
        Column::numeric(trade_corrections::price, |new| {
            new.content().map(|content| content.price)
        }),
        Column::numeric(trade_corrections::quantity, |new| {
            new.content().map(|content| content.quantity)
        }),
        Column::text(trade_corrections::aggressor_side, |new| {
            let side = new.content().and_then(|content| content.aggressor_side);
            side.map(AggressorSide::as_str)
        }),
        Column::bool(trade_corrections::is_block, |new| {
            new.content().map(|content| content.is_block)
        }),
        Column::timestamptz(trade_corrections::corrected_at, |new| {
            Some(new.correction.corrected_at)
        }),
        Column::text(trade_corrections::source, |new| {
            Some(&new.correction.source)
        }),
        Column::timestamptz(trade_corrections::recorded_at, |new| Some(new.recorded_at)),
    ];
}

#[derive(Debug, QueryableByName)]
pub(super) struct CorrectionRow {
    #[diesel(sql_type = BigInt)]
    correction_id: i64,
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Timestamptz)]
    trade_time: DateTime<Utc>,
    #[diesel(sql_type = Nullable<BigInt>)]
    sequence: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    trade_id: Option<String>,
    #[diesel(sql_type = Bool)]
    is_cancelled: bool,
    #[diesel(sql_type = Nullable<Numeric>)]
    price: Option<StoredNumeric>,
    #[diesel(sql_type = Nullable<Numeric>)]
    quantity: Option<StoredNumeric>,
    #[diesel(sql_type = Nullable<Text>)]
    aggressor_side: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    is_block: Option<bool>,
    #[diesel(sql_type = Timestamptz)]
    corrected_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<BigInt>)]
    before_sequence: Option<i64>,
    #[diesel(sql_type = Nullable<Numeric>)]
    before_price: Option<StoredNumeric>,
    #[diesel(sql_type = Nullable<Numeric>)]
    before_quantity: Option<StoredNumeric>,
    #[diesel(sql_type = Nullable<Text>)]
    before_aggressor_side: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    before_is_block: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    before_trade_id: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    before_received_at: Option<DateTime<Utc>>,
}

impl CorrectionRow {
    pub(super) fn into_recorded(self) -> Result<RecordedCorrection, RepositoryError> {
        let id = self.correction_id;
        let data = |reason: String| RepositoryError::Data {
            entity: Entity::Trade,
            key: format!("of the correction {id}"),
            reason,
        };
        let number = |column: &str, value: StoredNumeric| {
            value.0.map_err(|error| data(format!("{column}: {error}")))
        };
        let side = |text: Option<String>| {
            let side = text.map(|text| text.parse()).transpose();
            side.map_err(|error: UnknownAggressorSide| data(error.to_string()))
        };
        let trade = match (self.sequence, self.trade_id) {
            (Some(sequence), _) => TradeReference::Sequence(sequence),
            (None, Some(id)) => TradeReference::TradeId(id),
            (None, None) => return Err(data("it names no trade".to_owned())),
        };
        let content = match (self.price, self.quantity) {
            (Some(price), Some(quantity)) if !self.is_cancelled => {
                let content =
                    CorrectedTrade::new(number("price", price)?, number("quantity", quantity)?);
                let content = content.with_aggressor_side(side(self.aggressor_side)?);
                Some(content.with_block(self.is_block.unwrap_or_default()))
            }
            _ => None,
        };
        let symbol_id = SymbolId::new(self.symbol_id);
        let before = match (
            self.before_sequence,
            self.before_price,
            self.before_quantity,
        ) {
            (Some(sequence), Some(price), Some(quantity)) => {
                let price = number("before_price", price)?;
                let quantity = number("before_quantity", quantity)?;
                let before = Trade::new(symbol_id, self.trade_time, price, quantity)
                    .with_sequence(sequence)
                    .with_aggressor_side(side(self.before_aggressor_side)?)
                    .with_block(self.before_is_block.unwrap_or_default())
                    .with_trade_id(self.before_trade_id)
                    .with_received_at(self.before_received_at);
                Some(before)
            }
            _ => None,
        };
        let correction = TradeCorrection::new(
            symbol_id,
            self.trade_time,
            trade,
            self.corrected_at,
            self.source,
        );
        let correction = correction.with_content(content);
        let id = CorrectionId::new(id);
        Ok(RecordedCorrection::new(id, correction, self.recorded_at).with_before(before))
    }
}

/// Whether a correction is recorded for a trade of the symbols and between the times of `instants`.
pub(super) fn may_be_corrected(
    connection: &mut PgConnection,
    instants: &[Instant],
) -> QueryResult<bool> {
    let times = || instants.iter().map(|(_, time)| *time);
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return Ok(false);
    };
    let mut symbols: Vec<_> = instants
        .iter()
        .map(|(symbol_id, _)| symbol_id.get())
        .collect();
    symbols.sort_unstable();
    symbols.dedup();
    let query = MayBeCorrected {
        symbols,
        first,
        last,
    };
    query.get_result(connection)
}

/// Every batch of trades needs this query, so diesel prepares it once on a connection.
#[derive(Debug)]
struct MayBeCorrected {
    symbols: Vec<i64>,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

impl QueryFragment<Pg> for MayBeCorrected {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT EXISTS (SELECT FROM trade_corrections WHERE symbol_id = ANY(");
        out.push_bind_param::<Array<BigInt>, _>(&self.symbols)?;
        out.push_sql(") AND trade_time >= ");
        out.push_bind_param::<Timestamptz, _>(&self.first)?;
        out.push_sql(" AND trade_time <= ");
        out.push_bind_param::<Timestamptz, _>(&self.last)?;
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for MayBeCorrected {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for MayBeCorrected {
    type SqlType = Bool;
}

impl RunQueryDsl<PgConnection> for MayBeCorrected {}
