//! Tests of the constraints of the tables of order books, which apply to every writer.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use tickbook::db::ScratchSchemas;

use crate::schema_constraints::timeseries;
use crate::support::constrained::{NULL, Row};

const SNAPSHOT: &Row = &[
    ("symbol_id", "1"),
    ("snapshot_time", "2026-01-01 00:00Z"),
    ("sequence", "0"),
    ("bid_prices", "{1.5,1.4}"),
    ("bid_quantities", "{3,2}"),
    ("ask_prices", "{1.6}"),
    ("ask_quantities", "{1}"),
    ("depth", "20"),
    ("checksum", "-7"),
    ("source", "kraken"),
    ("valid_since", "2026-01-01 00:00Z"),
];

const UPDATE: &Row = &[
    ("symbol_id", "1"),
    ("update_time", "2026-01-01 00:00Z"),
    ("sequence", "0"),
    ("bid_prices", "{1.5,1.4}"),
    ("bid_quantities", "{3,0}"),
    ("ask_prices", "{1.6}"),
    ("ask_quantities", "{1}"),
];

const INTERVAL: &Row = &[
    ("symbol_id", "1"),
    ("valid_from", "2026-01-01 00:00Z"),
    ("valid_to", "2026-01-02 00:00Z"),
    ("reason", "gap"),
];

/// An array of equal numbers.
fn many(number: &str, count: usize) -> String {
    format!("{{{}}}", vec![number; count].join(","))
}

#[tokio::test]
async fn snapshots_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut snapshots = timeseries(&schemas, "order_book_snapshots", SNAPSHOT).await;
    snapshots.accepts(&[]);
    let empty = [("bid_prices", "{}"), ("bid_quantities", "{}")];
    snapshots.accepts(&empty);
    snapshots.accepts(&[
        empty[0],
        empty[1],
        ("ask_prices", "{}"),
        ("ask_quantities", "{}"),
    ]);
    snapshots.accepts(&[("bid_prices", "{-3,-4}"), ("ask_prices", "{0}")]);
    snapshots.accepts(&[("checksum", NULL), ("depth", "2")]);
    let (numbers, ones) = (many("1.1", 1_000), many("1", 1_000));
    let deep = [("bid_prices", &*numbers), ("bid_quantities", &*ones)];
    snapshots.accepts(&[deep[0], deep[1], ("depth", "1000")]);
    snapshots.refuses(&deep, "order_book_snapshots_bids_even");
    for time in ["1969-12-31 23:59:59.999999Z", "2100-01-01 00:00Z"] {
        let both = [("snapshot_time", time), ("valid_since", time)];
        let refused = snapshots.insert(&both);
        assert!(refused.is_err(), "{time}");
    }
    let later = [("valid_since", "2026-01-01 00:01Z")];
    snapshots.refuses(&later, "order_book_snapshots_valid_since_range");
    snapshots.refuses(
        &[("symbol_id", "0")],
        "order_book_snapshots_symbol_id_positive",
    );
    snapshots.refuses(
        &[("sequence", "-1")],
        "order_book_snapshots_sequence_not_negative",
    );
    for depth in ["0", "1001"] {
        let without_levels = [
            ("depth", depth),
            ("bid_prices", "{}"),
            ("bid_quantities", "{}"),
            ("ask_prices", "{}"),
            ("ask_quantities", "{}"),
        ];
        snapshots.refuses(&without_levels, "order_book_snapshots_depth_range");
    }
    snapshots.refuses(&[("depth", "1")], "order_book_snapshots_bids_even");
    for (side, other) in [("bid", "bids"), ("ask", "asks")] {
        let (prices, quantities) = (format!("{side}_prices"), format!("{side}_quantities"));
        let even = format!("order_book_snapshots_{other}_even");
        snapshots.refuses(&[(&prices, "{1.55}"), (&quantities, "{1,1}")], &even);
        snapshots.refuses(
            &[(&prices, "{{1.55},{1.55}}"), (&quantities, "{1,1}")],
            &even,
        );
        for price in ["{NaN}", "{NULL}"] {
            let numbers = "order_book_snapshots_prices_numbers";
            snapshots.refuses(&[(&prices, price), (&quantities, "{1}")], numbers);
        }
        for quantity in ["{0}", "{-1}", "{NaN}", "{NULL}"] {
            let positive = "order_book_snapshots_quantities_positive";
            snapshots.refuses(&[(&prices, "{1.55}"), (&quantities, quantity)], positive);
        }
        let overflow = [(&*prices, "{1000000000000000}"), (&*quantities, "{1}")];
        snapshots.refuses(&overflow, "numeric field overflow");
        for array in [&prices, &quantities] {
            assert!(snapshots.insert(&[(array, NULL)]).is_err(), "{array}");
        }
    }
    for ask in ["{1.5}", "{1.4}"] {
        snapshots.refuses(&[("ask_prices", ask)], "order_book_snapshots_uncrossed");
    }
    let long = "x".repeat(51);
    for source in ["", &long] {
        snapshots.refuses(&[("source", source)], "order_book_snapshots_source_length");
    }
}

