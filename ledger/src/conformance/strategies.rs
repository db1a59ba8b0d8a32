//! Strategies and versions.

use super::StrategySubject;
use super::samples::{TENANT, assert_invalid, assert_not_found, assert_taken, limit, scope};
use super::strategy_samples::{OTHER_TENANT, add_version, code, json, strategy};
use crate::domain::{
    AccountId, AccountScope, NewStrategy, NewStrategyVersion, Strategy, StrategyId, TenantId,
};
use crate::repository::{StrategyQuery, StrategyVersionQuery};
use tickbook::domain::SymbolId;

async fn list(store: &StrategySubject, query: &StrategyQuery) -> Vec<Strategy> {
    let strategies = &store.strategies().strategies;
    let page = strategies.list(&scope(), query).await;
    page.expect("read").items
}

pub async fn created_strategy_reads_back(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let terms = NewStrategy::new(TENANT, "ema")
        .description("EMA crossover")
        .class_name("EmaCrossover".to_owned())
        .strategy_type("trend".to_owned());
    for terms in [terms, NewStrategy::new(TENANT, "plain")] {
        let created = strategies.create(&scope(), terms.clone()).await;
        let created = created.expect("a new strategy");
        assert_eq!((&created.terms, created.last_version), (&terms, 0));
        let id = created.strategy_id;
        let read = strategies.get(&scope(), id).await.expect("read");
        assert_eq!(read.as_ref(), Some(&created));
        let named = list(store, &StrategyQuery::default().name(terms.name)).await;
        assert_eq!(named, [created]);
    }
    let unknown = strategies.get(&scope(), StrategyId::new(99)).await;
    assert_eq!(unknown.expect("read"), None);
}

pub async fn strategy_name_is_unique_within_its_tenant(store: &StrategySubject) {
    strategy(store, "ema").await;
    let strategies = &store.strategies().strategies;
    let again = strategies
        .create(&scope(), NewStrategy::new(TENANT, "ema"))
        .await;
    assert_taken(again);
    strategy(store, "Ema").await;
    let other = NewStrategy::new(OTHER_TENANT, "ema");
    let other = strategies.create(&AccountScope::all(), other).await;
    other.expect("the name of another tenant");
    assert_eq!(list(store, &StrategyQuery::default()).await.len(), 2);
}

pub async fn invalid_strategies_are_not_created(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let all = AccountScope::all();
    for invalid in [
        NewStrategy::new(TENANT, ""),
        NewStrategy::new(TENANT, "a\nb"),
        NewStrategy::new(TenantId::new(0), "a"),
        NewStrategy::new(TENANT, "a").class_name(String::new()),
        NewStrategy::new(TENANT, "a").description("x".repeat(1_001)),
    ] {
        assert_invalid(strategies.create(&all, invalid).await);
    }
    assert_eq!(list(store, &StrategyQuery::default()).await, []);
    let id = strategy(store, "ema").await.strategy_id;
    for invalid in [code(""), code("a").symbols([SymbolId::new(0)])] {
        assert_invalid(strategies.add_version(&scope(), id, invalid).await);
    }
    let unknown = StrategyId::new(id.get() + 1);
    assert_not_found(strategies.add_version(&scope(), unknown, code("a")).await);
}

pub async fn versions_get_numbers_without_gaps(store: &StrategySubject) {
    let first = strategy(store, "a").await.strategy_id;
    let second = strategy(store, "b").await.strategy_id;
    for number in 1..=3 {
        let version = code(&format!("c{number}"));
        assert_eq!(add_version(store, first, version.clone()).await, number);
        assert_eq!(add_version(store, second, version).await, number);
    }
    let found = list(store, &StrategyQuery::default()).await;
    let last: Vec<_> = found.iter().map(|it| it.last_version).collect();
    assert_eq!(last, [3, 3]);
}

