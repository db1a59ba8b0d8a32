//! The catalog of the candle relations as of one instant: the ranges whose ticks or trades they may lack, and the state
//! of their chunks.
//!
//! `docs/decisions/candle-reads.md` explains why this is sufficient.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{CandleInput, TimeRange, Timeframe};
use crate::postgres::timescale::{CatalogLayout, pending_changes};

use super::candle_tables::{CandleTables, hash_of_rows, identity};
use super::intervals::Intervals;

/// Maximum number of intervals of one-minute candles, and of larger ones, that one statement reads
/// separately. Wider intervals give the same result.
const MAX_ROW_INTERVALS: usize = 32;
const MAX_CANDLE_INTERVALS: usize = 16;

/// The candle relations of one snapshot, and the changes in a range that they may lack.
#[derive(Debug)]
pub(super) struct Catalog {
    relations: Arc<CandleTables>,
    input: CandleInput,
    timeframe: Timeframe,
    chunks: Chunks,
    has_stored: bool,
    /// Changes of ticks or trades, and of smaller candles, that the relations may lack.
    rows: Intervals,
    others: Intervals,
    /// All changes, including those of dropped rows.
    changes: Intervals,
    /// The start time of the server.
    server: i64,
}

impl Catalog {
    /// Reads the aggregates of `input` up to `timeframe` and the changes within `range`. Returns `None` if `relations`
    /// are not the relations of this snapshot.
    ///
    /// Makes the server plan all later statements for the chunks that exist when it plans them. This
    /// matters because a transaction becomes visible a moment before other sessions learn of its new
    /// chunks: an older plan may lack a chunk whose rows this snapshot has.
    pub(super) fn read(
        connection: &mut PgConnection,
        (input, timeframe): (CandleInput, Timeframe),
        range: TimeRange,
        relations: &Arc<CandleTables>,
        reads: RowReads,
    ) -> Result<Option<Self>, DbError> {
        let select = SelectCatalog::new(relations, (input, timeframe), range, reads);
        let found: Vec<CatalogRow> = select.load(connection)?;
        let (mut rows, mut others) = (Vec::new(), Vec::new());
        let mut chunks = Chunks::none(relations.layout);
        let mut has_stored = relations.stored.is_none();
        let mut floor = i64::MIN;
        let mut server = 0;
        for (kind, first, second, third, version) in found {
            match kind {
                STATE => {
                    let is_same =
                        first == relations.identity && version.as_ref() == Some(&relations.version);
                    if !is_same {
                        return Ok(None);
                    }
                    server = second;
                }
                CHUNKS => {
                    chunks.states.insert(first, second);
                    let is_stored = relations.stored.map(i64::from) == Some(first);
                    has_stored |= is_stored && third.is_some_and(|count| count > 0);
                }
                FLOOR => floor = first,
                // both ends of a change are inclusive
                OF_ROWS => rows.push((first, second.saturating_add(1))),
                _ => others.push((first, second.saturating_add(1))),
            }
        }
        let changes = Intervals::new([rows.as_slice(), &others].concat());
        // before a chunk was dropped, the candles of every timeframe included its rows
        let rows = rows.into_iter().map(|(from, to)| (from.max(floor), to));
        Ok(Some(Self {
            relations: Arc::clone(relations),
            input,
            timeframe,
            chunks,
            has_stored,
            rows: Intervals::new(rows.collect()),
            others: Intervals::new(others),
            changes,
            server,
        }))
    }

    /// The table of the aggregate of one minute, if it exists.
    pub(super) fn minutes(&self) -> Option<&str> {
        self.table(Timeframe::M1)
    }

    /// The table of the aggregate of `timeframe`, if it exists.
    pub(super) fn table(&self, timeframe: Timeframe) -> Option<&str> {
        let aggregate = self.relations.aggregate(self.input, timeframe);
        aggregate.map(|it| it.table.as_str())
    }

    /// The intervals of `window` to compute from ticks or trades. `window` starts and ends on bucket boundaries.
    pub(super) fn row_intervals(&self, window: TimeRange) -> Intervals {
        self.rows.buckets(Timeframe::M1, window, MAX_ROW_INTERVALS)
    }

    /// The buckets within `window` to compute from one-minute candles.
    pub(super) fn candle_intervals(&self, window: TimeRange) -> Intervals {
        if self.table(self.timeframe).is_none() {
            let all = (
                window.start().timestamp_micros(),
                window.end().timestamp_micros(),
            );
            return Intervals::new(vec![all]);
        }
        let pending = self.rows.and(&self.others);
        pending.buckets(self.timeframe, window, MAX_CANDLE_INTERVALS)
    }

