//! Properties of metrics and round trips for random values.

use proptest::prelude::*;
use tickbook::domain::TimeRange;
use tickbook_ledger::domain::performance::{
    Contribution, Definition, EquityPoint, Fees, ReturnSeries, RoundTripBook, RoundTripGrouping,
    RoundTripMatching, TradeFill, Tz, attribute, max_drawdown, time_weighted_returns,
};
use tickbook_ledger::domain::{
    AccountId, AccountLedger, Amount, Contract, CostMethod, Currency, Execution, Fee,
    OrderEventKind, OrderTerms, Position, Side, StrategyId,
};
use tickbook_ledger::rust_decimal::Decimal;

use crate::samples::{Book as _, SYMBOL, account, event, exec_id, order_id, seconds};

fn usd() -> Currency {
    Currency::new("USD").expect("an id")
}

/// Purchases and sales with fees, in ascending order of time.
fn fills() -> impl Strategy<Value = Vec<TradeFill>> {
    let fill = (-1_000_i64..1_000, -500_i64..5_000, -20_i64..100);
    let fills = prop::collection::vec(fill, 1..40);
    fills.prop_map(|fills| {
        let fills = fills.into_iter().zip(0..);
        let fills = fills.map(|((quantity, price, fee), at)| {
            let (quantity, price) = (Decimal::new(quantity, 1), Decimal::new(price, 2));
            TradeFill::new(order_id(&format!("o{at}")), seconds(at), quantity, price)
                .with_fee(Fee::new(Decimal::new(fee, 3), usd()))
        });
        fills.collect()
    })
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    let sum = amounts.into_iter().try_fold(Amount::ZERO, Amount::plus);
    sum.expect("in range")
}

fn realized(method: CostMethod, fills: &[TradeFill]) -> Position {
    let mut position = Position::default();
    for fill in fills.iter().filter(|fill| !fill.quantity.is_zero()) {
        let traded = position.trade(method, fill.quantity, fill.price, Contract::default());
        traded.expect("in range");
    }
    position
}

/// Returns with one that differs from the others.
fn returns() -> impl Strategy<Value = Vec<f64>> {
    let value = (-900_i32..1_000).prop_map(|it| f64::from(it) / 1_000.0);
    prop::collection::vec(value, 2..60)
}

