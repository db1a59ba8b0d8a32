//! Sends candles to a client.

use tickbook::domain::{CandleInput, CandleSlot};
use tokio::task::coop;
use tokio::time::Instant;

use super::super::messages::{CandleMessage, Message};
use super::super::reading::read;
use super::{ClientConnection, End, PULSE, ReadResult};

impl ClientConnection {
    pub(super) fn take_reading(&mut self, (key, wanted, found): ReadResult) {
        let (now, clock) = (Instant::now(), self.app.clock.now());
        let found = found.map_err(|error| {
            let (error, symbol_id) = (error.with_causes(), key.symbol_id);
            tracing::debug!(%error, %symbol_id, "cannot read candles for a WebSocket client; retrying");
        });
        // the client may have unsubscribed meanwhile
        if key.basis.input() == CandleInput::Trades {
            if let Some(series) = self.trade_series.get(key) {
                series.take_read(wanted, found, now, clock);
            }
        } else if let Some(series) = self.series.get(key) {
            series.take_read(wanted, found, now, clock);
        }
    }

    /// Sends changed candles and starts due reads.
    pub(super) async fn send_candles(&mut self) -> Result<(), End> {
        let (now, clock) = (Instant::now(), self.app.clock.now());
        if now >= self.pulse {
            self.pulse = now + PULSE;
            self.series.touch_all();
            self.trade_series.touch_all();
        }
        let (mut due, mut updates) = self.series.work_off(now, clock);
        let (due_of_trades, updates_of_trades) = self.trade_series.work_off(now, clock);
        due.extend(due_of_trades);
        updates.extend(updates_of_trades);
        for (key, wanted) in due {
            let (turns, repositories) = (self.turns.clone(), self.app.repositories.clone());
            self.readings.spawn(async move {
                // the semaphore is never closed
                let _turn = turns.acquire().await;
                let found = read(&repositories, key, wanted).await;
                (key, wanted, found)
            });
        }
        for (slot, snapshot) in updates {
            coop::consume_budget().await;
            let body = match slot {
                CandleSlot::Candle(candle) => candle.into(),
                CandleSlot::Filled(empty) => empty.into(),
            };
            self.send(&Message::Candle(CandleMessage { body, snapshot }))
                .await?;
        }
        Ok(())
    }
}
