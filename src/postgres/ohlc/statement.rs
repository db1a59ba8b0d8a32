//! The SQL statements that read candles.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::domain::{PriceBasis, SortOrder, TimeRange, Timeframe};
use crate::postgres::candle_sql::{CandleAggregates, CandleColumns, and_has_price};
use crate::repository::CandleQuery;

use super::catalog::Catalog;
use super::intervals::Intervals;
use super::row::{CandleRow, CandleSqlType};

/// A window of candles to read.
pub(super) struct SelectWindow<'a> {
    pub(super) query: &'a CandleQuery,
    pub(super) catalog: &'a Catalog,
    /// Starts and ends on bucket boundaries.
    pub(super) window: TimeRange,
    /// The number of candles of each kind to read at least.
    pub(super) limit: usize,
    /// Whether to read stored candles.
    pub(super) with_stored: bool,
}

/// The kind, the candle, and its source or the timeframe that it was folded from.
pub(super) type StoredCandleRow = (i32, CandleRow, String);

pub(super) const STORED: i32 = 0;
pub(super) const FOLDED: i32 = 1;

/// The SQL types of a [`StoredCandleRow`].
pub(super) type StoredCandleSqlType = (Integer, CandleSqlType, Text);

/// SQL with a question mark for each parameter, and the parameters. Rows have the SQL type `T`.
pub(super) struct Statement<T> {
    pub(super) text: String,
    pub(super) parameters: Vec<Parameter>,
    basis: PriceBasis,
    timeframe: Timeframe,
    order: SortOrder,
    symbol_id: i64,
    limit: i64,
    /// Whether there are few enough texts of this kind to prepare them.
    is_common: bool,
    rows: PhantomData<T>,
}

