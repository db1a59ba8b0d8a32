//! Tests of the constraints of the tables of feeds, which apply to every writer.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use tickbook::db::ScratchSchemas;

use crate::schema_constraints::timeseries;
use crate::support::constrained::{NULL, Row};

const GAP: &Row = &[
    ("feed", "kraken"),
    ("symbol_id", "1"),
    ("channel", "trades"),
    ("gap_from", "2026-01-01 00:00Z"),
    ("gap_to", "2026-01-01 00:01Z"),
    ("reason", "silence"),
    ("last_time", "2026-01-01 00:00Z"),
    ("last_sequence", "7"),
    ("next_time", "2026-01-01 00:01Z"),
    ("next_sequence", "9"),
    ("filled_at", NULL),
    ("failure", NULL),
];

const MESSAGE: &Row = &[
    ("source", "kraken"),
    ("received_at", "2026-01-01 00:00Z"),
    ("sequence", "0"),
    ("kind", "received"),
    ("payload", "{}"),
];

#[tokio::test]
async fn feed_gaps_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut gaps = timeseries(&schemas, "feed_gaps", GAP).await;
    gaps.accepts(&[]);
    let without_next = [("next_time", NULL), ("next_sequence", NULL)];
    let lasting = [("gap_to", NULL), without_next[0], without_next[1]];
    gaps.accepts(&lasting);
    gaps.accepts(&[("gap_to", "2026-01-01 00:00Z"), ("reason", "stopped")]);
    let long = "x".repeat(51);
    for feed in ["", &long] {
        gaps.refuses(&[("feed", feed)], "feed_gaps_feed_length");
    }
    gaps.refuses(&[("symbol_id", "0")], "feed_gaps_symbol_id_positive");
    gaps.refuses(&[("channel", "Trades")], "feed_gaps_channel_known");
    gaps.refuses(&[("reason", "deleted")], "feed_gaps_reason_known");
    for to in ["2025-12-31 23:59Z", "2100-01-01 00:00Z"] {
        gaps.refuses(&[("gap_to", to)], "feed_gaps_gap_to_range");
    }
    let early = [("gap_from", "1969-12-31 23:59Z")];
    gaps.refuses(&early, "feed_gaps_gap_from_range");
    let filled = ("filled_at", "2026-01-01 00:02Z");
    gaps.accepts(&[filled]);
    gaps.accepts(&[("failure", "no history")]);
    gaps.accepts(&[("last_sequence", NULL), ("next_sequence", NULL)]);
    gaps.refuses(&[("gap_to", NULL)], "feed_gaps_ended");
    gaps.refuses(&[lasting, [filled; 3]].concat()[..4], "feed_gaps_ended");
    let both = [filled, ("failure", "no history")];
    gaps.refuses(&both, "feed_gaps_filled_without_failure");
    let long = "x".repeat(501);
    gaps.refuses(&[("failure", &long)], "feed_gaps_failure_length");
    for sequence in ["last_sequence", "next_sequence"] {
        gaps.refuses(&[(sequence, "-1")], "feed_gaps_sequences_have_times");
    }
    let unplaced = [("last_time", NULL)];
    gaps.refuses(&unplaced, "feed_gaps_sequences_have_times");
    for (column, constraint) in [
        ("last_time", "feed_gaps_last_time_range"),
        ("next_time", "feed_gaps_next_time_range"),
        ("filled_at", "feed_gaps_filled_at_range"),
    ] {
        for time in ["1969-12-31 23:59Z", "2100-01-01 00:00Z"] {
            gaps.refuses(&[(column, time)], constraint);
        }
    }
}

#[tokio::test]
async fn feed_messages_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut messages = timeseries(&schemas, "feed_messages", MESSAGE).await;
    messages.accepts(&[]);
    messages.accepts(&[("payload", "")]);
    messages.refuses(&[("source", "")], "feed_messages_source_length");
    messages.refuses(&[("sequence", "-1")], "feed_messages_sequence_not_negative");
    messages.refuses(&[("kind", "Received")], "feed_messages_kind_known");
    for time in ["1969-12-31 23:59:59.999999Z", "2100-01-01 00:00Z"] {
        let refused = messages.insert(&[("received_at", time)]);
        assert!(refused.is_err(), "{time}");
    }
}
