//! Positions against the results of nautilus_trader, LEAN, beancount and an independent fold.

use tickbook_ledger::domain::{
    AccountLedger, Amount, Contract, CostMethod, Currency, Execution, Fee, Mark, OrderEventKind,
    Position, Side,
};
use tickbook_ledger::rust_decimal::Decimal;
use toml::{Table, Value};

use crate::oracles;
use crate::samples::{Book as _, account, created, dec, event, exec_id, seconds};

fn text<'a>(table: &'a Table, key: &str) -> &'a str {
    table
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{key}"))
}

fn inner<'a>(table: &'a Table, key: &str) -> Option<&'a Table> {
    table.get(key).and_then(Value::as_table)
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap_or_else(|_| panic!("amount {text}"))
}

/// The sources round at 16 places.
fn assert_near(found: Amount, expected: &str, place: &str) {
    let difference = found.minus(amount(expected)).expect("in range");
    let bound = amount("0.000000000001");
    assert!(
        difference < bound && -difference < bound,
        "{place}: {found}, not {expected}"
    );
}

/// Rounds to a number of places, half away from zero.
fn rounded(amount: Amount, places: u32) -> Decimal {
    let text = amount.to_string();
    let digits: String = text.chars().take(27).collect();
    let strategy = tickbook_ledger::rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    dec(&digits).round_dp_with_strategy(places, strategy)
}

/// A case of the file.
struct Case<'a> {
    id: &'a str,
    table: &'a Table,
}

impl Case<'_> {
    fn fills(&self) -> Vec<[&str; 5]> {
        let fills = self.table["fills"].as_array().expect("fills");
        let words = |fill: &Value| -> Vec<String> {
            let words = fill.as_array().expect("a fill").iter();
            words
                .map(|word| word.as_str().expect("text").to_owned())
                .collect()
        };
        fills
            .iter()
            .map(|fill| {
                assert_eq!(words(fill).len(), 5);
                let word = |at: usize| fill[at].as_str().expect("text");
                [word(0), word(1), word(2), word(3), word(4)]
            })
            .collect()
    }

    fn contract(&self) -> Contract {
        let expect = inner(self.table, "expect").expect("expectations");
        match expect.get("inverse").and_then(Value::as_bool) {
            Some(true) => Contract::inverse(Decimal::ONE),
            _ => Contract::default(),
        }
    }

    /// The ledger after the first `count` fills.
    fn ledger(&self, method: CostMethod, count: usize) -> AccountLedger {
        let mut ledger = AccountLedger::new(&account(method));
        for (order, side) in [("buy", Side::Buy), ("sell", Side::Sell)] {
            ledger.book(&created(order, side, "1000000000"));
        }
        for (at, [side, quantity, price, fee, currency]) in
            self.fills().iter().enumerate().take(count)
        {
            let mut execution =
                Execution::new(dec(quantity), dec(price)).with_contract(self.contract());
            if !fee.is_empty() {
                let fee = Fee::new(dec(fee), Currency::new(*currency).expect("a currency"));
                execution = execution.with_fee(match *currency {
                    "base" => fee.taken_from_quantity(),
                    _ => fee,
                });
            }
            let fill = event(side, OrderEventKind::Filled(Box::new(execution)))
                .with_exec_id(exec_id(&format!("e{at}")))
                .at(seconds(i64::try_from(at).expect("small")));
            assert_eq!(ledger.book(&fill).as_str(), "appended", "{}", self.id);
            let position = position(&ledger);
            let cash = position.cash().expect("in range");
            assert_eq!(
                cash,
                self.cash_after(at + 1),
                "{}: cash after {at}",
                self.id
            );
            let is_flat = position.quantity.is_zero();
            assert!(!is_flat || position.open_cost.is_zero(), "{}", self.id);
            assert!(!is_flat || position.lots.is_empty(), "{}", self.id);
        }
        ledger
    }

    /// The cash that the fills paid and received.
    fn cash_after(&self, count: usize) -> Amount {
        let fills = self.fills();
        let fills = fills.iter().take(count);
        fills.fold(Amount::ZERO, |cash, [side, quantity, price, _, _]| {
            let side: Side = side.parse().expect("a side");
            let value = self
                .contract()
                .value(side.signed(dec(quantity)), dec(price));
            cash.minus(value.expect("in range")).expect("in range")
        })
    }
}

