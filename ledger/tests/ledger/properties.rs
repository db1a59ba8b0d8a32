//! Properties of the fold for random events.

use proptest::prelude::*;
use proptest::sample::Index;
use tickbook_ledger::domain::{
    AccountLedger, Correction, CostMethod, Currency, Execution, Fee, Fill, FillReference, Order,
    OrderEvent, OrderEventKind, OrderTerms, Position, PositionKey, Side,
};
use tickbook_ledger::rust_decimal::Decimal;

use crate::samples::{Book as _, SYMBOL, account, day, event, exec_id, seconds};

/// Orders that are created first.
const ORDERS: usize = 4;

/// A fill of one of the orders.
#[derive(Debug, Clone)]
struct RandomFill {
    order: usize,
    at: i64,
    quantity: i64,
    price: i64,
    fee: Option<i64>,
}

fn fills() -> impl Strategy<Value = Vec<RandomFill>> {
    let fill = (
        0..ORDERS,
        // several fills have the same time
        0_i64..20,
        1_i64..1_000,
        -500_i64..5_000,
        proptest::option::of(-20_i64..100),
    );
    let fill = fill.prop_map(|(order, at, quantity, price, fee)| RandomFill {
        order,
        at,
        quantity,
        price,
        fee,
    });
    prop::collection::vec(fill, 1..25)
}

fn order_name(number: usize) -> String {
    format!("o{number}")
}

fn creations() -> Vec<OrderEvent> {
    let creation = |number| {
        let side = if number % 2 == 0 {
            Side::Buy
        } else {
            Side::Sell
        };
        let terms = OrderTerms::market(SYMBOL, side, Decimal::from(2_000));
        event(
            &order_name(number),
            OrderEventKind::Created(Box::new(terms)),
        )
    };
    (0..ORDERS).map(creation).collect()
}

fn fill_event(number: usize, fill: &RandomFill) -> OrderEvent {
    let fee = fill
        .fee
        .map(|fee| Fee::new(Decimal::new(fee, 3), Currency::new("USD").expect("an id")));
    let execution = Execution::new(Decimal::new(fill.quantity, 1), Decimal::new(fill.price, 2));
    let kind = OrderEventKind::Filled(Box::new(execution.with_fee(fee)));
    let mut event = event(&order_name(fill.order), kind)
        .with_exec_id(exec_id(&format!("f{number}")))
        .at(seconds(fill.at))
        .on(day(1));
    // ties are broken by the numbers of the venue, so that the result does not depend on the arrival
    event.venue_sequence = i64::try_from(number).expect("small");
    event
}

/// Reports that do not depend on each other: fills and facts of orders.
fn independent(fills: &[RandomFill], facts: u8) -> Vec<OrderEvent> {
    let mut events: Vec<_> = fills
        .iter()
        .enumerate()
        .map(|(n, fill)| fill_event(n, fill))
        .collect();
    for number in 0..ORDERS {
        let name = order_name(number);
        let report = |suffix: &str, kind| {
            let id = format!("{suffix}{number}");
            event(&name, kind).with_exec_id(exec_id(&id)).on(day(1))
        };
        events.push(report("a", OrderEventKind::Acknowledged(None)));
        if facts & (1 << number) != 0 {
            events.push(report("c", OrderEventKind::Canceled));
        }
        if facts & (16 << number) != 0 {
            events.push(report("t", OrderEventKind::Triggered));
        }
    }
    events
}

/// Busts and corrections of some fills.
fn changes(fills: &[RandomFill], chosen: &[(Index, Option<i64>)]) -> Vec<OrderEvent> {
    let mut events = Vec::new();
    for (number, (index, corrected)) in chosen.iter().enumerate() {
        let at = index.index(fills.len());
        let reference = FillReference::new(exec_id(&format!("f{at}")));
        let kind = match corrected {
            Some(quantity) => {
                let (quantity, price) = (Decimal::new(*quantity, 1), Decimal::from(3));
                OrderEventKind::FillCorrected(Correction::new(reference, quantity, price))
            }
            None => OrderEventKind::FillBusted(reference),
        };
        let event = event(&order_name(fills[at].order), kind);
        events.push(event.with_exec_id(exec_id(&format!("b{number}"))));
    }
    // one change for each fill, so that they are independent too
    let mut seen = std::collections::BTreeSet::new();
    events.retain(|event| match &event.kind {
        OrderEventKind::FillBusted(reference) => seen.insert(reference.exec_id.clone()),
        OrderEventKind::FillCorrected(it) => seen.insert(it.reference.exec_id.clone()),
        _ => true,
    });
    events
}

type Projections = (Vec<Order>, Vec<Fill>, Vec<(PositionKey, Position)>);

/// Orders, fills and positions without the numbers of events, which depend on the arrival.
fn projections(ledger: &AccountLedger) -> Projections {
    let orders = ledger.orders().cloned().map(|mut order| {
        (order.first_sequence, order.last_sequence) = (0, 0);
        order
    });
    let fills = ledger.fills().cloned().map(|mut fill| {
        fill.order.sequence = 0;
        fill
    });
    let positions = ledger
        .positions()
        .map(|(key, it)| (key.clone(), it.clone()));
    (orders.collect(), fills.collect(), positions.collect())
}

