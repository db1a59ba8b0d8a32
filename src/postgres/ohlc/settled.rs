//! Pages whose candles are all in an aggregate: one statement returns them.
//!
//! The statement checks in its own snapshot that no change of the page is pending and that the chunks are those of an
//! earlier read. `docs/decisions/candle-reads.md` explains why this is sufficient.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use diesel::PgConnection;

use crate::db::DbError;
use crate::domain::{
    Candle, CandleCursor, CandleInput, CandleSource, ExactCandle, Page, TimeRange, Timeframe,
};
use crate::error::{Database, RepositoryError};
use crate::postgres::timescale::CatalogLayout;
use crate::repository::CandleQuery;

use super::candle_tables::CandleTables;
use super::catalog::Catalog;
use super::intervals::Intervals;
use super::row::{CandleRow, CandleSqlType};
use super::statement::{Parameter, Statement};

/// Maximum number of intervals with changes to remember. Wider intervals only make more pages take the longer way.
const MAX_INTERVALS: usize = 64;

/// The windows that waited for no refresh when they were last read. This only decides which pages are worth a
/// statement; the statement itself checks that they are settled.
#[derive(Debug, Default)]
pub(super) struct SettledWindows(Mutex<BTreeMap<(CandleInput, Timeframe), Seen>>);

/// The state of one aggregate at the last read.
#[derive(Debug, Clone)]
struct Seen {
    at: SeenCatalog,
    /// The end of the last window without changes, in microseconds since 1970.
    until: i64,
    /// The changes that were pending.
    pending: Intervals,
}

/// The catalog at an earlier read.
#[derive(Debug, Clone)]
struct SeenCatalog {
    relations: Arc<CandleTables>,
    server: i64,
    chunks: i64,
}

impl SeenCatalog {
    /// `None` if candles may not be read from the aggregate alone.
    fn of(catalog: &Catalog) -> Option<Self> {
        let (relations, input, timeframe) = catalog.relations();
        if relations.layout == CatalogLayout::Unknown || catalog.has_stored() {
            return None;
        }
        let hypertables = hypertables(relations, input, timeframe)?;
        Some(Self {
            relations: Arc::clone(relations),
            server: catalog.server(),
            chunks: catalog.chunks().state_of(&hypertables)?,
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.server, self.chunks, self.relations.identity)
            == (other.server, other.chunks, other.relations.identity)
            && self.relations.version == other.relations.version
    }
}

impl SettledWindows {
    /// Remembers the changes that `catalog` has within `window`.
    pub(super) fn record(&self, catalog: &Catalog, window: TimeRange) {
        let (_, input, timeframe) = catalog.relations();
        let mut all = self.lock();
        match SeenCatalog::of(catalog) {
            Some(at) => {
                let seen = all.remove(&(input, timeframe));
                let seen = seen.filter(|seen| seen.at.is_same(&at));
                let seen = Seen::with(seen, at, window, catalog.changes());
                all.insert((input, timeframe), seen);
            }
            None => {
                all.remove(&(input, timeframe));
            }
        }
    }

