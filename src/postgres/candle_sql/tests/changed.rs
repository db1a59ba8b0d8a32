//! Files that differ from the code are noticed.

use super::*;

/// Selects a file of [`Files`].
type Place = fn(&mut Files) -> &mut String;

const AGGREGATES: Place = |files| &mut files.aggregates;
const VIEWS: Place = |files| &mut files.views;
const CANDLES: Place = |files| &mut files.candles;
const KEY: Place = |files| &mut files.key;
const TICKS: Place = |files| &mut files.ticks;
const TRADES: Place = |files| &mut files.trades;
const POLICIES: Place = |files| &mut files.policies;

#[test]
fn sql_files_that_differ_are_noticed() {
    let (key, of_trades) = (
        row_order(CandleInput::Ticks),
        row_order(CandleInput::Trades),
    );
    let changes: [(Place, String, String); 46] = [
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
            "'ohlc_1m', 'ohlc_5m', ".into(),
            "'ohlc_5m', ".into(),
        ),
        (AGGREGATES, "'trade_ohlc_4h', ".into(), String::new()),
        (
            AGGREGATES,
            "('ticks', 'ohlc_1m')".into(),
            "('ticks', 'ohlc_5m')".into(),
        ),
        (
            AGGREGATES,
            "('trades', 'trade_ohlc_1m')".into(),
            "('trades', 'ohlc_1m')".into(),
        ),
        (
            AGGREGATES,
            "CALL refresh_continuous_aggregate('trade_ohlc_1d'".into(),
            "CALL refresh_continuous_aggregate('trade_ohlc_4h'".into(),
        ),
        (
            VIEWS,
            "('ohlc_30m', INTERVAL '30 minutes', 'ticks'),".into(),
            String::new(),
        ),
        (
            VIEWS,
            "('trade_ohlc_5m', INTERVAL '5 minutes', 'trades')".into(),
            "('trade_ohlc_5m', INTERVAL '5 minutes', 'ticks')".into(),
        ),
        // sources and widths
        (AGGREGATES, "FROM ohlc_30m".into(), "FROM ohlc_15m".into()),
        (AGGREGATES, "FROM ticks\n".into(), "FROM ohlc_1m\n".into()),
        (
            AGGREGATES,
            "INTERVAL '4 hours'".into(),
            "INTERVAL '2 hours'".into(),
        ),
        (
            AGGREGATES,
            "FROM trade_ohlc_30m".into(),
            "FROM trade_ohlc_15m".into(),
        ),
        (AGGREGATES, "FROM trades\n".into(), "FROM ticks\n".into()),
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
        // the sums of trades
        (AGGREGATES, "sum(quantity)".into(), "max(quantity)".into()),
        (
            AGGREGATES,
            "sum(price * quantity)".into(),
            "sum(price) * sum(quantity)".into(),
        ),
        (
            AGGREGATES,
            "aggressor_side = 'buy'".into(),
            "aggressor_side = 'sell'".into(),
        ),
        (AGGREGATES, "sum(notional)".into(), "max(notional)".into()),
        (
            AGGREGATES,
            "sum(trade_count)::bigint".into(),
            "count(*)".into(),
        ),
        (
            AGGREGATES,
            format!("first(price, {of_trades})"),
            "first(price, trade_time)".into(),
        ),
        (
            VIEWS,
            format!("last(price, {of_trades})"),
            "last(price, trade_time)".into(),
        ),
        (VIEWS, "sum(price * quantity)".into(), "sum(price)".into()),
        // the migrations
        (CANDLES, ", 'trade'".into(), String::new()),
        (
            TRADES,
            "PRIMARY KEY (symbol_id, trade_time, sequence)".into(),
            "PRIMARY KEY (symbol_id, sequence, trade_time)".into(),
        ),
        (
            POLICIES,
            "trades_dropped_before timestamptz".into(),
            "dropped_before timestamptz".into(),
        ),
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
