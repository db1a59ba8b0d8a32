//! Tests of the views of symbols and market data for other systems: each view returns the stored rows.

use crate::views_setup::Setup;

/// Rows of every table that the views read.
const ROWS: &str = "
    INSERT INTO exchanges (name, code, time_zone) VALUES ('b3', 'BVMF', 'America/Sao_Paulo');
    INSERT INTO exchange_sessions VALUES ('b3', '2019-01-01', 1, '09:00', '18:00'),
        ('b3', '2020-01-01', 1, '10:00', '17:00'), ('b3', '2020-01-01', 2, '10:00', '17:00'),
        ('b3', '2099-01-01', 2, '11:00', '17:00');
    INSERT INTO symbols (symbol_id, exchange, name, digits) VALUES (1, 'b3', 'PETR4', 2), (2, 'b3', 'WINZ26', 0);
    INSERT INTO instruments VALUES (1, 'equity', NULL, 'BRL', 0.01, 100, 1, NULL, NULL),
        (2, 'future', NULL, 'BRL', 5, 1, 0.2, '2026-12-16', NULL);
    INSERT INTO ticks VALUES (1, '2026-01-05 10:00Z', 0, 1, 2, 3, 4, '2026-01-05 10:00:01Z'),
        (1, '2026-01-05 10:00Z', 1, 1, NULL, 3, NULL, NULL);
    INSERT INTO trades VALUES (1, '2026-01-05 10:00Z', 7, 30.5, 100, 'buy', false, NULL, NULL),
        (1, '2026-01-05 10:00Z', 8, 29, 100, NULL, false, NULL, NULL),
        (1, '2026-01-05 10:01Z', 9, 31, 200, 'sell', true, 'T9', NULL);
    INSERT INTO order_book_snapshots VALUES (1, '2026-01-05 10:00Z', 0, '{30.4,30.3}', '{5,6.5}', '{30.5}', '{7}', 5,
        42, 'b3', '2026-01-05 10:00Z'), (1, '2026-01-05 10:00Z', 1, '{}', '{}', '{30.5}', '{7}', 5, NULL, 'b3',
        '2026-01-05 10:00Z');
    INSERT INTO order_book_updates VALUES (1, '2026-01-05 10:00Z', 1, '{30.4}', '{0}', '{30.5,30.6}', '{8,9}');
    INSERT INTO ohlc_candles (symbol_id, timeframe, basis, open_time, close_time, open_price, high_price, low_price,
        close_price, volume, tick_count, source) VALUES (1, '1m', 'bid', '2026-01-05 10:00Z', '2026-01-05 10:01Z', 1,
        3, 0.5, 2, 9, 4, 'import');
    INSERT INTO feed_messages VALUES ('kraken', '2026-01-01 00:00Z', 0, 'received', '{}'),
        ('kraken', '2026-01-01 00:00Z', 1, 'sent', 'ping');";