fn position(ledger: &AccountLedger) -> Position {
    let (_, position) = ledger.positions().next().expect("a position");
    position.clone()
}

/// Realized profit less the fees of these currencies.
fn net(position: &Position) -> Amount {
    let quote = ["USD", "USDT", "BTC"];
    let fees = position
        .fees
        .iter()
        .filter(|(currency, _)| quote.contains(&currency.as_str()));
    fees.fold(position.realized, |net, (_, fee)| {
        net.minus(*fee).expect("in range")
    })
}

fn assert_rule(case: &Case<'_>, position: &Position, rule: &Table) {
    let id = case.id;
    assert_eq!(position.quantity, dec(text(rule, "quantity")), "{id}");
    assert_near(position.open_cost, text(rule, "open_cost"), id);
    assert_near(position.realized, text(rule, "realized_gross"), id);
    if let Some(cash) = rule.get("cash").and_then(Value::as_str) {
        assert_eq!(position.cash(), Ok(amount(cash)), "{id}: cash");
    }
    if let Some(fees) = inner(rule, "fees") {
        let found: Vec<_> = position
            .fees
            .iter()
            .map(|(c, sum)| (c.to_string(), *sum))
            .collect();
        let expected: Vec<_> = fees
            .iter()
            .map(|(c, sum)| (c.clone(), amount(sum.as_str().expect("text"))))
            .collect();
        assert_eq!(found, expected, "{id}: fees");
    }
}

/// What nautilus_trader and LEAN state.
fn assert_stated(case: &Case<'_>, position: &Position, expect: &Table) -> usize {
    let id = case.id;
    let mut checked = 0;
    let mut number = |key: &str, check: &mut dyn FnMut(&str)| {
        if let Some(text) = expect.get(key).and_then(Value::as_str) {
            check(text);
            checked += 1;
        }
    };
    number("quantity", &mut |text| {
        assert_eq!(position.quantity, dec(text), "{id}")
    });
    number("avg_open", &mut |text| {
        // a flat position has no average
        let expected = match text {
            "0" => None,
            "2/3" => Some(dec("0.666666666667")),
            text => Some(dec(text)),
        };
        assert_eq!(position.average_price(), expected, "{id}");
    });
    number("avg_open_f64", &mut |text| {
        let average = position.average_price().expect("open");
        assert!(
            (average - dec(text)).abs() < dec("0.00000000001"),
            "{id} {average}"
        );
    });
    number("realized_net", &mut |text| {
        assert_eq!(net(position), amount(text), "{id}")
    });
    number("realized_net_8", &mut |text| {
        assert_eq!(rounded(net(position), 8), dec(text), "{id}")
    });
    number("abs_open_cost", &mut |text| {
        let cost = amount(text);
        assert!([cost, -cost].contains(&position.open_cost), "{id}");
    });
    if let Some(unrealized) = inner(expect, "unrealized") {
        let mark = Mark::Price(dec(text(unrealized, "mark")));
        let found = position
            .unrealized(mark, case.contract())
            .expect("in range");
        match unrealized.get("value").and_then(Value::as_str) {
            Some(value) => assert_eq!(found, amount(value), "{id}"),
            None => assert_eq!(rounded(found, 8), dec(text(unrealized, "value_8")), "{id}"),
        }
        checked += 1;
    }
    checked
}

