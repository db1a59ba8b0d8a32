//! Checks of primary keys and constraints.

use diesel::sql_types::{Array, Bool, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::audit::{FindingKind, StateProblem};
use crate::db::DbError;

use super::problem;

const KEYS: [(&str, &str); 13] = [
    ("ticks", "symbol_id, tick_time, sequence"),
    ("trades", "symbol_id, trade_time, sequence"),
    ("order_book_snapshots", "symbol_id, snapshot_time, sequence"),
    ("order_book_updates", "symbol_id, update_time, sequence"),
    ("book_intervals", "symbol_id, valid_from"),
    ("feed_gaps", "gap_from, feed, symbol_id, channel"),
    ("feed_messages", "source, received_at, sequence"),
    ("ohlc_candles", "symbol_id, timeframe, basis, open_time"),
    ("order_event_history", "account_id, recorded_at, sequence"),
    (
        "fill_history",
        "account_id, trade_time, sequence, recorded_at",
    ),
    (
        "position_history",
        "account_id, symbol_id, as_of, sequence, recorded_at",
    ),
    ("ledger_relay_cursor", "account_id"),
    ("equity_points", "account_id, as_of"),
];

/// The constraints that keep out invalid rows, with their tables.
const CONSTRAINTS: [(&str, &str); 31] = [
    ("ticks", "ticks_symbol_id_positive"),
    ("ticks", "ticks_tick_time_range"),
    ("ticks", "ticks_sequence_not_negative"),
    ("ticks", "ticks_side_present"),
    ("ticks", "ticks_prices_numbers"),
    ("ticks", "ticks_volumes_have_prices"),
    ("ticks", "ticks_volumes_not_negative"),
    ("ticks", "ticks_received_at_range"),
    ("trades", "trades_symbol_id_positive"),
    ("trades", "trades_trade_time_range"),
    ("trades", "trades_sequence_not_negative"),
    ("trades", "trades_price_number"),
    ("trades", "trades_quantity_positive"),
    ("trades", "trades_aggressor_side_known"),
    ("trades", "trades_received_at_range"),
    (
        "order_book_snapshots",
        "order_book_snapshots_symbol_id_positive",
    ),
    (
        "order_book_snapshots",
        "order_book_snapshots_snapshot_time_range",
    ),
    (
        "order_book_snapshots",
        "order_book_snapshots_sequence_not_negative",
    ),
    ("order_book_snapshots", "order_book_snapshots_bids_even"),
    ("order_book_snapshots", "order_book_snapshots_asks_even"),
    (
        "order_book_snapshots",
        "order_book_snapshots_prices_numbers",
    ),
    (
        "order_book_snapshots",
        "order_book_snapshots_quantities_positive",
    ),
    ("order_book_snapshots", "order_book_snapshots_uncrossed"),
    (
        "order_book_snapshots",
        "order_book_snapshots_valid_since_range",
    ),
    (
        "order_book_updates",
        "order_book_updates_symbol_id_positive",
    ),
    ("order_book_updates", "order_book_updates_update_time_range"),
    (
        "order_book_updates",
        "order_book_updates_sequence_not_negative",
    ),
    ("order_book_updates", "order_book_updates_bids_even"),
    ("order_book_updates", "order_book_updates_asks_even"),
    ("order_book_updates", "order_book_updates_prices_numbers"),
    (
        "order_book_updates",
        "order_book_updates_quantities_not_negative",
    ),
];

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = Text)]
    object: String,
    #[diesel(sql_type = Text)]
    columns: String,
    #[diesel(sql_type = Bool)]
    is_valid: bool,
}

#[derive(QueryableByName)]
struct Constraint {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    exists: bool,
}

pub(super) fn problems(connection: &mut PgConnection) -> Result<Vec<StateProblem>, DbError> {
    let mut problems = Vec::new();
    for (table, expected) in KEYS {
        for key in keys(connection, table)? {
            if key.is_valid && key.columns == expected {
                continue;
            }
            let found = match (key.columns.as_str(), key.is_valid) {
                ("", _) => "but it is missing".to_owned(),
                (columns, true) => format!("but it is ({columns})"),
                (columns, false) => format!("but ({columns}) is not valid"),
            };
            let detail = format!(
                "the primary key must be ({expected}), {found}: without it duplicates can be \
                 stored; find them, then add the key"
            );
            problems.push(problem(FindingKind::PrimaryKey, key.object, detail));
        }
    }
    let (tables, names): (Vec<_>, Vec<_>) = CONSTRAINTS.into_iter().unzip();
    let constraints: Vec<Constraint> = sql_query(
        "SELECT wanted.table, name, EXISTS (SELECT FROM pg_constraint WHERE conname = name \
         AND conrelid = to_regclass(format('%I.%I', current_schema(), wanted.table)) \
         AND contype = 'c') AS exists \
         FROM unnest($1, $2) AS wanted (\"table\", name) WHERE NOT EXISTS (SELECT FROM pg_constraint \
         WHERE conname = name AND convalidated AND contype = 'c' \
         AND conrelid = to_regclass(format('%I.%I', current_schema(), wanted.table)))",
    )
    .bind::<Array<Text>, _>(tables)
    .bind::<Array<Text>, _>(names)
    .load(connection)?;
    for Constraint {
        table,
        name,
        exists,
    } in constraints
    {
        let detail = match exists {
            true => {
                format!("it was never validated: ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
            }
            false => format!("it is missing on {table}: add it as the migrations do"),
        };
        problems.push(problem(FindingKind::Constraint, name, detail));
    }
    Ok(problems)
}

/// The primary keys of a hypertable and of its chunks.
fn keys(connection: &mut PgConnection, table: &str) -> Result<Vec<Key>, DbError> {
    let keys = sql_query(
        "WITH tables AS (SELECT format('%I.%I', current_schema(), $1)::regclass AS id, $1 AS object \
           UNION ALL SELECT format('%I.%I', chunk_schema, chunk_name)::regclass, \
             $1 || ', chunk ' || chunk_name \
           FROM timescaledb_information.chunks \
           WHERE hypertable_schema = current_schema() AND hypertable_name = $1) \
         SELECT object, coalesce((SELECT string_agg(a.attname, ', ' ORDER BY k.place) \
           FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place) \
           JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number), '') AS columns, \
         coalesce(i.indisvalid AND i.indisready, false) AS is_valid \
         FROM tables LEFT JOIN pg_index AS i ON i.indrelid = id AND i.indisprimary ORDER BY object",
    )
    .bind::<Text, _>(table)
    .load(connection)?;
    Ok(keys)
}
