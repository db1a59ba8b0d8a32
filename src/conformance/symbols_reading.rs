//! Conformance: reading symbols by id, by name, and in listings.
//!
//! Covers `SymbolRepository::get`, `SymbolRepository::get_many`, `SymbolRepository::get_by_name` and
//! `SymbolRepository::list`.

use super::samples::limit;
use crate::Repositories;
use crate::domain::{NewSymbol, Symbol, SymbolId, SymbolReference};
use crate::error::RepositoryError;
use crate::repository::{SymbolQuery, SymbolRepository};

/// Six symbols of three exchanges, created out of order, sorted by id.
async fn create_six(repository: &dyn SymbolRepository) -> Vec<Symbol> {
    let mut created = Vec::new();
    for (id, exchange, name, active) in [
        (5, "oanda", "GBPUSD", true),
        (1, "oanda", "EURUSD", true),
        (40, "kraken", "EURUSD", true),
        (3, "kraken", "BTCUSD", false),
        (2, "oanda", "USDJPY", false),
        (6, "Lmax", "eurusd", true),
    ] {
        let symbol = NewSymbol {
            symbol_id: Some(SymbolId::new(id)),
            active,
            ..NewSymbol::named(exchange, name)
        };
        created.push(repository.create(symbol).await.expect("it is created"));
    }
    created.sort_by_key(|symbol| symbol.symbol_id);
    created
}

fn reference(text: &str) -> SymbolReference {
    text.parse().expect("the behaviours write references")
}

async fn list(repository: &dyn SymbolRepository, query: SymbolQuery) -> Vec<i64> {
    let page = repository.list(&query).await.expect("symbols are listed");
    assert_eq!(page.next, None);
    let ids = page.items.iter().map(|symbol| symbol.symbol_id.get());
    ids.collect()
}

pub async fn symbol_is_found_by_its_id(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    for symbol in create_six(symbols).await {
        let read = symbols.get(symbol.symbol_id).await.expect("it is read");
        assert_eq!(read, Some(symbol));
    }
}

pub async fn many_symbols_are_found_by_their_ids(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let created = create_six(symbols).await;
    let ids = [40, 4, 1, 40, 3, 0, -1, i64::MAX].map(SymbolId::new);
    let read = symbols.get_many(&ids).await.expect("they are read");
    let wanted = created.iter().filter(|one| ids.contains(&one.symbol_id));
    assert_eq!(read, wanted.cloned().collect::<Vec<_>>());
    assert_eq!(symbols.get_many(&[]).await.expect("none"), []);
}

pub async fn ten_thousand_ids_are_looked_up_at_once(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let created = create_six(symbols).await;
    let ids: Vec<_> = (1..=10_000).map(SymbolId::new).collect();
    let read = symbols.get_many(&ids).await.expect("they are read");
    assert_eq!(read, created);
    let more: Vec<_> = (1..=10_001).map(SymbolId::new).collect();
    let error = symbols.get_many(&more).await.expect_err("too many");
    assert!(
        matches!(error, RepositoryError::InvalidInput { .. }),
        "{error:?}"
    );
}

pub async fn unknown_id_finds_no_symbol(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_six(symbols).await;
    for id in [4, 0, -1, i64::MAX] {
        let read = symbols.get(SymbolId::new(id)).await.expect("it is read");
        assert_eq!(read, None);
    }
}

pub async fn symbol_is_found_by_its_name(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_six(symbols).await;
    for (text, id) in [
        ("GBPUSD", Some(5)),
        ("gbpusd", Some(5)),
        ("Oanda:EurUsd", Some(1)),
        ("LMAX:EURUSD", Some(6)),
        ("lmax:eurusd", Some(6)),
        ("KRAKEN:btcUSD", Some(3)),
        ("USDJPY", Some(2)),
        ("oanda:EURUSD", Some(1)),
        ("kraken:EURUSD", Some(40)),
        ("eurusd", Some(6)),
        ("kraken:GBPUSD", None),
        ("GBP", None),
        ("GBPUSD%", None),
        ("nowhere:EURUSD", None),
    ] {
        let read = symbols.get_by_name(&reference(text)).await;
        let read = read
            .expect("it is read")
            .map(|symbol| symbol.symbol_id.get());
        assert_eq!(read, id, "{text}");
    }
}

