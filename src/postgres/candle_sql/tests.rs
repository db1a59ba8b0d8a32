//! Compares `manual_sql/` and the migrations with the lists and expressions of the code.

mod changed;

use super::*;
use crate::domain::CandleOrigin;
use crate::postgres::statements::statements;

/// The SQL files that name candle relations or contain expressions of candles.
#[derive(Debug, Clone)]
struct Files {
    trades: String,
    policies: String,
    aggregates: String,
    views: String,
    /// The migrations.
    candles: String,
    key: String,
    ticks: String,
}

fn files() -> Files {
    Files {
        trades: include_str!(
            "../../../migrations_timeseries/2026-11-29-060000_create_trades/up.sql"
        )
        .to_owned(),
        policies: include_str!(
            "../../../migrations_timeseries/2026-11-21-060000_create_applied_policies/up.sql"
        )
        .to_owned(),
        aggregates: include_str!("../../../manual_sql/continuous_aggregates.sql").to_owned(),
        views: include_str!("../../../manual_sql/candle_views.sql").to_owned(),
        candles: include_str!(
            "../../../migrations_timeseries/2026-11-20-100300_create_ohlc_candles/up.sql"
        )
        .to_owned(),
        key: include_str!(
            "../../../migrations_timeseries/2026-11-20-100100_create_tick_order_key/up.sql"
        )
        .to_owned(),
        ticks: include_str!("../../../migrations_timeseries/2026-11-20-100200_create_ticks/up.sql")
            .to_owned(),
    }
}

