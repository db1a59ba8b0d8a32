//! An example of a unit test of a program with mocks.

use std::sync::Arc;

use tickbook::RepositoryError;
use tickbook::domain::Page;
use tickbook_ledger::domain::{AccountId, AccountScope, Position, PositionKey};
use tickbook_ledger::relay::Relay;
use tickbook_ledger::repository::{
    EventRange, MockAccountRepository, MockLedgerRepository, MockOrderHistoryRepository,
    MockOutboxRepository, OutboxEntry, OutboxPosition, PositionEntry, PositionQuery,
};
use tickbook_ledger::rust_decimal::Decimal;
use tickbook_ledger::{LedgerRepositories, RelayRepositories};

use crate::samples::{SYMBOL, dec, seconds};

/// A part of a program: the quantity of an account in an instrument.
async fn exposure(
    repositories: &LedgerRepositories,
    account_id: AccountId,
) -> Result<Decimal, RepositoryError> {
    let query = PositionQuery::new(account_id).symbol_id(SYMBOL).open(true);
    let page = repositories
        .ledger
        .positions(&AccountScope::all(), &query)
        .await?;
    Ok(page.items.iter().map(|entry| entry.position.quantity).sum())
}

fn entry(name: &str, quantity: &str) -> PositionEntry {
    let mut position = Position::default();
    position.quantity = dec(quantity);
    PositionEntry::new(PositionKey::new(None, SYMBOL, name), position)
}

fn repositories(ledger: MockLedgerRepository) -> LedgerRepositories {
    LedgerRepositories::new(Arc::new(MockAccountRepository::new()), Arc::new(ledger))
}

#[tokio::test]
async fn exposure_is_the_sum_of_the_positions() {
    let mut ledger = MockLedgerRepository::new();
    ledger
        .expect_positions()
        .withf(|_, query| query.account_id == AccountId::new(3) && query.open == Some(true))
        .returning(|_, _| {
            Ok(Page::new(
                vec![entry("long", "4"), entry("short", "-1.5")],
                None,
            ))
        });
    let found = exposure(&repositories(ledger), AccountId::new(3)).await;
    assert_eq!(found.expect("read"), dec("2.5"));
}

#[tokio::test]
async fn errors_of_the_ledger_are_passed_on() {
    let mut ledger = MockLedgerRepository::new();
    ledger
        .expect_positions()
        .returning(|_, _| Err(RepositoryError::invalid("no such account")));
    let found = exposure(&repositories(ledger), AccountId::new(3)).await;
    assert!(matches!(found, Err(RepositoryError::InvalidInput { .. })));
}

#[tokio::test]
async fn relay_without_entries_writes_nothing() {
    let mut outbox = MockOutboxRepository::new();
    outbox
        .expect_entries()
        .times(1)
        .returning(|_| Ok(Vec::new()));
    // a call of the history would panic
    let history = MockOrderHistoryRepository::new();
    let repositories = RelayRepositories::new(Arc::new(outbox), Arc::new(history));
    let totals = Relay::new(repositories).drain().await;
    assert_eq!(totals.expect("nothing"), Default::default());
}

#[tokio::test]
async fn entries_stay_if_their_copy_fails() {
    let mut outbox = MockOutboxRepository::new();
    let position = OutboxPosition::new(7, 1);
    let events = EventRange::new(AccountId::new(3), 1, 1);
    outbox
        .expect_entries()
        .returning(move |_| Ok(vec![OutboxEntry::new(position, events, seconds(0))]));
    outbox.expect_events().returning(|_| Ok(Vec::new()));
    outbox.expect_trim().never();
    let mut history = MockOrderHistoryRepository::new();
    history
        .expect_cursors()
        .returning(|_| Ok(Default::default()));
    history
        .expect_write()
        .returning(|_, _| Err(RepositoryError::invalid("no space")));
    let repositories = RelayRepositories::new(Arc::new(outbox), Arc::new(history));
    let failed = Relay::new(repositories).round().await;
    assert!(matches!(failed, Err(RepositoryError::InvalidInput { .. })));
}
