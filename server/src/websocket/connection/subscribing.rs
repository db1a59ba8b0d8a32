//! Begins and ends the subscriptions of a client.

use chrono::{DateTime, Utc};
use tickbook::domain::{CandleInput, PriceBasis, SymbolId, Tick, Timeframe, Trade};
use tokio::time::Instant;

use super::super::messages::{Message, PositionBody, RestartedMessage, SubscriptionBody};
use super::super::protocol::{Channel, RequestId, Subscription, Symbols};
use super::super::reading::SeriesKey;
use super::requests::{Bases, SUBSCRIPTIONS};
use super::snapshots::OfConnection;
use super::{ClientConnection, End};

/// The subscriptions to candles of all symbols.
#[derive(Debug, Default)]
pub(super) struct AllCandles {
    kinds: Vec<(Timeframe, PriceBasis)>,
    /// A symbol was left out, since there were too many, and the client knows.
    is_full: bool,
}

impl AllCandles {
    pub(super) fn are_of(&self, input: CandleInput) -> bool {
        self.kinds.iter().any(|(_, basis)| basis.input() == input)
    }
}

impl ClientConnection {
    pub(super) fn has_place_for(&self, subscription: &Subscription) -> bool {
        let series = self.series.len() + self.trade_series.len() + self.all_candles.kinds.len();
        let records = self.ticks.len() + self.trades.len() + series;
        let taken = records + self.books.len() + self.orders.len();
        // an account has no symbols
        taken + subscription.symbols.count().max(1) <= SUBSCRIPTIONS
    }

    /// Subscribes to all series or to none, and answers. The symbols exist. `bases` has the basis of each symbol,
    /// unless the subscription names one.
    pub(super) async fn subscribe(
        &mut self,
        id: Option<RequestId>,
        subscription: &Subscription,
        bases: &Bases,
    ) -> Result<(), End> {
        if !self.has_place_for(subscription) {
            let reason = "a connection has at most 1000 subscriptions: open another one".to_owned();
            return self.send(&Message::Error { id, reason }).await;
        }
        let mut channel = subscription.channel;
        match subscription.channel {
            Channel::Ticks => return self.subscribe_to_records::<Tick>(id, subscription).await,
            Channel::Trades => return self.subscribe_to_records::<Trade>(id, subscription).await,
            Channel::Candles(timeframe, given) => {
                let common = self.subscribe_to_candles(subscription, timeframe, given, bases);
                channel = Channel::Candles(timeframe, common);
            }
            Channel::Book(depth) => {
                let followed = match &subscription.symbols {
                    Symbols::All => self.books.follow_every(depth),
                    symbols => self.books.follow(symbols.ids(), depth),
                };
                if let Err(reason) = followed {
                    return self.send(&Message::Error { id, reason }).await;
                }
            }
            // it is answered when the state of the account was read
            Channel::Orders(_) => {}
        }
        let answer = SubscriptionBody::of_channel(id, subscription, channel);
        self.send(&Message::Subscribed(answer)).await
    }

    async fn subscribe_to_records<R: OfConnection>(
        &mut self,
        id: Option<RequestId>,
        subscription: &Subscription,
    ) -> Result<(), End> {
        let epoch = self.epoch.clone();
        let begun = match R::channel(self).subscribe(subscription, &epoch) {
            Ok(begun) => begun,
            Err(reason) => return self.send(&Message::Error { id, reason }).await,
        };
        let number = begun.number;
        let answer = SubscriptionBody::new(id, subscription);
        let epoch = epoch.to_string();
        let answer = answer.beginning_after(PositionBody { epoch, number });
        self.send(&Message::Subscribed(answer)).await?;
        if begun.is_restarted {
            let gap = RestartedMessage::new(R::CHANNEL);
            self.send(&Message::Restarted(gap)).await?;
        }
        let resumes = subscription.resume.is_some() && !begun.is_restarted;
        if subscription.symbols == Symbols::All && subscription.has_snapshot && !resumes {
            self.begin_all_snapshots::<R>();
        }
        self.begin_snapshots::<R>(begun.snapshots).await
    }

