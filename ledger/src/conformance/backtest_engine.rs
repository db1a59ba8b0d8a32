//! A small deterministic engine: it runs a crossover of two averages over ticks and records it in the ledger.

use std::collections::VecDeque;

use rust_decimal::Decimal;
use tickbook::domain::Tick;

use super::StrategySubject;
use super::samples::{SYMBOL, dec, event, exec_id, scope, seconds};
use super::strategy_samples::{backtest_account, json, strategy};
use crate::domain::{
    AccountId, BacktestInput, BacktestMetric, ContentHash, Currency, EquityCurve, EquityPoint,
    Execution, Fee, NewStrategyVersion, OrderEvent, OrderEventKind, OrderTerms, Side, StrategyId,
    StrategyVersion,
};

/// The number of events of an append.
const BATCH: usize = 100;

pub(super) const CAPITAL: i64 = 10_000;

/// Quotes of one symbol, one in each second, on a random walk of the seed.
pub(super) fn ticks(seed: u64, count: u32) -> Vec<Tick> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bid: i64 = 10_000;
    let ticks = (0..i64::from(count)).map(|second| {
        bid += random.i64(-20..=20);
        let price = |cents: i64| Decimal::new(cents, 2);
        Tick::quote(SYMBOL, seconds(second), price(bid), price(bid + 2))
    });
    ticks.collect()
}

fn prices(tick: &Tick) -> (Decimal, Decimal) {
    let (bid, ask) = (tick.bid_price, tick.ask_price);
    (bid.expect("a bid"), ask.expect("an ask"))
}

pub(super) fn data_hash(ticks: &[Tick]) -> ContentHash {
    let lines = ticks.iter().map(|tick| {
        let (bid, ask) = prices(tick);
        format!("{} {bid} {ask}\n", tick.tick_time.timestamp_micros())
    });
    ContentHash::of(lines.collect::<String>().as_bytes())
}