pub(super) enum Parameter {
    Number(i64),
    Time(DateTime<Utc>),
    Text(&'static str),
    Texts(Vec<&'static str>),
    Owned(String),
    Numbers(Vec<i32>),
}

/// Statements that return candles.
impl Statement<CandleSqlType> {
    /// Reads the rows, and decodes each while the server sends the next.
    pub(super) fn rows(self, connection: &mut PgConnection) -> QueryResult<Vec<CandleRow>> {
        self.load_iter::<CandleRow, PgRowByRowLoadingMode>(connection)?
            .collect()
    }

    /// Reads the rows of the aggregate's table `name`.
    pub(super) fn of_materialized(
        query: &CandleQuery,
        name: &str,
        window: TimeRange,
        limit: usize,
    ) -> Self {
        let mut statement = Self::empty(query, limit);
        let (columns, end) = (CandleColumns::of_relation(query.basis), statement.end(1));
        statement.text = format!(
            "SELECT open_time, {columns} FROM {name} \
             WHERE symbol_id = ? AND open_time >= ? AND open_time < ? AND {} > 0{end}",
            columns.tick_count
        );
        statement.bind_symbol_and_times(window.start(), window.end());
        statement.bind_limit();
        statement
    }

    /// Computes the candles that aggregates may lack; `None` if they are complete.
    pub(super) fn of_changes(select: &SelectWindow<'_>) -> Option<Self> {
        let SelectWindow {
            query,
            catalog,
            window,
            limit,
            ..
        } = select;
        let mut statement = Self::empty(query, *limit);
        // seconds are computed from ticks or trades alone
        let minutes = catalog.minutes().filter(|_| query.timeframe.is_stored());
        let Some(minutes) = minutes else {
            statement.of_rows(window.start(), window.end());
            return Some(statement);
        };
        let rows = catalog.row_intervals(*window);
        if query.timeframe == Timeframe::M1 {
            for (from, to) in rows.iter() {
                statement.of_rows(time(from), time(to));
            }
        } else {
            let candles = catalog.candle_intervals(*window);
            statement.of_minutes(minutes, &candles, &rows);
            statement.is_common = candles.iter().count() <= 1;
        }
        statement.is_common &= rows.iter().count() <= 1;
        Some(statement).filter(|statement| !statement.text.is_empty())
    }

    /// Computes candles from the ticks or trades of this interval.
    fn of_rows(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) {
        let (computed, end) = (self.computed(self.timeframe, ""), self.end(1));
        self.part(&format!("{computed}{end}"));
        self.bind_symbol_and_times(from, to);
        self.bind_limit();
    }

    /// Selects the candles of ticks or trades that have the price, computed from an interval: open
    /// time, columns of the candle, and `more` columns.
    fn computed(&self, timeframe: Timeframe, more: &str) -> String {
        let (width, input) = (width(timeframe), self.basis.input());
        let (table, time) = (input.table(), input.time_column());
        let (columns, has_price) = (
            CandleAggregates::of_rows(self.basis),
            and_has_price(self.basis),
        );
        format!(
            "SELECT time_bucket(INTERVAL '{width}', {time}) AS bucket, {columns}{more} FROM {table} \
             WHERE symbol_id = ? AND {time} >= ? AND {time} < ?{has_price} GROUP BY 1"
        )
    }

    /// Computes the candles of `buckets` from the one-minute candles of the table `minutes`, and within
    /// `rows` from the ticks or trades as well.
    fn of_minutes(&mut self, minutes: &str, buckets: &Intervals, rows: &Intervals) {
        let (basis, end) = (self.basis, self.end(1));
        let width = width(self.timeframe);
        let columns = CandleColumns::of_relation(basis);
        let materialized = format!(
            "SELECT open_time, {columns}, 0 AS of_rows FROM {minutes} \
             WHERE symbol_id = ? AND open_time >= ? AND open_time < ? AND {} > 0",
            columns.tick_count
        );
        let computed = self.computed(Timeframe::M1, ", 1");
        let mut parts = Vec::new();
        for (from, to) in buckets.without(rows).iter() {
            parts.push(materialized.clone());
            self.bind_symbol_and_times(time(from), time(to));
        }
        let mut candidates = Vec::new();
        for text in [&materialized, &computed] {
            for (from, to) in rows.iter() {
                candidates.push(text.as_str());
                self.bind_symbol_and_times(time(from), time(to));
            }
        }
        if !candidates.is_empty() {
            // if a minute has a materialized and a computed candle, the one of more rows counts
            parts.push(format!(
                "(SELECT DISTINCT ON (open_time) open_time, {columns}, of_rows \
                 FROM ({}) AS candidates ORDER BY open_time, {} DESC, of_rows DESC)",
                candidates.join(" UNION ALL "),
                columns.tick_count
            ));
        }
        if parts.is_empty() {
            return;
        }
        self.part(&format!(
            "SELECT time_bucket(INTERVAL '{width}', open_time) AS bucket, {} \
             FROM ({}) AS minutes GROUP BY 1{end}",
            CandleAggregates::of_candles(&columns),
            parts.join(" UNION ALL ")
        ));
        self.bind_limit();
    }
}

/// The statement that returns stored candles.
impl Statement<StoredCandleSqlType> {
    /// Reads the stored candles of this timeframe, and folds the stored smaller ones.
    pub(super) fn of_stored(select: &SelectWindow<'_>) -> Self {
        let mut statement = Self::empty(select.query, select.limit);
        statement.stored(select.window);
        if select.query.timeframe > Timeframe::M1 {
            statement.folded(select.window);
        }
        statement
    }

    /// Reads stored candles.
    fn stored(&mut self, window: TimeRange) {
        let (columns, end) = (CandleColumns::of_stored(), self.end(2));
        self.part(&format!(
            "SELECT {STORED}, open_time, {columns}, source FROM ohlc_candles WHERE timeframe = ? AND basis = ? \
             AND symbol_id = ? AND open_time >= ? AND open_time < ?{end}"
        ));
        let (timeframe, basis) = (self.timeframe.as_str(), self.basis.as_str());
        self.parameters.push(Parameter::Text(timeframe));
        self.parameters.push(Parameter::Text(basis));
        self.bind_symbol_and_times(window.start(), window.end());
        self.bind_limit();
    }

    /// Folds stored smaller candles, separately for each timeframe.
    fn folded(&mut self, window: TimeRange) {
        let (end, width) = (self.end(2), width(self.timeframe));
        let folded = CandleAggregates::of_candles(&CandleColumns::of_stored());
        self.part(&format!(
            "SELECT {FOLDED}, time_bucket(INTERVAL '{width}', open_time), {folded}, timeframe \
             FROM ohlc_candles WHERE timeframe = ANY(?) AND basis = ? AND symbol_id = ? \
             AND open_time >= ? AND open_time < ? GROUP BY 2, timeframe{end}"
        ));
        let smaller: Vec<_> = Timeframe::ALL
            .iter()
            .copied()
            .filter(|one| *one < self.timeframe)
            .map(Timeframe::as_str)
            .collect();
        // at most one row for each timeframe of a bucket
        let limit = self.limit * smaller.len() as i64;
        self.parameters.push(Parameter::Texts(smaller));
        self.parameters.push(Parameter::Text(self.basis.as_str()));
        self.bind_symbol_and_times(window.start(), window.end());
        self.parameters.push(Parameter::Number(limit));
    }
}

impl<T> Statement<T> {
    fn empty(query: &CandleQuery, limit: usize) -> Self {
        Self {
            text: String::new(),
            parameters: Vec::new(),
            basis: query.basis,
            timeframe: query.timeframe,
            order: query.order,
            symbol_id: query.symbol_id.get(),
            // at most 10,081
            limit: limit as i64,
            is_common: true,
            rows: PhantomData,
        }
    }

    fn part(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push_str(" UNION ALL ");
        }
        self.text.push('(');
        self.text.push_str(text);
        self.text.push(')');
    }

    /// Sorts by the open time, the column number `place`.
    fn end(&self, place: usize) -> String {
        let direction = match self.order {
            SortOrder::Ascending => "ASC",
            SortOrder::Descending => "DESC",
        };
        format!(" ORDER BY {place} {direction} LIMIT ?")
    }

    fn bind_symbol_and_times(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) {
        self.parameters.push(Parameter::Number(self.symbol_id));
        self.parameters.push(Parameter::Time(from));
        self.parameters.push(Parameter::Time(to));
    }

    fn bind_limit(&mut self) {
        self.parameters.push(Parameter::Number(self.limit));
    }
}

/// The width of a stored timeframe or of seconds as an interval.
fn width(timeframe: Timeframe) -> String {
    let width = timeframe.duration();
    match width.num_minutes() {
        0 => format!("{} seconds", width.num_seconds()),
        minutes => format!("{minutes} minutes"),
    }
}

/// Converts a bound of an interval, which lies within the window.
fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

impl<T> QueryFragment<Pg> for Statement<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.is_common {
            out.unsafe_to_cache_prepared();
        }
        let mut pieces = self.text.split('?');
        out.push_sql(pieces.next().unwrap_or_default());
        for (piece, parameter) in pieces.zip(&self.parameters) {
            match parameter {
                Parameter::Number(number) => out.push_bind_param::<BigInt, _>(number)?,
                Parameter::Time(time) => out.push_bind_param::<Timestamptz, _>(time)?,
                Parameter::Text(text) => out.push_bind_param::<Text, _>(text)?,
                Parameter::Owned(text) => out.push_bind_param::<Text, _>(text)?,
                Parameter::Numbers(numbers) => {
                    out.push_bind_param::<Array<Integer>, _>(numbers)?;
                }
                Parameter::Texts(texts) => out.push_bind_param::<Array<Text>, _>(texts)?,
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

// diesel identifies prepared statements by their text
impl<T> QueryId for Statement<T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T> Query for Statement<T> {
    type SqlType = T;
}

impl<T> RunQueryDsl<PgConnection> for Statement<T> {}
