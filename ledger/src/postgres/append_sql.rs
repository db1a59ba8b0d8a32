//! The statement that writes a batch of events with all that follows from them.

use diesel::sql_types::BigInt;

use super::statement::StatementText;

/// Writes the orders, ids, fills and positions of the account in `head`. Rows that have to be new are inserted plainly, so
/// that the statement fails if one of them is known already.
macro_rules! projections {
    () => {
        "\
), changed_orders AS MATERIALIZED (
    SELECT head.account_id, rows.*
    FROM head, UNNEST(?::boolean[], ?::text[], ?::bigint[], ?::text[], ?::text[], ?::text[], ?::numeric[],
        ?::numeric[], ?::numeric[], ?::numeric[], ?::timestamptz[], ?::bigint[], ?::text[], ?::text[], ?::text[],
        ?::text[], ?::numeric[], ?::numeric[], ?::numeric[], ?::numeric[], ?::text[], ?::text[], ?::text[], ?::date[],
        ?::date[], ?::bigint[], ?::bigint[], ?::timestamptz[], ?::timestamptz[], ?::text[], ?::boolean[])
        AS rows (is_new, order_id, symbol_id, side, order_type, time_in_force, quantity, limit_price, stop_price,
            arrival_price, expires_at, strategy_id, position_id, parent_order_id, client_order_id, venue_order_id,
            filled, filled_notional, adjustment, notional_adjustment, facts, closed_by, pending, done_for, active_on,
            first_sequence, last_sequence, created_at, updated_at, status, is_open)
), new_orders AS (
    INSERT INTO orders
    SELECT account_id, order_id, symbol_id, side, order_type, time_in_force, quantity, limit_price, stop_price,
        arrival_price, expires_at, strategy_id, position_id, parent_order_id, client_order_id, venue_order_id, filled,
        filled_notional, adjustment, notional_adjustment, string_to_array(facts, ','), closed_by, pending::jsonb,
        done_for, active_on, first_sequence, last_sequence, created_at, updated_at, status, is_open
    FROM changed_orders WHERE is_new
), known_orders AS (
    INSERT INTO orders
    SELECT account_id, order_id, symbol_id, side, order_type, time_in_force, quantity, limit_price, stop_price,
        arrival_price, expires_at, strategy_id, position_id, parent_order_id, client_order_id, venue_order_id, filled,
        filled_notional, adjustment, notional_adjustment, string_to_array(facts, ','), closed_by, pending::jsonb,
        done_for, active_on, first_sequence, last_sequence, created_at, updated_at, status, is_open
    FROM changed_orders WHERE NOT is_new
    ON CONFLICT (account_id, order_id) DO UPDATE SET
        quantity = excluded.quantity, limit_price = excluded.limit_price, stop_price = excluded.stop_price,
        client_order_id = excluded.client_order_id, venue_order_id = excluded.venue_order_id,
        filled = excluded.filled, filled_notional = excluded.filled_notional, adjustment = excluded.adjustment,
        notional_adjustment = excluded.notional_adjustment, facts = excluded.facts, closed_by = excluded.closed_by,
        pending = excluded.pending, done_for = excluded.done_for, active_on = excluded.active_on,
        last_sequence = excluded.last_sequence, updated_at = excluded.updated_at, status = excluded.status,
        is_open = excluded.is_open
), client_ids AS (
    INSERT INTO order_client_ids (account_id, client_order_id, order_id)
    SELECT head.account_id, rows.* FROM head, UNNEST(?::text[], ?::text[]) AS rows (client_order_id, order_id)
), venue_ids AS (
    INSERT INTO order_venue_ids (account_id, venue, venue_order_id, order_id)
    SELECT head.account_id, rows.*
    FROM head, UNNEST(?::text[], ?::text[], ?::text[]) AS rows (venue, venue_order_id, order_id)
), changed_fills AS MATERIALIZED (
    SELECT head.account_id, rows.*
    FROM head, UNNEST(?::boolean[], ?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[], ?::bytea[],
        ?::timestamptz[], ?::bigint[], ?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::numeric[], ?::numeric[],
        ?::numeric[], ?::text[], ?::boolean[], ?::text[], ?::numeric[], ?::boolean[], ?::date[], ?::text[],
        ?::integer[], ?::boolean[])
        AS rows (is_new, sequence, order_id, venue, exec_id, effect, content_hash, trade_time, venue_sequence,
            strategy_id, symbol_id, position_name, side, quantity, price, fee_amount, fee_currency,
            fee_is_taken_from_quantity, liquidity, multiplier, is_inverse, trading_day, latest_exec_id, versions,
            is_busted)
), new_fills AS (
    INSERT INTO fills
    SELECT account_id, sequence, order_id, venue, exec_id, effect, content_hash, trade_time, venue_sequence,
        strategy_id, symbol_id, position_name, side, quantity, price, fee_amount, fee_currency,
        fee_is_taken_from_quantity, liquidity, multiplier, is_inverse, trading_day, latest_exec_id, versions, is_busted
    FROM changed_fills WHERE is_new
), known_fills AS (
    INSERT INTO fills
    SELECT account_id, sequence, order_id, venue, exec_id, effect, content_hash, trade_time, venue_sequence,
        strategy_id, symbol_id, position_name, side, quantity, price, fee_amount, fee_currency,
        fee_is_taken_from_quantity, liquidity, multiplier, is_inverse, trading_day, latest_exec_id, versions, is_busted
    FROM changed_fills WHERE NOT is_new
    ON CONFLICT (account_id, sequence) DO UPDATE SET
        quantity = excluded.quantity, price = excluded.price, latest_exec_id = excluded.latest_exec_id,
        versions = excluded.versions, is_busted = excluded.is_busted
), changed_positions AS MATERIALIZED (
    SELECT head.account_id, rows.*
    FROM head, UNNEST(?::boolean[], ?::bigint[], ?::bigint[], ?::text[], ?::numeric[], ?::numeric[], ?::numeric[],
        ?::timestamptz[], ?::bigint[])
        AS rows (is_new, strategy_id, symbol_id, position_name, quantity, open_cost, realized, opened_at,
            last_sequence)
), new_positions AS (
    INSERT INTO positions
    SELECT account_id, strategy_id, symbol_id, position_name, quantity, open_cost, realized, opened_at, last_sequence
    FROM changed_positions WHERE is_new
), known_positions AS (
    INSERT INTO positions
    SELECT account_id, strategy_id, symbol_id, position_name, quantity, open_cost, realized, opened_at, last_sequence
    FROM changed_positions WHERE NOT is_new
    ON CONFLICT (account_id, strategy_id, symbol_id, position_name) DO UPDATE SET
        quantity = excluded.quantity, open_cost = excluded.open_cost, realized = excluded.realized,
        opened_at = excluded.opened_at, last_sequence = excluded.last_sequence
), fees AS (
    INSERT INTO position_fees (account_id, strategy_id, symbol_id, position_name, currency, amount)
    SELECT head.account_id, rows.*
    FROM head, UNNEST(?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::numeric[])
        AS rows (strategy_id, symbol_id, position_name, currency, amount)
    ON CONFLICT (account_id, strategy_id, symbol_id, position_name, currency) DO UPDATE SET amount = excluded.amount
)
SELECT count(*) FROM head"
    };
}

