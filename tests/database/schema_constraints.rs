//! Tests of the constraints of the tables, which apply to every writer.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Integer;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::Database;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{InstrumentType, PriceBasis, Timeframe};
use tickbook::postgres::{migrate_metadata, migrate_timeseries};

use crate::support::constrained::{NULL, Row, Table};

const TICK: &Row = &[
    ("symbol_id", "1"),
    ("tick_time", "2026-01-01 00:00Z"),
    ("sequence", "0"),
    ("bid_price", "1.1"),
    ("ask_price", "1.2"),
    ("bid_volume", "0"),
    ("ask_volume", "0"),
    ("received_at", "2026-01-01 00:00Z"),
];

const HELD_BACK: &Row = &[
    ("symbol_id", "1"),
    ("tick_time", "2026-01-01 00:00Z"),
    ("sequence", "0"),
    ("bid_price", "1.1"),
    ("ask_price", "1.2"),
    ("bid_volume", "0"),
    ("ask_volume", "0"),
    ("rule", "crossed"),
    ("observed", "0"),
    ("rule_limit", "0"),
    ("quarantined_at", "2026-01-01 00:00Z"),
];

const CANDLE: &Row = &[
    ("symbol_id", "1"),
    ("timeframe", "1m"),
    ("basis", "bid"),
    ("open_time", "2026-01-01 00:00Z"),
    ("close_time", "2026-01-01 00:01Z"),
    ("open_price", "2"),
    ("high_price", "4"),
    ("low_price", "1"),
    ("close_price", "3"),
    ("volume", "0"),
    ("tick_count", "0"),
    ("source", "import"),
];

const EXCHANGE: &Row = &[("name", "venue")];

const SYMBOL: &Row = &[
    ("symbol_id", "7"),
    ("exchange", "oanda"),
    ("name", "EURUSD"),
    ("digits", "5"),
];

const INSTRUMENT: &Row = &[
    ("symbol_id", "1"),
    ("instrument_type", "forex"),
    ("quote_currency", "USD"),
    ("tick_size", "0.00001"),
    ("lot_size", "1000"),
    ("contract_multiplier", "1"),
];

const FEED_SYMBOL: &Row = &[("feed", "fix"), ("feed_key", "1"), ("symbol_id", "1")];

pub(crate) async fn timeseries(
    schemas: &ScratchSchemas,
    name: &'static str,
    good: &'static Row,
) -> Table {
    let db = DatabasePools::new(&schemas.config()).timeseries();
    migrate_timeseries(&db).await.expect("up");
    let connection = schemas.connection(Database::Timeseries);
    Table {
        connection,
        name,
        good,
    }
}

pub(crate) async fn metadata(
    schemas: &ScratchSchemas,
    name: &'static str,
    good: &'static Row,
) -> Table {
    let db = DatabasePools::new(&schemas.config()).metadata();
    migrate_metadata(&db).await.expect("up");
    let mut connection = schemas.connection(Database::Metadata);
    connection
        .batch_execute(
            "INSERT INTO exchanges (name) VALUES ('oanda'); \
             INSERT INTO symbols (symbol_id, exchange, name, digits) VALUES (1, 'oanda', 'GBPUSD', 5)",
        )
        .expect("good rows");
    Table {
        connection,
        name,
        good,
    }
}

