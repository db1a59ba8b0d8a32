//! Random scripts of events against the results of an independent fold.

use serde_json::Value;
use tickbook::domain::SymbolId;
use tickbook_ledger::domain::{
    AccountLedger, Amount, Closing, Correction, CostMethod, Currency, Execution, Fee, Fill,
    FillLeg, FillReference, Order, OrderEvent, OrderEventKind, OrderTerms, Position, PositionKey,
    Replacement, Restatement, Side, StrategyId, TimeInForce, Venue,
};

use crate::oracles;
use crate::samples::{Book as _, account, client_id, day, dec, exec_id, order_id, seconds};

const SYMBOLS: [&str; 3] = ["AAA", "BBB", "ZZZ"];

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn symbol_id(name: &str) -> SymbolId {
    let at = SYMBOLS
        .iter()
        .position(|symbol| *symbol == name)
        .expect("a symbol");
    SymbolId::new(1 + i64::try_from(at).expect("small"))
}

fn strategy_id(name: &str) -> Option<StrategyId> {
    let id: i64 = name.parse().expect("a number");
    (id != 0).then(|| StrategyId::new(id))
}

fn terms(event: &Value, quantity: &str) -> Option<OrderTerms> {
    let side: Side = text(event, "side")?.parse().expect("a side");
    let symbol = symbol_id(text(event, "symbol")?);
    let tif: TimeInForce = text(event, "tif").unwrap_or("day").parse().expect("known");
    let quantity = text(event, quantity).map(dec);
    let strategy = strategy_id(text(event, "strategy").unwrap_or("0"));
    let terms = OrderTerms::market(symbol, side, quantity).with_time_in_force(tif);
    Some(terms.with_strategy(strategy))
}

fn kind(event: &Value) -> OrderEventKind {
    let quantity = text(event, "qty").map(dec);
    let price = text(event, "px").map(dec);
    let reference = || FillReference::new(exec_id(text(event, "ref").expect("a reference")));
    match text(event, "kind").expect("a kind") {
        "created" => OrderEventKind::Created(Box::new(terms(event, "qty").expect("terms"))),
        "submitted" => OrderEventKind::Submitted,
        "denied" => OrderEventKind::Denied,
        "acknowledged" => OrderEventKind::Acknowledged(quantity),
        "rejected" => OrderEventKind::Rejected,
        // in the scripts a request is pending from the beginning
        "cancel_requested" => OrderEventKind::CancelPending,
        "replace_requested" => OrderEventKind::ReplacePending,
        "request_rejected" => OrderEventKind::RequestRejected,
        "replaced" => {
            let values = Replacement::quantity(quantity.expect("a quantity"));
            OrderEventKind::Replaced(values.with_limit_price(price))
        }
        "canceled" => OrderEventKind::Canceled,
        "expired" => OrderEventKind::Expired,
        "done_for_day" => OrderEventKind::DoneForDay,
        "restated" => OrderEventKind::Restated(Restatement::renewal().with_quantity(quantity)),
        "stopped" => OrderEventKind::Stopped,
        "filled" => {
            let fee = text(event, "fee").map(|fee| {
                let currency = text(event, "fee_currency").expect("a currency");
                Fee::new(dec(fee), Currency::new(currency).expect("an id"))
            });
            let closes = text(event, "closes");
            let closes: Option<Closing> = closes.map(|name| name.parse().expect("a closing"));
            let execution = Execution::new(quantity.expect("one"), price.expect("one"));
            OrderEventKind::Filled(Box::new(execution.with_fee(fee).with_closing(closes)))
        }
        "fill_busted" => OrderEventKind::FillBusted(reference()),
        "fill_corrected" => {
            let (quantity, price) = (quantity.expect("one"), price.expect("one"));
            OrderEventKind::FillCorrected(Correction::new(reference(), quantity, price))
        }
        other => panic!("kind {other}"),
    }
}

pub(crate) fn event(value: &Value) -> OrderEvent {
    let mut event = OrderEvent::new(
        order_id(text(value, "order").expect("an order")),
        kind(value),
    );
    event.client_order_id = text(value, "client_id").map(client_id);
    event.symbol_id = text(value, "symbol").map(symbol_id);
    event.side = text(value, "side").map(|side| side.parse().expect("a side"));
    event.venue = text(value, "venue").map(|venue| Venue::new(venue).expect("an id"));
    event.exec_id = text(value, "exec_id").map(exec_id);
    event.venue_time = value.get("venue_time").and_then(Value::as_i64).map(seconds);
    event.venue_sequence = value.get("venue_seq").and_then(Value::as_i64).unwrap_or(0);
    let number = value.get("day").and_then(Value::as_u64).unwrap_or(1);
    let event = event.on(day(number));
    match value.get("order_qty") {
        Some(_) => event.of_external(terms(value, "order_qty").expect("terms")),
        None => event,
    }
}

