//! Distributes booked events to the clients that follow their account.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tickbook_ledger::domain::{AccountId, EventEffect, RecordedEvent};
use tokio::sync::MutexGuard as TurnGuard;

use super::waiting_events::ClientNews;

/// A booked event and the state that it led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BookedEvent {
    pub(crate) recorded: RecordedEvent,
    pub(crate) effect: EventEffect,
}

impl BookedEvent {
    pub(super) fn sequence(&self) -> i64 {
        self.recorded.sequence
    }
}

/// The accounts that are followed or appended to. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct OrderNews(Arc<Mutex<HashMap<AccountId, Arc<Account>>>>);

#[derive(Debug, Default)]
struct Account {
    /// Held during an append, so that events are published in the order of their numbers.
    turn: tokio::sync::Mutex<()>,
    followers: Mutex<Vec<Arc<ClientNews>>>,
    /// Whether a task asks for the number of the last event.
    is_asking: AtomicBool,
}

impl Account {
    fn followers(&self) -> MutexGuard<'_, Vec<Arc<ClientNews>>> {
        self.followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl OrderNews {
    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Arc<Account>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn account(&self, account_id: AccountId) -> NewsOfAccount {
        let account = Arc::clone(self.lock().entry(account_id).or_default());
        NewsOfAccount {
            news: self.clone(),
            account_id,
            account,
        }
    }

    /// Collects the events of an account for a client, which gets them from [`Following::resume`] on.
    pub(crate) fn follow(&self, account_id: AccountId, client: &Arc<ClientNews>) -> Following {
        client.pause(account_id);
        let news = self.account(account_id);
        news.account.followers().push(Arc::clone(client));
        Following {
            news,
            client: Arc::clone(client),
        }
    }

    #[cfg(test)]
    pub(super) fn known_accounts(&self) -> usize {
        self.lock().len()
    }

    /// The number of accounts that clients follow.
    pub(crate) fn followed_accounts(&self) -> usize {
        let accounts = self.lock();
        let followed = accounts.values().filter(|it| !it.followers().is_empty());
        followed.count()
    }
}

/// The news of one account. The account is forgotten with the last of these values.
#[derive(Debug)]
pub(super) struct NewsOfAccount {
    news: OrderNews,
    account_id: AccountId,
    account: Arc<Account>,
}

impl NewsOfAccount {
    /// Waits until no other append of the account is in progress.
    pub(super) async fn turn(&self) -> TurnGuard<'_, ()> {
        self.account.turn.lock().await
    }

    /// Whether a client follows the account.
    pub(super) fn is_followed(&self) -> bool {
        !self.account.followers().is_empty()
    }

    /// Whether the caller has to ask for the number of the last event: the account is followed, and no other task asks.
    pub(super) fn begin_asking(&self) -> bool {
        self.is_followed() && !self.account.is_asking.swap(true, Ordering::Relaxed)
    }

    pub(super) fn end_asking(&self) {
        self.account.is_asking.store(false, Ordering::Relaxed);
    }

    /// Sends booked events to all followers, and the number of the last booked event.
    pub(super) fn publish(&self, events: &[Arc<BookedEvent>], last: i64) {
        for follower in self.account.followers().iter() {
            follower.add(self.account_id, events, last);
        }
    }
}

impl Drop for NewsOfAccount {
    fn drop(&mut self) {
        let mut accounts = self.news.lock();
        // the map has one more, and further ones are made from it under the lock
        if Arc::strong_count(&self.account) == 2 {
            accounts.remove(&self.account_id);
        }
    }
}

/// Guard of a client that follows an account; ends it on drop.
#[derive(Debug)]
pub(crate) struct Following {
    news: NewsOfAccount,
    client: Arc<ClientNews>,
}

impl Following {
    /// Lets events wait, for example while the state of the account is read.
    pub(crate) fn pause(&self) {
        self.client.pause(self.news.account_id);
    }

    /// Delivers waiting and later events.
    pub(crate) fn resume(&self) {
        self.client.resume(self.news.account_id);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut followers = self.news.account.followers();
        followers.retain(|other| !Arc::ptr_eq(other, &self.client));
        drop(followers);
        self.client.remove(self.news.account_id);
    }
}
