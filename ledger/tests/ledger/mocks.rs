//! An example of a unit test of a program with mocks.

use std::sync::Arc;

use tickbook::RepositoryError;
use tickbook::domain::Page;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{AccountId, AccountScope, Position, PositionKey};
use tickbook_ledger::repository::{
    MockAccountRepository, MockLedgerRepository, PositionEntry, PositionQuery,
};
use tickbook_ledger::rust_decimal::Decimal;

use crate::samples::{SYMBOL, dec};

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