/// Compares an order with its expected values.
fn assert_order(order: &Order, expected: &Value, skips_status: bool, place: &str) {
    let place = format!("{place} {}", order.order_id);
    let check = |key: &str, found: String| {
        assert_eq!(
            found,
            text(expected, key).expect("a text"),
            "{place}: {key}"
        );
    };
    assert_eq!(
        order.terms.quantity.map(|it| it.to_string()).as_deref(),
        text(expected, "order_qty"),
        "{place}"
    );
    check("cum_qty", order.executed().normalize().to_string());
    check("leaves_qty", order.leaves().normalize().to_string());
    check("overfill", order.overfill().normalize().to_string());
    check("notional", order.notional().to_string());
    if !skips_status {
        check("status", order.status().to_string());
    }
    let closing = order.closing().map(|closing| closing.to_string());
    assert_eq!(closing.as_deref(), text(expected, "closed_by"), "{place}");
    assert_eq!(
        Some(order.is_acknowledged),
        expected["acknowledged"].as_bool(),
        "{place}"
    );
    assert_eq!(
        Some(order.is_external),
        expected["external"].as_bool(),
        "{place}"
    );
    let limit = order.terms.limit_price.map(|price| price.to_string());
    assert_eq!(limit.as_deref(), text(expected, "limit_px"), "{place}");
    let mut pending: Vec<_> = order
        .pending
        .iter()
        .map(|request| {
            let id = request.client_order_id.as_ref().expect("an id").to_string();
            serde_json::json!([request.kind.as_str(), id])
        })
        .collect();
    pending.sort_by_key(ToString::to_string);
    assert_eq!(Value::Array(pending), expected["pending"], "{place}");
    let average = order.average_price();
    match text(expected, "avg_px") {
        Some(fraction) if fraction.contains('/') => assert!(average.is_some(), "{place}"),
        stated => assert_eq!(
            average.map(|it| it.to_string()).as_deref(),
            stated,
            "{place}"
        ),
    }
}

fn assert_fill(fill: &Fill, expected: &Value, place: &str) {
    let fee = fill.fee.as_ref();
    let found = serde_json::json!({
        "exec_id": fill.fill_id.to_string(),
        "order": fill.order_id.to_string(),
        "qty": fill.quantity.to_string(),
        "px": fill.price.to_string(),
        "fee": fee.map(|fee| fee.amount.to_string()),
        "fee_currency": fee.map(|fee| fee.currency.to_string()),
        "busted": fill.is_busted,
        "versions": fill.versions,
    });
    assert_eq!(found, *expected, "{place}");
}

/// The scripts round at 16 places.
fn assert_near(found: Amount, expected: &str, place: &str) {
    let expected: Amount = expected.parse().expect("an amount");
    let difference = found.minus(expected).expect("in range");
    let bound: Amount = "0.000000000001".parse().expect("an amount");
    assert!(
        difference < bound && -difference < bound,
        "{place}: {found}, not {expected}"
    );
}

fn assert_lots(position: &Position, expected: &Value, place: &str) {
    let lots = position.lots.iter().map(|lot| {
        let fill = lot.fill_id.as_ref().expect("a fill").to_string();
        serde_json::json!([lot.quantity.to_string(), lot.price.to_string(), fill])
    });
    assert_eq!(Value::Array(lots.collect()), *expected, "{place}");
}

/// The legs of the live fills of a position, in their order.
fn legs(ledger: &AccountLedger, position: &PositionKey) -> Vec<(String, FillLeg)> {
    let mut fills: Vec<_> = ledger
        .fills()
        .filter(|fill| fill.position == *position && !fill.is_busted)
        .collect();
    fills.sort_by_key(|fill| fill.order);
    let mut state = Position::default();
    let mut legs = Vec::new();
    for fill in fills {
        let parts = state.add(CostMethod::Average, fill).expect("in range");
        legs.extend(parts.into_iter().map(|leg| (fill.fill_id.to_string(), leg)));
    }
    legs
}

fn assert_legs(ledger: &AccountLedger, key: &PositionKey, expected: &Value, place: &str) {
    let found = legs(ledger, key);
    let expected = expected.as_array().expect("legs");
    assert_eq!(found.len(), expected.len(), "{place}");
    for ((fill, leg), expected) in found.iter().zip(expected) {
        assert_eq!(Some(&**fill), expected[0].as_str(), "{place}");
        assert_eq!(Some(leg.effect.as_str()), expected[2].as_str(), "{place}");
        assert_eq!(
            Some(&*leg.quantity.normalize().to_string()),
            expected[3].as_str(),
            "{place}"
        );
        match (leg.fee, expected[4].as_str()) {
            (Some(fee), Some(expected)) => assert_near(fee, expected, place),
            (fee, expected) => assert_eq!((fee, expected), (None, None), "{place}"),
        }
    }
}

struct Ledgers {
    average: AccountLedger,
    fifo: AccountLedger,
    lifo: AccountLedger,
}

impl Ledgers {
    fn new() -> Self {
        let of = |method| AccountLedger::new(&account(method));
        Self {
            average: of(CostMethod::Average),
            fifo: of(CostMethod::Fifo),
            lifo: of(CostMethod::Lifo),
        }
    }