#[tokio::test]
async fn ticks_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut ticks = timeseries(&schemas, "ticks", TICK).await;
    ticks.accepts(&[]);
    ticks.accepts(&[("bid_price", "-37.63"), ("ask_price", "-37.64")]);
    ticks.accepts(&[
        ("tick_time", "1970-01-01 00:00Z"),
        ("sequence", "9223372036854775807"),
    ]);
    ticks.accepts(&[("tick_time", "2099-12-31 23:59:59.999999Z")]);
    ticks.accepts(&[("bid_price", "999999999999999.999999999999")]);
    for time in ["1969-12-31 23:59:59.999999Z", "2100-01-01 00:00Z"] {
        ticks.refuses(&[("tick_time", time)], "ticks_tick_time_range");
        ticks.refuses(&[("received_at", time)], "ticks_received_at_range");
    }
    for time in ["infinity", "-infinity"] {
        // TimescaleDB fails first, since it has no chunk for this time
        assert!(ticks.insert(&[("tick_time", time)]).is_err(), "{time}");
        ticks.refuses(&[("received_at", time)], "ticks_received_at_range");
    }
    ticks.refuses(&[("symbol_id", "0")], "ticks_symbol_id_positive");
    ticks.refuses(&[("sequence", "-1")], "ticks_sequence_not_negative");
    for price in ["bid_price", "ask_price"] {
        ticks.refuses(&[(price, "NaN")], "ticks_prices_numbers");
    }
    for volume in ["bid_volume", "ask_volume"] {
        ticks.refuses(&[(volume, "NaN")], "ticks_volumes_not_negative");
        ticks.refuses(&[(volume, "-0.000000000001")], "ticks_volumes_not_negative");
    }
    let unknown = [("bid_volume", NULL), ("ask_volume", NULL)];
    ticks.accepts(&unknown);
    ticks.accepts(&[("ask_price", NULL), ("ask_volume", NULL)]);
    ticks.accepts(&[("bid_price", NULL), ("bid_volume", NULL)]);
    let [bid_volume, ask_volume] = unknown;
    let sides = [("bid_price", NULL), ("ask_price", NULL)];
    ticks.refuses(
        &[sides[0], sides[1], bid_volume, ask_volume],
        "ticks_side_present",
    );
    for side in sides {
        ticks.refuses(&[side], "ticks_volumes_have_prices");
    }
    // a NULL on one side does not disable the check of the other side
    ticks.refuses(
        &[bid_volume, ("ask_volume", "-1")],
        "ticks_volumes_not_negative",
    );
    ticks.refuses(
        &[sides[0], bid_volume, ("ask_price", "NaN")],
        "ticks_prices_numbers",
    );
    for number in ["bid_price", "ask_price", "bid_volume", "ask_volume"] {
        ticks.refuses(&[(number, "Infinity")], "numeric field overflow");
        ticks.refuses(&[(number, "1000000000000000")], "numeric field overflow");
    }
}

#[tokio::test]
async fn quarantine_refuses_rows_without_a_side() {
    let schemas = ScratchSchemas::create();
    let mut held_back = timeseries(&schemas, "tick_quarantine", HELD_BACK).await;
    held_back.accepts(&[]);
    let [bid, ask] = [("bid_price", NULL), ("ask_price", NULL)];
    let [bid_volume, ask_volume] = [("bid_volume", NULL), ("ask_volume", NULL)];
    held_back.accepts(&[bid_volume, ask_volume]);
    for side in [[bid, bid_volume], [ask, ask_volume]] {
        held_back.accepts(&side);
        held_back.refuses(&side[..1], "tick_quarantine_volumes_have_prices");
    }
    let none = [bid, ask, bid_volume, ask_volume];
    held_back.refuses(&none, "tick_quarantine_side_present");
}