/// Replaces each run of blanks by one blank.
fn plain(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The width as the files write it: `5 minutes`, `1 day`.
fn width(timeframe: Timeframe) -> String {
    let minutes = timeframe.duration().num_minutes();
    let (number, unit) = match minutes {
        1_440.. => (minutes / 1_440, "day"),
        60.. => (minutes / 60, "hour"),
        _ => (minutes, "minute"),
    };
    match number {
        1 => format!("1 {unit}"),
        _ => format!("{number} {unit}s"),
    }
}

/// `'a', 'b'`
fn quoted(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}

/// The query that computes the candles of a relation.
fn query(
    columns_of: fn(PriceBasis) -> String,
    input: CandleInput,
    (source, time): (&str, &str),
    width: &str,
) -> String {
    let columns = input.bases().iter().copied().map(columns_of);
    let columns = columns.collect::<Vec<_>>().join(", ");
    let bucket = format!("time_bucket(INTERVAL {width}, {time})");
    format!(
        "SELECT symbol_id, {bucket} AS open_time, {columns} FROM {source} GROUP BY symbol_id, {bucket}"
    )
}

/// The statement that creates a continuous aggregate.
fn aggregate(relation: CandleRelation) -> String {
    let width = format!("'{}'", width(relation.timeframe));
    let query = match relation.computed_from {
        CandleOrigin::Rows(input) => query(
            CandleAggregates::of_rows_named,
            input,
            (input.table(), input.time_column()),
            &width,
        ),
        CandleOrigin::Candles(smaller) => query(
            CandleAggregates::of_candles_named,
            relation.input,
            (
                CandleRelation::of(relation.input, smaller).name,
                "open_time",
            ),
            &width,
        ),
    };
    format!(
        "CREATE MATERIALIZED VIEW IF NOT EXISTS {} WITH (timescaledb.continuous, \
         timescaledb.materialized_only = false) AS {query} WITH NO DATA",
        relation.name
    )
}

/// Collects the expressions that a file lacks.
struct Check {
    file: &'static str,
    text: String,
    problems: Vec<String>,
}

impl Check {
    fn new(file: &'static str, text: &str) -> Self {
        Self {
            file,
            text: plain(text),
            problems: Vec::new(),
        }
    }

    fn has(&mut self, part: &str) {
        if !self.text.contains(part) {
            self.problems.push(format!("{} lacks: {part}", self.file));
        }
    }

    fn equal(&mut self, found: &[String], expected: &[String]) {
        let mut found = found.iter();
        for expected in expected {
            if found.next() != Some(expected) {
                let file = self.file;
                self.problems
                    .push(format!("{file} lacks or misplaces: {expected}"));
                return;
            }
        }
        let file = self.file;
        self.problems
            .extend(found.map(|more| format!("{file} also has: {more}")));
    }
}

fn aggregate_problems(file: &str) -> Vec<String> {
    let mut check = Check::new("continuous_aggregates.sql", file);
    let all: Vec<_> = statements(file).into_iter().map(plain).collect();
    let starting = |start: &str| -> Vec<String> {
        let found = all.iter().filter(|it| it.starts_with(start));
        found.cloned().collect()
    };
    let made: Vec<_> = CandleRelation::all().map(aggregate).collect();
    check.equal(&starting("CREATE MATERIALIZED VIEW"), &made);
    let raised: Vec<_> = CandleRelation::all()
        .map(|it| {
            format!(
                "CALL refresh_continuous_aggregate('{}', timestamptz '2100-01-01 00:00:00+00', \
                 timestamptz '2100-01-03 00:00:00+00')",
                it.name
            )
        })
        .collect();
    check.equal(&starting("CALL "), &raised);
    let commented: Vec<_> = starting("COMMENT ON VIEW ")
        .iter()
        .filter_map(|it| it.split(' ').nth(3).map(str::to_owned))
        .collect();
    let names: Vec<_> = relation_names().into_iter().map(str::to_owned).collect();
    check.equal(&commented, &names);
    let mut largest_first = relation_names();
    largest_first.reverse();
    check.has(&format!("ARRAY ARRAY[ {} ]", quoted(&largest_first)));
    check.has(&format!("view_name IN ( {} )", quoted_relation_names()));
    let minutes = CandleInput::ALL.iter().map(|input| {
        let (table, relation) = (input.table(), minutes(*input).name);
        format!("('{table}', '{relation}')")
    });
    let minutes = Vec::from_iter(minutes).join(", ");
    check.has(&format!("FOR source, minutes IN VALUES {minutes} LOOP"));
    check.problems
}

fn view_problems(file: &str) -> Vec<String> {
    let mut check = Check::new("candle_views.sql", file);
    let rows: Vec<_> = CandleRelation::all()
        .map(|it| {
            let (width, table) = (width(it.timeframe), it.input.table());
            format!("('{}', INTERVAL '{width}', '{table}')", it.name)
        })
        .collect();
    check.has(&format!("IN VALUES {} LOOP", rows.join(", ")));
    for (start, &input) in ["WHEN 'ticks' THEN", "ELSE"].iter().zip(CandleInput::ALL) {
        check.has(&format!(
            "{start} $view$ CREATE OR REPLACE VIEW %I AS {} $view$",
            query(
                CandleAggregates::of_rows_named,
                input,
                (input.table(), input.time_column()),
                "%L"
            )
        ));
    }
    check.problems
}

fn migration_problems(files: &Files) -> Vec<String> {
    let names = Vec::from_iter(Timeframe::ALL.iter().map(|it| it.as_str()));
    let mut candles = Check::new("create_ohlc_candles", &files.candles);
    candles.has(&format!("CHECK (timeframe IN ({}))", quoted(&names)));
    let bases = Vec::from_iter(PriceBasis::ALL.iter().map(|it| it.as_str()));
    candles.has(&format!("CHECK (basis IN ({}))", quoted(&bases)));
    let (last, others) = names.split_last().expect("timeframes");
    candles.has(&format!("'Width: {} or {last}.'", others.join(", ")));
    let mut key = Check::new("create_tick_order_key", &files.key);
    let order = row_order(CandleInput::Ticks);
    let with_types = order
        .replace("tick_time", "tick_time timestamptz")
        .replace("sequence", "sequence bigint");
    key.has(&format!("CREATE FUNCTION {with_types} RETURNS"));
    let mut policies = Check::new("create_applied_policies", &files.policies);
    let mut rows = Vec::new();
    for (&input, text) in CandleInput::ALL.iter().zip([&files.ticks, &files.trades]) {
        let mut table = Check::new(input.table(), text);
        table.has(&format!("CREATE TABLE {} (", input.table()));
        let order = row_order(input);
        let (_, columns) = order.split_once('(').expect("a call");
        table.has(&format!("PRIMARY KEY (symbol_id, {columns}"));
        policies.has(&format!("{}_dropped_before timestamptz", input.table()));
        rows.extend(table.problems);
    }
    [candles.problems, key.problems, policies.problems, rows].concat()
}

fn problems(files: &Files) -> Vec<String> {
    [
        aggregate_problems(&files.aggregates),
        view_problems(&files.views),
        migration_problems(files),
    ]
    .concat()
}

#[test]
fn sql_files_hold_the_relations_and_prices() {
    let problems = problems(&files());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