    /// The name of what the event did.
    fn apply(&mut self, event: &OrderEvent) -> &'static str {
        let names = [&mut self.average, &mut self.fifo, &mut self.lifo];
        let [average, fifo, lifo] = names.map(|ledger| ledger.book(event).as_str());
        assert_eq!((average, average), (fifo, lifo));
        average
    }

    fn check(&self, script: &Value, place: &str) {
        let expected = &script["expected"];
        let skips_status = script["ambiguous_status"].as_bool() == Some(true);
        let orders = expected["orders"].as_object().expect("orders");
        assert_eq!(self.average.orders().count(), orders.len(), "{place}");
        for order in self.average.orders() {
            assert_order(order, &orders[order.order_id.as_str()], skips_status, place);
        }
        let mut fills: Vec<_> = self.average.fills().collect();
        fills.sort_by_key(|fill| fill.order);
        let stated = expected["fills"].as_array().expect("fills");
        assert_eq!(fills.len(), stated.len(), "{place}");
        for (fill, stated) in fills.iter().zip(stated) {
            assert_fill(fill, stated, place);
        }
        self.check_positions(&expected["positions"], place);
    }

    fn check_positions(&self, expected: &Value, place: &str) {
        let stated = expected.as_array().expect("positions");
        // a position whose fills are all busted is flat here, and absent there
        let live = self.average.positions().filter(|(key, position)| {
            let has_fills = self
                .average
                .fills()
                .any(|it| it.position == **key && !it.is_busted);
            assert!(has_fills || **position == Position::default(), "{place}");
            has_fills
        });
        let live: Vec<_> = live.collect();
        assert_eq!(live.len(), stated.len(), "{place}");
        for ((key, position), stated) in live.into_iter().zip(stated) {
            let place = format!("{place} position {key:?}");
            assert_eq!(
                strategy_id(text(stated, "strategy").expect("one")),
                key.strategy_id,
                "{place}"
            );
            assert_eq!(
                symbol_id(text(stated, "symbol").expect("one")),
                key.symbol_id,
                "{place}"
            );
            assert_eq!(text(stated, "position_key"), Some(&*key.name), "{place}");
            assert_eq!(
                Some(&*position.quantity.to_string()),
                text(stated, "quantity"),
                "{place}"
            );
            assert_near(
                position.open_cost,
                text(stated, "open_cost").expect("one"),
                &place,
            );
            assert_near(
                position.realized,
                text(stated, "realized_gross").expect("one"),
                &place,
            );
            let cash = position.cash().expect("in range").to_string();
            assert_eq!(Some(&*cash), text(stated, "cash"), "{place}");
            let fees: serde_json::Map<_, _> = position
                .fees
                .iter()
                .map(|(currency, sum)| (currency.to_string(), Value::String(sum.to_string())))
                .collect();
            assert_eq!(Value::Object(fees), stated["fees"], "{place}");
            for (ledger, name) in [(&self.fifo, "fifo"), (&self.lifo, "lifo")] {
                let position = ledger.position(key).expect("as above");
                let realized = text(stated, &format!("realized_{name}"));
                assert_eq!(
                    Some(&*position.realized.to_string()),
                    realized,
                    "{place} {name}"
                );
                assert_lots(position, &stated[format!("lots_{name}")], &place);
                let same_cash = position.cash().expect("in range").to_string();
                assert_eq!(same_cash, cash, "{place} {name}");
            }
            assert_legs(&self.average, key, &stated["legs"], &place);
        }
    }
}

pub(crate) fn scripts() -> Option<Vec<Value>> {
    let text = oracles::text("fold/scripts.jsonl")?;
    let scripts = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    Some(scripts.collect())
}

#[test]
fn scripts_give_the_results_of_another_fold() {
    let Some(scripts) = scripts() else {
        return;
    };
    let mut variants = 0;
    for script in &scripts {
        let id = text(script, "id").expect("an id");
        let events = script["events"].as_array().expect("events");
        let events: Vec<_> = events.iter().map(event).collect();
        let mut ledgers = Ledgers::new();
        for (event, receipt) in events
            .iter()
            .zip(script["receipts"].as_array().expect("receipts"))
        {
            let place = format!("{id} event {}", receipt[0]);
            assert_eq!(
                Some(ledgers.apply(event)),
                receipt[1].as_str(),
                "{place} {event:?}"
            );
        }
        ledgers.check(script, id);
        for variant in script["variants"].as_array().expect("variants") {
            let mut ledgers = Ledgers::new();
            for at in variant["order"].as_array().expect("an order") {
                let at = usize::try_from(at.as_u64().expect("a number")).expect("small");
                ledgers.apply(&events[at]);
            }
            let name = text(variant, "name").expect("a name");
            ledgers.check(script, &format!("{id} {name}"));
            variants += 1;
        }
    }
    assert_eq!((scripts.len(), variants), (134, 670));
}
