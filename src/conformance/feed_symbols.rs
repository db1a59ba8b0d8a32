//! Conformance: mappings of feed identifiers to symbols.
//!
//! Covers `SymbolRepository::map_feed_symbols`, `SymbolRepository::add_feed_symbol`,
//! `SymbolRepository::unmap_feed_symbol`, `SymbolRepository::remove_feed_symbol`,
//! `SymbolRepository::feed_symbols` and `SymbolRepository::get_by_feed_key`.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use crate::Repositories;
use crate::domain::{NewSymbol, SymbolId};
use crate::error::RepositoryError;
use crate::repository::{FeedSymbol, SymbolRepository};

/// Creates symbols 1 and 2.
async fn create_two(repository: &dyn SymbolRepository) {
    for name in ["EURUSD", "GBPUSD"] {
        let symbol = NewSymbol::named("oanda", name);
        repository.create(symbol).await.expect("it is created");
    }
}

fn mapping(feed: &str, feed_key: &str, id: i64) -> FeedSymbol {
    FeedSymbol {
        feed: feed.to_owned(),
        feed_key: feed_key.to_owned(),
        symbol_id: SymbolId::new(id),
    }
}

async fn map(repository: &dyn SymbolRepository, mappings: &[FeedSymbol]) {
    let mapped = repository.map_feed_symbols(mappings).await;
    mapped.expect("the mappings are accepted");
}

async fn found(repository: &dyn SymbolRepository, feed: &str, feed_key: &str) -> Option<i64> {
    let symbol = repository.get_by_feed_key(feed, feed_key).await;
    symbol
        .expect("it is read")
        .map(|symbol| symbol.symbol_id.get())
}

pub async fn symbol_is_found_by_its_feed_key(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_two(symbols).await;
    // brokers use one number for different symbols, and a symbol may have several identifiers
    let mappings = [
        mapping("ctrader", "1", 1),
        mapping("ctrader", "2", 2),
        mapping("other", "1", 2),
        mapping("other", "EUR/USD", 1),
        mapping("other", "euro dollar", 1),
    ];
    map(symbols, &mappings).await;
    for one in &mappings {
        let id = found(symbols, &one.feed, &one.feed_key).await;
        assert_eq!(id, Some(one.symbol_id.get()), "{one:?}");
    }
    let read = symbols.get_by_feed_key("ctrader", "1").await;
    let whole = symbols.get(SymbolId::new(1)).await;
    assert_eq!(read.expect("it is read"), whole.expect("it is read"));
}

pub async fn unknown_feed_key_finds_no_symbol(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_two(symbols).await;
    map(symbols, &[mapping("ctrader", "A", 1)]).await;
    for (feed, feed_key) in [
        ("ctrader", "B"),
        ("ctrader", "a"),
        ("Ctrader", "A"),
        ("other", "A"),
        ("", ""),
    ] {
        assert_eq!(found(symbols, feed, feed_key).await, None);
    }
}

pub async fn repeated_mapping_points_to_the_new_symbol(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_two(symbols).await;
    map(symbols, &[mapping("f", "a", 1), mapping("f", "b", 1)]).await;
    map(symbols, &[mapping("f", "a", 2), mapping("f", "c", 2)]).await;
    map(symbols, &[mapping("f", "a", 2)]).await;
    for (feed_key, id) in [("a", 2), ("b", 1), ("c", 2)] {
        assert_eq!(found(symbols, "f", feed_key).await, Some(id));
    }
}

pub async fn last_of_repeated_mappings_counts(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_two(symbols).await;
    let mappings = [
        mapping("f", "a", 1),
        mapping("f", "b", 2),
        mapping("f", "a", 2),
        mapping("f", "b", 1),
    ];
    map(symbols, &mappings).await;
    assert_eq!(found(symbols, "f", "a").await, Some(2));
    assert_eq!(found(symbols, "f", "b").await, Some(1));
}

pub async fn empty_mapping_does_nothing(repositories: &Repositories) {
    map(repositories.symbols.as_ref(), &[]).await;
}

