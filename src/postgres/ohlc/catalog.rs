//! What TimescaleDB knows at one instant of the candle relations: of which times they may not know
//! all ticks, and in which state their chunks are.
//!
//! The argument why this is enough is in `docs/decisions/candle-reads.md`.

use std::sync::Arc;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::{CatalogLayout, DbError, pending_changes};
use crate::domain::{TimeRange, Timeframe};

use super::intervals::Intervals;
use super::relations::{Relations, identity, list};

/// How many intervals of one-minute candles, and of larger ones, one statement reads apart. Wider
/// ones are right as well.
const MAX_TICK_INTERVALS: usize = 32;
const MAX_CANDLE_INTERVALS: usize = 16;

/// The candle relations as one snapshot has them, and what they may not know of a range.
#[derive(Debug)]
pub(super) struct Catalog {
    relations: Arc<Relations>,
    timeframe: Timeframe,
    chunks: ChunkState,
    /// Changes of ticks, and of candles of any smaller timeframe, that candles may not know.
    ticks: Intervals,
    others: Intervals,
}

/// Changes when a chunk is made, dropped, compressed or decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkState {
    hash: i64,
    count: i64,
}

impl Catalog {
    /// Reads what is known of the aggregates up to `timeframe` and of the changes within `range`;
    /// `None` where `relations` are not those of this snapshot.
    pub(super) fn read(
        connection: &mut PgConnection,
        timeframe: Timeframe,
        range: TimeRange,
        relations: &Arc<Relations>,
    ) -> Result<Option<Self>, DbError> {
        let select = SelectCatalog::new(relations, timeframe, range);
        let rows: Vec<Row> = select.load(connection)?;
        let (mut ticks, mut others) = (Vec::new(), Vec::new());
        let mut chunks = ChunkState { hash: 0, count: 0 };
        let mut floor = i64::MIN;
        for (kind, first, second, identity, version) in rows {
            match kind {
                STATE => {
                    let is_same = identity.unwrap_or_default() == relations.identity
                        && version.as_ref() == Some(&relations.version);
                    if !is_same {
                        return Ok(None);
                    }
                    let (hash, count) = (first, second);
                    chunks = ChunkState { hash, count };
                }
                FLOOR => floor = first,
                // of ticks or of candles; inclusive ends
                OF_TICKS => ticks.push((first, second.saturating_add(1))),
                _ => others.push((first, second.saturating_add(1))),
            }
        }
        // whose chunk was dropped was settled before in the candles of every timeframe
        let ticks = ticks.into_iter().map(|(from, to)| (from.max(floor), to));
        Ok(Some(Self {
            relations: Arc::clone(relations),
            timeframe,
            chunks,
            ticks: Intervals::new(ticks.collect()),
            others: Intervals::new(others),
        }))
    }

    /// The table behind the aggregate of one minute, if there is one.
    pub(super) fn minutes(&self) -> Option<&str> {
        self.table(Timeframe::M1)
    }

    /// The table behind the aggregate of `timeframe`, if there is one.
    pub(super) fn table(&self, timeframe: Timeframe) -> Option<&str> {
        let aggregate = self.relations.aggregate(timeframe);
        aggregate.map(|it| it.table.as_str())
    }

    /// The times of `window`, which starts and ends with a bucket, that have to be made of ticks.
    pub(super) fn tick_intervals(&self, window: TimeRange) -> Intervals {
        self.ticks
            .buckets(Timeframe::M1, window, MAX_TICK_INTERVALS)
    }

    /// The buckets within `window` that have to be made of one-minute candles.
    pub(super) fn candle_intervals(&self, window: TimeRange) -> Intervals {
        if self.table(self.timeframe).is_none() {
            let all = (
                window.from().timestamp_micros(),
                window.to().timestamp_micros(),
            );
            return Intervals::new(vec![all]);
        }
        let pending = self.ticks.and(&self.others);
        pending.buckets(self.timeframe, window, MAX_CANDLE_INTERVALS)
    }

    /// The buckets within `window` that wait for a refresh of this timeframe or a smaller one.
    pub(super) fn waiting(&self, window: TimeRange) -> Intervals {
        let pending = self.ticks.and(&self.others);
        pending.buckets(self.timeframe, window, usize::MAX)
    }

    /// The chunks that answers of this catalog are read from.
    pub(super) fn chunks(&self) -> Chunks {
        Chunks {
            layout: self.relations.layout,
            hypertables: read_from(&self.relations, self.timeframe),
            state: self.chunks,
        }
    }
}

/// The chunks of some hypertables.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunks {
    layout: CatalogLayout,
    hypertables: Vec<i32>,
    /// At the instant of the snapshot.
    state: ChunkState,
}