#[tokio::test]
async fn candles_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut candles = timeseries(&schemas, "ohlc_candles", CANDLE).await;
    candles.accepts(&[]);
    for &timeframe in Timeframe::ALL {
        candles.accepts(&[("timeframe", timeframe.as_str())]);
    }
    for &basis in PriceBasis::ALL {
        candles.accepts(&[("basis", basis.as_str())]);
    }
    candles.accepts(&[
        ("low_price", "-5"),
        ("close_price", "-5"),
        ("open_price", "-4.9"),
        ("high_price", "-4.9"),
    ]);
    candles.accepts(&[("close_price", "3.0000000000001")]);
    for timeframe in ["2m", "1M", ""] {
        candles.refuses(&[("timeframe", timeframe)], "ohlc_candles_timeframe_known");
    }
    candles.refuses(&[("basis", "last")], "ohlc_candles_basis_known");
    candles.refuses(&[("symbol_id", "-1")], "ohlc_candles_symbol_id_positive");
    candles.refuses(
        &[("high_price", "1.9"), ("close_price", "1")],
        "ohlc_candles_high_highest",
    );
    candles.refuses(&[("high_price", "2.9")], "ohlc_candles_high_highest");
    candles.refuses(&[("low_price", "2.1")], "ohlc_candles_low_lowest");
    candles.refuses(
        &[("low_price", "2"), ("close_price", "1.9")],
        "ohlc_candles_low_lowest",
    );
    let close_time = "ohlc_candles_close_time_range";
    candles.refuses(&[("close_time", "2026-01-01 00:00Z")], close_time);
    candles.refuses(&[("close_time", "2025-12-31 23:59Z")], close_time);
    candles.refuses(&[("close_time", "2100-01-01 00:00:01Z")], close_time);
    let open_time = "ohlc_candles_open_time_range";
    candles.refuses(&[("open_time", "1969-12-31 23:59Z")], open_time);
    for price in ["open_price", "high_price", "low_price", "close_price"] {
        let error = candles.insert(&[(price, "NaN")]).expect_err("no number");
        assert!(
            error.to_string().contains("violates check constraint"),
            "{price}: {error}"
        );
    }
    let all = ["open_price", "high_price", "low_price", "close_price"].map(|price| (price, "NaN"));
    candles.refuses(&all, "ohlc_candles_prices_numbers");
    candles.accepts(&[(
        "volume",
        "9999999999999999999999999.0000000000000000000000000001",
    )]);
    for volume in ["-1", "-Infinity"] {
        candles.refuses(&[("volume", volume)], "ohlc_candles_volume_not_negative");
    }
    for volume in ["NaN", "Infinity", "1e25", "1e-29"] {
        candles.refuses(&[("volume", volume)], "ohlc_candles_volume_range");
    }
    candles.refuses(
        &[("tick_count", "-1")],
        "ohlc_candles_tick_count_not_negative",
    );
    candles.refuses(&[("source", "")], "ohlc_candles_source_length");
}

#[tokio::test]
async fn exchanges_and_symbols_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut exchanges = metadata(&schemas, "exchanges", EXCHANGE).await;
    exchanges.accepts(&[]);
    exchanges.accepts(&[("code", "XNYS"), ("time_zone", "America/Port-au-Prince")]);
    exchanges.accepts(&[("time_zone", "Etc/GMT+5")]);
    exchanges.refuses(&[("name", "")], "exchanges_name_length");
    exchanges.refuses(&[("name", "a:b")], "exchanges_name_without_colon");
    exchanges.refuses(&[("name", "Oanda")], "exchanges_folded_name_key");
    exchanges.refuses(&[("name", "oanda")], "exchanges_pkey");
    exchanges.refuses(&[("code", "")], "exchanges_code_length");
    for zone in ["", "New York", "America/", "/Berlin"] {
        exchanges.refuses(&[("time_zone", zone)], "exchanges_time_zone_form");
    }
    let mut symbols = Table {
        name: "symbols",
        good: SYMBOL,
        ..exchanges
    };
    symbols.accepts(&[]);
    symbols.refuses(&[("symbol_id", "0")], "symbols_symbol_id_positive");
    symbols.refuses(&[("symbol_id", "1")], "symbols_pkey");
    for name in ["GBPUSD", "GbpUsd"] {
        symbols.refuses(&[("name", name)], "symbols_folded_name_key");
    }
    symbols.refuses(&[("name", "")], "symbols_name_length");
    symbols.refuses(&[("digits", "13")], "symbols_digits_range");
    symbols.refuses(&[("digits", "-1")], "symbols_digits_range");
    symbols.refuses(&[("exchange", "nowhere")], "symbols_exchange_fkey");
    let too_long: &'static str = "x".repeat(101).leak();
    symbols.refuses(&[("name", too_long)], "symbols_name_length");
    symbols.accepts(&[("name", &too_long[1..])]);
}

