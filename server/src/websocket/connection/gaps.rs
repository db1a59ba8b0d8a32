//! Reports to a client what it has missed, and ends a connection that misses too much.

use chrono::{DateTime, Utc};
use tickbook::domain::{CandleInput, SymbolId};
use tickbook::ingest::fanout::Gap;

use super::super::protocol::{Channel, GapBody, Message};
use super::super::reading::SeriesKey;
use super::{ClientConnection, End, code};
use crate::wire::TimeText;

impl ClientConnection {
    /// Ends the connection if the client misses too much without catching up. `missed` has the numbers of
    /// ticks and trades that it has just missed.
    pub(super) async fn count_gaps(&mut self, missed: [u64; 2]) -> Result<(), End> {
        self.within_patience_flush().await?;
        if missed != [0, 0] {
            self.gaps += 1;
            let [ticks, trades] = missed;
            self.missed[0] += ticks;
            self.missed[1] += trades;
        }
        if self.queue.is_caught_up() && self.trade_queue.is_caught_up() {
            self.gaps = 0;
        }
        if self.gaps >= self.config.max_gaps {
            let missed = match self.missed {
                [ticks, 0] => format!("{ticks} ticks"),
                [0, trades] => format!("{trades} trades"),
                [ticks, trades] => format!("{ticks} ticks and {trades} trades"),
            };
            let gaps = self.gaps;
            let reason =
                format!("too slow: {missed} were missed in {gaps} gaps without catching up");
            return Err(End::Closed(code::TRY_AGAIN_LATER, reason));
        }
        Ok(())
    }

    /// Reports a gap of ticks or of trades, and of the candles that are computed from them.
    pub(super) async fn send_gap(&mut self, gap: &Gap, input: CandleInput) -> Result<(), End> {
        let of_series = |key: SeriesKey| {
            let last = gap.to - chrono::TimeDelta::microseconds(1);
            let from = key.timeframe.bucket_start(gap.from);
            let to = key.timeframe.bucket_end(key.timeframe.bucket_start(last));
            (Channel::Candles(key.timeframe, Some(key.basis)), from, to)
        };
        let symbol_id = gap.symbol_id;
        let (channel, is_followed, keys): (_, _, Vec<_>) = if input == CandleInput::Trades {
            let keys = self.trade_series.keys_of(symbol_id).collect();
            (Channel::Trades, self.trades.contains(&symbol_id), keys)
        } else {
            let keys = self.series.keys_of(symbol_id).collect();
            (Channel::Ticks, self.ticks.contains(&symbol_id), keys)
        };
        let of_events = is_followed.then_some((channel, gap.from, gap.to));
        let of_candles = keys.into_iter().map(of_series);
        for (channel, from, to) in of_events.into_iter().chain(of_candles) {
            self.send_notice(symbol_id, gap.missed, channel, (from, to))
                .await?;
        }
        Ok(())
    }

    /// Reports events that a client can read from the REST interface: `from` is inclusive, `to` exclusive.
    pub(super) async fn send_notice(
        &mut self,
        symbol_id: SymbolId,
        missed: u64,
        channel: Channel,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<(), End> {
        let notice = GapBody {
            channel: channel.into(),
            symbol_id: symbol_id.get(),
            from: TimeText(from),
            to: TimeText(to),
            missed,
        };
        self.send(&Message::Gap(notice)).await
    }
}
