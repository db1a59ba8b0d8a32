//! Attribution of profits and fees.

use chrono::NaiveDate;
use tickbook::domain::{SymbolId, TimeRange};
use tickbook_ledger::chrono;
use tickbook_ledger::domain::performance::{
    Attribution, AttributionKey, Contribution, RoundTripGrouping, RoundTripMatching, TradeReport,
    TradeReportTerms, Tz, attribute,
};
use tickbook_ledger::domain::{
    AccountLedger, Amount, CostMethod, Currency, Execution, Fee, FillReference, OrderEvent,
    OrderEventKind, OrderTerms, Outcome, Side, StrategyId,
};

use crate::samples::{Book as _, SYMBOL, account, dec, event, exec_id, order_id, seconds};

const OTHER: SymbolId = SymbolId::new(8);
const HOUR: i64 = 3_600;

fn usd() -> Currency {
    Currency::new("USD").expect("an id")
}

fn amount(text: &str) -> Amount {
    text.parse().expect("an amount")
}

fn created(order: &str, symbol: SymbolId, side: Side, strategy: i64, arrival: &str) -> OrderEvent {
    let mut terms = OrderTerms::market(symbol, side, dec("10"));
    terms.arrival_price = Some(dec(arrival));
    if strategy > 0 {
        terms = terms.with_strategy(StrategyId::new(strategy));
    }
    event(order, OrderEventKind::Created(Box::new(terms)))
}

fn filled(order: &str, exec: &str, at: i64, quantity: &str, price: &str, fee: &str) -> OrderEvent {
    let execution = Execution::new(dec(quantity), dec(price)).with_fee(Fee::new(dec(fee), usd()));
    event(order, OrderEventKind::Filled(Box::new(execution)))
        .with_exec_id(exec_id(exec))
        .at(seconds(at))
}

/// Two strategies in one symbol, one of them in another too, over two days of New York.
fn booked() -> AccountLedger {
    let mut ledger = AccountLedger::new(&account(CostMethod::Average));
    let events = [
        created("a", SYMBOL, Side::Buy, 3, "100"),
        created("b", SYMBOL, Side::Sell, 3, "110"),
        created("c", SYMBOL, Side::Sell, 4, "110"),
        created("d", OTHER, Side::Buy, 3, "5"),
        created("e", OTHER, Side::Buy, 0, "5"),
        filled("a", "1", 12 * HOUR, "4", "100", "1"),
        filled("d", "2", 13 * HOUR, "2", "5", "0.5"),
        // midnight in New York
        filled("b", "3", 28 * HOUR, "3", "112", "0.25"),
        filled("c", "4", 29 * HOUR, "1", "111", "0.25"),
        filled("e", "5", 30 * HOUR, "1", "6", "9"),
        // withdrawn
        event(
            "e",
            OrderEventKind::FillBusted(FillReference::new(exec_id("5"))),
        )
        .with_exec_id(exec_id("6"))
        .at(seconds(31 * HOUR)),
    ];
    for event in &events {
        let outcome = ledger.book(event);
        assert!(matches!(outcome, Outcome::Appended { .. }), "{outcome:?}");
    }
    ledger
}

fn of(ledger: &AccountLedger, range: TimeRange) -> Attribution {
    let zone: Tz = "America/New_York".parse().expect("a zone");
    let mut fills: Vec<_> = ledger.fills().collect();
    fills.sort_by_key(|fill| fill.order);
    attribute(CostMethod::Average, zone, range, fills).expect("in range")
}

#[track_caller]
fn assert_contribution(
    found: Option<&Contribution>,
    fills: u64,
    traded: [&str; 2],
    realized: &str,
    fee: &str,
) {
    let found = found.expect("a contribution");
    assert_eq!(found.fills, fills);
    assert_eq!([found.bought, found.sold], traded.map(amount));
    assert_eq!(found.realized, amount(realized));
    assert_eq!(found.fees.of(&usd()), amount(fee));
}

#[test]
fn profits_belong_to_the_strategy_and_symbol() {
    let found = of(&booked(), TimeRange::all());
    assert_eq!(found.by_key.len(), 3);
    let key = |strategy, symbol| AttributionKey::new(StrategyId::new(strategy), symbol);
    let of_three = found.by_key.get(&key(3, SYMBOL));
    assert_contribution(of_three, 2, ["400", "336"], "36", "1.25");
    let of_four = found.by_key.get(&key(4, SYMBOL));
    assert_contribution(of_four, 1, ["0", "111"], "0", "0.25");
    let of_other = found.by_key.get(&key(3, OTHER));
    assert_contribution(of_other, 1, ["10", "0"], "0", "0.5");
}

#[test]
fn profits_belong_to_the_closing_order() {
    let found = of(&booked(), TimeRange::all());
    assert_contribution(
        found.by_order.get(&order_id("a")),
        1,
        ["400", "0"],
        "0",
        "1",
    );
    assert_contribution(
        found.by_order.get(&order_id("b")),
        1,
        ["0", "336"],
        "36",
        "0.25",
    );
    // busted
    assert_eq!(found.by_order.get(&order_id("e")), None);
}

#[test]
fn fill_at_midnight_belongs_to_the_new_day() {
    let found = of(&booked(), TimeRange::all());
    let day = |day| NaiveDate::from_ymd_opt(2024, 5, day).expect("a date");
    assert_eq!(found.by_day.len(), 2);
    assert_contribution(found.by_day.get(&day(1)), 2, ["410", "0"], "0", "1.5");
    assert_contribution(found.by_day.get(&day(2)), 2, ["0", "447"], "36", "0.5");
}

#[test]
fn fills_before_the_range_give_only_the_cost() {
    let range = TimeRange::new(seconds(28 * HOUR), seconds(29 * HOUR)).expect("ordered");
    let found = of(&booked(), range);
    assert_eq!(
        (found.by_key.len(), found.by_order.len(), found.by_day.len()),
        (1, 1, 1)
    );
    assert_contribution(
        found.by_order.get(&order_id("b")),
        1,
        ["0", "336"],
        "36",
        "0.25",
    );
}

#[test]
fn trade_report_has_trips_slippage_and_attribution() {
    let ledger = booked();
    let fills: Vec<_> = ledger.fills().cloned().collect();
    let orders: Vec<_> = ledger.orders().cloned().collect();
    let terms = TradeReportTerms::new(usd())
        .round_trips(RoundTripGrouping::FillToFill, RoundTripMatching::Lifo)
        .zone("America/New_York".parse().expect("a zone"));
    let report = TradeReport::of(&terms, &fills, &orders, &[]).expect("in range");
    // positions of strategies are apart
    assert_eq!(report.round_trips.len(), 1);
    // 36 less the fees of both fills
    assert_eq!(report.statistics.net_profit, amount("34.75"));
    // a: none, b: 3 sold at 112 instead of 110, c: 1 at 111, d: none
    assert_eq!(
        (report.slippage.orders, report.slippage.cost),
        (4, amount("-7"))
    );
    assert_eq!(report.slippage.arrival_value, amount("850"));
    assert_eq!(report.attribution, of(&ledger, TimeRange::all()));
    let before = TimeRange::new(seconds(0), seconds(28 * HOUR)).expect("ordered");
    let report = TradeReport::of(&terms.range(before), &fills, &[], &[]).expect("in range");
    assert_eq!(
        (report.statistics.count, report.attribution.by_order.len()),
        (0, 2)
    );
}
