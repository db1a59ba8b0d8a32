//! Reports to a client what it has missed, and ends a connection that misses too much.

use chrono::{DateTime, Utc};
use tickbook::domain::{CandleInput, SymbolId};
use tickbook::ingest::fanout::Gap;

use super::super::messages::{GapBody, Message};
use super::super::protocol::Channel;
use super::super::reading::SeriesKey;
use super::{ClientConnection, End, code};
use crate::wire::TimeText;

impl ClientConnection {
    /// Ends the connection if the client misses too much without catching up. `missed` has the numbers of
    /// ticks, trades and events of orders that it has just missed.
    pub(super) async fn count_gaps(&mut self, missed: [u64; 3]) -> Result<(), End> {
        self.flush().await?;
        if missed == [0; 3] && self.gaps == 0 {
            return Ok(());
        }
        if missed != [0; 3] {
            self.gaps += 1;
            for (sum, missed) in self.missed.iter_mut().zip(missed) {
                *sum += missed;
            }
        }
        let of_records = self.ticks.queue.is_caught_up() && self.trades.queue.is_caught_up();
        if of_records && self.orders.is_caught_up() {
            self.gaps = 0;
        }
        if self.gaps >= self.config.max_gaps {
            let names = ["ticks", "trades", "events of orders"];
            let counted = self.missed.iter().zip(names);
            let counted = counted.filter(|(count, _)| **count > 0);
            let missed: Vec<_> = counted
                .map(|(count, name)| format!("{count} {name}"))
                .collect();
            let missed = missed.join(" and ");
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
            (Channel::Trades, self.trades.takes_gap(gap), keys)
        } else {
            let keys = self.series.keys_of(symbol_id).collect();
            (Channel::Ticks, self.ticks.takes_gap(gap), keys)
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