pub async fn mapping_to_an_unknown_symbol_maps_nothing(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_two(symbols).await;
    map(symbols, &[mapping("f", "a", 1)]).await;
    let mappings = [
        mapping("f", "a", 2),
        mapping("f", "b", 2),
        mapping("f", "c", 93),
        mapping("f", "d", 71),
    ];
    match symbols.map_feed_symbols(&mappings).await {
        Err(error @ RepositoryError::NotFound { .. }) => {
            assert!(error.to_string().contains("93"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(found(symbols, "f", "a").await, Some(1));
    assert_eq!(found(symbols, "f", "b").await, None);
}

pub async fn empty_or_too_long_mapping_is_refused(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_two(symbols).await;
    let (long_feed, long_key) = ("é".repeat(50), "é".repeat(100));
    for (feed, feed_key) in [
        ("", "key"),
        ("feed", ""),
        ((long_feed.clone() + "x").as_str(), "key"),
        ("feed", (long_key.clone() + "x").as_str()),
    ] {
        let mappings = [mapping("f", "a", 1), mapping(feed, feed_key, 1)];
        let result = symbols.map_feed_symbols(&mappings).await;
        assert!(
            matches!(result, Err(RepositoryError::InvalidInput { .. })),
            "{result:?}"
        );
        assert_eq!(found(symbols, "f", "a").await, None);
    }
    map(symbols, &[mapping(&long_feed, &long_key, 1)]).await;
    assert_eq!(found(symbols, &long_feed, &long_key).await, Some(1));
}

pub async fn feed_key_gives_the_current_symbol(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_two(symbols).await;
    map(symbols, &[mapping("f", "a", 1)]).await;
    let deactivated = symbols.deactivate(SymbolId::new(1)).await;
    let read = symbols.get_by_feed_key("f", "a").await;
    assert_eq!(
        read.expect("it is read"),
        Some(deactivated.expect("it exists"))
    );
}

async fn names_of(repository: &dyn SymbolRepository, id: i64) -> Vec<String> {
    let names = repository.feed_symbols(SymbolId::new(id)).await;
    let names = names.expect("they are read");
    assert!(names.iter().all(|name| name.symbol_id.get() == id));
    names
        .iter()
        .map(|name| format!("{}:{}", name.feed, name.feed_key))
        .collect()
}

pub async fn names_of_a_symbol_are_listed_in_order(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_two(symbols).await;
    let mappings = [
        mapping("g", "a", 1),
        mapping("f", "b", 1),
        mapping("f", "B", 1),
        mapping("f", "é", 1),
        mapping("f", "a", 2),
        mapping("F", "z", 1),
    ];
    map(symbols, &mappings).await;
    assert_eq!(
        names_of(symbols, 1).await,
        ["F:z", "f:B", "f:b", "f:é", "g:a"]
    );
    assert_eq!(names_of(symbols, 2).await, ["f:a"]);
    assert_eq!(names_of(symbols, 93).await, [""; 0]);
}

pub async fn removed_feed_key_finds_no_symbol(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_two(symbols).await;
    map(
        symbols,
        &[
            mapping("f", "a", 1),
            mapping("f", "b", 1),
            mapping("g", "a", 2),
        ],
    )
    .await;
    for (feed, feed_key) in [("f", "a"), ("f", "a"), ("f", "x"), ("", ""), ("f", "\0")] {
        let forgotten = symbols.unmap_feed_symbol(feed, feed_key).await;
        forgotten.expect("unmapping twice is not an error");
    }
    assert_eq!(found(symbols, "f", "a").await, None);
    assert_eq!(names_of(symbols, 1).await, ["f:b"]);
    assert_eq!(names_of(symbols, 2).await, ["g:a"]);
}

/// Adds an identifier, and returns the other symbol that has it.
async fn added(repository: &dyn SymbolRepository, one: &FeedSymbol) -> Option<i64> {
    let owner = repository.add_feed_symbol(one).await;
    let owner = owner.expect("the mapping is accepted");
    owner.map(|symbol| symbol.symbol_id.get())
}

pub async fn feed_key_of_another_symbol_is_not_added(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_two(symbols).await;
    for (one, owner) in [
        (mapping("f", "a", 1), None),
        (mapping("f", "a", 1), None),
        (mapping("f", "a", 2), Some(1)),
        (mapping("g", "a", 2), None),
        (mapping("f", "b", 2), None),
    ] {
        assert_eq!(added(symbols, &one).await, owner, "{one:?}");
    }
    assert_eq!(names_of(symbols, 1).await, ["f:a"]);
    assert_eq!(names_of(symbols, 2).await, ["f:b", "g:a"]);
    let unknown = symbols.add_feed_symbol(&mapping("f", "c", 93)).await;
    assert!(
        matches!(unknown, Err(RepositoryError::NotFound { .. })),
        "{unknown:?}"
    );
    let empty = symbols.add_feed_symbol(&mapping("f", "", 1)).await;
    assert!(
        matches!(empty, Err(RepositoryError::InvalidInput { .. })),
        "{empty:?}"
    );
}

pub async fn feed_key_of_another_symbol_is_not_removed(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_two(symbols).await;
    map(symbols, &[mapping("f", "a", 1), mapping("f", "b", 1)]).await;
    for (one, exists) in [
        (mapping("f", "a", 2), false),
        (mapping("f", "a", 93), false),
        (mapping("f", "\0", 1), false),
        (mapping("f", "a", 1), true),
        (mapping("f", "a", 1), false),
    ] {
        let removed = symbols.remove_feed_symbol(&one).await;
        assert_eq!(removed.expect("it is read"), exists, "{one:?}");
    }
    assert_eq!(names_of(symbols, 1).await, ["f:b"]);
}

pub async fn concurrent_additions_have_one_owner(repositories: &Repositories) {
    create_two(repositories.symbols.as_ref()).await;
    for round in 0..10 {
        let key = format!("key {round}");
        let mut additions = JoinSet::new();
        for id in [1, 2, 1, 2, 1, 2, 1, 2] {
            let (symbols, key) = (repositories.symbols.clone(), key.clone());
            additions.spawn(async move {
                // a name of its own, which the others must not remove
                let own = mapping("own", &format!("{key} {id}"), id);
                assert_eq!(added(&*symbols, &own).await, None);
                let owner = added(&*symbols, &mapping("f", &key, id)).await;
                owner.unwrap_or(id)
            });
        }
        let mut owners = BTreeSet::new();
        while let Some(owner) = additions.join_next().await {
            owners.insert(owner.expect("no panic"));
        }
        let symbols = repositories.symbols.as_ref();
        let stored = found(symbols, "f", &key).await.expect("one owner");
        assert_eq!(owners, BTreeSet::from([stored]), "{key}");
        for id in [1, 2] {
            let own = found(symbols, "own", &format!("{key} {id}")).await;
            assert_eq!(own, Some(id));
        }
    }
}
