//! Conformance: exchanges.
//!
//! Covers `SymbolRepository::create_exchange`, `SymbolRepository::describe_exchange`,
//! `SymbolRepository::get_exchange` and `SymbolRepository::list_exchanges`.

use super::samples::limit;
use crate::Repositories;
use crate::domain::{Exchange, ExchangeFacts, NewSymbol};
use crate::error::RepositoryError;
use crate::repository::{ExchangeQuery, SymbolRepository};

fn new_york() -> Exchange {
    Exchange::named("Nyse")
        .description("New York, \"big board\" and ünïcode")
        .code("XNYS")
        .time_zone("America/New_York")
}

async fn create(repository: &dyn SymbolRepository, exchange: &Exchange) {
    let created = repository.create_exchange(exchange).await;
    created.expect("it is created");
}

async fn get(repository: &dyn SymbolRepository, name: &str) -> Option<Exchange> {
    let exchange = repository.get_exchange(name).await;
    exchange.expect("it is read")
}

async fn names(repository: &dyn SymbolRepository) -> Vec<String> {
    let page = repository.list_exchanges(&ExchangeQuery::default()).await;
    let page = page.expect("exchanges are listed");
    page.items.into_iter().map(|it| it.name).collect()
}

pub async fn exchange_reads_back(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    for exchange in [new_york(), Exchange::named("oanda")] {
        create(symbols, &exchange).await;
        assert_eq!(get(symbols, &exchange.name).await, Some(exchange));
    }
}

pub async fn exchange_is_found_in_any_case(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, &new_york()).await;
    for name in ["nyse", "NYSE", "Nyse"] {
        assert_eq!(get(symbols, name).await, Some(new_york()), "{name}");
    }
    for name in ["", "nys", "nyse%", "nyse\0", "\0"] {
        assert_eq!(get(symbols, name).await, None, "{name:?}");
    }
}

pub async fn taken_exchange_is_refused_with_its_owner(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, &new_york()).await;
    let symbol = NewSymbol::named("Oanda", "EURUSD");
    symbols.create(symbol).await.expect("it is created");
    for (name, taker) in [("NYSE", "Nyse"), ("Nyse", "Nyse"), ("oanda", "Oanda")] {
        match symbols.create_exchange(&Exchange::named(name)).await {
            Err(error @ RepositoryError::AlreadyExists { .. }) => {
                let text = error.to_string();
                assert!(text.contains(&format!("exchange {taker} ")), "{text}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert_eq!(get(symbols, "nyse").await, Some(new_york()));
}

pub async fn invalid_exchange_is_not_created(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let coded = |code: &str| Exchange::named("a").code(code);
    let in_zone = |zone: &str| Exchange::named("a").time_zone(zone);
    let described = Exchange::named("a").description("nul\0");
    let long = "x".repeat(51);
    let named = ["", "a b", "a:b", "a\0", &long].map(Exchange::named);
    let zones = ["", "Berlin", "Europe/Atlantis", "+01:00"].map(in_zone);
    let others = [coded(""), coded("X Y"), coded("nul\0"), described];
    for bad in named.iter().chain(&zones).chain(&others) {
        let refused = symbols.create_exchange(bad).await;
        assert!(
            matches!(refused, Err(RepositoryError::InvalidInput { .. })),
            "{bad:?}: {refused:?}"
        );
    }
    assert_eq!(names(symbols).await, [""; 0]);
}

pub async fn exchanges_are_created_with_their_symbols(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, &new_york()).await;
    for (exchange, name) in [("oanda", "EURUSD"), ("NYSE", "IBM"), ("OANDA", "GBPUSD")] {
        let symbol = NewSymbol::named(exchange, name);
        symbols.create(symbol).await.expect("it is created");
    }
    assert_eq!(names(symbols).await, ["Nyse", "oanda"]);
    assert_eq!(get(symbols, "nyse").await, Some(new_york()));
    assert_eq!(get(symbols, "oanda").await, Some(Exchange::named("oanda")));
}

pub async fn described_exchange_keeps_unstated_values(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    let symbol = NewSymbol::named("nyse", "IBM");
    symbols.create(symbol).await.expect("it is created");
    create(symbols, &Exchange::named("other")).await;
    let stated = ExchangeFacts::default().time_zone("America/New_York");
    let described = symbols.describe_exchange("NYSE", &stated).await;
    let expected = Exchange::named("nyse").time_zone("America/New_York");
    assert_eq!(described.expect("it is described"), expected);
    let stated = ExchangeFacts::default().code("XNYS").description("NYC");
    let described = symbols.describe_exchange("nyse", &stated).await;
    let expected = expected.code("XNYS").description("NYC");
    assert_eq!(described.expect("it is described"), expected);
    let stated = stated.code("XNYX").time_zone("Mars/Phobos");
    let refused = symbols.describe_exchange("nyse", &stated).await;
    assert!(
        matches!(refused, Err(RepositoryError::InvalidInput { .. })),
        "{refused:?}"
    );
    assert_eq!(get(symbols, "nyse").await, Some(expected));
    assert_eq!(get(symbols, "other").await, Some(Exchange::named("other")));
    match symbols.describe_exchange("nowhere", &stated).await {
        Err(error @ RepositoryError::NotFound { .. }) => {
            assert!(error.to_string().contains("nowhere"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

pub async fn empty_text_removes_a_known_value(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    create(symbols, &new_york()).await;
    let stated = ExchangeFacts::default().code("");
    let described = symbols.describe_exchange("nyse", &stated).await;
    let mut expected = new_york();
    expected.code = None;
    assert_eq!(described.expect("it is described"), expected);
    let stated = ExchangeFacts::default().description("").time_zone("");
    let described = symbols.describe_exchange("nyse", &stated).await;
    assert_eq!(described.expect("described"), Exchange::named("Nyse"));
    assert_eq!(get(symbols, "nyse").await, Some(Exchange::named("Nyse")));
}

pub async fn exchanges_are_paged_by_name(repositories: &Repositories) {
    let symbols = repositories.symbols.as_ref();
    // "_" sorts between upper and lower case
    for name in ["b", "A", "Z", "a_", "aZ", "é", "C"] {
        create(symbols, &Exchange::named(name)).await;
    }
    let sorted = ["A", "a_", "aZ", "b", "C", "Z", "é"];
    assert_eq!(names(symbols).await, sorted);
    for size in 1..=8 {
        let mut query = ExchangeQuery {
            limit: limit(size),
            ..ExchangeQuery::default()
        };
        let mut read = Vec::new();
        loop {
            let page = symbols.list_exchanges(&query).await;
            let page = page.expect("exchanges are listed");
            read.extend(page.items.into_iter().map(|it| it.name));
            let Some(next) = page.next else { break };
            assert!(read.len() < sorted.len(), "the listing ends");
            query.after = Some(next);
        }
        assert_eq!(read, sorted, "pages of {size}");
    }
    for (after, rest) in [("", 7), ("AZ", 4), ("aa", 5), ("b\0", 3), ("é", 0)] {
        let query = ExchangeQuery {
            after: Some(after.to_owned()),
            ..ExchangeQuery::default()
        };
        let page = symbols.list_exchanges(&query).await;
        let page = page.expect("exchanges are listed");
        assert_eq!(page.items.len(), rest, "{after:?}");
    }
}
