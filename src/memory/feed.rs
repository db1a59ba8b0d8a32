//! In-memory gaps and messages of feeds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{read, write};
use crate::domain::{FeedGap, FeedGapKey, FeedMessage, FeedMessageKey, Page};
use crate::error::RepositoryError;
use crate::repository::{
    FeedGapQuery, FeedMessageQuery, FeedRepository, merged_gaps, normalized_messages,
};

/// Gaps and messages of feeds in memory. Clones share them.
#[derive(Clone, Default)]
pub struct InMemoryFeedRepository {
    gaps: Arc<RwLock<BTreeMap<FeedGapKey, FeedGap>>>,
    messages: Arc<RwLock<BTreeMap<(String, FeedMessageKey), FeedMessage>>>,
}

impl InMemoryFeedRepository {
    /// Creates an empty repository.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for InMemoryFeedRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryFeedRepository")
            .field("gaps", &read(&self.gaps).len())
            .field("messages", &read(&self.messages).len())
            .finish()
    }
}

#[async_trait]
impl FeedRepository for InMemoryFeedRepository {
    async fn put_gaps(&self, gaps: &[FeedGap]) -> Result<u64, RepositoryError> {
        let given = merged_gaps(gaps)?;
        let mut stored = write(&self.gaps);
        let mut changed = 0;
        for (key, gap) in given {
            let before = stored.get(&key).cloned();
            let after = match &before {
                Some(before) => before.clone().with_later(&gap),
                None => gap,
            };
            if before.as_ref() != Some(&after) {
                changed += 1;
                stored.insert(key, after);
            }
        }
        Ok(changed)
    }

    async fn gaps(
        &self,
        query: &FeedGapQuery,
    ) -> Result<Page<FeedGap, FeedGapKey>, RepositoryError> {
        let stored = read(&self.gaps);
        let found = stored.iter().filter(|(key, gap)| {
            query.feed.as_ref().is_none_or(|feed| key.feed == *feed)
                && query.symbol_id.is_none_or(|id| key.symbol_id == id)
                && query.channel.is_none_or(|channel| key.channel == channel)
                && query.open.is_none_or(|open| gap.to.is_none() == open)
                && query
                    .filled
                    .is_none_or(|filled| gap.filled_at.is_some() == filled)
                && query.range.contains(key.from)
                && query.after.as_ref().is_none_or(|after| *key > after)
        });
        let found = found.map(|(_, gap)| gap.clone());
        let items = found.take(query.limit.get() + 1).collect();
        Ok(Page::from_limit_plus_one(items, query.limit, FeedGap::key))
    }

    async fn put_messages(&self, messages: &[FeedMessage]) -> Result<u64, RepositoryError> {
        let given = normalized_messages(messages)?;
        let mut stored = write(&self.messages);
        let before = stored.len();
        for message in given {
            let key = (message.source.clone(), message.key());
            stored.entry(key).or_insert(message);
        }
        Ok((stored.len() - before) as u64)
    }

    async fn messages(
        &self,
        query: &FeedMessageQuery,
    ) -> Result<Page<FeedMessage, FeedMessageKey>, RepositoryError> {
        let stored = read(&self.messages);
        let found = stored.iter().filter(|((source, key), _)| {
            *source == query.source
                && query.range.contains(key.received_at)
                && query.after.is_none_or(|after| *key > after)
        });
        let found = found.map(|(_, message)| message.clone());
        let items = found.take(query.limit.get() + 1).collect();
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            FeedMessage::key,
        ))
    }

    async fn drop_messages(&self, time: DateTime<Utc>) -> Result<(), RepositoryError> {
        write(&self.messages).retain(|(_, key), _| key.received_at >= time);
        Ok(())
    }
}