    /// Returns the basis of the series, if it is the same for all.
    fn subscribe_to_candles(
        &mut self,
        subscription: &Subscription,
        timeframe: Timeframe,
        given: Option<PriceBasis>,
        bases: &Bases,
    ) -> Option<PriceBasis> {
        // the ids of all symbols were looked up
        if let (Symbols::All, Some(basis)) = (&subscription.symbols, given) {
            match basis.input() {
                CandleInput::Trades => self.trades.queue.follow_every(),
                _ => self.ticks.queue.follow_every(),
            };
            let kind = (timeframe, basis);
            if !self.all_candles.kinds.contains(&kind) {
                self.all_candles.kinds.push(kind);
            }
            self.all_candles.is_full = false;
            for symbol_id in bases.keys() {
                self.insert_series(*symbol_id, timeframe, basis, subscription.from);
            }
            return given;
        }
        let of_symbol = |id: &SymbolId| {
            let default = || bases.get(id).copied().unwrap_or_default();
            given.unwrap_or_else(default)
        };
        let is_of_ticks = |id: &SymbolId| of_symbol(id).input() == CandleInput::Ticks;
        let ids = subscription.symbols.ids();
        let (of_ticks, of_trades): (Vec<SymbolId>, Vec<_>) =
            ids.iter().copied().partition(is_of_ticks);
        self.ticks.queue.follow_all(&of_ticks);
        self.trades.queue.follow_all(&of_trades);
        for symbol_id in of_ticks.into_iter().chain(of_trades) {
            let basis = of_symbol(&symbol_id);
            self.insert_series(symbol_id, timeframe, basis, subscription.from);
        }
        let first = ids.first().map(of_symbol);
        first.filter(|_| ids.iter().all(|id| Some(of_symbol(id)) == first))
    }

    fn insert_series(
        &mut self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        from: Option<DateTime<Utc>>,
    ) {
        let (now, key) = (
            Instant::now(),
            SeriesKey {
                symbol_id,
                timeframe,
                basis,
            },
        );
        match basis.input() {
            CandleInput::Trades => self.trade_series.insert(key, from, now),
            _ => self.series.insert(key, from, now),
        }
    }

    /// Adds the series of a symbol that has appeared, if the client subscribes to candles of all symbols.
    pub(super) async fn add_series(
        &mut self,
        symbol_id: SymbolId,
        input: CandleInput,
    ) -> Result<(), End> {
        if self.all_candles.kinds.is_empty() {
            return Ok(());
        }
        let kinds = self.all_candles.kinds.clone();
        for (timeframe, basis) in kinds {
            let key = SeriesKey {
                symbol_id,
                timeframe,
                basis,
            };
            if basis.input() != input || self.series.has_key(key) || self.trade_series.has_key(key)
            {
                continue;
            }
            if self.series.len() + self.trade_series.len() < SUBSCRIPTIONS {
                self.insert_series(symbol_id, timeframe, basis, None);
            } else if !std::mem::replace(&mut self.all_candles.is_full, true) {
                let reason = format!(
                    "the candles of symbol {symbol_id}, and of others that appear later, are not sent: a connection \
                     has at most {SUBSCRIPTIONS} subscriptions"
                );
                self.send(&Message::Error { id: None, reason }).await?;
            }
        }
        Ok(())
    }

    pub(super) fn unsubscribe(&mut self, subscription: &Subscription) {
        let symbols = &subscription.symbols;
        let is_all = *symbols == Symbols::All;
        let mut ended = symbols.ids().to_vec();
        match subscription.channel {
            Channel::Ticks => ended = self.ticks.unsubscribe(symbols),
            Channel::Trades => ended = self.trades.unsubscribe(symbols),
            Channel::Candles(timeframe, given) if is_all => {
                ended = self.series.symbols();
                ended.extend(self.trade_series.symbols());
                self.series.remove_all(timeframe, given);
                self.trade_series.remove_all(timeframe, given);
                let is_meant = |kind: &(Timeframe, PriceBasis)| {
                    kind.0 == timeframe && given.is_none_or(|given| given == kind.1)
                };
                self.all_candles.kinds.retain(|kind| !is_meant(kind));
            }
            Channel::Candles(timeframe, given) => {
                let is_meant = |basis: &PriceBasis| given.is_none_or(|given| given == *basis);
                for symbol_id in ended.iter().copied() {
                    for basis in PriceBasis::ALL.iter().copied().filter(is_meant) {
                        let key = SeriesKey {
                            symbol_id,
                            timeframe,
                            basis,
                        };
                        self.series.remove(key);
                        self.trade_series.remove(key);
                    }
                }
            }
            Channel::Book(_) if is_all => return self.books.unfollow_every(),
            Channel::Book(_) => return self.books.unfollow(symbols.ids()),
            Channel::Orders(account_id) => return self.orders.unfollow(account_id),
        }
        self.unfollow_unused(&ended);
    }

    /// Lets the queues receive only the records that a subscription or a series needs.
    fn unfollow_unused(&mut self, ended: &[SymbolId]) {
        if !self.ticks.has_all() && !self.all_candles.are_of(CandleInput::Ticks) {
            self.ticks.queue.unfollow_every();
        }
        if !self.trades.has_all() && !self.all_candles.are_of(CandleInput::Trades) {
            self.trades.queue.unfollow_every();
        }
        let symbols = || ended.iter().copied();
        let unused = symbols().filter(|id| !self.series.has(*id) && !self.ticks.is_followed(*id));
        self.ticks.queue.unfollow_all(&unused.collect::<Vec<_>>());
        let unused =
            symbols().filter(|id| !self.trade_series.has(*id) && !self.trades.is_followed(*id));
        self.trades.queue.unfollow_all(&unused.collect::<Vec<_>>());
    }
}
