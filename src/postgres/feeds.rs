//! The repository of gaps and messages of feeds.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::TimeseriesConnections;
use crate::domain::{
    FeedChannel, FeedGap, FeedGapKey, FeedMessage, FeedMessageKey, GapEdge, MessageKind, Page,
    SymbolId, UnknownFeedChannel, UnknownGapReason, UnknownMessageKind,
};
use crate::error::{Entity, RepositoryError};
use crate::repository::{
    FeedGapQuery, FeedMessageQuery, FeedRepository, merged_gaps, normalized_messages,
};

/// [`FeedRepository`] over TimescaleDB, either edition.
pub struct PgFeedRepository {
    connections: Box<dyn TimeseriesConnections>,
}

impl PgFeedRepository {
    /// Reads and writes over `connections`; connects on first use.
    pub fn new(connections: impl TimeseriesConnections) -> Self {
        Self {
            connections: Box::new(connections),
        }
    }
}

impl fmt::Debug for PgFeedRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgFeedRepository")
            .field("database", &self.connections.timeseries())
            .finish_non_exhaustive()
    }
}

#[derive(Debug, QueryableByName)]
struct GapRow {
    #[diesel(sql_type = Text)]
    feed: String,
    #[diesel(sql_type = BigInt)]
    symbol_id: i64,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Timestamptz)]
    gap_from: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    gap_to: Option<DateTime<Utc>>,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_time: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_sequence: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    next_time: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    next_sequence: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    filled_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    failure: Option<String>,
}

impl GapRow {
    fn into_gap(self) -> Result<FeedGap, RepositoryError> {
        let key = format!(
            "gap of {} and symbol {} from {}",
            self.feed, self.symbol_id, self.gap_from
        );
        let data = |reason: String| RepositoryError::Data {
            entity: Entity::FeedGap,
            key: key.clone(),
            reason,
        };
        let channel = self.channel.parse();
        let channel = channel.map_err(|error: UnknownFeedChannel| data(error.to_string()))?;
        let reason = self.reason.parse();
        let reason = reason.map_err(|error: UnknownGapReason| data(error.to_string()))?;
        let symbol_id = SymbolId::new(self.symbol_id);
        let mut gap = FeedGap::open(self.feed, symbol_id, channel, self.gap_from, reason);
        (gap.to, gap.failure) = (self.gap_to, self.failure);
        let (last, next) = (self.last_time, self.next_time);
        gap.last = last.map(|time| GapEdge::new(time, self.last_sequence));
        gap.next = next.map(|time| GapEdge::new(time, self.next_sequence));
        Ok(gap.filled_at(self.filled_at))
    }
}

#[derive(Debug, QueryableByName)]
struct MessageRow {
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Timestamptz)]
    received_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    payload: String,
}

impl MessageRow {
    fn into_message(self) -> Result<FeedMessage, RepositoryError> {
        let kind: Result<MessageKind, UnknownMessageKind> = self.kind.parse();
        let kind = kind.map_err(|error| RepositoryError::Data {
            entity: Entity::FeedMessage,
            key: format!("message of {} at {}", self.source, self.received_at),
            reason: error.to_string(),
        })?;
        let key = FeedMessageKey::new(self.received_at, self.sequence);
        Ok(FeedMessage::new(self.source, key, kind, self.payload))
    }
}