    /// The catalog to expect if `window` is likely to be settled.
    fn likely(&self, of: (CandleInput, Timeframe), window: TimeRange) -> Option<SeenCatalog> {
        let all = self.lock();
        let seen = all.get(&of).filter(|seen| seen.is_settled(window))?;
        Some(seen.at.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(CandleInput, Timeframe), Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// The state of `before`, with `changes` within `window`.
    fn with(before: Option<Self>, at: SeenCatalog, window: TimeRange, changes: &Intervals) -> Self {
        let (until, pending) = before.map_or((i64::MIN, Intervals::default()), |seen| {
            (seen.until, seen.pending)
        });
        let (from, to) = micros(window);
        let is_settled = changes.iter().next().is_none();
        let elsewhere = pending.without(&Intervals::new(vec![(from, to)]));
        Self {
            at,
            until: if is_settled { until.max(to) } else { until },
            pending: elsewhere.and(changes).joined(MAX_INTERVALS),
        }
    }

    fn is_settled(&self, window: TimeRange) -> bool {
        let (from, to) = micros(window);
        let mut pending = self.pending.iter();
        to <= self.until && !pending.any(|(start, end)| start < to && end > from)
    }
}

fn micros(window: TimeRange) -> (i64, i64) {
    (
        window.start().timestamp_micros(),
        window.end().timestamp_micros(),
    )
}

/// The aggregate's table and the table of stored candles, `None` if there is no such aggregate.
fn hypertables(
    relations: &CandleTables,
    input: CandleInput,
    timeframe: Timeframe,
) -> Option<[i32; 2]> {
    let aggregate = relations.aggregate(input, timeframe)?;
    Some([aggregate.ids.materialization, relations.stored?])
}

/// The page of `query` if all of it is likely to be settled and is, in one statement. `None` if the page must be read
/// in a [`Snapshot`](super::snapshot::Snapshot).
///
/// # Errors
/// Returns errors of the connection.
pub(super) fn read(
    connection: &mut PgConnection,
    windows: &SettledWindows,
    query: &CandleQuery,
    now: DateTime<Utc>,
) -> Result<Option<Page<Candle, CandleCursor>>, DbError> {
    let wanted = query.limit.get() + 1;
    let Some(window) = query.buckets(now).filter(|window| !window.is_empty()) else {
        return Ok(None);
    };
    // at most 10,001 buckets of a day
    let reach = query.timeframe.duration() * wanted as i32;
    if !query.timeframe.is_stored() || window.end() - window.start() > reach {
        return Ok(None);
    }
    let of = (query.basis.input(), query.timeframe);
    let Some(catalog) = windows.likely(of, window) else {
        return Ok(None);
    };
    let Some(statement) = Statement::of_settled(query, &catalog, window, wanted) else {
        return Ok(None);
    };
    let mut rows: Vec<CandleRow> = match statement.rows(connection) {
        Ok(rows) => rows,
        Err(error) => {
            let error = DbError::from(error).into_repository(Database::Timeseries, "candles");
            return match error {
                // the aggregate or a chunk was just dropped
                RepositoryError::Schema { .. } | RepositoryError::Conflict { .. } => Ok(None),
                error => Err(error.into()),
            };
        }
    };
    let Some(mark) = rows.iter().position(CandleRow::is_mark) else {
        return Ok(None);
    };
    rows.remove(mark);
    let source = CandleSource::of(query.basis.input());
    let candles = rows
        .into_iter()
        .map(|row| row.into_candle(query, source.clone(), now))
        .collect::<Result<Vec<_>, _>>()?;
    let cursor = |candle: &ExactCandle| CandleCursor::of(candle);
    let page = Page::from_limit_plus_one(candles, query.limit, cursor);
    let candles = page.items.into_iter().map(ExactCandle::into_candle);
    Ok(Some(Page::new(candles.collect(), page.next)))
}

impl Statement<CandleSqlType> {
    /// Reads rows of the aggregate, and a mark, if the catalog is still `seen` and nothing changed in `window`.
    /// Returns no row otherwise.
    ///
    /// The server plans a statement before it takes the snapshot of its execution, unless the transaction has a
    /// snapshot already; hence the check of the isolation level.
    fn of_settled(
        query: &CandleQuery,
        seen: &SeenCatalog,
        window: TimeRange,
        limit: usize,
    ) -> Option<Self> {
        let (relations, input) = (&seen.relations, query.basis.input());
        let table = relations.aggregate(input, query.timeframe)?;
        let chunked = hypertables(relations, input, query.timeframe)?;
        let mut statement = Self::of_materialized(query, &table.table, window, limit);
        statement.text = format!(
            "WITH settled AS MATERIALIZED (SELECT candles_are_settled(?, ?, ?, ?, {}, ?, ?, ?, ?, ?, ?) \
             AND current_setting('transaction_isolation') = 'read committed' AS yes) \
             SELECT to_timestamp(0), 0::numeric, 0::numeric, 0::numeric, 0::numeric, 0::numeric, (-1)::bigint, \
             NULL::numeric, NULL::numeric FROM settled WHERE yes \
             UNION ALL SELECT * FROM ({}) AS page WHERE (SELECT yes FROM settled)",
            relations.layout == CatalogLayout::WithRanges,
            statement.text,
        );
        let (from, to) = micros(window);
        let sources = relations.sources_of(input, query.timeframe);
        let expected = [
            Parameter::Number(from),
            Parameter::Number(to),
            Parameter::Numbers(sources.iter().map(|it| it.materialization).collect()),
            Parameter::Numbers(sources.iter().map(|it| it.raw).collect()),
            Parameter::Numbers(relations.all()),
            Parameter::Number(relations.identity),
            Parameter::Numbers(chunked.to_vec()),
            Parameter::Number(seen.chunks),
            Parameter::Number(seen.server),
            Parameter::Owned(relations.version.clone()),
        ];
        statement.parameters.splice(0..0, expected);
        Some(statement)
    }
}
