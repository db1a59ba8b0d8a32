//! What TimescaleDB knows of the candle relations: where their rows are, and of which times they may
//! not know all ticks.
//!
//! The argument why this is enough is in `docs/decisions/candle-reads.md`.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::{CatalogLayout, DbError, pending_changes};
use crate::domain::{TimeRange, Timeframe};

use super::intervals::Intervals;

/// How many intervals of one-minute candles, and of larger ones, one statement reads apart. Wider
/// ones are right as well.
const MAX_TICK_INTERVALS: usize = 32;
const MAX_CANDLE_INTERVALS: usize = 16;

/// The candle relations as one snapshot has them, and what they may not know of `range`.
#[derive(Debug)]
pub(super) struct Catalog {
    /// The table behind the aggregate of one minute, quoted; `None`: there is no such aggregate.
    pub(super) minutes: Option<String>,
    /// The table behind the aggregate of the timeframe asked for.
    pub(super) candles: Option<String>,
    /// Ids of the hypertables whose chunks an answer is read from.
    pub(super) hypertables: Vec<i32>,
    /// The state of these chunks.
    pub(super) chunks: ChunkState,
    /// The release of the extension.
    pub(super) version: String,
    /// Changes of ticks, and of candles of any smaller timeframe, of which `candles` may not know.
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
    /// The times of `window`, which starts and ends with a bucket, that have to be made of ticks.
    pub(super) fn tick_intervals(&self, window: TimeRange) -> Intervals {
        self.ticks
            .buckets(Timeframe::M1, window, MAX_TICK_INTERVALS)
    }

    /// The buckets of `timeframe` within `window` that have to be made of one-minute candles.
    pub(super) fn candle_intervals(&self, timeframe: Timeframe, window: TimeRange) -> Intervals {
        if self.candles.is_none() {
            let all = (
                window.from().timestamp_micros(),
                window.to().timestamp_micros(),
            );
            return Intervals::new(vec![all]);
        }
        let pending = self.ticks.and(&self.others);
        pending.buckets(timeframe, window, MAX_CANDLE_INTERVALS)
    }

    /// The buckets of `timeframe` within `window` that wait for a refresh of it or a smaller one.
    pub(super) fn waiting(&self, timeframe: Timeframe, window: TimeRange) -> Intervals {
        let pending = self.ticks.and(&self.others);
        pending.buckets(timeframe, window, usize::MAX)
    }

