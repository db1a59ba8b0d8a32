//! The order state change matrices of FIX.

use std::collections::{BTreeMap, BTreeSet};

use tickbook_ledger::domain::{
    AccountLedger, Correction, Execution, FillReference, Order, OrderEvent, OrderEventKind,
    OrderTerms, Outcome, Replacement, Restatement, Side, TimeInForce,
};
use tickbook_ledger::rust_decimal::Decimal;
use toml::{Table, Value};

use crate::oracles;
use crate::samples::{
    Book as _, SYMBOL, client_id, day, dec, empty_ledger, exec_id, order_id, seconds,
};

/// Rows in which the source deviates from its own general rule: what the ledger has instead, and why.
fn differences() -> BTreeMap<(&'static str, i64), [&'static str; 4]> {
    BTreeMap::from([
        // the source prints the new quantity before the report that replaces it
        (("D.2.b", 7), ["10000", "1000", "9000", "pending_replace"]),
        // the source prints no open quantity for an accepted order
        (("E.1.a", 2), ["10000", "0", "10000", "new"]),
    ])
}

fn text<'a>(step: &'a Table, key: &str) -> Option<&'a str> {
    step.get(key).and_then(Value::as_str)
}

fn number(table: &Table, key: &str) -> Option<Decimal> {
    match table.get(key)? {
        Value::Integer(number) => Some(Decimal::from(*number)),
        Value::String(text) => text.parse().ok(),
        other => panic!("{key} {other:?}"),
    }
}

fn integer(step: &Table, key: &str) -> i64 {
    step.get(key).and_then(Value::as_integer).unwrap_or(1)
}

/// The scenario's names of orders: that of the client id of the new order.
struct Scenario<'a> {
    id: &'a str,
    terms: OrderTerms,
    steps: Vec<&'a Table>,
}

impl<'a> Scenario<'a> {
    fn of(table: &'a Table) -> Self {
        let time_in_force: TimeInForce = text(table, "time_in_force")
            .expect("a time in force")
            .parse()
            .expect("known");
        let steps = table["step"].as_array().expect("steps");
        Self {
            id: text(table, "id").expect("an id"),
            terms: OrderTerms::market(SYMBOL, Side::Buy, None).with_time_in_force(time_in_force),
            steps: steps
                .iter()
                .map(|step| step.as_table().expect("a step"))
                .collect(),
        }
    }

    /// The event of a step; `None` for messages that are no event of an order.
    fn event(&self, step: &Table) -> Option<OrderEvent> {
        let quantity = number(step, "quantity");
        let values = || quantity.map(Replacement::quantity).unwrap_or_default();
        let reference = || {
            let id = text(step, "exec_ref_id").expect("a reference");
            FillReference::new(exec_id(id))
        };
        let price = || number(step, "price").unwrap_or(Decimal::ONE);
        let message = text(step, "message").expect("a message");
        let kind = match message {
            "new" => {
                let mut terms = self.terms.clone();
                terms.quantity = quantity;
                OrderEventKind::Created(Box::new(terms))
            }
            "ack" => OrderEventKind::Acknowledged(quantity),
            "fill" => {
                let execution = Execution::new(quantity.expect("a quantity"), price());
                OrderEventKind::Filled(Box::new(execution))
            }
            "cancel_request" => OrderEventKind::CancelRequested,
            "cancel_pending" => OrderEventKind::CancelPending,
            "canceled" => OrderEventKind::Canceled,
            "cancel_reject" | "replace_reject" => OrderEventKind::RequestRejected,
            "replace_request" => OrderEventKind::ReplaceRequested(values()),
            "replace_pending" => OrderEventKind::ReplacePending,
            "replaced" => OrderEventKind::Replaced(values()),
            "done_for_day" => OrderEventKind::DoneForDay,
            "restated" => {
                let executed = number(step, "cum_restated");
                let values = Restatement::renewal().with_quantity(quantity);
                OrderEventKind::Restated(values.with_executed(executed))
            }
            "expired" => OrderEventKind::Expired,
            "bust" => OrderEventKind::FillBusted(reference()),
            "correct" => {
                // a price that is not stated stays
                let correction = Correction::new(reference(), quantity.expect("one"), price());
                OrderEventKind::FillCorrected(correction)
            }
            "suspended" => OrderEventKind::Suspended,
            "stopped" => OrderEventKind::Stopped,
            "triggered" => OrderEventKind::Triggered,
            "rejected" => OrderEventKind::Rejected,
            "status_request" | "status" | "outside" => return None,
            other => panic!("{}: message {other}", self.id),
        };
        let n = integer(step, "n");
        let client = text(step, "client_id");
        let mut event = match (message, client) {
            // each new order has an id of its own; a repeated message is the same order
            ("new", Some(client)) => {
                let repeats = step.contains_key("poss_resend");
                let name = match repeats {
                    true => client.to_owned(),
                    false => self.order_of_new(n, client),
                };
                OrderEvent::new(order_id(&name), kind)
            }
            // the refusal of an order that was never accepted names that order
            ("rejected", Some(_)) if step.contains_key("refers_to") => {
                return Some(OrderEvent::new(order_id("refused"), kind).at(seconds(n)));
            }
            (_, Some(_)) => OrderEvent::unassigned(kind),
            (_, None) => {
                let mut terms = self.terms.clone();
                terms.quantity = Some(dec("10000"));
                OrderEvent::new(order_id("external"), kind).of_external(terms)
            }
        };
        event.client_order_id = client.map(client_id);
        event.orig_client_order_id = text(step, "orig_client_id").map(client_id);
        let is_report = text(step, "direction") == Some("from_venue");
        if is_report && !message.ends_with("_reject") {
            let id = text(step, "exec_id").map_or_else(|| format!("n{n}"), str::to_owned);
            event.exec_id = Some(exec_id(&id));
            event.venue_time = Some(seconds(n));
        }
        let trading_day = u64::try_from(integer(step, "day")).expect("a day");
        Some(event.on(day(trading_day)))
    }