#[async_trait]
impl FeedRepository for PgFeedRepository {
    async fn put_gaps(&self, gaps: &[FeedGap]) -> Result<u64, RepositoryError> {
        // by key, so that two writers take the locks of rows in one order
        let gaps: Vec<_> = merged_gaps(gaps)?.into_values().collect();
        if gaps.is_empty() {
            return Ok(0);
        }
        let timeseries = self.connections.timeseries();
        timeseries
            .run_idempotent("put_gaps", move |connection| {
                let texts = |text: fn(&FeedGap) -> &str| gaps.iter().map(text).collect::<Vec<_>>();
                let times = |time: fn(&FeedGap) -> Option<DateTime<Utc>>| {
                    gaps.iter().map(time).collect::<Vec<_>>()
                };
                let sequences = |edge: fn(&FeedGap) -> Option<GapEdge>| {
                    let edges = gaps.iter().map(edge);
                    edges.map(|edge| edge?.sequence).collect::<Vec<_>>()
                };
                let changed = sql_query(
                    "INSERT INTO feed_gaps (feed, symbol_id, channel, gap_from, gap_to, reason, \
                     last_time, last_sequence, next_time, next_sequence, filled_at, failure) \
                     SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
                     ON CONFLICT (gap_from, feed, symbol_id, channel) DO UPDATE SET \
                     gap_to = coalesce(feed_gaps.gap_to, EXCLUDED.gap_to), \
                     next_time = coalesce(feed_gaps.next_time, EXCLUDED.next_time), \
                     next_sequence = CASE WHEN feed_gaps.next_time IS NULL \
                     THEN EXCLUDED.next_sequence ELSE feed_gaps.next_sequence END, \
                     filled_at = coalesce(feed_gaps.filled_at, EXCLUDED.filled_at), \
                     failure = CASE WHEN feed_gaps.filled_at IS NULL AND EXCLUDED.filled_at IS NULL \
                     THEN coalesce(EXCLUDED.failure, feed_gaps.failure) END \
                     WHERE (feed_gaps.gap_to IS NULL AND EXCLUDED.gap_to IS NOT NULL) \
                     OR (feed_gaps.next_time IS NULL AND EXCLUDED.next_time IS NOT NULL) \
                     OR (feed_gaps.filled_at IS NULL AND (EXCLUDED.filled_at IS NOT NULL \
                     OR EXCLUDED.failure <> coalesce(feed_gaps.failure, '')))",
                )
                .bind::<Array<Text>, _>(texts(|gap| &gap.feed))
                .bind::<Array<BigInt>, _>(
                    gaps.iter().map(|gap| gap.symbol_id.get()).collect::<Vec<_>>(),
                )
                .bind::<Array<Text>, _>(texts(|gap| gap.channel.as_str()))
                .bind::<Array<Timestamptz>, _>(gaps.iter().map(|gap| gap.from).collect::<Vec<_>>())
                .bind::<Array<Nullable<Timestamptz>>, _>(times(|gap| gap.to))
                .bind::<Array<Text>, _>(texts(|gap| gap.reason.as_str()))
                .bind::<Array<Nullable<Timestamptz>>, _>(times(|gap| Some(gap.last?.time)))
                .bind::<Array<Nullable<BigInt>>, _>(sequences(|gap| gap.last))
                .bind::<Array<Nullable<Timestamptz>>, _>(times(|gap| Some(gap.next?.time)))
                .bind::<Array<Nullable<BigInt>>, _>(sequences(|gap| gap.next))
                .bind::<Array<Nullable<Timestamptz>>, _>(times(|gap| gap.filled_at))
                .bind::<Array<Nullable<Text>>, _>(
                    gaps.iter().map(|gap| gap.failure.as_deref()).collect::<Vec<_>>(),
                )
                .execute(connection)?;
                Ok(changed as u64)
            })
            .await
    }