proptest! {
    #[test]
    fn fill_to_fill_profits_are_those_of_lots(fills in fills()) {
        for (matching, method) in [
            (RoundTripMatching::Fifo, CostMethod::Fifo),
            (RoundTripMatching::Lifo, CostMethod::Lifo),
        ] {
            for grouping in [RoundTripGrouping::FillToFill, RoundTripGrouping::FlatToReduced] {
                let mut book = RoundTripBook::new(grouping, matching);
                let trips = fills.iter().map(|fill| book.add(fill).expect("in range"));
                let trips = trips.collect::<Vec<_>>().concat();
                let position = realized(method, &fills);
                prop_assert_eq!(sum(trips.iter().map(|it| it.profit)), position.realized);
                prop_assert_eq!(book.open_quantity(), position.quantity);
            }
        }
    }

    #[test]
    fn profits_of_a_flat_position_are_its_cash(fills in fills()) {
        let mut fills = fills;
        let open = realized(CostMethod::Average, &fills).quantity;
        let (at, price) = (seconds(1_000), Decimal::new(1_234, 2));
        fills.push(TradeFill::new(order_id("last"), at, -open, price));
        let cash = realized(CostMethod::Average, &fills).cash().expect("in range");
        // a fill of zero belongs to nothing, and neither does its fee
        let of_fill = |fill: &TradeFill| fill.fee.as_ref().map(|fee| fee.amount);
        let paid = fills.iter().filter(|fill| !fill.quantity.is_zero()).filter_map(of_fill);
        let paid = sum(paid.map(|fee| Amount::try_from(fee).expect("in range")));
        for grouping in [
            RoundTripGrouping::FillToFill,
            RoundTripGrouping::FlatToFlat,
            RoundTripGrouping::FlatToReduced,
        ] {
            for matching in RoundTripMatching::ALL {
                let mut book = RoundTripBook::new(grouping, *matching);
                let trips = fills.iter().map(|fill| book.add(fill).expect("in range"));
                let trips = trips.collect::<Vec<_>>().concat();
                prop_assert_eq!(book.open_quantity(), Decimal::ZERO);
                prop_assert_eq!(sum(trips.iter().map(|it| it.profit)), cash);
                prop_assert_eq!(sum(trips.iter().map(|it| it.fees.of(&usd()))), paid);
            }
        }
    }

    #[test]
    fn attributions_divide_the_realized_profit(fills in fills(), days in 1_i64..4) {
        let mut ledger = AccountLedger::new(&account(CostMethod::Average));
        for (fill, number) in fills.iter().zip(0_i64..) {
            let name = format!("o{number}");
            let side = if fill.quantity.is_sign_negative() { Side::Sell } else { Side::Buy };
            let quantity = fill.quantity.abs().max(Decimal::ONE);
            let terms = OrderTerms::market(SYMBOL, side, quantity)
                .with_strategy(StrategyId::new(1 + number % 3));
            ledger.book(&event(&name, OrderEventKind::Created(Box::new(terms))));
            let execution = Execution::new(quantity, fill.price).with_fee(fill.fee.clone());
            let filled = event(&name, OrderEventKind::Filled(Box::new(execution)))
                .with_exec_id(exec_id(&name))
                .at(seconds(number * 86_400 * days / 40));
            ledger.book(&filled);
        }
        let mut booked: Vec<_> = ledger.fills().collect();
        booked.sort_by_key(|fill| fill.order);
        let found = attribute(CostMethod::Average, Tz::UTC, TimeRange::all(), booked);
        let found = found.expect("in range");
        let total = sum(ledger.positions().map(|(_, position)| position.realized));
        let fees = sum(ledger.positions().map(|(_, position)| position.fees[&usd()]));
        let by_key: Vec<&Contribution> = found.by_key.values().collect();
        let by_order: Vec<&Contribution> = found.by_order.values().collect();
        let by_day: Vec<&Contribution> = found.by_day.values().collect();
        for parts in [by_key, by_order, by_day] {
            prop_assert_eq!(sum(parts.iter().map(|it| it.realized)), total);
            let mut all = Fees::default();
            for part in &parts {
                all.add_all(&part.fees).expect("in range");
            }
            prop_assert_eq!(all.of(&usd()), fees);
            prop_assert_eq!(parts.iter().map(|it| it.fills).sum::<u64>(), fills.len() as u64);
        }
    }

    #[test]
    fn flows_alone_are_no_return(flows in prop::collection::vec(-50_i64..500, 1..30)) {
        let mut equity = Amount::try_from(Decimal::from(10_000)).expect("in range");
        let point = |at, equity, flow| {
            EquityPoint::new(AccountId::new(1), seconds(at), equity, equity, "test").with_flows(flow)
        };
        let mut points = vec![point(0, equity, Amount::ZERO)];
        for (flow, at) in flows.into_iter().zip(1..) {
            let flow = Amount::try_from(Decimal::from(flow)).expect("in range");
            equity = equity.plus(flow).expect("in range");
            points.push(point(at, equity, flow));
        }
        let found = time_weighted_returns(&points).expect("in range");
        prop_assert_eq!(found.returns.len(), points.len() - 1);
        prop_assert!(found.values().iter().all(|value| *value == 0.0));
    }

    #[test]
    fn metrics_do_not_depend_on_the_order(returns in returns()) {
        let mut reversed = returns.clone();
        reversed.reverse();
        let (one, other) = (ReturnSeries::new(returns), ReturnSeries::new(reversed));
        for definition in Definition::ALL {
            // a drawdown depends on it
            if matches!(definition.metric(), "max_drawdown" | "calmar") {
                continue;
            }
            match (one.measure(*definition), other.measure(*definition)) {
                (Ok(a), Ok(b)) => prop_assert!((a - b).abs() <= a.abs() * 1e-9 + 1e-12, "{definition}: {a} {b}"),
                (a, b) => prop_assert_eq!(a, b),
            }
        }
    }

    #[test]
    fn metrics_are_numbers_within_their_bounds(returns in returns()) {
        let series = ReturnSeries::new(returns.clone()).with_days(10.0);
        for value in series.measure_all() {
            if let Ok(number) = value.value {
                prop_assert!(number.is_finite(), "{}", value.definition);
            }
        }
        let depth = series.measure(Definition::MaxDrawdown).expect("a number");
        prop_assert!((-1.0..=0.0).contains(&depth));
        let rate = series.measure(Definition::WinRateAll).expect("a number");
        prop_assert!((0.0..=1.0).contains(&rate));
        let tail = series.measure(Definition::Cvar95Linear).expect("a number");
        let risk = series.measure(Definition::Var95Linear).expect("a number");
        prop_assert!(tail <= risk);
        if let Some(found) = max_drawdown(&returns) {
            prop_assert!(found.peak.is_none_or(|peak| peak < found.trough));
            prop_assert!(found.recovery.is_none_or(|recovery| recovery > found.trough));
        }
    }
}