pub async fn equal_content_is_one_version(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let id = strategy(store, "a").await.strategy_id;
    let version = code("c").parameters(json(r#"{"fast":9,"slow":21.5}"#));
    add_version(store, id, version.clone()).await;
    add_version(store, id, code("other")).await;
    let same = code("c")
        .parameters(json(r#"{"slow":2.15e1,"fast":9.0}"#))
        .created_by("another".to_owned());
    let same = strategies.add_version(&scope(), id, same).await;
    let same = same.expect("the same content");
    assert_eq!((same.version.version, same.is_new), (1, false));
    assert_eq!(same.version.terms, version);
    let found = list(store, &StrategyQuery::default()).await;
    assert_eq!(found[0].last_version, 2);
}

pub async fn concurrent_versions_get_distinct_numbers(store: &StrategySubject) {
    let id = strategy(store, "a").await.strategy_id;
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let strategies = store.strategies().strategies.clone();
            let version = code(&format!("c{}", number / 2));
            tokio::spawn(async move { strategies.add_version(&scope(), id, version).await })
        })
        .collect();
    let mut added = Vec::new();
    for task in tasks {
        let version = task.await.expect("no panic").expect("a version");
        if version.is_new {
            added.push(version.version.version);
        }
    }
    added.sort_unstable();
    assert_eq!(added, [1, 2, 3, 4]);
}

pub async fn version_reads_back_with_its_hash(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let id = strategy(store, "a").await.strategy_id;
    let large = json(
        r#"{"a":{"b":[1,-0.001,null,true,"é \" \\"]},"n":18446744073709551615,"s":1e-9,"z":-7}"#,
    );
    let whole = code("git:1")
        .parameters(large.clone())
        .risk_limits(json(r#"{"max_loss":"1000.50"}"#))
        .created_by("ada".to_owned());
    let empty = NewStrategyVersion::new("git:2");
    for (number, terms) in [(1, whole), (2, empty)] {
        let hash = terms.content_hash();
        let added = strategies.add_version(&scope(), id, terms.clone()).await;
        let added = added.expect("a new version").version;
        assert_eq!((&added.terms, added.content_hash), (&terms, hash));
        let read = strategies.version(&scope(), id, number).await;
        assert_eq!(read.expect("read"), Some(added));
    }
    for unknown in [0, 3, -1] {
        let read = strategies.version(&scope(), id, unknown).await;
        assert_eq!(read.expect("read"), None);
    }
}

pub async fn pages_of_strategies_neither_skip_nor_repeat(store: &StrategySubject) {
    for name in ["c", "a", "e", "b", "d"] {
        strategy(store, name).await;
    }
    let all = list(store, &StrategyQuery::default()).await;
    let names: String = all.iter().map(|it| &*it.terms.name).collect();
    assert_eq!(names, "caebd");
    for size in [1, 2, 4, 5, 6] {
        let mut query = StrategyQuery::default().limit(limit(size));
        let mut found = Vec::new();
        loop {
            let strategies = &store.strategies().strategies;
            let page = strategies.list(&scope(), &query).await.expect("read");
            assert!(page.items.len() <= size as usize);
            found.extend(page.items);
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        assert_eq!(found, all, "pages of {size}");
    }
}

pub async fn pages_of_versions_neither_skip_nor_repeat(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let id = strategy(store, "a").await.strategy_id;
    for number in 1..=5 {
        add_version(store, id, code(&number.to_string())).await;
    }
    for size in [1, 2, 4, 5, 6] {
        let mut query = StrategyVersionQuery::new(id).limit(limit(size));
        let mut found = Vec::new();
        loop {
            let page = strategies.versions(&scope(), &query).await.expect("read");
            assert!(page.items.len() <= size as usize);
            found.extend(page.items.iter().map(|it| it.version));
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        assert_eq!(found, [1, 2, 3, 4, 5], "pages of {size}");
    }
    let unknown = StrategyVersionQuery::new(StrategyId::new(99));
    assert_not_found(strategies.versions(&scope(), &unknown).await);
}

pub async fn strategies_outside_of_the_scope_do_not_exist(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let id = strategy(store, "a").await.strategy_id;
    add_version(store, id, code("c")).await;
    let outside = AccountScope::tenant(OTHER_TENANT);
    assert_eq!(strategies.get(&outside, id).await.expect("read"), None);
    let page = strategies.list(&outside, &StrategyQuery::default()).await;
    assert_eq!(page.expect("read").items, []);
    let version = strategies.version(&outside, id, 1).await;
    assert_eq!(version.expect("read"), None);
    let query = StrategyVersionQuery::new(id);
    assert_not_found(strategies.versions(&outside, &query).await);
    assert_not_found(strategies.add_version(&outside, id, code("d")).await);
}

pub async fn scope_of_accounts_changes_no_strategy(store: &StrategySubject) {
    let strategies = &store.strategies().strategies;
    let created = strategy(store, "a").await;
    let id = created.strategy_id;
    let accounts = AccountScope::accounts(TENANT, [AccountId::new(1)]);
    let read = strategies.get(&accounts, id).await.expect("read");
    assert_eq!(read, Some(created));
    let new = NewStrategy::new(TENANT, "b");
    assert_invalid(strategies.create(&accounts, new.clone()).await);
    assert_invalid(strategies.add_version(&accounts, id, code("c")).await);
    let other = AccountScope::tenant(OTHER_TENANT);
    assert_invalid(strategies.create(&other, new).await);
}
