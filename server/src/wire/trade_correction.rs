//! Corrections of trades in requests and responses.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tickbook::domain::{
    CorrectedTrade, InvalidCorrection, SymbolId, TradeCorrection, TradeReference,
};
use tickbook::repository::RecordedCorrection;
use utoipa::ToSchema;

use super::decimal::DecimalText;
use super::element::{Field, Value};
use super::rejection::{Rejection, RejectionReason};
use super::time::TimeText;
use super::trade::{AggressorSideText, TradeBody};

/// A correction or cancellation of one trade. Unknown and repeated fields are refused. Exactly one of `sequence`
/// and `trade_id` names the trade. A correction has `price` and `quantity`; a cancellation has neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "symbol_id": 1, "trade_time": "2014-05-01T00:00:00.292Z", "sequence": 8812345, "trade_id": null,
    "cancelled": false, "price": "452.13", "quantity": "1.5", "aggressor_side": "buy", "is_block": false,
    "corrected_at": "2014-05-01T00:01:00Z", "source": "kraken"
}))]
pub struct TradeCorrectionBody {
    /// The symbol of the trade.
    #[schema(example = 1, minimum = 1)]
    pub symbol_id: i64,
    /// The time of the trade at the venue, which a correction does not change.
    pub trade_time: TimeText,
    /// The sequence of the trade. Null or omitted if `trade_id` names it.
    pub sequence: Option<i64>,
    /// The id of the trade. Null or omitted if `sequence` names it.
    pub trade_id: Option<String>,
    /// Whether the trade is removed; false if omitted.
    pub cancelled: bool,
    /// Corrected price of one unit; null for a cancellation.
    pub price: Option<DecimalText>,
    /// Corrected quantity, greater than zero; null for a cancellation.
    pub quantity: Option<DecimalText>,
    /// Corrected side of the order that removed liquidity; null or omitted if unknown.
    pub aggressor_side: Option<AggressorSideText>,
    /// Whether the trade was negotiated outside of the order book; false if omitted.
    pub is_block: bool,
    /// When the venue corrected the trade. The latest correction of a trade decides.
    pub corrected_at: TimeText,
    /// The origin of the correction, 1 to 50 printable characters.
    #[schema(example = "kraken")]
    pub source: String,
}

/// The fields of a correction, in the order of [`TradeCorrectionBody`].
const FIELDS: [&str; 11] = [
    "symbol_id",
    "trade_time",
    "sequence",
    "trade_id",
    "cancelled",
    "price",
    "quantity",
    "aggressor_side",
    "is_block",
    "corrected_at",
    "source",
];

impl TradeCorrectionBody {
    /// Parses one correction from valid JSON, and returns it in its stored form.
    ///
    /// # Errors
    /// The first problem of the correction.
    pub fn read(json: &str) -> Result<TradeCorrection, Rejection> {
        let [
            symbol_id,
            trade_time,
            sequence,
            trade_id,
            cancelled,
            price,
            quantity,
            aggressor_side,
            is_block,
            corrected_at,
            source,
        ] = Field::all_of(json, "correction", FIELDS)?;
        let symbol_id: i64 = symbol_id.required()?.integer(1, i64::MAX)?;
        let trade_time = trade_time.required()?.time()?;
        let sequence = sequence.not_null();
        let sequence = sequence.map(|value| value.integer_or_digits(0, i64::MAX));
        let trade_id = trade_id.not_null().map(Value::string);
        let trade = match (sequence.transpose()?, trade_id.transpose()?) {
            (Some(sequence), None) => TradeReference::Sequence(sequence),
            (None, Some(id)) => TradeReference::TradeId(id),
            (None, None) => {
                let problem = "is missing: give it, or trade_id, to name the trade";
                let reason = RejectionReason::MissingField;
                return Err(Rejection::of_field("sequence", reason, problem));
            }
            (Some(_), Some(_)) => {
                let problem = "is given besides sequence: name the trade by one of them";
                let reason = RejectionReason::OutOfRange;
                return Err(Rejection::of_field("trade_id", reason, problem));
            }
        };
        let cancelled = cancelled.given().map(Value::boolean).transpose()?;
        let content = if cancelled.unwrap_or_default() {
            for (name, field) in [("price", price), ("quantity", quantity)] {
                if field.not_null().is_some() {
                    let problem = "is given for a cancellation: omit it";
                    let reason = RejectionReason::OutOfRange;
                    return Err(Rejection::of_field(name, reason, problem));
                }
            }
            None
        } else {
            let price = price.required()?.decimal()?.0;
            let quantity = quantity.required()?.decimal()?.0;
            let side = aggressor_side.not_null().map(AggressorSideText::read);
            let is_block = is_block.given().map(Value::boolean).transpose()?;
            let content = CorrectedTrade::new(price, quantity)
                .with_aggressor_side(side.transpose()?.map(Into::into))
                .with_block(is_block.unwrap_or_default());
            Some(content)
        };
        let corrected_at = corrected_at.required()?.time()?;
        let correction = TradeCorrection::new(
            SymbolId::new(symbol_id),
            trade_time.0,
            trade,
            corrected_at.0,
            source.required()?.string()?,
        );
        Ok(correction.with_content(content).normalized()?)
    }
}

