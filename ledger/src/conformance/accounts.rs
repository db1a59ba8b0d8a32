//! Accounts.

use tickbook::domain::PageLimit;

use super::samples::{
    TENANT, assert_invalid, assert_not_found, assert_taken, create, limit, scope, terms,
};
use crate::LedgerRepositories;
use crate::domain::{
    Account, AccountId, AccountScope, CostMethod, Environment, NewAccount, PositionMode, TenantId,
};
use crate::repository::AccountQuery;

const OTHER: TenantId = TenantId::new(2);

fn of_other(name: &str) -> NewAccount {
    let mut account = terms(name);
    account.tenant_id = OTHER;
    account
}

async fn get(store: &LedgerRepositories, id: AccountId) -> Option<Account> {
    store.accounts.get(&scope(), id).await.expect("read")
}

async fn list(store: &LedgerRepositories, query: &AccountQuery) -> Vec<Account> {
    store
        .accounts
        .list(&scope(), query)
        .await
        .expect("read")
        .items
}

pub async fn created_account_reads_back(store: &LedgerRepositories) {
    for (number, environment) in Environment::ALL.iter().enumerate() {
        for method in CostMethod::ALL {
            for mode in PositionMode::ALL {
                let mut terms = terms(&format!("{number} {method} {mode}"))
                    .cost_method(*method)
                    .position_mode(*mode)
                    .time_zone("America/Sao_Paulo");
                terms.environment = *environment;
                let account = store.accounts.create(&scope(), terms.clone()).await;
                let account = account.expect("a new account");
                assert_eq!((&account.terms, account.closed_at), (&terms, None));
                let created_at = account.created_at;
                assert_eq!(tickbook::domain::truncate_to_micros(created_at), created_at);
                assert_eq!(get(store, account.account_id).await, Some(account));
            }
        }
    }
}

pub async fn accounts_get_ids_of_their_own(store: &LedgerRepositories) {
    let first = create(store, terms("a")).await.account_id;
    let second = create(store, of_other("a")).await.account_id;
    assert!(first.get() >= 1 && first < second, "{first} {second}");
}

pub async fn invalid_account_is_not_created(store: &LedgerRepositories) {
    let zone = terms("zone").time_zone("Mars/Olympus");
    for account in [terms(""), terms("a\nb"), terms(&"x".repeat(101)), zone] {
        assert_invalid(store.accounts.create(&scope(), account).await);
    }
    let mut tenant = terms("tenant");
    tenant.tenant_id = TenantId::new(0);
    assert_invalid(store.accounts.create(&AccountScope::all(), tenant).await);
    let query = AccountQuery::default();
    let page = store.accounts.list(&AccountScope::all(), &query).await;
    assert_eq!(page.expect("read").items, []);
}

pub async fn name_is_unique_within_its_tenant(store: &LedgerRepositories) {
    create(store, terms("main")).await;
    assert_taken(store.accounts.create(&scope(), terms("main")).await);
    create(store, terms("Main")).await;
    create(store, of_other("main")).await;
    assert_eq!(list(store, &AccountQuery::default()).await.len(), 2);
}

pub async fn concurrent_creates_of_one_name_succeed_once(store: &LedgerRepositories) {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let accounts = store.accounts.clone();
            tokio::spawn(async move { accounts.create(&scope(), terms("main")).await })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(_) => created += 1,
            refused => assert_taken(refused),
        }
    }
    assert_eq!(created, 1);
    assert_eq!(list(store, &AccountQuery::default()).await.len(), 1);
}

pub async fn accounts_are_listed_by_ascending_id(store: &LedgerRepositories) {
    for name in ["c", "a", "b"] {
        create(store, terms(name)).await;
    }
    let found = list(store, &AccountQuery::default()).await;
    let names: Vec<_> = found.iter().map(|account| &*account.terms.name).collect();
    assert_eq!(names, ["c", "a", "b"]);
    assert!(found.is_sorted_by_key(|account| account.account_id));
}

