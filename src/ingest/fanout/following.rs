//! The symbols that sinks follow, and sinks that continue after the last record that they received.

use super::event::Published;
use super::hub::{FanOut, SinkQueue};
use super::retained::Retained;
use super::routing::Core;
use crate::domain::SymbolId;
use crate::ingest::record::Record;

/// A sink cannot continue after the record that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPosition {
    /// The number is larger than that of the record that was published last.
    #[error("number {after} was not published: the last one is {published}")]
    NotPublished {
        /// The number.
        after: u64,
        /// The number of the record that was published last.
        published: u64,
    },
    /// The queue follows symbols already, or events wait in it.
    #[error("the queue is in use: resume before it follows a symbol")]
    InUse,
    /// [`FanOut::retain`] was not called, or the queue was evicted.
    #[error("no records are retained")]
    NotRetained,
}

impl<R: Record> FanOut<R> {
    /// Retains the last `max_events` records and gaps for [`SinkQueue::resume`], and the newest record of each symbol
    /// for [`newest`](Self::newest). Only what is published after the first call is retained.
    pub fn retain(&self, max_events: usize) {
        let mut core = self.0.lock();
        core.retained
            .get_or_insert_with(|| Retained::new(max_events));
    }

    /// The newest published record by time of each of these symbols; of equal times the one published last. Symbols
    /// without a record since [`retain`](Self::retain) are omitted.
    ///
    /// *Ordering*: as given.
    #[must_use]
    pub fn newest(&self, symbol_ids: &[SymbolId]) -> Vec<Published<R>> {
        let core = self.0.lock();
        let retained = core.retained.as_ref();
        retained.map_or_else(Vec::new, |retained| retained.newest(symbol_ids))
    }
}

impl<R: Record> SinkQueue<R> {
    /// Follows every symbol, also those that are published later for the first time. Returns the number of the record
    /// that was published last.
    pub fn follow_every(&self) -> u64 {
        let mut core = self.monitor.fan_out.0.lock();
        core.follow_every(self.monitor.id);
        core.published
    }

    /// Follows only those symbols that are followed one by one. Waiting records of the others are dropped.
    pub fn unfollow_every(&self) {
        let mut core = self.monitor.fan_out.0.lock();
        core.unfollow_every(self.monitor.id);
    }

    /// Follows symbols, or with `None` every symbol, and receives what was published after the record with the number
    /// `after`. Events that are no longer [retained](FanOut::retain) are reported as one gap for each symbol, which
    /// may be wider than necessary. If more events are retained than the queue holds, its policy decides.
    ///
    /// Returns the number of the record that was published last.
    ///
    /// # Errors
    /// The queue is in use, nothing is retained, or the number was not published.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tickbook::domain::{SymbolId, Tick};
    /// use tickbook::ingest::fanout::{Event, FanOut, QueueOptions};
    ///
    /// let fan_out = FanOut::new();
    /// fan_out.retain(2);
    /// let time = "2024-05-01T12:00:00Z".parse()?;
    /// for bid in 1..=4 {
    ///     let tick = Tick::quote(SymbolId::new(7), time, bid.into(), 5.into());
    ///     fan_out.publish(&[tick]).await?;
    /// }
    /// let options = QueueOptions::dropping_oldest("client", 10).every_symbol(false);
    /// let mut queue = fan_out.open(options);
    /// // the client has received number 1, and missed number 2
    /// assert_eq!(queue.resume(Some(&[SymbolId::new(7)]), 1)?, 4);
    /// let events = queue.next().await.unwrap_or_default();
    /// let [Event::Gap(gap), Event::Record(third), Event::Record(_)] = &events[..] else {
    ///     return Err("no gap".into());
    /// };
    /// assert_eq!((gap.first, gap.last, third.number), (2, 2, 3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn resume(
        &self,
        symbol_ids: Option<&[SymbolId]>,
        after: u64,
    ) -> Result<u64, InvalidPosition> {
        let mut core = self.monitor.fan_out.0.lock();
        core.resume(self.monitor.id, symbol_ids, after)
    }
}

impl<R: Record> Core<R> {
    pub(super) fn follow(&mut self, id: u64, symbol_ids: &[SymbolId]) {
        let Some(registered) = self.queues.get_mut(&id) else {
            return;
        };
        if registered.is_evicted {
            return;
        }
        for symbol_id in symbol_ids {
            if registered.queue.follow(*symbol_id) {
                self.followers.entry(*symbol_id).or_default().insert(id);
            }
        }
    }

    pub(super) fn unfollow(&mut self, id: u64, symbol_ids: &[SymbolId]) {
        let Some(registered) = self.queues.get_mut(&id) else {
            return;
        };
        for symbol_id in registered.queue.unfollow(symbol_ids) {
            self.forget(symbol_id, id);
        }
        self.count(id);
        self.shrink();
    }

    fn follow_every(&mut self, id: u64) {
        if let Some(registered) = self.get_mut(id)
            && !registered.is_evicted
        {
            registered.queue.follow_every(true);
            self.every_symbol.insert(id);
        }
    }