    async fn gaps(
        &self,
        query: &FeedGapQuery,
    ) -> Result<Page<FeedGap, FeedGapKey>, RepositoryError> {
        let limit = query.limit;
        let query = query.clone();
        let timeseries = self.connections.timeseries();
        let items = timeseries
            .read("gaps", move |connection| {
                let after = query.after.as_ref();
                let rows: Vec<GapRow> = sql_query(
                    "SELECT feed, symbol_id, channel, gap_from, gap_to, reason, last_time, \
                     last_sequence, next_time, next_sequence, filled_at, failure FROM feed_gaps \
                     WHERE gap_from >= $1 AND gap_from < $2 \
                     AND ($3 IS NULL OR feed = $3) AND ($4 IS NULL OR symbol_id = $4) \
                     AND ($5 IS NULL OR channel = $5) AND ($6 IS NULL OR (gap_to IS NULL) = $6) \
                     AND ($7 IS NULL OR (filled_at IS NOT NULL) = $7) \
                     AND ($8 IS NULL OR (gap_from, feed, symbol_id, channel) > ($8, $9, $10, $11)) \
                     ORDER BY gap_from, feed, symbol_id, channel LIMIT $12",
                )
                .bind::<Timestamptz, _>(query.range.start())
                .bind::<Timestamptz, _>(query.range.end())
                .bind::<Nullable<Text>, _>(query.feed.as_deref())
                .bind::<Nullable<BigInt>, _>(query.symbol_id.map(SymbolId::get))
                .bind::<Nullable<Text>, _>(query.channel.map(FeedChannel::as_str))
                .bind::<Nullable<Bool>, _>(query.open)
                .bind::<Nullable<Bool>, _>(query.filled)
                .bind::<Nullable<Timestamptz>, _>(after.map(|key| key.from))
                .bind::<Nullable<Text>, _>(after.map(|key| key.feed.as_str()))
                .bind::<Nullable<BigInt>, _>(after.map(|key| key.symbol_id.get()))
                .bind::<Nullable<Text>, _>(after.map(|key| key.channel.as_str()))
                // at most 10,001
                .bind::<BigInt, _>(query.limit.get() as i64 + 1)
                .load(connection)?;
                let gaps = rows.into_iter().map(GapRow::into_gap);
                Ok(gaps.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        Ok(Page::from_limit_plus_one(items, limit, FeedGap::key))
    }

    async fn put_messages(&self, messages: &[FeedMessage]) -> Result<u64, RepositoryError> {
        let messages = normalized_messages(messages)?;
        if messages.is_empty() {
            return Ok(0);
        }
        let timeseries = self.connections.timeseries();
        timeseries
            .run_idempotent("put_messages", move |connection| {
                let texts =
                    |text: fn(&FeedMessage) -> &str| messages.iter().map(text).collect::<Vec<_>>();
                let new = sql_query(
                    "INSERT INTO feed_messages (source, received_at, sequence, kind, payload) \
                     SELECT * FROM UNNEST($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                )
                .bind::<Array<Text>, _>(texts(|message| &message.source))
                .bind::<Array<Timestamptz>, _>(
                    messages
                        .iter()
                        .map(|message| message.received_at)
                        .collect::<Vec<_>>(),
                )
                .bind::<Array<BigInt>, _>(
                    messages
                        .iter()
                        .map(|message| message.sequence)
                        .collect::<Vec<_>>(),
                )
                .bind::<Array<Text>, _>(texts(|message| message.kind.as_str()))
                .bind::<Array<Text>, _>(texts(|message| &message.payload))
                .execute(connection)?;
                Ok(new as u64)
            })
            .await
    }

    async fn messages(
        &self,
        query: &FeedMessageQuery,
    ) -> Result<Page<FeedMessage, FeedMessageKey>, RepositoryError> {
        let limit = query.limit;
        let query = query.clone();
        let timeseries = self.connections.timeseries();
        let items = timeseries
            .read("messages", move |connection| {
                // the first key of the range, so that chunks before it are not opened
                let start = FeedMessageKey::new(query.range.start(), -1);
                let after = query.after.map_or(start, |after| after.max(start));
                let rows: Vec<MessageRow> = sql_query(
                    "SELECT source, received_at, sequence, kind, payload FROM feed_messages \
                     WHERE source = $1 AND received_at >= $2 AND received_at < $3 \
                     AND (received_at, sequence) > ($2, $4) \
                     ORDER BY received_at, sequence LIMIT $5",
                )
                .bind::<Text, _>(&query.source)
                .bind::<Timestamptz, _>(after.received_at)
                .bind::<Timestamptz, _>(query.range.end())
                .bind::<BigInt, _>(after.sequence)
                // at most 10,001
                .bind::<BigInt, _>(query.limit.get() as i64 + 1)
                .load(connection)?;
                let messages = rows.into_iter().map(MessageRow::into_message);
                Ok(messages.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        Ok(Page::from_limit_plus_one(items, limit, FeedMessage::key))
    }

    async fn drop_messages(&self, time: DateTime<Utc>) -> Result<(), RepositoryError> {
        let timeseries = self.connections.timeseries();
        timeseries
            .run_idempotent("drop_messages", move |connection| {
                // a time before 1970 has no chunks, and is no error
                sql_query("SELECT drop_chunks('feed_messages', older_than => $1)")
                    .bind::<Timestamptz, _>(time)
                    .execute(connection)?;
                Ok(())
            })
            .await
    }
}
