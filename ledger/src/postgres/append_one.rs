//! The statement that writes a single event. It has no arrays, and only the parts that the event needs, so it costs less
//! than that of a batch.

use diesel::sql_types::BigInt;
use tickbook::RepositoryError;

use super::append_rows::Changes;
use super::statement::{Parameter, Selection};

/// A part of the statement that writes one row.
struct Part {
    /// `INSERT` into a table with its columns, if they are not all.
    insert: &'static str,
    /// The number of parameters, one for each column after the account.
    columns: usize,
    /// The number of a parameter that is cast, with its casts.
    casts: &'static [(usize, &'static str)],
    /// What a row that is known already becomes. Without it a known row is an error.
    update: &'static str,
}

const EVENT: Part = Part {
    insert: "order_events (account_id, sequence, order_id, kind, symbol_id, side, strategy_id, venue, exec_id, \
         client_order_id, venue_time, received_at, recorded_at, last_quantity, last_price, fill_sequence, \
         position_name, position_quantity, position_open_cost, position_realized, event_key, content_hash, payload)",
    columns: 22,
    casts: &[(21, "::text::jsonb")],
    update: "",
};

const ORDER: Part = Part {
    insert: "orders",
    columns: 30,
    casts: &[(19, "string_to_array(?, ',')"), (21, "::text::jsonb")],
    update: " ON CONFLICT (account_id, order_id) DO UPDATE SET \
         quantity = excluded.quantity, limit_price = excluded.limit_price, stop_price = excluded.stop_price, \
         client_order_id = excluded.client_order_id, venue_order_id = excluded.venue_order_id, \
         filled = excluded.filled, filled_notional = excluded.filled_notional, adjustment = excluded.adjustment, \
         notional_adjustment = excluded.notional_adjustment, facts = excluded.facts, closed_by = excluded.closed_by, \
         pending = excluded.pending, done_for = excluded.done_for, active_on = excluded.active_on, \
         last_sequence = excluded.last_sequence, updated_at = excluded.updated_at, status = excluded.status, \
         is_open = excluded.is_open",
};

const CLIENT_ID: Part = Part {
    insert: "order_client_ids",
    columns: 2,
    casts: &[],
    update: "",
};

const VENUE_ID: Part = Part {
    insert: "order_venue_ids",
    columns: 3,
    casts: &[],
    update: "",
};

const FILL: Part = Part {
    insert: "fills",
    columns: 24,
    casts: &[],
    update: " ON CONFLICT (account_id, sequence) DO UPDATE SET \
         quantity = excluded.quantity, price = excluded.price, latest_exec_id = excluded.latest_exec_id, \
         versions = excluded.versions, is_busted = excluded.is_busted",
};

const POSITION: Part = Part {
    insert: "positions",
    columns: 8,
    casts: &[],
    update: " ON CONFLICT (account_id, strategy_id, symbol_id, position_name) DO UPDATE SET \
         quantity = excluded.quantity, open_cost = excluded.open_cost, realized = excluded.realized, \
         opened_at = excluded.opened_at, last_sequence = excluded.last_sequence",
};

const FEE: Part = Part {
    insert: "position_fees",
    columns: 5,
    casts: &[],
    update: " ON CONFLICT (account_id, strategy_id, symbol_id, position_name, currency) \
         DO UPDATE SET amount = excluded.amount",
};

impl Part {
    /// Appends the part if the event has such a row. `is_known` tells whether the row is stored already.
    fn push(
        &self,
        select: &mut Selection<BigInt>,
        name: &str,
        parameters: impl Iterator<Item = Parameter>,
        is_known: bool,
    ) {
        let row: Option<Vec<_>> = parameters.map(Parameter::into_single).collect();
        let Some(row) = row else {
            return;
        };
        debug_assert_eq!(row.len(), self.columns, "{name}");
        let mut text = format!(", {name} AS (INSERT INTO {} SELECT account_id", self.insert);
        for number in 0..self.columns {
            let cast = self.casts.iter().find(|(at, _)| *at == number);
            match cast {
                Some((_, cast)) if cast.contains('?') => text.push_str(&format!(", {cast}")),
                Some((_, cast)) => text.push_str(&format!(", ?{cast}")),
                None => text.push_str(", ?"),
            }
        }
        text.push_str(" FROM head");
        if is_known {
            text.push_str(self.update);
        }
        text.push(')');
        select.push(&text, row);
    }
}

/// The statement that writes the only event of `changes`, which returns the account if it had the expected last event;
/// `None` if the position has fees in several currencies. `head` has the new number of the last event and its
/// time, and the account with its expected last event and revision.
pub(super) fn statement(
    changes: &Changes<'_>,
    head: [Parameter; 5],
    outbox: [Parameter; 3],
) -> Result<Option<Selection<BigInt>>, RepositoryError> {
    let mut select = Selection::new("");
    select.push(
        "WITH head AS (UPDATE account_heads SET sequence = ?, updated_at = ? \
         WHERE account_id = ? AND sequence = ? AND revision = ? RETURNING account_id)",
        head,
    );
    select.push(
        ", outbox AS (INSERT INTO ledger_outbox (account_id, first_sequence, last_sequence, recorded_at) \
         SELECT account_id, ?, ?, ? FROM head)",
        outbox,
    );
    let mut parameters = changes.parameters()?.into_iter();
    let mut take = |part: &Part, flags: usize| -> Vec<Parameter> {
        parameters.by_ref().take(part.columns + flags).collect()
    };
    EVENT.push(&mut select, "event", take(&EVENT, 0).into_iter(), false);
    for (part, name) in [
        (&ORDER, "changed_order"),
        (&CLIENT_ID, "client_id"),
        (&VENUE_ID, "venue_id"),
    ] {
        push_flagged(&mut select, part, name, take(part, flags_of(part)));
    }
    for (part, name) in [(&FILL, "changed_fill"), (&POSITION, "changed_position")] {
        push_flagged(&mut select, part, name, take(part, flags_of(part)));
    }
    let fees = take(&FEE, 0);
    if let Some(Parameter::BigInts(rows)) = fees.first()
        && rows.len() > 1
    {
        return Ok(None);
    }
    FEE.push(&mut select, "fee", fees.into_iter(), true);
    // an aggregate would cost the start of another node
    select.push(" SELECT account_id FROM head", []);
    Ok(Some(select))
}

/// Rows that may be known have a first parameter that tells whether they are new.
fn flags_of(part: &Part) -> usize {
    usize::from(!part.update.is_empty())
}

fn push_flagged(
    select: &mut Selection<BigInt>,
    part: &Part,
    name: &str,
    mut parameters: Vec<Parameter>,
) {
    let mut is_known = false;
    if flags_of(part) == 1 {
        let is_new = parameters.remove(0);
        is_known =
            matches!(&is_new, Parameter::Bools(values) if values.first() == Some(&Some(false)));
    }
    part.push(select, name, parameters.into_iter(), is_known);
}