async fn filled_database() -> Setup {
    let mut setup = Setup::new().await;
    setup.execute("SET TimeZone = 'UTC'");
    setup.execute(ROWS);
    setup
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_symbols_have_their_instruments() {
    let mut setup = filled_database().await;
    setup.expect(
        "SELECT id, security_id, symbol, exchange, security_type, asset_type, tick_size, lot_size, \
         created_at IS NOT NULL AS dated FROM s1_databaseschema.securities ORDER BY id",
        &[
            "(1,1,PETR4,b3,equity,equity,0.010000000000,100.000000000000,t)",
            "(2,2,WINZ26,b3,future,future,5.000000000000,1.000000000000,t)",
        ],
    );
    setup.expect(
        "SELECT exchange_id, exchange_name, exchange_code, timezone, jsonb_array_length(trading_hours) AS days, \
         trading_hours -> 0 ->> 'open' AS open FROM s1_databaseschema.exchanges",
        &["(b3,b3,BVMF,America/Sao_Paulo,2,10:00)"],
    );
    setup.expect(
        "SELECT symbol_id, symbol_name, exchange, digits, active FROM s2_dual.symbols ORDER BY symbol_id",
        &["(1,PETR4,b3,2,t)", "(2,WINZ26,b3,0,t)"],
    );
    setup.expect(
        "SELECT id, symbol, exchange, instrument_type, tick_size, lot_size, expiry_date, strike_price, is_active \
         FROM s4_trading.instruments ORDER BY id",
        &[
            "(1,PETR4,b3,equity,0.010000000000,100.000000000000,,,t)",
            "(2,WINZ26,b3,future,5.000000000000,1.000000000000,2026-12-16,,t)",
        ],
    );
    setup.expect(
        "SELECT count(*) > 40 AS all_applied, min(version) AS first, count(executed_at) = count(*) AS dated, \
         min(description) AS text FROM s4_trading.schema_migrations",
        &["(t,20261120090000,t,)"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_ticks_and_books_have_the_rows() {
    let mut setup = filled_database().await;
    // a quote without an ask is a tick, but has no best ask
    setup.expect(
        "SELECT order_book_id, \"timestamp\", security_id, bid_price, ask_price, bid_size, ask_size \
         FROM s1_databaseschema.order_books",
        &["(1-1767607200000000-0,\"2026-01-05 10:00:00+00\",1,1.000000000000,2.000000000000,3.000000000000,4.000000000000)"],
    );
    setup.expect(
        "SELECT symbol_id, id, bid_price, ask_price, created_at FROM s2_dual.ticks ORDER BY id",
        &[
            "(1,0,1.000000000000,2.000000000000,\"2026-01-05 10:00:01+00\")",
            "(1,1,1.000000000000,,)",
        ],
    );
    setup.expect(
        "SELECT security_id, sequence, side, price, quantity FROM s1_databaseschema.historical_orders ORDER BY price",
        &[
            "(1,1,BUY,30.400000000000,0.000000000000)",
            "(1,1,SELL,30.500000000000,8.000000000000)",
            "(1,1,SELL,30.600000000000,9.000000000000)",
        ],
    );
    setup.expect(
        "SELECT id, bids, asks, checksum, depth_level FROM s3_okx.order_book_snapshots ORDER BY id",
        &[
            r#"(0,"[[""30.4"", ""5""], [""30.3"", ""6.5""]]","[[""30.5"", ""7""]]",42,5)"#,
            r#"(1,[],"[[""30.5"", ""7""]]",,5)"#,
        ],
    );
    setup.expect(
        "SELECT instrument_id, bid_prices[2] AS bid, bid_quantities[2] AS size, total_bid_quantity, \
         total_ask_quantity FROM s4_trading.order_book_snapshots ORDER BY sequence",
        &[
            "(1,30.300000000000,6.500000000000,11.500000000000,7.000000000000)",
            "(1,,,0,7.000000000000)",
        ],
    );
    setup.expect(
        "SELECT symbol_id, sequence, bid_prices[1] AS bid, ask_quantities[1] AS ask, depth \
         FROM data_capture.order_book_snapshots ORDER BY sequence",
        &[
            "(1,0,30.400000000000,7.000000000000,5)",
            "(1,1,,7.000000000000,5)",
        ],
    );
    setup.expect(
        "SELECT source, sequence, callback FROM data_capture.profitdll_callbacks",
        &["(kraken,0,{})"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_trades_have_the_rows() {
    let mut setup = filled_database().await;
    setup.expect(
        "SELECT id, trade_id, price, quantity, side, is_block_trade FROM s3_okx.market_ticks ORDER BY id",
        &[
            "(7,7,30.500000000000,100.000000000000,buy,f)",
            "(8,8,29.000000000000,100.000000000000,,f)",
            "(9,T9,31.000000000000,200.000000000000,sell,t)",
        ],
    );
    setup.expect(
        "SELECT \"time\", instrument_id, price, quantity, trade_id, exchange FROM s4_trading.tick_data \
         WHERE price > 30 ORDER BY \"time\"",
        &[
            "(\"2026-01-05 10:00:00+00\",1,30.500000000000,100.000000000000,7,)",
            "(\"2026-01-05 10:01:00+00\",1,31.000000000000,200.000000000000,T9,)",
        ],
    );
    setup.expect(
        "SELECT symbol_id, sequence, price, side, trade_id FROM data_capture.market_ticks ORDER BY sequence",
        &[
            "(1,7,30.500000000000,BUY,)",
            "(1,8,29.000000000000,,)",
            "(1,9,31.000000000000,SELL,T9)",
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_candles_have_every_timeframe() {
    let mut setup = filled_database().await;
    // real-time aggregates of the Community edition and views of the Apache edition give the same rows
    let bar = "30.500000000000,31.000000000000,29.000000000000,31.000000000000,400.000000000000";
    let sums = "12150.000000000000000000000000,3,30.375000000000";
    for (view, start) in [
        ("s3_okx.market_ohlcv_5m", "10"),
        ("s3_okx.market_ohlcv_1h", "10"),
        ("s3_okx.market_ohlcv_1d", "00"),
    ] {
        setup.expect(
            &format!(
                "SELECT symbol_id, bucket, open, high, low, close, volume, quote_volume, trade_count, vwap \
                 FROM {view}"
            ),
            &[&format!("(1,\"2026-01-05 {start}:00:00+00\",{bar},{sums})")],
        );
    }
    setup.expect(
        "SELECT \"interval\", count(*), sum(trade_count) AS trades FROM s3_okx.market_ohlcv \
         GROUP BY \"interval\" ORDER BY \"interval\"",
        &[
            "(15m,1,3)",
            "(1d,1,3)",
            "(1h,1,3)",
            "(1m,2,3)",
            "(30m,1,3)",
            "(4h,1,3)",
            "(5m,1,3)",
        ],
    );
    setup.expect(
        "SELECT \"timestamp\", open, high, low, close, volume, quote_volume, trade_count, vwap \
         FROM s3_okx.market_ohlcv WHERE \"interval\" = '4h' AND symbol_id = 1",
        &[&format!("(\"2026-01-05 08:00:00+00\",{bar},{sums})")],
    );
    setup.expect(
        "SELECT timeframe, security_id, open, high, low, close, volume FROM s1_databaseschema.candles \
         WHERE timeframe <> '1m' ORDER BY timeframe",
        &[&format!("(1d,1,{bar})"), &format!("(1h,1,{bar})"), &format!("(5m,1,{bar})")],
    );
    setup.expect(
        "SELECT bucket, security_id, open, high, low, close, volume FROM s1_databaseschema.candles_1h",
        &[&format!("(\"2026-01-05 10:00:00+00\",1,{bar})")],
    );
    setup.expect(
        "SELECT \"time\", instrument_id, open_price, high_price, low_price, close_price, volume, trade_count, vwap \
         FROM s4_trading.ohlc_candles WHERE timeframe = '30m'",
        &[&format!("(\"2026-01-05 10:00:00+00\",1,{bar},3,30.375000000000)")],
    );
    setup.expect(
        "SELECT symbol_id, bar_time, open, high, low, close, volume, trade_count FROM data_capture.ohlcv_bars \
         WHERE timeframe = '15m'",
        &[&format!("(1,\"2026-01-05 10:00:00+00\",{bar},3)")],
    );
    let stored = "1.0000000000000,3.0000000000000,0.5000000000000,2.0000000000000,9";
    setup.expect(
        "SELECT security_id, timeframe, basis, open, high, low, close, volume \
         FROM s1_databaseschema.historical_snapshot",
        &[&format!("(1,1m,bid,{stored})")],
    );
    setup.expect(
        "SELECT symbol_id, timeframe, basis, open_price, high_price, low_price, close_price, volume, tick_count, \
         close_time - open_time AS width FROM s2_dual.ohlc_candles",
        &[&format!("(1,1m,bid,{stored},4,00:01:00)")],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timeframe_of_candle_views_selects_the_relation() {
    let mut setup = filled_database().await;
    let query = "SELECT open FROM s3_okx.market_ohlcv WHERE \"interval\" = '1h' \
                 AND \"timestamp\" >= '2026-01-05' AND \"timestamp\" < '2026-01-06'";
    setup.expect(query, &["(30.500000000000)"]);
    let plan = setup.plan(query);
    assert!(plan.contains("'01:00:00'"), "{plan}");
    // an aggregate of one hour reads smaller ones, and no larger one
    for other in ["'04:00:00'", "'1 day'"] {
        assert!(!plan.contains(other), "{plan}");
    }
}