    fn unfollow_every(&mut self, id: u64) {
        if let Some(registered) = self.get_mut(id) {
            registered.queue.follow_every(false);
            self.every_symbol.remove(&id);
            self.count(id);
        }
    }

    fn resume(
        &mut self,
        id: u64,
        symbol_ids: Option<&[SymbolId]>,
        after: u64,
    ) -> Result<u64, InvalidPosition> {
        let published = self.published;
        if after > published {
            return Err(InvalidPosition::NotPublished { after, published });
        }
        let registered = self.get(id).filter(|registered| !registered.is_evicted);
        let registered = registered.ok_or(InvalidPosition::NotRetained)?;
        if !registered.queue.is_unused() {
            return Err(InvalidPosition::InUse);
        }
        let retained = self.retained.as_ref().ok_or(InvalidPosition::NotRetained)?;
        let events = retained.after(symbol_ids, after);
        match symbol_ids {
            Some(symbol_ids) => self.follow(id, symbol_ids),
            None => self.follow_every(id),
        }
        if let Some(registered) = self.get_mut(id) {
            for event in events {
                registered.push(event);
            }
            registered.is_fresh = false;
            registered.ready.notify_one();
        }
        self.count(id);
        Ok(published)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::Tick;
    use crate::ingest::fanout::{Event, QueueOptions};

    const SYMBOLS: [SymbolId; 2] = [SymbolId::new(1), SymbolId::new(2)];

    async fn publish(fan_out: &FanOut, symbol_ids: &[i64]) {
        for symbol in symbol_ids {
            let time = DateTime::UNIX_EPOCH + TimeDelta::seconds(*symbol);
            let tick = Tick::quote(SymbolId::new(*symbol), time, Decimal::ONE, Decimal::TWO);
            fan_out.publish(&[tick]).await.expect("open");
        }
    }

    fn queue(fan_out: &FanOut, capacity: usize) -> SinkQueue {
        fan_out.open(QueueOptions::dropping_oldest("test", capacity).every_symbol(false))
    }

    /// The numbers of waiting records, and the number of missed ones.
    async fn waiting(queue: &mut SinkQueue) -> (Vec<u64>, u64) {
        let (mut numbers, mut missed) = (Vec::new(), 0);
        while !queue.is_caught_up() {
            for event in queue.next().await.expect("open") {
                match event {
                    Event::Record(published) => numbers.push(published.number),
                    Event::Gap(gap) => missed += gap.missed,
                }
            }
        }
        (numbers, missed)
    }

    #[tokio::test]
    async fn resumed_queue_misses_nothing_and_doubles_nothing() {
        let fan_out = FanOut::new();
        fan_out.retain(100);
        publish(&fan_out, &[1, 2, 3, 1, 2]).await;
        let mut of_two = queue(&fan_out, 10);
        assert_eq!(of_two.resume(Some(&SYMBOLS), 1), Ok(5));
        let mut of_all = queue(&fan_out, 10);
        assert_eq!(of_all.resume(None, 1), Ok(5));
        publish(&fan_out, &[3, 1]).await;
        assert_eq!(waiting(&mut of_two).await, (vec![2, 4, 5, 7], 0));
        assert_eq!(waiting(&mut of_all).await, (vec![2, 3, 4, 5, 6, 7], 0));
    }

    #[tokio::test]
    async fn full_queue_drops_the_oldest_on_resume() {
        let fan_out = FanOut::new();
        fan_out.retain(4);
        publish(&fan_out, &[1; 9]).await;
        let mut queue = queue(&fan_out, 2);
        assert_eq!(queue.resume(None, 0), Ok(9));
        assert_eq!(waiting(&mut queue).await, (vec![8, 9], 7));
    }

    #[tokio::test]
    async fn invalid_positions_are_refused() {
        let fan_out = FanOut::new();
        let first = queue(&fan_out, 2);
        assert_eq!(first.resume(None, 0), Err(InvalidPosition::NotRetained));
        fan_out.retain(4);
        publish(&fan_out, &[1]).await;
        let error = InvalidPosition::NotPublished {
            after: 2,
            published: 1,
        };
        assert_eq!(first.resume(None, 2), Err(error));
        first.follow(SYMBOLS[0]);
        assert_eq!(first.resume(None, 1), Err(InvalidPosition::InUse));
    }

    #[tokio::test]
    async fn queue_of_every_symbol_gets_each_record_once() {
        let fan_out = FanOut::new();
        let mut queue = queue(&fan_out, 10);
        assert_eq!(queue.follow(SYMBOLS[0]), 0);
        queue.follow_every();
        publish(&fan_out, &[1, 2]).await;
        assert_eq!(waiting(&mut queue).await, (vec![1, 2], 0));
        publish(&fan_out, &[1, 2]).await;
        // waiting records of the second symbol are dropped
        queue.unfollow_every();
        publish(&fan_out, &[2, 1]).await;
        assert_eq!(waiting(&mut queue).await, (vec![3, 6], 0));
    }
}