    /// The first new order with a client id has its name, a later one that name and the number of the step.
    fn order_of_new(&self, n: i64, client: &str) -> String {
        let earlier = self.steps.iter().any(|step| {
            integer(step, "n") < n
                && text(step, "message") == Some("new")
                && text(step, "client_id") == Some(client)
        });
        match earlier {
            true => format!("{client}-{n}"),
            false => client.to_owned(),
        }
    }

    fn order<'l>(&self, ledger: &'l AccountLedger, step: &Table) -> Option<&'l Order> {
        match text(step, "client_id") {
            Some(client) => ledger.order_of_request(&client_id(client)),
            None => ledger.order(&order_id("external")),
        }
    }
}

/// The values of an order as the matrices print them.
fn row(order: &Order) -> [String; 4] {
    [
        order.terms.quantity.unwrap_or_default().to_string(),
        order.executed().to_string(),
        order.leaves().to_string(),
        order.status().to_string(),
    ]
}

/// The executed quantity of a trading day.
fn executed_on(ledger: &AccountLedger, order: &Order, number: u64) -> Decimal {
    let fills = ledger.fills().filter(|fill| {
        fill.order_id == order.order_id && !fill.is_busted && fill.trading_day == Some(day(number))
    });
    fills.map(|fill| fill.quantity).sum()
}

fn check(scenario: &Scenario<'_>, ledger: &AccountLedger, step: &Table, expected: &Table) -> usize {
    let n = integer(step, "n");
    let place = format!("{} step {n}", scenario.id);
    let Some(order) = scenario.order(ledger, step) else {
        // a refused request for an order that does not exist
        assert_eq!(text(expected, "ord_status"), Some("rejected"), "{place}");
        assert_eq!(ledger.orders().count(), 0, "{place}");
        return 1;
    };
    let found = row(order);
    if let Some(ours) = differences().get(&(scenario.id, n)) {
        assert_eq!(found, *ours, "{place}");
        return 1;
    }
    let keys = ["order_qty", "cum_qty", "leaves_qty"];
    for (key, found) in keys.iter().zip(&found) {
        if let Some(value) = number(expected, key) {
            assert_eq!(*found, value.to_string(), "{place}: {key}");
        }
    }
    assert_eq!(Some(&*found[3]), text(expected, "ord_status"), "{place}");
    if let Some(average) = number(expected, "avg_px") {
        assert_eq!(order.average_price(), Some(average), "{place}");
    }
    if let Some(value) = number(expected, "day_cum_qty") {
        let today = u64::try_from(integer(step, "day")).expect("a day");
        let executed = executed_on(ledger, order, today);
        assert_eq!(executed, value, "{place}: executed today");
        let ordered = order.terms.quantity.unwrap_or_default() - (order.executed() - executed);
        assert_eq!(
            Some(ordered),
            number(expected, "day_order_qty"),
            "{place}: ordered today"
        );
    }
    1
}