/// Writes a batch if the account still has the expected last event, and returns 1; otherwise writes nothing and returns 0.
///
/// Rows that have to be new are inserted plainly, so that the statement fails if one of them is known already.
pub(super) struct Append;

impl StatementText for Append {
    const SQL: &'static str = concat!(
        "\
WITH input AS (
    SELECT ?::bigint AS account_id, ?::bigint AS expected, ?::bigint AS revision, ?::bigint AS sequence,
        ?::timestamptz AS recorded_at
), head AS (
    UPDATE account_heads SET sequence = input.sequence, updated_at = input.recorded_at
    FROM input
    WHERE account_heads.account_id = input.account_id AND account_heads.sequence = input.expected
        AND account_heads.revision = input.revision
    RETURNING account_heads.account_id
), events AS (
    INSERT INTO order_events (account_id, sequence, order_id, kind, symbol_id, side, strategy_id, venue, exec_id,
        client_order_id, venue_time, received_at, recorded_at, last_quantity, last_price, fill_sequence,
        position_name, position_quantity, position_open_cost, position_realized, event_key, content_hash, payload)
    SELECT head.account_id, rows.sequence, rows.order_id, rows.kind, rows.symbol_id, rows.side, rows.strategy_id,
        rows.venue, rows.exec_id, rows.client_order_id, rows.venue_time, rows.received_at, rows.recorded_at,
        rows.last_quantity, rows.last_price, rows.fill_sequence, rows.position_name, rows.position_quantity,
        rows.position_open_cost, rows.position_realized, rows.event_key, rows.content_hash, rows.payload::jsonb
    FROM head, input, UNNEST(?::bigint[], ?::text[], ?::text[], ?::bigint[], ?::text[], ?::bigint[], ?::text[],
        ?::text[], ?::text[], ?::timestamptz[], ?::timestamptz[], ?::timestamptz[], ?::numeric[], ?::numeric[], ?::bigint[],
        ?::text[], ?::numeric[], ?::numeric[], ?::numeric[], ?::uuid[], ?::bytea[], ?::text[])
        AS rows (sequence, order_id, kind, symbol_id, side, strategy_id, venue, exec_id, client_order_id, venue_time,
            received_at, recorded_at, last_quantity, last_price, fill_sequence, position_name, position_quantity,
            position_open_cost, position_realized, event_key, content_hash, payload)
), outbox AS (
    INSERT INTO ledger_outbox (account_id, first_sequence, last_sequence, recorded_at)
    SELECT head.account_id, input.expected + 1, input.sequence, input.recorded_at FROM head, input
",
        projections!()
    );
    type Row = BigInt;
}

/// Writes orders, ids, fills and positions without events.
pub(super) struct Project;

impl StatementText for Project {
    const SQL: &'static str = concat!(
        "WITH head AS (SELECT ?::bigint AS account_id",
        projections!()
    );
    type Row = BigInt;
}