impl From<InvalidCorrection> for Rejection {
    fn from(error: InvalidCorrection) -> Self {
        match error {
            InvalidCorrection::Trade(invalid) => invalid.into(),
            other => Self {
                reason: RejectionReason::OutOfRange,
                field: Some(other.field()),
                detail: other.to_string(),
            },
        }
    }
}

impl From<TradeCorrection> for TradeCorrectionBody {
    fn from(correction: TradeCorrection) -> Self {
        let content = correction.content;
        let (sequence, trade_id) = match correction.trade {
            TradeReference::Sequence(sequence) => (Some(sequence), None),
            TradeReference::TradeId(id) => (None, Some(id)),
        };
        Self {
            symbol_id: correction.symbol_id.get(),
            trade_time: TimeText(correction.trade_time),
            sequence,
            trade_id,
            cancelled: content.is_none(),
            price: content.map(|content| DecimalText(content.price)),
            quantity: content.map(|content| DecimalText(content.quantity)),
            aggressor_side: content
                .and_then(|content| content.aggressor_side)
                .map(Into::into),
            is_block: content.is_some_and(|content| content.is_block),
            corrected_at: TimeText(correction.corrected_at),
            source: correction.source,
        }
    }
}

/// The results of all elements of a request: `applied`, `pending`, `superseded`, `duplicates` and the length of
/// `rejected` add up to the number of elements sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CorrectionReceiptBody {
    /// Corrections whose trade is stored as they say, or removed.
    #[schema(example = 2)]
    pub applied: u64,
    /// Corrections whose trade is not stored; they are applied when it arrives.
    #[schema(example = 0)]
    pub pending: u64,
    /// Corrections that change nothing, since a later one of their trade is recorded.
    #[schema(example = 0)]
    pub superseded: u64,
    /// Corrections that were recorded before, or were repeated in the request.
    #[schema(example = 1)]
    pub duplicates: u64,
    /// Invalid elements, which were not recorded, in the order sent.
    pub rejected: Vec<RejectedCorrectionBody>,
}

/// A rejected element; the other elements of the request are recorded.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RejectedCorrectionBody {
    /// Its position in the array, starting at 0.
    #[schema(example = 1)]
    pub index: usize,
    /// The invalid field, if it is a single one.
    #[schema(value_type = Option<String>, example = "quantity")]
    pub field: Option<Cow<'static, str>>,
    /// The reason, for programs.
    pub reason: RejectionReason,
    /// The reason and the remedy, for people.
    #[schema(example = "quantity 0 is not positive: a trade exchanges more than nothing")]
    pub detail: String,
}

impl RejectedCorrectionBody {
    /// Rejects the element `index` with `rejection`.
    #[must_use]
    pub fn new(index: usize, rejection: Rejection) -> Self {
        Self {
            index,
            field: rejection.field.map(Cow::Borrowed),
            reason: rejection.reason,
            detail: rejection.detail,
        }
    }
}

/// A recorded correction.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordedCorrectionBody {
    /// Ascending in the order of arrival.
    #[schema(example = 17)]
    pub correction_id: i64,
    /// The correction.
    pub correction: TradeCorrectionBody,
    /// The trade before the correction; null if the correction was not applied.
    pub before: Option<TradeBody>,
    /// When the correction was recorded.
    pub recorded_at: TimeText,
}

impl From<RecordedCorrection> for RecordedCorrectionBody {
    fn from(recorded: RecordedCorrection) -> Self {
        Self {
            correction_id: recorded.id.get(),
            correction: recorded.correction.into(),
            before: recorded.before.map(Into::into),
            recorded_at: TimeText(recorded.recorded_at),
        }
    }
}

/// A page of corrections, by ascending `correction_id`.
#[derive(Debug, Serialize, ToSchema)]
pub struct CorrectionList {
    /// The corrections.
    pub data: Vec<RecordedCorrectionBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}