    /// The buckets within `window` that wait for a refresh of this timeframe or of one of its sources.
    pub(super) fn waiting(&self, window: TimeRange) -> Intervals {
        let pending = self.rows.and(&self.others);
        pending.buckets(self.timeframe, window, usize::MAX)
    }

    /// Whether candles may be stored in `ohlc_candles`.
    pub(super) fn has_stored(&self) -> bool {
        self.has_stored
    }

    /// All changes within the range of this catalog, including those of dropped rows.
    pub(super) fn changes(&self) -> &Intervals {
        &self.changes
    }

    /// The relations, and the input and timeframe of this catalog.
    pub(super) fn relations(&self) -> (&Arc<CandleTables>, CandleInput, Timeframe) {
        (&self.relations, self.input, self.timeframe)
    }

    /// The start time of the server that this catalog was read from, in microseconds since 1970.
    pub(super) fn server(&self) -> i64 {
        self.server
    }

    /// The chunks from which the candles of this catalog are read.
    pub(super) fn chunks(&self) -> &Chunks {
        &self.chunks
    }
}

/// The ticks or trades to read in the snapshot of a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowReads {
    /// Only rows that candles may lack.
    Pending,
    All,
}

/// The chunks of some hypertables in one snapshot.
#[derive(Debug, Clone)]
pub(super) struct Chunks {
    layout: CatalogLayout,
    /// States by the number of the hypertable. A state changes when a chunk is created, dropped, compressed
    /// or decompressed.
    states: BTreeMap<i64, i64>,
}

impl Chunks {
    fn none(layout: CatalogLayout) -> Self {
        Self {
            layout,
            states: BTreeMap::new(),
        }
    }

    /// The state of the chunks of the hypertables with these numbers, or `None` if one is unknown.
    pub(super) fn state_of(&self, hypertables: &[i32]) -> Option<i64> {
        let state = |id: &i32| self.states.get(&i64::from(*id));
        hypertables
            .iter()
            .try_fold(0, |all, id| Some(all ^ state(id)?))
    }

    /// Adds `others` of the same snapshot.
    pub(super) fn extend(&mut self, others: &Self) {
        self.states.extend(&others.states);
    }

    /// Whether the chunks are unchanged since the snapshot.
    pub(super) fn are_unchanged(&self, connection: &mut PgConnection) -> Result<bool, DbError> {
        let hypertables: Vec<_> = self.states.keys().map(ToString::to_string).collect();
        let select = SelectChunks(match self.layout {
            CatalogLayout::Unknown => ALL_CHUNKS.to_owned(),
            _ => chunks_of(&hypertables.join(", ")),
        });
        let (now, _): (i64, i64) = select.get_result(connection)?;
        let then = self.states.values().fold(0, |all, state| all ^ state);
        Ok(now == then)
    }
}

/// Kind, up to three numbers, the release.
type CatalogRow = (i32, i64, i64, Option<i64>, Option<String>);

/// The identity of the relations, the server, and the release.
const STATE: i32 = 0;
/// The number of a hypertable, the state of its chunks, and their count.
const CHUNKS: i32 = 1;
const FLOOR: i32 = 2;
const OF_ROWS: i32 = 3;

/// The start time of the server, which tells several replicas behind one address apart.
const SERVER: &str = "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint";

/// The state and count of all chunks, from the documented view.
const ALL_CHUNKS: &str = "SELECT coalesce(bit_xor(hashtextextended(format('%s.%s %s', \
    chunk_schema, chunk_name, is_compressed), 0)), 0) AS hash, count(*) AS count \
    FROM timescaledb_information.chunks";

/// The state and count of the chunks of the listed hypertables.
fn chunks_of(hypertables: &str) -> String {
    format!(
        "SELECT {} AS hash, count(*) AS count \
         FROM _timescaledb_catalog.chunk WHERE hypertable_id IN ({hypertables})",
        hash_of_rows("id")
    )
}

