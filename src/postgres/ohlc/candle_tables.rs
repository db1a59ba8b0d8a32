//! Cache of the tables of candle relations, valid until one of them changes.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::{CandleInput, CandleRelation, Timeframe};
use crate::postgres::timescale::{AggregateIds, CatalogLayout, catalog_layout};

/// A continuous aggregate.
#[derive(Debug, Clone)]
pub(super) struct AggregateTable {
    pub(super) input: CandleInput,
    pub(super) timeframe: Timeframe,
    pub(super) ids: AggregateIds,
    /// The materialization table, quoted.
    pub(super) table: String,
}

/// The tables that candles are read from.
#[derive(Debug)]
pub(super) struct CandleTables {
    /// The release of the extension.
    pub(super) version: String,
    pub(super) layout: CatalogLayout,
    /// Changes when an aggregate or a table is created or dropped.
    pub(super) identity: i64,
    /// The aggregates of the current schema, in the order of [`CandleRelation::all`].
    pub(super) aggregates: Vec<AggregateTable>,
    /// The numbers of the hypertables of ticks and trades, if known.
    pub(super) inputs: Vec<(CandleInput, i32)>,
    /// The number of the hypertable of stored candles, if known.
    pub(super) stored: Option<i32>,
}

/// Caches the relations of a snapshot. Later snapshots compare [`CandleTables::identity`] and
/// [`CandleTables::version`] to check whether they still apply.
#[derive(Debug, Default)]
pub(super) struct CandleTableCache(Mutex<Option<Arc<CandleTables>>>);

impl CandleTableCache {
    /// Returns the cached relations, or reads the relations of this snapshot.
    pub(super) fn last(&self, connection: &mut PgConnection) -> Result<Arc<CandleTables>, DbError> {
        let known = self.lock().clone();
        match known {
            Some(known) => Ok(known),
            None => self.read_again(connection),
        }
    }

    /// Reads the relations of this snapshot.
    pub(super) fn read_again(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Arc<CandleTables>, DbError> {
        let found = Arc::new(CandleTables::read(connection)?);
        let before = self.lock().replace(Arc::clone(&found));
        if found.layout == CatalogLayout::Unknown
            && before.is_none_or(|before| before.version != found.version)
        {
            tracing::warn!(
                version = found.version,
                "this release of TimescaleDB is newer than this library, so every read computes \
                 candles from ticks and one-minute candles"
            );
        }
        Ok(found)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<CandleTables>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(QueryableByName)]
struct TableNameRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Nullable<Integer>)]
    raw: Option<i32>,
    #[diesel(sql_type = Text)]
    of: String,
}

#[derive(QueryableByName)]
struct IdentityRow {
    #[diesel(sql_type = BigInt)]
    identity: i64,
}

/// A hash of the position (`ctid`) and transaction (`xmin`) of catalog rows with the number `id`. A
/// change writes the row to another position, and a row at a reused position has another `xmin`.
pub(super) fn hash_of_rows(id: &str) -> String {
    format!(
        "coalesce(bit_xor(hashtidextended(ctid, {id}) \
         # hash_array_extended(ARRAY[xmin], {id})), 0)"
    )
}

/// A hash of the aggregates and of the hypertables with these numbers.
pub(super) fn identity(hypertables: &[i32]) -> String {
    // 0 is not the number of a hypertable
    let ids = hypertables
        .iter()
        .fold("0".to_owned(), |list, id| format!("{list}, {id}"));
    format!(
        "((SELECT {} FROM _timescaledb_catalog.continuous_agg) \
         # (SELECT {} FROM _timescaledb_catalog.hypertable WHERE id IN ({ids})))",
        hash_of_rows("mat_hypertable_id"),
        hash_of_rows("id")
    )
}

const KNOWN: &str = "SELECT format('%I.%I', h.schema_name, h.table_name) AS name, h.id, \
    raw_hypertable_id AS raw, coalesce(user_view_name, h.table_name)::text AS of \
    FROM _timescaledb_catalog.hypertable AS h \
    LEFT JOIN _timescaledb_catalog.continuous_agg ON mat_hypertable_id = h.id \
    WHERE user_view_schema = current_schema() \
    OR (h.schema_name = current_schema() AND h.table_name IN ('ticks', 'trades', 'ohlc_candles'))";

const DOCUMENTED: &str = "SELECT format('%I.%I', materialization_hypertable_schema, \
    materialization_hypertable_name) AS name, 0 AS id, 0 AS raw, view_name::text AS of \
    FROM timescaledb_information.continuous_aggregates WHERE view_schema = current_schema()";

impl CandleTables {
    fn read(connection: &mut PgConnection) -> Result<Self, DbError> {
        let (version, layout) = catalog_layout(connection)?;
        let text = match layout {
            CatalogLayout::Unknown => DOCUMENTED,
            _ => KNOWN,
        };
        let rows: Vec<TableNameRow> = sql_query(text).load(connection)?;
        let table = |name: &str| {
            let row = rows.iter().find(|row| row.raw.is_none() && row.of == name);
            row.map(|row| row.id)
        };
        let mut aggregates = Vec::new();
        for CandleRelation {
            input,
            timeframe,
            name,
            ..
        } in CandleRelation::all()
        {
            let row = rows.iter().find(|row| row.of == name);
            aggregates.extend(row.and_then(|row| {
                Some(AggregateTable {
                    input,
                    timeframe,
                    ids: AggregateIds {
                        materialization: row.id,
                        raw: row.raw?,
                    },
                    table: row.name.clone(),
                })
            }));
        }
        let mut relations = Self {
            version,
            layout,
            identity: 0,
            inputs: CandleInput::ALL
                .iter()
                .filter_map(|input| Some((*input, table(input.table())?)))
                .collect(),
            stored: table("ohlc_candles"),
            aggregates,
        };
        if layout != CatalogLayout::Unknown {
            let select = format!("SELECT {} AS identity", identity(&relations.all()));
            let identity: IdentityRow = sql_query(select).get_result(connection)?;
            relations.identity = identity.identity;
        }
        Ok(relations)
    }

    /// The numbers of all hypertables.
    pub(super) fn all(&self) -> Vec<i32> {
        let aggregates = self.aggregates.iter().map(|it| it.ids.materialization);
        let inputs = self.inputs.iter().map(|(_, id)| *id);
        aggregates.chain(inputs).chain(self.stored).collect()
    }

    /// The aggregates of `input`, smallest timeframe first.
    pub(super) fn aggregates_of(
        &self,
        input: CandleInput,
    ) -> impl Iterator<Item = &AggregateTable> {
        self.aggregates.iter().filter(move |it| it.input == input)
    }

    /// The ids of the aggregates of `input` whose changes candles of `timeframe` may lack, including its own.
    pub(super) fn sources_of(&self, input: CandleInput, timeframe: Timeframe) -> Vec<AggregateIds> {
        let relation = CandleRelation::of(input, timeframe);
        let sources = self.aggregates_of(input);
        let sources = sources.filter(|it| relation.depends_on(it.timeframe));
        sources.map(|it| it.ids).collect()
    }

    pub(super) fn aggregate(
        &self,
        input: CandleInput,
        timeframe: Timeframe,
    ) -> Option<&AggregateTable> {
        self.aggregates_of(input)
            .find(|it| it.timeframe == timeframe)
    }

    /// The number of the hypertable of `input`, if known.
    pub(super) fn rows(&self, input: CandleInput) -> Option<i32> {
        let of = self.inputs.iter().find(|(it, _)| *it == input);
        of.map(|(_, id)| *id)
    }
}