#[tokio::test]
async fn instruments_and_feed_symbols_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut instruments = metadata(&schemas, "instruments", INSTRUMENT).await;
    instruments.accepts(&[]);
    for &kind in InstrumentType::ALL {
        instruments.accepts(&[("instrument_type", kind.as_str())]);
    }
    instruments.accepts(&[
        ("expiry", "2026-12-18"),
        ("strike", "-5"),
        ("base_currency", "EUR"),
    ]);
    instruments.refuses(
        &[("instrument_type", "bond")],
        "instruments_instrument_type_known",
    );
    instruments.refuses(&[("symbol_id", "2")], "instruments_symbol_id_fkey");
    instruments.refuses(&[("base_currency", "")], "instruments_base_currency_length");
    instruments.refuses(
        &[("quote_currency", "")],
        "instruments_quote_currency_length",
    );
    instruments.refuses(&[("expiry", "infinity")], "instruments_expiry_finite");
    instruments.refuses(&[("strike", "NaN")], "instruments_strike_number");
    for (size, constraint) in [
        ("tick_size", "instruments_tick_size_positive"),
        ("lot_size", "instruments_lot_size_positive"),
        (
            "contract_multiplier",
            "instruments_contract_multiplier_positive",
        ),
    ] {
        for value in ["NaN", "0", "-1"] {
            instruments.refuses(&[(size, value)], constraint);
        }
    }
    let mut feed_symbols = Table {
        name: "feed_symbols",
        good: FEED_SYMBOL,
        ..instruments
    };
    feed_symbols.accepts(&[]);
    feed_symbols.refuses(&[("feed", "")], "feed_symbols_feed_length");
    feed_symbols.refuses(&[("feed_key", "")], "feed_symbols_feed_key_length");
    feed_symbols.refuses(&[("symbol_id", "2")], "feed_symbols_symbol_id_fkey");
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Integer)]
    count: i32,
}

#[tokio::test]
async fn instrument_is_deleted_with_its_symbol() {
    let schemas = ScratchSchemas::create();
    let mut table = metadata(&schemas, "instruments", INSTRUMENT).await;
    table
        .connection
        .batch_execute(
            "INSERT INTO instruments VALUES (1, 'forex', 'GBP', 'USD', 0.00001, 1, 1); \
             DELETE FROM symbols WHERE symbol_id = 1",
        )
        .expect("deleted");
    let left: Count = sql_query("SELECT count(*)::int AS count FROM instruments")
        .get_result(&mut table.connection)
        .expect("answers");
    assert_eq!(left.count, 0);
}

#[derive(QueryableByName)]
struct OutOfOrder {
    #[diesel(sql_type = Integer)]
    neighbours: i32,
    #[diesel(sql_type = Integer)]
    out_of_order: i32,
}

#[tokio::test]
async fn order_key_sorts_by_time_and_sequence() {
    let schemas = ScratchSchemas::create();
    let mut table = timeseries(&schemas, "ticks", TICK).await;
    for (from, to) in [
        ("1970-01-01 00:00Z", "2000-01-01 00:00:00.000001Z"),
        ("1970-01-01 00:00Z", "2099-12-31 23:59:59.999999Z"),
    ] {
        let query = format!(
            "WITH keys AS (\
               SELECT t, s, tick_order_key(t, s) AS key, lead(tick_order_key(t, s)) OVER (ORDER BY t, s) AS next \
               FROM unnest(ARRAY[0, 1, 255, 256, 65535, 65536, 2147483647, 2147483648, 9223372036854775806, 9223372036854775807]) AS s, \
               (SELECT generate_series(timestamptz '{from}', '{to}', '37 days 11:13:17.000129') \
                UNION SELECT timestamptz '{from}' + n * interval '1 microsecond' FROM generate_series(0, 300) AS n \
                UNION SELECT timestamptz '{to}' - n * interval '1 microsecond' FROM generate_series(0, 300) AS n) AS times (t)\
             ) SELECT count(next)::int AS neighbours, \
             (count(*) FILTER (WHERE key >= next))::int AS out_of_order FROM keys"
        );
        let keys: OutOfOrder = sql_query(query)
            .get_result(&mut table.connection)
            .expect("answers");
        assert!(keys.neighbours > 4_000, "{}", keys.neighbours);
        assert_eq!(keys.out_of_order, 0, "from {from}");
    }
}