/// A strategy with one version.
pub(super) async fn crossover(store: &StrategySubject) -> StrategyVersion {
    let id = strategy(store, "crossover").await.strategy_id;
    let version = NewStrategyVersion::new("suite")
        .parameters(json(r#"{"fast":5,"slow":20}"#))
        .symbols([SYMBOL]);
    let strategies = &store.strategies().strategies;
    let added = strategies.add_version(&scope(), id, version).await;
    added.expect("a new version").version
}

pub(super) fn input(version: &StrategyVersion, ticks: &[Tick]) -> BacktestInput {
    let end = i64::try_from(ticks.len()).expect("few");
    let range = super::samples::range(0, end);
    BacktestInput::new(
        version.strategy_id,
        version.version,
        data_hash(ticks),
        range,
        "suite 1",
    )
    .starting_capital(Decimal::from(CAPITAL))
}

/// What an engine computes.
#[derive(Debug)]
pub(super) struct Computed {
    pub(super) events: Vec<OrderEvent>,
    pub(super) curve: EquityCurve,
    pub(super) metrics: Vec<BacktestMetric>,
    /// The final quantity.
    pub(super) quantity: Decimal,
    /// The fees that were paid.
    pub(super) fees: Decimal,
}

/// The sum of the last prices.
#[derive(Debug, Default)]
struct Window {
    prices: VecDeque<Decimal>,
    sum: Decimal,
}

impl Window {
    fn push(&mut self, price: Decimal, length: usize) {
        self.prices.push_back(price);
        self.sum += price;
        if self.prices.len() > length {
            self.sum -= self.prices.pop_front().unwrap_or_default();
        }
    }
}

/// Holds one unit while the fast average is above the slow one, else minus one.
pub(super) fn compute(version: &StrategyVersion, ticks: &[Tick], fee: &str) -> Computed {
    let length = |name: &str| -> usize {
        let value = version.terms.parameters.get(name);
        let value = value.and_then(serde_json::Value::as_u64).expect("a length");
        usize::try_from(value).expect("small")
    };
    let (fast_length, slow_length) = (length("fast"), length("slow"));
    let (mut fast, mut slow) = (Window::default(), Window::default());
    let (mut cash, mut quantity) = (Decimal::from(CAPITAL), Decimal::ZERO);
    let (mut fees, mut orders) = (Decimal::ZERO, 0_u32);
    let (mut events, mut points) = (Vec::new(), Vec::new());
    for tick in ticks {
        let (bid, ask) = prices(tick);
        let mid = (bid + ask) / Decimal::TWO;
        fast.push(mid, fast_length);
        slow.push(mid, slow_length);
        if slow.prices.len() == slow_length {
            // averages, without a division
            let is_above =
                fast.sum * Decimal::from(slow_length) > slow.sum * Decimal::from(fast_length);
            let target = if is_above {
                Decimal::ONE
            } else {
                Decimal::NEGATIVE_ONE
            };
            let change = target - quantity;
            if !change.is_zero() {
                orders += 1;
                let price = if change > Decimal::ZERO { ask } else { bid };
                let paid = dec(fee) * change.abs();
                cash -= change * price + paid;
                fees += paid;
                quantity = target;
                events.extend(trade(
                    version.strategy_id,
                    tick,
                    orders,
                    change,
                    price,
                    paid,
                ));
            }
        }
        points.push(EquityPoint::new(tick.tick_time, cash + quantity * mid));
    }
    let curve = EquityCurve::new(points).expect("increasing times");
    let metrics = results(&curve, orders);
    Computed {
        events,
        curve,
        metrics,
        quantity,
        fees,
    }
}

/// A market order and its fill.
fn trade(
    strategy: StrategyId,
    tick: &Tick,
    number: u32,
    change: Decimal,
    price: Decimal,
    paid: Decimal,
) -> [OrderEvent; 2] {
    let side = if change > Decimal::ZERO {
        Side::Buy
    } else {
        Side::Sell
    };
    let order = format!("o{number}");
    let terms = OrderTerms::market(SYMBOL, side, change.abs()).with_strategy(strategy);
    let usd = Currency::new("USD").expect("an id");
    let execution = Execution::new(change.abs(), price).with_fee(Fee::new(paid, usd));
    [
        event(&order, OrderEventKind::Created(Box::new(terms))),
        event(&order, OrderEventKind::Filled(Box::new(execution)))
            .with_exec_id(exec_id(&format!("f{number}")))
            .at(tick.tick_time),
    ]
}

fn results(curve: &EquityCurve, orders: u32) -> Vec<BacktestMetric> {
    let start = Decimal::from(CAPITAL);
    let last = curve.points().last().map_or(start, |it| it.equity);
    let drawdown = curve.max_drawdown(Some(start));
    let drawdown = drawdown.map_or(Decimal::ZERO, |it| it.amount.amount);
    vec![
        BacktestMetric::new("max_drawdown", "money_1", drawdown),
        BacktestMetric::new("net_profit", "marked_1", last - start),
        BacktestMetric::new("orders", "count_1", Decimal::from(orders)),
        BacktestMetric::undefined("sharpe_ratio", "daily_1", "fewer than two days"),
    ]
}

/// Appends events in batches. Returns the numbers of appended and of known events.
pub(super) async fn record(
    store: &StrategySubject,
    account_id: AccountId,
    events: &[OrderEvent],
) -> (usize, usize) {
    let ledger = &store.ledger().ledger;
    let (mut appended, mut duplicates) = (0, 0);
    for batch in events.chunks(BATCH) {
        let receipt = ledger.append(&scope(), account_id, batch, None).await;
        let receipt = receipt.expect("appended");
        assert!(
            receipt.conflicts.is_empty() && receipt.quarantined.is_empty(),
            "{receipt:?}"
        );
        appended += receipt.appended.len();
        duplicates += receipt.duplicates.len();
    }
    (appended, duplicates)
}

/// Starts a run of the ticks.
pub(super) async fn start(
    store: &StrategySubject,
    version: &StrategyVersion,
    ticks: &[Tick],
) -> crate::repository::StartedRun {
    let account = backtest_account("crossover");
    let backtests = &store.strategies().backtests;
    let started = backtests
        .start(&scope(), account, input(version, ticks))
        .await;
    started.expect("a run")
}