fn folded<'a>(
    method: CostMethod,
    events: impl IntoIterator<Item = &'a OrderEvent>,
) -> AccountLedger {
    let mut ledger = AccountLedger::new(&account(method));
    for event in events {
        ledger.book(event);
    }
    ledger
}

fn method() -> impl Strategy<Value = CostMethod> {
    prop::sample::select(CostMethod::ALL)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn order_and_repetition_of_reports_change_nothing(
        method in method(),
        (fills, facts, shuffled) in (fills(), any::<u8>()).prop_flat_map(|(fills, facts)| {
            let events = independent(&fills, facts);
            (Just(fills), Just(facts), Just(events).prop_shuffle())
        }),
        chosen in prop::collection::vec((any::<Index>(), proptest::option::of(1_i64..900)), 0..6),
        repeated in prop::collection::vec((any::<Index>(), any::<Index>()), 0..12),
    ) {
        let as_sent: Vec<_> = creations().into_iter().chain(independent(&fills, facts)).collect();
        let mut changes = changes(&fills, &chosen);
        let expected = folded(method, as_sent.iter().chain(&changes));
        for order in expected.orders() {
            prop_assert!(order.leaves() >= Decimal::ZERO);
        }

        changes.reverse();
        let mut arrived: Vec<_> = creations().into_iter().chain(shuffled).chain(changes).collect();
        for (of, to) in repeated {
            let event = arrived[of.index(arrived.len())].clone();
            // behind the first one
            let first = arrived.iter().position(|it| *it == event).expect("it is one of them");
            let at = first + 1 + to.index(arrived.len() - first);
            arrived.insert(at, event);
        }
        let found = folded(method, &arrived);
        prop_assert_eq!(projections(&found), projections(&expected));
        prop_assert_eq!(found.sequence(), expected.sequence());
    }

    #[test]
    fn fold_of_two_parts_is_the_fold_of_all(
        method in method(),
        fills in fills(),
        facts in any::<u8>(),
        chosen in prop::collection::vec((any::<Index>(), proptest::option::of(1_i64..900)), 0..6),
        cut in any::<Index>(),
    ) {
        let mut events: Vec<_> = creations().into_iter().chain(independent(&fills, facts)).collect();
        events.extend(changes(&fills, &chosen));
        let expected = folded(method, &events);
        let (prefix, rest) = events.split_at(cut.index(events.len()));
        // the journal of the first part gives its state again
        let mut first = AccountLedger::new(&account(method));
        let journal: Vec<_> = prefix
            .iter()
            .filter_map(|event| first.book(event).recorded().cloned())
            .collect();
        let mut ledger = folded(method, journal.iter().map(|recorded| &recorded.event));
        for event in rest {
            ledger.book(event);
        }
        prop_assert_eq!(projections(&ledger), projections(&expected));
        prop_assert_eq!(ledger.sequence(), expected.sequence());
    }

    #[test]
    fn busts_of_all_fills_leave_nothing(method in method(), fills in fills(), facts in any::<u8>()) {
        let mut events: Vec<_> = creations().into_iter().chain(independent(&fills, facts)).collect();
        let without: Vec<_> = events
            .iter()
            .filter(|event| !matches!(event.kind, OrderEventKind::Filled(_)))
            .cloned()
            .collect();
        for (number, fill) in fills.iter().enumerate() {
            let reference = FillReference::new(exec_id(&format!("f{number}")));
            let name = order_name(fill.order);
            let bust = event(&name, OrderEventKind::FillBusted(reference));
            events.push(bust.with_exec_id(exec_id(&format!("b{number}"))));
        }
        let ledger = folded(method, &events);
        let (mut orders, ..) = projections(&ledger);
        let (mut expected, ..) = projections(&folded(method, &without));
        for order in orders.iter_mut().chain(&mut expected) {
            order.active_on = None;
        }
        prop_assert_eq!(orders, expected);
        for (_, position) in ledger.positions() {
            prop_assert_eq!(position, &Position::default());
        }
        prop_assert!(ledger.fills().all(|fill| fill.is_busted));
    }

    #[test]
    fn cash_is_what_the_fills_paid(method in method(), fills in fills()) {
        let events: Vec<_> = creations().into_iter().chain(independent(&fills, 0)).collect();
        let mut ledger = AccountLedger::new(&account(method));
        for event in &events {
            ledger.book(event);
            for (_, position) in ledger.positions() {
                let paid = ledger.fills().fold(tickbook_ledger::domain::Amount::ZERO, |cash, fill| {
                    let value = fill.contract.value(fill.signed_quantity(), fill.price);
                    cash.minus(value.expect("in range")).expect("in range")
                });
                prop_assert_eq!(position.cash(), Ok(paid));
                prop_assert!(!position.quantity.is_zero() || position.open_cost.is_zero());
            }
        }
    }
}
