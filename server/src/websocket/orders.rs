//! The accounts whose orders a client follows.

use std::collections::BTreeMap;
use std::sync::Arc;

use tickbook_ledger::domain::AccountId;

use crate::ledger::{BookedEvent, ClientNews, Following, News, OrderNews, WaitingEvents};

/// The accounts that one client follows.
#[derive(Debug)]
pub(super) struct FollowedAccounts {
    news: OrderNews,
    client: Arc<ClientNews>,
    accounts: BTreeMap<AccountId, FollowedAccount>,
}

#[derive(Debug)]
struct FollowedAccount {
    following: Following,
    /// The number of the next event; `None` until the client has the state of the account.
    next: Option<i64>,
}

/// A part of the journal of an account, as it is sent to a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JournalPart {
    Event(Arc<BookedEvent>),
    /// Missed events: the first number, and the number after the last.
    Gap(i64, i64),
}

impl FollowedAccounts {
    /// Up to `max` events wait.
    pub(super) fn new(news: OrderNews, max: usize, room: WaitingEvents) -> Self {
        Self {
            news,
            client: Arc::new(ClientNews::new(max, room)),
            accounts: BTreeMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Lets the events of an account wait until [`start`](Self::start), because its state is read meanwhile.
    pub(super) fn prepare(&mut self, account_id: AccountId) {
        match self.accounts.get(&account_id) {
            Some(followed) => followed.following.pause(),
            None => {
                let following = self.news.follow(account_id, &self.client);
                let next = None;
                let followed = FollowedAccount { following, next };
                self.accounts.insert(account_id, followed);
            }
        }
    }

    /// Continues as before [`prepare`](Self::prepare).
    pub(super) fn abandon(&mut self, account_id: AccountId) {
        match self.accounts.get(&account_id) {
            Some(followed) if followed.next.is_some() => followed.following.resume(),
            _ => self.unfollow(account_id),
        }
    }

    /// Delivers the events after the event with this number.
    pub(super) fn start(&mut self, account_id: AccountId, sequence: i64) {
        if let Some(followed) = self.accounts.get_mut(&account_id) {
            followed.next = Some(sequence + 1);
            followed.following.resume();
        }
    }

    pub(super) fn unfollow(&mut self, account_id: AccountId) {
        self.accounts.remove(&account_id);
    }

    /// Waits for news. If cancelled, none are lost.
    pub(super) async fn arrived(&self) -> Vec<News> {
        self.client.arrived().await
    }

    /// News that have arrived; empty if there are none.
    pub(super) fn take(&self) -> Vec<News> {
        self.client.take()
    }

    pub(super) fn is_caught_up(&self) -> bool {
        self.client.is_caught_up()
    }

    /// The parts of the journal that the client does not know, without a missing number.
    pub(super) fn parts(&mut self, news: News) -> Vec<JournalPart> {
        let followed = self.accounts.get_mut(&news.account_id);
        let Some(next) = followed.and_then(|followed| followed.next.as_mut()) else {
            return Vec::new();
        };
        let mut parts = Vec::with_capacity(news.events.len());
        for event in news.events {
            let sequence = event.recorded.sequence;
            if sequence < *next {
                continue;
            }
            if sequence > *next {
                parts.push(JournalPart::Gap(*next, sequence));
            }
            parts.push(JournalPart::Event(event));
            *next = sequence + 1;
        }
        if news.through >= *next {
            parts.push(JournalPart::Gap(*next, news.through + 1));
            *next = news.through + 1;
        }
        parts
    }
}
