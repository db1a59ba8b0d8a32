//! Sends corrections of trades to a client, and reads the candles of the corrected trades again.

use std::sync::Arc;

use chrono::TimeDelta;
use tickbook::domain::TradeReference;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::super::messages::Message;
use super::super::protocol::Channel;
use super::{ClientConnection, End, code};
use crate::correction_news::{Announced, CAPACITY};

impl ClientConnection {
    pub(super) async fn take_correction(
        &mut self,
        announced: Result<Arc<Announced>, RecvError>,
    ) -> Result<(), End> {
        let announced = match announced {
            Ok(announced) => announced,
            // the application state, which this connection shares, has the sender
            Err(RecvError::Closed) => {
                return Err(End::stopped("the server stops: connect again later"));
            }
            Err(RecvError::Lagged(_)) if self.trades.len() == 0 && self.trade_series.len() == 0 => {
                return Ok(());
            }
            Err(RecvError::Lagged(missed)) => {
                let reason = format!(
                    "too slow: {missed} corrections of trades were missed, as more than {CAPACITY} waited"
                );
                return Err(End::Closed(code::TRY_AGAIN_LATER, reason));
            }
        };
        let Announced {
            correction,
            is_pending,
            is_certain,
        } = &*announced;
        let (symbol_id, time) = (correction.symbol_id, correction.trade_time);
        let sequence = match &correction.trade {
            TradeReference::Sequence(sequence) => *sequence,
            TradeReference::TradeId(_) => 0,
        };
        let now = Instant::now();
        for series in self.trade_series.of(symbol_id) {
            series.corrected((time, sequence), *is_pending, now);
        }
        if !self.trades.has(symbol_id) {
            return Ok(());
        }
        if *is_certain {
            let body = correction.clone().into();
            return self.send(&Message::Correction(body)).await;
        }
        let end = time + TimeDelta::microseconds(1);
        self.send_notice(symbol_id, 1, Channel::Trades, (time, end))
            .await
    }
}