pub async fn list_has_only_matching_accounts(store: &LedgerRepositories) {
    let live = create(store, terms("live")).await.account_id;
    let mut paper = terms("paper");
    paper.environment = Environment::Paper;
    let paper = create(store, paper).await.account_id;
    store.accounts.close(&scope(), paper).await.expect("closed");
    let ids = async |query: AccountQuery| -> Vec<AccountId> {
        let found = list(store, &query).await;
        found.iter().map(|account| account.account_id).collect()
    };
    let all = AccountQuery::default;
    assert_eq!(ids(all()).await, [live, paper]);
    assert_eq!(ids(all().name("paper")).await, [paper]);
    assert_eq!(ids(all().environment(Environment::Live)).await, [live]);
    assert_eq!(ids(all().environment(Environment::Backtest)).await, []);
    assert_eq!(ids(all().closed(true)).await, [paper]);
    assert_eq!(ids(all().closed(false)).await, [live]);
}

pub async fn pages_of_accounts_neither_skip_nor_repeat(store: &LedgerRepositories) {
    for number in 0..7 {
        create(store, terms(&format!("{number}"))).await;
    }
    let all = list(store, &AccountQuery::default()).await;
    for size in [1, 3, 6, 7, 8] {
        let mut query = AccountQuery::default().limit(limit(size));
        let mut found = Vec::new();
        loop {
            let page = store.accounts.list(&scope(), &query).await.expect("read");
            assert!(page.items.len() <= size as usize);
            found.extend(page.items);
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        assert_eq!(found, all, "pages of {size}");
    }
    assert_eq!(PageLimit::default().get(), 500);
}

pub async fn renamed_account_keeps_all_else(store: &LedgerRepositories) {
    let account = create(store, terms("main")).await;
    create(store, terms("taken")).await;
    let id = account.account_id;
    let renamed = store.accounts.rename(&scope(), id, "other").await;
    let mut expected = account;
    expected.terms.name = "other".to_owned();
    assert_eq!(renamed.expect("renamed"), expected);
    let same = store.accounts.rename(&scope(), id, "other").await;
    assert_eq!(same.expect("the same name"), expected);
    assert_taken(store.accounts.rename(&scope(), id, "taken").await);
    assert_invalid(store.accounts.rename(&scope(), id, "").await);
    assert_eq!(get(store, id).await, Some(expected));
    // the old name is free
    create(store, terms("main")).await;
}

pub async fn closed_account_keeps_the_time(store: &LedgerRepositories) {
    let account = create(store, terms("main")).await;
    let id = account.account_id;
    let closed = store.accounts.close(&scope(), id).await.expect("closed");
    assert!(
        closed
            .closed_at
            .is_some_and(|time| time >= account.created_at)
    );
    let again = store.accounts.close(&scope(), id).await.expect("closed");
    assert_eq!(again, closed);
    assert_eq!(get(store, id).await, Some(closed));
}

pub async fn accounts_outside_of_the_scope_do_not_exist(store: &LedgerRepositories) {
    let account = create(store, terms("main")).await;
    let id = account.account_id;
    let query = AccountQuery::default();
    for outside in [
        AccountScope::tenant(OTHER),
        AccountScope::accounts(OTHER, [id]),
        AccountScope::accounts(TENANT, [AccountId::new(id.get() + 1)]),
        AccountScope::accounts(TENANT, []),
    ] {
        assert_eq!(store.accounts.get(&outside, id).await.expect("read"), None);
        let page = store.accounts.list(&outside, &query).await.expect("read");
        assert_eq!(page.items, []);
        assert_not_found(store.accounts.rename(&outside, id, "stolen").await);
        assert_not_found(store.accounts.close(&outside, id).await);
    }
    for inside in [
        AccountScope::all(),
        scope(),
        AccountScope::accounts(TENANT, [id]),
    ] {
        let found = store.accounts.get(&inside, id).await.expect("read");
        assert_eq!(found.as_ref(), Some(&account));
        let page = store.accounts.list(&inside, &query).await.expect("read");
        assert_eq!(page.items, std::slice::from_ref(&account));
    }
}

pub async fn scope_of_accounts_creates_none(store: &LedgerRepositories) {
    for outside in [
        AccountScope::tenant(OTHER),
        AccountScope::accounts(TENANT, [AccountId::new(1)]),
    ] {
        assert_invalid(store.accounts.create(&outside, terms("main")).await);
    }
    assert_eq!(list(store, &AccountQuery::default()).await, []);
}
