//! Delivers published ticks, trades and books to a client.

use tickbook::domain::{CandleInput, SymbolId, Trade};
use tickbook::ingest::fanout::Event;
use tokio::task::coop;
use tokio::time::Instant;

use super::super::messages::Message;
use super::super::reading::place;
use super::{ClientConnection, End};

impl ClientConnection {
    pub(super) async fn deliver(&mut self, events: Vec<Event>) -> Result<(), End> {
        let (now, clock) = (Instant::now(), self.app.clock.now());
        let mut gaps = 0;
        for event in events {
            // yield to other clients
            coop::consume_budget().await;
            let symbol_id = event.symbol_id();
            self.add_series(symbol_id, CandleInput::Ticks).await?;
            let of_symbol = self.series.of(symbol_id).iter_mut();
            match event {
                Event::Record(published) => {
                    of_symbol.for_each(|series| series.take(&published.record, now, clock));
                    if self.ticks.takes(&published) {
                        let text = self.tick_texts.of(&published);
                        self.send_text(text).await?;
                    }
                }
                Event::Gap(gap) => {
                    of_symbol.for_each(|series| series.gap(&gap, now));
                    gaps += gap.missed;
                    self.send_gap(&gap, CandleInput::Ticks).await?;
                }
            }
        }
        self.count_gaps([gaps, 0, 0]).await
    }

    pub(super) async fn deliver_trades(&mut self, events: Vec<Event<Trade>>) -> Result<(), End> {
        let (now, clock) = (Instant::now(), self.app.clock.now());
        let mut gaps = 0;
        for event in events {
            // yield to other clients
            coop::consume_budget().await;
            let symbol_id = event.symbol_id();
            self.add_series(symbol_id, CandleInput::Trades).await?;
            let of_symbol = self.trade_series.of(symbol_id).iter_mut();
            match event {
                Event::Record(published) => {
                    let trade = &published.record;
                    // the store corrects it when it is stored
                    let is_corrected = self.app.correction_news.precedes(trade);
                    of_symbol.for_each(|series| {
                        series.take(trade, now, clock);
                        if is_corrected {
                            series.corrected(place(trade), true, now);
                        }
                    });
                    if self.trades.takes(&published) {
                        let text = self.trade_texts.of(&published);
                        self.send_text(text).await?;
                    }
                }
                Event::Gap(gap) => {
                    of_symbol.for_each(|series| series.gap(&gap, now));
                    gaps += gap.missed;
                    self.send_gap(&gap, CandleInput::Trades).await?;
                }
            }
        }
        self.count_gaps([0, gaps, 0]).await
    }

    /// Sends the present state of books that have changed. Further changes meanwhile are merged.
    pub(super) async fn deliver_books(&mut self, symbols: Vec<SymbolId>) -> Result<(), End> {
        for symbol_id in symbols {
            // yield to other clients
            coop::consume_budget().await;
            if let Err(reason) = self.books.add(symbol_id) {
                self.send(&Message::Error { id: None, reason }).await?;
            }
            if let Some(message) = self.books.message(symbol_id) {
                self.send(&message).await?;
            }
        }
        Ok(())
    }
}