/// The hypertables that candles are read from, each with the condition for reading it.
fn read_from(
    relations: &CandleTables,
    (input, timeframe): (CandleInput, Timeframe),
    reads: RowReads,
) -> Vec<(i32, &'static str)> {
    let aggregates = relations.aggregates_of(input);
    let read = aggregates.filter(|it| it.timeframe == Timeframe::M1 || it.timeframe == timeframe);
    let mut read: Vec<_> = read.map(|it| (it.ids.materialization, "")).collect();
    read.extend(relations.stored.map(|id| (id, "")));
    let has_minutes = relations.aggregate(input, Timeframe::M1).is_some();
    let of_rows = if has_minutes && reads == RowReads::Pending {
        " WHERE EXISTS (SELECT FROM changes WHERE place = 1 AND first <= last)"
    } else {
        ""
    };
    read.extend(relations.rows(input).map(|id| (id, of_rows)));
    read
}

/// The statement that reads a catalog. It starts with the range, in microseconds since 1970, as
/// `times (start, until)`; the rest is `text`. There are few different texts, so each is prepared once.
struct SelectCatalog {
    from: i64,
    to: i64,
    text: String,
}

impl SelectCatalog {
    fn new(
        relations: &CandleTables,
        (input, timeframe): (CandleInput, Timeframe),
        range: TimeRange,
        reads: RowReads,
    ) -> Self {
        let state = "(SELECT extversion FROM pg_extension, planned WHERE extname = 'timescaledb')";
        let text = if relations.layout == CatalogLayout::Unknown {
            format!(
                " SELECT {STATE}, 0::bigint, 0::bigint, NULL::bigint, {state} \
                 UNION ALL SELECT {CHUNKS}, 0, hash, NULL, NULL FROM ({ALL_CHUNKS}) AS chunks \
                 UNION ALL SELECT {OF_ROWS}, start, until, NULL, NULL FROM times"
            )
        } else {
            let counted = relations.sources_of(input, timeframe);
            let mut text = format!(
                ", changes AS ({}) SELECT {STATE}, {}, {SERVER}, NULL::bigint, {state}",
                pending_changes(relations.layout, &counted),
                identity(&relations.all()),
            );
            for (id, condition) in read_from(relations, (input, timeframe), reads) {
                text.push_str(&format!(
                    " UNION ALL SELECT {CHUNKS}, {id}, hash, count, NULL \
                     FROM ({}) AS chunks{condition}",
                    chunks_of(&id.to_string())
                ));
            }
            let dropped = format!("{}_dropped_before", input.table());
            text.push_str(&format!(
                " UNION ALL SELECT {FLOOR}, \
                 (extract(epoch FROM {dropped}) * 1000000)::bigint, 0, NULL, NULL \
                 FROM applied_policies WHERE {dropped} IS NOT NULL \
                 UNION ALL SELECT kind, lower(part), upper(part) - 1, NULL, NULL FROM (\
                 SELECT least(place, 2) + {OF_ROWS} - 1 AS kind, \
                 unnest(range_agg(int8range(first, last, '[]'))) AS part \
                 FROM changes WHERE first <= last GROUP BY 1) AS merged"
            ));
            text
        };
        Self {
            from: range.start().timestamp_micros(),
            to: range.end().timestamp_micros(),
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
        // plan later statements at each call
        out.push_sql(
            "::bigint AS until), planned AS MATERIALIZED (SELECT \
             set_config('plan_cache_mode', 'force_custom_plan', true) AS mode)",
        );
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

#[cfg(all(test, feature = "conformance"))]
mod tests {
    use diesel::connection::SimpleConnection as _;

    use super::*;
    use crate::db::ScratchSchemas;
    use crate::error::Database;

    #[test]
    fn chunks_of_an_unknown_release_are_all_compared() {
        let schemas = ScratchSchemas::create();
        let mut connection = schemas.connection(Database::Timeseries);
        let execute = |connection: &mut PgConnection, text| {
            connection.batch_execute(text).expect("executed");
        };
        // other tests create chunks meanwhile
        execute(&mut connection, "BEGIN ISOLATION LEVEL REPEATABLE READ");
        let (state, _): (i64, i64) = SelectChunks(ALL_CHUNKS.to_owned())
            .get_result(&mut connection)
            .expect("read");
        let mut chunks = Chunks::none(CatalogLayout::Unknown);
        chunks.states.insert(0, state);
        assert!(chunks.are_unchanged(&mut connection).expect("read"));
        execute(
            &mut connection,
            "CREATE TABLE series (time timestamptz NOT NULL); \
             SELECT create_hypertable('series', 'time'); INSERT INTO series VALUES (now())",
        );
        assert!(!chunks.are_unchanged(&mut connection).expect("read"));
        execute(&mut connection, "ROLLBACK");
    }
}