impl Chunks {
    /// Whether they are now as they were at that instant.
    pub(super) fn are_unchanged(&self, connection: &mut PgConnection) -> Result<bool, DbError> {
        let select = SelectChunks(chunk_state(self.layout, &self.hypertables));
        let now: (i64, i64) = select.get_result(connection)?;
        let (hash, count) = now;
        Ok(ChunkState { hash, count } == self.state)
    }
}

/// Ticks, stored candles, one-minute candles and those that are asked for.
fn read_from(relations: &Relations, timeframe: Timeframe) -> Vec<i32> {
    let aggregates = relations.aggregates.iter();
    let read = aggregates.filter(|it| it.timeframe == Timeframe::M1 || it.timeframe == timeframe);
    let read = read.map(|it| it.ids.materialization);
    read.chain(relations.tables.iter().copied()).collect()
}

/// Kind, two numbers, the identity of the relations and the release, by the kind.
type Row = (i32, i64, i64, Option<i64>, Option<String>);

const STATE: i32 = 0;
const FLOOR: i32 = 1;
const OF_TICKS: i32 = 2;

/// The same of all chunks, by the documented view.
const ALL_CHUNKS_STATE: &str = "SELECT coalesce(bit_xor(hashtextextended(format('%s.%s %s', \
    chunk_schema, chunk_name, is_compressed), 0)), 0) AS hash, count(*) AS count \
    FROM timescaledb_information.chunks";

/// The state of the chunks of `hypertables`. A row of the catalog is written to another place whenever
/// it is changed, and its old place is not used again while a snapshot may see it.
fn chunk_state(layout: CatalogLayout, hypertables: &[i32]) -> String {
    if layout == CatalogLayout::Unknown {
        return ALL_CHUNKS_STATE.to_owned();
    }
    format!(
        "SELECT coalesce(bit_xor(hashtidextended(ctid, id)), 0) AS hash, count(*) AS count \
         FROM _timescaledb_catalog.chunk WHERE hypertable_id IN ({})",
        list(hypertables)
    )
}

/// A text, in microseconds since 1970 the times that it is about, as `times (start, until)`, and what
/// follows. Few texts differ, so that each is prepared once.
struct SelectCatalog {
    from: i64,
    to: i64,
    text: String,
}

impl SelectCatalog {
    fn new(relations: &Relations, timeframe: Timeframe, range: TimeRange) -> Self {
        let chunks = chunk_state(relations.layout, &read_from(relations, timeframe));
        let version = "(SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')";
        let text = if relations.layout == CatalogLayout::Unknown {
            format!(
                "SELECT 0, hash, count, 0::bigint, {version} FROM ({chunks}) AS state \
                 UNION ALL SELECT 2, start, until, NULL, NULL FROM times"
            )
        } else {
            let aggregates = relations.aggregates.iter();
            let counted = aggregates.filter(|it| it.timeframe <= timeframe);
            let counted: Vec<_> = counted.map(|it| it.ids).collect();
            format!(
                "SELECT 0, hash, count, {}, {version} FROM ({chunks}) AS state \
                 UNION ALL SELECT 1, \
                 (extract(epoch FROM ticks_dropped_before) * 1000000)::bigint, 0, NULL, NULL \
                 FROM applied_policies WHERE ticks_dropped_before IS NOT NULL \
                 UNION ALL SELECT kind, lower(part), upper(part) - 1, NULL, NULL FROM (\
                 SELECT least(place, 2) + 1 AS kind, \
                 unnest(range_agg(int8range(first, last, '[]'))) AS part \
                 FROM ({}) AS changes WHERE first <= last GROUP BY 1) AS merged",
                identity(&relations.all()),
                pending_changes(relations.layout, &counted)
            )
        };
        Self {
            from: range.from().timestamp_micros(),
            to: range.to().timestamp_micros(),
            text,
        }
    }
}

impl QueryFragment<Pg> for SelectCatalog {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH times AS (SELECT ");
        out.push_bind_param::<BigInt, _>(&self.from)?;
        out.push_sql("::bigint AS start, ");
        out.push_bind_param::<BigInt, _>(&self.to)?;
        out.push_sql("::bigint AS until) ");
        out.push_sql(&self.text);
        Ok(())
    }
}

impl QueryId for SelectCatalog {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SelectCatalog {
    type SqlType = (Integer, BigInt, BigInt, Nullable<BigInt>, Nullable<Text>);
}

impl RunQueryDsl<PgConnection> for SelectCatalog {}

struct SelectChunks(String);

impl QueryFragment<Pg> for SelectChunks {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(&self.0);
        Ok(())
    }
}

impl QueryId for SelectChunks {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SelectChunks {
    type SqlType = (BigInt, BigInt);
}

impl RunQueryDsl<PgConnection> for SelectChunks {}
