//! The rules that raise risk events.

use chrono::TimeDelta;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{
    AccountId, AccountScope, Currency, Environment, ExecId, Execution, NewAccount, NewRiskEvent,
    OrderEvent, OrderEventKind, OrderId, OrderTerms, RiskKind, Side, TenantId, Venue,
};
use tickbook_ledger::repository::AppendReceipt;
use tickbook_ledger::risk::{RiskLimits, RiskMonitor};
use tickbook_ledger::rust_decimal::Decimal;

use crate::samples::{SYMBOL, dec, seconds};

struct Book {
    ledger: LedgerRepositories,
    account_id: AccountId,
}

impl Book {
    async fn new() -> Self {
        let ledger = LedgerRepositories::in_memory();
        let (venue, usd) = (Venue::new("V"), Currency::new("USD"));
        let (venue, usd) = (venue.expect("an id"), usd.expect("an id"));
        let terms = NewAccount::new(TenantId::new(1), "main", venue, Environment::Live, usd);
        let account = ledger.accounts.create(&AccountScope::all(), terms).await;
        let account_id = account.expect("a new account").account_id;
        Self { ledger, account_id }
    }

    async fn append(&self, events: &[OrderEvent]) -> AppendReceipt {
        let all = AccountScope::all();
        let receipt = self
            .ledger
            .ledger
            .append(&all, self.account_id, events, None);
        receipt.await.expect("appended")
    }
}

fn order(id: &str, side: Side, quantity: &str) -> OrderEvent {
    let terms = OrderTerms::market(SYMBOL, side, dec(quantity));
    let id = OrderId::new(id).expect("an id");
    OrderEvent::new(id, OrderEventKind::Created(Box::new(terms)))
}

fn fill(order: &str, exec: &str, quantity: &str) -> OrderEvent {
    let execution = Execution::new(dec(quantity), dec("100"));
    let id = OrderId::new(order).expect("an id");
    OrderEvent::new(id, OrderEventKind::Filled(Box::new(execution)))
        .with_exec_id(ExecId::new(exec).expect("an id"))
        .at(seconds(1))
}

fn kinds(events: &[NewRiskEvent]) -> Vec<RiskKind> {
    events.iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn overfill_is_raised_without_any_limit() {
    let (book, mut monitor) = (Book::new().await, RiskMonitor::default());
    let events = [order("a", Side::Buy, "10"), fill("a", "1", "12.5")];
    let receipt = book.append(&events).await;
    let raised = monitor.appended(book.account_id, &receipt, seconds(2));
    assert_eq!(kinds(&raised), [RiskKind::Overfill]);
    assert_eq!(
        (raised[0].observed, raised[0].account_id),
        (dec("2.5"), Some(book.account_id))
    );
    assert_eq!(raised[0].details["order_id"], "a");
    assert!(raised[0].normalized().is_ok());
    let again = book.append(&events).await;
    assert_eq!(monitor.appended(book.account_id, &again, seconds(3)), []);
}

#[tokio::test]
async fn position_over_the_limit_is_raised_once() {
    let book = Book::new().await;
    let mut monitor = RiskMonitor::new(RiskLimits::default().max_position(dec("10")));
    let orders = [order("a", Side::Sell, "30"), order("b", Side::Buy, "30")];
    book.append(&orders).await;
    for (order, exec, quantity, expected) in [
        ("a", "1", "10", None),
        ("a", "2", "1", Some("-11")),
        ("a", "3", "4", None),
        ("b", "4", "5", None),
        ("a", "5", "2", Some("-12")),
    ] {
        let receipt = book.append(&[fill(order, exec, quantity)]).await;
        let raised = monitor.appended(book.account_id, &receipt, seconds(2));
        let observed: Vec<_> = raised.iter().map(|it| it.observed).collect();
        let expected: Vec<Decimal> = expected.into_iter().map(dec).collect();
        assert_eq!(observed, expected, "fill {exec}");
    }
}

#[tokio::test]
async fn conflicts_beyond_the_rate_are_raised() {
    let book = Book::new().await;
    let mut monitor = RiskMonitor::new(RiskLimits::default().max_conflict_rate(dec("0.5")));
    let first = [order("a", Side::Buy, "10"), fill("a", "1", "2")];
    let receipt = book.append(&first).await;
    assert_eq!(monitor.appended(book.account_id, &receipt, seconds(2)), []);
    let half = [fill("a", "1", "3"), fill("a", "2", "1")];
    let receipt = book.append(&half).await;
    assert_eq!(monitor.appended(book.account_id, &receipt, seconds(2)), []);
    let most = [
        fill("a", "1", "3"),
        fill("a", "1", "4"),
        fill("a", "3", "1"),
    ];
    let receipt = book.append(&most).await;
    let raised = monitor.appended(book.account_id, &receipt, seconds(2));
    assert_eq!(kinds(&raised), [RiskKind::ConflictRate]);
    assert_eq!(raised[0].observed, dec("0.666666666667"));
    assert!(raised[0].normalized().is_ok());
}

#[test]
fn drawdown_is_raised_again_after_a_recovery() {
    let mut monitor = RiskMonitor::new(RiskLimits::default().max_drawdown(dec("0.1")));
    let account = AccountId::new(1);
    for (equity, expected) in [
        ("-5", None),
        ("1000", None),
        ("900", None),
        ("899", Some("0.101")),
        ("890", None),
        ("950", None),
        ("880", Some("0.12")),
        ("2000", None),
        ("1799", Some("0.1005")),
    ] {
        let raised = monitor.equity(account, dec(equity), seconds(1));
        let observed = raised.map(|event| event.observed);
        assert_eq!(observed, expected.map(dec), "{equity}");
    }
    assert_eq!(
        monitor.equity(AccountId::new(2), dec("1"), seconds(1)),
        None
    );
}

#[test]
fn stale_feed_is_raised_once_per_silence() {
    let limit = TimeDelta::seconds(30);
    let mut monitor = RiskMonitor::new(RiskLimits::default().stale_feed_after(limit));
    for (last, now, expected) in [
        (0, 30, None),
        (0, 31, Some("31")),
        (0, 60, None),
        (61, 62, None),
        (61, 100, Some("39")),
    ] {
        let raised = monitor.feed("kraken", seconds(last), seconds(now));
        let observed = raised.map(|event| event.observed);
        assert_eq!(observed, expected.map(dec), "{last} {now}");
    }
    let mut unlimited = RiskMonitor::default();
    assert_eq!(unlimited.feed("kraken", seconds(0), seconds(9_999)), None);
}