    /// Reads what is known of the aggregates up to `timeframe` and of the changes within `range`.
    pub(super) fn read(
        connection: &mut PgConnection,
        timeframe: Timeframe,
        range: TimeRange,
        layout: CatalogLayout,
    ) -> Result<Self, DbError> {
        let names: Vec<String> = Timeframe::ALL
            .into_iter()
            .filter(|it| *it <= timeframe)
            .map(|it| format!("ohlc_{it}"))
            .collect();
        let place_asked = names.len() as i32;
        let select = SelectCatalog {
            names,
            layout,
            from: range.from().timestamp_micros(),
            to: range.to().timestamp_micros(),
        };
        let mut catalog = Self {
            minutes: None,
            candles: None,
            hypertables: Vec::new(),
            chunks: ChunkState { hash: 0, count: 0 },
            version: String::new(),
            ticks: Intervals::default(),
            others: Intervals::default(),
        };
        let (mut ticks, mut others) = (Vec::new(), Vec::new());
        let mut floor = i64::MIN;
        let rows: Vec<Row> = select.load(connection)?;
        for (kind, place, first, second, text) in rows {
            let (first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
            match kind {
                STATE => {
                    let (hash, count) = (first, second);
                    catalog.chunks = ChunkState { hash, count };
                    catalog.version = text.unwrap_or_default();
                }
                HYPERTABLE => {
                    // ids are of the type integer
                    catalog
                        .hypertables
                        .push(i32::try_from(first).unwrap_or_default());
                    if place == Some(1) {
                        catalog.minutes.clone_from(&text);
                    }
                    if place == Some(place_asked) {
                        catalog.candles = text;
                    }
                }
                FLOOR => floor = first,
                // inclusive ends
                _ if place == Some(1) => ticks.push((first, second.saturating_add(1))),
                _ => others.push((first, second.saturating_add(1))),
            }
        }
        // whose chunk was dropped was settled before in the candles of every timeframe
        let ticks = ticks.into_iter().map(|(from, to)| (from.max(floor), to));
        catalog.ticks = Intervals::new(ticks.collect());
        catalog.others = Intervals::new(others);
        Ok(catalog)
    }
}

/// The state of the chunks of `hypertables` in a snapshot of its own.
pub(super) fn chunk_state(
    connection: &mut PgConnection,
    layout: CatalogLayout,
    hypertables: &[i32],
) -> Result<ChunkState, DbError> {
    let select = SelectChunks {
        layout,
        hypertables,
    };
    let (hash, count) = select.get_result::<(i64, i64)>(connection)?;
    Ok(ChunkState { hash, count })
}

/// Kind, place of the timeframe (1 is one minute), two numbers and a text, by the kind.
type Row = (i32, Option<i32>, Option<i64>, Option<i64>, Option<String>);

const STATE: i32 = 0;
const HYPERTABLE: i32 = 1;
const FLOOR: i32 = 2;

/// The state of the chunks of the hypertables that follow.
///
/// A row of the catalog is written to another place whenever it is changed, and its old place is not
/// used again while a snapshot may see it.
const CHUNK_STATE: &str = "SELECT coalesce(bit_xor(hashtidextended(ctid, id)), 0) AS hash, \
    count(*) AS count FROM _timescaledb_catalog.chunk WHERE hypertable_id = ANY";

/// The same of all chunks, by the documented view.
const ALL_CHUNKS_STATE: &str = "SELECT coalesce(bit_xor(hashtextextended(format('%s.%s %s', \
    chunk_schema, chunk_name, is_compressed), 0)), 0) AS hash, count(*) AS count \
    FROM timescaledb_information.chunks";

/// Where rows are: of the ticks, of stored candles, of one-minute candles and of those that are asked
/// for.
const HYPERTABLES: &str = "SELECT place, mat AS id, \
    format('%I.%I', schema_name, table_name) AS name \
    FROM aggregates JOIN _timescaledb_catalog.hypertable ON hypertable.id = mat \
    WHERE place IN (1, (SELECT cardinality(names) FROM names)) \
    UNION ALL SELECT NULL, id, NULL FROM _timescaledb_catalog.hypertable \
    WHERE schema_name = current_schema() AND table_name IN ('ticks', 'ohlc_candles')";

const DOCUMENTED_HYPERTABLES: &str = "SELECT array_position(names, view_name) AS place, 0 AS id, \
    format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) AS name \
    FROM timescaledb_information.continuous_aggregates, names \
    WHERE view_schema = current_schema() AND view_name IN (names[1], names[cardinality(names)])";

struct SelectCatalog {
    names: Vec<String>,
    layout: CatalogLayout,
    /// In microseconds since 1970, as the logs count.
    from: i64,
    to: i64,
}

impl QueryFragment<Pg> for SelectCatalog {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH names AS (SELECT ");
        out.push_bind_param::<Array<Text>, _>(&self.names)?;
        out.push_sql("::name[] AS names, ");
        out.push_bind_param::<BigInt, _>(&self.from)?;
        out.push_sql("::bigint AS first, ");
        out.push_bind_param::<BigInt, _>(&self.to)?;
        out.push_sql("::bigint AS until), ");
        out.push_sql(&pending_changes(self.layout));
        let is_known = self.layout != CatalogLayout::Unknown;
        let hypertables = if is_known {
            HYPERTABLES
        } else {
            DOCUMENTED_HYPERTABLES
        };
        out.push_sql(", hypertables AS (");
        out.push_sql(hypertables);
        out.push_sql(
            ") SELECT 0, NULL::integer, hash, count, \
               (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') FROM (",
        );
        if is_known {
            out.push_sql(CHUNK_STATE);
            out.push_sql("(ARRAY(SELECT id FROM hypertables))");
        } else {
            out.push_sql(ALL_CHUNKS_STATE);
        }
        out.push_sql(
            ") AS state \
             UNION ALL SELECT 1, place, id::bigint, NULL, name FROM hypertables \
             UNION ALL SELECT 2, NULL, \
               (extract(epoch FROM ticks_dropped_before) * 1000000)::bigint, NULL, NULL \
             FROM applied_policies WHERE ticks_dropped_before IS NOT NULL \
             UNION ALL SELECT 3, place, first, last, NULL FROM (\
               SELECT place, lower(part) AS first, upper(part) - 1 AS last FROM (\
                 SELECT least(place, 2) AS place, unnest(range_agg(int8range(\
                   greatest(changes.first, names.first), \
                   least(changes.last, names.until - 1), '[]'))) AS part \
                 FROM changes, names WHERE names.first < until GROUP BY 1) AS merged) AS parts",
        );
        Ok(())
    }
}

impl QueryId for SelectCatalog {
    // diesel tells prepared statements apart by their text, of which there are two
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SelectCatalog {
    type SqlType = (
        Integer,
        Nullable<Integer>,
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<Text>,
    );
}

impl RunQueryDsl<PgConnection> for SelectCatalog {}

struct SelectChunks<'a> {
    layout: CatalogLayout,
    hypertables: &'a [i32],
}

impl QueryFragment<Pg> for SelectChunks<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if self.layout == CatalogLayout::Unknown {
            out.push_sql(ALL_CHUNKS_STATE);
            return Ok(());
        }
        out.push_sql(CHUNK_STATE);
        out.push_sql("(");
        out.push_bind_param::<Array<Integer>, _>(self.hypertables)?;
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for SelectChunks<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SelectChunks<'_> {
    type SqlType = (BigInt, BigInt);
}

impl RunQueryDsl<PgConnection> for SelectChunks<'_> {}