#[tokio::test]
async fn book_updates_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut updates = timeseries(&schemas, "order_book_updates", UPDATE).await;
    updates.accepts(&[]);
    updates.accepts(&[("bid_prices", "{}"), ("bid_quantities", "{}")]);
    // an update may cross a book for a moment
    updates.accepts(&[("bid_prices", "{1.7,1.6}")]);
    let (numbers, zeros) = (many("1.1", 2_000), many("0", 2_000));
    updates.accepts(&[("bid_prices", &numbers), ("bid_quantities", &zeros)]);
    let (numbers, zeros) = (many("1.1", 2_001), many("0", 2_001));
    let long = [("bid_prices", &*numbers), ("bid_quantities", &*zeros)];
    updates.refuses(&long, "order_book_updates_bids_even");
    updates.refuses(&[("ask_prices", "{}")], "order_book_updates_asks_even");
    updates.refuses(
        &[("symbol_id", "0")],
        "order_book_updates_symbol_id_positive",
    );
    updates.refuses(
        &[("sequence", "-1")],
        "order_book_updates_sequence_not_negative",
    );
    for time in ["1969-12-31 23:59:59.999999Z", "2100-01-01 00:00Z"] {
        let of_time = "order_book_updates_update_time_range";
        updates.refuses(&[("update_time", time)], of_time);
    }
    updates.refuses(
        &[("ask_prices", "{NaN}")],
        "order_book_updates_prices_numbers",
    );
    for quantity in ["{-1}", "{NaN}", "{NULL}"] {
        let not_negative = "order_book_updates_quantities_not_negative";
        updates.refuses(&[("ask_quantities", quantity)], not_negative);
    }
}

#[tokio::test]
async fn intervals_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut intervals = timeseries(&schemas, "book_intervals", INTERVAL).await;
    for reason in ["gap", "stopped", "deleted", "disconnected"] {
        intervals.accepts(&[("reason", reason)]);
    }
    intervals.accepts(&[("valid_to", NULL), ("reason", NULL)]);
    intervals.accepts(&[("valid_to", "2026-01-01 00:00Z")]);
    intervals.refuses(&[("reason", "Gap")], "book_intervals_reason_known");
    for one in ["valid_to", "reason"] {
        intervals.refuses(&[(one, NULL)], "book_intervals_end_has_a_reason");
    }
    for to in ["2025-12-31 00:00Z", "2100-01-01 00:00Z"] {
        intervals.refuses(&[("valid_to", to)], "book_intervals_valid_to_range");
    }
    let early = [("valid_from", "1969-12-31 00:00Z")];
    intervals.refuses(&early, "book_intervals_valid_from_range");
    intervals.refuses(&[("symbol_id", "0")], "book_intervals_symbol_id_positive");
}
