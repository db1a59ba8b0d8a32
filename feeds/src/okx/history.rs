//! The history of trades of OKX.

use serde::Deserialize;
use serde_json::value::RawValue;
use tickbook::domain::excerpt;

use super::public::trades as read_trades;
use crate::error::ProtocolError;
use crate::history::{HistoryPage, HistoryRequest};
use crate::protocol::{EventSink, Frame};
use crate::wire::{Text, read};

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    msg: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The trades before a number, the newest first.
pub(super) fn request(http: &str, page: &HistoryPage<'_>) -> HistoryRequest {
    let HistoryPage { symbol, before, .. } = page;
    HistoryRequest::new(format!(
        "{http}/api/v5/market/history-trades?instId={symbol}&type=1&after={before}&limit=100"
    ))
}

/// Reads the body of `GET /api/v5/market/history-trades`.
pub(super) fn trades(
    symbol: &str,
    body: Frame<'_>,
    sink: &mut EventSink<'_>,
) -> Result<(), ProtocolError> {
    let answer: Answer<'_> = read(body.text)?;
    if answer.code.0 != "0" {
        let message = answer.msg.as_ref().map_or(&*answer.code.0, |text| &text.0);
        return Err(ProtocolError::Refused(excerpt(message)));
    }
    let missing = || ProtocolError::Unreadable("missing field `data`".to_owned());
    let data = answer.data.ok_or_else(missing)?;
    read_trades(symbol, Frame::new(data.get(), body.received_at), true, sink)
}