pub async fn ambiguous_name_is_refused_with_its_candidates(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_six(symbols).await;
    let all = ["oanda:EURUSD", "kraken:EURUSD", "Lmax:eurusd"];
    // the symbols of the same spelling, otherwise all
    for (name, meant) in [("EURUSD", &all[..2]), ("EurUsd", &all[..])] {
        match symbols.get_by_name(&reference(name)).await {
            Err(RepositoryError::InvalidInput { reason }) => {
                for one in all {
                    assert_eq!(reason.contains(one), meant.contains(&one), "{reason}");
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

pub async fn symbols_are_listed_by_ascending_id(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    assert_eq!(list(symbols, SymbolQuery::default()).await, [0; 0]);
    let created = create_six(symbols).await;
    let page = symbols.list(&SymbolQuery::default()).await;
    let page = page.expect("symbols are listed");
    assert_eq!((page.items, page.next), (created, None));
}

pub async fn list_has_only_matching_symbols(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_six(symbols).await;
    let query = |name: Option<&str>, exchange: Option<&str>, active| SymbolQuery {
        name: name.map(str::to_owned),
        exchange: exchange.map(str::to_owned),
        active,
        ..SymbolQuery::default()
    };
    for (query, ids) in [
        (query(Some("EURUSD"), None, None), vec![1, 6, 40]),
        (query(Some("eurusd"), None, None), vec![1, 6, 40]),
        (query(Some("eurusd"), Some("LMAX"), None), vec![6]),
        (query(Some("EUR"), None, None), vec![]),
        (query(Some("%"), None, None), vec![]),
        (query(None, Some("oanda"), None), vec![1, 2, 5]),
        (query(None, Some("OANDA"), None), vec![1, 2, 5]),
        (query(None, Some("oanda\0"), None), vec![]),
        (query(None, None, Some(true)), vec![1, 5, 6, 40]),
        (query(None, None, Some(false)), vec![2, 3]),
        (query(None, Some("oanda"), Some(false)), vec![2]),
        (query(Some("EURUSD"), Some("kraken"), None), vec![40]),
        (query(Some("EURUSD"), Some("kraken"), Some(false)), vec![]),
    ] {
        assert_eq!(list(symbols, query.clone()).await, ids, "{query:?}");
    }
}

pub async fn pages_of_symbols_neither_skip_nor_repeat(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_six(symbols).await;
    for (exchange, ids) in [
        (None, vec![1, 2, 3, 5, 6, 40]),
        (Some("oanda".to_owned()), vec![1, 2, 5]),
    ] {
        for size in 1..=7 {
            let mut query = SymbolQuery {
                exchange: exchange.clone(),
                limit: limit(size),
                ..SymbolQuery::default()
            };
            let mut read = Vec::new();
            loop {
                let page = symbols.list(&query).await.expect("symbols are listed");
                assert!(page.items.len() <= size as usize);
                read.extend(page.items.iter().map(|symbol| symbol.symbol_id.get()));
                let Some(next) = page.next else { break };
                assert_eq!(read.last(), Some(&next.get()));
                assert_ne!(query.after, Some(next), "the cursor advances");
                query.after = Some(next);
            }
            assert_eq!(read, ids);
        }
    }
}

pub async fn list_continues_after_any_id(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create_six(symbols).await;
    for (after, ids) in [
        (-1, vec![1, 2, 3, 5, 6, 40]),
        (3, vec![5, 6, 40]),
        (4, vec![5, 6, 40]),
        (40, vec![]),
        (i64::MAX, vec![]),
    ] {
        let query = SymbolQuery {
            after: Some(SymbolId::new(after)),
            ..SymbolQuery::default()
        };
        assert_eq!(list(symbols, query).await, ids);
    }
}
