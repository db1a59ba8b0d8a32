//! Compares `manual_sql/` and the migrations with the lists and expressions of the code.

use super::*;
use crate::domain::CandleOrigin;
use crate::postgres::statements::statements;

/// The SQL files that name candle relations or contain expressions of candles.
#[derive(Debug, Clone)]
struct Files {
    aggregates: String,
    views: String,
    /// The migrations.
    candles: String,
    key: String,
    ticks: String,
}

fn files() -> Files {
    Files {
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
    (source, time): (&str, &str),
    width: &str,
) -> String {
    let columns = PriceBasis::ALL.iter().copied().map(columns_of);
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
        CandleOrigin::Ticks => query(
            CandleAggregates::of_ticks_named,
            ("ticks", "tick_time"),
            &width,
        ),
        CandleOrigin::Candles(smaller) => query(
            CandleAggregates::of_candles_named,
            (CandleRelation::of(smaller).name, "open_time"),
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
    check.has(&format!("ARRAY ARRAY[{}]", quoted(&largest_first)));
    check.has(&format!("view_name IN ({})", quoted_relation_names()));
    check.has(&format!("view_name = '{}'", MINUTES.name));
    check.problems
}

fn view_problems(file: &str) -> Vec<String> {
    let mut check = Check::new("candle_views.sql", file);
    let rows: Vec<_> = CandleRelation::all()
        .map(|it| format!("('{}', INTERVAL '{}')", it.name, width(it.timeframe)))
        .collect();
    check.has(&format!("IN VALUES {} LOOP", rows.join(", ")));
    check.has(&format!(
        "$view$ CREATE OR REPLACE VIEW %I AS {} $view$",
        query(
            CandleAggregates::of_ticks_named,
            ("ticks", "tick_time"),
            "%L"
        )
    ));
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
    let with_types = TICK_ORDER
        .replace("tick_time", "tick_time timestamptz")
        .replace("sequence", "sequence bigint");
    key.has(&format!("CREATE FUNCTION {with_types} RETURNS"));
    let mut ticks = Check::new("create_ticks", &files.ticks);
    let (_, columns) = TICK_ORDER.split_once('(').expect("a call");
    ticks.has(&format!("PRIMARY KEY (symbol_id, {columns}"));
    [candles.problems, key.problems, ticks.problems].concat()
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

/// Selects a file of [`Files`].
type Place = fn(&mut Files) -> &mut String;

const AGGREGATES: Place = |files| &mut files.aggregates;
const VIEWS: Place = |files| &mut files.views;
const CANDLES: Place = |files| &mut files.candles;
const KEY: Place = |files| &mut files.key;
const TICKS: Place = |files| &mut files.ticks;

#[test]
fn sql_files_that_differ_are_noticed() {
    let key = TICK_ORDER;
    let changes: [(Place, String, String); 29] = [
        // missing, misplaced and additional relations
        (AGGREGATES, "'ohlc_4h', ".into(), String::new()),
        (
            AGGREGATES,
            "COMMENT ON VIEW ohlc_4h".into(),
            "SELECT".into(),
        ),
        (
            AGGREGATES,
            "CALL refresh_continuous_aggregate('ohlc_4h'".into(),
            "CALL refresh_continuous_aggregate('ohlc_1h'".into(),
        ),
        (
            AGGREGATES,
            "CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_1d".into(),
            "CREATE TABLE ohlc_1d".into(),
        ),
        (
            AGGREGATES,
            "CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_5m".into(),
            "CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_2h AS SELECT; \
             CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_5m"
                .into(),
        ),
        (
            AGGREGATES,
            "view_name IN ('ohlc_1m', ".into(),
            "view_name IN (".into(),
        ),
        (
            AGGREGATES,
            "view_name = 'ohlc_1m'".into(),
            "view_name = 'ohlc_5m'".into(),
        ),
        (
            VIEWS,
            "('ohlc_30m', INTERVAL '30 minutes'),".into(),
            String::new(),
        ),
        // sources and widths
        (AGGREGATES, "FROM ohlc_30m".into(), "FROM ohlc_15m".into()),
        (AGGREGATES, "FROM ticks\n".into(), "FROM ohlc_1m\n".into()),
        (
            AGGREGATES,
            "INTERVAL '4 hours'".into(),
            "INTERVAL '2 hours'".into(),
        ),
        (VIEWS, "FROM ticks".into(), "FROM ohlc_1m".into()),
        (
            VIEWS,
            "INTERVAL '1 hour'".into(),
            "INTERVAL '2 hours'".into(),
        ),
        // prices, volume, tick count
        (AGGREGATES, "max(bid_price)".into(), "max(ask_price)".into()),
        (
            AGGREGATES,
            "max(bid_price + ask_price) * 0.5".into(),
            "max(bid_price + ask_price) / 2".into(),
        ),
        (AGGREGATES, "min(mid_low)".into(), "min(bid_low)".into()),
        (
            AGGREGATES,
            format!("first(ask_price, {key})"),
            "first(ask_price, tick_time)".into(),
        ),
        (
            AGGREGATES,
            "last(mid_close, open_time)".into(),
            "max(mid_close)".into(),
        ),
        (
            AGGREGATES,
            "sum(ask_volume)".into(),
            "max(ask_volume)".into(),
        ),
        (
            AGGREGATES,
            "sum(bid_tick_count)::bigint".into(),
            "count(*)".into(),
        ),
        (
            AGGREGATES,
            " FILTER (WHERE mid_open IS NOT NULL)".into(),
            String::new(),
        ),
        (
            AGGREGATES,
            " FILTER (WHERE ask_price IS NOT NULL)".into(),
            String::new(),
        ),
        (
            VIEWS,
            format!("last(bid_price, {key})"),
            "last(bid_price, tick_time)".into(),
        ),
        (
            VIEWS,
            " - coalesce(sum(bid_volume) FILTER (WHERE ask_price IS NULL), 0)".into(),
            String::new(),
        ),
        (VIEWS, "count(*)".into(), "count(bid_price)".into()),
        // the migrations
        (CANDLES, "'4h', ".into(), String::new()),
        (CANDLES, ", 'mid'".into(), String::new()),
        (KEY, "sequence bigint)".into(), "sequence integer)".into()),
        (
            TICKS,
            "PRIMARY KEY (symbol_id, tick_time, sequence)".into(),
            "PRIMARY KEY (symbol_id, tick_time)".into(),
        ),
    ];
    for (place, from, to) in changes {
        let mut changed = files();
        let text = place(&mut changed);
        assert!(text.contains(&from), "{from}");
        // change each occurrence alone, since a check may read only one of them
        let parts: Vec<_> = text.split(&from).collect();
        for at in 1..parts.len() {
            let (before, after) = (parts[..at].join(&from), parts[at..].join(&from));
            let mut changed = files();
            *place(&mut changed) = format!("{before}{to}{after}");
            assert_ne!(problems(&changed), [""; 0], "{from} -> {to}, number {at}");
        }
    }
}

#[test]
fn relations_without_their_statement_are_noticed() {
    for relation in CandleRelation::all() {
        let start = format!("CREATE MATERIALIZED VIEW IF NOT EXISTS {}\n", relation.name);
        let end = "WITH NO DATA;\n";
        let mut changed = files();
        let text = &mut changed.aggregates;
        let from = text.find(&start).expect("the statement");
        let to = from + text[from..].find(end).expect("its end") + end.len();
        text.replace_range(from..to, "");
        assert_ne!(problems(&changed), [""; 0], "{}", relation.name);
    }
}