#[test]
fn order_states_equal_the_matrices_of_fix() {
    let Some(table) = oracles::toml("fix-order-states.toml") else {
        return;
    };
    let scenarios = table["scenario"].as_array().expect("scenarios");
    let (mut rows, mut used) = (0, BTreeSet::new());
    for table in scenarios {
        let scenario = Scenario::of(table.as_table().expect("a scenario"));
        let mut ledger = empty_ledger();
        for step in &scenario.steps {
            if let Some(event) = scenario.event(step) {
                let outcome = ledger.book(&event);
                let is_refused = !matches!(outcome, Outcome::Appended { .. });
                let may_be_refused = step.contains_key("refused")
                    || step.contains_key("refers_to")
                    || step.contains_key("poss_resend")
                    || scenario.id == "B.1.f"
                    || scenario.id.starts_with("F.1");
                assert!(!is_refused || may_be_refused, "{} {outcome:?}", scenario.id);
            }
            if let Some(expected) = step.get("expect").and_then(Value::as_table) {
                rows += check(&scenario, &ledger, step, expected);
            }
        }
        used.insert(scenario.id);
    }
    assert_eq!((used.len(), rows), (53, 239));
}

/// All orders of `items` in which the ones of `fixed` keep their order.
fn permutations(count: usize, may_precede: &dyn Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 0..count {
        let mut longer = Vec::new();
        for order in &all {
            for next in 0..count {
                let ready = (0..count).all(|other| {
                    other == next || order.contains(&other) || may_precede(next, other)
                });
                if !order.contains(&next) && ready {
                    let mut order = order.clone();
                    order.push(next);
                    longer.push(order);
                }
            }
        }
        all = longer;
    }
    all
}

/// Whether the report `a` may arrive before the earlier report `b`: one of them is a fill, and the other does not
/// depend on it.
fn independent(a: &OrderEvent, b: &OrderEvent) -> bool {
    let is_fill = |event: &OrderEvent| matches!(event.kind, OrderEventKind::Filled(_));
    // these depend on the executed quantity or create the order
    let depends = |event: &OrderEvent| {
        matches!(
            event.kind,
            OrderEventKind::Created(_)
                | OrderEventKind::Replaced(_)
                | OrderEventKind::Restated(_)
                | OrderEventKind::FillBusted(_)
                | OrderEventKind::FillCorrected(_)
        ) || event.external.is_some()
    };
    // a venue does not know the id of a request before the request
    let is_request = a.kind.is_command() || b.kind.is_command();
    if is_request && a.client_order_id == b.client_order_id {
        return false;
    }
    (is_fill(a) && !depends(b)) || (is_fill(b) && !depends(a))
}

#[test]
fn permuted_reports_of_fix_give_equal_orders() {
    let Some(table) = oracles::toml("fix-order-states.toml") else {
        return;
    };
    let scenarios = table["scenario"].as_array().expect("scenarios");
    let mut checked = 0;
    for table in scenarios {
        let scenario = Scenario::of(table.as_table().expect("a scenario"));
        let events: Vec<_> = scenario
            .steps
            .iter()
            .filter_map(|it| scenario.event(it))
            .collect();
        let result = |order: &[usize]| {
            let mut ledger = empty_ledger();
            for at in order {
                ledger.book(&events[*at]);
            }
            let orders: Vec<_> = ledger
                .orders()
                .map(|order| (order.order_id.clone(), row(order), order.notional()))
                .collect();
            let positions: Vec<_> = ledger
                .positions()
                .map(|(key, position)| (key.clone(), position.clone()))
                .collect();
            (orders, positions)
        };
        let as_sent: Vec<_> = (0..events.len()).collect();
        let expected = result(&as_sent);
        let may_precede = |a: usize, b: usize| b > a || independent(&events[a], &events[b]);
        for order in permutations(events.len(), &may_precede) {
            assert_eq!(result(&order), expected, "{} {order:?}", scenario.id);
            checked += 1;
        }
    }
    assert!(checked > 500, "{checked} permutations");
}
