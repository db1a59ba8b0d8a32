//! Booked events that wait for a client.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::counter;
use tickbook_ledger::domain::AccountId;
use tokio::sync::{Notify, Semaphore};

use super::news::BookedEvent;
use crate::metrics::LEDGER_EVENTS_MISSED;

/// Maximum number of events that a client takes at once.
const AT_ONCE: usize = 256;

/// Remaining capacity for events that wait for all clients. Clones share it.
#[derive(Debug, Clone)]
pub struct WaitingEvents(Arc<Semaphore>);

impl WaitingEvents {
    pub(crate) fn new(max: usize) -> Self {
        Self(Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))))
    }
}

/// News of one account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) account_id: AccountId,
    /// Events by ascending number. Numbers may be missing.
    pub(crate) events: Vec<Arc<BookedEvent>>,
    /// All events up to this number are booked, and no event up to it follows.
    pub(crate) through: i64,
}

/// The events that wait for one client.
#[derive(Debug)]
pub(crate) struct ClientNews {
    waiting: Mutex<Waiting>,
    arrived: Notify,
    max: usize,
    room: WaitingEvents,
}

#[derive(Debug, Default)]
struct Waiting {
    accounts: BTreeMap<AccountId, OfAccount>,
    /// The number of events of all accounts.
    events: usize,
}

/// The events of one account.
#[derive(Debug, Default)]
struct OfAccount {
    events: VecDeque<Arc<BookedEvent>>,
    /// The number of the last booked event; 0 if it is not known.
    last: i64,
    /// The number up to which the client has taken everything.
    taken: i64,
    /// Whether the client waits for the state of the account first.
    is_paused: bool,
}

impl OfAccount {
    fn has_news(&self) -> bool {
        !self.is_paused && self.last > self.taken
    }

    /// Removes up to [`AT_ONCE`] events.
    fn take(&mut self, account_id: AccountId) -> News {
        let count = self.events.len().min(AT_ONCE);
        let events: Vec<_> = self.events.drain(..count).collect();
        self.taken = match events.last() {
            Some(last) if !self.events.is_empty() => last.sequence(),
            _ => self.last,
        };
        News {
            account_id,
            events,
            through: self.taken,
        }
    }
}

impl ClientNews {
    /// Up to `max` events of all accounts wait.
    pub(crate) fn new(max: usize, room: WaitingEvents) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Notify::new(),
            max,
            room,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an account whose events wait until [`resume`](Self::resume), or pauses it.
    pub(super) fn pause(&self, account_id: AccountId) {
        self.lock()
            .accounts
            .entry(account_id)
            .or_default()
            .is_paused = true;
    }

    /// Delivers events from now on.
    pub(super) fn resume(&self, account_id: AccountId) {
        if let Some(of_account) = self.lock().accounts.get_mut(&account_id) {
            of_account.is_paused = false;
        }
        self.arrived.notify_one();
    }

    /// Removes an account and its events.
    pub(super) fn remove(&self, account_id: AccountId) {
        let mut waiting = self.lock();
        if let Some(removed) = waiting.accounts.remove(&account_id) {
            waiting.events -= removed.events.len();
            self.room.0.add_permits(removed.events.len());
        }
    }

    /// Adds booked events, and the number of the last booked event. Without room, the oldest events of the account
    /// are dropped.
    pub(super) fn add(&self, account_id: AccountId, events: &[Arc<BookedEvent>], last: i64) {
        let mut waiting = self.lock();
        let Waiting {
            accounts,
            events: count,
        } = &mut *waiting;
        let Some(of_account) = accounts.get_mut(&account_id) else {
            return;
        };
        of_account.last = of_account.last.max(last);
        let mut missed = 0;
        for event in events {
            let is_free = *count < self.max;
            let permit = is_free.then(|| self.room.0.try_acquire().ok()).flatten();
            match permit {
                Some(permit) => {
                    // it is returned when the event is removed
                    permit.forget();
                    *count += 1;
                }
                // the place of the oldest event of this account is used
                None => {
                    missed += 1;
                    if of_account.events.pop_front().is_none() {
                        continue;
                    }
                }
            }
            of_account.events.push_back(Arc::clone(event));
        }
        drop(waiting);
        if missed > 0 {
            counter!(LEDGER_EVENTS_MISSED).increment(missed);
        }
        self.arrived.notify_one();
    }

    /// Takes news that wait; empty if there are none.
    pub(crate) fn take(&self) -> Vec<News> {
        let mut waiting = self.lock();
        let changed = waiting.accounts.iter_mut().filter(|(_, it)| it.has_news());
        let news: Vec<_> = changed.map(|(id, it)| it.take(*id)).collect();
        let taken = news.iter().map(|news| news.events.len()).sum();
        waiting.events -= taken;
        self.room.0.add_permits(taken);
        news
    }

    /// Waits for news. If cancelled, none are lost.
    pub(crate) async fn arrived(&self) -> Vec<News> {
        loop {
            let news = self.take();
            if !news.is_empty() {
                return news;
            }
            // a call of `notify_one` since `take` is remembered
            self.arrived.notified().await;
        }
    }

    /// Whether no news wait.
    pub(crate) fn is_caught_up(&self) -> bool {
        !self.lock().accounts.values().any(OfAccount::has_news)
    }
}

impl Drop for ClientNews {
    fn drop(&mut self) {
        let events = self.lock().events;
        self.room.0.add_permits(events);
    }
}

#[cfg(test)]
mod tests;
