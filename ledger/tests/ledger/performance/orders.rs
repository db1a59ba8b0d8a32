//! Slippage and latency of orders.

use chrono::TimeDelta;
use tickbook_ledger::chrono;
use tickbook_ledger::domain::performance::{
    LatencySummary, OrderLatencies, OrderLatency, Slippage, SlippageSummary,
};
use tickbook_ledger::domain::{
    AccountLedger, Amount, CostMethod, Order, OrderEvent, OrderEventKind, OrderTerms, Outcome,
    RecordedEvent, Side,
};
use tickbook_ledger::rust_decimal::Decimal;

use crate::samples::{SYMBOL, account, dec, event, exec_id, filled, order_id, seconds};

/// An order with an arrival price, executed at two prices.
fn order(side: Side, arrival: Option<&str>) -> Order {
    let mut ledger = AccountLedger::new(&account(CostMethod::Average));
    let mut terms = OrderTerms::market(SYMBOL, side, dec("10"));
    terms.arrival_price = arrival.map(dec);
    let created = event("a", OrderEventKind::Created(Box::new(terms)));
    for event in [
        created,
        filled("a", "1", 1, "4", "100.1"),
        filled("a", "2", 2, "6", "99.95"),
    ] {
        let outcome = ledger.apply(&event, seconds(9));
        assert!(matches!(outcome, Outcome::Appended { .. }), "{outcome:?}");
    }
    ledger.order(&order_id("a")).expect("created").clone()
}

fn amount(text: &str) -> Amount {
    text.parse().expect("an amount")
}

#[test]
fn purchase_above_the_arrival_price_costs() {
    let found = Slippage::of_order(&order(Side::Buy, Some("100"))).expect("in range");
    let found = found.expect("a slippage");
    // 4 x 0.10 - 6 x 0.05 of 1000
    assert_eq!((found.quantity, found.cost), (dec("10"), amount("0.1")));
    assert_eq!(found.basis_points, Some(dec("1")));
    let sale = Slippage::of_order(&order(Side::Sell, Some("100"))).expect("in range");
    let sale = sale.expect("a slippage");
    assert_eq!(
        (sale.cost, sale.basis_points),
        (amount("-0.1"), Some(dec("-1")))
    );
}

#[test]
fn slippage_needs_an_arrival_price_and_fills() {
    assert_eq!(Slippage::of_order(&order(Side::Buy, None)), Ok(None));
    let nothing = Slippage::of(Side::Buy, Decimal::ZERO, Amount::ZERO, Some(dec("100")));
    assert_eq!(nothing, Ok(None));
    // the arrival price is zero: an amount, but no part of it
    let free = Slippage::of(Side::Buy, dec("2"), amount("3"), Some(Decimal::ZERO));
    let free = free.expect("in range").expect("a slippage");
    assert_eq!((free.cost, free.basis_points), (amount("3"), None));
    // a negative price: bought 2 at -36 instead of -40
    let negative = Slippage::of(Side::Buy, dec("2"), amount("-72"), Some(dec("-40")));
    let negative = negative.expect("in range").expect("a slippage");
    assert_eq!(
        (negative.cost, negative.basis_points),
        (amount("8"), Some(dec("1000")))
    );
}

#[test]
fn small_slippage_is_not_rounded_to_whole_points() {
    let found = Slippage::of(Side::Buy, dec("3"), amount("300.001"), Some(dec("100")));
    let found = found.expect("in range").expect("a slippage");
    assert_eq!(found.basis_points, Some(dec("0.033333333333")));
}

#[test]
fn slippage_of_orders_is_weighted_by_value() {
    let mut summary = SlippageSummary::default();
    for order in [
        order(Side::Buy, Some("100")),
        order(Side::Sell, Some("80")),
        order(Side::Buy, None),
    ] {
        summary.add(&order).expect("in range");
    }
    // 0.1 of 1000, and -200.1 of 800
    assert_eq!((summary.orders, summary.cost), (2, amount("-200")));
    assert_eq!(summary.arrival_value, amount("1800"));
    let points = summary.basis_points().expect("a value");
    assert!(
        (points + 200.0 / 1_800.0 * 10_000.0).abs() < 1e-9,
        "{points}"
    );
    assert_eq!(SlippageSummary::default().basis_points(), None);
}

fn journal(events: &[(OrderEvent, i64)]) -> Vec<RecordedEvent> {
    let mut ledger = AccountLedger::new(&account(CostMethod::Average));
    let recorded =
        events.iter().map(
            |(event, booked)| match ledger.apply(event, seconds(*booked)) {
                Outcome::Appended { recorded, .. } => recorded,
                other => panic!("{other:?}"),
            },
        );
    recorded.collect()
}

#[test]
fn latencies_are_differences_of_event_times() {
    let terms = OrderTerms::market(SYMBOL, Side::Buy, dec("10"));
    let acknowledged = event("a", OrderEventKind::Acknowledged(None)).with_exec_id(exec_id("0"));
    let events = journal(&[
        (event("a", OrderEventKind::Created(Box::new(terms))), 10),
        (event("a", OrderEventKind::Submitted), 12),
        // the clock of the venue is behind
        (acknowledged.at(seconds(11)), 13),
        (filled("a", "2", 19, "6", "1"), 20),
        (filled("a", "1", 15, "4", "1"), 21),
    ]);
    let found = OrderLatency::of(&events);
    assert_eq!(found.acknowledgement(), Some(TimeDelta::seconds(-1)));
    assert_eq!(found.first_fill(), Some(TimeDelta::seconds(3)));
    assert_eq!(found.total(), Some(TimeDelta::seconds(9)));
    let all = OrderLatencies::of(&[found, OrderLatency::default()]);
    let first_fill = all.first_fill.expect("one");
    assert_eq!(
        (first_fill.count, first_fill.max),
        (1, TimeDelta::seconds(3))
    );
    assert_eq!(OrderLatencies::of(&[]), OrderLatencies::default());
    let unsent = OrderLatency::of(&events[..1]);
    assert_eq!(
        (
            unsent.acknowledgement(),
            unsent.first_fill(),
            unsent.total()
        ),
        (None, None, None)
    );
}

#[test]
fn negative_latencies_stay_negative_in_the_summary() {
    let latencies = [5, -2, 9, 1].map(TimeDelta::milliseconds);
    let found = LatencySummary::of(latencies).expect("latencies");
    let milliseconds = [found.min, found.median, found.max].map(|it| it.num_milliseconds());
    assert_eq!((found.count, milliseconds), (4, [-2, 1, 9]));
    assert_eq!(LatencySummary::of([]), None);
}