/// The lots and the realized profit of a cost method.
fn assert_lots(case: &Case<'_>, method: CostMethod, expected: &Table) {
    let ledger = case.ledger(method, usize::MAX);
    let position = position(&ledger);
    let id = case.id;
    assert_eq!(
        position.realized,
        amount(text(expected, "realized")),
        "{id} {method}"
    );
    let lots = position.lots.iter().map(|lot| {
        let fill = lot.fill_id.as_ref().expect("a fill").to_string();
        (lot.quantity, lot.price, fill)
    });
    let stated = expected["lots"]
        .as_array()
        .expect("lots")
        .iter()
        .map(|lot| {
            let word = |at: usize| lot[at].as_str().expect("text");
            (dec(word(0)), dec(word(1)), word(2).to_owned())
        });
    assert_eq!(
        lots.collect::<Vec<_>>(),
        stated.collect::<Vec<_>>(),
        "{id} {method}"
    );
    let cost = position.lots.iter().fold(Amount::ZERO, |sum, lot| {
        sum.plus(lot.cost).expect("in range")
    });
    assert_eq!(cost, position.open_cost, "{id} {method}");
}

/// The realized profit of the last fill at the rate of conversion of the account.
fn assert_last_profit(case: &Case<'_>, expect: &Table) {
    let count = case.fills().len();
    let before = match count {
        1 => Amount::ZERO,
        _ => position(&case.ledger(CostMethod::Average, count - 1)).realized,
    };
    let after = position(&case.ledger(CostMethod::Average, count)).realized;
    let rate = expect
        .get("conversion_rate")
        .and_then(Value::as_str)
        .unwrap_or("1");
    let profit = after
        .minus(before)
        .and_then(|profit| profit.times(dec(rate)));
    assert_eq!(
        profit,
        Ok(amount(text(expect, "last_trade_profit"))),
        "{}",
        case.id
    );
}

#[test]
fn positions_equal_those_of_other_programs() {
    let Some(table) = oracles::toml("positions.toml") else {
        return;
    };
    let (mut rules, mut stated, mut lots, mut variants, mut steps, mut profits) =
        (0, 0, 0, 0, 0, 0);
    for table in table["case"].as_array().expect("cases") {
        let table = table.as_table().expect("a case");
        let id = text(table, "id");
        let case = Case { id, table };
        let expect = inner(table, "expect").expect("expectations");
        let position = position(&case.ledger(CostMethod::Average, usize::MAX));
        if let Some(rule) = inner(table, "average_cost_rule") {
            assert_rule(&case, &position, rule);
            rules += 1;
        }
        stated += assert_stated(&case, &position, expect);
        for (name, method) in [("fifo", CostMethod::Fifo), ("lifo", CostMethod::Lifo)] {
            if let Some(expected) = inner(expect, name) {
                assert_lots(&case, method, expected);
                lots += 1;
            }
        }
        if let Some(given) = inner(table, "variants") {
            // a fee in the base currency is expensed at average cost
            let variant = inner(given, "fee_expensed_at_average").expect("a variant");
            assert_rule(&case, &position, variant);
            variants += 1;
        }
        for step in table
            .get("step")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let step = step.as_table().expect("a step");
            let after = step["after"].as_integer().expect("a number");
            let ledger = case.ledger(CostMethod::Average, usize::try_from(after).expect("small"));
            let position = self::position(&ledger);
            assert_stated(&case, &position, step);
            assert_near(position.realized, text(step, "realized_gross_rule"), id);
            if let Some(cost) = step.get("open_cost_rule").and_then(Value::as_str) {
                assert_near(position.open_cost, cost, id);
            }
            steps += 1;
        }
        if expect.contains_key("last_trade_profit") {
            assert_last_profit(&case, expect);
            profits += 1;
        }
    }
    assert_eq!(
        (rules, lots, variants, steps, profits),
        (123, 180, 5, 8, 10)
    );
    assert!(stated > 60, "{stated}");
}
