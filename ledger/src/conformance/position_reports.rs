//! Positions as venues report them.

use chrono::TimeDelta;

use super::samples::{
    OTHER_SYMBOL, SYMBOL, account, assert_invalid, assert_not_found, create, dec, scope, seconds,
    terms,
};
use crate::LedgerRepositories;
use crate::domain::{AccountId, AccountScope, PositionReport, TenantId};

fn report(name: &str, quantity: &str, at: i64) -> PositionReport {
    PositionReport::new(SYMBOL, name, dec(quantity), seconds(at)).with_received_at(seconds(at + 1))
}

async fn latest(store: &LedgerRepositories, id: AccountId, at: Option<i64>) -> Vec<PositionReport> {
    let found = store
        .ledger
        .position_reports(&scope(), id, at.map(seconds))
        .await;
    found.expect("read")
}

pub async fn latest_report_of_each_position_is_read(store: &LedgerRepositories) {
    let id = account(store).await;
    let whole = report("long", "2.5", 10)
        .with_average_price(dec("101.25"))
        .with_margin(dec("50"))
        .with_leverage(dec("5"))
        .with_liquidation_price(dec("81.000000000001"));
    let mut other = report("net", "-7", 5);
    other.symbol_id = OTHER_SYMBOL;
    let reports = [
        report("long", "1", 5),
        whole.clone(),
        other.clone(),
        report("Short", "-1", 7),
    ];
    let stored = store.ledger.report_positions(&scope(), id, &reports).await;
    stored.expect("stored");
    let short = report("Short", "-1", 7);
    assert_eq!(
        latest(store, id, None).await,
        [short.clone(), whole, other.clone()]
    );
    assert_eq!(
        latest(store, id, Some(9)).await,
        [short, report("long", "1", 5), other]
    );
    assert_eq!(latest(store, id, Some(4)).await, []);
}

pub async fn report_of_the_same_time_replaces(store: &LedgerRepositories) {
    let id = account(store).await;
    for quantity in ["1", "2"] {
        let reports = [report("net", "9", 5), report("net", quantity, 5)];
        let stored = store.ledger.report_positions(&scope(), id, &reports).await;
        stored.expect("stored");
        assert_eq!(latest(store, id, None).await, [report("net", quantity, 5)]);
    }
    // a time is truncated, and a report has a time of receipt
    let nanos = TimeDelta::nanoseconds(999);
    let sent = PositionReport::new(SYMBOL, "net", dec("3"), seconds(6) + nanos);
    let stored = store.ledger.report_positions(&scope(), id, &[sent]).await;
    stored.expect("stored");
    let found = latest(store, id, None).await;
    assert_eq!(
        (found[0].reported_at, found[0].received_at.is_some()),
        (seconds(6), true)
    );
}

pub async fn invalid_reports_store_nothing(store: &LedgerRepositories) {
    let id = account(store).await;
    let mut invalid = report("net", "1", 5);
    invalid.symbol_id = tickbook::domain::SymbolId::new(0);
    for wrong in [
        invalid,
        report("", "1", 5),
        report("net", "0.0000000000001", 5),
    ] {
        let reports = [report("net", "1", 5), wrong];
        let stored = store.ledger.report_positions(&scope(), id, &reports).await;
        assert_invalid(stored);
    }
    assert_eq!(latest(store, id, None).await, []);
    let stranger = create(store, terms("other").time_zone("UTC"))
        .await
        .account_id;
    let scope = AccountScope::tenant(TenantId::new(2));
    assert_not_found(
        store
            .ledger
            .report_positions(&scope, stranger, &[report("net", "1", 5)])
            .await,
    );
    assert_not_found(store.ledger.position_reports(&scope, stranger, None).await);
}
